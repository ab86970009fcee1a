"""Facts of wavelets."""

from __future__ import annotations

import numpy as np
import pytest
import pywt
import torch

from aural.errors import AuralError
from aural.representations import CWT, DWT
from aural.representations.wavelet import compose, decompose, taps

from .signals import RATE, noise

SOME = ["haar", "db2", "db4", "db9", "db20", "sym4", "sym8", "sym13"]


@pytest.mark.parametrize("wavelet", SOME)
def test_taps_sum_to_root_2_and_are_orthogonal_to_their_even_shifts(wavelet: str) -> None:
    h = taps(wavelet)
    assert h.sum().item() == pytest.approx(2**0.5, abs=1e-14)
    for shift in range(0, len(h), 2):
        assert (h[shift:] @ h[: len(h) - shift]).item() == pytest.approx(float(shift == 0), abs=1e-14)


@pytest.mark.parametrize("order", [1, 2, 5, 8, 12, 20])
def test_computed_taps_are_the_published_ones(order: int) -> None:
    assert np.abs(taps(f"db{order}").numpy() - pywt.Wavelet(f"db{order}").rec_lo).max() < 1e-14
    if order > 1:
        h, theirs = taps(f"sym{order}").numpy(), np.array(pywt.Wavelet(f"sym{order}").rec_lo)
        assert min(np.abs(h - theirs).max(), np.abs(h[::-1] - theirs).max()) < 2e-11  # theirs have so many digits


@pytest.mark.parametrize("order", [1, 2, 4, 7])
def test_polynomials_below_the_order_have_no_details(order: int) -> None:
    t = torch.linspace(-1, 1, 256, dtype=torch.float64)
    for degree in range(order + 1):
        detail = decompose(t**degree, taps(f"db{order}"), 1)[1]
        inside = detail[order:-order].abs().max()
        assert inside < 1e-12 if degree < order else inside > 1e-12


@pytest.mark.parametrize(("wavelet", "samples", "levels"), [("haar", 1000, 5), ("db4", 1001, 3), ("db9", 777, 4)])
def test_equals_pywavelets(wavelet: str, samples: int, levels: int) -> None:
    x = noise(samples, 1)[0].double()
    for ours, theirs in zip(decompose(x, taps(wavelet), levels), pywt.wavedec(x.numpy(), wavelet, "zero", levels), strict=True):
        assert np.abs(ours.numpy() - theirs).max() < 1e-12
    x = noise(1024, 1)[0].double()
    for ours, theirs in zip(decompose(x, taps(wavelet), 4, True), pywt.wavedec(x.numpy(), wavelet, "periodization", 4), strict=True):
        assert np.abs(ours.numpy() - theirs).max() < 1e-12


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("wavelet", SOME)
def test_nothing_is_lost_not_even_energy(wavelet: str, periodic: bool) -> None:
    x, h = noise(1024, 2, 1).double(), taps(wavelet)
    found = decompose(x, h, 4, periodic)
    assert (compose(found, h, 1024, periodic) - x).abs().max() < 5e-14
    assert sum(float(c.square().sum()) for c in found) == pytest.approx(float(x.square().sum()), rel=1e-12)
    assert (sum(c.shape[-1] for c in found) == 1024) == (periodic or wavelet == "haar")


@pytest.mark.parametrize("samples", [0, 1, 255, 256, 5000])
def test_the_part_gives_sounds_of_any_length_back(samples: int) -> None:
    part, x = DWT(RATE, "db4", 6), noise(samples, 2, 1)
    y = part(x)
    assert y.shape == (2, 1, 64, part.frames(samples))
    assert (part.invert(y, samples) - x).abs().sum() < 1e-2
    assert (part.double().invert(part(x.double()), samples) - x).abs().sum() < 1e-9


