"""Playing the cases of a test file, one after the other, and counting what they covered."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from chalicelib.engine.execution import Execution
from sedo.testing.cases import Case, Stopped
from sedo.testing.coverage import Coverage
from sedo.testing.files import TestFile, place_text
from sedo.testing.judge import Difference, differences, seconds_of
from sedo.testing.library import Library
from sedo.testing.script import Script
from sedo.testing.stage import Stage
from sedo.testing.trail import Trails, Way, written
from sedo.testing.whereabouts import is_part, parent_of


@dataclass
class Played:
    """What a case came to: no differences, and it is as expected. `milliseconds` are real ones."""

    case: Case
    differences: list[Difference]
    milliseconds: float
    head: Execution | None = None
    path: list[Any] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether all is as expected."""
        return not self.differences


def play(library: Library, case: Case, coverage: Coverage) -> Played:
    """Run one case and judge it."""
    began = time.perf_counter()
    script = Script(case.mocks)
    stage = Stage(library, case, script)
    try:
        head = stage.play()
        stopped: list[Difference] = []
    except Stopped as error:
        head, stopped = None, [Difference(error.at, error.message)]
    cover(coverage, stage)
    took = (time.perf_counter() - began) * 1000
    if head is None:
        way = [] if stage.root is None else way_of(stage)
        return Played(case, stopped, took, None, written(way))
    way = way_of(stage)
    found = [*differences(case, head, way), *_unused(script), *_not_taken(stage, head)]
    return Played(case, found, took, head, written(way))


def way_of(stage: Stage) -> Way:
    """Return the way that the run took."""
    logs = {name: record.log for name, record in stage.world.records.items()}
    return Trails(stage.world.current, logs).way(str(stage.root))


def cover(coverage: Coverage, stage: Stage) -> None:
    """Take what the tested definition's own executions did: the first one and the parts of its maps."""
    for name, head in stage.world.current.items():
        above = head
        while is_part(above):
            above = stage.world.current[parent_of(above.id)[0]]
        if above.definition_id == stage.library.id:
            coverage.add(stage.world.records[name].log, ())
    coverage.add((), stage.arms)


def _unused(script: Script) -> list[Difference]:
    return [
        Difference(
            entry.at, f"this mock was used {served} of {entry.times} times" if served else "this mock was never used"
        )
        for entry, served in script.unused()
    ]


def _not_taken(stage: Stage, head: Execution) -> list[Difference]:
    """Return the signals of the case that nobody took: they came too late, or no step waits for them."""
    left = [signal["name"] for signal in head.signals]
    found = []
    for i, signal in reversed(list(enumerate(stage.case.signals))):
        if f"case-{i}" in stage.refused or signal.name in left:
            found.append(Difference(f"{stage.case.at}/signals/{i}", f"no step took this signal, {signal.name}"))
            if signal.name in left:
                left.remove(signal.name)
    return found[::-1]


def play_file(found: TestFile) -> tuple[list[Played], Coverage]:
    """Run all cases of a file."""
    coverage = Coverage(found.library.document)
    return [play(found.library, case, coverage) for case in found.cases], coverage


def report(found: TestFile, played: list[Played], coverage: Coverage | None) -> dict[str, Any]:
    """Return all that is known of a file's cases as one document; without coverage, some cases were left out."""
    known = {
        "file": found.source.name,
        "definition": found.about.name,
        "passed": all(one.passed for one in played),
        "cases": [_case(found, one) for one in played],
    }
    return known if coverage is None else known | {"coverage": coverage_document(found, coverage)}


def coverage_document(found: TestFile, coverage: Coverage) -> dict[str, Any]:
    """Return the counts, the percentage, and what was not covered."""
    steps, routes = coverage.counts(of_steps=True), coverage.counts(of_steps=False)
    return {
        "percent": round(coverage.percent, 1),
        "steps": {"covered": steps[0], "all": steps[1]},
        "routes": {"covered": routes[0], "all": routes[1]},
        "missing": [
            {"path": part.at, "place": place_text(found.about, part.at), "text": part.text}
            for part in coverage.missing()
        ],
    }


def _case(found: TestFile, one: Played) -> dict[str, Any]:
    head = one.head
    known: dict[str, Any] = {"name": one.case.name, "passed": one.passed, "milliseconds": round(one.milliseconds, 3)}
    if head is not None:
        known |= {"state": head.state.value, "seconds": seconds_of(head)}
        known |= {"output": head.output, "error": head.error, "stash": head.stash}
    known["path"] = one.path
    known["problems"] = [
        {
            "path": one_of.at,
            "place": place_text(found.source, one_of.at),
            "message": one_of.message,
            "diff": list(one_of.diff),
        }
        for one_of in one.differences
    ]
    return known
