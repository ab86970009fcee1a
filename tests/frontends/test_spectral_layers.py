"""Facts about first layers of a spectrogram."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from aural.errors import AuralError
from aural.frontends import TDNN, BallroomShapes, ContextWindow, Harmonic, Musical, PitchSpiral, Rhythm, SpiralConv, Timbre
from aural.frontends.spiral import shifted
from aural.nets.blocks import parameters
from aural.nets.mlp import MLP, PerFrame


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


# ---- context and time delays


def test_a_dense_layer_on_windows_is_a_convolution():
    torch.manual_seed(0)
    net = MLP((3 * 9, 6, 2), nn.Tanh)
    x = torch.randn(2, 3, 20)
    first = net[0].weight.unflatten(1, (3, 9))
    hidden = F.conv1d(x, first, net[0].bias, padding=4).tanh()
    expected = F.conv1d(hidden, net[2].weight[..., None], net[2].bias)
    torch.testing.assert_close(PerFrame(net)(ContextWindow(9)(x)), expected, rtol=1e-5, atol=1e-6)


def test_what_stands_outside():
    x = torch.tensor([[[1.0, 2.0, 3.0]]])
    assert ContextWindow(3)(x)[0].mT.tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 0]]
    assert ContextWindow(3, "repeat")(x)[0].mT.tolist() == [[1, 1, 2], [1, 2, 3], [2, 3, 3]]
    with pytest.raises(AuralError, match="odd"):
        ContextWindow(4)


def test_the_tdnn_of_the_paper():
    net = TDNN()
    assert parameters(net) == 521
    assert parameters(net.first) == 392
    assert parameters(net.second) == 123
    x = torch.randn(2, 16, 15)
    assert net.events(x).shape == (2, 3, 9)
    assert net(x).shape == (2, 3)
    assert net.responses().shape == (8, 16)


def test_an_event_may_move_within_the_window():
    net = TDNN()
    x = torch.zeros(1, 16, 15 + 4)  # silence round the window
    x[..., 8:11] = torch.randn(16, 3)
    for move in (-2, 2):
        torch.testing.assert_close(net(x.roll(move, -1)), net(x), rtol=0, atol=1e-6)


def test_weights_are_shared_over_time():
    net = TDNN(2, 1, 2)
    x = torch.randn(1, 2, 9)
    h = net.first(x).detach().sigmoid()
    y = net.second(h).sigmoid()
    net.gain.data.fill_(2.0)
    net(x).sum().backward()
    slope = 2.0 * 2 * y * y * (1 - y)  # of the logits by each position's sum
    expected = sum(slope[0, 0, n] * h[0, :, n : n + 5] for n in range(y.shape[-1]))
    torch.testing.assert_close(net.second.weight.grad[0], expected.detach(), rtol=1e-4, atol=1e-5)


# ---- musical shapes


def test_a_tall_filter_does_not_mind_the_pitch():
    layer = Timbre(5, 3, 4).eval()
    x = torch.zeros(1, 1, 24, 10)
    x[:, :, 9:13] = torch.rand(1, 1, 4, 10) + 0.5  # further from the edges than a filter is high
    for move in (-3, 5):
        torch.testing.assert_close(layer(x.roll(move, 2)), layer(x))
    assert not torch.allclose(layer(x.flip(2)), layer(x))  # another timbre


def test_a_long_filter_does_not_mind_the_bands():
    layer, x = Rhythm(7, 4).eval(), torch.randn(2, 1, 12, 30)
    torch.testing.assert_close(layer(x[:, :, torch.randperm(12)]), layer(x), rtol=1e-5, atol=1e-5)


def test_the_shapes_of_tagging():
    layer = Musical().eval()
    assert layer.channels == 408 + 153
    assert layer(torch.randn(1, 1, 96, 20)).shape == (1, 561, 20)
    assert layer.responses().shape == (408, 96)
    hz, gains = layer.rhythm[0].responses(62.5)
    assert gains.shape == (51, len(hz))
    assert hz[-1] == 31.25


def test_a_tall_filter_hears_nothing_beyond_its_height():
    layer = Timbre(5, 3, 1).eval()
    x = torch.zeros(1, 1, 9, 6)
    x[0, 0, 2, 3] = 10.0  # the highest place is one that holds this
    x.requires_grad_()
    layer.conv.weight.data.abs_()
    layer(x)[0, 0, 3].backward()
    touched = np.flatnonzero(x.grad[0, 0].abs().sum(1).numpy())
    assert touched.max() - touched.min() + 1 <= 5


def test_each_family_has_its_ballroom():
    x = torch.randn(2, 1, 40, 80)
    sizes = {kind: parameters(BallroomShapes(8, kind)) for kind in ("black-box", "time", "frequency", "both")}
    for kind in sizes:
        assert BallroomShapes(8, kind)(x).shape == (2, 8)
    assert sizes["time"] == 32 * 61 + 32 * 21 * 8 + 8
    assert sizes["frequency"] == 32 * 33 + 32 * 9 * 8 + 8
    assert sizes["both"] == sizes["time"] + sizes["frequency"] - 8
    assert sizes["both"] < 0.05 * sizes["black-box"]


# ---- pitch spiral


def test_a_spiral_is_a_convolution_over_octaves_as_channels():
    layer = SpiralConv(2, 3, 3, (5, 3))
    x = torch.randn(2, 2, 48, 9)
    torch.testing.assert_close(layer(x), layer.conv(shifted(x, (0, 12, 24))))
    by_hand = torch.zeros(2, 3, 48, 9)
    padded = F.pad(x, (1, 1, 2, 24 + 2))
    for j in range(3):
        kernel = layer.conv.weight.unflatten(1, (2, 3))[:, :, j]
        by_hand += F.conv2d(padded[:, :, 12 * j : 12 * j + 48 + 4], kernel)
    inside = slice(2, 46 - 24)
    torch.testing.assert_close((by_hand + layer.conv.bias[:, None, None])[:, :, inside], layer(x)[:, :, inside], rtol=1e-4, atol=1e-5)


def test_one_bin_high_it_is_a_dilated_convolution():
    layer = SpiralConv(1, 3, 3, (1, 3))
    x = torch.randn(2, 1, 48, 9)
    kernel = layer.conv.weight[:, :, 0][:, None]  # (filter, 1, octave, frame)
    expected = F.conv2d(F.pad(x, (1, 1, 0, 24)), kernel, layer.conv.bias, dilation=(12, 1))
    torch.testing.assert_close(layer(x), expected, rtol=1e-5, atol=1e-6)


def test_transposed_sounds_are_heard_higher():
    layer = SpiralConv(1, 3, 2, (5, 3))
    x = torch.randn(1, 1, 60, 9)
    torch.testing.assert_close(layer(x.roll(4, 2))[:, :, 8:40], layer(x)[:, :, 4:36], rtol=1e-4, atol=1e-5)


def test_octaves_of_a_tone_reach_their_own_weights():
    layer = SpiralConv(1, 1, 3, (1, 1))
    nn.init.zeros_(layer.conv.bias)
    x = torch.zeros(1, 1, 48, 1)
    x[0, 0, [10, 22, 34]] = 1.0
    assert layer(x)[0, 0, 10, 0].item() == pytest.approx(layer.conv.weight.sum().item(), rel=1e-5)
    assert layer(x)[0, 0, 22, 0].item() == pytest.approx(layer.conv.weight[0, :2].sum().item(), rel=1e-5)
    assert shifted(x, (100, -100)).abs().sum() == 0


def test_the_hybrid_layer():
    layer = PitchSpiral()
    assert layer(torch.randn(2, 1, 96, 20)).shape == (2, 64, 20)
    assert layer.responses().shape == (32, 24 + 5)


# ---- harmonic filters


def test_centres_go_up_as_long_as_their_harmonics_fit():
    layer = Harmonic()
    assert len(layer.centres) == 128
    midi = 69 + 12 * np.log2(layer.centres / 440)
    assert (midi[0], midi[-1]) == (pytest.approx(24), pytest.approx(87.5))
    assert 6 * layer.centres[-1] == pytest.approx(7686, abs=2)
    assert layer(torch.rand(2, 1, 257, 5)).shape == (2, 6, 128, 5)
    assert parameters(layer) == 1
    assert parameters(Harmonic(learn="all")) == 3
    with pytest.raises(AuralError, match="257 bins"):
        layer(torch.rand(2, 1, 256, 5))


def test_a_triangle_is_one_at_its_harmonic():
    layer = Harmonic()
    for h in (1, 3, 6):
        f = h * layer.centres[60]
        width = 0.1079 * f + 24.7
        gains = layer.gains(torch.tensor([f, f + width / 4, f + 0.51 * width, f - 0.51 * width], dtype=torch.float32))[h - 1, 60]
        assert gains.tolist() == pytest.approx([1, 0.5, 0, 0], abs=1e-3)


@pytest.mark.parametrize(("n_fft", "q", "deaf"), [(512, 1.0, 1), (512, 2.0, 70), (1024, 1.0, 0), (1024, 2.0, 1)])
def test_narrow_triangles_are_deaf(n_fft, q, deaf):
    layer = Harmonic(n_fft=n_fft, q=q)
    assert int((layer.gains(layer.bins).sum(-1) == 0).sum()) == deaf
    assert torch.isfinite(layer(torch.rand(1, 1, n_fft // 2 + 1, 2))).all()


def test_a_higher_q_is_narrower_and_learns():
    layer = Harmonic().double()
    wide = (layer.gains(layer.bins) > 0).sum()
    layer.q.data.fill_(2.0)
    assert (layer.gains(layer.bins) > 0).sum() < wide
    x = torch.rand(1, 1, 257, 3, dtype=torch.float64) + 0.1
    layer.decibels = False
    layer(x).square().sum().backward()
    values = []
    for step in (-1e-6, 1e-6):
        layer.q.data.fill_(2.0 + step)
        values.append(layer(x).square().sum().item())
    assert layer.q.grad.item() == pytest.approx((values[1] - values[0]) / 2e-6, rel=1e-4)


def test_each_harmonic_of_a_tone_peaks_at_its_fundamental():
    layer = Harmonic(n_fft=2048, q=4.0)
    f0 = layer.centres[70]
    x = torch.zeros(1, 1, 1025, 1)
    for h in range(1, 7):
        x[0, 0, round(h * f0 / (16_000 / 2048))] = 1.0
    y = layer(x)[0, :, :, 0]
    assert abs(int(y.mean(0).argmax()) - 70) <= 1
    hz, gains = layer.responses()
    assert abs(hz[gains[70].argmax()] - f0) < 4
