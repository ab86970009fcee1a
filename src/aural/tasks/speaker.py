"""Speaker recognition: who of those that are known speaks?

Metrics   accuracy, as of any one word for a clip
"""

from __future__ import annotations

from ..sound import Sound
from . import Task
from .label import score

speaker = Task("speaker", "who speaks", gives={"sound": Sound}, makes="speaker", score=score, full=score, plural="speakers")
