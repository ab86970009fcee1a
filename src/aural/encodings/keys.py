"""Keys, where each begins and how sure each is ⇄ a class per frame: twelve major keys (C first), twelve minor ones, and no key.

Source   Rabiner, A tutorial on hidden Markov models, Proc. IEEE 77(2), 1989 (Viterbi); Platt, Probabilistic outputs for support vector
         machines, 1999 (the map from evidence to confidence)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from .. import harmony, rhythm
from ..annotations import Curves, Events, Example, Intervals, Label
from ..errors import AnnotationError, OptionError
from ..hmm import sticky
from ..part import Tree, fitted
from .classes import FrameClasses
from .confidence import logistic, probability

NONE = len(harmony.KEYS)  # the class of no key
SHORTEST = 1.0  # seconds: shorter bars are heard together with the next


class KeyFrames(FrameClasses):
    """Keys (Intervals, or a Label for the whole) ⇄ a class per frame; the net gives logits (25, frame): `harmony.KEYS`, then no key.

    Decoded keys cover the piece, "N" where there is none, and change at bar lines where "downbeats" or counted "beats" are given,
    otherwise on a grid of `cell` seconds. All changes are equally likely: songs go up a semitone as well as to the dominant. Confidence
    is the probability that a key is right: a logistic function of the mean posterior, of its lead over the next key and of how long it
    lasts; `fit` learns it on held-out pieces. Before that it is the mean posterior.

    Args:
        stay: probability that a key lasts from one bar or cell to the next.
        cell: seconds, where no bars are known.
        trust: what a bar's mean log-posterior is multiplied by: frames of a net that looks far around say the same thing again.
    """

    fits_in_training = False
    wants: tuple[str, ...] = ("beats", "downbeats")  # fields that decoding takes where they are given
    key_weights: Tensor

    def __init__(self, of: str = "key", stay: float = 0.97, cell: float = 2.0, trust: float = 1.0) -> None:
        super().__init__(of, (*harmony.KEYS, "N"), none="N", stay=stay)
        self.fits_in_training = False
        if cell <= 0 or trust <= 0:
            raise OptionError(f"cell={cell}, trust={trust}: both above 0")
        self.cell, self.trust = float(cell), float(trust)
        fitted(self, key_weights=torch.zeros(0))

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        """(frame,) int64; -1 where nothing is known: outside the intervals, and in modes other than major and minor."""
        times, truth = np.zeros(0) if times is None else times, example.get(self.of)
        if isinstance(truth, Curves):
            return super().read(example, times)
        if isinstance(truth, Label):
            return torch.full((len(times),), class_of(truth.name))
        words = truth.at(times, "") if truth is not None else [""] * len(times)
        known = {word: class_of(word) for word in set(words)}
        return torch.tensor([known[word] for word in words], dtype=torch.int64)

    def edges(self, given: Example, start: float, end: float) -> np.ndarray:
        """(cell + 1,) seconds from start to end where a key may change: bar lines, or every `cell` seconds."""
        beats, lines = given.get("beats"), given.get("downbeats")
        if not isinstance(lines, Events):
            lines = rhythm.downbeats(beats) if isinstance(beats, Events) else None
        at = [start]
        for line in [] if lines is None else lines.times[(lines.times > start) & (lines.times < end)]:
            if line - at[-1] >= SHORTEST:
                at.append(float(line))
        whole = [*at, end]
        cut = [np.linspace(a, b, max(1, round((b - a) / self.cell)) + 1)[:-1] if b - a > 4 * self.cell else [a] for a, b in pairwise(whole)]
        return np.append(np.concatenate(cut), end)

    def spans(self, estimate: Tree, times: np.ndarray, given: Example) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Bounds (key + 1,) in seconds, classes (key,), and what confidence is made of (evidence, key)."""
        log_p = torch.log_softmax(estimate.detach().double().cpu(), 0).numpy()
        step = times[-1] - times[-2] if len(times) > 1 else self.cell
        end = given.duration if given.duration is not None else times[-1] + step
        edges = self.edges(given, 0.0, end)
        cell = (np.searchsorted(edges, times, "right") - 1).clip(0, len(edges) - 2)
        heard, of_frames = np.unique(cell, return_inverse=True)  # a bar shorter than a frame has none
        count = np.bincount(of_frames)
        means = np.stack([np.bincount(of_frames, row) for row in log_p]) / count
        path = sticky(self.trust * means, self.stay or 0.97) if len(heard) > 1 else means.argmax(0)
        change = np.flatnonzero(np.diff(path)) + 1
        bounds = np.concatenate([[0.0], edges[heard[change]], [end]])
        classes = path[np.append(0, change)]
        span = np.searchsorted(change, of_frames, "right")
        evidence = np.zeros((3, len(classes)))
        for k, own in enumerate(classes):
            frames = log_p[:, span == k]
            mean = frames.mean(1)
            evidence[:2, k] = np.exp(frames[own]).mean(), min(mean[own] - np.delete(mean, own).max(), 10.0)
        evidence[2] = np.log2(np.diff(bounds).clip(min=0.1))
        return bounds, classes, evidence

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> Intervals:
        """Logits (25, frame) → keys from 0 to the end."""
        if not len(times) or given.duration == 0:
            return self.nothing()
        bounds, classes, evidence = self.spans(estimate, times, given)
        labels = spelled([self.labels[c] for c in classes], np.diff(bounds))
        return Intervals(bounds[:-1], bounds[1:], labels, probability(evidence, self.key_weights))

    def fit(self, pairs: Iterable[tuple[Tree, np.ndarray, Example]]) -> None:
        """The weights of the confidence, on (estimate, times, example) of pieces that were not learned from: a key is right where it is
        the true one for most of its time."""
        known: list[tuple[np.ndarray, np.ndarray]] = []
        for estimate, times, example in pairs:
            truth = self.read(example, times).numpy()
            if not (truth >= 0).any():
                continue
            bounds, classes, evidence = self.spans(estimate, times, example)
            right = np.full(len(classes), np.nan)
            for k, (start, end) in enumerate(pairwise(bounds)):
                own = truth[(times >= start) & (times < end) & (truth >= 0)]
                right[k] = (own == classes[k]).mean() > 0.5 if len(own) else np.nan
            known.append((evidence[:, ~np.isnan(right)], right[~np.isnan(right)]))
        fitted(self, key_weights=logistic(known))


def class_of(key: str) -> int:
    """The class of a key, 24 for "N", -1 for what is no major or minor key."""
    if key == "N":
        return NONE
    try:
        place, minor = harmony.read_key(key)
    except AnnotationError:
        return -1
    return harmony.pitch_class(place) + 12 * minor


def spelled(labels: Sequence[str], lengths: Iterable[float]) -> tuple[str, ...]:
    """Keys with the names that they have beside each other: six sharps or six flats, whichever the other keys of the piece are nearer to
    (by signature and by how long they last); Db and not C#, G# minor and not Ab. Alone they are F# major and Eb minor."""
    signatures = [harmony.signature(label) for label in labels]
    total = sum(s[0] * length for s, length in zip(signatures, lengths, strict=True) if s is not None and abs(s[0]) < 6)
    made = []
    for label, signature in zip(labels, signatures, strict=True):
        if signature is None or abs(signature[0]) != 6 or not total:
            made.append(label)
            continue
        minor = signature[1]
        place = (6 if total > 0 else -6) + 3 * minor
        made.append(f"{harmony.note_name(place)}:{'minor' if minor else 'major'}")
    return tuple(made)


__all__ = ["KeyFrames", "class_of", "spelled"]
