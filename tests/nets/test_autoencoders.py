"""Facts about auto-encoders of all kinds, variational ones, and the parts of generators and critics."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aural.divergence import kl_gauss
from aural.errors import AuralError, OptionError
from aural.frontends import Gabor
from aural.nets.autoencoder import AutoEncoder, NonNegative, dense
from aural.nets.complex import ComplexBatchNorm, ComplexConv, ComplexConv1d, ModulusReLU, complexified
from aural.nets.gan import BatchDeviation, Critic, Generator, PhaseShuffle, PixelNorm
from aural.nets.mlp import MLP
from aural.nets.unet import ComplexUNet, UNet
from aural.nets.vae import VAE, Quantiser
from aural.objectives import Batch, Contractive, Denoising, Sparse, Variational, mse
from aural.objectives.reconstruction import gaussian_noise, jacobian_norm, masking, sigmoid_jacobian_norm
from aural.objectives.variational import bernoulli, gaussian
from aural.part import Part


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


class Sentence(SimpleNamespace):
    """As much of a system as an objective asks for."""

    def __call__(self, x: Tensor) -> Tensor:
        return self.net(x)


def learned(net, objective, x, y=None, steps=300, rate=0.01):
    system = Sentence(net=net, output=Part())
    optimiser = torch.optim.Adam(net.parameters(), rate)
    for step in range(steps):
        x_now = x(step) if callable(x) else x
        (update,) = objective.updates(system, Batch(x_now, x_now if y is None else y, torch.Generator().manual_seed(step), step))
        optimiser.zero_grad()
        update.loss.backward()
        optimiser.step()
    return update


# ---- plain, denoising, sparse, contractive


def test_a_linear_auto_encoder_finds_the_principal_components():
    torch.manual_seed(0)
    x = torch.randn(200, 6) @ torch.diag(torch.tensor([5.0, 3.0, 1.0, 0.8, 0.5, 0.3])) @ torch.linalg.qr(torch.randn(6, 6))[0]
    x = x - x.mean(0)
    values, vectors = torch.linalg.eigh(x.mT @ x / len(x))
    net = AutoEncoder(MLP((6, 2)), MLP((2, 6)))
    learned(net, Denoising(mse, masking(0.0)), x, steps=500, rate=0.05)
    error = (net(x) - x).square().sum(1).mean()
    assert error.item() == pytest.approx(values[:4].sum().item(), rel=0.01)
    columns = torch.linalg.qr(net.decoder[0].weight.detach())[0]
    cosines = torch.linalg.svdvals(columns.mT @ vectors[:, 4:])
    assert torch.acos(cosines.clamp(max=1)).max() < 0.05


def test_a_denoiser_points_to_where_data_is_dense():
    """Of N(0, s²), the best r(x) is x s² / (s² + σ²), and (r(x) - x) / σ² nearly the slope of log p."""
    torch.manual_seed(0)
    x, s, sigma = torch.randn(4000, 1) * 2.0, 2.0, 0.5
    net = AutoEncoder(nn.Identity(), nn.Linear(1, 1))
    learned(net, Denoising(mse, gaussian_noise(sigma)), x, steps=300, rate=0.02)
    assert net.decoder.weight.item() == pytest.approx(s**2 / (s**2 + sigma**2), abs=0.02)
    at = torch.tensor([[1.0]])
    assert ((net(at) - at) / sigma**2).item() == pytest.approx(-1 / (s**2 + sigma**2), abs=0.1)


def test_corruption_is_seeded_and_only_learned_with():
    x = torch.ones(4, 100)
    for corrupt in (masking(0.3), gaussian_noise(0.1)):
        first, again, other = (corrupt(x, torch.Generator().manual_seed(s)) for s in (0, 0, 1))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)
    assert (masking(0.3)(x, torch.Generator().manual_seed(0)) == 0).float().mean().item() == pytest.approx(0.3, abs=0.07)


def test_a_sparse_code_costs_nothing_at_its_rate():
    objective, none = Sparse(mse, rate=0.2), torch.Generator()
    z = torch.zeros(10, 3)
    z[:2] = 1.0
    assert objective.penalty(None, z, z, none).item() == pytest.approx(0, abs=1e-6)
    assert objective.penalty(None, z, z.flip(1) * 0.5, none) > 0.01
    assert Sparse(mse, rate=None).penalty(None, z, z, none) == pytest.approx(3 * 2 / 10)
    with pytest.raises(AuralError, match="rate"):
        Sparse(mse, rate=1.5)


def test_a_code_becomes_as_sparse_as_asked():
    torch.manual_seed(0)
    net, x = dense((8, 6), code=nn.Sigmoid), torch.randn(64, 8)
    assert net.encode(x).mean() > 0.3
    learned(net, Sparse(mse, weight=3.0, rate=0.05), x, steps=400, rate=0.03)
    assert net.encode(x).mean().item() == pytest.approx(0.05, abs=0.02)


def test_the_contractive_norm_is_that_of_the_jacobian():
    torch.manual_seed(0)
    layer = nn.Linear(5, 4).double()
    x = torch.randn(3, 5, dtype=torch.float64, requires_grad=True)
    h = layer(x).sigmoid()
    exact = jacobian_norm(h, x)
    jacobian = torch.stack([torch.autograd.functional.jacobian(lambda v: layer(v).sigmoid(), row) for row in x])
    torch.testing.assert_close(exact, jacobian.square().sum((1, 2)), rtol=0, atol=1e-8)
    torch.testing.assert_close(exact, sigmoid_jacobian_norm(h, layer.weight), rtol=0, atol=1e-8)
    guessed = jacobian_norm(h, x, 2000, torch.Generator().manual_seed(0))
    torch.testing.assert_close(guessed, exact, rtol=0.05, atol=0)


def test_a_contractive_code_hardly_moves():
    x = torch.randn(64, 6)
    norms = []
    for weight in (0.0, 1.0):
        torch.manual_seed(0)
        net = dense((6, 4), code=nn.Sigmoid)
        learned(net, Contractive(mse, weight), x, steps=100, rate=0.02)
        v = x.clone().requires_grad_()
        norms.append(jacobian_norm(net.encode(v), v).mean().item())
    assert norms[1] < 0.3 * norms[0]


def test_a_non_negative_auto_encoder_factorises():
    torch.manual_seed(0)
    spectra, gains = torch.rand(12, 3), torch.rand(1, 3, 200)
    x = spectra @ gains
    net = NonNegative(12, 3)
    learned(net, Denoising(mse, masking(0.0)), x, steps=600, rate=0.02)
    assert (net(x) - x).square().mean() < 0.06 * x.var()
    assert (net.dictionary() >= 0).all()
    assert (net.encode(x) >= 0).all()


# ---- variational


def test_the_divergence_is_torchs_and_that_of_counting():
    mean, log_variance = torch.randn(4, 3), torch.randn(4, 3)
    q, p = torch.distributions.Normal(mean, (log_variance / 2).exp()), torch.distributions.Normal(0, 1)
    torch.testing.assert_close(kl_gauss(mean, log_variance), torch.distributions.kl_divergence(q, p), rtol=1e-6, atol=1e-6)
    torch.manual_seed(0)
    z = q.sample((200_000,))
    torch.testing.assert_close((q.log_prob(z) - p.log_prob(z)).mean(0), kl_gauss(mean, log_variance), rtol=0.03, atol=1e-2)


class LinearGaussian(nn.Module):
    """p(x|z) = N(Wz + b, σ²): everything about it is known. W'W is diagonal, so that the best code is too."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.deviation = 0.5
        self.weight = torch.linalg.qr(torch.randn(4, 2))[0] * torch.tensor([2.0, 0.7])
        self.bias = torch.randn(4)

    def evidence(self, x: Tensor) -> Tensor:
        return torch.distributions.MultivariateNormal(self.bias, self.weight @ self.weight.mT + self.deviation**2 * torch.eye(4)).log_prob(
            x
        )

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        inner = self.weight.mT @ self.weight + self.deviation**2 * torch.eye(2)
        mean = (x - self.bias) @ self.weight @ torch.linalg.inv(inner)
        return mean + self.off, (self.deviation**2 / inner.diagonal()).log().expand_as(mean) + self.off

    off = 0.0

    def decode(self, z: Tensor) -> Tensor:
        return z @ self.weight.mT + self.bias

    sample = VAE.sample


