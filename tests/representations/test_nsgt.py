"""Facts of the invertible constant-Q transform."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aural.errors import AuralError
from aural.representations import NSGT, SlicedNSGT, Stream

from .signals import RATE, noise


@pytest.mark.parametrize("shape", ["hann", "tight"])
@pytest.mark.parametrize("samples", [1, 500, 65_536, 30_011])
def test_the_sound_comes_back_to_1e_10(shape: str, samples: int) -> None:
    part, x = NSGT(RATE, 20, 55, shape=shape).double(), noise(samples, 2, 1).double()
    y = part(x)
    assert y.shape == (2, 1, part.bands + 2, part.frames(samples))
    assert (part.invert(y, samples) - x).abs().max() < 1e-10
    own = part.coefficients(x)
    assert (part.from_coefficients(own, samples) - x).abs().max() < 1e-10


def test_in_float32_to_1e_5_and_with_few_numbers() -> None:
    part, x = NSGT(RATE, 20, 55), noise(65_536)
    assert (part.invert(part(x), 65_536) - x).abs().max() < 1e-5
    few = sum(c.shape[-1] for c in part.coefficients(x))
    assert few < 3 * 65_536
    assert few < part(x).numel() / 3


def test_every_frequency_is_heard_tight_windows_keep_the_energy() -> None:
    low, high = NSGT(RATE, 20, 55).bounds()
    assert 0.4 < low < high < 1.1
    assert NSGT(RATE, 20, 55, shape="tight").bounds() == pytest.approx((1.0, 1.0), abs=1e-12)
    part, x = NSGT(RATE, 20, 55, shape="tight").double(), noise(20_000).double()
    y = part(x)
    # Two sides of a spectrum are heard as one of twice the size; 0 Hz and half the rate stand once.
    energy = y.abs().square().sum() * 20 / 2
    assert energy.item() == pytest.approx(x.square().sum().item(), rel=1e-3)


@pytest.mark.parametrize("shape", ["hann", "tight"])
def test_a_sine_gives_its_amplitude_in_its_band(shape: str) -> None:
    part = NSGT(RATE, 20, 55, shape=shape).double()
    for row in (10, 60, 120):
        hz = part.frequencies()[row]
        x = 0.5 * torch.sin(2 * torch.pi * hz * torch.arange(RATE * 2, dtype=torch.float64) / RATE)
        middle = part(x[None, None]).abs()[0, 0, :, 800]
        assert int(middle.argmax()) == row
        assert middle[row].item() == pytest.approx(0.5, rel=1e-2)


def test_a_row_is_the_sound_through_its_window_heard_at_the_frames() -> None:
    part, x = NSGT(RATE, 20, 220), noise(8019).double()
    y = part.double()(x)[0, 0]
    spectrum, hz = np.fft.fft(x[0, 0].numpy(), 8020), np.fft.fftfreq(8020, 1 / RATE)
    for row in (1, 40, part.bands - 5):
        low, middle, high = part.fmin * 2.0 ** ((row - 1 + np.array([-1, 0, 1])) / 24)
        window = np.where(np.abs(hz - middle) < (high - low) / 2, 0.5 + 0.5 * np.cos(2 * np.pi * (hz - middle) / (high - low)), 0)
        assert np.abs(np.fft.ifft(2 * spectrum * window)[::20] - y[row].numpy()).max() < 1e-12


def test_transposition_shifts_the_rows() -> None:
    part = NSGT(RATE, 20, 55).double()
    low, high = (
        part(sum(torch.sin(2 * torch.pi * f * h * torch.arange(RATE * 2, dtype=torch.float64) / RATE) for h in range(1, 5))[None, None])
        .abs()[0, 0, 1:-1, 500:1000]
        for f in (220.0, 220.0 * 2**0.25)
    )  # fmt: skip
    assert (high[6:] - low[:-6]).norm() < 0.01 * low.norm()


def test_frames_that_come_too_slowly_are_refused_with_the_hop_that_will_do() -> None:
    with pytest.raises(AuralError, match="at most") as told:
        NSGT(RATE, 512, 55)
    most = int(str(told.value).split("at most ")[1].split()[0])
    x = noise(10_000).double()
    part = NSGT(RATE, most, 55).double()
    assert (part.invert(part(x), 10_000) - x).abs().max() < 1e-10
    with pytest.raises(AuralError, match="bands"):
        NSGT(RATE, 20, 55, 1000)
    assert len(part.frequencies()) == part(x).shape[-2]
    assert (np.diff(part.frequencies()) > 0).all()


@pytest.mark.parametrize("shape", ["hann", "tight"])
@pytest.mark.parametrize("samples", [0, 1, 2000, 30_011])
def test_out_of_slices_the_sound_comes_back_to_1e_10(shape: str, samples: int) -> None:
    part, x = SlicedNSGT(RATE, 20, 55, shape=shape, slice=0.25).double(), noise(samples, 2, 1).double()
    y = part(x)
    assert y.shape == (2, 2, part.bands + 2, part.frames(samples))
    assert (part.invert(y, samples) - x).abs().sum() < 1e-10 * max(1, samples)


def test_the_sum_of_both_layers_is_nearly_the_transform_of_the_whole() -> None:
    sliced, whole = SlicedNSGT(RATE, 20, 220, slice=0.5).double(), NSGT(RATE, 20, 220).double()
    x = torch.sin(2 * torch.pi * 880 / RATE * torch.arange(2 * RATE, dtype=torch.float64))[None, None]
    inside = slice(400, -400)
    frames = whole.frames(2 * RATE)
    assert (sliced(x).sum(1, keepdim=True)[..., :frames] - whole(x))[..., inside].abs().max() < 1e-3
    x = noise(2 * RATE).double()
    away = (sliced(x).sum(1, keepdim=True)[..., :frames] - whole(x))[..., inside]
    assert away.square().abs().mean().sqrt() < 0.05 * whole(x).square().abs().mean().sqrt()


def test_slices_come_as_soon_as_they_are_full() -> None:
    part = SlicedNSGT(RATE, 20, 220, slice=0.1)
    stream, x = Stream(part), noise(2400)
    half = part.overlap * 20
    assert stream(x[..., : 2 * half - 1]).shape[-1] == 0
    assert stream(x[..., 2 * half - 1 : 2 * half]).shape[-1] == part.overlap
