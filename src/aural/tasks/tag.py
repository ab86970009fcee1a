"""Tagging: which words hold of a clip? Any number of them.

Answers   a sequence of Labels, the surest first
Metrics   of a clip: F, P, R of the set of words. Of a collection: `areas`, macro ROC-AUC and PR-AUC, from what a system thinks of every
          word (`run(..., soft=True)`)
Source    the areas: Choi, Fazekas & Sandler, ISMIR 2016 [CFS16]; Davis & Goadrich, The relationship between precision-recall and ROC
          curves, ICML 2006 (the area under precision and recall as average precision)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..annotations import Label
from ..sound import Sound
from . import Task

# Families of instruments as General MIDI groups them, and the voice.
FAMILIES = (
    "piano", "mallets", "organ", "guitar", "bass", "strings", "ensemble", "brass", "reed", "pipe", "synth lead", "synth pad", "drums",
    "voice",
)  # fmt: skip

Words = Sequence[Label | str]


def score(reference: Words, estimate: Words) -> dict[str, float]:
    """F, P and R of two sets of words; nothing said where nothing holds is right."""
    true, said = ({w.name if isinstance(w, Label) else w for w in side} for side in (reference, estimate))
    both = len(true & said)
    precision = both / len(said) if said else float(not true)
    recall = both / len(true) if true else float(not said)
    return {"F": 2 * precision * recall / (precision + recall) if both else float(not true and not said), "P": precision, "R": recall}


def roc_auc(truth: np.ndarray, scores: np.ndarray) -> float:
    """How often what holds is thought likelier than what does not, ties half; (clip,) booleans and real numbers.

    NaN where all hold, or none."""
    truth = np.asarray(truth, dtype=bool)
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]  # the mean rank of equals
    positive, negative = int(truth.sum()), int((~truth).sum())
    if not positive or not negative:
        return float("nan")
    return float((ranks[truth].sum() - positive * (positive + 1) / 2) / (positive * negative))


def pr_auc(truth: np.ndarray, scores: np.ndarray) -> float:
    """Average precision: the mean, over what holds, of the precision among all that is thought at least as likely.

    NaN where none holds."""
    truth = np.asarray(truth, dtype=bool)
    if not truth.any():
        return float("nan")
    order = np.argsort(-np.asarray(scores), kind="stable")
    found, sorted_scores = np.cumsum(truth[order]), np.asarray(scores)[order]
    last = np.append(np.flatnonzero(np.diff(sorted_scores)), len(order) - 1)  # equals are told apart by nothing
    gained = np.diff(found[last], prepend=0)
    return float((gained * found[last] / (last + 1)).sum() / truth.sum())


def areas(truth: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Macro ROC-AUC and PR-AUC of (clip, word): the means over the words that hold of some clips but not of all; NaN without any."""
    truth, scores = np.asarray(truth, dtype=bool), np.asarray(scores)
    known = [k for k in range(truth.shape[1]) if 0 < truth[:, k].sum() < len(truth)]
    if not known:
        return {"ROC-AUC": float("nan"), "PR-AUC": float("nan")}
    each = [(roc_auc(truth[:, k], scores[:, k]), pr_auc(truth[:, k], scores[:, k])) for k in known]
    return {"ROC-AUC": float(np.mean([a for a, _ in each])), "PR-AUC": float(np.mean([b for _, b in each]))}


tag = Task(
    "tag",
    "which words hold of a clip",
    gives={"sound": Sound},
    makes="tags",
    score=score,
    full=score,
    namespace="tag_open",
    plural="tags",
)
