"""Attacks to the millisecond; tempi and their harmonics in the modulation of onset strength."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aural.annotations import Example
from aural.representations.modulation import HCQM, Attacks
from aural.sound import Sound


def clicks(bpm: float, seconds: float = 12.0, rate: int = 22_050, start: float = 0.0) -> np.ndarray:
    """(time,) short bursts of noise, the same each time."""
    rng = np.random.default_rng(0)
    burst = rng.normal(0, 0.3, rate // 50) * np.exp(-np.arange(rate // 50) / (rate / 400))
    x = np.zeros(round(seconds * rate))
    for t in np.arange(start, seconds - 0.05, 60 / bpm):
        first = round(t * rate)
        x[first : first + len(burst)] += burst[: len(x) - first]
    return x


def modulation(x: np.ndarray) -> np.ndarray:
    """(harmonic, tempo) of the frame in the middle, all bands."""
    y = HCQM()(torch.from_numpy(x).float()[None, None])[0]
    return y[..., y.shape[-1] // 2].sum(-1).numpy()


def test_shapes_are_those_of_the_paper() -> None:
    part = HCQM()
    y = part(torch.zeros(2, 1, 12 * 22_050))
    assert y.shape == (2, 6, 240, 8, 1 + 12 * 22_050 // part.hop)
    assert part.length == 344
    assert part.frequencies()[[0, -1]] == pytest.approx([30, 286])
    assert part.per_octave == pytest.approx(73.5, abs=0.5)
    assert len(part.times(Example(sound=Sound(np.zeros((1, 12 * 22_050)), 22_050)))) == y.shape[-1]


def peaks_near(row: np.ndarray, k: int) -> bool:
    """Is there a local maximum within 3 bins that stands out?"""
    top = k - 3 + int(row[k - 3 : k + 4].argmax())
    return bool(0 < top < len(row) - 1 and row[top] >= row[top - 1] and row[top] >= row[top + 1] and row[top] > 2 * np.median(row))


@pytest.mark.parametrize("bpm", [70.0, 96.0, 120.0])
def test_a_click_shows_at_its_tempo_in_all_whole_harmonics_and_not_in_the_half(bpm: float) -> None:
    part = HCQM()
    k = int(np.abs(part.frequencies() - bpm).argmin())
    y = modulation(clicks(bpm))
    assert all(peaks_near(y[h], k) for h in range(1, 6))
    assert y[0, k] < 0.2 * y[1, k]


def test_double_tempo_is_an_octave_of_bins_on() -> None:
    slow, fast = (modulation(clicks(bpm))[5] for bpm in (50.0, 100.0))
    octave = HCQM().per_octave
    k = int(np.abs(HCQM().frequencies() - 50).argmin())
    one, two = slow[k - 8 : k + 9].argmax() + k - 8, fast[k + round(octave) - 8 : k + round(octave) + 9].argmax() + k + round(octave) - 8
    assert two - one == pytest.approx(octave, abs=3)


def test_neither_gain_nor_start_change_it_much() -> None:
    noise = np.random.default_rng(1).normal(0, 0.02, 12 * 22_050)
    y = modulation(clicks(100.0) + noise)
    np.testing.assert_allclose(modulation(0.5 * (clicks(100.0) + noise)), y, atol=0.02 * y.max())
    assert np.corrcoef(modulation(clicks(100.0, start=0.173) + noise).ravel(), y.ravel())[0, 1] > 0.95


def test_what_is_faster_than_onset_strength_can_say_is_zero() -> None:
    y = modulation(np.random.default_rng(0).normal(0, 0.1, 12 * 22_050))
    fast = 5 * HCQM().frequencies() / 60 > 22_050 / 512 / 2
    assert fast.any()
    assert np.abs(y[5, fast]).max() < 1e-6
    assert y[5, ~fast].min() > 0


# ---- attacks


@pytest.mark.parametrize("rate", [8000, 22_050, 44_100, 48_000])
def test_an_attack_is_in_its_millisecond_at_any_rate(rate: int) -> None:
    x = np.zeros(2 * rate, np.float32)
    x[round(0.5003 * rate) :] = 0.1 * np.random.default_rng(0).standard_normal(2 * rate - round(0.5003 * rate))
    energies = Attacks().read(Example(sound=Sound(x, rate)))
    assert energies.shape == (3, 2001)
    assert int((energies[1] > 0).nonzero()[0]) == 500


def test_pieces_equal_the_whole() -> None:
    sound = Sound(np.random.default_rng(1).standard_normal((2, 44_100)).astype(np.float32), 44_100)
    part = Attacks()
    whole, piece = part.read(Example(sound=sound)), part.read(Example(sound=sound.cut(0.3, 0.8)))
    np.testing.assert_allclose(piece[:, 20:480], whole[:, 320:780], rtol=1e-4, atol=1e-7)


def test_low_and_high_are_told_apart() -> None:
    t = np.arange(44_100) / 44_100
    low, high = (Attacks().read(Example(sound=Sound(np.sin(2 * np.pi * f * t), 44_100)))[:, 100:900].mean(-1) for f in (60, 6000))
    assert low[0] > 0.3
    assert low[2] < 1e-3
    assert high[0] < 1e-3
    assert high[2] > 0.3


@pytest.mark.parametrize("samples", [0, 1, 30, 1000])
def test_any_length_has_its_frames(samples: int) -> None:
    example = Example(sound=Sound(np.ones((1, samples)), 44_100))
    assert Attacks().read(example).shape == (3, len(Attacks().times(example)))
