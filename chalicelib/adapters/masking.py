"""Masks the secrets of one call in all that comes back from it, in the forms in which texts travel.

Masked are the text itself, JSON-escaped, percent-encoded, HTML-escaped, in hexadecimal, and in base64 wherever it
begins inside a longer text (as in basic authentication). What the other side keeps and returns with a later call,
or changes otherwise, cannot be known.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
_LEAST_BASE64 = 6
"""Shorter parts of base64 would be found everywhere."""


class Masker:
    """Masks some texts; without any it changes nothing."""

    def __init__(self, secrets: Iterable[str]) -> None:
        wanted = {secret for secret in secrets if secret}
        forms = {form for secret in wanted for form in _forms(secret)}
        # The longest first: a form may be the beginning of another.
        self._forms = sorted(forms, key=lambda form: (-len(form), form))
        self._inside = sorted({core for secret in wanted for core in _base64_cores(secret)})

    @property
    def active(self) -> bool:
        """Whether there is anything to mask."""
        return bool(self._forms)

    def text(self, text: str) -> str:
        """Return a text without the secrets."""
        for form in self._forms:
            text = text.replace(form, MASK)
        for core in self._inside:
            if core in text:  # its neighbours hold some bits of it too
                text = re.sub(f"[A-Za-z0-9+/_-]?{re.escape(core)}[A-Za-z0-9+/_-]?=*", MASK, text)
        return text

    def value(self, value: Any) -> Any:
        """Return a JSON value without the secrets, also in keys and in numbers."""
        if not self.active:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, int | float) and not isinstance(value, bool):
            shown = json.dumps(value)
            return value if self.text(shown) == shown else MASK
        return value


def _forms(secret: str) -> Iterator[str]:
    raw = secret.encode("utf-8", "surrogatepass")
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    yield secret
    yield from escaped
    yield from (form.replace("/", "\\/") for form in escaped)
    for form in (quote(raw, safe=""), quote(raw), quote_plus(raw), quote_plus(raw, safe="/")):
        yield form
        yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), form)
    yield html.escape(secret)
    yield html.escape(secret, quote=False)
    yield raw.hex()
    yield raw.hex().upper()


def _base64_cores(secret: str) -> Iterator[str]:
    """Yield the part of the base64 of a longer text that this text alone decides, for each place where it may begin."""
    raw = secret.encode("utf-8", "surrogatepass")
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw).decode().rstrip("=")
        whole = (before + len(raw)) % 3 == 0
        core = encoded[(0, 2, 3)[before] : None if whole else -1]
        if len(core) >= _LEAST_BASE64:
            yield core
            yield core.replace("+", "-").replace("/", "_")
