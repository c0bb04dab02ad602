"""Ways to break the protocol, each a few lines: the simulation must notice every one of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import children, commits, dead_letters, drive, outbox, processor, schedules, service, writes
from chalicelib.calls import Calls
from chalicelib.children import Children
from chalicelib.commits import must_stamp
from chalicelib.deliveries import BatchFailed
from chalicelib.drive import Driven, Driver
from chalicelib.engine import asking, births, decision, failing, fanout, retries, waits
from chalicelib.engine import decide as deciding
from chalicelib.engine.draft import Draft
from chalicelib.engine.effects import Send
from chalicelib.engine.events import Arrived, Looked, Performed, ProcessingGivenUp
from chalicelib.engine.execution import Cursor, stands_before
from chalicelib.engine.timetable import advanced, due_ticks
from chalicelib.engine.walk import Walk
from chalicelib.ports import Committed, Conflict, Outgoing, Unavailable
from sedo.simulation import world
from sedo.simulation.timetables import Timetables
from sedo.simulation.world import World

Patch = pytest.MonkeyPatch
Mutation = Callable[[Patch], None]


def send_before_write(patch: Patch) -> None:
    commit = Driver._commit

    def mutated(self: Driver, execution: Any, decision: Any) -> Any:
        self.outbox.put(execution, decision.sends)
        self.outbox.flush()
        object.__setattr__(decision, "sends", ())
        return commit(self, execution, decision)

    patch.setattr(Driver, "_commit", mutated)


def ignore_by(patch: Patch) -> None:
    patch.setattr(Driver, "_send_lost", lambda self, execution: None)


def no_version_condition(patch: Patch) -> None:
    def mutated(self: World, who: Any, execution: Any, nonce: str) -> Any:
        self.put(who, execution, nonce)
        return Committed()

    patch.setattr(World, "commit", mutated)


def no_nonce_check(patch: Patch) -> None:
    commit = World.commit

    def mutated(self: World, who: Any, execution: Any, nonce: str) -> Any:
        stored = self.heads.get(execution.id)
        if stored is not None and stored.nonce == nonce:
            return Conflict(self.thaw(stored))
        return commit(self, who, execution, nonce)

    patch.setattr(World, "commit", mutated)


def acknowledge_early(patch: Patch) -> None:
    run = processor.Batch.run

    def mutated(self: Any, arrived: Any) -> None:
        self.runtime.queue.delete("", [delivery.receipt_handle for delivery in arrived])
        run(self, arrived)

    patch.setattr(processor.Batch, "run", mutated)


def drop_the_losers_result(patch: Patch) -> None:
    run = Driver.run

    def mutated(self: Driver, execution: Any) -> Driven:
        return Driven(run(self, execution).execution)

    patch.setattr(Driver, "run", mutated)


def forget_due_at(patch: Patch) -> None:
    due = Draft._due_at_ms
    patch.setattr(Draft, "_due_at_ms", lambda self: self.base.due_at_ms or due(self))


def deadline_ignored(patch: Patch) -> None:
    due = Draft._due_at_ms

    def mutated(self: Draft) -> int | None:
        base, self.base = self.base, replace(self.base, deadline_at_ms=None)
        try:
            return due(self)
        finally:
            self.base = base

    patch.setattr(Draft, "_due_at_ms", mutated)


def look_without_sending(patch: Patch) -> None:
    _without_sends(patch, lambda event, decision: isinstance(event, Looked) and decision.changed)


def early_message_dropped(patch: Patch) -> None:
    patch.setattr(Driver, "_send_again", lambda self, sends: None)


def early_message_under_a_new_nonce(patch: Patch) -> None:
    def mutated(self: Driver, sends: Any) -> None:
        delay = outbox.delay_seconds(self.runtime, min(send.due_at_ms for send in sends))
        message = replace(self.message, n=self.runtime.nonces())
        self.outbox.put_messages([Outgoing(message, outbox.tenant_of(message), delay)])

    patch.setattr(Driver, "_send_again", mutated)


def dead_letter_under_a_new_nonce(patch: Patch) -> None:
    bury = dead_letters._bury_or_revive

    def mutated(runtime: Any, box: Any, delivery: Any, head: Any) -> None:
        put = box.put_messages

        def renamed(messages: Any) -> None:
            put([replace(m, message=replace(m.message, n=runtime.nonces())) for m in messages])

        box.put_messages = renamed
        bury(runtime, box, delivery, head)
        del box.put_messages

    patch.setattr(dead_letters, "_bury_or_revive", mutated)


def given_up_without_row_1(patch: Patch) -> None:
    """Row 1 is looked at when a dead letter comes, but not again when its own last decision loses a race."""

    def mutated(runtime: Any, box: Any, delivery: Any, head: Any) -> None:
        message = delivery.message
        event = ProcessingGivenUp(message.token, "", message.n)
        while head is not None:
            decision = deciding.decide(runtime.definition(head), head, event, runtime.now_ms(), runtime.policy)
            outcome = commits.commit(runtime, head, decision.execution) if decision.changed else None
            if outcome is None:
                return
            if not isinstance(outcome, Conflict):
                box.put(decision.execution, decision.sends)
                return
            head = outcome.current

    patch.setattr(dead_letters, "_give_up", mutated)


def watchdog_of_a_timer_may_wait(patch: Patch) -> None:
    """An entry that will have to be moved on to a timer is put off like any other while there is a backlog."""

    def mutated(execution: Any) -> bool:
        timers = [cursor.due_at_ms for cursor in execution.cursors if cursor.in_index]
        return execution.due_at_ms not in [*timers, execution.deadline_at_ms]

    patch.setattr(world, "due_is_watchdog", mutated)


def _without_sends(patch: Patch, wanted: Callable[[Any, Any], bool]) -> None:
    decide = deciding.decide

    def mutated(definition: Any, execution: Any, event: Any, now_ms: int, policy: Any) -> Any:
        decision = decide(definition, execution, event, now_ms, policy)
        return replace(decision, sends=()) if wanted(event, decision) else decision

    patch.setattr(drive, "decide", mutated)


def one_token_for_two_visits(patch: Patch) -> None:
    _with_token(patch, lambda cursor: f"1.{cursor.attempt}")


def retry_keeps_its_token(patch: Patch) -> None:
    _with_token(patch, lambda cursor: f"{cursor.visit}.1")


def _with_token(patch: Patch, token: Callable[[Cursor], str]) -> None:
    put = Draft.put

    def mutated(self: Draft, cursor: Cursor) -> None:
        own = cursor.token == f"{cursor.visit}.{cursor.attempt}"
        put(self, replace(cursor, token=token(cursor)) if own else cursor)

    patch.setattr(Draft, "put", mutated)


def flush_before_the_commit(patch: Patch) -> None:
    def mutated(runtime: Any, before: Any, after: Any) -> Any:
        if before is None or after.ended or len(after.events) < 3:
            return after
        runtime.store.put_chunk(after, after.events)
        return replace(after, events=(), flushed_seq=after.seq)

    _lighten(patch, mutated)


def forget_to_flush(patch: Patch) -> None:
    def mutated(runtime: Any, before: Any, after: Any) -> Any:
        if before is None or len(before.events) < 6:
            return after
        return replace(after, events=tuple(e for e in after.events if e.seq > before.seq), flushed_seq=before.seq)

    _lighten(patch, mutated)


def _lighten(patch: Patch, mutated: Any) -> None:
    patch.setattr(commits, "lighten", mutated)
    patch.setattr(drive, "lighten", mutated)


def never_hand_over(patch: Patch) -> None:
    cover = Driver._cover

    def mutated(self: Driver) -> Any:
        self.delivery = replace(self.delivery, receive_count=1)
        return cover(self)

    patch.setattr(Driver, "_cover", mutated)


def ignore_refused_sends(patch: Patch) -> None:
    patch.setattr(outbox.Outbox, "was_refused", lambda self, execution_id: False)


def dead_letter_dropped(patch: Patch) -> None:
    patch.setattr(dead_letters, "handle_dead_letters", lambda runtime, event: None)


def dead_letter_without_row_1(patch: Patch) -> None:
    patch.setattr(dead_letters, "sends_lost_with", lambda head, n, token: ())


def loser_sends_again_and_acknowledges(patch: Patch) -> None:
    """The loser gives its message away under a new nonce: what its other delivery commits later is nobody's."""
    run = Driver.run

    def mutated(self: Driver, execution: Any) -> Driven:
        driven = run(self, execution)
        if driven.must_come_back and driven.execution is not None:
            live = [cursor for cursor in driven.execution.cursors if cursor.token == self.message.token]
            self.outbox.put(driven.execution, [Send(c.token, c.due_at_ms) for c in live])
        return Driven(driven.execution)

    patch.setattr(Driver, "run", mutated)


