"""`sedo execute` and `sedo executions` against the real routes; what those do not have yet, against its shape."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.api.local import EXAMPLE
from tests.unit.cli.conftest import Service
from tests.unit.cli.serving import TENANT, Asked, Cli, Said, problem, serving

PURE = {"id": "pure", "steps": [{"id": "hello", "type": "echo", "message": "hello", "end": True}]}
FAILING = {"id": "failing", "steps": [{"id": "stop", "type": "fail", "error": "Told.To", "cause": "because"}]}
INPUT = '{"foo": "bar"}'


@pytest.fixture(autouse=True)
def stored(service: Service) -> None:
    for document in (PURE, FAILING, EXAMPLE):
        assert service.api.post("definitions", document).status == 201


def start(cli: Cli, *words: str) -> str:
    return str(cli.json("execute", "example-definition", "--input", INPUT, *words)["id"])


def test_execute_prints_the_id(cli: Cli) -> None:
    execution = cli("execute", "pure").stdout.strip()
    assert cli.json("executions", "get", execution)["state"] == "ExecutionSucceeded"


def test_follow_shows_steps_and_prints_the_output(cli: Cli) -> None:
    done = cli("execute", "pure", "--input", '{"a": [1]}', "--follow")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {"a": [1]}
    said = done.stderr.splitlines()
    assert said[0].endswith(" started")
    assert said[1:] == [
        "    0.000 s  ExecutionSubmitted",
        "    0.000 s  StepStarted           hello",
        "    0.000 s  StepSucceeded         hello                     hello",
        '    0.000 s  ExecutionSucceeded                              {"a": [1]}',
    ]
    assert cli.json("execute", "pure", "--follow")["state"] == "ExecutionSucceeded"


def test_any_end_but_success_is_exit_code_1(cli: Cli) -> None:
    done = cli("execute", "failing", "-f")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.endswith("sedo: ExecutionFailed at stop: Told.To: because\n")
    shown = cli("execute", "failing", "-f", "--json")
    assert (shown.exit_code, json.loads(shown.stdout)["state"]) == (1, "ExecutionFailed")


def test_inputs_come_from_files_and_standard_input(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "in.yaml").write_text("foo: 'yes'\n")
    (tmp_path / "in.json").write_text('{"foo": "json"}')
    for given, wanted in ((f"@{tmp_path}/in.yaml", "yes"), (f"@{tmp_path}/in.json", "json"), ("-", "stdin")):
        done = cli("execute", "example-definition", "--input", given, "--json", given='{"foo": "stdin"}')
        assert cli.json("executions", "get", json.loads(done.stdout)["id"])["input"] == {"foo": wanted}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('{"foo":\n x}', "sedo: --input:2:2: not valid JSON"),
        ("@missing.json", "sedo: missing.json: No such file or directory"),
        ("-", "sedo: standard input:1:1: not valid JSON"),
        ('{"a": 1, "a": 2}', "sedo: --input:1:10: key 'a' is written twice in one object"),
    ],
)
def test_an_input_that_is_none_starts_nothing(service: Service, given: str, said: str) -> None:
    before = service.api.store.writes
    done = service.cli("execute", "example-definition", "--input", given)
    assert done.exit_code == 2
    assert done.stderr.startswith(said)
    assert service.api.store.writes == before


def test_an_input_against_the_schema_is_refused(cli: Cli) -> None:
    done = cli("execute", "example-definition", "--input", '{"fo": 1}')
    assert (done.exit_code, done.stderr.splitlines()) == (
        1,
        [
            "sedo: input does not pass inputSchema validation",
            "  /foo: field 'foo' is missing",
            "  /fo: unknown field 'fo', expected foo, did you mean 'foo'?",
        ],
    )
    document = json.loads(cli("execute", "example-definition", "--input", '{"fo": 1}', "--json").stderr)
    assert document["detail"].startswith("Additional properties are not allowed ('fo' was unexpected)")


def test_an_input_is_looked_at_by_the_version_that_refused_it(service: Service) -> None:
    schema = {"type": "object", "properties": {"amount": {"type": "number", "exclusiveMinimum": 0}}}
    assert service.api.post("definitions", PURE | {"inputSchema": schema}).status == 201
    assert service.api.post("definitions", PURE | {"inputSchema": {"type": "array"}}).status == 201
    words = ("execute", "pure", "--input", '{"amount": -20}')
    old, new = service.cli(*words, "--version", "2").stderr, service.cli(*words).stderr
    assert old.splitlines()[1:] == ["  /amount: expected more than 0, found -20"]
    assert new.splitlines()[1:] == ["  expected a value of type array, found an object"]


@pytest.mark.parametrize(
    "schema",
    [
        Said(404),
        Said(200, {"definition": {"inputSchema": {}}}),
        Said(200, {"definition": {"inputSchema": {"$ref": "#/nowhere"}}}),
        Said(200, {"definition": {"inputSchema": {"pattern": "(?P<"}}}),
    ],
)
def test_what_cannot_be_looked_at_here_is_said_as_the_service_says_it(schema: Said) -> None:
    refusal = problem(400, "input does not pass inputSchema validation", "1 is not of type 'object'")
    with serving(lambda asked: refusal if asked.method == "POST" else schema) as url:
        done = Cli(url)("execute", "a", "--input", '"1"')
    title = "input does not pass inputSchema validation"
    assert (done.exit_code, done.stderr) == (1, f"sedo: {title}: 1 is not of type 'object'\n")


def test_a_name_starts_once(cli: Cli) -> None:
    first = start(cli, "--name", "monday")
    assert start(cli, "--name", "monday", "--version", "1") == first
    other = cli("execute", "example-definition", "--input", '{"foo": "other"}', "--name", "monday")
    assert other.exit_code == 1
    assert "name is taken: name 'monday' was used with another input or version" in other.stderr
    assert cli("execute", "example-definition", "--input", INPUT, "--version", "2").exit_code == 1


def test_list(service: Service) -> None:
    cli = service.cli
    waiting = start(cli)
    service.api.now_ms += 1
    ended = cli("execute", "pure").stdout.strip()
    found = cli.json("executions", "list")
    assert [item["id"] for item in found] == [ended, waiting]
    assert [item["id"] for item in cli.json("executions", "list", "--limit", "1")] == [ended]
    assert [item["id"] for item in cli.json("executions", "list", "--definition", "pure")] == [ended]
    states = ("--state", "StepStarted", "--state", "ExecutionFailed")
    assert [item["id"] for item in cli.json("executions", "list", *states)] == [waiting]
    assert [item["id"] for item in cli.json("executions", "list", "--state", "started")] == [waiting]
    assert [item["id"] for item in cli.json("executions", "list", "--state", "succeeded")] == [ended]
    for short in ("submitted", "failed", "timedOut", "cancelled"):
        assert cli.json("executions", "list", "--state", short) == []
    lines = cli("executions", "list").stdout.splitlines()
    assert lines[0].split() == ["ID", "STATE", "STEP"]
    assert lines[2].split() == [waiting, "StepStarted", "wait-some-time"]
    wrong = cli("executions", "list", "--state", "Done")
    assert wrong.exit_code == 1
    assert "/query/state" in wrong.stderr


def test_get(service: Service) -> None:
    execution = start(service.cli, "--name", "n")
    shown = dict(line.split(maxsplit=1) for line in service.cli("executions", "get", execution).stdout.splitlines())
    assert shown["state"] == "StepStarted"
    assert shown["definition"] == "example-definition, version 1"
    assert shown["input"] == INPUT
    assert "output" not in shown
    missing = service.cli("executions", "get", "123:nobody:1")
    assert (missing.exit_code, missing.stderr) == (1, "sedo: not found: execution 123:nobody:1 is unknown\n")


def test_history(cli: Cli) -> None:
    execution = start(cli)
    events = cli.json("executions", "history", execution)
    assert [event["seq"] for event in events] == [1, 2, 3, 4]
    assert len(cli("executions", "history", execution).stdout.splitlines()) == 4
    some = cli("executions", "history", execution, "--limit", "2")
    assert len(some.stdout.splitlines()) == 2
    assert some.stderr == "there is more: --limit 2 was reached\n"


def test_cancel(cli: Cli) -> None:
    execution = start(cli)
    assert cli.json("executions", "cancel", execution, "--cause", "enough")["state"] == "ExecutionCancelled"
    assert cli("executions", "cancel", execution).stdout.splitlines()[1].split() == [execution, "ExecutionCancelled"]
    followed = cli("executions", "history", execution, "--follow")
    assert followed.exit_code == 1
    assert followed.stderr.endswith("sedo: ExecutionCancelled at wait-some-time: Execution.Cancelled: enough\n")
    ended = cli("execute", "pure").stdout.strip()
    refused = cli("executions", "cancel", ended)
    assert refused.exit_code == 1
    assert refused.stderr.startswith("sedo: execution 123:pure:")
    assert refused.stderr.endswith(" has ended: ExecutionSucceeded\n")


def test_graph_of_an_execution(service: Service) -> None:
    execution = start(service.cli)
    service.api.now_ms += 2000
    drawn = service.cli("executions", "graph", execution)
    assert drawn.stdout.startswith("flowchart TD\n")
    assert drawn.stdout.endswith(
        "  class s2 running\n  classDef succeeded fill:#d3f9d8,stroke:#2b8a3e,color:#000\n  class s1 succeeded\n"
    )
    rows = service.cli.json("executions", "graph", execution)["steps"]
    assert [(row["step"], row["state"], row["visits"]) for row in rows] == [
        ("initial-echo", "succeeded", 1),
        ("wait-some-time", "running", 1),
        ("last-echo", None, 0),
    ]
    picture = service.cli("executions", "graph", execution, "--once").stdout
    assert picture.splitlines()[0] == f"{execution}  StepStarted"
    assert "▶ wait-some-time" in picture


def test_the_graph_is_that_of_the_version_which_runs(service: Service) -> None:
    execution = start(service.cli)
    assert (
        service.api.post("definitions", EXAMPLE | {"steps": [{"id": "new", "type": "pass", "end": True}]}).status == 201
    )
    assert "wait-some-time" in service.cli("executions", "graph", execution).stdout


def test_signal_and_redrive_speak_the_shape() -> None:
    asked: list[Asked] = []

    def answer(request: Asked) -> Said:
        asked.append(request)
        if request.path.endswith("/redrive"):
            return Said(202, {"id": "123:a:1", "state": "StepStarted", "tenantId": "123"})
        if request.path.endswith("/signals/paid") and request.json == {"amount": 5}:
            return Said(204)
        return problem(409, "execution has ended", "execution 123:a:1 has ended: ExecutionSucceeded")

    with serving(answer) as url:
        cli = Cli(url)
        assert cli.json("executions", "redrive", "123:a:1")["state"] == "StepStarted"
        for version in ("latest", "2"):
            assert cli("executions", "redrive", "123:a:1", "--version", version).exit_code == 0
        wrong = cli("executions", "redrive", "123:a:1", "--version", "newest")
        assert (wrong.exit_code, "expected a number from 1 or 'latest', found 'newest'" in wrong.stderr) == (2, True)
        sent = cli("executions", "signal", "123:a:1", "paid", "--input", '{"amount": 5}')
        assert (sent.exit_code, sent.stdout, sent.stderr) == (0, "", "paid was sent to 123:a:1\n")
        assert cli.json("executions", "signal", "123:a:1", "paid", "--input", '{"amount": 5}')["signal"] == "paid"
        late = cli("executions", "signal", "123:a:1", "late/signal")
        assert (late.exit_code, late.stderr) == (1, "sedo: execution 123:a:1 has ended: ExecutionSucceeded\n")
    assert [request.json for request in asked[:3]] == [{}, {"version": "latest"}, {"version": 2}]
    assert [(request.method, request.path) for request in asked[2:4]] == [
        ("POST", f"{TENANT}/executions/123%3Aa%3A1/redrive"),
        ("POST", f"{TENANT}/executions/123%3Aa%3A1/signals/paid"),
    ]
    assert asked[-1].path.endswith("/signals/late%2Fsignal")
