"""Constant-Q and variable-Q transforms, and the harmonic stack of them.

Bin k is a band-pass filter round f_k = fmin · 2^(k / per_octave), heard every `hop` samples, 1 at its own frequency. Two shapes:

"time"       a Hann window of Q rate / (f_k + gamma / alpha) samples, alpha = (r² - 1) / (r² + 1) with r = 2^(1 / per_octave),
             Q = 1 / alpha: what librosa computes
"frequency"  a Hann window over the frequencies f_k ± (2 f_k / Q + gamma / 2): no side lobes in frequency; Q = 1 / (2^(1 / per_octave) - 1)

How      One transform of a block of hop · M samples; the bins of a filter's band, weighted, and folded modulo M are the
         spectrum of the decimated output, so that M frames cost one inverse transform of M points: no kernels in time, no
         pyramid of octaves, any hop. Blocks overlap by the longest filter. Bands end at 0 Hz and half the rate.
Source   Brown, Calculation of a constant Q spectral transform, 1991; Velasco, Holighaus, Dörfler & Grill, Constructing an
         invertible constant-Q transform with nonstationary Gabor frames, 2011; HCQT: Bittner et al. [BMS+17]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypedDict, Unpack

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import OptionError
from .compress import check, compress
from .framing import SoundPart, cut, rows_of, share, whole

LOBES = 8  # a "time" filter is followed to this many bins of its own length; beyond lie less than 7e-4 of its peak
SAMPLES = 2**18  # of a block at least, where the sound is long enough
AT_ONCE = 2**19  # samples that one thread transforms at a time
GROWTH, GROUP = 1.15, 2**18  # neighbouring filters are one product while it grows by no more than this, to so many numbers

Group = tuple[int, int, int, int, Tensor]


class Options(TypedDict, total=False):
    """What CQT and HCQT have in common; the defaults are CQT's."""

    gamma: float
    shape: str
    scale: str
    compression: str
    offset: float
    factor: float
    range_db: float | None


