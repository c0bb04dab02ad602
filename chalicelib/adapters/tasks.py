"""Outside calls by type: one TaskRunner that picks the adapter."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.adapters.allowed import Allowed
from chalicelib.adapters.aws import Clients
from chalicelib.adapters.http_runner import HttpRunner
from chalicelib.adapters.lambda_runner import LambdaRunner
from chalicelib.adapters.queue_runner import QueueRunner
from chalicelib.adapters.queues import DEAD_LETTER, READY, TIMEOUT
from chalicelib.adapters.secret_values import Secrets, reader
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


OWN_FUNCTIONS = ("sedo-*",)


def connect_runners(clients: Clients) -> TaskRunners:
    """Return the runners of all types, within what this deployment's settings allow."""
    settings = clients.settings
    source, _, prefix = settings.secrets.partition(":")
    own_queues = (settings.resource("*"), *(f"*sedo_{name}" for name in (READY, TIMEOUT, DEAD_LETTER)))
    return TaskRunners(
        {
            "http": HttpRunner(
                allow_private=settings.http_allow_private,
                allowed_hosts=settings.http_allowed_hosts,
                secrets=Secrets(reader(clients, source), prefix),
            ),
            "lambda": LambdaRunner(clients, Allowed(settings.lambda_allowed, OWN_FUNCTIONS)),
            "queue": QueueRunner(clients, Allowed(settings.queue_allowed, own_queues)),
        }
    )
