"""Facts about ways to learn: classification, pairs, triplets, adversaries."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from aural.divergence import beta_divergence, kl_bernoulli
from aural.errors import AuralError
from aural.objectives import (
    Adversarial,
    Batch,
    Contrastive,
    Triplet,
    binary,
    classes,
    multi_label,
    soft_classes,
)
from aural.objectives.contrastive import pair_cost
from aural.objectives.metric import distances
from aural.objectives.reconstruction import under
from aural.part import Part


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


NAN = float("nan")


class Sentence(SimpleNamespace):
    def __call__(self, x):
        return self.net(x)


# ---- classification


def test_logits_say_what_probabilities_say():
    logits, y = torch.randn(4, 5), torch.randint(2, (4, 5)).float()
    p = logits.sigmoid()
    torch.testing.assert_close(binary(logits, y), -(y * p.log() + (1 - y) * (1 - p).log()).mean(), rtol=1e-5, atol=1e-6)
    for size in (1e4, -1e4):
        assert torch.isfinite(binary(torch.full((2,), size), torch.tensor([0.0, 1.0])))
    assert torch.isfinite(classes(torch.tensor([[1e4, -1e4]]), torch.tensor([1])))


def test_two_classes_are_one_question():
    logits, y = torch.randn(6, 2), torch.randint(2, (6,))
    torch.testing.assert_close(classes(logits, y), binary(logits[:, 1] - logits[:, 0], y.float()))


def test_the_gradient_is_what_is_said_less_what_is_true():
    logits, y = torch.randn(1, 5, requires_grad=True), torch.tensor([3])
    (gradient,) = torch.autograd.grad(classes(logits, y), logits)
    torch.testing.assert_close(gradient, logits.softmax(1) - F.one_hot(y, 5))
    (gradient,) = torch.autograd.grad(binary(logits, F.one_hot(y, 5).float()), logits)
    torch.testing.assert_close(5 * gradient, logits.sigmoid() - F.one_hot(y, 5))


def test_who_knows_nothing_pays_the_logarithm_of_the_classes():
    assert classes(torch.zeros(3, 7), torch.tensor([0, 3, 6])).item() == pytest.approx(np.log(7))


def test_many_labels_are_as_many_questions():
    logits, y = torch.randn(4, 5), torch.randint(2, (4, 5)).float()
    torch.testing.assert_close(multi_label(logits, y), sum(binary(logits[:, c], y[:, c]) for c in range(5)))


def test_soft_targets_cost_their_entropy_at_least():
    y = torch.tensor([0.25, 0.5, 0.9])
    entropy = -(torch.xlogy(y, y) + torch.xlogy(1 - y, 1 - y)).mean()
    assert binary(torch.logit(y), y).item() == pytest.approx(entropy.item(), rel=1e-5)
    assert binary(torch.logit(y) + 0.3, y) > entropy
    p = torch.tensor([[0.2, 0.5, 0.3]])
    assert soft_classes(p.log(), p).item() == pytest.approx(-(p * p.log()).sum().item(), rel=1e-5)
    hard = torch.randint(3, (5,))
    logits = torch.randn(5, 3, requires_grad=True)
    torch.testing.assert_close(soft_classes(logits, F.one_hot(hard, 3).float()), classes(logits, hard))
    unknown = torch.cat([F.one_hot(hard[:4], 3).float(), torch.full((1, 3), NAN)])
    torch.testing.assert_close(soft_classes(logits, unknown), classes(logits[:4], hard[:4]))
    soft_classes(logits, unknown).backward()
    assert (logits.grad[4] == 0).all()


def test_divergences_are_nothing_between_equals():
    x, y = torch.rand(20) + 0.1, torch.rand(20) + 0.1
    for beta in (0, 1, 0.5, 2, 3):
        assert beta_divergence(x, x, beta).abs().max() < 1e-5
        assert (beta_divergence(x, y, beta) >= -1e-6).all()
    torch.testing.assert_close(beta_divergence(x, y, 2), (x - y).square() / 2, rtol=1e-3, atol=1e-5)
    for near, exact in ((0.001, 0), (1.001, 1)):
        torch.testing.assert_close(
            beta_divergence(x.double(), y.double(), near), beta_divergence(x.double(), y.double(), exact), rtol=0.02, atol=1e-3
        )
    torch.testing.assert_close(
        beta_divergence(7 * x, 7 * y, 0), beta_divergence(x, y, 0), rtol=1e-4, atol=1e-5
    )  # Itakura-Saito has no level
    p, q = torch.tensor(0.3), torch.tensor(0.6)
    two = torch.distributions.kl_divergence(torch.distributions.Bernoulli(p), torch.distributions.Bernoulli(q))
    torch.testing.assert_close(kl_bernoulli(0.3, q), two)


def test_what_a_transform_forgets_costs_nothing():
    x = torch.randn(2, 64)
    spectral = under(lambda v: torch.fft.rfft(v).abs(), lambda a, b: (a - b).abs().mean())
    assert spectral(-x, x).item() == pytest.approx(0, abs=1e-5)
    assert spectral(2 * x, x) > 1


# ---- pairs and triplets


def test_a_pair_pulls_or_pushes():
    d = torch.tensor([0.4, 0.4, 1.5, 1.5], requires_grad=True)
    cost = pair_cost(d, torch.tensor([0, 1, 0, 1]), 1.0)
    assert cost.tolist() == pytest.approx([0.08, 0.18, 1.125, 0.0])
    (gradient,) = torch.autograd.grad(cost.sum(), d)
    assert gradient.tolist() == pytest.approx([0.4, -0.6, 1.5, 0.0])


def places(objective, x, kinds, steps=200):
    x = x.clone().requires_grad_()
    optimiser = torch.optim.SGD([x], 0.3)
    for _ in range(steps):
        optimiser.zero_grad()
        objective.loss(x, kinds).backward()
        optimiser.step()
    return x.detach()


def test_who_only_hears_of_the_same_puts_all_in_one_point():
    torch.manual_seed(0)
    x = torch.randn(6, 2)
    collapsed = places(Contrastive(1.0), x, torch.zeros(6, dtype=torch.int64))
    assert distances(collapsed, collapsed).max() < 1e-3
    kinds = torch.tensor([0, 0, 0, 1, 1, 1])
    apart = places(Contrastive(1.0), x, kinds)
    assert distances(apart[:3], apart[3:]).sqrt().min() > 0.9


@pytest.mark.parametrize("kind", ["margin", "cosine"])
def test_equal_and_unknown_places_have_gradients_that_are_numbers(kind):
    x = torch.zeros(4, 3, requires_grad=True)
    Contrastive(kind=kind).loss(x, torch.tensor([0, 0, 1, -1])).backward()
    assert torch.isfinite(x.grad).all()
    assert (x.grad[3] == 0).all()
    assert Contrastive(kind=kind).loss(torch.randn(2, 3), torch.tensor([-1, 0])) == 0
    with pytest.raises(AuralError, match="cosine"):
        Contrastive(kind="angle")


def test_a_cosine_target_is_the_same_or_the_opposite():
    x = torch.tensor([[2.0, 0.0], [1.0, 0.0], [-3.0, 0.0]])
    assert Contrastive(kind="cosine").loss(x, torch.tensor([0, 0, 1])).item() == pytest.approx(0, abs=1e-6)


def test_distances_are_torchs():
    a, b = torch.randn(4, 3), torch.randn(5, 3)
    torch.testing.assert_close(distances(a, b).sqrt(), torch.cdist(a, b), rtol=1e-4, atol=1e-5)
    unit = F.normalize(a, dim=1)
    torch.testing.assert_close(distances(unit, unit), 2 - 2 * unit @ unit.mT, rtol=0, atol=1e-5)


def by_hand(x: torch.Tensor, kinds: list[int], margin: float, mining: str, squared: bool) -> float:
    d = torch.cdist(x.double(), x.double())
    d = (d.square() if squared else d).tolist()
    n, costs = len(kinds), []
    for a in range(n):
        positives = [i for i in range(n) if i != a and kinds[i] == kinds[a]]
        negatives = [i for i in range(n) if kinds[i] != kinds[a]]
        if mining == "hard" and positives and negatives:
            costs.append(max(0.0, max(d[a][p] for p in positives) - min(d[a][k] for k in negatives) + margin))
        for p in positives:
            if mining == "all":
                costs += [c for k in negatives if (c := d[a][p] - d[a][k] + margin) > 0]
            if mining == "semi-hard" and (fit := [d[a][k] for k in negatives if d[a][p] < d[a][k] < d[a][p] + margin]):
                costs.append(d[a][p] - min(fit) + margin)
    return float(np.mean(costs)) if costs else 0.0


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("mining", ["hard", "all", "semi-hard"])
def test_mining_is_what_a_loop_would_find(mining, squared):
    torch.manual_seed(0)
    for _ in range(5):
        x, kinds = torch.randn(9, 3), torch.randint(3, (9,))
        loss = Triplet(0.8, mining, squared).loss(x, kinds)
        assert loss.item() == pytest.approx(by_hand(x, kinds.tolist(), 0.8, mining, squared), abs=1e-5)
        turned = x @ torch.linalg.qr(torch.randn(3, 3))[0]
        torch.testing.assert_close(Triplet(0.8, mining, squared).loss(turned, kinds), loss, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mining", ["hard", "all", "semi-hard", "random"])
def test_no_negative_is_no_triplet(mining):
    x = torch.randn(4, 3, requires_grad=True)
    loss = Triplet(0.5, mining).loss(x, torch.zeros(4, dtype=torch.int64))
    loss.backward()
    assert loss == 0
    assert torch.isfinite(x.grad).all()


def test_who_says_always_the_same_pays_the_margin():
    for mining in ("hard", "all", "random"):
        assert Triplet(0.7, mining, squared=True).loss(torch.ones(6, 2), torch.tensor([0, 0, 1, 1, 2, 2])).item() == pytest.approx(0.7)


def test_random_triplets_are_torchs_and_seeded():
    x, kinds = torch.tensor([[0.0], [1.0], [3.0]]), torch.tensor([0, 0, 1])  # one negative: chance has no choice
    two = nn.TripletMarginLoss(2.5, 2)
    expected = torch.stack([two(x[:1], x[1:2], x[2:]), two(x[1:2], x[:1], x[2:])]).mean()
    torch.testing.assert_close(Triplet(2.5, "random").loss(x, kinds), expected, rtol=1e-5, atol=1e-5)
    x, kinds = torch.randn(8, 2), torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])
    losses = [Triplet(2.0, "random").loss(x, kinds, torch.Generator().manual_seed(s)) for s in (0, 0, 1)]
    assert losses[0] == losses[1] != losses[2]


# ---- adversaries


def test_the_best_critic_says_how_probable_the_true_is():
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 1))
    objective = Adversarial(critic, "minimax")
    optimiser = torch.optim.Adam(critic.parameters(), 0.02)
    for _ in range(300):
        optimiser.zero_grad()
        objective.critic_loss(critic(torch.randn(512, 1)), critic(torch.randn(512, 1) * 0.7 + 1.5)).backward()
        optimiser.step()
    x = torch.linspace(-1.5, 3, 40)[:, None]
    true, made = torch.distributions.Normal(0, 1).log_prob(x).exp(), torch.distributions.Normal(1.5, 0.7).log_prob(x).exp()
    assert (critic(x).sigmoid() - true / (true + made)).abs().mean() < 0.05


def test_where_both_are_alike_the_value_is_minus_log_4():
    objective = Adversarial(nn.Identity(), "minimax")
    undecided = torch.zeros(10)
    assert -objective.critic_loss(undecided, undecided).item() == pytest.approx(-np.log(4))
    assert objective.net_loss(undecided).item() == pytest.approx(-np.log(2))


def test_a_net_that_is_found_out_still_learns_unless_minimax():
    sure = torch.tensor([-8.0], requires_grad=True)
    slopes = {
        loss: torch.autograd.grad(Adversarial(nn.Identity(), loss).net_loss(sure), sure)[0].item()
        for loss in ("minimax", "non-saturating", "gan", "lsgan", "hinge", "wgan-gp")
    }
    assert -1e-3 < slopes["minimax"] < 0
    assert slopes["non-saturating"] == slopes["gan"] < -0.99
    assert all(slope < 0 for slope in slopes.values())
    with pytest.raises(AuralError, match="minimax"):
        Adversarial(nn.Identity(), "relativistic")


@pytest.mark.parametrize("loss", ["wgan-gp", "lsgan", "hinge", "non-saturating", "minimax"])
def test_each_learner_leaves_the_other_alone(loss):
    net, critic = nn.Linear(2, 2), nn.Linear(2, 1)
    objective = Adversarial(critic, loss)
    system = Sentence(net=net, output=Part())
    optimisers = {"net": torch.optim.SGD(net.parameters(), 0.1), "critic": torch.optim.SGD(critic.parameters(), 0.1)}
    before = {"net": net.weight.clone(), "critic": critic.weight.clone()}
    for update in objective.updates(system, Batch(torch.randn(8, 2), torch.randn(8, 2) + 1, torch.Generator().manual_seed(0))):
        mine = {"net": net, "critic": critic}[update.of]
        gradients = torch.autograd.grad(update.loss, list(mine.parameters()), retain_graph=True, allow_unused=True)
        assert all(g is not None for g in gradients)
        if update.of == "critic":
            assert all(g is None for g in torch.autograd.grad(update.loss, list(net.parameters()), allow_unused=True, retain_graph=True))
        for p, g in zip(mine.parameters(), gradients, strict=True):
            p.grad = g
        optimisers[update.of].step()
    assert not torch.equal(before["net"], net.weight)


@pytest.mark.parametrize("size", [0.5, 1.0, 3.0])
def test_the_penalty_of_a_linear_critic(size):
    critic = nn.Linear(2, 1)
    critic.weight.data = size * torch.tensor([[0.6, 0.8]])
    objective = Adversarial(critic, penalty=1.0)
    y = torch.randn(6, 2)
    penalty = objective._gradient_penalty(y, torch.randn(6, 2), torch.Generator().manual_seed(0))
    assert penalty.item() == pytest.approx((size - 1) ** 2, abs=1e-5)


def ring(n: int, generator: torch.Generator) -> torch.Tensor:
    angle = torch.randint(8, (n,), generator=generator) * (2 * torch.pi / 8)
    return 2 * torch.stack([angle.cos(), angle.sin()], 1) + 0.02 * torch.randn(n, 2, generator=generator)


@pytest.mark.slow
@pytest.mark.parametrize(("loss", "batch", "rate", "critic_updates"), [("wgan-gp", 512, 2e-3, 2), ("hinge", 256, 1e-3, 1)])
def test_eight_modes_are_found(loss: str, batch: int, rate: float, critic_updates: int):
    """Of samples at least nine in ten lie within four deviations of a mode. A penalty of 10, the usual one, smooths the critic so much
    that half of them lies on bridges between the modes: here it is 0.02."""
    torch.manual_seed(0)
    steps = 10_000

    def mlp(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Linear(inputs, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, outputs))

    net, critic = mlp(8, 2), mlp(2, 1)
    objective = Adversarial(critic, loss, critic_updates=critic_updates, penalty=0.02)
    optimisers = {name: torch.optim.Adam(own.parameters(), rate, betas=(0.0, 0.9)) for name, own in (("net", net), ("critic", critic))}
    system = Sentence(net=net, output=Part())
    average = {k: v.clone() for k, v in net.state_dict().items()}
    for step in range(steps):
        for optimiser in optimisers.values():
            optimiser.param_groups[0]["lr"] = rate * min(1.0, max(0.02, 2 * (1 - step / steps)))  # in the second half it falls
        g = torch.Generator().manual_seed(step)
        for update in objective.updates(system, Batch(torch.randn(batch, 8, generator=g), ring(batch, g), g, step)):
            optimisers[update.of].zero_grad()
            update.loss.backward()
            optimisers[update.of].step()
        for k, v in net.state_dict().items():
            average[k].lerp_(v, 0.01)
    net.load_state_dict(average)
    centres = ring(1, torch.Generator()).new_tensor([[2 * np.cos(a), 2 * np.sin(a)] for a in np.arange(8) * 2 * np.pi / 8])
    away = torch.cdist(net(torch.randn(4000, 8, generator=torch.Generator().manual_seed(1))), centres)
    hit = away.min(1).values < 4 * 0.02
    assert len(away[hit].argmin(1).unique()) == 8
    assert hit.float().mean() >= 0.9


def test_every_pair_of_a_batch_counts_once():
    kinds = torch.tensor([0, 0, 1])
    x = torch.tensor([[0.0], [0.5], [0.8]])
    costs = [float(pair_cost((x[i] - x[j]).abs()[0], kinds[i] != kinds[j], 1.0)) for i, j in itertools.combinations(range(3), 2)]
    assert Contrastive(1.0).loss(x, kinds).item() == pytest.approx(np.mean(costs), abs=1e-6)
