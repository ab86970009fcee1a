"""Chords and keys as scores and tags need them: names of notes by fifths, Harte's labels taken apart, keys as signatures.

A note's name is a place on the line of fifths (… Bb -2, F -1, C 0, G 1 …), so that F# (6) and Gb (-6) differ.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import harmony
from ..harmony import main_key
from .jams import QUALITIES

_LETTERS = "FCGDAEB"  # places -1 to 5
_FIFTHS = {1: 0, 2: 2, 3: 4, 4: -1, 5: 1, 6: 3, 7: 5}  # of a degree over its root
_NOTE = r"([A-G])(b*|#*)"
_DEGREE = re.compile(r"(\*?)(b*|#*)(1[0-3]|[1-9])")
_CHORD = re.compile(rf"{_NOTE}(?::({'|'.join(sorted(QUALITIES, key=len, reverse=True))})?(?:\(([^()]*)\))?)?(?:/((?:b*|#*)\d+))?")
_KEY = re.compile(rf"{_NOTE}(?:[: ]?(major|maj|ionian|minor|min|aeolian|m))?")
FLATTEST, SHARPEST = -7, 7  # fifths of a signature


@dataclass(frozen=True)
class Degree:
    """number 1 to 13; alter: semitones by which it lies beside that of a major scale; out: it is left out."""

    number: int
    alter: int = 0
    out: bool = False


@dataclass(frozen=True)
class Chord:
    """root, bass: places on the line of fifths; quality: one of Harte's shorthands, "" where the degrees say all."""

    root: int
    quality: str
    degrees: tuple[Degree, ...]
    bass: int


def place(name: str) -> int:
    """Of a note's name ("Gb") on the line of fifths."""
    return _LETTERS.index(name[0]) - 1 + 7 * (name.count("#") - name[1:].count("b"))


def step(fifths: int) -> tuple[str, int]:
    """Letter and alteration of a place: ("G", -1) for -6."""
    alter, letter = divmod(fifths + 1, 7)
    return _LETTERS[letter], alter


def spelled(pitch: int, fifths: int, minor: bool = False) -> tuple[str, int, int]:
    """Letter, alteration and octave of a MIDI number in a key: from the flat second to the sharp fourth of a major key, from the flat fifth
    to the major seventh of a minor one; but E, not Fb, where the scale has no Fb."""
    low = fifths - (3 if minor else 5)
    fifth = (7 * pitch - low) % 12 + low
    if not fifths - 1 <= fifth <= fifths + 5 and not (minor and fifth == fifths + 8):  # of a minor key's sevenths both are its own
        fifth += 12 * ((fifth < place("Gb")) - (fifth > place("A#")))
    letter, alter = step(fifth)
    return letter, alter, (pitch - alter) // 12 - 1


def chord(label: str) -> Chord | None:
    """Harte's label, taken apart; None for N, X and what is none."""
    found = _CHORD.fullmatch(label)
    if found is None:
        return None
    letter, signs, quality, inner, bass = found.groups()
    words = [] if inner is None else [_DEGREE.fullmatch(word.strip()) for word in inner.split(",")]
    low = _DEGREE.fullmatch(bass or "1")
    if low is None or not all(words):
        return None
    degrees = tuple(Degree(int(word[3]), _alter(word[2]), bool(word[1])) for word in words if word)
    root = place(letter + signs)
    under = root + _FIFTHS[(int(low[3]) - 1) % 7 + 1] + 7 * _alter(low[2])
    return Chord(root, quality or ("" if degrees else "maj"), degrees, under)


def _alter(signs: str) -> int:
    return signs.count("#") - signs.count("b")


def key(label: str) -> tuple[int, bool] | None:
    """Sharps of a key's signature (flats below 0), and whether it is minor; None for no key and for other modes. A key that would need
    more than seven is named by its twin: "G#:major" has the four flats of Ab."""
    found = _KEY.fullmatch(label.strip())
    if found is None:
        return None
    minor = (found[3] or "") in ("minor", "min", "aeolian", "m")
    fifths = place(found[1] + found[2]) - 3 * minor
    while fifths > SHARPEST:
        fifths -= 12
    while fifths < FLATTEST:
        fifths += 12
    return fifths, minor


def tonic(fifths: int, minor: bool) -> str:
    """The note that a key of that signature is named by: "F#"."""
    letter, alter = step(fifths + 3 * minor)
    return letter + ("#" * alter if alter > 0 else "b" * -alter)


def short_key(label: str) -> str:
    """As tags and MIDI have it: "Am", "Eb"; "" for no key."""
    found = key(label)
    return "" if found is None else tonic(*found) + "m" * found[1]


def camelot(fields: Mapping[str, Any]) -> str:
    """The key that lasts longest as DJs write it: "8A" for A minor, "8B" for C major; "" where none is known."""
    found = key(main_key(fields.get("key")))
    return harmony.camelot(f"{tonic(*found)}:{'minor' if found[1] else 'major'}") if found is not None else ""
