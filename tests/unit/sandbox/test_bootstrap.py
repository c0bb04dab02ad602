"""Environments are made again exactly when what they were made from has changed."""

from __future__ import annotations

import sys
from pathlib import Path

from sandbox import bootstrap


def test_made_from(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("one")
    stamp = bootstrap.digest(lock)
    environment = tmp_path / "environment"
    assert not bootstrap.is_made(environment, stamp)
    (environment / "bin").mkdir(parents=True)
    (environment / bootstrap.STAMP).write_text(stamp)
    assert not bootstrap.is_made(environment, stamp)
    bootstrap.python_of(environment).symlink_to(sys.executable)
    assert bootstrap.is_made(environment, stamp)
    lock.write_text("two")
    assert not bootstrap.is_made(environment, bootstrap.digest(lock))


def test_a_stub_on_path_is_no_uv(tmp_path: Path) -> None:
    stub = tmp_path / "uv"
    stub.write_text("#!/bin/sh\necho 'uv: command not found' >&2\nexit 127\n")
    stub.chmod(0o755)
    assert bootstrap.version_of(str(stub)) == ()
    stub.write_text("#!/bin/sh\necho 'uv 0.13.9 (abc)'\n")
    assert bootstrap.version_of(str(stub)) == (0, 13)
    assert bootstrap.version_of(str(tmp_path / "none")) == ()
