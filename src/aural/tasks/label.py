"""One word for a clip, out of a list: what kind of sound is this?

Metrics   accuracy: 1 where the word is right, 0 where not; the mean over clips is the share of right ones
"""

from __future__ import annotations

from ..annotations import Label
from ..sound import Sound
from . import Task


def score(reference: Label, estimate: Label) -> dict[str, float]:
    """accuracy, 0 or 1."""
    return {"accuracy": float(reference.name == estimate.name)}


label = Task("label", "what kind of sound a clip is", gives={"sound": Sound}, makes="label", score=score, full=score, plural="labels")
