"""Linear prediction: every sample as a weighted sum of those before it, and what is left over. The linear source and filter.

Source   Atal & Hanauer, Speech analysis and synthesis by linear prediction of the speech wave, 1971; Makhoul, Linear
         prediction: a tutorial review, 1975 (the autocorrelation method, Levinson-Durbin); Burg, Maximum entropy spectral
         analysis, 1967; line spectral frequencies: Itakura, 1975

         x[n] = Σ a_p x[n - p] + e[n]        1 / |1 - Σ a_p e^(-iωp)| is the envelope of the spectrum
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import OptionError
from .framing import framed, rows_of, spectra
from .stft import Spectral


def levinson(autocorrelation: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(..., order + 1) → the weights a (..., order), reflections (..., order), and the power of what is left (...).

    Where there is nothing at all the weights are 0.
    """
    r = autocorrelation
    error, a = r[..., 0], r[..., :0]
    reflections = []
    for p in range(1, r.shape[-1]):
        missing = r[..., p] - (a * r[..., 1:p].flip(-1)).sum(-1)
        k = missing / error.clamp(min=torch.finfo(r.dtype).tiny)
        a = torch.cat([a - k[..., None] * a.flip(-1), k[..., None]], -1)
        error = error * (1 - k * k)
        reflections.append(k)
    return a, torch.stack(reflections, -1) if reflections else a, error


def burg(frames: Tensor, order: int) -> tuple[Tensor, Tensor, Tensor]:
    """(..., sample) → as `levinson`, from the least errors of prediction forwards and backwards; frames need no window."""
    forward, backward, a = frames[..., 1:], frames[..., :-1], frames[..., :0]
    error, reflections = frames.square().mean(-1), []
    for _ in range(order):
        both = forward.square().sum(-1) + backward.square().sum(-1)
        k = 2 * (forward * backward).sum(-1) / both.clamp(min=torch.finfo(frames.dtype).tiny)
        a = torch.cat([a - k[..., None] * a.flip(-1), k[..., None]], -1)
        error = error * (1 - k * k)
        reflections.append(k)
        ahead, behind = forward - k[..., None] * backward, backward - k[..., None] * forward
        forward, backward = ahead[..., 1:], behind[..., :-1]
    return a, torch.stack(reflections, -1), error


