"""`sedo test`: the real engine decides, and whatever is otherwise, missing or too much is said with its place."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from sedo.cli.app import root

ROOT = Path(__file__).parents[3]
HTTP = '{ id: ask, type: http, method: POST, url: "https://x.example/", output: "${ output.body }", end: true }'


class Bench:
    """A definition and its test file in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, steps: str, cases: str, *, head: str = "", **others: str) -> None:
        (self.folder / "d.yaml").write_text(f"id: d\n{head}steps:\n{_indented(steps)}")
        (self.folder / "d.test.yaml").write_text(f"cases:\n{_indented(cases)}")
        for name, text in others.items():
            (self.folder / f"{name}.yaml").write_text(text)

    def run(self, *words: str) -> Result:
        done = CliRunner().invoke(root, ["test", str(self.folder / "d.yaml"), *words])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    def case(self) -> dict[str, Any]:
        """What became of the one case."""
        found = json.loads(self.run("--json").stdout)["files"][0]["cases"]
        assert len(found) == 1
        return dict(found[0])

    def passes(self) -> dict[str, Any]:
        found = self.case()
        assert found["passed"], found["problems"]
        return found

    def complains(self) -> list[str]:
        """`LINE:COLUMN message` of each problem."""
        return [f"{one['place'].partition('.yaml:')[2]} {one['message']}" for one in self.case()["problems"]]


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.strip("\n").split("\n"))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize("path", sorted(ROOT.glob("examples/*.test.yaml")), ids=lambda path: path.stem)
def test_the_examples_pass(path: Path) -> None:
    done = CliRunner().invoke(root, ["test", str(path)])
    assert done.exit_code == 0, done.output


def test_two_years_take_no_time(bench: Bench) -> None:
    bench.write(
        "- { id: pause, type: wait, seconds: 63072000, end: true }", "- { name: a, expect: { state: succeeded } }"
    )
    began = time.monotonic()
    found = bench.passes()
    assert found["seconds"] == pytest.approx(63_072_000, abs=2)
    assert found["milliseconds"] < 1000
    assert time.monotonic() - began < 20


def test_attempts_take_answers_in_order_and_a_late_answer_is_a_timeout(bench: Bench) -> None:
    step = HTTP.replace("end: true", 'timeoutSeconds: 10, retry: [{ errors: ["*"], maxAttempts: 4 }], end: true')
    answers = "[{ after: 10 }, { output: { status: 503 } }, "
    answers += "{ error: { name: Own.Error } }, { after: 9, output: { body: 4 } }]"
    bench.write(f"- {step}", f"- {{ name: a, mocks: {{ ask: {answers} }}, expect: {{ output: 4, path: [ask] }} }}")
    assert bench.passes()["seconds"] == pytest.approx(10 + 1 + 2 + 4 + 9, abs=1)


def test_a_person_answers_later_and_not_in_time(bench: Bench) -> None:
    steps = """
- id: ok
  type: human
  timeoutSeconds: 3600
  retry: [{ errors: [Task.Timeout], maxAttempts: 2 }]
  inputSchema: { type: object, required: [yes] }
  output: ${ output.yes }
  end: true
"""
    bench.write(
        steps,
        "- { name: a, mocks: { ok: [{ never: true }, { after: 3000, output: { 'yes': 1 } }] }, expect: { output: 1 } }",
    )
    assert bench.passes()["seconds"] > 6600


def test_a_persons_answer_must_pass_the_schema(bench: Bench) -> None:
    bench.write(
        "- { id: ok, type: human, inputSchema: { type: object }, end: true }",
        "- { name: a, mocks: { ok: [{ output: 1 }] }, expect: { output: 1 } }",
    )
    (said,) = bench.complains()
    assert said.startswith("2:30 the answer does not pass the step's inputSchema: 1 is not of type 'object'")


CALLBACK = """
- id: render
  type: callback
  via: { http: { method: POST, url: "https://r.example/", body: { token: "${ task.token }" } } }
  heartbeatSeconds: 100
  catch: [{ errors: [Task.HeartbeatTimeout], next: silent }]
  end: true
- { id: silent, type: succeed, output: silent }
"""


@pytest.mark.parametrize(
    ("answer", "output"),
    [
        ("{ after: 250, heartbeats: [90, 180], output: film }", "film"),
        ("{ after: 250, heartbeats: [90], output: film }", "silent"),
        ("{ after: 50, output: film }", "film"),
    ],
)
def test_heartbeats_keep_a_task_alive(bench: Bench, answer: str, output: str) -> None:
    bench.write(CALLBACK, f"- {{ name: a, mocks: {{ render: [{answer}] }}, expect: {{ output: {output} }} }}")
    bench.passes()


