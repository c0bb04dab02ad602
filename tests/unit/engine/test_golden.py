"""Golden histories: executions recorded once must replay byte for byte after any change of the engine.

Each file in golden/ holds a definition, an input, the answers from outside, and the history and end that followed. To
record a new one, add a file without `expected` and run `python -m tests.unit.engine.test_golden`. Recording never
touches what is recorded: a history that has to change is deleted by hand first, and the reason is told.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.engine.effects import Task, TaskResult
from tests.unit.engine.world import World

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))


def replay(recorded: dict[str, Any]) -> dict[str, Any]:
    """Run a recorded execution again and return what follows."""
    answers = {step: list(results) for step, results in recorded.get("answers", {}).items()}

    def answer(task: Task) -> TaskResult:
        return TaskResult(**answers[task.step].pop(0))

    world = World(recorded["definition"], recorded["input"], answer).run()
    return {
        "state": world.head.state.value,
        "output": world.head.output,
        "error": world.head.error,
        "stash": world.head.stash,
        "calls": [[task.step, task.visit, task.attempt, task.idempotency_key, task.request] for task in world.tasks],
        "history": world.history,
    }


def written(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_recorded_execution_replays_byte_for_byte(path: Path) -> None:
    recorded = json.loads(path.read_text(encoding="utf-8"))
    assert written(replay(recorded)) == written(recorded["expected"])


def test_there_are_recorded_executions() -> None:
    assert len(GOLDEN) >= 8


def record() -> None:
    for path in GOLDEN:
        recorded = json.loads(path.read_text(encoding="utf-8"))
        if "expected" not in recorded:
            path.write_text(written(recorded | {"expected": replay(recorded)}) + "\n", encoding="utf-8")


if __name__ == "__main__":
    record()
