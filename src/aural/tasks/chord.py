"""Chord recognition: which harmony sounds when? Labels follow Harte ("A:min7/b3"); "N" is no chord, "X" is not scored.

Metrics   shares of time with the right root, majmin, sevenths, mirex (three shared pitches), exact (root, all pitches and bass)
Source    mir_eval.chord (Raffel et al., ISMIR 2014; Harte 2010)
"""

from __future__ import annotations

import numpy as np

from ..annotations import Intervals
from ..sound import Sound
from . import Lane, Task


def score(reference: Intervals, estimate: Intervals) -> dict[str, float]:
    """root, majmin, sevenths, mirex and exact; of these only such as can say something of the reference: where all chords lack a third, no
    answer is right or wrong in majmin."""
    figures = full(reference, estimate)
    figures = {name: figures[name] for name in ("root", "majmin", "sevenths", "mirex") if _scored(reference, name)}
    return {**figures, "exact": _exact(reference, estimate)}


def _scored(reference: Intervals, metric: str) -> bool:
    """Is there any time in which the truth itself is right by the metric? A reference without chords is wrong by all."""
    import mir_eval

    spans, labels = _pair(reference)
    compared = getattr(mir_eval.chord, metric)(labels, labels) if labels else np.zeros(1)
    return not labels or bool((mir_eval.util.intervals_to_durations(spans)[compared > 0] > 0).any())


def full(reference: Intervals, estimate: Intervals) -> dict[str, float]:
    """mir_eval.chord.evaluate; a reference without chords scores 0."""
    import mir_eval

    if not len(reference):
        second = (np.array([[0.0, 1.0]]), ["N"])
        return dict.fromkeys(mir_eval.chord.evaluate(*second, *second), 0.0)
    return {name: float(value) for name, value in mir_eval.chord.evaluate(*_pair(reference), *_pair(estimate)).items()}


def _pair(chords: Intervals) -> tuple[np.ndarray, list[str]]:
    return np.stack([chords.starts, chords.ends], 1), list(chords.labels)


def _exact(reference: Intervals, estimate: Intervals) -> float:
    import mir_eval

    if not len(reference):
        return 0.0
    spans, labels = _pair(reference)
    guessed = mir_eval.util.adjust_intervals(*_pair(estimate), spans.min(), spans.max(), "N", "N")
    spans, true, made = mir_eval.util.merge_labeled_intervals(spans, labels, *guessed)
    sides = [mir_eval.chord.encode_many(side, False) for side in (true, made)]
    same = np.all([(a == b).reshape(len(spans), -1).all(-1) for a, b in zip(*sides, strict=True)], axis=0).astype(float)
    same[[label.startswith("X") for label in true]] = -1  # mir_eval's mark for "not scored"
    return float(mir_eval.chord.weighted_accuracy(same, mir_eval.util.intervals_to_durations(spans)))


chord = Task(
    "chord",
    "which harmony sounds",
    gives={"sound": Sound},
    makes="chords",
    default="note/pitch",
    suffix=".chords.lab",
    score=score,
    full=full,
    lane=Lane("spans", "chords", sonify="tone"),
    namespace="chord",
    plural="chords",
)
