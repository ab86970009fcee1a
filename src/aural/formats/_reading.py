"""Reading annotations that a person has: text as mir_eval reads it, CSV with a header, .beats, Audacity's labels, JAMS, MIDI."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from ..annotations import Curves, Events, Example, Intervals, Label, Notes, Tempo, Text
from ..errors import AnnotationError, UnknownName
from ..tasks import task
from . import jams, midi
from ._words import midi as midi_number

A = TypeVar("A")
Unit = Literal["", "hz", "midi"]

TEXTS = (".beats", ".csv", ".tsv", ".lab", ".txt")
ENDINGS = (".jams", *TEXTS, ".mid", ".midi")

# What a column's name means.
COLUMNS = {
    "time": ("time", "times", "time_s", "seconds", "frame_time"),
    "start": ("start", "onset", "begin", "start_time", "onset_time", "start_s"),
    "end": ("end", "offset", "stop", "end_time", "offset_time", "end_s"),
    "duration": ("duration", "dur", "duration_s"),
    "label": ("label", "value", "name", "chord", "section", "text", "word", "class", "key", "tag", "phone", "speaker", "event_label"),
    "position": ("position", "beat", "beat_position", "beat_number"),
    "midi": ("pitch", "pitch_midi", "midi", "note", "midi_pitch", "note_midi"),
    "hz": ("pitch_hz", "frequency", "frequency_hz", "hz", "f0", "f0_hz"),
    "velocity": ("velocity", "vel"),
    "confidence": ("confidence", "probability", "voiced_prob"),
    "track": ("track", "instrument"),
    "bpm": ("bpm", "tempo"),
}
_MEANING = {name: meaning for meaning, names in COLUMNS.items() for name in names}

# Fields that have no task (yet), by type; those of tasks follow from the JAMS namespace.
_OTHERS: dict[str, type] = {
    "drums": Events, "sections": Intervals, "segments": Intervals, "lyrics": Intervals, "words": Intervals, "phones": Intervals,
    "speakers": Intervals, "sounds": Intervals, "voice": Intervals, "instruments": Intervals, "f0": Curves, "bass": Notes, "text": Text,
    "melody_notes": Notes,
    "beats": Events, "downbeats": Events, "onsets": Events, "chords": Intervals, "key": Intervals, "notes": Notes, "melody": Curves,
    "tempo": Tempo,
}  # fmt: skip


@dataclass(frozen=True)
class _Row:
    """A line of a table, with its number."""

    number: int
    cells: tuple[str, ...]


class _Table:
    """Rows of a text file, and where each meaning stands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        rows = _rows(path)
        self.columns: dict[str, int] = {}
        self.names: tuple[str, ...] = ()
        if rows and _header(rows[0].cells):
            self.names = tuple(cell.strip() for cell in rows[0].cells)
            for i, name in enumerate(self.names):
                self.columns.setdefault(_MEANING.get(_plain(name), name), i)
            rows = rows[1:]
        self.rows = rows
        self.width = min((len(row.cells) for row in rows), default=0)

    def error(self, row: _Row | None, what: str) -> AnnotationError:
        return AnnotationError(f"{self.path}{f':{row.number}' if row else ''}: {what}")

    def number(self, row: _Row, column: int, what: str) -> float:
        """A finite number. Raises AnnotationError, naming file and line."""
        cell = row.cells[column].strip() if column < len(row.cells) else ""
        try:
            value = float(cell.replace(",", ".") if cell.count(",") == 1 and "." not in cell else cell)
        except ValueError:
            raise self.error(row, f"{what} must be a number, not {cell!r}") from None
        if not np.isfinite(value):
            raise self.error(row, f"{what} is {cell}; leave the line out where it is not known")
        return value

    def numbers(self, column: int, what: str) -> np.ndarray:
        return np.array([self.number(row, column, what) for row in self.rows], dtype=float)

    def times(self, column: int, what: str = "time") -> np.ndarray:
        found = self.numbers(column, what)
        if (found < 0).any():
            raise self.error(self.rows[int(np.argmax(found < 0))], f"{what} {found.min():g}: times are seconds and start at 0")
        return found

    def words(self, column: int) -> list[str]:
        return [row.cells[column].strip() if column < len(row.cells) else "" for row in self.rows]

    def optional(self, meaning: str) -> np.ndarray | None:
        """A column of numbers if it is there and full."""
        if meaning not in self.columns or not all(self.words(self.columns[meaning])):
            return None
        return self.numbers(self.columns[meaning], meaning)

    def confidence(self) -> np.ndarray | None:
        found = self.optional("confidence")
        if found is not None and ((found < 0) | (found > 1)).any():
            wrong = self.rows[int(np.argmax((found < 0) | (found > 1)))]
            raise self.error(wrong, "a confidence lies in 0..1")
        return found

    def column(self, *meanings: str, at: int | None = None) -> int:
        """Where the first of these stands: by the header, or at a place where there is none."""
        for meaning in meanings:
            if meaning in self.columns:
                return self.columns[meaning]
        if self.names or at is None:
            has = f"the columns are {', '.join(self.names)}" if self.names else "the file has no header"
            raise self.error(None, f"no column {' or '.join(COLUMNS[meaning][0] for meaning in meanings)}; {has}")
        return at


