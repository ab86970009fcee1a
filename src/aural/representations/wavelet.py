"""Wavelets: the discrete transform, which loses nothing, and the continuous one of Morlet.

Source   Mallat, A theory for multiresolution signal decomposition: the wavelet representation, 1989 [Mal89]; Daubechies,
         Orthonormal bases of compactly supported wavelets, 1988 (the taps are computed as there: by factoring, and of all
         factors the extremal phase, "db", or the nearest to linear phase, "sym"); Grossmann & Morlet, 1984
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from functools import cache
from typing import Unpack

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import OptionError
from .framing import SoundPart, blocks, rows_of, share, whole
from .kernels import Kernels, Options

ORDERS = 20  # vanishing moments; beyond, the roots lose their digits
CHUNK = 8  # places of a filter that one product takes, for filters up to 18 taps
SAMPLES = 2**19  # of a block


def taps(wavelet: str) -> Tensor:
    """The low-pass filter of "haar", "db1" … "db20" or "sym2" … "sym20": float64, its sum √2, length 2 · order."""
    found = re.fullmatch(r"(db|sym)(\d+)", "db1" if wavelet == "haar" else wavelet)
    order = int(found[2]) if found else 0
    if found is None or not 1 <= order <= ORDERS:
        raise OptionError(f'wavelet={wavelet!r}: "haar", or "db" or "sym" with a number from 1 to {ORDERS}')
    return torch.from_numpy(_taps(found[1], order))


@cache
def _taps(family: str, order: int) -> np.ndarray:
    # |H|² = (1 - y)^order · Σ binomial(order - 1 + k, k) y^k with y = sin²(ω/2) = (2 - z - 1/z) / 4; roots in long doubles.
    sums = np.array([math.comb(order - 1 + k, k) for k in range(order)][::-1], np.longdouble)
    y = np.roots(sums.astype(float)).astype(np.clongdouble)
    for _ in range(20):
        y = y - np.polyval(sums, y) / np.polyval(np.polyder(sums), y)
    middle = 1 - 2 * y
    z = middle + np.sqrt(middle**2 - 1)
    z = np.where(np.abs(z) < 1, z, 1 / z)
    # Any root may be replaced by its inverse, if its conjugate is too: |H| stays.
    groups = [[root] if abs(root.imag) < 1e-9 else [root, root.conj()] for root in z if root.imag > -1e-9]
    if family == "sym" and groups:
        hz = np.linspace(0, np.pi, 257)[1:-1]
        bends = np.array([[_bend(group, hz), _bend([1 / root for root in group], hz)] for group in groups])
        choices = list(itertools.product((0, 1), repeat=len(groups)))
        sizes = [round(float(np.square(sum(bends[i, flip] for i, flip in enumerate(flips))).sum()), 6) for flips in choices]
        best = choices[int(np.argmin(sizes))]
        groups = [[1 / root for root in group] if flip else group for flip, group in zip(best, groups, strict=True)]
    made = np.ones(1, np.clongdouble)
    for factor in [[0.5, 0.5]] * order + [[1, -root] for group in groups for root in group]:
        made = np.convolve(made, np.array(factor, np.clongdouble))
    return (made.real / made.real.sum() * np.sqrt(np.longdouble(2))).astype(np.float64)


def _bend(roots: Sequence[complex], hz: np.ndarray) -> np.ndarray:
    """How far the phase of these factors is from the line between its ends."""
    phase = np.sum([np.unwrap(np.angle(1 - complex(root) * np.exp(-1j * hz))) for root in roots], 0)
    return phase - phase[-1] / hz[-1] * hz


def _pairs(low: Tensor) -> tuple[Tensor, Tensor]:
    """Low-pass and high-pass at a chunk of places, two samples apart, as two matrices (sample, filter · place): of as many samples as there
    are places twice, and of those after them that the filters reach. Their products are far faster than a strided convolution of one
    channel, and read the samples where they lie."""
    signs = (-1.0) ** torch.arange(len(low), dtype=low.dtype, device=low.device)
    pair, chunk = torch.stack([low, signs * low.flip(0)]), max(CHUNK, len(low) // 2 - 1)
    places = [nn.functional.pad(pair, (2 * place, 2 * (chunk - 1 - place))) for place in range(chunk)]
    both = torch.stack(places, 1).flatten(0, 1).T
    return both[: 2 * chunk].contiguous(), both[2 * chunk :].contiguous()


def _split(x: Tensor, pairs: tuple[Tensor, Tensor], places: int) -> tuple[Tensor, Tensor]:
    """(row, time) → what low-pass and high-pass make of it at the first places, every other sample: (row, place) each. What a chunk lacks
    is 0."""
    (size, spill), chunks = (len(part) for part in pairs), -(-2 * places // len(pairs[0]))
    x = nn.functional.pad(x, (0, (chunks + 1) * size - x.shape[-1]))
    own = x[:, :-size].reshape(-1, size)
    after = x[:, size:].reshape(-1, size)[:, :spill]
    made = torch.addmm(own @ pairs[0], after, pairs[1])
    low, high = (half.reshape(len(x), -1)[:, :places] for half in made.chunk(2, -1))
    return low, high


def _unsplit(low: Tensor, high: Tensor, pairs: tuple[Tensor, Tensor]) -> Tensor:
    """The adjoint of `_split`: (row, place) each → (row, time), as long as any place reaches."""
    (size, spill), places = (len(part) for part in pairs), low.shape[-1]
    both = nn.functional.pad(torch.stack([low, high], 1), (0, -places % (size // 2))).unflatten(-1, (-1, size // 2))
    both = both.transpose(1, 2).flatten(2)
    own, after = (both @ part.T for part in pairs)
    made = nn.functional.pad(own.flatten(1), (0, size)) + nn.functional.pad(
        nn.functional.pad(after, (0, size - spill)).flatten(1), (size, 0)
    )
    return made[:, : 2 * places + spill]


def decompose(x: Tensor, low: Tensor, levels: int, periodic: bool = False) -> list[Tensor]:
    """(..., time) → the coefficients [approximation, details of the coarsest level, …, of the finest], each (..., coefficient).

    Args:
        low: `taps`.
        periodic: after the end comes the start again, with as many coefficients as samples (their number a multiple of
            2^levels); else there are zeros, and every level has some coefficients more than half of those it is made from.
    """
    length, details = len(low), []
    if periodic and x.shape[-1] % 2**levels:
        raise OptionError(f"{x.shape[-1]} samples: with periodic=True a multiple of 2^{levels}")
    flat, pairs = rows_of(x, x.dtype), _pairs(low)
    for _ in range(levels):
        if periodic:
            n = flat.shape[-1]
            place = torch.arange(-(length // 2) + 1, n + length // 2 - 1, device=x.device) % n
            flat, detail = _split(flat[..., place], pairs, n // 2)
        else:
            flat, detail = _split(nn.functional.pad(flat, (length - 2, 0)), pairs, (flat.shape[-1] + length - 1) // 2)
        details.append(detail.reshape(*x.shape[:-1], -1))
    return [flat.reshape(*x.shape[:-1], -1), *details[::-1]]


def compose(coefficients: Sequence[Tensor], low: Tensor, length: int | None = None, periodic: bool = False) -> Tensor:
    """The inverse of `decompose`: (..., time), exact. `length` cuts it; the default keeps all there may be."""
    length_of, flat, pairs = len(low), coefficients[0], _pairs(low)
    for detail in coefficients[1:]:
        n = detail.shape[-1]
        made = _unsplit(flat[..., :n].reshape(-1, n), detail.reshape(-1, n), pairs)
        if periodic:
            n, first = 2 * n, length_of // 2 - 1
            wrapped = made.new_zeros(len(made), n)
            made = wrapped.index_add(-1, (torch.arange(made.shape[-1], device=made.device) - first) % n, made)
        else:
            made = made[..., length_of - 2 :]
        flat = made.reshape(*detail.shape[:-1], -1)
    return flat[..., :length]


class DWT(SoundPart):
    """(batch, 1, time) → (batch, 1, 2^levels, frame): all coefficients of 2^levels samples, lowest octave first. Exact both ways.

    A frame holds one approximation, one detail of the coarsest level, two of the next finer …; filters are causal, so no
    frame depends on later samples, and the last frames hold what the filters still remember after the end.

    Args:
        wavelet: "haar", "db1" … "db20", "sym2" … "sym20" (the number of vanishing moments).
        levels: octaves that are split off.
    """

    def __init__(self, rate: int, wavelet: str = "db4", levels: int = 8, of: str = "sound") -> None:
        if not 1 <= levels <= 20:
            raise OptionError(f"levels={levels}: from 1 to 20")
        super().__init__(rate, 2**levels, of)
        self.wavelet, self.levels = wavelet, int(levels)
        self.low: Tensor
        self._set()

    def constants(self) -> dict[str, Tensor]:
        return {"low": taps(self.wavelet)}

    def frames(self, length: int) -> int:
        counts, length = [], max(1, length)
        for level in range(1, self.levels + 1):
            length = (length + len(self.low) - 1) // 2
            counts.append(-(-length // 2 ** (self.levels - level)))
        return max(1, *counts)

    def frequencies(self) -> np.ndarray:
        """Hz of the middle of each row's octave; rows of one octave follow each other in time."""
        octaves = [0.75 * self.rate / 2**level for level in range(self.levels, 0, -1)]
        return np.array([self.rate / 2 ** (self.levels + 2)] + [hz for i, hz in enumerate(octaves) for _ in range(2**i)])

    def forward(self, raw: Tensor) -> Tensor:
        x, frames = (raw if raw.shape[-1] else nn.functional.pad(raw, (0, 1))).to(self.low.dtype), self.frames(raw.shape[-1])
        if whole(x):
            return self._made(x, frames)
        rows, lead = rows_of(x, x.dtype), len(self.low)  # frames before a block that count for it
        made, pairs = rows.new_empty(len(rows), frames, self.hop), _pairs(self.low)

        def work(item: tuple[int, int, int]) -> None:
            row, first, last = item
            start = max(0, first - lead)
            self._write(rows[row, start * self.hop : last * self.hop], pairs, made[row, first:last], last - start)

        share(work, [(row, *block) for row in range(len(rows)) for block in blocks(frames, max(8 * lead, SAMPLES // self.hop))])
        return made.mT.reshape(*raw.shape[:-1], self.hop, frames)

    def _write(self, x: Tensor, pairs: tuple[Tensor, Tensor], out: Tensor, frames: int) -> None:
        """The last of so many frames of (time,), zeros before and after it, into `out` (frame, 2^levels): as `decompose`, but nothing is
        copied that need not be, which is what takes the time."""
        (size, spill), half = (len(part) for part in pairs), len(pairs[0]) // 2
        x, skipped = nn.functional.pad(x, (spill, frames * self.hop - len(x) + 2 * size)), frames - len(out)
        for inside in (2**level for level in reversed(range(self.levels))):
            chunks = -(-frames * inside // half)
            after = x[size : (chunks + 1) * size].view(-1, size)[:, :spill]
            both = torch.mm(x[: chunks * size].view(-1, size), pairs[0]).addmm_(after, pairs[1])
            x = x.new_empty(spill + chunks * half + 2 * size)
            x[:spill], x[spill + chunks * half :] = 0, 0
            x[spill : spill + chunks * half].view(-1, half).copy_(both[:, :half])
            details, place = both[:, half:], out[:, inside : 2 * inside]
            if inside % half:
                place.copy_(details.reshape(-1)[skipped * inside : frames * inside].view(-1, inside))
            else:
                place.unflatten(1, (-1, half)).copy_(details.unflatten(0, (frames, -1))[skipped:])
        out[:, 0].copy_(x[spill + skipped : spill + frames])

    def _made(self, x: Tensor, frames: int) -> Tensor:
        """The first frames of (..., time)."""
        made = []
        for i, some in enumerate(decompose(x, self.low, self.levels)):
            inside = 2 ** max(0, i - 1)
            made.append(nn.functional.pad(some, (0, frames * inside - some.shape[-1])).unflatten(-1, (frames, inside)))
        return torch.cat(made, -1).mT

    def bands(self, features: Tensor) -> list[Tensor]:
        """Features → the coefficients of each band, approximation first: (batch, 1, coefficient)."""
        ends = [0] + [2**i for i in range(self.levels + 1)]
        return [features[..., a:b, :].mT.flatten(-2) for a, b in itertools.pairwise(ends)]

    def invert(self, features: Tensor, length: int | None = None) -> Tensor:
        """(..., 2^levels, frame) → (..., time); default: so long that nothing is lost."""
        made = compose(self.bands(features), self.low, length)
        return made if length is None else nn.functional.pad(made, (0, length - made.shape[-1]))

    def scalogram(self, features: Tensor) -> Tensor:
        """Magnitudes, one row an octave, those of long wavelets repeated: (..., levels + 1, frame · 2^(levels - 1))."""
        finest = features.shape[-1] * 2 ** (self.levels - 1)
        return torch.stack([band.abs().repeat_interleave(finest // band.shape[-1], -1) for band in self.bands(features)], -2)


class CWT(Kernels):
    """The wavelet transform of Morlet: (batch, 1, time) → magnitudes (batch, 1, bands, frame).

    Wavelet k is ψ(t / s), ψ(t) = π^-¼ (e^(iωt) - e^(-ω²/2)) e^(-t²/2), and s such that it oscillates at
    f_k = fmin · 2^(k / per_octave).

    Args:
        fmin, bands, per_octave: as CQT's.
        omega: ω; more is finer in frequency and coarser in time.
        scale: "unit", a sine of amplitude 1 gives 1; "energy", as defined: times s^-½, s in samples.
        The others are those of `Kernels`; the threshold is 1e-5 by default.
    """

    def __init__(
        self,
        rate: int,
        hop: int,
        fmin: float = 32.703195662574764,
        bands: int = 84,
        per_octave: int = 12,
        *,
        omega: float = 6.0,
        scale: str = "unit",
        **options: Unpack[Options],
    ) -> None:
        options.setdefault("threshold", 1e-5)
        super().__init__(rate, hop, **options)
        self.fmin, self.bands, self.per_octave, self.omega, self.scale = float(fmin), int(bands), int(per_octave), float(omega), scale
        if scale not in ("unit", "energy") or omega <= 0:
            raise OptionError(f'scale={scale!r}, omega={omega:g}: scale is "unit" or "energy", omega above 0')
        if self.fmin <= 0 or self.bands < 1 or self.per_octave < 1 or self.frequencies()[-1] >= rate / 2:
            raise OptionError(f"{bands} wavelets from {fmin:g} Hz, {per_octave} an octave: they must lie between 0 and {rate / 2:g} Hz")
        self._set()

    def frequencies(self) -> np.ndarray:
        """Hz at which the wavelets oscillate."""
        return self.fmin * 2.0 ** (np.arange(self.bands) / self.per_octave)

    def scales(self) -> np.ndarray:
        """s of each wavelet, in samples."""
        return self.omega * self.rate / (2 * np.pi * self.frequencies())

    def reaches(self) -> np.ndarray:
        return np.ceil(5 * self.scales()).astype(int)  # where the envelope is 4e-6

    def kernel(self, band: int) -> tuple[np.ndarray, int]:
        s, reach = self.scales()[band], int(self.reaches()[band])
        t = np.arange(-reach, reach + 1) / s
        turn = np.exp(1j * self.omega * t)
        wavelet = np.pi**-0.25 * (turn - np.exp(-(self.omega**2) / 2)) * np.exp(-t * t / 2)
        return wavelet * (s**-0.5 if self.scale == "energy" else 2 / abs((wavelet.conj() * turn).sum())), reach
