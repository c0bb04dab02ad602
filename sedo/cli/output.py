"""What is printed. Colour only on a terminal and without NO_COLOR; lines are cut on a terminal alone."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import click
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

_NARROWEST = 12
STYLES = {
    "ExecutionSucceeded": "green",
    "ExecutionFailed": "red",
    "ExecutionTimedOut": "red",
    "ExecutionCancelled": "yellow",
    "StepStarted": "cyan",
    "StepSucceeded": "green",
    "StepFailed": "red",
    "StepTimedOut": "red",
    "StepRetried": "yellow",
    "TaskOpened": "magenta",
    "succeeded": "green",
    "failed": "red",
    "timed out": "red",
    "running": "cyan",
    "retrying": "yellow",
    "waiting": "magenta",
    "stopped": "yellow",
}


def console(*, err: bool = False) -> Console:
    """Return a console of this moment's standard output, or of standard error."""
    return Console(stderr=err, highlight=False, markup=False, emoji=False, soft_wrap=True)


def say(line: str | Text, *, err: bool = False) -> None:
    """Print one line; on a terminal it is cut to the width."""
    at = console(err=err)
    text = Text(line) if isinstance(line, str) else line
    text.rstrip()
    if at.is_terminal:
        text.truncate(at.width, overflow="ellipsis")
    at.print(text)


def note(sentence: str) -> None:
    """Tell the person who looks on; not part of the result."""
    console(err=True).print(Text(safe(sentence, keep="\n")))


def print_json(value: Any) -> None:
    """Print a value for other programs."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


Short = Callable[[Sequence[Any]], list[str]]


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], below: Short | None = None) -> None:
    """Print rows below their titles; nothing is cut, since what is listed is there to be copied.

    Where a terminal is too narrow, `below` makes all but the last cell short, which then has a line of its own.
    """
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = _widths(columns, cells)
    at = console()
    if below is not None and at.is_terminal and sum(widths) + 2 * len(widths) - 2 > at.width:
        _print_pairs(at, columns[:-1], [(below(row[:-1]), row[-1]) for row in cells])
        return
    at.print(_row(columns, widths, "bold"))
    for row in cells:
        at.print(_row(row, widths))


def _print_pairs(at: Console, columns: Sequence[str], pairs: Sequence[tuple[list[str], str]]) -> None:
    """Print two lines for each row; the first cell gets what the others leave of the width."""
    widths = _widths(columns, [cells for cells, _ in pairs])
    widths[0] = min(widths[0], max(at.width - sum(widths[1:]) - 2 * len(widths) + 2, _NARROWEST))
    at.print(_row(columns, widths, "bold"))
    for cells, last in pairs:
        first = Text(cells[0])
        first.truncate(widths[0], overflow="ellipsis")
        at.print(_row([first.plain, *cells[1:]], widths))
        at.print(f"  {last}")


def _widths(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(cell_len(row[i]) for row in [list(columns), *rows]) for i in range(len(columns))]


def _row(cells: Sequence[str], widths: Sequence[int], style: str = "") -> Text:
    line = Text()
    for cell, width in zip(cells, widths, strict=True):
        line.append(cell, style=style or STYLES.get(cell, ""))
        line.append(" " * (width - cell_len(cell) + 2))
    line.rstrip()
    return line


def one_line(value: Any) -> str:
    """Return any value as text without line breaks; JSON where it is no text, nothing for None."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return safe(" ".join(text.split()) if "\n" in text else text)


def safe(text: str, keep: str = "") -> str:
    """Return a text from elsewhere without what could steer a terminal: controls become `?`."""
    return "".join("?" if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in keep else c for c in text)


def minute(timestamp: str) -> str:
    """Return `2026-11-02T10:00:00.000Z` as `2026-11-02 10:00Z`."""
    return f"{timestamp[:10]} {timestamp[11:16]}Z" if timestamp else ""


def duration(seconds: float) -> str:
    """Return `0.123 s`, `12.3 s`, `3 min 20 s`, `5 h 3 min`, `12 d 4 h`."""
    if seconds < 60:
        return f"{seconds:.3f} s" if seconds < 10 else f"{seconds:.1f} s"
    whole = round(seconds)
    for big, small, size, part in (("min", "s", 60, 1), ("h", "min", 3_600, 60), ("d", "h", 86_400, 3_600)):
        if whole < {"min": 3_600, "h": 86_400, "d": whole + 1}[big]:
            return f"{whole // size} {big} {whole % size // part} {small}"
    raise AssertionError("the last size holds every duration")
