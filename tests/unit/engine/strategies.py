"""Generators: JSON of every kind, JMESPath from fair to foul, and definitions that are accepted."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, pairwise
from typing import Any

from hypothesis import strategies as st

from tests.unit.engine.world import document

texts = st.text(st.characters(codec="utf-8"), max_size=8)
_edges = st.sampled_from([0, 1, 10**30, -(2**70)])
numbers = st.integers(-3, 5) | st.floats(allow_nan=False, allow_infinity=False) | _edges
scalars = st.none() | st.booleans() | numbers | texts
keys = st.sampled_from(["a", "b", "items", "n", ""]) | texts


def nested(leaves: st.SearchStrategy[Any], names: st.SearchStrategy[str] = keys) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4), max_leaves=12
    )


jsons = nested(scalars)
odd_texts = st.text(max_size=5) | st.sampled_from(
    ["\ud800", "${", "${}", "$${", "${ input }", "${ @ }", "*", "#", "\x00"]
)
anything = nested(
    scalars | odd_texts | st.floats() | st.sampled_from([10**400, -(10**4000), 1e308, b"", (1, 2)]), keys | odd_texts
)
"""What no JSON parser returns is in it too."""

_roots = st.sampled_from(
    ["input", "stash", "execution", "input.a", "input.items", "stash.a", "execution.startedAt", "@"]
)
_literals = st.sampled_from(["`1`", "`0`", "'x'", '`[1, "a", null]`', '`{"a": [true]}`', "`1e308`", "`null`", "''"])
_ONE_ARGUMENT = (
    "abs avg ceil floor keys length max min not_null reverse sort sum to_array to_number to_string type values"
)
_ones = st.sampled_from(_ONE_ARGUMENT.split())
_twos = st.sampled_from(["contains", "ends_with", "starts_with", "join", "merge", "not_null"])
_bys = st.sampled_from(["sort_by", "min_by", "max_by"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{}.{}".format, inner, st.sampled_from(["a", "b", "items", '"0"'])),
        st.builds("{}{}".format, inner, st.sampled_from(["[0]", "[-1]", "[*]", "[]", "[1:]", "[::-1]", "[?a]", ".*"])),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{a: {}, b: {}}}".format, inner, inner),
        st.builds("{}({})".format, _ones, inner),
        st.builds("{}({}, {})".format, _twos, inner, inner),
        st.builds("{}({}, &{})".format, _bys, inner, st.sampled_from(["a", "@", "length(@)"])),
        st.builds("map(&{}, {})".format, st.sampled_from(["a", "@", "[@, @]", "to_string(@)"]), inner),
        st.builds("({} {} {})".format, inner, st.sampled_from(["||", "&&", "==", "!=", "<", ">=", "|"]), inner),
        st.builds("!{}".format, inner),
    )


paths = st.recursive(_roots | _literals, _grown, max_leaves=6)
templates = st.one_of(
    jsons,
    paths.map("${{ {} }}".format),
    st.lists(paths.map("${{ {} }}".format), max_size=2).map(" - ".join),
    st.fixed_dictionaries({"a": paths.map("${{ {} }}".format)}),
)


def _fields(type: str, **own: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    policies = st.fixed_dictionaries(
        {"errors": errors},
        optional={
            "maxAttempts": st.integers(1, 4),
            "intervalSeconds": st.sampled_from([0, 0.001, 1, 1000, 86_400]),
            "backoffRate": st.sampled_from([1, 2, 100]),
            "jitter": st.sampled_from(["full", "none"]),
        },
    )
    return st.fixed_dictionaries(
        {"type": st.just(type)} | own,
        optional={
            "input": templates,
            "output": templates,
            "stash": st.dictionaries(st.sampled_from(["a", "b"]), templates, max_size=2),
            "retry": st.lists(policies, max_size=2),
            "catch": st.lists(st.fixed_dictionaries({"errors": errors}), max_size=2),
            "timeoutSeconds": st.sampled_from([0.001, 1, 45]),
        },
    )


errors = st.lists(
    st.sampled_from(["*", "Http", "Http.5xx", "Task.Timeout", "Expression.Failed", "Data", "Choice.NoMatch", "Sedo"]),
    min_size=1,
    max_size=2,
)
_plain_steps = st.one_of(
    _fields("pass"),
    _fields("echo", message=templates),
    _fields("wait", seconds=st.sampled_from([0, 0.5, 3, 5000]) | paths.map("${{ {} }}".format)),
    _fields("wait", until=st.just("2023-11-15T00:00:00Z") | paths.map("${{ {} }}".format)),
    _fields("http", url=st.just("https://x.example/${ input.a }") | paths.map("${{ {} }}".format), body=templates),
    _fields(
        "http",
        url=st.just("https://x.example"),
        headers=st.just({"x-key": "${ secrets.key }${ to_string(input) }"}),
        body=templates.map(lambda template: {"key": "a ${ secrets.key } b", "rest": template}),
    ),
    _fields("lambda", function=st.just("f:live") | paths.map("${{ {} }}".format), payload=templates),
    _fields(
        "queue",
        queue=st.just("orders") | paths.map("${{ {} }}".format),
        message=templates,
        delaySeconds=st.just(7) | paths.map("${{ {} }}".format),
    ),
    _fields("choice", choices=st.lists(st.booleans() | paths.map("${{ {} }}".format), min_size=1, max_size=3)),
    _fields("succeed"),
    st.fixed_dictionaries({"type": st.just("fail"), "error": paths.map("E ${{ {} }}".format)}),
)
_waiting_steps = st.one_of(
    _fields("human", title=paths.map("${{ {} }}".format)),
    _fields("signal", name=st.sampled_from(["go", "stop"])),
    _fields("execute", definition=st.just("other"), wait=st.booleans()),
    _fields("callback", via=st.just({"http": {"url": "https://x.example/${ task.token }"}})),
)
_items = st.lists(scalars, max_size=5) | paths.map("${{ {} }}".format)


def _listed(draw: st.DrawFn, levels: int, names: Iterator[int], *, in_map: bool = False) -> list[dict[str, Any]]:
    """Draw steps that follow each other, as an inner list. In a map none of them waits for a signal."""
    listed = []
    for _ in range(draw(st.integers(1, 2))):
        step = dict(draw(_any_step)) if levels == 0 else _with_lists(draw, levels - 1, names, in_map=in_map)
        if in_map and step["type"] == "signal":
            step = {"type": "human"}
        step.pop("catch", None)
        listed.append(step | {"id": f"n{next(names)}"})
    for step, following in pairwise(listed):
        if step["type"] not in ("succeed", "fail"):
            step["next"] = following["id"]
    while any(step["type"] in ("succeed", "fail") for step in listed[:-1]):
        del listed[-1]
    if listed[-1]["type"] not in ("succeed", "fail"):
        listed[-1].pop("next", None)
        listed[-1]["end"] = True
    return listed


def _with_lists(draw: st.DrawFn, levels: int, names: Iterator[int], *, in_map: bool) -> dict[str, Any]:
    """Draw any step, with steps inside it or not."""
    kind = draw(st.sampled_from(["parallel", "map", "other"]))
    if kind == "parallel":
        lists = [{"steps": _listed(draw, levels, names, in_map=in_map)} for _ in range(draw(st.integers(1, 3)))]
        return dict(draw(_fields("parallel"))) | {"branches": lists}
    if kind == "map":
        optional = st.fixed_dictionaries(
            {},
            optional={
                "maxConcurrency": st.integers(1, 4),
                "toleratedFailurePercentage": st.sampled_from([0, 30, 50, 100]),
            },
        )
        step = dict(draw(_fields("map", items=_items))) | draw(optional)
        return step | {"steps": _listed(draw, levels, names, in_map=True)}
    return dict(draw(_any_step))


_any_step = _plain_steps.filter(lambda step: step["type"] != "choice") | _waiting_steps


@st.composite
def fan_outs(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a definition of a few steps after each other, with branches, items and waits inside each other."""
    names = count(1)
    steps = _listed(draw, 2, names)
    extra: dict[str, Any] = {"maxTransitions": draw(st.integers(1, 60))}
    if draw(st.booleans()):
        extra["timeoutSeconds"] = draw(st.sampled_from([0.001, 5, 4000]))
    return {"id": "example", "steps": steps} | extra


