"""Values of secrets, at the moment of a call: from Secrets Manager or SSM Parameter Store, kept for a minute.

Secrets.NotFound      there is no such secret for this tenant, or this deployment has no store of secrets
Secrets.Unavailable   the store cannot be reached, is too busy, or refuses
"""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters.aws import Clients
from chalicelib.engine.errors import SECRETS_NOT_FOUND, SECRETS_UNAVAILABLE, SedoError
from chalicelib.engine.secret_refs import FIELD

KEPT_SECONDS = 60.0
MAX_KEPT = 1000
_TENANT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_MISSING = frozenset({"ResourceNotFoundException", "ParameterNotFound"})

Read = Callable[[str], str | None]
"""Takes the full name of a secret; None when there is none."""


class SecretFailed(SedoError):
    """A secret that a call needs cannot be had; `name` is the error that a definition can catch."""

    def __init__(self, name: str, cause: str) -> None:
        super().__init__(cause)
        self.name = name


class Secrets:
    """The secrets of all tenants, each under `prefix/tenant/name`; one for many threads."""

    def __init__(self, read: Read | None, prefix: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._prefix = prefix.rstrip("/")
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self._lock = threading.Lock()

    def value(self, tenant_id: str, name: str) -> str:
        """Return the text of a tenant's secret. Raises SecretFailed."""
        if self._read is None:
            raise SecretFailed(SECRETS_NOT_FOUND, f"{name}: this deployment has no store of secrets (SEDO_SECRETS)")
        if not _TENANT.fullmatch(tenant_id):
            cause = f"{name}: a tenant has secrets only if its name is of letters, digits, _, - and ."
            raise SecretFailed(SECRETS_NOT_FOUND, cause)
        path = f"{self._prefix}/{tenant_id}/{name}"
        kept = self._find(path)
        if kept is None:
            kept = self._fetch(path, name)
        return kept

    def _find(self, path: str) -> str | None:
        with self._lock:
            until, text = self._kept.get(path, (0.0, ""))
            return text if until > self._clock() else None

    def _fetch(self, path: str, name: str) -> str:
        assert self._read is not None
        try:
            text = self._read(path)
        except (ClientError, BotoCoreError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
            raise SecretFailed(SECRETS_UNAVAILABLE, f"{name}: the store of secrets answers {code}") from error
        if text is None:
            raise SecretFailed(SECRETS_NOT_FOUND, f"there is no secret {name} for this tenant")
        with self._lock:
            self._kept[path] = (self._clock() + KEPT_SECONDS, text)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)
        return text

    def fill(self, request: dict[str, Any], tenant_id: str) -> tuple[dict[str, Any], list[str]]:
        """Return a request with its secrets in their places, and their texts. Raises SecretFailed."""
        filled = dict(request)
        used: list[str] = []
        for hidden in request.get(FIELD, []):
            texts = []
            for part in hidden["parts"]:
                if "secret" in part:
                    used.append(self.value(tenant_id, part["secret"]))
                texts.append(used[-1] if "secret" in part else part["text"])
            filled = _with(filled, hidden["at"], "".join(texts))
        return filled, used


def _with(value: Any, at: list[str | int], text: str) -> Any:
    """Return a copy of a value with a text in one place; what is not on the way there is shared."""
    if not at:
        return text
    changed: Any = dict(value) if isinstance(value, dict) else list(value)
    changed[at[0]] = _with(value[at[0]], at[1:], text)
    return changed


def reader(clients: Clients, source: str) -> Read | None:
    """Return how `secretsmanager` or `ssm` is read; None for no source."""
    return {"": None, "secretsmanager": _from_secrets_manager(clients), "ssm": _from_ssm(clients)}[source]


def _from_secrets_manager(clients: Clients) -> Read:
    def read(name: str) -> str | None:
        found = _unless_missing(lambda: clients.store_of_secrets("secretsmanager").get_secret_value(SecretId=name))
        return found.get("SecretString")

    return read


def _from_ssm(clients: Clients) -> Read:
    def read(name: str) -> str | None:
        path = f"/{name.lstrip('/')}"
        client = clients.store_of_secrets("ssm")
        found = _unless_missing(lambda: client.get_parameter(Name=path, WithDecryption=True))
        text: str | None = found.get("Parameter", {}).get("Value")
        return text

    return read


def _unless_missing(call: Callable[[], Any]) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = call()
    except ClientError as error:
        if error.response["Error"]["Code"] not in _MISSING:
            raise
        return {}
    return answer
