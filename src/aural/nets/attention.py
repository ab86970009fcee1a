"""Attention: a weighted mean of values, the weights a softmax of how well keys meet a query.

Inside these modules a sequence is (batch, place, feature). Masks are true where a key may be heard; where none may, the answer is 0.

Source   Bahdanau, Cho & Bengio, Neural machine translation by jointly learning to align and translate, ICLR 2015 [BCB14] (additive);
         Vaswani et al., Attention is all you need, NeurIPS 2017 [VSP+17] (scaled dot product, heads); Su et al., RoFormer, 2021
         (rotary positions); Chorowski et al., Attention-based models for speech recognition, NeurIPS 2015 (location)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import OptionError


def weights_of(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """Softmax over the last axis, exactly 0 where the mask is false; rows of which nothing may be heard are all 0."""
    if mask is None:
        return scores.softmax(-1)
    heard = mask.any(-1, keepdim=True)
    return scores.masked_fill(~mask & heard, -torch.inf).softmax(-1) * (mask & heard)


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Scaled dot product: (…, q, d), (…, k, d), (…, k, v) → (…, q, v) and the weights (…, q, k)."""
    weights = weights_of(query @ key.mT / math.sqrt(query.shape[-1]), mask)
    return weights @ value, weights


class AdditiveAttention(nn.Module):
    """e = v' tanh(W s + U a): of a state (batch, query) and memories (batch, place, feature) → a context (batch, feature) and
    the weights (batch, place).

    Args:
        location: filters of 31 places over the weights so far, added in the tanh; 0: none. Such a one wants `before`.
    """

    def __init__(self, query: int, feature: int, size: int, location: int = 0) -> None:
        super().__init__()
        self.query, self.key, self.score = nn.Linear(query, size, bias=False), nn.Linear(feature, size), nn.Linear(size, 1, bias=False)
        self.location = (
            nn.Sequential(nn.Conv1d(1, location, 31, padding=15, bias=False), nn.Conv1d(location, size, 1)) if location else None
        )

    def keys(self, memory: Tensor) -> Tensor:
        """U a, the same for every query: (batch, place, size)."""
        return self.key(memory)

    def forward(
        self, state: Tensor, memory: Tensor, mask: Tensor | None = None, keys: Tensor | None = None, before: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """With `keys`, what `keys(memory)` gave; `before` (batch, place), the sum of the weights so far."""
        hidden = self.query(state)[:, None] + (self.keys(memory) if keys is None else keys)
        if self.location is not None:
            hidden = hidden + self.location((torch.zeros_like(memory[..., 0]) if before is None else before)[:, None]).mT
        weights = weights_of(self.score(hidden.tanh()).squeeze(-1), mask)
        return (weights[:, None] @ memory)[:, 0], weights


def rotated(x: Tensor, first: int = 0, base: float = 10_000.0) -> Tensor:
    """(…, place, even d): the pair (2i, 2i + 1) of place n turned by (first + n) · base^(-2i / d), so that products of queries
    and keys see their distance alone."""
    n = torch.arange(first, first + x.shape[-2], device=x.device, dtype=torch.float64)
    speeds = base ** (-torch.arange(0, x.shape[-1], 2, device=x.device, dtype=torch.float64) / x.shape[-1])
    angles = n[:, None] * speeds
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)


class MultiHeadAttention(nn.Module):
    """Queries (batch, q, size) hear memories (batch, k, size): (batch, q, size).

    Args:
        rotary: queries and keys are turned by their places.
        dropout: of the weights, in training.
    """

    def __init__(self, size: int, heads: int, *, rotary: bool = False, dropout: float = 0.0) -> None:
        super().__init__()
        if size % heads or (rotary and size // heads % 2):
            raise OptionError(f"size={size}, heads={heads}: the size is shared out to the heads, evenly{' and in pairs' if rotary else ''}")
        self.heads, self.rotary, self.dropout = heads, rotary, dropout
        self.query, self.key, self.value, self.out = (nn.Linear(size, size) for _ in range(4))
        for layer in (self.query, self.key, self.value, self.out):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (batch, head, place, d)

    def memory(self, x: Tensor, first: int = 0) -> tuple[Tensor, Tensor]:
        """Keys and values of memories, each (batch, head, place, d); `first` is the place of the first of them."""
        keys = self._split(self.key(x))
        return rotated(keys, first) if self.rotary else keys, self._split(self.value(x))

    def ask(self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None, first: int = 0) -> Tensor:
        """What queries hear of memories; the mask is (batch or 1, 1, q, k)."""
        queries = self._split(self.query(x))
        queries = rotated(queries, first) if self.rotary else queries
        heard = F.scaled_dot_product_attention(queries, keys, values, mask, self.dropout if self.training else 0.0)
        if mask is not None:  # the fused product gives NaN, or a mean of all, where no key may be heard
            heard = torch.where(mask.any(-1, keepdim=True), heard, 0.0)
        return self.out(heard.transpose(1, 2).flatten(2))

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        keys, values = self.memory(x if memory is None else memory)
        return self.ask(x, keys, values, mask)
