"""The objective's updates under Lightning."""

from __future__ import annotations

import contextlib
import copy
import math
import time
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import AuralError
from ..objectives import Objective
from ._examples import expanded

if TYPE_CHECKING:
    from ._run import Run

LOG_EVERY = 50  # steps; one wait for the device each
CLIP = 1.0


def learning_of(run: Run) -> Any:
    """A system and its objective as a LightningModule."""
    lightning = lightning_module()
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
            step, x, y = raw[0], expanded(raw[1]), expanded(raw[2])
            torch.manual_seed(seed_of(run.seed, step) + 1)  # dropout and the like
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


def take(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """A state with what `fit` shaped taken as it was saved."""
    modules = dict(module.named_modules())
    for key, tensor in state.items():
        owner, _, leaf = key.rpartition(".")
        if leaf in modules[owner].__dict__.get("_fitted", ()):
            modules[owner].register_buffer(leaf, tensor.to(getattr(modules[owner], leaf).device).clone())
    module.load_state_dict(state)


def seed_of(seed: int, step: int) -> int:
    """One number of two, well mixed."""
    return int(np.random.SeedSequence((seed, step)).generate_state(1, np.uint64)[0] >> np.uint64(2))


def lightning_module() -> Any:
    try:
        import lightning
    except ImportError:
        raise AuralError('training needs Lightning: install the extra with pip install "aural[train]"') from None
    return lightning


@contextlib.contextmanager
def quiet() -> Iterator[None]:
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