def api_forgets_its_watchdog(patch: Patch) -> None:
    start = births.start

    def mutated(request: Any, execution_id: str, now_ms: int, policy: Any) -> Any:
        return start(request, execution_id, now_ms, replace(policy, api_watch_ms=policy.watch_ms))

    patch.setattr(service, "start", mutated)


def result_of_any_attempt(patch: Patch) -> None:
    """A late result is taken for the attempt that waits now."""
    decide = deciding.decide

    def mutated(definition: Any, execution: Any, event: Any, now_ms: int, policy: Any) -> Any:
        if isinstance(event, Performed) and execution.cursors:
            event = replace(event, visit=execution.cursors[0].visit, attempt=execution.cursors[0].attempt)
        return decide(definition, execution, event, now_ms, policy)

    patch.setattr(drive, "decide", mutated)
    patch.setattr(Driver, "_moved_on", lambda self, before, after, event: False)


def expiry_before_the_commit(patch: Patch) -> None:
    commit = Driver._commit

    def mutated(self: Any, execution: Any, decision: Any) -> Any:
        if must_stamp(decision.execution):
            self.runtime.store.stamp_expiry(decision.execution)
        return commit(self, execution, decision)

    patch.setattr(Driver, "_commit", mutated)


def expiry_once_at_most(patch: Patch) -> None:
    """Who ended an execution stamps once; if that fails, nobody does."""

    def mutated(runtime: Any, execution: Any) -> None:
        with contextlib.suppress(Unavailable):
            commits.let_expire(runtime, execution)

    patch.setattr(drive, "let_expire", mutated)


