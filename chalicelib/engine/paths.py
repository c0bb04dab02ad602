"""JMESPath expressions: parsed by jmespath, checked here for all that can be known beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import jmespath

from chalicelib.engine import values
from chalicelib.engine.evaluation import VISIT_WORK, Evaluate, Node, NotAllowed, evaluate, pay
from chalicelib.engine.functions import FUNCTIONS

MAX_NESTING = 64


def compile_path(text: str) -> tuple[Evaluate, frozenset[str]]:
    """Return an expression as a function of its scope, and the names it looks up at its root.

    Raises NotAllowed, and what jmespath raises on what it cannot parse (JMESPathError, RecursionError among others).
    """
    node: Node = dict(jmespath.compile(text).parsed)
    _check(node, MAX_NESTING, in_call=False)
    names = _plain_names(node)
    found = partial(evaluate, node) if names is None else partial(_follow, names)
    return found, frozenset(_root_names(node))


def _plain_names(node: Node) -> tuple[str, ...] | None:
    """Return the names of an expression like `a.b.c`, which needs no interpreter; None for any other."""
    if node["type"] == "field":
        return (node["value"],)
    if node["type"] != "subexpression":
        return None
    names: tuple[str, ...] = ()
    for child in node["children"]:
        below = _plain_names(child)
        if below is None:
            return None
        names += below
    return names


def _follow(names: tuple[str, ...], value: Any) -> Any:
    """Go from name to name; what has no names, or not this one, gives null."""
    pay(VISIT_WORK)
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _check(node: Node, depth: int, *, in_call: bool) -> None:
    if depth <= 0:
        raise NotAllowed(f"it is nested more than {MAX_NESTING} levels deep")
    kind = node["type"]
    if kind == "expref" and not in_call:
        raise NotAllowed("& may only stand before an argument of a function")
    if kind == "literal":
        try:
            values.measure(node["value"], "a literal")
        except values.Unfit as error:
            raise NotAllowed(str(error)) from error
    if kind == "function_expression":
        _check_call(node)
    if kind == "slice" and node["children"][2] == 0:
        raise NotAllowed("the step of a slice cannot be 0")
    for child in _nodes(node):
        _check(child, depth - 1, in_call=kind == "function_expression")


def _check_call(node: Node) -> None:
    name, given = node["value"], len(node["children"])
    known = FUNCTIONS.FUNCTION_TABLE.get(name)
    if known is None:
        raise NotAllowed(
            f"there is no function {name}(), expected one of {', '.join(sorted(FUNCTIONS.FUNCTION_TABLE))}"
        )
    signature = known["signature"]
    variadic = bool(signature[-1].get("variadic"))
    if given < len(signature) or (given > len(signature) and not variadic):
        wanted = f"at least {len(signature)}" if variadic else str(len(signature))
        raise NotAllowed(f"{name}() takes {wanted} arguments, found {given}")
    for i, child in enumerate(node["children"]):
        wants = signature[min(i, len(signature) - 1)]["types"] == ["expref"]
        if wants != (child["type"] == "expref"):
            raise NotAllowed(f"argument {i + 1} of {name}() must {'' if wants else 'not '}begin with &")


def _nodes(node: Node) -> list[Node]:
    return [child for child in node.get("children", []) if isinstance(child, dict)]


# Nodes whose first child alone is evaluated on what the node itself is; the others see what that found.
_FIRST_CHILD = {"subexpression", "index_expression", "pipe", "projection", "value_projection", "filter_projection"}


def _root_names(node: Node) -> Iterator[str]:
    """Yield the names that an expression looks up in the scope itself."""
    kind = node["type"]
    if kind == "field":
        yield node["value"]
    elif kind != "expref":
        children = _nodes(node)
        for child in children[:1] if kind in _FIRST_CHILD else children:
            yield from _root_names(child)
