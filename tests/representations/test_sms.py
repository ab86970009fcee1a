"""Facts of sines and noise."""

from __future__ import annotations

import math

import pytest
import torch

from aural.errors import AuralError
from aural.representations import SMS, Spectrogram

from .signals import RATE, noise

FIVE = ((220.0, 0.3, 0.1), (447.3, 0.2, 1.3), (905.1, 0.15, -2.0), (1777.7, 0.1, 3.0), (3333.3, 0.05, 0.7))


def sines(*partials: tuple[float, float, float], seconds: float = 1.0) -> torch.Tensor:
    t = torch.arange(int(seconds * RATE), dtype=torch.float64) / RATE
    return torch.stack([a * torch.cos(2 * math.pi * f * t + p) for f, a, p in partials]).sum(0)[None, None]


def db(x: torch.Tensor) -> float:
    return float(10 * x.square().mean().log10())


@pytest.mark.parametrize("hz", [440.3, 1000.0, 1003.9, 3141.59])
def test_frequency_amplitude_and_phase_of_a_sine(hz: float) -> None:
    part = SMS(RATE, 256, 2048).double()
    found = part(sines((hz, 0.5, 0.4)))[0, :, 0, 12:-12]
    assert (found[0] - hz).abs().max() < 0.03
    assert (20 * (found[1] / 0.5).log10()).abs().max() < 0.035
    t = torch.arange(12, 12 + found.shape[-1], dtype=torch.float64) * 256 / RATE
    away = torch.remainder(found[2] - (2 * math.pi * hz * t + 0.4) + math.pi, 2 * math.pi) - math.pi
    assert away.abs().max() < 1e-3


def test_five_steady_partials_leave_less_than_minus_40_db() -> None:
    part, x = SMS(RATE, 256, 2048).double(), sines(*FIVE)
    features = part(x)
    left = part.residual(x, features)
    assert db(left[..., 3000:-3000]) < db(x) - 40
    assert (left + part.invert(features, RATE) - x).abs().max() < 1e-15
    assert int((features[0, 1, :, 30] > 0).sum()) == 5


def test_a_glide_is_one_track() -> None:
    t = torch.arange(RATE, dtype=torch.float64) / RATE
    hz = 300 * 2 ** (t / 2)
    x = 0.5 * torch.sin(2 * math.pi * (hz / RATE).cumsum(0))[None, None]
    features = SMS(RATE, 128, 1024).double()(x)[0]
    row = int(features[1].sum(-1).argmax())
    inside = features[0, row, 8:-8]
    assert (inside - hz[::128][8 : 8 + len(inside)]).abs().max() < 2
    assert (inside[1:] > inside[:-1]).all()


def test_a_track_is_born_and_dies_with_its_sound() -> None:
    x = sines((1000.0, 0.5, 0.0))
    x[..., :5000] = 0
    x[..., 11_000:] = 0
    features = SMS(RATE, 256, 1024, tracks=5, floor_db=-30).double()(x)[0]
    there = features[1].amax(0) > 0.25
    assert not there[: 4800 // 256].any()
    assert there[5300 // 256 : 10_700 // 256].all()
    assert not there[11_300 // 256 :].any()
    made = SMS(RATE, 256, 1024, tracks=5).double().invert(features[None], RATE)
    assert db(made[..., :4000]) < -200
    assert db(made[..., 6000:10_000]) == pytest.approx(db(x[..., 6000:10_000]), abs=0.1)


def test_twice_the_frequencies_are_an_octave_and_phases_follow() -> None:
    part = SMS(RATE, 256, 2048).double()
    features = part(sines(*FIVE))
    octave = features.clone()
    octave[:, 0] *= 2
    octave[:, 2] *= 2  # a sine that turns twice as fast has turned twice as far
    found = part(part.invert(octave, RATE))[0, :, :, 30]
    assert sorted(found[0][found[1] > 1e-3].tolist()) == pytest.approx([2 * f for f, _, _ in FIVE], rel=1e-3)


def test_noise_keeps_the_energies_of_its_bands_to_1_db() -> None:
    part = SMS(RATE, 256, 1024).double()
    coloured = noise(RATE * 6).double()
    coloured = coloured + torch.nn.functional.pad(coloured, (1, 0))[..., :-1]
    envelope = part.noise(coloured)
    made = part.noise_sound(envelope, RATE * 6, seed=5)
    assert made.shape == coloured.shape
    bands = [Spectrogram(RATE, 256, 1024).double()(x)[0, 0, :-40].mean(-1).unflatten(0, (-1, 43)).mean(-1) for x in (coloured, made)]
    assert (10 * (bands[1] / bands[0]).log10()).abs().max() < 1
    assert torch.equal(made, part.noise_sound(envelope, RATE * 6, seed=5))
    assert not torch.equal(made, part.noise_sound(envelope, RATE * 6, seed=6))


def test_a_batch_is_its_examples_in_both_precisions() -> None:
    part = SMS(RATE, 256, 1024, tracks=20)
    x = torch.cat([sines(*FIVE), sines((500.0, 0.2, 0.0))]).float() + 0.001 * noise(RATE, 2, 1)
    both = part(x)
    assert both.shape == (2, 3, 20, part.frames(RATE))
    for row in range(2):
        assert (part(x[row : row + 1])[0] - both[row]).abs().max() < 1e-3
    double = part.double()(x.double())
    assert double.dtype == torch.float64
    strong = double[:, 1] > 0.02
    assert (both[:, 0][strong] - double[:, 0][strong]).abs().max() < 0.1


def test_gradients_reach_frequency_and_amplitude() -> None:
    part = SMS(RATE, 256, 1024, tracks=5, floor_db=-50).double()
    size = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    x = size * sines((1000.0, 1.0, 0.0), seconds=0.5)
    features = part(x)
    (slope,) = torch.autograd.grad(features[0, 1, 0, 12], size)
    assert slope.item() == pytest.approx(1.0, abs=1e-2)
    wanted = features.detach().requires_grad_()
    (back,) = torch.autograd.grad(part.invert(wanted, 8000).square().sum(), wanted)
    assert back.isfinite().all()
    assert back[0, 1].abs().max() > 0


def test_silence_has_no_sines_and_short_sounds_no_trouble() -> None:
    part = SMS(RATE, 256, 1024)
    for samples in (0, 1, 300):
        features = part(torch.zeros(1, 1, samples))
        assert (features == 0).all()
        assert part.invert(features, samples).shape == (1, 1, samples)
    with pytest.raises(AuralError, match="tracks"):
        SMS(RATE, tracks=0)
