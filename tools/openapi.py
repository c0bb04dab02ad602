"""Makes chalicelib/api/openapi.json, which ships and is served, from openapi.yaml, which people edit.

    scripts/openapi

A unit test fails while the two differ.
"""

from __future__ import annotations

import json

from chalicelib.api import contract, yaml_text


def main() -> int:
    """Writes the file; the order of members stays."""
    document, _ = yaml_text.read(contract.OPENAPI.with_suffix(".yaml").read_text())
    contract.OPENAPI.write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(f"wrote {contract.OPENAPI}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