def forget_what_was_flushed(patch: Patch) -> None:
    """A process goes on from what it had decided, and not from what it wrote."""
    commit = Driver._commit

    def mutated(self: Any, execution: Any, decision: Any) -> Any:
        outcome = commit(self, execution, decision)
        return outcome if isinstance(outcome, Conflict) else decision.execution

    patch.setattr(Driver, "_commit", mutated)


def committed_event_changed(patch: Patch) -> None:
    """Processing writes into the history that it was given."""
    decide = deciding.decide

    def mutated(definition: Any, execution: Any, event: Any, now_ms: int, policy: Any) -> Any:
        execution.events[0].details["seen"] = True
        return decide(definition, execution, event, now_ms, policy)

    patch.setattr(drive, "decide", mutated)


def news_not_repeated(patch: Patch) -> None:
    """A child that has ended tells its parent once."""
    found = decision.sends_lost_with

    def mutated(execution: Any, n: str, token: str) -> Any:
        return tuple(send for send in found(execution, n, token) if send.kind != "ended")

    patch.setattr(drive, "sends_lost_with", mutated)
    patch.setattr(dead_letters, "sends_lost_with", mutated)


def children_left_alone(patch: Patch) -> None:
    """Who is cancelled, or leaves a branch, tells no child."""
    patch.setattr(Draft, "orphan", lambda self, cursors: None)


def unborn_children_forgotten(patch: Patch) -> None:
    """A child that has no head when it is to end gets none."""
    cancel = Children._cancel

    def mutated(self: Children, parent: Any, child: str) -> None:
        if child in self.runtime.store.load([child]):
            cancel(self, parent, child)

    patch.setattr(Children, "_cancel", mutated)


def children_born_into_their_first_life(patch: Patch) -> None:
    """A child does not know which life its parent lives when it is born."""
    patch.setattr(children, "StartRequest", lambda **fields: births.StartRequest(**fields | {"life": 1}))


def children_not_driven(patch: Patch) -> None:
    """The first messages of children are not sent before the parent takes note of them."""
    patch.setattr(Children, "send_all", lambda self: None)


def first_result_alone(patch: Patch) -> None:
    """Of the calls that were made side by side, one result is kept."""
    make = Calls.make

    def mutated(self: Calls, execution: Any, tasks: Any, *, first: bool) -> Any:
        made = make(self, execution, tasks, first=first)
        return replace(made, found=made.found[:1])

    patch.setattr(Calls, "make", mutated)


def open_calls_made_again(patch: Patch) -> None:
    """Who takes the first results forgets that other calls were begun."""
    make = Calls.make

    def mutated(self: Calls, execution: Any, tasks: Any, *, first: bool) -> Any:
        self._open = {}
        return make(self, execution, tasks, first=first)

    patch.setattr(Calls, "make", mutated)


