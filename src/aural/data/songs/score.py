"""A made song on paper: what is played when, and what is true of it.

Conventions   times in seconds from the start; arrays of equal length describe the notes; beats carry their position in the
              bar, 1 is the downbeat; chords in Harte's syntax
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

import numpy as np

from ...annotations import Intervals

PITCH_CLASSES = ("C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B")
_ROOT = re.compile(r"([A-G])([#b]*)(.*)")
_NATURAL = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclass(frozen=True)
class Track:
    """One player: a General MIDI program 0..127 (ignored where `drum`)."""

    name: str
    program: int = 0
    drum: bool = False
    pedal: bool = False


@dataclass(frozen=True)
class Score:
    """Notes, beats, chords and sections of one song.

    Attributes:
        notes: (note, 5) float64: start s, end s, MIDI pitch, velocity 1..127, index into `tracks`; sorted by start.
        beats: (beat,) seconds; positions: (beat,) integers, 1 is the downbeat.
        metre: the prevailing one, as written ("4/4", "6/8": two dotted beats a bar).
        tags: words for strata: the style, "swing", "rubato", "no drums" …
        fixed: True where the tempo must stay (composed songs have drawn theirs already).
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
        return replace(
            self, notes=notes, beats=self.beats / factor, chords=_scaled(self.chords, factor), sections=_scaled(self.sections, factor)
        )

    def transposed(self, semitones: int) -> Score:
        """Every pitched note and chord moved; drums stay."""
        notes = self.notes.copy()
        pitched = ~np.array([t.drum for t in self.tracks])[notes[:, 4].astype(int)] if len(notes) else np.zeros(0, bool)
        notes[pitched, 2] += semitones
        chords = self.chords
        if chords is not None:
            chords = replace(chords, labels=tuple(transposed_chord(label, semitones) for label in chords.labels))
        return replace(self, notes=notes, chords=chords)

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
            chords=None if self.chords is None else self.chords.cut(start, end),
            sections=None if self.sections is None else self.sections.cut(start, end),
        )


def _scaled(spans: Intervals | None, factor: float) -> Intervals | None:
    return None if spans is None else replace(spans, starts=spans.starts / factor, ends=spans.ends / factor)


def root_of(chord: str) -> int | None:
    """The pitch class of a Harte chord's root; None for N and X."""
    found = _ROOT.fullmatch(chord)
    return None if found is None else (_NATURAL[found[1]] + found[2].count("#") - found[2].count("b")) % 12


def transposed_chord(chord: str, semitones: int) -> str:
    """A Harte chord moved by semitones; N and X stay."""
    found, root = _ROOT.fullmatch(chord), root_of(chord)
    return chord if found is None or root is None else PITCH_CLASSES[(root + semitones) % 12] + found[3]
