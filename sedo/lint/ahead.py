"""What rules look at: a definition with its lists of steps, the flow through it, and every expression in its scope."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sedo.lint.blocks import Block, all_blocks
from sedo.lint.flow import Flow
from sedo.lint.kinds import ERROR, Spec, kind_of, own_templates
from sedo.lint.templates import Expression, Scope, expressions


@dataclass(frozen=True, slots=True)
class Field:
    """A value with templates: its pointer, the scope it is evaluated in, and the step it belongs to ("" for none)."""

    path: str
    value: Any
    scope: Scope
    step: str

    def expressions(self) -> Iterator[Expression]:
        """Yield the expressions in it."""
        return expressions(self.value, self.path)


class Ahead:
    """A definition, read ahead."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.flow = Flow(document)
        self.blocks: tuple[Block, ...] = tuple(all_blocks(document))
        self.fields: tuple[Field, ...] = tuple(self._fields())

    def steps(self) -> Iterator[tuple[str, Spec]]:
        """Yield all steps with their pointers, nested ones too."""
        for block in self.blocks:
            for name, spec in block.steps.items():
                yield block.paths[name], spec

    def _fields(self) -> Iterator[Field]:
        for path, spec in self.steps():
            if path in self.flow.visits:
                yield from self._of_step(path, spec)
        if "output" in self.document:
            yield Field("/output", self.document["output"], self.flow.at_end, "")

    def _of_step(self, path: str, spec: Spec) -> Iterator[Field]:
        visit, kind = self.flow.visits[path], kind_of(spec)
        if "input" in spec:
            yield Field(f"{path}/input", spec["input"], visit.before, path)
        for at, value in own_templates(spec).items():
            seen = dict(kind.sees.get(at.split("/")[1], {}))
            yield Field(path + at, value, visit.during | seen, path)
        if "output" in spec:
            yield Field(f"{path}/output", spec["output"], visit.after, path)
        if "stash" in spec:
            yield Field(f"{path}/stash", spec["stash"], visit.after, path)
        for i, entry in enumerate(spec.get("catch", [])):
            if "stash" in entry:
                yield Field(f"{path}/catch/{i}/stash", entry["stash"], visit.during | {"error": ERROR}, path)
