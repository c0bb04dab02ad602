"""Dead letters: an outage or a poisonous message?

Sent again with growing delays; after the last life the step fails visibly.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chalicelib.commits import commit, let_expire
from chalicelib.deliveries import Delivery, deliveries, settle
from chalicelib.engine.decide import decide
from chalicelib.engine.decision import sends_lost_with
from chalicelib.engine.definition import Definition
from chalicelib.engine.errors import DefinitionInvalid, SedoError
from chalicelib.engine.events import ProcessingGivenUp
from chalicelib.engine.execution import Execution
from chalicelib.engine.places import child_token
from chalicelib.outbox import Outbox, tenant_of
from chalicelib.ports import Conflict, Outgoing
from chalicelib.runtime import Runtime

logger = logging.getLogger("sedo.dead_letters")


def handle_dead_letters(runtime: Runtime, event: Mapping[str, Any]) -> None:
    """Process one event of the dead-letter queue. Raises BatchFailed if messages must come back."""
    records = event["Records"]
    arrived = deliveries(records)
    heads = runtime.store.load(sorted({delivery.message.execution_id for delivery in arrived})) if arrived else {}
    outbox = Outbox(runtime)
    failed: set[str] = set()
    for delivery in arrived:
        try:
            _bury_or_revive(runtime, outbox, delivery, heads.get(delivery.message.execution_id))
        except Exception:  # it stays on the dead-letter queue and comes again; the others are not held up
            logger.exception("dead letter %s could not be handled", delivery.message)
            failed.add(delivery.receipt_handle)
    outbox.flush()
    settle(
        runtime,
        records,
        arrived,
        lambda d: d.receipt_handle in failed or outbox.was_refused(d.message.execution_id),
    )


def _bury_or_revive(runtime: Runtime, outbox: Outbox, delivery: Delivery, head: Execution | SedoError | None) -> None:
    """Meet the head as any message does (see drive.py), but drive nothing: send again, or give up."""
    message = delivery.message
    if message.kind == "schedule":
        logger.error("%s could not start what is due; dropped, since its due entry keeps asking", message.execution_id)
        return
    if head is None:
        logger.error("dead letter %s is for an execution that is unknown; dropped", message)
        return
    delays = runtime.settings.lives_delays_seconds
    if isinstance(head, Execution):
        outbox.put(head, sends_lost_with(head, message.n, message.token))
        if head.by == message.n:
            let_expire(runtime, head)
        if not _matters(head, message.token, message.kind):
            return
    if message.lives < len(delays):
        # It keeps its nonce: what a slow process with an earlier delivery still commits must be found by row 1.
        again = replace(message, lives=message.lives + 1)
        outbox.put_messages([Outgoing(again, tenant_of(message), delays[message.lives])])
    elif isinstance(head, Execution):
        _give_up(runtime, outbox, delivery, head)
    else:
        logger.critical("%s cannot be read (%s); its due entry keeps asking", message.execution_id, head)


def _matters(head: Execution, token: str, kind: str) -> bool:
    if kind == "look":
        return not head.ended
    return any(token in (cursor.token, child_token(cursor)) for cursor in head.cursors)


def _give_up(runtime: Runtime, outbox: Outbox, delivery: Delivery, head: Execution) -> None:
    """Fail the step that the message should have driven; decided again as long as others write first."""
    message = delivery.message
    rounds = message.lives + 1
    cause = f"processing failed in {rounds} rounds of {runtime.settings.max_receive_count} tries; the log says why"
    event = ProcessingGivenUp(message.token, cause, message.n)
    while True:
        decision = decide(_definition(runtime, head), head, event, runtime.now_ms(), runtime.policy)
        if not decision.changed:
            if head.by == message.n:  # a slow process ended it by an earlier delivery, and may have died since
                let_expire(runtime, head)
            return
        outcome = commit(runtime, head, decision.execution)
        if not isinstance(outcome, Conflict):
            logger.error("%s: %s", head.id, cause)
            outbox.put(outcome, decision.sends)
            let_expire(runtime, outcome)
            return
        if outcome.current is None:
            return
        head = outcome.current
        outbox.put(head, sends_lost_with(head, message.n, message.token))


def _definition(runtime: Runtime, head: Execution) -> Definition | None:
    """Return the head's definition; one that this code cannot read is, after so many lives, as good as gone."""
    try:
        return runtime.definition(head)
    except DefinitionInvalid as error:
        logger.error("%s: its definition cannot be read: %s", head.id, error)
        return None
