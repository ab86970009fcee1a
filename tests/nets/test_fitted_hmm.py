"""Facts about hidden Markov models that are fitted."""

from __future__ import annotations

import itertools

import pytest
import torch

from aural import hmm
from aural.errors import AuralError
from aural.nets.hmm import HMM, Discrete, Mixture


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def walk(frames: int, batch: int, stay: float, seed: int = 0) -> torch.Tensor:
    """States 0, 1, 2 (batch, frame) that last a while."""
    g = torch.Generator().manual_seed(seed)
    change, step = torch.rand(batch, frames, generator=g) > stay, torch.randint(1, 3, (batch, frames), generator=g)
    return (change * step).cumsum(1) % 3


def heard(states: torch.Tensor, seed: int = 1) -> torch.Tensor:
    means = torch.tensor([[-3.0, 0.0], [0.0, 3.0], [3.0, 0.0]])
    return (means[states] + torch.randn(*states.shape, 2, generator=torch.Generator().manual_seed(seed))).mT


def symbols(states: torch.Tensor, seed: int = 1) -> torch.Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.where(torch.rand(states.shape, generator=g) < 0.8, states, torch.randint(4, states.shape, generator=g))


def rising(values: list[float]) -> bool:
    return all(b >= a - 1e-9 * abs(a) for a, b in itertools.pairwise(values))


@pytest.mark.parametrize("emissions", [lambda: Mixture(3, 2), lambda: Mixture(3, 2, parts=2), lambda: Discrete(3, 4)])
@pytest.mark.parametrize("seed", range(3))
def test_what_is_heard_never_becomes_less_likely(emissions, seed):
    net = HMM(emissions(), seed=seed)
    states = walk(40, 6, 0.9)
    x = symbols(states) if isinstance(net.emissions, Discrete) else heard(states)
    found = net.learn(x, torch.tensor([40, 40, 31, 40, 12, 40]), iterations=15)
    assert rising(found)
    assert found[-1] > found[0] + 1


def test_it_finds_the_states_that_made_the_sound():
    states = walk(80, 12, 0.9)
    best = max((HMM(Mixture(3, 2), seed=seed) for seed in range(3)), key=lambda net: net.learn(heard(states), iterations=20)[-1])
    path, _ = best.viterbi(heard(states))
    right = max((torch.tensor(order)[path] == states).float().mean().item() for order in itertools.permutations(range(3)))
    assert right > 0.97
    assert best.transitions.exp().diagonal().mean().item() == pytest.approx(0.9, abs=0.03)
    torch.testing.assert_close(best.transitions.exp().sum(1), torch.ones(3, dtype=torch.float64))
    assert best(heard(states)).shape == (12, 3, 80)
    fresh = walk(80, 4, 0.9, seed=9)
    smooth, alone = (p == fresh for p in (torch.tensor(_names(path, states))[best.viterbi(heard(fresh, 5))[0]], _nearest(fresh)))
    assert smooth.float().mean() >= alone.float().mean()  # what lasts helps


def _names(path: torch.Tensor, states: torch.Tensor) -> list[int]:
    return [int(torch.bincount(states[path == k], minlength=3).argmax()) for k in range(3)]


def _nearest(states: torch.Tensor) -> torch.Tensor:
    means = torch.tensor([[-3.0, 0.0], [0.0, 3.0], [3.0, 0.0]])
    return torch.cdist(heard(states, 5).mT, means.expand(len(states), -1, -1)).argmin(-1)


def test_what_cannot_follow_never_will():
    net = HMM(Mixture(3, 2), transitions=hmm.left_to_right(3, 0.8), start=torch.tensor([1.0, 0, 0]).log())
    states = torch.tensor([[0] * 9 + [1] * 12 + [2] * 9] * 4)
    assert rising(net.learn(heard(states), iterations=10))
    p = net.transitions.exp()
    assert p[1, 0] == p[2, 0] == p[2, 1] == p[0, 2] == 0
    assert (net.viterbi(heard(states))[0].diff(dim=1) >= 0).all()


def test_variances_have_a_floor():
    net = HMM(Mixture(2, 1))
    net.learn(torch.tensor([[[0.0, 0, 0, 0, 5, 5, 5, 5]]]), iterations=10)
    assert (net.emissions.variances >= 1e-3 * 6.25 - 1e-9).all()


def test_it_is_fitted_by_the_house_and_saved(tmp_path):
    net = HMM(Mixture(3, 2), iterations=5)
    states = walk(30, 4, 0.9)
    net.fit([(heard(states), states), (heard(states)[:2, :, :20], states)])
    assert {"start", "transitions"} <= net._fitted
    again = HMM(Mixture(3, 2))
    again.load_state_dict(net.state_dict())
    assert torch.equal(again(heard(states)), net(heard(states)))
    with pytest.raises(AuralError, match="frame"):
        net.learn(torch.zeros(1, 2, 3), torch.tensor([0]))
