"""The rhythm on a page: lanes out of beats and tempo, candidates as a line, and corrections as edit mode begins with them.

Source    bars, metres and the tempo curve are those of `aural.rhythm`, a sidecar's rules those of `aural.corrections`
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import corrections, rhythm
from ..annotations import Curves, Events, Grid, Intervals, Tempo
from ..tasks import Lane
from . import _harmony

METRE = Lane("spans", "metre", height=20)
TEMPO = Lane("curve", "tempo", height=40)
GRID = Lane("spans", "grid", height=22)
RATIOS = {1 / 3: "third", 1 / 2: "half", 2 / 3: "two thirds", 3 / 2: "three halves", 2.0: "double", 3.0: "triple"}


def same_bars(beats: Events, downbeats: Events) -> bool:
    """Do the downbeats say nothing that the beats' bar lines don't?"""
    ones = rhythm.downbeats(beats).times
    return len(ones) == len(downbeats) > 0 and bool(np.abs(ones - downbeats.times).max() < 0.005)


def lanes(beats: Events | None, tempo: Any, onsets: Events | None = None) -> list[tuple[Lane, str, Any]]:
    """Lane, field and value of what follows from beats and tempo: metres, tempo curve, stretches of constant grid. Onsets tell whether
    beats divide in three."""
    made: list[tuple[Lane, str, Any]] = []
    curve: Curves | None = tempo.curve if isinstance(tempo, Tempo) else None
    if beats is not None:  # the lane is there where it is empty too, hidden until a person names a metre
        made.append((METRE, "metre", rhythm.named_metres({"beats": beats, "onsets": onsets})))
        if curve is None:
            curve = rhythm.tempo_curve(beats)
    if curve is not None and len(curve.times) > 1:
        made.append((TEMPO, "tempo curve", replace(curve, labels=("BPM",))))
    segments = tempo.segments if isinstance(tempo, Tempo) else ()
    if segments:
        words = tuple(grid_name(grid) for grid in segments)
        made.append((GRID, "grid", Intervals(np.array([g.start for g in segments]), np.array([g.end for g in segments]), words)))
    return made


def grid_name(grid: Grid) -> str:
    """ "118.02 BPM from 0.512 s": the tempo and the anchor."""
    return f"{grid.bpm:.2f} BPM from {grid.anchor:.3f} s"


def candidates(tempo: Tempo) -> str:
    """What follows the first candidate's number: its probability, then the others, named where they are a simple ratio of it.

    "78 % · 60.0 (half) 18 %"; those below three per cent are left out.
    """
    sure = list(tempo.probabilities[:4])
    told = [f"{100 * sure[0]:.0f} %"] if sure else []
    for bpm, probability in zip(tempo.bpms[1:4], sure[1:], strict=False):
        if probability >= 0.03:
            ratio = min(RATIOS, key=lambda known: abs(bpm / tempo.bpms[0] / known - 1))
            near = abs(bpm / tempo.bpms[0] / ratio - 1) < 0.04
            told.append(f"{bpm:.1f} {f'({RATIOS[ratio]}) ' if near else ''}{100 * probability:.0f} %")
    return " · ".join(told)


def correction(text: str, name: str = "", offset: float = 0.0) -> dict[str, Any]:
    """A sidecar's text as edit mode begins with it: bar_starts, tempo, metre, chords, keys, and the text of everything else as `rest`;
    the times are counted from `offset` in the file. `name` stands in errors. Raises CorrectionError."""
    read = corrections.loads(text, Path(name or "corrections"))
    said = read.rhythm or corrections.Rhythm()
    made: dict[str, Any] = {
        "bar_starts": [start - offset for start in said.bar_starts],
        "tempo": said.tempo,
        "metre": [{"from": start - offset, "beats": beats} for start, beats in said.metres],
        **_harmony.correction(read.harmony, offset),
    }
    whole = {key: value for key, value in tomllib.loads(text).items() if key not in ("rhythm", "harmony")}
    rest, keep = "", True
    for line in text.splitlines():
        head = re.match(r"\s*\[\[?\s*([^\].\s]+)", line)
        if head:
            keep = head[1].strip("\"'") not in ("rhythm", "harmony")
        rest += line + "\n" if keep else ""
    try:
        kept = tomllib.loads(rest) == whole
    except tomllib.TOMLDecodeError:
        kept = False
    # What can't be told apart line by line is not written again: a wrong file would be worse than a short one.
    return {**made, "rest": rest.strip("\n") if kept else ""}
