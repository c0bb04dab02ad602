"""Evaluating JMESPath with bounds: the nodes of an expression as closures.

jmespath's own interpreter has no end to its work: `[@,@] | [@,@] | …` doubles a value with every eight characters.
Here each evaluation has a budget of work, about the bytes it reads and makes, and every value is JSON and finite.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.engine import values
from chalicelib.engine.errors import ExpressionFailed
from chalicelib.engine.functions import FUNCTIONS

MAX_WORK = 1_000_000

Evaluate = Callable[[Any, "Work"], Any]
Node = dict[str, Any]


class NotAllowed(ValueError):
    """An expression that parses and still cannot be used."""


class Work:
    """What is left of one evaluation's budget."""

    __slots__ = ("left",)

    def __init__(self, left: int = MAX_WORK) -> None:
        self.left = left

    def spend(self, amount: int) -> None:
        """Take from the budget. Raises ExpressionFailed when nothing is left."""
        self.left -= amount
        if self.left < 0:
            raise ExpressionFailed("it takes too much work or makes too large a value")

    def made(self, value: Any) -> Any:
        """Pay for a value that was made from others, by its size."""
        self.spend(values.size(value, self.left))
        return value


def compile_node(node: Node) -> Evaluate:
    """Return the closure of one node of jmespath's tree, with all below it. Raises NotAllowed."""
    return _COMPILERS[node["type"]](node)


def _children(node: Node) -> list[Evaluate]:
    return [compile_node(child) for child in node["children"]]


def _field(node: Node) -> Evaluate:
    name = node["value"]
    return lambda value, _work: value.get(name) if isinstance(value, dict) else None


def _chain(node: Node) -> Evaluate:
    first, *others = _children(node)

    def evaluate(value: Any, work: Work) -> Any:
        value = first(value, work)
        for step in others:
            value = step(value, work)
        return value

    return evaluate


def _index(node: Node) -> Evaluate:
    index = node["value"]
    return lambda value, _work: value[index] if isinstance(value, list) and -len(value) <= index < len(value) else None


def _slice(node: Node) -> Evaluate:
    bounds = slice(*node["children"])
    if bounds.step == 0:
        raise NotAllowed("the step of a slice cannot be 0")
    return lambda value, _work: value[bounds] if isinstance(value, list) else None


def _literal(node: Node) -> Evaluate:
    found = node["value"]
    return lambda _value, _work: found


def _current(_node: Node) -> Evaluate:
    return lambda value, _work: value


def _list(node: Node) -> Evaluate:
    items = _children(node)
    return lambda value, work: None if value is None else work.made([item(value, work) for item in items])


def _dict(node: Node) -> Evaluate:
    members = [(child["value"], compile_node(child["children"][0])) for child in node["children"]]
    return lambda value, work: (
        None if value is None else work.made({name: member(value, work) for name, member in members})
    )


def _flatten(node: Node) -> Evaluate:
    base = compile_node(node["children"][0])

    def evaluate(value: Any, work: Work) -> Any:
        found = base(value, work)
        if not isinstance(found, list):
            return None
        merged: list[Any] = []
        for element in found:
            merged.extend(element) if isinstance(element, list) else merged.append(element)
        work.spend(len(found) + len(merged))
        return merged

    return evaluate


def _collected(elements: list[Any], right: Evaluate, work: Work) -> list[Any]:
    work.spend(len(elements))
    found = [right(element, work) for element in elements]
    kept = [item for item in found if item is not None]
    work.made(kept)
    return kept


def _projection(node: Node) -> Evaluate:
    base, right = _children(node)

    def evaluate(value: Any, work: Work) -> Any:
        found = base(value, work)
        return _collected(found, right, work) if isinstance(found, list) else None

    return evaluate


def _value_projection(node: Node) -> Evaluate:
    base, right = _children(node)

    def evaluate(value: Any, work: Work) -> Any:
        found = base(value, work)
        return _collected(list(found.values()), right, work) if isinstance(found, dict) else None

    return evaluate


def _filter(node: Node) -> Evaluate:
    base, right, condition = _children(node)

    def evaluate(value: Any, work: Work) -> Any:
        found = base(value, work)
        if not isinstance(found, list):
            return None
        work.spend(len(found))
        return _collected([element for element in found if holds(condition(element, work))], right, work)

    return evaluate


