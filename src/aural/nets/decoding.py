"""Sequences out of a net that gives one token at a time: the most probable next, a search with a beam, chance.

A net is its `step(token, state) → (logits, state)`: token (batch,), logits (batch, token), and a state of tensors whose first axis is
the batch.

Source   Sutskever, Vinyals & Le, Sequence to sequence learning with neural networks, NeurIPS 2014 [SVL14] (beam)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Step = Callable[[Tensor, Any], tuple[Tensor, Any]]


def chosen(state: Any, rows: Tensor) -> Any:
    """Some rows of a state: tensors, or tuples, lists and dicts of such, their first axis the batch."""
    if isinstance(state, Tensor):
        return state[rows]
    if isinstance(state, dict):
        return {name: chosen(value, rows) for name, value in state.items()}
    return type(state)(chosen(value, rows) for value in state) if isinstance(state, tuple | list) else state


def device_of(state: Any) -> torch.device:
    """Where the first tensor of a state is."""
    while isinstance(state, dict | tuple | list):
        state = next(iter(state.values() if isinstance(state, dict) else state))
    return state.device if isinstance(state, Tensor) else torch.device("cpu")


@torch.no_grad()
def greedy(
    step: Step, state: Any, batch: int, longest: int, *, start: int = 0, end: int | None = None, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Tokens (batch, ≤ longest) and the sum of their log-probabilities (batch,). After `end` there are only more of it.

    Args:
        generator: draws the tokens by chance; None: the most probable.
    """
    device = device_of(state)
    token = torch.full((batch,), start, device=device)
    score, done, tokens = torch.zeros(batch, device=device), torch.zeros(batch, dtype=torch.bool, device=device), []
    for _ in range(longest):
        logits, state = step(token, state)
        log_p = logits.log_softmax(-1)
        token = log_p.argmax(-1) if generator is None else torch.multinomial(log_p.exp(), 1, generator=generator)[:, 0]
        if end is not None:
            token = torch.where(done, end, token)
        score = score.to(log_p) + torch.where(done, 0.0, log_p.gather(1, token[:, None])[:, 0])
        tokens.append(token)
        done = done | (token == end) if end is not None else done
        if bool(done.all()):
            break
    return (torch.stack(tokens, 1) if tokens else token.new_zeros(batch, 0)), score


@torch.no_grad()
def beam(step: Step, state: Any, width: int, longest: int, *, start: int = 0, end: int | None = None) -> tuple[Tensor, float]:
    """The best sequence (≤ longest,) that a beam of `width` finds for one example (a batch of 1), and its log-probability."""
    device = device_of(state)
    tokens, scores = torch.full((1, 1), start, device=device), torch.zeros(1, device=device)
    done = torch.zeros(1, dtype=torch.bool, device=device)
    for _ in range(longest):
        logits, state = step(tokens[:, -1], state)
        log_p = logits.log_softmax(-1)
        if end is not None:  # one that has ended goes on as itself alone
            log_p[done] = -torch.inf
            log_p[done, end] = 0.0
        total = (scores.to(log_p)[:, None] + log_p).flatten()
        scores, best = total.topk(min(width, len(total)))
        rows, token = best // log_p.shape[1], best % log_p.shape[1]
        tokens, state = torch.cat([tokens[rows], token[:, None]], 1), chosen(state, rows)
        done = done[rows] | (token == end) if end is not None else done[rows]
        if bool(done.all()):
            break
    return tokens[0, 1:], float(scores[0])
