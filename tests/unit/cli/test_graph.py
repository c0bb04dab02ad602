"""Mermaid: every step and every route of a definition, and nothing in it that Mermaid would misread."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sedo.cli import mermaid
from sedo.cli.files import read_definition
from tests.unit.cli.serving import Cli

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.yaml") if ".test." not in path.name)
NESTED = """\
id: nested
steps:
  - id: fan
    type: parallel
    branches:
      - steps:
          - { id: end, type: wait, seconds: 5, end: true }
          - { id: quit, type: fail, error: A.B, cause: c }
      - steps:
          - id: each
            type: map
            items: ${ input.list }
            steps: [{ id: one, type: http, method: PUT, url: "https://x.example", end: true }]
            catch: [{ errors: [Http.5xx, Task.Timeout], next: enough }]
            end: true
          - { id: enough, type: succeed }
    catch: [{ errors: ["*"], next: gave-up }]
    next: ask
  - id: ask
    type: choice
    choices: [{ when: "${ input.a == `1` }", next: fan }]
    default: gave-up
  - { id: gave-up, type: pass, end: true }
"""
DRAWN = """\
flowchart TD
  START(("start"))
  subgraph s1all["fan"]
    s1[["fan<br/>parallel"]]
    subgraph s1room1["branch 1"]
      s2(["end<br/>wait 5 s"])
      s3{{"quit<br/>fail A.B"}}
    end
    subgraph s1room2["branch 2"]
      subgraph s4all["each"]
        s4[["each<br/>map"]]
        subgraph s4room1["each item"]
          s5["one<br/>http PUT https://x.example"]
        end
        s4join(("join"))
      end
      s6(["enough<br/>succeed"])
    end
    s1join(("join"))
  end
  s7{"ask<br/>choice"}
  s8["gave-up<br/>pass"]
  END(("end"))
  s2 --> s1join
  s1 --> s2
  s5 --> s4join
  s4 --> s5
  s4join -.->|"Http.5xx Task.Timeout"| s6
  s4join --> s1join
  s6 --> s1join
  s1 --> s4
  s1join --> s7
  s1join -.->|"#42;"| s8
  s7 -->|"input.a == #96;1#96;"| s1
  s7 -->|"default"| s8
  s8 --> END
  START --> s1
"""


@pytest.fixture
def offline() -> Cli:
    return Cli("http://127.0.0.1:9")


def test_all_routes_and_rooms(offline: Cli, tmp_path: Path) -> None:
    path = tmp_path / "nested.yaml"
    path.write_text(NESTED)
    done = offline("graph", str(path), SEDO_TENANT=None)
    assert (done.exit_code, done.stdout) == (0, DRAWN)
    assert offline.json("graph", str(path)) == {"mermaid": DRAWN}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples(offline: Cli, path: Path) -> None:
    steps = read_definition(path).value["steps"]
    drawn = offline("graph", str(path)).stdout
    nodes = dict(re.findall(r'^  (s\d+)\W+"([^<]+)<br/>', drawn, re.MULTILINE))
    assert sorted(nodes.values()) == sorted(step["id"] for step in steps)
    edges = {
        (nodes.get(a), nodes.get(b)) for a, b in re.findall(r"^  (\w+) -[.-]+>(?:\|.*\|)? (\w+)$", drawn, re.MULTILINE)
    }
    assert {(step["id"], step["next"]) for step in steps if "next" in step} <= edges
    assert {(step["id"], entry["next"]) for step in steps for entry in step.get("catch", [])} <= edges
    assert (None, steps[0]["id"]) in edges


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("- a\n", "a definition has a list of steps"),
        ("steps: []\n", "a definition has a list of steps"),
        ("steps: [{id: a}, {type: pass}]\n", "/steps/1 is no step with an id"),
    ],
)
def test_what_has_no_steps_is_a_sentence(offline: Cli, tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(content)
    done = offline("graph", str(path))
    assert done.exit_code == 1
    assert said in done.stderr


FIELDS = (
    "id",
    "when",
    "type",
    "next",
    "end",
    "default",
    "catch",
    "choices",
    "branches",
    "steps",
    "seconds",
    "title",
    "url",
)
TEXT = st.text('a"`<>|[]{}()#;&\n-%é', max_size=6)
ANY = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(0, 9), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(FIELDS), inner, max_size=3)),
    max_leaves=5,
)


@example([{"catch": [{"errors": 5}, {"errors": None, "next": []}], "choices": [{"when": None}, 7]}])
@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), ANY), min_size=1, max_size=4))
def test_whatever_a_file_holds_is_drawn_in_lines_that_mermaid_reads(specs: list[dict[str, Any]]) -> None:
    steps = [spec | {"id": f"a{i}"} for i, spec in enumerate(specs)]
    for line in mermaid.draw(steps, {"a0": "timed out"}).splitlines()[1:]:
        assert re.fullmatch(
            r' *(subgraph \w+\["[^"`<>]*"\]|end|\w+\W+"([^"`<>]|<br/>)*"\W+|\w+ -[.-]+>(\|"[^"`<>|]*"\|)? \w+'
            r"|classDef timedOut [\w:#,]+|class \w+ timedOut)",
            line,
        ), line
