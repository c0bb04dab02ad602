"""The published schema and posting agree: what one refuses for a reason that a schema can say, the other refuses."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from chalicelib.api import yaml_text
from chalicelib.engine.checks import check_shape
from chalicelib.engine.definition import parse
from chalicelib.engine.errors import DefinitionInvalid
from chalicelib.engine.published import definition_schema
from chalicelib.engine.shape import DEFINITION, step_schema
from chalicelib.engine.steps import STEP_TYPES

ROOT = Path(__file__).parents[3]
VALIDATOR = Draft202012Validator(definition_schema())
WRITTEN = [*ROOT.glob("examples/**/*.yaml"), *ROOT.glob("tests/unit/lint/workflows/*.*")]
EXAMPLES = sorted(path for path in WRITTEN if not path.stem.endswith(".test"))
DOCUMENTS = [yaml_text.read(path.read_text(encoding="utf-8"))[0] for path in EXAMPLES]


def test_schema_is_a_valid_schema() -> None:
    Draft202012Validator.check_schema(definition_schema())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document["id"])
def test_examples_pass(document: Any) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []


def step(**fields: Any) -> dict[str, Any]:
    return {"id": "a", "steps": [{"id": "s", "type": "pass", "end": True} | fields]}


@pytest.mark.parametrize(
    ("document", "at"),
    [
        ([], []),
        ({"id": "a"}, []),
        ({"id": "A", "steps": [{"id": "s", "type": "pass", "end": True}]}, ["id"]),
        (step(type="pas"), ["steps", 0, "type"]),
        (step(message="x"), ["steps", 0]),
        (step(type="echo"), ["steps", 0]),
        (step(next="s"), ["steps", 0]),
        (step(end=False), ["steps", 0, "end"]),
        (step(retry=[{"maxAttempts": 3}]), ["steps", 0, "retry", 0]),
        (step(catch=[{"errors": [], "next": "s"}]), ["steps", 0, "catch", 0, "errors"]),
        (step(stash={"1st": 1}), ["steps", 0, "stash"]),
        (step(type="http", url="https://x.y", timeoutSeconds=46), ["steps", 0, "timeoutSeconds"]),
        (step(type="http", url="https://x.y", method="get"), ["steps", 0, "method"]),
        (step(type="succeed"), ["steps", 0]),
        (
            {"id": "a", "steps": [{"id": "s", "type": "choice", "choices": [{"when": True}]}]},
            ["steps", 0, "choices", 0],
        ),
        ({"id": "a", "steps": [{"id": "s", "type": "choice", "choices": [], "next": "s"}]}, ["steps", 0]),
    ],
)
def test_bad_documents_are_marked_where_they_are_bad(document: Any, at: list[Any]) -> None:
    assert at in [list(error.absolute_path) for error in VALIDATOR.iter_errors(document)]


@pytest.mark.parametrize("kind", [*STEP_TYPES, "nothing"])
def test_step_offers_the_fields_of_its_type_and_no_others(kind: str) -> None:
    published = definition_schema()["$defs"].get(kind)
    if kind == "nothing":
        assert published is None
        return
    own = step_schema(STEP_TYPES[kind])["properties"].keys()
    decides_itself = STEP_TYPES[kind].ends or STEP_TYPES[kind].jumps
    assert published["properties"].keys() == own - ({"next", "end"} if decides_itself else set())
    assert definition_schema()["properties"].keys() == DEFINITION["properties"].keys()


def undescribed(schema: Any, at: str = "") -> Iterator[str]:
    if isinstance(schema, list):
        for i, item in enumerate(schema):
            yield from undescribed(item, f"{at}/{i}")
    elif isinstance(schema, dict):
        for name, field in schema.get("properties", {}).items() if at.rpartition("/")[2] != "if" else ():
            if "description" not in field:
                yield f"{at}/{name}"
        for key, item in schema.items():
            yield from undescribed(item, f"{at}/{key}")


def test_every_field_has_a_description() -> None:
    assert list(undescribed(definition_schema())) == []
    assert all("description" in definition_schema()["$defs"][name] for name in STEP_TYPES)


def patterns(schema: Any) -> Iterator[str]:
    for key, item in schema.items() if isinstance(schema, dict) else ():
        if key == "pattern":
            yield item
        yield from patterns(item)


def test_patterns_are_those_of_javascript() -> None:
    found = list(patterns(definition_schema()))
    assert len(found) > 3
    assert not [pattern for pattern in found if "\\Z" in pattern]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    if path[-1:] == ("inputSchema",):  # a schema of its own, of which this one says nothing
        return
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(item, (*path, key))


PLACES = [(i, path) for i, document in enumerate(DOCUMENTS) for path in places(document)]
OTHERS: list[Any] = [None, True, 0, -1, 1e12, "", "x", "A b", "${ input }", [], [1], {}, {"x": 1}, ["*"], "drop", "add"]


def changed(document: Any, path: tuple[Any, ...], other: Any) -> Any:
    """The document with one value replaced, dropped, or given a member that it does not know."""
    copied = copy.deepcopy(document)
    holder = copied
    for key in path[:-1]:
        holder = holder[key]
    if other == "drop":
        del holder[path[-1]]
    elif other == "add" and isinstance(holder[path[-1]], dict):
        holder[path[-1]]["unheardOf"] = 1
    else:
        holder[path[-1]] = other
    return copied


@given(st.sampled_from(PLACES), st.sampled_from(OTHERS))
def test_schema_and_posting_agree_about_changed_documents(place: tuple[int, tuple[Any, ...]], other: Any) -> None:
    document = changed(DOCUMENTS[place[0]], place[1], other)
    if check_shape(document):
        assert not VALIDATOR.is_valid(document)
    if not VALIDATOR.is_valid(document):
        with pytest.raises(DefinitionInvalid):
            parse(document)
