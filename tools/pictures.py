"""Draws the pictures in the pages of the examples anew: `python -m tools.pictures`, after a definition has changed."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from sedo.cli import files, mermaid, outline

EXAMPLES = Path(__file__).parents[1] / "examples"
PICTURE = re.compile(
    r"(?<=<!-- )(?P<name>[a-z-]+)(?P<before>\.yaml, drawn by sedo graph -->\n\n```mermaid\n).*?(?=```)", re.DOTALL
)


def pages() -> list[Path]:
    """Return the pages of the examples."""
    return sorted(EXAMPLES.glob("*/README.md"))


def drawn(page: Path) -> str:
    """Return the text of a page with its pictures as they should be."""

    def picture(found: re.Match[str]) -> str:
        source = files.read_definition(page.parent / f"{found['name']}.yaml")
        return f"{found['name']}{found['before']}{mermaid.draw(outline.top(source.value, source.name))}"

    return PICTURE.sub(picture, page.read_text(encoding="utf-8"))


def main() -> int:
    """The command."""
    for page in pages():
        page.write_text(drawn(page), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
