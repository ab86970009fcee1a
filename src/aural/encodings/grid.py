"""Constant grids out of beats: tempo to a hundredth, the beat to a millisecond, where music has been made to a clock.

Beats that were found jitter by several milliseconds; their line is only where the search begins. Attacks of the sound, folded at a
period, stand on top of each other where the period is right (epoch folding, as for pulsars): the sharpest fold is the
tempo, and the attack that stands in it where the beats are is the beat. Where people play freely nothing is sharp, and no grid
is given.

Source   Leahy et al., On searches for pulsed emission, Astrophys. J. 266, 1983 (epoch folding); Huber, Robust estimation of a
         location parameter, 1964; Jackson et al., An algorithm for optimal partitioning of data on an interval, IEEE SPL 2005
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..annotations import Events, Grid
from ..rhythm import positions

REACH = 0.025  # seconds: a beat this near to a line may lie on it, an attack this near to a beat may be it
HEARD = 0.0008  # seconds from the steepest rise of the energy to where a note counts as heard (12 dB under its peak); made loops
BLOCK = 4  # beats whose folds are summed before any search


@dataclass(frozen=True)
class Line:
    """Beats at start + k · period; numbers (n,): the k of each beat given; on (n,): does it lie on the line? spread: seconds, of those."""

    start: float
    period: float
    numbers: np.ndarray
    on: np.ndarray
    spread: float

    @property
    def bpm(self) -> float:
        return 60 / self.period

    @property
    def doubt(self) -> float:
        """Standard error of the period, relative."""
        n, k = int(self.on.sum()), self.numbers[self.on]
        return max(self.spread, 1e-4) / (self.period * max(float(k.std()), 0.5) * np.sqrt(max(n, 1)))


def huber(numbers: np.ndarray, times: np.ndarray, delta: float = 0.006) -> tuple[float, float]:
    """(start, period) of the line through (numbers, times): least squares where residuals are under delta, least distances beyond."""
    weights = np.ones(len(times))
    start, period = float(times[0]), 0.0
    for _ in range(20):
        total = weights.sum()
        k, t = (weights * numbers).sum() / total, (weights * times).sum() / total
        across = (weights * (numbers - k) ** 2).sum()
        period = float((weights * (numbers - k) * (times - t)).sum() / across) if across > 0 else 0.0
        start = float(t - period * k)
        weights = delta / np.maximum(np.abs(times - start - numbers * period), delta)
    return start, period


def line(times: np.ndarray, reach: float = REACH) -> Line | None:
    """The line that most beats lie on, in spite of missing, doubled and misplaced ones; None for fewer than four beats.

    Runs of 16 beats propose lines, each drawn again through what lies on it near by, then farther away; that with most beats
    within `reach` is the one.
    """
    step = float(np.median(np.diff(times))) if len(times) > 3 else 0.0
    if step <= 0:
        return None
    best: tuple[int, float, float] = (0, 0.0, 0.0)
    size = min(len(times), 16)
    for first in np.unique(np.linspace(0, len(times) - size, min(40, 1 + 2 * (len(times) - size) // size)).astype(int)):
        run = times[first : first + size]
        middle = float(np.median(np.diff(run)))
        if not 0.55 < middle / step < 1.8:
            continue
        start, period = huber(_counted(run, middle), run)
        for span in (size, 4 * size, len(times)):
            numbers, on = _on(times, start, period, reach)
            on &= np.abs(np.arange(len(times)) - first - size / 2) <= span
            if on.sum() < 4:
                break
            start, period = huber(numbers[on], times[on])
        best = max(best, (int(_on(times, start, period, reach)[1].sum()), start, period))
    count, start, period = best
    if count < 4:
        return None
    numbers, on = _on(times, start, period, reach)
    start, period = huber(numbers[on], times[on])
    numbers, on = _on(times, start, period, reach)
    if on.sum() < 4:
        return None
    first = numbers[on].min()
    residual = times[on] - start - numbers[on] * period
    return Line(start + first * period, period, (numbers - first).astype(int), on, float(residual.std()))


def _on(times: np.ndarray, start: float, period: float, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """The number of the line's beat nearest each time, and whether it lies within `reach`."""
    if period <= 0.05:
        return np.zeros(len(times)), np.zeros(len(times), dtype=bool)
    numbers = np.round((times - start) / period)
    return numbers, np.abs(times - start - numbers * period) <= reach


