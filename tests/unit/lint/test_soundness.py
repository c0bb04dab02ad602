"""Soundness: whatever really comes is among what the linter thought possible, and what it calls an error is one.

Shapes of values, of schemas and of joins allow those values; an expression over a shape gives a shape that allows what
the engine makes of the value; a call that is said to fail does fail.
"""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, reject
from hypothesis import strategies as st
from jmespath.exceptions import JMESPathError
from jsonschema import Draft202012Validator

from chalicelib.engine.errors import ExpressionFailed
from chalicelib.engine.evaluation import holds
from chalicelib.engine.paths import compile_path
from chalicelib.engine.values import size
from sedo.lint import shapes
from sedo.lint.reading import NEVER_WORKS, Reader
from sedo.lint.schema_shapes import of_schema
from sedo.lint.shapes import join, of_value
from sedo.lint.templates import parsed
from tests.unit.engine.strategies import jsons, paths
from tests.unit.lint.admitting import admits

scopes = st.fixed_dictionaries({"input": jsons, "stash": jsons, "execution": jsons})
NOTHING: dict[str, Any] = {"input": None, "stash": None, "execution": None}
_FAULTS = (JMESPathError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)


def evaluated(path: str, value: Any) -> tuple[bool, Any]:
    """Whether it can be evaluated, and to what."""
    try:
        return True, compile_path(path)[0](value)
    except (ExpressionFailed, *_FAULTS):
        return False, None


@example([[False]], [[0]])
@example([0.0], [0])
@given(jsons, jsons)
def test_shape_allows_the_values_it_is_made_of(one: Any, other: Any) -> None:
    joined = join(of_value(one), of_value(other))
    for value in (one, other):
        for shape in (of_value(value), joined, shapes.bounded(joined), shapes.without_null(joined)):
            assert admits(shape, value) or (value is None and shape == shapes.without_null(joined))
        assert holds(value) in joined.truths
        assert shapes.least_bytes(joined) <= size(value)


@example(NOTHING, NOTHING | {"input": []}, "input[]")
@example(NOTHING, NOTHING | {"input": []}, "input[1:]")
@example(NOTHING, NOTHING | {"input": []}, "map(&a, input)")
@example(NOTHING, NOTHING, "[`1`, input[0]] || input")
@given(scopes, scopes, paths)
def test_expression_gives_what_was_thought_possible(one: Any, other: Any, path: str) -> None:
    try:
        compile_path(path)
    except _FAULTS:
        reject()
    reader = Reader()
    shape, _ = reader.read(parsed(path), join(of_value(one), of_value(other)))
    for scope in (one, other):
        works, value = evaluated(path, scope)
        if works:
            assert admits(shape, value)


@given(scopes, paths)
def test_call_that_is_said_to_fail_fails(scope: Any, path: str) -> None:
    try:
        compile_path(path)
    except _FAULTS:
        reject()
    reader = Reader()
    reader.read(parsed(path), of_value(scope))
    if any(rule == NEVER_WORKS for rule, _ in reader.complaints) and not set("&|?*[") & set(path):
        assert not evaluated(path, scope)[0]  # without ways around the call


_types = st.sampled_from(["null", "boolean", "number", "integer", "string", "object", "array"])
_names = st.sampled_from(["a", "b", "n"])


def _grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(_names, inner, max_size=3)},
            optional={"required": st.lists(_names, unique=True), "additionalProperties": inner | st.booleans()},
        ),
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}, optional={"minItems": st.integers(0, 2)}),
        st.fixed_dictionaries({"prefixItems": st.lists(inner, min_size=1, max_size=2)}, optional={"items": inner}),
        st.fixed_dictionaries({st_name: st.lists(inner, min_size=1, max_size=3) for st_name in ("anyOf",)}),
        st.fixed_dictionaries({"allOf": st.lists(inner, min_size=1, max_size=2)}),
        st.fixed_dictionaries({"properties": st.dictionaries(_names, inner, max_size=2), "oneOf": st.just([True])}),
    )


schemas = st.recursive(
    st.booleans()
    | st.builds(dict, type=_types | st.lists(_types, min_size=1, max_size=3, unique=True))
    | st.builds(dict, type=st.just("string"), minLength=st.integers(0, 3))
    | st.builds(dict, const=jsons)
    | st.builds(dict, enum=st.lists(jsons, min_size=1, max_size=3))
    | st.just({"$ref": "#/$defs/inner"}),
    _grown,
    max_leaves=6,
)
values = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 2.5, "", "x", "long text"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3),
    max_leaves=8,
)


@given(schemas, schemas, values)
def test_shape_of_a_schema_allows_all_that_passes(schema: Any, inner: Any, value: Any) -> None:
    whole = schema if isinstance(schema, bool) else {**schema, "$defs": {"inner": inner}}
    try:
        passes = Draft202012Validator(whole).is_valid(value)
    except RecursionError:
        reject()
    if passes:
        assert admits(of_schema(whole), value)
