"""Melody extraction: the pitch of the leading voice, frame by frame.

Answers   Curves of one curve, in Hz; 0 where no melody sounds, negative for a pitch guessed although none is heard
Metrics   OA, RPA, RCA (overall, raw pitch and raw chroma accuracy, 50 cents), VR, VFA (recall and false alarms of voicing)
Source    mir_eval.melody; Salamon et al., Melody extraction from polyphonic music signals, 2014
"""

from __future__ import annotations

import numpy as np

from ..annotations import Curves
from ..sound import Sound
from . import Lane, Task

SHORT = {
    "OA": "Overall Accuracy",
    "RPA": "Raw Pitch Accuracy",
    "RCA": "Raw Chroma Accuracy",
    "VR": "Voicing Recall",
    "VFA": "Voicing False Alarm",
}


def score(reference: Curves, estimate: Curves) -> dict[str, float]:
    """OA, RPA, RCA, VR and VFA."""
    figures = full(reference, estimate)
    return {short: figures[name] for short, name in SHORT.items()}


def full(reference: Curves, estimate: Curves) -> dict[str, float]:
    """mir_eval.melody.evaluate; an estimate without frames says that there is no melody."""
    import mir_eval

    if not len(reference.times):
        return dict.fromkeys(SHORT.values(), 0.0)
    times, values = (estimate.times, estimate.values[0]) if len(estimate.times) else (reference.times, np.zeros(len(reference.times)))
    return {name: float(value) for name, value in mir_eval.melody.evaluate(reference.times, reference.values[0], times, values).items()}


melody = Task(
    "melody",
    "the pitch of the leading voice",
    gives={"sound": Sound},
    makes="melody",
    default="note/pitch",
    suffix=".melody.csv",
    score=score,
    full=full,
    lane=Lane("curve", "melody", sonify="tone", height=72),
    namespace="pitch_contour",
    plural="melody",
)
