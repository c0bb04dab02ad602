"""Secrets in definitions: known in three fields alone, references are structure, and data never becomes one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.engine.definition import parse
from chalicelib.engine.errors import DefinitionInvalid
from tests.unit.engine.world import World

HTTP: dict[str, Any] = {"id": "call", "type": "http", "url": "https://x.example", "end": True}


def request_of(step: dict[str, Any], given_input: Any = None) -> dict[str, Any]:
    world = World({"id": "d", "steps": [HTTP | step]}, given_input)
    world.run()
    (task,) = world.tasks
    assert task.tenant_id == "123"
    return task.request


def problems(step: dict[str, Any], **document: Any) -> dict[str, str]:
    spec = {name: value for name, value in (HTTP | step).items() if value is not None}
    with pytest.raises(DefinitionInvalid) as caught:
        parse({"id": "d", "steps": [spec]} | document)
    return {problem.path: problem.message for problem in caught.value.problems}


def test_a_reference_leaves_the_request_and_is_listed_beside_it() -> None:
    step = {
        "headers": {"x-a": "key ${ secrets.one } for ${ input }", "x-b": "plain"},
        "auth": {"bearer": "${secrets.two}"},
        "body": {"list": [1, {"deep": '${ secrets."with-dash" }'}], "text": "$${ secrets.one } ${ input }"},
    }
    assert request_of(step, "me") == {
        "method": "GET",
        "url": "https://x.example",
        "headers": {"x-a": "", "x-b": "plain"},
        "auth": {"bearer": ""},
        "body": {"list": [1, {"deep": ""}], "text": "${ secrets.one } me"},
        "secrets": [
            {
                "at": ["headers", "x-a"],
                "parts": [{"text": "key "}, {"secret": "one"}, {"text": " for "}, {"text": "me"}],
            },
            {"at": ["body", "list", 1, "deep"], "parts": [{"secret": "with-dash"}]},
            {"at": ["auth", "bearer"], "parts": [{"secret": "two"}]},
        ],
    }


@pytest.mark.parametrize(
    ("via", "place"),
    [
        ({"http": {"url": "https://x.example", "body": ["${ secrets.key }", "${ task.token }"]}}, "body"),
        ({"lambda": {"function": "f", "payload": [1, "${ task.token }"]}}, "payload"),
        ({"queue": {"queue": "q", "message": [1, "${ task.token }"]}}, "message"),
    ],
)
def test_what_hands_out_a_task_is_a_call_like_others(via: dict[str, Any], place: str) -> None:
    step = {"id": "call", "type": "callback", "via": via, "timeoutSeconds": 60, "end": True}
    world = World({"id": "d", "steps": [step]})
    world.begin()
    world.deliver()
    (task,) = world.tasks
    ((kind, _),) = via.items()
    assert task.type == kind
    assert task.request[place][1].startswith(world.head.id)
    assert ("secrets" in task.request) == (kind == "http")


def test_a_secret_may_not_be_handed_out_by_a_queue() -> None:
    via = {"queue": {"queue": "q", "message": "${ secrets.key }"}}
    with pytest.raises(DefinitionInvalid, match="secrets are known in headers, auth and body"):
        parse({"id": "d", "steps": [{"id": "call", "type": "callback", "via": via, "end": True}]})


def test_a_whole_body_may_be_a_secret() -> None:
    found = request_of({"body": "${ secrets.token }"})
    assert (found["body"], found["secrets"]) == ("", [{"at": ["body"], "parts": [{"secret": "token"}]}])


@pytest.mark.parametrize(
    "text",
    [
        "${ secrets.a } $${ secrets.b }",
        "$$${ secrets.b } ${ secrets.a }",
        "${ secrets.a }$",
        '${ `"${"` } ${ secrets.a }',
    ],
)
def test_what_only_looks_like_a_reference_stays_text(text: str) -> None:
    (hidden,) = request_of({"body": text})["secrets"]
    assert [part["secret"] for part in hidden["parts"] if "secret" in part] == ["a"]


@pytest.mark.parametrize(
    "step",
    [
        {"url": "https://x.example/${ secrets.a }"},
        {"query": {"q": "${ secrets.a }"}},
        {"input": "${ secrets.a }"},
        {"output": "${ secrets.a }"},
        {"stash": {"kept": "${ secrets }"}},
        {"catch": [{"errors": ["*"], "next": "call", "stash": {"kept": "${ secrets.a }"}}]},
        {"type": "echo", "message": "${ secrets.a }", "url": None},
        {"type": "lambda", "function": "f", "payload": "${ secrets.a }", "url": None},
        {"type": "queue", "queue": "q", "message": "${ secrets.a }", "url": None},
    ],
)
def test_secrets_are_refused_everywhere_else(step: dict[str, Any]) -> None:
    found = problems(step)
    assert "secrets are known in headers, auth and body of an outgoing http request alone" in found.values()


def test_secrets_are_refused_in_the_output_of_the_execution() -> None:
    assert "/output" in problems({}, output="${ secrets.a }")


@pytest.mark.parametrize(
    "expression",
    [
        "secrets",
        "secrets.a.b",
        "secrets.*",
        "secrets.a || 'x'",
        "join('', [secrets.a])",
        "[secrets.a]",
        "secrets[0]",
        "to_string(secrets)",
        'secrets."a/../b"',
        'secrets."a.b"',
        'secrets.""',
        "{x: secrets.a}",
    ],
)
def test_a_secret_stands_alone(expression: str) -> None:
    found = problems({"headers": {"x-a": f"${{ {expression} }}"}})
    assert list(found) == ["/steps/0/headers/x-a"]
    assert "a secret stands alone" in found["/steps/0/headers/x-a"]


@pytest.mark.parametrize("expression", ["@", "@.secrets", "[@][0].secrets", "input.secrets", "*"])
def test_no_expression_finds_secrets_in_the_scope(expression: str) -> None:
    found = request_of({"body": {"x": f"${{ {expression} }}"}}, {"a": 1})
    assert "secrets" not in found
    assert "secrets" not in str(found["body"])


def test_texts_with_secrets_are_bounded() -> None:
    found = problems({"body": [f"${{ secrets.s{i} }}" for i in range(21)]})
    assert found == {"/steps/0/body/20": "at most 20 texts of a request may have secrets"}


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "Proxy-Authorization"])
def test_headers_that_frame_a_request_are_refused(name: str) -> None:
    assert problems({"headers": {name: "x"}}) == {f"/steps/0/headers/{name}": f"the header {name} is set by sedo alone"}


LOOKS_LIKE_ONE = st.sampled_from(
    ["${ secrets.other }", "$${ secrets.other }", "secrets.other", '{"secret":"other"}', "${secrets.other}", "}", "${"]
)
TEXT = st.text() | LOOKS_LIKE_ONE
DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(TEXT | st.sampled_from(["secrets", "secret", "at", "parts"]), below, max_size=3)
    ),
    max_leaves=10,
)


@given(DATA)
def test_data_never_becomes_a_reference(data: Any) -> None:
    step = {
        "headers": {"x-a": "${ secrets.mine }${ to_string(input) }"},
        "body": {"whole": "${ input }", "secrets": [{"at": ["headers", "x-a"], "parts": [{"secret": "literal"}]}]},
    }
    found = request_of(step, {"data": data})
    names = [part["secret"] for hidden in found["secrets"] for part in hidden["parts"] if "secret" in part]
    assert names == ["mine"]
    assert [hidden["at"] for hidden in found["secrets"]] == [["headers", "x-a"]]
    assert found["body"]["whole"] == {"data": data}
