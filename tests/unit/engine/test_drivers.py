"""What drives a cursor: tokens, `by`, covers, due moments, looks, cancels.

- a cursor's token is made of its visit and attempt, or kept from the message that covers the invocation
- `by` names what was processed when a cursor was made, and its sends are found by it
- `due_at` is never later than the next moment that matters, and kept while it is good enough
- stale, early and double events change nothing
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.engine.decision import Decision, look_token, looked_at_ms, sends_lost_with
from chalicelib.engine.draft import EARLY_MS, Policy
from chalicelib.engine.effects import Send, TaskResult
from chalicelib.engine.events import Arrived, CancelRequested, Cover, Looked, Performed
from tests.unit.engine.world import DAY, HOUR, MINUTE, SECOND, T0, World, document

PASS: dict[str, Any] = {"type": "pass"}
HTTP: dict[str, Any] = {"type": "http", "url": "https://x.example"}


def wait(seconds: float) -> dict[str, Any]:
    return {"type": "wait", "seconds": seconds}


def begun(*steps: dict[str, Any], **fields: Any) -> World:
    world = World(document(*steps, **fields))
    world.begin()
    return world


def test_start_of_pure_steps_alone_is_one_write_and_no_message() -> None:
    world = begun(*[PASS] * 10)
    assert (world.commits, world.sends, world.head.version) == (1, [], 1)
    assert world.head.state == "ExecutionSucceeded"


def test_start_runs_to_the_first_step_that_takes_time_and_sends_its_message() -> None:
    world = begun(PASS, wait(45), PASS)
    (cursor,) = world.head.cursors
    assert (cursor.step, cursor.visit, cursor.attempt, cursor.token, cursor.by) == ("s2", 2, 1, "2.1", "n1")
    assert world.sends == [Send("2.1", T0 + 45 * SECOND)]
    assert world.head.state == "StepStarted"
    assert world.head.step == "s2"


def test_watch_of_an_api_call_is_a_minute_after_the_due_moment() -> None:
    assert begun(wait(45)).head.due_at_ms == T0 + 45 * SECOND + MINUTE
    assert begun(HTTP).head.due_at_ms == T0 + MINUTE


def test_arrival_at_a_step_with_a_call_returns_the_task_and_writes_nothing() -> None:
    world = begun(HTTP)
    decision = world.decide(Arrived("1.1", "n9", Cover("1.1", T0 + HOUR)))
    assert not decision.changed
    assert len(decision.tasks) == 1


def test_inline_progress_keeps_the_covering_token() -> None:
    world = begun(HTTP, HTTP)
    decision = world.decide(Performed(1, 1, TaskResult(1), "n9", Cover("1.1", T0 + HOUR)))
    (cursor,) = world.head.cursors
    assert (cursor.step, cursor.token, cursor.by) == ("s2", "1.1", "n9")
    assert decision.sends == ()


def test_without_a_cover_what_follows_is_handed_to_a_fresh_message() -> None:
    world = begun(HTTP, HTTP)
    decision = world.decide(Performed(1, 1, TaskResult(1), "n9"))
    assert world.head.cursors[0].token == "2.1"
    assert decision.sends == (Send("2.1", T0),)


def test_call_that_would_not_end_in_time_is_handed_over() -> None:
    world = begun(HTTP, HTTP | {"timeoutSeconds": 20})
    event = Performed(1, 1, TaskResult(1), "n9", Cover("1.1", T0 + 19 * SECOND))
    assert world.decide(event).sends == (Send("2.1", T0),)


def test_step_that_has_to_wait_gets_a_token_of_its_own() -> None:
    world = begun(HTTP, wait(5))
    decision = world.decide(Performed(1, 1, TaskResult(1), "n9", Cover("1.1", T0 + HOUR)))
    assert decision.sends == (Send("2.1", T0 + 5 * SECOND),)
    retried = begun(HTTP | {"retry": [{"errors": ["*"]}]})
    decision = retried.decide(Performed(1, 1, TaskResult(error="E"), "n9", Cover("1.1", T0 + HOUR)))
    assert decision.sends == (Send("1.2", T0 + SECOND),)


def test_sends_that_may_be_lost_are_found_by_what_was_processed() -> None:
    world = begun(HTTP, HTTP)
    assert sends_lost_with(world.head, "n1", "other") == (Send("1.1", T0),)
    assert sends_lost_with(world.head, "n2", "other") == ()
    world.decide(Performed(1, 1, TaskResult(1), "n9", Cover("1.1", T0 + HOUR)))
    assert sends_lost_with(world.head, "n9", "1.1") == (), "its own message drives it"
    assert Decision.resend_all(begun(wait(45)).head, Policy()).sends == (Send("1.1", T0 + 45 * SECOND),)
    assert Decision.resend_all(begun(wait(7200)).head, Policy()).sends == ()


@pytest.mark.parametrize("token", ["0.1", "2.1", "1.2", "", "look.5"])
def test_message_with_a_token_that_is_gone_changes_nothing(token: str) -> None:
    world = begun(wait(1))
    world.now += HOUR
    assert world.decide(Arrived(token, "n9")) == Decision(world.head, False)


@pytest.mark.parametrize(("visit", "attempt"), [(0, 1), (1, 2), (2, 1)])
def test_result_of_another_attempt_changes_nothing(visit: int, attempt: int) -> None:
    world = begun(HTTP)
    assert world.decide(Performed(visit, attempt, TaskResult(1), "n9")) == Decision(world.head, False)


def test_nothing_changes_an_ended_execution() -> None:
    world = begun(PASS)
    for event in (
        Arrived("1.1", "n9"),
        Performed(1, 1, TaskResult(1), "n9"),
        Looked("n9", T0),
        CancelRequested("x", "y", "z"),
    ):
        assert world.decide(event) == Decision(world.head, False)
    assert world.decide(Arrived("1.1", "n9"), definition=None) == Decision(world.head, False)


def test_early_message_is_sent_again_with_the_moment_it_is_due() -> None:
    world = begun(wait(45))
    world.now = T0 + 45 * SECOND - EARLY_MS - 1
    assert world.decide(Arrived("1.1", "n9")) == Decision(world.head, False, (Send("1.1", T0 + 45 * SECOND),))
    world.now += 1
    assert world.decide(Arrived("1.1", "n9")).changed, "two seconds early count as due"
    assert world.head.ended


def test_wait_beyond_15_minutes_is_a_timer_of_the_index() -> None:
    assert begun(wait(900)).sends != []
    world = begun(wait(900.001))
    assert world.sends == []
    assert world.head.cursors[0].in_index
    assert world.head.due_at_ms == T0 + 900_001


def test_wait_of_a_year_takes_as_many_commits_as_one_of_a_day() -> None:
    day, year = World(document(wait(86_400))).run(), World(document(wait(366 * 86_400))).run()
    assert day.commits == year.commits == 2
    assert year.now == T0 + 366 * DAY


def test_look_does_all_that_is_due() -> None:
    world = begun(wait(86_400), PASS)
    world.now = T0 + DAY
    assert world.decide(Looked("n9", T0 + DAY)).changed
    assert world.head.ended


def test_look_at_a_stale_moment_writes_nothing() -> None:
    world = begun(wait(86_400))
    world.now = T0 + HOUR
    assert world.decide(Looked("n9", T0 + HOUR)) == Decision(world.head, False)


def test_look_that_comes_early_is_sent_again() -> None:
    world = begun(wait(86_400))
    world.now = T0 + DAY - 30 * SECOND
    look = Send(look_token(T0 + DAY), T0 + DAY, "look")
    assert world.decide(Looked("n9", T0 + DAY)) == Decision(world.head, False, (look,))


def test_look_that_finds_its_moment_passed_and_nothing_due_moves_it() -> None:
    world = begun(wait(86_400))
    world.head = replace(world.head, due_at_ms=T0 + HOUR)
    world.now = T0 + HOUR
    decision = world.decide(Looked("n9", T0 + HOUR))
    assert decision.changed
    assert decision.sends == ()
    assert world.head.due_at_ms == T0 + DAY


def test_look_sends_the_same_token_of_a_message_that_seems_lost() -> None:
    world = begun(HTTP)
    world.sends.clear()
    world.now = T0 + MINUTE
    decision = world.decide(Looked("n9", T0 + MINUTE))
    assert decision.sends == (Send("1.1", T0),)
    assert world.head.cursors[0].by == "n9", "so that these sends are found if they get lost"
    assert world.head.due_at_ms == T0 + 16 * MINUTE
    assert world.run().head.state == "ExecutionSucceeded"


def test_look_that_finds_a_call_due_leaves_it_to_a_message() -> None:
    world = begun(HTTP | {"retry": [{"errors": ["*"], "intervalSeconds": 3600}]})
    world.decide(Performed(1, 1, TaskResult(error="E"), "n9"))
    world.now = T0 + HOUR
    decision = world.decide(Looked("n10", T0 + HOUR))
    assert decision.tasks == ()
    assert decision.sends == (Send("1.2", T0 + HOUR),)


@pytest.mark.parametrize("late", [0, SECOND])
def test_double_of_a_look_sends_what_the_first_one_left_to_the_index(late: int) -> None:
    """A look ends a wait for an answer, whose retry is far off; its double comes when that is due."""
    retry = [{"errors": ["*"], "maxAttempts": 2, "intervalSeconds": 3600}]
    via = {"http": {"url": "https://x.example"}}
    world = begun({"type": "callback", "via": via, "timeoutSeconds": 3600, "retry": retry})
    world.settle()
    world.now = T0 + HOUR
    assert world.decide(Looked("n9", T0 + HOUR)).sends == ()
    world.now = T0 + 2 * HOUR + late
    assert world.decide(Looked("n9", T0 + HOUR)).sends == (Send("1.2", world.now),)


def test_due_moment_is_kept_while_it_is_early_enough_and_still_ahead() -> None:
    world = begun(wait(600), wait(600), wait(600))
    due = [world.head.due_at_ms]
    while not world.head.ended:
        world.deliver()
        due.append(world.head.due_at_ms)
    assert due == [T0 + 11 * MINUTE, T0 + 35 * MINUTE, T0 + 35 * MINUTE, None]


def test_due_moment_comes_nearer_when_something_earlier_matters() -> None:
    world = begun(HTTP, wait(3600), wait(1))
    world.deliver()
    assert world.head.due_at_ms is not None
    assert world.head.due_at_ms <= T0 + HOUR


def test_look_token_names_its_moment() -> None:
    assert looked_at_ms(look_token(T0)) == T0
    assert [looked_at_ms(token) for token in ("1.1", "look.", "look.x", "look.-1", "")] == [0] * 5


def test_cancel_ends_a_live_execution_with_its_cause() -> None:
    world = begun(wait(86_400))
    world.decide(CancelRequested("not needed", "ann", "n9"))
    assert world.head.state == "ExecutionCancelled"
    assert world.head.by == "n9"
    assert world.head.error == {"name": "Execution.Cancelled", "cause": "not needed", "step": "s1"}
    requested, cancelled = world.history[-2:]
    assert (requested["type"], requested["cause"], requested["actor"]) == ("CancelRequested", "not needed", "ann")
    assert cancelled["type"] == "ExecutionCancelled"


def test_cancel_works_when_the_definition_is_gone_and_without_a_cause() -> None:
    world = begun(HTTP)
    world.decide(CancelRequested(None, "ann", "n9"), definition=None)
    assert world.head.state == "ExecutionCancelled"


def test_cancel_leaves_nothing_that_a_late_message_could_drive() -> None:
    world = begun(HTTP)
    world.decide(CancelRequested(None, "ann", "n9"))
    assert not world.decide(Performed(1, 1, TaskResult(1), "n2")).changed


def test_cursor_at_a_step_that_the_definition_does_not_have_ends_the_execution() -> None:
    for event in (Arrived("1.1", "n9"), Performed(1, 1, TaskResult(1), "n9")):
        world = begun(HTTP)
        world.head = replace(world.head, cursors=(replace(world.head.cursors[0], step="gone"),))
        world.decide(event)
        assert world.head.error is not None
        assert world.head.error["name"] == "Sedo.ProcessingFailed"


def test_short_deadline_is_looked_at_by_a_message_of_the_start() -> None:
    world = begun(wait(600), timeoutSeconds=60)
    assert Send(look_token(T0 + MINUTE), T0 + MINUTE, "look") in world.sends
    assert world.head.due_at_ms == T0 + MINUTE
