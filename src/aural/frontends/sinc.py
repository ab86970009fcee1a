"""Band-pass filters of which only the two edges are learned.

Source   Ravanelli & Bengio, Speaker recognition from raw waveform with SincNet, SLT 2018 [RB18]. The paper writes sinc(x) = sin(x) / x;
         2 f sinc(2πfn) there is torch.sinc's 2 f sinc(2fn)
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ..representations.scales import hz_to_mel, mel_to_hz
from .kernels import WaveformFilters, band_passes

KHZ = 1000.0  # Hz


def mel_spaced(count: int, low: float, high: float) -> np.ndarray:
    """Frequencies in Hz, equally far in mel (HTK)."""
    return mel_to_hz(np.linspace(hz_to_mel(low, "htk"), hz_to_mel(high, "htk"), count), "htk")


class Sinc(WaveformFilters):
    """(batch, 1, time) → (batch, channels, frame), two numbers a filter: f1 = lowest + |a|, f2 = f1 + narrowest + |b|; a and b are kept in
    kHz, so that a step of 0.001, as is usual, moves an edge by 1 Hz.

    f2 ends at half the rate. Edges start next to each other, equally far in mel from 30 Hz to 100 Hz below half the rate. Linear phase:
    the kernels are symmetric. The gain is 1 between the edges and ½ at them.

    Args:
        rate: Hz.
        length: samples, odd.
    """

    def __init__(
        self,
        rate: int = 16_000,
        channels: int = 80,
        length: int = 251,
        stride: int = 1,
        *,
        lowest: float = 50.0,
        narrowest: float = 50.0,
        padding: str = "centre",
    ) -> None:
        super().__init__(channels, length | 1, stride, padding)
        self.rate, self.lowest, self.narrowest = rate, lowest, narrowest
        edges = torch.from_numpy(mel_spaced(channels + 1, 30.0, rate / 2 - 100)).float()
        self.low = nn.Parameter((edges[:-1] - lowest).clamp(min=0) / KHZ)
        self.band = nn.Parameter((edges.diff() - narrowest).clamp(min=0) / KHZ)

    def edges(self) -> tuple[Tensor, Tensor]:
        """f1 and f2 in Hz (channel,)."""
        low = self.lowest + KHZ * self.low.abs()
        return low, (low + self.narrowest + KHZ * self.band.abs()).clamp(max=self.rate / 2)

    def kernels(self) -> Tensor:
        low, high = self.edges()
        return band_passes(low / self.rate, high / self.rate, self.length)
