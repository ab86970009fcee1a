"""Tempo: read off beats and attacks, or one of many classes.

Source    Foroughmand & Peeters, Deep-Rhythm, ISMIR 2019 [FP19] (classes of 1 BPM); McKinney & Moelants, Ambiguity in tempo
          perception, Music Perception 24(2), 2006 (that listeners differ by octaves, and prefer some tempi)
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from ..annotations import Curves, Events, Example, Tempo
from ..part import Part, Tree, fitted
from ..rhythm import tempo_curve
from .grid import Grids
from .peaks import refined

LEVELS = {1.0: 24, 1 / 2: 48, 2.0: 12, 1 / 3: 72, 3.0: 8, 2 / 3: 36, 3 / 2: 16}  # tempi as shares of the beats': lag in 24ths of a beat
SLOWEST, FASTEST = 20.0, 400.0
# What `fit` learned: a weight for each level, for "none of them", for how alike the attacks are after each level's period, and for
# log2(BPM / 120) and its square (a log-normal prior of tempi beside those weights: 67 BPM, two thirds of an octave either way).
# From 220 made songs (seed 1), once with the beats of beat/boeck11, once with true ones 5 ms off: of these the beats' level is right
# in 80 %. Fitted anew on 191 songs with the beats of beat/groove songs-1, plain clicks at 174 BPM were heard as 87: so these stay, and
# all are multiplied by SHARPNESS, which changes how sure they are and never their order (`calibrate`, on the same songs, songs-2).
# fmt: off
WEIGHTS = (
    3.73, 1.12, 0.97, -0.96, -0.69, -1.6, -2.21, -0.35,
    -0.64, -0.97, -1.86, -1.95, -0.12, -0.26, -0.05,
    -1.78, -1.07,
)
# fmt: on
SHARPNESS = 0.97


class Times(Part):
    """When events are: (n,) seconds float32; NaN pads a batch. An input for what is read off given or completed events."""

    unknown = float("nan")

    def __init__(self, of: str) -> None:
        super().__init__()
        self.of = of

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        return torch.from_numpy(example[self.of].times.astype(np.float32))


class TempoOfBeats(Part):
    """Attacks (band, frame) and the beats that are given → Tempo; there is nothing to train.

    Candidates are the beats' own tempo and its half, double, third, triple, two thirds and three halves. How probable each is
    follows from three things: which level it is, how alike the attacks are one of its periods later (counted on the
    clock of the beats, so that a tempo may drift), and how usual such a tempo is. Probabilities sum to at most 1: none may be
    right. Segments are those of `Grids`; the curve is that of the beats.

    `fit` learns the weights from examples that have a sound and a true tempo, but no true beats: the system's own are what
    must be judged. `calibrate` learns from such examples only how sure the weights there are may be: the order of candidates stays.
    The buffer `weights` holds those of made songs.
    """

    unknown = float("nan")
    fits_in_training = False
    labels = ("low", "whole", "high")
    weights: Tensor

    def __init__(self, of: str = "tempo", grids: Grids | None = None) -> None:
        super().__init__()
        self.of, self.grids = of, grids or Grids()
        fitted(self, weights=SHARPNESS * torch.tensor(WEIGHTS))

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        """A net without parameters has no targets: NaN."""
        return torch.full((0 if times is None else len(times),), float("nan"))

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> Tempo:
        """Rises (band, frame) ≥ 0 → Tempo; no candidates where nothing pulses."""
        strength, fps = _strength(estimate), 1 / (times[1] - times[0]) if len(times) > 1 else 1000.0
        beats = given["beats"]
        own = len(beats) >= 4
        if not own:
            beats = _pulse(strength, fps)
            if beats is None:
                return self.nothing()
        segments = self.grids(given["beats"], strength, fps, given.duration) if own else ()
        longest = max(segments, key=lambda grid: grid.end - grid.start, default=None)
        main = longest is not None and longest.end - longest.start > (beats.times[-1] - beats.times[0]) / 2
        bpm = longest.bpm if main and longest is not None else round(60 / float(np.median(np.diff(beats.times))), 2)
        p = probabilities(self.weights.double().cpu().numpy(), features(bpm, beats, strength, fps)) * (1.0 if own else 0.5)
        chosen = [(float(p[i]), bpm if level == 1 else round(bpm * level, 2)) for i, level in enumerate(LEVELS)]
        chosen = sorted((c for c in chosen if SLOWEST <= c[1] <= FASTEST), reverse=True)
        kept = [c for i, c in enumerate(chosen) if i < 2 or c[0] >= 0.01]
        curve = tempo_curve(given["beats"])
        return Tempo(
            np.array([b for _, b in kept]),
            np.floor(np.array([c for c, _ in kept]) * 1e4) / 1e4,
            segments,
            curve if len(curve.times) else None,
        )

    def nothing(self) -> Tempo:
        return Tempo(np.zeros(0))

    def curves(self, estimate: Tree, times: np.ndarray, given: Example) -> Curves:
        """The attacks."""
        return Curves(times, estimate.detach().double().cpu().numpy(), self.labels)

    def fit(self, pairs: Iterable[tuple[Tree, np.ndarray, Example]]) -> None:
        """The weights of greatest likelihood on (estimate, times, example), a little drawn to 0."""
        from scipy.optimize import minimize

        x, y = self._judged(pairs)
        if not len(y):
            return

        def cost(weights: np.ndarray) -> float:
            return _surprise(weights, x, y) + 0.1 * float(np.square(weights).sum())

        best = minimize(cost, self.weights.double().numpy(), method="L-BFGS-B").x
        fitted(self, weights=torch.from_numpy(best).float())

    def calibrate(self, pairs: Iterable[tuple[Tree, np.ndarray, Example]]) -> float:
        """Multiplies the weights by the number of greatest likelihood, and returns it; more than 1 is surer."""
        from scipy.optimize import minimize_scalar

        x, y = self._judged(pairs)
        if not len(y):
            return 1.0
        weights = self.weights.double().numpy()
        scale = float(minimize_scalar(lambda scale: _surprise(scale * weights, x, y), bounds=(0.1, 4.0), method="bounded").x)
        fitted(self, weights=torch.from_numpy(scale * weights).float())
        return scale

    def _judged(self, pairs: Iterable[tuple[Tree, np.ndarray, Example]]) -> tuple[np.ndarray, np.ndarray]:
        """Features (piece, level, 3), and which level is right (piece,); the last number is that of none."""
        rows, right = [], []
        for estimate, times, example in pairs:
            beats, truth = example["beats"], example.get(self.of)
            if not isinstance(truth, Tempo) or not len(truth.bpms) or len(beats) < 4:
                continue
            bpm = 60 / float(np.median(np.diff(beats.times)))
            rows.append(features(bpm, beats, _strength(estimate), 1 / (times[1] - times[0])))
            fits = np.abs(bpm * np.array(list(LEVELS)) / float(truth.bpms[0]) - 1)
            right.append(int(fits.argmin()) if fits.min() <= 0.04 else len(LEVELS))
        return np.array(rows), np.array(right, dtype=int)


def _surprise(weights: np.ndarray, x: np.ndarray, right: np.ndarray) -> float:
    """-log p of the right levels of features (piece, level, 3), summed."""
    p = np.stack([probabilities(weights, row) for row in x])
    p = np.concatenate([p, 1 - p.sum(1, keepdims=True)], 1)
    return float(-np.log(np.maximum(p[np.arange(len(right)), right], 1e-12)).sum())


def probabilities(weights: np.ndarray, x: np.ndarray) -> np.ndarray:
    """(level,) of features (level, 3), under the weights of WEIGHTS' order; what is missing to 1 is that of no level."""
    n = len(LEVELS)
    logits = np.append(weights[:n] + weights[n + 1 : -2] * x[:, 0] + x[:, 1:] @ weights[-2:], weights[n])
    p = np.exp(logits - logits.max())
    return np.asarray((p / p.sum())[:n])


