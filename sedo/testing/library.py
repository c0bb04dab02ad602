"""The definitions of one run: the tested one, its siblings, and stand-ins for children whose result is mocked.

A mocked `execute` step keeps all of its own behaviour: it starts a child, which is one `human` step that gets the
mocked answer. It asks for the definition `STEP@NAME` for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from chalicelib.engine.definition import Definition, Step, parse
from chalicelib.engine.evaluation import holds
from chalicelib.engine.expressions import Scope, compile_template
from chalicelib.engine.steps.base import Call, Done, Enter, Outcome

Took = Callable[[str, str], None]
"""Told of a choice's step and of the pointer of the arm that it took, `/choices/0` or `/default`."""
NAMES = frozenset({"input", "stash", "execution", "item", "index"})
STAND_IN = "@"
SUFFIXES = (".yaml", ".yml", ".json")


@dataclass
class Library:
    """The tested document and how others are found beside it; `read` returns the value of a file."""

    document: dict[str, Any]
    folder: Path | None = None
    read: Callable[[Path], Any] = lambda path: None
    forced: Mapping[str, str] = field(default_factory=dict)
    _siblings: dict[str, dict[str, Any]] | None = None
    _parsed: dict[tuple[str, frozenset[str]], Definition] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The id of the tested definition."""
        return str(self.document["id"])

    def sibling(self, name: str) -> dict[str, Any] | None:
        """Return the document of a definition by its id, from a file beside the tested one."""
        if name == self.id:
            return self.document
        if self._siblings is None:
            self._siblings = {found["id"]: found for found in self._beside()}
        return self._siblings.get(name)

    def _beside(self) -> Iterator[dict[str, Any]]:
        for path in sorted(self.folder.iterdir()) if self.folder is not None else ():
            if path.suffix in SUFFIXES and not path.stem.endswith(".test"):
                found = self.read(path)
                if isinstance(found, dict) and isinstance(found.get("id"), str) and "steps" in found:
                    yield found

    def definition(self, name: str, mocked: frozenset[str], took: Took) -> Definition | None:
        """Return a definition as a run uses it. `mocked` are its `execute` steps that get stand-ins."""
        if STAND_IN in name:
            return self._stand_in(name)
        document = self.sibling(name)
        if document is None:
            return None
        key = (name, mocked)
        if key not in self._parsed:
            self._parsed[key] = _with_stand_ins(parse(document, version=1), mocked)
        return self._watched(self._parsed[key], document, took)

    def _stand_in(self, name: str) -> Definition:
        sibling = self.sibling(name.partition(STAND_IN)[2])
        schema = {"inputSchema": sibling["inputSchema"]} if sibling and "inputSchema" in sibling else {}
        steps = [{"id": "answer", "type": "human", "end": True}]
        return replace(parse({"id": "stand-in", "steps": steps, **schema}, version=1), id=name)

    def _watched(self, definition: Definition, document: Mapping[str, Any], took: Took) -> Definition:
        """Return the definition with choices that tell which arm they take, or take the one that they are told."""
        if document is not self.document:
            return definition
        steps = {
            name: replace(step, enter=self._watch(step, took)) if step.type.jumps else step
            for name, step in definition.steps.items()
        }
        return replace(definition, steps=MappingProxyType(steps))

    def _watch(self, step: Step, took: Took) -> Enter:
        arms = arms_of(step.spec)
        forced = self.forced.get(step.id)

        def enter(scope: Scope, now_ms: int) -> Outcome:
            if forced is not None:
                took(step.id, forced)
                return Done(next=_target(step.spec, forced))
            outcome = step.enter(scope, now_ms)
            if isinstance(outcome, Done):
                took(step.id, next(at for at, when in arms if when is None or holds(when(scope))))
            return outcome

        return enter


def arms_of(spec: Mapping[str, Any]) -> list[tuple[str, Callable[[Scope], Any] | None]]:
    """Return the pointer of each arm of a choice, in order, and its condition; the default has none."""
    found: list[tuple[str, Callable[[Scope], Any] | None]] = [
        (f"/choices/{i}", compile_template(arm["when"], NAMES, "", _nobody)) for i, arm in enumerate(spec["choices"])
    ]
    return found + ([("/default", None)] if "default" in spec else [])


def _nobody(_path: str, _message: str, found: Any = None, expected: Any = None) -> None:
    """Hear of nothing: it was checked before."""


def _target(spec: Mapping[str, Any], arm: str) -> str:
    return str(spec["default"] if arm == "/default" else spec["choices"][int(arm.rpartition("/")[2])]["next"])


def _with_stand_ins(definition: Definition, mocked: frozenset[str]) -> Definition:
    steps = {
        name: replace(step, enter=_for_stand_in(step)) if step.type.name == "execute" and name in mocked else step
        for name, step in definition.steps.items()
    }
    return replace(definition, steps=MappingProxyType(steps))


def _for_stand_in(step: Step) -> Enter:
    def enter(scope: Scope, now_ms: int) -> Outcome:
        outcome = step.enter(scope, now_ms)
        if not isinstance(outcome, Call):
            return outcome
        name = f"{step.id}{STAND_IN}{outcome.request['definition']}"
        return replace(outcome, request=outcome.request | {"definition": name, "version": None})

    return enter
