"""Where sedo is and who asks. Every command that talks to it takes these options, before or after its name."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from sedo.cli.client import Client
from sedo.cli.errors import BadInput

SANDBOX_URL = "http://127.0.0.1:8000"
Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass
class Options:
    """What was asked for; `sleep` and `now` (seconds since the epoch) are the clock of what follows an execution."""

    url: str = SANDBOX_URL
    tenant: str | None = None
    token: str | None = None
    actor: str | None = None
    as_json: bool = False
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time

    def client(self) -> Client:
        """Return a client of the tenant. Raises BadInput when it is not known."""
        if not self.tenant:
            raise BadInput("which tenant? Set SEDO_TENANT, or write --tenant ID")
        return Client(self.url, self.tenant, self.token, self.actor)


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """A command's own option wins over one before its name, and that one over the environment."""
    options = context.find_root().ensure_object(Options)
    if value not in (None, False):
        setattr(options, str(parameter.name), value)


_Option = tuple[str, str, str | None, dict[str, Any]]
_SHARED: tuple[_Option, ...] = (
    ("--url", "url", "SEDO_URL", {"metavar": "URL", "help": f"Where sedo is. [SEDO_URL; {SANDBOX_URL}]"}),
    ("--tenant", "tenant", "SEDO_TENANT", {"metavar": "ID", "help": "Whose definitions and executions. [SEDO_TENANT]"}),
    ("--token", "token", "SEDO_TOKEN", {"metavar": "TOKEN", "help": "Sent as a bearer token. [SEDO_TOKEN]"}),
    ("--as", "actor", "SEDO_ACTOR", {"metavar": "NAME", "help": "Who starts, claims and answers. [SEDO_ACTOR]"}),
    ("--json", "as_json", None, {"is_flag": True, "help": "Print JSON for other programs."}),
)


def shared(command: Command) -> Command:
    """Give a command the options that all have which talk to a service."""
    return _with_options(command, _SHARED)


def offline(command: Command) -> Command:
    """Give a command that talks to nobody those that are about what it prints."""
    return _with_options(command, _SHARED[-1:])


def shared_by_root(command: Command) -> Command:
    """Give the root the same options; it alone reads the environment, so that nothing of it overrides an option."""
    return _with_options(command, _SHARED, environment=True)


def _with_options(command: Command, wanted: tuple[_Option, ...], *, environment: bool = False) -> Command:
    for flag, name, variable, settings in reversed(wanted):
        more: dict[str, Any] = {"envvar": variable} if environment and variable else {}
        command = click.option(flag, name, expose_value=False, callback=_keep, **settings, **more)(command)
    return command
