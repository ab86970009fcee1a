"""A made song on paper: what is played when, and what is true of it.

Conventions   times in seconds from the start; arrays of equal length describe the notes; beats carry their position in the
              bar, 1 is the downbeat; chords in Harte's syntax
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...annotations import Intervals
from ...harmony import pitch_class, place_of

PITCH_CLASSES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_ROOT = re.compile(r"([A-G](?:#+|b*))(.*)")


@dataclass(frozen=True)
class Track:
    """One player: a General MIDI program 0..127 (ignored where `drum`).

    Attributes:
        name: what it does; "lead" is the melody, "second" is where that rests, "bass" the bass line.
        pedal: notes ring on to the next bar or beat.
        legato: notes last until the next one starts.
    """

    name: str
    program: int = 0
    drum: bool = False
    pedal: bool = False
    legato: bool = False


@dataclass(frozen=True)
class Score:
    """Notes, beats, chords and sections of one song.

    Attributes:
        notes: (note, 5) float64: start s, end s, MIDI pitch, velocity 1..127, index into `tracks`; sorted by start.
        beats: (beat,) seconds; positions: (beat,) integers, 1 is the downbeat.
        metre: the prevailing one, as written ("4/4", "6/8": two dotted beats a bar).
        tags: words for strata: the style, "swing", "rubato", "no drums" …
        fixed: True where the tempo must stay (composed songs have drawn theirs already).
        keys: "C:major", "A:minor", spelled as PITCH_CLASSES; None where they are not known.
        parted: True where tracks are parts: what no track is called isn't there. False where a piano may hold melody or bass.
    """

    name: str
    style: str
    tracks: tuple[Track, ...]
    notes: np.ndarray
    beats: np.ndarray
    positions: np.ndarray
    metre: str = "4/4"
    chords: Intervals | None = None
    sections: Intervals | None = None
    tags: tuple[str, ...] = field(default=())
    fixed: bool = True
    keys: Intervals | None = None
    parted: bool = True

    def __post_init__(self) -> None:
        notes = np.asarray(self.notes, dtype=np.float64).reshape(-1, 5)
        object.__setattr__(self, "notes", notes[np.lexsort((notes[:, 2], notes[:, 4], notes[:, 0]))])
        object.__setattr__(self, "beats", np.asarray(self.beats, dtype=np.float64))
        object.__setattr__(self, "positions", np.asarray(self.positions, dtype=np.int64))

    @property
    def end(self) -> float:
        """When the last note stops or the last beat falls, seconds."""
        return float(max(self.notes[:, 1].max(initial=0.0), self.beats.max(initial=0.0)))

    @property
    def bpm(self) -> float:
        """The median tempo in beats per minute; 0 without two beats."""
        return float(60 / np.median(np.diff(self.beats))) if len(self.beats) > 1 else 0.0

    def faster(self, factor: float) -> Score:
        """Played `factor` times as fast."""
        notes = self.notes.copy()
        notes[:, :2] /= factor
        spans = self._spans(lambda spans: replace(spans, starts=spans.starts / factor, ends=spans.ends / factor))
        return replace(self, notes=notes, beats=self.beats / factor, **spans)

    def later(self, seconds: float) -> Score:
        """Everything so many seconds later."""
        notes = self.notes.copy()
        notes[:, :2] += seconds
        spans = self._spans(lambda spans: replace(spans, starts=spans.starts + seconds, ends=spans.ends + seconds))
        return replace(self, notes=notes, beats=self.beats + seconds, **spans)

    def transposed(self, semitones: int) -> Score:
        """Every pitched note, chord and key moved; drums stay."""
        notes = self.notes.copy()
        pitched = ~np.array([t.drum for t in self.tracks])[notes[:, 4].astype(int)] if len(notes) else np.zeros(0, bool)
        notes[pitched, 2] += semitones

        def moved(spans: Intervals | None) -> Intervals | None:
            return None if spans is None else replace(spans, labels=tuple(transposed_chord(label, semitones) for label in spans.labels))

        return replace(self, notes=notes, chords=moved(self.chords), keys=moved(self.keys))

    def cut(self, start: float, end: float) -> Score:
        """What begins inside [start, end), counted from `start`."""
        notes = self.notes[(self.notes[:, 0] >= start) & (self.notes[:, 0] < end)].copy()
        notes[:, :2] = np.minimum(notes[:, :2], end) - start
        inside = (self.beats >= start) & (self.beats < end)
        return replace(
            self,
            notes=notes,
            beats=self.beats[inside] - start,
            positions=self.positions[inside],
            **self._spans(lambda spans: spans.cut(start, end)),
        )

    def _spans(self, change: Callable[[Intervals], Intervals]) -> dict[str, Any]:
        """chords, sections and keys, each changed where it is known."""
        spans = {"chords": self.chords, "sections": self.sections, "keys": self.keys}
        return {name: None if value is None else change(value) for name, value in spans.items()}


def root_of(chord: str) -> int | None:
    """The pitch class of the root of a Harte chord, or of a key's tonic; None for N and X."""
    found = _ROOT.fullmatch(chord)
    return None if found is None else pitch_class(place_of(found[1]))


def transposed_chord(chord: str, semitones: int) -> str:
    """A Harte chord or a key moved by semitones; N and X stay, and so does the degree in the bass."""
    found, root = _ROOT.fullmatch(chord), root_of(chord)
    return chord if found is None or root is None else PITCH_CLASSES[(root + semitones) % 12] + found[2]