def features(bpm: float, beats: Events, strength: np.ndarray, fps: float) -> np.ndarray:
    """(level, 3): how alike the attacks are a period later, log2(BPM / 120), its square."""
    fine = np.interp(np.arange(24 * (len(beats) - 1) + 1) / 24, np.arange(len(beats)), beats.times)
    total = np.concatenate([[0.0], np.cumsum(strength)])
    edges = np.interp((fine[1:] + fine[:-1]) / 2 * fps, np.arange(len(total)), total)
    heard = np.diff(edges)
    heard = np.convolve(heard, [0.25, 0.5, 0.25], "same") if len(heard) > 3 else heard
    heard = np.sqrt(np.maximum(heard, 0))
    heard = heard - heard.mean() if len(heard) else heard
    power = float((heard**2).sum())
    alike = [float((heard[lag:] * heard[:-lag]).sum()) / power if power > 0 and len(heard) > 2 * lag else 0.0 for lag in LEVELS.values()]
    octave = np.log2(bpm * np.array(list(LEVELS)) / 120)
    return np.stack([np.array(alike), octave, octave**2], 1)


def _strength(estimate: Tensor) -> np.ndarray:
    """(frame,) of all bands, each on average 1; float32 and band by band, for an hour has millions."""
    total = np.zeros(estimate.shape[-1], dtype=np.float32)
    for rises in estimate.detach().float().cpu().numpy():
        total += rises / np.float32(max(float(rises.mean(dtype=np.float64)) if len(rises) else 1.0, 1e-9))
    return total


