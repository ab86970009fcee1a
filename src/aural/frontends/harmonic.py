"""Triangles at the harmonics of many fundamental frequencies, their width learned.

Source   Won, Chun, Nieto & Serra, Data-driven harmonic filters for audio representation learning, ICASSP 2020 [WCNS20]; bandwidths:
         Glasberg & Moore, 1990. The survey speaks of filters in time; the paper filters the spectrogram, and so does this
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import OptionError

C1 = 440 * 2 ** (-45 / 12)  # 32.7 Hz, MIDI 24


class Harmonic(nn.Module):
    """A spectrogram (batch, 1, bin, frame) ≥ 0 → (batch, harmonics, centres, frame), in dB.

    Band c of channel h is a triangle at h · f_c, (alpha · h · f_c + beta) / q Hz wide. Centres go up from `lowest` in equal steps as long
    as their highest harmonic lies below half the rate: 128 with the defaults.

    Triangles narrower than a bin hear nothing, and learn nothing: 1 of the 768 of the paper's n_fft of 512 at q = 1, 70 at q = 2.

    Args:
        rate, n_fft: of the spectrogram.
        learn: "q", or "all": alpha and beta too.
        decibels: 10 log10 of what is heard, at least -100 dB; False: as it is.
    """

    stride = 1

    def __init__(
        self,
        rate: int = 16_000,
        n_fft: int = 512,
        harmonics: int = 6,
        per_semitone: int = 2,
        lowest: float = C1,
        *,
        q: float = 1.0,
        learn: str = "q",
        decibels: bool = True,
    ) -> None:
        super().__init__()
        if learn not in ("q", "all"):
            raise OptionError(f'learn={learn!r}: "q" or "all"')
        self.rate, self.n_fft, self.harmonics, self.decibels, self.channels = rate, n_fft, harmonics, decibels, harmonics
        steps = int(np.floor(12 * per_semitone * np.log2(rate / (2 * harmonics) / lowest)))
        self.centres = lowest * 2 ** (np.arange(steps) / (12 * per_semitone))
        middles = np.arange(1, harmonics + 1)[:, None] * self.centres
        self.register_buffer("middles", torch.from_numpy(middles).float(), persistent=False)
        self.register_buffer("bins", torch.fft.rfftfreq(n_fft, 1 / rate), persistent=False)
        self.middles: Tensor
        self.bins: Tensor
        self.q = nn.Parameter(torch.tensor(q))
        self.alpha, self.beta = (nn.Parameter(torch.tensor(value), requires_grad=learn == "all") for value in (0.1079, 24.7))

    def gains(self, hz: Tensor) -> Tensor:
        """Of every triangle at frequencies (n,): (harmonic, centre, n)."""
        width = (self.alpha * self.middles + self.beta) / self.q
        return (1 - 2 * (hz - self.middles[..., None]).abs() / width[..., None]).clamp(min=0)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] != 1 or x.shape[2] != len(self.bins):
            raise OptionError(f"a spectrogram {tuple(x.shape)}: (batch, 1, {len(self.bins)} bins, frame) is wanted")
        heard = (self.gains(self.bins).flatten(0, 1) @ x[:, 0]).unflatten(1, self.middles.shape)
        return 10 * heard.clamp(min=1e-10).log10() if self.decibels else heard

    @torch.no_grad()
    def responses(self, rate: int | None = None, n_fft: int = 4096) -> tuple[np.ndarray, np.ndarray]:
        """Frequencies in Hz (bin,) and the gains of all triangles (harmonics · centres, bin), harmonic by harmonic."""
        hz = torch.fft.rfftfreq(n_fft, 1 / self.rate)
        return hz.numpy(), self.gains(hz.to(self.bins)).flatten(0, 1).cpu().numpy()
