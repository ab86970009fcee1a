"""Multiple pitches: which fundamental frequencies sound, frame by frame?

Answers   Curves in Hz, as many as pitches sound at once, 0 where fewer do; which curve holds a pitch means nothing
Metrics   Acc (of frames' pitches: right / (right + missed + false)), P and R, pitch within 50 cents; Acc_chroma, octaves aside
Source    mir_eval.multipitch; Poliner & Ellis, A discriminative model for polyphonic piano transcription, 2007
"""

from __future__ import annotations

import numpy as np

from ..annotations import Curves
from ..sound import Sound
from . import Lane, Task

SHORT = {"Acc": "Accuracy", "P": "Precision", "R": "Recall", "Acc_chroma": "Chroma Accuracy"}


def score(reference: Curves, estimate: Curves) -> dict[str, float]:
    """Acc, P, R and Acc_chroma."""
    figures = full(reference, estimate)
    return {short: figures[name] for short, name in SHORT.items()}


def full(reference: Curves, estimate: Curves) -> dict[str, float]:
    """mir_eval.multipitch.evaluate; an estimate without frames says that nothing sounds."""
    import mir_eval

    if not len(reference.times):
        return dict.fromkeys(SHORT.values(), 0.0)
    if not len(estimate.times):
        estimate = Curves(reference.times, np.zeros((1, len(reference.times))))
    sides = [side for curves in (reference, estimate) for side in (curves.times, _listed(curves))]
    return {name: float(value) for name, value in mir_eval.multipitch.evaluate(*sides).items()}


def _listed(curves: Curves) -> list[np.ndarray]:
    return [frame[frame > 0] for frame in curves.values.T]


pitch = Task(
    "pitch",
    "which pitches sound at each moment",
    gives={"sound": Sound},
    makes="pitches",
    score=score,
    full=full,
    lane=Lane("curve", "pitches", height=120),
    namespace="pitch_contour",
    plural="pitches",
)
