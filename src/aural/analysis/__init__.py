"""Analysis of many files: every task's answer as JAMS, text and a page, whatever happens to single files on the way.

    summary = analyze(["song.mp3", "~/Music", "takes/*.wav"], "out")
    summary.done, summary.skipped, summary.failed

Files      OUT/NAME.jams (everything; written last, it marks the file as finished), what the tasks name by their suffix
           (NAME.beats, NAME.onsets.csv), the formats asked for, NAME.html; of several sounds also collection.csv (a row each),
           failures.csv (file, reason, remedy), index.html and, where it was asked for, rekordbox.xml. Below a given folder its
           sub-folders are kept
Corrected  what a person has put right in NAME.aural.toml beside the sound (`aural.corrections`) counts as heard, for all that is made
           of beats, too
Finished   the JAMS holds a digest of all that the answers depend on: the sound's bytes, its corrections, version, systems, their
           weights, options. The same digest and every file still there: skipped
Failures   a bad file is a row of failures.csv; a process that dies takes one file with it. What no file could be analyzed
           without (an unknown name, missing weights) raises
Memory     sounds up to HELD bytes are read once and kept, longer ones are read where they are cut
Threads    systems that hear such a kept sound alone run side by side, and the page's sound is encoded beside them; each answer is
           one thread's work, so it is the same as of one after the other, however many threads there are
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from ..errors import AuralError
from ._one import ABREAST, Listener, answer, device
from ._places import find, finished, ready
from ._plan import Plan, plan_of
from ._processes import Job, here, in_processes
from ._sounds import stretch
from ._tables import Outcome, Summary, collect, failure

__all__ = ["Outcome", "Summary", "analyze", "answer", "device", "stretch"]


def analyze(
    paths: Iterable[Path | str] | Path | str,
    out: Path | str,
    tasks: Sequence[str] | None = None,
    systems: Sequence[str] = (),
    formats: Sequence[str] = ("jams", "html"),
    start: float | None = None,
    end: float | None = None,
    device: str = "auto",
    jobs: int = 1,
    threads: int | None = None,
    force: bool = False,
    embed: bool = True,
    listener: Listener | None = None,
    vocabulary: str | None = None,
    quantize: bool = False,
    bends: bool = True,
) -> Summary:
    """Analyzes sounds and writes what was heard.

    Args:
        paths: files, folders (all sounds below them) and patterns.
        out: folder for the results, made where it is missing.
        tasks: by name or field ("beat", "beats"); default: all that have a default system for sound alone.
        systems: in place of the defaults: "beat/boeck11", "beat/boeck11 decoder=peaks", or a weights file.
        formats: of FORMATS and SOUNDS, and "html". JAMS is written in any case: it marks what is finished.
        start, end: seconds; only this part is heard. The files' times count from the start of the whole sound.
        device: "auto" (cuda, mps, else cpu), "cpu", "cuda", "cuda:1", "mps".
        jobs: processes, a file each.
        threads: of each process: so many systems run side by side, each in one thread, where the sound is short enough to be kept.
            Default: 2 for a single process, 1 for each of several. The answers are the same.
        force: analyze again what is finished.
        embed: put the sound into the page; otherwise the page plays the file where it lies.
        vocabulary: of chords: "majmin", "sevenths" or "full"; default: the chord system's own.
        quantize: notes of MIDI files lie on quarters or thirds of the beats. bends: they have pitch bends where these are known.
        listener: called with what happens, a dict with "event": start, device, stage (file, stage, share), done, skipped, failed, end.

    Raises:
        AuralError: what no file could be analyzed without: an unknown task, system or format, missing or damaged weights, a device
            that isn't there, no sound at all in what was given, a folder that can't be written to. What is wrong with single files
            is in the summary.
    """
    given = [paths] if isinstance(paths, Path | str) else list(paths)
    threads = threads if threads is not None else 1 if jobs > 1 else min(ABREAST, os.cpu_count() or 1)
    plan = plan_of(tasks, systems, formats, start, end, device, threads, embed, Path(out), vocabulary, quantize, bends)
    sounds, several = find(given)
    emit = listener or (lambda _: None)
    emit({"event": "start", "files": len(sounds), "tasks": [name for _, names in plan.systems for name in names]})
    ready(plan.out)
    outcomes: dict[int, Outcome] = {}

    def todo() -> Iterator[Job]:
        for i, place in enumerate(sounds):
            if place.problem:
                outcomes[i] = _told(failure(place, AuralError(place.problem)), emit)
                continue
            digest = plan.digest(place)
            row = None if force else finished(place, plan.out, digest)
            if row is None:
                yield i, place, digest
            else:
                outcomes[i] = _told(Outcome(place.file, place.path, place.stem, "skipped", row), emit)

    work = here(plan, todo(), emit) if jobs < 2 or len(sounds) < 2 else in_processes(plan, todo(), min(jobs, len(sounds)), emit)
    with closing(work):  # what it has set is put back now, whatever the listener raises
        for i, outcome in work:
            outcomes[i] = _told(outcome, emit)
    ordered = tuple(outcomes[i] for i in sorted(outcomes))
    summary = Summary(plan.out, tuple(t.makes for t in plan.tasks), ordered, _page_of(plan, ordered, several))
    if several:
        collect(summary, pages="html" in plan.formats, tracks="rekordbox" in plan.formats)
    emit({"event": "end", "done": summary.done, "skipped": summary.skipped, "failed": summary.failed})
    return summary


def _told(outcome: Outcome, emit: Listener) -> Outcome:
    more = {"reason": outcome.reason, "remedy": outcome.remedy} if outcome.status == "failed" else {"row": dict(outcome.row)}
    emit({"event": outcome.status, "file": outcome.file, **more})
    return outcome


def _page_of(plan: Plan, outcomes: Sequence[Outcome], several: bool) -> Path | None:
    if several:
        return plan.out / "index.html"
    good = [outcome for outcome in outcomes if outcome.status != "failed"]
    return plan.out / f"{good[0].stem}.html" if good and "html" in plan.formats else None
