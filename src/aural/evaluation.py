"""Scoring: a person's own files, a system on a source, a peer's estimates on a source; all through the tasks' own measures.

    score_files("song.beats", "mine.txt")                     # mir_eval's full set, its names and its values
    report = evaluate("beat", "mdb_drums")                    # the default system of a task, or a system by name
    report = evaluate("beat", "mdb_drums", estimates="peers") # files peers/NAME.beats|.csv|.txt|.lab|.jams|.json
    print(report); report.to_json()

Intervals     the mean over pieces and its 95 % percentile bootstrap interval, pieces resampled 2000 times with a fixed seed
Empty         mir_eval's answer (0) and a note in the report; a piece that fails is named with its reason and not scored
Files         read by `aural.formats`: mir_eval's text formats, LAB, CSV with a header, .beats, JAMS, MIDI; and JSON with a list of
              times or of [time, position]
"""

from __future__ import annotations

import json
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import tasks
from .annotations import Curves, Events, Example, Intervals, Label, Notes, Tempo
from .data import Pieces, Source, source
from .errors import AuralError, DataError
from .tasks import Task

if TYPE_CHECKING:
    from .system import System

RESAMPLES = 2000


@dataclass(frozen=True)
class Figure:
    """A mean over n pieces with the ends of its 95 % interval."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Piece:
    """One piece's scores."""

    name: str
    strata: tuple[str, ...]
    scores: dict[str, float]


@dataclass(frozen=True)
class Report:
    """What an evaluation found: scores piece by piece, and what could not be scored.

    failures: (piece, reason); notes: lines a reader should know, such as references without events.
    """

    system: str
    source: str
    task: str
    pieces: tuple[Piece, ...]
    failures: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def strata(self) -> list[str]:
        """Names of the groups that are reported apart, sorted: those of two pieces or more, but not of all."""
        count = Counter(stratum for piece in self.pieces for stratum in set(piece.strata))
        return sorted(stratum for stratum, n in count.items() if 1 < n < len(self.pieces))

    def figures(self, stratum: str = "") -> dict[str, Figure]:
        """{metric: figure} over all pieces, or over those of one stratum."""
        chosen = [piece for piece in self.pieces if not stratum or stratum in piece.strata]
        metrics = dict.fromkeys(metric for piece in chosen for metric in piece.scores)
        return {metric: bootstrap([p.scores[metric] for p in chosen if metric in p.scores]) for metric in metrics}

    def worst(self, n: int = 3) -> list[tuple[str, float]]:
        """The n lowest pieces by the first metric."""
        metric = next(iter(self.figures()), "")
        ranked = sorted((piece.scores[metric], piece.name) for piece in self.pieces if metric in piece.scores)
        return [(name, value) for value, name in ranked[:n]]

    def to_json(self) -> dict[str, Any]:
        """{"system", "source", "figures": {METRIC: {"value", "low", "high", "n"}}}, over all pieces."""
        return {"system": self.system, "source": self.source, "figures": {metric: vars(f) for metric, f in self.figures().items()}}

    def __str__(self) -> str:
        figures = self.figures()
        metrics = list(figures)
        rows = [["", "n", *metrics]]
        for stratum in ["", *self.strata]:
            found = self.figures(stratum)
            cells = [f"{f.value:.3f} [{f.low:.3f}, {f.high:.3f}]" for f in found.values()]
            rows.append([stratum or "all", str(max((f.n for f in found.values()), default=0)), *cells])
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = [f"{self.system} on {self.source}: mean over pieces and 95 % interval", ""]
        lines += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        lines += ["", f"lowest {' '.join(metrics[:1])}: " + ", ".join(f"{name} {value:.3f}" for name, value in self.worst())]
        lines += [f"not scored: {name}: {reason}" for name, reason in self.failures]
        return "\n".join([*lines, *self.notes])


