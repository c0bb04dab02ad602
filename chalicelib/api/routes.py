"""The route table, and one function for each line of it: a checked call in, one use case, an answer out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from chalice.app import Blueprint, Request, Response

from chalicelib import family, inbox, redriving, schedules, service, signals, versions
from chalicelib.api import contract, documents
from chalicelib.api.bodies import MAX_DEFINITION_BYTES
from chalicelib.api.fitting import fitting_text
from chalicelib.api.handling import Answer, Call, GetRuntime, Route, refusal, respond
from chalicelib.api.problems import Refused, invalid
from chalicelib.engine import values
from chalicelib.engine.effects import TaskResult
from chalicelib.engine.errors import outside_name_problem
from chalicelib.engine.execution import State
from chalicelib.engine.published import definition_schema
from chalicelib.ports import Page

MAX_VALUE_BODY_BYTES = values.MAX_VALUE_BYTES + 4096
"""An input, and the members beside it."""
ALL_MEDIA_TYPES = ["*/*"]


def get_health(_: Call) -> Answer:
    """Touch nothing: this says that the process answers, not that AWS does."""
    return Answer({"status": "ok"})


def get_openapi(_: Call) -> Answer:
    """Serve the contract as it is on disk."""
    return Answer(text=contract.text())


def get_definition_schema(_: Call) -> Answer:
    """Serve what editors check definitions with."""
    return Answer(definition_schema())


def create_definition(call: Call) -> Answer:
    """Store the next version of a definition."""
    definition_id = service.post_definition(call.runtime, call["tenantId"], call.body.value)
    return Answer(documents.definition_ref(call["tenantId"], definition_id), 201)


def list_definitions(call: Call) -> Answer:
    """List definitions by id."""
    page = call.runtime.store.list_definitions(call["tenantId"], call["limit"], call["cursor"])
    return _page(page, lambda definition_id: documents.definition_ref(call["tenantId"], definition_id))


def get_definition(call: Call) -> Answer:
    """Return the latest version, or the one asked for."""
    tenant_id, definition_id, version = call["tenantId"], call["definitionId"], call["version"]
    stored = call.runtime.store.get_definition(tenant_id, definition_id, version)
    if stored is None:
        which = f"definition {definition_id}" if version is None else f"version {version} of definition {definition_id}"
        raise service.NotFound(f"{which} is unknown")
    return Answer(documents.definition_version(stored))


def delete_definition(call: Call) -> Answer:
    """Take a definition away; its versions stay for what runs."""
    if not call.runtime.store.delete_definition(call["tenantId"], call["definitionId"]):
        raise service.NotFound(f"definition {call['definitionId']} is unknown")
    return Answer(status=204)


def list_versions(call: Call) -> Answer:
    """List versions, newest first, also of a deleted definition."""
    store, cursor = call.runtime.store, call["cursor"]
    page = store.list_versions(call["tenantId"], call["definitionId"], call["limit"], cursor)
    if not page.items and cursor is None:
        raise service.NotFound(f"definition {call['definitionId']} is unknown")
    return _page(page, lambda item: documents.version_item(*item))


def get_schedule(call: Call) -> Answer:
    """Return when the latest version starts executions next."""
    return Answer(schedules.upcoming(call.runtime, call["tenantId"], call["definitionId"]))


def compare_versions(call: Call) -> Answer:
    """Return what differs between two versions."""
    found = versions.difference(call.runtime, call["tenantId"], call["definitionId"], call["from"], call["to"])
    return Answer(found)


def start_execution(call: Call) -> Answer:
    """Start; the answer says what the seed says, however far the execution has come in the same call."""
    body = call.body.value
    version = body.get("version")
    execution = service.start_execution(
        call.runtime,
        call["tenantId"],
        call["definitionId"],
        body["input"],
        actor=call.actor,
        name=body.get("name"),
        version=None if version is None else int(version),
    )
    return Answer(documents.execution_ref(execution, State.SUBMITTED), 202)


def list_executions(call: Call) -> Answer:
    """List executions, newest first."""
    page = call.runtime.store.list_executions(
        call["tenantId"], call["limit"], call["cursor"], call["state"], call["definition"]
    )
    return _page(page, documents.execution_item)


def get_execution(call: Call) -> Answer:
    """Return one execution; what is too large for an answer stands as a reference."""
    head = service.show_execution(call.runtime, call["tenantId"], call["executionId"])
    return Answer(
        text=fitting_text(lambda most: service.with_data(call.runtime, head.id, documents.execution(head), most))
    )


def get_history(call: Call) -> Answer:
    """Return a page of events; one more than asked for is read, so that the last page has no Link."""
    limit, execution_id = call["limit"], call["executionId"]
    events = service.history(call.runtime, call["tenantId"], execution_id, call["cursor"] or 0, limit + 1)
    shown = [event.document() for event in events[:limit]]
    while True:
        text = fitting_text(partial(service.with_data, call.runtime, execution_id, shown))
        if text is not None:
            break
        shown = shown[: len(shown) // 2]  # too much even without large values: a shorter page
    more = str(events[len(shown) - 1].seq) if len(events) > len(shown) else None
    return Answer(text=text, next_cursor=more)


def cancel_execution(call: Call) -> Answer:
    """End an execution as cancelled."""
    cause = call.body.value.get("cause")
    execution = service.cancel_execution(call.runtime, call["tenantId"], call["executionId"], cause, actor=call.actor)
    return Answer(documents.execution_ref(execution), 202)


def redrive_execution(call: Call) -> Answer:
    """Let an ended execution go on."""
    version = call.body.value.get("version")
    version = version if isinstance(version, str | None) else int(version)
    execution = redriving.redrive_execution(
        call.runtime, call["tenantId"], call["executionId"], version, actor=call.actor
    )
    return Answer(documents.execution_ref(execution), 202)


def send_signal(call: Call) -> Answer:
    """Give a signal to an execution; without a body its payload is null."""
    payload = call.body.value if call.body.text else None
    signals.send_signal(
        call.runtime,
        call["tenantId"],
        call["executionId"],
        call["name"],
        payload,
        id=call["Idempotency-Key"],
        actor=call.actor,
    )
    return Answer(status=204)


def list_children(call: Call) -> Answer:
    """List the children of an execution in the order of their starts."""
    tenant_id, after_seq = call["tenantId"], call["cursor"] or 0
    page = family.children(call.runtime, tenant_id, call["executionId"], call["limit"], after_seq)
    return _page(page, documents.execution_item)


def list_tasks(call: Call) -> Answer:
    """List the open tasks of people."""
    page = inbox.open_tasks(call.runtime, call["tenantId"], call["limit"], call["cursor"], call["role"])
    return _page(page, documents.task_item)


def get_task(call: Call) -> Answer:
    """Return one open task."""
    return Answer(documents.task(inbox.get_task(call.runtime, call["tenantId"], call["token"])))


def complete_task(call: Call) -> Answer:
    """Answer a task: the body is the answer."""
    return _answer(call, inbox.as_result(call.body.value))


def fail_task(call: Call) -> Answer:
    """Answer a task with an error, which the step fails with."""
    name = call.body.value["error"]
    problem = outside_name_problem(name, "/error")
    if problem is not None:
        raise invalid("request is not valid", [call.body.located(problem)])
    return _answer(call, inbox.as_result(None, name, call.body.value.get("cause", "")))


def _answer(call: Call, result: TaskResult) -> Answer:
    inbox.answer(call.runtime, call["tenantId"], call["token"], result, actor=call.actor)
    return Answer(status=204)


def heartbeat_task(call: Call) -> Answer:
    """Say that the work on a task goes on."""
    inbox.heartbeat(call.runtime, call["tenantId"], call["token"])
    return Answer(status=204)


def claim_task(call: Call) -> Answer:
    """Take a task for oneself."""
    inbox.claim(call.runtime, call["tenantId"], call["token"], actor=call.actor, claimed=True)
    return Answer(status=204)


def release_task(call: Call) -> Answer:
    """Give a task back."""
    inbox.claim(call.runtime, call["tenantId"], call["token"], actor=call.actor, claimed=False)
    return Answer(status=204)


DEFINITIONS = "/sedo/tenants/{tenantId}/definitions"
EXECUTIONS = "/sedo/tenants/{tenantId}/executions"
TASKS = "/sedo/tenants/{tenantId}/tasks"
ROUTES = (
    Route("GET", "/health", get_health),
    Route("GET", "/openapi.json", get_openapi),
    Route("GET", "/schemas/definition.json", get_definition_schema),
    Route("POST", DEFINITIONS, create_definition, max_bytes=MAX_DEFINITION_BYTES, checks_body=False),
    Route("GET", DEFINITIONS, list_definitions),
    Route("GET", DEFINITIONS + "/{definitionId}", get_definition),
    Route("DELETE", DEFINITIONS + "/{definitionId}", delete_definition),
    Route("GET", DEFINITIONS + "/{definitionId}/versions", list_versions),
    Route("GET", DEFINITIONS + "/{definitionId}/diff", compare_versions),
    Route("GET", DEFINITIONS + "/{definitionId}/schedule", get_schedule),
    Route("POST", DEFINITIONS + "/{definitionId}/execute", start_execution, max_bytes=MAX_VALUE_BODY_BYTES),
    Route("GET", EXECUTIONS, list_executions),
    Route("GET", EXECUTIONS + "/{executionId}", get_execution),
    Route("GET", EXECUTIONS + "/{executionId}/history", get_history),
    Route("POST", EXECUTIONS + "/{executionId}/cancel", cancel_execution),
    Route("POST", EXECUTIONS + "/{executionId}/redrive", redrive_execution),
    Route("POST", EXECUTIONS + "/{executionId}/signals/{name}", send_signal),
    Route("GET", EXECUTIONS + "/{executionId}/children", list_children),
    Route("GET", TASKS, list_tasks),
    Route("GET", TASKS + "/{token}", get_task),
    Route("POST", TASKS + "/{token}/complete", complete_task, max_bytes=MAX_VALUE_BODY_BYTES),
    Route("POST", TASKS + "/{token}/fail", fail_task),
    Route("POST", TASKS + "/{token}/heartbeat", heartbeat_task),
    Route("POST", TASKS + "/{token}/claim", claim_task),
    Route("POST", TASKS + "/{token}/release", release_task),
)


def make_blueprint(get_runtime: GetRuntime) -> Blueprint:
    """Return the API for a runtime, which is asked for at the first request that needs one."""
    blueprint = Blueprint(__name__)
    for route in ROUTES:
        view = _view(blueprint, route, get_runtime)
        blueprint.route(route.path, methods=[route.method], content_types=ALL_MEDIA_TYPES, name=route.handler.__name__)(
            view
        )
    blueprint.register_middleware(_speak_problem_json, "http")
    return blueprint


def _view(blueprint: Blueprint, route: Route, get_runtime: GetRuntime) -> Callable[..., Response]:
    def view(**_: str) -> Response:
        return respond(route, blueprint.current_request, get_runtime)

    view.__doc__ = route.handler.__doc__
    return view


def _speak_problem_json(request: Request, get_response: Callable[[Any], Response]) -> Response:
    """Chalice answers a method that a path does not have by itself: say it as everything else is said."""
    response = get_response(request)
    if response.status_code != 405:
        return response
    allowed = response.headers.get("Allow", "")
    detail = f"{request.method} is not allowed here, allowed: {allowed}"
    return refusal(Refused(405, "method is not allowed", detail, headers={"Allow": str(allowed)}), None)


def _page(page: Page[Any], show: Callable[[Any], dict[str, Any]]) -> Answer:
    return Answer([show(item) for item in page.items], next_cursor=page.cursor)
