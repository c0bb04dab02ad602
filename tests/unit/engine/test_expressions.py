"""Templates: `${ … }` alone keeps its type, inside text it is rendered, `$${` is a literal; all of it is bounded."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.engine.errors import ExpressionFailed
from chalicelib.engine.expressions import compile_template

SCOPE: dict[str, Any] = {
    "input": {"n": 3, "name": "Ann", "items": [{"p": 2}, {"p": 1}], "flag": True, "none": None, "odd": [1, "a", None]},
    "stash": {"text": "é\n", "half": 1.5},
}
NAMES = frozenset(SCOPE)


def complaints(value: Any) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    compile_template(value, NAMES, "/x", lambda path, message, *_: found.append((path, message)))
    return found


def rendered(value: Any, scope: dict[str, Any] = SCOPE) -> Any:
    def complain(path: str, message: str, *_: Any) -> None:
        raise AssertionError(f"{path}: {message}")

    return compile_template(value, frozenset(scope), "", complain)(scope)


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("${ input.n }", 3),
        ("${input}", SCOPE["input"]),
        ("${ input.flag }", True),
        ("${ input.none }", None),
        ("${ input.nothing.at.all }", None),
        ("${ input.items[*].p }", [2, 1]),
        ("${ sort_by(input.items, &p)[0].p }", 1),
        ("${ { sum: sum(input.items[*].p), inner: { a: 'x' } } }", {"sum": 3, "inner": {"a": "x"}}),
        ('${ `{"a": {"b": [1]}}` }', {"a": {"b": [1]}}),
        ("${ '}' }", "}"),
        ('${ "input".n }', 3),
        ("${ input.n == `3` && 'yes' || 'no' }", "yes"),
        ("${ input.flag == `1` }", False),
    ],
)
def test_expression_alone_keeps_its_type(template: str, value: Any) -> None:
    assert repr(rendered(template)) == repr(value)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("n is ${ input.n }", "n is 3"),
        ("${ input.name }${ input.n }", "Ann3"),
        (" ${ input.n }", " 3"),
        ("${ input.flag } ${ input.none } ${ stash.half }", "true null 1.5"),
        ("${ input.items } ", '[{"p":2},{"p":1}] '),
        ("<${ stash.text }>", "<é\n>"),
        ("<${ stash }>", '<{"text":"é\\n","half":1.5}>'),
        ("$${ input.n }", "${ input.n }"),
        ("$${${ input.n }}", "${3}"),
        ("a$${b}$${c} ${ input.n } $", "a${b}${c} 3 $"),
        ("$ { } $$ $x", "$ { } $$ $x"),
        ("", ""),
        ("${ '${ }' }!", "${ }!"),
    ],
)
def test_expression_inside_text_is_rendered(template: str, text: str) -> None:
    assert rendered(template) == text


def test_templates_reach_into_lists_and_objects_but_not_into_keys() -> None:
    value = {"${ input.n }": ["${ input.n }", {"deep": "${ input.name }"}, 5, None]}
    assert rendered(value) == {"${ input.n }": [3, {"deep": "Ann"}, 5, None]}


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("${ input.n", "no closing }"),
        ("${ '} }", "no closing }"),
        ("${ }", "does not compile"),
        ("${ input. }", "does not compile"),
        ("${ input..n }", "does not compile"),
        ("${ inptu.n }", "'inptu' is not known here, expected one of input, stash, did you mean 'input'?"),
        ("${ [input, output] }", "'output' is not known here"),
        ("${ input.n > 50 }", "numbers, true, false and null are written in backticks: `50`"),
        ("${ -1.5 <= input.n }", "in backticks: `-1.5`"),
        ("${ not_null(input.n, 0) }", "in backticks: `0`"),
        ("${ input.flag == true }", "'true' is not known here: numbers, true, false and null are written in backticks"),
        ("${ input.none == null }", "in backticks: `null`"),
        ("${ map(&x, items) }", "'items' is not known here"),
        ("${ lenght(input) }", "there is no function lenght()"),
        ("${ length() }", "length() takes 1 arguments, found 0"),
        ("${ length(input, stash) }", "length() takes 1 arguments, found 2"),
        ("${ not_null() }", "not_null() takes at least 1 arguments, found 0"),
        ("${ sort_by(input.items, p) }", "argument 2 of sort_by() must begin with &"),
        ("${ length(&input) }", "argument 1 of length() must not begin with &"),
        ("${ &input }", "& may only stand before an argument"),
        ("${ [&input] }", "& may only stand before an argument"),
        ("${ input[::0] }", "the step of a slice cannot be 0"),
        ("${ `NaN` }", "no JSON number"),
        ("${ `1e999` }", "no JSON number"),
        ('${ `["\\ud800"]` }', "lone surrogate"),
        ("${ `" + "9" * 400 + "` }", "without end"),
        ("${ " + "(" * 2000 + "input" + ")" * 2000 + " }", "does not compile"),
        ("${ " + "!" * 100 + "input }", "nested more than 64 levels"),
        ("${ input" + ".a" * 3000 + " }", "4096 characters"),
    ],
)
def test_expressions_that_can_never_work_are_found_when_compiled(template: str, message: str) -> None:
    ((path, found),) = complaints(["x", {"a/b": template}])
    assert path == "/x/1/a~1b"
    assert message in found
    assert len(found) < 800


@pytest.mark.parametrize("template", ["${ input.items[0 }", "${ '> 50' . }", '${ "a > 5" . }', "${ `5` . }"])
def test_numbers_that_are_no_bare_ones_need_no_backticks(template: str) -> None:
    ((_, found),) = complaints(template)
    assert "backticks" not in found


@pytest.mark.parametrize(
    "template",
    [
        "${ sort_by(input.items, &nothing) }",
        "${ sort_by(input.odd, &@) }",
        "${ sort(input.odd) }",
        "${ max(input.odd) }",
        "${ sum(input.odd) }",
        "${ length(input.n) }",
        "${ merge(input, `5`) }",
        "${ join(', ', input.odd) }",
        "${ abs(input.name) }",
        "${ keys(input.odd) }",
        "${ avg([`1e308`, `1e308`, `1e308`]) }",
        "${ sum([`1e308`, `1e308`]) }",
    ],
)
def test_expressions_that_cannot_be_evaluated_say_so(template: str) -> None:
    with pytest.raises(ExpressionFailed) as raised:
        rendered(template)
    assert len(str(raised.value)) < 1500


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-inf", "1e999", "1_000", " 1", "0x10", "", "9" * 400])
def test_to_number_reads_json_numbers_only(text: str) -> None:
    scope = {"input": text}
    if text in ("1e999",):
        with pytest.raises(ExpressionFailed, match="no JSON number"):
            rendered("${ to_number(input) }", scope)
    else:
        assert rendered("${ to_number(input) }", scope) is None


def test_comparisons_are_those_of_json() -> None:
    scope = {"input": [True, 1, 1.0, "1", [True], [1], {"a": 0}, {"a": False}]}
    assert rendered("${ input[?@ == `1`] }", scope) == [1, 1.0]
    assert rendered("${ input[?@ == `[1]`] }", scope) == [[1]]
    assert rendered('${ contains(input, `{"a": false}`) }', scope) is True
    assert rendered("${ contains(`[1]`, `true`) }", scope) is False
    assert rendered("${ `true` < `2` }", scope) is None
    assert rendered("${ 'a' < 'b' }", scope) is True


@pytest.mark.parametrize(
    "template",
    [
        "${ [input,input]" + " | [@,@]" * 50 + " }",
        "${ [input,input]" + " | [@,@][]" * 50 + " }",
        "${ { a: input, b: input }" + " | {a: @, b: @}" * 50 + " }",
        "${ join('', ['aaaaaaaaaaaaaaaa', 'b'])" + " | join('', [@,@])" * 50 + " }",
        "${ to_string(input)" + " | to_string([@,@])" * 50 + " }",
        "${ join(to_string(input.many), input.many[*].to_string(@)) }",
        "${ input.many[*].[`" + str(list(range(800))) + "`, @] }",
        "${ map(&[`" + str(list(range(800))) + "`], input.many) }",
        "${ input.many[].[@,@,@,@,@,@,@,@][].[@,@,@,@,@,@,@,@][].[@,@,@,@,@,@,@,@][].[@,@,@,@,@,@,@,@] }",
        "${ [input,input]" + " | [@,@]" * 12 + " == [input,input]" + " | [@,@]" * 12 + " }",
    ],
)
def test_work_of_one_expression_is_bounded(template: str) -> None:
    scope = {"input": {"many": [f"item {i}" for i in range(3000)]}}
    with pytest.raises(ExpressionFailed, match="too much work"):
        rendered(template, scope)


def test_text_with_expressions_is_bounded() -> None:
    with pytest.raises(ExpressionFailed, match="grew beyond"):
        rendered("${ input } " * 200, {"input": "x" * 600_000})
