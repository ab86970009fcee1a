"""What is asked of every file, checked before the first one is opened; nothing heavy is imported for it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import __version__, corrections, registry, tasks
from ..errors import AuralError, OptionError, UnknownName
from ..formats import FORMATS, SOUNDS
from ..tasks import Task
from ._places import Place

PICTURES = {"html"}  # what is not a format of annotations
VOCABULARIES = ("majmin", "sevenths", "full")


@dataclass(frozen=True)
class Plan:
    """What is done with every file. systems: (system, names of the tasks that it answers); vocabulary: of chords, "" for the system's;
    quantize, bends: what is wanted of MIDI."""

    systems: tuple[tuple[str, tuple[str, ...]], ...]
    formats: tuple[str, ...]
    start: float
    end: float
    device: str
    threads: int
    embed: bool
    out: Path
    made_by: str  # digest of version, options, systems and weights, those too that may be asked for what others read
    vocabulary: str = ""
    quantize: bool = False
    bends: bool = True

    @property
    def tasks(self) -> list[Task]:
        """Asked for, in the order of their names."""
        return [tasks.task(name) for name in sorted(name for _, names in self.systems for name in names)]

    def digest(self, place: Place) -> str:
        """Of everything that the results depend on: the sound's bytes and name, its corrections, and what is done with it; where it
        lies if a format says so."""
        content = ""
        with contextlib.suppress(OSError):  # opening it again will say why, in words
            if place.path.is_file():
                with place.path.open("rb") as file:
                    content = hashlib.file_digest(file, "sha256").hexdigest()
        lies = os.path.abspath(place.path) if "rekordbox" in self.formats else ""
        return _sha(content, place.path.name, self.made_by, corrections.digest(place.path), lies)

    def command(self, file: str) -> str:
        """What one types to get the same answers."""
        words = ["aural", "analyze", file]
        for system, _ in self.systems:
            words += ["--use", system]
        words += ["--vocab", self.vocabulary] if self.vocabulary else []
        words += ["--quantize"] if self.quantize else []
        words += [] if self.bends else ["--no-bends"]
        words += ["--start", f"{self.start:g}"] if self.start else []
        words += ["--end", f"{self.end:g}"] if self.end < math.inf else []
        return shlex.join(words)


def _sha(*words: Any) -> str:
    return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()


def plan_of(
    asked: Sequence[str] | None,
    systems: Sequence[str],
    formats: Sequence[str],
    start: float | None,
    end: float | None,
    device: str,
    threads: int,
    embed: bool,
    out: Path,
    vocabulary: str | None = None,
    quantize: bool = False,
    bends: bool = True,
) -> Plan:
    asked = [asked] if isinstance(asked, str) else asked  # a str is a sequence of its letters, too
    systems, formats = ([one] if isinstance(one, str) else one for one in (systems, formats))
    for name in formats:
        known = {*FORMATS, *SOUNDS, *PICTURES}
        if name not in known:
            raise UnknownName.among("format", name, known)
    first, last = start or 0.0, math.inf if end is None else end
    if not 0 <= first < last:
        raise OptionError(f"start={first:g}, end={last:g}: a part starts at 0 or later and ends after its start")
    if threads < 1:
        raise OptionError(f"threads={threads}: at least 1")
    chosen: dict[str, str] = {}
    for system in systems:
        task = registry_name(system).split("/")[0]
        if chosen.setdefault(task, system) != system:
            raise OptionError(f"{chosen[task]!r} and {system!r} both answer the task {task!r}; choose one of them")
    if asked is None:
        default = [t.name for t in map(tasks.task, tasks.names()) if t.default and set(t.gives) == {"sound"}]
        names = sorted({*default, *chosen})
    else:
        names = sorted({tasks.task(name).name for name in asked} | set(chosen))
    answered: dict[str, tuple[str, ...]] = {}
    for name in names:
        system = chosen.get(name) or _along(name, chosen) or tasks.task(name).default
        if not system:
            others = registry.names(name)
            which = f"name one: --use {others[0]}" if others else "`aural systems` lists those that there are"
            raise AuralError(f"no system answers the task {name!r} by default yet; {which}")
        answered[system] = (*answered.get(system, ()), name)
    if vocabulary:
        _check_vocabulary(vocabulary, next((system for system, names in answered.items() if "chord" in names), ""))
    aids = sorted({task.default for task in map(tasks.task, tasks.names()) if task.default} - set(answered))
    made_by = _sha(
        __version__, sorted(set(formats)), first, repr(last), embed, sorted(answered.items()), [identity(s) for s in (*answered, *aids)],
        *filter(None, [vocabulary, "quantize" if quantize else "", "" if bends else "no bends"]),
    )  # fmt: skip
    ordered = tuple(dict.fromkeys(formats))
    return Plan(tuple(answered.items()), ordered, first, last, device, threads, embed, out, made_by, vocabulary or "", quantize, bends)


def _check_vocabulary(vocabulary: str, system: str) -> None:
    if vocabulary not in VOCABULARIES:
        raise UnknownName.among("vocabulary of chords", vocabulary, VOCABULARIES)
    if not system or "vocabulary" not in registry.card(registry_name(system)).options:
        why = f"{system} has no such option" if system else "no chords are asked for"
        raise OptionError(f"a vocabulary of chords, {vocabulary}, but {why}; ask for chords too, by a system that has one (chord/sheh03)")


def _along(name: str, chosen: Mapping[str, str]) -> str:
    """A chosen system that answers this task as well, where one system answers both by default: bars come with the beats."""
    default = tasks.task(name).default
    family = (system for task, system in sorted(chosen.items()) if tasks.task(task).default == default)
    return next((system for system in family if name in registry.card(registry_name(system)).tasks), "") if default else ""


def split(system: str) -> tuple[str, dict[str, str]]:
    """ "beat/boeck11 decoder=peaks" → its name (or weights file) and options."""
    if registry.is_weights(system):
        return system, {}
    name, *words = system.split()
    options = dict(word.partition("=")[::2] for word in words)
    return name, options


def registry_name(system: str) -> str:
    """The name of a system given by name, with options or as a weights file. Raises UnknownName, WeightsError."""
    name, _ = split(system)
    return str(registry.header(name)["system"]) if registry.is_weights(name) else registry.card(name).name


def identity(system: str) -> tuple[str, str, str]:
    """Name, digest of the weights and of the source file: what the answers of a system depend on."""
    name = registry_name(system)
    given = split(system)[0]
    weights = Path(given) if registry.is_weights(given) else registry.weights_of(name)
    digest = str(registry.header(weights).get("sha256", "")) if weights else ""
    return name, digest, hashlib.sha256(registry.card(name).path.read_bytes()).hexdigest()