def _rows(path: Path) -> list[_Row]:
    """Cells by tab, else by comma or semicolon, else by spaces; lines that are empty or start with # are left out."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise AnnotationError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise AnnotationError(f"{path}: not text in UTF-8; save it as UTF-8, or is this another kind of file?") from None
    lines = [(i, line) for i, line in enumerate(text.splitlines(), 1) if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        return []
    mark = _mark(lines[0][1], path.suffix.lower())
    if mark in (",", ";"):
        reader = csv.reader(text.splitlines(keepends=True), delimiter=mark, skipinitialspace=True)
        try:
            rows = [_Row(reader.line_num, tuple(cells)) for cells in reader if any(cells) and not cells[0].lstrip().startswith("#")]
        except csv.Error as error:
            raise AnnotationError(f"{path}:{reader.line_num}: {error}") from None
        return rows
    return [_Row(i, tuple(line.rstrip().split("\t")) if mark else tuple(line.split())) for i, line in lines]


def _mark(line: str, ending: str) -> str:
    """What parts the columns; a comma only where a column's name or a number ends before it (chords hold commas, "C:7(b9,13)")."""
    if "\t" in line:
        return "\t"
    for mark in ";,":
        first = line.split(mark)[0].strip(' "')
        if mark in line and (_is_number(first) or _plain(first) in _MEANING):
            return mark
    return "," if ending == ".csv" else ""


def _plain(name: str) -> str:
    """A column's name as `COLUMNS` has it."""
    return name.strip().lower().replace(" ", "_")


def _header(cells: Sequence[str]) -> bool:
    """Names of columns, of which one must be known: a line of words alone can be a label ("C major")."""
    return not any(map(_is_number, cells)) and any(_plain(cell) in _MEANING for cell in cells)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


# ---- one kind of annotation each


def _events(t: _Table, unit: Unit) -> Events:
    """time · time label · time position · start end label (Audacity's points)."""
    if not t.rows:
        return Events(np.zeros(0))
    times = t.times(t.column("time", "start", at=0))
    labels: list[str] | None = None
    if t.names:
        place = t.columns.get("position", t.columns.get("label"))
        labels = None if place is None or not any(t.words(place)) else t.words(place)
        if labels and "position" in t.columns:
            labels = [_whole(label) for label in labels]
            labels = labels if any(label != "0" for label in labels) else None
    elif t.width > 1:
        second = t.words(1)
        points = second == t.words(0) or (t.width == 3 and all(map(_is_number, second)))
        words = [" ".join(row.cells[2 if points else 1 :]).strip() for row in t.rows]
        labels = words if points else [_whole(word) for word in words]
        labels = labels if any(label not in ("", "0") for label in labels) else None
    order = np.argsort(times, kind="stable")
    sure = t.confidence()
    return Events(times[order], None if labels is None else tuple(labels[i] for i in order), None if sure is None else sure[order])


def _whole(label: str) -> str:
    """A position as our labels have it: "1.0" → "1"; none → "0"."""
    if not label:
        return "0"
    return str(int(float(label))) if _is_number(label) and np.isfinite(float(label)) and float(label).is_integer() else label


