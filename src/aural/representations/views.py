"""Spectra gathered on a scale of semitones, and several views of one sound side by side.

Source   constant-Q bands out of one transform: Brown, Calculation of a constant Q spectral transform, JASA 89(1), 1991, with
         kernels that are real and positive in frequency, so that they gather magnitudes
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ..annotations import Example
from ..errors import OptionError
from ..part import Tree
from .compress import check, compress
from .framing import SoundPart
from .stft import Banded, one_or_two


class Semitones(Banded):
    """(batch, 1, time) → (batch, 1, bands, frame): magnitudes or powers under Gaussians at equal ratios of frequency.

    Args:
        window: samples of the Hann window; below about 4 · rate / window Hz neighbouring semitones run into each other.
        bands: how many, from fmin upwards.
        per_octave: bands an octave.
        width: standard deviation of a Gaussian in bands; never less than half a bin's distance.
        power, compression, offset, factor: as LogMel's.
    """

    def __init__(
        self,
        rate: int,
        hop: int,
        window: int = 4096,
        bands: int = 72,
        fmin: float = 55.0,
        per_octave: int = 12,
        *,
        width: float = 0.45,
        power: int = 1,
        compression: str = "log1p",
        offset: float = 1e-7,
        factor: float = 1.0,
        of: str = "sound",
    ) -> None:
        super().__init__(rate, hop, window, None, of)
        self.bands, self.fmin, self.per_octave, self.width = int(bands), float(fmin), int(per_octave), float(width)
        if bands < 1 or per_octave < 1 or fmin <= 0 or self.frequencies()[-1] > rate / 2:
            raise OptionError(
                f"{bands} bands from {fmin:g} Hz, {per_octave} an octave: they must lie between 0 and {rate / 2:g} Hz (half the rate)"
            )
        self.power = one_or_two(power)
        self.compression, self.offset, self.factor = check(compression), float(offset), float(factor)
        self._set()

    def frequencies(self) -> np.ndarray:
        """Hz of the middles of the bands."""
        return self.fmin * 2.0 ** (np.arange(self.bands) / self.per_octave)

    def matrix(self) -> Tensor:
        """(band, bin) float64; every band sums to 1."""
        middles, bins = self.frequencies()[:, None], self.bins()[None]
        deviation = np.maximum(self.width * middles * (2.0 ** (1 / self.per_octave) - 1), 0.5 * self.rate / self.n_fft)
        weights = np.exp(-0.5 * ((bins - middles) / deviation) ** 2)
        weights[weights < 1e-3] = 0.0
        return torch.from_numpy(weights / weights.sum(1, keepdims=True))

    def forward(self, raw: Tensor) -> Tensor:
        return compress(self.banded(raw), self.compression, power=self.power, offset=self.offset, factor=self.factor)


class Views(SoundPart):
    """Several representations of one sound, which is read once: their bands one after the other.

    (batch, 1, time) → (batch, channel, sum of bands, frame). All must have the same rate, hop and field.
    """

    def __init__(self, *views: SoundPart) -> None:
        if not views or len({(v.rate, v.hop, v.of) for v in views}) > 1:
            raise OptionError("Views: give representations of the same rate, hop and field")
        super().__init__(views[0].rate, views[0].hop, views[0].of)
        self.views = nn.ModuleList(views)

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        first = self.views[0]
        assert isinstance(first, SoundPart)
        return first.read(example, times)

    def frequencies(self) -> np.ndarray:
        return np.concatenate([view.frequencies() for view in self.views if isinstance(view, SoundPart)])

    def forward(self, raw: Tree) -> Tensor:
        return torch.cat([view(raw) for view in self.views], -2)
