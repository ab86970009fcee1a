"""Recurrent networks over frames: the equations written out, and torch's fast ones.

Source   Hochreiter & Schmidhuber, Long short-term memory, Neural Computation 9(8), 1997 [HS97]; Schuster & Paliwal, Bidirectional
         recurrent neural networks, IEEE Trans. Signal Processing 45(11), 1997; Cho et al., Learning phrase representations using
         RNN encoder-decoder, EMNLP 2014 [CVMG+14] (GRU). Parameters of a layer and direction, inputs i, hidden h, two biases as
         in torch: h (i + h + 2), of a GRU 3 times and of an LSTM 4 times as many. The GRU resets U h + b, as torch does; the
         paper resets h before U. What gates start with to hold something for long: Tallec & Ollivier, Can recurrent neural networks
         warp time?, ICLR 2018 [TO18]
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from ..errors import OptionError

Kind = Literal["rnn", "gru", "lstm"]
State = Tensor | tuple[Tensor, Tensor]


def over_frames(net: nn.Module, x: Tensor, lengths: Tensor | None) -> Tensor:
    """One of torch's recurrent nets (batch_first) on (batch, feature, frame); see BidirectionalLSTM for `lengths`."""
    frames = x.transpose(1, 2)  # (batch, frame, feature)
    if lengths is None or bool((lengths == frames.shape[1]).all()):  # packing costs twice the time: only where it matters
        states, _ = net(frames)
    else:
        packed = pack_padded_sequence(frames, lengths.cpu(), batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(net(packed)[0], batch_first=True, total_length=frames.shape[1])
    return states.transpose(1, 2)


class BidirectionalLSTM(nn.Module):
    """(batch, feature, frame) → (batch, 2 · hidden, frame), forward states first.

    `lengths` (batch,), where given, are the frames that each example of a padded batch really has: the backward states
    start at the last of them, so that padding changes nothing, and frames past it are zero.
    """

    def __init__(self, features: int, hidden: int, layers: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        self.lstm = nn.LSTM(features, hidden, layers, batch_first=True, bidirectional=True, dropout=dropout)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        return over_frames(self.lstm, x, lengths)


class Recurrent(nn.Module):
    """(batch, feature, frame) → (batch, channels, frame), channels = hidden · directions; `lengths` as of BidirectionalLSTM.

    The weights from state to state start orthogonal, and what an LSTM forgets starts at a bias of 1 (Jozefowicz et al., 2015). With
    `memory` frames the units of an LSTM or GRU start with memories of 1 to so many frames, drawn as in [TO18]: what lies far back is then
    learned far sooner.
    `step` of one that hears the past alone takes the next frames and the state before them (None: before the first).
    """

    stride = 1

    def __init__(
        self,
        features: int,
        hidden: int,
        kind: Kind = "gru",
        layers: int = 1,
        *,
        bidirectional: bool = False,
        dropout: float = 0.0,
        memory: int = 0,
    ) -> None:
        super().__init__()
        if memory and (kind == "rnn" or memory < 2):
            raise OptionError(f'memory={memory}: 2 frames at least, and not of kind="rnn", which has no gates')
        kinds: dict[str, Any] = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
        if kind not in kinds:
            raise OptionError(f'kind={kind!r}: "rnn", "gru" or "lstm"')
        self.kind, self.bidirectional, self.channels = kind, bidirectional, hidden * (2 if bidirectional else 1)
        self.net = kinds[kind](features, hidden, layers, batch_first=True, bidirectional=bidirectional, dropout=dropout)
        for name, p in self.net.named_parameters():
            if name.startswith("weight_hh"):
                for gate in p.data.chunk(len(p) // hidden):
                    nn.init.orthogonal_(gate)
            elif kind == "lstm" and name.startswith("bias_ih"):
                p.data[hidden : 2 * hidden] = 1.0
            elif kind == "lstm" and name.startswith("bias_hh"):
                p.data[hidden : 2 * hidden] = 0.0
            if memory and name.startswith("bias"):  # of the gate that keeps, and of an LSTM's that lets in
                kept = torch.empty(hidden).uniform_(1, memory - 1).log() * name.startswith("bias_ih")
                p.data[hidden : 2 * hidden] = kept
                if kind == "lstm":
                    p.data[:hidden] = -kept

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        return over_frames(self.net, x, lengths)

    def step(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """The next frames (batch, feature, n) → theirs, and the state after."""
        if self.bidirectional:
            raise OptionError("a net of both directions hears what is still to come: it cannot go step by step")
        y, after = self.net(x.mT, state)
        return y.mT, after


class Cell(nn.Module):
    """One step of one layer, written out; its weights are named, laid out and ordered as torch's are.

    `forward(x, state)`: (batch, feature), (batch, hidden) → the state after. `run` goes over (batch, feature, frame).
    """

    gates = 1

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        scale = hidden**-0.5
        shapes = {"weight_ih": (self.gates * hidden, features), "weight_hh": (self.gates * hidden, hidden)}
        for name, shape in {**shapes, "bias_ih": (self.gates * hidden,), "bias_hh": (self.gates * hidden,)}.items():
            self.register_parameter(name, nn.Parameter(torch.empty(shape).uniform_(-scale, scale)))
        self.weight_ih: nn.Parameter
        self.weight_hh: nn.Parameter
        self.bias_ih: nn.Parameter
        self.bias_hh: nn.Parameter

    def start(self, x: Tensor) -> Tensor:
        return x.new_zeros(len(x), self.hidden)

    def sums(self, x: Tensor, h: Tensor) -> tuple[Tensor, ...]:
        """W x + b and U h + b of each gate: first all of the input, then all of the state."""
        from_input, from_state = x @ self.weight_ih.mT + self.bias_ih, h @ self.weight_hh.mT + self.bias_hh
        return (*from_input.chunk(self.gates, -1), *from_state.chunk(self.gates, -1))

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        raise NotImplementedError

    def run(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(batch, feature, frame) → the states (batch, hidden, frame), and the last state whole."""
        state = self.start(x) if state is None else state
        states = []
        for frame in x.unbind(-1):
            state = self(frame, state)
            states.append(state[..., : self.hidden])
        return torch.stack(states, -1), state


class RNNCell(Cell):
    """h = tanh(W x + U h + b)."""

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        from_input, from_state = self.sums(x, state)
        return (from_input + from_state).tanh()


class GRUCell(Cell):
    """r, z = σ(W x + U h + b); n = tanh(W x + b + r (U h + b)); h = (1 - z) n + z h."""

    gates = 3

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        r, z, n, r_state, z_state, n_state = self.sums(x, state)
        reset, keep = (r + r_state).sigmoid(), (z + z_state).sigmoid()
        return (1 - keep) * (n + reset * n_state).tanh() + keep * state


class LSTMCell(Cell):
    """i, f, o = σ(W x + U h + b); g = tanh(W x + U h + b); c = f c + i g; h = o tanh(c). The state is h and c, side by side."""

    gates = 4

    def start(self, x: Tensor) -> Tensor:
        return x.new_zeros(len(x), 2 * self.hidden)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        h, c = state.chunk(2, -1)
        i, f, g, o, i_state, f_state, g_state, o_state = self.sums(x, h)
        c = (f + f_state).sigmoid() * c + (i + i_state).sigmoid() * (g + g_state).tanh()
        return torch.cat([(o + o_state).sigmoid() * c.tanh(), c], -1)
