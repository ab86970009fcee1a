"""Convolutions that hear a pitch together with its octaves.

Source   Lostanlen & Cella, Deep convolutional networks on the pitch spiral for musical instrument recognition, ISMIR 2016 [LC16]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F


def shifted(x: Tensor, offsets: Sequence[int]) -> Tensor:
    """(batch, channel, band, frame) → (batch, channel · offsets, band, frame): at band k what stands at k + offset, 0 outside."""
    bands = x.shape[2]
    made = []
    for offset in offsets:
        offset = max(-bands, min(bands, offset))
        made.append(F.pad(x, (0, 0, max(-offset, 0), max(offset, 0)))[:, :, max(offset, 0) : max(offset, 0) + bands])
    return torch.stack(made, 2).flatten(1, 2)


class SpiralConv(nn.Module):
    """y(k, n) = Σ_j Σ W_j(dk, dn) x(k + per_octave · j + dk, n + dn): (batch, inputs, band, frame) → (batch, outputs, band, frame).

    Args:
        octaves: how many, from the pitch itself upwards.
        kernel: (band, frame).
    """

    stride = 1

    def __init__(self, inputs: int, outputs: int, octaves: int = 3, kernel: tuple[int, int] = (5, 3), per_octave: int = 12) -> None:
        super().__init__()
        self.offsets = tuple(per_octave * j for j in range(octaves))
        self.conv = nn.Conv2d(inputs * octaves, outputs, kernel, padding="same")
        self.channels, self.field = outputs, kernel[1]

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(shifted(x, self.offsets))


class PitchSpiral(nn.Module):
    """A constant-Q spectrogram (batch, 1, band, frame) → (batch, channels, frame).

    Below `split` two spiral convolutions, of which the highest over all bands is kept; above it kernels over all the bands there, as
    pitch no more matters. The paper's networks end in dense layers and pools of their own; this is the layer they share.

    Args:
        bands: of the input; `split` of them are low (the default: to about 2 kHz from 32.7 Hz).
        channels: half of them for the low, half for the high bands.
    """

    stride = 1

    def __init__(
        self,
        bands: int = 96,
        channels: int = 64,
        split: int = 72,
        octaves: int = 3,
        kernel: tuple[int, int] = (5, 3),
        per_octave: int = 12,
    ) -> None:
        super().__init__()
        half = channels // 2
        self.split, self.channels, self.field = split, 2 * half, 2 * kernel[1] - 1
        self.low = nn.Sequential(
            SpiralConv(1, half, octaves, kernel, per_octave), nn.LeakyReLU(0.3), SpiralConv(half, half, octaves, kernel, per_octave)
        )
        high = bands - split
        self.high = nn.Sequential(
            nn.Conv1d(high, half, kernel[1], padding="same"), nn.LeakyReLU(0.3), nn.Conv1d(half, half, kernel[1], padding="same")
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(torch.cat([self.low(x[:, :, : self.split]).amax(2), self.high(x[:, 0, self.split :])], 1), 0.3)

    @torch.no_grad()
    def responses(self) -> np.ndarray:
        """(channel, offset in bands from -2 upwards): how strongly each filter of the first spiral layer hears what stands so far above
        a pitch."""
        first = self.low[0]
        assert isinstance(first, SpiralConv)
        weight = first.conv.weight.square().sum(-1).sqrt()  # (filter, octave, dk)
        side = weight.shape[-1] // 2
        gains = weight.new_zeros(len(weight), first.offsets[-1] + weight.shape[-1])
        for j, offset in enumerate(first.offsets):
            gains[:, offset : offset + 2 * side + 1] += weight[:, j]
        return gains.cpu().numpy()
