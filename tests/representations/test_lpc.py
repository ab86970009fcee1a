"""Facts of linear prediction and the cepstrum: a source through a filter, taken apart."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch
from scipy.linalg import solve_toeplitz
from scipy.signal import lfilter

from aural.errors import AuralError
from aural.representations import LPC, MFCC, Cepstrum, burg, from_line_spectrum, levinson, line_spectrum

from .signals import RATE, noise


def autoregressive(a: list[float], samples: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(lfilter([1], [1, *(-v for v in a)], noise(samples, 1, seed=seed)[0].double().numpy()))


def voice(f0: float, formant: float, seconds: float = 1.0) -> torch.Tensor:
    """Pulses through one resonance, radius 0.97."""
    x = np.zeros(int(seconds * RATE))
    x[(np.arange(0, seconds, 1 / f0) * RATE).astype(int)] = 1
    return torch.from_numpy(lfilter([1], [1, -2 * 0.97 * np.cos(2 * np.pi * formant / RATE), 0.97**2], x))[None, None]


def test_an_autoregression_is_found_again() -> None:
    x = autoregressive([1.3, -0.8], 20_000)
    r = torch.stack([(x[lag:] * x[: len(x) - lag]).sum() for lag in range(3)])
    a, _, error = levinson(r / len(x))
    assert np.allclose(a, [1.3, -0.8], atol=1e-2)
    assert error.item() == pytest.approx(1.0, abs=0.03)
    assert np.allclose(burg(x, 2)[0], a, atol=1e-3)


def test_equals_scipys_toeplitz_and_librosas_burg() -> None:
    x = noise(2000, 3).double()
    r = torch.stack([(x[:, lag:] * x[:, : 2000 - lag]).sum(-1) for lag in range(17)], -1)
    a, reflections, _ = levinson(r)
    for row in range(3):
        assert np.abs(solve_toeplitz(r[row, :16], r[row, 1:]) - a[row].numpy()).max() < 1e-8
        assert np.abs(librosa.lpc(x[row].numpy(), order=16)[1:] + burg(x[row], 16)[0].numpy()).max() < 1e-10
    assert reflections.abs().max() < 1


@pytest.mark.parametrize("method", ["autocorrelation", "burg"])
def test_all_filters_are_stable_and_the_gain_is_that_of_what_is_left(method: str) -> None:
    x = autoregressive([1.3, -0.8], RATE)[None, None] * 0.1
    part = LPC(RATE, 160, 1024, 12, method=method).double()
    features = part(x)
    for frame in range(0, features.shape[-1], 10):
        assert np.abs(np.roots([1, *(-features[0, 0, 1:, frame]).tolist()])).max() < 1
    inside = features[0, 0, 0, 10:-10]
    assert inside.mean().item() == pytest.approx(0.1, rel=0.05)
    left = part.residual(x, features)
    assert left.square().mean().sqrt().item() == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-4), (torch.float64, 1e-9)])
@pytest.mark.parametrize("hop", [160, 255])
def test_what_is_left_through_the_filters_is_the_sound(dtype: torch.dtype, error: float, hop: int) -> None:
    part, x = LPC(RATE, hop, 512, 16).to(dtype), autoregressive([1.3, -0.8], 2 * 5003).reshape(2, 1, 5003).to(dtype)
    features = part(x)
    back = part.synthesize(part.residual(x, features), features)
    assert back.shape == x.shape
    assert (back - x).abs().max() < error * x.abs().max()


def test_the_envelope_stands_on_the_formant_and_holds_the_power() -> None:
    part = LPC(RATE, 160, 1024, 8).double()
    for formant in (700.0, 1600.0):
        envelope = part.envelope(part(voice(100, formant)), 1025)[0, 0, :, 50]
        assert float(envelope.argmax()) * RATE / 2048 == pytest.approx(formant, rel=0.02)
    x = autoregressive([1.3, -0.8], RATE)[None, None]
    power = part.envelope(part(x), 1025)[0, 0, :, 10:-10].square().mean()
    assert power.item() == pytest.approx(x.square().mean().item(), rel=0.1)


@pytest.mark.parametrize("order", [1, 2, 7, 16])
def test_line_spectral_frequencies_rise_and_go_back(order: int) -> None:
    x = noise(400, 5, seed=2).double()
    a = burg(x, order)[0]
    lines = line_spectrum(a)
    assert lines.shape == a.shape
    assert ((lines > 0) & (lines < torch.pi)).all()
    assert (lines[:, 1:] > lines[:, :-1]).all()
    assert (from_line_spectrum(lines) - a).abs().max() < 1e-8


def test_lines_in_order_are_a_stable_filter() -> None:
    lines = noise(10, 20).double().sigmoid().sort(-1).values * torch.pi
    for a in from_line_spectrum(lines):
        assert np.abs(np.roots([1, *(-a).tolist()])).max() < 1


def test_order_and_method_are_checked() -> None:
    with pytest.raises(AuralError, match="order"):
        LPC(RATE, 160, 64, 32)


# ---- cepstrum


def test_the_cepstrum_peaks_at_the_period() -> None:
    part = Cepstrum(RATE, 160, 1024)
    for f0 in (100.0, 160.0, 250.0):
        middle = part(voice(f0, 1000.0).float())[0, 0, 40:, 50]
        assert (int(middle.argmax()) + 40) == pytest.approx(RATE / f0, abs=1)


def test_all_of_it_is_the_spectrum_and_a_little_the_envelope() -> None:
    part, x = Cepstrum(RATE, 160, 1024).double(), voice(100, 1200.0)
    features = part(x)
    logs = torch.log(torch.fft.rfft(torch.nn.functional.pad(x, (512, 512))[0, 0, 8000:9024] * part.window).abs() + 1e-7)
    assert (part.invert(features)[0, 0, :, 50] - logs).abs().max() < 1e-10
    filter_alone = np.abs(1 / np.fft.rfft([1, -2 * 0.97 * np.cos(2 * np.pi * 1200 / RATE), 0.97**2], 1024))
    found = part.envelope(features)[0, 0, :, 50].log().numpy()
    assert np.corrcoef(found, np.log(filter_alone))[0, 1] > 0.95


def test_mfcc_hear_the_filter_more_than_the_pitch() -> None:
    part = MFCC(RATE, 160, 400, 26, 13, scale="htk")

    def heard(f0: float, formant: float) -> torch.Tensor:
        return part(voice(f0, formant).float())[0, 0, 1:, 20:-20].mean(-1)

    same = heard(100, 1000)
    assert (heard(100, 1600) - same).norm() > 10 * (heard(125, 1000) - same).norm()
