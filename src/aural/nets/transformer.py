"""Transformers over frames, and from one sequence to another.

Source   Vaswani et al., Attention is all you need, NeurIPS 2017 [VSP+17]; normalisation first: Xiong et al., On layer
         normalization in the transformer architecture, ICML 2020
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..errors import OptionError
from .attention import MultiHeadAttention
from .blocks import frame_mask

Cache = dict[str, Tensor]


def sinusoids(places: int, size: int, first: int = 0) -> Tensor:
    """(place, size) float64: sin and cos of n · 10000^(-2i / size) in turn, for places first … first + places - 1."""
    n = torch.arange(first, first + places, dtype=torch.float64)
    angles = n[:, None] * 10_000.0 ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(-2)[:, :size]


def causal_mask(places: int, device: torch.device | None = None, before: int = 0) -> Tensor:
    """(1, 1, place, before + place), true where a place may hear: itself, and what came before."""
    return torch.ones(places, before + places, dtype=torch.bool, device=device).tril(before)[None, None]


class EncoderLayer(nn.Module):
    """Self-attention and a dense part, each beside a sum: (batch, place, size) → the same shape.

    Args:
        first: whether normalisation comes before each part (the default of today) or after each sum (the paper).
    """

    def __init__(
        self, size: int, heads: int, wide: int | None = None, *, first: bool = True, rotary: bool = False, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.first = first
        self.attention = MultiHeadAttention(size, heads, rotary=rotary, dropout=dropout)
        self.dense = nn.Sequential(nn.Linear(size, wide or 4 * size), nn.ReLU(), nn.Dropout(dropout), nn.Linear(wide or 4 * size, size))
        self.norms = nn.ModuleList(nn.LayerNorm(size) for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def _beside(self, x: Tensor, norm: nn.Module, part: object) -> Tensor:
        if self.first:
            return x + self.dropout(part(norm(x)))  # type: ignore[operator]
        return norm(x + self.dropout(part(x)))  # type: ignore[operator]

    def forward(self, x: Tensor, mask: Tensor | None = None, cache: Cache | None = None) -> Tensor:
        x = self._beside(x, self.norms[0], lambda y: self._heard(y, mask, cache))
        return self._beside(x, self.norms[-1], self.dense)

    def _heard(self, x: Tensor, mask: Tensor | None, cache: Cache | None) -> Tensor:
        """Self-attention; with a cache, on the memories of earlier places too, which it then holds."""
        first = cache["keys"].shape[-2] if cache else 0
        keys, values = self.attention.memory(x, first)
        if cache is not None:
            if cache:
                keys, values = torch.cat([cache["keys"], keys], -2), torch.cat([cache["values"], values], -2)
            cache["keys"], cache["values"] = keys, values
        return self.attention.ask(x, keys, values, mask, first)


class DecoderLayer(EncoderLayer):
    """As EncoderLayer, and attention to another sequence's memories between the two parts."""

    def __init__(
        self, size: int, heads: int, wide: int | None = None, *, first: bool = True, rotary: bool = False, dropout: float = 0.1
    ) -> None:
        super().__init__(size, heads, wide, first=first, rotary=rotary, dropout=dropout)
        self.cross = MultiHeadAttention(size, heads, dropout=dropout)
        self.norms.append(nn.LayerNorm(size))

    def forward(  # type: ignore[override]
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None, memory_mask: Tensor | None = None, cache: Cache | None = None
    ) -> Tensor:
        x = self._beside(x, self.norms[0], lambda y: self._heard(y, mask, cache))
        x = self._beside(x, self.norms[1], lambda y: self.cross(y, memory, memory_mask))
        return self._beside(x, self.norms[2], self.dense)


