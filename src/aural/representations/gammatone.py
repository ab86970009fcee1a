"""The gammatone filter bank: bands as wide as those of the inner ear.

Source   Patterson, Nimmo-Smith, Holdsworth & Rice, An efficient auditory filterbank based on the gammatone function, 1987;
         widths: Glasberg & Moore, Derivation of auditory filter shapes from notched-noise data, 1990
"""

from __future__ import annotations

import math
from typing import Unpack

import numpy as np

from ..errors import OptionError
from .kernels import Kernels, Options

WIDTH = 1.019  # of the filter's parameter to its equivalent rectangular bandwidth, order 4


def erb(hz: np.ndarray) -> np.ndarray:
    """Equivalent rectangular bandwidth of the ear at a frequency, both in Hz."""
    return 24.7 * (4.37 * hz / 1000 + 1)


def erb_centres(bands: int, fmin: float, fmax: float) -> np.ndarray:
    """Hz, from fmin to fmax, equally many bandwidths apart."""
    numbers = np.linspace(np.log(4.37 * fmin / 1000 + 1), np.log(4.37 * fmax / 1000 + 1), bands)
    return (np.exp(numbers) - 1) * 1000 / 4.37


class Gammatone(Kernels):
    """(batch, 1, time) → magnitudes of the bands' envelopes (batch, 1, bands, frame); a sine in the middle of a band gives its amplitude.

    The impulse response is t^(order - 1) e^(-2π · 1.019 · ERB · t) e^(2πi f t). `transform(…).real` is what the real filter
    gives. Filters are causal and low bands late; `aligned` moves every band earlier by its envelope's peak.

    Args:
        bands, fmin, fmax: their centres are equally many bandwidths apart; fmax by default 0.45 of the rate.
        The others are those of `Kernels`.
    """

    def __init__(
        self,
        rate: int,
        hop: int,
        bands: int = 64,
        fmin: float = 50.0,
        fmax: float | None = None,
        *,
        order: int = 4,
        aligned: bool = False,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(rate, hop, **options)
        self.bands, self.fmin, self.fmax = int(bands), float(fmin), float(0.45 * rate if fmax is None else fmax)
        self.order, self.aligned = int(order), bool(aligned)
        if not 0 < self.fmin <= self.fmax < rate / 2 or bands < 1 or order < 2:
            raise OptionError(
                f"{bands} bands from {fmin:g} to {self.fmax:g} Hz, order {order}: between 0 and {rate / 2:g} Hz, order from 2"
            )
        self._set()

    def frequencies(self) -> np.ndarray:
        """Hz of the middles of the bands."""
        return erb_centres(self.bands, self.fmin, self.fmax)

    def delays(self) -> np.ndarray:
        """Seconds to the peak of each filter's envelope."""
        return (self.order - 1) / (2 * np.pi * WIDTH * erb(self.frequencies()))

    def reaches(self) -> np.ndarray:
        return np.ceil(8 * self.delays() * self.rate).astype(int)  # where an envelope of order 4 is 4e-7 of its peak

    def kernel(self, band: int) -> tuple[np.ndarray, int]:
        width, length = 2 * np.pi * WIDTH * erb(self.frequencies()[band]), int(self.reaches()[band])
        t = np.arange(length) / self.rate
        size = 2 * width**self.order / math.factorial(self.order - 1) / self.rate
        response = size * t ** (self.order - 1) * np.exp(-width * t + 2j * np.pi * self.frequencies()[band] * t)
        early = round(self.delays()[band] * self.rate) if self.aligned else 0
        return response[::-1].conj(), length - 1 - early
