"""Contours (pitch, loudness, soft labels) ⇄ values per frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..annotations import Curves, Example
from ..part import Part, Tree
from .events import frame_rate


class ContourFrames(Part):
    """Curves ⇄ (curve, frame) values. As an input it needs a `rate`, frames a second; as an output it takes the net's.

    Nothing is known before the first point and after the last one (farther than a step between points), where a value is
    NaN, and where the field is missing. The net gives (batch, curve, frame), or (batch, frame) where there is one curve.
    """

    unknown = float("nan")

    def __init__(self, of: str, labels: Sequence[str] = (), rate: int | None = None) -> None:
        super().__init__()
        self.of, self.labels = of, tuple(labels) or (of,)
        self.rate = rate  # None: an output
        if rate is not None:
            self.unknown = 0.0

    def times(self, example: Example) -> np.ndarray:
        if self.rate is None:
            return np.zeros(1)
        curves = example[self.of]
        end = example.duration if example.duration is not None else (curves.times[-1] if len(curves.times) else 0.0)
        return np.arange(1 + int(end * self.rate + 1e-6)) / self.rate

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        """(curve, frame) float32."""
        times = self.times(example) if self.rate is not None or times is None else times
        curves = example.get(self.of)
        if curves is None or not len(curves.times):
            return torch.full((len(self.labels), len(times)), float("nan"))
        values = curves.at(times)
        if len(values) != len(self.labels):
            values = values[[curves.labels.index(label) for label in self.labels]]
        if self.rate is None:
            step = 1 / frame_rate(curves.times)
            values[:, (times < curves.times[0] - step - 1e-9) | (times > curves.times[-1] + step + 1e-9)] = np.nan
        return torch.from_numpy(values.astype(np.float32))

    def estimate(self, activations: Tree, x: Tree) -> Tree:
        return activations[:, None] if activations.ndim == 2 else activations

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> Curves:
        return Curves(times, estimate.detach().double().cpu().numpy(), self.labels)

    def nothing(self) -> Curves:
        return Curves(np.zeros(0), np.zeros((len(self.labels), 0)), self.labels)
