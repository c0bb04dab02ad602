"""Requests, definitions and values that nobody would write, for the fuzz tests."""

from __future__ import annotations

import copy
import json
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from chalicelib.api.routes import ROUTES
from tests.unit.api.local import EXAMPLE

ODD_TEXTS = ["", ".", "..", "%", "%zz", "%00", "%2F", "a\n", "123:x:1", "x" * 300, "\ud800", "٣", "-1", "1e9", "null"]
ODD_NUMBERS = [10**40, -(10**20), 1e308, 5e-324, 2**63, 0.1]
METHODS = ["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "TRACE"]
MEDIA_TYPES = ["application/json", "application/yaml", "application/json;charset=utf-8", "text/plain", "*/*", None]
EXPRESSIONS = [
    "${ input }",
    "${ input.foo }",
    "${",
    "${ }",
    "$${",
    "${ input.`",
    "${ [ }",
    "a ${ stash.x } b",
    "${ sum(input) }",
    '${ to_number(`"nan"`) }',
    "${ execution.id }",
    "${ reverse(input) }",
    "${ output }",
    "${ secrets.x }",
    "${ sort_by(input, &a) }",
    "${ avg(`[]`) }",
]
SCHEMAS: list[Any] = [
    True,
    False,
    {},
    {"$ref": "#"},
    {"$ref": "http://127.0.0.1:1/x"},
    {"$ref": "#a", "$anchor": "a"},
    {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}},
    {"$dynamicRef": "#x"},
    {"$recursiveRef": "#"},
    {"$schema": "http://example.com/none"},
    {"$schema": 3},
    {"$schema": "http://json-schema.org/draft-04/schema#", "exclusiveMinimum": True, "minimum": 1},
    {"$id": "::"},
    {"enum": [[]]},
    {"format": "regex"},
    {"items": {"$ref": "#/definitions/%25"}},
    {"multipleOf": 1e-320},
    {"pattern": "("},
    {"pattern": "^(a+)+$"},
    {"propertyNames": {"pattern": "\\"}},
    {"required": ["foo", "foo"]},
    {"type": "nope"},
    {"uniqueItems": True},
]
FIELDS = ["id", "inputSchema", "output", "timeoutSeconds", "maxTransitions", "description", "schedule", "x"]
STEP_TYPES = ["echo", "pass", "wait", "choice", "succeed", "fail", "http"]
STEP_FIELDS = [
    *("id", "type", "next", "end", "seconds", "until", "message", "input", "output", "stash", "choices", "default"),
    *("retry", "catch", "timeoutSeconds", "url", "method", "body", "error", "cause", "description"),
]

odd_text = st.one_of(st.text(max_size=20), st.sampled_from(ODD_TEXTS))
numbers = st.one_of(st.integers(-3, 600), st.integers(), st.floats(), st.sampled_from(ODD_NUMBERS))
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, odd_text),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(odd_text, inner, max_size=4)),
    max_leaves=12,
)
expressions = st.sampled_from(EXPRESSIONS)
schedules = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "cron": st.sampled_from(["0 6 * * 1-5", "*/5 2 L * *", "0 0 31 2 *", "1 2 3", "L L L L L"]) | odd_text,
            "every": st.sampled_from(["15m", "1d", "1s", "999999999d", "0m"]) | odd_text,
            "timezone": st.sampled_from(["Europe/Vienna", "Europe", "/etc", "Factory", "UTC"]) | odd_text,
            "input": st.just({"foo": "bar"}) | values,
        },
    ),
    max_size=3,
)
media_types = st.one_of(st.sampled_from(MEDIA_TYPES), odd_text)


def as_bytes(text: str) -> bytes:
    """UTF-8, whatever the text is."""
    return text.encode("utf-8", "replace")


def as_json(value: Any) -> bytes:
    """As a client would write it, NaN included."""
    return json.dumps(value).encode()


ids = st.one_of(
    st.sampled_from(["123", "example-definition", "123%3Aexample-definition%3Ax", "123:d:x.1.1.00", "x.1.1."]),
    odd_text.map(lambda text: quote(as_bytes(text))),
    odd_text,
)
query_parts = st.tuples(
    st.one_of(st.sampled_from(["limit", "cursor", "state", "definition", "version", "from", "to", "role"]), odd_text),
    st.one_of(odd_text, st.sampled_from(["1", "StepStarted", "a,b"])),
)
bodies = st.one_of(
    st.none(),
    st.binary(max_size=60),
    values.map(as_json),
    st.text(max_size=60).map(as_bytes),
    st.just(as_json(EXAMPLE)),
)

Request = tuple[str, str, bytes | None, str | None]


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """Mostly to known routes, with odd ids, queries, bodies and media types."""
    if draw(st.integers(0, 9)) == 0:
        method, path = draw(st.sampled_from(METHODS)), "/" + draw(odd_text)
    else:
        route = draw(st.sampled_from(ROUTES))
        method, path = route.method, route.path
        for name in ("{tenantId}", "{definitionId}", "{executionId}", "{token}", "{name}"):
            path = path.replace(name, draw(ids))
    parts = draw(st.lists(query_parts, max_size=3))
    query = "&".join(f"{quote(as_bytes(name))}={quote(as_bytes(text))}" for name, text in parts)
    return method, path + ("?" + query if query else ""), draw(bodies), draw(media_types)


@st.composite
def changed_definitions(draw: st.DrawFn) -> dict[str, Any]:
    """The example with a few members replaced, added or taken away."""
    document: dict[str, Any] = copy.deepcopy(EXAMPLE)
    for _ in range(draw(st.integers(1, 3))):
        target = draw(st.sampled_from([document, *document["steps"]]))
        field = draw(st.sampled_from(FIELDS if target is document else STEP_FIELDS))
        if draw(st.integers(0, 9)) == 0:
            target.pop(field, None)
            continue
        match field:
            case "inputSchema":
                value = draw(st.one_of(values, st.sampled_from(SCHEMAS)))
            case "schedule":
                value = draw(st.one_of(values, schedules))
            case "type":
                value = draw(st.one_of(values, st.sampled_from(STEP_TYPES)))
            case _:
                members = st.dictionaries(st.sampled_from("abc"), expressions)
                value = draw(st.one_of(values, expressions, members))
        target[field] = value
    return document
