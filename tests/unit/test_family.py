"""Children of a long history: looking for them is bounded, and every one is found in the end, once."""

from __future__ import annotations

from dataclasses import replace

from chalicelib import family
from chalicelib.engine.history import EventType, HistoryEvent
from tests.contract.samples import START_MS, events, head
from tests.unit.protocol.world import World

COUNT = 12_000


def test_children_are_found_in_a_history_longer_than_one_page_looks_at() -> None:
    world = World()
    parent = head(suffix="long", version=1, seq=COUNT, flushed_seq=COUNT, events=())
    born = {7: "a", 5_003: "b", 5_004: "c", 11_990: "d", 11_991: "gone"}
    happened = [
        HistoryEvent(
            e.seq, e.at_ms, EventType.CHILD_STARTED.value, "fan", 1, 1, {"executionId": f"123:x:{born[e.seq]}"}
        )
        if e.seq in born
        else e
        for e in events(1, COUNT)
    ]
    world.memory.put_chunk(parent, happened)
    world.memory.commit(parent, "n")
    for name in ("a", "b", "c", "d"):
        world.memory.commit(replace(head(suffix=name), id=f"123:x:{name}", started_at_ms=START_MS), "n")
    for limit in (1, 2, 50):
        found: list[str] = []
        after: str | None = "0"
        pages = 0
        while after is not None:
            page = family.children(world.runtime, "123", parent.id, limit, int(after))
            assert len(page.items) <= limit
            found += [child.id for child in page.items]
            after, pages = page.cursor, pages + 1
        assert found == [f"123:x:{name}" for name in "abcd"]
        assert pages >= 3


def test_a_history_whose_events_are_gone_has_an_end() -> None:
    world = World()
    parent = head(suffix="expired", version=1, seq=COUNT, flushed_seq=COUNT, events=())
    world.memory.commit(parent, "n")
    page = family.children(world.runtime, "123", parent.id, 5, 0)
    assert (list(page.items), page.cursor) == ([], None)
