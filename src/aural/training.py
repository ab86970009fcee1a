"""Training, through the sentence from left to right: `input.fit`, the objective under Lightning, `output.fit`.

Chance      every example and every update depends only on (seed, step): stopped and resumed is never stopped, bit by bit
Late        a source that makes its sounds on the device has `tables(sound)`, the tensors that one is made of (None: it exists
            already), `untabled()`, those of no sound, and `mixed(tables, rate)`, which makes a batch (clip, 1, time) of them: workers
            send tables, and samples only of what exists. `ready()` is called once before the workers are forked
Optimisers  one AdamW per learner, stepped by hand as the objective's updates come; the others stand still meanwhile
Files       OUT/checkpoint.pt (whole or not at all), OUT/log.jsonl (one object every 50 steps), OUT/weights.safetensors
Source      Loshchilov & Hutter, Decoupled weight decay regularization, ICLR 2019 (AdamW), and SGDR, ICLR 2017 (the cosine);
            Polyak & Juditsky, Acceleration of stochastic approximation by averaging, 1992 (the average of the weights)
"""

from __future__ import annotations

import contextlib
import copy
import json
import math
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from .annotations import Example
from .errors import AuralError, DataError, OptionError
from .objectives import Batch, Fit, Objective
from .part import Part, Parts, Tree, Wrapped, to
from .registry import card
from .representations.framing import SoundPart
from .running import adapt, complete
from .sound import Sound
from .system import System, build, save
from .tasks import Task

LOG_EVERY = 50  # steps; one wait for the device each
WARM_UP = 0.02  # of the whole
CLIP = 1.0
FIT_BATCHES = 8
TABLES, SAMPLES = "(tables)", "(samples)"  # keys of raw inputs that are made late; no part can have such a name
FIT_STEPS = 10**9  # batches that fit draws from are numbered from here, apart from those that are learned from

Listener = Callable[[dict[str, Any]], None]


def train(
    system: System | str,
    source: Any = None,
    *,
    out: Path | str,
    steps: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    device: str = "auto",
    workers: int = 0,
    precision: Literal["32-true", "bf16-mixed"] = "32-true",
    resume: bool = True,
    every: int = 500,
    listener: Listener | None = None,
    augment: Any = None,
    fit_input: bool = True,
) -> System:
    """Trains a system, and leaves its weights in OUT/weights.safetensors.

    Args:
        system: a system, or the name of one, which is built with its defaults (an option `labels` is taken from the source).
        source: a source, its name, or a list of Examples; default: the recipe's.
        out: folder of checkpoint, log and weights.
        steps: default: the recipe's.
        minutes: stop after so long, the schedule following the clock. Resuming goes on, but is not bit-equal then.
        seed: of weights (where the system is a name), examples and all other chance.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        workers: processes that read and cut sounds.
        precision: "bf16-mixed" runs the net, never the features, in bfloat16.
        resume: go on from OUT/checkpoint.pt where there is one.
        every: steps between checkpoints.
        listener: called with each record of the log.
        fit_input: False keeps what the input was fitted to before: for a system that has weights already (fine-tuning).
        augment: an object with `sound(raw, rate, generator)` and `features(x, generator)`; default: the recipe's; False: none.

    Raises:
        AuralError: Lightning is not installed. OptionError: an argument that does not fit, or OUT holds another run's
        checkpoint. DataError: the source has nothing to learn from. UnknownName: no such system or source.
    """
    _lightning()
    if precision not in ("32-true", "bf16-mixed"):
        raise OptionError(f"precision={precision!r}: choose 32-true or bf16-mixed")
    examples = _source(system, source)
    torch.manual_seed(seed)
    system = _built(system, examples) if isinstance(system, str) else system
    steps = system.recipe.steps if steps is None else steps
    if steps < 0 or every < 1:
        raise OptionError(f"steps={steps}, every={every}: steps start at 0, every at 1")
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    if callable(getattr(examples, "ready", None)):
        examples.ready()
    where = _device(device)
    if system.objective is not None:
        learners = system.objective.learners(system)
        for name in system.recipe.optimisers:
            if name not in learners:
                raise OptionError(f"{system.name}: the recipe has optimiser arguments of {name!r}; its learners are {', '.join(learners)}")
    run = Run(
        system, examples, seed, steps, minutes, out, every, workers, _augmentation(system, augment), where, listener or (lambda _: None)
    )
    state = run.saved() if resume else None
    system.to(where)
    if where.type == "cuda":
        # Pictures of 24 channels: 52 ms a step in place of 139.
        system.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if state is None and fit_input:
        run.fit_input()
    if isinstance(system.objective, Fit):
        if state is None:
            run.fit_net()
    elif system.objective is not None:
        run.learn(precision, state)
    system.cpu().eval()
    system.net.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    run.fit_output()
    save(system, out / "weights.safetensors", trained_on=str(getattr(examples, "name", "")), steps=run.done, seed=seed)
    return system


