"""Secrets in templates: `${ secrets.name }`, which the engine never sees the value of.

A text that refers to secrets leaves the template: `""` stands in its place, and what belongs there is listed beside the
request, under a name that no template can write. So nothing that is data can ever become such a reference, whatever it
looks like: in `parts`, text that came from data is marked as text.

    {"at": ["headers", "x-key"], "parts": [{"text": "key "}, {"secret": "stock"}]}
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib.engine import values
from chalicelib.engine.errors import pointer
from chalicelib.engine.expressions import SECRETS, Complain, Scope, Template, constant, root_names, split_text

FIELD = "secrets"
MAX_TEXTS = 20
"""Each is looked for in all that comes back."""
_WORD = "secrets"
_REFERENCE = re.compile(r'secrets\s*\.\s*(?:([A-Za-z_][A-Za-z0-9_]{0,63})|"([A-Za-z0-9_-]{1,64})")')

Compile = Callable[[str, str], Template]
"""Compiles a text at a JSON Pointer below the step."""


@dataclass(frozen=True, slots=True)
class HiddenText:
    """Where a text belongs and what it is made of: the name of a secret, or a template of plain text."""

    at: tuple[str | int, ...]
    parts: tuple[str | Template, ...]

    def document(self, scope: Scope) -> dict[str, Any]:
        """Return it as it goes with the request."""
        return {"at": list(self.at), "parts": [_part(part, scope) for part in self.parts]}


def _part(part: str | Template, scope: Scope) -> dict[str, str]:
    if isinstance(part, str):
        return {"secret": part}
    value = part(scope)
    return {"text": value if isinstance(value, str) else values.text(value)}


class Hiding:
    """Takes the texts with secrets out of the fields of one step."""

    def __init__(self, path: str, complain: Complain, compile_text: Compile) -> None:
        self.found: list[HiddenText] = []
        self._path = path
        self._complain = complain
        self._compile = compile_text

    def take(self, value: Any, at: tuple[str | int, ...]) -> Any:
        """Return a template without those of its texts that refer to secrets."""
        if isinstance(value, dict):
            return {key: self.take(item, (*at, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.take(item, (*at, i)) for i, item in enumerate(value)]
        if not isinstance(value, str) or _WORD not in value:
            return value
        pieces = list(split_text(value, _nobody))
        if not any(is_expression and SECRETS in root_names(text) for is_expression, text in pieces):
            return value
        below = pointer(*at)
        if len(self.found) == MAX_TEXTS:
            message = f"at most {MAX_TEXTS} texts of a request may have secrets"
            self._complain(self._path + below, message, value, MAX_TEXTS)
            return ""
        self.found.append(HiddenText(at, tuple(self._piece(*piece, below) for piece in pieces)))
        return ""

    def _piece(self, is_expression: bool, text: str, below: str) -> str | Template:
        if not is_expression:
            return constant(text)
        if SECRETS not in root_names(text):
            return self._compile(f"${{{text}}}", below)
        reference = _REFERENCE.fullmatch(text)
        if reference is None:
            self._complain(
                self._path + below,
                f"a secret stands alone, as ${{ secrets.name }}, with text around it if need be; found {text!r:.200}",
                text,
                "${ secrets.name }",
            )
            return ""
        return reference[1] or reference[2]


def _nobody(_message: str) -> None:
    """Hear of a brace that is missing: whoever compiles the text says so."""
