"""Facts of the gammatone filter bank."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import signal

from aural.errors import AuralError
from aural.representations import Gammatone
from aural.representations.gammatone import erb

from .signals import RATE, noise


@pytest.mark.parametrize("hz", [200.0, 1000.0, 4000.0])
def test_equals_scipys_filter(hz: float) -> None:
    part, x = Gammatone(RATE, 1, 1, hz, hz).double(), noise(4000).double()
    taps = signal.gammatone(hz, "fir", order=4, numtaps=len(part.kernel(0)[0]), fs=RATE)[0]
    theirs = signal.lfilter(taps, 1, x[0, 0].numpy())
    ours = part.transform(x)[0, 0, 0, :4000].real.numpy()
    assert np.abs(ours - theirs).max() < 2e-3 * np.abs(theirs).max()


@pytest.mark.parametrize("hz", [200.0, 1000.0, 4000.0])
def test_bands_are_as_wide_as_the_ears_and_highest_in_their_middle(hz: float) -> None:
    kernel, _ = Gammatone(RATE, 1, 1, hz, hz).kernel(0)
    size = 2**19
    power = np.abs(np.fft.fft(kernel, size)) ** 2
    step = RATE / size
    assert np.argmax(power) * step == pytest.approx(hz, abs=0.5)
    assert power.sum() * step / power.max() / erb(np.array(hz)) == pytest.approx(1.0, abs=2e-3)
    assert (power > power.max() / 2).sum() * step / erb(np.array(hz)) == pytest.approx(0.886, abs=2e-3)
    assert np.sqrt(power.max()) == pytest.approx(2.0, rel=1e-3)  # half of a sine turns the other way


def test_a_sine_in_the_middle_of_a_band_gives_its_amplitude() -> None:
    part = Gammatone(RATE, 160, 32).double()
    for band in (8, 16, 30):
        x = 0.5 * torch.sin(2 * torch.pi * part.frequencies()[band] * torch.arange(RATE, dtype=torch.float64) / RATE)
        middle = part(x[None, None])[0, 0, :, 60]
        assert int(middle.argmax()) == band
        assert middle[band].item() == pytest.approx(0.5, rel=5e-3)


def test_a_click_comes_late_in_low_bands_unless_they_are_aligned() -> None:
    x = torch.zeros(1, 1, 8000)
    x[..., 4000] = 1
    late, aligned = (Gammatone(RATE, 10, 16, 80, 4000, aligned=a)(x)[0, 0].argmax(-1) * 10 - 4000 for a in (False, True))
    assert (late - torch.from_numpy(Gammatone(RATE, 10, 16, 80, 4000).delays() * RATE)).abs().max() < 20
    assert late[0] > 10 * RATE // 1000
    assert aligned.abs().max() <= 10


def test_centres_lie_equally_many_bandwidths_apart() -> None:
    hz = Gammatone(RATE, 160, 20, 50, 7000).frequencies()
    assert hz[0] == pytest.approx(50)
    assert hz[-1] == pytest.approx(7000)
    assert np.ptp(np.diff(hz) / erb(np.sqrt(hz[1:] * hz[:-1]))) < 0.05


def test_both_engines_are_one_and_filters_hear_the_past_only() -> None:
    x = noise(4000).double()
    one, other = (Gammatone(RATE, 160, 20, engine=engine).double().transform(x) for engine in ("direct", "sparse"))
    assert (one - other).abs().max() < 1e-12
    later = x.clone()
    later[..., 2001:] = 0
    assert (Gammatone(RATE, 160, 20, engine="direct").double().transform(later) - one)[..., :13].abs().max() < 1e-12


def test_a_band_above_half_the_rate_is_refused() -> None:
    with pytest.raises(AuralError, match="8000 Hz"):
        Gammatone(RATE, 160, fmax=9000)
