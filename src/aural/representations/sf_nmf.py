"""Source and filter by non-negative factorization: which pitches a lead voice has, out of the power spectrum of the whole mix.

         |X|² ≈ (W_Γ H_Γ H_Φ) · (W_F0 H_F0) + W_M H_M

W_F0 holds the spectrum of a glottal source at every pitch, W_Γ smooth bumps of which filters are made; both are given. What
each is worth in each frame (H_F0, which is the feature), the filters, and the accompaniment W_M H_M are found.

Source   Durrieu, Richard, David & Févotte, Source/filter model for unsupervised main melody extraction from polyphonic audio
         signals, 2010 [DRDF10]; the source: Klatt & Klatt, 1990 (KLGLOTT88); as input of a net, with the defaults here:
         Basaran, Essid & Peeters, Main melody extraction with source-filter NMF and CRNN, ISMIR 2018 [BEP18]; plain
         factorization: Lee & Seung, 1999; Févotte, Bertin & Durrieu, 2009 (Itakura-Saito)
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..divergence import beta_divergence
from ..errors import OptionError
from .framing import hann
from .stft import Spectrogram

FLOOR = 1e-12  # below it nothing is divided by


class Model(NamedTuple):
    """The factors of a batch, (example, …, …), but for the two that are given."""

    pitches: Tensor  # H_F0 (pitch, frame)
    bumps: Tensor  # H_Γ (bump, filter)
    filters: Tensor  # H_Φ (filter, frame)
    spectra: Tensor  # W_M (bin, component)
    levels: Tensor  # H_M (component, frame)


class SourceFilter(Spectrogram):
    """(batch, 1, time) → the activation of every pitch (batch, 1, pitches, frame), H_F0. Computed in float64, without gradient.

    Pieces of `seconds` are factored each on its own. Silence has none; a louder sound has louder ones (power).

    Args:
        window, n_fft: samples of the Hann window and of the transform.
        fmin, fmax: Hz of the lowest and highest pitch.
        per_semitone: pitches a semitone.
        filters, bumps: how many filters, of how many smooth bumps each.
        components: of the accompaniment; few where there are few frames.
        rounds: of updates.
        exponent: of every update: 1 is quick; with ½ the cost is sure never to rise.
        seconds: of a piece.
        seed: of the factors' beginning.
    """

    def __init__(
        self,
        rate: int = 22_050,
        hop: int = 256,
        window: int = 1024,
        *,
        n_fft: int | None = None,
        fmin: float = 55.0,
        fmax: float = 1760.0,
        per_semitone: int = 5,
        filters: int = 10,
        bumps: int = 30,
        components: int = 40,
        rounds: int = 40,
        exponent: float = 1.0,
        seconds: float = 30.0,
        seed: int = 0,
        of: str = "sound",
    ) -> None:
        if not 0 < fmin <= fmax < rate / 2 or not 0 < exponent <= 1 or min(per_semitone, filters, bumps, components, rounds) < 1:
            raise OptionError(
                f"fmin={fmin:g}, fmax={fmax:g}, exponent={exponent:g}: pitches lie between 0 and {rate / 2:g} Hz, the exponent between "
                "0 and 1; all numbers start at 1"
            )
        self.fmin, self.fmax, self.per_semitone = float(fmin), float(fmax), int(per_semitone)
        self.filters, self.bumps, self.components, self.rounds = int(filters), int(bumps), int(components), int(rounds)
        self.exponent, self.seconds, self.seed = float(exponent), float(seconds), int(seed)
        super().__init__(rate, hop, window, n_fft, of=of)
        self.sources: Tensor
        self.smooth: Tensor

    def constants(self) -> dict[str, Tensor]:
        made = {
            "sources": combs(self.frequencies(), self.rate, self.window_length, self.n_fft),
            "smooth": bumps(self.bumps, self.n_fft // 2 + 1),
        }
        return {**super().constants(), **made}

    def frequencies(self) -> np.ndarray:
        """Hz of the pitches."""
        count = 1 + math.floor(12 * self.per_semitone * math.log2(self.fmax / self.fmin) + 1e-9)
        return self.fmin * 2.0 ** (np.arange(count) / (12 * self.per_semitone))

    @torch.no_grad()
    def forward(self, raw: Tensor) -> Tensor:
        return self.step(self.powers(raw), end=True)[0]

    def powers(self, raw: Tensor) -> Tensor:
        """(batch, 1, time) → the power spectrogram that is factored, (batch, 1, bin, frame)."""
        return super().forward(raw)

    @torch.no_grad()
    def step(self, power: Tensor, state: Tensor | None = None, end: bool = False) -> tuple[Tensor, Tensor]:
        """The next frames of `powers` → the activations of all pieces that are complete, and the frames that wait for theirs to be, or for
        the `end`. State None: the first ones."""
        power = power if state is None else torch.cat([state, power], -1)
        size = max(1, round(self.seconds * self.rate / self.hop))
        ready = power.shape[-1] if end else power.shape[-1] // size * size
        made = power.new_zeros(*power.shape[:-2], len(self.frequencies()), ready, dtype=self.window.dtype)
        for first in range(0, ready, size):
            own = slice(first, min(first + size, ready))
            made[..., own] = self.factored(power[..., own].flatten(0, -3).double())[0].pitches.reshape(made[..., own].shape)
        return made, power[..., ready:]

    def factored(self, power: Tensor) -> tuple[Model, list[Tensor]]:
        """Powers (example, bin, frame) in float64 → the factors, and the cost of each example before every round and at the end."""
        scale = power.mean((-2, -1), keepdim=True).clamp(min=1e-30)  # the beginning fits any level, and digits are kept
        x, model, costs = (power / scale).clamp(min=FLOOR), self._begin(power), []
        source = self.parts(model)[1]
        for _ in range(self.rounds):
            costs.append(divergence(x, self.parts(model, source)[2], 0))
            for factor in range(5):
                model, source = self._updated(model, source, x, factor)
        costs.append(divergence(x, self.parts(model, source)[2], 0))
        silent = scale <= 1e-30
        return model._replace(pitches=torch.where(silent, 0.0, model.pitches * scale)), costs

    def parts(self, model: Model, source: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """The lead's filter and source (the costly one, where it is not known), and the whole: (example, bin, frame) each."""
        filtered = self.smooth.double() @ model.bumps @ model.filters
        source = self.sources.double() @ model.pitches if source is None else source
        return filtered, source, filtered * source + model.spectra @ model.levels + FLOOR

    def _begin(self, power: Tensor) -> Model:
        rows, bins, frames = power.shape
        chance = torch.Generator().manual_seed(self.seed)

        def drawn(*shape: int) -> Tensor:
            return (0.5 + torch.rand(*shape, generator=chance, dtype=torch.float64)).to(power.device).expand(rows, *shape)

        pitches = len(self.frequencies())
        return Model(
            torch.ones(rows, pitches, frames, dtype=torch.float64, device=power.device),
            drawn(self.bumps, self.filters),
            drawn(frames, self.filters).mT,
            drawn(bins, self.components) / bins,
            drawn(frames, self.components).mT,
        )

    def _updated(self, model: Model, source: Tensor, x: Tensor, factor: int) -> tuple[Model, Tensor]:
        """One multiplicative update of the model and its source, the scale put where it belongs: all but H_F0 and H_M sum to 1."""
        filtered, _, whole = self.parts(model, source)
        up, down = x / whole.square(), 1 / whole
        smooth, sources = self.smooth.double(), self.sources.double()

        def rise(of: Tensor, above: Tensor, below: Tensor) -> Tensor:
            return of * (above / below.clamp(min=1e-300)) ** self.exponent

        if factor == 0:
            pitches = rise(model.pitches, sources.mT @ (filtered * up), sources.mT @ (filtered * down))
            return model._replace(pitches=pitches), sources @ pitches
        if factor == 1:
            basis = (smooth @ model.bumps).mT
            filters = rise(model.filters, basis @ (source * up), basis @ (source * down))
        elif factor == 2:
            back = model.filters.mT
            made, size = summing_to_1(rise(model.bumps, smooth.mT @ (source * up) @ back, smooth.mT @ (source * down) @ back))
            model, filters = model._replace(bumps=made), model.filters * size.mT
        elif factor == 3:
            return model._replace(levels=rise(model.levels, model.spectra.mT @ up, model.spectra.mT @ down)), source
        else:
            made, size = summing_to_1(rise(model.spectra, up @ model.levels.mT, down @ model.levels.mT))
            return model._replace(spectra=made, levels=model.levels * size.mT), source
        filters, size = summing_to_1(filters)
        return model._replace(filters=filters, pitches=model.pitches * size), source * size


