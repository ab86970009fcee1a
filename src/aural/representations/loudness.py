"""Loudness over time: the power of a frame, frequencies weighted as the ear does.

Source   IEC 61672-1 (A-weighting, for tones of middling level); ITU-R BS.1770-4 (K-weighting, for programmes; LUFS), as
         `aural.sound.loudness` has it for a whole sound
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..errors import OptionError
from ..sound._loudness import k_weighting
from .compress import compress
from .framing import hann
from .stft import Banded

KINDS = ("A", "K", "none")


class Loudness(Banded):
    """(batch, 1, time) → dB of full scale (batch, 1, 1, frame): of the mean square under each window, from -100.

    A sine of amplitude 1 has -3 dB at 1 kHz. "K" is in LUFS: with a window of 400 ms the "momentary" loudness, but that
    this window is a Hann window.

    Args:
        weighting: "A", "K" or "none".
    """

    def __init__(
        self, rate: int, hop: int, window: int = 2048, weighting: str = "A", *, n_fft: int | None = None, of: str = "sound"
    ) -> None:
        super().__init__(rate, hop, window, n_fft, of)
        if weighting not in KINDS:
            raise OptionError(f'weighting={weighting!r}: "A", "K" or "none"')
        self.weighting, self.power = weighting, 2
        self._set()

    def matrix(self) -> Tensor:
        twice = np.full(self.n_fft // 2 + 1, 2.0)  # bins but the first and last stand for two
        twice[0] = 1.0
        if self.n_fft % 2 == 0:
            twice[-1] = 1.0
        weights = twice * weights_of(self.bins(), self.weighting, self.rate)
        return torch.from_numpy(weights / self.n_fft / float(hann(self.window_length).square().sum()))[None]

    def frequencies(self) -> np.ndarray:
        """Hz of the middle of the one band, which holds all there is."""
        return np.array([self.rate / 4])

    def forward(self, raw: Tensor) -> Tensor:
        level = compress(self.banded(raw), "db")
        return level - 0.691 if self.weighting == "K" else level


def weights_of(hz: np.ndarray, weighting: str, rate: int) -> np.ndarray:
    """Of powers at those frequencies in a sound of that rate."""
    if weighting == "none":
        return np.ones_like(hz)
    if weighting == "A":
        return a_weights(hz)
    turns = np.exp(-2j * np.pi * hz[:, None] / rate * np.arange(3))
    sections = k_weighting(rate)
    return np.square(np.abs(np.prod([turns @ s[:3] / (turns @ s[3:]) for s in sections], 0)))


def a_weights(hz: np.ndarray) -> np.ndarray:
    """Of powers: four poles in pairs, 1 at 1 kHz."""

    def shape(f: np.ndarray | float) -> np.ndarray:
        square = np.square(np.asarray(f, dtype=np.float64))
        low, a, b, high = (p * p for p in (20.598997, 107.65265, 737.86223, 12194.217))
        return np.square(high * square * square / ((square + low) * (square + high))) / ((square + a) * (square + b))

    return shape(hz) / shape(1000.0)
