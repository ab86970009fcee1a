"""Files of the fields of an Example: written by type, read by a person's own conventions.

write("csv", "song", result, tasks, about)   {file name: bytes}, pure: same fields, same bytes, no dates
always("song", result, tasks, about)         the files that tasks name by their suffix (song.beats, song.onsets.csv)
render("clicks", "song", result, path, sound)   {file name: what writes it}, of formats that hold the sound itself
read("my.lab", Intervals)                    one annotation of a person's own file
read_fields("song.wav")                      every annotation that lies beside a sound
write_file(path, data)                       whole or not at all

jams        everything in one file, without loss; standard namespaces, the rest in its sandbox
csv         one table a field, with a header
lab         one file a field, as mir_eval reads it
midi        one file: tempo map of the beats, notes, clicks, markers
musicxml    a lead sheet: melody, chords, key and metre in bars
audacity    one label track a field, and bars and metre
sv          one layer of Sonic Visualiser a field, and bars and metre
rekordbox   a track with its beat grid, key and cues
reaper      markers and regions, and a project whose tempo map follows the beats
clicks      the sound with clicks on its beats
tag         a copy of the sound file with its beats a minute and its key as tags
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..annotations import Example, Tempo
from ..errors import UnknownName
from ..sound import Recording, Sound, write_file
from ..tasks import Task
from . import audacity, clicks, csv, jams, lab, midi, musicxml, reaper, rekordbox, sv, tag, tempo
from ._about import About, Used
from ._bars import main_bpm
from ._reading import read, read_fields

__all__ = [
    "FORMATS",
    "SOUNDS",
    "About",
    "Format",
    "SoundFormat",
    "Used",
    "always",
    "jams",
    "main_bpm",
    "read",
    "read_fields",
    "rekordbox",
    "render",
    "write",
    "write_file",
]


@dataclass(frozen=True)
class Format:
    """name, as --format takes it; title, a line for help; files(stem, fields, namespaces, about) → {file name: bytes}."""

    name: str
    title: str
    files: Callable[[str, Mapping[str, Any], Mapping[str, str], About], dict[str, bytes]]


FORMATS: dict[str, Format] = {
    format_.name: format_
    for format_ in (
        Format("jams", "everything in one file, with confidence and how it was made", jams.files),
        Format("csv", "a table with a header for each field", csv.files),
        Format("lab", "start, end, label; times and values as mir_eval reads them", lab.files),
        Format("midi", "notes, clicks and markers on a tempo map that follows the beats", midi.files),
        Format("musicxml", "a lead sheet: melody and chords in bars", musicxml.files),
        Format("audacity", "a label track for each field", audacity.files),
        Format("sv", "a layer of Sonic Visualiser for each field", sv.files),
        Format("rekordbox", "beat grid, key and cues as DJ programs import them", rekordbox.files),
        Format("reaper", "markers, regions and a project with a tempo map", reaper.files),
    )
}


@dataclass(frozen=True)
class SoundFormat:
    """A format that holds the sound: files(stem, fields, path, sound, about) → {file name: what writes it, whole or not at all}, and
    a note for a person where a file can't be made."""

    name: str
    title: str
    files: Callable[[str, Mapping[str, Any], Path, Recording | Sound, About], tuple[dict[str, Callable[[Path], None]], str]]


SOUNDS: dict[str, SoundFormat] = {
    format_.name: format_
    for format_ in (
        SoundFormat("clicks", "the sound with clicks on its beats", clicks.files),
        SoundFormat("tag", "a copy of the sound file with its BPM and key as tags", tag.files),
    )
}


def write(name: str, stem: str, result: Example, tasks: Sequence[Task] = (), about: About | None = None) -> dict[str, bytes]:
    """The files of one format.

    Args:
        name: one of FORMATS. stem: what the files' names begin with.
        result: fields; those that a format can't hold (a curve as labels, sound anywhere) are left out.
        tasks: whose fields are written, in this order; none: all fields.
        about: what the files say of the sound and of how they were made.

    Returns:
        {file name: content}; nothing has been written yet.

    Raises:
        UnknownName: no such format.
    """
    if name not in FORMATS:
        raise UnknownName.among("format", name, FORMATS)
    made = FORMATS[name].files(stem, _chosen(result, tasks), {t.makes: t.namespace for t in tasks}, about or About())
    return {**made, **always(stem, result, tasks, about)} if name == "csv" else made


def render(
    name: str, stem: str, result: Example, path: Path, sound: Recording | Sound, tasks: Sequence[Task] = (), about: About | None = None
) -> tuple[dict[str, Callable[[Path], None]], str]:
    """The files of one format that holds the sound, made when they are written.

    Args:
        name: one of SOUNDS. stem, result, tasks, about: as for `write`; times count from the start of `sound`.
        path: the sound file. sound: what was heard of it.

    Returns:
        {file name: what writes it to the path that it is given}, and a note where there can be no file, else "".

    Raises:
        UnknownName: no such format. A writer raises OutputError.
    """
    if name not in SOUNDS:
        raise UnknownName.among("format", name, SOUNDS)
    return SOUNDS[name].files(stem, _chosen(result, tasks), path, sound, about or About())


def always(stem: str, result: Example, tasks: Sequence[Task], about: About | None = None) -> dict[str, bytes]:
    """The files that `analyze` always writes: of every task with a suffix whose field is there.

    ".beats" is time and position, ".tempo.json" candidates, segments and curve; a suffix that ends in ".mid" is MIDI of all notes on the
    tempo map of the beats, one in ".csv" or ".lab" a table of that kind."""
    made: dict[str, bytes | str | None] = {}
    for task in tasks:
        if task.suffix and task.makes in result:
            value, namespace = result[task.makes], task.namespace
            if task.suffix.endswith(".beats"):
                made[stem + task.suffix] = lab.beats(value, result.get("downbeats"))
            elif isinstance(value, Tempo):
                made[stem + task.suffix] = tempo.dumps(value)
            elif task.suffix.endswith(".mid"):
                made[stem + task.suffix] = midi.notes(result, about)
            elif task.suffix.endswith(".lab"):
                made[stem + task.suffix] = lab.text(value)
            else:
                made[stem + task.suffix] = csv.table(value, namespace, result.get("downbeats")) or None
    known = ((name, content) for name, content in made.items() if content is not None)
    return {name: content.encode() if isinstance(content, str) else content for name, content in known}


def _chosen(result: Example, tasks: Sequence[Task]) -> dict[str, Any]:
    return {t.makes: result[t.makes] for t in tasks if t.makes in result} if tasks else dict(result)
