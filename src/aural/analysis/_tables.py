"""What is said of a file in a line, where to look at it twice, and the tables of a whole collection."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..annotations import Events, Tempo
from ..errors import AuralError
from ..formats import write_file
from ._places import Place, printable

Status = Literal["done", "skipped", "failed"]
LISTED = ("title", "artist", "duration", "bpm", "confidence", "loudness")


@dataclass(frozen=True)
class Outcome:
    """What became of one sound.

    file: its name below what was given; stem: what its files in OUT are called, without their endings; row: title, artist,
    duration (s), bpm, metre, key, confidence, loudness (LUFS), counts by field; notes: remarks on the sound; reason, remedy: of
    a failure.
    """

    file: str
    path: Path
    stem: str
    status: Status
    row: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Summary:
    """What became of all. out: the folder; fields: that were asked for; page: the report to open, if one was written."""

    out: Path
    fields: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    page: Path | None = None

    def of(self, status: Status) -> list[Outcome]:
        """Those that ended so."""
        return [outcome for outcome in self.outcomes if outcome.status == status]

    @property
    def done(self) -> int:
        return len(self.of("done"))

    @property
    def skipped(self) -> int:
        return len(self.of("skipped"))

    @property
    def failed(self) -> int:
        return len(self.of("failed"))


def summed(result: Mapping[str, Any]) -> dict[str, Any]:
    """What a table says of a file: bpm, metre, key, confidence, and how many of each field."""
    from ..report import facts_of

    facts = {fact.name: fact.value for fact in facts_of(result)}
    tempo, bpm = result.get("tempo"), facts.get("BPM")
    if isinstance(tempo, Tempo) and len(tempo.bpms):
        bpm = f"{tempo.bpms[0]:.1f}"
    sure = [value.confidence for _, value in sorted(result.items()) if isinstance(getattr(value, "confidence", None), np.ndarray)]
    sure = [confidence for confidence in sure if len(confidence)]
    return {
        "bpm": float(bpm) if bpm else None,
        "metre": facts.get("beats a bar", ""),
        "key": facts.get("key", ""),
        "confidence": round(float(sure[0].mean()), 3) if sure else None,
        "counts": {name: len(value) for name, value in result.items() if hasattr(value, "__len__")},
    }


def doubts(result: Mapping[str, Any], duration: float) -> list[tuple[float, float, str]]:
    """Where to look twice: beats that the net hardly believed in, and stretches without any between beats."""
    beats = result.get("beats")
    if not isinstance(beats, Events) or len(beats) < 4:
        return []
    found = []
    gap = float(np.median(np.diff(beats.times)))
    for before, after in zip(beats.times, beats.times[1:], strict=False):
        if gap and after - before > 3 * gap:
            found.append((float(before), float(after), "no beats heard"))
    if beats.confidence is not None:
        weak = np.concatenate([[0], (beats.confidence < min(0.2, 0.5 * float(np.median(beats.confidence)))).astype(int), [0]])
        edges = np.flatnonzero(np.diff(weak))
        for first, last in zip(edges[::2], edges[1::2], strict=True):
            if last - first >= 4:
                found.append((float(beats.times[first]), float(min(duration, beats.times[last - 1] + gap)), "beats unsure"))
    return sorted(found)


def failure(place: Place, error: Exception) -> Outcome:
    text = " ".join(str(error).split()) or type(error).__name__
    for shown in (str(place.path), repr(str(place.path))):
        text = text.removeprefix(f"{shown}: ")
    if isinstance(error, AuralError):
        reason, _, remedy = text.rpartition("; ")
        reason, remedy = (reason, remedy) if reason else (text, "check the path and what the file holds")
    elif isinstance(error, MemoryError):
        reason, remedy = "not enough memory", "use fewer --jobs, or a part: --start, --end"
    else:
        reason, remedy = f"{type(error).__name__}: {text}", "this is a bug of aural: report it, with the file if you may"
    return Outcome(place.file, place.path, place.stem, "failed", reason=reason, remedy=remedy)


def collect(summary: Summary, pages: bool) -> None:
    """Writes collection.csv, failures.csv and index.html of all sounds of this run; pages: do they have pages of their own?"""
    from ..report import Row, index

    counts = [name for name in summary.fields if name not in LISTED]
    header = ["file", "title", "artist", "duration", "bpm", *counts, "confidence", "loudness", "status"]
    lines = []
    for outcome in summary.outcomes:
        row = {**outcome.row, **outcome.row.get("counts", {}), "file": printable(outcome.file)}
        # What a run did with a file is not kept: run again, the table is the same.
        row["status"] = "failed" if outcome.status == "failed" else "done"
        lines.append(["" if row.get(name) is None else row.get(name, "") for name in header])
    write_file(summary.out / "collection.csv", _csv(header, lines))
    bad = [[printable(o.file), printable(o.reason), printable(o.remedy)] for o in summary.of("failed")]
    write_file(summary.out / "failures.csv", _csv(["file", "reason", "remedy"], bad))
    rows = [
        Row(
            title=printable(o.row.get("title") or o.file),
            href=printable(f"{o.stem}.html") if o.status != "failed" and pages else "",
            duration=o.row.get("duration"),
            bpm=o.row.get("bpm"),
            metre=o.row.get("metre", ""),
            key=o.row.get("key", ""),
            confidence=o.row.get("confidence"),
            error=printable(f"{o.reason}; {o.remedy}") if o.status == "failed" else "",
        )
        for o in summary.outcomes
    ]
    write_file(summary.out / "index.html", index(rows, "aural").encode("utf-8", "replace"))


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode("utf-8", "replace")
