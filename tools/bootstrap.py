"""Makes the project's environment, then becomes the tool that is named first: `python -m tools.bootstrap package …`."""

from __future__ import annotations

import os
import sys

from sandbox import bootstrap

if __name__ == "__main__":
    try:
        bootstrap.ensure_project()
    except bootstrap.BootstrapError as error:
        sys.exit(f"{sys.argv[1]}: {error}")
    python = str(bootstrap.python_of(bootstrap.VENV))
    os.execv(python, [python, "-P", "-m", f"tools.{sys.argv[1]}", *sys.argv[2:]])
