"""Instrument recognition: which one plays?

Metrics   accuracy, as of any one word for a clip
"""

from __future__ import annotations

from ..sound import Sound
from . import Task
from .label import score

# Of the pack of single notes that the systems are learned from.
ORCHESTRA = (
    "banjo", "bass-clarinet", "bassoon", "cello", "clarinet", "contrabassoon", "double-bass", "english-horn", "flute", "french-horn",
    "guitar", "mandolin", "oboe", "saxophone", "trombone",
)  # fmt: skip

instrument = Task(
    "instrument",
    "which instrument plays",
    gives={"sound": Sound},
    makes="instrument",
    score=score,
    full=score,
    namespace="tag_open",
    plural="instruments",
)
