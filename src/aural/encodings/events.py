"""Points in time ⇄ one activation per kind of event and frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..annotations import Curves, Events, Example, Intervals
from ..errors import OptionError
from ..part import Part, Tree, fitted
from .peaks import PeakPicking

# (activation (frame,) in 0..1, frames a second) → positions in frames, increasing, maybe between frames.
Decoder = Callable[[np.ndarray, float], np.ndarray]


def frame_rate(times: np.ndarray) -> float:
    """Frames a second of the times of frames; one frame alone counts as 100 a second."""
    return float((len(times) - 1) / (times[-1] - times[0])) if len(times) > 1 and times[-1] > times[0] else 100.0


class FrameEvents(Part):
    """Events ⇄ (label, frame) targets in 0..1; the net gives logits.

    The frame nearest each event is 1, its neighbours what `widen` says, all others 0. A neighbour's value is its target, not
    a weight of its loss: a real in 0..1 with NaN for "unknown" then says all, and an activation that has learned a symmetric
    bump has its parabola's top at the event. Where an example lacks the field nothing is known of it; nor is
    anything outside of the Intervals FIELD_known, where it has those.

    Args:
        of: the field, Events; Curves with these labels (a teacher's activations) are interpolated.
        labels: one row each; "" stands for events of any label, and events decoded from it carry none.
        decoder: what finds events in a row of sigmoids; it works in frames and seconds and knows no net.
        widen: ((distance in frames, target), …) of neighbours.
        ignore: {field: (from, to)}: around events of that field, frames from … to seconds are unknown unless they hold an
            event of `of`. For what a listener may or may not call an event, such as soft onsets.
        tuned: training fits the decoder's threshold too, at the end. `aural.adapt` fits it in any case.

    The buffer `threshold` (label,) is -1 until it is fitted: the decoder's own holds.
    """

    unknown = float("nan")
    threshold: Tensor

    def __init__(
        self,
        of: str,
        labels: Sequence[str] = ("",),
        decoder: Decoder | None = None,
        widen: Sequence[tuple[int, float]] = (),
        ignore: Mapping[str, tuple[float, float]] | None = None,
        tuned: bool = False,
    ) -> None:
        super().__init__()
        if not labels:
            raise OptionError(f"FrameEvents(of={of!r}): give at least one label, or none for events of one kind")
        self.of, self.labels, self.fits_in_training = of, tuple(labels), tuned
        self.decoder: Decoder = decoder or PeakPicking()
        self.widen, self.ignore = tuple(widen), dict(ignore or {})
        fitted(self, threshold=torch.full((len(self.labels),), -1.0))

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.of, f"{self.of}_known", *self.ignore)

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        """(label, frame) float32; NaN where nothing is known."""
        times = np.zeros(0) if times is None else times
        truth = example.get(self.of)
        if truth is None:
            return torch.full((len(self.labels), len(times)), float("nan"))
        if isinstance(truth, Curves):
            return torch.from_numpy(self._rows_of(truth, times))
        rows = np.zeros((len(self.labels), len(times)), dtype=np.float32)
        for field, (before, after) in self.ignore.items():
            for start, end in _spans(example.get(field)):
                rows[:, (times >= start + before - 1e-6) & (times <= end + after + 1e-6)] = np.nan
        for row, label in zip(rows, self.labels, strict=True):
            mine = truth.times if not label or truth.labels is None else truth.times[[word == label for word in truth.labels]]
            frames = nearest(times, mine)
            for distance, value in sorted(self.widen, key=lambda pair: pair[1]):
                for side in (frames - distance, frames + distance):
                    side = side[(side >= 0) & (side < len(times))]
                    row[side] = np.where(np.isnan(row[side]), value, np.maximum(row[side], value))
            row[frames] = 1.0
        known = example.get(f"{self.of}_known")
        if isinstance(known, Intervals):
            rows[:, [word == "" for word in known.at(times, none="")]] = np.nan
        return torch.from_numpy(rows)

    def _rows_of(self, curves: Curves, times: np.ndarray) -> np.ndarray:
        values = curves.at(times)
        if len(values) != len(self.labels):
            index = [curves.labels.index(label) if label in curves.labels else -1 for label in self.labels]
            values = np.stack([values[i] if i >= 0 else np.full(len(times), np.nan) for i in index])
        if len(curves.times):  # nothing is known before the first and after the last point
            step = 1 / frame_rate(curves.times)
            values[:, (times < curves.times[0] - step - 1e-9) | (times > curves.times[-1] + step + 1e-9)] = np.nan
        return values.astype(np.float32)

    def estimate(self, activations: Tree, x: Tree) -> Tree:
        """Logits (batch, label, frame); a net with one kind of event may leave out its axis."""
        return activations[:, None] if activations.ndim == 2 else activations

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> Events:
        """Logits (label, frame) → events in time order, with the activation at each as its confidence."""
        activations = torch.sigmoid(estimate.detach().double().cpu()).numpy()
        found: list[tuple[float, int, float]] = []
        for k, row in enumerate(activations):
            positions = self._decoder(k)(row, frame_rate(times)) if len(row) else np.zeros(0)
            at = np.interp(positions, np.arange(len(times)), times) if len(times) else positions
            confidence = row[np.clip(np.round(positions).astype(int), 0, max(len(row) - 1, 0))] if len(positions) else positions
            found += [(float(t), k, float(c)) for t, c in zip(at, confidence, strict=True)]
        found.sort()
        labels = None if self.labels == ("",) else [self.labels[k] for _, k, _ in found]
        return Events(np.array([t for t, _, _ in found]), labels, np.array([c for _, _, c in found]))  # type: ignore[arg-type]

    def _decoder(self, k: int) -> Decoder:
        threshold = float(self.threshold[k])
        return self.decoder if threshold < 0 or not hasattr(self.decoder, "threshold") else replace(self.decoder, threshold=threshold)  # type: ignore[type-var]

    def nothing(self) -> Events:
        return Events(np.zeros(0), None if self.labels == ("",) else (), np.zeros(0))

    def curves(self, estimate: Tree, times: np.ndarray, given: Example) -> Curves:
        """Activations in 0..1."""
        return Curves(times, torch.sigmoid(estimate.detach().double().cpu()).numpy(), self.labels)

    def fit(self, pairs: Iterable[tuple[Tree, np.ndarray, Example]], window: float = 0.025) -> None:
        """The threshold of best mean F over pieces (within `window` seconds) on (estimate, times, example), for each label.

        Of equally good thresholds the middle one is taken. Raises OptionError where the decoder has no threshold.
        """
        if not hasattr(self.decoder, "threshold"):
            raise OptionError(f"{type(self.decoder).__name__} has no threshold to adapt; choose peaks as the decoder")
        pairs = [(estimate, times, example) for estimate, times, example in pairs if isinstance(example.get(self.of), Events)]
        if not pairs:
            raise OptionError(f"none of the examples has the field {self.of!r}: give sounds with their {self.of} beside them")
        best = self.threshold.clone()
        candidates = np.linspace(0.02, 0.98, 49)
        for k, label in enumerate(self.labels):
            f = np.array([self._f(pairs, k, label, float(c), window) for c in candidates])
            best[k] = float(np.median(candidates[f >= f.max() - 1e-12]))
        fitted(self, threshold=best)

    def _f(self, pairs: Sequence[tuple[Tree, np.ndarray, Example]], k: int, label: str, threshold: float, window: float) -> float:
        """Mean F over the pieces: one dense piece must not outvote the others."""
        import mir_eval

        picker = replace(self.decoder, threshold=threshold)  # type: ignore[type-var]
        scores = []
        for estimate, times, example in pairs:
            row = torch.sigmoid(estimate[k].detach().double().cpu()).numpy()
            mine = np.interp(picker(row, frame_rate(times)), np.arange(len(times)), times)
            truth = example[self.of]
            right = truth.times if not label or truth.labels is None else truth.times[[word == label for word in truth.labels]]
            if len(mine) + len(right):
                scores.append(2 * len(mir_eval.util.match_events(right, mine, window)) / (len(mine) + len(right)))
        return float(np.mean(scores)) if scores else 0.0

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, decoder={self.decoder!r}, ignore={self.ignore!r}"


def nearest(times: np.ndarray, events: np.ndarray) -> np.ndarray:
    """Indices of the frames nearest to events; events more than a frame from every frame have none."""
    if not len(times) or not len(events):
        return np.zeros(0, dtype=int)
    right = np.clip(np.searchsorted(times, events), 0, len(times) - 1)
    left = np.maximum(right - 1, 0)
    index = np.where(np.abs(times[left] - events) <= np.abs(times[right] - events), left, right)
    return index[np.abs(times[index] - events) <= 1 / frame_rate(times) + 1e-9]


def _spans(value: Any) -> list[tuple[float, float]]:
    if isinstance(value, Events):
        return [(t, t) for t in value.times]
    if isinstance(value, Intervals):
        return list(zip(value.starts, value.ends, strict=True))
    return []
