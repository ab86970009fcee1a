"""Beats out of a beat activation: the bar-pointer model, and the autocorrelation of [BS11].

Source   Krebs, Böck & Widmer, An efficient state-space model for joint tempo and meter tracking, ISMIR 2015; Böck, Krebs &
         Widmer, A multi-model approach to beat tracking considering heterogeneous music styles, ISMIR 2014 (observations);
         Böck & Schedl, Enhanced beat tracking with context-aware neural networks, DAFx 2011 [BS11] (autocorrelation)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .peaks import PeakPicking, refined, smoothed, width

EPSILON = 5e-6  # activations are kept this far from 0 and 1


@dataclass(frozen=True)
class BarPointer:
    """The most probable beats under a hidden Markov model of tempo and position within the beat.

    A beat of i frames has i states, one frame each; intervals reach from 60·fps/max_bpm to 60·fps/min_bpm. At a beat's end
    the interval changes from i to j with a probability ∝ exp(-λ|j/i - 1|). The first 1/observation of a beat sees the
    activation a as a, all else as (1 - a)/(observation - 1); without that divisor long intervals win and tempi are halved.

    The path within a beat is forced, so only beats are searched (a semi-Markov chain): the same best path as state by state,
    at a fraction of the work. Memory: one or two bytes for each frame and interval, and the scores of one interval.

    Args:
        min_bpm, max_bpm: range of tempi.
        change: λ, how unwillingly the tempo changes.
        observation: a beat's share that is seen as a beat is one of so many.
        widest: and at most so many frames: what learned with a tolerance of time has peaks that are as narrow in slow music as in fast.
        tempi: at most so many intervals, spaced evenly on a logarithmic scale; default: every whole number of frames.
        crop: beats are sought from the first to the last activation of at least this.
        contradicted: where the beats hit less than this share of the clear peaks (a > 0.5), the music does not keep any
            tempo that the model could follow, and the peaks themselves are the answer. 0: never.
    """

    min_bpm: float = 40.0
    max_bpm: float = 240.0
    change: float = 100.0
    observation: int = 16
    widest: int | None = None
    tempi: int | None = None
    crop: float = 0.05
    contradicted: float = 0.6

    def intervals(self, fps: float) -> np.ndarray:
        """Frames of a beat, increasing."""
        shortest, longest = 60 * fps / self.max_bpm, 60 * fps / self.min_bpm
        every = np.arange(max(1, round(shortest)), max(1, round(longest)) + 1)
        if self.tempi is None or self.tempi >= len(every):
            return every
        for points in range(self.tempi, 100 * len(every)):  # rounding makes the shortest equal: more points, until enough are left
            found = np.unique(np.round(np.geomspace(shortest, longest, points)).astype(int))
            if len(found) >= self.tempi:
                return found[found > 0]
        return every

    def states(self, fps: float) -> int:
        """How many states the model has, were it searched state by state."""
        return int(self.intervals(fps).sum())

    def __call__(self, activation: np.ndarray, fps: float) -> np.ndarray:
        """(frame,) in 0..1 → positions of beats (n,), increasing, between frames."""
        activation = np.asarray(activation, dtype=np.float64)
        loud = np.flatnonzero(activation >= self.crop)
        if not len(loud):
            return np.zeros(0)
        first, last = loud[0], loud[-1] + 1
        inside = activation[first:last]
        _, starts, lengths = self.path(inside, fps)
        beats = first + _snapped(inside, starts, seen(lengths, self.observation, self.widest))
        if self.contradicted:
            peaks = PeakPicking(0.5, pre_max=0.07, post_max=0.07, combine=0.1)(activation, fps)
            if len(peaks) and _hit(peaks, beats, 0.07 * fps) < self.contradicted:
                return peaks
        return beats

    def path(self, activation: np.ndarray, fps: float) -> tuple[float, np.ndarray, np.ndarray]:
        """The best path: its log-probability, and first frame and interval of each beat on it (the first beat may start
        before frame 0)."""
        return viterbi(activation, self.intervals(fps), self.change, self.observation, self.widest)


def transitions(intervals: np.ndarray, change: float) -> np.ndarray:
    """log p(from, to) of intervals; less than 2.2e-16 is never."""
    ratio = intervals[None].astype(np.float64) / intervals[:, None]
    p = np.exp(-change * np.abs(ratio - 1))
    p[p < np.finfo(np.float64).eps] = 0.0
    with np.errstate(divide="ignore"):
        return np.log(p / p.sum(1, keepdims=True))


def observations(activation: np.ndarray, observation: int) -> tuple[np.ndarray, np.ndarray]:
    """Log-densities of an activation at the start of a beat, and elsewhere."""
    a = np.clip(activation, EPSILON, 1 - EPSILON)
    return np.log(a), np.log((1 - a) / (observation - 1))


def seen(intervals: np.ndarray, observation: int, widest: int | None = None) -> np.ndarray:
    """How many frames at the start of beats of these intervals are seen as beats; see BarPointer."""
    frames = -(-intervals // observation)
    return frames if widest is None else np.minimum(frames, widest)


@lru_cache(maxsize=8)
def _bands(intervals: tuple[int, ...], change: float) -> list[tuple[slice, slice, np.ndarray]]:
    """The transitions in bands: (from, to, log p (to, from)), with no more of `from` than the band reaches."""
    log_p = transitions(np.array(intervals), change)
    bands = []
    for first in range(0, len(intervals), 16):
        to = slice(first, min(first + 16, len(intervals)))
        reached = np.flatnonzero(np.isfinite(log_p[:, to]).any(1))
        origin = slice(int(reached[0]), int(reached[-1]) + 1)
        bands.append((origin, to, np.ascontiguousarray(log_p[origin, to].T)))
    return bands


def viterbi(
    activation: np.ndarray, intervals: np.ndarray, change: float, observation: int, widest: int | None = None
) -> tuple[float, np.ndarray, np.ndarray]:
    """Best path of a semi-Markov chain of beats; see BarPointer.path.

    Scores are relative to "no beat in any frame". s[t, i] is the best of all paths that start a beat of interval i at frame
    t; e[t, i] of those that end one there. As the shortest beat has m frames, m frames of e depend on earlier ones alone.
    """
    frames, n = len(activation), len(intervals)
    beat, other = observations(activation, observation)
    gain = np.concatenate([[0.0], np.cumsum(beat - other)])  # gain[b] - gain[a]: frames a … b-1 are of a beat's start
    shortest, longest = int(intervals[0]), int(intervals[-1])
    start_of = seen(intervals, observation, widest)
    start = -math.log(intervals.sum())
    bands = _bands(tuple(int(i) for i in intervals), change)
    came_from = np.zeros((frames, n), dtype=np.uint8 if n <= 256 else np.uint16)
    ring = np.full((longest + shortest, n), -np.inf)  # s of the last frames; row t % len
    ring[0] = start
    size, columns = len(ring), np.arange(n)
    for first in range(1, frames, shortest):
        t = np.arange(first, min(first + shortest, frames))
        begin = t[:, None] - intervals  # (frame, interval)
        ended = ring[begin % size, columns] + gain[np.clip(begin + start_of, 0, frames)] - gain[np.maximum(begin, 0)]
        if first <= longest:  # beats that had begun before frame 0
            ended = np.where(begin < 0, start + gain[np.clip(begin + start_of, 0, frames)], ended)
        best = np.empty((len(t), n))
        for origin, to, log_p in bands:
            scores = ended[:, None, origin] + log_p  # (frame, to, from)
            choice = scores.argmax(-1)
            came_from[t[0] : t[-1] + 1, to] = choice + origin.start
            best[:, to] = np.take_along_axis(scores, choice[..., None], -1)[..., 0]
        ring[t % size] = best
    # The last beat: it started at s ≥ frames - interval, or before frame 0.
    begin = np.arange(frames - longest, frames)[:, None]
    score = np.where(begin >= 0, ring[begin % size, columns], start)
    score = score + gain[np.clip(begin + start_of, 0, frames)] - gain[np.maximum(begin, 0)]
    score[begin < frames - intervals] = -np.inf
    row, k = divmod(int(score.argmax()), n)
    total = float(score[row, k] + other.sum())
    s = int(begin[row, 0])
    starts, lengths = [], []
    while True:
        starts.append(s)
        lengths.append(int(intervals[k]))
        if s <= 0:
            break
        k = int(came_from[s, k])
        s -= int(intervals[k])
    return total, np.array(starts[::-1]), np.array(lengths[::-1])


def _snapped(activation: np.ndarray, starts: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The highest activation within each beat's start (a frame more on either side, for intervals jitter by one), between
    frames by a parabola. Starts that lie wholly before frame 0 are dropped."""
    found = []
    for start, n in zip(starts, seen, strict=True):
        if start + n <= 0:
            continue
        first, last = max(0, start - 1), min(len(activation), start + n + 1)
        found.append(first + int(activation[first:last].argmax()))
    return refined(activation, np.unique(np.array(found, dtype=int)))