@dataclass
class Listed:
    """A list of examples as a source."""

    examples: Sequence[Example]
    name: str = "examples"

    @property
    def size(self) -> int:
        return len(self.examples)

    def __call__(self, index: int) -> Example:
        return Example(self.examples[index])

    def labels(self, field: str) -> list[str]:
        from .data import words

        return sorted({word for example in self.examples for word in words(example.get(field))})


def draw(system: System, source: Any, seed: int, step: int) -> list[Example]:
    """The examples of a step: the recipe's composer, the source's own (`drawn(n, rng)`) or pieces at random, each cut to the
    recipe's seconds at random (on a whole sample), missing fields of the input made."""
    recipe, rng = system.recipe, np.random.default_rng((seed, step))
    own = getattr(source, "drawn", None)
    drawn = []
    for example in own(recipe.batch, rng) if own and not recipe.batches else (recipe.batches or shuffled)(source, recipe.batch, rng):
        duration = example.duration
        if recipe.seconds and duration and duration > recipe.seconds:
            rate = next((v.rate for v in (example.get("sound"), *example.values()) if hasattr(v, "rate")), 1)
            start = math.floor(rng.uniform(0, duration - recipe.seconds) * rate) / rate
            example = example.cut(start, start + recipe.seconds)
        drawn.append(complete(example, system))
    return drawn


def shuffled(source: Any, n: int, rng: np.random.Generator) -> list[Example]:
    """n pieces at random."""
    return [source(int(i)) for i in rng.integers(0, source.size, n)]


class _Late(Wrapped):
    """A part whose sounds are made on the device: tables in place of samples."""

    def __init__(self, part: Part, source: Any) -> None:
        super().__init__(part)
        self.source = source

    def read(self, example: Example, times: np.ndarray | None = None) -> Tree:
        tables = self.source.tables(example[self.of])
        if tables is None:
            return {TABLES: self.source.untabled(), SAMPLES: self.part.read(example, times)}
        return {TABLES: tables, SAMPLES: torch.zeros(1, 0)}


def _hearing(part: Part) -> SoundPart | None:
    """The part that reads the sound which `part` is a representation of; None where it reads anything else."""
    while isinstance(part, Wrapped) and type(part).read is Wrapped.read:
        part = part.part
    views = list(getattr(part, "views", ()))
    plain = all(type(p).read is SoundPart.read for p in views or [part])
    return part if isinstance(part, SoundPart) and plain else None


def _late(part: Part, source: Any) -> Part:
    """A part, or each part of a dict, that leaves the sounds of this source unmade, where it can."""
    if not hasattr(source, "mixed"):
        return part
    if isinstance(part, Parts):
        return Parts({name: _late(p, source) for name, p in part.items()})
    return part if _hearing(part) is None else _Late(part, source)


@torch.no_grad()
def _made(part: Part, raw: Tree, source: Any) -> Tree:
    """A batch of raw inputs with what workers left unmade."""
    if isinstance(part, Parts):
        return {name: _made(p, raw[name], source) for name, p in part.items()}
    if not (isinstance(raw, Mapping) and TABLES in raw):
        return raw
    hearing = _hearing(part)
    assert hearing is not None
    samples = raw[SAMPLES]
    with torch.autocast(samples.device.type, enabled=False):
        mixed = source.mixed(raw[TABLES], hearing.rate)
    if not samples.shape[-1]:
        return mixed
    length = max(samples.shape[-1], mixed.shape[-1])  # either is silent where the other has something to say
    return sum(nn.functional.pad(x, (0, length - x.shape[-1])) for x in (samples, mixed))


