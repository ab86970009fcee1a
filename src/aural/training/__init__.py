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

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch

from ..errors import DataError, OptionError
from ..objectives import Fit
from ..registry import card
from ..system import System, build, save
from ..tasks import Task
from ._examples import Listed, Steps, draw, heard, shuffled
from ._learning import lightning_module
from ._run import Listener, Run

__all__ = ["Listed", "Run", "Steps", "draw", "heard", "shuffled", "train"]


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
    lightning_module()
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
    system.eval()
    system.net.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    system.output.cpu()  # what is decoded is fitted on the processor, to what the net says wherever it learned
    run.fit_output()
    system.cpu()
    save(system, out / "weights.safetensors", trained_on=str(getattr(examples, "name", "")), steps=run.done, seed=seed)
    return system


def _source(system: System | str, source: Any) -> Any:
    if source is None:
        source = build(system).recipe.data if isinstance(system, str) else system.recipe.data
        if not source:
            raise DataError("the recipe names no data: give a source (a folder, a pack, songs:0)")
    if isinstance(source, str | Path):
        from ..data import source as named

        task = system.split("/")[0] if isinstance(system, str) else system.task.name
        source = named(source, task=task)
    if isinstance(source, Sequence):
        source = Listed(source)
    if not source.size:
        raise DataError(f"{getattr(source, 'name', 'the source')} has no examples")
    return source


def _built(name: str, source: Any) -> System:
    from ..tasks import task

    options = {}
    if "labels" in card(name).options and hasattr(source, "labels"):
        asked: Task = task(name.split("/")[0])
        options = {"labels": tuple(source.labels(asked.makes))}
    return build(name, **options)


def _augmentation(system: System, augment: Any) -> Any:
    if augment is None and system.recipe.augment:
        from ..data import augmentation

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
