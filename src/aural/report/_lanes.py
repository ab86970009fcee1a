"""Annotations as what a page draws: typed arrays in base64, words once, confidence in 8 bits.

Each kind of lane (`aural.tasks.Lane.kind`) has one function here and one in page.js. Times are float32 where that is
exact to 0.1 ms, float64 in longer sounds.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..annotations import Curves, Events, Intervals, Label, Notes, Picture
from ..errors import AnnotationError

TILE = 2048  # columns of one PNG; a canvas of that width is possible everywhere
FINE, COARSE = 8000, 1200  # columns of a whole picture, at its two levels
Encoded = dict[str, Any]


def packed(values: Any, dtype: str) -> dict[str, str]:
    """An array as {"t": type, "d": base64}, little-endian."""
    return {"t": dtype, "d": base64.b64encode(np.asarray(values).astype("<" + dtype).tobytes()).decode()}


def _times(values: np.ndarray, duration: float) -> dict[str, str]:
    return packed(values, "f4" if duration < 800 else "f8")


def _words(labels: Sequence[str] | None) -> Encoded:
    """Each word once, in order of appearance, and the index of each item's."""
    if labels is None:
        return {}
    known = {word: i for i, word in enumerate(dict.fromkeys(labels))}
    return {"words": list(known), "word": packed([known[label] for label in labels], "u4")}


def _ink(confidence: np.ndarray | None) -> Encoded:
    return {} if confidence is None else {"ink": packed(np.rint(confidence * 255), "u1")}


def events(value: Events, duration: float) -> Encoded:
    """Ticks: times, words, ink."""
    return {"times": _times(value.times, duration), **_words(value.labels), **_ink(value.confidence)}


def spans(value: Intervals, duration: float) -> Encoded:
    """Labelled boxes: starts, ends, words, ink."""
    return {
        "starts": _times(value.starts, duration),
        "ends": _times(value.ends, duration),
        **_words(value.labels),
        **_ink(value.confidence),
    }


def roll(value: Notes, duration: float) -> Encoded:
    """Notes: starts, ends, pitches, and where known velocities, tracks with their names, ink."""
    made = {"starts": _times(value.starts, duration), "ends": _times(value.ends, duration), "pitches": packed(value.pitches, "f4")}
    if value.velocities is not None:
        made["velocities"] = packed(np.clip(value.velocities, 0, 127), "u1")
    if value.tracks is not None:
        made["tracks"] = packed(value.tracks, "u2")
    return {**made, "names": list(value.names), **_ink(value.confidence)}


def curve(value: Curves, duration: float) -> Encoded:
    """Lines: the times of the points (or the first and the step where regular) and each curve's values."""
    times = value.times
    step = float(times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 0.0
    regular = step > 0 and np.abs(times - times[0] - step * np.arange(len(times))).max() < 1e-4
    axis: Encoded = {"first": float(times[0]), "step": step} if regular else {"times": _times(times, duration)}
    values = np.asarray(value.values, np.float32)
    return {**axis, "curves": [packed(row, "f4") for row in values], "names": list(value.labels)}


def picture(pixels: np.ndarray, duration: float) -> Encoded:
    """A picture that spans the whole sound, uint8 (height, width): PNG tiles at two levels."""
    from ..representations.picture import png

    fine = _narrowed(pixels, FINE)
    levels = []
    for level in (fine, _narrowed(fine, COARSE)):
        # 64 greys: the eye sees no difference in a spectrogram, and the file is a third smaller.
        grey = np.minimum(level, 251) + 2 & 0xFC
        tiles = [png(grey[:, at : at + TILE]) for at in range(0, grey.shape[1], TILE)]
        levels.append({"width": level.shape[1], "tiles": [base64.b64encode(tile).decode() for tile in tiles]})
    return {"rows": int(pixels.shape[0]), "tile": TILE, "levels": levels if fine.shape[1] > COARSE else levels[:1]}


def _narrowed(pixels: np.ndarray, width: int) -> np.ndarray:
    """The loudest of neighbouring columns, until there are no more than `width`."""
    n = pixels.shape[1]
    if n <= width:
        return pixels
    return np.maximum.reduceat(pixels, np.arange(width) * n // width, axis=1)


def encoded(kind: str, field: str, value: Any, duration: float) -> Encoded:
    """The field as its lane draws it. Raises AnnotationError where the lane's kind can't draw it."""
    if kind == "spans" and isinstance(value, Label):
        value = Intervals([0.0], [duration], (value.name,), None if value.confidence is None else [value.confidence])  # type: ignore[arg-type]
    if kind == "events" and isinstance(value, Events):
        return events(value, duration)
    if kind == "spans" and isinstance(value, Intervals):
        return spans(value, duration)
    if kind == "roll" and isinstance(value, Notes):
        return roll(value, duration)
    if kind == "curve" and isinstance(value, Curves):
        return curve(value, duration)
    if kind == "picture" and isinstance(value, Picture):
        grey = np.clip(np.nan_to_num(value.pixels).mean(0) * 255, 0, 255)
        return picture(np.rint(grey).astype(np.uint8), duration)
    raise AnnotationError(f"{field}: a lane of {kind!r} can't draw {type(value).__name__}; correct the task's lane")