def _counted(times: np.ndarray, step: float) -> np.ndarray:
    """Numbers of beats by whole steps from each to the next; gaps count, doubled beats do not."""
    return np.concatenate([[0.0], np.cumsum(np.round(np.diff(times) / step))])


class Fold:
    """The attacks of a sound over the beats of a line: a spectrum over the phase of the beat for every block of beats.

    Args:
        strength: (frame,) of attacks, `fps` frames a second, the first at 0.
        start, period: of the line, seconds; beats: how many of it are heard.
    """

    def __init__(self, strength: np.ndarray, fps: float, start: float, period: float, beats: int) -> None:
        self.start, self.period, self.beats = start, period, beats
        bins = max(8, int(np.ceil(period * fps)))
        phase = np.arange(bins) / bins
        harmonics = np.arange(1, max(2, min(bins // 2, int(250 * period))) + 1)
        self.harmonics = harmonics
        self.blocks = np.zeros((-(-beats // BLOCK), len(harmonics)), complex)
        frames = np.arange(len(strength))
        for block in range(len(self.blocks)):
            k = np.arange(block * BLOCK, min(beats, (block + 1) * BLOCK))
            at = (start + (k[:, None] + phase) * period) * fps
            first, last = max(0, int(at[0, 0]) - 1), max(0, int(at[-1, -1]) + 3)
            near = strength[first:last]
            heard = np.interp(at, frames[first:last], near, 0.0, 0.0) if len(near) else np.zeros_like(at)
            self.blocks[block] = np.fft.rfft(heard.sum(0))[1 : len(harmonics) + 1]
        self.middles = np.minimum(np.arange(len(self.blocks)) * BLOCK + (BLOCK - 1) / 2, beats - 1)
        self.weights = np.exp(-0.5 * (harmonics / period / 120) ** 2)  # what is faster than 120 Hz says little of an attack

    def sharpness(self, change: float) -> float:
        """How high the fold stands where the period is longer by a share `change`."""
        return float((np.abs(self._summed(change)) ** 2 * self.weights).sum())

    def _summed(self, change: float) -> np.ndarray:
        turn = np.exp(2j * np.pi * change * self.middles[:, None] * self.harmonics)
        return np.asarray((self.blocks * turn).sum(0))

    def best(self, reach: float) -> float:
        """The change of the period within ±reach whose fold is sharpest, to less than a tenth of a millisecond over the whole."""
        step = 2e-4 / (self.beats * self.period)
        changes = np.linspace(-reach, reach, 2 * min(300, max(4, int(np.ceil(reach / (4 * step))))) + 1)
        heights = [self.sharpness(c) for c in changes]
        i = int(np.argmax(heights))
        low, high = changes[max(0, i - 1)], changes[min(len(changes) - 1, i + 1)]
        fine = np.linspace(low, high, 17)
        return float(fine[int(np.argmax([self.sharpness(c) for c in fine]))])

    def shape(self, change: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """Seconds from the beat in -period/2 … period/2, and the fold there."""
        return self._wave(self._summed(change))

    def _wave(self, spectrum: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        points = max(2 * len(self.harmonics) + 2, 2 * int(self.period * 2000))
        whole = np.zeros(points // 2 + 1, complex)
        whole[1 : len(self.harmonics) + 1] = spectrum * self.weights**0.5
        wave = np.fft.fftshift(np.fft.irfft(whole, points))
        return (np.arange(points) - points // 2) * self.period / points, wave

    def attack(self, change: float = 0.0) -> float | None:
        """Seconds from the line's beat to the attack near it; None where nothing stands out there."""
        at, wave = self.shape(change)
        near = np.flatnonzero(np.abs(at) <= min(REACH, self.period / 8))
        top = near[wave[near].argmax()]
        if wave[top] <= 2 * wave.std() or top in (near[0], near[-1]):
            return None
        left, middle, right = wave[top - 1], wave[top], wave[top + 1]
        bend = left - 2 * middle + right
        shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
        return float(at[top] + shift * (at[1] - at[0]) + HEARD)

    def steady(self, change: float, within: float, size: int = 0) -> float:
        """The share of heard blocks, `size` at a time (0: as many as there are enough of), whose attacks lie within so many
        seconds of all the others'."""
        turned = self.blocks * np.exp(2j * np.pi * change * self.middles[:, None] * self.harmonics)
        whole = turned.sum(0)
        size = size or (4 if len(turned) >= 16 else 2 if len(turned) >= 6 else 1)
        some = np.array([turned[i : i + size].sum(0) for i in range(0, len(turned), size)])
        loud = (np.abs(some) ** 2).sum(1)
        good = total = 0
        for one in some[loud > 0.02 * loud.max(initial=0.0)]:
            at, likeness = self._wave(one * np.conj(whole - one))
            near = np.abs(at) <= REACH
            total += 1
            good += abs(at[near][likeness[near].argmax()]) <= within
        return good / total if total else 0.0


@dataclass(frozen=True)
class Grids:
    """Beats and attacks → stretches of constant tempo.

    One grid holds for all where `share` of the beats lie within `within` seconds of its line and the line's residual wanders
    by less than `drift`, or where the sound's own attacks keep to it. Else the beats are cut into stretches of at least
    `shortest` beats that hold so, by dynamic programming, or there are none. Attacks keep to a line where `steady` of them do; `whole`
    of them are enough where the sharpest tempo is a whole number to within a twentieth, as clocks are set and hands are not.
    """

    within: float = 0.012
    share: float = 0.95
    drift: float = 0.010
    shortest: int = 16
    steady: float = 0.9
    whole: float = 0.4
    cover: float = 0.5

    def __call__(self, beats: Events, strength: np.ndarray, fps: float, duration: float | None = None) -> tuple[Grid, ...]:
        """beats; strength (frame,) of attacks at `fps` from 0 on; duration: seconds, grids end there → grids in time order."""
        beats = beats if duration is None else beats[beats.times <= duration]
        whole = self._grid(beats, strength, fps, duration)
        if whole is not None:
            return (whole,)
        cut = [beats[first:last] for first, last in self.stretches(beats.times)]
        grids = [self._grid(some, strength, fps, duration, chosen=True) for some in cut]
        kept = [grid for grid in grids if grid is not None]
        held = sum(len(some) for some, grid in zip(cut, grids, strict=True) if grid is not None)
        return tuple(kept) if held >= self.cover * len(beats) else ()

    def holds(self, times: np.ndarray, found: Line) -> bool:
        """Do the beats alone speak for a constant tempo?"""
        residual = times - found.start - found.numbers * found.period
        if (np.abs(residual) < self.within).mean() < self.share:
            return False
        parts = np.array_split(residual[found.on], max(2, min(8, len(times) // 8)))
        middles = [float(np.median(part)) for part in parts if len(part)]
        return max(middles) - min(middles) < self.drift

    def _grid(self, beats: Events, strength: np.ndarray, fps: float, duration: float | None, chosen: bool = False) -> Grid | None:
        times = beats.times
        if len(times) < self.shortest:
            return None
        found = line(times)
        if found is None or found.on.sum() < 0.6 * len(times):
            return None
        count = int(found.numbers[found.on].max()) + 1
        if count < self.shortest:
            return None
        held = self.holds(times, found)
        fold = Fold(strength, fps, found.start, found.period, count)
        heard = bool(np.abs(fold.blocks).max(initial=0.0) > 0)
        change = fold.best(min(4 * found.doubt + 0.003 / (count * found.period), 0.02)) if heard else 0.0
        # A short stretch was chosen because a line fits it, which is no proof: its attacks must keep to it beat by beat.
        chosen &= count < 3 * self.shortest
        strict = fold.steady(change, 0.003, 1) if chosen else fold.steady(change, 0.004) if heard else 0.0
        bpm = self.rounded(fold, change, found, heard)
        set_on_clock = heard and bpm == round(bpm) and 0.010 * bpm <= 0.05 * count * found.period
        enough = self.whole if set_on_clock else self.steady
        if not (held or strict >= enough) or (chosen and heard and strict < enough):
            return None
        change = 60 / bpm / found.period - 1
        shift = fold.attack(change) if heard else None
        if shift is None:
            numbers = found.numbers[found.on]
            shift = float(np.median(times[found.on] - found.start - numbers * 60 / bpm))
        first = found.start + shift
        anchor = first + _downbeat(beats, found) * 60 / bpm
        end = min(first + (count - 1) * 60 / bpm, np.inf if duration is None else duration)
        return Grid(round(max(0.0, float(first)), 3), round(float(end), 3), bpm, round(max(0.0, float(anchor)), 3))

    def rounded(self, fold: Fold, change: float, found: Line, heard: bool) -> float:
        """The tempo: a whole number or a half where that moves the last beat by less than 10 ms and the fold is as sharp with it;
        else so many decimals (two at least) that the last beat stays within 2 ms."""
        bpm = 60 / (found.period * (1 + change))
        length = fold.beats * fold.period
        for step in (1.0, 0.5):
            near = round(bpm / step) * step
            moved = 60 / near / found.period - 1
            agrees = fold.sharpness(moved) >= 0.97 * fold.sharpness(change) if heard else abs(near / bpm - 1) <= 2 * found.doubt
            if abs(near / bpm - 1) * length < 0.010 and agrees:
                return float(near)
        return next((round(bpm, n) for n in (2, 3) if abs(round(bpm, n) / bpm - 1) * length < 0.002), round(bpm, 4))

    def stretches(self, times: np.ndarray) -> list[tuple[int, int]]:
        """(first, after the last) beat of stretches that straight lines fit, by optimal partitioning.

        A beat on a line costs its squared residual over the spread of decoded beats, a free one `FREE`; each line costs `NEW`.
        """
        n = len(times)
        if n < self.shortest:
            return []
        step = float(np.median(np.diff(times)))
        number = _counted(times, step) if step > 0 else np.arange(n, dtype=float)
        centred = times - times[0]
        sums = [np.concatenate([[0.0], np.cumsum(x)]) for x in (number, centred, number**2, number * centred, centred**2)]
        best = np.concatenate([[0.0], np.full(n, np.inf)])
        came = np.zeros(n + 1, dtype=int)
        on_line = np.zeros(n + 1, dtype=bool)
        for end in range(1, n + 1):
            best[end], came[end] = best[end - 1] + FREE, end - 1
            begin = np.arange(0, end - self.shortest + 1)
            if not len(begin):
                continue
            m = end - begin
            k, t, kk, kt, tt = (s[end] - s[begin] for s in sums)
            across = np.maximum(kk - k * k / m, 1e-9)
            left = np.maximum(tt - t * t / m - (kt - k * t / m) ** 2 / across, 0.0)
            cost = best[begin] + left / SPREAD**2 + NEW
            i = int(cost.argmin())
            if cost[i] < best[end]:
                best[end], came[end], on_line[end] = cost[i], begin[i], True
        found = []
        end = n
        while end > 0:
            if on_line[end]:
                found.append((int(came[end]), end))
            end = int(came[end])
        return found[::-1]


SPREAD, FREE, NEW = 0.005, 4.0, 40.0


def _downbeat(beats: Events, found: Line) -> int:
    """The number of the first downbeat on the line, by the vote of all; 0 where none is known."""
    place = positions(beats)
    firsts = found.numbers[(place == 1) & found.on]
    if not len(firsts):
        return 0
    gaps = np.diff(np.unique(firsts))
    bar = int(np.bincount(gaps).argmax()) if len(gaps) else 1
    phase = int(np.bincount(firsts % bar, minlength=bar).argmax())
    return int(min((k for k in firsts if k % bar == phase), default=0))


__all__ = ["Fold", "Grids", "Line", "huber", "line"]
