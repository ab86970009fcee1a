"""Facts about losses and objectives."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from aural.annotations import Example, Label
from aural.errors import AuralError
from aural.objectives import (
    Adversarial,
    Batch,
    PermutationInvariant,
    Prototypical,
    Supervised,
    Triplet,
    binary,
    by_class,
    classes,
    episodes,
    l1,
    mse,
    shift_tolerant,
    tokens,
    weighted_binary,
)
from aural.part import Part

NAN = float("nan")


@pytest.mark.parametrize("loss", [binary, l1, mse, weighted_binary(5.0)])
def test_unknown_targets_cost_nothing_and_move_nothing(loss):
    estimate = torch.tensor([[0.3, -2.0, 1.0]], requires_grad=True)
    part = loss(estimate, torch.tensor([[1.0, NAN, 0.0]]))
    assert part == loss(estimate[:, [0, 2]], torch.tensor([[1.0, 0.0]]))
    part.backward()
    assert estimate.grad[0, 1] == 0
    assert estimate.grad[0, 0] != 0
    nothing = loss(estimate, torch.full((1, 3), NAN))
    assert nothing == 0
    nothing.backward()
    assert torch.isfinite(estimate.grad).all()


def test_unknown_classes_cost_nothing():
    estimate = torch.randn(2, 5, 7)
    target = torch.randint(5, (2, 7))
    assert classes(estimate, target) == pytest.approx(nn.functional.cross_entropy(estimate, target).item())
    target[0] = -1
    assert classes(estimate, target) == pytest.approx(nn.functional.cross_entropy(estimate[1:], target[1:]).item())
    assert classes(estimate, torch.full((2, 7), -1)) == 0
    assert tokens(estimate, torch.zeros(2, 7, dtype=torch.int64)) == 0


def test_binary_is_cross_entropy_of_logits():
    assert binary(torch.zeros(1, 4), torch.ones(1, 4)) == pytest.approx(np.log(2))
    assert weighted_binary(3.0)(torch.zeros(1, 4), torch.ones(1, 4)) == pytest.approx(3 * np.log(2))
    assert weighted_binary(3.0)(torch.zeros(1, 4), torch.zeros(1, 4)) == pytest.approx(np.log(2))


def test_shapes_are_not_broadcast():
    with pytest.raises(ValueError, match="differ in shape"):
        binary(torch.zeros(2, 1, 5), torch.zeros(2, 5))


def test_losses_meet_their_targets_by_key():
    objective = Supervised(a=l1, b=(mse, 0.5))
    estimate = {"a": torch.ones(2), "b": torch.full((2,), 2.0)}
    assert objective.compare(estimate, {"a": torch.zeros(2), "b": torch.zeros(2)}) == 1 + 0.5 * 4
    with pytest.raises(ValueError, match=r"'b'.*'c'"):
        objective.compare(estimate, {"a": torch.zeros(2), "c": torch.zeros(2)})
    assert Supervised(l1).compare(estimate, torch.zeros(2)) == 3  # several nets, one truth
    assert Supervised(l1).compare(estimate, {"a": torch.zeros(2), "b": torch.ones(2)}) == 2
    with pytest.raises(ValueError, match="'c'"):
        Supervised(l1).compare(estimate, {"a": torch.zeros(2), "c": torch.zeros(2)})
    with pytest.raises(AuralError):
        Supervised()


def system(net: nn.Module) -> SimpleNamespace:
    class Sentence(SimpleNamespace):
        def __call__(self, x):
            return self.net(x)

    return Sentence(net=net, output=Part())


def batch(x: torch.Tensor, y: torch.Tensor, step: int = 0) -> Batch:
    return Batch(x, y, torch.Generator().manual_seed(0), step)


@pytest.mark.parametrize("mining", ["hard", "all"])
def test_a_triplet_costs_what_it_lacks_to_the_margin(mining):
    places = torch.tensor([[0.0], [1.0], [3.0], [4.5]])
    kinds = torch.tensor([7, 7, 9, 9])
    # anchors 0..3: own kind at 1, 1, 1.5, 1.5; nearest other at 3, 2, 2, 3.5
    assert Triplet(0.5, mining).loss(places, kinds) == 0
    hard = Triplet(1.2, "hard").loss(places, kinds)
    assert hard == pytest.approx(np.mean([0, 0.2, 0.7, 0]))
    everything = Triplet(1.2, "all").loss(places, kinds)
    assert everything == pytest.approx(np.mean([0.2, 0.7]))


@pytest.mark.parametrize("mining", ["hard", "all"])
def test_a_triplet_of_equal_places_has_a_gradient_that_is_a_number(mining):
    places = torch.zeros(4, 3, requires_grad=True)
    Triplet(0.5, mining).loss(places, torch.tensor([1, 1, 2, 2])).backward()
    assert torch.isfinite(places.grad).all()
    lone = Triplet(0.5, mining).loss(places, torch.tensor([1, 2, 3, -1]))
    assert lone == 0


def test_an_episode_asks_queries_for_the_nearest_mean():
    x = torch.tensor([[0.0], [2.0], [1.0], [10.0], [12.0], [11.0]])
    y = torch.tensor([5, 5, 5, 3, 3, 3])
    (update,) = Prototypical(2).updates(system(nn.Identity()), batch(x, y))
    assert update.loss == pytest.approx(0, abs=1e-6)
    assert update.logs["accuracy"] == 1
    (update,) = Prototypical(2).updates(system(nn.Identity()), batch(x, y.flip(0)[[0, 1, 3, 2, 4, 5]]))
    assert update.logs["accuracy"] < 1
    with pytest.raises(AuralError, match="shots"):
        list(Prototypical(3).updates(system(nn.Identity()), batch(x, y)))


def test_of_all_pairings_the_cheapest_counts_for_each_example():
    target = torch.randn(3, 3, 10)
    orders = list(itertools.permutations(range(3)))
    estimate = torch.stack([t[list(orders[i + 1])] for i, t in enumerate(target)])
    assert PermutationInvariant(mse).compare(estimate, target) == 0
    assert mse(estimate, target) > 0.5


@pytest.mark.parametrize("loss", ["wgan-gp", "lsgan", "hinge", "gan"])
def test_the_critic_learns_each_step_and_the_net_now_and_then(loss):
    objective = Adversarial(nn.Linear(2, 1), loss, critic_updates=3)
    assert set(objective.learners(system(nn.Linear(2, 2)))) == {"net", "critic"}
    turns = [[u.of for u in objective.updates(system(nn.Linear(2, 2)), batch(torch.randn(4, 2), torch.randn(4, 2), i))] for i in range(6)]
    assert turns == [["critic"], ["critic"], ["critic", "net"]] * 2


def test_a_gradient_of_one_costs_no_penalty():
    critic = nn.Linear(2, 1)
    critic.weight.data = torch.tensor([[0.6, 0.8]])
    y = torch.randn(4, 2)
    objective = Adversarial(critic, penalty=100.0)
    first = next(iter(objective.updates(system(nn.Identity()), batch(y, y))))
    assert first.loss.item() == pytest.approx(0, abs=1e-5)
    critic.weight.data *= 2
    first = next(iter(objective.updates(system(nn.Identity()), batch(y, y))))
    assert first.loss.item() == pytest.approx(100, rel=1e-4)


class Source:
    size = 12
    name = "made"

    def __call__(self, index: int) -> Example:
        return Example(singer=Label("abcd"[index % 4]), index=index)


def test_batches_by_class_hold_so_many_of_so_many():
    drawn = by_class("singer", 3, 2)(Source(), 0, np.random.default_rng(0))
    words = [example["singer"].name for example in drawn]
    assert len(words) == 6
    assert len(set(words)) == 3
    assert words[0::2] == words[1::2]
    assert len({example["index"] for example in drawn}) == 6
    assert len(episodes("singer", 2, 1, 4)(Source(), 0, np.random.default_rng(0))) == 10
    with pytest.raises(AuralError, match="4 classes"):
        by_class("singer", 5, 2)(Source(), 0, np.random.default_rng(0))


def spikes(at: list[int], frames: int = 101) -> torch.Tensor:
    logits = torch.full((1, 1, frames), -8.0)
    logits[..., at] = 8.0
    return logits


def event(at: int = 50, frames: int = 101) -> torch.Tensor:
    target = torch.zeros(1, 1, frames)
    target[..., at] = 1.0
    return target


def test_shift_tolerance_asks_for_a_peak_near_the_label_wherever_it_is() -> None:
    loss = shift_tolerant(3)
    right = loss(spikes([50]), event())
    for shift in (-3, -2, -1, 1, 2, 3):
        assert torch.isclose(loss(spikes([50 + shift]), event()), right)
    missed, beside = loss(spikes([]), event()), loss(spikes([54]), event())
    assert missed > 10 * right
    assert torch.isclose(beside - missed, missed, rtol=0.05)  # the target is missed, and its pooled copy reaches a frame of none


def test_shift_tolerance_costs_nothing_where_nothing_is_known() -> None:
    target = event()
    target[..., 60:] = float("nan")
    loss = shift_tolerant(3)
    assert torch.isclose(loss(spikes([50, 80]), target) * 60, loss(spikes([50]), target) * 60, atol=1e-4)
    assert loss(spikes([50]), torch.full_like(target, float("nan"))) == 0


def test_ranked_triplets_cost_what_stands_in_another_order_than_the_targets():
    truth = torch.tensor([[0.0], [1.0], [3.0], [7.0]])
    ranked = Triplet(0.0, "ranked")
    assert ranked.loss(2 * truth, truth) == 0
    wrong = torch.tensor([[0.0], [3.0], [1.0], [7.0]])
    by_hand = [
        float(abs(wrong[a] - wrong[p]) - abs(wrong[a] - wrong[n]))
        for a in range(4)
        for p in range(4)
        for n in range(4)
        if a not in (p, n) and abs(truth[a] - truth[p]) < abs(truth[a] - truth[n])
    ]
    costly = [cost for cost in by_hand if cost > 0]
    assert ranked.loss(wrong, truth) == pytest.approx(sum(costly) / len(costly))
    unknown = torch.cat([truth, torch.tensor([[float("nan")]])])
    assert ranked.loss(torch.cat([wrong, torch.randn(1, 1)]), unknown) == pytest.approx(sum(costly) / len(costly))
