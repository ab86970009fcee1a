"""Temporal convolutional networks: dilated convolutions in residual blocks, causal or centred.

Source   Bai, Kolter & Koltun, An empirical evaluation of generic convolutional and recurrent networks for sequence modeling,
         2018 [BKK18]; dilation: van den Oord et al., 2016 [vdODZ+16]. Centred, for beats: Davies & Böck, Temporal convolutional
         networks for musical audio beat tracking, EUSIPCO 2019
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from ..errors import OptionError
from .blocks import Activation, CausalConv1d

State = list[Tensor]


class TCNBlock(nn.Module):
    """Two dilated convolutions with weight normalisation, activation and dropout of whole channels, beside a sum:
    (batch, inputs, frame) → (batch, outputs, frame)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int, causal: bool, activation: Activation, dropout: float) -> None:
        super().__init__()
        self.causal, self.side = causal, (kernel - 1) * dilation // 2
        kind = CausalConv1d if causal else nn.Conv1d
        self.first = weight_norm(kind(inputs, outputs, kernel, dilation=dilation))
        self.second = weight_norm(kind(outputs, outputs, kernel, dilation=dilation))
        self.project = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else nn.Identity()
        self.activation, self.dropout = activation(), nn.Dropout1d(dropout)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for conv in (self.first, self.second):
            y = self.dropout(self.activation(conv(y if self.causal else F.pad(y, (self.side, self.side)))))
        return self.activation(self.project(x) + y)

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y, after = x, []
        for conv, past in zip((self.first, self.second), state or (None, None), strict=True):
            assert isinstance(conv, CausalConv1d)
            y, past = conv.step(y, past)
            y = self.dropout(self.activation(y))
            after.append(past)
        return self.activation(self.project(x) + y), after


class TCN(nn.Module):
    """(batch, inputs, frame) → (batch, channels[-1], frame), dilations 1, 2, 4 … (or as given).

    Args:
        channels: of each block.
        causal: frame n hears frames n - field + 1 … n; otherwise field // 2 on either side.
        dilations: default 2^b in block b.

    `field` is 1 + 2 (kernel - 1) Σ dilations. `step` of a causal one takes the next frames and a state (None before the
    first), as whole = pieces.
    """

    stride = 1

    def __init__(
        self,
        inputs: int,
        channels: Sequence[int],
        kernel: int = 3,
        *,
        causal: bool = True,
        dilations: Sequence[int] | None = None,
        activation: Activation = nn.ReLU,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        dilations = [2**b for b in range(len(channels))] if dilations is None else list(dilations)
        if not causal and kernel % 2 == 0:
            raise OptionError(f"kernel={kernel}: a centred net wants an odd one")
        self.causal, self.channels, self.field = causal, channels[-1], 1 + 2 * (kernel - 1) * sum(dilations)
        sizes = [inputs, *channels]
        self.blocks = nn.ModuleList(
            TCNBlock(a, b, kernel, d, causal, activation, dropout) for a, b, d in zip(sizes, channels, dilations, strict=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return x

    def step(self, x: Tensor, state: list[State] | None = None) -> tuple[Tensor, list[State]]:
        """The next frames (batch, inputs, n) and the state before them → theirs, and the state after."""
        if not self.causal:
            raise OptionError("a centred net hears what is still to come: only a causal one can go step by step")
        after = []
        for block, past in zip(self.blocks, state or [[] for _ in self.blocks], strict=True):
            assert isinstance(block, TCNBlock)
            x, past = block.step(x, past)
            after.append(past)
        return x, after
