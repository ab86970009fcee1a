"""What a person has put right, kept beside the sound and honoured by every later analysis: song.aural.toml for song.mp3.

    [rhythm]
    bar_starts = [12.480]     # beat 1 is here; one or many
    tempo = "half"            # or "double", or beats a minute: 127.5

    [[rhythm.metre]]          # as often as the metre changes
    from = 0
    beats = 3

    [[harmony.chords]]        # one for each that was heard wrong
    start = 12.480
    end = 14.2
    label = "Am7"             # or A:min7, or N.C.

    [[harmony.keys]]
    start = 0
    end = 61.5
    key = "A minor"           # or A:minor, or N for no key

Conventions   times are seconds from the start of the whole file, whatever part of it is heard
Order         the tempo re-times the beats; then bar starts move them; then metre and bar starts say where bars begin
Harmony       a chord or key holds from its start to its end; of what was heard there, only what lies outside stays
Mistakes      every one is a CorrectionError that names the file, the line and the remedy
More tables   a later one is a reader in `_TABLES` and an attribute of Corrections
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import math
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from . import harmony
from . import rhythm as of_beats
from .annotations import Events, Intervals, Label
from .errors import AnnotationError, AuralError

REACH = 0.07  # seconds: a bar start means the beat that lies as near as this, and does not move it
AROUND = 4  # beats over which a small move fades away
LEVELS = tuple(map(Fraction, ("1/3", "1/2", "2/3", "1", "3/2", "2", "3")))  # tempi that one pulse can be counted in
NEAR = 0.08  # a level is meant where it lies within this share of the given tempo
SLOWEST, FASTEST = 20.0, 400.0  # beats a minute
METRES = range(2, 13)
PULSE = ("beats", "downbeats")  # the fields that [rhythm] speaks of


class CorrectionError(AuralError):
    """A mistake in a sidecar: its file, its line, what is wrong, what to do."""


@dataclass(frozen=True)
class Rhythm:
    """[rhythm]: bar_starts, seconds, sorted; tempo "half", "double", beats a minute or None; metres (from, beats) in time order."""

    bar_starts: tuple[float, ...] = ()
    tempo: str | float | None = None
    metres: tuple[tuple[float, int], ...] = ()

    def cut(self, start: float, end: float) -> Rhythm:
        """What is true of the part from start to end, counted from `start`; a metre goes on into it."""
        before = [(0.0, beats) for time, beats in self.metres if time <= start][-1:]
        inside = [(time - start, beats) for time, beats in self.metres if start < time < end]
        return Rhythm(tuple(b - start for b in self.bar_starts if start <= b < end), self.tempo, (*before, *inside))


Span = tuple[float, float, str]  # start, end, label


@dataclass(frozen=True)
class Harmony:
    """[harmony]: chords (start, end, Harte's label) and keys (start, end, "A:minor" or "N"), in time order; none lies on another."""

    chords: tuple[Span, ...] = ()
    keys: tuple[Span, ...] = ()

    def cut(self, start: float, end: float) -> Harmony:
        """What is true of the part from start to end, counted from `start`."""

        def inside(spans: tuple[Span, ...]) -> tuple[Span, ...]:
            return tuple((max(a, start) - start, min(b, end) - start, label) for a, b, label in spans if b > start and a < end)

        return Harmony(inside(self.chords), inside(self.keys))

    @property
    def fields(self) -> dict[str, tuple[Span, ...]]:
        """The fields of an Example that it speaks of, and what it says of each."""
        return {name: spans for name, spans in (("chords", self.chords), ("key", self.keys)) if spans}


@dataclass(frozen=True)
class Corrections:
    """All that a sidecar says. name: what the file is called; text: what stands in it."""

    name: str
    text: str = ""
    rhythm: Rhythm | None = None
    harmony: Harmony | None = None

    @property
    def fields(self) -> set[str]:
        """The fields of an Example that it speaks of."""
        return {*(PULSE if self.rhythm is not None else ()), *(self.harmony.fields if self.harmony is not None else ())}


# ---- reading


def sidecar(sound: Path) -> Path:
    """Where the corrections of a sound lie, whether there are any or not."""
    return sound.parent / f"{sound.stem}.aural.toml"


def digest(sound: Path) -> str:
    """SHA-256 of the sidecar's bytes; "" where there is none."""
    with contextlib.suppress(OSError):  # reading it will say why, in words
        return hashlib.sha256(sidecar(sound).read_bytes()).hexdigest()
    return "unreadable" if sidecar(sound).exists() else ""


def corrections_of(sound: Path, duration: float = math.inf) -> Corrections | None:
    """What lies beside a sound of that many seconds; None where nothing does. Raises CorrectionError."""
    path = sidecar(sound)
    if not path.exists():
        return None
    return loads(_text(path), path, duration)


def loads(text: str, path: Path, duration: float = math.inf) -> Corrections:
    """The corrections in a sidecar's text; `path` stands in errors. Raises CorrectionError."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        told = re.search(r"^(.*) \(at line (\d+)", str(error))
        line = int(told[2]) if told else max(1, len(text.splitlines()))
        raise CorrectionError(f"{path}:{line}: not TOML ({told[1] if told else error}); write it as: tempo = 127.5") from None
    whole = _Table(_Source(path, text, duration), (), values, _TABLES)
    return Corrections(path.name, text, **{name: read(whole.table(name)) for name, (_, read) in _TABLES.items() if name in values})


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CorrectionError(f"{path}:1: {error.strerror or error}; correct or remove it") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise CorrectionError(f"{path}:{line}: not text in UTF-8; save it as UTF-8") from None


Keys = tuple[str | int, ...]


@dataclass(frozen=True)
class _Source:
    """A sidecar's text, and how long its sound is."""

    path: Path
    text: str
    duration: float

    def error(self, keys: Keys, what: str) -> CorrectionError:
        return CorrectionError(f"{self.path}:{self.line(keys)}: {what}")

    def line(self, keys: Keys) -> int:
        """The line on which a value stands: TOML's parser does not tell, but it knows the value from this line on."""
        lines = self.text.splitlines()
        low, high = 1, max(1, len(lines))
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if _holds(lines[:middle], keys) else (middle + 1, high)
        return low


def _holds(lines: list[str], keys: Keys) -> bool:
    """Do these first lines hold a value? A list that they leave open is closed; where that does not help, lines are left out."""
    for end in range(len(lines), 0, -1):
        for closing in ("", "\n]"):
            try:
                value: Any = tomllib.loads("\n".join(lines[:end]) + closing)
            except tomllib.TOMLDecodeError:
                continue
            for key in keys:
                inside = range(len(value)) if isinstance(value, list) else value if isinstance(value, dict) else ()
                if key not in inside:
                    return False
                value = value[key]
            return True
    return False


class _Table:
    """A table, the way of keys to it, and what may stand in it: {key: what it holds, for errors}."""

    def __init__(self, source: _Source, keys: Keys, values: Any, known: dict[str, Any]) -> None:
        self.source, self.keys, self.values = source, keys, values
        self.name = ".".join(str(key) for key in keys if isinstance(key, str))
        if not isinstance(values, dict):
            raise source.error(keys, f"{self.name} is {_shown(values)}, not a table; write [{self.name}] and its keys below it")
        for key in values:
            if key not in known:
                what, where = ("key", f" in [{self.name}]") if self.name else ("table", "")
                near = difflib.get_close_matches(key, known, n=1, cutoff=0.4)
                offer = f"did you mean {near[0]}?" if near else f"there {'are' if len(known) > 1 else 'is'} {', '.join(known)}"
                raise source.error((*keys, key), f"no {what} {key!r}{where}; {offer}")

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def error(self, key: str, what: str) -> CorrectionError:
        return self.source.error((*self.keys, key), what)

    def table(self, key: str) -> _Table:
        """A table below this one, which `_TABLES` describes."""
        return _Table(self.source, (*self.keys, key), self.values[key], _TABLES[key][0])

    def rows(self, key: str, known: dict[str, Any]) -> list[_Table]:
        """The tables of an array of tables, all of whose keys are there."""
        values = self.values.get(key, [])
        if not isinstance(values, list):
            raise self.error(key, f"{self.name}.{key} is one table; write it in double brackets: [[{self.name}.{key}]]")
        rows = [_Table(self.source, (*self.keys, key, i), value, known) for i, value in enumerate(values)]
        for row in rows:
            for name, what in known.items():
                if name not in row:
                    raise self.source.error(row.keys, f"[[{row.name}]] has no {name}; add {name} = {what}")
        return rows

    def times(self, key: str) -> tuple[float, ...]:
        """Times, one or a list, sorted, each once."""
        values = self.values.get(key, [])
        listed = values if isinstance(values, list) else [values]
        places: list[Keys] = [(*self.keys, key, i) if isinstance(values, list) else (*self.keys, key) for i in range(len(listed))]
        return tuple(sorted({self._time(value, place, key) for value, place in zip(listed, places, strict=True)}))

    def time(self, key: str) -> float:
        """Seconds in the sound."""
        return self._time(self.values[key], (*self.keys, key), key)

    def _time(self, value: Any, keys: Keys, key: str) -> float:
        if not _number(value):
            raise self.source.error(keys, f"{key} holds {_shown(value)}, not a time; write seconds as a number: 12.480")
        if value < 0:
            raise self.source.error(keys, f"{key} {value:g} s lies before the start; times are seconds and start at 0")
        if value > self.source.duration:
            end = self.source.duration
            raise self.source.error(keys, f"{key} {value:g} s lies past the end of the sound ({end:.1f} s); times are seconds, not samples")
        return float(value)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _shown(value: Any) -> str:
    kind = {dict: "a table", list: "a list", bool: str(value).lower()}.get(type(value))
    return kind or repr(value)


def _rhythm(table: _Table) -> Rhythm:
    tempo = table.values.get("tempo")
    if isinstance(tempo, str) and tempo not in ("half", "double"):
        raise table.error("tempo", f'tempo = {tempo!r}; write "half", "double" or beats a minute without quotes: 127.5')
    if tempo is not None and not isinstance(tempo, str):
        if not _number(tempo):
            raise table.error("tempo", f'tempo is {_shown(tempo)}; write "half", "double" or beats a minute: 127.5')
        if not SLOWEST <= tempo <= FASTEST:
            raise table.error("tempo", f"a tempo of {tempo:g}; beats a minute lie in {SLOWEST:g} to {FASTEST:g}")
        tempo = float(tempo)
    metres: dict[float, int] = {}
    for row in table.rows("metre", {"from": "the seconds from which it holds", "beats": "the beats of a bar"}):
        start, beats = row.time("from"), row.values["beats"]
        if not isinstance(beats, int) or isinstance(beats, bool):
            raise row.error("beats", f"beats is {_shown(beats)}; write how many beats a bar has: 3")
        if beats not in METRES:
            raise row.error("beats", f"a metre of {beats} beats; a bar has {METRES[0]} to {METRES[-1]}")
        if start in metres:
            raise row.error("from", f"two metres from {start:g} s; keep one of them")
        metres[start] = beats
    return Rhythm(table.times("bar_starts"), tempo, tuple(sorted(metres.items())))


def _harmony(table: _Table) -> Harmony:
    def key(name: str) -> str:
        if name in ("N", "none"):
            return "N"
        place, minor = harmony.read_key(name)
        return f"{harmony.note_name(place)}:{'minor' if minor else 'major'}"

    chords = _spans(table, "chords", "label", "Am7", lambda name: str(harmony.read_plain(name)))
    return Harmony(chords, _spans(table, "keys", "key", "A minor", key))


def _spans(table: _Table, name: str, word: str, example: str, read: Callable[[str], str]) -> tuple[Span, ...]:
    """The rows of an array of tables with start, end and a word, in time order."""
    made: list[tuple[float, float, str, _Table]] = []
    for row in table.rows(name, {"start": "its first second", "end": "its last second", word: f'"{example}"'}):
        start, end, label = row.time("start"), row.time("end"), row.values[word]
        if end <= start:
            raise row.error("end", f"it ends at {end:g} s, not after its start at {start:g} s; times are seconds in the sound")
        if not isinstance(label, str):
            raise row.error(word, f'{word} is {_shown(label)}; write it in quotes: "{example}"')
        try:
            made.append((start, end, read(label), row))
        except AnnotationError as error:
            raise row.error(word, str(error)) from None
    made.sort(key=lambda span: span[:2])
    for (_, before, label, _), (start, _, other, row) in pairwise(made):
        if start < before - 1e-9:
            raise row.error(
                "start", f"{other} starts at {start:g} s, before {label} ends at {before:g} s; let one end where the other starts"
            )
    return tuple(span[:3] for span in made)


# Tables of a sidecar, each an attribute of Corrections: what may stand in it, and its reader.
_TABLES: dict[str, tuple[dict[str, Any], Callable[[_Table], Any]]] = {
    "rhythm": (dict.fromkeys(("bar_starts", "tempo", "metre")), _rhythm),
    "harmony": (dict.fromkeys(("chords", "keys")), _harmony),
}


# ---- harmony


def harmonised(said: Harmony, fields: Mapping[str, Any], duration: float) -> dict[str, Intervals]:
    """Those of the fields "chords" and "key" that a person speaks of, as they are said to be.

    Args:
        said: with times counted as those of the fields are (`Harmony.cut`).
        fields: as they were heard; what isn't among them stays unsaid. duration: seconds.
    """
    made = {}
    for name, spans in said.fields.items():
        found = fields.get(name)
        if isinstance(found, Label):
            sure = None if found.confidence is None else np.array([found.confidence])
            found = Intervals(np.zeros(1), np.array([duration]), (found.name,), sure)
        if isinstance(found, Intervals):
            made[name] = _replaced(found, spans)
    return made


def _replaced(found: Intervals, spans: Sequence[Span]) -> Intervals:
    """Intervals with some put in their place, of confidence 1. What would be left of one that was heard, if it lasted less than REACH,
    goes with them: an edge as near as this was meant. What is left of one that a person said stays, however short."""
    sure = np.ones(len(found)) if found.confidence is None else found.confidence
    rows = [(*row, False) for row in zip(found.starts.tolist(), found.ends.tolist(), found.labels, sure.tolist(), strict=True)]
    for start, end, label in spans:
        kept = []
        first, last = start, end
        for a, b, word, confidence, person in rows:
            if b <= start or a >= end:
                kept.append((a, b, word, confidence, person))
                continue
            for left, right in ((a, start), (end, b)):
                if right - left >= REACH or (person and right > left):
                    kept.append((left, right, word, confidence, person))
                elif right > left:
                    first, last = min(first, left), max(last, right)
        rows = sorted([*kept, (first, last, label, 1.0, True)])
    starts, ends, labels, confidences, _ = zip(*rows, strict=True)
    return Intervals(np.array(starts), np.array(ends), labels, None if found.confidence is None else np.array(confidences))


# ---- rhythm


def corrected(said: Rhythm, beats: Events, downbeats: Events | None, duration: float) -> tuple[Events, Events]:
    """Beats with their positions, and downbeats, as a person says they are.

    Args:
        said: with times counted as those of the beats are (`Rhythm.cut`).
        beats, downbeats: as they were heard; bars follow from the beats' labels, or from the downbeats.
        duration: seconds; no beat lies past it.

    Returns:
        The corrected ones. Beats that a person moved, added, renumbered or named have confidence 1.
    """
    beats = beats[np.diff(beats.times, prepend=-1.0) > 0.001]
    if downbeats is not None and not of_beats.positions(beats).any():
        beats = of_beats.in_bars(beats, downbeats.times, REACH)
    timed = _retimed(said, beats, duration)
    placed = _moved(timed, said.bar_starts, duration)
    labelled = replace(placed, labels=_positions(said, beats, placed))
    return (done := _sure(labelled, beats, said.bar_starts)), of_beats.downbeats(done)


def _periods(beats: Events) -> np.ndarray:
    """(n,) seconds from beat to beat around each; nothing for fewer than two beats."""
    curve = of_beats.tempo_curve(beats)
    return np.asarray(60.0 / curve.values[0])


def _retimed(said: Rhythm, beats: Events, duration: float) -> Events:
    """Beats at the tempo that a person names, without labels where that changes any."""
    if said.tempo is None:
        return beats
    periods = _periods(beats)
    level = {"half": LEVELS[1], "double": LEVELS[5]}.get(str(said.tempo))
    if level is None and len(periods):
        ratio = float(said.tempo) * float(np.median(np.diff(beats.times))) / 60
        level = min(LEVELS, key=lambda level: abs(math.log(level / ratio)))
        level = level if abs(level / ratio - 1) <= NEAR else None
    if level is None:
        return beats if isinstance(said.tempo, str) else _grid(60 / float(said.tempo), beats, said.bar_starts, duration)
    if level == 1 or not len(periods):
        return beats
    # Beats are counted through gaps, so that an unheard one does not turn "every second" round.
    steps = np.maximum(1, np.rint(np.diff(beats.times) / np.minimum(periods[1:], periods[:-1]))).astype(int)
    count = np.concatenate([[0], np.cumsum(steps)])
    pauses = np.flatnonzero(steps > 4)
    down = beats.times[of_beats.positions(beats) == 1]
    sure = np.ones(len(beats)) if beats.confidence is None else beats.confidence

    def places(phase: int) -> tuple[np.ndarray, np.ndarray]:
        """Numbers and times of the beats that are counted, every 1 / level from phase on."""
        at = np.arange(phase, count[-1] * level.numerator + 1, level.denominator) / level.numerator
        for pause in pauses:
            at = at[(at <= count[pause]) | (at >= count[pause + 1])]
        return at, np.interp(at, count, beats.times)

    def merit(phase: int) -> tuple[float, float, float]:
        at, times = places(phase)
        missed = sum(float(np.abs(times - b).min()) for b in said.bar_starts) if len(times) else math.inf
        hit = [t for t in down if len(times) and np.abs(times - t).min() < 1e-6]
        return -round(missed, 3), len(hit), float(sure[np.isin(count, at)].sum())

    at, times = places(max(range(level.denominator), key=merit))
    heard = dict(zip(count.tolist(), sure, strict=True))
    confidence = None if beats.confidence is None else np.array([heard.get(place, 1.0) for place in at.tolist()])
    return Events(times, None, confidence)


def _grid(period: float, beats: Events, bar_starts: Sequence[float], duration: float) -> Events:
    """A beat each period, through the bar starts, else where the heard beats lie on the whole."""
    if bar_starts:
        first, last = bar_starts[0], bar_starts[-1]
        pieces = [np.linspace(a, b, max(1, round((b - a) / period)), endpoint=False) for a, b in pairwise(bar_starts)]
    elif len(beats):
        first = last = _phase(period, beats)
        pieces = []
    else:
        return beats
    before = first - period * np.arange(math.floor(first / period), 0, -1)
    after = last + period * np.arange(math.floor(max(0.0, duration - last) / period) + 1)
    times = np.concatenate([before, *pieces, after])
    return Events(np.maximum(times, 0.0), None, np.ones(len(times)))


def _phase(period: float, beats: Events) -> float:
    """Where a grid lies, in 0 to a period, so that it meets most of the beats."""
    weights = np.ones(len(beats)) if beats.confidence is None else beats.confidence + 1e-6
    tried = np.linspace(0, period, 200, endpoint=False)
    away = (beats.times - tried[:, None] + period / 2) % period - period / 2
    near = weights * np.exp(-np.square(away / REACH))
    best = int(near.sum(-1).round(6).argmax())
    return float((tried[best] + np.average(away[best], weights=near[best] + 1e-12)) % period)


def _moved(beats: Events, bar_starts: Sequence[float], duration: float) -> Events:
    """Beats with one at each bar start.

    A move of less than a quarter of a beat is a slip: it fades away over a few beats. A larger one means that beats were heard
    beside the beat, so it holds as far as the next bar start. Where no beats are near, some are added.
    """
    if not bar_starts:
        return beats
    if not len(beats):
        return Events(np.array(bar_starts), None, None if beats.confidence is None else np.ones(len(bar_starts)))
    for start in bar_starts:
        beats = _reached(beats, start)
    periods = _periods(beats) if len(beats) > 1 else np.array([math.inf])
    pins: dict[int, float] = {}
    more: list[float] = []
    last = 0.0
    for start in bar_starts:
        nearest = int(np.abs(beats.times - start).argmin())
        near = range(max(0, nearest - 1), min(len(beats), nearest + 2))
        # Half a beat off, the one before and the one after are as near: stay with what the bar start before said.
        i = min(near, key=lambda i: abs(start - float(beats.times[i]) - last))
        i = nearest if abs(start - float(beats.times[i])) > 0.6 * periods[nearest] else i
        by = start - float(beats.times[i])
        if i in pins:  # two bar starts within a beat: the second one brings its own
            more.append(start)
            continue
        pins[i] = by if abs(by) > REACH else 0.0
        last = by if abs(by) > periods[i] / 4 else 0.0
    knots = dict(pins)
    order = sorted(pins)
    for before, i, after in zip([-math.inf, *order], order, [*order[1:], math.inf], strict=False):
        if abs(pins[i]) <= periods[i] / 4:
            knots.update({j: 0.0 for j in (i - AROUND, i + AROUND) if before < j < after})
    at = sorted(knots)
    times = beats.times + np.interp(np.arange(len(beats)), at, [knots[i] for i in at])
    order_ = np.argsort(times, kind="stable")
    inside = order_[(times[order_] >= 0) & (times[order_] <= duration + 1e-9)]
    return _with(Events(times[inside], None, None if beats.confidence is None else beats.confidence[inside]), np.array(more))


def _reached(beats: Events, start: float) -> Events:
    """Beats as far as a bar start that lies where none were heard."""
    periods = _periods(beats)
    if not len(periods):
        return beats if np.abs(beats.times - start).min() <= 0.5 else _with(beats, np.array([start]))
    nearest = int(np.abs(beats.times - start).argmin())
    if abs(start - beats.times[nearest]) <= 0.6 * periods[nearest]:
        return beats
    following = int(np.searchsorted(beats.times, start))
    other = following if following < len(beats) else following - 1
    to = float(beats.times[other])
    steps = max(1, round(abs(to - start) / float(periods[other])))
    return _with(beats, start + (to - start) * np.arange(steps) / steps)


def _with(beats: Events, times: np.ndarray) -> Events:
    """Beats and some more, of confidence 1."""
    every = np.concatenate([beats.times, times])
    order = np.argsort(every, kind="stable")
    sure = None if beats.confidence is None else np.concatenate([beats.confidence, np.ones(len(times))])[order]
    return Events(every[order], None, sure)


def _positions(said: Rhythm, heard: Events, beats: Events) -> tuple[str, ...] | None:
    """The position of each beat in its bar. Without bar starts, what was heard before the first metre change stays."""
    if not len(beats):
        return None if heard.labels is None else ()
    runs = of_beats.metres(heard)

    def metre(time: float) -> int:
        given = [beats for start, beats in said.metres if start <= time + REACH]
        return given[-1] if given else _heard_metre(runs, time)

    def at(time: float) -> int:
        return int(np.abs(beats.times - time).argmin())

    changes = {at(start) for start, _ in said.metres if start > 0 and np.abs(beats.times - start).min() <= REACH}
    ones = changes | ({at(start) for start in said.bar_starts} if said.bar_starts else _heard_ones(said, heard, runs, beats))
    count = _counted(sorted(ones), beats.times, metre)
    words = [str(c) if c else of_beats.UNKNOWN for c in count]
    if not said.bar_starts and said.tempo is None:
        same = of_beats.positions(heard)
        until = said.metres[0][0] - REACH if said.metres else math.inf
        words = [(str(p) if p else of_beats.UNKNOWN) if t < until else w for w, t, p in zip(words, beats.times, same, strict=True)]
    return tuple(words) if any(words) or heard.labels is not None else None


def _heard_metre(runs: Intervals, time: float) -> int:
    """Beats of a bar as heard at a time, or nearest to it; 0 where no bar was."""
    if not len(runs):
        return 0
    away = np.maximum(0, np.maximum(runs.starts - time - REACH, time + REACH - runs.ends))
    return int(runs.labels[int(away.argmin())])


def _heard_ones(said: Rhythm, heard: Events, runs: Intervals, beats: Events) -> set[int]:
    """Beats from which bars are counted where no bar start is given: where a run of bars was heard to begin, and in each stretch
    of a given metre the one that makes most heard downbeats first beats."""
    starts = [start for start in runs.starts if not said.metres or start < said.metres[0][0] - REACH]
    ones = {min(int(np.searchsorted(beats.times, start - REACH)), len(beats) - 1) for start in starts}
    down = of_beats.downbeats(heard)
    weights = np.ones(len(down)) if down.confidence is None else down.confidence + 1e-6
    for (start, size), (end, _) in pairwise([*said.metres, (math.inf, 0)]):
        first, last = (int(np.searchsorted(beats.times, time - REACH)) for time in (start, end))
        if first == last or (start > 0 and abs(beats.times[first] - start) <= REACH):
            continue
        inside = [(int(np.abs(beats.times - t).argmin()), w) for t, w in zip(down.times, weights, strict=True)]
        inside = [(i, w) for i, w in inside if first <= i < last]
        if inside:
            votes = [sum(w for i, w in inside if (i - first) % size == phase) for phase in range(size)]
            best = max(range(size), key=lambda phase: (round(votes[phase], 6), phase == (inside[0][0] - first) % size))
            ones.add(min(first + best, last - 1))
    return ones


def _counted(ones: Sequence[int], times: np.ndarray, metre: Callable[[float], int]) -> np.ndarray:
    """(n,) positions: forwards from each of the ones until the next, backwards from the first; 0 where the metre is not known."""
    count = np.zeros(len(times), dtype=int)
    for one, end in pairwise([*ones, len(times)]):
        count[one] = 1
        i = one
        while i < end and (size := metre(float(times[i]))):
            count[i : min(i + size, end)] = np.arange(1, min(size, end - i) + 1)
            i += size
    i = ones[0] if ones else 0
    while i > 0 and (size := metre(float(times[i - 1]))):
        first = max(0, i - size)
        count[first:i] = np.arange(size - (i - first) + 1, size + 1)
        i = first
    return count


def _sure(beats: Events, heard: Events, bar_starts: Sequence[float]) -> Events:
    """Confidence 1 where a person's word stands: beats that were not heard so, and those of bar starts."""
    if beats.confidence is None:
        return beats
    known = dict(zip(np.round(heard.times, 9).tolist(), of_beats.positions(heard).tolist(), strict=True))
    places = zip(np.round(beats.times, 9).tolist(), of_beats.positions(beats).tolist(), strict=True)
    same = np.array([known.get(time) == place for time, place in places], dtype=bool)
    named = np.array([any(abs(time - start) <= REACH for start in bar_starts) for time in beats.times], dtype=bool)
    return replace(beats, confidence=np.where(same & ~named, beats.confidence, 1.0))


__all__ = [
    "CorrectionError", "Corrections", "Harmony", "Rhythm", "corrected", "corrections_of", "digest", "harmonised", "loads", "sidecar",
]  # fmt: skip
