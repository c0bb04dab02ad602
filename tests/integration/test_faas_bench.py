"""The FaaS comparison runs: functions that sleep, by sedo and by the emulator's own Step Functions."""

from __future__ import annotations

from sedo.bench import faas


def test_sedo_and_step_functions_on_ministack() -> None:
    plan = faas.Plan(
        ("ministack",), ("call", "wait"), ("sequence", "parallel"), (2,), sleep_seconds=1, runs=1, workers=1
    )
    said: list[str] = []
    rows = faas.run(plan, said.append)
    assert len(said) == len(rows) == 6
    assert [(row.engine, row.work) for row in rows[::2]] == [
        ("sedo", "call"),
        ("sedo", "wait"),
        ("step-functions", "wait"),
    ]
    assert all(row.overhead_ms > 0 for row in rows)
    at_once = {row.shape: row.at_once for row in rows if row.work == "call"}
    assert at_once == {"sequence": 1, "parallel": 2}
