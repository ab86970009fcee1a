"""U-nets: down to a coarse view, up again, each level hearing what the way down had there.

Source   Ronneberger, Fischer & Brox, U-Net, MICCAI 2015 [RFB15]; Jansson et al., Singing voice separation with deep U-Net
         convolutional networks, ISMIR 2017 [JHM+17]; Stoller, Ewert & Dixon, Wave-U-Net, ISMIR 2018; Pascual, Bonafonte & Serrà,
         SEGAN, Interspeech 2017; Choi et al., Phase-aware speech enhancement with deep complex U-net, ICLR 2019
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import Activation, ConvBlock, cropped, fit_length, normalisation, pair
from .complex import bounded, complexified

Pair = int | tuple[int, int]


def leaky() -> nn.Module:
    return nn.LeakyReLU(0.2)


class UpBlock(nn.Module):
    """A transposed convolution to exactly `stride` times the size, normalisation, activation, dropout."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: Pair,
        stride: Pair,
        *,
        dim: int = 2,
        norm: str | None = "batch",
        activation: Activation | None = nn.ReLU,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.dim, self.kernel, self.stride = dim, pair(kernel, dim), pair(stride, dim)
        conv: type[nn.Module] = nn.ConvTranspose1d if dim == 1 else nn.ConvTranspose2d
        self.conv = conv(inputs, outputs, self.kernel, self.stride, bias=norm is None)
        self.norm = normalisation(norm, outputs, dim)
        self.activation = activation() if activation else nn.Identity()
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        for axis, (k, s) in enumerate(zip(self.kernel, self.stride, strict=True), -self.dim):  # k - s more than wanted, on both sides
            y = y.narrow(axis, max(k - s, 0) // 2, x.shape[axis] * s)
        return self.dropout(self.activation(self.norm(y)))


class UNet(nn.Module):
    """(batch, inputs, [band,] frame) → (batch, outputs, [band,] frame), of any size: strided convolutions down, transposed ones up.

    What the levels cannot divide is padded with zeros, and cropped again.

    Args:
        channels: of each level on the way down.
        kernel, stride: numbers or (band, frame); the kernel at least as long as the stride.
        skip: what a level up hears of the same level down: "cat" beside its own, "add" as a sum, "none" (an auto-encoder).
        drop: the first so many levels up have dropout of 1/2.
    """

    stride = 1

    def __init__(
        self,
        inputs: int,
        outputs: int,
        channels: Sequence[int],
        kernel: Pair = 5,
        stride: Pair = 2,
        *,
        dim: int = 2,
        skip: Literal["cat", "add", "none"] = "cat",
        norm: str | None = "batch",
        activation: Activation = leaky,
        up_activation: Activation = nn.ReLU,
        drop: int = 0,
    ) -> None:
        super().__init__()
        self.dim, self.skip, self.multiple = dim, skip, tuple(s ** len(channels) for s in pair(stride, dim))
        self.down = nn.ModuleList(
            ConvBlock(a, b, kernel, dim=dim, stride=stride, norm=norm, activation=activation)
            for a, b in zip([inputs, *channels], channels, strict=False)
        )
        self.up = nn.ModuleList()
        for level in reversed(range(len(channels))):
            lowest, highest = level == len(channels) - 1, level == 0
            self.up.append(
                UpBlock(
                    channels[level] * (2 if skip == "cat" and not lowest else 1),
                    outputs if highest else channels[level - 1],
                    kernel,
                    stride,
                    dim=dim,
                    norm=None if highest else norm,
                    activation=None if highest else up_activation,
                    dropout=0.5 if len(self.up) < drop and not highest else 0.0,
                )
            )

    def forward(self, x: Tensor) -> Tensor:
        levels, y = [], fit_length(x, self.multiple)
        for block in self.down:
            y = block(y)
            levels.append(y)
        levels.pop()
        for block in self.up:
            y = block(y)
            if levels and self.skip != "none":
                below = levels.pop()
                y = torch.cat([y, below], 1) if self.skip == "cat" else y + below
        return cropped(y, x.shape[-self.dim :])


def jansson17(inputs: int = 1, outputs: int = 1) -> UNet:
    """The net of [JHM+17], on 512 bins and 128 frames of magnitudes; the mask is the sigmoid of what it gives."""
    return UNet(inputs, outputs, (16, 32, 64, 128, 256, 512), 5, 2, drop=3)


class ComplexUNet(nn.Module):
    """Complex (batch, inputs, band, frame) → complex (batch, outputs, band, frame): the spectra of a UNet over complex numbers, or the
    mask of at most 1 with which the first input's are multiplied.

    Args:
        mask: multiply; the others are UNet's.
    """

    stride = 1

    def __init__(self, inputs: int, outputs: int, channels: Sequence[int], kernel: Pair = 5, stride: Pair = 2, mask: bool = True) -> None:
        super().__init__()
        self.mask, self.net = mask, complexified(UNet(inputs, outputs, channels, kernel, stride, up_activation=leaky))

    def forward(self, z: Tensor) -> Tensor:
        y: Tensor = self.net(z)
        return bounded(y) * z[:, :1] if self.mask else y


class WaveUNet(nn.Module):
    """(batch, inputs, time) → (batch, outputs, time) of any length: convolutions of which every other sample is kept going down,
    linear interpolation going up, and the input itself beside the last level.

    Args:
        levels, width: level l has (l + 1) · width channels.
        kernel, up_kernel: samples of the convolutions down and up.
    """

    stride = 1

    def __init__(self, inputs: int = 1, outputs: int = 1, levels: int = 12, width: int = 24, kernel: int = 15, up_kernel: int = 5) -> None:
        super().__init__()

        def conv(a: int, b: int, k: int) -> ConvBlock:
            return ConvBlock(a, b, k, dim=1, norm=None, activation=leaky)

        channels = [(level + 1) * width for level in range(levels)]
        self.multiple = 2**levels
        self.down = nn.ModuleList(conv(a, b, kernel) for a, b in zip([inputs, *channels], channels, strict=False))
        self.middle = conv(channels[-1], channels[-1] + width, kernel)
        above = [*channels[1:], channels[-1] + width]
        self.up = nn.ModuleList(conv(a + b, b, up_kernel) for a, b in zip(reversed(above), reversed(channels), strict=True))
        self.last = nn.Conv1d(channels[0] + inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = whole = fit_length(x, self.multiple)
        levels = []
        for block in self.down:
            levels.append(block(y))
            y = levels[-1][..., ::2]
        y = self.middle(y)
        for block in self.up:
            below = levels.pop()
            y = block(torch.cat([F.interpolate(y, size=below.shape[-1], mode="linear", align_corners=False), below], 1))
        return cropped(self.last(torch.cat([y, whole], 1)), x.shape[-1:])