def test_the_call_that_hands_out_a_task_may_fail(bench: Bench) -> None:
    call = "[{ call: { error: { name: Http.502, cause: bad gateway } } }]"
    bench.write(
        CALLBACK,
        f"- {{ name: a, mocks: {{ render: {call} }}, expect: {{ error: {{ name: Http.502, cause: gateway }} }} }}",
    )
    bench.passes()


def test_signals_come_for_the_step_or_for_the_case(bench: Bench) -> None:
    steps = "- { id: one, type: signal, name: paid, next: two }\n- { id: two, type: signal, name: sent, end: true }"
    cases = "- { name: a, mocks: { one: [{ after: 5, output: 7 }] }, signals: [{ name: sent, payload: 9 }], "
    cases += "expect: { output: 9 } }"
    bench.write(steps, cases)
    bench.passes()
    bench.write(steps, cases.replace("[{ name: sent, payload: 9 }]", "[{ name: sent, payload: 9 }, { name: sent }]"))
    assert bench.complains() == ["2:97 no step took this signal, sent"]


def test_items_have_answers_of_their_own_also_in_maps_that_are_shared_out(bench: Bench) -> None:
    steps = f"""
- id: all
  type: map
  items: "${{ input.list }}"
  toleratedFailurePercentage: 10
  steps: [{HTTP}]
  end: true
"""
    cases = f"""
- name: a
  input: {{ list: {list(range(90))} }}
  mocks:
    ask:
      items:
        "*": [{{ output: {{ body: usual }} }}]
        "1": [{{ output: {{ body: special }} }}]
        "85": [{{ error: {{ name: Odd.Item }} }}]
  expect: {{ path: [{{ all: {{ "1": [ask], "85": [ask] }} }}] }}
"""
    bench.write(steps, cases)
    output = bench.passes()["output"]
    assert (output[0], output[1], output[85]["error"]["name"], len(output)) == ("usual", "special", "Odd.Item", 90)


PARENT = "- { id: bill, type: execute, definition: billing, input: { n: 1 }, output: '${ output }', end: true }"
BILLING = f"id: billing\ninputSchema: {{ type: object, required: [n] }}\nsteps:\n  - {HTTP}\n"


def test_children_are_mocked_by_their_result(bench: Bench) -> None:
    bench.write(
        PARENT,
        "- { name: a, mocks: { bill: [{ after: 60, output: paid, request: { input: { n: 1 } } }] }, "
        "expect: { output: paid } }",
    )
    assert bench.passes()["seconds"] >= 60
    bench.write(
        PARENT,
        "- { name: a, mocks: { bill: [{ error: { name: Card.Expired, cause: old } }] }, "
        "expect: { error: { name: Card.Expired, cause: old } } }",
    )
    bench.passes()


def test_children_really_run_from_files_beside(bench: Bench) -> None:
    case = (
        "- { name: a, mocks: { bill/ask: [{ output: { body: 5 } }] }, expect: { output: 5, path: [{ bill: [ask] }] } }"
    )
    bench.write(PARENT, case, billing=BILLING)
    bench.passes()
    bench.write(
        PARENT.replace("n: 1", "m: 1"), "- { name: a, expect: { error: { name: Input.Invalid } } }", billing=BILLING
    )
    bench.passes()


def test_a_child_that_nobody_knows_is_said(bench: Bench) -> None:
    bench.write(PARENT, "- { name: a, expect: { output: 1 } }")
    assert "there is neither a mock of the child 'billing' nor a file with that definition" in bench.complains()[0]


def test_cancelling_and_the_execution_s_own_time(bench: Bench) -> None:
    bench.write(
        "- { id: ok, type: human, end: true }",
        "- { name: a, mocks: { ok: [{ never: true }] }, cancel: { after: 5 }, expect: { state: cancelled } }",
    )
    bench.passes()
    bench.write(
        "- { id: ok, type: human, end: true }",
        "- { name: a, mocks: { ok: [{ never: true }] }, expect: { state: timedOut } }",
        head="timeoutSeconds: 50\n",
    )
    assert bench.passes()["seconds"] == pytest.approx(50, abs=2)


def test_what_waits_for_ever_is_said_at_once(bench: Bench) -> None:
    bench.write(
        "- { id: ok, type: human, end: true }",
        "- { name: a, mocks: { ok: [{ never: true }] }, expect: { state: succeeded } }",
    )
    assert bench.complains() == ["2:5 the run waits for ever: ok for an answer"]


