"""Chords: what they are made of, progressions by degree, and charts of real songs.

Source    qualities in Harte's words (Harte et al., ISMIR 2005); progressions are common property
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .score import PITCH_CLASSES

# Semitones over the root.
QUALITIES: dict[str, tuple[int, ...]] = {
    "maj": (0, 4, 7),
    "min": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "min7": (0, 3, 7, 10),
    "sus4": (0, 5, 7),
    "sus2": (0, 2, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "hdim7": (0, 3, 6, 10),
    "dim7": (0, 3, 6, 9),
    "maj6": (0, 4, 7, 9),
    "min6": (0, 3, 7, 9),
    "9": (0, 4, 7, 10, 14),
    "5": (0, 7),
}

# Degrees of the major scale; lower case is minor, b and # alter the degree.
PROGRESSIONS = tuple(
    line.strip()
    for line in """
    I V vi IV; I vi IV V; vi IV I V; I IV V IV; I IV I V; I iii IV iv; I V vi iii IV I IV V; I bVII IV I; I I7 IV iv; IV V iii vi
    i bVI bIII bVII; i bVII bVI V7; i iv v i; i bVII bVI bVII; i iv bVII bIII bVI iv V7 i; i i bVI V; i bIII bVII IV; i v bVI bVII
    ii7 V7 Imaj7 vi7; Imaj7 vi7 ii7 V7; ii7 V7 Imaj7 Imaj7; iii7 VI7 ii7 V7; iiø V7 i6 i6; Imaj7 IVmaj7 iii7 vi7; i7 IV7; Imaj7 I6 ii7 V7
    I7 IV7 I7 V7; I7 I7 I7 I7 IV7 IV7 I7 I7 V7 IV7 I7 V7; I7 IV7 I7 I7 IV7 IV7 I7 I7 ii7 V7 I7 V7; i7 i7 i7 i7 iv7 iv7 i7 i7 bVI7 V7 i7 V7
    I V; I IV; i bVII; I Vsus4; I; i; I bIII IV I; I bVI bVII I; i bII i bVII; I #iv° V7 I; I Iaug I6 I7 IV iv I V; Isus2 IV Isus4 V
    i7 bVIImaj7 bVImaj7 V7; IVmaj7 iv6 iii7 vi7; I vi° ii V; vi V IV III7; I V vi° bVI; I9 IV9; ii7 ii7 V7sus4 Imaj7
    """.replace("\n", ";").split(";")
    if line.strip()
)
_ROMAN = {"i": 0, "ii": 2, "iii": 4, "iv": 5, "v": 7, "vi": 9, "vii": 11}
_DEGREE = re.compile(r"([b#]?)([iv]+|[IV]+)(.*)")
_SUFFIX = {
    "": ("maj", "min"), "7": ("7", "min7"), "maj7": ("maj7", "min7"), "6": ("maj6", "min6"), "°": ("dim", "dim"), "ø": ("hdim7", "hdim7"),
    "sus4": ("sus4", "sus4"), "sus2": ("sus2", "sus2"), "aug": ("aug", "aug"), "9": ("9", "9"), "7sus4": ("sus4", "sus4"),
}  # fmt: skip


@dataclass(frozen=True)
class Chord:
    """root: pitch class; quality: a key of QUALITIES."""

    root: int
    quality: str = "maj"

    @property
    def label(self) -> str:
        """In Harte's syntax."""
        return f"{PITCH_CLASSES[self.root]}:{self.quality}"

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """Root first."""
        return tuple((self.root + step) % 12 for step in QUALITIES[self.quality])

    def voiced(self, lowest: int) -> list[int]:
        """Its pitches in the octave that starts at `lowest`."""
        return [lowest + (c - lowest) % 12 for c in self.pitch_classes]


@dataclass(frozen=True)
class Chart:
    """A song's chords: for every bar, (beat in the bar, chord); `sections` are the bars where a section starts; `beats` a bar."""

    beats: int
    bars: tuple[tuple[tuple[float, Chord], ...], ...]
    sections: tuple[int, ...]