def _spans(t: _Table) -> tuple[np.ndarray, np.ndarray]:
    """Starts and ends, in the order of the rows."""
    starts = t.times(t.column("start", "time", at=0), "start")
    if "duration" in t.columns and "end" not in t.columns:
        ends = starts + t.times(t.columns["duration"], "duration")
    else:
        ends = t.times(t.column("end", at=1), "end")
    if (ends < starts).any():
        i = int(np.argmax(ends < starts))
        raise t.error(t.rows[i], f"ends at {ends[i]:g} s before it starts at {starts[i]:g} s; are the columns start, end, label?")
    return starts, ends


def _intervals(t: _Table, unit: Unit) -> Intervals:
    """start end label, the label to the end of the line."""
    if not t.rows:
        return Intervals(np.zeros(0), np.zeros(0), ())
    starts, ends = _spans(t)
    if t.names:
        labels = t.words(t.columns["label"]) if "label" in t.columns else [""] * len(starts)
    else:
        labels = [" ".join(row.cells[2:]).strip() for row in t.rows]
    order = np.argsort(starts, kind="stable")
    sure = t.confidence()
    return Intervals(starts[order], ends[order], tuple(labels[i] for i in order), None if sure is None else sure[order])


def _notes(t: _Table, unit: Unit) -> Notes:
    """start end pitch (velocity)."""
    if not t.rows:
        return Notes(np.zeros(0), np.zeros(0), np.zeros(0))
    starts, ends = _spans(t)
    column = t.column("midi", "hz", at=2)
    pitches = t.numbers(column, "pitch")
    named: Unit = "" if not t.names else "hz" if "midi" not in t.columns else "midi"
    # mir_eval's files are in Hz; whole numbers up to 127 throughout are MIDI numbers.
    said = unit or named or ("midi" if ((pitches <= 127) & (pitches == np.round(pitches))).all() else "hz")
    if said == "hz":
        if (pitches <= 0).any():
            raise t.error(t.rows[int(np.argmax(pitches <= 0))], "a note of 0 Hz or less; leave out what has no pitch")
        pitches = np.array([midi_number(p) for p in pitches])
    if ((pitches < 0) | (pitches > 127.5)).any():
        i = int(np.argmax((pitches < 0) | (pitches > 127.5)))
        raise t.error(
            t.rows[i], f"pitch {t.rows[i].cells[column]} read as {'Hz' if said == 'hz' else 'a MIDI number'}; say unit='hz' or 'midi'"
        )
    order = np.argsort(starts, kind="stable")
    velocities, sure = t.optional("velocity"), t.confidence()
    if not t.names and t.width > 3 and all(map(_is_number, t.words(3))):
        velocities = t.numbers(3, "velocity")
    names: tuple[str, ...] = ()
    tracks = None
    if "track" in t.columns:
        words = t.words(t.columns["track"])
        names = tuple(dict.fromkeys(words))
        tracks = np.array([names.index(word) for word in words])[order]
    return Notes(
        starts[order], ends[order], pitches[order], None if velocities is None else velocities[order],
        None if sure is None else sure[order], tracks, names,
    )  # fmt: skip


def _curves(t: _Table, unit: Unit) -> Curves:
    """time value …; a line without a value is 0 (unvoiced)."""
    if not t.rows:
        return Curves(np.zeros(0), np.zeros((1, 0)))
    time = t.column("time", "start", at=0)
    times = t.times(time)
    order = np.argsort(times, kind="stable")
    keep = [i for i in range(max(len(row.cells) for row in t.rows)) if i != time]
    keep = [i for i in keep if not t.names or i < len(t.names)]
    if t.names and len(keep) > 1 and "hz" in t.columns:
        keep = [t.columns["hz"]]
    if not keep:
        raise t.error(None, "no column of values beside the time")
    values = [[t.number(row, i, "value") if i < len(row.cells) and row.cells[i].strip() else 0.0 for row in t.rows] for i in keep]
    labels = tuple(t.names[i] for i in keep) if t.names else ()
    return Curves(times[order], np.array(values, dtype=float).reshape(len(keep), -1)[:, order], labels if len(labels) > 1 else ())