@pytest.mark.parametrize(
    ("mocks", "complaint"),
    [
        ("{ ask: [{}, {}] }", "2:35 this mock was never used"),
        ("{ ask: [{ times: 3 }] }", "2:31 this mock was used 1 of 3 times"),
        ("{}", "2:23 there is no mock of ask: it calls POST https://x.example/ (visit 1, attempt 1)"),
        ("{ ask: [{ request: { method: PUT } }] }", '2:52 ask asks with another method: expected "PUT", found "POST"'),
    ],
)
def test_mocks_are_used_up_and_no_more(bench: Bench, mocks: str, complaint: str) -> None:
    bench.write(f"- {HTTP}", f"- {{ name: a, mocks: {mocks}, expect: {{ state: succeeded }} }}")
    assert bench.complains() == [complaint]


def test_no_mock_left_is_said_where_the_mocks_are(bench: Bench) -> None:
    step = HTTP.replace("end: true", 'retry: [{ errors: ["*"] }], end: true')
    bench.write(f"- {step}", "- { name: a, mocks: { ask: [{ error: { name: X } }] }, expect: { state: failed } }")
    assert bench.complains() == ["2:30 no mock is left for ask: it calls POST https://x.example/ (visit 1, attempt 2)"]


@pytest.mark.parametrize(
    ("expect", "complaint"),
    [
        ("{ state: failed }", "state: expected ExecutionFailed, found ExecutionSucceeded"),
        ("{ path: [ask, ask] }", 'path: expected ["ask","ask"], found ["ask"]'),
        ("{ output: { n: true } }", 'output: expected {"n":true}, found {"n":1}'),
        ("{ stash: { x: 1 } }", "stash: nothing is kept under x"),
        ("{ error: { name: X } }", "error: expected X, and there is none"),
        ("{ seconds: { atLeast: 60 } }", "seconds: expected at least 60, found 0.0"),
    ],
)
def test_what_is_otherwise_fails(bench: Bench, expect: str, complaint: str) -> None:
    bench.write(
        f"- {HTTP}", f"- {{ name: a, mocks: {{ ask: [{{ output: {{ body: {{ n: 1 }} }} }}] }}, expect: {expect} }}"
    )
    (said,) = bench.complains()
    assert complaint in said
    assert bench.run().exit_code == 1


def test_large_differences_come_as_a_diff(bench: Bench) -> None:
    bench.write(
        f"- {HTTP}",
        f"- {{ name: a, mocks: {{ ask: [{{ output: {{ body: {list(range(40))} }} }}] }}, expect: {{ output: [1] }} }}",
    )
    diff = bench.case()["problems"][0]["diff"]
    assert diff[:2] == ["--- expected", "+++ found"]
    assert "+  39" in diff


@pytest.mark.parametrize(
    ("case", "complaint"),
    [
        ("- { name: a, mocks: { asl: [{}] }, expect: { output: 1 } }", "2:25: d has no step 'asl'\n"),
        (
            "- { name: a, mocks: { calm: [{}] }, expect: { output: 1 } }",
            "2:31: step calm is of type pass, which asks nobody",
        ),
        ("- { name: a, mocks: { ak: [{}] }, expect: { output: 1 } }", "2:25: d has no step 'ak', did you mean 'ask'?"),
        (
            "- { name: a, mocks: { ask: [{ outptu: 1 }] }, expect: { output: 1 } }",
            "2:33: unknown field 'outptu', expected after, arrivals, call, error, heartbeats, never, output, request",
        ),
        (
            "- { name: a, mocks: { ask: [{ after: soon }] }, expect: { output: 1 } }",
            "2:40: expected a value of type number",
        ),
        ("- { name: a, expect: {} }", "2:24: expected at least 1 member, found an empty object"),
        (
            "- { name: a, mock: {}, expect: { output: 1 } }",
            "2:16: unknown field 'mock', expected at, cancel, expect, input, mocks, name or signals, did you mean",
        ),
        ("- { name: a, at: soon, expect: { output: 1 } }", "2:20: at must be a time with its zone"),
        (
            "- { name: a, mocks: { ask: [{ output: 1, never: true }] }, expect: { output: 1 } }",
            "2:31: an answer has one of output",
        ),
        (
            "- { name: a, expect: { output: 1 } }\n- { name: a, expect: { output: 1 } }",
            "3:13: another case is called 'a' too",
        ),
    ],
)
def test_a_wrong_test_file_is_refused_with_line_and_column(bench: Bench, case: str, complaint: str) -> None:
    bench.write(f"- {{ id: calm, type: pass, next: ask }}\n- {HTTP}", case)
    done = bench.run()
    assert done.exit_code == 1
    assert f"d.test.yaml:{complaint}" in done.stderr


