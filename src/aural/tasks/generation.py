"""Making sound: out of nothing but a seed, out of notes, or out of another sound.

Metrics   none: how near a resynthesis comes is a fact of its system, and how good a new sound is no one number says
"""

from __future__ import annotations

from ..sound import Sound
from . import Task

generation = Task("generation", "a sound that is made", gives={"sound": Sound}, makes="sound", plural="sounds")
