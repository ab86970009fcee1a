"""Gaussian windows times complex exponentials, of which the middle frequency and the width are learned.

Source   Noé, Parcollet & Morchid, CGCNN: complex Gabor convolutional neural network on raw speech, ICASSP 2020 [NPM20]; Gabor, Theory of
         communication, 1946. With the width a fixed number of periods it is a Morlet wavelet, and a constant-Q transform
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .kernels import WaveformFilters, gabors
from .sinc import KHZ, mel_spaced

SAMPLES = 1000.0  # of a width that is written as 1


class Gabor(WaveformFilters):
    """(batch, 1, time) → complex (batch, channels, frame), or its modulus. Frequencies are kept in 0 … rate / 2.

    Middles start equally far in mel, widths so that neighbours meet at half their peaks. The parameters are kHz and thousands of samples: a
    step of 0.001, as is usual, moves a middle by 1 Hz and a width by a sample.

    Args:
        rate: Hz.
        modulus: |·|, which hardly changes while a tone lasts; complex nets (nets.complex) want the numbers themselves.
    """

    def __init__(
        self,
        rate: int = 16_000,
        channels: int = 40,
        length: int = 401,
        stride: int = 160,
        *,
        low: float = 60.0,
        high: float | None = None,
        modulus: bool = False,
        padding: str = "centre",
    ) -> None:
        super().__init__(channels, length, stride, padding)
        self.rate, self.modulus = rate, modulus
        edges = torch.from_numpy(mel_spaced(channels + 2, low, high or rate / 2)).float()
        half = (edges[2:] - edges[:-2]) / 4  # Hz from the middle to where neighbours meet
        widths = (rate * math.sqrt(2 * math.log(2)) / (2 * math.pi * half)).clamp(max=length / 4)  # samples
        self.frequency, self.deviation = nn.Parameter(edges[1:-1] / KHZ), nn.Parameter(widths / SAMPLES)

    def kernels(self) -> Tensor:
        frequency = (KHZ * self.frequency).clamp(0, self.rate / 2) / self.rate
        return gabors(frequency, (SAMPLES * self.deviation).abs().clamp(min=0.5), self.length)

    def forward(self, x: Tensor) -> Tensor:
        y = self.heard(x, self.kernels())
        return (y.real.square() + y.imag.square() + 1e-12).sqrt() if self.modulus else y
