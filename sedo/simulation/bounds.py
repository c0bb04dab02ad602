"""How much one decision of the engine may do in a run: most runs have the real bounds, some have very small ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from random import Random

from chalicelib.engine import evaluation, fanout, walk

SMALL_SHARE = 0.3
"""So many of all runs have bounds that a few steps reach."""


@dataclass(frozen=True)
class Bounds:
    """What the engine's constants of these names are in a run; `width` is how many branches a head may have."""

    width: int
    enough_work: int
    max_steps: int
    max_event_bytes: int

    @property
    def hold_up(self) -> bool:
        """Whether a decision that asks for a call leaves others until it has come back: it has worked enough."""
        return self.enough_work < evaluation.MAX_WORK


def make_bounds(seed: int, width: int | None) -> Bounds:
    """Choose the bounds of a run: the same for its seed, whatever else is fixed from outside."""
    draw, real = Random(f"bounds {seed}"), _found()
    bounds = real if width is None else replace(real, width=width)
    if draw.random() >= SMALL_SHARE:
        return bounds
    return replace(
        bounds,
        enough_work=draw.choice((0, 0, 60, 400, real.enough_work)),
        max_steps=draw.choice((1, 2, 5, real.max_steps, real.max_steps)),
        max_event_bytes=draw.choice((30, 300, real.max_event_bytes, real.max_event_bytes)),
    )


@contextmanager
def bounded(bounds: Bounds) -> Iterator[None]:
    """Give the engine these bounds until the run is over."""
    before = _found()
    _set(bounds)
    try:
        yield
    finally:
        _set(before)


def _found() -> Bounds:
    return Bounds(fanout.WIDTH, evaluation.ENOUGH_WORK, walk.MAX_STEPS, walk.MAX_EVENT_BYTES)


def _set(bounds: Bounds) -> None:
    fanout.WIDTH = bounds.width
    evaluation.ENOUGH_WORK = bounds.enough_work
    walk.MAX_STEPS = bounds.max_steps
    walk.MAX_EVENT_BYTES = bounds.max_event_bytes
