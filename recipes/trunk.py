"""Trains a trunk, beat/groove or note/pitch: on made songs, then on its own sure answers to unlabelled music.

    python recipes/trunk.py learn OUT [system=beat/groove] [minutes=8] [on=mixed:0 | on=SONGS] [seconds=30 batch=48 rate=2e-3 seed=0]
                                      [jobs=16 augment=recorded precision=bf16-mixed width=192 …]
    python recipes/trunk.py label OUT/weights.safetensors CLIPS [pack=unlabelled_music] [keep=0.9] [sure=0.9] [taught=notes]
    python recipes/trunk.py learn OUT2 init=OUT/weights.safetensors clips=CLIPS share=0.2 [minutes=1.5 rate=6e-4 …]
    python recipes/trunk.py grow OUT/weights.safetensors SMALLER [near=5 …]     a larger net of the same system that says the same
    python recipes/trunk.py average OUT/weights.safetensors OUT1/weights.safetensors OUT2/…     of nets that learned on from the same one
    python recipes/trunk.py confide OUT2/weights.safetensors SONGS,… [beatless=speech_transcripts,esc10]
                                                    fits the confidences on songs that were not learned from, and on what has no beat
    python recipes/trunk.py score OUT2/weights.safetensors SONGS,…     all tasks on held-out songs, and their means

SONGS are folders of `aural data songs`. `label` writes the clips and what the net is sure of as such a folder (of notes also
where it is not, so that all else is silence). A second round is `label` with the new weights and `learn` once more.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

STARTED = time.time()
TAUGHT = ("beats", "notes", "melody", "bass", "chords")  # what a net teaches itself, of what it answers; a clip must have the first


def say(*words: object) -> None:
    print(f"[{time.time() - STARTED:6.1f} s]", *words, flush=True)


def fields_of(system: Any) -> tuple[str, ...]:
    """What the truth must hold: all that its outputs read, and all that its tasks make."""
    return tuple(dict.fromkeys([*system.output.reads, *(t.makes for t in system.tasks)]))


def learn(out: Path, options: dict[str, str]) -> None:
    import torch

    from aural.data import source
    from aural.data.blended import blended
    from aural.data.songs import FolderOfSongs
    from aural.registry import card
    from aural.system import build, load
    from aural.training import train

    name = options["system"]
    torch.set_num_threads(int(options.get("threads", "1")))
    torch.manual_seed(int(options["seed"]))
    own = {k: v for k, v in options.items() if k in card(name).options}
    system = load(options["init"], **own) if "init" in options else build(name, **own)
    for key, kind in (("rate", float), ("batch", int), ("average", float), ("seconds", float), ("augment", str)):
        if key in options:
            system.recipe = replace(system.recipe, **{key: kind(options[key])})
    on = options["on"]
    songs: Any = source(on) if ":" in on else FolderOfSongs(on, fields_of(system))
    if "clips" in options:
        share = float(options["share"])
        clips = FolderOfSongs(options["clips"], fields_of(system))
        songs = blended(((songs, 1 - share), (clips, share)), speed=float(options.get("speed", "0.12")))
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


def label(weights: Path, clips: Path, options: dict[str, str]) -> None:
    """A pack's sounds and what the net is sure of in them, as a folder of songs."""
    import torch

    from aural.data import source
    from aural.data.songs import keep
    from aural.reuse import pseudo_labels
    from aural.system import load

    teacher = load(weights)
    for part in (teacher.input, teacher.net):  # what is decoded stays on the processor
        part.to("cuda" if torch.cuda.is_available() else "cpu")
    taught = options["taught"].split(",") if "taught" in options else TAUGHT
    fields = tuple(name for name in taught if name in teacher.output.parts)
    if "beats" in fields:
        teacher.output.parts["beats"].sure = float(options["sure"])  # bars that are less sure are unknown
    music = source(options["pack"])
    lessons = pseudo_labels(teacher, music, keep=float(options["keep"]), fields=fields)
    kept = keep(lessons, clips, wanted=lambda example: len(example[fields[0]]) > 0)
    say(f"{len(kept)} of {music.size} clips, {sum(e['sound'].duration for e in kept) / 60:.1f} minutes")
    for name in fields:
        say(name, known_of(kept, name))


def known_of(examples: list[Any], name: str) -> str:
    """How much of a field is known, in words."""
    seconds = sum(e["sound"].duration for e in examples)
    if name == "notes":
        sure, unsure = (sum(len(e[field]) for e in examples) for field in ("notes", "notes_unsure"))
        doubted = sum(float((e["notes_unsure"].ends - e["notes_unsure"].starts).sum()) for e in examples)
        said = f"{sure / seconds:.1f} a second; {unsure / seconds:.1f} more may be"
        return f"{said}, {doubted / seconds / 88:.1%} of all pitches and times are unknown"
    known = sum(float(sum(e[f"{name}_known"].ends - e[f"{name}_known"].starts)) for e in examples)
    said = f"{known / 60:.1f} minutes, {known / seconds:.0%} of the time"
    if name != "beats":
        return said
    bars = sum(word != "" for e in examples for word in e["beats"].labels or ())
    return f"{said}, {bars / max(1, sum(len(e['beats']) for e in examples)):.0%} of them in bars"


