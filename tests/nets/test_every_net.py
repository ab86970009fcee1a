"""What every network and first layer promises."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from aural.frontends import (
    TDNN,
    BallroomShapes,
    ContextWindow,
    Gabor,
    Harmonic,
    MultiScale,
    Musical,
    PitchSpiral,
    SampleLevel,
    Sinc,
    SpiralConv,
    Strided,
)
from aural.nets.attention import MultiHeadAttention
from aural.nets.autoencoder import NonNegative, dense
from aural.nets.blocks import ConvBlock
from aural.nets.cnn import CNN, FCN, Classifier, vgg
from aural.nets.complex import ComplexConv1d
from aural.nets.gan import Critic, Generator
from aural.nets.inception import Inception
from aural.nets.mlp import MLP, PerFrame
from aural.nets.rbm import RBM, ConvRBM, dbn
from aural.nets.resnet import Bottleneck, ResNet
from aural.nets.rnn import BidirectionalLSTM, Recurrent
from aural.nets.tcn import TCN
from aural.nets.transformer import Transformer
from aural.nets.unet import UNet, WaveUNet
from aural.nets.vae import VAE, Quantiser
from aural.nets.wavenet import WaveNetStack


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


MADE: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "mlp": (lambda: MLP((5, 8, 3), nn.Tanh), (5,)),
    "per frame": (lambda: PerFrame(MLP((5, 8, 3), nn.Tanh)), (5, 7)),
    "block": (lambda: ConvBlock(2, 3, (3, 5), pool=(2, 1), activation=nn.Tanh), (2, 8, 9)),
    "cnn": (lambda: CNN(1, (3, 4), [(3, 5), 3], [(2, 1), 1], activation=nn.Tanh), (1, 8, 9)),
    "vgg": (lambda: Classifier(vgg(1, (4, 6), 1), 3), (1, 8, 12)),
    "fcn": (lambda: FCN(3, ((4, (2, 2)), (4, (4, 4))), 0.0), (1, 8, 8)),
    "causal tcn": (lambda: TCN(2, (3, 4), activation=nn.Tanh), (2, 12)),
    "centred tcn": (lambda: TCN(2, (3, 4), causal=False, activation=nn.Tanh), (2, 12)),
    "lstm": (lambda: Recurrent(3, 4, "lstm", 2), (3, 8)),
    "gru": (lambda: Recurrent(3, 4, "gru", bidirectional=True), (3, 8)),
    "rnn": (lambda: Recurrent(3, 4, "rnn"), (3, 8)),
    "blstm": (lambda: BidirectionalLSTM(3, 4), (3, 8)),
    "resnet": (lambda: ResNet(1, (1, 1), (3, 4)), (1, 8, 8)),
    "resnet 1d": (lambda: ResNet(2, (1, 1), (2, 4), block=Bottleneck, dim=1, excite=0.5), (2, 16)),
    "inception": (lambda: Inception(2, 2, ((2, 3, (3, 5)),), 2), (2, 6, 7)),
    "u-net": (lambda: UNet(1, 1, (3, 4), up_activation=nn.Tanh), (1, 9, 11)),
    "wave-u-net": (lambda: WaveUNet(1, 1, 2, 2, 5, 3), (1, 21)),
    "attention": (lambda: MultiHeadAttention(8, 2, rotary=True), (5, 8)),
    "transformer": (lambda: Transformer(3, 8, 2, 2), (3, 9)),
    "wavenet": (lambda: WaveNetStack(2, 3, (1, 2), 4, 4), (2, 10)),
    "auto-encoder": (lambda: dense((6, 3), nn.Tanh), (6,)),
    "non-negative": (lambda: NonNegative(6, 2), (6, 4)),
    "vae": (lambda: VAE(MLP((6, 4)), MLP((2, 6))), (6,)),
    "generator": (lambda: Generator(3, 1, 2, (4, 4), 5, 2), (3,)),
    "critic": (lambda: Critic(16, 1, (3, 4), 5, 2), (1, 16)),
    "rbm": (lambda: RBM(6, 4), (6,)),
    "conv rbm": (lambda: ConvRBM(3, 4, 3, 2), (3, 10)),
    "dbn": (lambda: dbn((6, 4, 3)), (6,)),
    "strided": (lambda: Strided(4, 8, 4, pairs=True), (1, 40)),
    "sinc": (lambda: Sinc(8000, 4, 31, 4), (1, 80)),
    "gabor": (lambda: Gabor(8000, 4, 31, 4, modulus=True), (1, 80)),
    "multi-scale": (lambda: MultiScale(4, (4, 8), 8), (1, 64)),
    "sample-level": (lambda: SampleLevel((3, 3, 4), dropout=0.0), (1, 54)),
    "sample-level rese": (lambda: SampleLevel((2, 3), block="rese", levels=1), (1, 27)),
    "musical": (lambda: Musical(((5, 3, 2),), ((7, 2),)), (1, 8, 12)),
    "spiral": (lambda: SpiralConv(1, 2, 2, (3, 3), 3), (1, 9, 6)),
    "pitch spiral": (lambda: PitchSpiral(9, 4, 6, 2, (3, 3), 3), (1, 9, 6)),
    "context": (lambda: ContextWindow(3), (2, 5)),
    "tdnn": (lambda: TDNN(4, 2, 3), (4, 9)),
    "ballroom": (lambda: BallroomShapes(2, "both", 2), (1, 40, 80)),
    "harmonic": (lambda: Harmonic(8000, 64, 2, 1, 200.0), (1, 33, 3)),
}


def made(name: str, batch: int, dtype: torch.dtype = torch.float32) -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    make, shape = MADE[name]
    net = make().to(dtype)
    x = torch.randn(batch, *shape, dtype=dtype)
    return net, x.abs() + 0.1 if name in ("harmonic", "non-negative") else x


@pytest.mark.parametrize("name", MADE)
def test_each_example_of_a_batch_is_as_alone(name):
    net, x = made(name, 4)
    net.eval()
    together = net(x)
    for i in range(4):
        torch.testing.assert_close(net(x[i : i + 1])[0], together[i], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", MADE)
def test_the_gradient_is_that_of_the_function(name):
    net, x = made(name, 2, torch.float64)
    net.eval()
    assert torch.autograd.gradcheck(net, x.requires_grad_(), fast_mode=True, atol=1e-4)


@pytest.mark.parametrize("name", MADE)
def test_the_same_seed_makes_the_same_weights(name):
    first, second = made(name, 1)[0].state_dict(), made(name, 1)[0].state_dict()
    assert all(torch.equal(first[k], second[k]) for k in first)


@pytest.mark.parametrize("name", [n for n in MADE if n not in ("context", "harmonic", "sinc", "gabor")])
def test_one_batch_is_learned_by_heart(name):
    net, x = made(name, 3)
    net.train()
    for module in net.modules():
        if isinstance(module, nn.Dropout | nn.Dropout1d | nn.Dropout2d):
            module.p = 0.0
    y = net(x).detach()
    reading = torch.randn(y[0].numel()) / (y.flatten(1).std() * y[0].numel() ** 0.5)
    target = torch.tensor([1.0, -1.0, 2.0]) + y.flatten(1) @ reading  # of each example one number, to be moved
    optimiser = torch.optim.Adam(net.parameters(), 0.02)
    losses = []
    for _ in range(300):
        optimiser.zero_grad()
        loss = (net(x).flatten(1) @ reading - target).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
        if losses[-1] < 0.05 * losses[0]:
            break
    assert min(losses) < 0.05 * losses[0]


@pytest.mark.parametrize("name", [n for n in MADE if n != "context"])
def test_every_weight_learns(name):
    net, x = made(name, 4)
    y = net.train()(x)
    (y * torch.linspace(0.5, 1.5, y.numel()).reshape(y.shape)).sum().backward()
    untouched = [n for n, p in net.named_parameters() if p.requires_grad and (p.grad is None or not torch.isfinite(p.grad).all())]
    # What machines see back, and a plain VAE's variances, are the objectives' business.
    assert not [n for n in untouched if not ((name in ("rbm", "conv rbm", "dbn") and n.endswith(".bias")) or n == "bias")]


def test_numbers_of_a_quantiser_and_complex_layers_go_by_other_rules():
    assert Quantiser(4, 3)(torch.randn(2, 3, 5)).shape == (2, 3, 5)
    assert ComplexConv1d(2, 3, 3)(torch.randn(2, 2, 5, dtype=torch.complex64)).shape == (2, 3, 3)
