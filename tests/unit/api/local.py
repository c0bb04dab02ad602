"""The API without a server or AWS: Chalice's own gateway over stores in memory that remember what was written."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalice.app import Chalice
from chalice.config import Config
from chalice.local import LocalGateway, LocalGatewayException

from chalicelib.api.routes import make_blueprint
from chalicelib.runtime import Runtime
from chalicelib.settings import Settings
from sedo.memory import MemoryStore
from sedo.memory_queue import MemoryQueues

NOW_MS = 1_793_610_900_123
EXAMPLE = {
    "id": "example-definition",
    "inputSchema": {
        "type": "object",
        "properties": {"foo": {"type": "string"}},
        "required": ["foo"],
        "additionalProperties": False,
    },
    "steps": [
        {"id": "initial-echo", "type": "echo", "message": "initial echo", "next": "wait-some-time"},
        {"id": "wait-some-time", "type": "wait", "seconds": 45, "next": "last-echo"},
        {"id": "last-echo", "type": "echo", "message": "last echo", "end": True},
    ],
}


class WatchedStore(MemoryStore):
    """Counts what is written, or asked to be."""

    writes = 0
    failure: Exception | None = None

    def put_definition(self, *arguments: Any) -> int:
        self.writes += 1
        self._fail()
        return super().put_definition(*arguments)

    def delete_definition(self, *arguments: Any) -> bool:
        deleted = super().delete_definition(*arguments)
        self.writes += deleted
        return deleted

    def commit(self, *arguments: Any) -> Any:
        outcome = super().commit(*arguments)
        self.writes += type(outcome).__name__ == "Committed"
        return outcome

    def load(self, *arguments: Any, **options: Any) -> Any:
        self._fail()
        return super().load(*arguments, **options)

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, Any]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class NoTasks:
    def perform(self, task: Any) -> Any:
        raise AssertionError(f"{task} was performed by the API")


class LocalApi:
    """A client of the API; paths are below the tenant `123`, or whole ones that begin with `/`.

    With a runtime of somebody else, `store` and `queues` are not those in use.
    """

    def __init__(self, runtime: Runtime | None = None) -> None:
        self.now_ms = NOW_MS
        numbers = itertools.count()
        self.store = WatchedStore()
        self.queues = MemoryQueues(lambda: self.now_ms)
        self.runtime = runtime or Runtime(
            settings=Settings(),
            store=self.store,
            queue=self.queues,
            tasks=NoTasks(),
            now_ms=lambda: self.now_ms,
            nonces=lambda: f"nonce-{next(numbers)}",
            sleep=lambda _: None,
        )
        self.app = Chalice(app_name="sedo", configure_logs=False)
        self.app.register_blueprint(make_blueprint(lambda: self.runtime))
        self.gateway = LocalGateway(self.app, Config.create(chalice_stage="local"))

    def send(
        self, method: str, path: str, body: Any = None, content_type: str | None = "application/json", **headers: str
    ) -> Reply:
        content = body if body is None or isinstance(body, bytes | str) else json.dumps(body)
        content = content.encode() if isinstance(content, str) else content
        full = path if path.startswith("/") else f"/sedo/tenants/123/{path}"
        if content is not None and content_type is not None:
            headers["Content-Type"] = content_type
        try:
            answer = self.gateway.handle_request(method, full, headers, content)
        except LocalGatewayException as error:
            return Reply(error.CODE, error.headers, (error.body or b"").decode())
        return Reply(answer["statusCode"], answer["headers"], answer["body"] or "")

    def get(self, path: str) -> Reply:
        return self.send("GET", path)

    def post(self, path: str, body: Any = None, content_type: str | None = "application/json", **headers: str) -> Reply:
        return self.send("POST", path, body, content_type, **headers)

    def pages(self, path: str) -> list[list[Any]]:
        """The pages of a list."""
        page = self.get(path)
        found = [page.json]
        while link := page.headers.get("Link"):
            page = self.get(path.partition("?")[0] + link[1 : link.index(">")])
            found.append(page.json)
        return found

    def start(self, **members: Any) -> str:
        """Start the example and return the execution's id."""
        found = self.post("definitions/example-definition/execute", {"input": {"foo": "bar"}} | members)
        assert found.status == 202, found.text
        return str(found.json["id"])
