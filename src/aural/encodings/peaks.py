"""Peaks of an activation: what is louder than its neighbours and than a threshold.

Source   Böck, Krebs & Schedl, Evaluating the online capabilities of onset detection methods, ISMIR 2012 (peak picking with a
         moving maximum and mean); Schlüter & Böck [SB13] (smoothing by a Hamming window, threshold 0.54)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def width(seconds: float, fps: float) -> int:
    """Seconds as a whole number of frames."""
    return round(seconds * fps)


def smoothed(activation: np.ndarray, frames: int) -> np.ndarray:
    """Weighted mean with a Hamming window of that many frames, sum 1; even numbers are raised to the next odd one, because
    an even window would move every peak by half a frame."""
    frames = frames // 2 * 2 + 1
    if frames < 3 or not len(activation):
        return activation
    window = np.hamming(frames)
    half = frames // 2
    return np.convolve(np.pad(activation, half), window / window.sum(), "valid")


def refined(activation: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Positions between frames: the top of the parabola through each peak and its two neighbours, at most half a frame away.

    Frames that are no local maximum, and those at the edges, stay where they are.
    """
    frames = np.asarray(frames, dtype=int)
    inner = frames[(frames > 0) & (frames < len(activation) - 1)]
    left, middle, right = activation[inner - 1], activation[inner], activation[inner + 1]
    bend = left - 2 * middle + right
    top = (middle >= left) & (middle >= right) & (bend < 0)
    shift = np.where(top, 0.5 * (left - right) / np.where(top, bend, -1.0), 0.0)
    positions = frames.astype(np.float64)
    positions[(frames > 0) & (frames < len(activation) - 1)] += shift
    return positions


@dataclass(frozen=True)
class PeakPicking:
    """Peaks of one activation, in frames.

    A frame n is a peak where a[n] = max(a[n - pre_max … n + post_max]) and a[n] ≥ threshold + mean(a[n - pre_avg …
    n + post_avg]) (no mean where both are 0). Of several equal frames in a row the middle is the peak. Peaks less than
    `combine` after the last one kept are dropped. Any reach of the maximum that is no 0 is a frame at least.

    Args:
        threshold: of the smoothed activation.
        smooth, pre_max, post_max, pre_avg, post_avg, combine: seconds.
        refine: peaks lie between frames, by a parabola; False where frames are beats and a peak is one of them.
    """

    threshold: float = 0.5
    smooth: float = 0.0
    pre_max: float = 0.01
    post_max: float = 0.01
    pre_avg: float = 0.0
    post_avg: float = 0.0
    combine: float = 0.03
    refine: bool = True

    def __call__(self, activation: np.ndarray, fps: float) -> np.ndarray:
        """(frame,) in 0..1 at `fps` frames a second → positions of peaks (n,), increasing, between frames."""
        if not len(activation):
            return np.zeros(0)
        a = smoothed(np.asarray(activation, dtype=np.float64), width(self.smooth, fps))
        highest = _moving_maximum(a, *(max(width(s, fps), int(s > 0)) for s in (self.pre_max, self.post_max)))
        floor = np.full(len(a), self.threshold)
        before, after = width(self.pre_avg, fps), width(self.post_avg, fps)
        if before or after:
            total = np.concatenate([[0.0], np.cumsum(a)])
            first, last = np.maximum(np.arange(len(a)) - before, 0), np.minimum(np.arange(len(a)) + after + 1, len(a))
            floor = floor + (total[last] - total[first]) / (last - first)
        chosen = np.flatnonzero((a >= highest) & (a >= floor))
        if not len(chosen):
            return np.zeros(0)
        runs = np.split(chosen, np.flatnonzero((np.diff(chosen) > 1) | (np.diff(a[chosen]) != 0)) + 1)
        single = refined(a, chosen) if self.refine else chosen.astype(np.float64)
        positions = np.array([single[np.searchsorted(chosen, run[0])] if len(run) == 1 else run.mean() for run in runs])
        positions = positions if self.refine else np.floor(positions)
        return positions[_apart(positions, self.combine * fps)]


def _moving_maximum(a: np.ndarray, before: int, after: int) -> np.ndarray:
    """Maximum over n - before … n + after; past the edges there is nothing."""
    padded = np.pad(a, (before, after), constant_values=-np.inf)
    return np.lib.stride_tricks.sliding_window_view(padded, before + after + 1).max(-1)


def _apart(positions: np.ndarray, gap: float) -> np.ndarray:
    """Indices of those that stay when everything less than `gap` after the last one kept goes."""
    kept: list[int] = []
    for i, position in enumerate(positions):
        if not kept or position - positions[kept[-1]] >= gap - 1e-9:
            kept.append(i)
    return np.array(kept, dtype=int)
