"""Words that the text formats share: how numbers are written, what a beat's position is."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import rhythm
from ..annotations import Events, Label

NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def seconds(time: float) -> str:
    """Microseconds: finer than a sample."""
    return f"{time:.6f}"


def number(value: float) -> str:
    """As short as it goes with six decimals: 60, 59.98, 0.5."""
    return f"{value:.6f}".rstrip("0").rstrip(".") if np.isfinite(value) else ""


def line(text: str) -> str:
    """Text that can't break a line or a column of a table with tabs."""
    return " ".join(text.split())


def legal(text: str) -> str:
    """Text that XML 1.0 can hold: no control characters, no halves of a pair."""
    return "".join(c if c >= " " and c not in "\ufffe\uffff" and not "\ud800" <= c <= "\udfff" else " " for c in text)


def note_name(pitch: float) -> str:
    """60 → "C4"."""
    nearest = round(pitch)
    return f"{NAMES[nearest % 12]}{nearest // 12 - 1}"


def tags(value: Any) -> list[Label] | None:
    """Words for the whole, any number of them, as Labels; None for what is something else."""
    if not isinstance(value, list | tuple) or not all(isinstance(word, Label | str) for word in value):
        return None
    return [word if isinstance(word, Label) else Label(word) for word in value]


def hertz(pitch: float) -> float:
    """MIDI number → Hz at A4 = 440."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def midi(frequency: float) -> float:
    """Hz → MIDI number."""
    return float(69.0 + 12.0 * np.log2(frequency / 440.0))


def positions(beats: Events, downbeats: Events | None = None) -> list[int]:
    """Position in the bar of each beat, 1 is the downbeat, 0 unknown: the beats' own, else counted from the downbeats."""
    counted = rhythm.counted({"beats": beats, "downbeats": downbeats})
    return rhythm.positions(beats if counted is None else counted).tolist()
