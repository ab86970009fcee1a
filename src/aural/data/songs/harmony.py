"""Chords: what they are made of, progressions by degree, and charts of real songs.

Source    qualities in Harte's words (Harte et al., ISMIR 2005); progressions are common property
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...errors import AnnotationError
from ...harmony import SHORTHANDS, degree_steps
from .score import PITCH_CLASSES, root_of

# Semitones over the root, of what players can play.
QUALITIES: dict[str, tuple[int, ...]] = {
    quality: (0, *map(degree_steps, SHORTHANDS[quality]))
    for quality in ("maj", "min", "7", "maj7", "min7", "sus4", "sus2", "dim", "aug", "hdim7", "dim7", "maj6", "min6", "9", "5")
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
    i7 bVIImaj7 bVImaj7 V7; IVmaj7 iv6 iii7 vi7; I vi° ii V; i bVII bVI V; I V vi° bVI; I9 IV9; ii7 ii7 V7sus4 Imaj7
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
    """root: pitch class; quality: a key of QUALITIES; bass: the degree in the bass ("b3", "5" …), "" for the root."""

    root: int
    quality: str = "maj"
    bass: str = ""

    @property
    def label(self) -> str:
        """In Harte's syntax."""
        return f"{PITCH_CLASSES[self.root]}:{self.quality}" + (f"/{self.bass}" if self.bass else "")

    @property
    def low(self) -> int:
        """The pitch class in the bass."""
        return self.root if not self.bass else (self.root + degree_steps(self.bass)) % 12

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """Root first."""
        return tuple((self.root + step) % 12 for step in QUALITIES[self.quality])

    def voiced(self, lowest: int) -> list[int]:
        """Its pitches in the octave that starts at `lowest`."""
        return [lowest + (c - lowest) % 12 for c in self.pitch_classes]


@dataclass(frozen=True)
class Chart:
    """A song's chords: for every bar, (beat in the bar, chord); `sections` are the bars where a section starts; `beats` a bar;
    `keys` of every bar ("C:major"), none where they are not known."""

    beats: int
    bars: tuple[tuple[tuple[float, Chord], ...], ...]
    sections: tuple[int, ...]
    keys: tuple[str, ...] = ()


def degree(text: str, key: int) -> Chord:
    """A chord from its degree ("bVII", "ii7", "V7sus4") in a key (pitch class of the tonic)."""
    found = _DEGREE.fullmatch(text)
    if found is None or found[3] not in _SUFFIX:
        raise ValueError(f"no degree: {text!r}")
    step = _ROMAN[found[2].lower()] + {"": 0, "b": -1, "#": 1}[found[1]]
    return Chord((key + step) % 12, _SUFFIX[found[3]][found[2].islower()])


def is_minor(line: str) -> bool:
    """Whether a progression's tonic has a minor third: its degree i is written small."""
    return bool(re.search(r"(?<![b#iv])i(?![iv])", line))


_MINOR = [is_minor(line) for line in PROGRESSIONS]
_LIFTS = (1, 1, 2, 2, 2, 3, 5, 7, 10)  # semitones by which songs modulate


def key_of(tonic: int, minor: bool) -> str:
    """A key's name ("C:major"), spelled as PITCH_CLASSES."""
    return f"{PITCH_CLASSES[tonic % 12]}:{'minor' if minor else 'major'}"


def mode(chords: Iterable[tuple[float, Chord]], tonic: int) -> bool | None:
    """Whether a tonic is minor, by the third of its chords, given as (how long, chord); None where neither prevails."""
    lasting = [0.0, 0.0]
    for length, chord in chords:
        pitches = QUALITIES[chord.quality]
        if chord.root == tonic and (3 in pitches or 4 in pitches):
            lasting[3 in pitches] += length
    return None if max(lasting) < 2 * min(lasting) or not max(lasting) else lasting[1] > lasting[0]


def harte(label: str) -> Chord | None:
    """A Harte label with its quality simplified to one of QUALITIES; None for N, X and the unknown."""
    root = root_of(label)
    if root is None:
        return None
    head, _, bass = label.partition("/")
    word = head.partition(":")[2].partition("(")[0]
    try:
        return Chord(root, _simple(word), bass if degree_steps(bass) % 12 else "")
    except AnnotationError:  # no degree
        return Chord(root, _simple(word))