def holds(value: Any) -> bool:
    """Say whether a value counts as true: null, false, `""`, `[]` and `{}` do not; zero does."""
    return value is not None and value is not False and value != "" and value != [] and value != {}


def _or(node: Node) -> Evaluate:
    left, right = _children(node)

    def evaluate(value: Any, work: Work) -> Any:
        found = left(value, work)
        return found if holds(found) else right(value, work)

    return evaluate


def _and(node: Node) -> Evaluate:
    left, right = _children(node)

    def evaluate(value: Any, work: Work) -> Any:
        found = left(value, work)
        return right(value, work) if holds(found) else found

    return evaluate


def _not(node: Node) -> Evaluate:
    (operand,) = _children(node)
    return lambda value, work: not holds(operand(value, work))


_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
}


def _comparator(node: Node) -> Evaluate:
    left, right = _children(node)
    operator = node["value"]
    if operator in _ORDER:
        order = _ORDER[operator]

        def compare(value: Any, work: Work) -> Any:
            one, other = left(value, work), right(value, work)
            return order(one, other) if _ordered(one, other) else None

        return compare
    wanted = operator == "eq"

    def equal(value: Any, work: Work) -> Any:
        one, other = left(value, work), right(value, work)
        if isinstance(one, dict | list):
            work.made(one)
        return values.equal(one, other) is wanted

    return equal


def _ordered(one: Any, other: Any) -> bool:
    """Say whether two values have an order: two numbers, or two texts."""
    if isinstance(one, bool) or isinstance(other, bool):
        return False
    return (isinstance(one, str) and isinstance(other, str)) or (
        isinstance(one, int | float) and isinstance(other, int | float)
    )


def _call(node: Node) -> Evaluate:
    name = node["value"]
    arguments = [(child["type"] == "expref", child) for child in node["children"]]
    compiled = [
        (is_expref, compile_node(child["children"][0] if is_expref else child)) for is_expref, child in arguments
    ]

    def evaluate(value: Any, work: Work) -> Any:
        found: list[Any] = []
        for is_expref, argument in compiled:
            if is_expref:
                found.append(_Expression(argument, work))
            else:
                found.append(argument(value, work))
        _pay_for_call(name, found, work)
        result = FUNCTIONS.call_function(name, found)
        if name == "map":
            work.made(result)
        flaw = values.plain_flaw(result) if isinstance(result, int | float) else None
        if flaw is not None:
            raise ExpressionFailed(f"{name}() gives {flaw}")
        return result

    return evaluate


def _pay_for_call(name: str, arguments: list[Any], work: Work) -> None:
    """Spend what a function will read or make. Beside these few, none makes more than it was given."""
    work.spend(sum(len(argument) for argument in arguments if isinstance(argument, str | list | dict)))
    if name in ("contains", "to_string"):
        work.made(arguments)
    if name == "join" and isinstance(arguments[0], str) and isinstance(arguments[1], list):
        work.spend(len(arguments[0]) * len(arguments[1]))


class _Expression:
    """An argument with `&`. jmespath's functions know it by the name of this class and call `visit`."""

    expression = None

    def __init__(self, evaluate: Evaluate, work: Work) -> None:
        self._evaluate = evaluate
        self._work = work

    def visit(self, _node: None, value: Any) -> Any:
        """Evaluate the expression on one element."""
        self._work.spend(1)
        return self._evaluate(value, self._work)


_COMPILERS: dict[str, Callable[[Node], Evaluate]] = {
    "and_expression": _and,
    "comparator": _comparator,
    "current": _current,
    "field": _field,
    "filter_projection": _filter,
    "flatten": _flatten,
    "function_expression": _call,
    "identity": _current,
    "index": _index,
    "index_expression": _chain,
    "key_val_pair": lambda node: compile_node(node["children"][0]),
    "literal": _literal,
    "multi_select_dict": _dict,
    "multi_select_list": _list,
    "not_expression": _not,
    "or_expression": _or,
    "pipe": _chain,
    "projection": _projection,
    "slice": _slice,
    "subexpression": _chain,
    "value_projection": _value_projection,
}
