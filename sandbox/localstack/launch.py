"""Runs LocalStack, kept on the loopback address. Runs in LocalStack's own environment, which knows nothing of sedo.

LocalStack takes only the port from GATEWAY_LISTEN and would listen on every interface.
"""

from typing import Any

from localstack.runtime.main import main
from twisted.internet import endpoints


class LoopbackEndpoint(endpoints.TCP4ServerEndpoint):  # type: ignore[misc]
    """An endpoint that others on the network do not reach."""

    def __init__(self, reactor: Any, port: int, backlog: int = 50, interface: str = "127.0.0.1") -> None:
        super().__init__(reactor, port, backlog, interface)


if __name__ == "__main__":
    endpoints.TCP4ServerEndpoint = LoopbackEndpoint
    main()
