"""Trains the weights of onset/schlueter13 and beat/boeck11: makes songs, learns both nets side by side, scores them on held-out songs.

    python recipes/onset_beat.py onset/schlueter13 OUT init=WEIGHTS minutes=17 rate=3e-4 batch=24 average=0.98   (goes on from weights)
    python recipes/onset_beat.py all OUT [hours=30] [jobs=16] [minutes=6] [songs=/tmp/songs] [hidden=64 …: options of a system]

The same by hand: `aural data songs --hours 30 --seed 0 -o SONGS`, `aural train NAME --data SONGS`, `aural evaluate NAME --on songs:7`.
OUT/NAME/ then holds weights.safetensors and log.jsonl, OUT/figures.json the scores on songs of held-out fonts and styles.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

SYSTEMS = ("onset/schlueter13", "beat/boeck11")
FIELDS = ("beats", "downbeats", "onsets", "soft_onsets")
STARTED = time.time()


def say(*words: object) -> None:
    print(f"[{time.time() - STARTED:6.1f} s]", *words, flush=True)


def songs(folder: Path, hours: float, jobs: int) -> None:
    from aural.data.songs import make_songs

    n = make_songs(folder / "train", hours, seed=0, jobs=jobs, jams=False, banks=8)
    say(n, "training songs")
    n = make_songs(folder / "test", 40 / 72, seed=7, split="test", jobs=jobs, jams=False)
    say(n, "held-out songs")


def learn(name: str, folder: Path, out: Path, minutes: float, workers: int, seed: int, options: dict[str, str]) -> None:
    import torch

    from aural.data.songs import FolderOfSongs
    from aural.registry import card
    from aural.system import build, load
    from aural.training import train

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    source = FolderOfSongs(folder / "train", FIELDS)
    own = {k: v for k, v in options.items() if k in card(name).options}
    system = load(options["init"]) if "init" in options else build(name, **own)
    for key, kind in (("rate", float), ("batch", int), ("average", float)):
        if key in options:
            system.recipe = replace(system.recipe, **{key: kind(options[key])})
    train(
        system,
        source,
        out=out,
        minutes=minutes,
        seed=seed,
        workers=workers,
        every=1000,
        fit_input="init" not in options,
        listener=lambda r: r["step"] % 500 or say(name, r),
    )


def score(folder: Path, out: Path) -> None:
    from aural.data.songs import FolderOfSongs
    from aural.running import run
    from aural.system import load

    figures: dict[str, object] = {}
    source = FolderOfSongs(folder / "test", FIELDS)
    for name in SYSTEMS:
        weights = out / name.replace("/", "-") / "weights.safetensors"
        if not weights.exists():
            continue
        system = load(weights)
        scores: list[dict[str, object]] = []
        for i in range(source.size):
            example = source(i)
            estimate = run(system, example)[system.task.makes]
            scores.append({"name": example["name"], "strata": example["strata"], **system.task.score(example[system.task.makes], estimate)})
        means = {k: sum(s[k] for s in scores) / len(scores) for k in scores[0] if k not in ("name", "strata")}  # type: ignore[misc]
        say(name, means)
        figures[name] = {"means": means, "pieces": scores}
    (out / "figures.json").write_text(json.dumps(figures, indent=1))


def main(argv: list[str]) -> None:
    verb, out = argv[0], Path(argv[1])
    options = {
        "hours": "30",
        "jobs": "16",
        "minutes": "6",
        "songs": "/tmp/songs",
        "seed": "0",
        **dict(word.split("=", 1) for word in argv[2:]),
    }
    folder = Path(options["songs"])
    if verb == "all":
        songs(folder, float(options["hours"]), int(options["jobs"]))
        words = [f"{k}={v}" for k, v in options.items()]
        running = [subprocess.Popen([sys.executable, __file__, name, str(out), *words]) for name in SYSTEMS]
        for process in running:
            process.wait()
        score(folder, out)
    elif verb == "score":
        score(folder, out)
    else:
        workers = max(1, int(options["jobs"]) * (3 if verb == "beat/boeck11" else 1) // 4 - 1)
        learn(verb, folder, out / verb.replace("/", "-"), float(options["minutes"]), workers, int(options["seed"]), options)


if __name__ == "__main__":
    main(sys.argv[1:])