def one_fails_the_whole_batch(patch: Patch) -> None:
    def mutated(self: processor.Batch, delivery: Any) -> bool:
        return bool(self.failed) or self.outbox.was_refused(delivery.message.execution_id)

    patch.setattr(processor.Batch, "must_come_back", mutated)


def finished_of_a_failed_batch_not_deleted(patch: Patch) -> None:
    def mutated(runtime: Any, records: Any, arrived: Any, must_come_back: Any) -> None:
        if any(must_come_back(delivery) for delivery in arrived):
            raise BatchFailed("all of it")

    patch.setattr(processor, "settle", mutated)


def another_key_for_each_call(patch: Patch) -> None:
    def mutated(draft: Any, definition: Any, cursor: Any, call: Any) -> Any:
        task = asking.task_of(draft, definition, cursor, call)
        return replace(task, idempotency_key=f"{task.idempotency_key}.{draft.by}")

    patch.setattr(deciding, "task_of", mutated)


def call_made_twice_when_its_message_comes_again(patch: Patch) -> None:
    perform = Driver._perform

    def mutated(self: Driver, execution: Any, tasks: Any) -> Any:
        outside = [task for task in tasks if task.type not in asking.ABOUT_OTHERS]
        for task in outside if self.delivery.receive_count > 1 else ():
            self.runtime.tasks.perform(task)
        return perform(self, execution, tasks)

    patch.setattr(Driver, "_perform", mutated)


def children_of_their_own_not_driven(patch: Patch) -> None:
    put = Children._put

    def mutated(self: Children, head: Any, sends: Any) -> None:
        if head.parent is not None or head.version > 1:
            put(self, head, sends)

    patch.setattr(Children, "_put", mutated)


def wait_that_breaks_when_it_is_over(patch: Patch) -> None:
    decide = deciding.decide

    def mutated(definition: Any, execution: Any, event: Any, now_ms: int, policy: Any) -> Any:
        over = [c for c in execution.cursors if c.sleeping and c.visit == 2]
        if isinstance(event, Arrived) and any(c.token == event.token for c in over):
            raise KeyError("a fault of ours")
        return decide(definition, execution, event, now_ms, policy)

    patch.setattr(drive, "decide", mutated)


def given_up_in_the_first_life(patch: Patch) -> None:
    bury = dead_letters._bury_or_revive

    def mutated(runtime: Any, box: Any, delivery: Any, head: Any) -> None:
        settings = replace(runtime.settings, lives_delays_seconds=())
        bury(replace(runtime, settings=settings), box, delivery, head)

    patch.setattr(dead_letters, "_bury_or_revive", mutated)


def branches_given_up_when_they_wake(patch: Patch) -> None:
    """A wait inside others comes to an end as if its dead letter had come."""
    decide = deciding.decide

    def mutated(definition: Any, execution: Any, event: Any, now_ms: int, policy: Any) -> Any:
        over = [c for c in execution.cursors if c.sleeping and c.path and c.token == getattr(event, "token", "")]
        if isinstance(event, Arrived) and over and over[0].due_at_ms <= now_ms:
            event = ProcessingGivenUp(event.token, "a fault of ours", event.by)
        return decide(definition, execution, event, now_ms, policy)

    patch.setattr(drive, "decide", mutated)


def timeouts_halved(patch: Patch) -> None:
    _with_patience(patch, 0.5)


def timeouts_tripled(patch: Patch) -> None:
    _with_patience(patch, 3)


def _with_patience(patch: Patch, factor: float) -> None:
    found = waits._timeout_at

    def mutated(walk: Any, cursor: Cursor) -> int | None:
        moment, now_ms = found(walk, cursor), walk.draft.now_ms
        return None if moment is None else now_ms + int((moment - now_ms) * factor)

    patch.setattr(waits, "_timeout_at", mutated)


def retries_without_pause(patch: Patch) -> None:
    patch.setattr(failing, "delay_seconds", lambda policy, attempt, name: 0)


def pauses_before_retries_doubled(patch: Patch) -> None:
    delay = retries.delay_seconds
    patch.setattr(failing, "delay_seconds", lambda policy, attempt, name: 2 * delay(policy, attempt, name))


