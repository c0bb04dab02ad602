"""`schedule:` of a definition: all that is wrong is said when it is posted; and the timetable that is made of it."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.engine.definition import parse
from chalicelib.engine.recurrence import Cron, Every
from chalicelib.engine.schedules import Schedule
from chalicelib.engine.timetable import Row, Tick, Timetable, advanced, due_ticks, plan
from tests.unit.engine.test_definition import problems
from tests.unit.engine.world import document

NOW_MS = 1_793_610_900_123
MINUTE_MS = 60_000


def scheduled(*entries: Any, **fields: Any) -> dict[str, Any]:
    return document({"type": "pass"}, schedule=list(entries), **fields)


def test_entries_are_compiled() -> None:
    found = parse(
        scheduled(
            {"cron": "0 6 * * 1-5", "timezone": "Europe/Vienna", "input": {"a": "${ not rendered }"}},
            {"cron": "0 6 * * *"},
            {"every": "15m"},
        )
    )
    assert found.schedules == (
        Schedule(Cron("0 6 * * 1-5", "Europe/Vienna"), {"a": "${ not rendered }"}),
        Schedule(Cron("0 6 * * *", "UTC"), {}),
        Schedule(Every(900), {}),
    )
    assert parse(scheduled()).schedules == ()


@pytest.mark.parametrize(
    ("entry", "path", "message"),
    [
        ({}, "", "a schedule needs either cron or every"),
        ({"cron": "0 6 * * *", "every": "1h"}, "", "a schedule needs either cron or every"),
        ({"cron": "61 6 * * *"}, "/cron", "not a cron expression: bad minute"),
        ({"cron": 5}, "/cron", "expected text, found 5"),
        ({"cron": "0 0 30 2 *"}, "/cron", "not a cron expression: bad day-of-month"),
        (
            {"cron": "0 6 * * *", "timezone": "Europe/Viena"},
            "/timezone",
            "unknown time zone 'Europe/Viena', did you mean 'Europe/Vienna'?",
        ),
        ({"cron": "0 6 * * *", "timezone": "../UTC"}, "/timezone", "unknown time zone '../UTC'"),
        ({"cron": "0 6 * * *", "timezone": "Europe"}, "/timezone", "unknown time zone 'Europe'"),
        ({"every": "15"}, "/every", "expected a whole number and s, m, h or d, like 15m, found '15'"),
        ({"every": "1.5h"}, "/every", "expected a whole number and s, m, h or d, like 15m, found '1.5h'"),
        ({"every": "1h\n"}, "/every", "expected a whole number and s, m, h or d, like 15m, found '1h\\n'"),
        ({"every": "59s"}, "/every", "expected 1m to 366d, found 59s"),
        ({"every": "367d"}, "/every", "expected 1m to 366d, found 367d"),
        (
            {"every": "1h", "timezone": "UTC"},
            "/timezone",
            "a timezone belongs to cron: the ticks of every are counted in UTC",
        ),
        ({"corn": "0 6 * * *", "every": "1h"}, "/corn", "unknown field 'corn', did you mean 'cron'?"),
        ({"every": "1h", "input": "x" * 70_000}, "/input", "the input is larger than 65536 bytes of JSON"),
    ],
)
def test_what_is_wrong_is_said_with_its_path(entry: Any, path: str, message: str) -> None:
    found = problems(scheduled({"every": "1h"}, entry))
    assert found[f"/schedule/1{path}"].message.startswith(message)


def test_inputs_must_pass_the_input_schema() -> None:
    schema = {"type": "object", "required": ["day"], "properties": {"day": {"type": "string"}}}
    found = problems(scheduled({"every": "1h"}, {"every": "1h", "input": {"day": 1}}, inputSchema=schema))
    assert found["/schedule/0/input"].message == (
        "an input is missing: {} does not pass inputSchema: 'day' is a required property"
    )
    assert found["/schedule/1/input"].message == "the input does not pass inputSchema: 1 is not of type 'string'"
    assert found["/schedule/1/input"].found == "an object"
    parse(scheduled({"every": "1h", "input": {"day": "mon"}}, inputSchema=schema))


def test_all_problems_come_at_once_with_those_of_the_steps() -> None:
    found = problems(document({"type": "pas"}, schedule=[{"every": "1s"}, {"cron": "x", "timezone": "y"}]))
    assert {"/steps/0/type", "/schedule/0/every", "/schedule/1/cron", "/schedule/1/timezone"} <= set(found)
    assert "/schedule" in problems(scheduled(*[{"every": "1h"}] * 21))


def test_unknown_and_wrong_fields_hide_nothing_else() -> None:
    needs = {"type": "object", "required": ["day"]}
    found = problems(scheduled({"tz": "Europe/Vienna"}, {"every": "1s", "cron": 5}, 7, inputSchema=needs))
    assert {path: problem.message.partition(":")[0] for path, problem in found.items()} == {
        "/schedule/0/tz": "unknown field 'tz', did you mean 'timezone'?",
        "/schedule/0": "a schedule needs either cron or every",
        "/schedule/0/input": "an input is missing",
        "/schedule/1": "a schedule needs either cron or every",
        "/schedule/1/cron": "expected text, found 5",
        "/schedule/1/every": "expected 1m to 366d, found 1s",
        "/schedule/1/input": "an input is missing",
        "/schedule/2": "expected an object, found 7",
    }


def test_posting_again_keeps_the_place_of_what_recurs_as_before() -> None:
    due = Row("every 900s", NOW_MS - 5, NOW_MS - 900_005)
    other = Row("every 60s", NOW_MS - 5)
    rows = plan([Schedule(Every(900), 1), Schedule(Every(120), 2), Schedule(Every(60), 3)], [due, other], NOW_MS)
    assert rows[0] == due
    assert rows[1] == Row("every 120s", (NOW_MS // 120_000 + 1) * 120_000)
    assert rows[2] == Row("every 60s", (NOW_MS // 60_000 + 1) * 60_000)


def test_the_latest_missed_tick_alone_is_started_and_the_next_one_is_ahead() -> None:
    schedules = [Schedule(Every(60), {}), Schedule(Every(86_400), {}), Schedule(Cron("*/5 * * * *", "UTC"), {})]
    rows = plan(schedules, (), NOW_MS)
    timetable = Timetable("t", "d", 1, rows)
    later = NOW_MS + 47 * MINUTE_MS
    ticks = due_ticks(timetable, schedules, later)
    assert ticks == [Tick(0, later // MINUTE_MS * MINUTE_MS), Tick(2, later // 300_000 * 300_000)]
    following = advanced(timetable, schedules, ticks, later)
    assert following.revision == 1
    assert following.rows[1] == rows[1]
    assert [row.last_ms for row in following.rows] == [ticks[0].at_ms, None, ticks[1].at_ms]
    assert due_ticks(following, schedules, later) == []
    assert following.due_at_ms == ticks[0].at_ms + MINUTE_MS


def test_names_of_ticks_are_names_that_executions_may_have() -> None:
    assert Tick(0, 1_793_611_800_000).name == "schedule.0.20261102T093000Z"
