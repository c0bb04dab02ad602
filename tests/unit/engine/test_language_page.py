"""The page about the definition language: each example runs and comes to what it says, each field has its place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from chalicelib.api import yaml_text
from chalicelib.engine.lists import lists_in
from chalicelib.engine.shape import COMMON
from chalicelib.engine.steps import STEP_TYPES
from sedo.testing.cases import Case, read_case
from sedo.testing.coverage import Coverage
from sedo.testing.judge import differences
from sedo.testing.library import Library
from sedo.testing.play import cover, way_of
from sedo.testing.schema import TEST_FILE
from sedo.testing.script import Script
from sedo.testing.stage import Stage
from tests.unit.protocol.world import World, definition, step

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "definition-language.md").read_text(encoding="utf-8")
FENCES = re.compile(r"```yaml\n(.*?)```", re.DOTALL)
EVERY_STEP = "Fields of every step"


def read(text: str) -> Any:
    return yaml_text.read(text)[0]


def name_of(example: Any) -> str:
    """The id of the definition, or of the first step."""
    return str(example["id"] if isinstance(example, dict) else example[0]["id"])


EXAMPLES = {name_of(example): example for example in map(read, FENCES.findall(PAGE))}
CASES = read(Path(__file__).with_name("language_page.yaml").read_text(encoding="utf-8"))
RUNS = [(name, case) for name, cases in CASES.items() for case in cases]


def targets(step: dict[str, Any]) -> list[str]:
    """The steps of its own list that a step may lead to."""
    entries = [*step.get("choices", ()), *step.get("catch", ()), step, {"next": step.get("default")}]
    return [entry["next"] for entry in entries if entry.get("next") is not None]


def whole(example: Any, start: str | None = None, stash: dict[str, Any] | None = None) -> dict[str, Any]:
    """Make a definition of steps shown alone: from `start` on, and what is not shown ends."""
    if isinstance(example, dict):
        return example
    shown = {step["id"]: step for step in example}
    assert len(shown) == len(example), "ids of an example are unique"
    steps: dict[str, dict[str, Any]] = {}
    ahead = [start or name_of(example)]
    while ahead:
        name = ahead.pop(0)
        if name not in steps:
            steps[name] = shown.get(name, {"id": name, "type": "pass", "end": True})
            ahead += targets(steps[name])
    given = [] if stash is None else [{"id": "given", "type": "pass", "stash": stash, "next": next(iter(steps))}]
    return {"id": "page", "steps": [*given, *steps.values()]}


def played(name: str, case: dict[str, Any]) -> Stage:
    """Run a case in virtual time and compare all that it expects."""
    document = whole(EXAMPLES[name], case.get("start"), case.get("stash"))
    known = {"name": name} | {key: value for key, value in case.items() if key not in ("start", "stash", "messages")}
    assert list(Draft202012Validator(TEST_FILE).iter_errors({"cases": [known]})) == []
    script, read_in = Script(read_case(known, "").mocks), read_case(known, "")
    stage = Stage(Library(document), read_in, script)
    head = stage.play()
    assert list(differences(read_in, head, way_of(stage))) == []
    assert script.unused() == []
    return stage


def covered(stage: Stage) -> Coverage:
    found = Coverage(stage.library.document)
    cover(found, stage)
    return found


@pytest.mark.parametrize(("name", "case"), RUNS)
def test_example_runs_and_comes_to_what_it_says(name: str, case: dict[str, Any]) -> None:
    assert "state" in case["expect"]
    stage = played(name, case)
    events = stage.world.records[str(stage.root)].log
    said = [event.details["message"] for event in events if "message" in event.details]
    assert said == case.get("messages", said)


@pytest.mark.parametrize("name", EXAMPLES)
def test_runs_of_an_example_take_all_its_steps_and_routes(name: str) -> None:
    shown = EXAMPLES[name] if isinstance(EXAMPLES[name], dict) else {"steps": EXAMPLES[name]}
    ids = {spec["id"] for found in lists_in(shown) for spec in found.specs}
    coverages = [covered(played(name, case)) for case in CASES[name]]
    parts = {part for found in coverages for part in found.parts}
    taken = {part for found in coverages for part in found.taken}
    assert {step for step, _ in taken} >= ids
    assert {part for part in parts - taken if part[0] in ids} == set()


def test_fail_of_a_child_is_caught_by_the_execute_of_its_parent() -> None:
    catch = [{"errors": ["Order.Refused"], "next": "no", "stash": {"why": "${ error.cause }"}}]
    run = {"id": "run", "type": "execute", "definition": "child", "catch": catch, "next": "no"}
    parent = {"id": "parent", "steps": [run, {"id": "no", "type": "pass", "end": True}]}
    library = Library(parent, _siblings={"child": whole(EXAMPLES["refused"])})
    head = Stage(library, Case("caught", input={"orderId": "A-1"}), Script({})).play()
    assert (head.state.value, head.stash) == ("ExecutionSucceeded", {"why": "order A-1 is too large"})


def test_execute_takes_the_version_that_is_written_and_goes_on_with_the_childs_id() -> None:
    audits = [definition(step("a", output=version), id="audit") for version in (1, 2, 3, 4)]
    world = World(*audits, whole(EXAMPLES["bill"], "audit"))
    execution_id = world.start("page")
    world.run(60)
    child = world.head(world.head(execution_id).output)
    assert (child.definition_id, child.definition_version, child.output) == ("audit", 3, 3)


def test_cases_are_about_examples_of_the_page() -> None:
    assert list(CASES) == list(EXAMPLES)
    assert len(EXAMPLES) == len(FENCES.findall(PAGE))


def sections() -> dict[str, str]:
    """The text below each heading of the third level, by the heading."""
    parts = re.split(r"^(#{2,3}) (.*)\n", PAGE, flags=re.MULTILINE)
    return {title.strip("`"): text for _, title, text in zip(parts[1::3], parts[2::3], parts[3::3], strict=True)}


def is_named(field: str, text: str) -> bool:
    """Whether a field stands in a text as code, or as a key of an example."""
    examples = "".join(FENCES.findall(text))
    return f"`{field}`" in text or re.search(rf"(?<![\w-]){field}:", examples) is not None


@pytest.mark.parametrize("kind", STEP_TYPES)
def test_step_type_has_a_section_with_its_fields_and_an_example(kind: str) -> None:
    text = sections()[kind]
    shown = [step for example in map(read, FENCES.findall(text)) for step in example]
    assert kind in {step["type"] for step in shown}
    missing = [field for field in STEP_TYPES[kind].properties if not is_named(field, text)]
    assert missing == []


def test_fields_of_every_step_are_in_one_section() -> None:
    table = [line.partition(" | ")[0] for line in sections()[EVERY_STEP].splitlines() if line.startswith("| `")]
    assert re.findall(r"`(\w+)`", "".join(table)) == list(COMMON)


def anchors() -> set[str]:
    """What a link may point to, as GitHub makes it of headings."""
    titles = re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_links_to_the_page_and_in_it_lead_somewhere() -> None:
    linked = set(re.findall(r"\]\(#([^)]*)\)", PAGE))
    for path in [*DOCS.glob("*.md"), *DOCS.parent.glob("*.md")]:
        linked |= set(re.findall(r"definition-language\.md#([^)\s]*)\)", path.read_text(encoding="utf-8")))
    assert linked
    assert linked <= anchors()
