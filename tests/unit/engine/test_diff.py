"""Two versions side by side: every difference is named once, with what was and what is."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings

from chalicelib.engine.diff import Difference, compare
from tests.unit.engine.strategies import definitions, jsons

ASK: dict[str, Any] = {"id": "ask", "type": "http", "url": "https://x.example/", "headers": {"a": "1"}, "next": "end"}
END: dict[str, Any] = {"id": "end", "type": "pass", "end": True}


def document(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"id": "d", "steps": list(steps), **fields}


def notes(found: Difference) -> list[tuple[str, str | None]]:
    return [(note.about, note.step) for note in found.notes]


def test_equal_documents_have_no_difference() -> None:
    assert compare(document(ASK, END), copy.deepcopy(document(ASK, END))) == Difference((), (), (), (), ())


def test_changed_fields_are_shown_where_they_are() -> None:
    changed = ASK | {"headers": {"a": "2", "b/c": "3"}, "timeoutSeconds": 5}
    found = compare(document(ASK, END, output=1), document(changed, END, output=True, description="new"))
    assert [change.document() for change in found.changed] == [
        {
            "id": "ask",
            "type": "http",
            "path": "/steps/0",
            "changes": [
                {"path": "/headers/a", "before": "1", "after": "2"},
                {"path": "/headers/b~1c", "after": "3"},
                {"path": "/timeoutSeconds", "after": 5},
            ],
        }
    ]
    assert [change.document() for change in found.fields] == [
        {"path": "/description", "after": "new"},
        {"path": "/output", "before": 1, "after": True},
    ]
    assert (found.added, found.removed, found.notes) == ((), (), ())


def test_lists_of_one_length_are_compared_item_by_item_and_others_as_a_whole() -> None:
    def choice(*whens: str) -> dict[str, Any]:
        return document(
            {"id": "c", "type": "choice", "choices": [{"when": when, "next": "end"} for when in whens]}, END
        )

    same = compare(choice("a", "b"), choice("a", "c")).changed[0].changes
    assert [change.path for change in same] == ["/choices/1/when"]
    other = compare(choice("a", "b"), choice("a")).changed[0].changes
    assert [change.path for change in other] == ["/choices"]


def test_steps_are_known_by_their_ids_wherever_they_stand() -> None:
    other = {"id": "other", "type": "echo", "message": 1, "next": "ask"}
    found = compare(document(ASK, END), document(other, END, ASK))
    assert [place.document() for place in found.added] == [{"id": "other", "type": "echo", "path": "/steps/0"}]
    assert (found.changed, found.removed) == ((), ())
    assert [change.document() for change in found.fields] == [
        {"path": "/steps/0/id", "before": "ask", "after": "other"}
    ]


def test_notes_say_what_a_redrive_would_meet() -> None:
    found = compare(
        document(ASK, END, inputSchema={"type": "object"}, maxTransitions=9),
        document(
            END | {"type": "echo", "message": 1}, inputSchema={"type": "object", "required": ["x"]}, timeoutSeconds=60
        ),
    )
    assert notes(found) == [
        ("step", "ask"),
        ("step", "end"),
        ("inputSchema", None),
        ("maxTransitions", None),
        ("timeoutSeconds", None),
    ]
    assert found.lost_steps == {"ask", "end"}
    assert found.notes[0].document() == {
        "about": "step",
        "message": "step 'ask' is gone: an execution that stands there cannot go on",
        "step": "ask",
    }
    assert [note.message for note in found.notes[-2:]] == [
        "maxTransitions was 9 and is none",
        "timeoutSeconds was none and is 60",
    ]


def test_notes_say_what_a_begun_fan_out_would_meet() -> None:
    inner = {"id": "inner", "type": "pass", "end": True}
    other = {"id": "other", "type": "pass", "end": True}
    each: dict[str, Any] = {"id": "each", "type": "map", "items": "${ input.a }", "steps": [inner], "next": "end"}
    both: dict[str, Any] = {"id": "each", "type": "parallel", "branches": [{"steps": [inner]}], "next": "end"}

    def said(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, str | None]]:
        found = compare(document(before, END), document(after, END))
        assert all("'each'" in note.message for note in found.notes if note.step != "inner")
        return notes(found)

    assert said(each, each | {"items": "${ input.b }"}) == [("items", "each")]
    assert said(each | {"items": [1, 2]}, each | {"items": [1, 3]}) == [("items", "each")]
    assert said(each, each | {"toleratedFailurePercentage": 5, "maxConcurrency": 2}) == [
        ("maxConcurrency", None),
        ("toleratedFailurePercentage", None),
    ]
    assert said(each, each | {"next": "other", "steps": [inner, other]}) == []
    assert said(both, both | {"branches": [{"steps": [inner]}, {"steps": [other]}]}) == [("branches", "each")]
    assert said(each, both) == [("step", "inner"), ("step", "each")]
    retyped = compare(document(each, END), document(both, END)).notes[-1].message
    assert retyped == "step 'each' was of type map and is of type parallel: an execution that is in it cannot go on"
    anew = compare(document(ASK | {"id": "each"}, END), document(each, END)).notes[-1].message
    assert anew == "step 'each' was of type http and is of type map: it would begin anew"


def test_steps_inside_steps_are_compared_by_themselves() -> None:
    def fan(*branches: list[dict[str, Any]]) -> dict[str, Any]:
        steps = [{"steps": branch} for branch in branches]
        return document({"id": "fan", "type": "parallel", "branches": steps, "next": "end"}, END)

    inner = {"id": "inner", "type": "pass", "end": True}
    changed = inner | {"output": 1}
    found = compare(fan([ASK, inner], [END | {"id": "x"}]), fan([ASK, changed], [END | {"id": "x"}]))
    assert [change.document() for change in found.changed] == [
        {
            "id": "inner",
            "type": "pass",
            "path": "/steps/0/branches/0/steps/1",
            "changes": [{"path": "/output", "after": 1}],
        }
    ]
    moved = compare(fan([ASK, inner], [END | {"id": "x"}]), fan([ASK], [inner, END | {"id": "x"}]))
    assert [place.path for place in moved.removed] == ["/steps/0/branches/0/steps/1"]
    assert [place.path for place in moved.added] == ["/steps/0/branches/1/steps/0"]
    assert moved.lost_steps == {"inner"}
    each = {"id": "each", "type": "map", "items": "${ input }", "steps": [inner], "next": "end"}
    more = each | {"steps": [inner, END | {"id": "y"}]}
    grown = compare(document(each, END), document(more, END))
    assert [place.path for place in grown.added] == ["/steps/0/steps/1"]
    assert [change.path for change in grown.changed[0].changes] == ["/steps"]


@settings(max_examples=40, deadline=None)
@given(definitions(), definitions())
def test_the_way_back_is_the_reverse(one: dict[str, Any], two: dict[str, Any]) -> None:
    there, back = compare(one, two), compare(two, one)
    assert {place.spec["id"] for place in there.added} == {place.spec["id"] for place in back.removed}
    assert {place.spec["id"] for place in there.removed} == {place.spec["id"] for place in back.added}
    assert sum(len(change.changes) for change in there.changed) == sum(len(change.changes) for change in back.changed)
    assert [(c.path, c.before, c.after) for c in there.fields] == [(c.path, c.after, c.before) for c in back.fields]


@given(jsons, jsons)
def test_applying_the_changes_to_the_one_gives_the_other(one: Any, two: Any) -> None:
    """Checked for what a member of a step may be: any JSON."""
    found = compare(document(END | {"output": one}), document(END | {"output": two}))
    if not found.changed:
        assert repr(one) == repr(two) or one == two
        return
    value: Any = {"output": one}
    for change in found.changed[0].changes:
        value = _applied(value, change.path.split("/")[1:], change.document())
    assert _plain(value) == _plain({"output": two})


def _applied(value: Any, path: list[str], change: dict[str, Any]) -> Any:
    if not path:
        return change.get("after", ...)
    key = path[0].replace("~1", "/").replace("~0", "~")
    if isinstance(value, list):
        return [_applied(item, path[1:], change) if str(i) == key else item for i, item in enumerate(value)]
    inner = _applied(value.get(key), path[1:], change)
    return {k: v for k, v in {**value, key: inner}.items() if v is not ...}


def _plain(value: Any) -> Any:
    """Tell true from 1, which Python does not, and 1 from 1.0 not, which JSON does not."""
    if isinstance(value, bool):
        return repr(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
