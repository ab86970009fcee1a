"""Representations of a sound that is still coming in: every frame as soon as all that it depends on is there.

Pieces of any lengths give the frames of the whole (the tests state it for each part; constant-Q transforms, whose filters never
quite end, to 3e-4 of the peak). A frame is late by what it reaches ahead: half a window, or nothing for causal filters; of SMS some
frames more, until it is known which tracks last; of SourceFilter and SlicedNSGT until their piece, or slice, is full.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..errors import OptionError
from ..part import Part, Wrapped
from .chroma import ChromaCQT
from .context import Standardised, WithMedianDifference
from .cqt import CQT, HCQT
from .framing import SoundPart
from .kernels import Kernels
from .mel import MultiResolutionLogMel
from .nsgt import SlicedNSGT
from .pcen import PCEN
from .phase import InstantaneousFrequency
from .sf_nmf import SourceFilter
from .similarity import Lags
from .sms import SMS
from .stft import Spectral, Waveform
from .views import Views
from .wavelet import DWT
from .whitening import Whitened


def reach(part: Part) -> tuple[int, int]:
    """Samples before and after the middle of a frame that it depends on. Raises OptionError where that is not known or all."""
    if getattr(part, "compression", None) == "unit" or getattr(part, "range_db", None) is not None:
        raise OptionError("a compression that looks for the example's maximum has to hear all of it: take one without range_db")
    if isinstance(part, InstantaneousFrequency):
        return part.n_fft // 2 + part.hop, part.n_fft - part.n_fft // 2
    if isinstance(part, Spectral) and not isinstance(part, SMS | SourceFilter):
        return around(part)
    if isinstance(part, MultiResolutionLogMel):
        return max(part.windows), max(part.windows)
    if isinstance(part, Kernels):
        kernels = [part.kernel(band) for band in range(len(part.reaches()))]
        return max(middle for _, middle in kernels), max(len(kernel) - middle for kernel, middle in kernels)
    if isinstance(part, DWT):
        return len(part.low) * part.hop, part.hop
    if isinstance(part, Waveform):
        return 0, 1
    if isinstance(part, CQT):
        return part.reach, part.reach
    if isinstance(part, HCQT | ChromaCQT):
        return reach(part.cqt)
    if isinstance(part, Views):
        reaches = [reach(view) for view in part.views if isinstance(view, Part)]
        return max(before for before, _ in reaches), max(after for _, after in reaches)
    if isinstance(part, Standardised | Whitened):
        return reach(part.part)
    if isinstance(part, WithMedianDifference | Lags):
        (before, after), hop = reach(part.part), hearing(part).hop
        if isinstance(part, WithMedianDifference):
            return before + max(part.lengths) * hop, after
        return before + part.lags * hop, after + (part.context - 1) * hop
    raise OptionError(f"a frame of {type(part).__name__} depends on the whole sound, or nobody said on how much of it")


def around(part: Spectral) -> tuple[int, int]:
    """`reach` of the spectra of frames alone."""
    return part.n_fft // 2, part.n_fft - part.n_fft // 2


def hearing(part: Part) -> SoundPart:
    """The part inside all others, whose frames they go on from."""
    while isinstance(part, Wrapped):
        part = part.part
    assert isinstance(part, SoundPart)
    return part


class Stream:
    """A part heard piece by piece; keeps the samples that frames to come still need, and computes those few again.

    Args:
        part: a representation, or Standardised, Whitened, WithMedianDifference or Lags around one; PCEN around any of these.
    """

    def __init__(self, part: Part) -> None:
        self._part: Callable[[Tensor], Tensor] = part
        self._then: PCEN | SMS | SourceFilter | SlicedNSGT | None = None  # what goes on from frame to frame
        if isinstance(part, PCEN):
            self._part, self._then = part.part, part
        elif isinstance(part, SMS | SourceFilter):
            self._part, self._then = part.peaks if isinstance(part, SMS) else part.powers, part
        elif isinstance(part, SlicedNSGT):
            self._part, self._then = part.lines, part
        if isinstance(part, SMS | SourceFilter | SlicedNSGT):
            self._before, self._after = (0, part.hop) if isinstance(part, SlicedNSGT) else around(part)
        else:
            self._before, self._after = reach(part.part if isinstance(part, PCEN) else part)
        self._hop, self._frames = hearing(part).hop, hearing(part).frames
        self._state: Any = None
        self._kept: Tensor | None = None  # samples from self._first on, which lies on a frame
        self._first = self._frame = 0

    def __call__(self, samples: Tensor) -> Tensor:
        """The next samples (..., time) → the frames (…, frame) that are complete now; there may be none."""
        self._kept = samples if self._kept is None else torch.cat([self._kept, samples], -1)
        heard = self._first + self._kept.shape[-1]
        return self._made(max(self._frame, (heard - self._after) // self._hop + 1), end=False)

    def end(self) -> Tensor:
        """The frames that waited for more; then the stream begins anew."""
        if self._kept is None:
            raise OptionError("no samples came before the end of the stream")
        made = self._made(self._first // self._hop + self._frames(self._kept.shape[-1]), end=True)
        self._kept, self._state, self._first, self._frame = None, None, 0, 0
        return made

    def _made(self, until: int, end: bool) -> Tensor:
        """Frames from the next one to `until`, which is then the next."""
        assert self._kept is not None
        hop = self._hop
        made = self._part(self._kept)
        offset = self._first // hop
        made = made[..., self._frame - offset : until - offset]
        if isinstance(self._then, PCEN):
            made, self._state = self._then.step(made, self._state) if made.shape[-1] else (made, self._state)
        elif self._then is not None:
            made, self._state = self._then.step(made, self._state, end)
        self._frame = until
        first = max(self._first, (until * hop - self._before) // hop * hop)
        self._kept, self._first = self._kept[..., first - self._first :], first
        return made
