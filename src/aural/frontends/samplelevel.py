"""Convolutions of two or three samples, and many of them.

Source   Lee, Park, Kim & Nam, Sample-level deep convolutional neural networks for music auto-tagging, SMC 2017 [LPKN17]; Kim, Lee & Nam,
         Sample-level CNN architectures for music auto-tagging using raw waveforms, ICASSP 2018 [KLN18] (residual, squeeze and excitation)
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import OptionError
from ..nets.blocks import ConvBlock, receptive_field
from ..nets.resnet import SqueezeExcite

CHANNELS = (128, 128, 128, 256, 256, 256, 256, 256, 256, 512)  # of the first layer and the nine blocks of 3^9


class SampleLevel(nn.Module):
    """(batch, 1, time) → (batch, channels, frame), one frame every base^blocks · base samples: 59,049 make one with the defaults.

    Args:
        channels: of the first layer, which is strided, and of each block: a convolution of `base` samples, and a pool of as many.
        base: 2, 3, 4 …; "3^9" is base 3 with nine blocks.
        block: "basic"; "se", with squeeze and excitation; "res", two convolutions beside the block's input; "rese", both.
        last: a final 1 × 1 convolution with as many channels.
        levels: how many of the last blocks are heard, each one's maximum over its frames side by side: 1, or 3 in [KLN18], whose output
            is (batch, channels, 1).
    """

    def __init__(
        self,
        channels: Sequence[int] = CHANNELS,
        base: int = 3,
        block: str = "basic",
        last: bool = True,
        levels: int = 1,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if block not in ("basic", "se", "res", "rese"):
            raise OptionError(f'block={block!r}: "basic", "se", "res" or "rese"')
        blocks = len(channels) - 1
        self.first = ConvBlock(1, channels[0], base, dim=1, stride=base, padding="valid", bias=True)
        self.blocks = nn.ModuleList(_Block(a, b, base, block) for a, b in itertools.pairwise(channels))
        self.last = (
            nn.Sequential(ConvBlock(channels[-1], channels[-1], 1, dim=1, bias=True), nn.Dropout(dropout)) if last else nn.Identity()
        )
        self.levels, self.stride = levels, base ** (blocks + 1)
        self.channels = channels[-1] if levels == 1 else sum(channels[-levels:])
        each = [(base, 1, 1)] * (1 if block in ("basic", "se") else 2)
        self.field = receptive_field([(base, base, 1), *[step for _ in range(blocks) for step in [*each, (base, base, 1)]]])

    def forward(self, x: Tensor) -> Tensor:
        y, heard = self.first(x), []
        for block in self.blocks:
            y = block(y)
            heard.append(y)
        y = self.last(y)
        if self.levels == 1:
            return y
        return torch.cat([level.amax(-1, keepdim=True) for level in [*heard[-self.levels : -1], y]], 1)

    def times(self, times: np.ndarray) -> np.ndarray:
        """Of the frames, given those of the samples: the middles of what each is the maximum of."""
        frames = len(times) // self.stride
        return times[: frames * self.stride].reshape(frames, self.stride).mean(1)

    @torch.no_grad()
    def responses(self, rate: int, n_fft: int = 4096) -> tuple[np.ndarray, np.ndarray]:
        """Of the first layer, whose few samples tell little; see `measure.responses` for what the last one hears."""
        gains = torch.fft.rfft(self.first.conv.weight[:, 0].double().cpu(), n_fft).abs()
        return np.fft.rfftfreq(n_fft, 1 / rate), gains.numpy()


class _Block(nn.Module):
    """Convolution, normalisation, ReLU (twice, beside the input, where residual), squeeze and excitation, pool."""

    def __init__(self, inputs: int, outputs: int, base: int, kind: str) -> None:
        super().__init__()
        residual = kind in ("res", "rese")
        body: list[nn.Module] = [ConvBlock(inputs, outputs, base, dim=1, bias=True)]
        if residual:
            body += [nn.Dropout(0.2), ConvBlock(outputs, outputs, base, dim=1, bias=True, activation=None)]
        if kind in ("se", "rese"):
            body.append(SqueezeExcite(outputs))
        self.body = nn.Sequential(*body)
        self.project = None
        if residual:
            self.project = ConvBlock(inputs, outputs, 1, dim=1, activation=None) if inputs != outputs else nn.Identity()
        self.pool = nn.MaxPool1d(base)

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        return self.pool(y if self.project is None else (y + self.project(x)).relu())
