"""Chords and keys as people and files write them: Harte's labels, nested vocabularies, spelling by key, names for players and DJs.

A root is a place on the line of fifths (… Bb -2, F -1, C 0, G 1 … F# 6), so that Gb (-6) and F# are two names of one pitch class: 7 · place
modulo 12. A chord's degrees count from the root as in Harte ("b7", "*3" for a third left out).

Vocabularies   "majmin"     maj, min
(nested)       "sevenths"   and maj7, min7, 7
               "full"       and dim, aug, min6, maj6, minmaj7, dim7, hdim7, sus2, sus4: 12 · 14 classes, N and X
Source         Harte, Sandler, Abdallah & Gómez, Symbolic representation of musical chords, ISMIR 2005; McFee & Bello, Structured training
               for large-vocabulary chord recognition, ISMIR 2017 [MB17] (the 170 classes); Temperley, The line of fifths, 2000
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .annotations import Intervals, Label
from .errors import AnnotationError, UnknownName

# What Harte's shorthands stand for, without the root.
SHORTHANDS: dict[str, tuple[str, ...]] = {
    "maj": ("3", "5"), "min": ("b3", "5"), "dim": ("b3", "b5"), "aug": ("3", "#5"), "maj6": ("3", "5", "6"), "min6": ("b3", "5", "6"),
    "maj7": ("3", "5", "7"), "min7": ("b3", "5", "b7"), "minmaj7": ("b3", "5", "7"), "7": ("3", "5", "b7"), "aug7": ("3", "#5", "b7"),
    "dim7": ("b3", "b5", "bb7"), "hdim7": ("b3", "b5", "b7"), "sus2": ("2", "5"), "sus4": ("4", "5"), "maj9": ("3", "5", "7", "9"),
    "min9": ("b3", "5", "b7", "9"), "9": ("3", "5", "b7", "9"), "11": ("3", "5", "b7", "9", "11"), "maj11": ("3", "5", "7", "9", "11"),
    "min11": ("b3", "5", "b7", "9", "11"), "13": ("3", "5", "b7", "9", "11", "13"), "maj13": ("3", "5", "7", "9", "11", "13"),
    "min13": ("b3", "5", "b7", "9", "11", "13"), "1": (), "5": ("5",),
}  # fmt: skip
MAJMIN = ("maj", "min")
SEVENTHS = (*MAJMIN, "maj7", "min7", "7")
FULL = (*SEVENTHS, "dim", "aug", "min6", "maj6", "minmaj7", "dim7", "hdim7", "sus2", "sus4")
VOCABULARIES: dict[str, tuple[str, ...]] = {"majmin": MAJMIN, "sevenths": SEVENTHS, "full": FULL}
# The quality that a smaller vocabulary has for one of a larger: the same triad without what it cannot say. None: another triad.
_BELOW = {"maj7": "maj", "min7": "min", "7": "maj", "maj6": "maj", "min6": "min", "minmaj7": "min"}
# Where a player who must say major or minor turns to: what shares the most with the chord.
_NEAR = {"dim": "min", "aug": "maj", "dim7": "min", "hdim7": "min7", "sus2": "maj", "sus4": "maj"}

_LETTERS = "FCGDAEB"  # places -1 to 5
_DEGREE_STEPS = {1: 0, 2: 2, 3: 4, 4: 5, 5: 7, 6: 9, 7: 11}
_DEGREE_FIFTHS = {1: 0, 2: 2, 3: 4, 4: -1, 5: 1, 6: 3, 7: 5}
_DEGREE = re.compile(r"(b*|#*)([1-9]|1[0-3])")
_LABEL = re.compile(r"([A-G])(b*|#*)(?::([a-z0-9]*)(?:\(([^()]*)\))?|\(([^()]*)\))?(?:/((?:b*|#*)\d+))?")
_PLAIN = re.compile(r"([A-G])(b+|#+|♭+|♯+)?([^/\s]*)(?:/([A-G](?:b+|#+|♭+|♯+)?))?")
_NOTHING = {"N", "NC", "N.C.", "N.C", "n.c.", "nc", "-"}


def pitch_class(place: int) -> int:
    """Of a place on the line of fifths; C is 0."""
    return 7 * place % 12


def letter_of(place: int) -> tuple[str, int]:
    """Letter and alteration in semitones of a place: ("G", -1) for -6."""
    alter, letter = divmod(place + 1, 7)
    return _LETTERS[letter], alter


def note_name(place: int) -> str:
    """ "F#" for 6, "Gb" for -6."""
    letter, alter = letter_of(place)
    return letter + ("#" * alter if alter > 0 else "b" * -alter)


def place_of(name: str) -> int:
    """The place of a note's name ("Gb", "F♯") on the line of fifths. Raises AnnotationError."""
    plain = name.replace("♭", "b").replace("♯", "#")
    if not re.fullmatch(r"[A-G](b*|#*)", plain):
        raise AnnotationError(f"{name!r} is no note; write a letter from A to G, then b or #, as in Bb or F#")
    return _LETTERS.index(plain[0]) - 1 + 7 * (plain.count("#") - plain[1:].count("b"))