def grow(out: Path, smaller: Path, options: dict[str, str]) -> None:
    """A larger net that says what the smaller one says: new inputs have no weight, and new layers add nothing to their sums yet."""
    import torch

    from aural.registry import card
    from aural.system import build, load, save

    small = load(smaller)
    own = {k: v for k, v in options.items() if k in card(small.name).options}
    large = build(small.name, **{**small.options, **own})
    learned, net = small.net.state_dict(), large.net.state_dict()
    new = {key.rsplit(".", 1)[0] for key in net.keys() - learned.keys()}
    for key, tensor in net.items():
        if key in learned:
            tensor.zero_()[tuple(slice(n) for n in learned[key].shape)] = learned[key]
    for sums in {name.rpartition("change.")[0] + "change" for name in new}:
        last = [p for p in large.net.get_submodule(sums).modules() if hasattr(p, "weight")][-1]
        torch.nn.init.zeros_(last.weight)
        torch.nn.init.zeros_(last.bias)
    large.input, large.output = small.input, small.output
    out.parent.mkdir(parents=True, exist_ok=True)
    save(large, out)
    say(out, f"has {sum(p.numel() for p in large.net.parameters()):,} weights of {sum(p.numel() for p in small.net.parameters()):,}")


def average(out: Path, weights: list[Path]) -> None:
    """The mean of what each has learned; what was fitted is the first one's."""
    import torch

    from aural.system import load, save

    systems = [load(path) for path in weights]
    nets = [system.net.state_dict() for system in systems]
    mean = {k: torch.stack([net[k].double() for net in nets]).mean(0).to(v.dtype) for k, v in nets[0].items()}
    systems[0].net.load_state_dict(mean)
    out.parent.mkdir(parents=True, exist_ok=True)
    save(systems[0], out)
    say(out, "is the mean of", len(weights))


def held_out(system: Any, folders: str) -> list[Any]:
    from aural.data.songs import FolderOfSongs

    songs = [FolderOfSongs(folder, fields_of(system)) for folder in folders.split(",")]
    return [folder(i) for folder in songs for i in range(folder.size)]


def beatless(packs: str, seconds: float = 30.0, many: int = 24) -> list[Any]:
    """Half minutes of sounds without a beat, joined out of each pack's; what is for tests, has no known licence, or ticks, is left out."""
    import numpy as np

    from aural import Events, Example, Sound
    from aural.sound import Recording

    examples = []
    for pack in packs.split(","):
        table = next((Path(os.environ["AURAL_DATA"]) / pack).glob("*.csv"))
        with table.open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if "only" not in row.get("role", "") and row.get("fold") != "5"]
        rows = [r for r in rows if r["licence"].startswith(("CC0", "CC-BY", "CC BY", "public")) and r.get("esc10_class") != "Clock tick"]
        paths = [table.parent / rows[i]["file"] for i in np.random.default_rng(0).permutation(len(rows))]
        for number in range(many):
            joined: list[np.ndarray] = []
            while paths and sum(map(len, joined)) < seconds * 22_050:
                joined.append(Recording(str(paths.pop())).read().at(22_050).samples.mean(0))
            if joined:
                sound = Sound(np.concatenate(joined)[None], 22_050)
                examples.append(Example({"name": f"{pack}-{number}", "sound": sound, "beats": Events(np.zeros(0), ())}))
    return examples


def confide(weights: Path, folders: str, without: str) -> None:
    """Fits what a confidence means (and thresholds, where an output has some), and saves the weights again."""
    from aural.running import adapt
    from aural.system import load, save

    system = load(weights)
    silent = beatless(without) if without else []
    adapt(system, [*held_out(system, folders), *silent])
    save(system, weights)
    say("fitted on", folders, *([len(silent), "half minutes of", without] if without else []))


def score(weights: Path, folders: str) -> None:
    from aural.running import run
    from aural.system import load

    warnings.filterwarnings("ignore", module="mir_eval")
    system = load(weights)
    rows: list[dict[str, Any]] = []
    for example in held_out(system, folders):
        made = run(system, {"sound": example["sound"]})
        row: dict[str, Any] = {"name": example["name"], "strata": example["strata"]}
        for task in system.tasks:
            if task.makes in example and task.makes in made:
                row[task.name] = task.score(example[task.makes], made[task.makes])
        rows.append(row)
        say(row["name"], row["strata"], *(round(next(iter(row[t.name].values())), 3) for t in system.tasks if t.name in row))
    for task in system.tasks:
        scores = [row[task.name] for row in rows if task.name in row]
        if scores:
            means = {k: [s[k] for s in scores if k in s] for k in dict.fromkeys(key for s in scores for key in s)}
            say(task.name, {k: round(sum(v) / len(v), 4) for k, v in means.items()}, len(scores))
    weights.with_suffix(".figures.json").write_text(json.dumps(rows, indent=1))


def main(argv: list[str]) -> None:
    verb, *rest = argv
    places = [word for word in rest if "=" not in word]
    defaults = {
        "system": "beat/groove",
        "minutes": "8",
        "on": "mixed:0",
        "seed": "0",
        "jobs": "16",
        "share": "0.2",
        "pack": "unlabelled_music",
    }
    options = {**defaults, "keep": "0.9", "sure": "0.9", **dict(word.split("=", 1) for word in rest if "=" in word)}
    if verb == "learn":
        learn(Path(places[0]), options)
    elif verb == "label":
        label(Path(places[0]), Path(places[1]), options)
    elif verb == "grow":
        grow(Path(places[0]), Path(places[1]), options)
    elif verb == "average":
        average(Path(places[0]), [Path(place) for place in places[1:]])
    elif verb == "confide":
        confide(Path(places[0]), places[1], options.get("beatless", ""))
    elif verb == "score":
        score(Path(places[0]), places[1])
    else:
        raise SystemExit(f"{verb}: learn, label, grow, average, confide or score")


if __name__ == "__main__":
    main(sys.argv[1:])