@pytest.mark.parametrize("wavelet", ["haar", "db4", "db9", "db20"])
def test_block_by_block_or_all_at_once_the_coefficients_are_those_of_pywavelets(wavelet: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aural.representations.wavelet.SAMPLES", 1)
    part, x = DWT(RATE, wavelet, 3).double(), noise(3001, 1, 1).double()
    at_once = part(x.clone().requires_grad_())
    for band, same, theirs in zip(part.bands(part(x)), part.bands(at_once), pywt.wavedec(x[0, 0].numpy(), wavelet, "zero", 3), strict=True):
        assert (band - same).abs().max() < 1e-12
        assert np.abs(band[0, 0, : len(theirs)].numpy() - theirs).max() < 1e-12


def test_rows_are_octaves_and_a_tone_lies_in_its_own() -> None:
    part = DWT(RATE, "db8", 6).double()
    assert len(part.frequencies()) == 64
    for octave, hz in enumerate((200.0, 380.0, 760.0, 1500.0, 3000.0, 6000.0)):
        x = torch.sin(2 * torch.pi * hz * torch.arange(RATE, dtype=torch.float64) / RATE)[None, None]
        energies = [float(band.square().sum()) for band in part.bands(part(x))]
        assert int(np.argmax(energies[1:])) == octave
        assert part.scalogram(part(x)).shape == (1, 1, 7, part.frames(RATE) * 32)


def test_no_frame_depends_on_what_comes_after_it() -> None:
    part, x = DWT(RATE, "sym5", 5), noise(4000)
    y = x.clone()
    y[..., 2048:] = 0
    assert torch.equal(part(x)[..., :64], part(y)[..., :64])


def test_unknown_wavelets_and_odd_lengths_are_refused() -> None:
    with pytest.raises(AuralError, match="haar"):
        DWT(RATE, "db21")
    with pytest.raises(AuralError, match="multiple"):
        decompose(noise(100), taps("haar").float(), 3, True)


# ---- Morlet


def burst(stretch: int, octaves: float = 0.0) -> torch.Tensor:
    t = (torch.arange(RATE * 2, dtype=torch.float64) - RATE) / RATE / stretch
    return (torch.exp(-((t / 0.05) ** 2)) * torch.sin(2 * torch.pi * (800 + 2000 * t) * t))[None, None]


def test_twice_as_slow_is_one_octave_lower() -> None:
    part = CWT(RATE, 100, 100, 60, 12, threshold=0).double()
    fast, slow = part.transform(burst(1))[0, 0], part.transform(burst(2))[0, 0]
    middle = RATE // 100
    away = slow[:-12, middle - 50 : middle + 52 : 2] - fast[12:, middle - 25 : middle + 26]
    assert away.abs().max() < 2e-3 * fast.abs().max()


@pytest.mark.parametrize("hz", [150.0, 440.0, 2000.0])
def test_the_ridge_is_at_the_frequency_with_the_amplitude(hz: float) -> None:
    part = CWT(RATE, 160, 100, 240, 48).double()
    x = 0.5 * torch.sin(2 * torch.pi * hz * torch.arange(RATE * 2, dtype=torch.float64) / RATE)[None, None]
    middle = part(x)[0, 0, :, 100]
    assert abs(np.log2(part.frequencies()[int(middle.argmax())] / hz)) < 1 / 48
    assert middle.max().item() == pytest.approx(0.5, rel=1e-3)


def test_is_the_sum_that_defines_it_and_pywavelets_agrees() -> None:
    part, x = CWT(RATE, 50, 200, 36, 12, scale="energy", engine="direct").double(), noise(8000).double()
    made = part.transform(x)[0, 0].numpy()
    for k in (0, 20, 35):
        s = part.scales()[k]
        t = (np.arange(8000)[:, None] - np.arange(made.shape[-1]) * 50) / s
        wavelet = np.pi**-0.25 * np.exp(-t * t / 2) * (np.exp(6j * t) - np.exp(-18)) / np.sqrt(s)
        assert np.abs((x[0, 0].numpy()[:, None] * wavelet.conj()).sum(0) - made[k]).max() < 1e-4 * np.abs(made[k]).max()
    theirs, _ = pywt.cwt(x[0, 0].numpy(), part.scales(), f"cmor2.0-{6 / 2 / np.pi}", precision=14)
    ours = np.abs(made[:, 20:140]).ravel()
    assert np.corrcoef(ours, np.abs(theirs[:, 1000:7000:50]).ravel())[0, 1] > 0.999


def test_dropping_what_is_small_changes_little() -> None:
    x = noise(8000).double()
    exact, quick = (CWT(RATE, 160, 100, 60, 12, threshold=t).double().transform(x) for t in (0.0, 1e-5))
    assert (exact - quick).abs().max() < 1e-5 * exact.abs().max()


@pytest.mark.parametrize("extra", [0, 1, 63])
def test_wavelets_by_blocks_are_those_of_the_whole(extra: int) -> None:
    part = DWT(RATE, "db4", 6)
    x = noise(2 * 65_536 + extra, 2, 1)  # the last block holds what the filters remember
    whole = part(x.clone().requires_grad_()).detach()
    assert (part(x) - whole).abs().max() < 1e-6 * whole.abs().max()
