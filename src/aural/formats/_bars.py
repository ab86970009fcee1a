"""What formats say of the rhythm: beats with positions, on the grid where there is one, bars, metres, one tempo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from .. import rhythm
from ..annotations import Events, Intervals, Tempo

SLACK = 0.05  # seconds from a grid within which a beat is one of its own


def gridded(fields: Mapping[str, Any]) -> tuple[Events | None, np.ndarray]:
    """The counted beats, those of a constant stretch moved onto its grid; and which these are, (n,) bool."""
    beats, tempo = rhythm.counted(fields), fields.get("tempo")
    if beats is None:
        return None, np.zeros(0, dtype=bool)
    times, on = beats.times.copy(), np.zeros(len(beats), dtype=bool)
    for grid in tempo.segments if isinstance(tempo, Tempo) else ():
        period = 60 / grid.bpm
        nearest = grid.anchor + period * np.rint((beats.times - grid.anchor) / period)
        own = (beats.times > grid.start - period / 2) & (beats.times < grid.end + period / 2) & (nearest >= 0)
        own &= np.abs(nearest - beats.times) <= min(SLACK, period / 4)
        times[own], on = nearest[own], on | own
    order = np.argsort(times, kind="stable")
    order = order[np.diff(times[order], prepend=-1.0) > 0.001]
    return replace(beats[order], times=times[order]), on[order]


def layers(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields, and what shows their rhythm: bars by number, metres by name ("3/4")."""
    beats = rhythm.counted(fields)
    bars = [] if beats is None else rhythm.bars(beats)
    if beats is None or not bars:
        return dict(fields)
    spans = Intervals(np.array([b.start for b in bars]), np.array([b.end for b in bars]), tuple(str(i + 1) for i in range(len(bars))))
    return {**fields, **{name: value for name, value in (("bars", spans), ("metre", rhythm.named_metres(fields))) if name not in fields}}


def main_bpm(fields: Mapping[str, Any]) -> float | None:
    """Beats a minute: of the longest grid, else the first candidate, else of the median beat; None where nothing is known."""
    tempo, beats = fields.get("tempo"), fields.get("beats")
    if isinstance(tempo, Tempo) and tempo.segments:
        return max(tempo.segments, key=lambda grid: grid.end - grid.start).bpm
    if isinstance(tempo, Tempo) and len(tempo.bpms):
        return float(tempo.bpms[0])
    gap = float(np.median(np.diff(beats.times))) if isinstance(beats, Events) and len(beats) > 1 else 0.0
    return 60 / gap if gap else None
