"""Key estimation: which tonic, major or minor?

Answers   Intervals of keys ("C:major", "N" where there is none), or one Label for the whole; the key that lasts longest is scored
Metrics   weighted: 1 for the same key, 0.5 a fifth off, 0.3 the relative, 0.2 the parallel
Source    mir_eval.key (MIREX's weights)
"""

from __future__ import annotations

from ..annotations import Intervals, Label
from ..harmony import main_key
from ..sound import Sound
from . import Lane, Task


def name_of(key: Intervals | Label) -> str:
    """The key that lasts longest, spelled as mir_eval spells it ("C major"); "X" where it is said that there is none, "" where nothing is
    said."""
    said = isinstance(key, Label) or len(key)
    return main_key(key).replace(":", " ") or ("X" if said else "")


def score(reference: Intervals | Label, estimate: Intervals | Label) -> dict[str, float]:
    """MIREX's weighted score; no estimate scores 0, and so does a key where there is none."""
    return {"weighted": full(reference, estimate)["Weighted Score"]}


def full(reference: Intervals | Label, estimate: Intervals | Label) -> dict[str, float]:
    """mir_eval.key.evaluate; nothing said on either side scores 0."""
    import mir_eval

    true, guessed = name_of(reference), name_of(estimate)
    if not true or not guessed:
        return {"Weighted Score": 0.0}
    return {name: float(value) for name, value in mir_eval.key.evaluate(true, guessed).items()}


key = Task(
    "key",
    "which tonic, major or minor",
    gives={"sound": Sound},
    makes="key",
    default="note/pitch",
    suffix=".key.lab",
    score=score,
    full=full,
    lane=Lane("spans", "key"),
    namespace="key_mode",
    plural="key",
)