def test_the_bound_is_the_evidence_where_the_code_is_the_best():
    net = LinearGaussian()
    x, estimate = torch.randn(5, 4), lambda y: y
    objective = Variational(gaussian(net.deviation))
    generator = torch.Generator().manual_seed(0)

    def bound() -> Tensor:
        many = x.repeat(4000, 1)
        likelihood, divergence = objective.terms(net, many, many, generator, estimate)
        return (likelihood - divergence).unflatten(0, (4000, 5)).mean(0)

    torch.testing.assert_close(bound(), net.evidence(x), rtol=0, atol=0.1)
    net.off = 0.4  # any other code tells less
    assert (bound() < net.evidence(x) - 0.05).all()
    bounds = []
    for samples in (1, 5, 50):
        several = Variational(gaussian(net.deviation), samples=samples)
        bounds.append(several.bound(net, *[x.repeat(1000, 1)] * 2, generator, estimate).mean().item())
    assert bounds == sorted(bounds)
    assert bounds[-1] == pytest.approx(net.evidence(x).mean().item(), abs=0.05)


def test_both_ways_to_the_gradient_agree():
    """Of E f(z) by the mean: through the sample, and by the score."""
    mean = torch.tensor([0.3], requires_grad=True)
    log_variance = torch.zeros(1)
    torch.manual_seed(0)
    z = VAE.sample(None, mean.expand(200_000, 1), log_variance.expand(200_000, 1))
    (through,) = torch.autograd.grad((z**3).mean(), mean)
    score = ((z - mean) * z**3).detach().mean()
    assert through.item() == pytest.approx(score.item(), rel=0.03)
    assert through.item() == pytest.approx(3 * 0.3**2 + 3, rel=0.03)


