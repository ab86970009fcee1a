"""Variational auto-encoders: a code that is a distribution.

Source   Kingma & Welling, Auto-encoding variational Bayes, ICLR 2014 [KW14a]; vector-quantised: van den Oord, Vinyals & Kavukcuoglu,
         Neural discrete representation learning, NeurIPS 2017
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

LOG_VARIANCES = (-14.0, 14.0)  # what is predicted is kept within


class VAE(nn.Module):
    """x → q(z|x) = N(mean, exp(log_variance)) → what z decodes to.

    `forward` decodes the mean. Objectives call `encode`, `sample` and `decode`; new things are `decode` of N(0, I).

    Args:
        encoder: x → (batch, 2 · size): means, then logarithms of variances.
        decoder: (batch, size) → x's shape.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (batch, size)."""
        mean, log_variance = self.encoder(x).chunk(2, 1)
        return mean, log_variance.clamp(*LOG_VARIANCES)

    def sample(self, mean: Tensor, log_variance: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """z = mean + deviation · noise: the gradient reaches both."""
        noise = torch.randn(
            mean.shape, generator=generator, device=mean.device if generator is None else generator.device, dtype=mean.dtype
        )
        return mean + (log_variance / 2).exp() * noise.to(mean.device)

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(z)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x)[0])


class Quantiser(nn.Module):
    """Each frame's vector becomes the nearest of `words` vectors: (batch, size, frame) → the same shape.

    The gradient goes straight through to what was given. `losses` tells how far the words lie from what they stand for, and how far
    that lies from its word."""

    def __init__(self, words: int, size: int) -> None:
        super().__init__()
        self.words = nn.Parameter(torch.empty(words, size).uniform_(-1 / words, 1 / words))

    def numbers(self, x: Tensor) -> Tensor:
        """(batch, frame): which word each frame is."""
        return torch.cdist(x.mT.contiguous(), self.words.expand(len(x), -1, -1)).argmin(-1)

    def look_up(self, numbers: Tensor) -> Tensor:
        """(batch, frame) → (batch, size, frame)."""
        return self.words[numbers].mT

    def forward(self, x: Tensor) -> Tensor:
        return x + (self.look_up(self.numbers(x)) - x).detach()

    def losses(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Of the words, and the commitment of x."""
        word = self.look_up(self.numbers(x))
        return (word - x.detach()).square().mean(), (word.detach() - x).square().mean()