def summing_to_1(x: Tensor) -> tuple[Tensor, Tensor]:
    """Columns of (..., row, column) divided by their sums, and the sums (..., 1, column)."""
    size = x.sum(-2, keepdim=True).clamp(min=1e-300)
    return x / size, size


def glottal(harmonics: np.ndarray, open_quotient: float = 0.5) -> np.ndarray:
    """Fourier coefficients (complex) of KLGLOTT88's flow derivative, 2 a t - 3 b t² while open, for a period of 1."""
    z, u = -2j * np.pi * np.asarray(harmonics, dtype=np.float64), open_quotient
    a, b, turn = 27 / (4 * u**2), 27 / (4 * u**3), np.exp(-2j * np.pi * np.asarray(harmonics) * open_quotient)
    first = (turn * (z * u - 1) + 1) / z**2
    second = (turn * ((z * u) ** 2 - 2 * z * u + 2) - 2) / z**3
    return 2 * a * first - 3 * b * second


def combs(hz: np.ndarray, rate: int, window: int, n_fft: int, open_quotient: float = 0.5) -> Tensor:
    """Power spectra of glottal sources at those pitches, (bin, pitch) float64; columns sum to 1."""
    t = (np.arange(n_fft) - n_fft // 2) / rate
    shape, columns = hann(window, n_fft).numpy(), []
    for f in hz:
        harmonics = np.arange(1, max(2, math.ceil(rate / 2 / f)))
        turns = np.cumprod(np.broadcast_to(np.exp(2j * np.pi * f * t), (len(harmonics), n_fft)), 0)  # e^(2πi h f t)
        wave = (glottal(harmonics, open_quotient) @ turns).real
        columns.append(np.abs(np.fft.rfft(wave * shape)) ** 2)
    made = np.stack(columns, 1)
    return torch.from_numpy(made / made.sum(0))


def bumps(count: int, bins: int) -> Tensor:
    """Hann bumps evenly over the bins, each overlapping three quarters with the next: (bin, bump) float64; columns sum to 1."""
    step = (bins - 1) / max(1, count - 1)
    away = (np.arange(bins)[:, None] - step * np.arange(count)) / (4 * max(step, 1))
    made = np.where(np.abs(away) < 0.5, 0.5 + 0.5 * np.cos(2 * np.pi * away), 0)
    return torch.from_numpy(made / made.sum(0))


def divergence(x: Tensor, y: Tensor, beta: float) -> Tensor:
    """β-divergence of (..., row, column) ≥ 0, summed: 2 half the squared distance, 1 Kullback-Leibler, 0 Itakura-Saito."""
    return beta_divergence(x, y, beta).sum((-2, -1))


def nmf(x: Tensor, w: Tensor, h: Tensor, *, beta: float = 0.0, rounds: int = 100) -> tuple[Tensor, Tensor]:
    """Factors (..., row, component) and (..., component, column) whose product is near x (..., row, column) ≥ 0.

    Multiplicative updates of the β-divergence from the given beginning; zeros in it stay.
    """
    x = x.clamp(min=FLOOR) if beta <= 0 else x
    power = 1.0 if 1 <= beta <= 2 else 1 / (2 - beta) if beta < 1 else 1 / (beta - 1)  # so that the cost never rises
    for _ in range(rounds):
        y = (w @ h).clamp(min=FLOOR)
        h = h * ((w.mT @ (x * y ** (beta - 2))) / (w.mT @ y ** (beta - 1)).clamp(min=FLOOR)) ** power
        y = (w @ h).clamp(min=FLOOR)
        w = w * (((x * y ** (beta - 2)) @ h.mT) / (y ** (beta - 1) @ h.mT).clamp(min=FLOOR)) ** power
    return w, h