def _pulse(strength: np.ndarray, fps: float) -> Events | None:
    """Evenly spaced stand-ins for beats, at the lag where attacks are most like themselves; None where they are not."""
    found = _lags(strength, fps)
    if found is None:
        return None
    lags, alike, usual = found
    best = int((alike * usual).argmax())
    if alike[best] < 0.2:
        return None
    return Events(np.arange(0, len(strength) / fps, lags[best] / 100))


def _lags(strength: np.ndarray, fps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Lags of 240 … 40 BPM in hundredths of a second, how alike the attacks are after each (1 is the same), and how usual such a
    tempo is; None of less than four seconds, or where there is no attack."""
    size = max(1, round(fps / 100))
    x = strength[: len(strength) // size * size].reshape(-1, size).mean(-1)
    if len(x) < 400 or not x.any():
        return None
    x = np.convolve(x, np.hanning(9)[1:-1], "same")
    x = x - x.mean()
    spectrum = np.abs(np.fft.rfft(x, 2 * len(x))) ** 2
    lags = np.arange(25, 150)
    alike = np.fft.irfft(spectrum)[lags] / max(float((x**2).sum()), 1e-12)
    return lags, alike, np.exp(-0.5 * (np.log2(6000 / lags / 110) / 0.7) ** 2)


class TempoOfAttacks(Part):
    """Attacks (band, frame) → Tempo, by nothing but their autocorrelation: the highest peaks among the lags of 240 … 40 BPM, weighed by
    how usual a tempo is. A candidate's "probability" is its share of the heights of all; it promises nothing."""

    unknown = float("nan")
    fits_in_training = False

    def __init__(self, of: str = "tempo", candidates: int = 4) -> None:
        super().__init__()
        self.of, self.candidates = of, candidates

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        """A net without parameters has no targets: NaN."""
        return torch.full((0 if times is None else len(times),), float("nan"))

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> Tempo:
        """Rises (band, frame) ≥ 0 → Tempo."""
        found = _lags(_strength(estimate), 1 / (times[1] - times[0])) if len(times) > 1 else None
        if found is None:
            return self.nothing()
        lags, alike, usual = found
        height = np.maximum(alike * usual, 0)
        inner = np.arange(1, len(lags) - 1)
        peaks = inner[(height[inner] > height[inner - 1]) & (height[inner] >= height[inner + 1])]
        peaks = peaks[np.argsort(-height[peaks], kind="stable")][: self.candidates]
        bpms = 6000 / (lags[0] + refined(height, peaks))
        return Tempo(np.round(bpms, 2), height[peaks] / max(float(height[peaks].sum()), 1e-12))

    def nothing(self) -> Tempo:
        return Tempo(np.zeros(0))


class TempoClasses(Part):
    """Tempo ⇄ a class of 1 BPM in every frame; the net gives logits (batch, class, frame), and frames vote.

    Args:
        first: beats a minute of class 0; count: how many classes.
    """

    unknown = -1

    def __init__(self, first: int = 30, count: int = 256, of: str = "tempo", candidates: int = 4) -> None:
        super().__init__()
        self.of, self.first, self.count, self.candidates = of, first, count, candidates

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes, in BPM."""
        return tuple(str(self.first + i) for i in range(self.count))

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        """(frame,) int64, the same everywhere; -1 where the tempo is unknown or out of range."""
        truth = example.get(self.of)
        known = isinstance(truth, Tempo) and len(truth.bpms) > 0
        number = round(float(truth.bpms[0])) - self.first if known else -1  # type: ignore[union-attr]
        number = number if 0 <= number < self.count else -1
        return torch.full((0 if times is None else len(times),), number, dtype=torch.int64)

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> Tempo:
        """The mean posterior's peaks; each has the probability within 4 % of it."""
        if not estimate.shape[-1]:
            return self.nothing()
        p = torch.softmax(estimate.detach().double().cpu(), 0).mean(-1).numpy()
        bpms, left = self.first + np.arange(self.count), p.copy()
        found: list[tuple[float, float]] = []
        for _ in range(self.candidates):
            peak = int(left.argmax())
            near = (np.abs(bpms / bpms[peak] - 1) <= 0.04) & (left >= 0)
            around = np.abs(bpms - bpms[peak]) <= 1
            bpm = float((p * bpms)[around].sum() / max(p[around].sum(), 1e-12))
            found.append((float(left[near].sum()), round(bpm, 2)))
            left[near] = -1.0
        found.sort(reverse=True)
        return Tempo(np.array([bpm for _, bpm in found]), np.floor(np.array([c for c, _ in found]) * 1e4) / 1e4)

    def nothing(self) -> Tempo:
        return Tempo(np.zeros(0))

    def curves(self, estimate: Tree, times: np.ndarray, given: Example) -> Curves:
        """Posteriors."""
        return Curves(times, torch.softmax(estimate.detach().double().cpu(), 0).numpy(), self.labels)


__all__ = ["LEVELS", "TempoClasses", "TempoOfAttacks", "TempoOfBeats", "Times", "features", "probabilities"]
