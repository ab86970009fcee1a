"""Facts about hidden Markov models: sums and maxima over paths."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from aural import hmm


def model(seed: int, states: int = 3, frames: int = 6, batch: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    scores = np.log(rng.dirichlet(np.ones(states), (batch, frames))).swapaxes(1, 2)
    made = scores, np.log(rng.dirichlet(np.ones(states), states)), np.log(rng.dirichlet(np.ones(states)))
    return tuple(torch.from_numpy(np.ascontiguousarray(m)) for m in made)  # type: ignore[return-value]


def every_path(scores: torch.Tensor, transitions: torch.Tensor, start: torch.Tensor) -> dict[tuple[int, ...], float]:
    states, frames = scores.shape
    return {
        path: float(
            start[path[0]] + sum(scores[q, n] for n, q in enumerate(path)) + sum(transitions[a, b] for a, b in itertools.pairwise(path))
        )
        for path in itertools.product(range(states), repeat=frames)
    }


@pytest.mark.parametrize("seed", range(3))
def test_sums_and_maxima_are_those_of_all_paths(seed):
    scores, transitions, start = model(seed)
    total = hmm.log_likelihood(scores, transitions, start)
    paths, best = hmm.viterbi(scores, transitions, start)
    for i in range(2):
        each = every_path(scores[i], transitions, start)
        assert total[i].item() == pytest.approx(np.logaddexp.reduce(list(each.values())), abs=1e-10)
        assert best[i].item() == pytest.approx(max(each.values()), abs=1e-10)
        assert tuple(paths[i].tolist()) == max(each, key=each.__getitem__)


def test_forwards_and_backwards_are_one_probability():
    scores, transitions, start = model(0, frames=40)
    forward, backward = hmm.forward(scores, transitions, start), hmm.backward(scores, transitions)
    torch.testing.assert_close(
        torch.logsumexp(start + scores[..., 0] + backward[..., 0], 1), hmm.log_likelihood(scores, transitions, start)
    )
    everywhere = torch.logsumexp(forward + backward, 1)
    torch.testing.assert_close(everywhere, everywhere[:, :1].expand_as(everywhere))
    torch.testing.assert_close(hmm.posteriors(scores, transitions, start).exp().sum(1), torch.ones(2, 40, dtype=torch.float64))


def test_the_gradient_of_the_sum_is_the_posterior():
    scores, transitions, start = model(1, frames=10)
    (gradient,) = torch.autograd.grad(hmm.log_likelihood(scores.requires_grad_(), transitions, start).sum(), scores)
    torch.testing.assert_close(gradient, hmm.posteriors(scores, transitions, start).exp().detach(), rtol=0, atol=1e-8)
    through = transitions.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(hmm.log_likelihood(scores.detach(), through, start).sum(), through)
    torch.testing.assert_close(gradient, hmm.expectations(scores.detach(), transitions, start)[2].sum(0), rtol=0, atol=1e-8)


def test_what_is_impossible_has_no_share_and_a_gradient_that_is_a_number():
    scores, _, _ = model(2)
    transitions = hmm.left_to_right(3)
    start = torch.tensor([0.0, -torch.inf, -torch.inf], dtype=torch.float64)
    scores = scores.clone().requires_grad_()
    hmm.log_likelihood(scores, transitions, start).sum().backward()
    assert torch.isfinite(scores.grad).all()
    assert (scores.grad[:, 1:, 0] == 0).all()
    assert (hmm.posteriors(scores, transitions, start).exp()[:, 2, 1] == 0).all()
    end = torch.tensor([-torch.inf, -torch.inf, 0.0])
    short = scores.detach()[..., :2]  # two frames do not reach the third state
    assert hmm.log_likelihood(short, transitions, start, end).tolist() == [-torch.inf] * 2
    assert hmm.viterbi(short, transitions, start, end)[1].tolist() == [-torch.inf] * 2


def test_padding_changes_nothing():
    scores, transitions, start = model(3, frames=12)
    lengths = torch.tensor([12, 7])
    alone = scores[1:, :, :7]
    assert hmm.log_likelihood(scores, transitions, start, lengths=lengths)[1] == pytest.approx(
        hmm.log_likelihood(alone, transitions, start).item()
    )
    torch.testing.assert_close(
        hmm.posteriors(scores, transitions, start, lengths=lengths)[1, :, :7], hmm.posteriors(alone, transitions, start)[0]
    )
    torch.testing.assert_close(
        hmm.expectations(scores, transitions, start, lengths)[2][1], hmm.expectations(alone, transitions, start)[2][0]
    )
    path, score = hmm.viterbi(scores, transitions, start, lengths=lengths)
    assert torch.equal(path[1, :7], hmm.viterbi(alone, transitions, start)[0][0])
    assert score[1] == pytest.approx(hmm.viterbi(alone, transitions, start)[1].item())


def test_where_all_changes_are_alike_each_frame_is_on_its_own():
    scores, _, _ = model(4, states=5, frames=50)
    alike = torch.full((5, 5), -np.log(5.0), dtype=torch.float64)
    assert torch.equal(hmm.viterbi(scores, alike)[0], scores.argmax(1))


def test_equal_priors_change_no_path():
    scores, transitions, start = model(5, frames=20)
    scaled = hmm.scaled_likelihoods(scores, torch.full((3,), 1 / 3))
    assert torch.equal(hmm.viterbi(scaled, transitions, start)[0], hmm.viterbi(scores, transitions, start)[0])
    assert hmm.scaled_likelihoods(scores, torch.tensor([0.0, 0.5, 0.5]))[0, 0, 0] == pytest.approx(scores[0, 0, 0].item() - np.log(1e-5))


def test_an_alignment_keeps_the_order():
    scores = torch.full((4, 10), -5.0)
    for state, frames in ((2, range(0, 3)), (0, range(3, 4)), (2, range(4, 8)), (3, range(8, 10))):
        scores[state, list(frames)] = 0.0
    assert hmm.align(scores, [2, 0, 2, 3]).tolist() == [0, 0, 0, 1, 2, 2, 2, 2, 3, 3]
    assert hmm.align(scores, [1, 1])[-1] == 1
    with pytest.raises(ValueError, match="10 frames"):
        hmm.align(scores, [0] * 11)


@pytest.mark.parametrize("seed", range(3))
def test_a_batch_is_its_examples(seed):
    scores, transitions, start = model(seed, states=6, frames=60)
    paths, _ = hmm.viterbi(scores.float(), transitions, start)
    for path, own in zip(paths, scores, strict=True):
        assert path.tolist() == hmm.best_path(own.numpy(), transitions.numpy(), start.numpy()).tolist()
