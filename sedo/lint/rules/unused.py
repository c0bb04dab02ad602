"""Work that nobody looks at."""

from __future__ import annotations

from collections.abc import Iterator

from sedo.lint.ahead import Ahead
from sedo.lint.kinds import kind_of
from sedo.lint.usage import Usage


def unused_result(ahead: Ahead) -> Iterator[tuple[str, str]]:
    """A step that is there for its result alone, and nothing uses the result."""
    usage = Usage(ahead)
    for block in ahead.blocks:
        for name, spec in block.steps.items():
            kind = kind_of(spec)
            if not kind.wanted(spec):
                continue
            made = kind.result is None  # of what passes its input on, `output` is all that it makes
            used = usage.handed_on_used if made else usage.result_goes_on
            if not used(block, name, spec):
                yield block.paths[name] + ("/output" if made else ""), f"nothing uses what {name!r} gives"


def unused_stash(ahead: Ahead) -> Iterator[tuple[str, str]]:
    """A name in the stash that no expression reads."""
    usage = Usage(ahead)
    if usage.whole_stash:
        return
    for path, spec in ahead.steps():
        places = {f"{path}/stash": spec.get("stash", {})}
        places |= {f"{path}/catch/{i}/stash": e.get("stash", {}) for i, e in enumerate(spec.get("catch", []))}
        for at, names in places.items():
            for name in names:
                if name not in usage.stash:
                    yield f"{at}/{name}", f"nothing reads stash.{name}"
