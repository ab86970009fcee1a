"""Bass line: which notes does the bass play? One at a time.

Metrics   F_onset, F_offset, P and R, as those of note transcription
Source    mir_eval.transcription; Ryynänen & Klapuri, Automatic bass line transcription from streaming polyphonic audio, ICASSP 2007
"""

from __future__ import annotations

from ..sound import Sound
from . import Lane, Task
from .note import full, score

bass = Task(
    "bass",
    "which notes the bass plays",
    gives={"sound": Sound},
    makes="bass",
    default="note/pitch",
    score=score,
    full=full,
    lane=Lane("roll", "bass", sonify="tone", height=56),
    namespace="note_midi",
    plural="notes of the bass",
)
