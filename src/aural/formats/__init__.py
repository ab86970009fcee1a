"""Files of the fields of an Example: written by type, read by a person's own conventions.

write("csv", "song", result, tasks, about)   {file name: bytes}, pure: same fields, same bytes, no dates
always("song", result, tasks)                the files that tasks name by their suffix (song.beats, song.onsets.csv)
read("my.lab", Intervals)                    one annotation of a person's own file
read_fields("song.wav")                      every annotation that lies beside a sound
write_file(path, data)                       whole or not at all

jams        everything in one file, without loss; standard namespaces, the rest in its sandbox
csv         one table a field, with a header
lab         one file a field, as mir_eval reads it
midi        one file: tempo map of the beats, notes, clicks, markers
audacity    one label track a field
sv          one layer of Sonic Visualiser a field
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..annotations import Example
from ..errors import UnknownName
from ..sound import write_file
from ..tasks import Task
from . import audacity, csv, jams, lab, midi, sv
from ._about import About, Used
from ._reading import read, read_fields

__all__ = ["FORMATS", "About", "Format", "Used", "always", "jams", "read", "read_fields", "write", "write_file"]


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
        Format("audacity", "a label track for each field", audacity.files),
        Format("sv", "a layer of Sonic Visualiser for each field", sv.files),
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
    return {**made, **always(stem, result, tasks)} if name == "csv" else made


def always(stem: str, result: Example, tasks: Sequence[Task]) -> dict[str, bytes]:
    """The files that `analyze` always writes: of every task with a suffix whose field is there.

    ".beats" is time and position; a suffix that ends in ".csv" or ".lab" is a table of that kind."""
    made: dict[str, str | None] = {}
    for task in tasks:
        if task.suffix and task.makes in result:
            value, namespace = result[task.makes], task.namespace
            if task.suffix.endswith(".beats"):
                made[stem + task.suffix] = lab.beats(value, result.get("downbeats"))
            elif task.suffix.endswith(".lab"):
                made[stem + task.suffix] = lab.text(value)
            else:
                made[stem + task.suffix] = csv.table(value, namespace, result.get("downbeats")) or None
    return {name: content.encode() for name, content in made.items() if content is not None}


def _chosen(result: Example, tasks: Sequence[Task]) -> dict[str, Any]:
    return {t.makes: result[t.makes] for t in tasks if t.makes in result} if tasks else dict(result)
