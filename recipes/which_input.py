"""Which input, which first layer? Trains every classifier of the survey's third section on the same sounds, with few and with many labels.

    python recipes/which_input.py OUT [steps=600] [jobs=6] [minutes=9] [seeds=0,1,2] [to=results/which-input.md]
    python recipes/which_input.py OUT steps=2 limit=4 batch=2 budgets=0.1 seeds=0 jobs=0      (a rehearsal; its figures mean nothing)
    python recipes/which_input.py OUT only=tag/sample_cnn,tag/choi16 data=notes,esc10 budgets=0.1,1 folds=1,2,3,4,5

Sounds    notes: philharmonia_notes, tested on pitches that are not learned from; esc10: official folds, the fifth unless `folds` says
          otherwise; digits and speakers: fsdd_digits, official split (the speakers are the same six)
Budgets   a share of the labels, at least one of each class, drawn by the seed
Beside    means and deviations of MFCC and of their differences over a clip, and a support vector machine (needs scikit-learn)
Data      three packs of 40 MB together; elsewhere a folder with them is enough: AURAL_DATA=.carry/data (recipes/there.sh)
Files     OUT/rows/*.json, one a training, which is not repeated when it is there: run again until nothing is missing. OUT/which-input.md
"""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

STARTED = time.time()
DATA = {
    "notes": ("philharmonia_notes", "instrument"),
    "esc10": ("esc10", "label"),
    "digits": ("fsdd_digits", "digit"),
    "speakers": ("fsdd_digits", "speaker"),
}
BASELINE = "MFCC statistics + SVM"
# What is trained: a system and its options. Those of speech hear speakers in place of digits.
SYSTEMS: list[tuple[str, dict[str, Any]]] = [
    *[("tag/choi16", {"input": name}) for name in ("logmel", "stft", "mfcc", "cqt")],
    *[("tag/pons16", {"kind": name}) for name in ("black-box", "time", "frequency", "both")],
    *[("tag/dieleman_schrauwen14", {"input": name}) for name in ("mel", "waveform")],
    ("tag/sample_cnn", {}),
    *[("tag/sample_cnn_se", {"block": name}) for name in ("se", "rese")],
    ("tag/multiscale", {}),
    ("tag/harmonic_cnn", {}),
    ("instrument/pitch_spiral", {}),
    ("speech/sincnet", {}),
    ("speech/gabor_cnn", {}),
]
ALSO_SPEAKERS = [("tag/choi16", {"input": "logmel"}), ("tag/sample_cnn", {}), ("tag/dieleman_schrauwen14", {"input": "mel"})]
# Nets of a fixed length are as long as the clips are: 2 s, 5 s, and a word.
SIZES: dict[str, dict[str, dict[str, Any]]] = {
    "tag/choi16": {
        "notes": {"frames": 96, "pools": (2, 3, 4, 4)},
        "esc10": {"frames": 240, "pools": (3, 4, 4, 5)},
        "words": {"frames": 48, "pools": (2, 2, 3, 4)},
    },
    "tag/dieleman_schrauwen14": {"notes": {"seconds": 2.0}, "words": {"seconds": 1.0}},
    "tag/sample_cnn": {"words": {"rate": 8000, "blocks": 7}},
    "tag/sample_cnn_se": {"words": {"rate": 8000, "blocks": 7}},
    "tag/multiscale": {"notes": {"seconds": 2.0}, "words": {"seconds": 1.0}},
    "tag/harmonic_cnn": {"notes": {"seconds": 2.0}, "words": {"seconds": 1.0}},
    "instrument/pitch_spiral": {"notes": {"seconds": 2.0}, "words": {"seconds": 1.0}},
}


def say(*words: object) -> None:
    print(f"[{time.time() - STARTED:6.1f} s]", *words, flush=True)


def label(name: str, options: Mapping[str, Any]) -> str:
    return " ".join([name, *options.values()])


def plan(settings: Mapping[str, str]) -> list[tuple[str, dict[str, Any], str]]:
    """(system, options, data) of what is asked for, as far as the systems exist."""
    from aural.registry import names

    known, wanted = names(), settings["only"].split(",") if settings["only"] else []
    chosen = settings["data"].split(",")
    made: list[tuple[str, dict[str, Any], str]] = []
    for name, options in [(BASELINE, {}), *SYSTEMS]:
        if (wanted and name not in wanted and label(name, options) not in wanted) or (name != BASELINE and name not in known):
            continue
        for data in chosen:
            speech = name.startswith("speech/")
            if name == BASELINE or data in ("notes", "esc10") or (speech == (data == "speakers")) or (name, options) in ALSO_SPEAKERS:
                made.append((name, options, data))
    return made


