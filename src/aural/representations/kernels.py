"""Banks of kernels: every band is the inner product of the sound round a frame with a complex kernel of its own length.

         y[k, n] = Σ_m x[n · hop + m] · conj w_k[m]

Makers   what differs between the transforms here is only how w_k is made: Brown's constant Q (`KernelCQT`), Morlet wavelets
         (wavelet.py), gammatones (gammatone.py)
Engines  "direct": the product as it stands. "sparse": of the spectra of frames and kernels (Parseval); band-pass kernels
         are short there, and entries below `threshold` of a kernel's largest are dropped. Without a threshold both are equal
Groups   kernels of similar length share frames, so that short ones don't pay for long ones
Source   Brown, Calculation of a constant Q spectral transform, 1991 [Bro91]; Brown & Puckette, An efficient algorithm for the
         calculation of a constant Q transform, 1992. The house's `CQT` is the fast one; these are the definitions
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict, Unpack

import numpy as np
import torch
from torch import Tensor

from ..errors import OptionError
from .compress import check, compress
from .framing import SoundPart, blocks, framed, rows_of, share, whole
from .scales import spans

SAMPLES = 2**18  # of the frames of a block
SPANS = 4  # of bins, which a group of sparse kernels is computed in


class Options(TypedDict, total=False):
    """What all banks have in common; the defaults are those of `Kernels`."""

    engine: str
    threshold: float
    compression: str
    offset: float
    factor: float
    range_db: float | None
    of: str


class Kernels(SoundPart):
    """(batch, 1, time) → magnitudes (batch, 1, band, frame).

    Args:
        engine: "direct" or "sparse".
        threshold: of "sparse".
        compression: as LogMel's, on magnitudes, with `offset`, `factor` and `range_db`.
    """

    def __init__(
        self,
        rate: int,
        hop: int,
        *,
        engine: str = "sparse",
        threshold: float = 0.0,
        compression: str = "none",
        offset: float = 1e-7,
        factor: float = 1.0,
        range_db: float | None = None,
        of: str = "sound",
    ) -> None:
        super().__init__(rate, hop, of)
        if engine not in ("direct", "sparse") or not 0 <= threshold < 1:
            raise OptionError(f'engine={engine!r}, threshold={threshold:g}: engine is "direct" or "sparse", threshold from 0 to below 1')
        self.engine, self.threshold = engine, float(threshold) if engine == "sparse" else 0.0
        self.compression, self.offset, self.factor, self.range_db = check(compression), float(offset), float(factor), range_db
        self.bank0: Tensor

    def kernel(self, band: int) -> tuple[np.ndarray, int]:
        """w of a band, complex128, and which of its entries is m = 0."""
        raise NotImplementedError

    def reaches(self) -> np.ndarray:
        """Samples that each band's kernel reaches before or after the middle of a frame, whichever is more."""
        raise NotImplementedError

    def groups(self) -> list[tuple[np.ndarray, int]]:
        """Bands whose kernels share frames, and the length of these: a power of two, the middle in their middle."""
        sizes = 2 ** np.ceil(np.log2(2 * self.reaches() + 2)).astype(int)
        return [(np.flatnonzero(sizes == size), int(size)) for size in np.unique(sizes)]

    def constants(self) -> dict[str, Tensor]:
        """bank0, bank1, …: (sample, or real and imaginary parts of each bin; real parts of each kernel, then imaginary)."""
        made = {}
        for number, (bands, size) in enumerate(self.groups()):
            padded = np.zeros((len(bands), size), np.complex128)
            for row, band in enumerate(bands):
                kernel, middle = self.kernel(int(band))
                padded[row, size // 2 - middle : size // 2 - middle + len(kernel)] = kernel.conj()
            if self.engine == "sparse":
                # Σ x w = Σ_b X(b) V(b) with V the spectrum of w reversed: the bins below 0 hold the conjugates of those above.
                spectra = np.fft.ifft(padded)
                keep = np.abs(spectra) >= self.threshold * np.abs(spectra).max(-1, keepdims=True)
                spectra = np.where(keep, spectra, 0)
                above, below = spectra[:, : size // 2 + 1].copy(), spectra[:, -np.arange(size // 2 + 1)].copy()
                below[:, [0, -1]] = 0  # 0 Hz and half the rate stand once
                real, imaginary = above + below, 1j * (above - below)
                padded = np.stack([real, imaginary], -1).reshape(len(bands), -1)
            made[f"bank{number}"] = torch.from_numpy(np.concatenate([padded.real, padded.imag]).T.copy())
        return made

    def _set(self) -> None:
        super()._set()
        order = np.concatenate([bands for bands, _ in self.groups()])
        self._order = torch.from_numpy(np.argsort(order))
        self._spans = []
        if self.engine == "sparse":
            for number in range(len(self.groups())):
                bank = self.get_buffer(f"bank{number}")
                count = bank.shape[1] // 2
                heard = (bank[:, :count].abs() + bank[:, count:].abs()).T
                self._spans.append(spans(heard, SPANS))

    def density(self) -> float:
        """The share of all entries of the kernels' spectra that is not dropped."""
        banks = [self.get_buffer(f"bank{n}") for n in range(len(self.groups()))]
        kept = sum(int((bank.unflatten(0, (-1, 2)).unflatten(-1, (2, -1)) != 0).any(1).any(1).sum()) for bank in banks)
        return kept / sum(bank.numel() // 4 for bank in banks)

    def transform(self, raw: Tensor) -> Tensor:
        """(..., time) → complex (..., band, frame); phases count from the middle of each frame."""
        kind = torch.complex128 if self.bank0.dtype == torch.float64 else torch.complex64
        return self._map(raw, torch.complex, kind)

    def magnitudes(self, raw: Tensor) -> Tensor:
        """(..., time) → (..., band, frame), not compressed; their gradient at 0 is 0."""
        return self._map(raw, lambda real, imaginary: torch.complex(real, imaginary).abs(), self.bank0.dtype)

    def _map(self, raw: Tensor, last: Callable[[Tensor, Tensor], Tensor], kind: torch.dtype) -> Tensor:
        x = rows_of(raw, self.bank0.dtype)
        frames, groups = self.frames(x.shape[-1]), self.groups()
        if whole(x):
            found = [
                last(*self._heard(n, framed(x, size, self.hop)[..., :frames, :]).chunk(2, -1)).mT for n, (_, size) in enumerate(groups)
            ]
            made = torch.cat(found, -2).index_select(-2, self._order.to(x.device))
        else:
            made = torch.empty(len(x), sum(len(bands) for bands, _ in groups), frames, dtype=kind)

            def work(item: tuple[int, int, int, int]) -> None:
                row, number, first, end = item
                bands, size = groups[number]
                some = self._heard(number, framed(x[row], size, self.hop, first, end))
                made[row, bands, first:end] = last(*some.chunk(2, -1)).mT

            share(
                work,
                [
                    (row, number, first, end)
                    for row in range(len(x))
                    for number, (_, size) in enumerate(groups)
                    for first, end in blocks(frames, max(1, SAMPLES // size))
                ],
            )
        return made.reshape(*raw.shape[:-1], *made.shape[1:])

    def _heard(self, number: int, frames: Tensor) -> Tensor:
        """Frames (..., frame, sample) → (..., frame, real parts of each kernel and then imaginary)."""
        bank = self.get_buffer(f"bank{number}")
        if self.engine == "direct":
            return frames @ bank
        parts = torch.view_as_real(torch.fft.rfft(frames)).flatten(-2)
        count = bank.shape[1] // 2
        both = bank.unflatten(1, (2, count))
        found = [parts[..., low:high] @ both[low:high, :, first:last].flatten(1) for first, last, low, high in self._spans[number]]
        halves = [f.chunk(2, -1) for f in found]
        return torch.cat([real for real, _ in halves] + [imaginary for _, imaginary in halves], -1)

    def forward(self, raw: Tensor) -> Tensor:
        return compress(self.magnitudes(raw), self.compression, power=1, offset=self.offset, factor=self.factor, range_db=self.range_db)


class KernelCQT(Kernels):
    """Brown's constant-Q transform: a windowed complex sine of Q periods for every bin, Q = 1 / (2^(1 / per_octave) - 1).

    (batch, 1, time) → (batch, 1, bands, frame). A sine of amplitude 1 at a bin's frequency gives 1 there (Brown's own half of it).

    Args:
        fmin, bands, per_octave: as CQT's.
        window: "hann" or "hamming" (Brown's).
        engine: "direct" as in 1991; "sparse" as in 1992, with its `threshold`, by default 0.0054. The others are those of `Kernels`.
    """

    def __init__(
        self,
        rate: int,
        hop: int,
        fmin: float = 32.703195662574764,
        bands: int = 84,
        per_octave: int = 12,
        *,
        window: str = "hann",
        **options: Unpack[Options],
    ) -> None:
        options.setdefault("threshold", 0.0054)
        super().__init__(rate, hop, **options)
        self.fmin, self.bands, self.per_octave, self.window = float(fmin), int(bands), int(per_octave), window
        if window not in ("hann", "hamming"):
            raise OptionError(f'window={window!r}: "hann" or "hamming"')
        if self.fmin <= 0 or self.bands < 1 or self.per_octave < 1 or self.frequencies()[-1] >= rate / 2:
            raise OptionError(f"{bands} bins from {fmin:g} Hz, {per_octave} an octave: they must lie between 0 and {rate / 2:g} Hz")
        self._set()

    @property
    def q(self) -> float:
        """Periods that a kernel lasts."""
        return 1 / (2 ** (1 / self.per_octave) - 1)

    def frequencies(self) -> np.ndarray:
        """Hz of the bins."""
        return self.fmin * 2.0 ** (np.arange(self.bands) / self.per_octave)

    def reaches(self) -> np.ndarray:
        return np.floor(self.q * self.rate / self.frequencies() / 2).astype(int)

    def kernel(self, band: int) -> tuple[np.ndarray, int]:
        hz, reach = self.frequencies()[band], int(self.reaches()[band])
        m = np.arange(-reach, reach + 1)
        rise = 0.5 if self.window == "hann" else 0.46
        window = 1 - rise + rise * np.cos(2 * np.pi * m * hz / (self.q * self.rate))
        return 2 * window / window.sum() * np.exp(2j * np.pi * hz / self.rate * m), reach
