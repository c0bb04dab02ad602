"""Outside calls by type: one TaskRunner that picks the adapter."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.engine.effects import Task, TaskResult
from chalicelib.engine.errors import TASK_FAILED
from chalicelib.ports import TaskRunner


class TaskRunners:
    """TaskRunner over others, by `Task.type`."""

    def __init__(self, runners: Mapping[str, TaskRunner]) -> None:
        self._runners = dict(runners)

    def perform(self, task: Task) -> TaskResult:
        """Hand the task to its runner; a type that has none fails the step."""
        runner = self._runners.get(task.type)
        if runner is None:
            return TaskResult(error=TASK_FAILED, cause=f"this version cannot perform tasks of type {task.type}")
        return runner.perform(task)
