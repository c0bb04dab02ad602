"""Loads a Chalice app as its stage configures it.

Chalice's own factory does the same, but importing it takes more than a second, since the whole of its command line
comes along; its public parts are all that is needed.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from chalice.config import Config

STAGE = "local"


def load(project: Path, stage: str) -> tuple[Any, Config]:
    """The app object and its configuration. The stage's variables do not override those of the environment."""
    folder = str(project.resolve())
    # Handlers may open files of the project by relative path, as they can in Lambda.
    os.chdir(folder)
    sys.path.insert(0, folder)
    from_disk = json.loads((Path(folder) / ".chalice" / "config.json").read_text())
    defaults = {"project_dir": folder, "autogen_policy": False}
    config = Config(chalice_stage=stage, config_from_disk=from_disk, default_params=defaults)
    for name, value in config.environment_variables.items():
        os.environ.setdefault(name, value)
    return importlib.import_module("app").app, config
