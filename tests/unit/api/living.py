"""The API over a world in memory that lives: its messages are processed, its clock is turned."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator

from chalicelib.api import contract
from tests.unit.api.local import LocalApi, Reply
from tests.unit.protocol.world import World

JO, AL = {"X-Sedo-Actor": "jo"}, {"X-Sedo-Actor": "al"}


class LivingApi(LocalApi):
    """An API with definitions; `world` drives what it starts."""

    def __init__(self, *documents: dict[str, Any]) -> None:
        self.world = World(*documents)
        super().__init__(self.world.runtime)

    def begin(self, definition_id: str = "d", input: Any = None) -> str:
        """Start an execution, and let happen what happens at once."""
        found = self.post(f"definitions/{definition_id}/execute", {"input": input})
        assert found.status == 202, found.text
        self.world.drain()
        return str(found.json["id"])

    def token(self) -> str:
        """The token of the only open task."""
        ((task,),) = self.pages("tasks")
        return str(task["token"])

    def shown(self, execution_id: str) -> Any:
        """An execution, checked against the contract."""
        return fits(self.get(f"executions/{execution_id}"), "Execution")

    def happened(self, execution_id: str, kind: str) -> list[Any]:
        """The events of one type."""
        return [event for event in self.get(f"executions/{execution_id}/history").json if event["type"] == kind]


def fits(reply: Reply, name: str) -> Any:
    """The body of an answer that passes its schema."""
    assert reply.status in (200, 202), reply.text
    schema = {"components": contract.document()["components"], "$ref": f"#/components/schemas/{name}"}
    Draft202012Validator(schema).validate(reply.json)
    return reply.json


def refused(reply: Reply, status: int) -> str:
    """The detail of a problem."""
    assert reply.status == status, reply.text
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.json["status"] == status
    return str(reply.json["detail"])


def done(reply: Reply) -> None:
    """The answer says nothing but that it is done."""
    assert (reply.status, reply.text) == (204, ""), reply.text
