"""Evaluating JMESPath with bounds: jmespath's own interpreter, with a budget of work.

By itself it has no end to its work: `[@,@] | [@,@] | …` doubles a value with every eight characters. Here each visited
node and all that is made is paid for, about by the byte, and every value is JSON and finite.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from jmespath.visitor import Options, TreeInterpreter

from chalicelib.engine import values
from chalicelib.engine.errors import ExpressionFailed
from chalicelib.engine.functions import FUNCTIONS

MAX_WORK = 5_000_000
"""A little more than a value may hold: one may be read or made anew, and one that is only handed on costs nothing."""
VISIT_WORK = 12
"""A visited node takes about as long as so many bytes that are read or made."""
MAX_STEP_WORK = 8 * MAX_WORK
"""All expressions of one step together; those of its `input` have as much again, those of a catch MAX_WORK."""
MAX_DECISION_WORK = 3 * MAX_STEP_WORK
"""No decision does more, however many fan-outs end or failures are caught in it at once."""
ENOUGH_WORK = MAX_WORK
"""After so much a decision begins nothing more: the rest goes on in the next one."""

Node = Any  # as jmespath parses it: {"type", "value", "children"}
Evaluate = Callable[[Any], Any]

_OPTIONS = Options(custom_functions=FUNCTIONS)


class NotAllowed(ValueError):
    """An expression that parses and still cannot be used."""


class _Budget:
    """What the expressions of one decision have done, and what those may still do that are being evaluated together."""

    __slots__ = ("done", "left")

    def __init__(self) -> None:
        self.done = 0
        self.left = MAX_STEP_WORK

    def take(self, amount: int) -> None:
        self.done += amount
        self.left -= amount


_budget: ContextVar[_Budget | None] = ContextVar("budget", default=None)
P = ParamSpec("P")
R = TypeVar("R")


def on_one_budget(decision: Callable[P, R]) -> Callable[P, R]:
    """Count the work of all expressions that a function evaluates as that of one decision."""

    @wraps(decision)
    def bounded(*args: P.args, **named: P.kwargs) -> R:
        token = _budget.set(_Budget())
        try:
            return decision(*args, **named)
        finally:
            _budget.reset(token)

    return bounded


def grant(amount: int | None = None) -> None:
    """Begin what has a budget of its own (if nothing is said, a step's), whatever the decision did before."""
    budget = _budget.get()
    if budget is not None:
        budget.left = min(MAX_STEP_WORK if amount is None else amount, MAX_DECISION_WORK - budget.done)


def has_worked_enough() -> bool:
    """Say whether the decision that is going on should leave the rest to the next one."""
    budget = _budget.get()
    return budget is not None and budget.done > ENOUGH_WORK


def count_work(amount: int) -> None:
    """Count work that is done in any case: where it was much, the decision leaves more of it to the next one."""
    budget = _budget.get()
    if budget is not None:
        budget.done += amount


def pay(amount: int) -> None:
    """Pay for work beside the interpreter's. Raises ExpressionFailed beyond the budget of the step."""
    budget = _budget.get()
    if budget is not None:
        budget.take(amount)
        if budget.left < 0:
            raise ExpressionFailed(_TOGETHER)


_TOGETHER = "the expressions of one step take too much work together"


def evaluate(node: Node, value: Any) -> Any:
    """Evaluate a parsed expression. Raises ExpressionFailed beyond the budget, and what jmespath raises."""
    budget = _budget.get()
    if budget is None:
        return Bounded().visit(node, value)
    granted = min(max(0, budget.left), MAX_WORK)
    bounded = Bounded(granted)
    try:
        return bounded.visit(node, value)
    except ExpressionFailed as error:
        if bounded.left < 0 and granted < MAX_WORK:
            raise ExpressionFailed(_TOGETHER) from error
        raise
    finally:
        budget.take(granted - max(0, bounded.left))


class Bounded(TreeInterpreter):
    """One evaluation; `left` is what remains of its budget."""

    def __init__(self, left: int = MAX_WORK) -> None:
        super().__init__(_OPTIONS)
        self.left = left

    def visit(self, node: Node, *args: Any, **kwargs: Any) -> Any:
        """Pay for the visit of one node."""
        self.spend(VISIT_WORK)
        return super().visit(node, *args, **kwargs)

    def spend(self, amount: int) -> None:
        """Take from the budget."""
        self.left -= amount
        if self.left < 0:
            raise ExpressionFailed("it takes too much work or makes too large a value")

    def made(self, value: Any) -> Any:
        """Pay for a value that was made from others, by its size."""
        self.spend(values.size(value, self.left))
        return value

    def visit_multi_select_list(self, node: Node, value: Any) -> Any:
        """Pay for the new list."""
        return self.made(super().visit_multi_select_list(node, value))

    def visit_multi_select_dict(self, node: Node, value: Any) -> Any:
        """Pay for the new object."""
        return self.made(super().visit_multi_select_dict(node, value))

    def visit_projection(self, node: Node, value: Any) -> Any:
        """Pay for the new list."""
        return self.made(super().visit_projection(node, value))

    def visit_value_projection(self, node: Node, value: Any) -> Any:
        """Pay for the new list."""
        return self.made(super().visit_value_projection(node, value))

    def visit_filter_projection(self, node: Node, value: Any) -> Any:
        """Pay for the new list."""
        return self.made(super().visit_filter_projection(node, value))

    def visit_flatten(self, node: Node, value: Any) -> Any:
        """Pay for the list that is read, whose lists may be empty, and for the new one."""
        read = self.visit(node["children"][0], value)
        if not isinstance(read, list):
            return None
        self.spend(len(read))
        return self.made([part for found in read for part in (found if isinstance(found, list) else (found,))])

    def visit_not_expression(self, node: Node, value: Any) -> Any:
        """Negate what `holds` says."""
        return not holds(self.visit(node["children"][0], value))

    def visit_comparator(self, node: Node, value: Any) -> Any:
        """Compare as JSON: equality is strict, and two texts have an order as two numbers have."""
        one, other = (self.visit(child, value) for child in node["children"])
        operator = node["value"]
        if operator in ("eq", "ne"):
            if isinstance(one, dict | list):
                self.made(one)
            self._compared(one, other)
            return values.equal(one, other) is (operator == "eq")
        self._compared(one, other)
        return self.COMPARATOR_FUNC[operator](one, other) if _ordered(one, other) else None

    def _compared(self, one: Any, other: Any) -> None:
        """Pay for two texts: many letters are compared in the time in which one is made."""
        if isinstance(one, str) and isinstance(other, str):
            self.spend(min(len(one), len(other)) // 8)

    def visit_function_expression(self, node: Node, value: Any) -> Any:
        """Pay for what a function will read or make; beside a few, none makes more than it was given."""
        name = node["value"]
        arguments = [self.visit(child, value) for child in node["children"]]
        self.spend(VISIT_WORK)  # a call takes as long as two visits
        self.spend(sum(len(argument) for argument in arguments if isinstance(argument, str | list | dict)))
        if name in ("contains", "to_string"):
            self.made([argument for argument in arguments if isinstance(argument, str | list | dict)])
        if name == "contains" and isinstance(arguments[1], list | dict):
            self.made(arguments[0])  # lists are compared member by member, which takes longer
        if name == "join" and isinstance(arguments[0], str) and isinstance(arguments[1], list):
            self.spend(len(arguments[0]) * len(arguments[1]))
        if name in ("sort", "sort_by") and isinstance(arguments[0], list):
            self.spend(len(arguments[0]) * len(arguments[0]).bit_length() // 2)
        result = FUNCTIONS.call_function(name, arguments)
        if name == "map":
            self.made(result)
        flaw = values.plain_flaw(result) if isinstance(result, int | float) else None
        if flaw is not None:
            raise ExpressionFailed(f"{name}() gives {flaw}")
        return result


def holds(value: Any) -> bool:
    """Say whether a value counts as true: null, false, `""`, `[]` and `{}` do not; zero does."""
    return value is not None and value is not False and value != "" and value != [] and value != {}


def _ordered(one: Any, other: Any) -> bool:
    """Say whether two values have an order: two numbers, or two texts."""
    if isinstance(one, bool) or isinstance(other, bool):
        return False
    return (isinstance(one, str) and isinstance(other, str)) or (
        isinstance(one, int | float) and isinstance(other, int | float)
    )