def test_likelihoods_are_summed_over_an_example():
    y, estimate = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    torch.testing.assert_close(gaussian(0.3)(estimate, y), torch.distributions.Normal(estimate, 0.3).log_prob(y).sum((1, 2)))
    p = torch.rand(2, 5)
    torch.testing.assert_close(bernoulli(p, p), -F.binary_cross_entropy_with_logits(p, p, reduction="none").sum(1))
    known = torch.distributions.Normal(estimate, 0.3).log_prob(y)[0].flatten()[1:].sum()
    y[0, 0, 0] = float("nan")
    torch.testing.assert_close(gaussian(0.3)(estimate, y)[0], known)


def test_without_its_divergence_it_is_an_auto_encoder():
    torch.manual_seed(0)
    net, x = VAE(MLP((6, 8)), MLP((4, 6))), torch.randn(32, 6)
    update = learned(net, Variational(gaussian(0.1), beta=0.0), x, steps=300, rate=0.02)
    assert update.logs["divergence"] > 5  # nothing held it
    assert (net(x) - x).square().mean() < 0.5 * x.var()
    held = VAE(MLP((6, 8)), MLP((4, 6)))
    assert learned(held, Variational(gaussian(1.0), beta=10.0), x, steps=300, rate=0.02).logs["divergence"] < 0.2  # it says nothing
    assert (held(x) - x).square().mean() > 0.9 * x.var()
    warm = Variational(warm_up=10)
    first, last = (
        next(iter(warm.updates(Sentence(net=net, output=Part()), Batch(x, x, torch.Generator().manual_seed(0), step)))) for step in (0, 9)
    )
    assert (last.loss - first.loss).item() == pytest.approx(0.9 * last.logs["divergence"].item(), rel=1e-3)
    with pytest.raises(AuralError, match="beta"):
        Variational(samples=3, beta=2.0)


def test_a_quantiser_passes_the_gradient_on():
    net = Quantiser(5, 3)
    x = torch.randn(2, 3, 4, requires_grad=True)
    y = net(x)
    torch.testing.assert_close(y, net.look_up(net.numbers(x)))
    (y * torch.arange(24.0).reshape(2, 3, 4)).sum().backward()
    assert torch.equal(x.grad, torch.arange(24.0).reshape(2, 3, 4))
    words, commitment = net.losses(x)
    assert words == commitment
    assert torch.equal(net.numbers(net.look_up(torch.tensor([[0, 4, 2, 2]]))), torch.tensor([[0, 4, 2, 2]]))


# ---- parts of generators and critics


def test_generators_and_critics_have_the_sizes_they_say():
    assert Generator(3)(torch.randn(2, 3)).shape == (2, 1, 16 * 4**3)
    assert Generator(3, 2, (4, 2), (8, 4), 5, 2)(torch.randn(2, 3)).shape == (2, 2, 16, 8)
    assert Generator(3)(10 * torch.randn(2, 3)).abs().max() <= 1
    assert Critic(1000, shuffle=2)(torch.randn(2, 1, 1000)).shape == (2, 1)
    assert Critic((17, 9), 2, (4, 4), 5, 2)(torch.randn(2, 2, 17, 9)).shape == (2, 1)


def test_a_phase_is_shuffled_in_training_alone():
    x = torch.arange(10.0).expand(3, 2, 10)
    moved = PhaseShuffle.moved(x[0], 2)
    assert moved[0].tolist() == [2, 1, 0, 1, 2, 3, 4, 5, 6, 7]
    assert PhaseShuffle.moved(x[0], -2)[0].tolist() == [2, 3, 4, 5, 6, 7, 8, 9, 8, 7]
    assert torch.equal(PhaseShuffle(2).eval()(x), x)
    torch.manual_seed(0)
    shuffled = PhaseShuffle(2)(torch.arange(10.0).expand(50, 1, 10))
    assert len({tuple(row.flatten().tolist()) for row in shuffled}) == 5


