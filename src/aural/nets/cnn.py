"""Convolutional networks over bands and frames: any stack, VGG-like ones, and fully convolutional ones.

Source   Fukushima & Miyake, Neocognitron, 1982 [FM82]; LeCun et al., 1998 [LBBH98]; Simonyan & Zisserman, Very deep
         convolutional networks for large-scale image recognition, ICLR 2015 (VGG); Choi, Fazekas & Sandler, Automatic tagging
         using deep convolutional neural networks, ISMIR 2016 [CFS16] (FCN-4, FCN-5)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor, nn

from ..errors import OptionError
from .blocks import Activation, ConvBlock, Padding, pooled, receptive_field

Pair = int | tuple[int, int]


class CNN(nn.Module):
    """(batch, inputs, band, frame) → (batch, channels[-1], band', frame').

    Args:
        channels: of each layer.
        kernels, pools: one for all layers, or one for each; a number or (band, frame).
        The others are ConvBlock's.
    """

    def __init__(
        self,
        inputs: int,
        channels: Sequence[int],
        kernels: Pair | Sequence[Pair] = 3,
        pools: Pair | Sequence[Pair] = 1,
        *,
        padding: Padding = "same",
        norm: str | None = "batch",
        activation: Activation = nn.ReLU,
        dropout: float = 0.0,
        bias: bool | None = None,
    ) -> None:
        super().__init__()
        sizes = [inputs, *channels]
        self.blocks = nn.Sequential(
            *(
                ConvBlock(a, b, k, pool=p, padding=padding, norm=norm, activation=activation, dropout=dropout, bias=bias)
                for a, b, k, p in zip(sizes, channels, _each(kernels, channels), _each(pools, channels), strict=False)
            )
        )
        self.channels = sizes[-1]
        steps = [step for block in self.blocks for step in block.steps]  # type: ignore[union-attr]
        self.field, self.stride = receptive_field(steps), math.prod(stride for _, stride, _ in steps)

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(x)


def _each(values: Pair | Sequence[Pair], layers: Sequence[int]) -> list[Pair]:
    """One for all layers (a number or a pair), or a list of one for each."""
    if isinstance(values, int) or (isinstance(values, tuple) and len(values) == 2 and all(isinstance(v, int) for v in values)):
        return [values] * len(layers)  # type: ignore[list-item]
    listed = list(values)
    if len(listed) != len(layers):
        raise OptionError(f"{listed}: {len(layers)} layers, so as many are wanted, or one for all")
    return listed


def vgg(inputs: int = 1, channels: Sequence[int] = (32, 64, 128, 256), each: int = 2, dropout: float = 0.0) -> CNN:
    """Blocks of `each` 3 × 3 convolutions, each block halving bands and frames."""
    return CNN(
        inputs, [c for c in channels for _ in range(each)], 3, [p for _ in channels for p in [1] * (each - 1) + [2]], dropout=dropout
    )


class Classifier(nn.Module):
    """A body of bands and frames, its mean over bands, pooled over frames, and a dense layer: (batch, …, band, frame) →
    (batch, classes) logits.

    Args:
        body: with `channels` and `stride`, (batch, inputs, band, frame) → (batch, channels, band', frame'); or without bands,
            (batch, inputs, frame) → (batch, channels, frame').
        how: of `blocks.pooled`.
    """

    def __init__(self, body: nn.Module, classes: int, how: str = "mean|max", dropout: float = 0.0) -> None:
        super().__init__()
        self.body, self.how = body, how
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(int(body.channels) * len(how.split("|")), classes))  # type: ignore[arg-type]

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        y = self.body(x)
        y = y.mean(2) if y.ndim == 4 else y
        if lengths is not None:
            lengths = (lengths // int(self.body.stride)).clamp(1, y.shape[-1])  # type: ignore[arg-type]
        return self.head(pooled(y, self.how, lengths))


FCN4 = ((128, (2, 4)), (384, (4, 5)), (768, (3, 8)), (2048, (4, 8)))  # channels and pools (band, frame) of [CFS16]
FCN5 = ((128, (2, 4)), (256, (2, 4)), (512, (2, 4)), (1024, (3, 5)), (2048, (4, 4)))


class FCN(nn.Module):
    """A fully convolutional net: 3 × 3 convolutions, pooled until nothing is left of 96 bands and 1366 frames.

    (batch, 1, 96, 1366) → (batch, classes) logits; with more frames, logits are averaged over what is left of them. The paper
    prints sizes on the way that do not follow from its pools; these are the pools'.
    """

    def __init__(self, classes: int = 50, layers: Sequence[tuple[int, tuple[int, int]]] = FCN4, dropout: float = 0.5) -> None:
        super().__init__()
        channels = [c for c, _ in layers]
        self.cnn = CNN(1, channels, 3, [p for _, p in layers], dropout=dropout, bias=True)
        self.head = nn.Conv2d(channels[-1], classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cnn(x)).mean((2, 3))
