"""Facts about semitone bands and views side by side."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aural.annotations import Example
from aural.errors import AuralError
from aural.representations import LogMel, Semitones, Views
from aural.sound import Sound

RATE = 22_050


def tone(hz: float, seconds: float = 1.0) -> torch.Tensor:
    return torch.sin(2 * torch.pi * hz * torch.arange(round(seconds * RATE)) / RATE)[None, None]


@pytest.mark.parametrize("band", [12, 20, 36, 50, 71])
def test_a_tone_is_loudest_in_its_own_semitone(band: int) -> None:
    part = Semitones(RATE, 441)
    heard = part(tone(float(part.frequencies()[band])))[0, 0, :, 25]
    assert int(heard.argmax()) == band


def test_semitones_are_an_octave_apart_after_twelve() -> None:
    frequencies = Semitones(RATE, 441).frequencies()
    assert np.allclose(frequencies[12:] / frequencies[:-12], 2)
    assert frequencies[0] == 55


def test_every_band_weighs_its_bins_with_a_sum_of_one() -> None:
    assert np.allclose(Semitones(RATE, 441).matrix().sum(1), 1)


def test_bands_above_half_the_rate_are_refused() -> None:
    with pytest.raises(AuralError, match="half the rate"):
        Semitones(8_000, 160, bands=96)


def test_views_are_their_bands_one_after_the_other_from_one_reading() -> None:
    mel, semitones = LogMel(RATE, 441, 1024, 40), Semitones(RATE, 441)
    both = Views(mel, semitones)
    x = tone(440.0)
    assert torch.equal(both(x), torch.cat([mel(x), semitones(x)], -2))
    assert len(both.frequencies()) == 40 + 72
    example = Example(sound=Sound(x[0].numpy(), RATE))
    assert torch.equal(both.read(example), mel.read(example))
    assert np.array_equal(both.times(example), mel.times(example))


def test_views_of_different_frames_are_refused() -> None:
    with pytest.raises(AuralError, match="same rate, hop"):
        Views(LogMel(RATE, 441, 1024, 40), Semitones(RATE, 220))
