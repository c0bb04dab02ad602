"""Nothing makes the engine raise, or answer differently to the same question.

- `parse` takes any value and raises DefinitionInvalid or returns a definition
- `start` and `decide` take any definition that was accepted, any input, any event, any answer from outside
- arguments are never changed (World compares copies at every decision)
- a schema that was accepted takes any value
- paths give what jmespath gives, where both give something
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import jmespath
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.engine.decision import Decision, look_token
from chalicelib.engine.definition import parse
from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.errors import DefinitionInvalid, ExpressionFailed, Problem
from chalicelib.engine.events import Arrived, CancelRequested, Cover, Event, Looked, Performed, ProcessingGivenUp
from chalicelib.engine.paths import compile_path
from chalicelib.engine.schemas import compile_schema
from tests.unit.engine.strategies import anything, definitions, jsons, keys, nested, paths, scalars
from tests.unit.engine.world import T0, World

quick = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
_FIELDS = """
    id steps description inputSchema timeoutSeconds maxTransitions output type next end input stash retry catch
    message seconds until choices default method url headers body auth successCodes error cause when errors
    function payload queue delaySeconds query
"""
_fields = st.sampled_from(_FIELDS.split())
_words = st.sampled_from(
    [
        "a",
        "b",
        "pass",
        "echo",
        "wait",
        "choice",
        "http",
        "lambda",
        "queue",
        "succeed",
        "fail",
        True,
        1,
        None,
        "${ input }",
        "${ secrets.a }",
    ]
)


@quick
@given(anything)
def test_parse_raises_nothing_but_its_own_error_for_anything(found: Any) -> None:
    with suppress(DefinitionInvalid):
        parse(found)
    with suppress(DefinitionInvalid):
        parse({"id": "x", "steps": found, "inputSchema": found, "output": found})


@quick
@given(
    nested(_words, _fields),
    st.lists(st.dictionaries(_fields, nested(_words, _fields), max_size=8), max_size=4),
)
def test_parse_raises_nothing_but_its_own_error_for_what_looks_like_a_definition(found: Any, steps: list[Any]) -> None:
    for i, step in enumerate(steps):
        step.setdefault("id", f"s{i}")
        step.setdefault("next", f"s{i + 1}")
    for document in (found, {"id": "x", "steps": steps}, {"id": "x", "steps": found}):
        try:
            parse(document)
        except DefinitionInvalid as invalid:
            _check_problems(invalid.problems)


def _check_problems(problems: Sequence[Problem]) -> None:
    assert problems
    for problem in problems:
        json.dumps(problem.document())
        assert problem.path == "" or problem.path.startswith("/")


def test_parse_survives_numbers_that_python_itself_cannot_show() -> None:
    for found in (10**5000, {10**5000: 1}, {"id": -(10**5000), "steps": [10**5000]}):
        with pytest.raises(DefinitionInvalid):
            parse(found)


answers = st.one_of(
    st.builds(TaskResult, value=jsons | anything),
    st.builds(TaskResult, error=st.sampled_from(["Http.500", "Http.404", "Task.Timeout", "Odd"]), cause=st.just("why")),
)


@quick
@given(definitions(), jsons, st.lists(answers, max_size=6), st.booleans())
def test_every_execution_of_every_definition_ends(
    document: Any, input: Any, given_answers: list[Any], inline: bool
) -> None:
    left = list(given_answers)

    def answer(task: Task) -> TaskResult:
        json.dumps(task.request, allow_nan=False)
        return left.pop() if left else TaskResult(value={"status": 200})

    world = World(document, input, answer, inline=inline).run(2000)
    assert world.head.transitions <= world.definition.max_transitions
    outcomes = [event.visit for event in world.events if event.type in ("StepSucceeded", "StepFailed", "StepTimedOut")]
    assert len(outcomes) == len(set(outcomes)), "every visit has one outcome"
    assert len(outcomes) >= world.head.visits - 1, "and none has been left out, but one that the end cut short"


tokens = st.sampled_from(["1.1", "2.1", "2.2", "3.1", "4.1", "", "x", look_token(T0), look_token(T0 + 10**7)])
covers = st.none() | st.builds(Cover, token=tokens, until_ms=st.sampled_from([0, T0, T0 + 10**6]))
moments = st.sampled_from([0, T0, T0 + 1000, T0 + 10**7, 10**13])
events = st.one_of(
    st.builds(Arrived, token=tokens, by=st.just("n"), cover=covers),
    st.builds(
        Performed, visit=st.integers(0, 5), attempt=st.integers(0, 3), result=answers, by=st.just("n"), cover=covers
    ),
    st.builds(Looked, by=st.just("n"), due_at_ms=moments),
    st.builds(CancelRequested, cause=st.none() | st.text(max_size=5), actor=st.just("me"), by=st.just("n")),
    st.builds(ProcessingGivenUp, token=tokens, cause=st.just("why"), by=st.just("n")),
)


@quick
@given(definitions(), jsons, st.lists(st.tuples(events, moments, st.integers(0, 9)), max_size=8))
def test_any_event_at_any_time_is_decided(document: Any, input: Any, happenings: list[tuple[Event, int, int]]) -> None:
    world = World(document, input)
    world.begin()
    for event, now, gone in happenings:
        world.now = now
        was = world.head
        decision = world.decide(event, definition=None if gone == 0 else "own")
        if was.ended:
            assert decision == Decision(was, False)


_SCHEMA_WORDS = st.sampled_from(
    ["string", "object", "array", "#", "#/$defs/a", "#/properties/a", "#a", "other", "http://x.example/s", "^a+$"]
) | st.sampled_from(
    [
        "(",
        "a{9999999999}",
        "[[a]",
        "(a|aa)+$",
        "(?=a)",
        "\\1",
        "\\p{L}",
        "\\u00e9",
        0,
        1,
        -1,
        0.1,
        1e308,
        True,
        False,
        None,
    ]
)
_SCHEMA_FIELDS = """
    $ref $id id $anchor $dynamicRef $dynamicAnchor $recursiveRef $recursiveAnchor $defs definitions type items
    prefixItems allOf anyOf oneOf not if then else contains minContains required dependentSchemas dependencies
    patternProperties additionalProperties unevaluatedProperties unevaluatedItems propertyNames pattern format
    enum const multipleOf minimum maxLength uniqueItems dependentRequired properties a b
