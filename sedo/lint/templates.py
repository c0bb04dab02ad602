"""Templates over shapes: which expressions stand where in a value, and what the value can come to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jmespath

from chalicelib.engine.errors import pointer
from chalicelib.engine.expressions import split_text
from sedo.lint import shapes
from sedo.lint.reading import Node, Reader
from sedo.lint.shapes import Shape

Scope = dict[str, Shape]


@dataclass(frozen=True, slots=True)
class Expression:
    """One `${ … }`: the JSON Pointer of the text that holds it, what is written, and how jmespath parses it."""

    path: str
    text: str
    node: Node


@lru_cache(maxsize=4096)
def _parts(text: str) -> tuple[tuple[bool, str], ...]:
    return tuple(split_text(text, lambda _message: None))


@lru_cache(maxsize=4096)
def parsed(text: str) -> Node:
    """Return an expression as jmespath parses it."""
    return dict(jmespath.compile(text).parsed)


def expressions(value: Any, path: str) -> Iterator[Expression]:
    """Yield all expressions in a value."""
    for at, text in _texts(value, path):
        for is_expression, part in _parts(text):
            if is_expression:
                yield Expression(at, part, parsed(part))


def literals(value: Any, path: str) -> Iterator[tuple[str, str, bool]]:
    """Yield all that is no expression in the texts of a value: its pointer, what is written, whether it is all."""
    for at, text in _texts(value, path):
        parts = _parts(text)
        for is_expression, part in parts:
            if not is_expression:
                yield at, part, len(parts) == 1


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _texts(item, f"{path}/{i}")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, path + pointer(key))


def shape_of(value: Any, scope: Scope) -> Shape:
    """Return the shape of what a template comes to."""
    if isinstance(value, str):
        return _text(value, scope)
    if isinstance(value, list):
        return shapes.array(shapes.join_all(shape_of(item, scope) for item in value), len(value))
    if isinstance(value, dict):
        return shapes.record({key: shape_of(item, scope) for key, item in value.items()})
    return shapes.of_value(value)


def _text(text: str, scope: Scope) -> Shape:
    parts = _parts(text)
    if not any(is_expression for is_expression, _ in parts):
        return shapes.of_value("".join(part for _, part in parts))
    if len(parts) == 1:
        return read(parsed(parts[0][1]), scope)[0]
    return shapes.text_of(sum(len(part) for is_expression, part in parts if not is_expression))


def read(node: Node, scope: Scope) -> tuple[Shape, list[tuple[str, str]]]:
    """Return what an expression gives in a scope, and what is to be said about it."""
    reader = Reader()
    shape, _ = reader.read(node, shapes.record(scope))
    return shape, reader.complaints


def unordered(value: Any, scope: Scope) -> Iterator[str]:
    """Yield why comparisons in a value can have no answer: an order is asked of what has none."""
    for expression in expressions(value, ""):
        reader = Reader()
        reader.read(expression.node, shapes.record(scope))
        yield from reader.unordered


def paths_read(node: Node) -> Iterator[tuple[str, ...]]:
    """Yield what an expression reads of its scope: `("stash", "total")`, or `("stash",)` where all of it is taken."""
    kind, children = node["type"], node["children"]
    if kind == "field":
        yield (node["value"],)
    elif kind in ("current", "identity"):
        yield ()
    elif kind == "subexpression" and children[0]["type"] == "field":
        for inner in paths_read(children[1]):
            yield (children[0]["value"], *inner)
    elif kind in _FIRST_CHILD:
        yield from paths_read(children[0])
    elif kind != "expref":
        for child in children:
            if isinstance(child, dict):
                yield from paths_read(child)


# Nodes whose first child alone is evaluated on what the node itself is; the others see what that found.
_FIRST_CHILD = {"subexpression", "index_expression", "pipe", "projection", "value_projection", "filter_projection"}
