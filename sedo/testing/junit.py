"""JUnit's XML, as build servers read it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(reports: Sequence[dict[str, Any]]) -> ElementTree[Element]:
    """Return one suite for each test file."""
    root = Element("testsuites")
    for found in reports:
        cases = found["cases"]
        failed = [case for case in cases if not case["passed"]]
        seconds = sum(case["milliseconds"] for case in cases) / 1000
        suite = SubElement(
            root,
            "testsuite",
            name=_text(found["file"]),
            tests=str(len(cases)),
            failures=str(len(failed)),
            errors="0",
            time=f"{seconds:.3f}",
        )
        for case in cases:
            _case(suite, found["file"], case)
    indent(root)
    return ElementTree(root)


def _case(suite: Element, file: str, case: dict[str, Any]) -> None:
    at = SubElement(
        suite, "testcase", classname=_text(file), name=_text(case["name"]), time=f"{case['milliseconds'] / 1000:.3f}"
    )
    if case["passed"]:
        return
    lines = [line for one in case["problems"] for line in (f"{one['place']}: {one['message']}", *one["diff"])]
    SubElement(at, "failure", message=_text(case["problems"][0]["message"])).text = _text("\n".join(lines))


def _text(text: str) -> str:
    return _NOT_XML.sub("?", text)
