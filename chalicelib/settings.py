"""Every environment variable, typed, in one place. Reading them happens here and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

MAX_RETENTION_DAYS = 3650


@dataclass(frozen=True, slots=True)
class Settings:
    """Names of resources and the bounds of processing; times in seconds."""

    prefix: str = ""
    index_shards: int = 4
    max_receive_count: int = 4
    time_budget_seconds: float = 45.0
    watchdog_seconds: int = 900
    api_watchdog_seconds: int = 60
    tick_seconds: float = 60.0
    lives_delays_seconds: tuple[int, ...] = (60, 120, 240, 480)
    backlog_defers_looks_above: int = 1000
    http_allow_private: bool = False
    http_allowed_hosts: tuple[str, ...] = ()
    lambda_allowed: tuple[str, ...] = ()
    queue_allowed: tuple[str, ...] = ()
    secrets: str = ""
    meter: bool = False
    retention_days: int = 90

    def resource(self, name: str) -> str:
        """Return the deployed name of a table or queue: `sedo_`, after the prefix, before its own."""
        return f"{self.prefix}sedo_{name}"


def from_environment(environment: Mapping[str, str] | None = None) -> Settings:
    """Read `SEDO_*`; what is not set keeps its default. Raises ValueError naming the variable that is wrong."""
    found = os.environ if environment is None else environment
    plain = Settings()

    def number(name: str, default: float) -> float:
        text = found.get(name)
        try:
            return default if text is None else float(text)
        except ValueError:
            raise ValueError(f"{name} must be a number, found {text!r}") from None

    lives = found.get("SEDO_LIVES_DELAYS_SECONDS")
    return Settings(
        prefix=found.get("SEDO_PREFIX", plain.prefix),
        index_shards=int(number("SEDO_INDEX_SHARDS", plain.index_shards)),
        max_receive_count=int(number("SEDO_MAX_RECEIVE_COUNT", plain.max_receive_count)),
        time_budget_seconds=number("SEDO_TIME_BUDGET_SECONDS", plain.time_budget_seconds),
        watchdog_seconds=int(number("SEDO_WATCHDOG_SECONDS", plain.watchdog_seconds)),
        api_watchdog_seconds=int(number("SEDO_API_WATCHDOG_SECONDS", plain.api_watchdog_seconds)),
        tick_seconds=number("SEDO_TICK_SECONDS", plain.tick_seconds),
        lives_delays_seconds=tuple(int(part) for part in lives.split(",")) if lives else plain.lives_delays_seconds,
        backlog_defers_looks_above=int(number("SEDO_BACKLOG_DEFERS_LOOKS_ABOVE", plain.backlog_defers_looks_above)),
        http_allow_private=found.get("SEDO_HTTP_ALLOW_PRIVATE", "") == "true",
        http_allowed_hosts=_listed(found.get("SEDO_HTTP_ALLOWED_HOSTS", "")),
        lambda_allowed=_listed(found.get("SEDO_LAMBDA_ALLOWED", "")),
        queue_allowed=_listed(found.get("SEDO_QUEUE_ALLOWED", "")),
        secrets=_source_of_secrets(found.get("SEDO_SECRETS", "")),
        meter=found.get("SEDO_METER", "") == "true",
        retention_days=_retention_days(number("SEDO_RETENTION_DAYS", plain.retention_days)),
    )


def _retention_days(found: float) -> int:
    if not 1 <= found <= MAX_RETENTION_DAYS:
        raise ValueError(f"SEDO_RETENTION_DAYS must be 1 to {MAX_RETENTION_DAYS}, found {found:g}")
    return int(found)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part for part in (part.strip() for part in text.split(",")) if part)


def _source_of_secrets(text: str) -> str:
    source, _, prefix = text.partition(":")
    if text and (source not in ("secretsmanager", "ssm") or not prefix.strip("/")):
        raise ValueError(f"SEDO_SECRETS must be secretsmanager:PREFIX or ssm:PREFIX, found {text!r}")
    return text