class LPC(Spectral):
    """(batch, 1, time) → (batch, 1, order + 1, frame): the gain (root mean square of what is left), then a_1 … a_order.

    All filters are stable. Weights are found in float64 whatever the sound's precision.

    Args:
        window: samples of the Hann window ("autocorrelation") or of the frame without one ("burg").
        order: how many samples back; usually 2 and the rate in kHz.
        method: "autocorrelation" or "burg".
    """

    def __init__(
        self, rate: int, hop: int, window: int = 1024, order: int = 16, *, method: str = "autocorrelation", of: str = "sound"
    ) -> None:
        if method not in ("autocorrelation", "burg") or not 1 <= order < window // 2:
            raise OptionError(
                f'method={method!r}, order={order}: method is "autocorrelation" or "burg", order from 1 to below half the window'
            )
        super().__init__(rate, hop, window, 2 ** math.ceil(math.log2(window + order)), of)
        self.order, self.method = int(order), method
        self._set()

    def frequencies(self) -> np.ndarray:
        """Samples back, 0 for the gain: weights have no Hz; `envelope` has."""
        return np.arange(self.order + 1, dtype=np.float64)

    def forward(self, raw: Tensor) -> Tensor:
        if self.method == "burg":
            x = rows_of(raw, self.window.dtype)
            made = self._made(*burg(framed(x, self.window_length, self.hop)[..., : self.frames(x.shape[-1]), :].double(), self.order))
            return made.reshape(*raw.shape[:-1], *made.shape[1:])

        def each(spectrum: Tensor, out: Tensor | None) -> Tensor:
            power = torch.view_as_real(spectrum).double().square().sum(-1)
            r = torch.fft.irfft(power)[..., : self.order + 1] / self.window.double().square().sum()
            # A white floor 90 dB below keeps pure tones solvable; frames of nothing stay nothing.
            r = torch.cat([r[..., :1] * (1 + 1e-9) + 1e-30, r[..., 1:]], -1)
            made = self._made(*levinson(r))
            return made if out is None else out.copy_(made)

        return spectra(raw, self.window, self.hop, each, lambda rows, frames: self.window.new_empty(rows, self.order + 1, frames))

    def _made(self, a: Tensor, _reflections: Tensor, error: Tensor) -> Tensor:
        return torch.cat([error.clamp(min=1e-30).sqrt()[..., None], a], -1).mT.to(self.window.dtype)

    def envelope(self, features: Tensor, bins: int = 513) -> Tensor:
        """Magnitudes of gain / |A| at frequencies evenly from 0 to half the rate: (..., order + 1, frame) → (..., bins, frame)."""
        ones = torch.ones_like(features[..., :1, :])
        response = torch.fft.rfft(torch.cat([ones, -features[..., 1:, :]], -2), 2 * (bins - 1), dim=-2)
        return features[..., :1, :] / response.abs().clamp(min=1e-12)

    def residual(self, raw: Tensor, features: Tensor) -> Tensor:
        """What is left of (..., time) when each frame's weights predict the samples nearest to it: (..., time)."""
        x, length = raw.to(features), raw.shape[-1]
        features, before = self._over(features, length)
        p, frames = self.order, features.shape[-1]
        padded = nn.functional.pad(x, (before + p, max(0, frames * self.hop - before - length)))[..., : frames * self.hop + p]
        blocks = padded.unfold(-1, self.hop + p, self.hop).unfold(-1, p + 1, 1)  # (..., frame, sample, p + 1), latest last
        made = (blocks @ self._filters(features).flip(-1)[..., None])[..., 0]
        return made.flatten(-2)[..., before : before + length]

    def synthesize(self, residual: Tensor, features: Tensor) -> Tensor:
        """The inverse of `residual`: what is left, or any other source, through the filters; sequential in the frames."""
        length = residual.shape[-1]
        features, before = self._over(features, length)
        p, frames = self.order, features.shape[-1]
        source = nn.functional.pad(residual.to(features), (before, max(0, frames * self.hop - before - length)))
        source = source[..., : frames * self.hop].unflatten(-1, (frames, self.hop))
        lag = torch.arange(self.hop, device=features.device)[:, None] + p - torch.arange(self.hop + p, device=features.device)
        filters = self._filters(features)
        past, made = source.new_zeros(*source.shape[:-2], p), []
        for frame in range(frames):
            both = torch.where((lag >= 0) & (lag <= p), filters[..., frame, :][..., lag.clamp(0, p)], 0.0)  # (sample, past and sample)
            known = source[..., frame, :] - (both[..., :p] @ past[..., None])[..., 0]
            block = torch.linalg.solve_triangular(both[..., p:], known[..., None], upper=False)[..., 0]
            past = torch.cat([past, block], -1)[..., -p:]
            made.append(block)
        return torch.cat(made, -1)[..., before : before + length]

    def _over(self, features: Tensor, length: int) -> tuple[Tensor, int]:
        """Features of as many hops as cover so many samples, the last going on; and the samples of the first hop before the start."""
        before = self.hop // 2
        missing = max(0, -(-(length + before) // self.hop) - features.shape[-1])
        return torch.cat([features, features[..., -1:].expand(*features.shape[:-1], missing)], -1), before

    def _filters(self, features: Tensor) -> Tensor:
        """1, -a_1 … -a_order: (..., frame, order + 1)."""
        return torch.cat([torch.ones_like(features[..., :1, :]), -features[..., 1:, :]], -2).mT


def line_spectrum(a: Tensor) -> Tensor:
    """Weights (..., order) → line spectral frequencies (..., order), increasing between 0 and π: another form, safe to smooth."""
    order = a.shape[-1]
    low, high = _sum_and_difference(a.double())
    found = [_angles(low, (order + 1) // 2), _angles(high, order // 2)]
    return torch.cat(found, -1).sort(-1).values.to(a)


def from_line_spectrum(frequencies: Tensor) -> Tensor:
    """The inverse of `line_spectrum`: stable for any increasing frequencies between 0 and π."""
    order = frequencies.shape[-1]
    low, high = (_from_angles(frequencies.double()[..., first::2]) for first in (0, 1))
    one = low.new_ones(*low.shape[:-1], 1)
    if order % 2:
        high = _times(high, torch.cat([one, 0 * one, -one], -1))
    else:
        low, high = _times(low, torch.cat([one, one], -1)), _times(high, torch.cat([one, -one], -1))
    return (-(low + high) / 2)[..., 1 : order + 1].to(frequencies)


def _sum_and_difference(a: Tensor) -> tuple[Tensor, Tensor]:
    """A(z) ± z^-(order + 1) A(1/z), without their roots at 1 and -1: coefficients, the first 1."""
    one, zero = torch.ones_like(a[..., :1]), torch.zeros_like(a[..., :1])
    straight, turned = torch.cat([one, -a, zero], -1), torch.cat([zero, -a.flip(-1), one], -1)
    low, high = straight + turned, straight - turned
    if a.shape[-1] % 2:
        return low, _over(high, 1.0, 2)
    return _over(low, -1.0, 1), _over(high, 1.0, 1)


def _over(polynomial: Tensor, root: float, power: int) -> Tensor:
    """Divided by 1 - root · z^-power."""
    made: list[Tensor] = []
    for i in range(polynomial.shape[-1] - power):
        made.append(polynomial[..., i] + (root * made[i - power] if i >= power else 0.0))
    return torch.stack(made, -1)


def _angles(polynomial: Tensor, count: int) -> Tensor:
    """Angles above 0 of the roots, which lie on the unit circle."""
    degree = polynomial.shape[-1] - 1
    if degree == 0:
        return polynomial[..., :0]
    companion = (
        torch.diag_embed(polynomial.new_ones(*polynomial.shape[:-1], degree - 1), -1)
        if degree > 1
        else polynomial.new_zeros(*polynomial.shape[:-1], 1, 1)
    )
    first = torch.cat([-polynomial[..., None, 1:], companion[..., 1:, :]], -2)
    return torch.linalg.eigvals(first).angle().sort(-1).values[..., -count:]


def _from_angles(angles: Tensor) -> Tensor:
    """Π 1 - 2 cos(angle) z^-1 + z^-2."""
    made = angles.new_ones(*angles.shape[:-1], 1)
    for angle in angles.unbind(-1):
        made = _times(made, torch.stack([torch.ones_like(angle), -2 * angle.cos(), torch.ones_like(angle)], -1))
    return made


def _times(a: Tensor, b: Tensor) -> Tensor:
    """The product of two polynomials."""
    size = a.shape[-1] + b.shape[-1] - 1
    return sum(nn.functional.pad(a * b[..., i : i + 1], (i, size - a.shape[-1] - i)) for i in range(b.shape[-1]))  # type: ignore[return-value]
