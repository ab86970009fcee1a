"""One system on another: its layers as features, its answers as labels."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import torch

from .annotations import Curves, Events, Example, Intervals
from .errors import OptionError
from .part import Part, Parts, Tree, call
from .running import run
from .system import System, build, ended, frame_numbers, load


class Pretrained(Part):
    """Activations of a trained system as features; it never learns on.

    Building needs no weights: the architecture is built, and `fit`, the first stage of training, brings the system's
    weights. They are saved with the system that uses them, whose file is whole by itself.

    Args:
        system: the name of a system (with weights when it comes to training), or a trained one.
        layer: the sub-module of its net whose output is wanted, "recurrent.2"; "": the net's own output.
        input: one of its inputs by name, where it has several: then `layer` is called on that input's features alone.
        options: of the named system.
    """

    def __init__(self, system: str | System, layer: str = "", input: str | None = None, **options: Any) -> None:
        super().__init__()
        self._named = system if isinstance(system, str) else ""
        self._options = options
        built = build(system, **options) if isinstance(system, str) else copy.deepcopy(system)
        self.layer, self.slot = layer, input or ""
        heard = built.input
        if input is not None:
            if not isinstance(heard, Parts) or input not in heard.parts or not layer:
                known = ", ".join(name for name, _ in heard.items()) if isinstance(heard, Parts) else "one without a name"
                raise OptionError(f"Pretrained(input={input!r}, layer={layer!r}): the inputs are {known}, and the layer must be named")
            heard = dict(heard.items())[input]
        self.heard, self.net = heard, built.net
        if layer:
            try:
                self.net.get_submodule(layer)
            except AttributeError:
                names = ", ".join(name for name, _ in self.net.named_children())
                raise OptionError(f"Pretrained(layer={layer!r}): the net has no such layer; it has {names}") from None
        self.requires_grad_(False)
        self.eval()

    @property
    def of(self) -> str:  # type: ignore[override]
        return self.heard.of

    @property
    def reads(self) -> tuple[str, ...]:
        return self.heard.reads

    @property
    def unit(self) -> Fraction:
        return self.heard.unit * int(getattr(self.net, "stride", 1))

    def train(self, mode: bool = True) -> Pretrained:
        """Stays as it is when it runs: no dropout, no new statistics."""
        return super().train(False)

    def read(self, example: Example, times: np.ndarray | None = None) -> Tree:
        """What the system reads, and how many frames that has: past them its net meets zeros, as alone."""
        return {"heard": self.heard.read(example, times), "frames": frame_numbers(self.heard, example)}

    def times(self, example: Example) -> np.ndarray:
        times = self.heard.times(example)
        change = getattr(self.net, "times", None)
        return np.asarray(change(times)) if callable(change) else times

    @torch.no_grad()
    def forward(self, raw: Tree) -> Tree:
        features = ended(self.heard(raw["heard"]), raw["frames"])
        if self.slot:
            return self.net.get_submodule(self.layer)(features)
        if not self.layer:
            return call(self.net, features)
        caught: list[Tree] = []
        hook = self.net.get_submodule(self.layer).register_forward_hook(lambda _, __, made: caught.append(made))
        try:
            call(self.net, features)
        finally:
            hook.remove()
        made = caught[-1]
        return made[0] if isinstance(made, tuple) else made

    def fit(self, raws: Any) -> None:
        """Brings the weights of the named system. Raises WeightsError where it has none."""
        if not self._named:
            return
        trained = load(self._named, **self._options)
        heard = dict(trained.input.items())[self.slot] if self.slot and isinstance(trained.input, Parts) else trained.input
        device = next((t.device for t in (*self.net.parameters(), *self.heard.buffers())), torch.device("cpu"))
        self.heard, self.net = heard.to(device), trained.net.to(device)
        self.requires_grad_(False)
        self.eval()


class PseudoLabels:
    """See `pseudo_labels`."""

    def __init__(self, teacher: System, source: Any, keep: float, fields: tuple[str, ...], run: int) -> None:
        self.teacher, self.source, self.keep, self.fields, self.run = teacher, source, keep, fields, run
        self.name = f"{teacher.name} on {getattr(source, 'name', 'examples')}"
        self._made: dict[int, Any] = {}

    @property
    def size(self) -> int:
        return int(self.source.size)

    def __call__(self, index: int) -> Example:
        example = Example(self.source(index))
        if index not in self._made:
            told = {task.makes for task in self.teacher.tasks}
            given = Example({k: v for k, v in example.items() if k not in told})
            made = run(self.teacher, given, soft=not self.fields)
            self._made[index] = self._decided(made, example.duration) if self.fields else {k: self._kept(v) for k, v in made.items()}
        return Example({**example, **self._made[index]})

    def _kept(self, soft: Any) -> Any:
        if not self.keep or not isinstance(soft, Curves):
            return soft
        values = np.asarray(soft.values, dtype=np.float64)
        return Curves(soft.times, np.where(np.maximum(values, 1 - values) < self.keep, np.nan, values), soft.labels)

    def _decided(self, made: Example, duration: float | None) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for name in self.fields:
            events, known = sure_of(made[name], self.keep, self.run)
            fields |= {name: events, f"{name}_known": known}
        return fields

    def labels(self, field: str) -> list[str]:
        if field == self.teacher.task.makes:
            return sorted(getattr(self.teacher.output, "labels", ()))
        found: list[str] = self.source.labels(field)
        return found


def sure_of(events: Events, keep: float, run: int) -> tuple[Events, Intervals]:
    """Those of at least `run` consecutive events that are each as sure as `keep`, and the spans in which they lie: from the middle
    between the first and the one before it to the middle after the last."""
    sure = np.zeros(len(events), dtype=bool) if events.confidence is None else events.confidence >= keep
    edges = np.flatnonzero(np.diff(np.concatenate([[0], sure.astype(int), [0]])))
    spans = [(first, last) for first, last in zip(edges[::2], edges[1::2], strict=True) if last - first >= run]
    middles = (events.times[1:] + events.times[:-1]) / 2
    starts = [float(middles[first - 1]) if first else float(events.times[0]) for first, _ in spans]
    ends = [float(middles[last - 1]) if last < len(events) else float(events.times[-1]) for _, last in spans]
    kept = np.zeros(len(events), dtype=bool)
    for first, last in spans:
        kept[first:last] = True
    return events[kept], Intervals(np.array(starts), np.array(ends), ("known",) * len(spans))


def pseudo_labels(teacher: System | str, source: Any, keep: float = 0.0, fields: Sequence[str] = (), at_least: int = 9) -> PseudoLabels:
    """A source whose truth is what a teacher says.

    Either its activations, as Curves, which frame encodings take as targets; or, for the `fields` named, its decoded events where
    it is sure of at least so many in a row: field and FIELD_known, the spans outside which nothing is known. The second is how a
    net teaches itself: sharp answers, and none where it guesses.

    Args:
        teacher: a system, or the name of one with weights. It runs once for each piece (in each worker), when asked for.
        source: where the pieces come from; a truth that it has is overwritten.
        keep: of activations, those less sure than this, max(p, 1 - p) < keep, become unknown and cost no loss; of events, the
            confidence that each must have.
        fields: Events with confidence that the teacher makes ("beats"); none: activations.
        at_least: events in a row.
    """
    if not fields and not (keep == 0 or 0.5 <= keep <= 1):
        raise OptionError(f"keep={keep}: a certainty from 0.5 to 1, or 0 for all")
    return PseudoLabels(load(teacher) if isinstance(teacher, str) else teacher.eval(), source, keep, tuple(fields), at_least)
