"""Places inside an execution: paths of branches, the names of children, and the tokens of tasks.

A path is empty for the steps of the definition itself, and `fan/0/each/17` for item 17 of the step `each`, which stands
in branch 0 of the step `fan`. `~` is where children are told to end.
"""

from __future__ import annotations

import hashlib
import hmac

from chalicelib.engine.execution import Cursor, Execution

SWEEP = "~"
MAC_LENGTH = 20


def below(path: str, step: str, index: int) -> str:
    """Return the path of one branch or item of a step."""
    return f"{path}/{step}/{index}" if path else f"{step}/{index}"


def above(path: str) -> str:
    """Return the path on which the fan-out of a branch stands."""
    parts = path.rsplit("/", 2)
    return parts[0] if len(parts) == 3 else ""


def index_of(path: str) -> int:
    """Return which branch a path is."""
    return int(path.rpartition("/")[2])


def line_of(path: str) -> list[str]:
    """Return the paths from the first branch down to a path itself; none for the definition's own steps."""
    parts = path.split("/")
    return ["/".join(parts[: end + 1]) for end in range(1, len(parts), 2)] if path else []


def inside(path: str, cursor: Cursor) -> str:
    """Return what the paths of all branches of a fan-out begin with."""
    return f"{path}/{cursor.step}/" if path else f"{cursor.step}/"


def child_id(execution_id: str, visit: int, attempt: int, child: int) -> str:
    """Return the id of a child: the same whenever it is asked for."""
    again = "" if attempt == 1 else f"-{attempt}"
    return f"{execution_id}.{visit}{again}.{child}"


def child_of(execution_id: str, cursor: Cursor) -> str | None:
    """Return the id of the child that a cursor may have."""
    held = cursor.held if isinstance(cursor.held, dict) else {}
    number = None if held.get("over") else held.get("child")
    return None if not isinstance(number, int) else child_id(execution_id, cursor.visit, cursor.attempt, number)


def child_token(cursor: Cursor) -> str | None:
    """Return the token under which the end of a cursor's child is told."""
    number = cursor.held.get("child") if isinstance(cursor.held, dict) else None
    return None if number is None else f"c{cursor.visit}.{cursor.attempt}.{number}"


def task_token(execution: Execution, visit: int, attempt: int) -> str:
    """Return the token of a task: it names its execution and attempt, and nobody can make one up."""
    return f"{execution.id}.{visit}.{attempt}.{_mac(execution, visit, attempt)}"


def read_task_token(token: str) -> tuple[str, int, int, str] | None:
    """Return (execution id, visit, attempt, mac) of what looks like a task's token."""
    parts = token.rsplit(".", 3)
    if len(parts) != 4 or not (parts[1].isdecimal() and parts[2].isdecimal() and parts[1].isascii()):
        return None
    if len(parts[1]) > 9 or len(parts[2]) > 9 or not parts[2].isascii():
        return None
    return parts[0], int(parts[1]), int(parts[2]), parts[3]


def is_token_of(execution: Execution, visit: int, attempt: int, mac: str) -> bool:
    """Say whether a token was made by this execution."""
    return hmac.compare_digest(mac.encode(), _mac(execution, visit, attempt).encode())


def _mac(execution: Execution, visit: int, attempt: int) -> str:
    message = f"{execution.id}.{visit}.{attempt}".encode()
    return hmac.new(execution.salt.encode(), message, hashlib.sha256).hexdigest()[:MAC_LENGTH]
