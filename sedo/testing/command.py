"""`sedo test`: definitions tried by their test files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from sedo.cli.errors import BadInput, Failure
from sedo.cli.options import Options, offline
from sedo.cli.output import duration, note, print_json, safe, say

if TYPE_CHECKING:
    from sedo.testing.files import TestFile

PATH = click.Path(path_type=Path)


class Failed(Failure):
    """A case did not come to what it expects; all has been said."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        """Say nothing more."""


def _schema(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        from sedo.testing.schema import TEST_FILE  # noqa: PLC0415

        print_json(TEST_FILE)
        context.exit()


@click.command()
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=PATH)
@click.option("--junit", "junit_path", type=PATH, metavar="FILE", help="Write the results as JUnit XML, too.")
@click.option("--case", "wanted", metavar="TEXT", help="Only the cases whose name holds this text.")
@click.option("--cover", type=click.FloatRange(0, 100), metavar="PERCENT", help="Fail below this coverage.")
@click.option(
    "--schema",
    "schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_schema,
    help="Print the JSON Schema of test files.",
)
@offline
@click.pass_obj
def test(
    options: Options, paths: tuple[Path, ...], junit_path: Path | None, wanted: str | None, cover: float | None
) -> None:
    """Try definitions by their test files, in virtual time.

    FILE is a definition with a NAME.test.yaml beside it, or that file itself.

    \b
    Exit codes: 0 all is as expected; 1 it is not, or a file is wrong; 2 a file cannot be read.
    """
    if wanted is not None and cover is not None:
        raise BadInput("--case and --cover do not go together: some cases cover some of a definition")
    from sedo.testing.files import read_test_file  # noqa: PLC0415 - the simulation is slow to import
    from sedo.testing.play import play_file, report  # noqa: PLC0415

    reports: list[dict[str, Any]] = []
    for found in _picked(map(read_test_file, dict.fromkeys(paths)), wanted):
        played, coverage = play_file(found)
        reports.append(report(found, played, coverage if wanted is None else None))
        if not options.as_json:
            show(reports[-1])
    if not reports:
        raise BadInput(f"no case has {wanted!r} in its name")
    if junit_path is not None:
        _write(junit_path, reports)
    if options.as_json:
        print_json({"passed": all(one["passed"] for one in reports), "files": reports})
    below = [one for one in reports if cover is not None and one["coverage"]["percent"] < cover]
    for low in below:
        note(f"{low['definition']}: coverage is {low['coverage']['percent']} %, {cover:g} % are wanted")
    if below or not all(one["passed"] for one in reports):
        raise Failed("not all is as expected")


def _picked(files: Iterable[TestFile], wanted: str | None) -> Iterator[TestFile]:
    """Yield the files with the cases that are wanted, but for those without one."""
    for found in files:
        cases = tuple(case for case in found.cases if wanted is None or wanted in case.name)
        if cases:
            yield replace(found, cases=cases)


def _write(path: Path, reports: list[dict[str, Any]]) -> None:
    from sedo.testing.junit import junit  # noqa: PLC0415

    try:
        junit(reports).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None


def show(found: dict[str, Any]) -> None:
    """Print the results of one file for people."""
    say(Text(safe(found["file"]), style="bold"))
    for case in found["cases"]:
        line = Text("  ")
        line.append("ok    " if case["passed"] else "FAIL  ", style="green" if case["passed"] else "red")
        line.append(safe(case["name"]))
        if "seconds" in case:
            line.append(f"  {duration(case['seconds'])} in {case['milliseconds']:.0f} ms", style="dim")
        say(line)
        for one in case["problems"]:
            say(f"    {safe(one['place'])}: {safe(one['message'])}")
            for text in one["diff"]:
                say(Text("      " + safe(text), style={"+": "green", "-": "red"}.get(text[:1], "")))
        if case["problems"] and "state" not in case and case["path"]:
            say(f"    so far: {safe(path_text(case['path']))}")
    if "coverage" in found:
        _show_coverage(found["definition"], found["coverage"])
    failed = len([case for case in found["cases"] if not case["passed"]])
    say(f"  {counted(len(found['cases']), 'case')}, {failed} failed")


def _show_coverage(definition: str, found: dict[str, Any]) -> None:
    steps, routes = found["steps"], found["routes"]
    say(
        f"  covered: {found['percent']} % of {safe(definition)}: {steps['covered']} of {steps['all']} steps, "
        f"{routes['covered']} of {routes['all']} routes"
    )
    for part in found["missing"]:
        say(f"    {safe(part['place'])}: not covered: {safe(part['text'])}")


def counted(number: int, what: str) -> str:
    """Return `1 case`, `2 cases`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def path_text(path: list[Any]) -> str:
    """Return a path on one line."""
    parts = []
    for one in path:
        if isinstance(one, str):
            parts.append(one)
            continue
        ((step, inside),) = one.items()
        ways = inside if inside and isinstance(inside[0], list) else [inside]
        alike = [(text, len(list(group))) for text, group in groupby(path_text(way) for way in ways)]
        parts.append(f"{step}[{' | '.join(text if n == 1 else f'{n} times {text}' for text, n in alike)}]")
    return " → ".join(parts)
