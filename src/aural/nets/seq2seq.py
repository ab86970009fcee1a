"""From one sequence to another of another length: an encoder's last state, or its attended states, and a decoder of tokens.

Source   Cho et al., EMNLP 2014 [CVMG+14]; Sutskever, Vinyals & Le, NeurIPS 2014 [SVL14] (reversed source, beam); Bahdanau, Cho & Bengio,
         ICLR 2015 [BCB14] (attention)
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .attention import AdditiveAttention
from .blocks import frame_mask
from .decoding import beam, greedy
from .rnn import Recurrent


class Seq2Seq(nn.Module):
    """(batch, inputs, frame) and tokens → logits (batch, token, place). Token 0 is what stands before the first.

    `forward(x, previous)` is teacher-forced, and shifts `previous` (batch, place) itself; `generate` goes on its own.

    Args:
        attention: units of additive attention; 0: the decoder gets the encoder's last state alone.
        bidirectional: of the encoder. An encoder may be injected: (batch, inputs, frame) → (batch, channels, frame), with `channels`.
    """

    def __init__(
        self,
        inputs: int,
        tokens: int,
        hidden: int = 64,
        *,
        attention: int = 0,
        bidirectional: bool = False,
        encoder: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.encoder = encoder or Recurrent(inputs, hidden, "gru", bidirectional=bidirectional)
        channels = int(self.encoder.channels)  # type: ignore[arg-type]
        self.attention = AdditiveAttention(hidden, channels, attention) if attention else None
        self.embed = nn.Embedding(tokens, hidden)
        self.first = nn.Sequential(nn.Linear(channels, hidden), nn.Tanh())
        self.cell = nn.GRUCell(hidden + (channels if attention else 0), hidden)
        self.out = nn.Linear(hidden + (channels if attention else 0), tokens)

    def start(self, x: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        """What the decoder knows before its first token."""
        memory = self.encoder(x) if lengths is None else self.encoder(x, lengths)  # (batch, channel, frame)
        lengths = torch.full((len(x),), memory.shape[-1], device=x.device) if lengths is None else lengths
        last = memory.gather(2, (lengths - 1)[:, None, None].expand(-1, memory.shape[1], 1))[..., 0]
        if getattr(self.encoder, "bidirectional", False):  # the backward half has read everything at the first frame
            half = memory.shape[1] // 2
            last = torch.cat([last[:, :half], memory[:, half:, 0]], 1)
        state = {"hidden": self.first(last)}
        if self.attention is not None:
            state |= {"memory": memory.mT, "keys": self.attention.keys(memory.mT), "mask": frame_mask(lengths, memory.shape[-1])}
        return state

    def step(self, token: Tensor, state: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """The last token (batch,) → logits of the next (batch, token), and the state after; with attention it holds `weights`."""
        heard, more = self.embed(token), {}
        if self.attention is not None:
            context, weights = self.attention(state["hidden"], state["memory"], state["mask"], state["keys"])
            heard, more = torch.cat([heard, context], 1), {"weights": weights}
        hidden = self.cell(heard, state["hidden"])
        spoken = torch.cat([hidden, context], 1) if self.attention is not None else hidden
        return self.out(spoken), {**state, "hidden": hidden, **more}

    def forward(self, x: Tensor, lengths: Tensor | None = None, *, previous: Tensor) -> Tensor:
        state, logits = self.start(x, lengths), []
        for token in nn.functional.pad(previous, (1, 0))[:, :-1].unbind(1):
            now, state = self.step(token, state)
            logits.append(now)
        return torch.stack(logits, -1)

    @torch.no_grad()
    def generate(
        self,
        x: Tensor,
        lengths: Tensor | None = None,
        *,
        longest: int = 100,
        width: int = 1,
        end: int | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Tokens (batch, place); with `width` above 1 by a beam, one example after the other, short ones filled with 0.

        Chance is never asked: `generator` is taken as every net's, and left alone."""
        if width <= 1:
            return greedy(self.step, self.start(x, lengths), len(x), longest, end=end)[0]
        found: list[Any] = []
        for i in range(len(x)):
            state = self.start(x[i : i + 1], None if lengths is None else lengths[i : i + 1])
            found.append(beam(self.step, state, width, longest, end=end)[0])
        return nn.utils.rnn.pad_sequence(found, batch_first=True)