def test_small_parts_of_critics():
    x = torch.randn(4, 3, 5)
    torch.testing.assert_close(PixelNorm()(x).square().mean(1), torch.ones(4, 5))
    assert BatchDeviation()(x).shape == (4, 4, 5)
    assert BatchDeviation()(x[:1].expand(4, -1, -1))[:, -1].max() < 1e-3


def test_a_complex_convolution_is_four_real_ones():
    net, z = ComplexConv1d(2, 3, 3), torch.randn(4, 2, 8, dtype=torch.complex64)
    a, b = net.real.weight, net.imaginary.weight
    block = torch.cat([torch.cat([a, -b], 1), torch.cat([b, a], 1)])
    real, imaginary = F.conv1d(torch.cat([z.real, z.imag], 1), block).chunk(2, 1)
    torch.testing.assert_close(net(z), torch.complex(real, imaginary), rtol=1e-6, atol=1e-6)
    relu = ModulusReLU(3)
    relu.bias.data.fill_(-0.5)
    y = relu(net(z))
    assert (y.abs() <= net(z).abs()).all()
    heard = y.abs() > 0
    torch.testing.assert_close(y.angle()[heard], net(z).angle()[heard], rtol=1e-4, atol=1e-4)


def test_complex_layers_learn_in_mixed_precision():
    gabor, net = Gabor(8000, 4, 31, 4), ComplexConv1d(4, 3, 3)
    x = torch.randn(2, 1, 200)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = net(gabor(x))
    assert mixed.dtype == torch.complex64
    exact = net(gabor(x))
    torch.testing.assert_close(mixed, exact, rtol=0.02, atol=0.02 * float(exact.detach().abs().max()))


def test_complex_normalisation_leaves_parts_of_mean_0_uncorrelated_with_variance_a_half():
    torch.manual_seed(0)
    x = torch.randn(8, 3, 50)
    z = torch.complex(2 * x + 1, x + 0.5 * torch.randn(8, 3, 50) - 3)
    norm = ComplexBatchNorm(3, momentum=1.0, eps=1e-9).train()
    parts = torch.view_as_real(norm(z)).movedim(1, 0).flatten(1, 2)
    for of_channel in parts:
        torch.testing.assert_close(of_channel.mean(0), torch.zeros(2), rtol=0, atol=1e-4)
        torch.testing.assert_close(of_channel.T @ of_channel / len(of_channel), torch.eye(2) / 2, rtol=0, atol=1e-3)
    torch.testing.assert_close(norm.eval()(z), norm.train()(z), rtol=1e-3, atol=1e-3)  # the running averages are those of the batch


def test_a_net_over_complex_numbers_commutes_with_turning_all_phases_where_it_is_linear():
    net = complexified(UNet(1, 2, (3, 4), norm=None, activation=nn.Identity, up_activation=nn.Identity))
    for module in net.modules():
        if isinstance(module, ComplexConv):
            assert module.bias is not None
    z, turn = torch.randn(1, 1, 9, 11, dtype=torch.complex64), torch.exp(torch.tensor(0.7j))
    torch.testing.assert_close(net(turn * z), turn * net(z), rtol=1e-4, atol=1e-5)


def test_a_complex_u_net_has_twice_the_kernels_and_a_mask_of_at_most_1():
    net, z = ComplexUNet(1, 1, (4, 6), (5, 3), (2, 2)), torch.randn(2, 1, 13, 10, dtype=torch.complex64)
    assert net(z).shape == z.shape
    assert bool((net(z).abs() <= z.abs() + 1e-6).all())
    real = UNet(1, 1, (4, 6), (5, 3), (2, 2))
    count = [sum(p.numel() for name, p in n.named_parameters() if "conv" in name and "bias" not in name) for n in (net, real)]
    assert count[0] == 2 * count[1]


def test_a_complex_u_net_learns_to_turn_phases():
    """A delay is a turn of phases that magnitudes know nothing of."""
    torch.manual_seed(0)
    net, z = ComplexUNet(1, 1, (8,), 3, 2, mask=False), torch.randn(4, 1, 6, 6, dtype=torch.complex64)
    target = 0.5j * z
    optimiser = torch.optim.Adam(net.parameters(), 3e-2)
    losses = []
    for _ in range(80):
        loss = (net(z) - target).abs().square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.1 * losses[0]


def test_what_has_no_complex_form_says_so():
    with pytest.raises(OptionError, match="MaxPool1d has no complex form"):
        complexified(nn.Sequential(nn.MaxPool1d(2)))