class CQT(SoundPart):
    """(batch, 1, time) → magnitudes (batch, 1, bands, frame).

    Args:
        fmin: Hz of the first bin (C1 = 32.703; A0 = 27.5).
        bands, per_octave: how many bins, and how many of them an octave.
        gamma: Hz by which all filters are wider than constant Q asks ("variable Q"): low ones become shorter.
        shape: of the filters, "time" or "frequency".
        scale: "unit", a sine of amplitude 1 gives 1; "length", as librosa scales: times half the root of the filter's length
            in samples.
        compression: as LogMel's, on magnitudes; "unit" puts the `range_db` below the example's maximum into 0..1.
    """

    def __init__(
        self,
        rate: int,
        hop: int,
        fmin: float = 32.703195662574764,
        bands: int = 84,
        per_octave: int = 12,
        *,
        gamma: float = 0.0,
        shape: str = "time",
        scale: str = "unit",
        compression: str = "none",
        offset: float = 1e-7,
        factor: float = 1.0,
        range_db: float | None = None,
        of: str = "sound",
    ) -> None:
        super().__init__(rate, hop, of)
        self.fmin, self.bands, self.per_octave, self.gamma = float(fmin), int(bands), int(per_octave), float(gamma)
        if shape not in ("time", "frequency") or scale not in ("unit", "length"):
            raise OptionError(f'shape={shape!r}, scale={scale!r}: shape is "time" or "frequency", scale "unit" or "length"')
        if self.fmin <= 0 or self.bands < 1 or self.per_octave < 1 or self.frequencies()[-1] >= rate / 2:
            raise OptionError(
                f"{bands} bins from {fmin:g} Hz, {per_octave} an octave, end at {self.frequencies()[-1]:.0f} Hz; "
                f"the rate of {rate} Hz holds less than {rate / 2:g} Hz: take fewer bins or a higher rate"
            )
        self.shape, self.scale = shape, scale
        self.compression, self.offset, self.factor, self.range_db = check(compression), float(offset), float(factor), range_db
        self.gains: Tensor
        self._filters: dict[int, list[Group]] = {}
        self._set()

    def frequencies(self) -> np.ndarray:
        """Hz of the bins."""
        return self.fmin * 2.0 ** (np.arange(self.bands) / self.per_octave)

    def lengths(self) -> np.ndarray:
        """Seconds that each filter lasts; for "frequency", 4 over its full width (the main lobe of its impulse response)."""
        step = 2.0 ** (1 / self.per_octave)
        if self.shape == "frequency":
            return 4 / (4 * self.frequencies() * (step - 1) + self.gamma)
        alpha = (step**2 - 1) / (step**2 + 1)
        return 1 / (alpha * self.frequencies() + self.gamma)

    def constants(self) -> dict[str, Tensor]:
        gains = np.ones(self.bands) if self.scale == "unit" else np.sqrt(self.lengths() * self.rate) / 2
        return {"gains": torch.from_numpy(2 / self.hop * gains)}

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        self._filters.clear()
        return super()._apply(fn, recurse)

    @property
    def _guard(self) -> int:
        """Frames at each end of a block that the block's other end reaches round its circle."""
        reach = 0.5 if self.shape == "time" else 2.0
        return int(np.ceil(reach * self.lengths().max() * self.rate / self.hop)) + 1

    @property
    def reach(self) -> int:
        """Samples before and after the middle of a frame that count for it."""
        return self._guard * self.hop

    def _block(self, frames: int) -> int:
        """Frames of a block: enough for all, or many times the guards; twice or three times a power of two."""
        wanted = min(frames + 2 * self._guard, max(8 * self._guard, SAMPLES // self.hop))
        return min(m for m in (2 ** int(np.ceil(np.log2(wanted))), 3 * 2 ** max(0, int(np.ceil(np.log2(wanted / 3))))) if m >= wanted)

    def _made(self, size: int) -> list[Group]:
        """The filters for blocks of `size` frames, neighbours together: (first, last filter, first, last row, weights).

        The weights (filter, row, 2 · size) stand over the spectrum seen as rows of `size` bins; each twice, for real and
        imaginary part."""
        if size not in self._filters:
            with torch.inference_mode(False):  # kept for later, when a gradient may flow
                self._filters[size] = self._make(size)
        return self._filters[size]

    def _make(self, size: int) -> list[Group]:
        centres, lengths = self.frequencies(), self.lengths()
        step = self.rate / (self.hop * size)  # Hz of a bin
        reach = (LOBES if self.shape == "time" else 2) / lengths
        rows = self.hop // 2 + 1
        low = np.maximum(0, np.floor((centres - reach) / step / size)).astype(int)
        high = np.minimum(rows, np.floor((centres + reach) / step / size) + 1).astype(int)
        made, first = [], 0
        for k in range(1, self.bands + 1):
            together = (k + 1 - first) * (high[first : k + 1].max() - low[first])
            if k == self.bands or together > GROWTH * (high - low)[first : k + 1].sum() or together * size > GROUP:
                away = np.arange(low[first] * size, high[first:k].max() * size) * step
                weights = [
                    self._response((away - centre) * length) for centre, length in zip(centres[first:k], lengths[first:k], strict=True)
                ]
                twice = torch.from_numpy(np.stack(weights)).to(self.gains).repeat_interleave(2, -1).unflatten(-1, (-1, 2 * size))
                made.append((first, k, int(low[first]), int(high[first:k].max()), twice))
                first = k
        return made

    def _response(self, away: np.ndarray) -> np.ndarray:
        """Of a filter at a distance from its middle, in units of 1 / its length."""
        if self.shape == "frequency":
            return np.where(np.abs(away) < 2, 0.5 + 0.5 * np.cos(np.pi / 2 * away), 0)
        edge = np.abs(np.abs(away) - 1) < 1e-6  # the transform of a Hann window: sinc(v) / (1 - v²), ½ at v = ±1
        return np.where(np.abs(away) > LOBES, 0, np.where(edge, 0.5, np.sinc(away) / np.where(edge, 1, 1 - away**2)))

    def _folded(self, spectra: Tensor, size: int) -> Tensor:
        """Spectra (..., bin) → the spectra of each filter's decimated output (..., band, size)."""
        filters = self._made(size)
        rows = max(high for *_, high, _ in filters)
        missing = rows * size - spectra.shape[-1]
        spectra = nn.functional.pad(spectra, (0, missing)) if missing > 0 else spectra[..., : rows * size]
        parts = torch.view_as_real(spectra).flatten(-2).unflatten(-1, (1, rows, 2 * size))
        if torch.is_grad_enabled() and spectra.requires_grad:
            folded = torch.cat([(parts[..., low:high, :] * weights).sum(-2) for _, _, low, high, weights in filters], -2)
        else:
            folded = parts.new_empty(*spectra.shape[:-1], self.bands, 2 * size)
            for first, last, low, high, weights in filters:
                torch.sum(parts[..., low:high, :] * weights, -2, out=folded[..., first:last, :])
        return torch.view_as_complex(folded.unflatten(-1, (size, 2)))

    def transform(self, raw: Tensor) -> Tensor:
        """(..., time) → complex (..., bands, frame); phases count from the middle of each frame."""
        kind = torch.complex128 if self.gains.dtype == torch.float64 else torch.complex64
        return self._map(raw, lambda y: y, kind)

    def magnitudes(self, raw: Tensor) -> Tensor:
        """(..., time) → (..., bands, frame), not compressed."""
        return self._map(raw, torch.abs, self.gains.dtype)

    def _map(self, raw: Tensor, last: Callable[[Tensor], Tensor], kind: torch.dtype) -> Tensor:
        """`last` of the transform: (..., time) → (..., band, frame)."""
        x = rows_of(raw, self.gains.dtype)
        frames, guard = self.frames(x.shape[-1]), self._guard
        size = self._block(frames)
        used = size - 2 * guard
        count = -(-frames // used)

        def segments(some: Tensor, first: int, end: int) -> Tensor:
            """Blocks first..end of (row, time): (row, block, samples), overlapping."""
            some = cut(some, (first * used - guard) * self.hop, (end * used + guard) * self.hop)
            return some.unfold(-1, size * self.hop, used * self.hop)

        def piece(some: Tensor, first: int, end: int) -> Tensor:
            """Blocks first..end of (row, time) → (row, band, frame)."""
            folded = self._folded(torch.fft.rfft(segments(some, first, end)), size)
            heard = last(torch.fft.ifft(folded))[..., guard : guard + used]
            return (heard * self.gains[:, None]).transpose(1, 2).flatten(-2)

        if whole(x):
            made = piece(x, 0, count)[..., :frames]
        else:
            made = torch.empty(len(x), self.bands, frames, dtype=kind)
            at_once = max(1, AT_ONCE // (size * self.hop))
            together = max(1, at_once // count)  # rows

            def work(item: tuple[int, int]) -> None:
                row, block = item
                out = made[row : row + together, :, block * used : (block + at_once) * used]
                out.copy_(piece(x[row : row + together], block, min(block + at_once, count))[..., : out.shape[-1]])

            self._made(size)
            share(work, [(row, block) for row in range(0, len(x), together) for block in range(0, count, at_once)])
        return made.reshape(*raw.shape[:-1], *made.shape[1:])

    def compressed(self, magnitudes: Tensor) -> Tensor:
        return compress(magnitudes, self.compression, power=1, offset=self.offset, factor=self.factor, range_db=self.range_db)

    def forward(self, raw: Tensor) -> Tensor:
        return self.compressed(self.magnitudes(raw))


class HCQT(SoundPart):
    """(batch, 1, time) → (batch, len(harmonics), bands, frame): at bin k of channel h, the magnitude at h · f_k.

    One transform, read at whole bins: h lies at most half a bin from round(per_octave · log2 h), 10 cents at 60 an octave.

    Args:
        lowest: Hz below which nothing is heard; default: the lowest harmonic of fmin. Above half the rate there is silence.
        The others are CQT's. "db" and "unit" refer to the maximum over all harmonics.
    """

    def __init__(
        self,
        rate: int = 22_050,
        hop: int = 256,
        fmin: float = 32.703195662574764,
        bands: int = 360,
        per_octave: int = 60,
        harmonics: Sequence[float] = (0.5, 1, 2, 3, 4, 5),
        *,
        lowest: float | None = None,
        of: str = "sound",
        **options: Unpack[Options],
    ) -> None:
        super().__init__(rate, hop, of)
        self.fmin, self.bands, self.per_octave = float(fmin), int(bands), int(per_octave)
        self.harmonics = tuple(float(h) for h in harmonics)
        if not self.harmonics or min(self.harmonics) <= 0:
            raise OptionError(f"harmonics={self.harmonics}: at least one, each above 0")
        shifts = [round(self.per_octave * np.log2(h)) for h in self.harmonics]
        bottom = min(shifts) if lowest is None else max(min(shifts), int(np.ceil(self.per_octave * np.log2(lowest / fmin))))
        top = int(np.ceil(self.per_octave * np.log2(rate / 2 / fmin)))  # the first bin that is no more below half the rate
        top = min(top, self.bands + max(shifts))
        if top <= bottom:
            raise OptionError(f"fmin={fmin:g} Hz: no harmonic of it lies below half the rate, {rate / 2:g} Hz")
        self.cqt = CQT(rate, hop, self.fmin * 2 ** (bottom / self.per_octave), top - bottom, per_octave, of=of, **options)
        bins = torch.tensor([[k + shift for k in range(self.bands)] for shift in shifts])
        silent = (bins < bottom) | (bins >= top)
        self.register_buffer("places", torch.where(silent, top - bottom, bins - bottom).flatten(), persistent=False)
        self.places: Tensor

    def frequencies(self) -> np.ndarray:
        """Hz of the bins of harmonic 1."""
        return self.fmin * 2.0 ** (np.arange(self.bands) / self.per_octave)

    def forward(self, raw: Tensor) -> Tensor:
        heard = nn.functional.pad(self.cqt.magnitudes(raw), (0, 0, 0, 1))  # and one silent bin for what lies outside
        return self.cqt.compressed(heard).index_select(-2, self.places).unflatten(-2, (len(self.harmonics), self.bands)).flatten(-4, -3)