"""
_schema_keys = st.sampled_from(_SCHEMA_FIELDS.split())
_DRAFTS = ("draft-03", "draft-04", "draft-06", "draft-07")
_dialects: st.SearchStrategy[Any] = st.sampled_from(
    [None, "https://json-schema.org/draft/2019-09/schema", "x", 3, []]
    + [f"http://json-schema.org/{name}/schema#" for name in _DRAFTS]
)


@quick
@given(nested(_SCHEMA_WORDS, _schema_keys), _dialects, jsons | st.just(10**400))
def test_schema_that_was_accepted_takes_any_value(schema: Any, dialect: Any, value: Any) -> None:
    if isinstance(schema, dict) and dialect is not None:
        schema = {"$schema": dialect} | schema
    problems: list[Problem] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled = compile_schema(
            schema if isinstance(schema, dict | bool) else {"not": schema}, "/inputSchema", problems
        )
        found = compiled.problem(value)
    assert found is None or isinstance(found, str)


@settings(quick, max_examples=80)
@given(paths, nested(scalars, keys | st.sampled_from(["a", "items"])))
def test_paths_give_what_jmespath_gives(path: str, input: Any) -> None:
    scope = {"input": input, "stash": {"a": [3, 1, 2]}, "execution": {"startedAt": "2023"}}
    try:
        evaluate, _ = compile_path(path)
        found = evaluate(scope)
        wanted = jmespath.search(path, scope)
    except (ExpressionFailed, ValueError, TypeError, ArithmeticError, LookupError, AttributeError):
        return
    if any(word in path for word in ("to_number", "to_string", "contains", "==", "!=")):
        return  # these differ on purpose: see test_expressions
    assert repr(found) == repr(wanted)


@pytest.mark.parametrize("depth", [50, 99, 101, 500, 20_000])
def test_deep_results_and_inputs_are_survived(depth: int) -> None:
    deep: Any = 1
    for _ in range(depth):
        deep = [deep]
    world = World({"id": "x", "steps": [{"id": "a", "type": "http", "url": "https://x.example", "end": True}]})
    world.begin()
    if depth < 500:  # the comparison of copies is what cannot go deeper
        world.decide(Performed(1, 1, TaskResult(deep), "n"))
        assert world.head.state == ("ExecutionSucceeded" if depth < 100 else "ExecutionFailed")
    compiled = compile_schema({"items": {"$ref": "#"}}, "", [])
    assert compiled.problem(deep) is None or depth > 50
