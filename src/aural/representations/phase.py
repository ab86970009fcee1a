"""The whole of a spectrum as real numbers: real and imaginary parts, or magnitudes and instantaneous frequencies.

Source   Flanagan & Golden, Phase vocoder, 1966 (frequency as the difference of phases); Engel et al., GANSynth: adversarial
         neural audio synthesis, 2019 [EAC+19]
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .compress import check, compress, expand
from .stft import STFT


class RealImaginary(STFT):
    """(batch, 1, time) → (batch, 2, n_fft // 2 + 1, frame): the STFT's real and imaginary parts. The arguments are STFT's."""

    def forward(self, raw: Tensor) -> Tensor:
        return torch.view_as_real(super().forward(raw)).movedim(-1, -3).flatten(-4, -3)

    def invert(self, features: Tensor, length: int | None = None) -> Tensor:
        """(batch, 2, bin, frame) → (batch, 1, time), as STFT's."""
        return super().invert(torch.view_as_complex(features.unflatten(-3, (-1, 2)).movedim(-3, -1).contiguous()), length)


class InstantaneousFrequency(STFT):
    """(batch, 1, time) → (batch, 2, n_fft // 2 + 1, frame): magnitudes, and how far the phase turned since the frame before.

    The turn is in units of π, in [-1, 1); a steady partial has the same in every frame. That of the first frame is its
    phase, so that nothing is lost: `invert` is exact. In bins that hold nothing a turn means nothing.

    Args:
        compression: of the magnitudes, as LogMel's: "ln" and "log10" with `offset`, "log1p" with `factor`, "db", "none".
        The others are STFT's.
    """

    def __init__(
        self,
        rate: int,
        hop: int,
        window: int = 2048,
        n_fft: int | None = None,
        *,
        compression: str = "none",
        offset: float = 1e-7,
        factor: float = 1.0,
        of: str = "sound",
    ) -> None:
        super().__init__(rate, hop, window, n_fft, of)
        self.compression, self.offset, self.factor = check(compression), float(offset), float(factor)

    def forward(self, raw: Tensor) -> Tensor:
        spectrum = super().forward(raw)
        before = torch.cat([torch.ones_like(spectrum[..., :1]), spectrum[..., :-1]], -1)
        # The product's length may underflow or overflow, its angle doesn't matter then; ±π are one turn.
        turn = torch.remainder((spectrum * before.conj()).angle() / math.pi + 1, 2) - 1
        level = compress(spectrum.abs(), self.compression, power=1, offset=self.offset, factor=self.factor)
        return torch.stack([level, turn], -3).flatten(-4, -3)

    def invert(self, features: Tensor, length: int | None = None) -> Tensor:
        """(batch, 2, bin, frame) → (batch, 1, time), exact where the magnitudes' compression is."""
        level, turn = features.unflatten(-3, (-1, 2)).unbind(-3)
        phase = torch.remainder(turn.double().cumsum(-1), 2).to(turn) * math.pi  # summed in float64: the error would grow
        magnitude = expand(level, self.compression, power=1, offset=self.offset, factor=self.factor)
        return super().invert(torch.polar(magnitude.clamp(min=0), phase), length)

    def hertz(self, features: Tensor) -> Tensor:
        """The turns as Hz, (batch, 1, bin, frame): of the frequencies that turn so far in a hop, the one nearest to the bin."""
        turn = features[..., 1::2, :, :]
        bins = torch.arange(turn.shape[-2], dtype=turn.dtype, device=turn.device)[:, None]
        awaited = bins * (2 * self.hop / self.n_fft)
        away = torch.remainder(turn - awaited + 1, 2) - 1
        return bins * (self.rate / self.n_fft) + away * (self.rate / (2 * self.hop))
