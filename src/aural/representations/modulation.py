"""How a sound's energy moves: attacks to the millisecond, and the harmonic constant-Q modulation of onset strength.

Source    Foroughmand & Peeters, Deep-Rhythm for tempo estimation and rhythm pattern recognition, ISMIR 2019 [FP19] (HCQM)
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor, nn

from ..annotations import Example
from ..part import Part
from ..sound import Recording
from .framing import SoundPart
from .mel import LogMel

FINE = 1000  # frames a second of Attacks


class Attacks(Part):
    """A sound's energy in three bands, a thousand times a second: (batch, 3, frame); frame n is the millisecond round n / 1000.

    The bands are low (below about 150 Hz), whole, and high (the differenced waveform: +6 dB an octave). They are read at the
    sound's own rate, since resampling would cost more than all the rest. Filters reach 8 ms to either side, so that pieces
    equal the whole.
    """

    bands = 3

    def __init__(self, of: str = "sound") -> None:
        super().__init__()
        self.of = of

    @property
    def unit(self) -> Fraction:
        return Fraction(1, FINE)

    def times(self, example: Example) -> np.ndarray:
        sound = example[self.of]
        length = sound.frames if isinstance(sound, Recording) else sound.samples.shape[-1]
        return np.arange(1 + length * FINE // sound.rate) / FINE

    def frequencies(self) -> np.ndarray:
        """Hz, about the middle of each band's weight at 44,100 Hz."""
        return np.array([75.0, 500.0, 8000.0])

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        """(3, frame) float32, mean square of each millisecond."""
        sound = example[self.of]
        x = (sound.read() if isinstance(sound, Recording) else sound).mono().samples[0]
        frames = len(self.times(example))
        edges = np.clip(np.ceil((np.arange(frames + 1) - 0.5) * sound.rate / FINE), 0, len(x)).astype(np.int64)
        count = np.maximum(np.diff(edges), 1)
        low = _sums(x, edges) / count
        low = np.convolve(np.pad(low, 4), LOW, "valid")
        energies = [low**2, _sums(np.square(x), edges) / count, _sums(np.square(np.diff(x, prepend=x[:1])), edges) / count]
        return torch.from_numpy(np.stack(energies).astype(np.float32))


LOW = np.hanning(11)[1:-1] / np.hanning(11).sum()  # a low-pass of 9 ms


def _sums(x: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Sum of x between consecutive edges, each on its own (no running total, which would depend on what came before)."""
    if not len(x):
        return np.zeros(len(edges) - 1)
    starts = np.minimum(edges[:-1], edges[-1] - 1)
    return np.where(np.diff(edges) > 0, np.add.reduceat(x[: edges[-1]], starts, dtype=np.float64), 0.0)


class LogBands(LogMel):
    """Bands evenly spaced in the logarithm of frequency, (batch, 1, bands, frame)."""

    def edges(self) -> np.ndarray:
        return np.geomspace(self.fmin, self.fmax, self.bands + 2)


class HCQM(SoundPart):
    """Harmonic constant-Q modulation: (batch, 1, time) → (batch, harmonic, tempo, band, frame) [FP19, section 3].

    The onset strength (the rise of the log energy) of each band, in windows of `seconds` round every frame, seen at `tempi` modulation
    frequencies that are spaced evenly in log from `slowest` beats a minute on, and at these times each of `harmonics`: what
    repeats at a tempo shows at it and at its multiples, and only a true beat has no half.

    Constant Q would ask for windows of minutes: each kernel lasts Q periods or the whole window, whichever is shorter, so that
    below 13 Hz this is a Fourier transform at log-spaced frequencies. Frequencies over half the rate of onset strength are 0.

    Args:
        step: of the frames, in hops of 512 samples at 22,050 Hz (22: about half a second).
    """

    def __init__(
        self,
        bands: int = 8,
        tempi: int = 240,
        slowest: float = 30.0,
        fastest: float = 286.0,
        harmonics: Sequence[float] = (0.5, 1, 2, 3, 4, 5),
        seconds: float = 8.0,
        step: int = 22,
        of: str = "sound",
    ) -> None:
        super().__init__(22_050, 512 * step, of)
        self.bands, self.tempi, self.slowest, self.fastest = int(bands), int(tempi), float(slowest), float(fastest)
        self.harmonics, self.seconds, self.step = tuple(float(h) for h in harmonics), float(seconds), int(step)
        self.length = int(seconds * 22_050 / 512)
        self.spectrum = LogBands(22_050, 512, 2048, bands, 40.0, 11_025.0, norm="sum", compression="log10", offset=1e-7)
        self.real: Tensor
        self.imaginary: Tensor
        self._set()

    @property
    def per_octave(self) -> float:
        """Tempi an octave."""
        return float((self.tempi - 1) / np.log2(self.fastest / self.slowest))

    def frequencies(self) -> np.ndarray:
        """Beats a minute of the tempi."""
        return np.geomspace(self.slowest, self.fastest, self.tempi)

    def constants(self) -> dict[str, Tensor]:
        rate, q = 22_050 / 512, 1 / (2 ** (1 / self.per_octave) - 1)
        hertz = (np.array(self.harmonics)[:, None] * self.frequencies() / 60).ravel()
        n = np.arange(self.length) - (self.length - 1) / 2
        kernels = np.zeros((self.length, len(hertz)), complex)
        for k, f in enumerate(hertz):
            if f < rate / 2:
                wide = min(q * rate / f, float(self.length))
                window = np.where(np.abs(n) <= wide / 2, 0.5 + 0.5 * np.cos(2 * np.pi * n / wide), 0.0)
                kernels[:, k] = window / window.sum() * np.exp(-2j * np.pi * f * n / rate)
        return {"real": torch.from_numpy(kernels.real.copy()), "imaginary": torch.from_numpy(kernels.imag.copy())}

    def strength(self, raw: Tensor) -> Tensor:
        """(batch, 1, time) → onset strength (batch, band, frame), 43 frames a second."""
        levels = self.spectrum(raw)[:, 0]
        return nn.functional.pad((levels[..., 1:] - levels[..., :-1]).clamp(min=0), (1, 0))

    def forward(self, raw: Tensor) -> Tensor:
        strength = self.strength(raw)
        frames = self.frames(raw.shape[-1])
        before = self.length // 2
        after = max(0, (frames - 1) * self.step + self.length - before - strength.shape[-1])
        windows = nn.functional.pad(strength, (before, after)).unfold(-1, self.length, self.step)[..., :frames, :]  # (b, band, frame, n)
        heard = ((windows @ self.real).square() + (windows @ self.imaginary).square() + 1e-12).sqrt() - 1e-6
        return heard.unflatten(-1, (len(self.harmonics), self.tempi)).permute(0, 3, 4, 1, 2)
