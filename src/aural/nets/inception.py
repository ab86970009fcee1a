"""Inception: convolutions of several sizes side by side.

Source   Szegedy et al., Going deeper with convolutions, CVPR 2015; with normalisation: Ioffe & Szegedy, Batch normalization, 2015
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .blocks import ConvBlock, Padding, pair


class Inception(nn.Module):
    """(batch, inputs, [band,] frame) → (batch, channels, [band,] frame).

    Branches: a 1 × 1 convolution; one of each further size, after a 1 × 1 that narrows; and a 1 × 1 of the 3-wide maximum.

    Args:
        ones: channels of the 1 × 1 branch.
        sizes: (narrowed to, channels, kernel) of the further branches; kernels are numbers or (band, frame).
        pooled: channels of the branch of maxima; 0: none.
    """

    def __init__(
        self,
        inputs: int,
        ones: int = 64,
        sizes: Sequence[tuple[int, int, int | tuple[int, int]]] = ((96, 128, 3), (16, 32, 5)),
        pooled: int = 32,
        *,
        dim: int = 2,
        padding: Padding = "same",
        norm: str | None = "batch",
    ) -> None:
        super().__init__()

        def conv(a: int, b: int, kernel: int | tuple[int, int]) -> ConvBlock:
            return ConvBlock(a, b, kernel, dim=dim, padding=padding, norm=norm)

        branches: list[nn.Module] = [conv(inputs, ones, 1)] if ones else []
        branches += [nn.Sequential(conv(inputs, narrow, 1), conv(narrow, wide, kernel)) for narrow, wide, kernel in sizes]
        if pooled:
            branches.append(nn.Sequential((nn.MaxPool1d if dim == 1 else nn.MaxPool2d)(3, 1, 1), conv(inputs, pooled, 1)))
        self.branches = nn.ModuleList(branches)
        self.channels, self.stride = ones + sum(wide for _, wide, _ in sizes) + pooled, 1
        self.field = max([3 if pooled else 1, *(pair(kernel, dim)[-1] for _, _, kernel in sizes)])

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)
