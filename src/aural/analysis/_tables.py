"""What is said of a file in a line, where to look at it twice, and the tables of a whole collection."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .. import rhythm
from ..annotations import Events, Score, Tempo
from ..errors import AuralError
from ..formats import main_bpm, rekordbox, write_file
from ..harmony import camelot, main_key
from ..rhythm import counted
from ._places import Place, printable

Status = Literal["done", "skipped", "failed"]
LISTED = (
    *("title", "artist", "duration", "bpm", "bpm2", "bpm_confidence", "grid", "metre", "metre_changes", "key", "camelot", "tuning"),
    *("confidence", "loudness"),
)


@dataclass(frozen=True)
class Outcome:
    """What became of one sound.

    file: its name below what was given; stem: what its files in OUT are called, without their endings; row: title, artist,
    duration (s), what `summed` says, loudness (LUFS), counts by field; notes: remarks on the sound; reason, remedy: of
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
    """What a table says of a file: bpm (two decimals on a grid), the second candidate, how probable the first one is, whether there
    is a constant grid, metre and how often it changes, key (also as DJs write it), Hz of A4, confidence, and how many of each field."""
    from ..report import facts_of

    facts = {fact.name: fact.value for fact in facts_of(result)}
    tempo, bpm = result.get("tempo"), facts.get("BPM")
    more: dict[str, Any] = {"bpm2": None, "bpm_confidence": None, "grid": "", "metre_changes": None}
    if isinstance(tempo, Tempo):
        bpm = f"{main_bpm(result):.2f}" if tempo.segments else f"{tempo.bpms[0]:.1f}" if len(tempo.bpms) else bpm
        more["bpm2"] = round(float(tempo.bpms[1]), 1) if len(tempo.bpms) > 1 else None
        more["bpm_confidence"] = round(float(tempo.probabilities[0]), 3) if len(tempo.probabilities) else None
        more["grid"] = "yes" if tempo.segments else "no"
    beats, tuning = counted(result), result.get("tuning")
    metres = () if beats is None else rhythm.metres(beats).labels
    if metres:
        more["metre_changes"] = sum(a != b for a, b in pairwise(metres))
    sure = [value.confidence for _, value in sorted(result.items()) if isinstance(getattr(value, "confidence", None), np.ndarray)]
    sure = [confidence for confidence in sure if len(confidence)]
    return {
        "bpm": float(bpm) if bpm else None,
        **more,
        "metre": facts.get("beats a bar", ""),
        "key": facts.get("key", ""),
        "camelot": camelot(main_key(result.get("key"))),
        "tuning": round(tuning.value, 1) if isinstance(tuning, Score) else None,
        "confidence": round(float(sure[0].mean()), 3) if sure else None,
        "counts": {name: len(value) for name, value in result.items() if hasattr(value, "__len__")},
    }


def doubts(result: Mapping[str, Any], duration: float) -> list[tuple[float, float, str]]:
    """Where to look twice, and why: beats or bar lines that were hardly believed in, stretches without any, a tempo that jumps by
    an octave, a metre that changes for one bar. In time order, seconds."""

    beats, downbeats = counted(result), result.get("downbeats")
    if beats is None:
        return []
    if not len(beats):
        return [(0.0, duration, "no beats heard")] if duration >= 5 else []
    if len(beats) < 4:
        return []
    times, gap = beats.times, float(np.median(np.diff(beats.times)))
    found = [(float(a), float(b), "no beats heard") for a, b in pairwise(times) if gap and b - a > 3 * gap]
    if times[0] > max(10.0, 8 * gap):
        found.append((0.0, float(times[0]), "no beats heard"))
    if duration - times[-1] > max(10.0, 8 * gap):
        found.append((float(times[-1]), duration, "no beats heard"))
    if beats.confidence is not None:
        for first, last in _runs(beats.confidence < min(0.2, 0.5 * float(np.median(beats.confidence))), 4):
            found.append((float(times[first]), float(min(duration, times[last - 1] + gap)), "beats unsure"))
    if isinstance(downbeats, Events) and downbeats.confidence is not None and len(downbeats) > 1:
        # The confidence of a bar line is a probability: below a half, another beat is more likely the first.
        ends = [*downbeats.times[1:], downbeats.times[-1] + float(np.median(np.diff(downbeats.times)))]
        for first, last in _runs(downbeats.confidence < 0.5, 3):
            found.append((float(downbeats.times[first]), float(min(duration, ends[last - 1])), "bar lines unsure"))
    if beats.labels is not None:
        for first, last in _runs(rhythm.positions(beats) == 0, 8):
            found.append((float(times[first]), float(min(duration, times[last - 1] + gap)), "bars not known"))
    return sorted([*found, *_octaves(times), *_lone_bars(beats)])