def degree(text: str, key: int) -> Chord:
    """A chord from its degree ("bVII", "ii7", "V7sus4") in a key (pitch class of the tonic)."""
    found = _DEGREE.fullmatch(text)
    if found is None or found[3] not in _SUFFIX:
        raise ValueError(f"no degree: {text!r}")
    step = _ROMAN[found[2].lower()] + {"": 0, "b": -1, "#": 1}[found[1]]
    return Chord((key + step) % 12, _SUFFIX[found[3]][found[2].islower()])


def progression(rng: np.random.Generator, key: int) -> list[Chord]:
    """One of the PROGRESSIONS in a key."""
    return [degree(word, key) for word in PROGRESSIONS[rng.integers(len(PROGRESSIONS))].split()]


def harte(label: str) -> Chord | None:
    """A Harte label with its quality simplified to one of QUALITIES; None for N, X and the unknown."""
    from .score import root_of

    root = root_of(label)
    if root is None:
        return None
    word = label.partition(":")[2].partition("/")[0].partition("(")[0]
    if word in QUALITIES:
        return Chord(root, word)
    for start, quality in (("min", "min7"), ("maj", "maj7"), ("hdim", "hdim7"), ("dim", "dim7"), ("sus", "sus4"), ("aug", "aug")):
        if word.startswith(start):
            return Chord(root, quality)
    return Chord(root, "7" if word[:1] in ("9", "1") and word != "1" else "5" if word == "1" else "maj")


def composed_chart(
    rng: np.random.Generator, bars: Sequence[int], power: bool = False
) -> tuple[list[tuple[tuple[float, Chord], ...]], list[tuple[int, str]]]:
    """Chords for bars of the given lengths in beats, and the sections as (first bar, letter).

    power: rock: half of the chords without their third.
    """
    key, n = int(rng.integers(12)), len(bars)
    length = int(rng.choice([4, 8, 8, 8, 16]))
    form = "".join(rng.choice(list("ABC"), 3)) + "ABABCBB"
    sections: list[tuple[int, str]] = [(0, form[0])]
    while sections[-1][0] < n:
        step = length if rng.random() < 0.85 else int(rng.choice([2, 4, 6, 12]))
        sections.append((sections[-1][0] + step, form[len(sections) % len(form)]))
    sections = [s for s in sections if s[0] < n]
    lines = {letter: progression(rng, key) for letter in "ABC"}
    if power:
        lines = {k: [Chord(c.root, "5") if rng.random() < 0.5 else c for c in v] for k, v in lines.items()}
    per_bar = float(rng.choice([2, 1, 1, 1, 1, 0.5, 0.5, 0.25]))  # chords a bar
    lift = int(rng.integers(len(sections))) if rng.random() < 0.08 else None  # a modulation
    out: list[tuple[tuple[float, Chord], ...]] = []
    for number, (first, letter) in enumerate(sections):
        last = sections[number + 1][0] if number + 1 < len(sections) else n
        line = lines[letter]
        if lift is not None and number >= lift:
            line = [Chord((c.root + 1 + (key % 2)) % 12, c.quality) for c in line]
        for bar in range(first, last):
            j = bar - first
            if per_bar == 2 and bars[bar] > 1:
                half = bars[bar] / 2 if bars[bar] % 2 == 0 else bars[bar] - 1
                chords: tuple[tuple[float, Chord], ...] = ((0.0, line[2 * j % len(line)]), (float(half), line[(2 * j + 1) % len(line)]))
            else:
                chords = ((0.0, line[int(j * min(per_bar, 1)) % len(line)]),)
                if rng.random() < 0.06 and bars[bar] > 1:
                    chords = (*chords, (float(bars[bar] - 1), Chord((key + 7) % 12, "7")))
            out.append(chords)
    return out, sections
