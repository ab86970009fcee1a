"""Key estimation: which tonic, major or minor?

Answers   Intervals of keys ("C:major", "N" where there is none), or one Label for the whole; the key that lasts longest is scored
Metrics   weighted: 1 for the same key, 0.5 a fifth off, 0.3 the relative, 0.2 the parallel
Source    mir_eval.key (MIREX's weights)
"""

from __future__ import annotations

from ..annotations import Intervals, Label
from ..sound import Sound
from . import Lane, Task


def name_of(key: Intervals | Label) -> str:
    """The key that lasts longest, spelled as mir_eval spells it ("C major"); "X" where it is said that there is none, "" where nothing is
    said."""
    if isinstance(key, Label):
        return "X" if key.name == "N" else key.name.replace(":", " ")
    lasting: dict[str, float] = {}
    for start, end, label in zip(key.starts, key.ends, key.labels, strict=True):
        lasting[label] = lasting.get(label, 0.0) + float(end - start)
    keys = [label for label in lasting if label != "N"]
    return max(keys, key=lambda label: lasting[label]).replace(":", " ") if keys else "X" if lasting else ""


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
