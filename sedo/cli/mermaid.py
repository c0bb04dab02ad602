"""A definition as a Mermaid flowchart: steps, every route between them, rooms as subgraphs, states as classes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sedo.cli.outline import Step, rooms

_SHAPES = {
    "choice": ("{", "}"),
    "wait": ("([", "])"),
    "human": ("[/", "/]"),
    "callback": ("[/", "/]"),
    "signal": ("[/", "/]"),
    "parallel": ("[[", "]]"),
    "map": ("[[", "]]"),
    "execute": ("[[", "]]"),
    "succeed": ("([", "])"),
    "fail": ("{{", "}}"),
}
_CLASSES = {
    "running": "fill:#d0ebff,stroke:#1971c2,color:#000",
    "retrying": "fill:#fff3bf,stroke:#e67700,color:#000",
    "waiting": "fill:#f3d9fa,stroke:#862e9c,color:#000",
    "succeeded": "fill:#d3f9d8,stroke:#2b8a3e,color:#000",
    "failed": "fill:#ffe3e3,stroke:#c92a2a,color:#000",
    "timedOut": "fill:#ffe3e3,stroke:#c92a2a,color:#000",
    "stopped": "fill:#e9ecef,stroke:#495057,color:#000",
}
_DETAILS = ("seconds", "until", "title", "url", "function", "queue", "name", "definition", "error")
_SHOWN_CHARACTERS = 48


def draw(steps: Sequence[Step], states: Mapping[str, str] | None = None) -> str:
    """Return the flowchart; `states` are those of an execution's steps by id."""
    drawing = _Drawing()
    drawing.add(1, 'START(("start"))')
    body = drawing.room(steps, "END", 1)
    drawing.route("START", steps[0]["id"])
    if body:
        drawing.add(1, 'END(("end"))')
    lines = ["flowchart TD", *drawing.lines, *(f"  {edge}" for edge in drawing.edges), *drawing.classes(states or {})]
    return "\n".join(lines) + "\n"


class _Drawing:
    """Collects lines; nodes are numbered, since ids of steps may be words of Mermaid."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.edges: list[str] = []
        self.nodes: dict[str, str] = {}
        self.rooms = 0

    def add(self, depth: int, line: str) -> None:
        self.lines.append("  " * depth + line)

    def node(self, step_id: str) -> str:
        """Return the node of a step; routes may name steps that come later."""
        return self.nodes.setdefault(step_id, f"s{len(self.nodes) + 1}")

    def route(self, source: str, target: str, label: str = "", dashed: bool = False) -> None:
        arrow = "-.->" if dashed else "-->"
        self.edges.append(f"{source} {arrow}{f'|{_quoted(label)}|' if label else ''} {self.node(target)}")

    def room(self, steps: Sequence[Step], leave: str, depth: int) -> bool:
        """Draw a list of steps that are left through the node `leave`; say whether any step does."""
        left = False
        for step in steps:
            left = self.step(step, leave, depth) or left
        return left

    def step(self, step: Step, leave: str, depth: int) -> bool:
        node, inside = self.node(step["id"]), rooms(step)
        source = node
        if inside:
            source = f"{node}join"
            self.inside(step, node, source, depth)
        else:
            self.add(depth, _box(node, step))
        for target, label in _targets(step):
            self.route(source, target, label)
        for entry in _dicts(step.get("catch")):
            errors = entry.get("errors")
            names = " ".join(map(str, errors)) if isinstance(errors, list) else str(errors)
            self.route(source, str(entry.get("next")), names, dashed=True)
        ends = step.get("end") is True or step.get("type") == "succeed"
        if ends:
            self.edges.append(f"{source} --> {leave}")
        return ends

    def inside(self, step: Step, node: str, join: str, depth: int) -> None:
        """Draw a fan-out as a subgraph with one more for each room, and a join that its routes leave from."""
        self.add(depth, f"subgraph {node}all[{_quoted(step['id'])}]")
        self.add(depth + 1, _box(node, step))
        for i, room in enumerate(rooms(step), 1):
            self.add(depth + 1, f"subgraph {node}room{i}[{_quoted(room.title)}]")
            self.room(room.steps, join, depth + 2)
            self.add(depth + 1, "end")
            if room.steps:
                self.route(node, room.steps[0]["id"])
        self.add(depth + 1, f'{join}(("join"))')
        self.add(depth, "end")

    def classes(self, states: Mapping[str, str]) -> Iterator[str]:
        """Yield what colours the steps that were entered."""
        names = {step_id: re.sub(r" (\w)", lambda found: found[1].upper(), state) for step_id, state in states.items()}
        for name in sorted(set(names.values()) & set(_CLASSES)):
            nodes = ",".join(
                self.nodes[step_id] for step_id in names if names[step_id] == name and step_id in self.nodes
            )
            if nodes:
                yield f"  classDef {name} {_CLASSES[name]}"
                yield f"  class {nodes} {name}"


def _box(node: str, step: Step) -> str:
    before, after = _SHAPES.get(str(step.get("type")), ("[", "]"))
    details = next((f" {step[name]}" for name in _DETAILS if isinstance(step.get(name), str | int | float)), "")
    unit = " s" if "seconds" in step and not isinstance(step["seconds"], str) else ""
    method = f" {step.get('method', 'GET')}" if step.get("type") == "http" else ""
    small = _escaped(f"{step.get('type')}{method}{details}{unit}")
    return f'{node}{before}"{_escaped(step["id"])}<br/>{small}"{after}'


def _targets(step: Step) -> Iterator[tuple[str, str]]:
    """Yield target and label of each route that is no catch."""
    for arm in _dicts(step.get("choices")):
        when = arm.get("when")
        found = re.fullmatch(r"\s*\$\{(.*)\}\s*", when, re.DOTALL) if isinstance(when, str) else None
        yield str(arm.get("next")), found[1].strip() if found else str(when)
    if "default" in step:
        yield str(step["default"]), "default"
    if "next" in step:
        yield str(step["next"]), ""


def _dicts(value: Any) -> Iterable[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    """Return a text with everything that means something to Mermaid or HTML as a numbered entity, and not too long."""
    plain = " ".join(text.split())
    if len(plain) > _SHOWN_CHARACTERS:
        plain = plain[: _SHOWN_CHARACTERS - 1] + "…"
    return re.sub(r"[^\w .,:/=…!?+()\[\]-]", lambda found: f"#{ord(found[0])};", plain)
