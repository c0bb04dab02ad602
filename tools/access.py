"""Who may call a deployed API: its resource policy, and the address this machine is seen with."""

from __future__ import annotations

import ipaddress
import urllib.request
from collections.abc import Sequence
from typing import Any

ADDRESS_SERVICE = "https://checkip.amazonaws.com"
WITHIN_SECONDS = 10.0


class AccessError(RuntimeError):
    """The caller's address could not be found."""


def policy(allowed: Sequence[str]) -> dict[str, Any]:
    """Lets in these networks, or everybody where none is named; what is not let in is refused by API Gateway itself."""
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "execute-api:Invoke",
        "Resource": "execute-api:/*",
    }
    if allowed:
        statement["Condition"] = {"IpAddress": {"aws:SourceIp": list(allowed)}}
    return {"Version": "2012-10-17", "Statement": [statement]}


def network(text: str) -> str:
    """A CIDR in its usual form; a plain address is a network of one. Raises ValueError."""
    return str(ipaddress.ip_network(text.strip(), strict=False))


def own_network() -> str:
    """This machine as the internet sees it."""
    try:
        with urllib.request.urlopen(ADDRESS_SERVICE, timeout=WITHIN_SECONDS) as answer:
            return network(answer.read(100).decode())
    except (OSError, ValueError) as error:
        raise AccessError(
            f"your address could not be found ({error}); name it with --allow CIDR, or let everybody in with --public"
        ) from error
