"""How often a loop on an exact grid is given that grid: BPM within 0.01 and anchor within 5 ms, with the beats that a system finds.

    python benchmarks/grid.py [--on loops:0] [--beats beat/groove] [--limit 40] > results/grid.md

Two figures: strictly; and at the level of the beats, where twice, half, three times or a third of the true BPM counts as it. An anchor
is right on any beat of the grid: which beat begins a bar is what results/downbeat.md is about.
"""

from __future__ import annotations

import argparse
import shlex
import sys

import numpy as np

from aural import tasks
from aural.annotations import Grid
from aural.data import source
from aural.evaluation import bootstrap
from aural.running import run
from aural.system import load

LEVELS = (1.0, 2.0, 0.5, 3.0, 1 / 3, 1.5, 2 / 3)
BPM, ANCHOR = 0.01 + 1e-9, 0.005


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--on", default="loops:0")
    parser.add_argument("--beats", default=tasks.task("beat").default, help="the system that finds beats, or `given`: the true ones")
    parser.add_argument("--limit", type=int, default=40)
    given = parser.parse_args()
    loops, tempo = source(given.on, "test"), load("tempo/from_beats")
    beats = None if given.beats == "given" else load(given.beats)
    rows, missed = [], []
    for i in range(min(given.limit, loops.size)):
        example = loops(i)
        found = {"beats": example["beats"]} if beats is None else run(beats, {"sound": example["sound"]})
        answer = run(tempo, {"sound": example["sound"], "beats": found["beats"]})["tempo"]
        truth = example["tempo"].segments[0]
        row = judged(answer.segments, truth)
        rows.append(row)
        if not row[0]:
            said = ", ".join(f"{g.start:.2f}-{g.end:.2f} s {g.bpm:g} BPM" for g in answer.segments) or "no grid"
            missed.append(f"| {example['name']} | {truth.bpm:g} | {said} | {'yes' if row[1] else 'no'} | {', '.join(example['strata'])} |")
    print(f"`{shlex.join(['python', 'benchmarks/grid.py', *sys.argv[1:]])}`\n")
    print(f"# constant grids of {given.on}, {len(rows)} loops, beats of {given.beats}\n")
    print("Share with BPM within 0.01 and anchor within 5 ms, and 95 % bootstrap interval.\n\n| | share |\n|---|---|")
    names = ("strictly", "at the level of the beats found", "a grid over all, at any BPM", "strictly, of those at the true level")
    columns = list(np.array(rows, dtype=float).T)
    columns.append(columns[0][columns[3] > 0])
    for name, column in zip(names, [columns[0], columns[1], columns[2], columns[4]], strict=True):
        figure = bootstrap(column.tolist())
        print(f"| {name} | {figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}] (n = {len(column)}) |")
    if missed:
        print("\n| strictly missed | true BPM | said | right at its own level | |\n|---|---|---|---|---|\n" + "\n".join(missed))
    return 0


def judged(found: tuple[Grid, ...], truth: Grid) -> tuple[bool, bool, bool, bool]:
    """Strictly right; right at its own level; one grid holds for most of the loop; at the true level, however exactly."""
    if not found:
        return False, False, False, False
    grid = max(found, key=lambda g: g.end - g.start)
    whole = grid.end - grid.start > 0.7 * (truth.end - truth.start)
    level = min(LEVELS, key=lambda x: abs(np.log(grid.bpm / truth.bpm / x)))
    near = {x: away(grid.anchor, truth.start, 60 / truth.bpm / max(x, 1.0)) <= ANCHOR for x in (1.0, level)}
    strictly = whole and abs(grid.bpm - truth.bpm) <= BPM and near[1.0]
    own = whole and abs(grid.bpm / level - truth.bpm) <= BPM and near[level]
    return strictly, own, whole, whole and level == 1.0


def away(time: float, start: float, period: float) -> float:
    """Seconds to the nearest beat."""
    return abs((time - start + period / 2) % period - period / 2)


if __name__ == "__main__":
    sys.exit(main())
