"""Facts of spectra with their phases, and of sounds made without."""

from __future__ import annotations

from itertools import pairwise

import librosa
import numpy as np
import pytest
import torch

from aural.errors import AuralError
from aural.representations import STFT, InstantaneousFrequency, RealImaginary, griffin_lim, inconsistency

from .signals import RATE, noise


def tone(hz: float, samples: int = RATE) -> torch.Tensor:
    return torch.sin(2 * torch.pi * hz * torch.arange(samples, dtype=torch.float64) / RATE)[None, None]


def test_real_and_imaginary_parts_are_the_transforms() -> None:
    part, x = RealImaginary(RATE, 160, 512), noise(9000, 2, 1)
    spectrum = STFT(RATE, 160, 512)(x)
    assert torch.equal(part(x), torch.cat([spectrum.real, spectrum.imag], 1))
    assert (part.invert(part(x), 9000) - x).abs().max() < 1e-5


@pytest.mark.parametrize("hz", [440.3, 1234.5, 5000.0])
def test_the_frequency_in_the_peak_bin_is_the_sines_to_a_thousandth_of_a_hertz(hz: float) -> None:
    part = InstantaneousFrequency(RATE, 512, 2048).double()
    features = part(tone(hz))
    inside = slice(4, -4)
    peak = int(features[0, 0, :, 12].argmax())
    assert (part.hertz(features)[0, 0, peak, inside] - hz).abs().max() < 1e-3


def test_a_steady_partial_turns_equally_far_in_every_frame() -> None:
    features = InstantaneousFrequency(RATE, 512, 2048).double()(tone(440.3))
    peak = int(features[0, 0, :, 12].argmax())
    assert features[0, 1, peak, 4:-4].std() < 1e-6


def test_turned_upside_down_only_the_first_phase_differs() -> None:
    part, x = InstantaneousFrequency(RATE, 160, 512).double(), noise(9000).double()
    one, other = part(x), part(-x)
    assert (one[:, 0] - other[:, 0]).abs().max() < 1e-12
    away = torch.remainder(one[:, 1] - other[:, 1] + 0.5, 2) - 0.5
    assert away[..., 1:].abs().max() < 1e-9
    assert (away[..., 0] - 1).abs().max() < 1e-9  # half a turn


@pytest.mark.parametrize("compression", ["none", "ln", "log1p"])
def test_magnitudes_and_turns_give_the_sound_back(compression: str) -> None:
    x = noise(RATE * 5, 2, 1)
    part = InstantaneousFrequency(RATE, 256, 1024, compression=compression)
    assert (part.invert(part(x), RATE * 5) - x).abs().max() < 1e-4
    part.double()
    assert (part.invert(part(x), RATE * 5) - x).abs().max() < 1e-9


def test_shapes_of_gansynth() -> None:
    x = noise(64_000)
    for window, hop, bins, frames in ((1024, 256, 512, 251), (2048, 512, 1024, 126)):
        assert InstantaneousFrequency(RATE, hop, window)(x)[..., :-1, :].shape == (1, 2, bins, frames)


def music() -> torch.Tensor:
    """A tone of six partials that glides, and a little noise."""
    hz = 220 * 2 ** (torch.arange(RATE, dtype=torch.float64) / RATE)
    phase = 2 * torch.pi * (hz / RATE).cumsum(-1)
    return (sum(torch.sin(h * phase) / h for h in range(1, 7)) + 0.01 * noise(RATE).double()[0, 0])[None, None]  # type: ignore[operator]


def test_the_error_of_griffin_and_lim_never_rises_and_the_fast_variants_ends_lower() -> None:
    stft = STFT(RATE, 128, 512).double()
    magnitudes = stft(music()).abs()

    def error(rounds: int, momentum: float) -> float:
        made = griffin_lim(magnitudes, stft, RATE, rounds=rounds, momentum=momentum)
        return float((stft(made).abs() - magnitudes).norm() / magnitudes.norm())

    slow = [error(n, 0.0) for n in (0, 1, 2, 4, 8, 16, 32)]
    assert all(b <= a for a, b in pairwise(slow))
    assert error(32, 0.99) < 0.7 * slow[-1]


@pytest.mark.parametrize("momentum", [0.0, 0.99])
def test_equals_librosas_from_the_same_phases(momentum: float) -> None:
    stft, x = STFT(RATE, 128, 512).double(), music()[..., :5120]
    magnitudes = stft(x).abs()
    ours = griffin_lim(magnitudes, stft, 5120, rounds=5, momentum=momentum, phases=torch.zeros_like(magnitudes))
    theirs = librosa.griffinlim(magnitudes[0, 0].numpy(), n_iter=5, hop_length=128, length=5120, momentum=momentum, init=None)
    assert np.abs(ours[0, 0].numpy() - theirs).max() < 1e-6


def test_the_right_phases_stay_and_a_sounds_spectrum_is_consistent() -> None:
    stft, x = STFT(RATE, 128, 512).double(), music()
    spectrum = stft(x)
    made = griffin_lim(spectrum.abs(), stft, RATE, phases=spectrum.angle(), rounds=3)
    assert (made - x).abs().max() < 1e-6
    assert inconsistency(spectrum, stft, RATE).max() < 1e-12
    assert inconsistency(spectrum.abs() + 0j, stft, RATE).min() > 0.1


def test_a_batch_is_its_examples_the_seed_decides_and_gradients_flow() -> None:
    stft = STFT(RATE, 128, 512)
    magnitudes = stft(noise(5000, 2, 1)).abs().requires_grad_()
    both = griffin_lim(magnitudes, stft, 5000, rounds=4)
    one = griffin_lim(magnitudes[1:], stft, 5000, rounds=4)
    assert (both[1:] - one).abs().max() < 1e-4
    assert not torch.equal(both, griffin_lim(magnitudes, stft, 5000, rounds=4, seed=1))
    (slope,) = torch.autograd.grad(both.square().sum(), magnitudes)
    assert slope.isfinite().all()
    assert slope.abs().max() > 0
    assert griffin_lim(torch.zeros(1, 257, 9), stft).abs().max() == 0
    with pytest.raises(AuralError, match="9 frames"):
        griffin_lim(torch.zeros(1, 257, 9), stft, 5000)
