"""How every representation is drawn: its rows over time as greys, high frequencies on top.

By pieces    in dB (`DECIBELS`) or already 0 … 1 (`UNIT`): makers of a part from rate and hop, whose first channel is drawn
Whole        what depends on the whole sound (`WHOLE`): functions (samples (1, 1, time), rate, hop) → values 0 … 1 (row, frame)
             and the hop that they have
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from .cepstrum import Cepstrum
from .chroma import ChromaCQT
from .cqt import CQT, HCQT
from .framing import SoundPart
from .gammatone import Gammatone
from .griffin_lim import griffin_lim
from .kernels import KernelCQT
from .loudness import Loudness
from .lpc import LPC
from .mel import MFCC, LogMel, MultiResolutionLogMel
from .mu_law import MuLaw
from .nsgt import NSGT
from .pcen import PCEN
from .phase import InstantaneousFrequency, RealImaginary
from .sf_nmf import SourceFilter
from .similarity import Lags, SelfSimilarity
from .sms import SMS
from .stft import STFT, Spectrogram
from .wavelet import CWT, DWT
from .whitening import Whitened

LEAST = 96  # rows of a picture; fewer bands are drawn so much taller
A1 = 55.0  # Hz


class Drawn(SoundPart):
    """A part, and what is drawn of its features: (batch, 1, time) → (batch, 1, row, frame).

    Args:
        part: a SoundPart, or a part around one.
        change: features → values (batch, channel, row, frame).
        hop: samples between the values' frames, where they are not the part's.
    """

    def __init__(self, part: nn.Module, change: Callable[[Tensor], Tensor] = lambda x: x, hop: int | None = None) -> None:
        inner = part if isinstance(part, SoundPart) else getattr(part, "part")  # noqa: B009 (Wrapped has it)
        super().__init__(inner.rate, inner.hop if hop is None else hop, inner.of)
        self.part, self.change = part, change

    def frequencies(self) -> np.ndarray:
        raise NotImplementedError("rows of a picture")

    def forward(self, raw: Tensor) -> Tensor:
        return tall(self.change(self.part(raw)).flatten(-3, -2)[:, None])


def tall(x: Tensor) -> Tensor:
    """Rows repeated until there are enough."""
    return x.repeat_interleave(max(1, -(-LEAST // x.shape[-2])), -2)


def decibels(x: Tensor) -> Tensor:
    """Magnitudes in dB, from -100."""
    return 20 * x.abs().clamp(min=1e-5).log10()


def unit(x: Tensor, range_db: float = 80.0) -> Tensor:
    """Magnitudes as shares of `range_db` below their loudest."""
    level = decibels(x / x.abs().amax().clamp(min=1e-9))
    return (level / range_db + 1).clamp(0, 1)


def signed(x: Tensor, full: float, range_db: float = 60.0) -> Tensor:
    """Grey is 0, white positive, black negative; sizes in dB below `full`."""
    return 0.5 + 0.5 * x.sign() * ((x.abs() / full).clamp(min=1e-9).log10() * (20 / range_db) + 1).clamp(0, 1)


def _turns(rate: int, hop: int) -> SoundPart:
    """How far below (dark) or above (bright) its bin a partial is, where there is something; to 4 kHz."""
    part = InstantaneousFrequency(rate, hop, 2048)
    bins = torch.arange(min(1025, 4000 * 2048 // rate))[:, None]

    def change(features: Tensor) -> Tensor:
        away = part.hertz(features)[..., : len(bins), :] * (2048 / rate) - bins
        return torch.where(features[:, :1, : len(bins)] > 0.2, (0.5 + away / 4).clamp(0, 1), 0.5)

    return Drawn(part, change)


def _bars(share: Tensor) -> Tensor:
    """A curve (batch, 1, 1, frame) of 0 … 1, filled from below."""
    return (share > (torch.arange(LEAST, device=share.device)[:, None] + 0.5) / LEAST).to(share.dtype)


def _swings(samples: Tensor, block: int = 64) -> Tensor:
    """Companded samples (batch, 1, time): every `block` of them from its lowest to its highest."""
    missing = -samples.shape[-1] % block
    blocks = nn.functional.pad(samples, (0, missing)).unflatten(-1, (-1, block))
    rows = torch.linspace(-1, 1, LEAST, device=samples.device)[:, None]
    low, high = blocks.amin(-1)[:, :, None] - 1 / LEAST, blocks.amax(-1)[:, :, None] + 1 / LEAST
    return ((rows >= low) & (rows <= high)).to(samples.dtype)


def _octaves(rate: int) -> int:
    """Bins, 24 an octave, from A1 as far as half the rate allows."""
    return int(24 * math.log2(0.49 * rate / A1))


def _dwt(rate: int, hop: int) -> SoundPart:
    part = DWT(rate, "db8", 8)
    # Long wavelets have more energy in a coefficient: shown as what a sine of the same amplitude in each octave would give.
    sizes = 2.0 ** (-0.5 * torch.tensor([8.0] + [float(level) for level in range(8, 0, -1)]))
    return Drawn(part, lambda x: decibels(part.scalogram(x) * sizes[:, None]), hop=2)


def _lpc(rate: int, hop: int) -> SoundPart:
    part = LPC(rate, hop, 1024, 24)
    return Drawn(part, lambda x: decibels(part.envelope(x, 257)))


def _nsgt(rate: int, hop: int) -> SoundPart:
    fast = int(rate / NSGT(rate, 1, A1, per_octave=24)._widest)
    return Drawn(NSGT(rate, min(hop, fast), A1, per_octave=24), decibels)


DECIBELS: dict[str, Callable[[int, int], SoundPart]] = {
    "multi": lambda rate, hop: Drawn(
        MultiResolutionLogMel(rate, hop, (512, 1024, 2048), 60, 30.0, rate * 0.49, norm=None, compression="db")
    ),
    "hcqt": lambda rate, hop: Drawn(HCQT(rate, hop, 65.4, 60, 12, (0.5, 1, 2, 3, 4, 5), compression="db")),
    "brown": lambda rate, hop: Drawn(KernelCQT(rate, hop, A1, _octaves(rate), 24, engine="direct", compression="db")),
    "sparse": lambda rate, hop: Drawn(KernelCQT(rate, hop, A1, _octaves(rate), 24, compression="db")),
    "nsgt": _nsgt,
    "cwt": lambda rate, hop: Drawn(CWT(rate, hop, A1, _octaves(rate), 24, compression="db")),
    "dwt": _dwt,
    "gammatone": lambda rate, hop: Drawn(Gammatone(rate, hop, 96, aligned=True, compression="db")),
    "lpc": _lpc,
}
UNIT: dict[str, Callable[[int, int], SoundPart]] = {
    "reim": lambda rate, hop: Drawn(RealImaginary(rate, hop, 512), lambda x: signed(x, 12.0)),
    "if": _turns,
    "mfcc": lambda rate, hop: Drawn(MFCC(rate, hop, 1024, 64, 20), lambda x: (x[..., 1:, :] / 150 + 0.5).clamp(0, 1)),
    "pcen": lambda rate, hop: Drawn(PCEN(LogMel(rate, hop, 1024, 96, 30.0, rate * 0.49, compression="none")), lambda x: -torch.expm1(-x)),
    "loudness": lambda rate, hop: Drawn(Loudness(rate, hop, 2048), lambda x: _bars(x / 60 + 1)),
    "cepstrum": lambda rate, hop: Drawn(Cepstrum(rate, hop, 2048, 400, offset=1e-3), lambda x: (x[..., 30:, :] * 10).clamp(0, 1)),
    "mulaw": lambda rate, hop: Drawn(MuLaw(rate), _swings, hop=64),
}


def _slow(rate: int) -> SoundPart:
    return ChromaCQT(rate, rate // 20, 6, norm="l2")


def _similarity(x: Tensor, rate: int, hop: int) -> tuple[Tensor, int]:
    return SelfSimilarity(_slow(rate), context=5)(x)[0, 0].clamp(0, 1), rate // 20


def _lags(x: Tensor, rate: int, hop: int) -> tuple[Tensor, int]:
    part = _slow(rate)
    return tall(Lags(part, max(1, part.frames(x.shape[-1]) // 2), context=5)(x)[0, 0].clamp(0, 1)), rate // 20


def _whitened(x: Tensor, rate: int, hop: int) -> tuple[Tensor, int]:
    part = Whitened(LogMel(rate, hop, 1024, 48, 30.0, rate * 0.49, compression="db"), 24)
    part.fit([x])
    return tall((part(x)[0, 0].flip(0) / 6 + 0.5).clamp(0, 1)), hop  # the strongest component on top


def _source_filter(x: Tensor, rate: int, hop: int) -> tuple[Tensor, int]:
    found = SourceFilter(rate, 2 * hop, 2048, per_semitone=3, components=20, rounds=20)(x)[0, 0]
    return unit(found.sqrt(), 40.0), 2 * hop


def _sines(x: Tensor, rate: int, hop: int) -> tuple[Tensor, int]:
    hz, amplitude, _ = SMS(rate, hop, 2048, tracks=80, floor_db=-70)(x)[0].unbind(0)
    rows = 192
    place = (torch.log2(hz.clamp(min=A1) / A1) / math.log2(rate / 2 / A1) * (rows - 1)).round().long()
    drawn = torch.zeros(rows, hz.shape[-1]).scatter_reduce(0, place, (decibels(amplitude) / 70 + 1).clamp(0, 1), "amax")
    return drawn, hop


def _griffin_lim(x: Tensor, rate: int, hop: int) -> tuple[Tensor, int]:
    stft = STFT(rate, 256, 1024)
    made = griffin_lim(Spectrogram(rate, 256, 1024, power=1)(x), stft, x.shape[-1])
    return unit(CQT(rate, hop, A1, _octaves(rate), 24, gamma=12.0)(made)[0, 0]), hop


WHOLE: dict[str, Callable[[Tensor, int, int], tuple[Tensor, int]]] = {
    "similarity": _similarity,
    "lags": _lags,
    "whitened": _whitened,
    "sfnmf": _source_filter,
    "sms": _sines,
    "griffinlim": _griffin_lim,
}
