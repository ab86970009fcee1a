"""Facts of the short-time Fourier transform."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch

from aural.annotations import Example
from aural.representations import STFT, Spectrogram, Waveform
from aural.representations.framing import overlap_add
from aural.sound import Recording, Sound

from .signals import RATE, noise


@pytest.mark.parametrize(("window", "n_fft", "hop"), [(1024, 1024, 256), (1024, 1024, 441), (400, 512, 160), (511, 511, 128)])
def test_equals_librosa_to_1e_6_of_the_peak(window: int, n_fft: int, hop: int) -> None:
    x = noise(20_011)
    ours = STFT(RATE, hop, window, n_fft)(x)[0, 0].numpy()
    theirs = librosa.stft(x[0, 0].numpy(), n_fft=n_fft, win_length=window, hop_length=hop)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < 1e-6 * np.abs(theirs).max()


@pytest.mark.parametrize("hop", [128, 256, 300, 512])
@pytest.mark.parametrize("samples", [1, 511, 4096, 10_007])
def test_the_inverse_gives_the_sound_back_with_its_length(hop: int, samples: int) -> None:
    stft = STFT(RATE, hop, 1024).double()
    x = noise(samples, 2, 1).double()
    back = stft.invert(stft(x), samples)
    assert back.shape == x.shape
    assert (back - x).abs().max() < 1e-10  # the end of a sound may lie under the window's very edge


def test_the_inverse_in_float32_is_exact_to_1e_5() -> None:
    stft, x = STFT(RATE, 256, 1024), noise(30_000)
    assert (stft.invert(stft(x), 30_000) - x).abs().max() < 1e-5


@pytest.mark.parametrize(("size", "hop", "frames"), [(8, 2, 5), (8, 3, 5), (3, 5, 4), (8, 2, 1)])
def test_overlap_add_is_the_adjoint_of_framing(size: int, hop: int, frames: int) -> None:
    lines = overlap_add(torch.eye(frames * size).reshape(-1, frames, size), hop).flatten(-2)
    for n, place in ((n, place) for n in range(frames) for place in range(size)):
        assert lines[n * size + place].nonzero().item() == n * hop + place


def test_the_inverse_by_blocks_is_that_of_the_whole() -> None:
    stft = STFT(RATE, 100, 512)
    spectrum = stft(noise(70_000, 2, 1))  # 701 frames, three blocks
    with torch.enable_grad():
        whole = stft.invert(spectrum.clone().requires_grad_(), 70_000).detach()
    assert (stft.invert(spectrum, 70_000) - whole).abs().max() < 1e-6 * whole.abs().max()


def test_the_inverse_keeps_the_digits_of_the_spectrum() -> None:
    spectrum = STFT(RATE, 256, 1024)(noise(5000))
    assert STFT(RATE, 256, 1024).invert(spectrum.to(torch.complex128)).dtype == torch.float64


def test_parseval_hann_at_a_quarter_hop_holds_the_energy_one_and_a_half_times() -> None:
    x = torch.nn.functional.pad(noise(20_000), (1024, 1024)).double()
    power = Spectrogram(RATE, 256, 1024).double()(x)
    both_sides = 2 * power.sum() - power[..., 0, :].sum() - power[..., -1, :].sum()
    assert both_sides / 1024 / x.square().sum() == pytest.approx(1.5, abs=1e-10)


def test_the_inverse_is_the_adjoint_over_the_window_sum() -> None:
    stft = STFT(RATE, 256, 1024).double()
    x = noise(4096).double().requires_grad_()
    y = torch.view_as_complex(noise(stft(x).numel() * 2, seed=1).double().reshape(*stft(x).shape, 2))
    (adjoint,) = torch.autograd.grad((stft(x) * y.conj()).real.sum(), x)
    step = 1e-3 * noise(4096, seed=2).double()
    assert ((stft(step) * y.conj()).real.sum()).item() == pytest.approx((adjoint * step).sum().item(), rel=1e-10)


@pytest.mark.parametrize("k", [3, 40, 200, 509])
def test_a_sine_at_a_bins_frequency_peaks_in_that_bin(k: int) -> None:
    part = Spectrogram(RATE, 256, 1024)
    x = torch.sin(2 * torch.pi * part.frequencies()[k] * torch.arange(RATE) / RATE)[None, None].float()
    assert (part(x)[0, 0, :, 8:-8].argmax(0) == k).all()


def test_a_stationary_sine_has_constant_magnitudes_and_a_turning_phase() -> None:
    x = torch.sin(2 * torch.pi * 440 * torch.arange(RATE) / RATE)[None, None].double()
    inside = STFT(RATE, 256, 1024).double()(x)[..., 8:-8]
    assert inside.abs().std(-1).max() < 2e-5 * inside.abs().max()
    assert inside.real.std(-1).max() > 0.1 * inside.abs().max()


def test_a_shift_by_one_hop_moves_the_frames_by_one() -> None:
    x, part = noise(8192), STFT(RATE, 256, 1024)
    shifted = torch.nn.functional.pad(x, (256, 0))[..., :8192]
    assert torch.allclose(part(shifted)[..., 4:-3], part(x)[..., 3:-4], atol=1e-4)


@pytest.mark.parametrize(("rate", "hop", "seconds", "frames"), [(44_100, 441, 10, 1001), (22_050, 441, 10, 501), (22_050, 512, 10, 431)])
def test_frames_of_ten_seconds(rate: int, hop: int, seconds: int, frames: int) -> None:
    example = Example(sound=Sound(np.zeros(rate * seconds), rate))
    part = Spectrogram(rate, hop, 1024)
    assert part(part.read(example)[None]).shape[-1] == len(part.times(example)) == frames
    assert part.times(example)[-1] == (frames - 1) * hop / rate


@pytest.mark.parametrize(("rate", "samples"), [(8000, 1001), (48_000, 777), (44_100, 44_099), (11_025, 1), (44_100, 0)])
def test_times_and_frames_agree_at_any_rate_and_length(rate: int, samples: int) -> None:
    example = Example(sound=Sound(0.1 * np.ones((2, samples)), rate))
    for part in (Spectrogram(22_050, 220, 512), Waveform(22_050)):
        raw = part.read(example)
        assert raw.dtype == torch.float32
        assert raw.shape[0] == 1
        assert part(raw[None]).shape[-1] == len(part.times(example))


def test_a_recording_is_read_as_its_sound(tmp_path) -> None:
    import soundfile

    sound = Sound(0.1 * noise(9000, 2).numpy(), 48_000)
    soundfile.write(tmp_path / "a.wav", sound.samples.T, 48_000, subtype="FLOAT")
    part = Spectrogram(16_000, 160, 512)
    example, same = Example(sound=Recording(tmp_path / "a.wav")), Example(sound=sound)
    assert torch.equal(part.read(example), part.read(same))
    assert np.array_equal(part.times(example), part.times(same))


def test_the_waveform_is_the_samples() -> None:
    sound = Sound(0.1 * noise(100, 1).numpy(), 8000)
    part = Waveform(8000)
    assert np.array_equal(part(part.read(Example(sound=sound))).numpy(), sound.samples)
