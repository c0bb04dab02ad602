"""The registry of step types: one file each, listed here by name."""

from __future__ import annotations

from chalicelib.engine.steps.base import StepType
from chalicelib.engine.steps.callback import CALLBACK
from chalicelib.engine.steps.choice import CHOICE
from chalicelib.engine.steps.echo import ECHO
from chalicelib.engine.steps.execute import EXECUTE
from chalicelib.engine.steps.fail import FAIL
from chalicelib.engine.steps.http import HTTP
from chalicelib.engine.steps.human import HUMAN
from chalicelib.engine.steps.lambda_ import LAMBDA
from chalicelib.engine.steps.map_ import MAP
from chalicelib.engine.steps.parallel import PARALLEL
from chalicelib.engine.steps.pass_ import PASS
from chalicelib.engine.steps.queue import QUEUE
from chalicelib.engine.steps.signal import SIGNAL
from chalicelib.engine.steps.succeed import SUCCEED
from chalicelib.engine.steps.wait import WAIT

STEP_TYPES: dict[str, StepType] = {
    step_type.name: step_type
    for step_type in (
        ECHO,
        PASS,
        WAIT,
        CHOICE,
        HTTP,
        LAMBDA,
        QUEUE,
        CALLBACK,
        HUMAN,
        SIGNAL,
        EXECUTE,
        PARALLEL,
        MAP,
        SUCCEED,
        FAIL,
    )
}
