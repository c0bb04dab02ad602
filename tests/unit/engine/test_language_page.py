"""The page about the definition language: its examples are accepted, and it names all that exists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from chalicelib.api import yaml_text
from chalicelib.engine.definition import parse
from chalicelib.engine.steps import STEP_TYPES

PAGE = (Path(__file__).parents[3] / "docs" / "definition-language.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def completed(found: Any) -> dict[str, Any]:
    """Make a definition of steps shown alone: what they lead to is added, what nothing leads to is led to."""
    if isinstance(found, dict):
        return found
    ids = [step["id"] for step in found]
    steps = [step | {"id": f"{step['id']}-{i}"} if step["id"] in ids[:i] else step for i, step in enumerate(found)]
    named = set(re.findall(r"'next': '([^']+)'|'default': '([^']+)'", repr(steps)))
    known = set(re.findall(r"'id': '([^']+)'", repr(steps)))  # those of inner lists too
    missing = {one or other for one, other in named} - known
    steps += [{"id": name, "type": "pass", "end": True} for name in sorted(missing)]
    arms = [{"when": True, "next": step["id"]} for step in steps]
    return {"id": "page", "steps": [{"id": "first", "type": "choice", "choices": arms}, *steps]}


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_on_the_page_is_accepted(text: str) -> None:
    found, _ = yaml_text.read(text)
    parse(completed(found))


def test_page_shows_every_step_type_and_field() -> None:
    for step_type in STEP_TYPES.values():
        assert f"**`{step_type.name}`**" in PAGE
        for name in step_type.properties:
            assert name in PAGE, (step_type.name, name)
