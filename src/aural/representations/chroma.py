"""Chroma: the energy of the twelve pitch classes, C first.

Source   Fujishima, 1999; Wakefield, Mathematical representation of joint time-chroma distributions, 1999 [Wak99]
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..errors import OptionError
from .cqt import CQT
from .framing import SoundPart
from .scales import pitch_classes
from .stft import Banded, one_or_two

CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
C1 = 32.703195662574764  # Hz


class Chroma(Banded):
    """Out of a spectrogram, as librosa.feature.chroma_stft: (batch, 1, time) → (batch, 1, 12, frame).

    Args:
        window, n_fft: samples of the Hann window and of the transform.
        tuning: of A4 = 440 Hz, in semitones.
        power: of magnitudes (1) or powers (2).
        norm: each frame's "max" or Euclidean length ("l2") becomes 1; None leaves it. Silence stays 0.
    """

    def __init__(
        self,
        rate: int,
        hop: int,
        window: int = 2048,
        *,
        n_fft: int | None = None,
        tuning: float = 0.0,
        power: int = 2,
        norm: str | None = "max",
        of: str = "sound",
    ) -> None:
        super().__init__(rate, hop, window, n_fft, of)
        self.tuning, self.power, self.norm = float(tuning), one_or_two(power), _known(norm)
        self._set()

    def matrix(self) -> Tensor:
        return pitch_classes(self.n_fft // 2 + 1, self.rate, self.n_fft, self.tuning)

    def frequencies(self) -> np.ndarray:
        """Hz of the pitch classes in the octave from C4."""
        return _octave(self.tuning)

    def forward(self, raw: Tensor) -> Tensor:
        return normalised(self.banded(raw), self.norm)


class ChromaCQT(SoundPart):
    """Out of a constant-Q transform, as librosa.feature.chroma_cqt: (batch, 1, time) → (batch, 1, 12, frame).

    Every pitch class sums the bins within half a semitone, over all octaves.

    Args:
        octaves: from C1 (32.7 Hz).
        per_octave: bins, a multiple of 12.
        tuning, norm: as in Chroma.
        scale: of the transform, as in CQT; librosa's is "length".
    """

    def __init__(
        self,
        rate: int,
        hop: int,
        octaves: int = 7,
        per_octave: int = 36,
        *,
        tuning: float = 0.0,
        norm: str | None = "max",
        scale: str = "unit",
        of: str = "sound",
    ) -> None:
        super().__init__(rate, hop, of)
        if per_octave % 12:
            raise OptionError(f"per_octave={per_octave}: a multiple of 12, so that every semitone has as many bins")
        self.tuning, self.norm, self.merged = float(tuning), _known(norm), per_octave // 12
        self.cqt = CQT(rate, hop, C1 * 2 ** (tuning / 12), octaves * per_octave, per_octave, scale=scale, of=of)
        self.fold: Tensor
        self._set()

    def constants(self) -> dict[str, Tensor]:
        classes = (torch.arange(self.cqt.bands) + self.merged // 2) // self.merged % 12
        return {"fold": torch.nn.functional.one_hot(classes, 12).T.double()}

    def frequencies(self) -> np.ndarray:
        """Hz of the pitch classes in the octave from C4."""
        return _octave(self.tuning)

    def forward(self, raw: Tensor) -> Tensor:
        return normalised(self.fold @ self.cqt.magnitudes(raw), self.norm)


def _octave(tuning: float) -> np.ndarray:
    return C1 * 8 * 2.0 ** ((np.arange(12) + tuning) / 12)


def _known(norm: str | None) -> str | None:
    if norm not in (None, "max", "l2"):
        raise OptionError(f'norm={norm!r}: None, "max" or "l2"')
    return norm


def normalised(chroma: Tensor, norm: str | None) -> Tensor:
    """Each frame of (..., 12, frame) divided by its maximum or Euclidean length; silence stays 0."""
    if norm is None:
        return chroma
    size = chroma.amax(-2, keepdim=True) if norm == "max" else chroma.square().sum(-2, keepdim=True).clamp(min=1e-30).sqrt()
    return chroma / torch.where(size < torch.finfo(size.dtype).tiny ** 0.5, 1.0, size)