def _runs(mask: np.ndarray, least: int) -> list[tuple[int, int]]:
    """First and end (exclusive) of the runs of at least so many that are true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(int), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= least]


def _octaves(times: np.ndarray, over: int = 4) -> list[tuple[float, float, str]]:
    """Where the median of the next intervals is half or double that of the last ones."""
    steps = np.diff(times)
    at = np.arange(over, len(steps) - over + 1)
    if not len(at) or not steps.all():
        return []
    ratio = np.array([np.log2(np.median(steps[i - over : i]) / np.median(steps[i : i + over])) for i in at])
    found = []
    for sign, text in ((1, "tempo doubles"), (-1, "tempo halves")):
        for first, last in _runs(np.abs(sign * ratio - 1) < 0.12, 1):
            i = int(at[(first + last - 1) // 2])
            found.append((float(times[i - over]), float(times[i + over]), text))
    return found


def _lone_bars(beats: Events) -> list[tuple[float, float, str]]:
    """Single bars of another metre than the same one before and after them; both neighbours are told with them."""
    bars = rhythm.bars(beats)
    sizes = [bar.beats for bar in bars]
    found = []
    for i in range(2, len(bars) - 2):
        usual = sizes[i - 1]
        joined = all(abs(bars[j].end - bars[j + 1].start) < 1e-6 for j in range(i - 2, i + 1))
        if joined and sizes[i] != usual and {sizes[i - 2], sizes[i + 1]} == {usual}:
            found.append((bars[i - 1].start, bars[i + 1].end, f"one bar of {sizes[i]} among bars of {usual}"))
    return found


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


def collect(summary: Summary, pages: bool, tracks: bool = False) -> None:
    """Writes collection.csv, failures.csv and index.html of all sounds of this run; pages: do they have pages of their own?
    tracks: do they have files for rekordbox? Then rekordbox.xml holds them all."""
    from ..report import Row, index

    counts = [name for name in summary.fields if name not in (*LISTED, "tempo", "melody")]
    header = ["file", *LISTED[:-2], *counts, *LISTED[-2:], "status"]
    lines = []
    for outcome in summary.outcomes:
        row = {**outcome.row.get("counts", {}), **outcome.row, "file": printable(outcome.file)}
        # What a run did with a file is not kept: run again, the table is the same.
        row["status"] = "failed" if outcome.status == "failed" else "done"
        lines.append(["" if row.get(name) is None else row.get(name, "") for name in header])
    write_file(summary.out / "collection.csv", _csv(header, lines))
    bad = [[printable(o.file), printable(o.reason), printable(o.remedy)] for o in summary.of("failed")]
    write_file(summary.out / "failures.csv", _csv(["file", "reason", "remedy"], bad))
    if tracks:
        written = [summary.out / f"{outcome.stem}.rekordbox.xml" for outcome in summary.outcomes if outcome.status != "failed"]
        write_file(summary.out / "rekordbox.xml", rekordbox.combined(path.read_bytes() for path in written if path.is_file()))
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