def degree_steps(degree: str) -> int:
    """Semitones of a degree over the root: "b7" → 10, "9" → 14. Raises AnnotationError."""
    number, sharps = read_degree(degree)
    return _DEGREE_STEPS[(number - 1) % 7 + 1] + 12 * ((number - 1) // 7) + sharps


def read_degree(degree: str) -> tuple[int, int]:
    """Number and alteration in semitones beside the degree of a major scale: "b7" → (7, -1). Raises AnnotationError."""
    found = _DEGREE.fullmatch(degree)
    if found is None:
        raise AnnotationError(f"{degree!r} is no degree of a chord; write 1 to 13 after b or #, as in b7 or #11")
    return int(found[2]), found[1].count("#") - found[1].count("b")


@dataclass(frozen=True)
class Chord:
    """A chord. root: place on the line of fifths, None for N and X; quality: one of SHORTHANDS, "" where degrees say all, or "N" or "X";
    degrees: added ones, and left-out ones with a star, as written; bass: a degree, "1" for the root."""

    root: int | None
    quality: str = "maj"
    degrees: tuple[str, ...] = ()
    bass: str = "1"

    def __str__(self) -> str:
        """Harte's label; "C:maj" for what some write "C"."""
        if self.root is None:
            return self.quality
        added = f"({','.join(self.degrees)})" if self.degrees else ""
        return f"{note_name(self.root)}:{self.quality}{added}" + ("" if self.bass == "1" else f"/{self.bass}")

    @property
    def steps(self) -> frozenset[int]:
        """Semitones over the root, in 0..11, without a bass that does not belong to the chord; none for N and X."""
        if self.root is None:
            return frozenset()
        out = {d.lstrip("*") for d in self.degrees if d.startswith("*")}
        kept = {d for d in ("1", *SHORTHANDS.get(self.quality, ())) if d not in out} | {d for d in self.degrees if d[0] != "*"}
        return frozenset(degree_steps(d) % 12 for d in kept)

    @property
    def root_class(self) -> int:
        """Pitch class of the root; 12 for N and X."""
        return 12 if self.root is None else pitch_class(self.root)

    @property
    def bass_place(self) -> int | None:
        """Place of the bass on the line of fifths; None for N and X."""
        if self.root is None:
            return None
        number, sharps = read_degree(self.bass)
        return self.root + _DEGREE_FIFTHS[(number - 1) % 7 + 1] + 7 * sharps

    @property
    def bass_class(self) -> int:
        """Pitch class of the bass; 12 for N and X."""
        return 12 if self.bass_place is None else pitch_class(self.bass_place)

    @property
    def pitch_classes(self) -> frozenset[int]:
        """All that sounds, the bass too."""
        return frozenset((self.root_class + s) % 12 for s in self.steps) | ({self.bass_class} if self.root is not None else frozenset())

    def transposed(self, semitones: int) -> Chord:
        """Higher by so many semitones, spelled with as few sharps and flats as there can be."""
        if self.root is None or not semitones % 12:
            return self
        return replace(self, root=(self.root + 7 * semitones + 5) % 12 - 5)

    def spelled(self, key: str) -> Chord:
        """With the root named as in a key ("Gb:major"): F# or Gb."""
        return self if self.root is None else replace(self, root=spelled_in(self.root_class, key))

    @property
    def full_quality(self) -> str:
        """The one of FULL that it is but for extensions; "X" for another triad, or none; "N" for no chord."""
        if self.root is None:
            return self.quality
        s = self.steps
        if 4 in s:
            if 7 in s:
                return "maj7" if 11 in s else "7" if 10 in s else "maj6" if 9 in s else "maj"
            return "aug" if 8 in s else "X"
        if 3 in s:
            if 7 in s:
                return "min7" if 10 in s else "minmaj7" if 11 in s else "min6" if 9 in s else "min"
            return ("hdim7" if 10 in s else "dim7" if 9 in s else "dim") if 6 in s else "X"
        return ("sus4" if 5 in s else "sus2" if 2 in s else "X") if 7 in s else "X"

    def reduced(self, vocabulary: str = "full", near: bool = False) -> Chord:
        """As a vocabulary says it, in root position; X for what it has no word for, unless `near` allows the one that shares most.

        Raises UnknownName for a vocabulary that there is not."""
        if vocabulary not in VOCABULARIES:
            raise UnknownName.among("vocabulary of chords", vocabulary, VOCABULARIES)
        quality = reduced_quality(self.full_quality, vocabulary, near)
        return Chord(None, quality) if quality in ("N", "X") else Chord(self.root, quality)

    @property
    def plain(self) -> str:
        """As on a lead sheet: "Am7", "F#m7b5", "C/E", "N.C."; "?" for X."""
        if self.root is None or self.bass_place is None:
            return "N.C." if self.quality == "N" else "?"
        added = [d for d in self.degrees if d[0] != "*"]
        left_out = [f"no{d[1:]}" for d in self.degrees if d[0] == "*"]
        word = _PLAIN_OF.get(self.quality, self.quality)
        if self.quality in ("sus4", "sus2") and "b7" in added:
            added.remove("b7")
            word = f"7{word}"
        more = [*(f"add{d}" if not d.startswith(("b", "#")) else d for d in added), *left_out]
        name = note_name(self.root) + word + (f"({','.join(more)})" if more else "")
        return name if self.bass == "1" else f"{name}/{note_name(self.bass_place)}"


def reduced_quality(quality: str, vocabulary: str, near: bool = False) -> str:
    """A quality of FULL, "N" or "X" as a smaller vocabulary says it."""
    known = (*VOCABULARIES[vocabulary], "N", "X")
    while quality not in known:
        quality = _BELOW.get(quality) or (_NEAR.get(quality) if near else None) or "X"
    return quality


NONE, UNKNOWN = Chord(None, "N"), Chord(None, "X")


def parse(label: str) -> Chord:
    """Harte's label ("A:min7/b3", "C", "G:sus4(b7)", "N", "X") → Chord. Raises AnnotationError, which says what was wrong."""
    if label in ("N", "X"):
        return Chord(None, label)
    found = _LABEL.fullmatch(label)
    if found is None:
        raise AnnotationError(f"{label!r} is no chord; write ROOT:QUALITY(DEGREES)/BASS, as in A:min7/b3, or N for no chord")
    letter, signs, quality, inner, bare, bass = found.groups()
    added = inner if inner is not None else bare
    degrees = tuple(word.strip() for word in added.split(",")) if added is not None else ()
    quality = quality or ("" if degrees else "maj")
    if quality and quality not in SHORTHANDS:
        raise AnnotationError(f"{label!r}: no chord quality {quality!r}; there are {', '.join(SHORTHANDS)}")
    for degree in (*degrees, bass or "1"):
        read_degree(degree.removeprefix("*"))
    return Chord(place_of(letter + signs), quality, degrees, bass or "1")


# ---- names as players write them

_PLAIN_OF = {
    "maj": "", "min": "m", "dim": "dim", "aug": "aug", "maj6": "6", "min6": "m6", "maj7": "maj7", "min7": "m7", "minmaj7": "mMaj7",
    "7": "7", "aug7": "aug7", "dim7": "dim7", "hdim7": "m7b5", "sus2": "sus2", "sus4": "sus4", "maj9": "maj9", "min9": "m9", "9": "9",
    "11": "11", "maj11": "maj11", "min11": "m11", "13": "13", "maj13": "maj13", "min13": "m13", "1": "1", "5": "5", "": "",
}  # fmt: skip
# Other ways to write them; case counts ("M7" is major, "m7" minor).
_WRITTEN: dict[str, tuple[str, tuple[str, ...]]] = {
    **{word: (quality, ()) for quality, word in _PLAIN_OF.items() if quality},
    **{
        word: (quality, ())
        for quality, words in {
            "maj": "M maj major Δ", "min": "min mi - minor", "dim": "° o", "aug": "+ #5", "maj6": "M6 maj6 add6", "min6": "min6 mi6 -6",
            "maj7": "M7 Maj7 ma7 j7 Δ7 ^7 ^", "min7": "min7 mi7 -7", "minmaj7": "mM7 mmaj7 m(maj7) minmaj7 -Δ7 -maj7 m(Maj7)", "7": "dom7",
            "aug7": "7#5 +7 7+ 7(#5)", "dim7": "°7 o7", "hdim7": "ø ø7 min7b5 -7b5 m7(b5) mi7b5 h7 hdim7", "sus4": "sus 4",
            "sus2": "2", "maj9": "M9 Maj9 Δ9 ^9", "min9": "min9 mi9 -9", "min11": "min11 mi11 -11", "maj13": "M13 Δ13 ^13",
            "min13": "min13 mi13 -13",
        }.items()
        for word in words.split()
    },
    "7sus4": ("sus4", ("b7",)), "7sus": ("sus4", ("b7",)), "7sus2": ("sus2", ("b7",)), "9sus4": ("sus4", ("b7", "9")),
    "9sus": ("sus4", ("b7", "9")), "add9": ("maj", ("9",)), "add2": ("maj", ("9",)), "add4": ("maj", ("11",)), "add11": ("maj", ("11",)),
    "madd9": ("min", ("9",)), "m(add9)": ("min", ("9",)), "(add9)": ("maj", ("9",)), "6/9": ("maj6", ("9",)), "69": ("maj6", ("9",)),
    "m69": ("min6", ("9",)), "7b9": ("7", ("b9",)), "7(b9)": ("7", ("b9",)), "7#9": ("7", ("#9",)), "7(#9)": ("7", ("#9",)),
    "7#11": ("7", ("#11",)), "7b5": ("7", ("*5", "b5")), "7b13": ("7", ("b13",)), "maj7#11": ("maj7", ("#11",)),
}  # fmt: skip


def read_plain(name: str) -> Chord:
    """A chord as players write it ("Am7", "F#m7b5", "Bb/D", "N.C."), or Harte's label → Chord. Raises AnnotationError."""
    name = name.strip()
    if name in _NOTHING:
        return NONE
    if name in ("X", "?"):
        return UNKNOWN
    if ":" in name:
        return parse(name)
    sixth = name.find("6/9")
    found = _PLAIN.fullmatch(name if sixth < 0 else name[:sixth] + "69" + name[sixth + 3 :])
    word = found[3] if found else ""
    if found is None or (word and word not in _WRITTEN):
        try:
            return parse(name)  # "C(9)", "A/b3"
        except AnnotationError:
            raise AnnotationError(f"{name!r} is no chord; write it as Am7, F#m7b5, C/E or N.C., or as A:min7") from None
    quality, degrees = _WRITTEN[word] if word else ("maj", ())
    root = place_of(found[1] + (found[2] or ""))
    return Chord(root, quality, degrees, _degree_between(root, place_of(found[4])) if found[4] else "1")


def _degree_between(root: int, bass: int) -> str:
    """The degree (1 to 7) that a note is over a root, both on the line of fifths."""
    sharps, number = divmod(bass - root + 1, 7)
    natural = {fifths + 1: degree for degree, fifths in _DEGREE_FIFTHS.items()}[number]
    return ("#" * sharps if sharps > 0 else "b" * -sharps) + str(natural)


def read_chart(text: str) -> list[Chord]:
    """The chords of a chart in their order: "| Am7 D7 | G/B % |" or a line each, as players or Harte write them.

    A bar ends at | or at the end of its line; % repeats the bar before, / and . go on with the chord; [words] and what follows a # that
    stands alone are not read. Raises AnnotationError, which names the line, for anything else, and for a chart without a chord."""
    bars: list[list[Chord]] = []
    for number, line in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#(\s.*|$)", " ", re.sub(r"\[[^\]]*\]", " ", line))
        for bar in line.split("|"):
            found: list[Chord] = []
            for word in bar.split():
                try:
                    if word == "%" and bars:
                        found += bars[-1]
                    elif word not in ("/", "."):
                        found.append(read_plain(word.strip(",;")))
                except AnnotationError as error:
                    raise AnnotationError(f"line {number}: {error}") from None
            if found:
                bars.append(found)
    if not bars:
        raise AnnotationError("no chord in the chart; write them in order, as in | Am7 D7 | G |")
    return [chord for bar in bars for chord in bar]


# ---- classes


def classes(vocabulary: str = "full", unknown: bool = True) -> tuple[str, ...]:
    """The labels of a vocabulary: C first, quality by quality, then N, and X where it is wanted. Raises UnknownName."""
    if vocabulary not in VOCABULARIES:
        raise UnknownName.among("vocabulary of chords", vocabulary, VOCABULARIES)
    roots = [(7 * c + 5) % 12 - 5 for c in range(12)]
    return (*(str(Chord(root, q)) for q in VOCABULARIES[vocabulary] for root in roots), "N", *(("X",) if unknown else ()))


def class_of(chord: Chord, vocabulary: str = "full", near: bool = False) -> int:
    """The number of a chord's class among `classes(vocabulary)`."""
    small, known = chord.reduced(vocabulary, near), VOCABULARIES[vocabulary]
    if small.root is None:
        return 12 * len(known) + (small.quality == "X")
    return 12 * known.index(small.quality) + small.root_class


# ---- keys


def read_key(key: str) -> tuple[int, bool]:
    """ "Gb:major", "A minor", "F#m", "C" → (place of the tonic on the line of fifths, is it minor?). Raises AnnotationError."""
    found = re.fullmatch(r"([A-G](?:b*|#*))(?:[: ]?(major|minor|maj|min|ionian|aeolian|m|M))?", key.strip())
    if found is None:
        raise AnnotationError(f"{key!r} is no key; write C:major or A:minor")
    return place_of(found[1]), found[2] in ("minor", "min", "aeolian", "m")


def signature(key: str) -> tuple[int, bool] | None:
    """Sharps of a key's signature (flats below 0), and whether it is minor; None for no key and for other modes. A key that would need
    more than seven is written as its twin: "G#:major" has the four flats of Ab."""
    try:
        place, minor = read_key(key)
    except AnnotationError:
        return None
    sharps = place - 3 * minor
    while abs(sharps) > 7:
        sharps += -12 if sharps > 0 else 12
    return sharps, minor


def key_name(tonic: int, minor: bool) -> str:
    """Of a pitch class: "F#:major", "Eb:minor", named as it is usually written."""
    low = -3 if minor else -5
    return f"{note_name((7 * tonic - low) % 12 + low)}:{'minor' if minor else 'major'}"


KEYS = tuple(key_name(tonic, minor) for minor in (False, True) for tonic in range(12))


def plain_key(key: str) -> str:
    """ "A minor"; "" for no key."""
    if not key or key == "N":
        return ""
    place, minor = read_key(key)
    return f"{note_name(place)} {'minor' if minor else 'major'}"


def short_key(key: str) -> str:
    """As tags and MIDI have it: "Am", "Eb", of seven sharps or flats at most; "" for no key."""
    found = signature(key)
    return "" if found is None else note_name(found[0] + 3 * found[1]) + "m" * found[1]


def camelot(key: str) -> str:
    """The number on the wheel that DJs mix by: "8A" for A minor, "8B" for C major; a fifth up is one more. "" for no key."""
    found = signature(key)
    return "" if found is None else f"{(found[0] + 7) % 12 + 1}{'A' if found[1] else 'B'}"


def lasting(keys: Intervals) -> dict[str, float]:
    """Seconds of each key, the longest first; no key ("N") is none."""
    found: dict[str, float] = {}
    for label, length in zip(keys.labels, (keys.ends - keys.starts).tolist(), strict=True):
        if label != "N":
            found[label] = found.get(label, 0.0) + length
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def main_key(keys: Intervals | Label | None) -> str:
    """The key that lasts longest; "" where there is none."""
    if isinstance(keys, Label):
        return "" if keys.name == "N" else keys.name
    return next(iter(lasting(keys)), "") if keys is not None else ""


def open_key(key: str) -> str:
    """Open Key notation: "1m" for A minor, "1d" for C major. "" for no key."""
    found = signature(key)
    return "" if found is None else f"{found[0] % 12 + 1}{'m' if found[1] else 'd'}"


def spelled_in(tone: int, key: str) -> int:
    """The place on the line of fifths that a pitch class has in a key: from the flat second to the sharp fourth of a major key, from the
    flat fifth to the major seventh of a minor one."""
    tonic, minor = read_key(key)
    return _placed(tone, tonic - 3 * minor, minor)


def _placed(tone: int, sharps: int, minor: bool) -> int:
    low = sharps - (3 if minor else 5)
    return (7 * tone - low) % 12 + low


def spelled_pitch(pitch: int, sharps: int, minor: bool = False) -> tuple[str, int, int]:
    """Letter, alteration and octave of a MIDI number in a key of that signature: as `spelled_in`, but E, not Fb, where the scale has no
    Fb."""
    place = _placed(pitch, sharps, minor)
    if not sharps - 1 <= place <= sharps + 5 and not (minor and place == sharps + 8):  # of a minor key's sevenths both are its own
        place += 12 * ((place < place_of("Gb")) - (place > place_of("A#")))
    letter, alter = letter_of(place)
    return letter, alter, (pitch - alter) // 12 - 1


def key_of_chords(chords: Sequence[Chord], lengths: Iterable[float]) -> str:
    """The key whose scale, tonic triad and dominant the chords fit best, by the time that they last: what names are spelled by. "C:major"
    where there is no chord."""
    scales = np.zeros((24, 12))
    for k, key in enumerate(KEYS):
        tonic, minor = read_key(key)
        scale = (0, 2, 3, 5, 7, 8, 10) if minor else (0, 2, 4, 5, 7, 9, 11)
        scales[k, [(pitch_class(tonic) + s) % 12 for s in scale]] = 1
    score = np.zeros(24)
    for chord, length in zip(chords, lengths, strict=True):
        if chord.root is None:
            continue
        steps = chord.steps
        score += length * scales[:, sorted(chord.pitch_classes)].mean(1)
        if 7 in steps and steps & {3, 4}:
            minor = 4 not in steps
            score[chord.root_class + 12 * minor] += 0.45 * length
            if not minor:  # the dominant of either mode
                score[[(chord.root_class + 5) % 12, (chord.root_class + 5) % 12 + 12]] += 0.1 * length
    return KEYS[int(score.argmax())] if score.any() else KEYS[0]


def spelled(labels: Sequence[str], lengths: Iterable[float], key: str = "") -> tuple[str, ...]:
    """Harte's labels with their roots named as in the key that they are in, or in `key`."""
    chords = [parse(label) for label in labels]
    chosen = key or key_of_chords(chords, lengths)
    return tuple(str(chord.spelled(chosen)) for chord in chords)


def respelled(chords: Intervals, keys: Intervals | None = None) -> Intervals:
    """Chords with their roots named as in the key at the middle of each; where none is known ("N", or no interval), as in the key that
    the chords themselves are in."""
    if not len(chords):
        return chords
    own = spelled(chords.labels, chords.ends - chords.starts)
    at = keys.at((chords.starts + chords.ends) / 2, "N") if keys is not None else ["N"] * len(chords)
    names = (label if key == "N" else str(parse(label).spelled(key)) for label, key in zip(own, at, strict=True))
    return replace(chords, labels=tuple(names))


__all__ = [
    "FULL", "KEYS", "MAJMIN", "NONE", "SEVENTHS", "SHORTHANDS", "UNKNOWN", "VOCABULARIES", "Chord", "camelot", "class_of", "classes",
    "degree_steps", "key_name", "key_of_chords", "lasting", "letter_of", "main_key", "note_name", "open_key", "parse", "pitch_class",
    "place_of", "plain_key", "read_chart", "read_degree", "read_key", "read_plain", "reduced_quality", "respelled", "short_key",
    "signature", "spelled", "spelled_in", "spelled_pitch",
]  # fmt: skip
