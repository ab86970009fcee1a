"""Which input, which first layer? Trains every classifier of the survey's third section on the same sounds, with few and with many labels.

    python recipes/which_input.py OUT [steps=400] [jobs=6] [minutes=8.5] [seeds=0,1] [precision=bf16-mixed]
        (all GPUs that there are; 12 jobs for each are about enough)
    python recipes/which_input.py OUT minutes=0 to=results/which-input.md                 (the table of the rows that are there)
    python recipes/which_input.py OUT steps=2 limit=4 batch=2 budgets=0.1 seeds=0 jobs=0  (a rehearsal; its figures mean nothing)
    python recipes/which_input.py OUT only=tag/sample_cnn,tag/choi16 data=notes,esc10 budgets=1,0.1 folds=1,2,3,4,5

Sounds    notes: philharmonia_notes, tested on pitches that are not learned from; esc10: official folds, the fifth unless `folds` says
          otherwise; digits and speakers: fsdd_digits, official split (the speakers are the same six); mixtures: made songs of 10 s,
          which families of instruments are heard (several words a clip), tested on fonts that are not learned from
Budgets   a share of the labels, at least one of each class, drawn by the seed
Figures   accuracy; of mixtures the area under the ROC curve, the mean over words (beside it in the rows: precision and recall's)
Order     the first seed with the first budget on all data, then its other budgets, then the next seed: whenever time ends, what is
          there can be compared
Beside    means and deviations of MFCC and of their differences over a clip, and a support vector machine (needs scikit-learn)
Data      three packs of 40 MB together, and made_mixtures of 30 MB, which recipes/mixtures.py makes; elsewhere a folder with them is
          enough: recipes/carry_inputs.sh
Files     OUT/rows.jsonl, one line a training, written as it ends and not repeated: run again until nothing is missing.
          OUT/command.txt, OUT/which-input.md
"""

from __future__ import annotations

import functools
import json
import multiprocessing
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

