"""What the rules say, and what they do not, beyond the page's examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.engine import values
from sedo.lint.linting import ahead, lint
from tests.unit.engine.world import document

RETRY = [{"errors": ["*"]}]
HTTP = {"type": "http", "url": "https://x.example", "retry": RETRY}
POST = HTTP | {"method": "POST"}


def found(rule: str, *steps: dict[str, Any], **fields: Any) -> list[str]:
    return [at for name, _, at, _ in ahead(document(*steps, **fields)) if name == rule]


@pytest.mark.parametrize(
    ("following", "used"),
    [
        ([{"type": "pass", "output": 1}], False),
        ([{"type": "succeed"}], True),
        ([{"type": "succeed", "output": 1}], False),
        ([{"type": "wait", "seconds": 1}, {"type": "echo", "message": "${ input }"}], True),
        ([{"type": "wait", "seconds": 1, "input": {}}, {"type": "echo", "message": "${ input }"}], False),
        ([{"type": "pass", "stash": {"x": "${ input.body }"}, "output": 1}], True),
        ([{"type": "lambda", "function": "f"}], True),
        ([{"type": "lambda", "function": "f", "payload": 1}], False),
        ([{"type": "queue", "queue": "q", "message": 1}], False),
        ([POST | {"catch": [{"errors": ["*"], "next": "s3"}]}, {"type": "echo", "message": "${ input.status }"}], True),
        ([POST | {"catch": [{"errors": ["*"], "next": "s3"}]}, {"type": "echo", "message": "x", "output": 1}], False),
        ([{"type": "parallel", "branches": [{"steps": [{"id": "b", "type": "pass", "end": True}]}]}], True),
        ([{"type": "map", "items": "${ input.body }", "steps": [{"id": "b", "type": "pass", "end": True}]}], True),
        ([{"type": "map", "items": [1], "steps": [{"id": "b", "type": "pass", "end": True}]}], False),
    ],
)
def test_result_is_used_where_somebody_reads_it(following: list[dict[str, Any]], used: bool) -> None:
    assert (found("unused-result", HTTP, *following) == []) is used


def test_definitions_output_decides_what_is_used_at_the_end() -> None:
    assert found("unused-result", HTTP, output="${ output.body }") == []
    assert found("unused-result", HTTP, output={"at": "${ execution.startedAt }"}) == ["/steps/0"]


def test_result_of_a_branch_is_used_where_that_of_its_fan_out_is() -> None:
    branch = {"steps": [HTTP | {"id": "b", "end": True}]}
    fan_out = {"type": "parallel", "branches": [branch]}
    assert found("unused-result", fan_out, {"type": "echo", "message": "${ input[0] }"}) == []
    after = {"type": "pass", "output": 1}
    assert found("unused-result", fan_out, after) == ["/steps/0/branches/0/steps/0"]


def test_calls_that_change_something_need_no_reader() -> None:
    assert found("unused-result", POST, {"type": "succeed", "output": 1}) == []


def test_whole_stash_reads_every_name() -> None:
    assert found("unused-stash", {"type": "pass", "stash": {"x": 1}}) == ["/steps/0/stash/x"]
    assert found("unused-stash", {"type": "pass", "stash": {"x": 1}}, output="${ stash }") == []
    assert found("unused-stash", {"type": "pass", "stash": {"x": 1}}, output="${ stash.{x: x} }") == []
    assert found("unused-stash", {"type": "pass", "stash": {"x": 1}}, output="${ @ }") == []


@pytest.mark.parametrize(
    ("step", "error", "dead"),
    [
        (HTTP, "Http", False),
        (HTTP, "Http.5xx", False),
        (HTTP, "Http.3xx", True),
        (HTTP, "Http.200", True),
        (HTTP, "Http.700", True),
        (HTTP | {"successCodes": [200]}, "Http.201", False),
        (HTTP | {"successCodes": ["2xx", "4xx"]}, "Http.4xx", True),
        (HTTP, "Http.ConnectionFailed", False),
        (HTTP, "Task.Timeout", False),
        (HTTP, "Choice.NoMatch", True),
        (HTTP, "Execution.Timeout", True),
        (HTTP, "Order.Refused", True),
        ({"type": "wait", "seconds": 1}, "Task.Timeout", True),
        ({"type": "wait", "seconds": 1, "timeoutSeconds": 1}, "Task.Timeout", False),
        ({"type": "wait", "seconds": 1}, "Expression.Failed", False),
        ({"type": "echo", "message": 1}, "Data.TooLarge", False),
        ({"type": "echo", "message": 1}, "Sedo", False),
        ({"type": "lambda", "function": "f"}, "My.Own", True),
        ({"type": "lambda", "function": "f"}, "Lambda", False),
        ({"type": "lambda", "function": "f"}, "Lambda.ValueError", False),
        ({"type": "lambda", "function": "f"}, "Queue.NotFound", True),
        ({"type": "queue", "queue": "q", "message": 1}, "Queue.NotFound", False),
        ({"type": "queue", "queue": "q", "message": 1}, "Task", False),
        ({"type": "callback", "via": {}}, "My.Own", False),
        ({"type": "human"}, "My.Own", False),
        ({"type": "signal", "name": "go"}, "My.Own", True),
        ({"type": "signal", "name": "go"}, "Task.Timeout", True),
        ({"type": "signal", "name": "go", "timeoutSeconds": 1}, "Task.Timeout", False),
        ({"type": "parallel", "branches": []}, "My.Own", False),
    ],
)
def test_catch_is_dead_when_the_step_cannot_fail_so(step: dict[str, Any], error: str, dead: bool) -> None:
    catch = [{"errors": [error], "next": "s2"}]
    assert (found("dead-catch", step | {"catch": catch}, {"type": "succeed"}) != []) is dead


@pytest.mark.parametrize(
    ("first", "second", "dead"),
    [
        ("*", "Http", True),
        ("Http", "Http.503", True),
        ("Http", "Http.5xx", True),
        ("Http.5xx", "Http.503", True),
        ("Http.503", "Http.5xx", False),
        ("Http.5xx", "*", False),
        ("Http.5xx", "Http.404", False),
        ("Task.Timeout", "Task", False),
    ],
)
@pytest.mark.parametrize(("field", "more"), [("catch", {"next": "s2"}), ("retry", {})])
def test_entry_is_dead_behind_one_that_covers_it(
    first: str, second: str, dead: bool, field: str, more: dict[str, Any]
) -> None:
    entries = [{"errors": [first], **more}, {"errors": [second], **more}]
    expected = [f"/steps/0/{field}/1/errors/0"] if dead else []
    assert found(f"dead-{field}", HTTP | {field: entries}, {"type": "succeed"}) == expected


@pytest.mark.parametrize(
    ("step", "warned"),
    [
        ({"type": "http", "url": "https://x.example"}, True),
        ({"type": "http", "url": "https://x.example", "retry": []}, True),
        (HTTP, False),
        ({"type": "lambda", "function": "f"}, True),
        ({"type": "queue", "queue": "q", "message": 1}, True),
        ({"type": "callback", "via": {"http": {"url": "https://x.example"}}}, True),
        ({"type": "execute", "definition": "d"}, False),
        ({"type": "human", "title": "?"}, False),
        ({"type": "wait", "seconds": 1}, False),
    ],
)
def test_calls_need_a_retry(step: dict[str, Any], warned: bool) -> None:
    assert (found("no-retry", step) != []) is warned


def test_answer_that_was_asked_for_is_to_be_used() -> None:
    human = {"type": "human", "title": "Do it, and say so"}
    assert found("unused-result", human, {"type": "pass", "output": 1}) == []
    asked = human | {"inputSchema": {"type": "object"}}
    assert found("unused-result", asked, {"type": "pass", "output": 1}) == ["/steps/0"]


def looping(*between: dict[str, Any]) -> list[dict[str, Any]]:
    back = {"type": "choice", "choices": [{"when": "${ input }", "next": "s1"}], "default": f"s{len(between) + 2}"}
    return [*between, back, {"type": "succeed"}]


@pytest.mark.parametrize(
    ("between", "hot"),
    [
        ([POST], True),
        ([POST, {"type": "wait", "seconds": 1}], False),
        ([POST, {"type": "wait", "seconds": 0}], True),
        ([POST, {"type": "wait", "seconds": "${ input.body }"}], False),
        ([{"type": "echo", "message": 1}], False),
        ([{"type": "lambda", "function": "f", "retry": RETRY}], True),
        ([POST, {"type": "signal", "name": "go"}], False),
        ([POST, {"type": "human", "title": "?"}], False),
        ([{"type": "execute", "definition": "d", "wait": False, "retry": RETRY}], True),
        ([{"type": "map", "items": [1], "steps": [POST | {"id": "b", "end": True}]}], True),
        ([POST, {"type": "map", "items": [1], "steps": [{"id": "b", "type": "signal", "end": True}]}], False),
    ],
)
def test_loop_is_hot_when_it_calls_and_never_waits(between: list[dict[str, Any]], hot: bool) -> None:
    assert (found("hot-loop", *looping(*between), maxTransitions=9) != []) is hot


def test_catch_that_leads_back_is_a_loop() -> None:
    step = POST | {"id": "a", "catch": [{"errors": ["*"], "next": "a"}]}
    assert found("hot-loop", step) == ["/steps/0"]


@pytest.mark.parametrize(
    ("when", "never"),
    [
        (False, True),
        ("${ `[]` }", True),
        ("${ stash.n == `2` }", True),
        ("${ stash.n == `1` || input }", False),
        ("${ stash.n > 'x' }", True),
        ("${ !(stash.n) }", True),
        ("${ stash.text == 'x' }", False),
        ("${ stash.text == `1` }", True),
        ("${ length(stash.list) > `3` }", False),
        ("${ execution.input.a == 'c' }", True),
        ("${ contains(['a'], execution.input.a) }", False),
    ],
)
def test_arm_that_never_holds(when: Any, never: bool) -> None:
    schema = {
        "type": "object",
        "required": ["a", "t"],
        "properties": {"a": {"enum": ["a", "b"]}, "t": {"type": "string"}},
    }
    stash: dict[str, Any] = {"n": 1, "text": "${ input.t }", "list": "${ [input.t] }"}
    choice = {"type": "choice", "choices": [{"when": when, "next": "s3"}], "default": "s4"}
    steps: list[dict[str, Any]] = [
        {"type": "pass", "stash": stash},
        choice,
        {"type": "succeed"},
        {"type": "succeed", "output": 1},
    ]
    expected = ["/steps/1/choices/0/when"] if never else []
    assert [at for at in found("unreachable-arm", *steps, inputSchema=schema) if "choices" in at] == expected


def test_thing_that_is_found_twice_in_one_text_is_told_once(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps(document({"type": "echo", "message": "${ stash.x } and ${ stash.x }"})))
    assert len(lint(file)) == 1


def test_not_in_front_of_a_path_is_about_its_first_name_alone() -> None:
    assert found("never-filled", {"type": "echo", "message": "${ !execution.name }"}) == ["/steps/0/message"]
    assert found("never-filled", {"type": "echo", "message": "${ !(execution.name) }"}) == []


def test_sizes_are_measured_as_the_engine_measures_them() -> None:
    def echoing(length: int) -> list[str]:
        return found("does-not-fit", {"type": "echo", "message": "x" * length})

    limit = values.MAX_VALUE_BYTES
    assert echoing(limit - 2) == []
    assert echoing(limit - 1) == ["/steps/0/message"]
    half = "x" * (limit // 2)
    both: list[dict[str, Any]] = [{"type": "pass", "stash": {"a": half}}, {"type": "pass", "stash": {"b": half}}]
    assert found("does-not-fit", *both) == ["/steps/1/stash"]
    doubled = {"type": "pass", "output": "${ [input, input] }"}
    assert found("does-not-fit", doubled, inputSchema={"minLength": limit // 2}) == []
    long = {"type": "string", "minLength": limit // 2}
    assert found("does-not-fit", doubled, inputSchema=long) == ["/steps/0/output"]
    assert found("does-not-fit", POST | {"body": "x" * 1_000_000}) == []
    assert found("does-not-fit", POST | {"body": "x" * 1_100_000}) == ["/steps/0/body"]


def sentences(rule: str, *steps: dict[str, Any], **fields: Any) -> list[str]:
    return [said for name, _, _, said in ahead(document(*steps, **fields)) if name == rule]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{{ input.name }}", "{{ input.name }}"),
        ("dear {{name}}, hello", "{{name}}"),
        ("at $(date) sharp", "$(date)"),
        ("$.input.name", "$.input.name"),
        ("$$.Execution.Id", "$$.Execution.Id"),
        ("${ input } and {{ input }}", "{{ input }}"),
        ("costs $5 or $.50, (all in)", None),
        ("{a: {b: 1}}", None),
        ("see $.input.name", None),
        ("$${{ x }} is GitHub's", None),
        ("${ input.{a: b} }", None),
        ("a $ (in brackets) {{}}", None),
        ("$", None),
    ],
)
def test_texts_of_other_systems_are_told(text: str, told: str | None) -> None:
    found = sentences("foreign-template", {"type": "echo", "message": [text]})
    assert found == ([] if told is None else [f"{told!r} is sent as it stands; expressions are written ${{ … }}"])


def test_texts_that_are_no_templates_may_look_like_any() -> None:
    step = {"type": "human", "title": "t", "uiSchema": {"help": "{{ x }}"}, "inputSchema": {"title": "$(x)"}}
    assert sentences("foreign-template", step, description="{{ x }}") == []


@pytest.mark.parametrize(
    ("step", "error", "meant"),
    [
        (HTTP, "Http.ConectionFailed", "Http.ConnectionFailed"),
        (HTTP, "Http.5XX", "Http.5xx"),
        (HTTP, "Http.3xx", None),
        (HTTP, "Tsak.Timeout", "Task.Timeout"),
        ({"type": "wait", "seconds": 1}, "Task.Timeot", None),
        ({"type": "wait", "seconds": 1}, "Data.TooLagre", "Data.TooLarge"),
    ],
)
def test_dead_entry_says_what_may_be_meant(step: dict[str, Any], error: str, meant: str | None) -> None:
    catch = [{"errors": [error], "next": "s2"}]
    (said,) = sentences("dead-catch", step | {"catch": catch}, {"type": "succeed"})
    assert said.endswith("cannot fail with it" if meant is None else f"cannot fail with it, did you mean {meant!r}?")


OPEN: list[dict[str, Any]] = [
    {"type": "human", "title": "t"},
    {"type": "callback", "via": {}},
    {"type": "parallel", "branches": []},
]


@pytest.mark.parametrize("step", OPEN)
@pytest.mark.parametrize(
    ("error", "meant"),
    [
        ("Task.TimedOut", "Task.Timeout"),
        ("Task.timeout", "Task.Timeout"),
        ("Sedo.ProcessFailed", "Sedo.ProcessingFailed"),
        ("Task.Timeout", None),
        ("Task", None),
        ("Http.503", None),
        ("Http", None),
        ("Lambda.ValueError", None),
        ("Order.Refused", None),
        ("Payment.Failed", None),
        ("Order.NotFound", None),
        ("*", None),
    ],
)
def test_names_that_are_nearly_ours_are_told_where_any_may_come(
    step: dict[str, Any], error: str, meant: str | None
) -> None:
    step = step | {"retry": [{"errors": [error]}], "catch": [{"errors": [error], "next": "s2"}]}
    expected = [] if meant is None else [f"no error of the name {error!r} is known, did you mean {meant!r}?"]
    for rule in ("dead-retry", "dead-catch"):
        assert sentences(rule, step, {"type": "succeed"}) == expected


def test_name_that_the_file_itself_raises_is_no_slip() -> None:
    step = OPEN[0] | {"catch": [{"errors": ["Task.TimedOut"], "next": "s2"}]}
    assert sentences("dead-catch", step, {"type": "fail", "error": "Task.TimedOut"}) == []


def test_condition_without_an_order_says_why() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]}
    rest = ({"type": "succeed"}, {"type": "succeed"})
    for when, ending in (
        ("${ input.n > 'ten' }", "> orders two numbers or two texts, and left of it is number, right of it text"),
        ("${ '10' <= input.n }", "right of it number; a number is written in backticks: `10`"),
        ("${ input.n == '10' }", "never holds"),
    ):
        (said,) = sentences("unreachable-arm", _choosing(when), *rest, inputSchema=schema)
        assert said.endswith(ending)


def _choosing(when: str) -> dict[str, Any]:
    return {"type": "choice", "choices": [{"when": when, "next": "s2"}], "default": "s3"}
