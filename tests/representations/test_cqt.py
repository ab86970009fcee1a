"""Facts of constant-Q transforms, their harmonic stack, and chroma."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch

from aural.errors import AuralError
from aural.representations import CQT, HCQT, Chroma, ChromaCQT

from .signals import noise

RATE = 22_050
VQT: dict = {"fmin": 27.5, "bands": 309, "per_octave": 36, "gamma": 12.0, "shape": "frequency"}


def tone(*hz: float, seconds: float = 2.0, rate: int = RATE) -> torch.Tensor:
    t = torch.arange(int(seconds * rate), dtype=torch.float64) / rate
    return sum(torch.sin(2 * torch.pi * f * t) for f in hz)[None, None].float()  # type: ignore[union-attr]


def harmonic(f0: float, partials: int = 5) -> torch.Tensor:
    return tone(*(f0 * h for h in range(1, partials + 1)))


@pytest.mark.parametrize(("per_octave", "bands", "hop", "gamma"), [(12, 84, 512, 0.0), (36, 200, 256, 0.0), (24, 144, 512, 5.0)])
def test_equals_librosa_within_2_percent(per_octave: int, bands: int, hop: int, gamma: float) -> None:
    """librosa drops the smallest 1 % of its kernels and resamples between octaves: two percent is its error, not ours, as
    the next test shows."""
    x = noise(RATE * 6)
    ours = CQT(RATE, hop, bands=bands, per_octave=per_octave, gamma=gamma, scale="length")(x)[0, 0].numpy()
    theirs = np.abs(
        librosa.vqt(x[0, 0].numpy(), sr=RATE, hop_length=hop, n_bins=bands, bins_per_octave=per_octave, gamma=gamma, tuning=0.0)
    )
    assert ours.shape == theirs.shape
    assert np.linalg.norm(ours - theirs) < 0.02 * np.linalg.norm(theirs)


def test_equals_the_sum_that_defines_it_to_a_thousandth() -> None:
    part, x = CQT(RATE, 500, scale="length").double(), noise(RATE * 3).double()
    ours = part.transform(x)[0, 0].numpy()
    padded = np.pad(x[0, 0].numpy(), RATE)
    for k in (0, 17, 50, 83):
        hz, length = part.frequencies()[k], part.lengths()[k] * RATE
        n = np.arange(-int(length / 2), int(length / 2) + 1)
        kernel = (0.5 + 0.5 * np.cos(2 * np.pi * n / length)) * np.exp(2j * np.pi * hz * n / RATE) * 2 / length * np.sqrt(length)
        direct = [(padded[RATE + f * 500 + n] * kernel.conj()).sum() for f in range(ours.shape[-1])]
        assert np.linalg.norm(ours[k] - direct) < 2e-3 * np.linalg.norm(direct)


@pytest.mark.parametrize("options", [{"bands": 84}, {**VQT, "bands": 150}])
def test_a_sine_at_a_bins_frequency_peaks_there_with_its_amplitude(options: dict) -> None:
    part = CQT(RATE, 512, **options)
    for k in range(3, part.bands, 7):
        middle = part(0.5 * tone(part.frequencies()[k]))[0, 0, :, 40]
        assert middle.argmax() == k
        assert middle[k].item() == pytest.approx(0.5, rel=2e-3)


def test_any_hop_is_the_same_filters_heard_elsewhere() -> None:
    x = noise(RATE * 2)
    fine, coarse = CQT(RATE, 63, **VQT).transform(x), CQT(RATE, 441, **VQT).transform(x)
    assert (fine[..., ::7][..., : coarse.shape[-1]] - coarse).abs().max() < 1e-4 * coarse.abs().max()


def test_blocks_join_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    x = noise(RATE * 8)
    whole = CQT(RATE, 512)(x)
    monkeypatch.setattr("aural.representations.cqt.SAMPLES", 2**15)
    monkeypatch.setattr("aural.representations.cqt.AT_ONCE", 2**15)
    part = CQT(RATE, 512)
    assert part._block(1000) < 150
    assert (part(x) - whole).abs().max() < 2e-3 * whole.max()


def test_a_tone_gate_is_heard_where_it_is() -> None:
    x = torch.zeros(1, 1, RATE * 2)
    x[..., RATE // 2 : RATE] = tone(220, seconds=0.5)
    part = CQT(RATE, 128, **VQT)
    level = part(x)[0, 0, 108]
    times = torch.arange(len(level)) * 128 / RATE
    inside = times[level > level[100:150].max() / 2]
    assert inside[0] == pytest.approx(0.5, abs=0.025)
    assert inside[-1] == pytest.approx(1.0, abs=0.025)


def test_semitones_are_two_peaks_from_220_hz_up() -> None:
    part = CQT(RATE, 512, **VQT)
    for hz, dip in ((220.0, 1.0), (440.0, 2.5)):
        profile = 20 * part(tone(hz, hz * 2 ** (1 / 12)))[0, 0, :, 20:60].square().mean(-1).sqrt().log10()
        k = round(36 * np.log2(hz / 27.5))
        assert min(profile[k], profile[k + 3]) - profile[k : k + 4].min() > dip


def test_transposition_by_three_semitones_shifts_the_bins() -> None:
    part = CQT(RATE, 512, bands=84)
    low, high = (part(harmonic(f, 4))[0, 0, :, 20:60] for f in (220.0, 220.0 * 2**0.25))
    assert (high[3:] - low[:-3]).norm() < 0.02 * low.norm()


def test_bins_above_half_the_rate_are_refused() -> None:
    with pytest.raises(AuralError, match="fewer bins"):
        CQT(RATE, 512, bands=120)


def test_all_harmonics_of_a_tone_peak_at_its_bin() -> None:
    part = HCQT()
    y = part(harmonic(220.0))[0, :, :, 100]
    k = round(60 * np.log2(220 / part.fmin))
    assert k == 165
    assert y.shape == (6, 360)
    for h in range(1, 6):
        near = y[h, k - 10 : k + 11]
        assert abs(int(near.argmax()) - 10) <= 1
    assert y[0, k] < 0.05 * y[1, k]  # there is nothing at half the frequency
    assert abs(int(y[1:].clamp(min=1e-6).log().sum(0).argmax()) - k) <= 1


def test_harmonics_at_whole_bins_are_the_transforms_of_their_own() -> None:
    part, x = HCQT(RATE, 512, 65.4, 60, 12, (0.5, 1, 2)), noise(RATE)
    for channel, h in enumerate(part.harmonics):
        own = CQT(RATE, 512, 65.4 * h, 60, 12)(x)[0, 0]
        assert (part(x)[0, channel] - own).abs().max() < 2e-3 * own.max()


def test_outside_its_range_the_stack_is_silent() -> None:
    part = HCQT(RATE, 512, 27.5, 264, 36, (0.5, 1, 7), lowest=27.5, compression="unit")
    y = part(noise(RATE))
    assert y.min() >= 0
    assert y.max() == 1
    assert (y[:, 0, :36] == 0).all()
    assert (y[:, 0, 36:] == y[:, 1, :-36]).all()
    assert (y[:, 2, -40:] == 0).all()


@pytest.mark.parametrize("rate", [22_050, 44_100])
def test_chroma_of_a_spectrogram_equals_librosas_to_1e_5(rate: int) -> None:
    x = noise(rate)
    for tuning in (0.0, 0.3):
        ours = Chroma(rate, 512, 2048, tuning=tuning)(x)[0, 0].numpy()
        theirs = librosa.feature.chroma_stft(y=x[0, 0].numpy(), sr=rate, tuning=tuning, n_fft=2048, hop_length=512)
        assert np.abs(ours - theirs).max() < 1e-5


def test_chroma_of_a_constant_q_transform_equals_librosas_within_5_percent() -> None:
    x = noise(RATE * 4)
    ours = ChromaCQT(RATE, 512, scale="length")(x)[0, 0].numpy()
    theirs = librosa.feature.chroma_cqt(y=x[0, 0].numpy(), sr=RATE, tuning=0.0)
    assert np.abs(ours - theirs).max() < 0.05
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.999


@pytest.mark.parametrize("part", [Chroma(RATE, 512, 4096), ChromaCQT(RATE, 512)], ids=["stft", "cqt"])
def test_a_c_major_triad_is_c_e_and_g_and_rotates_with_transposition(part) -> None:
    triad = (261.626, 329.628, 391.995)
    chroma = part(tone(*triad))[0, 0, :, 20:60].mean(-1)
    assert set(chroma.topk(3).indices.tolist()) == {0, 4, 7}
    higher = part(tone(*(f * 2**0.25 for f in triad)))[0, 0, :, 20:60].mean(-1)
    assert set(higher.topk(3).indices.tolist()) == {3, 7, 10}


def test_constant_q_chroma_rotates_exactly_enough() -> None:
    part = ChromaCQT(RATE, 512, norm="l2")
    low, high = (part(harmonic(f, 4))[0, 0, :, 20:60] for f in (220.0, 220.0 * 2**0.25))
    assert (low.roll(3, 0) - high).norm() < 0.02 * low.norm()


@pytest.mark.parametrize("part", [Chroma(RATE, 512), ChromaCQT(RATE, 512)], ids=["stft", "cqt"])
def test_silence_has_no_chroma(part) -> None:
    assert part(torch.zeros(1, 1, 5000)).abs().max() == 0
