"""Facts of mel spectrograms, cepstra, and of what is put round them."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import scipy.fft
import torch

from aural.errors import AuralError
from aural.representations import MFCC, LogMel, MultiResolutionLogMel, Standardised, WithMedianDifference
from aural.representations.context import past_median
from aural.representations.scales import cosines, hz_to_mel, mel_to_hz

from .signals import RATE, noise


@pytest.mark.parametrize("scale", ["slaney", "htk"])
@pytest.mark.parametrize("norm", [None, "slaney"])
@pytest.mark.parametrize(("rate", "n_fft", "bands", "fmin", "fmax"), [(44_100, 2048, 128, 0, 22_050), (22_050, 1024, 80, 27.5, 8000)])
def test_the_matrix_is_librosas_to_1e_7(scale: str, norm: str | None, rate: int, n_fft: int, bands: int, fmin: float, fmax: float) -> None:
    ours = LogMel(rate, 512, n_fft, bands, fmin, fmax, scale=scale, norm=norm).matrix()
    theirs = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=bands, fmin=fmin, fmax=fmax, htk=scale == "htk", norm=norm, dtype=np.float64)
    assert np.abs(ours.numpy() - theirs).max() < 1e-7


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("scale", ["slaney", "htk"])
def test_equals_librosas_melspectrogram_to_1e_6_of_the_peak(power: int, scale: str) -> None:
    x = noise(40_000)
    ours = LogMel(RATE, 256, 1024, 64, power=power, scale=scale, compression="none")(x)[0, 0].numpy()
    theirs = librosa.feature.melspectrogram(
        y=x[0, 0].numpy(), sr=RATE, n_fft=1024, hop_length=256, n_mels=64, power=power, htk=scale == "htk"
    )
    assert np.abs(ours - theirs).max() < 1e-6 * theirs.max()


def test_decibels_equal_librosas_to_1e_4() -> None:
    x = noise(20_000)
    mel = librosa.feature.melspectrogram(y=x[0, 0].numpy(), sr=RATE, n_fft=1024, hop_length=256, n_mels=40)
    for range_db in (None, 20.0):
        ours = LogMel(RATE, 256, 1024, 40, compression="db", range_db=range_db)(x)[0, 0].numpy()
        assert np.abs(ours - librosa.power_to_db(mel, top_db=range_db)).max() < 1e-4


def test_the_scales_at_1000_hz_and_back() -> None:
    assert hz_to_mel(1000.0) == pytest.approx(15.0)
    assert hz_to_mel(1000.0, "htk") == pytest.approx(999.986, abs=1e-3)
    hz = np.linspace(0, 20_000, 999)
    for scale in ("slaney", "htk"):
        assert mel_to_hz(hz_to_mel(hz, scale), scale) == pytest.approx(hz, abs=1e-8)


def test_htk_filters_share_every_bin_between_them() -> None:
    part = LogMel(RATE, 256, 1024, 40, scale="htk", norm=None)
    inside = (part.bins() >= part.frequencies()[0]) & (part.bins() <= part.frequencies()[-1])
    assert part.matrix()[:, inside].sum(0).numpy() == pytest.approx(1)


def test_filters_with_norm_sum_each_sum_to_one_and_none_is_deaf() -> None:
    matrix = LogMel(44_100, 441, 1024, 80, 27.5, 16_000, norm="sum").matrix()
    assert (matrix == 0).all(1).sum() == 0
    assert matrix.sum(1).numpy() == pytest.approx(1)


@pytest.mark.parametrize(
    ("compression", "expected"),
    [
        ("ln", lambda x: np.log(x + 0.5)),
        ("log10", lambda x: np.log10(x + 0.5)),
        ("log1p", lambda x: np.log1p(1000 * x)),
        ("db", lambda x: 20 * np.log10(np.maximum(x, 1e-5))),
    ],
)
def test_compressions_are_their_formulas_and_invert(compression: str, expected) -> None:
    options: dict = {"power": 1, "compression": compression, "offset": 0.5, "factor": 1000.0}
    part = LogMel(RATE, 256, 512, 20, 100, **options).double()
    x = noise(8000).double()
    plain = LogMel(RATE, 256, 512, 20, 100, power=1, compression="none").double()(x)
    assert part(x).numpy() == pytest.approx(expected(plain.numpy()), abs=1e-9)
    spectrum = part.invert(part(x))
    assert spectrum.min() >= 0
    assert spectrum.shape[-2] == 257


def test_ten_times_the_gain_adds_20_db() -> None:
    part, x = LogMel(RATE, 256, 1024, 40, compression="db"), noise(20_000)
    assert (part(10 * x) - part(x)).numpy() == pytest.approx(20, abs=1e-3)


def test_mfcc_equals_librosas_to_1e_3() -> None:
    x = noise(40_000)
    ours = MFCC(RATE, 256, 1024, 64, 20, range_db=80)(x)[0, 0].numpy()
    theirs = librosa.feature.mfcc(y=x[0, 0].numpy(), sr=RATE, n_fft=1024, hop_length=256, n_mels=64, n_mfcc=20)
    assert np.abs(ours - theirs).max() < 1e-3  # of values up to some hundred dB


def test_gain_moves_the_first_cepstral_coefficient_only() -> None:
    part, x = MFCC(RATE, 256, 1024, 128, 20, fmin=50), noise(20_000)
    change = part(x * 10 ** (6 / 20)) - part(x)
    assert change[:, :, 0].numpy() == pytest.approx(67.882, abs=1e-2)
    assert change[:, :, 1:].abs().max() < 1e-2


def test_the_cosines_are_orthonormal_and_all_of_them_invert() -> None:
    assert (cosines(40, 40) @ cosines(40, 40).T - torch.eye(40)).abs().max() < 1e-14
    assert cosines(20, 40).numpy() == pytest.approx(scipy.fft.dct(np.eye(40), axis=0, norm="ortho")[:20])
    whole, x = MFCC(RATE, 256, 512, 40, 40, fmin=50).double(), noise(4000).double()
    assert (whole.invert(whole(x)) - LogMel(RATE, 256, 512, 40, fmin=50, compression="db").double()(x)).abs().max() < 1e-9


def test_an_impulse_peaks_in_the_same_frame_at_all_resolutions() -> None:
    x = torch.zeros(1, 1, 44_100)
    x[..., 441 * 37] = 1
    y = MultiResolutionLogMel()(x)
    assert y.shape == (1, 3, 80, 101)
    assert (y.sum(-2).argmax(-1) == 37).all()


def test_resolutions_are_the_single_log_mels() -> None:
    x = noise(44_100)
    both = MultiResolutionLogMel(44_100, 441, (1024, 4096), 20, norm="slaney", compression="log10", offset=1.0)(x)
    for channel, window in enumerate((1024, 4096)):
        one = LogMel(44_100, 441, window, 20, 27.5, 16_000, power=1, compression="log10", offset=1.0)
        assert torch.equal(both[:, channel], one(x)[:, 0])


def test_standardised_features_have_mean_0_and_deviation_1_in_every_band() -> None:
    part = Standardised(MultiResolutionLogMel(RATE, 160, (512, 1024), 20, fmax=8000))
    raws = [noise(16_000, 3, 1, seed=1), noise(12_345, 2, 1, seed=2)]
    assert torch.equal(part(raws[0]), part.part(raws[0]))  # not fitted: unchanged
    part.fit(iter(raws))
    y = torch.cat([part(raw).transpose(1, 2).flatten(3).movedim(0, -1).flatten(2) for raw in raws], -1)
    assert y.mean(-1).abs().max() < 1e-4
    assert y.std(-1, correction=0).numpy() == pytest.approx(1, abs=1e-3)
    assert torch.allclose(part.invert(part(raws[0])), part.part(raws[0]), atol=1e-4)
    assert set(part.state_dict()) == {"mean", "deviation"}


def test_a_band_that_never_moves_is_standardised_to_zero() -> None:
    part = Standardised(LogMel(RATE, 160, 512, 8))
    part.fit([torch.zeros(1, 1, 1600)])
    assert part(torch.zeros(1, 1, 800)).abs().max() == 0


def test_fitting_on_nothing_is_told() -> None:
    with pytest.raises(AuralError, match="no batch"):
        Standardised(LogMel(RATE, 160, 512, 8)).fit([])


@pytest.mark.parametrize("length", [1, 2, 3, 7, 10, 20, 33, 40])
@pytest.mark.parametrize("frames", [1, 5, 300])
def test_the_past_median_is_numpys(length: int, frames: int) -> None:
    x = noise(frames, 2, 5)
    padded = np.concatenate([np.repeat(x[..., :1].numpy(), length, -1), x[..., :-1].numpy()], -1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, length, -1)
    assert np.array_equal(past_median(x, length, block=64).numpy(), np.median(windows, -1))


def test_the_median_difference_hears_rises_only_and_the_past_only() -> None:
    part = WithMedianDifference(MultiResolutionLogMel(bands=20, norm="slaney", compression="log10", offset=1.0))
    assert part.lengths == (10, 20, 40)
    x = noise(44_100)
    y = part(x)
    assert y.shape == (1, 3, 40, 101)  # 3 × (20 + 20) = 120 inputs
    assert torch.equal(y[:, :, :20], part.part(x))
    assert y[:, :, 20:].min() == 0
    loud_then_quiet = torch.cat([x, torch.zeros_like(x)], -1)
    assert part(loud_then_quiet)[:, :, 20:, 115:].max() == 0
    assert torch.equal(part(loud_then_quiet)[..., :90], y[..., :90])
