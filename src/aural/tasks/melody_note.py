"""Melody as notes: which notes does the leading voice sing or play?

Metrics   F_onset, F_offset, P and R, as those of note transcription
Source    mir_eval.transcription; Molina et al., Evaluation framework for automatic singing transcription, ISMIR 2014
"""

from __future__ import annotations

from ..sound import Sound
from . import Lane, Task
from .note import full, score

melody_note = Task(
    "melody_note",
    "which notes the leading voice sings or plays",
    gives={"sound": Sound},
    makes="melody_notes",
    default="note/pitch",
    score=score,
    full=full,
    lane=Lane("roll", "melody notes", sonify="tone", height=72),
    namespace="note_midi",
    plural="notes of the melody",
)
