"""µ-law: samples on a logarithmic scale, so that 256 classes serve quiet and loud alike.

Source   ITU-T G.711 (the curve, here as continuous companding); as the classes of a net: van den Oord et al., WaveNet, 2016
         [vdODZ+16]
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ..annotations import Example
from ..errors import OptionError
from ..part import Tree
from ..sound import Sound
from .framing import share, whole
from .stft import Waveform

BLOCK = 2**16  # samples that are in work together: a processor's cache holds them


def mu_law(x: Tensor, classes: int = 256) -> Tensor:
    """Samples in [-1, 1] → sign(x) ln(1 + µ |x|) / ln(1 + µ), µ = classes - 1; others are clipped."""
    x = x.clamp(-1, 1)
    # x · (…/|x|) and not sign(x): the slope at 0 is µ / ln(1 + µ), not 0.
    size = x.abs()
    return torch.where(size < 1e-12, x * (classes - 1), x.sign() * (size * (classes - 1)).log1p()) / math.log(classes)


def inverse_mu_law(y: Tensor, classes: int = 256) -> Tensor:
    """The samples that `mu_law` took to y."""
    return y.sign() * (y.abs() * math.log(classes)).expm1() / (classes - 1)


def quantised(x: Tensor, classes: int = 256) -> Tensor:
    """Samples → int64 classes 0 … classes - 1, the middles evenly over [-1, 1] of `mu_law`; 0 goes up, to classes / 2."""
    return ((mu_law(x, classes) + 1) * ((classes - 1) / 2) + 0.5).floor().long().clamp(0, classes - 1)


def dequantised(q: Tensor, classes: int = 256, dtype: torch.dtype = torch.float32) -> Tensor:
    """Classes → the samples in their middles; no class is exactly 0 where their number is even."""
    return inverse_mu_law(q.to(dtype) * (2 / (classes - 1)) - 1, classes)


class MuLaw(Waveform):
    """(batch, 1, time) → companded samples in [-1, 1], (batch, 1, time); every sample is a frame. Both directions.

    As an output it takes a net's classes (batch, classes, time) for the likeliest, or companded samples (batch, 1, time).

    Args:
        classes: µ + 1.
        as_classes: int64 classes instead, for an embedding or as targets; -1 past the end of an example that a batch padded.
    """

    def __init__(self, rate: int, classes: int = 256, *, as_classes: bool = False, of: str = "sound") -> None:
        super().__init__(rate, of)
        if classes < 2:
            raise OptionError(f"classes={classes}: at least 2")
        self.classes, self.as_classes = int(classes), bool(as_classes)
        self.unknown = float("nan") if as_classes else 0.0

    def forward(self, raw: Tensor) -> Tensor:
        if not self.as_classes:
            return mu_law(raw, self.classes)
        if whole(raw):
            return self._classes(raw)
        flat = raw.reshape(-1)
        made = torch.empty(flat.shape, dtype=torch.int64)

        def work(first: int) -> None:
            made[first : first + BLOCK] = self._classes(flat[first : first + BLOCK])

        share(work, range(0, len(flat), BLOCK))
        return made.view(raw.shape)

    def _classes(self, samples: Tensor) -> Tensor:
        return torch.where(samples.isnan(), -1, quantised(samples.nan_to_num(), self.classes))

    def invert(self, features: Tensor) -> Tensor:
        """Back to samples."""
        return inverse_mu_law(features, self.classes) if features.is_floating_point() else dequantised(features, self.classes)

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> Sound:
        if estimate.is_floating_point() and estimate.shape[-2] == self.classes:
            estimate = estimate.argmax(-2, keepdim=True)
        return Sound(self.invert(estimate).detach().float().cpu().numpy().reshape(1, -1), self.rate)

    def nothing(self) -> Sound:
        return Sound(np.zeros((1, 0), np.float32), self.rate)