def bootstrap(values: Sequence[float], seed: int = 0) -> Figure:
    """The mean of some pieces' values and the 2.5th and 97.5th percentile of means of resampled pieces."""
    array = np.asarray(values, dtype=np.float64)
    chosen = np.random.default_rng(seed).integers(len(array), size=(RESAMPLES, len(array)))
    low, high = np.percentile(array[chosen].mean(1), [2.5, 97.5])
    return Figure(float(array.mean()), float(low), float(high), len(array))


def evaluate(
    system: str | System,
    on: str | Path | Source,
    estimates: Path | str | None = None,
    progress: Callable[[float], None] | None = None,
    limit: int | None = None,
    task: str | Task = "",
) -> Report:
    """A system over the test split of a source, scored piece by piece.

    Args:
        system: a system's name or weights file, a task's name (its default system), or a system already built.
        on: name of a source (`aural.data.source`), or a source.
        estimates: a folder of a peer's answers, DIR/NAME.beats|.csv|.txt|.lab|.jams|.json; then no system is run.
        progress: called with the share done, in 0..1.
        limit: the first so many pieces only.
        task: which of its tasks, of a system that answers several; default: the first. Or one of them with a measure of your own.

    Raises:
        AuralError: an unknown name, a task that no system answers yet, nothing that could be scored.
    """
    asked = task if isinstance(task, Task) else tasks.task(task) if task else _task_of(system)
    label, answer = _answers(system, asked, Path(estimates) if estimates is not None else None)
    examples = source(on, "test", asked.name) if isinstance(on, str | Path) else on
    size = examples.size if limit is None else min(examples.size, limit)
    pieces, failures, without, empty = [], [], [], []
    for i in range(size):
        name = examples.pieces[i][0] if isinstance(examples, Pieces) else f"piece {i}"
        try:
            example = examples(i)
            name = str(example.get("name", name))
            if asked.makes not in example:
                without.append(name)
                continue
            truth, found = example[asked.makes], answer(example)
            with quiet():
                scores = _scorer(asked)(truth, found)
            pieces.append(Piece(name, tuple(example.get("strata", ())), {k: v for k, v in scores.items() if np.isfinite(v)}))
            if hasattr(truth, "__len__") and not len(truth):
                empty.append(name)
        except Exception as error:  # one bad piece must not lose the others; its reason is in the report
            failures.append((name, str(error) if isinstance(error, AuralError) else f"{type(error).__name__}: {error}"))
        if progress:
            progress((i + 1) / size)
    if not pieces:
        reason = f"{failures[0][0]}: {failures[0][1]}" if failures else f"no piece of {on} has {asked.makes!r} to compare with"
        raise DataError(f"nothing could be scored on {on}; {reason}")
    notes = [f"without {asked.makes}, left out: {', '.join(without)}"] if without else []
    notes += [f"nothing in the reference, scored 0 by mir_eval: {', '.join(empty)}"] if empty else []
    where = str(on) if isinstance(on, str | Path) else examples.name
    return Report(label, where, asked.name, tuple(pieces), tuple(failures), tuple(notes))


def _task_of(system: str | System) -> Task:
    """The task that is meant by a task's, a system's or a weights file's name."""
    if not isinstance(system, str):
        return system.task
    if system.endswith(".safetensors"):
        from .system import read_weights

        return tasks.task(str(read_weights(system)[1]["system"]).split("/")[0])
    return tasks.task(system.split("/")[0])


def _answers(system: str | System, task: Task, estimates: Path | None) -> tuple[str, Callable[[Example], Any]]:
    """What the report calls the answerer, and example → its answer, never seeing more than the task gives."""
    if estimates is not None:
        if not estimates.is_dir():
            raise DataError(
                f"{estimates}: no such folder of estimates; it holds one file a piece, NAME.beats, .csv, .txt, .lab, .jams or .json"
            )
        return estimates.name, lambda example: read_answer(_file_of(estimates, str(example["name"]), task), task)
    if isinstance(system, str):
        name = system if "/" in system or system.endswith(".safetensors") else task.default
    else:
        name = " ".join([system.name, *(f"{option}={value}" for option, value in system.options.items())])
    if not name:
        raise AuralError(
            f"no system answers the task {task.name!r} by default yet; "
            "name one (`aural systems`), or score a peer's files with --estimates DIR"
        )
    from .running import run
    from .system import load

    loaded = load(name) if isinstance(system, str) else system
    if task.name not in [t.name for t in loaded.tasks]:
        raise AuralError(f"{name} does not answer the task {task.name!r}, but {', '.join(t.name for t in loaded.tasks)}")
    return name, lambda example: run(loaded, {field: example[field] for field in task.gives if field in example})[task.makes]