@st.composite
def definitions(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a definition whose flow goes anywhere; steps nobody leads to are led to by a choice at the start."""
    drawn = draw(st.lists(_plain_steps, min_size=1, max_size=5))
    names = [f"s{i + 1}" for i in range(1, len(drawn) + 1)]
    targets = st.sampled_from(names)
    arms = [{"when": "${ input == `" + str(i) + "` }", "next": name} for i, name in enumerate(names)]
    steps: list[dict[str, Any]] = [{"type": "choice", "choices": arms, "default": "s2"}]
    for found in drawn:
        step = dict(found)
        if "catch" in step:
            step["catch"] = [entry | {"next": draw(targets)} for entry in step["catch"]]
        if step["type"] == "choice":
            step["choices"] = [{"when": when, "next": draw(targets)} for when in step["choices"]]
        elif step["type"] not in ("succeed", "fail"):
            step.update(draw(st.just({"end": True}) | targets.map(lambda name: {"next": name})))
        steps.append(step)
    extra: dict[str, Any] = {"maxTransitions": draw(st.integers(1, 40))}
    if draw(st.booleans()):
        extra["output"] = draw(templates)
    if draw(st.booleans()):
        extra["timeoutSeconds"] = draw(st.sampled_from([0.001, 5, 4000]))
    return document(*steps, **extra)
