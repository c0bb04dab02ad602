"""Who drives what: each cursor has a message, an entry in the index, or somebody alive who has just made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.engine.execution import Cursor, Execution
from chalicelib.engine.history import EventType
from chalicelib.engine.places import SWEEP, child_token
from chalicelib.engine.waits import counts

from sedo.simulation.checks import Violation, undriven
from sedo.simulation.invocations import Invocation, Parcel

if TYPE_CHECKING:
    from sedo.simulation.world import World


class Drivers:
    """Knows who made which cursor, what is excused from being driven, and which children there are.

    `buried` had a dead letter, `spent` one in its last life, `hopeless` made calls that break or take too long, and
    `robbed` lost a message for good.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.makers: dict[tuple[str, str], Invocation] = {}
        self.buried: set[str] = set()
        self.spent: set[str] = set()
        self.hopeless: set[str] = set()
        self.robbed: set[str] = set()
        self.children: dict[str, list[str]] = {}
        self.excused: set[tuple[str, str]] = set()

    def note(self, who: Invocation, old: Execution | None, new: Execution) -> None:
        """Remember who made the cursors that are new in a head."""
        known = {(cursor.path, cursor.token, cursor.by) for cursor in old.cursors} if old else set()
        self.makers.update(
            ((new.id, cursor.by), who) for cursor in new.cursors if (cursor.path, cursor.token, cursor.by) not in known
        )

    def check_watchdog(self, old: Execution | None, new: Execution) -> None:
        """See that a look replaces a message only where one was really lost, or where it still is under way."""
        if old is None:
            return
        self._excuse_left_child(old)
        before = {(c.path, c.visit, c.attempt, c.token, c.sleeping): c for c in old.cursors}
        for cursor in new.cursors:
            same = before.get((cursor.path, cursor.visit, cursor.attempt, cursor.token, cursor.sleeping))
            if same is not None and same.by != cursor.by and not same.in_index and not self._begun_again(old):
                self.world.counts.looks_that_replaced += 1
                for lost in self._undriven(old.id):
                    raise Violation("watchdog", f"{old.id}: only a look saved {lost.step!r}, visit {lost.visit}")

    def check_family(self, old: Execution | None, new: Execution) -> None:
        """See that no child lives on when the execution that waited for it has ended, and none is born later."""
        parent = self.world.current.get((new.parent or {}).get("id", ""))
        if old is None and new.parent is not None:
            self.children.setdefault(new.parent["id"], []).append(new.id)
        begins = (old is None or old.ended) and not new.ended
        if begins and parent is not None and parent.ended and parent.id not in self.buried:
            raise Violation("orphan", f"{new.id} is born or lives again, and {parent.id} has ended")
        if not new.ended or new.id in self.buried:
            return
        for name in self.children.get(new.id, ()):
            child = self.world.current[name]
            if not child.ended and child.ending is None:
                raise Violation("orphan", f"{new.id} has ended, and {name} lives on")

    def may_give_up(self, name: str) -> bool:
        """Say whether processing can have been given up: without faults only for calls that nobody can make."""
        return name in self.spent and (bool(self.world.faults.fired) or name in self.hopeless)

    def excuse(self, parcel: Parcel) -> None:
        """Remember that a message is lost, so that only the watchdog can help what it would have done."""
        name = parcel.message.execution_id
        self.world.disturbed.add(name)
        self.robbed.add(name)
        self.excused.add((name, parcel.message.token))
        self.excused.add((name, parcel.message.n))

    def excuse_sends_of(self, who: Invocation) -> None:
        """Remember that a caller was struck and came to an end without sending what it had committed.

        There is no such excuse for what a timetable starts, since its message comes back.
        """
        for name in who.touched:
            head = self.world.current.get(name)
            if head is None or not who.writes_alone(name):
                continue
            for cursor in self._undriven(name):
                ticked = self.world.timetables.is_of_start(head, cursor)
                if self.makers.get((name, cursor.by)) is who and not ticked:
                    self.excused.add((name, cursor.by))
                    self.world.disturbed.add(name)

    def excuse_deleted_from(self, who: Invocation) -> None:
        """Remember what an invocation could not send and will not be called for again: another deleted its message.

        That other one had received it before, and SQS took its old handle. Who deletes what he has received last leaves
        no excuse: what slow processes with older deliveries commit must still be found.
        """
        gone = {parcel.message.n for parcel in who.parcels if parcel.was_deleted_before(who)}
        for name in who.touched if gone else ():
            for cursor in self._undriven(name) if name in self.world.current else ():
                if cursor.by in gone and self.makers.get((name, cursor.by)) is who:
                    self.excused.add((name, cursor.by))
                    self.world.disturbed.add(name)

    def _undriven(self, name: str) -> list[Cursor]:
        found = undriven(self.world.current[name], self.world.post.about(name), self.excused)
        return [cursor for cursor in found if not self._is_at_work(name, cursor)]

    def _is_at_work(self, name: str, cursor: Cursor) -> bool:
        """Say whether whoever made a cursor lives, and so will send its message, or whoever begins its life anew."""
        maker, head = self.makers.get((name, cursor.by)), self.world.current[name]
        if (maker is not None and maker.alive) or self.world.timetables.is_starting(head, cursor):
            return True
        return cursor.by == f"life.{head.life}" and self._is_being_started(head)

    def check_driven(self, name: str) -> None:
        """Check that a live head has, for each cursor, a message or a living invocation that has just made it.

        Of an ended child, check that its parent knows, or will be told.
        """
        head = self.world.current.get(name)
        if head is None or self.world.makers[name].alive:
            return
        if head.ended and head.parent is not None:
            self._check_told(head)
        self._excuse_left_child(head)
        for cursor in self._undriven(name) if head.cursors and not self._begun_again(head) else ():
            raise Violation(
                "driver", f"{name}: nothing drives {cursor.step!r}, visit {cursor.visit}, token {cursor.token}"
            )

    def _excuse_left_child(self, head: Execution) -> None:
        """Excuse a child that goes its own way, whose starter was left or ended before it could send."""
        alone = head.depth and head.parent is None and head.version == 1
        if alone and not self._is_being_started(head) and not self._has_started(head):
            self.excused.update((head.id, cursor.by) for cursor in head.cursors)

    def _has_started(self, child: Execution) -> bool:
        """Say whether the step has succeeded that starts a child which goes its own way."""
        above, visit, _ = child.id.rsplit(".", 2)
        record = self.world.records.get(above)
        return record is not None and record.outcomes.get(int(visit.partition("-")[0])) == EventType.STEP_SUCCEEDED

    def _begun_again(self, child: Execution) -> bool:
        """Say whether whoever starts a child has not got its answer yet, and so will send its messages again."""
        starter = self.world.current.get(child.id.rsplit(".", 2)[0])
        left = child.ending is not None or (child.parent is not None and starter is not None and starter.ended)
        if starter is not None and starter.id in self.buried and left:
            return True  # whoever starts or ends it may have been given up: its own watchdog sees to it
        if starter is not None and any(
            c.path == SWEEP and child.id in (c.held or {}).get("ids", ()) for c in starter.cursors
        ):
            return True  # it is about to be told to end
        return child.version == 1 and self._is_being_started(child)

    def _is_being_started(self, child: Execution) -> bool:
        """Say whether the execution above still makes the call that starts a child."""
        above, *place = child.id.rsplit(".", 2)
        starter = self.world.current.get(above)
        if starter is None or len(place) < 2:
            return False
        visit, _, attempt = place[0].partition("-")
        position = (int(visit), int(attempt or 1))
        return any((c.visit, c.attempt) == position and c.waits is None for c in starter.cursors)

    def _check_told(self, child: Execution) -> None:
        parent = self.world.current.get((child.parent or {})["id"])
        token = (child.parent or {})["token"]
        if parent is None or (parent.id, token) in self.excused or (child.id, child.by) in self.excused:
            return
        if self.world.makers[child.id].writes_alone(child.id):
            return  # nobody delivers a caller's end again: the parent's look finds out
        waiting = [c for c in parent.cursors if child_token(c) == token and c.waits == "child"]
        if not waiting or not counts(waiting[0].held or {}, {"state": child.state, "life": child.life}):
            return
        here = self.world.post.about(child.id)
        if any(n == child.by for _, _, n in here) or any(t == token for _, t, _ in self.world.post.about(parent.id)):
            return
        raise Violation("driver", f"{parent.id} waits for {child.id}, which has ended, and will not be told")


def still_there(old: Execution | None, new: Execution, token: str) -> bool:
    """Say whether a token drives, after a commit, something that it had to drive before, at the same attempt."""
    return old is not None and not _driven(old, token).isdisjoint(_driven(new, token))


def _driven(head: Execution, token: str) -> set[tuple[str, int, int]]:
    return {
        (cursor.path, cursor.visit, cursor.attempt)
        for cursor in head.cursors
        if cursor.token == token and cursor.waits is None and not cursor.in_index
    }