class Transformer(nn.Module):
    """An encoder of frames: (batch, inputs, frame) → (batch, size, frame).

    Args:
        inputs: features of a frame; None where they are `size` already.
        positions: "sinusoidal" (added), "rotary" (in every attention) or "none" (a set of frames).
        causal: whether a frame hears only itself and earlier ones; such a net has `step`.
    """

    stride = 1

    def __init__(
        self,
        inputs: int | None,
        size: int = 64,
        layers: int = 2,
        heads: int = 4,
        wide: int | None = None,
        *,
        positions: str = "sinusoidal",
        causal: bool = False,
        first: bool = True,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if positions not in ("sinusoidal", "rotary", "none"):
            raise OptionError(f'positions={positions!r}: "sinusoidal", "rotary" or "none"')
        self.size, self.channels, self.positions, self.causal = size, size, positions, causal
        self.project = nn.Linear(inputs, size) if inputs else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            EncoderLayer(size, heads, wide, first=first, rotary=positions == "rotary", dropout=dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(size) if first else nn.Identity()

    def _placed(self, x: Tensor, first: int = 0) -> Tensor:
        x = self.project(x.mT)
        if self.positions == "sinusoidal":
            x = x + sinusoids(x.shape[1], self.size, first).to(x)
        return self.dropout(x)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Padding, where `lengths` (batch,) tell of any, is not heard; what stands there afterwards means nothing."""
        mask = None if lengths is None else frame_mask(lengths, x.shape[-1])[:, None, None]
        if self.causal:
            allowed = causal_mask(x.shape[-1], x.device)
            mask = allowed if mask is None else mask & allowed
        y = self._placed(x)
        for layer in self.layers:
            y = layer(y, mask)
        return self.norm(y).mT

    def step(self, x: Tensor, state: list[Cache] | None = None) -> tuple[Tensor, list[Cache]]:
        """The next frames (batch, inputs, n) of a causal one → theirs, and what all layers remember."""
        if not self.causal:
            raise OptionError("only causal=True goes step by step: the others hear what is still to come")
        state = [{} for _ in self.layers] if state is None else [dict(cache) for cache in state]
        before = state[0]["keys"].shape[-2] if state[0] else 0
        y, mask = self._placed(x, before), causal_mask(x.shape[-1], x.device, before)
        for layer, cache in zip(self.layers, state, strict=True):
            y = layer(y, mask, cache)
        return self.norm(y).mT, state


class TransformerDecoder(nn.Module):
    """Tokens, one after the other, from memories (batch, feature, frame): teacher-forced logits (batch, token, place).

    `forward(memory, previous)` shifts `previous` (batch, place) itself: token 0 stands before the first. `step` is what
    `decoding.greedy` and `decoding.beam` call.
    """

    def __init__(self, tokens: int, size: int = 64, layers: int = 2, heads: int = 4, wide: int | None = None, dropout: float = 0.1) -> None:
        super().__init__()
        self.size = size
        self.embed = nn.Embedding(tokens, size)
        self.layers = nn.ModuleList(DecoderLayer(size, heads, wide, dropout=dropout) for _ in range(layers))
        self.norm, self.out = nn.LayerNorm(size), nn.Linear(size, tokens)

    def _logits(self, tokens: Tensor, memory: Tensor, caches: list[Cache], lengths: Tensor | None) -> Tensor:
        before = caches[0]["keys"].shape[-2] if caches[0] else 0
        y = self.embed(tokens) * math.sqrt(self.size) + sinusoids(tokens.shape[1], self.size, before).to(memory)
        mask = causal_mask(tokens.shape[1], tokens.device, before)
        heard = None if lengths is None else frame_mask(lengths, memory.shape[-1])[:, None, None]
        for layer, cache in zip(self.layers, caches, strict=True):
            y = layer(y, memory.mT, mask, heard, cache)
        return self.out(self.norm(y)).mT

    def forward(self, memory: Tensor, previous: Tensor, lengths: Tensor | None = None) -> Tensor:
        shifted = nn.functional.pad(previous, (1, 0))[:, :-1]
        return self._logits(shifted, memory, [{} for _ in self.layers], lengths)

    def start(self, memory: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        """The state before the first token; batch is its first axis."""
        return {
            "memory": memory,
            "lengths": torch.full((len(memory),), memory.shape[-1], device=memory.device) if lengths is None else lengths,
        }

    def step(self, token: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The last token (batch,) → logits of the next (batch, token), and the state after."""
        caches: list[Cache] = [{k: state[f"{i}.{k}"] for k in ("keys", "values") if f"{i}.{k}" in state} for i, _ in enumerate(self.layers)]
        logits = self._logits(token[:, None], state["memory"], caches, state["lengths"])[..., 0]
        return logits, {**state, **{f"{i}.{k}": v for i, cache in enumerate(caches) for k, v in cache.items()}}


def warm_up_rate(step: int, size: int = 512, warm_up: int = 4000) -> float:
    """The paper's rate at a step from 1: size^-½ · min(step^-½, step · warm_up^-1½)."""
    return size**-0.5 * min(step**-0.5, step * warm_up**-1.5)
