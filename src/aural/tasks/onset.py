"""Onset detection: when does something start to sound?

Metrics   F25, F50: F-measure with windows of ±25 ms [SB13] and ±50 ms (MIREX); references within 30 ms
          of the last one kept are one onset (`merged`), as in the papers on onset detection: a flam is heard as one attack
Source    mir_eval.onset (Raffel et al., ISMIR 2014); Böck, Krebs & Schedl, ISMIR 2012 (combination of annotations)
"""

from __future__ import annotations

import numpy as np

from ..annotations import Events
from ..sound import Sound
from . import Lane, Task

SAME_ONSET = 0.030  # seconds


def score(reference: Events, estimate: Events) -> dict[str, float]:
    """F25 and F50 of two sets of onsets."""
    import mir_eval

    return {
        f"F{round(1000 * window)}": float(mir_eval.onset.f_measure(reference.times, estimate.times, window=window)[0])
        for window in (0.025, 0.050)
    }


def full(reference: Events, estimate: Events) -> dict[str, float]:
    """mir_eval.onset.evaluate."""
    import mir_eval

    return dict(mir_eval.onset.evaluate(reference.times, estimate.times))


def merged(onsets: Events, gap: float) -> Events:
    """Onsets closer than `gap` seconds to the last one kept are the same onset."""
    kept: list[int] = []
    for i, time in enumerate(onsets.times):
        if not kept or time - onsets.times[kept[-1]] > gap:
            kept.append(i)
    return onsets[np.array(kept, dtype=int)]


onset = Task(
    "onset",
    "when something starts to sound",
    gives={"sound": Sound},
    makes="onsets",
    default="onset/schlueter13",
    score=score,
    full=full,
    lane=Lane("events", "onsets", sonify="click"),
    suffix=".onsets.csv",
    namespace="onset",
    plural="onsets",
)
