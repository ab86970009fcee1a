"""Tuning: how high is A4, in Hz?

Answers   Score: Hz, within half a semitone of 440; 440 where nothing says otherwise
Metrics   cents5, cents10: is the answer within 5 or 10 cents? Counted on a circle of one semitone: A4 = 427.5 Hz and 452.7 Hz name the
          same pitches
"""

from __future__ import annotations

import math

from ..annotations import Score
from ..sound import Sound
from . import Task


def cents_off(reference: Score, estimate: Score) -> float:
    """How far the estimate lies over the reference, in cents of -50 to 50."""
    return (1200 * math.log2(estimate.value / reference.value) + 50) % 100 - 50


def score(reference: Score, estimate: Score) -> dict[str, float]:
    """cents5 and cents10, each 0 or 1."""
    off = abs(cents_off(reference, estimate))
    return {"cents5": float(off <= 5), "cents10": float(off <= 10)}


def full(reference: Score, estimate: Score) -> dict[str, float]:
    """The error in cents, without its sign; mir_eval has nothing for it."""
    return {"Error in Cents": abs(cents_off(reference, estimate))}


tuning = Task(
    "tuning",
    "how high A4 is",
    gives={"sound": Sound},
    makes="tuning",
    default="tuning/peaks",
    score=score,
    full=full,
    plural="tuning",
)
