"""The composition root: environment → Settings → Runtime. Clients are made on first use, never at import."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from chalicelib.engine.definition import Definition, parse
from chalicelib.engine.draft import Policy
from chalicelib.engine.execution import Execution
from chalicelib.parallel import Aside, AsideInThreads, RunAll, run_in_threads
from chalicelib.ports import Clock, Nonces, Queue, Store, StoredDefinition, TaskRunner
from chalicelib.settings import Settings, from_environment

CACHED_DEFINITIONS = 256
FLUSH_ABOVE_BYTES = 1024
"""A put is billed by started KB. Events of one packed KB cost one write unit more with every later commit, and one
unit to move out: from there on moving pays with the very next commit."""


@dataclass
class Runtime:
    """Everything that use cases and processors work with; tests and the simulation make their own."""

    settings: Settings
    store: Store
    queue: Queue
    tasks: TaskRunner
    now_ms: Clock
    nonces: Nonces
    sleep: Callable[[float], None]
    flush_above_bytes: int = FLUSH_ABOVE_BYTES
    run_all: RunAll = run_in_threads
    aside: Aside = field(default_factory=AsideInThreads)
    _parsed: OrderedDict[tuple[str, str, int], Definition] = field(default_factory=OrderedDict)

    @property
    def policy(self) -> Policy:
        """The protocol's intervals, as set for this deployment."""
        return _policy(self.settings.watchdog_seconds, self.settings.api_watchdog_seconds)

    def definition(self, execution: Execution) -> Definition | None:
        """Return the version an execution runs on, from the cache where possible; None when it is gone."""
        key = (execution.tenant_id, execution.definition_id, execution.definition_version)
        cached = self._parsed.get(key)
        if cached is not None:
            return cached
        stored = self.store.get_definition(*key)
        return None if stored is None else self.parsed(stored)

    def parsed(self, stored: StoredDefinition) -> Definition:
        """Return the parsed form of a stored version (immutable, so it is cached)."""
        key = (stored.tenant_id, stored.id, stored.version)
        cached = self._parsed.get(key)
        if cached is None:
            cached = self._parsed[key] = parse(stored.document, version=stored.version)
            while len(self._parsed) > CACHED_DEFINITIONS:
                self._parsed.popitem(last=False)
        return cached


@lru_cache(maxsize=16)
def _policy(watchdog_seconds: int, api_watchdog_seconds: int) -> Policy:
    return Policy(watchdog_seconds * 1000, api_watchdog_seconds * 1000)


@lru_cache(maxsize=1)
def get_runtime() -> Runtime:
    """Return this process's runtime on AWS (or what AWS_ENDPOINT_URL names), made at the first call."""
    from chalicelib.adapters import connect  # noqa: PLC0415 - boto3 is slow to import and not needed for /health

    settings = from_environment()
    outside = connect(settings)
    return Runtime(
        settings=settings,
        store=outside.store,
        queue=outside.queue,
        tasks=outside.tasks,
        now_ms=outside.now_ms,
        nonces=outside.nonces,
        sleep=outside.sleep,
    )
