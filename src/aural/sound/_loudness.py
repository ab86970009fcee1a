"""Loudness of a whole sound, as broadcasters measure it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from . import Recording, Sound


def loudness(sound: Sound | Recording) -> float:
    """Integrated loudness in LUFS; -inf for silence.

    Blocks of 400 ms every 100 ms, K-weighted; those below -70 LUFS, then those 10 LU below the mean of the rest, do not
    count. Five and six channels are taken as surround (L R C (LFE) Ls Rs), others weigh 1. A sound shorter than a block
    is one block.

    The filters are products of spectra: what they say of a sample has died away after the quarter of a second that a block overlaps.

    Source    ITU-R BS.1770-4; the filters at other rates than 48 kHz by the bilinear transform of their analogue forms
    """
    guard = max(1, round(sound.rate / 4))
    size = 2 ** max(16, (4 * guard).bit_length() + 1)
    response = _response(k_weighting(sound.rate), size)
    weights = np.ones(sound.channels)
    if sound.channels in (5, 6):
        weights[-2:] = 1.41
        weights[3] = 0.0 if sound.channels == 6 else 1.41
    hop = max(1, round(sound.rate / 10))
    before = np.zeros((sound.channels, guard), np.float32)
    rest, powers = np.zeros((sound.channels, 0)), []
    for block in sound.blocks((size - guard) / sound.rate):
        heard = np.concatenate([before, block.samples], -1)
        before = heard[:, -guard:]
        filtered = np.fft.irfft(np.fft.rfft(heard, size) * response, size)[:, guard : heard.shape[-1]]
        rest = np.concatenate([rest, filtered], -1)
        whole = rest.shape[-1] // hop
        hops = np.square(rest[:, : whole * hop]).reshape(sound.channels, whole, hop).mean(-1)
        powers.append(weights @ hops)
        rest = rest[:, whole * hop :]
    hops = np.concatenate(powers) if powers else np.zeros(0)
    if len(hops) >= 4:
        power = np.convolve(hops, np.full(4, 0.25), "valid")
    elif sound.frames:
        rest_power = float(weights @ np.square(rest).sum(-1))
        power = np.array([(hops.sum() * hop + rest_power) / sound.frames])
    else:
        power = np.zeros(0)
    power = power[power > 10 ** ((-70 + 0.691) / 10)]
    if not len(power):
        return float("-inf")
    power = power[power > power.mean() / 10]
    return float(-0.691 + 10 * np.log10(power.mean()))


def k_weighting(rate: int) -> np.ndarray:
    """Second-order sections (2, 6): a shelf of +4 dB above 1.7 kHz (the head), a high-pass at 38 Hz."""
    k, q = np.tan(np.pi * min(1681.974450955533, 0.49 * rate) / rate), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    shelf = [high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k, *_poles(k, q)]
    k, q = np.tan(np.pi * 38.13547087602444 / rate), 0.5003270373238773
    sections = np.array([shelf, [0.0, 0.0, 0.0, *_poles(k, q)]])
    sections /= sections[:, 3:4]
    sections[1, :3] = 1.0, -2.0, 1.0  # as the recommendation has it, not scaled with the poles
    return sections


def _response(sections: np.ndarray, size: int) -> np.ndarray:
    """What second-order sections do to each bin of a spectrum of `size` samples, (size // 2 + 1,) complex."""
    delays = np.exp(-2j * np.pi / size * np.outer(np.arange(size // 2 + 1), np.arange(3)))
    each = [(delays @ row[:3]) / (delays @ row[3:]) for row in sections]
    return np.asarray(np.prod(each, axis=0))


def _poles(k: float, q: float) -> list[float]:
    return [1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k]
