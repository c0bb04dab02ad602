"""LocalStack without Docker, by scripts/localstack: installed, on the loopback address alone, ended whole."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

import boto3
import pytest

from sandbox import emulators, net
from sandbox.localstack import install
from sandbox.processes import Part, Reaper


def addresses_of_this_machine() -> list[str]:
    """Those that others reach it by, if it has any."""
    found = {str(one[4][0]) for one in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    return sorted(address for address in found if not address.startswith("127."))


def test_it_runs_natively(tmp_path: Path) -> None:
    reason = install.missing()
    if reason:
        pytest.skip(reason)
    emulator = emulators.localstack(net.free_port())
    port = int(emulator.url.rsplit(":", 1)[-1])
    with Reaper() as reaper:
        part = Part("LocalStack", emulator.command, tmp_path / "log", reaper, emulator.env)
        part.start()
        try:
            part.wait_until(emulator.is_healthy, emulator.ready_within_seconds)
            client = boto3.client("dynamodb", endpoint_url=emulator.url, region_name=emulators.REGION)
            assert client.list_tables()["TableNames"] == []
            health = json.loads(net.fetch(emulator.health) or b"{}")
            assert health["version"] == "4.14.0"
            for address in addresses_of_this_machine():
                with pytest.raises(ConnectionRefusedError):
                    socket.create_connection((address, port), timeout=2)
        finally:
            part.end(emulators.END_SECONDS)
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert str(install.ROOT) not in listed
