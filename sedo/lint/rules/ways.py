"""Ways: arms of a choice that are never taken, and loops that turn without a pause."""

from __future__ import annotations

from collections.abc import Iterator

from sedo.lint.ahead import Ahead
from sedo.lint.blocks import Block, caught, nested, onward
from sedo.lint.kinds import Spec, kind_of
from sedo.lint.templates import shape_of, unordered

Found = Iterator[tuple[str, str]]


def unreachable_arm(ahead: Ahead) -> Found:
    """An arm whose condition never holds, or that comes after one that always does."""
    for path, spec in ahead.steps():
        if spec["type"] == "choice" and path in ahead.flow.visits:
            yield from _arms(path, spec, ahead)


def _arms(path: str, spec: Spec, ahead: Ahead) -> Found:
    scope = ahead.flow.visits[path].during
    always: int | None = None
    for i, arm in enumerate(spec["choices"]):
        at = f"{path}/choices/{i}/when"
        truths = shape_of(arm["when"], scope).truths
        if always is not None:
            yield at, f"choice {always + 1} always holds, so this one is never reached"
        elif truths == {False}:
            yield at, ": ".join(["this condition never holds", *dict.fromkeys(unordered(arm["when"], scope))])
        elif truths == {True}:
            always = i
    if always is not None and "default" in spec:
        yield f"{path}/default", f"choice {always + 1} always holds, so the default is never reached"


def hot_loop(ahead: Ahead) -> Found:
    """A loop in which something outside is called and nothing waits."""
    for block in ahead.blocks:
        turning = {name: spec for name, spec in block.steps.items() if not _pauses(block, name, spec)}
        ways = {name: [t for t in onward(spec) + caught(spec) if t in turning] for name, spec in turning.items()}
        told: set[str] = set()
        for name in turning:
            loop = _loop(name, ways)
            if loop and not loop & told:
                told |= loop
                if any(_calls(block, step, turning[step]) for step in loop):
                    yield block.paths[name], f"a loop without a wait goes through {', '.join(sorted(loop))}"


def _loop(name: str, ways: dict[str, list[str]]) -> set[str]:
    """Return the steps that lie on a loop with this one: it leads to them, and they lead back."""
    forth = _reached(name, ways)
    return {step for step in forth if name in _reached(step, ways)} if name in forth else set()


def _reached(name: str, ways: dict[str, list[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(ways[name])
    while waiting:
        step = waiting.pop()
        if step not in found:
            found.add(step)
            waiting += ways[step]
    return found


def _pauses(block: Block, name: str, spec: Spec) -> bool:
    """Say whether a step, or one inside it, takes its time."""
    inner = nested(spec, block.paths[name])
    return kind_of(spec).waits(spec) or any(_pauses(b, n, s) for b in inner for n, s in b.steps.items())


def _calls(block: Block, name: str, spec: Spec) -> bool:
    """Say whether a step, or one inside it, reaches something outside or starts something."""
    inner = nested(spec, block.paths[name])
    return (
        kind_of(spec).calls or kind_of(spec).starts or any(_calls(b, n, s) for b in inner for n, s in b.steps.items())
    )
