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
    whole = bars(beats)
    if len(whole) > 1 and whole[-1].beats < whole[-2].beats:
        whole[-1] = replace(whole[-1], beats=whole[-2].beats)
    runs: list[list[Bar]] = []
    for bar in whole:
        if runs and runs[-1][-1].beats == bar.beats and abs(runs[-1][-1].end - bar.start) < 1e-6:
            runs[-1].append(bar)
        else:
            runs.append([bar])
    return Intervals(
        np.array([run[0].start for run in runs]), np.array([run[-1].end for run in runs]), tuple(str(run[0].beats) for run in runs)
    )


def tempo_curve(beats: Events, over: int = 8) -> Curves:
    """Beats a minute at the beats: from the median of the `over` intervals around each; nothing for fewer than two beats."""
    intervals = np.diff(beats.times)
    if not len(intervals) or not intervals.all():
        return Curves(np.zeros(0), np.zeros((1, 0)), ("bpm",))
    middle = [float(np.median(intervals[max(0, i - over // 2) : i + over - over // 2])) for i in range(len(beats))]
    return Curves(beats.times, 60 / np.array([middle]), ("bpm",))


def metre_name(beats: int) -> str:
    """Of a bar of so many beats: "4/4"; six, nine and twelve are written as eighths."""
    return f"{beats}/{8 if beats in (6, 9, 12) else 4}"


def main_metre(beats: Events) -> int:
    """Beats of most bars (by time); 0 where no bar is known."""
    lasting: dict[int, float] = {}
    for bar in bars(beats):
        lasting[bar.beats] = lasting.get(bar.beats, 0.0) + bar.end - bar.start
    return max(lasting, key=lambda n: lasting[n]) if lasting else 0


__all__ = ["UNKNOWN", "Bar", "bars", "counted", "downbeats", "in_bars", "main_metre", "metre_name", "metres", "positions", "tempo_curve"]
