"""Which view of downbeat/durand17 knows where bars begin: each alone, all but each, all; with and without the model of bars.

    python benchmarks/ablation.py WEIGHTS.safetensors [--on songs:5] [--limit 64] [--beats given] > results/ablation-durand17.md

The views are nets of their own that were learned side by side, so one pass over the pieces tells all rows. Without the model every beat
whose mean probability is a half or more begins a bar. The beats are those of the default system, or with `--beats given` the true ones:
then only bars are judged.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from aural.annotations import Events, Example
from aural.data import source
from aural.encodings import Bars, Opinions
from aural.evaluation import bootstrap, quiet
from aural.running import run
from aural.system import System, load
from aural.tasks.downbeat import downbeat


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", help="of downbeat/durand17")
    parser.add_argument("--on", default="songs:5")
    parser.add_argument("--limit", type=int, default=64)
    parser.add_argument("--beats", choices=("found", "given"), default="found")
    given = parser.parse_args()
    system = load(Path(given.weights)) if given.weights.endswith(".safetensors") else load(given.weights)
    if not isinstance(system.output, Opinions):
        raise SystemExit(f"{system.name} has no views to leave out; give weights of downbeat/durand17")
    songs = source(given.on, "test", "downbeat")
    size = min(given.limit, songs.size)
    scores: dict[str, list[tuple[float, float]]] = {}
    with quiet():
        for i in range(size):
            for name, pair in judged(system, songs(i), given.beats == "given"):
                scores.setdefault(name, []).append(pair)
    words = ["python", "benchmarks/ablation.py", Path(given.weights).name, *sys.argv[2:]]
    print(f"`{shlex.join(words)}`\n\n# views of {system.name} on {given.on}, {size} pieces, beats {given.beats}\n")
    print("Downbeat F, mean over pieces and 95 % bootstrap interval.\n")
    print("| views | n | with the model of bars | without |\n|---|---|---|---|")
    for name, pairs in scores.items():
        figures = [bootstrap(column) for column in zip(*pairs, strict=True)]
        print(f"| {name} | {len(pairs)} | {' | '.join(f'{f.value:.3f} [{f.low:.3f}, {f.high:.3f}]' for f in figures)} |")
    return 0


def judged(system: System, example: Example, true_beats: bool) -> Iterator[tuple[str, tuple[float, float]]]:
    """Of one piece, the name of every choice of views and its F with and without the model of bars."""
    given = {"sound": example["sound"], **({"beats": example["beats"]} if true_beats else {})}
    said = run(system, given, soft=True)["downbeats"]  # (view and mean, beat) probabilities
    views, bars = said.labels[:-1], Bars()
    choices = {view: [view] for view in views} | {f"all but {view}": [v for v in views if v != view] for view in views}
    for name, chosen in {**choices, "all": list(views)}.items():
        if not chosen:
            continue
        p = said.values[[views.index(view) for view in chosen]].mean(0) if len(said.times) else np.zeros(0)
        found = [bars(p) == 1, p >= 0.5]
        f = [downbeat.score(example["downbeats"], Events(said.times[first]))["F"] for first in found]  # type: ignore[misc]
        yield name, (f[0], f[1])


if __name__ == "__main__":
    sys.exit(main())
