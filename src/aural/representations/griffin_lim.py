"""A sound out of magnitudes alone: the phases are found by going to and fro between spectrum and sound.

Source   Griffin & Lim, Signal estimation from modified short-time Fourier transform, 1984; the fast variant: Perraudin,
         Balazs & Søndergaard, A fast Griffin-Lim algorithm, 2013
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..errors import OptionError
from .framing import whole
from .stft import STFT


def griffin_lim(
    magnitudes: Tensor,
    stft: STFT,
    length: int | None = None,
    *,
    rounds: int = 32,
    momentum: float = 0.99,
    phases: Tensor | None = None,
    seed: int = 0,
) -> Tensor:
    """Magnitudes (..., bin, frame) of `stft` → a sound (..., time) whose magnitudes are near them.

    Args:
        length: samples of it; default: hop · (frames - 1).
        rounds: how often the phases of the sound made so far are taken.
        momentum: 0 is Griffin & Lim's own, whose error never rises; 0.99 the fast variant, which usually ends nearer.
        phases: to begin with, in radians, shaped like the magnitudes; default: chance, the same for every example.
        seed: of that chance.
    """
    if rounds < 0 or momentum < 0:
        raise OptionError(f"rounds={rounds}, momentum={momentum:g}: neither may be below 0")
    if phases is None:
        drawn = torch.rand(magnitudes.shape[-2:], generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        phases = (2 * math.pi * drawn).to(magnitudes).expand_as(magnitudes)
    frames = magnitudes.shape[-1]
    inner = stft.hop * (frames - 1) if length is None else length  # as long as the answer, so that its last frames count
    if stft.frames(inner) != frames:
        least = (frames - 1) * stft.hop
        raise OptionError(f"length={inner}: a sound of {frames} frames has from {least} to {least + stft.hop - 1} samples")
    magnitudes = magnitudes.mT.contiguous().mT  # frame after frame, as spectra lie
    learns = whole(magnitudes) or whole(phases)
    spectrum, before = torch.polar(magnitudes, phases.mT.contiguous().mT), None
    for _ in range(rounds):
        heard = stft(stft.invert(spectrum, inner))
        if before is None:
            ahead = heard if learns else heard.clone()
        else:
            ahead = torch.lerp(before, heard, 1 + momentum) if learns else before.lerp_(heard, 1 + momentum)
        before = heard
        size = magnitudes / ahead.abs().clamp(min=torch.finfo(magnitudes.dtype).tiny ** 0.5)
        spectrum = ahead * size if learns else ahead.mul_(size)
    return stft.invert(spectrum, inner)


def inconsistency(spectrum: Tensor, stft: STFT, length: int) -> Tensor:
    """How far a spectrum (..., bin, frame) is from that of any sound, relative to its length: 0 is consistent."""
    away = stft(stft.invert(spectrum, length)) - spectrum
    return torch.linalg.vector_norm(away, dim=(-2, -1)) / torch.linalg.vector_norm(spectrum, dim=(-2, -1)).clamp(min=1e-30)