def _simple(word: str) -> str:
    """The key of QUALITIES that is nearest to a Harte quality."""
    if word in QUALITIES:
        return word
    for start, quality in (("min", "min7"), ("maj", "maj7"), ("hdim", "hdim7"), ("dim", "dim7"), ("sus", "sus4"), ("aug", "aug")):
        if word.startswith(start):
            return quality
    return "7" if word[:1] in ("9", "1") and word != "1" else "5" if word == "1" else "maj"


def inverted(rng: np.random.Generator, chord: Chord) -> Chord:
    """With its third, fifth or seventh in the bass; power chords stay."""
    names = {3: "b3", 4: "3", 6: "b5", 7: "5", 8: "#5", 9: "6", 10: "b7", 11: "7"}
    able = [names[p] for p in QUALITIES[chord.quality][1:] if p in names]
    if chord.quality == "5" or not able:
        return chord
    weights = np.array([{"3": 4.0, "5": 2.5}.get(name[-1], 1.0) for name in able])
    return replace(chord, bass=able[rng.choice(len(able), p=weights / weights.sum())])


def composed_chart(
    rng: np.random.Generator, bars: Sequence[int], power: bool = False
) -> tuple[list[tuple[tuple[float, Chord], ...]], list[tuple[int, str]], list[str]]:
    """Chords for bars of the given lengths in beats, the sections as (first bar, letter), and the key of every bar.

    One song in five has chords over their third, fifth or seventh; one in eight modulates for good, and sections may change
    between major and minor. power: rock: half of the chords without their third.
    """
    own = rng.spawn(1)[0]  # what is drawn from it moves nothing else: rhythms stay what they were
    key, n = int(rng.integers(12)), len(bars)
    length = int(rng.choice([4, 8, 8, 8, 16]))
    form = "".join(rng.choice(list("ABC"), 3)) + "ABABCBB"
    sections: list[tuple[int, str]] = [(0, form[0])]
    while sections[-1][0] < n:
        step = length if rng.random() < 0.85 else int(rng.choice([2, 4, 6, 12]))
        sections.append((sections[-1][0] + step, form[len(sections) % len(form)]))
    sections = [s for s in sections if s[0] < n]
    drawn = {letter: int(rng.integers(len(PROGRESSIONS))) for letter in "ABC"}
    small = _MINOR[drawn["A"]]
    for letter in "BC":  # most songs stay in their mode
        if _MINOR[drawn[letter]] != small and own.random() < 0.8:
            drawn[letter] = int(own.choice([i for i, minor in enumerate(_MINOR) if minor == small]))
    lines = {letter: [degree(word, key) for word in PROGRESSIONS[number].split()] for letter, number in drawn.items()}
    if power:
        lines = {k: [Chord(c.root, "5") if rng.random() < 0.5 else c for c in v] for k, v in lines.items()}
    if own.random() < 0.22:
        share = own.uniform(0.2, 0.7)
        lines = {k: [inverted(own, c) if i and own.random() < share else c for i, c in enumerate(v)] for k, v in lines.items()}
    per_bar = float(rng.choice([2, 1, 1, 1, 1, 0.5, 0.5, 0.25]))  # chords a bar
    lift = int(rng.integers(len(sections))) if rng.random() < 0.08 else None  # a modulation
    if lift is None and len(sections) > 1 and own.random() < 0.06:
        lift = int(own.integers(1, len(sections)))
    by = int(own.choice(_LIFTS))
    out: list[tuple[tuple[float, Chord], ...]] = []
    keys: list[str] = []
    for number, (first, letter) in enumerate(sections):
        last = sections[number + 1][0] if number + 1 < len(sections) else n
        line, tonic = lines[letter], key
        if lift is not None and number >= lift:
            line, tonic = [replace(c, root=(c.root + by) % 12) for c in line], key + by
        keys += [key_of(tonic, _MINOR[drawn[letter]])] * (last - first)
        for bar in range(first, last):
            j = bar - first
            if per_bar == 2 and bars[bar] > 1:
                half = bars[bar] / 2 if bars[bar] % 2 == 0 else bars[bar] - 1
                chords: tuple[tuple[float, Chord], ...] = ((0.0, line[2 * j % len(line)]), (float(half), line[(2 * j + 1) % len(line)]))
            else:
                chords = ((0.0, line[int(j * min(per_bar, 1)) % len(line)]),)
                if rng.random() < 0.06 and bars[bar] > 1:
                    chords = (*chords, (float(bars[bar] - 1), Chord((tonic + 7) % 12, "7")))
            out.append(chords)
    return out, sections, keys
