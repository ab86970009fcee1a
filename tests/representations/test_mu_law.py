"""Facts of µ-law."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch

from aural.annotations import Example
from aural.representations import MuLaw, dequantised, inverse_mu_law, mu_law, quantised
from aural.sound import Sound

from .signals import noise

LINE = torch.linspace(-1, 1, 20_001, dtype=torch.float64)


@pytest.mark.parametrize("classes", [2, 16, 255, 256, 1024])
def test_every_class_decodes_to_itself(classes: int) -> None:
    q = torch.arange(classes)
    assert torch.equal(quantised(dequantised(q, classes, torch.float64), classes), q)
    assert torch.equal(quantised(dequantised(q, classes), classes), q)


def test_errors_are_small_where_the_sound_is_quiet() -> None:
    away = (dequantised(quantised(LINE), dtype=torch.float64) - LINE).abs()
    assert away.max() == pytest.approx(0.0216, abs=1e-3)
    assert away[LINE.abs() < 0.01].max() < 3e-4
    assert dequantised(quantised(torch.zeros(1))).item() == pytest.approx(8.6e-5, abs=1e-6)
    assert quantised(torch.zeros(1)).item() == 128


def test_the_curve_is_librosas_rises_and_goes_back() -> None:
    y = mu_law(LINE)
    assert np.abs(y.numpy() - librosa.mu_compress(LINE.numpy(), quantize=False)).max() < 1e-12
    assert (y[1:] > y[:-1]).all()
    assert (inverse_mu_law(y) - LINE).abs().max() < 1e-12
    assert (quantised(LINE)[1:] >= quantised(LINE)[:-1]).all()


def test_speech_like_noise_keeps_its_quality_over_28_db() -> None:
    rng = np.random.default_rng(0)
    ratios = []
    for level in (-40, -26, -12):
        x = torch.from_numpy(rng.laplace(size=100_000))
        x = (x / x.square().mean().sqrt() * 10 ** (level / 20)).clamp(-1, 1)
        away = dequantised(quantised(x), dtype=torch.float64) - x
        ratios.append(10 * float((x.square().sum() / away.square().sum()).log10()))
    assert all(35.0 < ratio < 39.0 for ratio in ratios)


def test_the_slope_at_zero_is_that_of_the_curve_and_beyond_full_scale_it_clips() -> None:
    x = torch.tensor([0.0, 0.5, 1.5], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(mu_law(x).sum(), x)
    expected = [255 / np.log(256), 255 / (np.log(256) * (1 + 255 * 0.5)), 0]
    assert np.allclose(slope.numpy(), expected)
    assert mu_law(x)[2] == 1
    assert quantised(torch.tensor([-9.0, 9.0])).tolist() == [0, 255]


def test_as_a_part_it_goes_both_ways() -> None:
    sound = Sound(0.2 * noise(100, 1).numpy(), 8000)
    smooth, classes = MuLaw(8000), MuLaw(8000, as_classes=True)
    raw = smooth.read(Example(sound=sound))
    back = smooth.decode(smooth(raw), smooth.times(Example(sound=sound)), Example())
    assert back.rate == 8000
    assert np.abs(back.samples - sound.samples).max() < 1e-6
    q = classes(raw)
    assert q.dtype == torch.int64
    likely = torch.nn.functional.one_hot(q[0], 256).T.float()  # (class, time)
    assert np.array_equal(classes.decode(likely, np.zeros(0), Example()).samples, classes.decode(q, np.zeros(0), Example()).samples)
    assert classes(torch.tensor([[0.5, float("nan")]]))[0, 1] == -1