def _tempo(t: _Table, unit: Unit) -> Tempo:
    """bpm,probability with a header · slower faster weight (mir_eval) · bpm."""
    if t.names:
        bpms = t.numbers(t.column("bpm"), "bpm")
        chances = t.optional("confidence")
        return Tempo(bpms, np.zeros(0) if chances is None else chances)
    if not t.rows:
        return Tempo(np.zeros(0))
    row = t.rows[0]
    found = [t.number(row, i, "tempo") for i in range(len(row.cells))]
    if len(found) < 3:
        return Tempo(np.array([v for v in found if v > 0]))
    pair = sorted([(found[2], found[0]), (1 - found[2], found[1])], reverse=True)
    known = [(weight, bpm) for weight, bpm in pair if bpm > 0]
    return Tempo(np.array([bpm for _, bpm in known]), np.array([weight for weight, _ in known]))


def _label(t: _Table, unit: Unit) -> Label:
    """The words of the first line; "C major" is the key C:major."""
    if not t.rows:
        raise t.error(None, "is empty; a label was wanted")
    if t.names:
        sure = t.confidence()
        return Label(t.words(t.column("label"))[0], None if sure is None else float(sure[0]))
    words = " ".join(t.rows[0].cells).split()
    is_key = len(words) == 2 and re.fullmatch(r"[A-G][b#]?", words[0]) and words[1].lower() in ("major", "minor")
    return Label(f"{words[0]}:{words[1].lower()}" if is_key else " ".join(words))


_READERS: dict[type, Callable[[_Table, Unit], Any]] = {
    Events: _events, Intervals: _intervals, Notes: _notes, Curves: _curves, Tempo: _tempo, Label: _label,
}  # fmt: skip


