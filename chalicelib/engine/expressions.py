"""Templates: JSON values in which `${ JMESPath }` stands for data.

Alone in a string an expression keeps the type of its value; inside text it is rendered (strings as they are, all
else as JSON). `$${` is a literal `${`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from jmespath.exceptions import JMESPathError

from chalicelib.engine import values
from chalicelib.engine.errors import ExpressionFailed, pointer
from chalicelib.engine.evaluation import pay
from chalicelib.engine.hints import hint
from chalicelib.engine.paths import compile_path

MAX_EXPRESSION_LENGTH = 4096
SECRETS = "secrets"
Scope = dict[str, Any]
Template = Callable[[Scope], Any]


class Complain(Protocol):
    """Takes the JSON Pointer of what is wrong, a sentence, and what was found and expected."""

    def __call__(self, path: str, message: str, found: Any = None, expected: Any = None, /) -> None:
        """Hear of it."""


# What jmespath is known to let through beside its own errors, on odd texts and odd arguments.
_FAULTS = (JMESPathError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError)


def compile_template(value: Any, names: frozenset[str], path: str, complain: Complain) -> Template:
    """Compile a value once; `complain` hears of every expression that does not compile or knows none of `names`."""
    if isinstance(value, str):
        return _compile_text(value, names, path, complain)
    if isinstance(value, list):
        items = [compile_template(item, names, f"{path}/{i}", complain) for i, item in enumerate(value)]
        return constant(value) if _all_constant(items) else lambda scope: _filled_list(items, scope)
    if isinstance(value, dict):
        members = {k: compile_template(v, names, path + pointer(k), complain) for k, v in value.items()}
        if _all_constant(list(members.values())):
            return constant({key: member({}) for key, member in members.items()})
        return lambda scope: _filled_object(members, scope)
    return constant(value)


def _filled_list(items: list[Template], scope: Scope) -> list[Any]:
    pay(len(items))
    return [item(scope) for item in items]


def _filled_object(members: dict[str, Template], scope: Scope) -> dict[str, Any]:
    pay(len(members))
    return {key: member(scope) for key, member in members.items()}


class _Constant:
    """A template without expressions; a class, so that it is recognised."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self, _scope: Scope) -> Any:
        return self.value


def is_constant(template: Template) -> bool:
    """Say whether a template holds no expression."""
    return isinstance(template, _Constant)


def constant(value: Any) -> Template:
    """Return the template of a value that holds no expression, whatever it looks like."""
    return _Constant(value)


def _all_constant(templates: list[Template]) -> bool:
    return all(isinstance(template, _Constant) for template in templates)


def _compile_text(text: str, names: frozenset[str], path: str, complain: Complain) -> Template:
    parts: list[Template] = []
    flaws: list[str] = []
    for is_expression, part in split_text(text, flaws.append):
        parts.append(_compile_expression(part, names, path, complain) if is_expression else constant(part))
    for flaw in flaws:
        complain(path, flaw, text, "a closing }")
    if flaws:
        return _nothing
    if not parts:
        return constant("")
    if len(parts) == 1:
        return parts[0]
    if _all_constant(parts):
        return constant("".join(part({}) for part in parts))
    return lambda scope: _render(parts, scope)


def _render(parts: list[Template], scope: Scope) -> str:
    texts: list[str] = []
    length = 0
    for part in parts:
        value = part(scope)
        text = value if isinstance(value, str) else values.text(value)
        length += len(text)
        pay(len(text))
        if length > 4 * values.MAX_VALUE_BYTES:
            raise ExpressionFailed("a text with expressions grew beyond what a value may hold")
        texts.append(text)
    return "".join(texts)


