"""Values that are too large whatever comes."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.engine import values
from sedo.lint.ahead import Ahead
from sedo.lint.kinds import kind_of
from sedo.lint.shapes import least_bytes
from sedo.lint.templates import shape_of


def does_not_fit(ahead: Ahead) -> Iterator[tuple[str, str]]:
    """An input, output, stash, message or request that takes more bytes at least than it may."""
    if least_bytes(ahead.flow.given) > values.MAX_VALUE_BYTES:
        yield "/inputSchema", _sentence("an input that passes the schema", least_bytes(ahead.flow.given))
    specs = dict(ahead.steps())
    for field in ahead.fields:
        name = field.path[len(field.step) :].split("/")[1]
        whole = field.path == f"{field.step}/{name}"
        own = name not in ("input", "output", "stash")
        limit = kind_of(specs[field.step]).largest.get(name, 0) if own else values.MAX_VALUE_BYTES
        least = least_bytes(shape_of(field.value, field.scope)) if whole and limit else 0
        if least > limit:
            yield field.path, _sentence(f"the {name}", least, limit)
    for path, visit in ahead.flow.visits.items():
        written = specs[path].get("stash", {})
        least, alone = least_bytes(visit.stash), sum(least_bytes(shape_of(v, visit.after)) for v in written.values())
        if written and least > values.MAX_VALUE_BYTES >= alone:
            yield f"{path}/stash", _sentence("the stash as a whole", least)


def _sentence(what: str, least: int, limit: int = values.MAX_VALUE_BYTES) -> str:
    return f"{what} takes at least {least:,} bytes of JSON: {limit:,} are allowed"
