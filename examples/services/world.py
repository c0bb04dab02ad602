"""What the services remember: things by collection and number, and the answer that each idempotency key got."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Answer = tuple[int, Any]
"""A status and a body; None is no body."""


@dataclass(frozen=True)
class Request:
    """What was asked: `parts` is the path in pieces."""

    method: str
    parts: tuple[str, ...]
    body: Any = None
    key: str | None = None

    @property
    def name(self) -> str:
        """Method and path, as they are counted."""
        return f"{self.method} /{'/'.join(self.parts)}"


@dataclass
class World:
    """All of it is forgotten when the program ends."""

    things: dict[str, dict[str, Any]] = field(default_factory=dict)
    effects: Counter[str] = field(default_factory=Counter)
    repeats: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    _answers: dict[tuple[str, str], tuple[str, Answer]] = field(default_factory=dict)

    def once(self, request: Request, act: Callable[[], Answer]) -> Answer:
        """Act, unless the key came before with the same request: then repeat the answer. 422 for another request.

        An answer of 5xx is not kept: it says that nothing was done.
        """
        if request.key is None or request.method == "GET":
            return self._counted(request, act())
        place, said = (request.name, request.key), json.dumps(request.body, sort_keys=True)
        if place in self._answers:
            before, answer = self._answers[place]
            if before != said:
                return 422, {"error": "this Idempotency-Key came with another body"}
            self.repeats[request.name] += 1
            return answer
        answer = self._counted(request, act())
        if answer[0] < 500:
            self._answers[place] = (said, answer)
        return answer

    def _counted(self, request: Request, answer: Answer) -> Answer:
        if answer[0] < 300 and request.method != "GET":
            self.effects[request.name] += 1
        return answer

    def add(self, collection: str, thing: dict[str, Any]) -> dict[str, Any]:
        """Keep a thing under the next number of its collection, as `reservations-1`, and return it."""
        kept = self.things.setdefault(collection, {})
        number = self.asked[f"number of {collection}"] = self.asked[f"number of {collection}"] + 1
        made = thing | {"id": f"{collection}-{number}"}
        kept[made["id"]] = made
        return made

    def find(self, collection: str, id: str) -> dict[str, Any] | None:
        """Return a thing, if it is there."""
        return self.things.get(collection, {}).get(id)

    def remove(self, collection: str, id: str) -> bool:
        """Forget a thing, and say whether it was there."""
        return self.things.get(collection, {}).pop(id, None) is not None

    def all(self, collection: str) -> list[dict[str, Any]]:
        """Return the things of a collection in the order in which they came."""
        return list(self.things.get(collection, {}).values())
