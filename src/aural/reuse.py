"""One system on another: its layers as features, its answers as labels."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from .annotations import Curves, Events, Example, Intervals, Notes
from .encodings.events import frame_rate
from .encodings.notes import NoteFrames
from .encodings.pitch_track import PitchTrack
from .errors import OptionError
from .part import Part, Parts, Tree, Wrapped, call
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


STEADY = 0.1  # seconds that a line is sure of at a stretch
SIDE = 0.125  # seconds beside a change of words where they may be either


class PseudoLabels:
    """See `pseudo_labels`."""

    def __init__(self, teacher: System, source: Any, keep: float, fields: tuple[str, ...], run: int) -> None:
        self.teacher, self.source, self.keep, self.fields = teacher, source, keep, fields
        self._says = _sure(teacher, keep, fields, run) if fields else teacher
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
            made = run(self._says, given, soft=not self.fields)
            self._made[index] = dict(made) if self.fields else {k: self._kept(v) for k, v in made.items()}
        return Example({**example, **self._made[index]})

    def _kept(self, soft: Any) -> Any:
        if not self.keep or not isinstance(soft, Curves):
            return soft
        values = np.asarray(soft.values, dtype=np.float64)
        return Curves(soft.times, np.where(np.maximum(values, 1 - values) < self.keep, np.nan, values), soft.labels)

    def labels(self, field: str) -> list[str]:
        if field == self.teacher.task.makes:
            return sorted(getattr(self.teacher.output, "labels", ()))
        found: list[str] = self.source.labels(field)
        return found


def _sure(teacher: System, keep: float, fields: Sequence[str], run: int) -> System:
    """The same net, that says only what it is sure of."""
    output = teacher.output
    parts = output.items() if isinstance(output, Parts) else [(teacher.task.makes, output)]
    heard = {name: _Sure(part, keep, run) for name, part in parts if part.of in fields}
    if {part.of for part in heard.values()} != set(fields):
        raise OptionError(f"fields={tuple(fields)}: the outputs of {teacher.name or 'the teacher'} are {', '.join(p.of for _, p in parts)}")
    says: Part = Parts(heard) if isinstance(output, Parts) else next(iter(heard.values()))
    return System(teacher.tasks, teacher.input, teacher.net, says, window=teacher.window, context=teacher.context)


class _Sure(Wrapped):
    """An encoding that says what is sure of its field, and beside it FIELD_known or FIELD_unsure."""

    def __init__(self, part: Part, keep: float, run: int) -> None:
        super().__init__(part)
        self.framed, self.keep, self.run = part.framed, keep, run

    def estimate(self, activations: Tree, x: Tree) -> Tree:
        return self.part.estimate(activations, x)

    def join(self, pieces: Sequence[torch.Tensor]) -> torch.Tensor:
        return self.part.join(pieces)

    def nothing(self) -> dict[str, Any]:
        made = self.part.nothing()
        return {self.of: made[self.of] if isinstance(made, Mapping) else made}

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> dict[str, Any]:
        part, of = self.part, self.of
        made = part.decode(estimate, times, given)
        made = made[of] if isinstance(made, Mapping) else made
        if isinstance(part, NoteFrames):
            sure = np.zeros(len(made), bool) if made.confidence is None else made.confidence >= self.keep
            return {of: made[sure], f"{of}_unsure": part.unsure(estimate, times, made[sure])}
        if isinstance(part, PitchTrack) and isinstance(estimate, torch.Tensor):
            line, known = sure_line(part, estimate, times, made, self.keep)
            return {of: line, f"{of}_known": known}
        if isinstance(made, Events):
            made, known = sure_of(made, self.keep, self.run)
            return {of: made, f"{of}_known": known}
        if isinstance(made, Intervals):
            return {of: made, f"{of}_known": sure_spans(made, self.keep)}
        raise OptionError(f"{of}: it isn't known how sure a {type(made).__name__} is; leave it out of the fields")


def sure_line(part: PitchTrack, estimate: torch.Tensor, times: np.ndarray, made: Any, keep: float) -> tuple[Any, Intervals]:
    """A line decoded of logits (bins + 1, frame), as folders of songs hold it, and the spans of at least STEADY in which it is sure of its
    pitch (within half a semitone), or of none."""
    if isinstance(made, Notes):
        made = replace(made, pitches=np.floor(made.pitches + 0.5))
    else:
        made = replace(made, values=np.round(made.values, 2))
    line, truth = part.find(estimate), part.line(Example({part.of: made}), times)
    heard = np.isfinite(truth)
    bins = np.rint((np.where(heard, truth, part.lowest) - part.lowest) * part.per_semitone).astype(int)
    p = np.where(heard, line.sure(np.arange(len(times)), bins, round(part.per_semitone / 2)), 1 - line.voiced)
    state = np.where((p >= keep) & ~np.isnan(truth), 1 + heard, 0)
    edges = np.concatenate([[0], np.flatnonzero(np.diff(state)) + 1, [len(times)]])
    frame = 1 / frame_rate(times)
    spans = [(first, last) for first, last in pairwise(edges) if state[first] and (last - first) * frame >= STEADY]
    starts = np.array([max(0.0, times[first] - frame / 2) for first, _ in spans])
    ends = np.array([times[last - 1] + frame / 2 - 1e-5 for _, last in spans])
    return made, Intervals(starts, ends, ("known",) * len(spans))


def sure_spans(words: Intervals, keep: float) -> Intervals:
    """The inner parts of those spans that are as sure as `keep`: where they end is less so."""
    sure = np.zeros(len(words), dtype=bool) if words.confidence is None else words.confidence >= keep
    sure &= words.ends - words.starts > 2 * SIDE
    return Intervals(words.starts[sure] + SIDE, words.ends[sure] - SIDE, ("known",) * int(sure.sum()))


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

    Either its activations, as Curves, which frame encodings take as targets; or, for the `fields` named, what it decodes and where
    it is sure of that. The second is how a net teaches itself: sharp answers, and none where it guesses. Beside

        Events      of which so many in a row are sure, and a line of pitches (PitchTrack), FIELD_known holds the spans outside which
                    nothing is known
        Intervals   such as chords, likewise; of each that is sure its inside
        Notes       (NoteFrames) that are sure, FIELD_unsure holds where others may sound; elsewhere is silence

    Args:
        teacher: a system, or the name of one with weights. It runs once for each piece (in each worker), when asked for.
        source: where the pieces come from; a truth that it has is overwritten.
        keep: of activations, those less sure than this, max(p, 1 - p) < keep, become unknown and cost no loss; of what is decoded,
            the confidence that it must have.
        fields: what of the teacher's answers ("beats"); none: activations.
        at_least: events in a row.
    """
    if not fields and not (keep == 0 or 0.5 <= keep <= 1):
        raise OptionError(f"keep={keep}: a certainty from 0.5 to 1, or 0 for all")
    return PseudoLabels(load(teacher) if isinstance(teacher, str) else teacher.eval(), source, keep, tuple(fields), at_least)
