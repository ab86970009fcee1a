"""Running a system: Example in, Example out, in windows where the sound is long; and `adapt`, what a person may fit.

Windows   start on multiples of lcm(units) × net.stride, and of whole samples of the given sound; frames are kept by their
          time in the window's core. Exact where the net's receptive field fits into the context.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from ._heap import give_back
from .annotations import Events, Example
from .errors import AuralError
from .nets.quick import quick
from .part import Part, Parts, Tree, Wrapped, common, seen, to
from .sound import Recording, Sound
from .system import System, load, weights_of
from .tasks import maker

Memo = dict[tuple[str, float, float], Any]
_QUICK: WeakKeyDictionary[nn.Module, tuple[Any, nn.Module | None]] = WeakKeyDictionary()  # of a net, its state and what runs in its place


def complete(given: Mapping[str, Any], system: System, wants: bool = False) -> Example:
    """What the input reads and nobody gave is made by the default system of the task that makes it.

    A person's correction counts as given.

    Args:
        wants: also the beats of the sound that decoding wants, but for a system that makes beats itself.

    Raises:
        AuralError: no task makes the field.
    """
    example = Example(given)
    needed = [field for field in system.input.reads if field not in example]
    made = {*example, *needed, *(task.makes for task in system.tasks)}
    if wants and "sound" in example and "beats" in system.output.wants and "beats" not in made:
        needed.append("beats")
    for field in needed:
        task = maker(field)
        if task is None or not task.default:
            raise AuralError(f"{system.name or 'the system'} reads {field!r}, which was not given and no task makes")
        example[field] = run(_default(task.default, weights_of(task.default)), example)[field]
    return example


@lru_cache(maxsize=8)
def _default(name: str, weights: Path | None) -> System:
    """A default system, loaded once for each file of weights: training completes example after example."""
    return load(name)


@torch.no_grad()
def estimate(
    system: System, given: Example, memo: Memo | None = None, span: tuple[float, float] = (0.0, math.inf)
) -> tuple[Tree, np.ndarray]:
    """One example's estimate (frames last, on the CPU) and the times of its frames.

    `memo` keeps features by (key of the input, span): systems that share an input, or what is fitted to two systems, compute it once."""
    x, generator, times = _heard(system, given, memo, span)
    return _first(_ready(system).estimate(x, generator)), times


@torch.no_grad()
def _heard(system: System, given: Example, memo: Memo | None, span: tuple[float, float]) -> tuple[Tree, torch.Generator, np.ndarray]:
    """What the net is given of an example, and the times of what it will say."""
    device = next((p.device for p in system.net.parameters()), torch.device("cpu"))
    x = _features(system.input, system, given, device, memo, span)
    return x, torch.Generator(device="cpu").manual_seed(int(given.get("seed", 0))), system.times(given)


def _ready(system: System) -> System:
    """The same system with a net that is made to run (`nets.quick`), made anew where weights or layers have changed."""
    if system.net.training:
        return system
    weights = [*system.net.parameters(), *system.net.buffers()]
    if any(tensor.is_inference() for tensor in weights):  # nothing tells whether these change
        return system
    state = tuple((tensor.data_ptr(), tensor._version) for tensor in weights), tuple(map(id, system.net.modules()))
    known = _QUICK.get(system.net)
    if known is None or known[0] != state:
        try:
            known = state, quick(system.net)
        except (RuntimeError, TypeError):  # one that can't be copied runs as it is
            known = state, None
        _QUICK[system.net] = known
    if known[1] is None:
        return system
    made = copy.copy(system)
    made.__dict__["_modules"] = {**system._modules, "net": known[1]}
    return made


def _features(part: Part, system: System, given: Example, device: torch.device, memo: Memo | None, span: tuple[float, float]) -> Tree:
    if isinstance(part, Parts):
        return {name: _features(p, system, given, device, memo, span) for name, p in part.items()}
    if memo is not None and isinstance(part, Wrapped) and part.after is not None:
        features = _features(part.part, system, given, device, memo, span)
        with torch.autocast(device.type, enabled=False):
            return part.after(features)
    key = (part.key, *span)
    fitted = any(m.__dict__.get("_fitted") for m in part.modules())
    shareable = memo is not None and not fitted and not any(True for _ in part.parameters())
    if memo is not None and shareable and key in memo:
        return memo[key]
    raw = part.read(given)
    batch = {k: v[None] for k, v in raw.items()} if isinstance(raw, Mapping) else raw[None]
    with torch.autocast(device.type, enabled=False):
        features = part(to(batch, device))
    if memo is not None and shareable:
        memo[key] = features
    return features


def _first(y: Tree) -> Tree:
    return {k: _first(v) for k, v in y.items()} if isinstance(y, Mapping) else y[0].detach().cpu()


def _select(part: Part, y: Tree, n: int, keep: np.ndarray) -> Tree:
    """The kept frames of an estimate; what has no frames stays whole."""
    if isinstance(part, Parts):
        return {name: _select(p, y[name], n, keep) for name, p in part.items()}
    if not part.framed:
        return y
    if isinstance(y, Mapping):
        return {k: _select(part, v, n, keep) for k, v in y.items()}
    return y[..., :n][..., torch.from_numpy(keep)] if isinstance(y, Tensor) and y.ndim and y.shape[-1] >= n else y


def windows(system: System, given: Example) -> list[tuple[float, float, float, float]]:
    """(start, end, core start, core end) in seconds of the windows that a sound is run in."""
    duration = given.duration
    if not duration or duration <= system.window:
        return [(0.0, duration or 0.0, 0.0, math.inf)]
    sound = given["sound"] if "sound" in given else next(v for v in given.values() if isinstance(v, Sound | Recording))
    unit = common(system.input.unit * int(getattr(system.net, "stride", 1)), Fraction(1, sound.rate))
    context = unit * math.ceil(Fraction(system.context).limit_denominator(10**6) / unit)
    core = max(unit, unit * int((Fraction(system.window).limit_denominator(10**6) - 2 * context) / unit))
    spans: list[tuple[float, float, float, float]] = []
    start = Fraction(0)
    while True:
        end = start + core + context
        if end >= duration:
            return [*spans, (float(max(Fraction(0), start - context)), duration, float(start), math.inf)]
        spans.append((float(max(Fraction(0), start - context)), float(end), float(start), float(start + core)))
        start += core


def run(
    system: System | str,
    given: Mapping[str, Any] | None = None,
    *,
    soft: bool = False,
    memo: Memo | None = None,
    progress: Callable[[float], None] | None = None,
    **fields: Any,
) -> Example:
    """What the system makes of the given fields: `run("beat/boeck11", sound=s)["beats"]`.

    Beats that its input reads, or that its decoding wants, are those of the default system where none are given.

    Args:
        system: a system, or the name of one with weights.
        given: an Example; `fields` are added to it.
        soft: curves of activations in place of decoded annotations.
        memo: features shared between systems run on the same piece.
        progress: called with the share done, in 0..1.
    """
    system = load(system) if isinstance(system, str) else system
    example = complete({**(given or {}), **fields}, system)
    return said(system, hear(system, example, memo, progress), example, soft)


def hear(
    system: System, example: Example, memo: Memo | None = None, progress: Callable[[float], None] | None = None
) -> tuple[Tree, np.ndarray] | None:
    """The estimate of all frames, window after window, and their times; None where there is no frame. Of the example only what the
    input reads is needed, all of it: see `complete`."""
    system.eval()
    pieces, at = [], []
    spans = windows(system, example)
    for i, (start, end, first, last) in enumerate(spans):
        whole = len(spans) == 1
        piece = example if whole else example.cut(start, end)
        if len(system.times(piece)):
            x, generator, times = _heard(system, piece, memo, (0.0, math.inf) if whole else (start, end))
            del piece  # of a long window sound, features and estimate are large: each goes as soon as it can
            with torch.no_grad():
                y = _first(_ready(system).estimate(x, generator))
            del x
            times = times + start
            keep = (times >= first - 1e-9) & (times < last - 1e-9)
            if whole:
                pieces.append(y)
                at.append(times)
            elif keep.any():
                pieces.append(_select(system.output, y, len(times), keep))
                at.append(times[keep])
            del y
        if not whole:
            give_back()
        if progress:
            progress((i + 1) / len(spans))
    if not pieces:
        return None
    if len(pieces) == 1:
        return pieces[0], at[0]
    return system.output.join(pieces), np.concatenate(at)


def said(system: System, heard: tuple[Tree, np.ndarray] | None, example: Example, soft: bool = False) -> Example:
    """What the system makes of an estimate, for an example that may hold what decoding wants."""
    if heard is None:
        return _named(system, system.output.nothing())
    if soft:
        return _named(system, system.output.curves(*heard, example))
    return _named(system, system.output.decode(*heard, complete(example, system, wants=True)))


def _named(system: System, made: Any) -> Example:
    return Example(made) if isinstance(made, Mapping) else Example({system.task.makes: made})


def probe(system: System, seed: int = 0, seconds: float = 4.0) -> dict[str, float]:
    """Mean and maximum of the estimate on seeded bursts of noise: what weights must give again, anywhere.

    For systems that are given a sound, and maybe beats: those of the bursts. Stored with shipped weights and asserted by a test."""
    rate = 44_100
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    noise = rng.standard_normal(len(time)) * np.exp(-8 * (time % 0.5)) * 0.2
    beats = Events(np.arange(0, seconds, 0.5))
    y, _ = estimate(system.eval(), Example(sound=Sound(noise[None].astype(np.float32), rate), beats=beats))
    while isinstance(y, Mapping):
        y = next(iter(y.values()))
    return {"seed": seed, "seconds": seconds, "mean": round(float(y.mean()), 4), "max": round(float(y.max()), 4)}


def adapt(system: System, examples: Iterable[Mapping[str, Any]]) -> System:
    """Fit what stands right of the net on these examples: a support set, an own onset threshold, an own machine's normal
    sounds. The public last step of training. Raises AuralError where nothing is there to fit."""
    outputs = [(name, p) for name, p in (system.output.items() if isinstance(system.output, Parts) else [("", system.output)])]
    if not any(callable(getattr(p, "fit", None)) for _, p in outputs):
        raise AuralError(f"{system.name or 'the system'} has nothing to adapt: its output is not fitted")
    system.eval()
    pairs = []
    for given in examples:
        example = complete(given, system)
        y, times = estimate(system, example)
        pairs.append((y, times, example))
    fit_outputs(outputs, pairs)
    return system


def fit_outputs(outputs: Sequence[tuple[str, Part]], pairs: Sequence[tuple[Tree, np.ndarray, Example]]) -> None:
    """`part.fit` of every output that has one, on (estimate, times, example)."""
    for name, part in outputs:
        fit = getattr(part, "fit", None)
        if callable(fit):
            fit([(seen(part, name, y) if name else y, times, example) for y, times, example in pairs])
