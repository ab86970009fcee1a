"""Facts about machines with an energy, deep belief networks, and contrastive divergence."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from aural.errors import AuralError
from aural.nets.rbm import DBN, RBM, ConvRBM, dbn
from aural.objectives import Batch, ContrastiveDivergence


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def states(n: int) -> torch.Tensor:
    return torch.tensor(list(itertools.product([0.0, 1.0], repeat=n)), dtype=torch.float64)


def random_rbm(visible: int, hidden: int, scale: float = 1.0) -> RBM:
    torch.manual_seed(0)
    net = RBM(visible, hidden).double()
    for p in net.parameters():
        p.data = scale * torch.randn_like(p)
    return net


def test_probabilities_are_those_of_counting_all_states():
    net = random_rbm(5, 4)
    v, h = states(5), states(4)
    joint = -torch.stack([net.energy(v, row.expand(len(v), -1)) for row in h], 1)  # (v, h)
    torch.testing.assert_close(torch.logsumexp(joint, 1), -net.free_energy(v))
    torch.testing.assert_close(net.hidden(v), joint.softmax(1) @ h)
    torch.testing.assert_close(net.mean_visible(h), joint.T.softmax(1) @ v)


def test_the_gradient_is_what_the_data_and_what_the_model_say():
    net = random_rbm(5, 4)
    v = states(5)
    data = v[torch.randint(len(v), (20,))]
    z = torch.logsumexp(-net.free_energy(v), 0)
    (net.free_energy(data).mean() + z).backward()
    with torch.no_grad():
        p = (-net.free_energy(v)).softmax(0)
        from_model = torch.einsum("s,sv,sh->vh", p, v, net.hidden(v))
        from_data = torch.einsum("sv,sh->vh", data, net.hidden(data)) / len(data)
    torch.testing.assert_close(net.weight.grad, from_model - from_data, rtol=0, atol=1e-8)


def test_contrastive_divergence_comes_nearer_with_more_rounds():
    net = random_rbm(6, 4)
    v = states(6)
    data = torch.bernoulli(torch.full((1, 6), 0.7, dtype=torch.float64).expand(40, -1))
    (net.free_energy(data).mean() + torch.logsumexp(-net.free_energy(v), 0)).backward()
    true = net.weight.grad.flatten().clone()
    generator = torch.Generator().manual_seed(0)
    near = []
    for rounds in (1, 10):
        net.zero_grad()
        ContrastiveDivergence(rounds).loss(net, data.repeat(200, 1), generator).backward()
        near.append(F.cosine_similarity(net.weight.grad.flatten(), true, dim=0).item())
    assert 0.9 < near[0] < near[1]
    assert near[1] > 0.995


def learned(net, x, objective, steps, rate=0.1):
    optimiser = torch.optim.SGD(net.parameters(), rate)
    system = SimpleNamespace(net=net)
    for step in range(steps):
        (update,) = objective.updates(system, Batch(x, x, torch.Generator().manual_seed(step), step))
        optimiser.zero_grad()
        update.loss.backward()
        optimiser.step()
    return update


def bars_and_stripes() -> torch.Tensor:
    rows = states(3).float()
    bars = rows[:, :, None].expand(-1, -1, 3).flatten(1)
    stripes = rows[:, None, :].expand(-1, 3, -1).flatten(1)
    return torch.cat([bars, stripes]).unique(dim=0)


@torch.no_grad()
def exact(net: RBM, data: torch.Tensor) -> float:
    v = states(9).to(data)
    return float(-net.free_energy(data).mean() - torch.logsumexp(-net.free_energy(v), 0))


def test_bars_and_stripes_become_likely():
    torch.manual_seed(0)
    data, net = bars_and_stripes(), RBM(9, 10)
    assert len(data) == 14
    before = exact(net, data)
    assert before == pytest.approx(-9 * np.log(2), abs=0.1)
    net.weight.data = 0.1 * torch.randn(9, 10)
    learned(net, data.repeat(4, 1), ContrastiveDivergence(1), 600, 1.0)
    assert before + 2 < exact(net, data) < -np.log(14)


@pytest.mark.slow
def test_bars_and_stripes_in_full():
    torch.manual_seed(0)
    data, net = bars_and_stripes(), RBM(9, 10)
    before = exact(net, data)
    net.weight.data = 0.1 * torch.randn(9, 10)
    learned(net, data, ContrastiveDivergence(1), 20_000)
    assert before + 2 < exact(net, data) < -np.log(14)


def test_of_a_block_at_most_one_is_on():
    net = ConvRBM(3, 4, 5, 3)
    v = torch.randn(2, 3, 20)
    torch.testing.assert_close(net.probabilities(v).sum(-1), torch.ones(2, 4, 5))
    h = net.draw_hidden(v, torch.Generator().manual_seed(0))
    assert h.shape == (2, 4, 15)
    assert set(h.unflatten(-1, (5, 3)).sum(-1).unique().tolist()) <= {0.0, 1.0}
    torch.testing.assert_close(net(v), net.hidden(v).unflatten(-1, (5, 3)).sum(-1))  # off is what is left
    assert net(v).shape == (2, 4, (20 - 5 + 1) // 3)


def test_a_filter_as_long_as_the_sound_is_a_dense_machine():
    conv, dense = ConvRBM(3, 4, 6), RBM(18, 4, "gaussian")
    conv.weight.data = torch.randn_like(conv.weight)
    dense.weight.data, dense.hidden_bias.data = conv.weight.data.flatten(1).mT, conv.hidden_bias.data
    v = torch.randn(2, 3, 6)
    torch.testing.assert_close(conv(v)[..., 0], dense(v.flatten(1)), rtol=1e-5, atol=1e-5)
    h = torch.rand(2, 4)
    torch.testing.assert_close(conv.mean_visible(h[..., None]).flatten(1), dense.mean_visible(h), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(conv.energy(v, h[..., None]), dense.energy(v.flatten(1), h), rtol=1e-4, atol=1e-4)


def test_rectified_units_are_drawn_round_what_they_are_told():
    net = RBM(3, 2, "gaussian", "relu")
    net.weight.data, net.hidden_bias.data = torch.zeros(3, 2), torch.tensor([5.0, -8.0])
    h = net.draw_hidden(torch.zeros(20_000, 3), torch.Generator().manual_seed(0))
    assert h[:, 0].mean().item() == pytest.approx(5, abs=0.05)
    assert h[:, 0].std().item() == pytest.approx(1, abs=0.05)
    assert (h[:, 1] == 0).float().mean() > 0.99
    assert net.hidden(torch.zeros(1, 3)).tolist() == [[5, 0]]


def test_layers_learn_one_after_the_other():
    torch.manual_seed(0)
    net, x = dbn((6, 5, 4)), torch.randn(16, 6)
    first, second = net.machines
    before = [p.clone() for p in second.parameters()]
    learned(net, x, ContrastiveDivergence(each=5), 5, 0.05)
    assert all(torch.equal(a, b) for a, b in zip(before, second.parameters(), strict=True))
    kept = [p.clone() for p in first.parameters()]
    net.zero_grad(set_to_none=True)
    learned(net, x, ContrastiveDivergence(each=0 + 1), 2, 0.05)  # step 1: the second machine
    assert not torch.equal(kept[0], first.weight)  # step 0 was the first's
    assert not torch.equal(before[0], second.weight)
    assert (first.visible, second.visible) == ("gaussian", "binary")


def test_a_deep_belief_network_becomes_a_perceptron():
    net = dbn((6, 5, 4))
    for p in net.parameters():
        p.data = torch.randn_like(p)
    x = torch.randn(3, 6)
    torch.testing.assert_close(net.to_mlp()(x), net(x))
    assert net.to_mlp(7)(x).shape == (3, 7)
    with pytest.raises(AuralError, match="dense"):
        DBN([ConvRBM(3, 4, 3)]).to_mlp()


def test_units_come_on_as_rarely_as_asked():
    torch.manual_seed(0)
    net, x = ConvRBM(4, 6, 3, 2), torch.randn(32, 4, 12)
    update = learned(net, x, ContrastiveDivergence(rate=0.05, sparsity=200.0), 200, 0.02)
    assert net.hidden(x).mean().item() == pytest.approx(0.05, rel=0.2)
    assert torch.isfinite(update.logs["error"])


def test_frames_that_no_block_hears_are_left_alone():
    net = ConvRBM(2, 3, 4, 3)
    v = torch.randn(1, 2, 15)  # 12 hidden units, 4 blocks: 15 frames; with 17, two are left over
    assert net.gibbs(v, 1).shape == v.shape
    longer = F.pad(v, (0, 2), value=7.0)
    assert (net.gibbs(longer, 2)[..., 15:] == 7).all()
