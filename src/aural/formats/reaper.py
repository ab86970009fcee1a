"""Reaper: bars, metres, sections and constant stretches as markers and regions, and a project whose tempo map follows the beats.

NAME.reaper.csv   for Reaper's Region/Marker Manager ("Import regions/markers"): a marker a bar, regions for sections and grids.
                  Times are hours:minutes:seconds, which Reaper reads whatever its ruler counts in
NAME.reaper.rpp   a project without sounds: tempo and time signatures so that its grid falls on the beats, and the same markers;
                  put the sound at its start

Source    the columns that Reaper exports; the project file's lines TEMPO, PT (seconds, beats a minute, shape 1: constant, time
          signature as 65536 · unit + beats) and MARKER (number, seconds, name, 1 for a region)
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import rhythm
from ..annotations import Intervals, Tempo
from ._about import About
from ._bars import gridded, main_bpm
from ._words import line, number
from .midi import Map

Region = tuple[float, float, str]


def files(stem: str, fields: Mapping[str, Any], namespaces: Mapping[str, str], about: About) -> dict[str, bytes]:
    """{"song.reaper.csv": …, "song.reaper.rpp": …}; nothing where nothing is known of bars, tempo and sections."""
    markers, regions = _markers(fields), _regions(fields)
    made = {}
    if markers or regions:
        made[f"{stem}.reaper.csv"] = _table(markers, regions)
    if main_bpm(fields) is not None or made:
        made[f"{stem}.reaper.rpp"] = _project(fields, markers, regions)
    return made


def _markers(fields: Mapping[str, Any]) -> list[tuple[float, str]]:
    """A marker a bar, by number; the first and those where the metre changes say which."""
    beats = gridded(fields)[0]
    names = rhythm.named_metres(fields)
    found, before = [], ""
    for i, bar in enumerate([] if beats is None else rhythm.bars(beats), 1):
        name = names.at(np.array([(bar.start + bar.end) / 2]), rhythm.metre_name(bar.beats))[0]
        found.append((bar.start, str(i) if name == before else f"{i} ({name})"))
        before = name
    return found


def _regions(fields: Mapping[str, Any]) -> list[Region]:
    sections, tempo, found = fields.get("sections"), fields.get("tempo"), []
    if isinstance(sections, Intervals):
        found += [(float(a), float(b), line(label)) for a, b, label in zip(sections.starts, sections.ends, sections.labels, strict=True)]
    if isinstance(tempo, Tempo):
        found += [(grid.start, grid.end, f"{grid.bpm:.2f} BPM") for grid in tempo.segments]
    return sorted(found)


def _table(markers: list[tuple[float, str]], regions: list[Region]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["#", "Name", "Start", "End", "Length"])
    writer.writerows([f"R{i}", name, _clock(a), _clock(b), _clock(b - a)] for i, (a, b, name) in enumerate(regions, 1))
    writer.writerows([f"M{i}", name, _clock(time), "", ""] for i, (time, name) in enumerate(markers, 1))
    return text.getvalue().encode()


def _clock(seconds: float) -> str:
    """12.48 → "0:00:12.480"."""
    minutes, thousandths = divmod(round(1000 * seconds), 60_000)
    return f"{minutes // 60}:{minutes % 60:02d}:{thousandths // 1000:02d}.{thousandths % 1000:03d}"


def _project(fields: Mapping[str, Any], markers: list[tuple[float, str]], regions: list[Region]) -> bytes:
    grid = Map(gridded(fields)[0], bpm=main_bpm(fields) or 120.0)
    signs = {tick: 65536 * unit + beats for tick, beats, unit in grid.bars}
    tempi = dict(grid.tempi)
    points, tempo = [], grid.tempi[0][1]
    for tick in sorted({0, *tempi, *signs}):
        tempo = tempi.get(tick, tempo)
        sign = f" {signs[tick]}" if tick in signs else ""
        points.append(f"    PT {grid.time(tick):.9f} {60e6 / tempo:.9f} 1{sign}")
    first = next(((beats, unit) for tick, beats, unit in grid.bars if tick == 0), (4, 4))
    lines = [
        '<REAPER_PROJECT 0.1 "7.0" 0',
        f"  TEMPO {number(60e6 / grid.tempi[0][1])} {first[0]} {first[1]}",
        "  <TEMPOENVEX",
        "    ACT 1 -1",
        "    DEFSHAPE 1 -1 -1",
        *points,
        "  >",
        *(f"  MARKER {i} {time:.6f} {_quoted(name)} 0" for i, (time, name) in enumerate(markers, 1)),
        *(text for i, (a, b, name) in enumerate(regions, 1) for text in _region(i, a, b, name)),
        ">",
    ]
    return "".join(f"{text}\n" for text in lines).encode()


def _region(i: int, start: float, end: float, name: str) -> tuple[str, str]:
    return f"  MARKER {i} {start:.6f} {_quoted(name)} 1", f'  MARKER {i} {end:.6f} "" 1'


def _quoted(text: str) -> str:
    """A name between the quotation marks that it doesn't hold itself."""
    mark = next((mark for mark in "\"'`" if mark not in text), '"')
    return f"{mark}{text.replace(mark, ' ')}{mark}"