def clips(data: str, fold: str, limit: int) -> tuple[list[Any], list[Any]]:
    """Examples to learn from and to test on. With a limit, so many of each, spread over the classes."""
    from aural.data import source

    pack, field = DATA[data]
    sides = [[found(i) for i in range(found.size)] for found in (source(pack, "train"), source(pack, "test"))]
    if data == "esc10":
        both = [*sides[0], *sides[1]]
        sides = [[e for e in both if (f"fold{fold}" in e["strata"]) == test] for test in (False, True)]
    if limit:
        sides = [[e for _, e in sorted(zip(_rounds(side, field), side, strict=True), key=lambda pair: pair[0])][:limit] for side in sides]
    return sides[0], sides[1]


def _rounds(examples: Sequence[Any], field: str) -> list[int]:
    """How many of its class came before each example."""
    seen: dict[str, int] = {}
    made = []
    for example in examples:
        word = example[field].name
        made.append(seen.get(word, 0))
        seen[word] = made[-1] + 1
    return made


def share(examples: Sequence[Any], field: str, budget: float, seed: int) -> list[Any]:
    """So large a share of each class, at least one."""
    rng = np.random.default_rng((seed, round(1e6 * budget)))
    kept: list[int] = []
    for word in sorted({e[field].name for e in examples}):
        own = [i for i, e in enumerate(examples) if e[field].name == word]
        kept += rng.permutation(own)[: max(1, round(budget * len(own)))].tolist()
    return [examples[i] for i in sorted(kept)]


def in_memory(examples: Sequence[Any], rate: int) -> list[Any]:
    """Sounds read and resampled once, not at every step."""
    from aural.annotations import Example

    return [Example({**e, "sound": e["sound"].read().mono().at(rate)}) for e in examples]


