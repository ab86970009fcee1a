"""Hidden Markov models: sums and maxima over all paths of states, batched, in logarithms.

Scores are log-probabilities (batch, state, frame) of what was heard in each frame, given each state; `transitions` is log p(from, to),
`start` log p of the first state (None: any, at no cost), `end` likewise of the last. -inf is never; gradients stay finite with it.
`lengths` (batch,) are the frames that each example of a padded batch really has.

Source   Rabiner, A tutorial on hidden Markov models, Proc. IEEE 77(2), 1989
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

NEVER = -1e30  # in place of -inf, whose sums and gradients are no numbers


def _finite(x: Tensor | None, like: Tensor, shape: tuple[int, ...]) -> Tensor:
    if x is None:
        return like.new_zeros(shape)
    return x.to(like).nan_to_num(neginf=NEVER).clamp(min=NEVER)


def _alive(scores: Tensor, lengths: Tensor | None) -> Tensor:
    """(frame, batch, 1): is the frame one of the example's?"""
    frames = torch.arange(scores.shape[-1], device=scores.device)
    if lengths is None:
        return torch.ones(scores.shape[-1], len(scores), 1, dtype=torch.bool, device=scores.device)
    return (frames[:, None] < lengths.to(scores.device))[..., None]


def forward(scores: Tensor, transitions: Tensor, start: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
    """log p of the frames up to n, and of being in a state at n: (batch, state, frame). Past an example's end it stays as it was."""
    steps, states = _finite(scores, scores, ()).unbind(-1), scores.shape[1]
    through, first = _finite(transitions, scores, (states, states)), _finite(start, scores, (states,))
    alive = _alive(scores, lengths)
    now = first + steps[0]
    made = [now]
    for n in range(1, len(steps)):
        new = torch.logsumexp(now[:, :, None] + through, 1) + steps[n]
        now = torch.where(alive[n], new, now)
        made.append(now)
    return torch.stack(made, -1)


def backward(scores: Tensor, transitions: Tensor, end: Tensor | None = None, lengths: Tensor | None = None) -> Tensor:
    """log p of the frames after n, given a state at n: (batch, state, frame)."""
    steps, states = _finite(scores, scores, ()).unbind(-1), scores.shape[1]
    through, last = _finite(transitions, scores, (states, states)), _finite(end, scores, (states,))
    alive = _alive(scores, lengths)
    now = last.expand(len(scores), states)
    made = [now]
    for n in range(len(steps) - 1, 0, -1):
        new = torch.logsumexp(through + (steps[n] + now)[:, None], 2)
        now = torch.where(alive[n], new, now)
        made.append(now)
    return torch.stack(made[::-1], -1)


def log_likelihood(
    scores: Tensor, transitions: Tensor, start: Tensor | None = None, end: Tensor | None = None, lengths: Tensor | None = None
) -> Tensor:
    """log p of all that was heard (batch,); its gradient by the scores is the posteriors."""
    last = forward(scores, transitions, start, lengths)[..., -1] + _finite(end, scores, (scores.shape[1],))
    total = torch.logsumexp(last, 1)
    return torch.where(total > NEVER / 2, total, -torch.inf)


def posteriors(
    scores: Tensor, transitions: Tensor, start: Tensor | None = None, end: Tensor | None = None, lengths: Tensor | None = None
) -> Tensor:
    """log p of each state in each frame, given all that was heard: (batch, state, frame)."""
    return (forward(scores, transitions, start, lengths) + backward(scores, transitions, end, lengths)).log_softmax(1)


def expectations(
    scores: Tensor, transitions: Tensor, start: Tensor | None = None, lengths: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """What Baum-Welch wants to know, in one pass either way: the log-likelihood (batch,), the `posteriors` (batch, state, frame), and how
    often each state is expected to follow each (batch, from, to)."""
    before, after = forward(scores, transitions, start, lengths), backward(scores, transitions, None, lengths)
    states, frames = scores.shape[1:]
    through, steps = _finite(transitions, scores, (states, states)), _finite(scores, scores, ())
    total = torch.logsumexp(before[..., -1], 1)
    taken = scores.new_zeros(len(scores), states, states)
    alive = _alive(scores, lengths)
    for n in range(1, frames):  # frame by frame: no (frame, from, to) at once
        pair = before[..., n - 1, None] + through + (steps[..., n] + after[..., n])[:, None]
        taken = taken + (pair - total[:, None, None]).exp() * alive[n][..., None]
    return total, (before + after).log_softmax(1), taken


def viterbi(
    scores: Tensor, transitions: Tensor, start: Tensor | None = None, end: Tensor | None = None, lengths: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The most probable path (batch, frame) int64, and its log-probability (batch,). Past an example's end its last state stays.

    Example by example in numpy, which is several times as fast as torch here: nothing is differentiated, and steps are small."""
    through, first, last = (None if x is None else x.detach().double().cpu().numpy() for x in (transitions, start, end))
    assert through is not None
    paths = torch.zeros(len(scores), scores.shape[-1], dtype=torch.int64)
    totals = []
    for i, own in enumerate(scores.detach().double().cpu().numpy()):
        frames = own.shape[-1] if lengths is None else int(lengths[i])
        path, total = _best(own[:, :frames], through, first, last)
        paths[i, :frames], paths[i, frames:] = torch.from_numpy(path), int(path[-1])
        totals.append(total)
    return paths.to(scores.device), torch.tensor(totals, dtype=torch.float64).to(scores)


def best_path(log_p: np.ndarray, transitions: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    """The most probable path (frame,) through log-probabilities (state, frame) and log p(from, to); of equally good ones, that with the
    state of the lower number."""
    return _best(log_p, transitions, start)[0]


def _best(
    log_p: np.ndarray, transitions: np.ndarray, start: np.ndarray | None = None, end: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """The best path, and its log-probability."""
    states, frames = log_p.shape
    came_from = np.zeros((frames, states), dtype=np.int32)
    score = log_p[:, 0] + (0 if start is None else start)
    for t in range(1, frames):
        through = score[:, None] + transitions
        came_from[t] = through.argmax(0)
        score = through[came_from[t], np.arange(states)] + log_p[:, t]
    score = score + (0 if end is None else end)
    return _back(came_from, int(score.argmax())), float(score.max())


def sticky(log_p: np.ndarray, stay: float) -> np.ndarray:
    """`best_path` where a state stays with one probability and all changes are equally likely: frames × states steps."""
    states, frames = log_p.shape
    staying, changing = math.log(stay), math.log((1 - stay) / (states - 1))
    came_from = np.tile(np.arange(states, dtype=np.int32), (frames, 1))
    score = log_p[:, 0]
    for t in range(1, frames):
        best = int(score.argmax())
        moved = score[best] + changing > score + staying
        came_from[t][moved] = best
        score = np.where(moved, score[best] + changing, score + staying) + log_p[:, t]
    return _back(came_from, int(score.argmax()))


def _back(came_from: np.ndarray, last: int) -> np.ndarray:
    path = np.empty(len(came_from), dtype=np.int64)
    path[-1] = last
    for t in range(len(path) - 1, 0, -1):
        path[t - 1] = came_from[t, path[t]]
    return path


def align(scores: Tensor, sequence: Sequence[int], stay: float = 0.5) -> Tensor:
    """Forced alignment of one example (state, frame): which element of the sequence of states each frame is, (frame,) rising from 0 to
    its last; every element lasts a frame at least.

    Raises ValueError where there are fewer frames than elements."""
    if scores.shape[-1] < len(sequence) or not len(sequence):
        raise ValueError(f"{scores.shape[-1]} frames cannot hold {len(sequence)} states, one frame each at least")
    first = torch.full((len(sequence),), -torch.inf)
    last = first.clone()
    first[0] = last[-1] = 0.0
    path, _ = viterbi(scores[list(sequence)][None], left_to_right(len(sequence), stay), first, last)
    return path[0]


def left_to_right(states: int, stay: float = 0.5) -> Tensor:
    """log p(from, to) of a chain: a state stays or moves to the next one; the last stays."""
    p = torch.diag(torch.full((states,), stay, dtype=torch.float64)) + torch.diag(
        torch.full((states - 1,), 1 - stay, dtype=torch.float64), 1
    )
    p[-1, -1] = 1.0
    return p.log()


def scaled_likelihoods(log_posteriors: Tensor, priors: Tensor, floor: float = 1e-5) -> Tensor:
    """log p(x|q) up to what is the same for all q: posteriors (batch, state, frame) of a net over the priors (state,), which are kept
    above `floor`, or a class that hardly ever occurs wins everywhere."""
    return log_posteriors - priors.to(log_posteriors).clamp(min=floor).log()[:, None]