def waits_of_branches_doubled(patch: Patch) -> None:
    drive_it = Draft.drive

    def mutated(self: Draft, cursor: Cursor, due_at_ms: int, **changes: Any) -> None:
        if changes.get("sleeping") and cursor.path:
            due_at_ms += due_at_ms - self.now_ms
        drive_it(self, cursor, due_at_ms, **changes)

    patch.setattr(Draft, "drive", mutated)


def deadlines_of_trees_ignored(patch: Patch) -> None:
    """An execution that branches ends for its deadline when somebody looks, and goes on until then."""
    is_too_late = deciding._is_too_late

    def mutated(draft: Draft, event: Any) -> bool:
        tree = draft.base.definition_id.startswith("t") and not isinstance(event, Looked)
        return not tree and is_too_late(draft, event)

    patch.setattr(deciding, "_is_too_late", mutated)


def borne_failures_kept(patch: Patch) -> None:
    """A redrive goes on from what a map had tolerated."""
    snapshot = property(lambda self: self.__dict__.get("snapshot"), _remember_snapshot)
    patch.setattr(Draft, "snapshot", snapshot, raising=False)


def _remember_snapshot(draft: Draft, found: Any) -> None:
    if found is not None or "snapshot" not in draft.__dict__:
        draft.__dict__["snapshot"] = found


def timetable_moved_before_the_start(patch: Patch) -> None:
    start = schedules._start

    def mutated(runtime: Any, until_ms: int, timetable: Any, input: Any, tick: Any) -> None:
        entries = schedules._definition(runtime, timetable).schedules
        runtime.store.save_timetable(advanced(timetable, entries, [tick], tick.at_ms))
        start(runtime, until_ms, timetable, input, tick)

    patch.setattr(schedules, "_start", mutated)


def ticks_without_names(patch: Patch) -> None:
    start = service.start_execution

    def mutated(*args: Any, name: str | None = None, actor: str, **more: Any) -> Any:
        return start(*args, name=None if actor == schedules.ACTOR else name, actor=actor, **more)

    patch.setattr(service, "start_execution", mutated)


def start_that_finds_itself_sends_nothing(patch: Patch) -> None:
    start = service._same_start

    def mutated(runtime: Any, found: Any, decision: Any, version: Any, _: Any) -> Any:
        return start(runtime, found, replace(decision, sends=()), version, lambda runtime, head, sends: None)

    patch.setattr(service, "_same_start", mutated)


def start_that_finds_itself_under_way_sends_nothing(patch: Patch) -> None:
    """A start that is repeated sends again while its execution is as it was born, and not what it went on to."""
    patch.setattr(service, "lost_with", lambda head, call: ())


def callers_never_send(patch: Patch) -> None:
    """Answers, signals, cancels and redrives are written, and nothing follows."""
    patch.setattr(writes, "follow", lambda runtime, head, sends: head)


def callers_send_nothing_refused_again(patch: Patch) -> None:
    """What a call does here and now for children may be refused, and nobody takes note."""

    class Forgetful(outbox.Outbox):
        def was_refused(self, execution_id: str) -> bool:
            return False

    patch.setattr(writes, "Outbox", Forgetful)


def missed_ticks_forgotten(patch: Patch) -> None:
    def mutated(timetable: Any, entries: Any, now_ms: int) -> Any:
        return [tick for tick in due_ticks(timetable, entries, now_ms) if now_ms - tick.at_ms < 10_000]

    patch.setattr(schedules, "due_ticks", mutated)


def first_due_tick(patch: Patch) -> None:
    """After an outage the earliest of the missed ticks starts."""

    def mutated(timetable: Any, entries: Any, now_ms: int) -> Any:
        latest = due_ticks(timetable, entries, now_ms)
        return [replace(tick, at_ms=timetable.rows[tick.index].next_ms) for tick in latest]

    def followed(timetable: Any, entries: Any, started: Any, now_ms: int) -> Any:
        return advanced(timetable, entries, started, min([now_ms, *(tick.at_ms for tick in started)]))

    patch.setattr(schedules, "due_ticks", mutated)
    patch.setattr(schedules, "advanced", followed)


def input_of_ticks_lost(patch: Patch) -> None:
    start = schedules._start

    def mutated(runtime: Any, until_ms: int, timetable: Any, input: Any, tick: Any) -> None:
        start(runtime, until_ms, timetable, {**input, "k": 10}, tick)

    patch.setattr(schedules, "_start", mutated)