def multiply_adds(system: Any, example: Any) -> int:
    """Of the net, for one clip: what its convolutions and matrix products take."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    x, _ = system.collate([example], truth=False)
    features = system.features(x)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        system(features)
    return int(counter.get_total_flops()) // 2


def one(name: str, options: Mapping[str, Any], data: str, out: Path, settings: Mapping[str, str]) -> None:
    """Every budget, seed and fold of one system on one data set."""
    folds = settings["folds"].split(",") if data == "esc10" else ["-"]
    for fold in folds:
        wanted = [
            (float(budget), int(seed), row)
            for budget in settings["budgets"].split(",")
            for seed in settings["seeds"].split(",")
            if not (row := row_of(name, options, data, fold, budget, seed, out)).exists()
        ]
        if not wanted:
            continue
        train_on, test_on = clips(data, fold, int(settings["limit"]))
        field = DATA[data][1]
        words = tuple(sorted({e[field].name for e in [*train_on, *test_on]}))
        learner = support_vectors(train_on, test_on) if name == BASELINE else None
        if learner is None:
            rate = _rate(_system(name, options, data, words))
            train_on, test_on = in_memory(train_on, rate), in_memory(test_on, rate)
        for budget, seed, row in wanted:
            few = share(train_on, field, budget, seed)
            figures = learner(few, field, seed) if learner else learn(name, options, data, words, few, test_on, seed, settings)
            about = {"system": label(name, options), "data": data, "fold": fold, "budget": budget, "seed": seed}
            made = {**about, "clips": len(few), "tests": len(test_on), "steps": settings["steps"], "limit": settings["limit"], **figures}
            row.parent.mkdir(parents=True, exist_ok=True)
            row.write_text(json.dumps(made, indent=1))
            say(made["system"], data, f"budget {budget:g}", f"accuracy {figures['accuracy']:.3f}", f"in {figures['seconds']:.1f} s")


def row_of(name: str, options: Mapping[str, Any], data: str, fold: str, budget: str, seed: str, out: Path) -> Path:
    words = [*label(name, options).replace("/", " ").replace("+", "").split(), data, fold, f"{float(budget):g}", seed]
    return out / "rows" / f"{'_'.join(words)}.json"


def _system(name: str, options: Mapping[str, Any], data: str, words: tuple[str, ...]) -> Any:
    from aural.system import build

    sizes = SIZES.get(name, {}).get(data if data in ("notes", "esc10") else "words", {})
    return build(name, labels=words, of=DATA[data][1], **options, **sizes)


def _rate(system: Any) -> int:
    return int(next(m.rate for m in system.input.modules() if getattr(m, "rate", None)))


def learn(
    name: str,
    options: Mapping[str, Any],
    data: str,
    words: tuple[str, ...],
    few: Sequence[Any],
    test_on: Sequence[Any],
    seed: int,
    settings: Mapping[str, str],
) -> dict[str, Any]:
    """Accuracy on the test clips with its 95 % interval over clips, parameters, multiply-adds a clip, seconds of training."""
    import torch

    from aural.evaluation import evaluate
    from aural.nets.blocks import parameters
    from aural.training import Listed, train

    torch.manual_seed(seed)
    system = _system(name, options, data, words)
    system.recipe = replace(system.recipe, batch=int(settings["batch"]), steps=int(settings["steps"]), rate=float(settings["rate"]))
    size = {"parameters": parameters(system.net), "multiply_adds": multiply_adds(system.eval(), test_on[0])}
    start = time.time()
    with tempfile.TemporaryDirectory() as folder:
        train(system, list(few), out=folder, seed=seed, every=10**9, device=settings["device"])
    seconds = time.time() - start
    device = "cuda" if torch.cuda.is_available() and settings["device"] in ("auto", "cuda") else "cpu"
    report = evaluate(system.to(device).eval(), Listed(list(test_on), data))
    found = report.figures()["accuracy"]
    kind = torch.cuda.get_device_name() if device == "cuda" else "processor"
    return {"accuracy": found.value, "low": found.low, "high": found.high, **size, "seconds": round(seconds, 1), "device": kind}


def support_vectors(train_on: Sequence[Any], test_on: Sequence[Any]) -> Any:
    """few, field, seed → the figures of the baseline."""
    import torch
    from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
    from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]
    from sklearn.svm import SVC  # type: ignore[import-untyped]

    from aural.evaluation import bootstrap
    from aural.representations import MFCC

    mfcc = MFCC(22_050, 512, 2048, 128, 20)

    def statistics(example: Any) -> np.ndarray:
        with torch.no_grad():
            x = mfcc(mfcc.read(example)[None])[0, 0].numpy()
        changes = np.diff(x, axis=1) if x.shape[1] > 1 else np.zeros_like(x)
        return np.concatenate([side for y in (x, changes) for side in (y.mean(1), y.std(1))])

    known = {id(example): statistics(example) for example in [*train_on, *test_on]}

    def learner(few: Sequence[Any], field: str, seed: int) -> dict[str, Any]:
        start = time.time()
        machine = make_pipeline(StandardScaler(), SVC(C=10.0, random_state=seed))
        machine.fit([known[id(e)] for e in few], [e[field].name for e in few])
        seconds = time.time() - start
        found = bootstrap((machine.predict([known[id(e)] for e in test_on]) == [e[field].name for e in test_on]).astype(float))
        return {
            "accuracy": found.value, "low": found.low, "high": found.high, "parameters": None, "multiply_adds": None,
            "seconds": round(seconds, 1), "device": "processor",
        }  # fmt: skip

    return learner


# ---- all of them, and the table


def alone(name: str, options: Mapping[str, Any], data: str, out: Path, settings: Mapping[str, str]) -> None:
    """`one` on one thread, the baseline only where there is scikit-learn."""
    import torch

    torch.set_num_threads(1)
    try:
        one(name, options, data, out, settings)
    except ImportError as error:
        if name != BASELINE:
            raise
        say(name, "is left out:", error)


def everything(out: Path, settings: Mapping[str, str], words: Sequence[str]) -> None:
    """One process for each system and data set, `jobs` at a time (0: all in this one); none is begun after `minutes`."""
    running: list[subprocess.Popen[bytes]] = []
    begun: list[subprocess.Popen[bytes]] = []
    (out / "rows").mkdir(parents=True, exist_ok=True)
    for name, options, data in plan(settings):
        while len(running) >= max(1, int(settings["jobs"])):
            time.sleep(0.2)
            running = [process for process in running if process.poll() is None]
        if time.time() - STARTED > 60 * float(settings["minutes"]):
            say("no time is left for", label(name, options), data)
            continue
        if settings["jobs"] == "0":
            alone(name, options, data, out, settings)
            continue
        command = [sys.executable, __file__, str(out), *words, f"one={name}|{json.dumps(options)}|{data}"]
        running.append(subprocess.Popen(command))
        begun.append(running[-1])
    for process in running:
        with contextlib.suppress(subprocess.TimeoutExpired):  # what is not done comes at the next call; every finished row is kept
            process.wait(max(1.0, 60 * float(settings["minutes"]) - (time.time() - STARTED)))
        if process.poll() is None:
            process.terminate()
    failed = sum(1 for process in begun if process.wait())
    if failed:
        say(failed, "of", len(begun), "did not come to their end; run again for what is missing")


def rows(out: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((out / "rows").glob("*.json")):
        yield json.loads(path.read_text())


def table(out: Path, command: str) -> str:
    """Markdown: the command, then a table for each data set, a row for each system and a column for each budget."""
    found = list(rows(out))
    budgets = sorted({r["budget"] for r in found})
    steps = ", ".join(sorted({str(r["steps"]) for r in found}))
    lines = [f"`{command}`", "", f"Nets learn for {steps} steps, whatever their size and however few the labels."]
    if any(int(r["limit"]) for r in found):
        lines += ["", "A rehearsal on a few clips: these figures mean nothing."]
    order = [BASELINE, *(label(name, options) for name, options in SYSTEMS)]
    for data, (pack, field) in DATA.items():
        own = [r for r in found if r["data"] == data]
        if not own:
            continue
        tests = max(r["tests"] for r in own)
        lines += ["", f"## {data}: {field} of {pack}, {len({r['fold'] for r in own})} fold(s) of {tests} test clips", ""]
        lines.append(
            "| system | parameters | multiply-adds a clip | seconds of training | " + " | ".join(f"{100 * b:g} %" for b in budgets) + " |"
        )
        lines.append("|---|--:|--:|--:|" + "--:|" * len(budgets))
        for name in order:
            mine = [r for r in own if r["system"] == name]
            if not mine:
                continue
            cells = []
            for budget in budgets:
                values = [r["accuracy"] for r in mine if r["budget"] == budget]
                spread = f" ± {np.std(values):.3f}" if len(values) > 1 else ""
                cells.append(f"{np.mean(values):.3f}{spread}" if values else "")
            size, adds = mine[0]["parameters"], mine[0]["multiply_adds"]
            shown = ["" if size is None else f"{size:,}", "" if adds is None else f"{adds / 1e6:,.0f} M"]
            seconds = np.mean([r["seconds"] for r in mine])
            lines.append(f"| {name} | {shown[0]} | {shown[1]} | {seconds:.1f} | {' | '.join(cells)} |")
    devices = ", ".join(sorted({r["device"] for r in found}))
    return "\n".join([*lines, "", f"Accuracy: mean and deviation over seeds and folds. Trained on: {devices}.", ""])


DEFAULTS = {
    "steps": "600",
    "batch": "32",
    "rate": "1e-3",
    "jobs": "6",
    "minutes": "9",
    "seeds": "0,1,2",
    "folds": "5",
    "budgets": "0.01,0.1,1",
    "data": ",".join(DATA),
    "only": "",
    "limit": "0",
    "device": "auto",
    "to": "",
    "one": "",
}


def main(argv: list[str]) -> None:
    out, words = Path(argv[0]), argv[1:]
    given = dict(word.split("=", 1) for word in words)
    unknown = set(given) - set(DEFAULTS)
    if unknown:
        raise SystemExit(f"which_input.py: no setting {', '.join(sorted(unknown))}; there are {', '.join(DEFAULTS)}")
    settings = {**DEFAULTS, **given}
    if settings["one"]:
        name, options, data = settings["one"].split("|")
        alone(name, json.loads(options), data, out, settings)
        return
    everything(out, settings, words)
    text = table(out, shlex.join(["python", "recipes/which_input.py", *argv]))
    (out / "which-input.md").write_text(text)
    if settings["to"]:
        Path(settings["to"]).parent.mkdir(parents=True, exist_ok=True)
        Path(settings["to"]).write_text(text)
    print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