def read(path: Path | str, kind: type[A], namespace: str = "", unit: Unit = "") -> A:
    """One annotation of a file.

    Args:
        path: .jams; .mid; else text: mir_eval's formats, .beats, Audacity's labels, CSV with a header (time, start, end, onset,
            offset, label, pitch, velocity, position, confidence, f0_hz …). Rows may stand in any order.
        kind: Events, Intervals, Notes, Curves, Tempo, Label or Text.
        namespace: of JAMS, where a file holds several annotations of the kind ("chord"); or a field's name ("chords").
        unit: of pitches, "hz" or "midi". Default: what the header says (pitch is MIDI, f0_hz is Hz); without one, whole numbers
            up to 127 throughout are MIDI and all else is Hz, as in mir_eval.

    Raises:
        AnnotationError: names the file and the line.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending in (".jams", ".mid", ".midi"):
        fields = _whole_file(path)
        field = jams._FIELDS.get(namespace, namespace)
        field = "sections" if field.startswith("segment") and field not in fields else field
        for name, value in fields.items():
            if isinstance(value, kind) and (not namespace or name in (field, namespace)):
                return value
        wanted = f"{namespace} ({kind.__name__})" if namespace else kind.__name__
        raise AnnotationError(f"{path}: holds no {wanted}, only {', '.join(fields) or 'nothing'}")
    if kind is Text:
        return kind(_text(path))  # type: ignore[call-arg]
    if kind not in _READERS:
        raise TypeError(f"{kind.__name__} is not read from files; {', '.join(k.__name__ for k in _READERS)} are")
    made: A = _READERS[kind](_Table(path), unit)
    return made


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise AnnotationError(f"{path}: can't be read as text in UTF-8: {error}") from None


def _whole_file(path: Path) -> Example:
    try:
        data = path.read_bytes()
        return jams.loads(data.decode("utf-8-sig"), str(path)) if path.suffix.lower() == ".jams" else midi.loads(data, str(path))
    except OSError as error:
        raise AnnotationError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise AnnotationError(f"{path}: not JAMS: it is not text in UTF-8") from None


# ---- every field


def read_fields(path: Path | str) -> Example:
    """Every annotation of a file (song.jams, song.mid, song.beats, song.chords.lab, song.csv), or of all files that lie beside a
    sound ("song.wav", or "song" alone).

    A file's field is the word before its ending, a field's or a task's name; without one the columns tell: positions are
    beats, pitches notes, f0_hz the melody, spans chords where every label is one, else sections, plain times onsets. Beside a sound, single
    files count before the JAMS file: they are easier to correct by hand.

    Raises:
        AnnotationError: names the file and the line.
    """
    path = Path(path)
    if path.suffix.lower() in ENDINGS:
        return _fields(path)
    stem = path if not path.suffix or not path.is_file() else path.with_suffix("")
    example = Example()
    for place in _beside(stem):
        example.update(_fields(place))
    return example


def _beside(stem: Path) -> Iterator[Path]:
    words = ["", *dict.fromkeys([*_OTHERS, *(name.rstrip("s") for name in _OTHERS)])]
    for ending in (".jams", ".mid", ".midi", *TEXTS):
        for word in words if ending in TEXTS else ["", "notes"]:
            for middle in (word, f"{word}.audacity") if word and ending == ".txt" else (word,):
                place = stem.with_name(f"{stem.name}{'.' if middle else ''}{middle}{ending}")
                if place.is_file():
                    yield place


def _fields(path: Path) -> Example:
    if path.suffix.lower() in (".jams", ".mid", ".midi"):
        return _whole_file(path)
    name = _field_name(path)
    if not name:
        t = _Table(path)
        name = _guess(t)
        return Example({name: _READERS[_OTHERS[name]](t, "")}) if name else Example()
    kind = _OTHERS.get(name) or _type_of(name)
    return Example({name: _lenient(path, name, kind)}) if kind else Example()


def _field_name(path: Path) -> str:
    """song.chords.lab → chords, song.chord.lab → chords, song.beats → beats, song.lab → ""."""
    parts = path.name.lower().removesuffix(".audacity.txt").split(".")
    if path.suffix.lower() == ".beats":
        return "downbeats" if len(parts) > 2 and parts[-2] == "downbeats" else "beats"
    word = parts[-1] if path.name.lower().endswith(".audacity.txt") else parts[-2] if len(parts) > 2 else ""
    if not word:
        return ""
    if word in _OTHERS:
        return word
    try:
        return task(word).makes
    except UnknownName:
        return f"{word}s" if f"{word}s" in _OTHERS else ""


def _type_of(name: str) -> type | None:
    """The type of a field that only a task knows, by its JAMS namespace."""
    by_space = {"beat": Events, "onset": Events, "chord": Intervals, "key_mode": Intervals, "note_midi": Notes, "pitch_contour": Curves}
    space = task(name).namespace
    return by_space.get(space) or (Intervals if space.startswith(("segment", "tag")) else None)


def _lenient(path: Path, name: str, kind: type) -> Any:
    """A field can have two shapes: a key is a span each, or one label for the whole; a drum track is events or notes."""
    t = _Table(path)
    starts = "start" in t.columns or (not t.names and t.width >= 3 and all(map(_is_number, [c for row in t.rows for c in row.cells[:2]])))
    if name in ("key", "sounds", "voice", "instruments") and not starts and t.rows:
        kind = Label
    if kind is Events and "midi" in t.columns:
        kind = Notes
    if kind is Text:
        return Text(_text(path))
    return _READERS[kind](t, "")


def _guess(t: _Table) -> str:
    """The field of a table from its columns."""
    if not t.rows:
        return ""
    if t.names:
        chord = any(name.lower() == "chord" for name in t.names)
        for meaning, name in (("position", "beats"), ("midi", "notes"), ("bpm", "tempo")):
            if meaning in t.columns:
                return name
        if "hz" in t.columns:
            return "notes" if "start" in t.columns and "end" in t.columns else "melody"
        if "label" in t.columns and "start" in t.columns:
            return "chords" if chord or _all_chords(t.words(t.columns["label"])) else "sections"
        return "onsets" if "time" in t.columns else ""
    numbers = [all(map(_is_number, t.words(i))) for i in range(t.width)]
    if numbers[:2] == [True, True] and t.width >= 3:
        if not numbers[2]:
            return "chords" if _all_chords([" ".join(row.cells[2:]).strip() for row in t.rows]) else "sections"
        return "notes"
    if numbers == [True, True]:
        second = np.array(t.words(1), dtype=float)
        return "beats" if ((second >= 0) & (second <= 32) & (second == np.round(second))).all() and second.any() else "melody"
    return "onsets" if numbers[:1] == [True] and t.width == 1 else ""


def _all_chords(labels: Sequence[str]) -> bool:
    return all(jams.CHORD.fullmatch(label) for label in labels)
