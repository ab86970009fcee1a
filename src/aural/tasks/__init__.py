"""What is asked of a sound. One file a task; the file is found by its name, nothing is registered.

A task says which fields it is given and which it makes, how two answers are compared, and how the answer is shown and
written. Command line, files, metrics and the report's lanes follow from that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from ..errors import UnknownName


@dataclass(frozen=True)
class Lane:
    """How the report draws a field.

    kind: events (ticks), spans (labelled boxes), curve, roll (notes), picture; sonify: what a click on the loudspeaker
    plays ("" for nothing); sonified words are played by WebAudio at the events,
    and "tone" on spans plays chords as pads.
    """

    kind: Literal["events", "spans", "curve", "roll", "picture"]
    title: str
    sonify: Literal["", "click", "tone"] = ""
    height: int = 28


@dataclass(frozen=True)
class Task:
    """A question.

    Attributes:
        name: the task's and its file's name, the folder of its systems.
        title: one line for help and tables.
        gives: fields that the systems are given, and their types.
        makes: the field(s) that they make.
        default: name of the system that answers where none is named.
        score: (reference, estimate) → {METRIC: value}; rates in 0..1; the figures the house reports.
        full: (reference, estimate) → the whole set of mir_eval, named and valued as mir_eval does.
        lane: how the report draws it.
        suffix: of the file that `analyze` always writes (".beats"); "" for none.
        namespace: of JAMS.
    """

    name: str
    title: str
    gives: Mapping[str, type]
    makes: str
    default: str = ""
    score: Callable[[Any, Any], dict[str, float]] | None = None
    full: Callable[[Any, Any], dict[str, float]] | None = None
    lane: Lane | None = None
    suffix: str = ""
    namespace: str = ""
    plural: str = field(default="", kw_only=True)

    def __repr__(self) -> str:
        return f"Task({self.name!r})"


def names() -> list[str]:
    """Names of all tasks."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.name.startswith("_"))


def task(name: str) -> Task:
    """The task of that name, or of the field it makes ("beats" → beat). Raises UnknownName, offering the nearest."""
    known = names()
    if name not in known:
        makers = {t.makes: t.name for t in map(task, known)}
        if name not in makers:
            raise UnknownName.among("task", name, [*known, *makers])
        name = makers[name]
    found: Task = getattr(import_module(f"{__name__}.{name}"), name)
    return found


def maker(field_name: str) -> Task | None:
    """The task that makes a field, if any."""
    return next((t for t in map(task, names()) if t.makes == field_name), None)
