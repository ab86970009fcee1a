"""Beat tracking: when would a listener tap?

Metrics   F (±70 ms), CMLt, AMLt (continuity at the annotated and at allowed metrical levels); nothing is trimmed, since the
          usual 5 seconds would be a seventh of a short excerpt
Source    mir_eval.beat; Davies, Degara & Plumbley, Evaluation methods for musical audio beat tracking algorithms, 2009
"""

from __future__ import annotations

from ..annotations import Events
from ..sound import Sound
from . import Lane, Task


def score(reference: Events, estimate: Events) -> dict[str, float]:
    """F, CMLt and AMLt; fewer than two beats on either side have no continuity."""
    import mir_eval

    f = float(mir_eval.beat.f_measure(reference.times, estimate.times))
    if len(reference) < 2 or len(estimate) < 2:
        return {"F": f, "CMLt": 0.0, "AMLt": 0.0}
    _, cmlt, _, amlt = mir_eval.beat.continuity(reference.times, estimate.times)
    return {"F": f, "CMLt": float(cmlt), "AMLt": float(amlt)}


def full(reference: Events, estimate: Events) -> dict[str, float]:
    """mir_eval.beat.evaluate (which trims the first 5 seconds)."""
    import mir_eval

    return dict(mir_eval.beat.evaluate(reference.times, estimate.times))


beat = Task(
    "beat",
    "when a listener would tap",
    gives={"sound": Sound},
    makes="beats",
    default="beat/groove",
    score=score,
    full=full,
    lane=Lane("events", "beats", sonify="click", height=36),
    suffix=".beats",
    namespace="beat",
    plural="beats",
)
