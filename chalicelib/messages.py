"""The wire form of messages: `{"executionId", "token", "n", "kind", "lives"}`, and nothing else is taken."""

from __future__ import annotations

import json

from chalicelib.engine.errors import SedoError
from chalicelib.ports import Message

KINDS = ("drive", "look", "ended", "schedule")
_encode = json.JSONEncoder(separators=(",", ":")).encode


class MalformedMessage(SedoError):
    """A body that no sedo wrote."""


def body_of(message: Message) -> str:
    """Return a message as JSON."""
    members = {
        "executionId": message.execution_id,
        "token": message.token,
        "n": message.n,
        "kind": message.kind,
        "lives": message.lives,
    }
    return _encode(members)


def parse_message(body: str) -> Message:
    """Read what `body_of` wrote. Raises MalformedMessage, saying which member is wrong."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage(f"not JSON: {error}") from error
    if not isinstance(found, dict):
        raise MalformedMessage(f"expected an object, found {type(found).__name__}")
    for name in ("executionId", "token", "n"):
        value = found.get(name)
        if not isinstance(value, str) or not value:
            raise MalformedMessage(f"{name}: expected text, found {value!r:.80}")
    kind, lives = found.get("kind", "drive"), found.get("lives", 0)
    if kind not in KINDS:
        raise MalformedMessage(f"kind: expected one of {', '.join(KINDS)}, found {kind!r:.80}")
    if isinstance(lives, bool) or not isinstance(lives, int) or lives < 0:
        raise MalformedMessage(f"lives: expected a count, found {lives!r:.80}")
    return Message(found["executionId"], found["token"], found["n"], kind, lives)
