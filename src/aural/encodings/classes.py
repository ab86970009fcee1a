"""Spans with a label ⇄ one class per frame; a word for the whole ⇄ one class.

Source   Rabiner, A tutorial on hidden Markov models, Proc. IEEE 77(2), 1989 (Viterbi)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from ..annotations import Curves, Example, Intervals, Label
from ..errors import OptionError
from ..hmm import best_path, sticky
from ..part import Part, Tree, fitted


class FrameClasses(Part):
    """Intervals ⇄ a class number per frame; the net gives logits (batch, class, frame).

    A frame's class is the label of the interval that it lies in, `none` between intervals. A label that is no class is
    unknown, and so is all where an example lacks the field. Decoded intervals change half-way between two frames; those of
    `none` are left out unless `spoken`.

    Args:
        of: the field, Intervals; Curves with these labels (a teacher's posteriors) give their greatest.
        labels: the classes.
        none: the class between intervals.
        spoken: whether `none` is said too, as chords say "N".
        stay: probability that a class lasts to the next frame, all changes equally likely; None: frames are on their own.
        transitions: `fit` learns how often each class follows each, and Viterbi decodes with that.
    """

    unknown = -1
    transitions: Tensor

    def __init__(
        self, of: str, labels: Sequence[str], none: str = "N", spoken: bool = True, stay: float | None = None, transitions: bool = False
    ) -> None:
        super().__init__()
        if len(set(labels)) != len(labels) or not labels:
            raise OptionError(f"FrameClasses(of={of!r}): give at least one label, each once")
        if stay is not None and not 0 < stay < 1:
            raise OptionError(f"stay={stay}: a probability between 0 and 1")
        self.of, self.labels, self.none, self.spoken, self.stay = of, tuple(labels), none, spoken, stay
        self.fits_in_training = transitions
        self._number = {label: i for i, label in enumerate(self.labels)}
        fitted(self, transitions=torch.empty(0, 0))

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        """(frame,) int64; -1 where nothing is known."""
        times = np.zeros(0) if times is None else times
        truth = example.get(self.of)
        if truth is None:
            return torch.full((len(times),), -1)
        if isinstance(truth, Curves):
            best = truth.at(times).argmax(0) if len(times) else np.zeros(0, dtype=int)
            names = truth.labels or self.labels
            return torch.tensor([self._number.get(names[i], -1) for i in best], dtype=torch.int64)
        return torch.tensor([self._number.get(label, -1) for label in truth.at(times, self.none)], dtype=torch.int64)

    def fit(self, pairs: Iterable[tuple[Tree, np.ndarray, Example]]) -> None:
        """Transitions, from the truth of (estimate, times, example); a tenth of a change is added to each pair of classes."""
        counts = np.full((len(self.labels), len(self.labels)), 0.1)
        for _, times, example in pairs:
            numbers = self.read(example, times).numpy()
            pair = (numbers[:-1] >= 0) & (numbers[1:] >= 0)
            np.add.at(counts, (numbers[:-1][pair], numbers[1:][pair]), 1)
        fitted(self, transitions=torch.from_numpy(np.log(counts / counts.sum(1, keepdims=True))).float())

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> Intervals:
        """Logits (class, frame) → intervals, with the mean posterior of each as its confidence."""
        if not len(times):
            return self.nothing()
        log_p = torch.log_softmax(estimate.detach().double().cpu(), 0).numpy()
        if self.transitions.numel():
            path = best_path(log_p, self.transitions.double().cpu().numpy())
        elif self.stay is not None and len(self.labels) > 1:
            path = sticky(log_p, self.stay)
        else:
            path = log_p.argmax(0)
        change = np.flatnonzero(np.diff(path)) + 1
        middles = (times[change - 1] + times[change]) / 2
        step = times[-1] - times[-2] if len(times) > 1 else 0.0
        end = given.duration if given.duration is not None else times[-1] + step
        bounds = np.concatenate([[times[0]], middles, [max(end, times[-1])]])
        spans = np.split(np.arange(len(times)), change)
        kept = [i for i, span in enumerate(spans) if self.spoken or self.labels[path[span[0]]] != self.none]
        sure = [float(np.exp(log_p[path[spans[i]], spans[i]]).mean().clip(0, 1)) for i in kept]
        return Intervals(bounds[:-1][kept], bounds[1:][kept], tuple(self.labels[path[spans[i][0]]] for i in kept), np.array(sure))

    def nothing(self) -> Intervals:
        return Intervals(np.zeros(0), np.zeros(0), (), np.zeros(0))

    def curves(self, estimate: Tree, times: np.ndarray, given: Example) -> Curves:
        """Posteriors."""
        return Curves(times, torch.softmax(estimate.detach().double().cpu(), 0).numpy(), self.labels)


class ClipClass(Part):
    """A Label of the whole ⇄ a class number; the net gives logits (batch, class). A net that pools over frames asks for their
    number (`aural.part.Lengths`), or padding would count."""

    unknown = -1
    framed = False

    def __init__(self, of: str, labels: Sequence[str]) -> None:
        super().__init__()
        if not labels:
            raise OptionError(f"ClipClass(of={of!r}): give the classes as labels")
        self.of, self.labels = of, tuple(labels)

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        """() int64; -1 where the label is unknown or no class."""
        name = name_of(example.get(self.of))
        return torch.tensor(self.labels.index(name) if name in self.labels else -1)

    def join(self, pieces: Sequence[Tensor]) -> Tensor:
        return torch.stack(list(pieces)).mean(0)

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> Label:
        p = torch.softmax(estimate.detach().double().cpu(), -1)
        return Label(self.labels[int(p.argmax())], float(p.max()))

    def nothing(self) -> Label:
        return Label(self.labels[0], 0.0)

    def curves(self, estimate: Tree, times: np.ndarray, given: Example) -> Curves:
        """Probabilities, at the start."""
        return Curves(np.zeros(1), torch.softmax(estimate.detach().double().cpu(), -1).numpy()[:, None], self.labels)


def name_of(value: object) -> str | None:
    """The word of a Label, or a plain string."""
    return value.name if isinstance(value, Label) else value if isinstance(value, str) else None
