"""`sedo verify`: a definition under every crash, double and delay that can befall it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from sedo.cli.errors import Refused
from sedo.cli.options import Options, offline
from sedo.cli.output import console, print_json, safe, say
from sedo.testing.command import PATH, Failed

if TYPE_CHECKING:
    from sedo.testing.files import TestFile
    from sedo.verify.sweep import Swept

MOST_CALLS = 30_000


@click.command()
@click.argument("path", metavar="FILE", type=PATH)
@click.option(
    "--effort",
    type=click.IntRange(1, 1_000_000_000),
    default=MOST_CALLS,
    show_default=True,
    help="About how many I/O calls all disturbed runs may make; more runs than that are spread evenly.",
)
@click.option("--made-up", "made_up", is_flag=True, help="Do without the test file: make up all answers.")
@offline
@click.pass_obj
def verify(options: Options, path: Path, effort: int, made_up: bool) -> None:
    """Run a definition under every crash, double and delay, and compare how each run ends.

    Answers come from NAME.test.yaml beside FILE; without one they are made up from the schemas.

    \b
    Exit codes: 0 all runs end alike; 1 one does not, or the file is wrong; 2 a file cannot be read.
    """
    from sedo.testing.files import is_test_file, library_of, read_checked, read_test_file, test_file_beside  # noqa: PLC0415
    from sedo.verify import report, scenarios  # noqa: PLC0415 - the simulation is slow to import

    beside = path if is_test_file(path) else test_file_beside(path)
    if beside is not None and not made_up:
        tests: TestFile = read_test_file(beside)
        name, library = tests.about.name, tests.library
        wanted = scenarios.of_cases(library, tests.cases, f"the cases of {tests.source.name}")
    else:
        about = read_checked(path)
        name, library = about.name, library_of(about, path.parent)
        try:
            wanted = scenarios.made_up(library)
        except scenarios.Unmakeable as error:
            raise Refused(f"{path}: {error}: write a {path.stem}.test.yaml") from None
    found = report.document(name, _swept(wanted, effort), library.document)
    if options.as_json:
        print_json(found)
    else:
        for line, style in report.text(found):
            say(Text(safe(line), style=style))
    if not found["same"] or not found["scenarios"]["runs"]:
        raise Failed("not all runs end alike")


def _swept(wanted: object, most: int) -> Swept:
    """Sweep, with a bar on a terminal."""
    from sedo.verify.scenarios import Scenarios  # noqa: PLC0415
    from sedo.verify.sweep import sweep  # noqa: PLC0415

    assert isinstance(wanted, Scenarios)
    at = console(err=True)
    bar = Progress(
        TextColumn("  disturbing"), BarColumn(), TextColumn("{task.completed} of {task.total}"), TimeElapsedColumn(),
        console=at, transient=True, disable=not at.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("runs", total=None)
        return sweep(wanted, most, lambda made, of: bar.update(task, completed=made, total=of))
