"""Facts of nets that are made to run: they say the same, in pieces, without normalisations, and are made anew when weights change."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from test_every_net import MADE, made
from torch import Tensor, nn

from aural import Events, Example, Sound, registry
from aural.nets.blocks import ConvBlock
from aural.nets.padding import Chain
from aural.nets.pieces import by_pieces
from aural.nets.quick import InPieces, Taps, quick
from aural.part import Tree, stack
from aural.running import estimate
from aural.system import System, build, load, weights_of
from aural.systems.note.pitch import Pitch

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def learned(net: nn.Module) -> nn.Module:
    """With normalisations as after training."""
    for module in net.modules():
        if isinstance(module, NORMS):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
            if module.affine:
                nn.init.normal_(module.weight, 1, 0.2)
                nn.init.normal_(module.bias, 0, 0.2)
    return net.eval()


def leaves(y: Tree) -> list[Tensor]:
    return [leaf for value in y.values() for leaf in leaves(value)] if isinstance(y, dict) else [y]


def assert_equal(ours: Tree, theirs: Tree, within: float = 1e-5) -> None:
    for a, b in zip(leaves(ours), leaves(theirs), strict=True):
        torch.testing.assert_close(a, b, rtol=within, atol=within * max(1.0, float(b.abs().max()) if b.numel() else 0.0))


def asked(name: str, seconds: float = 6.0) -> tuple[System, Example]:
    system = load(name) if weights_of(name) else build(name)
    learned(system.net) if not weights_of(name) else system.eval()
    noise = np.random.default_rng(0).standard_normal((1, round(seconds * 22_050))) * np.exp(
        -8 * (np.arange(round(seconds * 22_050)) / 22_050 % 0.5)
    )
    return system, Example(sound=Sound(0.2 * noise, 22_050), beats=Events(np.arange(0, seconds, 0.5)))


# a system with a net of its own each; deep_salience of a melody has that of pitches
@pytest.mark.parametrize("name", [name for name in registry.names() if name != "melody/deep_salience"])
def test_a_system_says_what_its_net_says(name):
    system, example = asked(name, 2.0 if name == "pitch/deep_salience" else 6.0)
    if not any(True for _ in system.net.parameters()):
        pytest.skip("nothing was learned")
    features = system.features(stack(system.input, [system.input.read(example)]))
    with torch.no_grad():
        theirs = system.estimate(features)
    theirs = {k: v[0] for k, v in theirs.items()} if isinstance(theirs, dict) else theirs[0]
    assert_equal(estimate(system, example)[0], theirs)


@pytest.mark.parametrize("name", MADE)
def test_a_net_says_the_same(name):
    net, x = made(name, 2)
    net = learned(net)
    with torch.no_grad():
        assert_equal(quick(net)(x), net(x))


@pytest.mark.parametrize("layers", [{}, {"near": 4, "again": 2, "contrast": 101}], ids=str)
def test_notes_of_minutes_are_those_of_the_whole(layers):
    net = learned(Pitch(channels=6, width=24, **layers))
    x = torch.rand(1, 1, 309, 1100)
    with torch.no_grad():
        in_pieces = net(x)
        assert_equal(quick(net)(x), in_pieces)
    with torch.enable_grad():  # then it is one piece
        assert_equal(in_pieces, {name: y.detach() for name, y in net(x).items()})


@pytest.mark.parametrize(("near", "again"), [(3, 0), (4, 2)])
@pytest.mark.parametrize("which", [0, 1], ids=["near", "maps"])
def test_the_net_of_notes_hears_as_far_as_it_says(which, near, again):
    net = learned(Pitch(channels=4, width=12, near=near, again=again)).double()
    frames = net.hears[which]
    x = torch.rand(1, 1, 309, 61, dtype=torch.float64, requires_grad=True)
    if which == 0:
        made, heard = net._near(x)[0], [x]
    else:
        heard = [
            x,
            torch.rand(1, 4, 88, 61, dtype=torch.float64, requires_grad=True),
            torch.rand(1, 12, 61, dtype=torch.float64, requires_grad=True),
        ]
        made = net._maps(*heard)[1]
    made[..., 30].sum().backward()
    at = {int(k) for t in heard for k in t.grad.reshape(-1, 61).abs().sum(0).nonzero().flatten()}
    assert at == set(range(30 - frames, 31 + frames))


def test_the_net_of_notes_has_no_normalisation_left():
    assert not any(isinstance(m, NORMS) for m in quick(Pitch(channels=4, width=12)).modules())


def test_what_is_saved_is_as_it_was():
    net = learned(Pitch(channels=4, width=12))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    ready = quick(net)
    with torch.no_grad():
        ready(torch.rand(1, 1, 309, 40))
    after = net.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) and after[name].is_contiguous() for name in before)
    assert ready.key.weight is net.key.weight  # no second copy of what stays as it is


def test_new_weights_are_heard_at_once():
    system, example = asked("note/pitch", 2.0)
    first, _ = estimate(system, example)
    with torch.no_grad():
        system.net.key.bias += 1.0
    second, _ = estimate(system, example)
    assert not torch.equal(first["key"], second["key"])
    torch.testing.assert_close(first["notes"], second["notes"])
    system.net.key = nn.Conv1d(320, 25, 1).eval()
    assert not torch.equal(estimate(system, example)[0]["key"], second["key"])


def test_a_net_that_learns_is_left_alone():
    system, example = asked("note/pitch", 2.0)
    system.net.train()
    before = system.net.stem[1].running_mean.clone()
    estimate(system, example)
    assert not torch.equal(system.net.stem[1].running_mean, before)


@torch.no_grad()
def test_a_convolution_of_ones_own_keeps_its_normalisation():
    class Halved(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) / 2

    net = learned(nn.Sequential(Halved(1, 3, 3, padding=1), nn.BatchNorm2d(3)))
    x = torch.randn(1, 1, 5, 9)
    assert_equal(quick(net)(x), net(x))
    spectral = learned(nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 3, 3)), nn.BatchNorm2d(3)))
    assert_equal(quick(spectral)(x), spectral(x))


# ---- pieces


def chain(dilation: int = 2) -> Chain:
    layers = [
        nn.Conv2d(1, 4, (3, 5), padding=(1, 2 * dilation), dilation=(1, dilation)),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 2, 3, 1, 1),
    ]
    return Chain(*layers).double().eval()


@pytest.mark.parametrize("frames", [1, 19, 20, 21, 37, 64])
@torch.no_grad()
def test_pieces_are_the_whole(frames):
    net, x = chain(), torch.randn(2, 1, 6, frames, dtype=torch.float64)
    torch.testing.assert_close(by_pieces(net, x, reach=5, size=10), net(x), rtol=1e-12, atol=1e-12)


@torch.no_grad()
def test_pieces_that_hear_too_little_are_not():
    net, x = chain(), torch.randn(1, 1, 6, 64, dtype=torch.float64)
    assert not torch.allclose(by_pieces(net, x, reach=4, size=10), net(x))


@torch.no_grad()
def test_several_go_in_and_come_out():
    x, y = torch.randn(2, 3, 50), torch.randn(2, 1, 4, 50)
    total, double = by_pieces(lambda a, b: (a[:, None].mean(2) + b.mean(2), 2 * a), x, y, reach=0, size=7)
    torch.testing.assert_close(total, x[:, None].mean(2) + y.mean(2))
    torch.testing.assert_close(double, 2 * x)


def test_where_a_gradient_may_flow_there_is_one_piece():
    seen: list[int] = []

    def net(x: Tensor) -> Tensor:
        seen.append(x.shape[-1])
        return x

    by_pieces(net, torch.zeros(1, 50), reach=1, size=7)
    with torch.no_grad():
        by_pieces(net, torch.zeros(1, 50), reach=1, size=7)
    assert seen == [50, 8, *[9] * 6, 2]


@pytest.mark.parametrize(
    ("layer", "reach"),
    [
        (nn.Conv2d(1, 3, (3, 5), padding=(1, 4), dilation=(1, 2)), 4),
        (ConvBlock(1, 3, (4, 7), norm="batch"), None),  # an even kernel stands one frame to the side
        (ConvBlock(1, 3, (3, 7), norm="batch"), 3),
        (ConvBlock(1, 3, 3, norm="instance"), None),
        (ConvBlock(1, 3, 3, pool=(1, 2)), None),
        (ConvBlock(1, 3, 3, pool=(2, 1)), 1),
        (nn.Conv2d(1, 3, (3, 4)), None),
        (nn.Conv2d(1, 3, (3, 3), (1, 2), 1), None),
    ],
)
@torch.no_grad()
def test_only_what_hears_its_neighbourhood_runs_in_pieces(layer, reach):
    net = nn.Sequential(layer, nn.ReLU()).eval()
    ready = quick(net)
    assert (ready.reach if isinstance(ready, InPieces) else None) == reach
    x = torch.randn(1, 1, 20, 1000)
    assert_equal(ready(x), net(x))


@pytest.mark.parametrize("dilation", [1, 3, 40])
@pytest.mark.parametrize("frames", [1, 2, 50, 200])
@pytest.mark.parametrize("bias", [True, False])
@torch.no_grad()
def test_a_convolution_of_each_channel_is_the_sum_of_its_taps(dilation, frames, bias):
    conv = nn.Conv1d(4, 4, 5, padding=2 * dilation, dilation=dilation, groups=4, bias=bias).double()
    x = torch.randn(2, 4, frames, dtype=torch.float64)
    torch.testing.assert_close(Taps(conv)(x), conv(x), rtol=1e-12, atol=1e-12)
