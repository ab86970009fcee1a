"""Downbeat tracking: when does a bar begin?

Metrics   F (±70 ms), nothing trimmed
Source    mir_eval.beat, on the downbeats alone
"""

from __future__ import annotations

from ..annotations import Events
from ..sound import Sound
from . import Lane, Task
from .beat import full
from .beat import score as score_beats


def score(reference: Events, estimate: Events) -> dict[str, float]:
    """F of two sets of downbeats."""
    return {"F": score_beats(reference, estimate)["F"]}


downbeat = Task(
    "downbeat",
    "when a bar begins",
    gives={"sound": Sound},
    makes="downbeats",
    default="beat/groove",
    score=score,
    full=full,
    lane=Lane("events", "downbeats", sonify="click", height=36),
    plural="downbeats",
)
