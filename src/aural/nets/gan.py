"""Parts of generators and critics.

Source   Goodfellow et al., Generative adversarial nets, NeurIPS 2014 [GPAM+14]; Donahue, McAuley & Puckette, Adversarial audio synthesis,
         ICLR 2019 (WaveGAN: phase shuffle); Karras et al., Progressive growing of GANs, ICLR 2018 (pixel norm, deviation of the batch).
         A critic with a gradient penalty has no batch normalisation: its gradient would be of the batch, not of an example
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import ConvBlock, pair
from .unet import UpBlock, leaky


class Generator(nn.Module):
    """Noise (batch, latent) → (batch, outputs, [band,] frame) in -1..1, by transposed convolutions.

    Args:
        start: size of the first map: frames, or (bands, frames).
        channels: of the first map, and after each level but the last; each level is `stride` times as long.
    """

    def __init__(
        self,
        latent: int,
        outputs: int = 1,
        start: int | Sequence[int] = 16,
        channels: Sequence[int] = (128, 64, 32),
        kernel: int | tuple[int, int] = 25,
        stride: int | tuple[int, int] = 4,
        norm: str | None = None,
    ) -> None:
        super().__init__()
        dim = 1 if isinstance(start, int) else 2
        self.start = (channels[0], *pair(start, dim))
        self.first = nn.Linear(latent, int(torch.tensor(self.start).prod()))
        sizes = [*channels, outputs]
        self.up = nn.Sequential(
            *(
                UpBlock(
                    a,
                    b,
                    kernel,
                    stride,
                    dim=dim,
                    norm=norm if i < len(channels) - 1 else None,
                    activation=nn.ReLU if i < len(channels) - 1 else nn.Tanh,
                )
                for i, (a, b) in enumerate(itertools.pairwise(sizes))
            )
        )

    def forward(self, noise: Tensor) -> Tensor:
        return self.up(F.relu(self.first(noise)).unflatten(1, self.start))


class Critic(nn.Module):
    """(batch, inputs, [band,] frame) → (batch, 1): strided convolutions without normalisation, then a dense layer.

    Args:
        size: of what it is shown: frames, or (bands, frames).
        shuffle: samples by which the frames of each level are moved at random in training (PhaseShuffle); 0: none.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        inputs: int = 1,
        channels: Sequence[int] = (32, 64, 128),
        kernel: int | tuple[int, int] = 25,
        stride: int | tuple[int, int] = 4,
        shuffle: int = 0,
    ) -> None:
        super().__init__()
        dim = 1 if isinstance(size, int) else 2
        layers: list[nn.Module] = []
        for a, b in zip([inputs, *channels], channels, strict=False):
            layers.append(ConvBlock(a, b, kernel, dim=dim, stride=stride, norm=None, activation=leaky))
            if shuffle:
                layers.append(PhaseShuffle(shuffle))
        units = channels[-1]
        for n, s in zip(pair(size, dim), pair(stride, dim), strict=True):
            for _ in channels:
                n = -(-n // s)
            units *= n
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(units, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class PhaseShuffle(nn.Module):
    """In training, the frames of each example moved by up to `reach` either way, mirrored at the end: (…, frame) → the same shape.

    The moves come from torch's own generator, as dropout's do."""

    def __init__(self, reach: int = 2) -> None:
        super().__init__()
        self.reach = reach

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.reach:
            return x
        moves = torch.randint(-self.reach, self.reach + 1, (len(x),))
        return torch.stack([self.moved(row, int(move)) for row, move in zip(x, moves, strict=True)])

    @staticmethod
    def moved(x: Tensor, move: int) -> Tensor:
        """One example, `move` frames later."""
        flat = x.reshape(1, -1, x.shape[-1])
        shifted = F.pad(flat, (max(move, 0), max(-move, 0)), mode="reflect")
        return shifted[..., max(-move, 0) : max(-move, 0) + x.shape[-1]].reshape(x.shape)


class PixelNorm(nn.Module):
    """Each place's vector of channels, over its root mean square."""

    def forward(self, x: Tensor) -> Tensor:
        return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()


class BatchDeviation(nn.Module):
    """One more channel: how much the batch varies, the same number everywhere. A critic sees by it that all is alike."""

    def forward(self, x: Tensor) -> Tensor:
        spread = (x.var(0, correction=0) + 1e-8).sqrt().mean()
        return torch.cat([x, spread.expand_as(x[:, :1])], 1)
