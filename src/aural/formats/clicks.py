"""A sound with clicks on its beats: a short tone at 1,500 Hz on the first of a bar, at 1,000 Hz on the others. Made piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import rhythm
from ..annotations import Events
from ..rhythm import counted
from ..sound import Recording, Sound, write
from ._about import About

DOWNBEAT, BEAT = 1500.0, 1000.0  # Hz
SECONDS, DECAY = 0.03, 0.008
LOUD, UNDER = 0.4, 0.6  # peak of a click, factor of the sound: together they don't clip
LARGEST = 4_000_000_000  # bytes that a wav file can hold


class Clicked(Recording):
    """A sound with clicks at beats (seconds from its start), mixed where it is cut."""

    def __init__(self, sound: Recording | Sound, beats: Events) -> None:
        self._sound = sound
        self.rate, self.channels, self.frames = sound.rate, sound.channels, sound.frames
        self._starts = np.rint(beats.times * sound.rate).astype(int)
        self._ones = rhythm.positions(beats) == 1
        time = np.arange(round(SECONDS * sound.rate)) / sound.rate
        self._tones = [
            LOUD * np.sin(2 * np.pi * min(hertz, 0.45 * sound.rate) * time) * np.exp(-time / DECAY) for hertz in (BEAT, DOWNBEAT)
        ]

    def cut(self, start: float, end: float) -> Sound:
        piece = self._sound.cut(start, end)
        samples = UNDER * piece.samples
        first = round(start * self.rate)
        length = len(self._tones[0])
        for i in range(*np.searchsorted(self._starts, [first - length + 1, first + piece.frames])):
            at = int(self._starts[i]) - first
            tone = self._tones[int(self._ones[i])][max(0, -at) : piece.frames - at]
            samples[:, max(0, at) : max(0, at) + len(tone)] += tone.astype(np.float32)
        return Sound(samples, piece.rate)


def files(
    stem: str, fields: Mapping[str, Any], path: Path, sound: Recording | Sound, about: About
) -> tuple[dict[str, Callable[[Path], None]], str]:
    """{"song.clicks.wav": …}, 16 bits; flac where a wav could not hold it; nothing where beats were not asked for."""
    beats = counted(fields)
    if beats is None:
        return {}, "no click track was made: beats were not asked for; add beats to --tasks"
    ending = "wav" if sound.frames * sound.channels * 2 < LARGEST else "flac"
    return {f"{stem}.clicks.{ending}": lambda to: write(Clicked(sound, beats), to, "PCM_16")}, ""
