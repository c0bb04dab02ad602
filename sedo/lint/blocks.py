"""The lists of steps of a definition: its own, and those of branches and items, each with the ways through it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sedo.lint.kinds import ENDS, Spec


@dataclass(frozen=True, slots=True)
class Block:
    """One list of steps: where it stands, and the steps by id with their pointers. The first is its start."""

    path: str
    steps: Mapping[str, Spec]
    paths: Mapping[str, str]

    @property
    def start(self) -> str:
        """The id of the first step."""
        return next(iter(self.steps))


def block_of(steps: Any, path: str) -> Block:
    """Return a list of steps as a block."""
    return Block(
        path,
        {spec["id"]: spec for spec in steps},
        {spec["id"]: f"{path}/{i}" for i, spec in enumerate(steps)},
    )


def nested(spec: Spec, path: str) -> Iterator[Block]:
    """Yield the lists of steps inside one step."""
    if isinstance(spec.get("steps"), list):
        yield block_of(spec["steps"], f"{path}/steps")
    for i, branch in enumerate(spec.get("branches", [])):
        yield block_of(branch["steps"], f"{path}/branches/{i}/steps")


def all_blocks(document: Mapping[str, Any]) -> Iterator[Block]:
    """Yield every list of steps of a definition, the outer ones first."""
    waiting = [block_of(document["steps"], "/steps")]
    while waiting:
        block = waiting.pop(0)
        yield block
        for name, spec in block.steps.items():
            waiting += nested(spec, block.paths[name])


def onward(spec: Spec) -> list[str]:
    """Return the steps that may follow a success."""
    found = [spec["next"]] if "next" in spec else []
    found += [arm["next"] for arm in spec.get("choices", [])]
    return found + ([spec["default"]] if "default" in spec else [])


def caught(spec: Spec) -> list[str]:
    """Return the steps that may follow a failure."""
    return [entry["next"] for entry in spec.get("catch", [])]


def ends(spec: Spec) -> bool:
    """Say whether a success here ends the list, with an output."""
    return (spec.get("end") is True or spec["type"] in ENDS) and spec["type"] != "fail"
