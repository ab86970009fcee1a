"""Facts of what follows the ear's sense of level: weighted loudness, and normalisation by the recent past."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch

from aural.errors import AuralError
from aural.representations import PCEN, LogMel, Loudness
from aural.representations.loudness import a_weights
from aural.representations.pcen import smoothed
from aural.sound import Sound, loudness

from .signals import RATE, noise


def mel(hop: int = 160) -> LogMel:
    return LogMel(RATE, hop, 512, 40, compression="none")


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {}),
        ({"gain": 0.8, "bias": 10.0, "power": 0.25, "seconds": 0.06}, {"gain": 0.8, "bias": 10, "power": 0.25, "time_constant": 0.06}),
    ],
)
def test_pcen_equals_librosas_to_1e_6(ours: dict, theirs: dict) -> None:
    x = 0.1 * noise(30_000)
    bands = mel().double()(x.double())[0, 0].numpy()
    expected = librosa.pcen(bands * 2**31, sr=RATE, hop_length=160, **theirs)
    found = PCEN(mel(), start=1.0, **ours).double()(x.double())[0, 0].numpy()
    assert np.abs(found - expected).max() < 1e-6 * np.abs(expected).max()


def test_pcen_goes_on_where_it_ended() -> None:
    part, bands = PCEN(mel()), mel()(noise(60_000))
    whole, _ = part.step(bands)
    pieces, state = [], None
    for piece in bands.split(37, -1):
        made, state = part.step(piece, state)
        pieces.append(made)
    assert torch.allclose(torch.cat(pieces, -1), whole, rtol=1e-5)


def test_pcen_hardly_hears_a_gain() -> None:
    part, x = PCEN(mel(), gain=1.0, eps=1e-12), noise(30_000)
    assert (part(0.01 * x) - part(x)).abs().max() < 1e-3 * part(x).max()


def test_pcen_of_a_steady_input_is_constant_and_a_rise_stands_out() -> None:
    part, bands = PCEN(mel()), torch.ones(1, 1, 3, 200)
    steady, _ = part.step(bands)
    assert steady.std(-1).max() < 1e-5 * steady.max()
    bands[..., 100:] = 10
    risen = part.step(bands)[0][0, 0, 0]
    assert risen[100] > 1.5 * risen[99]
    assert risen[199] < 1.2 * risen[99]


def test_the_average_is_the_recursion() -> None:
    x, m, expected = noise(300, 2).double(), torch.zeros(2, dtype=torch.float64), []
    for n in range(300):
        m = 0.95 * m + 0.05 * x[:, n]
        expected.append(m)
    assert (smoothed(x, 0.05, torch.zeros(2, dtype=torch.float64)) - torch.stack(expected, -1)).abs().max() < 1e-14


def tone(hz: float, amplitude: float = 1.0, seconds: float = 2.0, rate: int = 48_000) -> torch.Tensor:
    return amplitude * torch.sin(2 * torch.pi * hz * torch.arange(int(seconds * rate), dtype=torch.float64) / rate)[None, None]


def test_a_weights_are_librosas() -> None:
    hz = np.array([20.0, 50, 100, 1000, 4000, 16_000])
    assert np.abs(10 * np.log10(a_weights(hz)) - librosa.A_weighting(hz)).max() < 1e-2
    assert 10 * np.log10(a_weights(np.array([100.0])))[0] == pytest.approx(-19.1, abs=0.1)


@pytest.mark.parametrize("weighting", ["A", "K", "none"])
def test_a_full_sine_has_3_db_less_than_full_scale(weighting: str) -> None:
    """997 Hz: the level that BS.1770 gives its own filters' gain away at."""
    level = Loudness(48_000, 480, 4096, weighting).double()(tone(997))[0, 0, 0, 30:-30]
    assert (level + 3.01).abs().max() < 0.05
    assert level.std() < 1e-3


def test_k_weighted_power_is_the_loudness_of_a_steady_sound() -> None:
    x = 0.1 * noise(48_000 * 5, seed=3).double()
    level = Loudness(48_000, 4800, 19_200, "K").double()(x)[0, 0, 0, 3:-3]
    mean = 10 * (10 ** (level / 10)).mean().log10()
    assert mean.item() == pytest.approx(loudness(Sound(x[0].numpy(), 48_000)), abs=0.1)


def test_a_gain_of_6_db_is_6_db_and_silence_the_floor() -> None:
    part, x = Loudness(48_000, 480).double(), 0.1 * noise(20_000).double()
    assert ((part(2 * x) - part(x)) - 20 * np.log10(2)).abs().max() < 1e-9
    assert (part(torch.zeros(1, 1, 5000)) == -100).all()
    with pytest.raises(AuralError, match="weighting"):
        Loudness(48_000, 480, weighting="B")


def test_power_is_that_of_the_samples() -> None:
    level = Loudness(RATE, 256, 1024, "none").double()(noise(RATE * 4).double())[..., 4:-4]
    assert (10 ** (level / 10)).mean().item() == pytest.approx(1.0, abs=0.02)
