"""Bars and tempo out of beats: what files, report and corrections all ask of them.

Beats are Events whose labels are positions in the bar, "1" for the downbeat; "" where the bar is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .annotations import Curves, Events, Intervals

UNKNOWN = ""  # the position of a beat that lies in no known bar
# How likely a stretch of beats divides in three: weights of the shares of its beats with an onset at a third, at two thirds, at the
# half, at the quarters, and a bias. Fitted on beats and onsets that beat/groove found in 278 made songs of the training fonts.
PARTS = np.array([1 / 4, 1 / 3, 1 / 2, 2 / 3, 3 / 4])
IN_THREE = np.array([-4.3, 4.3, -0.8, 1.3, -4.3, -2.2])


@dataclass(frozen=True)
class Bar:
    """One bar: seconds of its first beat and of its end (the next downbeat; the last bar ends a beat after its last one),
    how many beats it has, and the number of its first beat in the Events it was read from."""

    start: float
    end: float
    beats: int
    first: int
    confidence: float | None = None


def positions(beats: Events) -> np.ndarray:
    """(n,) position of each beat in its bar, from 1; 0 where it is not known."""
    words = beats.labels or (UNKNOWN,) * len(beats)
    return np.array([int(word) if word.isascii() and word.isdecimal() else 0 for word in words], dtype=int)


def in_bars(beats: Events, downbeats: np.ndarray, reach: float = 0.07, longest: int = 12) -> Events:
    """Beats, counted anew from each downbeat (seconds) that lies within `reach` of one.

    Beats before the first downbeat count backwards from it, as an upbeat of the first bar's length; where more than `longest`
    beats follow one downbeat the bar is not known, and their labels are "".
    """
    if not len(beats):
        return replace(beats, labels=())
    firsts = sorted({int(np.abs(beats.times - t).argmin()) for t in downbeats if np.abs(beats.times - t).min() <= reach})
    if not firsts:
        return replace(beats, labels=(UNKNOWN,) * len(beats))
    count = np.zeros(len(beats), dtype=int)
    for start, end in zip(firsts, [*firsts[1:], len(beats)], strict=True):
        if end - start <= longest or end == len(beats):
            count[start:end] = np.arange(1, end - start + 1)
    if len(firsts) > 1:
        size = firsts[1] - firsts[0]
        if size <= longest:
            before = np.arange(firsts[0])
            count[: firsts[0]] = (before - firsts[0]) % size + 1
        last = firsts[-1] - firsts[-2]
        tail = np.arange(len(beats) - firsts[-1])
        if last <= longest:  # the last bar may go on past what was heard
            count[firsts[-1] :] = tail % last + 1
    return replace(beats, labels=tuple(str(c) if c else UNKNOWN for c in count))


def counted(fields: Mapping[str, Any]) -> Events | None:
    """The beats with their positions: their own, else those that the downbeats give; None without beats."""
    beats, ones = fields.get("beats"), fields.get("downbeats")
    if not isinstance(beats, Events):
        return None
    return in_bars(beats, ones.times) if isinstance(ones, Events) and not positions(beats).any() else beats


def downbeats(beats: Events) -> Events:
    """The beats that begin a bar."""
    return replace(beats[positions(beats) == 1], labels=None)


def bars(beats: Events) -> list[Bar]:
    """The whole bars, in time order; beats before the first downbeat and in unknown bars belong to none.

    A bar ends where the next begins, or where its beats stop being counted.
    """
    place = positions(beats)
    found: list[Bar] = []
    starts = np.flatnonzero(place == 1)
    for start in starts:
        end = start + 1
        while end < len(place) and place[end] == place[end - 1] + 1:
            end += 1
        step = float(np.diff(beats.times[start : end + 1]).mean()) if end - start > 0 and end < len(place) else 0.0
        if not step and end - start > 1:
            step = float(np.diff(beats.times[start:end]).mean())
        closes = float(beats.times[end]) if end < len(place) and place[end] == 1 else float(beats.times[end - 1]) + step
        sure = None if beats.confidence is None else float(beats.confidence[start])
        found.append(Bar(float(beats.times[start]), closes, int(end - start), int(start), sure))
    return found


def metres(beats: Events) -> Intervals:
    """Runs of bars of equally many beats, labelled with that number ("4"); a cut-off last bar goes with the run before it."""
    whole = _uncut(beats)
    return _runs(whole, [str(bar.beats) for bar in whole])


def named_metres(fields: Mapping[str, Any]) -> Intervals:
    """Runs of bars of one metre by its name, "3/4"; where the fields hold onsets these say where two beats are "6/8". A lone beat is
    no metre."""
    beats, onsets = counted(fields), fields.get("onsets")
    if beats is None:
        return _runs([], [])
    parts = divisions(beats, onsets) if isinstance(onsets, Events) else np.zeros(len(beats), dtype=int)
    whole = [bar for bar in _uncut(beats) if bar.beats > 1]
    return _runs(whole, [metre_name(bar.beats, bool((parts[bar.first : bar.first + bar.beats] == 3).mean() > 0.5)) for bar in whole])


def _uncut(beats: Events) -> list[Bar]:
    whole = bars(beats)
    if len(whole) > 1 and whole[-1].beats < whole[-2].beats:
        whole[-1] = replace(whole[-1], beats=whole[-2].beats)
    return whole


def _runs(whole: list[Bar], names: list[str]) -> Intervals:
    """Neighbours of one name as one interval each."""
    runs: list[tuple[float, float, str]] = []
    for bar, name in zip(whole, names, strict=True):
        if runs and runs[-1][2] == name and abs(runs[-1][1] - bar.start) < 1e-6:
            runs[-1] = (runs[-1][0], bar.end, name)
        else:
            runs.append((bar.start, bar.end, name))
    return Intervals(np.array([r[0] for r in runs]), np.array([r[1] for r in runs]), tuple(r[2] for r in runs))


def divisions(beats: Events, onsets: Events, around: int = 8) -> np.ndarray:
    """(n,) into how many parts each beat divides: 3, 2 (or 4), and 0 where the whole piece leaves it open.

    Counted is how many of the `around` beats on either side hold an onset at a third, two thirds, the half, the quarters. Swung
    eighths have onsets at two thirds but few at a third: they divide in two, as they are written. What was clear last holds
    until the other is clear.
    """
    if len(beats) < 3 or not len(onsets):
        return np.zeros(len(beats), dtype=int)
    times = _onto(beats.times, onsets.times)
    owner = np.searchsorted(times, onsets.times, "right") - 1
    inside = (owner >= 0) & (owner < len(times) - 1)
    owner = owner[inside]
    phase = (onsets.times[inside] - times[owner]) / (times[owner + 1] - times[owner])
    part = np.abs(phase[:, None] - PARTS).argmin(1)
    near = np.abs(phase - PARTS[part]) <= 0.07
    heard = np.zeros((len(PARTS), len(times)))
    heard[part[near], owner[near]] = 1
    total = np.concatenate([np.zeros((len(PARTS), 1)), np.cumsum(heard[:, :-1], 1)], 1)
    at = np.arange(len(times))
    first, last = np.maximum(at - around, 0), np.minimum(at + around, len(times) - 1)
    share = (total[:, last] - total[:, first]) / np.maximum(last - first, 1)
    likely = 1 / (1 + np.exp(-IN_THREE[:-1] @ share - IN_THREE[-1]))
    clear = np.where(likely >= 0.8, 3, np.where((likely <= 0.3) & (share.sum(0) >= 0.1), 2, 0))
    known = np.flatnonzero(clear)
    return clear[known[np.maximum(np.searchsorted(known, at, "right") - 1, 0)]] if len(known) else clear


def _onto(times: np.ndarray, onsets: np.ndarray) -> np.ndarray:
    """Beats, each on the nearest onset where one is near: frames are coarser than the thirds of a fast beat."""
    after = np.clip(np.searchsorted(onsets, times), 1, max(len(onsets) - 1, 1))
    before, after = onsets[after - 1], onsets[np.minimum(after, len(onsets) - 1)]
    nearest = np.where(after - times < times - before, after, before)
    moved = np.where(np.abs(nearest - times) <= min(0.05, 0.12 * float(np.median(np.diff(times)))), nearest, times)
    return moved if (np.diff(moved) > 0).all() else times


def tempo_curve(beats: Events, over: int = 8) -> Curves:
    """Beats a minute at the beats: from the median of the `over` intervals around each; nothing for fewer than two beats."""
    intervals = np.diff(beats.times)
    if not len(intervals) or not intervals.all():
        return Curves(np.zeros(0), np.zeros((1, 0)), ("bpm",))
    middle = [float(np.median(intervals[max(0, i - over // 2) : i + over - over // 2])) for i in range(len(beats))]
    return Curves(beats.times, 60 / np.array([middle]), ("bpm",))


def metre_name(beats: int, ternary: bool = False) -> str:
    """Of a bar of so many beats: "4/4"; six, nine and twelve are written as eighths, and so are up to five beats that divide in three:
    two of them are "6/8"."""
    if ternary and beats < 6:
        return f"{3 * beats}/8"
    return f"{beats}/{8 if beats in (6, 9, 12) else 4}"


def main_metre(beats: Events) -> int:
    """Beats of most bars (by time); 0 where no bar is known."""
    lasting: dict[int, float] = {}
    for bar in bars(beats):
        lasting[bar.beats] = lasting.get(bar.beats, 0.0) + bar.end - bar.start
    return max(lasting, key=lambda n: lasting[n]) if lasting else 0


__all__ = [
    "UNKNOWN", "Bar", "bars", "counted", "divisions", "downbeats", "in_bars", "main_metre", "metre_name", "metres", "named_metres",
    "positions", "tempo_curve",
]  # fmt: skip
