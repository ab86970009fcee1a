"""Tuning: the mean direction of the constant-Q transform's peaks on a circle of one semitone.

Paper     our own; after Dressler & Streich, Tuning frequency estimation using circular statistics, ISMIR 2007
Survey    4.1, Key
In        sound, any rate
Inside    22,050 Hz; a constant-Q transform at 43.07 frames a second, 36 bins an octave from A0; its peaks from 55 to 880 Hz
Out       tuning: Score, Hz of A4 within half a semitone of 440; 440 where the peaks do not agree on anything
Differs   nothing is learned
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from aural.annotations import Curves, Example, Score
from aural.part import Part, Tree
from aural.representations import CQT
from aural.representations.compress import expand
from aural.representations.tuning import A4, directions, in_hertz, semitones
from aural.system import System, system
from aural.tasks.tuning import tuning

LOUD = 1000.0  # of the compression that note/pitch and key/equivariant hear, too


@system()
def peaks(least: float = 0.1) -> System:
    return System(
        task=tuning,
        input=CQT(22_050, 512, 27.5, 309, 36, gamma=12.0, shape="frequency", compression="log1p", factor=LOUD),
        net=Peaks(),
        output=Hertz(least),
        window=600.0,
    )


class Peaks(nn.Module):
    """(batch, 1, 309, frame) → (batch, 3): sums over the peaks, as `aural.representations.tuning.directions`."""

    def __init__(self, low: int = 36, high: int = 180) -> None:
        super().__init__()
        self.low, self.high = int(low), int(high)

    def forward(self, x: Tensor) -> Tensor:
        return directions(expand(x[:, 0, self.low : self.high], "log1p", factor=LOUD))


class Hertz(Part):
    """Hz of A4 (Score) ⇄ sums of directions.

    Args:
        least: 440 Hz is said where the peaks agree less than this, of 0 (not at all) to 1 (all on one pitch and its octaves).
    """

    unknown = float("nan")
    framed = False

    def __init__(self, least: float = 0.1, of: str = "tuning") -> None:
        super().__init__()
        self.of, self.least = of, float(least)

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        """(3,) float32; NaN where nothing is known."""
        truth = example.get(self.of)
        if truth is None:
            return torch.full((3,), float("nan"))
        turn = 2 * np.pi * 12 * np.log2(truth.value / A4)
        return torch.tensor([np.cos(turn), np.sin(turn), 1.0], dtype=torch.float32)

    def join(self, pieces: Sequence[Tensor]) -> Tensor:
        return torch.stack(list(pieces)).sum(0)

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> Score:
        """(3,) → Hz."""
        sums = estimate.detach().double().cpu()
        agreed = float(sums[:2].norm() / sums[2].clamp(min=1e-12))
        return Score(in_hertz(float(semitones(sums)))) if agreed >= self.least else self.nothing()

    def nothing(self) -> Score:
        return Score(A4)

    def curves(self, estimate: Tree, times: np.ndarray, given: Example) -> Curves:
        """How much the peaks agree, in 0..1, at the start: an answer for the whole has no other time."""
        sums = estimate.detach().double().cpu()
        return Curves(np.zeros(1), np.array([[float(sums[:2].norm() / sums[2].clamp(min=1e-12))]]), ("agreement",))


__all__ = ["Hertz", "Peaks", "peaks"]
