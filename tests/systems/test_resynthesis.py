"""Facts of sounds that are taken apart and put together again."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import aural
from aural import Sound
from aural.system import build

RATE = 16_000


def vowel(hz: float = 110.0, seconds: float = 1.0, rate: int = RATE) -> np.ndarray:
    """Pulses through three resonances."""
    from scipy.signal import lfilter

    x = np.zeros(round(seconds * rate))
    x[:: round(rate / hz)] = 1.0
    for centre, width in ((700, 80), (1220, 90), (2600, 120)):
        radius = np.exp(-np.pi * width / rate)
        x = lfilter([1.0], [1, -2 * radius * np.cos(2 * np.pi * centre / rate), radius**2], x)
    return (0.3 * x / np.abs(x).max()).astype(np.float32)


def decibels(x: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(x)) + 1e-20))


def sounded(name: str, wave: np.ndarray, rate: int = RATE, **options: object) -> np.ndarray:
    return aural.run(build(name, **options).eval(), sound=Sound(wave[None], rate))["sound"].samples[0]


def test_through_its_own_filters_what_is_left_is_the_sound_again():
    wave = vowel()
    assert decibels(sounded("generation/lpc", wave) - wave) < decibels(wave) - 60


@pytest.mark.parametrize("source", ["noise", "pulses"])
def test_another_source_keeps_the_envelope(source):
    """Third-octaves around the formants stand out alike; of a whisper no harmonics are left."""
    from scipy.signal import welch

    wave = vowel()
    made = sounded("generation/lpc", wave, source=source, hz=140.0)
    hz, before = welch(wave, RATE, nperseg=1024)
    after = welch(made, RATE, nperseg=1024)[1]
    bands = [(600, 800), (1100, 1350), (1700, 2100), (2450, 2750), (3500, 4500)]
    levels = [[10 * np.log10(p[(hz > a) & (hz < b)].mean()) for a, b in bands] for p in (before, after)]
    assert np.corrcoef(levels)[0, 1] > 0.97
    assert abs(decibels(made) - decibels(wave)) < 3


def test_pulses_have_the_pitch_that_is_asked_for():
    spectrum = np.abs(np.fft.rfft(sounded("generation/lpc", vowel(), source="pulses", hz=160.0)))
    peaks = [spectrum[160 * h - 3 : 160 * h + 4].max() for h in (3, 4, 5)]
    between = [spectrum[160 * h + 60 : 160 * h + 100].max() for h in (3, 4, 5)]
    assert min(np.divide(peaks, between)) > 10


def test_sines_are_taken_from_a_tone_and_noise_from_a_noise():
    rate = 22_050
    time = np.arange(rate) / rate
    tone = sum(0.2 / h * np.sin(2 * np.pi * 330 * h * time) for h in range(1, 5)).astype(np.float32)
    hiss = (0.1 * np.random.default_rng(0).standard_normal(rate)).astype(np.float32)
    inner = slice(2048, -2048)
    assert decibels((sounded("generation/sms", tone, rate, parts="sines") - tone)[inner]) < decibels(tone) - 40
    assert decibels(sounded("generation/sms", tone, rate, parts="noise")[inner]) < decibels(tone) - 30
    assert abs(decibels(sounded("generation/sms", hiss, rate)[inner]) - decibels(hiss)) < 1.5


def test_transposed_sines_are_higher():
    rate = 22_050
    time = np.arange(rate) / rate
    made = sounded("generation/sms", (0.3 * np.sin(2 * np.pi * 440 * time)).astype(np.float32), rate, parts="sines", semitones=7.0)
    spectrum = np.abs(np.fft.rfft(made * np.hanning(rate)))
    assert spectrum.argmax() == pytest.approx(440 * 2 ** (7 / 12), abs=1.5)
    assert decibels(made[4096:-4096]) == pytest.approx(decibels(np.array([0.3 / 2**0.5])), abs=0.5)


@pytest.mark.parametrize("name", ["generation/lpc", "generation/sms"])
def test_what_comes_out_is_as_long_and_as_wide_as_what_went_in(name):
    given = Sound(np.stack([vowel(seconds=0.4), vowel(150.0, 0.4)])[:, :6001], 44_100)
    made = aural.run(build(name).eval(), sound=given)["sound"]
    assert (made.rate, made.samples.shape) == (44_100, (2, 6001))


@pytest.mark.parametrize("name", ["generation/lpc", "generation/sms"])
def test_nothing_is_learned_and_no_weights_are_needed(name):
    assert not list(aural.load(name).net.parameters())
    torch.manual_seed(1)
    assert np.array_equal(sounded(name, vowel(seconds=0.3)), sounded(name, vowel(seconds=0.3)))
