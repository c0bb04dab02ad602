"""What differs between two definitions: by path for programs, as lines of YAML for people."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from chalicelib.api.plain import escape
from sedo.cli.files import to_yaml

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def changes(before: Any, after: Any, path: str = "") -> Iterator[dict[str, Any]]:
    """Yield `{path, before?, after?}` for all that differs. Steps are told apart by id: moving one is no change."""
    left, right = _members(before), _members(after)
    if left is None or right is None or isinstance(before, list) != isinstance(after, list):
        if not _same(before, after):
            yield {"path": path, "before": before, "after": after}
        return
    for key in [*left, *(key for key in right if key not in left)]:
        at = f"{path}/{escape(key)}"
        if key not in right:
            yield {"path": at, "before": left[key]}
        elif key not in left:
            yield {"path": at, "after": right[key]}
        else:
            yield from changes(left[key], right[key], at)


def lines(before: Any, after: Any, names: tuple[str, str]) -> Iterator[Text]:
    """Yield a unified diff of the two as YAML."""
    old, new = to_yaml(before).splitlines(), to_yaml(after).splitlines()
    for line in difflib.unified_diff(old, new, *names, lineterm=""):
        yield Text(line, style=_COLOURS.get(line[:1], ""))


def _members(value: Any) -> Mapping[str, Any] | None:
    """Return members by key: of a list by the ids of its items if all have one, else by index."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, list):
        return None
    ids = [item.get("id") if isinstance(item, dict) else None for item in value]
    if all(isinstance(name, str) for name in ids) and len(set(ids)) == len(ids):
        return {str(name): item for name, item in zip(ids, value, strict=True)}
    return {str(i): item for i, item in enumerate(value)}


def _same(before: Any, after: Any) -> bool:
    """Compare as JSON does, in which true is not 1."""
    return isinstance(before, bool) == isinstance(after, bool) and bool(before == after)
