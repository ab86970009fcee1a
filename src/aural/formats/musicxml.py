"""A lead sheet in MusicXML 4.0: the leading voice in bars, chords above it, key, metre, tempo and sections.

Bars        from the downbeats; an upbeat is bar 0. A beat is a quarter; where beats divide in three (`rhythm.divisions`) a dotted
            one, in bars of six, nine and twelve an eighth. Beats go on before the first and after the last one as far as the music does
Unsure      beats whose bar is not known stand in bars like those before them, in bars of four where there are none: a "?" over the first
            of them, their time signatures not printed
Melody      quantised to the tatum (`_tatum`): a beat has four parts, or three where that fits better, a dotted one six; notes are
            tied over bar lines and where their length has no sign; named as in the key
Chords      at the half beat where they begin; "N" is N.C., an unknown chord is "?", of the kind "none", too
Key         signatures at the bar line nearest to where a key begins; without a key none
Nothing     is written where beats are not known, or neither melody nor chords

Source      MusicXML 4.0 (W3C): score-partwise, kind-value, degree; Harte et al., Symbolic representation of musical chords, ISMIR 2005
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from .. import harmony, rhythm
from ..annotations import Events, Intervals, Label, Notes, Tempo
from ..errors import AnnotationError
from ._about import About
from ._bars import gridded, main_bpm
from ._tatum import PARTS, Grid, ternary, voice
from ._words import legal, line
from .midi import Map

DOCTYPE = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    b'"http://www.musicxml.org/dtds/partwise.dtd">\n'
)
# Of Harte's shorthands: MusicXML's kind.
KINDS = {
    "maj": "major", "min": "minor", "dim": "diminished", "aug": "augmented", "maj6": "major-sixth", "min6": "minor-sixth",
    "maj7": "major-seventh", "min7": "minor-seventh", "minmaj7": "major-minor", "7": "dominant", "aug7": "augmented-seventh",
    "dim7": "diminished-seventh", "hdim7": "half-diminished", "sus2": "suspended-second", "sus4": "suspended-fourth",
    "maj9": "major-ninth", "min9": "minor-ninth", "9": "dominant-ninth", "11": "dominant-11th", "maj11": "major-11th",
    "min11": "minor-11th", "13": "dominant-13th", "maj13": "major-13th", "min13": "minor-13th", "1": "pedal", "5": "power", "": "other",
}  # fmt: skip
UNITS = 24  # of durations in a quarter


@dataclass(frozen=True)
class _Beat:
    """How a beat is written. units: of duration that a part of it has; name, dotted: its own sign; signs: lengths in parts that have one,
    as note value and dots; thirds: note values of a triplet, by parts; upper, lower: what a beat counts in a time signature."""

    units: int
    name: str
    dotted: bool
    signs: Mapping[int, tuple[str, int]]
    thirds: Mapping[int, str]
    upper: int
    lower: int


QUARTER = _Beat(
    2, "quarter", False,
    {48: ("whole", 0), 36: ("half", 1), 24: ("half", 0), 18: ("quarter", 1), 12: ("quarter", 0), 9: ("eighth", 1), 6: ("eighth", 0),
     3: ("16th", 0)},
    {4: "eighth", 8: "quarter"}, 1, 4,
)  # fmt: skip
DOTTED = _Beat(
    3, "quarter", True,
    {48: ("whole", 1), 24: ("half", 1), 12: ("quarter", 1), 8: ("quarter", 0), 6: ("eighth", 1), 4: ("eighth", 0), 2: ("16th", 0)},
    {}, 3, 8,
)  # fmt: skip
EIGHTH = _Beat(
    1, "eighth", False,
    {72: ("half", 1), 48: ("half", 0), 36: ("quarter", 1), 24: ("quarter", 0), 18: ("eighth", 1), 12: ("eighth", 0), 9: ("16th", 1),
     6: ("16th", 0), 3: ("32nd", 0)},
    {4: "16th", 8: "eighth"}, 1, 8,
)  # fmt: skip
LOW, DEEP = 60, 52  # median pitches below which a treble clef sounds an octave lower, and a bass clef is written


def files(stem: str, fields: Mapping[str, Any], namespaces: Mapping[str, str], about: About) -> dict[str, bytes]:
    """{"song.lead.musicxml": …}; nothing where there is nothing for a lead sheet."""
    text = dumps(fields, about)
    return {} if text is None else {f"{stem}.lead.musicxml": text}


def dumps(fields: Mapping[str, Any], about: About | None = None) -> bytes | None:
    """The bytes of the lead sheet of melody_notes and chords; None where there can be none."""
    score = _score(fields)
    return None if score is None else _document(score, fields, about or About())


@dataclass
class _Bar:
    """start, length: in parts; beats: of a whole one; beat: how they are written; short: an upbeat; unsure: it may not be one. What
    begins in it, at parts from its start."""

    start: int
    length: int
    beats: int
    beat: _Beat = QUARTER
    short: bool = False
    unsure: bool = False
    sign: tuple[int, bool] | None = None
    harmonies: list[tuple[int, harmony.Chord]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    bpm: float | None = None


@dataclass
class _Score:
    """bars; notes (start, end, pitch) in parts; grid: which beats are cut into three."""

    bars: list[_Bar]
    notes: list[tuple[int, int, int]]
    grid: Grid


# ---- what stands where


def _score(fields: Mapping[str, Any]) -> _Score | None:
    beats, melody, chords = gridded(fields)[0], fields.get("melody_notes"), _chords(fields.get("chords"))
    if beats is None or len(beats) < 2 or not (chords or (isinstance(melody, Notes) and len(melody))):
        return None
    notes = melody if isinstance(melody, Notes) else Notes(np.zeros(0), np.zeros(0), np.zeros(0))
    counted, zero = _begun(beats, float(notes.starts[0]) if len(notes) else math.inf, min((a for a, _ in chords), default=math.inf))
    times = Map(counted)

    def place(time: float) -> float:
        return times.quarter(time - zero)

    starts, ends = [place(t) for t in notes.starts], [place(t) for t in notes.ends]
    bars = list(_bars(times, PARTS * round(place(float(beats.times[-1]))) + PARTS, upbeat=rhythm.positions(counted)[0] != 1))
    onsets = fields.get("onsets")
    heard = (onsets.times if isinstance(onsets, Events) else notes.starts) - zero
    _styled(bars, ternary(counted, heard[heard >= 0]))
    places = dict(zip((PARTS * times.beats // times.ticks).tolist(), rhythm.positions(counted).tolist(), strict=False))
    for i, bar in enumerate(bars):
        known = places.get(bar.start, 0)
        bar.unsure = bar.start <= max(places) and known != 1 and not (known and not i)
    dotted = (range(bar.start, bar.start + bar.length, PARTS) for bar in bars if bar.beat is DOTTED)
    grid = Grid(np.array(starts), frozenset(start // PARTS for bar in dotted for start in bar))
    placed = [(p.start, p.end, round(float(notes.pitches[p.note]))) for p in voice(grid, starts, ends) if p.start >= 0]
    shown = {max(0, _half(bars, place(time))): chord for time, chord in chords}
    end = max(*(end for _, end, _ in placed), *(at + 1 for at in shown), 0)
    while end > bars[-1].start + bars[-1].length:
        bars.append(_Bar(bars[-1].start + bars[-1].length, bars[-1].beats * PARTS, bars[-1].beats, bars[-1].beat))
    for at, chord in shown.items():
        bar = _bar_at(bars, at)
        bar.harmonies.append((at - bar.start, chord))
    lines = np.array([bar.start for bar in bars]) / PARTS

    def nearest(time: float) -> _Bar:
        return bars[int(np.abs(lines - place(time)).argmin())]

    key, sections, tempo = fields.get("key"), fields.get("sections"), fields.get("tempo")
    spans = [(0.0, key.name)] if isinstance(key, Label) else zip(key.starts, key.labels, strict=True) if isinstance(key, Intervals) else []
    signs = [(float(start), sign) for start, label in spans if (sign := harmony.signature(label)) is not None]
    for i, (start, sign) in enumerate(signs):
        (nearest(start) if i else bars[0]).sign = sign
    for start, label in zip(sections.starts, sections.labels, strict=True) if isinstance(sections, Intervals) else ():
        nearest(start).words.append(label)
    for segment in tempo.segments if isinstance(tempo, Tempo) else ():
        nearest(segment.start).bpm = segment.bpm
    bars[0].bpm = bars[0].bpm or main_bpm(fields)
    return _Score(bars, placed, grid)


def _chords(chords: Any) -> list[tuple[float, harmony.Chord]]:
    """(seconds, chord) where another one begins. N.C., and unknown ones, are left out before the first chord."""
    found: list[tuple[float, harmony.Chord]] = []
    for start, label in zip(chords.starts, chords.labels, strict=True) if isinstance(chords, Intervals) else ():
        try:
            chord = harmony.parse(label)
        except AnnotationError:  # a word of another's
            continue
        if found[-1][1] != chord if found else chord.root is not None:
            found.append((float(start), chord))
    return found


def _begun(beats: Events, note: float, chord: float) -> tuple[Events, float]:
    """The beats in seconds from the first of the score, and where that one is: before the first one heard if notes (from the second `note`
    on) or whole beats of a chord need it."""
    gap = float(np.median(np.diff(beats.times[:9])))
    first = float(beats.times[0])
    more = max(*(math.ceil(n) for n in ((first - note) / gap - 0.125, (first - chord) / gap - 0.98) if n > -math.inf), 0)
    place, size = int(rhythm.positions(beats)[0]), next((bar.beats for bar in rhythm.bars(beats)), 4)
    words = [str((place - 1 - k) % size + 1) if place else rhythm.UNKNOWN for k in range(more, 0, -1)]
    zero = first - more * gap
    times = np.concatenate([gap * np.arange(more), beats.times - zero])
    return Events(times, (*words, *(beats.labels or (rhythm.UNKNOWN,) * len(beats)))), zero


def _bars(times: Map, end: int, upbeat: bool) -> Iterator[_Bar]:
    """Bars up to the one that `end` (parts) lies in, from the time signatures that the beats have in MIDI."""
    sizes = {tick * PARTS // times.ticks: n for tick, n, _ in times.bars} or {0: 4}
    starts = sorted(sizes)
    for i, start in enumerate(starts):
        length, stop = PARTS * sizes[start], starts[i + 1] if i + 1 < len(starts) else end
        short = upbeat and i == 0 and len(starts) > 1 and starts[1] == length
        beats = sizes[starts[1]] if short else sizes[start]  # an upbeat has the time signature of what follows
        while start < stop:
            yield _Bar(start, min(length, stop - start) if i + 1 < len(starts) else length, beats, short=short)
            start += length


def _styled(bars: Sequence[_Bar], threes: np.ndarray) -> None:
    """Says how the beats of bars are written; threes: (n,) which beats divide in three. A bar that is cut, or goes on past the last beat,
    is like the one before, an upbeat like the one after it."""
    for i, bar in enumerate(bars):
        own = threes[bar.start // PARTS : (bar.start + bar.length) // PARTS]
        if bar.beats in (6, 9, 12):
            bar.beat = EIGHTH
        elif 1 < bar.beats < 6 and len(own) and own.mean() > 0.5:
            bar.beat = DOTTED
        elif not len(own) and i:
            bar.beat = bars[i - 1].beat
    if len(bars) > 1 and bars[0].short:
        bars[0].beat = bars[1].beat


def _bar_at(bars: Sequence[_Bar], at: int) -> _Bar:
    return bars[max(0, bisect_right(bars, at, key=lambda bar: bar.start) - 1)]


def _half(bars: Sequence[_Bar], beats: float) -> int:
    """The nearest half of a beat, the nearest third of a dotted one, in parts."""
    step = 4 if _bar_at(bars, math.floor(PARTS * beats + 1e-6)).beat is DOTTED else 6
    return step * round(PARTS * beats / step)


# ---- how it is written


def _document(score: _Score, fields: Mapping[str, Any], about: About) -> bytes:
    root = Element("score-partwise", {"version": "4.0"})
    if about.title:
        _text(SubElement(root, "work"), "work-title", about.title)
    made = SubElement(root, "identification")
    if about.artist:
        _text(made, "creator", about.artist).set("type", "artist")
    _text(SubElement(made, "encoding"), "software", f"aural {about.version}".strip())
    _text(SubElement(SubElement(root, "part-list"), "score-part", {"id": "P1"}), "part-name", "Melody")
    part = SubElement(root, "part", {"id": "P1"})
    key, time, printed, number = None, None, None, 0
    doubted = False
    sign = next((bar.sign for bar in score.bars if bar.sign is not None), (0, False))
    for bar in score.bars:
        number += not bar.short
        measure = SubElement(part, "measure", {"number": str(number), **({"implicit": "yes"} if bar.short else {})})
        sign = bar.sign or sign
        changed = bar.sign if bar.sign != key else None
        signed = bar.beats * bar.beat.upper, bar.beat.lower
        timed = signed != time or (not bar.unsure and signed != printed)
        if bar is score.bars[0] or changed or timed:
            attributes = SubElement(measure, "attributes")
            if bar is score.bars[0]:
                _text(attributes, "divisions", UNITS)
            if changed:
                signature = SubElement(attributes, "key")
                _text(signature, "fifths", changed[0])
                _text(signature, "mode", "minor" if changed[1] else "major")
                key = changed
            if timed:
                signature = SubElement(attributes, "time", {"print-object": "no"} if bar.unsure else {})
                _text(signature, "beats", signed[0])
                _text(signature, "beat-type", signed[1])
                time, printed = signed, printed if bar.unsure else signed
            if bar is score.bars[0]:
                _clef(attributes, [pitch for *_, pitch in score.notes])
        for words in bar.words:
            _direction(measure, "rehearsal", words)
        if bar.unsure and not doubted:
            _direction(measure, "words", "?")
        doubted = bar.unsure
        if bar.bpm is not None:
            _tempo(measure, bar.bpm, bar.beat)
        _sounds(measure, bar, score, sign)
    _text(SubElement(measure, "barline", {"location": "right"}), "bar-style", "light-heavy")
    ElementTree.indent(root)
    return DOCTYPE + ElementTree.tostring(root, encoding="utf-8") + b"\n"


def _direction(measure: Element, name: str, words: str) -> None:
    _text(SubElement(SubElement(measure, "direction", {"placement": "above"}), "direction-type"), name, words)


def _text(parent: Element, name: str, text: Any) -> Element:
    made = SubElement(parent, name)
    made.text = line(legal(str(text)))
    return made


def _clef(attributes: Element, pitches: Sequence[int]) -> None:
    middle = float(np.median(pitches)) if pitches else 72.0
    clef = SubElement(attributes, "clef")
    _text(clef, "sign", "F" if middle < DEEP else "G")
    _text(clef, "line", 4 if middle < DEEP else 2)
    if DEEP <= middle < LOW:
        _text(clef, "clef-octave-change", -1)


def _tempo(measure: Element, bpm: float, beat: _Beat) -> None:
    direction = SubElement(measure, "direction", {"placement": "above"})
    metronome = SubElement(SubElement(direction, "direction-type"), "metronome")
    _text(metronome, "beat-unit", beat.name)
    if beat.dotted:
        SubElement(metronome, "beat-unit-dot")
    _text(metronome, "per-minute", f"{bpm:.2f}".rstrip("0").rstrip("."))
    SubElement(direction, "sound", {"tempo": f"{bpm * beat.units * PARTS / UNITS:.2f}"})


def _sounds(measure: Element, bar: _Bar, score: _Score, sign: tuple[int, bool]) -> None:
    """Notes and rests of a bar, harmonies before the one that they begin in."""
    end, at = bar.start + bar.length, bar.start
    spans: list[tuple[int, int, tuple[int, int, int] | None]] = []  # from, to, the whole note
    before = bisect_right(score.notes, bar.start, key=lambda note: note[1])  # of one voice: they end in the order that they start in
    for whole in score.notes[before : bisect_left(score.notes, end, key=lambda note: note[0])]:
        first, last = max(whole[0], bar.start), min(whole[1], end)
        spans += [(at, first, None)] * (first > at)
        spans.append((first, last, whole))
        at = last
    if not spans:
        _harmonies(measure, bar, bar.start, end)
        rest = SubElement(measure, "note")
        SubElement(rest, "rest", {"measure": "yes"})
        _text(rest, "duration", bar.length * bar.beat.units)
        _text(rest, "voice", 1)
        return
    spans += [(at, end, None)] * (end > at)
    for first, last, note in spans:
        for start, length in _values(first, last, bar.beat, score.grid):
            _harmonies(measure, bar, start, start + length)
            _note(measure, start, length, bar.beat, note, sign)


def _values(start: int, end: int, beat: _Beat, grid: Grid) -> Iterator[tuple[int, int]]:
    """(start, length) of the note values that a span is written with: within a beat as it comes, from beat to beat the longest."""
    while start < end:
        rest, over = start % PARTS, end % PARTS
        # A part of a last beat stands alone where it counts in thirds.
        cut = end - over if over and (beat is DOTTED or grid.of_three(end // PARTS)) else end
        most = cut - start if rest == 0 and cut > start else min(end, start - rest + PARTS) - start
        length = most if most in beat.thirds else max(value for value in beat.signs if value <= most)
        yield start, length
        start += length


def _harmonies(measure: Element, bar: _Bar, start: int, end: int) -> None:
    for at, chord in bar.harmonies:
        if start <= bar.start + at < end:
            made = SubElement(measure, "harmony")
            _pitch(SubElement(made, "root"), "root", chord.root or 0)
            if chord.root is None:
                _text(made, "kind", "none").set("text", chord.plain)  # "N.C."; "?" of an unknown one: what was before has ended
                made[0][0].set("text", "")
            else:
                _text(made, "kind", KINDS[chord.quality])
                if chord.bass_place not in (chord.root, None):
                    _pitch(SubElement(made, "bass"), "bass", chord.bass_place)
                _degrees(made, chord)
            if bar.start + at > start:
                _text(made, "offset", (bar.start + at - start) * bar.beat.units)


def _pitch(parent: Element, name: str, place: int) -> None:
    letter, alter = harmony.letter_of(place)
    _text(parent, f"{name}-step", letter)
    if alter:
        _text(parent, f"{name}-alter", alter)


def _degrees(made: Element, chord: harmony.Chord) -> None:
    """Added, altered and left-out ones. An added one counts from a dominant chord, whose seventh is flat: "b7" has no alteration."""
    degrees = [(*harmony.read_degree(degree.removeprefix("*")), degree.startswith("*")) for degree in chord.degrees]
    out = {number for number, _, left_out in degrees if left_out}
    added = {number for number, _, left_out in degrees if not left_out}
    for number, sharps, left_out in degrees:
        kind = "subtract" if left_out else "alter" if number in out else "add"
        if left_out and number in added:  # "7(*5,b5)": the fifth is altered
            continue
        alter = 0 if kind == "subtract" else sharps + (number == 7 and kind == "add")
        about = SubElement(made, "degree")
        for name, value in (("degree-value", number), ("degree-alter", alter), ("degree-type", kind)):
            _text(about, name, value)


def _note(measure: Element, start: int, length: int, beat: _Beat, whole: tuple[int, int, int] | None, sign: tuple[int, bool]) -> None:
    """A note value: of a rest, or of a note (start, end, pitch) and tied to the rest of it."""
    note = SubElement(measure, "note")
    ties: list[str] = []
    if whole is None:
        SubElement(note, "rest")
    else:
        letter, alter, octave = harmony.spelled_pitch(whole[2], *sign)
        pitch = SubElement(note, "pitch")
        _text(pitch, "step", letter)
        if alter:
            _text(pitch, "alter", alter)
        _text(pitch, "octave", octave)
        ties = [kind for kind, there in (("stop", start > whole[0]), ("start", start + length < whole[1])) if there]
    _text(note, "duration", length * beat.units)
    for kind in ties:
        SubElement(note, "tie", {"type": kind})
    _text(note, "voice", 1)
    third = length in beat.thirds
    value, dots = (beat.thirds[length], 0) if third else beat.signs[length]
    _text(note, "type", value)
    for _ in range(dots):
        SubElement(note, "dot")
    if third:
        change = SubElement(note, "time-modification")
        _text(change, "actual-notes", 3)
        _text(change, "normal-notes", 2)
    brackets = [kind for kind, here in (("start", start % PARTS == 0), ("stop", (start + length) % PARTS == 0)) if third and here]
    if ties or brackets:
        notations = SubElement(note, "notations")
        for kind in ties:
            SubElement(notations, "tied", {"type": kind})
        for kind in brackets:
            SubElement(notations, "tuplet", {"type": kind})