def _scorer(task: Task) -> Callable[[Any, Any], dict[str, float]]:
    if task.score is None:
        raise AuralError(f"the task {task.name!r} has no measure")
    return task.score


@contextmanager
def quiet() -> Iterator[None]:
    """mir_eval warns of what a report says in its own words; errors pass."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


# ---- a person's own files


def score_files(reference: Path | str, estimate: Path | str, task: str = "") -> dict[str, float]:
    """mir_eval's whole set of figures for two files, under its names.

    Args:
        reference, estimate: mir_eval's text formats, LAB, CSV with a header, .beats, JAMS, JSON, MIDI.
        task: beat, downbeat, onset, tempo, key, chord, melody or note; "" guesses from the files.

    Raises:
        DataError: a file that can't be read as an answer to the task, or a task that can't be guessed.
    """
    reference, estimate = Path(reference), Path(estimate)
    asked = tasks.task(task or guess(reference, estimate))
    sides = [read_answer(path, asked) for path in (reference, estimate)]
    assert asked.full is not None
    from mir_eval.chord import InvalidChordException

    try:
        with quiet():
            return {name: float(value) for name, value in asked.full(*sides).items()}
    except (ValueError, InvalidChordException) as error:  # mir_eval's checks: notes without length, labels that it does not know
        raise DataError(f"{reference} against {estimate} as {asked.plural or asked.name}: {error}") from None


def guess(*paths: Path) -> str:
    """The task that files answer, from their names' endings, then from what stands in them. Raises DataError."""
    for path in paths:
        name = path.name.lower()
        found = next((task for word, task in _ENDINGS.items() if word in name[max(0, name.find(".")) :]), "")
        if found:
            return found
    found = next(filter(None, map(_guess_text, paths)), "")
    if found:
        return found
    fields = [set(_fields(path)) for path in paths]
    shared = set.intersection(*fields)
    if all(path.suffix.lower() in _TEXTS for path in paths) and shared == {"onsets"}:  # plain times: onsets, or beats?
        words = " ".join(path.stem.lower() for path in paths)
        return "beat" if "beat" in words else "onset" if "onset" in words else _unclear(paths)
    answered = (n for n in (*_GUESSED, "melody_note", "bass", "pitch") if tasks.task(n).makes in shared)
    return next(answered, "") or _unclear(paths)


def _unclear(paths: Sequence[Path]) -> str:
    names = ", ".join(str(path) for path in paths)
    raise DataError(f"{names}: can't tell what these answer; say it: --task {'|'.join(_GUESSED)}")


_GUESSED = ("beat", "onset", "chord", "note", "melody", "key", "tempo")  # in this order, where a file has several
_TEXTS = (".txt", ".csv", ".tsv", ".lab", "")
_ENDINGS = {
    ".downbeats": "downbeat",
    ".beat": "beat",
    ".onset": "onset",
    ".tempo": "tempo",
    ".bpm": "tempo",
    ".key": "key",
    ".chord": "chord",
    ".melody_notes": "melody_note",  # before .melody
    ".melody": "melody",
    ".bass": "bass",
    ".pitches": "pitch",
    ".f0": "melody",
    ".note": "note",
    ".mid": "note",
    ".lab": "chord",  # last: song.notes.lab says what it is
}