def timetable_without_condition(patch: Patch) -> None:
    save = Timetables.save

    def mutated(self: Timetables, who: Any, new: Any) -> bool:
        now = self.current
        return now is not None and save(self, who, replace(new, revision=now.revision + 1))

    patch.setattr(Timetables, "save", mutated)


def visits_counted_before_they_start(patch: Patch) -> None:
    visit = Walk.visit

    def mutated(self: Walk, *place: Any) -> Cursor | None:
        begun = visit(self, *place)
        if begun is None or not stands_before(begun):
            return begun
        self.draft.visits += 1
        self.draft.put(replace(begun, visit=self.draft.visits, attempt=1))
        return self.draft.cursors[begun.path]

    patch.setattr(Walk, "visit", mutated)


def stopped_before_they_start(patch: Patch) -> None:
    patch.setattr(fanout, "stands_before", lambda cursor: False)


MUTATIONS: tuple[tuple[Mutation, tuple[str, ...] | None], ...] = (
    (send_before_write, None),
    (ignore_by, None),
    (no_version_condition, None),
    (no_nonce_check, None),
    (acknowledge_early, None),
    (drop_the_losers_result, ("duplicate", "crash")),
    (forget_due_at, None),
    (deadline_ignored, None),
    (look_without_sending, None),
    (early_message_dropped, None),
    (one_token_for_two_visits, None),
    (retry_keeps_its_token, None),
    (flush_before_the_commit, None),
    (forget_to_flush, None),
    (never_hand_over, ("crash", "crash_after")),
    (ignore_refused_sends, None),
    (early_message_under_a_new_nonce, ("skew", "duplicate", "crash_at_send")),
    (dead_letter_under_a_new_nonce, ("slow", "crash_at_send")),
    (given_up_without_row_1, ("slow", "crash_at_send")),
    (watchdog_of_a_timer_may_wait, ("busy",)),
    (dead_letter_dropped, None),
    (dead_letter_without_row_1, None),
    (loser_sends_again_and_acknowledges, ("duplicate", "crash_at_send")),
    (api_forgets_its_watchdog, None),
    (result_of_any_attempt, None),
    (expiry_before_the_commit, None),
    (expiry_once_at_most, ("unavailable", "answer_lost")),
    (forget_what_was_flushed, ()),
    (committed_event_changed, ()),
    (news_not_repeated, None),
    (children_left_alone, None),
    (unborn_children_forgotten, ("unavailable", "slow")),
    (children_born_into_their_first_life, None),
    (children_not_driven, None),
    (first_result_alone, None),
    (open_calls_made_again, ()),
    (one_fails_the_whole_batch, ()),
    (finished_of_a_failed_batch_not_deleted, ()),
    (another_key_for_each_call, ()),
    (call_made_twice_when_its_message_comes_again, None),
    (children_of_their_own_not_driven, ()),
    (wait_that_breaks_when_it_is_over, ()),
    (given_up_in_the_first_life, None),
    (branches_given_up_when_they_wake, ()),
    (visits_counted_before_they_start, None),
    (stopped_before_they_start, None),
    (timeouts_halved, None),
    (timeouts_tripled, ()),
    (retries_without_pause, None),
    (pauses_before_retries_doubled, ()),
    (waits_of_branches_doubled, ()),
    (deadlines_of_trees_ignored, None),
    (borne_failures_kept, None),
    (timetable_moved_before_the_start, None),
    (ticks_without_names, None),
    (start_that_finds_itself_sends_nothing, ("crash_at_send", "crash_after")),
    (start_that_finds_itself_under_way_sends_nothing, None),
    (callers_never_send, ()),
    (callers_send_nothing_refused_again, ("unavailable", "half_sent")),
    (missed_ticks_forgotten, None),
    (first_due_tick, ("outage", "lost")),
    (input_of_ticks_lost, ()),
    (timetable_without_condition, ("slow",)),
)
"""Each mutation with the kinds of faults that show it; None: any."""

OF_SCHEDULES = (
    timetable_moved_before_the_start,
    ticks_without_names,
    start_that_finds_itself_sends_nothing,
    start_that_finds_itself_under_way_sends_nothing,
    callers_send_nothing_refused_again,
    missed_ticks_forgotten,
    first_due_tick,
    input_of_ticks_lost,
    timetable_without_condition,
)
"""Those that only runs with a schedule can show."""
