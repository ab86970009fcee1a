"""Facts about first layers of the waveform."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from aural.errors import AuralError
from aural.frontends import Gabor, MultiScale, SampleLevel, Sinc, Strided, responses, translation_change
from aural.frontends.kernels import band_passes, fourier, gabors
from aural.nets.blocks import parameters
from aural.representations import STFT


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


RATE = 16_000


def sine(hz: float, seconds: float = 0.3, rate: int = RATE, amplitude: float = 1.0) -> torch.Tensor:
    return amplitude * torch.sin(2 * math.pi * hz / rate * torch.arange(round(seconds * rate), dtype=torch.float64)).float()[None, None]


# ---- strided kernels


def test_started_as_sines_and_cosines_it_is_the_stft():
    layer = Strided(129, 256, 128, pairs=True, start="fourier")
    x = torch.randn(2, 1, 4001)
    expected = STFT(RATE, 128, 256)(x)[:, 0].abs()
    torch.testing.assert_close(layer(x), expected[..., : layer(x).shape[-1]], rtol=1e-4, atol=1e-4)
    assert parameters(layer) == 2 * 129 * 256
    complex_ones = fourier(256)
    assert complex_ones.shape == (129, 256)
    with pytest.raises(AuralError, match="pairs"):
        Strided(128, 256, 128, start="fourier")


@pytest.mark.parametrize(("size", "frames"), [(1024, 46), (512, 93), (256, 187)])
def test_frames_of_three_seconds(size, frames):
    assert Strided(4, size, size, padding="valid")(torch.randn(1, 1, 3 * RATE)).shape[-1] == frames
    assert Strided(4, size, size)(torch.randn(1, 1, 3 * RATE)).shape[-1] == -(-3 * RATE // size)


@pytest.mark.parametrize("layer", [Strided(3, 50, 20), Strided(3, 51, 20), Sinc(RATE, 3, 51, 20), Gabor(RATE, 3, 51, 20, modulus=True)])
def test_an_impulse_is_heard_where_it_is(layer):
    for padding in ("centre", "valid"):
        layer.padding = padding
        x = torch.zeros(1, 1, 1000)
        times = layer.times(np.arange(1000) / RATE)
        y = layer(x)
        assert len(times) == y.shape[-1]
        x[..., 600] = 1.0
        changed = np.flatnonzero((layer(x) - y).detach().abs().sum((0, 1)).numpy())
        assert abs(times[changed].mean() - 600 / RATE) <= 10 / RATE
        assert np.abs(times[changed] - 600 / RATE).max() <= layer.field / 2 / RATE + 1e-9


def test_log_compression_is_of_the_size():
    layer = Strided(4, 16, 8, log=100.0)
    plain = layer.heard(torch.ones(1, 1, 64), layer.weight)
    torch.testing.assert_close(layer(torch.ones(1, 1, 64)), (100 * plain.abs()).log1p())


def test_responses_are_what_sines_would_hear():
    torch.manual_seed(0)
    layer = Strided(4, 64, 1, pairs=True)
    hz, gains = layer.responses(RATE, 1024)
    k = 100  # a bin in the middle
    measured = responses(layer, RATE, [hz[k]], amplitude=1.0)
    kernel = torch.complex(*layer.weight.detach().chunk(2)).to(torch.complex128)
    n = np.arange(64)
    both = [np.abs((kernel.numpy() * np.exp(sign * 2j * np.pi * hz[k] / RATE * n)).sum(1)) for sign in (1, -1)]
    np.testing.assert_allclose(gains[:, k], both[1], rtol=1e-4)
    assert (measured[:, 0] <= (both[0] + both[1]) / 2 + 0.01).all()


# ---- sinc


def test_two_numbers_a_filter():
    assert parameters(Sinc()) == 160
    assert parameters(nn.Conv1d(1, 80, 251, bias=False)) == 20_080


def test_lengths_of_sincnet():
    frames, heard = 3200, []
    for length in (251, 5, 5):
        frames = frames - length + 1
        heard.append(frames)
        frames //= 3
        heard.append(frames)
    assert heard == [2950, 983, 979, 326, 322, 107]
    assert 60 * frames == 6420
    assert Sinc(padding="valid")(torch.randn(1, 1, 3200)).shape == (1, 80, 2950)


def test_a_sinc_is_symmetric_and_passes_its_band():
    low, high = torch.tensor([1000.0 / RATE]).double(), torch.tensor([2000.0 / RATE]).double()
    kernel = band_passes(low, high, 251)[0]
    torch.testing.assert_close(kernel, kernel.flip(0), rtol=0, atol=1e-15)
    n = torch.arange(251) - 125

    def gain(hz: float) -> float:
        return float((kernel * torch.cos(2 * math.pi * hz / RATE * n)).sum().abs())

    assert gain(1500) == pytest.approx(1, abs=0.01)
    assert gain(1000) == pytest.approx(0.5, abs=0.01)
    assert gain(2000) == pytest.approx(0.5, abs=0.01)
    for hz in (100, 300, 600, 2500, 3000, 6000):
        assert 20 * math.log10(gain(hz)) < -50
    for hz in (300, 3000):
        assert 20 * math.log10(gain(hz)) < -55


def test_edges_never_cross():
    layer = Sinc(RATE, 20)
    layer.low.data.normal_(0, 3, generator=torch.Generator().manual_seed(0))
    layer.band.data.normal_(0, 3, generator=torch.Generator().manual_seed(1))
    low, high = layer.edges()
    assert (low >= 50).all()
    assert (high <= RATE / 2).all()
    assert (high[low < RATE / 2 - 50] > low[low < RATE / 2 - 50]).all()
    low, high = Sinc(RATE, 20).edges()
    torch.testing.assert_close(high[5:-1], low[6:])  # they start next to each other
    assert high[-1].item() == pytest.approx(RATE / 2 - 100)


def test_the_gradient_of_an_edge_is_the_difference():
    layer = Sinc(RATE, 3, 101).double()
    x = torch.randn(1, 1, 300, dtype=torch.float64)
    layer(x).square().sum().backward()
    for p in (layer.low, layer.band):
        for i in range(3):
            kept, values = p.data[i].clone(), []
            for step in (-1e-6, 1e-6):
                p.data[i] = kept + step
                values.append(layer(x).square().sum().item())
            p.data[i] = kept
            assert p.grad[i].item() == pytest.approx((values[1] - values[0]) / 2e-6, rel=1e-4)


def test_a_usual_step_moves_an_edge_by_a_hertz_and_a_width_by_a_sample():
    for layer, found in (
        (Sinc(RATE, 20), lambda layer: layer.edges()[0]),
        (Gabor(RATE, 20), lambda layer: 1000 * layer.frequency),
        (Gabor(RATE, 20), lambda layer: 1000 * layer.deviation),
    ):
        optimiser, before = torch.optim.Adam(layer.parameters(), 1e-3), found(layer).detach().clone()
        noise = torch.randn(2, 1, 4000, generator=torch.Generator().manual_seed(0))
        layer(noise).abs().square().mean().backward()
        optimiser.step()
        moved = (found(layer) - before).abs().detach()
        assert moved.median().item() == pytest.approx(1.0, abs=0.01)


def test_responses_peak_in_the_band():
    layer = Sinc(RATE, 20)
    hz, gains = layer.responses(RATE)
    low, high = (e.detach().numpy() for e in layer.edges())
    for k in range(8, 20):  # wide ones
        peak = hz[gains[k].argmax()]
        assert low[k] <= peak <= high[k]


# ---- Gabor


def test_a_gabor_takes_as_little_room_as_can_be():
    """The deviations of |g|² in time and frequency: their product is 1 / 4π."""
    f, s = torch.tensor([0.1], dtype=torch.float64), torch.tensor([20.0], dtype=torch.float64)
    g = gabors(f, s, 401)[0].numpy()
    n, power = np.arange(401) - 200, np.abs(g) ** 2
    in_time = np.sqrt((n**2 * power).sum() / power.sum())
    spectrum = np.abs(np.fft.fft(g, 8192)) ** 2
    hz = np.fft.fftfreq(8192)
    middle = (hz * spectrum).sum() / spectrum.sum()
    in_frequency = np.sqrt(((hz - middle) ** 2 * spectrum).sum() / spectrum.sum())
    assert middle == pytest.approx(0.1, abs=1e-6)
    assert in_time * in_frequency == pytest.approx(1 / (4 * math.pi), rel=0.01)
    expected = np.exp(-((hz - 0.1) ** 2) * (2 * math.pi * 20) ** 2)
    np.testing.assert_allclose(spectrum, expected, atol=1e-5)


def test_a_modulus_hardly_changes_while_a_tone_lasts():
    layer = Gabor(RATE, 20, 401, 1, low=500.0, modulus=True)
    hz = 1000 * layer.frequency[10].item()
    y = layer(sine(hz))[0, 10, 500:-500].detach()
    assert ((y.max() - y.min()) / y.mean()).item() < 1e-3
    assert y.mean().item() == pytest.approx(0.5, abs=0.005)
    assert layer(sine(hz)).mean(-1).argmax() == 10


def test_neighbours_meet_at_half_their_peaks():
    layer = Gabor(RATE, 20, 801, 1)
    hz, gains = layer.responses(RATE, 16_384)
    f = 1000 * layer.frequency.detach().numpy()
    for k in (8, 12):
        edge = f[k] + (f[k + 1] - f[k - 1]) / 4
        assert gains[k][np.abs(hz - edge).argmin()] == pytest.approx(0.5, abs=0.03)


# ---- several scales, and many small ones


def test_every_scale_hears_an_impulse_in_the_same_frame():
    layer = MultiScale(6, (16, 80, 160), 160)
    for branch in layer.branches:
        branch.weight.data.abs_()
    for at in (1600, 1660, 4000):
        x = torch.zeros(1, 1, 8000)
        x[..., at] = 1.0
        peaks = [layer.pooled(branch, x).sum(1).argmax().item() for branch in layer.branches]
        strongest = [layer.pooled(branch, x)[0].amax(0) for branch in layer.branches]
        here = int((at + 80) // 160)  # the frame whose 160 samples hold it
        assert all(abs(p - here) <= 1 for p in peaks)
        assert all(s[here] > 0 for s in strongest)
    assert layer(x).shape == (1, 6, 50)
    assert len(layer.times(np.arange(8000))) == 50
    assert layer(torch.randn(1, 1, 8001)).shape[-1] == 51
    with pytest.raises(AuralError, match="divisor"):
        MultiScale(6, (16, 80), 160, (3, 5))


def test_long_windows_tell_neighbouring_tones_apart_and_short_ones_clicks():
    layer = MultiScale(6, (16, 160), 160)
    assert [branch.length for branch in layer.branches] == [16, 160]
    n = torch.arange(160) - 80
    short, long = (torch.hann_window(w, periodic=True) for w in (16, 160))

    def contrast(window: torch.Tensor) -> float:  # of 300 Hz over 500 Hz, by a filter for 300
        m = torch.arange(len(window)) - len(window) // 2
        kernel = window * torch.exp(2j * math.pi * 300 / RATE * m)
        here, there = ((kernel.conj() * torch.exp(2j * math.pi * hz / RATE * m)).sum().abs() for hz in (300, 500))
        return float(here / there)

    assert contrast(long) > 10 * contrast(short)
    assert len(n) == 160


def test_the_tagger_of_3_to_the_9th():
    layer = SampleLevel()
    assert parameters(layer) + 512 * 50 + 50 == 1_869_874
    assert layer.stride == 3**10 == 59_049
    small = SampleLevel([2] * 10).eval()
    assert small(torch.randn(1, 1, 59_049)).shape == (1, 2, 1)
    assert small.field >= 59_049  # all of its input, its zeros too


@pytest.mark.parametrize("block", ["basic", "se", "res", "rese"])
@pytest.mark.parametrize(("base", "blocks"), [(2, 4), (3, 3), (4, 2)])
def test_sample_level_nets_of_any_base(block, base, blocks):
    net = SampleLevel([3] * (blocks + 1), base, block).eval()
    samples = 3 * base ** (blocks + 1)
    assert net(torch.randn(2, 1, samples)).shape == (2, 3, 3)
    assert len(net.times(np.arange(samples + 1))) == 3
    assert net.times(np.arange(float(samples)))[0] == (net.stride - 1) / 2


def test_several_levels_are_heard_together():
    net = SampleLevel((2, 3, 4, 5), levels=3)
    assert net.channels == 12
    assert net.eval()(torch.randn(1, 1, 162)).shape == (1, 12, 1)


# ---- the survey's question


def test_a_number_for_who_minds_when():
    """Of one sample: magnitudes hardly move, the real part of the same filters does; noise through a short random filter does most."""
    torch.manual_seed(0)
    pairs = Strided(129, 256, 128, pairs=True, start="fourier")
    tone = sine(440.0, 0.5)
    still = translation_change(pairs, tone, edge=4)
    moving = translation_change(lambda x: pairs.heard(x, pairs.weight), tone, edge=4)
    assert still < 0.01
    assert moving > 10 * still
    assert translation_change(lambda x: torch.ones(1, 1, x.shape[-1]), tone) == 0
    noise = torch.randn(1, 1, 8000)
    assert translation_change(pairs, noise, edge=4) < 0.5 * translation_change(Strided(32, 256, 128), noise, edge=4)
    # Half a period later everything is the other way round: |a - (-a)| / |a| = 2.
    flip = translation_change(lambda x: F.conv1d(x, torch.ones(1, 1, 1)), sine(500.0), shift=16)
    assert flip == pytest.approx(2, abs=1e-3)
    with_offset = lambda x: pairs.heard(x, pairs.weight) + 1000  # noqa: E731
    assert translation_change(with_offset, noise, edge=4) < 0.02  # it looks still, and is not
    assert translation_change(with_offset, noise, edge=4, offsets=False) > 0.05


def test_the_magnitude_of_a_lasting_tone_stands_still():
    layer = Strided(513, 1024, 256, pairs=True, start="fourier")
    y = layer(sine(440.0, 1.0))[0, :, 4:-4].detach()
    assert ((y.amax(1) - y.amin(1)).max() / y.max()).item() < 1e-4
    real = layer.heard(sine(440.0, 1.0), layer.weight)[0, 28, 4:-4].detach()
    assert (real.max() - real.min()).item() > 0.5 * y.max().item()


def test_measured_responses_peak_where_the_filter_is():
    layer = Gabor(RATE, 10, 401, 80, low=500.0, modulus=True)
    hz = 1000 * layer.frequency.detach().numpy()
    gains = responses(layer, RATE, hz)
    assert gains.argmax(1).tolist() == list(range(10))
    assert layer.training
