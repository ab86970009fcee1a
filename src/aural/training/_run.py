"""One run from left to right, and its files."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..annotations import Example
from ..errors import DataError, OptionError
from ..objectives import Batch
from ..part import Part, Parts, Tree, to
from ..running import adapt
from ..system import System
from ._examples import Steps, draw, heard, made
from ._learning import learning_of, lightning_module, quiet, seed_of, take

WARM_UP = 0.02  # of the whole
FIT_BATCHES = 8
FIT_STEPS = 10**9  # batches that fit draws from are numbered from here, apart from those that are learned from
Listener = Callable[[dict[str, Any]], None]


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
        check_fields(self.system, draw(self.system, self.source, self.seed, 0))
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
            from ..data import source as named

            source = named(self.system.recipe.fit_data, task=self.system.task.name)
        batches = (draw(self.system, source, self.seed, FIT_STEPS + FIT_BATCHES + i) for i in range(FIT_BATCHES))
        adapt(self.system, [example for batch in batches for example in heard(batch, source, self.device)])

    # ---- the objective

    def generator(self, step: int) -> torch.Generator:
        """All chance of a step, on the device."""
        return torch.Generator(self.device).manual_seed(seed_of(self.seed, step))

    def made(self, x: Tree) -> Tree:
        """Raw inputs, every one of them made."""
        return self.system.repacked(x, made(self.system.input, self.system.unpacked(x), self.source))

    def altered(self, x: Tree, step: int) -> Tree:
        """Raw inputs, augmented. Its chance comes from the processor: few numbers, and no wait for the device."""
        generator = torch.Generator().manual_seed(seed_of(self.seed, step) + 2)
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
                features = alter(features, torch.Generator().manual_seed(seed_of(self.seed, step) + 3))
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
        lightning = lightning_module()
        learning = learning_of(self)
        if state is not None:
            take(learning, state["learning"])
            self.done, self.elapsed = int(state["step"]), float(state["elapsed"])
            self._trim_log()
        learning.resumed = state
        if not self.over():
            if state is None:
                (self.out / "log.jsonl").unlink(missing_ok=True)
            last = self.steps if self.minutes is None else FIT_STEPS
            cuda = self.device.type == "cuda"
            loader = Steps(self.system, self.source, self.seed, cuda).loader(range(self.done, last), self.workers, cuda)
            with quiet():
                trainer = lightning.Trainer(
                    accelerator={"cpu": "cpu", "cuda": "gpu"}.get(self.device.type, self.device.type),
                    devices=[self.device.index or 0] if self.device.type == "cuda" else 1,
                    precision=precision,
                    benchmark=cuda and bool(self.system.recipe.seconds),  # of shapes that come again
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


def check_fields(system: System, examples: Sequence[Example]) -> None:
    """Raises DataError where no example of a batch has anything that the output can learn from."""
    parts = [p for _, p in system.output.items()] if isinstance(system.output, Parts) else [system.output]
    wanted = [part.of for part in parts]
    if system.objective is not None and not any(field in example for example in examples for field in wanted):
        known = sorted({name for example in examples for name in example} - {"name", "strata"})
        learned = " or ".join(sorted(set(wanted)))
        raise DataError(f"{system.name or 'the system'} learns {learned}, which the source does not have (it has {', '.join(known)})")


def _step_of(line: str) -> int:
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError):  # the last line of a killed run
        return 1 << 62