def test_files_that_are_not_there_are_a_wrong_command_line(bench: Bench) -> None:
    assert bench.run().exit_code == 2
    (bench.folder / "d.yaml").write_text("id: d\n")
    done = bench.run()
    assert (done.exit_code, "there is no d.test.yaml beside it" in done.stderr) == (2, True)


def test_coverage_counts_arms_catches_and_retries_and_names_what_is_missing(bench: Bench) -> None:
    steps = """
- id: which
  type: choice
  choices:
    - { when: "${ input.n == `1` }", next: call }
    - { when: "${ input.n == `2` }", next: call }
  default: rest
- id: call
  type: http
  url: https://x.example/
  retry: [{ errors: [Http.503] }, { errors: [Http.504] }]
  catch: [{ errors: [Http.404], next: rest }, { errors: ["*"], next: rest }]
  next: rest
- { id: rest, type: pass, end: true }
"""
    cases = """
- { name: b, input: { n: 2 }, mocks: { call: [{ error: { name: Http.503 } }, {}] }, expect: { state: succeeded } }
- { name: caught, input: { n: 2 }, mocks: { call: [{ error: { name: Http.400 } }] }, expect: { state: succeeded } }
"""
    bench.write(steps, cases)
    done = json.loads(bench.run("--json").stdout)["files"][0]["coverage"]
    assert done["steps"] == {"covered": 3, "all": 3}
    missing = [part["path"] for part in done["missing"]]
    assert missing == ["/steps/0/default", "/steps/0/choices/0", "/steps/1/retry/1", "/steps/1/catch/0"]
    assert bench.run("--cover", "90").exit_code == 1
    assert bench.run("--cover", "60").exit_code == 0


def test_picked_cases_say_nothing_of_coverage(bench: Bench) -> None:
    cases = "- { name: one, mocks: { ask: [{}] }, expect: { state: succeeded } }\n"
    bench.write(f"- {HTTP}", cases + cases.replace("one", "two"))
    picked = bench.run("--case", "one")
    assert (picked.exit_code, "covered" in picked.stdout, "1 case, 0 failed" in picked.stdout) == (0, False, True)
    assert "coverage" not in json.loads(bench.run("--case", "one", "--json").stdout)["files"][0]
    none = bench.run("--case", "three")
    assert (none.exit_code, none.stdout, none.stderr) == (2, "", "sedo: no case has 'three' in its name\n")
    both = bench.run("--case", "one", "--cover", "50")
    assert (both.exit_code, "do not go together" in both.stderr) == (2, True)


def test_junit_holds_each_case(bench: Bench, tmp_path: Path) -> None:
    bench.write(
        f"- {HTTP}",
        "- { name: good, mocks: { ask: [{}] }, expect: { state: succeeded } }\n"
        "- { name: bad <&>, expect: { output: 1 } }",
    )
    assert bench.run("--junit", str(tmp_path / "j.xml")).exit_code == 1
    suite = ElementTree.parse(tmp_path / "j.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert [(case.get("name"), len(case)) for case in suite] == [("good", 0), ("bad <&>", 1)]
    assert "there is no mock of ask" in str(suite[1][0].text)


def test_the_page_s_example_says_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "testing.md").read_text()
    blocks = re.findall(r"^```\w*\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    monkeypatch.chdir(tmp_path)
    ran = 0
    for block in blocks:
        name = re.match(r"# (\S+\.yaml)\n", block)
        if name is not None:
            (tmp_path / name[1]).write_text(block)
        elif block.startswith("$ sedo "):
            command, _, expected = block.partition("\n")
            done = CliRunner().invoke(root, command.removeprefix("$ sedo ").split())
            assert _timeless(done.output) == _timeless(expected), done.output
            ran += 1
    assert ran == 3


def _timeless(text: str) -> str:
    """Without real times; of a sweep without the moments and numbers of its stories and prices, too."""
    if "disturbed runs" in text:
        text = re.sub(r"(?m)^ +\d+\.\d{3}  .*\n", "", text)
        return re.sub(r"[\d.,]+", "N", text).strip()
    return re.sub(r"in \d+ ms", "in N ms", text).strip()
