"""Tasks as others see them: which are open, and by what an answer is known again."""

from __future__ import annotations

from chalicelib.engine import values
from chalicelib.engine.effects import TaskResult
from chalicelib.engine.execution import Cursor, Execution
from chalicelib.engine.places import task_token


def is_open(execution: Execution, cursor: Cursor, *, hands_out: bool) -> bool:
    """Say whether a cursor takes an answer: its task is open, or is being handed out at this moment."""
    return execution.ending is None and (cursor.waits == "task" or (hands_out and cursor.waits is None))


def digest_of(answer: TaskResult) -> str:
    """Return the fingerprint of an answer, by which the same one is known again."""
    return values.digest([answer.value, answer.error, answer.cause])


def answer_name(visit: int, attempt: int) -> str:
    """Return the name of the call that answered a task: what it made carries it."""
    return f"answer.{visit}.{attempt}"


def tokens_of(execution: Execution) -> list[tuple[str, Cursor]]:
    """Return the open tasks of people in a head, oldest first, each with its token."""
    found = [
        (task_token(execution, cursor.visit, cursor.attempt), cursor)
        for cursor in execution.cursors
        if cursor.waits == "task" and cursor.held is not None and cursor.held.get("human")
    ]
    return sorted(found, key=lambda entry: entry[1].visit)
