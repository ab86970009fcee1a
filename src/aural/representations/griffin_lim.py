"""A sound out of magnitudes alone: the phases are found by going to and fro between spectrum and sound.

Source   Griffin & Lim, Signal estimation from modified short-time Fourier transform, 1984; the fast variant: Perraudin,
         Balazs & Søndergaard, A fast Griffin-Lim algorithm, 2013
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import OptionError
from .framing import framed, synthesized_of, whole
from .stft import STFT

BLOCK = 32  # frames that a thread has at a time


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
    frames = magnitudes.shape[-1]
    inner = stft.hop * (frames - 1) if length is None else length  # as long as the answer, so that its last frames count
    if stft.frames(inner) != frames:
        least = (frames - 1) * stft.hop
        raise OptionError(f"length={inner}: a sound of {frames} frames has from {least} to {least + stft.hop - 1} samples")
    magnitudes = magnitudes.to(stft.window.dtype)
    rows = magnitudes.reshape(-1, *magnitudes.shape[-2:])
    learns = whole(magnitudes) or (phases is not None and whole(phases))

    def begin() -> Tensor:
        if phases is not None:
            return phases.to(rows).reshape(rows.shape)
        drawn = torch.rand(rows.shape[-2:], generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        return drawn.mul_(2 * math.pi).to(rows).expand_as(rows)

    return (_at_once if learns else _in_blocks)(rows, begin, stft, inner, rounds, momentum).reshape(*magnitudes.shape[:-2], inner)


def _at_once(magnitudes: Tensor, begin: Callable[[], Tensor], stft: STFT, length: int, rounds: int, momentum: float) -> Tensor:
    magnitudes = magnitudes.mT.contiguous().mT  # frame after frame, as spectra lie
    spectrum, before = torch.polar(magnitudes, begin().mT.contiguous().mT), None
    for _ in range(rounds):
        heard = stft(stft.invert(spectrum, length))
        ahead = heard if before is None else torch.lerp(before, heard, 1 + momentum)
        before = heard
        spectrum = ahead * (magnitudes / ahead.abs().clamp(min=_least(magnitudes)))
    return stft.invert(spectrum, length)


def _in_blocks(magnitudes: Tensor, begin: Callable[[], Tensor], stft: STFT, length: int, rounds: int, momentum: float) -> Tensor:
    """From sound to sound: of all spectra only the last round's is kept, and of the first phases (from `begin`) nothing."""
    window, hop, (count, bins, frames) = stft.window, stft.hop, magnitudes.shape
    weights = stft.weights(frames)

    def made(part: Callable[[int, int, int], Tensor]) -> Tensor:
        lines = synthesized_of(part, count, frames, window, hop, window.dtype, BLOCK)
        return stft.trimmed(lines.div_(weights), length)

    def first_spectrum(phases: Tensor) -> Callable[[int, int, int], Tensor]:
        return lambda row, a, b: torch.polar(magnitudes[row, :, a:b].mT.contiguous(), phases[row, :, a:b].mT.contiguous())

    def next_spectrum(sound: Tensor, before: Tensor, lead: float) -> Callable[[int, int, int], Tensor]:
        def part(row: int, a: int, b: int) -> Tensor:
            heard = torch.fft.rfft(framed(sound[row], len(window), hop, a, b) * window)
            ahead = torch.lerp(before[row, a:b], heard, lead) if lead != 1 else heard
            before[row, a:b] = heard
            return ahead.mul_(magnitudes[row, :, a:b].mT / ahead.abs().clamp_(min=_least(magnitudes)))

        return part

    sound = made(first_spectrum(begin()))
    before = torch.empty(count, frames, bins, dtype=window.dtype.to_complex())
    for turn in range(rounds):
        sound = made(next_spectrum(sound, before, 1 + momentum if turn else 1))
    return sound


def _least(magnitudes: Tensor) -> float:
    return torch.finfo(magnitudes.dtype).tiny ** 0.5


def inconsistency(spectrum: Tensor, stft: STFT, length: int) -> Tensor:
    """How far a spectrum (..., bin, frame) is from that of any sound, relative to its length: 0 is consistent."""
    away = stft(stft.invert(spectrum, length)) - spectrum
    return torch.linalg.vector_norm(away, dim=(-2, -1)) / torch.linalg.vector_norm(spectrum, dim=(-2, -1)).clamp(min=1e-30)
