"""Who uses what: whether anything reads what arrives at a step, what it hands on, and what is kept in the stash."""

from __future__ import annotations

from collections.abc import Iterator

from sedo.lint.ahead import Ahead
from sedo.lint.blocks import Block, caught, ends, nested, onward
from sedo.lint.kinds import Spec, kind_of
from sedo.lint.templates import paths_read


class Usage:
    """Found backwards from whatever reads: `received` are the steps whose incoming value is used, by pointer."""

    def __init__(self, ahead: Ahead) -> None:
        self._read: dict[str, set[str]] = {}
        self.stash: set[str] = set()
        self.whole_stash = False
        for field in ahead.fields:
            for expression in field.expressions():
                self._note(field.path, field.step, set(paths_read(expression.node)))
        self._output_of_all = "output" not in ahead.document or bool(
            self.reads("", "/output") & {"input", "output", ""}
        )
        self._outer: dict[str, tuple[Block, str]] = {
            block.path: (around, name)
            for around in ahead.blocks
            for name, spec in around.steps.items()
            for block in nested(spec, around.paths[name])
        }
        self.received: set[str] = set()
        self._settle(ahead)

    def _note(self, path: str, step: str, paths: set[tuple[str, ...]]) -> None:
        field = path[len(step) :].split("/")[1]
        roots = self._read.setdefault(f"{step}/{field}", set())
        for parts in paths:
            roots.add(parts[0] if parts else "")
            if not parts or parts == ("stash",):
                self.whole_stash = True
            elif parts[0] == "stash":
                self.stash.add(parts[1])

    def reads(self, step: str, field: str) -> set[str]:
        """Return the names that a field of a step reads; "" when it takes all there is."""
        return self._read.get(step + field, set())

    def _settle(self, ahead: Ahead) -> None:
        """Mark until nothing new is found."""
        before = -1
        while before != len(self.received):
            before = len(self.received)
            for block in ahead.blocks:
                for name, spec in block.steps.items():
                    if self._uses(block, name, spec):
                        self.received.add(block.paths[name])

    def _uses(self, block: Block, name: str, spec: Spec) -> bool:
        path = block.paths[name]
        if "input" in spec:
            return bool(self.reads(path, "/input") & {"input", ""})
        if any(roots & {"input", ""} for roots in self._own(path)) or kind_of(spec).reads(spec):
            return True
        passes = kind_of(spec).result is None and self.result_goes_on(block, name, spec)
        return passes or self._used_inside(block, name, spec) or self._after_failure(block, spec)

    def _own(self, path: str) -> Iterator[set[str]]:
        return (roots for at, roots in self._read.items() if at.rpartition("/")[0] == path)

    def _used_inside(self, block: Block, name: str, spec: Spec) -> bool:
        """A branch begins with what its fan-out received."""
        if "branches" not in spec:
            return False
        return any(inner.paths[inner.start] in self.received for inner in nested(spec, block.paths[name]))

    def _after_failure(self, block: Block, spec: Spec) -> bool:
        return any(block.paths[target] in self.received for target in caught(spec))

    def result_goes_on(self, block: Block, name: str, spec: Spec) -> bool:
        """Say whether the raw result of a step gets to somebody who uses it."""
        path = block.paths[name]
        if self.reads(path, "/stash") & {"output", ""}:
            return True
        if "output" in spec and not self.reads(path, "/output") & {"output", ""}:
            return False
        return self.handed_on_used(block, name, spec)

    def handed_on_used(self, block: Block, name: str, spec: Spec) -> bool:
        """Say whether somebody uses what a step hands on."""
        if any(block.paths[target] in self.received for target in onward(spec)):
            return True
        if not ends(spec):
            return False
        outer = self._outer.get(block.path)
        if outer is None:
            return self._output_of_all
        around, fan_out = outer
        return self.result_goes_on(around, fan_out, around.steps[fan_out])