def heard(examples: Sequence[Example], source: Any, device: torch.device) -> list[Example]:
    """Examples whose sounds a source makes, made on a device one by one."""
    out = []
    for example in examples:
        tables = source.tables(example.get("sound")) if hasattr(source, "mixed") else None
        if tables is not None:
            rate = example["sound"].rate
            wave = source.mixed({name: t[None].to(device) for name, t in tables.items()}, rate)
            example = Example({**example, "sound": Sound(wave[0].cpu().numpy(), rate)})
        out.append(example)
    return out


class Steps(Dataset):
    """step → (step, raw inputs, raw targets); what loader workers do."""

    def __init__(self, system: System, source: Any, seed: int) -> None:
        # The copy stays on the processor, whatever device the system goes to: workers are forked and must not touch it.
        self.system, self.source, self.seed = copy.deepcopy(system).cpu().eval(), source, seed
        self.system.input = _late(self.system.input, source)

    def __getitem__(self, step: int) -> tuple[int, Tree, Tree]:
        x, y = self.system.collate(draw(self.system, self.source, self.seed, step))
        return step, x, y

    def loader(self, steps: Sequence[int], workers: int, pin: bool) -> DataLoader:
        """A loader of these steps, in their order."""
        more = {"prefetch_factor": 2, "persistent_workers": True} if workers else {}
        return DataLoader(self, batch_size=None, sampler=steps, num_workers=workers, pin_memory=pin, **more)  # type: ignore[arg-type]


