"""How far music lies from A4 = 440 Hz, read off the peaks of a constant-Q transform.

How      Each peak of a frame lies at a fraction of a semitone, which a parabola through it and its neighbours says; as directions on a
         circle of one semitone, weighted by their heights, they have a mean: that is the tuning, and its length says how much they agree.
Source   Dressler & Streich, Tuning frequency estimation using circular statistics, ISMIR 2007
"""

from __future__ import annotations

import torch
from torch import Tensor

A4 = 440.0  # Hz


def directions(magnitudes: Tensor, per_semitone: int = 3) -> Tensor:
    """Sums over the peaks of (batch, band, frame): height · cosine, height · sine, height: (batch, 3). Sums of pieces add up.

    The first band must lie on a semitone of A4 = 440 Hz."""
    left, middle, right = (magnitudes[:, k : magnitudes.shape[1] - 2 + k] for k in range(3))
    peak = (middle > left) & (middle >= right)
    curve = (left - 2 * middle + right).clamp(max=-1e-12)
    band = torch.arange(1, magnitudes.shape[1] - 1, device=magnitudes.device)[:, None] + ((left - right) / curve / 2).clamp(-0.5, 0.5)
    turn = band * (2 * torch.pi / per_semitone)
    weight = torch.where(peak, middle, 0.0)
    return torch.stack([(weight * turn.cos()).sum((1, 2)), (weight * turn.sin()).sum((1, 2)), weight.sum((1, 2))], -1)


def semitones(sums: Tensor) -> Tensor:
    """The tuning in semitones of (-0.5, 0.5] that sums of `directions` (..., 3) say; 0 where there is no peak."""
    return torch.atan2(sums[..., 1], sums[..., 0]) / (2 * torch.pi)


def tuning(magnitudes: Tensor, per_semitone: int = 3) -> Tensor:
    """How far the music lies over A4 = 440 Hz, in semitones of (-0.5, 0.5]: (batch, band, frame) → (batch,)."""
    return semitones(directions(magnitudes, per_semitone))


def in_hertz(semitones: float) -> float:
    """Of A4."""
    return float(A4 * 2.0 ** (semitones / 12))


__all__ = ["directions", "in_hertz", "semitones", "tuning"]