def _guess_text(path: Path) -> str:
    """A key or a tempo is one line without a header: C major, or bpm bpm weight."""
    lines = _lines(path) if path.suffix.lower() in _TEXTS else []
    words = re.split(r"[\s,;:]+", lines[0]) if len(lines) == 1 else []
    if len(words) == 2 and re.fullmatch(r"[A-Ga-g][b#]?", words[0]) and words[1].lower() in ("major", "minor"):
        return "key"
    numbers = [float(word) for word in words if re.fullmatch(r"\d+(\.\d*)?", word)]
    return "tempo" if len(words) == len(numbers) == 3 and numbers[2] <= 1 and numbers[1] > numbers[0] + 1 else ""


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: can't be read as text: {error}") from None
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def read_answer(path: Path, task: Task) -> Any:
    """What a file answers to a task. Raises AuralError, naming file and remedy."""
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    if path.suffix.lower() in (".jams", ".json", ".mid", ".midi"):
        return _of_fields(_fields(path), task, path)
    from .formats import read

    if task.makes not in _KINDS:
        raise DataError(f"{path}: answers to the task {task.name!r} are not read from this kind of file; give JAMS or JSON")
    kind = _KINDS[task.makes]
    if task.makes == "key":
        kind = Intervals if re.match(r"[\d.]+[\s,;]+[\d.]+[\s,;]", " ".join(_lines(path)[:1])) else Label
    value: Any = read(path, kind)
    return _downbeats(value) if task.makes == "downbeats" else value


_KINDS: dict[str, type] = {
    "beats": Events,
    "downbeats": Events,
    "onsets": Events,
    "chords": Intervals,
    "key": Intervals,
    "notes": Notes,
    "melody": Curves,
    "melody_notes": Notes,
    "bass": Notes,
    "pitches": Curves,
    "tempo": Tempo,
}


def _downbeats(beats: Events) -> Events:
    """Beats at position 1; all of them where no positions are known: then the file is of downbeats."""
    return beats if beats.labels is None else Events(beats.times[[label == "1" for label in beats.labels]])


def _file_of(folder: Path, name: str, task: Task) -> Path:
    endings = [e for e in (task.suffix, f".{task.makes}.csv", ".beats", ".csv", ".txt", ".lab", ".jams", ".json", ".mid") if e]
    for ending in endings:
        if (folder / f"{name}{ending}").is_file():
            return folder / f"{name}{ending}"
    raise DataError(f"{folder}: no estimate of this piece; looked for {name} with {', '.join(dict.fromkeys(endings))}")


def _fields(path: Path) -> dict[str, Any]:
    """Everything that a file holds, by field; "" for the bare list of a JSON file."""
    if path.suffix.lower() == ".json":
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: not JSON: {error}") from None
        return dict(found.get("result", found)) if isinstance(found, dict) else {"": found}
    from .formats import read_fields

    return dict(read_fields(path))


def _of_fields(fields: dict[str, Any], task: Task, path: Path) -> Any:
    """The task's field; downbeats are beats at position 1."""
    places = (task.makes, "", "beats") if task.makes == "downbeats" else (task.makes, "")
    name = next((place for place in places if place in fields), None)
    if name is None:
        raise DataError(f"{path}: holds no {task.makes}, only {', '.join(sorted(fields)) or 'nothing'}")
    value = _events(fields[name], path) if isinstance(fields[name], list) else fields[name]
    return _downbeats(value) if name != "downbeats" and task.makes == "downbeats" else value


def _events(rows: list[Any], path: Path) -> Events:
    """JSON: times, or pairs of time and position."""
    try:
        table = [(float(row[0]), str(int(row[1]))) if isinstance(row, list) else (float(row), "") for row in rows]
    except (TypeError, ValueError, IndexError):
        raise DataError(f"{path}: events in JSON are a list of times, or of pairs of time and position") from None
    labelled = bool(table) and all(label for _, label in table)
    return Events(np.array([time for time, _ in table]), tuple(label for _, label in table) if labelled else None)


__all__ = ["Figure", "Piece", "Report", "bootstrap", "evaluate", "guess", "read_answer", "score_files"]
