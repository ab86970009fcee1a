"""Trains the weights of beat/groove: on made songs, then on its own sure answers to unlabelled music.

    python recipes/groove.py learn OUT [minutes=8] [on=mixed:0 | on=SONGS] [seconds=30 batch=48 rate=2e-3 seed=0 jobs=16] [width=96 …]
    python recipes/groove.py label OUT/weights.safetensors CLIPS [pack=unlabelled_music] [keep=0.9] [sure=0.9]
    python recipes/groove.py learn OUT2 init=OUT/weights.safetensors clips=CLIPS share=0.2 [minutes=1.5 rate=6e-4 …]
    python recipes/groove.py confide OUT2/weights.safetensors SONGS    fits the confidences on songs that were not learned from
    python recipes/groove.py score OUT2/weights.safetensors SONGS      beats and downbeats of held-out songs, and their mean

SONGS are folders of `aural data songs`. `label` writes the clips and what the net is sure of as such a folder. A second round is
`label` with the new weights and `learn` once more.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

FIELDS = ("beats", "downbeats", "onsets", "soft_onsets", "beats_known")
STARTED = time.time()


def say(*words: object) -> None:
    print(f"[{time.time() - STARTED:6.1f} s]", *words, flush=True)


def learn(out: Path, options: dict[str, str]) -> None:
    import torch

    from aural.data import source
    from aural.data.blended import blended
    from aural.data.songs import FolderOfSongs
    from aural.registry import card
    from aural.system import build, load
    from aural.training import train

    torch.set_num_threads(int(options.get("threads", "1")))
    torch.manual_seed(int(options["seed"]))
    system = load(options["init"]) if "init" in options else build("beat/groove", **_own(options, card("beat/groove").options))
    for key, kind in (("rate", float), ("batch", int), ("average", float), ("seconds", float)):
        if key in options:
            system.recipe = replace(system.recipe, **{key: kind(options[key])})
    on = options["on"]
    songs: Any = source(on) if ":" in on else FolderOfSongs(on, FIELDS)
    if "clips" in options:
        share = float(options["share"])
        songs = blended(((songs, 1 - share), (FolderOfSongs(options["clips"], FIELDS), share)), speed=0.12)
    train(
        system,
        songs,
        out=out,
        minutes=float(options["minutes"]),
        seed=int(options["seed"]),
        workers=max(1, int(options["jobs"]) - 1),
        precision=options.get("precision", "32-true"),  # type: ignore[arg-type]
        every=500,
        fit_input="init" not in options,
        listener=lambda r: r["step"] % 250 or say(r),
    )


def _own(options: dict[str, str], known: dict[str, Any]) -> dict[str, str]:
    return {k: v for k, v in options.items() if k in known}


def label(weights: Path, clips: Path, options: dict[str, str]) -> None:
    """A pack's sounds and what the net is sure of in them, as a folder of songs."""
    from aural.data import source
    from aural.data.songs import keep
    from aural.reuse import pseudo_labels
    from aural.system import load

    teacher = load(weights)
    teacher.output.parts["beats"].sure = float(options["sure"])  # bars that are less sure are unknown
    music = source(options["pack"])
    lessons = pseudo_labels(teacher, music, keep=float(options["keep"]), fields=("beats",))
    kept = keep(lessons, clips, wanted=lambda example: len(example["beats"]) > 0)
    known = [sum(e["beats_known"].ends - e["beats_known"].starts) for e in kept]
    bars = [sum(word != "" for word in e["beats"].labels or ()) for e in kept]
    beats = [len(e["beats"]) for e in kept]
    say(f"{len(kept)} of {music.size} clips, {sum(known) / 60:.1f} minutes of beats, {sum(bars) / max(1, sum(beats)):.0%} of them in bars")


def confide(weights: Path, songs: Path) -> None:
    """Fits what a confidence means, and saves the weights again."""
    from aural.data.songs import FolderOfSongs
    from aural.running import adapt
    from aural.system import load, save

    system, held = load(weights), FolderOfSongs(songs, FIELDS)
    beats = system.output.parts["beats"]
    adapt(system, [held(i) for i in range(held.size)])
    say("weights of beats and bars", beats.beat_weights.tolist(), beats.bar_weights.tolist())
    save(system, weights)


def score(weights: Path, songs: Path) -> None:
    from aural.data.songs import FolderOfSongs
    from aural.running import run
    from aural.system import load

    system, held = load(weights), FolderOfSongs(songs, FIELDS)
    rows: list[dict[str, Any]] = []
    for i in range(held.size):
        example = held(i)
        made = run(system, {"sound": example["sound"]})
        row: dict[str, Any] = {"name": example["name"], "strata": example["strata"]}
        for task in system.tasks:
            if task.makes in example:
                row[task.name] = task.score(example[task.makes], made[task.makes])
        rows.append(row)
        say(row["name"], row["strata"], *(round(next(iter(row[t.name].values())), 3) for t in system.tasks if t.name in row))
    for task in system.tasks:
        scores = [row[task.name] for row in rows if task.name in row]
        say(task.name, {k: round(sum(s[k] for s in scores) / len(scores), 4) for k in scores[0]}, len(scores))
    weights.with_suffix(".figures.json").write_text(json.dumps(rows, indent=1))


def main(argv: list[str]) -> None:
    verb, *rest = argv
    places = [Path(word) for word in rest if "=" not in word]
    defaults = {"minutes": "8", "on": "mixed:0", "seed": "0", "jobs": "16", "share": "0.2", "pack": "unlabelled_music"}
    options = {**defaults, "keep": "0.9", "sure": "0.9", **dict(word.split("=", 1) for word in rest if "=" in word)}
    if verb == "learn":
        learn(places[0], options)
    elif verb == "label":
        label(places[0], places[1], options)
    elif verb == "confide":
        confide(*places)
    elif verb == "score":
        score(*places)
    else:
        raise SystemExit(f"{verb}: learn, label, confide or score")


if __name__ == "__main__":
    main(sys.argv[1:])
