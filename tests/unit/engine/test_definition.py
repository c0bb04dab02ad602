"""Definitions: what is accepted, and that all problems of a document come in one answer, each with its JSON Pointer."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.engine.definition import parse
from chalicelib.engine.errors import DefinitionInvalid, Problem
from chalicelib.engine.steps import STEP_TYPES
from tests.unit.engine.world import document

TYPES = ["array", "boolean", "integer", "null", "number", "object", "string"]
PASS: dict[str, Any] = {"type": "pass"}


def problems(found: Any) -> dict[str, Problem]:
    with pytest.raises(DefinitionInvalid) as raised:
        parse(found)
    return {problem.path: problem for problem in raised.value.problems}


def test_seeds_example_is_valid_and_its_first_step_is_the_start() -> None:
    seed = {
        "id": "example-definition",
        "inputSchema": {
            "type": "object",
            "properties": {"foo": {"type": "string"}},
            "required": ["foo"],
            "additionalProperties": False,
        },
        "steps": [
            {"id": "initial-echo", "type": "echo", "message": "initial echo", "next": "wait-some-time"},
            {"id": "wait-some-time", "type": "wait", "seconds": 45, "next": "last-echo"},
            {"id": "last-echo", "type": "echo", "message": "last echo", "end": True},
        ],
    }
    definition = parse(seed)
    assert definition.start == "initial-echo"
    assert definition.input_problem({"foo": "bar"}) is None
    assert definition.input_problem({"bar": "baz", "foo": ""}) == (
        "Additional properties are not allowed ('bar' was unexpected)\n\n"
        "Failed validating 'additionalProperties' in schema:\n"
        "    {'additionalProperties': False,\n     'properties': {'foo': {'type': 'string'}},\n"
        "     'required': ['foo'],\n     'type': 'object'}\n\nOn instance:\n    {'bar': 'baz', 'foo': ''}"
    )


def test_all_problems_are_in_one_answer_with_what_was_found_and_expected() -> None:
    found = problems(
        {
            "id": "No Good",
            "language": 3,
            "output": "${ outputs }",
            "inputSchema": {"type": "objekt"},
            "steps": [
                {"id": "a", "type": "pas", "next": "b", "retry": 3},
                {"id": "b", "type": "echo", "mesage": "hi", "next": "c"},
                {"id": "b", "type": "pass", "next": "d", "input": "${ input. }", "stash": {"1st": 1}},
                {"id": "d", "type": "pass", "output": ["${ stahs.x }"]},
                {"id": "e", "type": "wait", "seconds": -1, "next": "dd"},
                7,
            ],
        }
    )
    assert set(found) == {
        "/id",
        "/language",
        "/output",
        "/inputSchema/type",
        "/steps/0/type",
        "/steps/0/retry",
        "/steps/1/mesage",
        "/steps/1/message",
        "/steps/1/next",
        "/steps/2/id",
        "/steps/2/input",
        "/steps/2/stash/1st",
        "/steps/3",
        "/steps/3/output/0",
        "/steps/4/next",
        "/steps/4/seconds",
        "/steps/5",
    }
    assert found["/id"].document() == {
        "path": "/id",
        "message": "expected text that matches ^[a-z0-9][a-z0-9-]{0,63}$, found 'No Good'",
        "found": "No Good",
        "expected": "^[a-z0-9][a-z0-9-]{0,63}$",
    }
    assert found["/steps/0/type"].message == "unknown step type 'pas', did you mean 'pass'?"
    assert found["/steps/1/mesage"].message == "unknown field 'mesage', did you mean 'message'?"
    assert found["/output"].message.endswith("did you mean 'output'?")


@pytest.mark.parametrize("field", ["schedule", "language", "version", "tenantId"])
def test_what_does_not_exist_yet_is_refused_by_its_path(field: str) -> None:
    assert set(problems(document(PASS, **{field: 1}))) == {f"/{field}"}


@pytest.mark.parametrize("kind", ["", "task", None, 3, []])
def test_unknown_step_types_are_refused_by_their_path(kind: Any) -> None:
    found = problems(document({"type": kind, "branches": [], "end": True}))
    assert set(found) == {"/steps/0/type"}
    assert found["/steps/0/type"].expected == sorted(STEP_TYPES)


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"id": "a\n"}, "/steps/0/id"),
        ({"id": ""}, "/steps/0/id"),
        ({"id": "x" * 65}, "/steps/0/id"),
        ({"end": False}, "/steps/0/end"),
        ({"end": 1}, "/steps/0/end"),
        ({"next": 3}, "/steps/0/next"),
        ({"stash": {"a b": 1}}, "/steps/0/stash/a b"),
        ({"stash": {"a/b": 1}}, "/steps/0/stash/a~1b"),
        ({"timeoutSeconds": 0}, "/steps/0/timeoutSeconds"),
        ({"timeoutSeconds": "9"}, "/steps/0/timeoutSeconds"),
        ({"timeoutSeconds": True}, "/steps/0/timeoutSeconds"),
        ({"retry": [{}]}, "/steps/0/retry/0/errors"),
        ({"retry": [{"errors": []}]}, "/steps/0/retry/0/errors"),
        ({"retry": [{"errors": ["*"], "maxAttempts": 0}]}, "/steps/0/retry/0/maxAttempts"),
        ({"retry": [{"errors": ["*"], "maxAttempts": 1.5}]}, "/steps/0/retry/0/maxAttempts"),
        ({"retry": [{"errors": ["*"], "jitter": "some"}]}, "/steps/0/retry/0/jitter"),
        ({"retry": [{"errors": ["*"], "backoffRate": 0.5}]}, "/steps/0/retry/0/backoffRate"),
        ({"catch": [{"errors": ["*"]}]}, "/steps/0/catch/0/next"),
        ({"catch": [{"errors": ["*"], "next": "nowhere"}]}, "/steps/0/catch/0/next"),
        ({"catch": [{"errors": ["*"], "next": "s1", "stash": {"a": "${ output }"}}]}, "/steps/0/catch/0/stash/a"),
        ({"input": "${ output }"}, "/steps/0/input"),
        ({"input": {"a/b": ["${ error }"]}}, "/steps/0/input/a~1b/0"),
        ({"output": "${ secrets.key }"}, "/steps/0/output"),
    ],
)
def test_wrong_common_fields_are_refused_by_their_path(wrong: dict[str, Any], path: str) -> None:
    assert path in problems(document(PASS | {"end": True} | wrong, maxTransitions=3))


@pytest.mark.parametrize(
    ("step", "path"),
    [
        ({"type": "echo"}, "/message"),
        ({"type": "wait"}, ""),
        ({"type": "wait", "seconds": 1, "until": "2030-01-01T00:00:00Z"}, ""),
        ({"type": "wait", "seconds": "soon"}, "/seconds"),
        ({"type": "wait", "seconds": None}, "/seconds"),
        ({"type": "wait", "until": "2030-01-01"}, "/until"),
        ({"type": "wait", "until": "2030-01-01T00:00:00"}, "/until"),
        ({"type": "wait", "until": "9999-12-31T23:59:59-23:59"}, "/until"),
        ({"type": "choice"}, "/choices"),
        ({"type": "choice", "choices": []}, "/choices"),
        ({"type": "choice", "choices": [{"when": "input.a", "next": "s1"}]}, "/choices/0/when"),
        ({"type": "choice", "choices": [{"when": True}]}, "/choices/0/next"),
        ({"type": "choice", "choices": [{"when": True, "next": "x"}]}, "/choices/0/next"),
        ({"type": "choice", "choices": [{"when": True, "next": "s1"}], "default": "x"}, "/default"),
        ({"type": "choice", "choices": [{"when": True, "next": "s1"}], "next": "s1"}, "/next"),
        ({"type": "choice", "choices": [{"when": True, "next": "s1"}], "end": True}, "/end"),
        ({"type": "http"}, "/url"),
        ({"type": "http", "url": "example.com"}, "/url"),
        ({"type": "http", "url": "http://"}, "/url"),
        ({"type": "http", "url": "http://[::1"}, "/url"),
        ({"type": "http", "url": "https://x.example", "method": "get"}, "/method"),
        ({"type": "http", "url": "https://x.example", "headers": {"a": None}}, "/headers/a"),
        ({"type": "http", "url": "https://x.example", "auth": {}}, "/auth"),
        ({"type": "http", "url": "https://x.example", "auth": {"bearer": "x", "username": "y"}}, "/auth"),
        ({"type": "http", "url": "https://x.example", "successCodes": [99]}, "/successCodes/0"),
        ({"type": "http", "url": "https://x.example", "successCodes": ["6xx"]}, "/successCodes/0"),
        ({"type": "http", "url": "https://x.example", "timeoutSeconds": 61}, "/timeoutSeconds"),
        ({"type": "execute", "definition": "Not A Valid Id"}, "/definition"),
        ({"type": "execute", "definition": "$${ x }"}, "/definition"),
        ({"type": "execute", "definition": "x" * 65}, "/definition"),
        ({"type": "execute", "definition": "a\n"}, "/definition"),
        ({"type": "succeed", "next": "s1"}, "/next"),
        ({"type": "succeed", "end": True}, "/end"),
        ({"type": "fail"}, "/error"),
        ({"type": "fail", "error": ""}, "/error"),
        ({"type": "fail", "error": "a", "catch": []}, "/catch"),
        ({"type": "fail", "error": "a", "output": 1}, "/output"),
    ],
)
def test_wrong_fields_of_step_types_are_refused_by_their_path(step: dict[str, Any], path: str) -> None:
    assert f"/steps/0{path}" in problems(document(step, maxTransitions=3))


def test_problems_of_calls_secrets_and_schemas_are_in_one_answer_too() -> None:
    found = problems(
        {
            "id": "calls",
            "timeoutSecond": 5,
            "inputSchema": {"properties": {"code": {"pattern": "^(?=x)"}, "n": {"type": "nmber"}}},
            "steps": [
                {"id": "a", "type": "lamda", "function": "f", "next": "b"},
                {"id": "b", "type": "lambda", "functon": "f", "payload": "${ inptu.x }", "timeoutSeconds": 900,
                 "next": "cc"},
                {"id": "ccc", "type": "queue", "queue": "no such queue", "message": "${ secrets.a }",
                 "delaySeconds": 901, "next": "d",
                 "catch": [{"errors": ["*"], "next": "dd", "stash": {"x": "${ eror.name }"}}]},
                {"id": "d", "type": "http", "url": "https://x.example/${ secrets.a }", "headers": {"Host": "x"},
                 "body": "${ secrets }", "timeoutSeconds": "30", "end": True},
                {"id": "e", "type": "queue", "queue": "a.fifo", "message": 1, "delaySeconds": 5, "end": True},
            ],
        }
    )  # fmt: skip
    assert set(found) == {
        "/timeoutSecond",
        "/inputSchema/properties/code/pattern",
        "/inputSchema/properties/n/type",
        "/steps/0/type",
        "/steps/1/functon",
        "/steps/1/function",
        "/steps/1/payload",
        "/steps/1/timeoutSeconds",
        "/steps/1/next",
        "/steps/2/queue",
        "/steps/2/message",
        "/steps/2/delaySeconds",
        "/steps/2/catch/0/next",
        "/steps/2/catch/0/stash/x",
        "/steps/3/url",
        "/steps/3/headers/Host",
        "/steps/3/body",
        "/steps/3/timeoutSeconds",
        "/steps/4/delaySeconds",
    }
    assert found["/timeoutSecond"].message.endswith("did you mean 'timeoutSeconds'?")
    assert found["/steps/0/type"].message == "unknown step type 'lamda', did you mean 'lambda'?"
    assert found["/steps/1/functon"].message.endswith("did you mean 'function'?")
    assert found["/steps/1/payload"].message.endswith("did you mean 'input'?")
    assert found["/steps/1/timeoutSeconds"].message == "expected at most 45, found 900"
    assert found["/steps/1/next"].message == "there is no step 'cc', did you mean 'ccc'?"
    assert found["/steps/2/catch/0/stash/x"].message.endswith("did you mean 'error'?")


def test_step_needs_next_or_end_and_not_both() -> None:
    steps = [{"id": "a", "type": "pass"}, {"id": "b", "type": "pass", "next": "a", "end": True}]
    assert set(problems({"id": "x", "steps": steps})) == {"/steps/0", "/steps/1"}


def test_every_step_is_reachable() -> None:
    island = [PASS | {"id": "x", "next": "y"}, PASS | {"id": "y", "next": "x"}]
    assert set(problems(document(PASS | {"end": True}, *island, maxTransitions=9))) == {"/steps/1", "/steps/2"}
    broken = document(PASS | {"next": "s9"}, PASS | {"next": "s1"}, PASS)
    assert set(problems(broken)) == {"/steps/0/next", "/steps/1", "/steps/2"}


def test_step_that_only_a_catch_leads_to_is_reachable() -> None:
    parse(document(PASS | {"catch": [{"errors": ["*"], "next": "b"}], "end": True}, PASS | {"id": "b"}))


def test_cycle_of_pure_steps_alone_must_write_max_transitions() -> None:
    loop = [PASS, {"type": "choice", "choices": [{"when": "${ input }", "next": "s1"}], "default": "s3"}, PASS]
    assert set(problems(document(*loop))) == {"/maxTransitions"}
    parse(document(*loop, maxTransitions=100))
    loop[0] = {"type": "wait", "seconds": 1}
    parse(document(*loop))


def test_bounds_of_the_definition_are_checked() -> None:
    assert set(problems({"id": "x", "steps": []})) == {"/steps"}
    assert set(problems({"id": "x", "steps": {}})) == {"/steps"}
    assert set(problems({})) == {"/id", "/steps"}
    assert "/steps" in problems(document(*[PASS] * 501))
    assert set(problems(document(PASS, maxTransitions=0))) == {"/maxTransitions"}
    assert set(problems(document(PASS, inputSchema=[]))) == {"/inputSchema"}


@pytest.mark.parametrize("found", [None, True, 3, 1.5, "id: x", []])
def test_document_that_is_no_object_is_refused(found: Any) -> None:
    assert set(problems(found)) == {""}


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), 10**400, "\ud800", {1: 2}, {"\udfff": 1}, (1,), b"x"])
def test_what_is_no_json_is_refused_by_its_path(odd: Any) -> None:
    path = "/steps/0/output/deep/1"
    assert set(problems(document(PASS | {"output": {"deep": [0, odd]}}))) == {path}


def test_deep_documents_are_refused() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    found = problems(document(PASS | {"output": deep}))
    assert "nested" in next(iter(found.values())).message


def test_endless_lists_of_problems_are_cut() -> None:
    found = problems({"id": "x", "steps": [PASS | {f"f{i}": 1 for i in range(400)}]})
    assert len(found) == 101
    assert "and more" in found[""].message
    wrong = [PASS | {"id": f"s{i}", "next": f"t{i}"} for i in range(400)]
    assert 100 <= len(problems({"id": "x", "steps": wrong})) <= 102


@pytest.mark.parametrize(
    "steps",
    [
        [{"type": "http", "urll": "x", "nxt": "y"}] * 60,
        [*[{"type": "echo", "foo": 1}] * 150, 5, {"type": "parallel", "branches": [{"steps": 5}]}],
        [5] * 150,
        [{"type": "http", "headers": 5, "retry": [{"errors": [""] * 50, "maxAttempts": 0}] * 20}],
        [{"type": "map", "items": 5, "steps": 7, "retry": [{"errors": [""] * 50}] * 20}],
    ],
)
def test_more_problems_of_shape_than_are_listed_are_told_as_far_as_they_were_looked_for(steps: list[Any]) -> None:
    found = problems({"id": "x", "steps": steps})
    assert len(found) == 101
    assert "and more" in found[""].message


def test_definition_of_an_execute_may_be_found_out_at_run_time() -> None:
    parse(document({"type": "execute", "definition": "${ input.kind }-Of-All"}))


def test_numbers_without_fraction_count_as_integers() -> None:
    definition = parse(document(PASS | {"retry": [{"errors": ["*"], "maxAttempts": 2.0}]}, maxTransitions=5.0))
    assert repr(definition.max_transitions) == "5"
    assert repr(definition.steps["s1"].retry[0].max_attempts) == "2"


def test_retention_is_whole_days_of_at_most_ten_years() -> None:
    for wrong in (0, 1.5, 3651, "7"):
        assert set(problems(document(PASS, retentionDays=wrong))) == {"/retentionDays"}
    found = parse(document(PASS, retentionDays=30.0)).retention_days
    assert (found, type(found)) == (30, int)
    assert parse(document(PASS)).retention_days is None


@pytest.mark.parametrize(
    "step", [{"type": "map", "items": [], "steps": []}, {"type": "parallel", "branches": [{"steps": []}]}]
)
def test_empty_list_inside_a_step_is_told(step: dict[str, Any]) -> None:
    [(path, problem)] = problems(document(step)).items()
    assert path.endswith("/steps")
    assert problem.message == "expected at least 1 item, found an empty array"


def test_missing_and_unknown_fields_are_named() -> None:
    arm = {"next": "s2"}
    found = problems(document({"type": "choice", "choices": [arm], "roel": []}, PASS, {"end": True}))
    assert found["/steps/0/choices/0/when"].message == "field 'when' is missing"
    assert found["/steps/0/roel"].message == "unknown field 'roel'"
    assert found["/steps/2/type"].message == "field 'type' is missing"
    assert [path for path, problem in found.items() if problem.at_key] == ["/steps/0/roel"]


@pytest.mark.parametrize(
    ("wrong", "path", "message"),
    [
        ({"retry": {}}, "/retry", "expected an array, found an object"),
        ({"retry": [[], 1]}, "/retry/0", "expected an object, found an empty array"),
        ({"retry": [{"errors": []}]}, "/retry/0/errors", "expected at least 1 item, found an empty array"),
        ({"catch": [1] * 21}, "/catch", "expected at most 20 items, found an array of 21 items"),
        ({"next": True}, "/next", "expected text, found true"),
        ({"next": None}, "/next", "expected text, found null"),
        ({"timeoutSeconds": "9"}, "/timeoutSeconds", "expected a number, found '9'"),
    ],
)
def test_what_was_found_is_described_or_quoted(wrong: dict[str, Any], path: str, message: str) -> None:
    assert problems(document(PASS | {"end": True} | wrong))[f"/steps/0{path}"].message == message


def test_type_that_is_like_no_other_is_told_all_types() -> None:
    message = problems(document({"type": "switch", "end": True}))["/steps/0/type"].message
    assert message.startswith("unknown step type 'switch', expected one of callback, choice, ")


@pytest.mark.parametrize(
    "typed", [{"typ": "echo"}, {"Type": "echo"}, {"type": "ECHO"}, {"type": "ehco"}, {"tpye": "ecko"}]
)
def test_step_whose_type_is_misspelt_is_checked_as_the_type_that_was_meant(typed: dict[str, Any]) -> None:
    found = problems(document({"mesage": "${ inptu }", "retry": 3, "output": "${ error }", "next": "s2"} | typed, PASS))
    key = next(iter(typed))
    slips = {"/steps/0/type", f"/steps/0/{key}"}
    fields = {"/steps/0/mesage", "/steps/0/message", "/steps/0/retry", "/steps/0/output"}
    assert set(found) == slips | fields
    assert found[f"/steps/0/{key}"].message.endswith(f"did you mean {'echo' if key == 'type' else 'type'!r}?")
    assert found["/steps/0/type"].expected == sorted(STEP_TYPES)


def test_steps_inside_a_step_whose_type_is_misspelt_are_checked() -> None:
    inner = {"id": "in", "type": "pass", "input": "${ itme }", "end": True}
    step = {"typ": "map", "items": "${ inptu }", "steps": [inner], "end": True}
    paths = {"/steps/0/typ", "/steps/0/type", "/steps/0/items", "/steps/0/steps/0/input"}
    assert set(problems(document(step))) == paths


@pytest.mark.parametrize("typed", [{}, {"type": "switch"}, {"type": 3}, {"type": None}])
def test_step_of_no_known_type_has_its_expressions_and_common_fields_checked(typed: dict[str, Any]) -> None:
    step = {
        "url": "${ inptu.url }", "headers": {"a/b": "${ secrets.a }", "c": "${ x }"}, "until": "${ input. }",
        "stash": {"a": "${ output }", "b": "${ error }"}, "catch": [{"errors": ["*"], "next": "s9"}],
        "timeoutSeconds": 0, "next": "s8",
    }  # fmt: skip
    assert set(problems(document(step | typed, PASS))) == {
        "/steps/0/type",
        "/steps/0/url",
        "/steps/0/headers/c",
        "/steps/0/until",
        "/steps/0/stash/b",
        "/steps/0/catch/0/next",
        "/steps/0/timeoutSeconds",
        "/steps/0/next",
    }


def test_expressions_of_misspelt_fields_are_checked_as_those_of_the_field() -> None:
    step = {"type": "http", "url": "https://x.example", "heders": {"a": "${ secrets.a }"}, "bdy": "${ inptu }"}
    assert set(problems(document(step))) == {"/steps/0/heders", "/steps/0/bdy"}
    with pytest.raises(DefinitionInvalid) as raised:
        parse(document(step))
    assert [problem.path for problem in raised.value.problems].count("/steps/0/bdy") == 2


URL = "https://x.example"
TIME = "2030-01-31T08:00:00+01:00"


@pytest.mark.parametrize(
    ("step", "path", "found", "expected"),
    [
        ({"type": "pass", "input": "${ inptu }"}, "/input", "inptu", ["execution", "input", "stash"]),
        ({"type": "pass", "input": "${ true }"}, "/input", "true", "`true`"),
        ({"type": "pass", "input": "${ a. }"}, "/input", "a.", "a JMESPath expression"),
        ({"type": "pass", "input": "a ${ input"}, "/input", "a ${ input", "a closing }"),
        ({"type": "pass", "input": f"${{ {'a' * 4097} }}"}, "/input", 4097, 4096),
        ({"type": "wait"}, "", "neither", ["seconds", "until"]),
        ({"type": "wait", "seconds": 1, "until": "x"}, "", "both", ["seconds", "until"]),
        ({"type": "wait", "seconds": -1}, "/seconds", -1, "a number from 0 to 3162240000"),
        ({"type": "wait", "until": "x"}, "/until", "x", f"a time of RFC 3339 with its zone like {TIME}"),
        ({"type": "map", "items": "x", "steps": [PASS | {"id": "i", "end": True}]}, "/items", "x", "a list"),
        ({"type": "queue", "queue": "?", "message": 1}, "/queue", "?", "the name, the URL or the ARN of a queue"),
        (
            {"type": "queue", "queue": "q", "message": 1, "delaySeconds": 901},
            "/delaySeconds",
            901,
            "a whole number from 0 to 900",
        ),
        (
            {"type": "queue", "queue": "q.fifo", "message": 1, "delaySeconds": 9},
            "/delaySeconds",
            "q.fifo",
            "no delaySeconds, or another queue",
        ),
        ({"type": "lambda", "function": "a b"}, "/function", "a b", "the name or the ARN of a function"),
        ({"type": "http", "url": "x"}, "/url", "x", "a URL"),
        ({"type": "http", "url": URL, "auth": {}}, "/auth", "nothing", "bearer, or username and password"),
        ({"type": "http", "url": URL, "headers": {"Host": "x"}}, "/headers/Host", "Host", "another header"),
        (
            {"type": "http", "url": URL, "successCodes": [99]},
            "/successCodes/0",
            99,
            "a status like 404 or a class like 2xx",
        ),
        (
            {"type": "http", "url": URL, "body": "${ secrets }"},
            "/body",
            "secrets",
            "${ secrets.name }",
        ),
        (
            {"type": "execute", "definition": "No Id"},
            "/definition",
            "No Id",
            "the id of a definition: lower case letters, digits and -, at most 64",
        ),
        ({"type": "http", "url": "https://a:b@x.example"}, "/url", "https://a:b@x.example", "a URL"),
        (
            {"type": "http", "url": URL, "headers": {"a b": "x"}},
            "/headers/a b",
            "a b",
            "letters, digits and - _ . alone",
        ),
        ({"type": "http", "url": URL, "headers": {"x-a": "x", "X-A": "y"}}, "/headers/X-A", "X-A", "one"),
        ({"type": "human", "title": "t", "inputSchema": {"type": "objct"}}, "/inputSchema/type", "objct", TYPES),
        ({"type": "human", "title": "t", "inputSchema": {"minLength": "1"}}, "/inputSchema/minLength", "1", "integer"),
        ({"type": "callback", "via": {}}, "/via", "nothing", ["http", "lambda", "queue"]),
        ({"type": "choice", "choices": [{"when": "x", "next": "s2"}]}, "/choices/0/when", "x", "a condition"),
    ],
)
def test_what_was_found_and_expected_is_told(step: dict[str, Any], path: str, found: Any, expected: Any) -> None:
    problem = problems(document(step, PASS))[f"/steps/0{path}"]
    assert (problem.found, problem.expected) == (found, expected)


@pytest.mark.parametrize(
    ("step", "path", "message"),
    [
        ({"type": "echo", "mesage": "x", "message": "y"}, "", "a step needs either next or end: true"),
        ({"type": "succeed", "foo": 1, "next": "s2"}, "/next", "next does not belong to a succeed"),
        (
            {"type": "human", "titel": "x", "inputSchema": {"type": "objct"}, "next": "s2"},
            "/inputSchema/type",
            "not a valid JSON Schema: there is no type 'objct', did you mean 'object'?",
        ),
        (
            {"type": "map", "items": "${ input }", "next": "s2", "steps": [{"type": "signal", "nme": 1, "end": True}]},
            "/steps/0/type",
            "a signal cannot be awaited inside a map, whose items may be executions of their own",
        ),
    ],
)
def test_wrong_field_hides_no_other_problem_of_its_step(step: dict[str, Any], path: str, message: str) -> None:
    found = problems({"id": "x", "steps": [{"id": "s1"} | step, PASS | {"id": "s2", "end": True}]})
    assert len(found) > 1
    assert found[f"/steps/0{path}"].message == message


@pytest.mark.parametrize("field", ["next", "nxt"])
def test_cycle_is_told_through_a_step_of_a_wrong_shape(field: str) -> None:
    steps = [{"id": "a", "type": "pass", "foo": 1, field: "b"}, {"id": "b", "type": "pass", "next": "a"}]
    assert ("/maxTransitions" in problems({"id": "x", "steps": steps})) is (field == "next")


def test_missing_step_is_told_with_those_that_are_there() -> None:
    problem = problems({"id": "x", "steps": [PASS | {"id": "a", "next": "c"}, PASS | {"id": "b", "end": True}]})
    assert problem["/steps/0/next"].expected == ["a", "b"]


def test_expression_without_an_end_is_one_problem() -> None:
    choice = {"type": "choice", "choices": [{"when": "${ input.x", "next": "s2"}]}
    with pytest.raises(DefinitionInvalid) as raised:
        parse(document(choice, PASS))
    assert [problem.message for problem in raised.value.problems] == [
        "the expression that begins at character 1 has no closing }"
    ]


@pytest.mark.parametrize(
    ("expression", "needs"),
    [
        ("${ item }", set()),
        ("${ execution.id }", set()),
        ("${ execution.input.a }", {"execution.input"}),
        ("${ stash.x }", {"stash"}),
        ('${ "\\u0073tash".x }', {"stash", "execution.input"}),
        ('${ "\\u0065xecution".input.x }', {"stash", "execution.input"}),
    ],
)
def test_parts_of_a_map_get_what_their_expressions_may_see(expression: str, needs: set[str]) -> None:
    inner = [PASS | {"id": "i", "output": expression, "end": True}]
    definition = parse(document({"type": "map", "items": "${ input }", "steps": inner}))
    assert definition.steps["s1"].needs == needs