def split_text(text: str, complain: Callable[[str], None]) -> Iterator[tuple[bool, str]]:
    """Yield `(is_expression, part)`; `$${` becomes a literal `${`. `complain` hears of a brace that is missing."""
    start = 0
    literal = ""
    while True:
        found = text.find("${", start)
        if found < 0:
            literal += text[start:]
            break
        if found > 0 and text[found - 1] == "$":
            literal += text[start : found - 1] + "${"
            start = found + 2
            continue
        end = _closing_brace(text, found + 2)
        if end is None:
            complain(f"the expression that begins at character {found + 1} has no closing }}")
            break
        literal += text[start:found]
        if literal:
            yield False, literal
            literal = ""
        yield True, text[found + 2 : end].strip()
        start = end + 1
    if literal:
        yield False, literal


def _closing_brace(text: str, start: int) -> int | None:
    """Find the `}` that ends an expression, past quotes and the braces of multi-select hashes."""
    depth = 0
    quote = ""
    position = start
    while position < len(text):
        character = text[position]
        if quote:
            if character == "\\":
                position += 1
            elif character == quote:
                quote = ""
        elif character in "'\"`":
            quote = character
        elif character == "{":
            depth += 1
        elif character == "}":
            if depth == 0:
                return position
            depth -= 1
        position += 1
    return None


def _compile_expression(text: str, names: frozenset[str], path: str, complain: Complain) -> Template:
    if len(text) > MAX_EXPRESSION_LENGTH:
        message = f"an expression may have {MAX_EXPRESSION_LENGTH} characters, found {len(text)}"
        complain(path, message, len(text), MAX_EXPRESSION_LENGTH)
        return _nothing
    try:
        search, roots = compile_path(text)
    except _FAULTS as error:
        why = _bare_number(text) or _sentence(error)
        complain(path, f"the expression {text!r:.200} does not compile: {why}", text, "a JMESPath expression")
        return _nothing
    for name in sorted(roots - names):
        complain(path, _unknown(name, names), name, f"`{name}`" if name in _LITERALS else sorted(names))

    def evaluate(scope: Scope) -> Any:
        try:
            return search(scope)
        except ExpressionFailed as error:
            raise ExpressionFailed(f"{text:.200}: {error}") from error
        except _FAULTS as error:
            raise ExpressionFailed(f"{text:.200}: {_sentence(error)}") from error

    return evaluate


def _unknown(name: str, names: frozenset[str]) -> str:
    """Return why a name is not known among `names`."""
    if name == SECRETS:
        return "secrets are known in headers, auth and body of an outgoing http request alone"
    if name in _LITERALS:
        return f"{name!r} is not known here: {_IN_BACKTICKS}: `{name}`"
    return f"{name!r:.200} is not known here, expected one of {', '.join(sorted(names))}{hint(name, names)}"


_LITERALS = frozenset({"true", "false", "null"})
_IN_BACKTICKS = "numbers, true, false and null are written in backticks"
# What is no bare number: texts, quoted names and literals (also ones that do not end), and indexes.
_QUOTED = re.compile(r"""'(?:\\.|[^'\\])*'?|"(?:\\.|[^"\\])*"?|`(?:\\.|[^`\\])*`?|\[[^\[\]]*\]""")
_NUMBER = re.compile(r"(?:^|[=<>(,|&:!])\s*(-?\d+(?:\.\d+)?)\b|(?<![\w.])(-?\d+(?:\.\d+)?)\s*[=<>!]")


def _bare_number(text: str) -> str:
    """Return how numbers are written, where one stands bare in an expression that does not compile."""
    found = _NUMBER.search(_QUOTED.sub("''", text))
    return "" if found is None else f"{_IN_BACKTICKS}: `{found[1] or found[2]}`"


def root_names(text: str) -> frozenset[str]:
    """Return the names that an expression looks up in its scope; none for one that does not compile."""
    try:
        return compile_path(text)[1]
    except _FAULTS:
        return frozenset()


def _nothing(scope: Scope) -> Any:
    """Stand in for an expression that does not compile: no constant, so that nobody checks its value."""
    raise ExpressionFailed(f"did not compile: {sorted(scope)}")


def _sentence(error: Exception) -> str:
    """Return what an error says in one line; JMESPath shows whole values."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return " ".join(str(error)[:1000].split())
