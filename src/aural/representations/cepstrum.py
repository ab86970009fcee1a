"""The cepstrum: the spectrum of the logarithmic spectrum, in which a filter lies low and the period of its source stands apart.

Source   Bogert, Healy & Tukey, The quefrency alanysis of time series for echoes, 1963; Noll, Cepstrum pitch determination,
         1967; Oppenheim & Schafer, Homomorphic analysis of speech, 1968
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..errors import OptionError
from .stft import Spectrogram


class Cepstrum(Spectrogram):
    """(batch, 1, time) → (batch, 1, coefficients, frame): the real cepstrum of each frame, from quefrency 0.

    Args:
        window, n_fft: as STFT's.
        coefficients: how many; default: all, n_fft // 2 + 1. A few (1 to 2 ms) hold the envelope alone.
        offset: added to magnitudes before the logarithm.
    """

    def __init__(
        self,
        rate: int,
        hop: int,
        window: int = 2048,
        coefficients: int | None = None,
        *,
        n_fft: int | None = None,
        offset: float = 1e-7,
        of: str = "sound",
    ) -> None:
        super().__init__(rate, hop, window, n_fft, power=1, of=of)
        most = self.n_fft // 2 + 1
        self.coefficients, self.offset = int(coefficients or most), float(offset)
        if not 1 <= self.coefficients <= most or self.n_fft % 2:
            raise OptionError(f"coefficients={coefficients}, n_fft={self.n_fft}: from 1 to {most}, and an even n_fft")

    def frequencies(self) -> np.ndarray:
        """Hz that repeat after each quefrency: a voice of that pitch peaks there. Infinite for the first."""
        with np.errstate(divide="ignore"):
            return self.rate / np.arange(self.coefficients)

    def forward(self, raw: Tensor) -> Tensor:
        return torch.fft.irfft((super().forward(raw) + self.offset).log(), dim=-2)[..., : self.coefficients, :]

    def invert(self, features: Tensor) -> Tensor:
        """The logarithmic spectrum, ln of magnitudes, smoothed where coefficients are missing: (..., n_fft // 2 + 1, frame)."""
        most = self.n_fft // 2 + 1
        half = torch.nn.functional.pad(features, (0, 0, 0, most - features.shape[-2]))
        return torch.fft.rfft(torch.cat([half, half[..., 1:-1, :].flip(-2)], -2), dim=-2).real

    def envelope(self, features: Tensor, seconds: float = 0.0015) -> Tensor:
        """Magnitudes of what changes slowly over frequency: the filter. Quefrencies from `seconds` on are left out."""
        return self.invert(features[..., : max(1, round(seconds * self.rate)), :]).exp()
