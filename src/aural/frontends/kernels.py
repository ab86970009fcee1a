"""A bank of filters over the waveform: one strided convolution, whatever makes the kernels.

Frames   frame n is centred on sample n · stride, in zeros outside the sound ("centre", ceil(T / stride) frames), or starts there
         ("valid", no zeros). `times` says when, given the times of the samples
Kernels  (filter, sample), real or complex; correlated with the sound, not convolved. Made anew from their parameters each time, so
         that a gradient reaches those

Source   Dieleman & Schrauwen, End-to-end learning for music audio, ICASSP 2014 [DS14] (free kernels); Allen & Rabiner, 1977
         (Fourier kernels: the short-time Fourier transform)
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import OptionError
from ..nets.complex import joined


def centred(length: int) -> Tensor:
    """Samples from the middle one (length // 2), float64."""
    return torch.arange(length, dtype=torch.float64) - length // 2


def fourier(length: int) -> Tensor:
    """Complex (length // 2 + 1, length): Hann-windowed exponentials, phases from the first sample, as in representations.STFT; their
    conjugates' products with the frames are its bins."""
    n = torch.arange(length, dtype=torch.float64)
    bins = torch.arange(length // 2 + 1, dtype=torch.float64)
    angles = -2 * math.pi * bins[:, None] * n / length
    window = torch.hann_window(length, periodic=True, dtype=torch.float64)
    return torch.complex(window * angles.cos(), window * angles.sin())


def band_passes(low: Tensor, high: Tensor, length: int) -> Tensor:
    """(filter, length): ideal band-passes between cycles a sample `low` and `high` (filter,), under a Hamming window."""
    n = centred(length).to(low)
    window = torch.hamming_window(length, periodic=False, dtype=torch.float64).to(low)
    return (2 * high[:, None] * torch.sinc(2 * high[:, None] * n) - 2 * low[:, None] * torch.sinc(2 * low[:, None] * n)) * window


def gabors(frequency: Tensor, deviation: Tensor, length: int) -> Tensor:
    """Complex (filter, length): exp(-n² / 2σ²) e^{2πifn}, f in cycles a sample, σ in samples, over their sums of |·|: a sine of
    amplitude 1 at f has a modulus of ½."""
    n = centred(length).to(frequency)
    envelope = torch.exp(-((n / deviation[:, None]) ** 2) / 2)
    envelope = envelope / envelope.sum(1, keepdim=True)
    angles = 2 * math.pi * frequency[:, None] * n
    return torch.complex(envelope * angles.cos(), envelope * angles.sin())


class WaveformFilters(nn.Module):
    """(batch, 1, time) → (batch, channels, frame): what a filter bank's `kernels()` hear.

    Args:
        length, stride: samples.
        padding: "centre" or "valid".
    """

    def __init__(self, channels: int, length: int, stride: int, padding: str = "centre") -> None:
        super().__init__()
        if padding not in ("centre", "valid"):
            raise OptionError(f'padding={padding!r}: "centre" or "valid"')
        if min(channels, length, stride) < 1:
            raise OptionError(f"channels={channels}, length={length}, stride={stride}: each at least 1")
        self.channels, self.length, self.stride, self.padding, self.field = channels, length, stride, padding, length

    def kernels(self) -> Tensor:
        """(channel, length), real or complex."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return self.heard(x, self.kernels())

    def heard(self, x: Tensor, kernels: Tensor) -> Tensor:
        """The products of frames and kernels (the conjugates of complex ones)."""
        x = F.pad(x, (self.length // 2, self.length - 1 - self.length // 2)) if self.padding == "centre" else x
        if not kernels.is_complex():
            return F.conv1d(x, kernels[:, None].to(x), stride=self.stride)
        parts = torch.cat([kernels.real, -kernels.imag])[:, None].to(x)
        return joined(*F.conv1d(x, parts, stride=self.stride).chunk(2, 1))

    def times(self, times: np.ndarray) -> np.ndarray:
        """Of the frames, given those of the samples."""
        if self.padding == "centre":
            return times[:: self.stride]
        return times[self.length // 2 :: self.stride][: max(0, (len(times) - self.length) // self.stride + 1)]

    @torch.no_grad()
    def responses(self, rate: int, n_fft: int = 4096) -> tuple[np.ndarray, np.ndarray]:
        """Frequencies in Hz (bin,) and the gains of the filters (channel, bin); a complex filter's at positive frequencies."""
        n_fft = max(n_fft, self.length)
        spectrum = torch.fft.fft(self.kernels().to(torch.complex128).cpu(), n_fft)[:, : n_fft // 2 + 1].abs()
        return np.fft.rfftfreq(n_fft, 1 / rate), spectrum.numpy()


class Strided(WaveformFilters):
    """Free kernels, and what becomes of them: as they are, or the root of the sum of squares of pairs (channel k and k + channels).

    Args:
        pairs: pool pairs of filters, so that the phase no more matters; twice as many kernels are learned.
        start: "random", or "fourier": Hann-windowed sines and cosines, whose pairs are the magnitudes of an STFT.
        log: then log(1 + log · |y|), as of [DS14]'s spectrograms; 0: none.
    """

    def __init__(
        self,
        channels: int = 128,
        length: int = 256,
        stride: int = 256,
        *,
        pairs: bool = False,
        start: str = "random",
        log: float = 0.0,
        padding: str = "centre",
    ) -> None:
        super().__init__(channels, length, stride, padding)
        self.pairs, self.log = pairs, log
        self.weight = nn.Parameter(torch.empty(channels * (2 if pairs else 1), length))
        if start == "fourier":
            if not pairs or channels > length // 2 + 1:
                raise OptionError(f'start="fourier" wants pairs=True and at most {length // 2 + 1} channels')
            made = fourier(length)[:channels]
            self.weight.data = torch.cat([made.real, made.imag]).float()
        elif start == "random":
            nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        else:
            raise OptionError(f'start={start!r}: "random" or "fourier"')

    def kernels(self) -> Tensor:
        return torch.complex(*self.weight.chunk(2)) if self.pairs else self.weight

    def forward(self, x: Tensor) -> Tensor:
        y = self.heard(x, self.weight)
        if self.pairs:
            real, imaginary = y.chunk(2, 1)
            y = (real.square() + imaginary.square() + 1e-12).sqrt()  # the gradient at 0 stays a number
        return (self.log * y.abs()).log1p() if self.log else y
