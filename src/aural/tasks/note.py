"""Note transcription: which pitches start and end when?

Metrics   F_onset, P, R: pitch within 50 cents and onset within 50 ms; F_offset: and offset within 50 ms or a fifth of the note
Source    mir_eval.transcription (Bay, Ehmann & Downie, ISMIR 2009)
"""

from __future__ import annotations

import numpy as np

from ..annotations import Notes
from ..sound import Sound
from . import Lane, Task

SHORTEST = 0.001  # mir_eval refuses notes of no length; a measured score need not


def score(reference: Notes, estimate: Notes, tolerance: float = 0.05) -> dict[str, float]:
    """F_onset, F_offset, P and R (of onsets); `tolerance`: of onsets, in seconds."""
    import mir_eval

    sides = (*_pair(reference, SHORTEST), *_pair(estimate, SHORTEST))
    precision, recall, f, _ = mir_eval.transcription.precision_recall_f1_overlap(*sides, tolerance, offset_ratio=None)
    with_offset = mir_eval.transcription.precision_recall_f1_overlap(*sides, tolerance, offset_ratio=0.2)[2]
    return {"F_onset": float(f), "F_offset": float(with_offset), "P": float(precision), "R": float(recall)}


def full(reference: Notes, estimate: Notes) -> dict[str, float]:
    """mir_eval.transcription.evaluate."""
    import mir_eval

    return {n: float(v) for n, v in mir_eval.transcription.evaluate(*_pair(reference), *_pair(estimate)).items()}


def _pair(notes: Notes, shortest: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) spans in seconds and n pitches in Hz."""
    return np.stack([notes.starts, np.maximum(notes.ends, notes.starts + shortest)], 1), 440.0 * 2 ** ((notes.pitches - 69.0) / 12.0)


note = Task(
    "note",
    "which pitches start and end",
    gives={"sound": Sound},
    makes="notes",
    default="note/pitch",
    suffix=".notes.mid",
    score=score,
    full=full,
    lane=Lane("roll", "notes", sonify="tone", height=120),
    namespace="note_midi",
    plural="notes",
)