@dataclass
class Run:
    """One training run and its files."""

    system: System
    source: Any
    seed: int
    steps: int
    minutes: float | None
    out: Path
    every: int
    workers: int
    augment: Any
    device: torch.device
    listener: Listener
    done: int = 0
    elapsed: float = 0.0

    # ---- left and right of the net

    def raws(self, first: int, count: int) -> Iterator[tuple[Tree, Tree]]:
        """Raw batches on the device."""
        workers = min(self.workers, count)
        for step, x, y in Steps(self.system, self.source, self.seed).loader(range(first, first + count), workers, False):
            yield self.altered(self.made(to(x, self.device)), step), to(y, self.device)

    def fit_input(self) -> None:
        """Whatever of the input is fitted (means, principal components), on batches as they are learned from."""
        _check_fields(self.system, draw(self.system, self.source, self.seed, 0))
        if any(callable(getattr(m, "fit", None)) for m in self.system.input.modules()):
            _fit(self.system.input, [self.system.unpacked(x) for x, _ in self.raws(FIT_STEPS, FIT_BATCHES)])

    def fit_net(self) -> None:
        """A net without gradients."""
        self.system.eval()
        pairs = [(self.system.features(x), self.system.targets(y)) for x, y in self.raws(0, self.steps)]
        getattr(self.system.net, "fit")(pairs)  # noqa: B009 (any module)
        self.done = self.steps

    def fit_output(self) -> None:
        """Whatever of the output is fitted, on examples that were not drawn before."""
        parts = [p for _, p in self.system.output.items()] if isinstance(self.system.output, Parts) else [self.system.output]
        wanted = [p for p in parts if callable(getattr(p, "fit", None)) and p.fits_in_training]
        if not wanted:
            return
        source = self.source
        if self.system.recipe.fit_data:
            from .data import source as named

            source = named(self.system.recipe.fit_data, task=self.system.task.name)
        batches = (draw(self.system, source, self.seed, FIT_STEPS + FIT_BATCHES + i) for i in range(FIT_BATCHES))
        adapt(self.system, [example for batch in batches for example in heard(batch, source, self.device)])

    # ---- the objective

    def generator(self, step: int) -> torch.Generator:
        """All chance of a step, on the device."""
        return torch.Generator(self.device).manual_seed(_mixed(self.seed, step))

    def made(self, x: Tree) -> Tree:
        """Raw inputs, every one of them made."""
        return self.system.repacked(x, _made(self.system.input, self.system.unpacked(x), self.source))

    def altered(self, x: Tree, step: int) -> Tree:
        """Raw inputs, augmented. Its chance comes from the processor: few numbers, and no wait for the device."""
        generator = torch.Generator().manual_seed(_mixed(self.seed, step) + 2)
        alter = getattr(self.augment, "sound", None)
        if alter is None:
            return x
        rate = next((m.rate for m in self.system.input.modules() if getattr(m, "rate", None)), None)
        with torch.no_grad():
            return x if rate is None else self.system.repacked(x, alter(self.system.unpacked(x), rate, generator))

    def batch(self, step: int, x: Tree, y: Tree) -> Batch:
        """Raw tensors on the device → features and targets."""
        features = self.system.features(self.altered(self.made(x), step))
        alter = getattr(self.augment, "features", None)
        if alter is not None:
            with torch.no_grad():
                features = alter(features, torch.Generator().manual_seed(_mixed(self.seed, step) + 3))
        return Batch(features, self.system.targets(y), self.generator(step), step)

    def progress(self) -> float:
        """Share of the run that is over, by steps or by the clock, in the middle of the step to come."""
        if self.minutes is not None:
            return min(1.0, self.elapsed / (60 * self.minutes))
        return (self.done + 0.5) / max(self.steps, 1)

    def over(self) -> bool:
        return self.done >= self.steps if self.minutes is None else self.elapsed >= 60 * self.minutes

    def rate(self) -> float:
        """Factor of the learning rate: linear warm-up, then constant or half a cosine to zero."""
        share = self.progress()
        falling = 0.5 * (1 + math.cos(math.pi * share)) if self.system.recipe.schedule == "cosine" else 1.0
        return min(1.0, share / WARM_UP) * falling

    def learn(self, precision: str, state: dict[str, Any] | None) -> None:
        """The objective's updates, under Lightning."""
        lightning = _lightning()
        learning = _learning(self)
        if state is not None:
            _take(learning, state["learning"])
            self.done, self.elapsed = int(state["step"]), float(state["elapsed"])
            self._trim_log()
        learning.resumed = state
        if not self.over():
            if state is None:
                (self.out / "log.jsonl").unlink(missing_ok=True)
            last = self.steps if self.minutes is None else FIT_STEPS
            loader = Steps(self.system, self.source, self.seed).loader(range(self.done, last), self.workers, self.device.type == "cuda")
            with _quiet():
                trainer = lightning.Trainer(
                    accelerator={"cpu": "cpu", "cuda": "gpu"}.get(self.device.type, self.device.type),
                    devices=[self.device.index or 0] if self.device.type == "cuda" else 1,
                    precision=precision,
                    max_epochs=1,
                    logger=False,
                    enable_checkpointing=False,
                    enable_progress_bar=False,
                    enable_model_summary=False,
                    use_distributed_sampler=False,
                )
                trainer.fit(learning, loader)
        if learning.average is not None:
            self.system.net.load_state_dict(learning.average.state_dict())

    # ---- files

    @property
    def identity(self) -> dict[str, Any]:
        """What must be equal for a checkpoint to be this run's."""
        return {
            "system": self.system.name,
            "options": json.dumps(self.system.options, sort_keys=True, default=str),
            "seed": self.seed,
            "steps": self.steps if self.minutes is None else -1,
        }

    def saved(self) -> dict[str, Any] | None:
        """The checkpoint, if there is one. Raises OptionError where it is of another run."""
        path = self.out / "checkpoint.pt"
        if not path.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:
            raise OptionError(f"{path}: damaged ({error}); delete it, or train with resume=False") from None
        other = {k: state["identity"].get(k) for k, v in self.identity.items() if state["identity"].get(k) != v}
        if other:
            raise OptionError(f"{path}: a checkpoint of another run ({other}, not {self.identity}); give another folder, or resume=False")
        return state

    def keep(self, state: Mapping[str, Any]) -> None:
        """Writes the checkpoint, whole or not at all."""
        path = self.out / "checkpoint.pt"
        part = path.with_name(f"checkpoint.pt.{os.getpid()}.part")
        torch.save({**state, "identity": self.identity, "step": self.done, "elapsed": self.elapsed}, part)
        os.replace(part, path)

    def log(self, record: dict[str, Any]) -> None:
        with (self.out / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        self.listener(record)

    def _trim_log(self) -> None:
        """Drops what was logged after the checkpoint: it comes again."""
        path = self.out / "log.jsonl"
        if path.exists():
            lines = [line for line in path.read_text(encoding="utf-8").splitlines() if _step_of(line) <= self.done]
            path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


def _learning(run: Run) -> Any:
    """A system and its objective as a LightningModule."""
    lightning = _lightning()
    objective = cast(Objective, run.system.objective)

    class Learning(lightning.LightningModule):  # type: ignore[name-defined, misc]
        automatic_optimization = False

        def __init__(self) -> None:
            super().__init__()
            system = run.system
            self.system = system
            self.average = copy.deepcopy(system.net).requires_grad_(False) if system.recipe.average else None
            self.resumed: dict[str, Any] | None = None
            self.by_name = {k: m for k, m in objective.learners(system).items() if any(p.requires_grad for p in m.parameters())}
            self.recent: dict[str, list[Tensor]] = {}
            self.started = 0.0

        def configure_optimizers(self) -> list[torch.optim.Optimizer]:
            recipe = self.system.recipe
            fused = run.device.type == "cuda"
            return [
                torch.optim.AdamW(
                    [p for p in m.parameters() if p.requires_grad],
                    **{"lr": recipe.rate, "weight_decay": recipe.decay, "fused": fused, **recipe.optimisers.get(k, {})},
                )
                for k, m in self.by_name.items()
            ]

        def on_train_start(self) -> None:
            self.system.train()
            self.system.input.eval()
            self.system.output.eval()
            optimisers = self._optimisers()
            if self.resumed is not None:
                for name, optimiser in optimisers.items():
                    optimiser.optimizer.load_state_dict(self.resumed["optimisers"][name])
            for optimiser in optimisers.values():
                for group in optimiser.param_groups:
                    group.setdefault("peak", group["lr"])
            self.started = self.last = time.monotonic() - run.elapsed
            self.last_step, self.last_time = run.done, time.monotonic()
            if self.resumed is None:
                self.keep()

        def _optimisers(self) -> dict[str, Any]:
            found = self.optimizers()
            return dict(zip(self.by_name, found if isinstance(found, list) else [found], strict=True))

        def training_step(self, raw: Any, _: int) -> None:
            step, x, y = raw
            torch.manual_seed(_mixed(run.seed, step) + 1)  # dropout and the like
            optimisers, factor = self._optimisers(), run.rate()
            for update in objective.updates(self.system, run.batch(step, x, y)):
                optimiser = optimisers[update.of]
                parameters = [p for group in optimiser.param_groups for p in group["params"]]
                for group in optimiser.param_groups:
                    group["lr"] = group["peak"] * factor
                optimiser.zero_grad()
                self.manual_backward(update.loss, inputs=parameters)  # into this learner's parameters alone
                torch.nn.utils.clip_grad_norm_(parameters, CLIP)
                optimiser.step()
                name = "loss" if update.of == "net" else f"loss/{update.of}"
                for key, value in {name: update.loss, **update.logs}.items():
                    self.recent.setdefault(key, []).append(value.detach().float())

        def on_train_batch_end(self, *_: Any) -> None:
            run.done += 1
            if self.average is not None:
                _average(self.average, self.system.net, min(self.system.recipe.average, (1 + run.done) / (10 + run.done)))
            run.elapsed = time.monotonic() - self.started
            last = run.over()
            if run.done % LOG_EVERY == 0 or last:
                self._log()
            if run.done % run.every == 0 and not last:
                self.keep()
            if last:
                self.trainer.should_stop = True

        def _log(self) -> None:
            names = list(self.recent)
            means = torch.stack([torch.stack(self.recent[name]).mean() for name in names]).tolist() if names else []
            self.recent = {}
            now = time.monotonic()
            speed = (run.done - self.last_step) / max(now - self.last_time, 1e-9)
            self.last_step, self.last_time = run.done, now
            logged = dict(zip(names, means, strict=True))
            run.log(
                {
                    "step": run.done,
                    **logged,
                    "rate": self.system.recipe.rate * run.rate(),
                    "seconds": round(run.elapsed, 2),
                    "steps_per_second": round(speed, 2),
                }
            )
            for name, value in logged.items():
                if not math.isfinite(value):
                    raise AuralError(f"training diverged before step {run.done} ({name} is {value}): lower the recipe's rate")

        def keep(self) -> None:
            """The checkpoint."""
            states = {name: optimiser.optimizer.state_dict() for name, optimiser in self._optimisers().items()}
            run.keep({"learning": self.state_dict(), "optimisers": states})

        def on_train_end(self) -> None:
            self.keep()

    return Learning()


@torch.no_grad()
def _average(average: nn.Module, net: nn.Module, decay: float) -> None:
    """average ← decay · average + (1 - decay) · net; counters and the like are copied."""
    mine, theirs = average.state_dict(), net.state_dict()
    real = [name for name, tensor in mine.items() if tensor.is_floating_point()]
    torch._foreach_lerp_([mine[n] for n in real], [theirs[n] for n in real], 1 - decay)
    for name, tensor in mine.items():
        if not tensor.is_floating_point():
            tensor.copy_(theirs[name])


def _take(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """A state with what `fit` shaped taken as it was saved."""
    modules = dict(module.named_modules())
    for key, tensor in state.items():
        owner, _, leaf = key.rpartition(".")
        if leaf in modules[owner].__dict__.get("_fitted", ()):
            modules[owner].register_buffer(leaf, tensor.to(getattr(modules[owner], leaf).device).clone())
    module.load_state_dict(state)


def _fit(part: Part, raws: Sequence[Tree]) -> None:
    """`fit` of a part, of each part of a dict, or of the part that it wraps."""
    if isinstance(part, Parts):
        for name, inner in part.items():
            _fit(inner, [raw[name] for raw in raws])
        return
    wrapped = getattr(part, "part", None)
    if isinstance(wrapped, Part):
        _fit(wrapped, raws)
    fit = getattr(part, "fit", None)
    if callable(fit):
        fit(raws)


def _check_fields(system: System, examples: Sequence[Example]) -> None:
    """Raises DataError where no example of a batch has anything that the output can learn from."""
    parts = [p for _, p in system.output.items()] if isinstance(system.output, Parts) else [system.output]
    wanted = [part.of for part in parts]
    if system.objective is not None and not any(field in example for example in examples for field in wanted):
        known = sorted({name for example in examples for name in example} - {"name", "strata"})
        learned = " or ".join(sorted(set(wanted)))
        raise DataError(f"{system.name or 'the system'} learns {learned}, which the source does not have (it has {', '.join(known)})")


def _source(system: System | str, source: Any) -> Any:
    if source is None:
        source = build(system).recipe.data if isinstance(system, str) else system.recipe.data
        if not source:
            raise DataError("the recipe names no data: give a source (a folder, a pack, songs:0)")
    if isinstance(source, str | Path):
        from .data import source as named

        task = system.split("/")[0] if isinstance(system, str) else system.task.name
        source = named(source, task=task)
    if isinstance(source, Sequence):
        source = Listed(source)
    if not source.size:
        raise DataError(f"{getattr(source, 'name', 'the source')} has no examples")
    return source


def _built(name: str, source: Any) -> System:
    from .tasks import task

    options = {}
    if "labels" in card(name).options and hasattr(source, "labels"):
        asked: Task = task(name.split("/")[0])
        options = {"labels": tuple(source.labels(asked.makes))}
    return build(name, **options)


def _augmentation(system: System, augment: Any) -> Any:
    if augment is None and system.recipe.augment:
        from .data import augmentation

        augment = augmentation(system.recipe.augment)
    return augment() if isinstance(augment, type) else augment or None


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise OptionError(f"device={name!r} can't be used here ({str(error).splitlines()[0]}); choose auto or cpu") from None
    return device


def _mixed(seed: int, step: int) -> int:
    """One number of two, well mixed."""
    return int(np.random.SeedSequence((seed, step)).generate_state(1, np.uint64)[0] >> np.uint64(2))


def _step_of(line: str) -> int:
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError):  # the last line of a killed run
        return 1 << 62


def _lightning() -> Any:
    try:
        import lightning
    except ImportError:
        raise AuralError('training needs Lightning: install the extra with pip install "aural[train]"') from None
    return lightning


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without what Lightning says to people who write LightningModules."""
    import logging

    loggers = [logging.getLogger(name) for name in ("lightning", "lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"lightning\..*")
            warnings.filterwarnings("ignore", module=r"torch\.utils\.data.*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