STARTED = time.time()
os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")  # or who asks for a GPU before forking leaves none to the children
DATA = {
    "notes": ("philharmonia_notes", "instrument"),
    "esc10": ("esc10", "label"),
    "digits": ("fsdd_digits", "digit"),
    "speakers": ("fsdd_digits", "speaker"),
    "mixtures": ("made_mixtures", "tags"),
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
LONG = {"notes": "notes", "esc10": "esc10", "mixtures": "esc10"}  # data that all systems hear, and which lengths of nets suit it
ALSO_SPEAKERS = [("tag/choi16", {"input": "logmel"}), ("tag/sample_cnn", {}), ("tag/dieleman_schrauwen14", {"input": "mel"})]
# Nets of a fixed length are as long as the clips are: 2 s, 5 s (half a mixture), and a word.
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
            if name == BASELINE or data in LONG or (speech == (data == "speakers")) or (name, options) in ALSO_SPEAKERS:
                made.append((name, options, data))
    return made


@functools.cache
def recorded(pack: str, jobs: int) -> tuple[list[Any], list[Any]]:
    """Examples to learn from and to test on, each sound read once, as one channel."""
    from aural.data import source

    sides = []
    for split in ("train", "test"):
        found = source(pack, split)
        sides.append([found(i) for i in range(found.size)])
    return _altered(sides[0], _read, jobs), _altered(sides[1], _read, jobs)


@functools.cache
def resampled(pack: str, rate: int, jobs: int) -> tuple[list[Any], list[Any]]:
    """The same at a rate: once for all trainings, not at every step."""
    train_on, test_on = recorded(pack, jobs)
    return _altered(train_on, functools.partial(_at, rate=rate), jobs), _altered(test_on, functools.partial(_at, rate=rate), jobs)


def _read(sound: Any) -> Any:
    return sound.read().mono()


def _at(sound: Any, rate: int) -> Any:
    return sound.at(rate)


def _altered(examples: Sequence[Any], change: Any, jobs: int) -> list[Any]:
    from aural.annotations import Example

    with ThreadPoolExecutor(max(1, jobs)) as threads:
        sounds = list(threads.map(change, [e["sound"] for e in examples]))
    return [Example({**e, "sound": sound}) for e, sound in zip(examples, sounds, strict=True)]


def clips(data: str, fold: str, rate: int, settings: Mapping[str, str]) -> tuple[list[Any], list[Any]]:
    """Examples to learn from and to test on. With a limit, so many of each, spread over the classes."""
    pack, field = DATA[data]
    jobs, limit = int(settings["jobs"]), int(settings["limit"])
    sides = list(resampled(pack, rate, jobs) if rate else recorded(pack, jobs))
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
        word = words_of(example, field)[0]
        made.append(seen.get(word, 0))
        seen[word] = made[-1] + 1
    return made


def words_of(example: Any, field: str) -> tuple[str, ...]:
    """What holds of an example: one word, or several."""
    value = example[field]
    return tuple(word.name for word in value) if isinstance(value, tuple) else (value.name,)


def share(examples: Sequence[Any], field: str, budget: float, seed: int) -> list[Any]:
    """So large a share of each class, at least one. Of clips with several words: a share of all, and one more for each word that
    none of them has."""
    rng = np.random.default_rng((seed, round(1e6 * budget)))
    if field == "tags":
        order = rng.permutation(len(examples)).tolist()
        chosen = order[: max(1, round(budget * len(examples)))]
        for word in sorted({word for e in examples for word in words_of(e, field)}):
            if not any(word in words_of(examples[i], field) for i in chosen):
                chosen.append(next(i for i in order if word in words_of(examples[i], field)))
        return [examples[i] for i in sorted(chosen)]
    kept: list[int] = []
    for word in sorted({e[field].name for e in examples}):
        own = [i for i, e in enumerate(examples) if e[field].name == word]
        kept += rng.permutation(own)[: max(1, round(budget * len(own)))].tolist()
    return [examples[i] for i in sorted(kept)]


def multiply_adds(system: Any, example: Any) -> int:
    """Of the net, for one clip: what its convolutions and matrix products take."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    x, _ = system.collate([example], truth=False)
    features = system.features(x)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        system(features)
    return int(counter.get_total_flops()) // 2


@dataclass(frozen=True)
class Task:
    """One system on one data set: one training, or all budgets and seeds of the baseline, which shares its features."""

    name: str
    options: Mapping[str, Any]
    data: str
    fold: str
    cells: tuple[tuple[float, int], ...]

    def keys(self) -> list[tuple[Any, ...]]:
        return [(label(self.name, self.options), self.data, self.fold, budget, seed) for budget, seed in self.cells]


KEY = ("system", "data", "fold", "budget", "seed")


def tasks(settings: Mapping[str, str], done: set[tuple[Any, ...]]) -> list[Task]:
    """What is left to do, the most useful first."""
    budgets, seeds = [float(b) for b in settings["budgets"].split(",")], [int(s) for s in settings["seeds"].split(",")]
    chosen = plan(settings)
    made = []
    for first, cell in enumerate((budget, seed) for seed in seeds for budget in budgets):
        for data in dict.fromkeys(data for _, _, data in chosen):
            for fold in settings["folds"].split(",") if data == "esc10" else ["-"]:
                for name, options, _ in (p for p in chosen if p[2] == data):
                    cells = [cell] if name != BASELINE else [(b, s) for s in seeds for b in budgets] if not first else []
                    task = Task(name, options, data, fold, tuple(cells))
                    left = tuple(cell for cell, key in zip(cells, task.keys(), strict=True) if key not in done)
                    if left:
                        made.append(replace(task, cells=left))
    return made


def one(task: Task, settings: Mapping[str, str]) -> list[dict[str, Any]]:
    """The rows of a task."""
    import torch

    torch.set_num_threads(1)
    baseline = task.name == BASELINE
    train_on, test_on = clips(task.data, task.fold, 0 if baseline else rate_of(task), settings)
    field = DATA[task.data][1]
    words = _words(train_on, test_on, field)
    learner = support_vectors(train_on, test_on) if baseline else None
    made = []
    for key, (budget, seed) in zip(task.keys(), task.cells, strict=True):
        few = share(train_on, field, budget, seed)
        figures = learner(few, field, seed) if learner else learn(task, words, few, test_on, seed, settings)
        often = max(sum(word in words_of(e, field) for e in test_on) for word in words) / len(test_on)
        about = {name: settings[name] for name in ("steps", "batch", "rate", "precision", "jobs", "limit")}
        made.append({**dict(zip(KEY, key, strict=True)), "clips": len(few), "tests": len(test_on), "chance": often, **about, **figures})
    return made


def _words(train_on: Sequence[Any], test_on: Sequence[Any], field: str) -> tuple[str, ...]:
    return tuple(sorted({word for e in [*train_on, *test_on] for word in words_of(e, field)}))


def rate_of(task: Task) -> int:
    """Of the sound that a system hears."""
    system = _system(task.name, task.options, task.data, ("a", "b"))
    return int(next(m.rate for m in system.input.modules() if getattr(m, "rate", None)))


def _system(name: str, options: Mapping[str, Any], data: str, words: tuple[str, ...]) -> Any:
    from aural.system import build

    sizes = SIZES.get(name, {}).get(LONG.get(data, "words"), {})
    return build(name, labels=words, of=DATA[data][1], **options, **sizes)


def learn(
    task: Task, words: tuple[str, ...], few: Sequence[Any], test_on: Sequence[Any], seed: int, settings: Mapping[str, str]
) -> dict[str, Any]:
    """Figures on the test clips with their 95 % interval over clips, parameters, multiply-adds a clip, seconds of training."""
    import torch

    from aural.nets.blocks import parameters
    from aural.training import train

    torch.manual_seed(seed)
    system = _system(task.name, task.options, task.data, words)
    system.recipe = replace(system.recipe, batch=int(settings["batch"]), steps=int(settings["steps"]), rate=float(settings["rate"]))
    size = {"parameters": parameters(system.net), "multiply_adds": multiply_adds(system.eval(), test_on[0])}
    device = settings["device"] if settings["device"] != "auto" else own_device()
    precision: Any = settings["precision"] if device != "cpu" else "32-true"
    start = time.time()
    with tempfile.TemporaryDirectory() as folder:
        train(system, list(few), out=folder, seed=seed, every=10**9, device=device, precision=precision)
    seconds = time.time() - start
    found = figures(*answers(system.to(device).eval(), test_on, device), DATA[task.data][1])
    kind = "processor" if device == "cpu" else f"{torch.cuda.get_device_name(device)}, {precision}"
    system.cpu()
    if device != "cpu":
        torch.cuda.empty_cache()
    return {**found, **size, "seconds": round(seconds, 1), "device": kind}


def own_device() -> str:
    """The processor, or one of the GPUs: processes take them in turns."""
    import torch

    if not torch.cuda.is_available():
        return "cpu"
    number = next(iter(multiprocessing.current_process()._identity), 0)
    return f"cuda:{number % torch.cuda.device_count()}"


def answers(system: Any, examples: Sequence[Any], device: str, batch: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """What a system says, (example, word), and the truth: the number of its class, or (example, word) zeros and ones."""
    import torch

    from aural.part import to

    said, truth = [], []
    with torch.no_grad():
        for first in range(0, len(examples), batch):
            x, y = system.collate(examples[first : first + batch])
            said.append(system.estimate(system.features(to(x, torch.device(device)))).float().cpu().numpy())
            truth.append(y.numpy())
    return np.concatenate(said), np.concatenate(truth)


def figures(said: np.ndarray, truth: np.ndarray, field: str) -> dict[str, float]:
    """Accuracy; of several words a clip the mean areas under the curves; with the 95 % interval of the first over clips."""
    from aural.evaluation import bootstrap
    from aural.tasks.tag import areas

    if field != "tags":
        found = bootstrap((said.argmax(1) == truth).astype(float).tolist())
        return {"accuracy": found.value, "low": found.low, "high": found.high}
    rng = np.random.default_rng(0)
    others = [areas(truth[own] > 0.5, said[own])["ROC-AUC"] for own in rng.integers(len(truth), size=(300, len(truth)))]
    low, high = np.nanpercentile(others, [2.5, 97.5])
    whole = areas(truth > 0.5, said)
    return {"roc_auc": whole["ROC-AUC"], "low": float(low), "high": float(high), "pr_auc": whole["PR-AUC"]}


def support_vectors(train_on: Sequence[Any], test_on: Sequence[Any]) -> Any:
    """few, field, seed → the figures of the baseline."""
    import torch
    from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
    from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]
    from sklearn.svm import SVC  # type: ignore[import-untyped]

    from aural.representations import MFCC

    mfcc = MFCC(22_050, 512, 2048, 128, 20)

    def statistics(example: Any) -> np.ndarray:
        with torch.no_grad():
            x = mfcc(mfcc.read(example)[None])[0, 0].numpy()
        changes = np.diff(x, axis=1) if x.shape[1] > 1 else np.zeros_like(x)
        return np.concatenate([side for y in (x, changes) for side in (y.mean(1), y.std(1))])

    known = {id(example): statistics(example) for example in [*train_on, *test_on]}

    def learner(few: Sequence[Any], field: str, seed: int) -> dict[str, Any]:
        def machine(right: Sequence[Any]) -> Any:
            return make_pipeline(StandardScaler(), SVC(C=10.0, random_state=seed)).fit([known[id(e)] for e in few], right)

        start = time.time()
        words, hears = _words(train_on, test_on, field), [known[id(e)] for e in test_on]
        truth = np.array([[word in words_of(e, field) for word in words] for e in test_on], dtype=float)
        said = np.zeros(truth.shape)
        if field == "tags":  # a machine for each word that some have and others have not
            for k, word in enumerate(words):
                right = [word in words_of(e, field) for e in few]
                if 0 < sum(right) < len(right):
                    said[:, k] = machine(right).decision_function(hears)
        else:
            told = machine([words_of(e, field)[0] for e in few]).predict(hears)
            said, truth = np.array([[word == one for word in words] for one in told], dtype=float), truth.argmax(1)
        seconds = time.time() - start
        nothing = {"parameters": None, "multiply_adds": None}
        return {**figures(said, truth, field), **nothing, "seconds": round(seconds, 1), "device": "processor"}

    return learner


# ---- all of them, and the table


def attempt(task: Task, settings: Mapping[str, str]) -> list[dict[str, Any]] | str:
    """The rows of a task, or why there are none."""
    try:
        return one(task, settings)
    except Exception as error:  # one that fails must not end the others
        return f"{label(task.name, task.options)} {task.data}: {type(error).__name__}: {error}"


def everything(out: Path, settings: Mapping[str, str]) -> None:
    """`jobs` trainings at a time (0: all in this process); after `minutes` those that still go on are given up."""
    out.mkdir(parents=True, exist_ok=True)
    old = [row for row in rows(out) if any(row[name] != settings[name] for name in ("steps", "limit"))]
    if old:
        raise SystemExit(f"which_input.py: {out} holds rows of steps={old[0]['steps']} limit={old[0]['limit']}; give another folder")
    left = tasks(settings, {tuple(row[name] for name in KEY) for row in rows(out)})
    jobs, end = int(settings["jobs"]), STARTED + 60 * float(settings["minutes"])
    packs = Path(os.environ.get("AURAL_DATA", ""))
    lacking = sorted({DATA[task.data][0] for task in left if not (packs / DATA[task.data][0]).is_dir()})
    if lacking:
        hint = "; recipes/mixtures.py makes made_mixtures" if "made_mixtures" in lacking else ""
        raise SystemExit(f"which_input.py: no {', '.join(lacking)} in AURAL_DATA ({packs}); data= says what to leave out{hint}")
    # Sounds are read before the processes are forked, so that all share them.
    heard = {(task.data, task.fold, 0 if task.name == BASELINE else rate_of(task)) for task in left}
    for data, fold, rate in sorted(heard):
        clips(data, fold, rate, settings)
    say(len(left), "trainings to do; sounds are read")
    failed = 0
    for found in map(functools.partial(attempt, settings=settings), left) if not jobs else _forked(left, settings, jobs, end):
        if isinstance(found, str):
            failed += 1
            say("failed:", found)
            continue
        with (out / "rows.jsonl").open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in found)
        for row in found:
            about = f"{'accuracy' if 'accuracy' in row else 'ROC-AUC'} {value(row):.3f} in {row['seconds']:.1f} s"
            say(row["system"], row["data"], f"budget {row['budget']:g} seed {row['seed']}", about)
        if time.time() > end:
            break
    missing = len(tasks(settings, {tuple(row[name] for name in KEY) for row in rows(out)}))
    if missing:
        say(f"{missing} trainings are missing ({failed} failed): run again")


def _forked(left: Sequence[Task], settings: Mapping[str, str], jobs: int, end: float) -> Iterator[list[dict[str, Any]] | str]:
    """What processes find, as it comes, until time ends."""
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        found = pool.imap_unordered(functools.partial(attempt, settings=settings), left)
        while True:
            try:
                yield found.next(max(0.1, end - time.time()))
            except StopIteration:
                return
            except multiprocessing.TimeoutError:
                say("time is over")
                return


def rows(out: Path) -> list[dict[str, Any]]:
    path = out / "rows.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]  # the last line of a killed run may be half


def table(out: Path, command: str) -> str:
    """Markdown: the command (or several, a line each), then a table for each data set, rows are systems and columns budgets."""
    found = rows(out)
    budgets = sorted({r["budget"] for r in found}, reverse=True)
    steps = ", ".join(sorted({f"{r['steps']} steps of {r['batch']} clips" for r in found}))
    commands = "\n\n".join(f"`{line}`" for line in command.splitlines())
    lines = [commands, "", f"Nets learn for {steps}, whatever their size and however few the labels."]
    if any(int(r["limit"]) for r in found):
        lines += ["", "A rehearsal on a few clips: these figures mean nothing."]
    order = [BASELINE, *(label(name, options) for name, options in SYSTEMS)]
    for data, (pack, field) in DATA.items():
        own = [r for r in found if r["data"] == data]
        if not own:
            continue
        tests, chance, folds = max(r["tests"] for r in own), max(r["chance"] for r in own), len({r["fold"] for r in own})
        about = f"{field} of {pack}, {folds} fold{'s' * (folds > 1)} of {tests} test clips, the most frequent class {chance:.3f}"
        if field == "tags":
            about = f"{about[:-6]} in {chance:.3f} of them; area under the ROC curve, the mean over words (0.5 is chance)"
        lines += ["", f"## {data}", "", f"{about[0].upper()}{about[1:]}.", ""]
        lines.append(
            f"| system | parameters | multiply-adds a clip | seconds | {' | '.join(f'{100 * b:g} % of labels' for b in budgets)} |"
        )
        lines.append("|---|--:|--:|--:|" + "--:|" * len(budgets))
        for name in order:
            mine = [r for r in own if r["system"] == name]
            if not mine:
                continue
            cells = [_cell([r for r in mine if r["budget"] == budget]) for budget in budgets]
            size, adds = mine[0]["parameters"], mine[0]["multiply_adds"]
            shown = ["" if size is None else f"{size:,}", "" if adds is None else f"{adds / 1e6:,.0f} M"]
            seconds = np.mean([r["seconds"] for r in mine])
            lines.append(f"| {name} | {shown[0]} | {shown[1]} | {seconds:.1f} | {' | '.join(cells)} |")
    devices = ", ".join(sorted({r["device"] for r in found}))
    jobs = max((int(r["jobs"]) for r in found), default=0)
    beside = f", {jobs} trainings at a time" if jobs > 1 else ""
    lines += ["", "Figures: of one training with its 95 % interval over test clips; of several (seeds, folds) their mean ± deviation."]
    return "\n".join([*lines, f"Seconds: of one training{beside}. Trained on: {devices}.", ""])


def _cell(mine: Sequence[Mapping[str, Any]]) -> str:
    values = [value(r) for r in mine]
    if not values:
        return ""
    return (
        f"{np.mean(values):.3f} ± {np.std(values):.3f}"
        if len(values) > 1
        else f"{values[0]:.3f} [{mine[0]['low']:.3f}, {mine[0]['high']:.3f}]"
    )


def value(row: Mapping[str, Any]) -> float:
    """The figure of a row that the table shows."""
    return float(row.get("accuracy", row.get("roc_auc", float("nan"))))


DEFAULTS = {
    "steps": "400",
    "batch": "32",
    "rate": "1e-3",
    "jobs": "6",
    "minutes": "8.5",
    "seeds": "0,1",
    "folds": "5",
    "budgets": "1,0.1,0.01",
    "data": ",".join(DATA),
    "only": "",
    "limit": "0",
    "device": "auto",
    "precision": "32-true",
    "to": "",
}


def main(argv: list[str]) -> None:
    out, words = Path(argv[0]), argv[1:]
    given = dict(word.split("=", 1) for word in words)
    unknown = set(given) - set(DEFAULTS)
    if unknown:
        raise SystemExit(f"which_input.py: no setting {', '.join(sorted(unknown))}; there are {', '.join(DEFAULTS)}")
    settings = {**DEFAULTS, **given}
    if float(settings["minutes"]) > 0:
        everything(out, settings)
        command, kept = shlex.join(["python", "recipes/which_input.py", "OUT", *words]), out / "command.txt"
        before = kept.read_text().splitlines() if kept.exists() else []
        kept.write_text("\n".join([*before, *([] if command in before else [command])]) + "\n")
    text = table(out, (out / "command.txt").read_text().strip())
    (out / "which-input.md").write_text(text)
    if settings["to"]:
        Path(settings["to"]).parent.mkdir(parents=True, exist_ok=True)
        Path(settings["to"]).write_text(text)
    print(text)


if __name__ == "__main__":
    main(sys.argv[1:])
