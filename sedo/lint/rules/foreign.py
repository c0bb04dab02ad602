"""Texts that other systems would fill in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sedo.lint.ahead import Ahead
from sedo.lint.templates import literals

_INSIDE = re.compile(r"(?<!\$)\{\{[^{}]+\}\}|\$\([^()\s][^()]*\)")
_WHOLE = re.compile(r"\$\$?\.[A-Za-z_*\[].*", re.DOTALL)


def foreign_template(ahead: Ahead) -> Iterator[tuple[str, str]]:
    """A text that looks like a template, and like none of ours."""
    for field in ahead.fields:
        for path, text, is_whole in literals(field.value, field.path):
            found = _INSIDE.search(text) or (_WHOLE.fullmatch(text) if is_whole else None)
            if found is not None:
                yield path, f"{found[0]!r:.80} is sent as it stands; expressions are written ${{ … }}"
