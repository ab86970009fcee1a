"""CSV: a table with a header for each field; times in seconds, pitches as MIDI numbers, an empty cell where nothing is known."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..annotations import Curves, Events, Intervals, Label, Notes, Score, Tempo, Text, Vector
from ._about import About
from ._words import number, positions, seconds, tags

STEP, HOLE = 0.01, 0.06  # seconds


def files(stem: str, fields: Mapping[str, Any], namespaces: Mapping[str, str], about: About) -> dict[str, bytes]:
    """{"song.onsets.csv": …} of every field that is an annotation."""
    made = {}
    for name, value in fields.items():
        text = table(value, namespaces.get(name, "beat" if name == "beats" else ""), fields.get("downbeats"))
        if text:
            made[f"{stem}.{name}.csv"] = text.encode()
    return made


def table(value: Any, namespace: str = "", downbeats: Events | None = None) -> str:
    """One annotation; "" for what is none.

    Events time,(position of beats | label),confidence · Intervals start,end,label,confidence · Notes start,end,pitch,velocity,
    confidence,(track) · Curves time and a column a curve, a melody every 10 ms · Tempo bpm,probability · Label label,confidence,
    and so a row each of several · Score value,over · Vector value · Text text."""
    if isinstance(value, Events):
        columns: dict[str, Sequence[str]] = {"time": [seconds(t) for t in value.times]}
        if namespace == "beat":
            columns["position"] = [str(p) if p else "" for p in positions(value, downbeats)]
        elif value.labels is not None:
            columns["label"] = value.labels
        columns["confidence"] = _known(value.confidence, len(value))
    elif isinstance(value, Intervals):
        columns = {
            "start": [seconds(t) for t in value.starts],
            "end": [seconds(t) for t in value.ends],
            "label": value.labels,
            "confidence": _known(value.confidence, len(value)),
        }
    elif isinstance(value, Notes):
        columns = {
            "start": [seconds(t) for t in value.starts],
            "end": [seconds(t) for t in value.ends],
            "pitch": [number(p) for p in value.pitches],
            "velocity": _known(value.velocities, len(value)),
            "confidence": _known(value.confidence, len(value)),
        }
        if value.tracks is not None:
            columns["track"] = [value.names[i] if i < len(value.names) else str(i) for i in np.asarray(value.tracks, int)]
    elif isinstance(value, Curves):
        value = _even(value) if namespace == "pitch_contour" else value
        names = value.labels
        if len(names) != len(value.values):
            one = "f0_hz" if namespace == "pitch_contour" else "value"
            names = (one,) if len(value.values) == 1 else tuple(f"value_{i}" for i in range(len(value.values)))
        columns = {"time": [seconds(t) for t in value.times], **{n: _known(v, 0) for n, v in zip(names, value.values, strict=True)}}
    elif isinstance(value, Tempo):
        columns = {"bpm": _known(value.bpms, 0), "probability": _known(value.probabilities, 0)}
    elif (words := tags([value] if isinstance(value, Label) else value)) is not None:
        sure = [number(word.confidence) if word.confidence is not None else "" for word in words]
        columns = {"label": [word.name for word in words], "confidence": sure}
    elif isinstance(value, Score):
        columns = {"value": [number(value.value)], "over": [str(int(value.over))]}
    elif isinstance(value, Vector):
        columns = {"value": _known(value.values, 0)}
    elif isinstance(value, Text):
        columns = {"text": [value.text]}
    else:
        return ""
    return _written(columns)


def _even(melody: Curves) -> Curves:
    """Every 10 ms from 0 to the last time. Between two frequencies of one sign it glides (by pitch); elsewhere, and across a hole of more
    than HOLE, the nearest counts. Other curves beside the first (a probability) are linear."""
    if not len(melody.times):
        return melody
    times = STEP * np.arange(math.floor(melody.times[-1] / STEP + 1e-6) + 1)
    after = np.clip(np.searchsorted(melody.times, times - 1e-9), 1, max(1, len(melody.times) - 1))
    if len(melody.times) == 1:
        return Curves(times, np.repeat(melody.values, len(times), axis=1), melody.labels)
    left, right = melody.times[after - 1], melody.times[after]
    part = np.clip((times - left) / np.maximum(right - left, 1e-9), 0, 1)
    a, b = melody.values[0, after - 1].astype(float), melody.values[0, after].astype(float)
    glides = (a * b > 0) & (right - left <= HOLE)
    with np.errstate(divide="ignore", invalid="ignore"):
        glide = np.sign(a) * np.exp((1 - part) * np.log(np.abs(a)) + part * np.log(np.abs(b)))
    first = np.where(glides, glide, np.where(part <= 0.5, a, b))
    return Curves(times, np.stack([first, *(np.interp(times, melody.times, row) for row in melody.values[1:])]), melody.labels)


def _known(values: Any, n: int) -> list[str]:
    return [""] * n if values is None else [number(float(v)) for v in np.ravel(values)]


def _written(columns: Mapping[str, Sequence[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    longest = max(len(column) for column in columns.values())
    padded = [[*column, *[""] * (longest - len(column))] for column in columns.values()]
    writer.writerows(zip(*padded, strict=True))
    return out.getvalue()
