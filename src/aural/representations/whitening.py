"""Whitening: features turned until their bands are uncorrelated and equally strong.

Source   principal components as the input of Lee, Pham, Largman & Ng, Unsupervised feature learning for audio
         classification using convolutional deep belief networks, 2009 [LPLN09]; the symmetric form: Bell & Sejnowski, 1997
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from ..errors import OptionError
from ..part import Part, Tree, Wrapped, fitted


class Whitened(Wrapped):
    """(batch, channel, band, frame) → (batch, channel, components, frame), on the training set uncorrelated with deviation 1.

    `fit` learns it, channel by channel; until then it changes nothing, and takes the first `components` bands.

    Args:
        components: how many principal ones are kept, the strongest first; default: all.
        symmetric: turn back afterwards ("ZCA"): each output is near its own band; with all components only.
        eps: added to every variance, relative to the largest: directions that hold next to nothing are not blown up.
    """

    def __init__(self, part: Part, components: int | None = None, *, symmetric: bool = False, eps: float = 1e-8) -> None:
        super().__init__(part)
        if symmetric and components is not None:
            raise OptionError("symmetric whitening keeps all components: leave components out")
        if components is not None and components < 1:
            raise OptionError(f"components={components}: at least one")
        self.components, self.symmetric, self.eps = components, symmetric, float(eps)
        self.mean: Tensor
        self.matrix: Tensor
        self.back: Tensor
        fitted(self, mean=torch.zeros(1, 1, 1), matrix=torch.zeros(0), back=torch.zeros(0))

    @torch.no_grad()
    def fit(self, raws: Iterable[Tree]) -> None:
        """Learns from batches of what `forward` takes (an iterable, walked once; frames of padding count too)."""
        total = products = torch.zeros((), dtype=torch.float64)
        frames = 0
        for raw in raws:
            x = self.part(raw).double().movedim(1, 0).transpose(1, 2).flatten(2).cpu()  # (channel, band, example and frame)
            frames += x.shape[-1]
            total = total + x.sum(-1, keepdim=True)
            products = products + x @ x.mT
        if not frames:
            raise OptionError("nothing to fit the whitening on: no batch was given")
        mean = total / frames
        variances, directions = torch.linalg.eigh(products / frames - mean @ mean.mT)
        variances, directions = variances.flip(-1).clamp(min=0), directions.flip(-1)
        kept = directions.shape[-1] if self.components is None else self.components
        if kept > directions.shape[-1]:
            raise OptionError(f"components={kept}: there are {directions.shape[-1]} bands")
        # Of a direction's two signs that one whose largest weight is positive: everywhere the same answer.
        largest = directions.gather(-2, directions.abs().argmax(-2, keepdim=True))
        directions = (directions * largest.sign())[..., :kept]
        floor = self.eps * variances[..., :1] + torch.finfo(torch.float64).tiny
        sizes = (variances[..., :kept] + floor).sqrt()[..., None]
        matrix, back = directions.mT / sizes, directions * sizes.mT
        if self.symmetric:
            matrix, back = directions @ matrix, back @ directions.mT
        device = self.mean.device
        fitted(self, mean=mean.float().to(device), matrix=matrix.float().to(device), back=back.float().to(device))

    def forward(self, raw: Tree) -> Tensor:
        x = self.part(raw)
        return self.matrix @ (x - self.mean) if self.matrix.numel() else x[..., : self.components or x.shape[-2], :]

    def frequencies(self) -> np.ndarray:
        raise OptionError("a principal component has no frequency: it weighs all bands")

    def invert(self, features: Tensor) -> Tensor:
        """Back to the features of the part within; what left-out components held is gone."""
        return self.back @ features + self.mean if self.matrix.numel() else features
