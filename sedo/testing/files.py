"""Test files: read, checked against their schema and against the definition that they are about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from chalicelib.api import checks
from chalicelib.engine.definition import parse
from chalicelib.engine.errors import DefinitionInvalid, Problem, pointer
from chalicelib.engine.hints import hint
from chalicelib.engine.lists import lists_in
from sedo.cli import files
from sedo.cli.errors import BadInput, Refused
from sedo.testing.cases import Case, read_case
from sedo.testing.library import SUFFIXES, Library
from sedo.testing.schema import TEST_FILE

MOCKED_TYPES = frozenset({"callback", "execute", "human", "signal"})
PURE_TYPES = frozenset({"choice", "echo", "fail", "map", "parallel", "pass", "succeed", "wait"})


@dataclass(frozen=True)
class TestFile:
    """A test file and its definition; `source` and `about` know the places in both."""

    __test__ = False  # not what pytest looks for

    source: files.Source
    about: files.Source
    library: Library
    cases: tuple[Case, ...]


def test_file_beside(path: Path) -> Path | None:
    """Return the test file of a definition, if there is one."""
    return next((found for suffix in SUFFIXES if (found := path.with_suffix(f".test{suffix}")).is_file()), None)


def is_test_file(path: Path) -> bool:
    """Say whether a file is named as tests are."""
    return path.stem.endswith(".test")


def read_test_file(path: Path) -> TestFile:
    """Read a test file, or that of a definition. Raises BadInput for what is not there, Refused for what is wrong."""
    if not is_test_file(path):
        beside = test_file_beside(path)
        if beside is None:
            raise BadInput(f"{path}: there is no {path.stem}.test.yaml beside it")
        path = beside
    source = files.read_definition(path)
    refuse(source, list(_shape(source.value)))
    about = read_checked(_definition_path(path, source))
    library = library_of(about, path.parent)
    problems: list[Problem] = []
    cases = []
    for i, found in enumerate(source.value["cases"]):
        try:
            cases.append(read_case(found, f"/cases/{i}"))
        except ValueError as error:
            text = f"at must be a time with its zone like 2030-01-31T08:00:00+01:00: {error}"
            problems.append(Problem(f"/cases/{i}/at", text))
    refuse(source, problems + [problem for case in cases for problem in _unknown(case, library)])
    names = [case.name for case in cases]
    doubles = [case for i, case in enumerate(cases) if case.name in names[:i]]
    refuse(source, [Problem(f"{case.at}/name", f"another case is called {case.name!r} too") for case in doubles])
    return TestFile(source, about, library, tuple(cases))


def read_checked(path: Path) -> files.Source:
    """Read a definition and check it as posting does. Raises BadInput, Refused."""
    source = files.read_definition(path)
    try:
        parse(source.value)
    except DefinitionInvalid as invalid:
        refuse(source, list(invalid.problems))
    return source


def library_of(about: files.Source, folder: Path) -> Library:
    """Return a definition with those beside it."""
    return Library(about.value, folder, _readable)


def _readable(path: Path) -> Any:
    """Return the value of a file beside; None for one that cannot be read, which may be about something else."""
    try:
        return files.read_definition(path).value
    except (BadInput, Refused):
        return None


def refuse(source: files.Source, problems: list[Problem]) -> None:
    """Raise Refused when there are problems, each with its place in the file."""
    if not problems:
        return
    places = [place_text(source, problem.path, at_key=problem.at_key) for problem in problems]
    lines = [f"{place}: {problem.message}" for place, problem in zip(places, problems, strict=True)]
    raise Refused("\n".join(lines), {"title": "not usable", "errors": [problem.document() for problem in problems]})


def place_text(source: files.Source, at: str, *, at_key: bool = False) -> str:
    """Return `FILE:LINE:COLUMN` of a JSON Pointer or of the name at its end, or of what would hold it."""
    place = source.place(at, at_key=at_key)
    return source.name if place is None else f"{source.name}:{place[0]}:{place[1]}"


def _definition_path(path: Path, source: files.Source) -> Path:
    named = source.value.get("definition")
    if named is not None:
        return path.parent / str(named)
    stem = path.stem.removesuffix(".test")
    for suffix in SUFFIXES:
        if (found := path.parent / (stem + suffix)).is_file():
            return found
    raise BadInput(f"{path}: there is no {stem}.yaml beside it; name another with `definition`")


def _shape(value: Any) -> Iterator[Problem]:
    for error in Draft202012Validator(TEST_FILE).iter_errors(value):
        yield from _problems(error)


def _problems(error: ValidationError) -> Iterator[Problem]:
    while error.context:  # of alternatives, what comes nearest
        error = max(error.context, key=lambda inner: len(inner.absolute_path))
    at = pointer(*error.absolute_path)
    if error.validator == "not":
        yield Problem(at, "an answer has one of output, error, never and arrivals")
    elif error.validator == "required" and not error.absolute_path:
        yield Problem(at, "a test file has a list of cases")
    else:
        yield from checks.from_error(error)


def _unknown(case: Case, library: Library) -> Iterator[Problem]:
    """Yield the mocks of steps that are not there, or that ask nobody."""
    for name in case.mocks:
        at = case.at + pointer("mocks", name)
        step, why = find_step(library, name)
        if step is None:
            yield Problem(at, why, at_key=True)
        elif step["type"] in PURE_TYPES:
            yield Problem(at, f"step {name} is of type {step['type']}, which asks nobody: there is nothing to mock")


def find_step(library: Library, name: str) -> tuple[Mapping[str, Any] | None, str]:
    """Return a step by its name in test files, `step` or `execute-step/step`; else None and what is wrong."""
    document: dict[str, Any] = library.document
    *above, last = name.split("/")
    for word in above:
        step = _specs(document).get(word)
        if step is None or step["type"] != "execute":
            ids = [spec["id"] for spec in _specs(document).values() if spec["type"] == "execute"]
            return None, f"{name}: there is no execute step {word!r} in {document['id']}{hint(word, ids)}"
        sibling = library.sibling(str(step["definition"]))
        if sibling is None:
            return None, f"{name}: there is no file beside with the definition {step['definition']!r}"
        document = sibling
    found = _specs(document).get(last)
    return found, "" if found is not None else f"{document['id']} has no step {last!r}{hint(last, _specs(document))}"


def _specs(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {spec["id"]: spec for found in lists_in(document) for spec in found.specs}