def _hit(peaks: np.ndarray, beats: np.ndarray, within: float) -> float:
    """Share of the peaks that have a beat within so many frames."""
    if not len(beats):
        return 0.0
    right = np.clip(np.searchsorted(beats, peaks), 0, len(beats) - 1)
    distance = np.minimum(np.abs(beats[right] - peaks), np.abs(beats[np.maximum(right - 1, 0)] - peaks))
    return float((distance <= within).mean())


@dataclass(frozen=True)
class AutocorrelationBeats:
    """Beats at the lag where the activation is most like itself [BS11, section 3.3].

    Activations below `floor` are nothing. A(τ) = Σ a[n] a[n + τ] for τ of min_bpm … max_bpm, smoothed by a Hamming window
    of `smooth` seconds; τ* is the greatest. The comb of step τ* whose phase holds most activation gives the first beat, and
    from beat to beat the highest activation is taken at τ* ± `reach` of it.

    Args:
        window: None: one tempo for the whole. Seconds: from beat to beat, that of so many seconds on either side.
    """

    min_bpm: float = 40.0
    max_bpm: float = 220.0
    floor: float = 0.1
    smooth: float = 0.15
    reach: float = 0.1
    window: float | None = 10.0

    def interval(self, activation: np.ndarray, fps: float) -> int:
        """τ*, frames; 0 where nothing repeats."""
        shortest, longest = max(1, round(60 * fps / self.max_bpm)), round(60 * fps / self.min_bpm)
        a = np.where(activation >= self.floor, activation, 0.0)
        size = 1 << (2 * max(len(a), 1)).bit_length()
        correlation = np.fft.irfft(np.abs(np.fft.rfft(a, size)) ** 2, size)[: longest + 1]
        correlation = np.where(np.arange(len(correlation)) < len(a), correlation, 0.0)
        lags = smoothed(correlation[shortest:], width(self.smooth, fps))
        return shortest + int(lags.argmax()) if len(lags) and lags.max() > 1e-9 else 0

    def __call__(self, activation: np.ndarray, fps: float) -> np.ndarray:
        """(frame,) in 0..1 → positions of beats (n,), increasing, between frames."""
        a = np.where(np.asarray(activation) >= self.floor, np.asarray(activation, dtype=np.float64), 0.0)
        if not a.any():
            return np.zeros(0)
        step = self.interval(a, fps)
        if not step:  # nothing repeats: what is there is all there is
            return PeakPicking(self.floor, pre_max=0.07, post_max=0.07, combine=0.2)(a, fps)
        phase = int(np.argmax([a[phase::step].sum() for phase in range(min(step, len(a)))]))
        # A comb of whole frames drifts off the beats: the walk starts at its highest tooth, and goes both ways.
        first = phase + step * int(a[phase::step].argmax())
        beats = np.array([*self._walk(a, first, -step, fps)[::-1], first, *self._walk(a, first, step, fps)], dtype=int)
        loud = np.flatnonzero(a)
        return refined(a, beats[(beats >= loud[0] - 1) & (beats <= loud[-1] + 1)])

    def _walk(self, a: np.ndarray, beat: int, step: int, fps: float) -> list[int]:
        """Beats after (step > 0) or before (step < 0) one, to the end."""
        half = 0 if self.window is None else max(1, round(self.window * fps))
        beats: list[int] = []
        while True:
            if half:
                here = self.interval(a[max(0, beat - half) : beat + half], fps)
                step = int(math.copysign(here, step)) if here else step
            spread = int(self.reach * abs(step))
            first, last = max(beat + step - spread, 0), min(beat + step + spread + 1, len(a))
            if first >= last:
                return beats
            near = a[first:last]
            beat = first + int(near.argmax()) if near.any() else beat + step
            if not 0 <= beat < len(a):
                return beats
            beats.append(beat)
