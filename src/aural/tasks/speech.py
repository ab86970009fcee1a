"""Spoken words, of a small vocabulary: which digit is said?

Metrics   accuracy, as of any one word for a clip
"""

from __future__ import annotations

from ..sound import Sound
from . import Task
from .label import score

DIGITS = tuple("0123456789")

speech = Task("speech", "which digit is said", gives={"sound": Sound}, makes="digit", score=score, full=score, plural="digits")
