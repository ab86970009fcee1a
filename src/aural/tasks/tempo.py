"""Tempo estimation: how many beats a minute?

Metrics   acc1: the first candidate lies within 4 % of the true tempo; acc2: or of its half, double, third or triple
Source    Gouyon et al., An experimental comparison of audio tempo induction algorithms, 2006; mir_eval.tempo (MIREX's two tempi)
"""

from __future__ import annotations

import numpy as np

from ..annotations import Tempo
from ..sound import Sound
from . import Task

TOLERANCE = 0.04
LEVELS = (1.0, 2.0, 3.0, 1 / 2, 1 / 3)


def score(reference: Tempo, estimate: Tempo) -> dict[str, float]:
    """acc1 and acc2, each 0 or 1; no estimate is a miss."""
    if not len(estimate.bpms) or not len(reference.bpms):
        return {"acc1": 0.0, "acc2": 0.0}
    ratio = float(estimate.bpms[0]) / float(reference.bpms[0])
    near = [abs(ratio / level - 1) <= TOLERANCE for level in LEVELS]
    return {"acc1": float(near[0]), "acc2": float(any(near))}


def full(reference: Tempo, estimate: Tempo) -> dict[str, float]:
    """mir_eval.tempo.evaluate: two tempi a side, a missing one is 0; the weight is that of the reference's first."""
    import mir_eval

    weight = float(reference.probabilities[0]) if len(reference.probabilities) else 1.0
    return dict(mir_eval.tempo.evaluate(_two(reference), weight, _two(estimate)))


def _two(tempo: Tempo) -> np.ndarray:
    return np.pad(np.asarray(tempo.bpms, dtype=np.float64)[:2], (0, max(0, 2 - len(tempo.bpms))))


tempo = Task(
    "tempo",
    "how many beats a minute",
    gives={"sound": Sound},
    makes="tempo",
    default="tempo/from_beats",
    score=score,
    full=full,
    suffix=".tempo.json",
    namespace="tempo",
    plural="tempo",
)
