"""Notices changes of the app's code."""

from __future__ import annotations

import contextlib
import queue
import threading
from pathlib import Path
from types import TracebackType

import watchfiles


class CodeWatch:
    """Watches app.py and chalicelib/ of a project by threads, while in its `with`."""

    def __init__(self, project: Path) -> None:
        self._project = project
        self._stop = threading.Event()
        self._changed: queue.SimpleQueue[str] = queue.SimpleQueue()

    def __enter__(self) -> CodeWatch:
        # Editors replace files, so app.py is watched by way of its folder; the whole tree would include environments.
        for folder, recursive in ((self._project, False), (self._project / "chalicelib", True)):
            threading.Thread(target=self._watch, args=(folder, recursive), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()

    def changed_within(self, seconds: float) -> str | None:
        """A file that changed, relative to the project; further changes of the moment count as the same."""
        try:
            first = self._changed.get(timeout=seconds)
        except queue.Empty:
            return None
        with contextlib.suppress(queue.Empty):
            while True:
                self._changed.get_nowait()
        return first

    def _watch(self, folder: Path, recursive: bool) -> None:
        for changes in watchfiles.watch(
            folder, recursive=recursive, stop_event=self._stop, debounce=300, raise_interrupt=False, rust_timeout=500
        ):
            for _, path in sorted(changes):
                name = Path(path).relative_to(self._project).as_posix()
                if name == "app.py" or (recursive and not name.endswith((".pyc", "~"))):
                    self._changed.put(name)
