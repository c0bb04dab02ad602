"""An execution in the terminal: a row for each step, redrawn while it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from sedo.cli.follow import end_in_words
from sedo.cli.output import STYLES, duration, one_line
from sedo.cli.watch import ENDS

_MARKS = {
    "succeeded": "✓",
    "failed": "✗",
    "timed out": "✗",
    "running": "▶",
    "retrying": "↻",
    "waiting": "…",
    "stopped": "■",
}


def picture(execution: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Group:
    """Return the header line, the table of `rows` as Progress makes them, and how it ended."""
    state = str(execution["state"])
    head = Text(f"{one_line(execution['id'])}  ", style="bold")
    head.append(state, style=STYLES.get(state, ""))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("STEP", overflow="ellipsis", no_wrap=True)
    table.add_column("TYPE", no_wrap=True)
    table.add_column("STATE", no_wrap=True)
    for title in ("VISITS", "ATTEMPTS", "TIME"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*_cells(row))
    parts: list[Any] = [head, table]
    if state in ENDS:
        parts.append(_ending(execution))
    return Group(*parts)


def _cells(row: Mapping[str, Any]) -> list[Text]:
    state = row["state"]
    style = STYLES.get(state or "", "dim")
    name = Text("  " * row["depth"] + f"{_MARKS.get(state or '', '·')} {one_line(row['step'])}", style=style)
    numbers = [str(row["visits"]), str(row["attempts"]), duration(row["seconds"])] if state else ["", "", ""]
    return [name, Text(one_line(row["type"])), Text(state or "", style=style), *map(Text, numbers)]


def _ending(execution: Mapping[str, Any]) -> Text:
    if execution["state"] == "ExecutionSucceeded":
        return Text(f"output  {one_line(execution.get('output'))}" if execution.get("output") is not None else "")
    return Text(one_line(end_in_words(execution)), style=STYLES.get(execution["state"], ""))
