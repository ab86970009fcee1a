"""Mel spectrograms at one or several resolutions, and cepstra.

Source   Stevens, Volkmann & Newman, 1937 (the scale); Schlüter & Böck [SB13] and Böck & Schedl [BS11] (several
         resolutions); Davis & Mermelstein, 1980 (MFCC)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import OptionError
from .compress import check, compress, expand
from .framing import SoundPart
from .scales import cosines, mel_edges, triangles
from .stft import Banded, one_or_two


class LogMel(Banded):
    """(batch, 1, time) → (batch, 1, bands, frame).

    Args:
        window, n_fft: samples of the Hann window and of the transform (default: as the window).
        bands: how many, between fmin and fmax Hz (default: half the rate).
        scale: "slaney" (linear below 1 kHz; librosa's default) or "htk".
        norm: None (peak 1), "slaney" (area 1 in Hz) or "sum" (each filter sums to 1).
        power: bands of magnitudes (1) or powers (2).
        compression: "ln" and "log10" with `offset`, "log1p" with `factor`, "db" (with `range_db`), "none".
    """

    def __init__(
        self,
        rate: int,
        hop: int,
        window: int = 2048,
        bands: int = 128,
        fmin: float = 0.0,
        fmax: float | None = None,
        *,
        n_fft: int | None = None,
        scale: str = "slaney",
        norm: str | None = "slaney",
        power: int = 2,
        compression: str = "ln",
        offset: float = 1e-7,
        factor: float = 1.0,
        range_db: float | None = None,
        of: str = "sound",
    ) -> None:
        super().__init__(rate, hop, window, n_fft, of)
        self.bands, self.fmin, self.fmax = int(bands), float(fmin), float(fmax or rate / 2)
        if not 0 <= self.fmin < self.fmax <= rate / 2 or bands < 1:
            raise OptionError(
                f"{bands} bands from {fmin:g} to {self.fmax:g} Hz: they must lie between 0 and {rate / 2:g} Hz (half the rate)"
            )
        self.scale, self.norm, self.power = scale, norm, one_or_two(power)
        self.compression, self.offset, self.factor, self.range_db = check(compression), float(offset), float(factor), range_db
        self._set()

    def edges(self) -> np.ndarray:
        return mel_edges(self.bands, self.fmin, self.fmax, self.scale)

    def frequencies(self) -> np.ndarray:
        """Hz of the middles of the bands."""
        return self.edges()[1:-1]

    def matrix(self) -> Tensor:
        """(band, bin) float64."""
        return triangles(self.edges(), self.bins(), self.norm)

    def forward(self, raw: Tensor) -> Tensor:
        mel = self.banded(raw)
        return compress(mel, self.compression, power=self.power, offset=self.offset, factor=self.factor, range_db=self.range_db)

    def invert(self, features: Tensor) -> Tensor:
        """(..., bands, frame) → the smallest spectrum ≥ 0 near those bands, (..., bin, frame) to the power `power`."""
        mel = expand(features, self.compression, power=self.power, offset=self.offset, factor=self.factor)
        inverse = torch.linalg.pinv(self.matrix()).to(mel)
        return (inverse @ mel).clamp(min=0)


class MultiResolutionLogMel(SoundPart):
    """(batch, 1, time) → (batch, len(windows), bands, frame): log-mel of several windows, their frames aligned.

    The defaults are those of [SB13]: filters that sum to 1 on magnitudes, ln(x + 2⁻²³). The other arguments are LogMel's.
    """

    def __init__(
        self,
        rate: int = 44_100,
        hop: int = 441,
        windows: Sequence[int] = (1024, 2048, 4096),
        bands: int = 80,
        fmin: float = 27.5,
        fmax: float | None = 16_000.0,
        *,
        scale: str = "slaney",
        norm: str | None = "sum",
        power: int = 1,
        compression: str = "ln",
        offset: float = 2.0**-23,
        factor: float = 1.0,
        of: str = "sound",
    ) -> None:
        super().__init__(rate, hop, of)
        self.windows = tuple(int(w) for w in windows)
        if not self.windows:
            raise OptionError("windows=(): at least one length in samples")
        options = {"scale": scale, "norm": norm, "power": power, "compression": compression, "offset": offset, "factor": factor}
        self.members = nn.ModuleList(LogMel(rate, hop, w, bands, fmin, fmax, of=of, **options) for w in self.windows)  # type: ignore[arg-type]

    def frequencies(self) -> np.ndarray:
        member = self.members[0]
        assert isinstance(member, LogMel)
        return member.frequencies()

    def forward(self, raw: Tensor) -> Tensor:
        return torch.cat([member(raw) for member in self.members], 1)


class MFCC(LogMel):
    """(batch, 1, time) → (batch, 1, coefficients, frame): the orthonormal DCT-II of a log-mel spectrogram in dB.

    The arguments are LogMel's; librosa's default also has range_db=80.
    """

    def __init__(self, rate: int, hop: int, window: int = 2048, bands: int = 128, coefficients: int = 20, **options: object) -> None:
        self.coefficients = coefficients
        super().__init__(rate, hop, window, bands, **{"compression": "db", **options})  # type: ignore[arg-type]
        if not 1 <= coefficients <= bands:
            raise OptionError(f"coefficients={coefficients}: between 1 and the number of bands, {bands}")
        self.cosines: Tensor

    def constants(self) -> dict[str, Tensor]:
        return {**super().constants(), "cosines": cosines(self.coefficients, self.bands)}

    def forward(self, raw: Tensor) -> Tensor:
        return self.cosines @ super().forward(raw)

    def frequencies(self) -> np.ndarray:
        """Cycles over the bands, 0, ½, 1 …: coefficients have no Hz."""
        return np.arange(self.coefficients) / 2

    def invert(self, features: Tensor) -> Tensor:
        """The log-mel spectrogram, smoothed where coefficients were left out: (..., bands, frame)."""
        return self.cosines.mT @ features
