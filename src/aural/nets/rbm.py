"""Restricted Boltzmann machines, dense and convolutional, and deep belief networks of them.

They learn by `objectives.ContrastiveDivergence`, layer after layer. Energies are of one example; visible units are "binary", in 0..1, or
"gaussian", with variance 1 (standardise the data, and learn slowly). Hidden units are "binary" or "relu": max(0, x + N(0, σ(x))).

Source   Hinton, Osindero & Teh, A fast learning algorithm for deep belief nets, Neural Computation 18, 2006 [HOT06]; Nair & Hinton,
         Rectified linear units improve restricted Boltzmann machines, ICML 2010; Lee, Pham, Largman & Ng, Unsupervised feature learning
         for audio classification using convolutional deep belief networks, NeurIPS 2009 [LPLN09]; Jaitly & Hinton, ICASSP 2011 [JH11]
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import OptionError


def drawn(p: Tensor, generator: torch.Generator | None) -> Tensor:
    """0 or 1, with these probabilities."""
    return torch.bernoulli(p, generator=generator)


def noise(like: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.randn(like.shape, generator=generator, dtype=like.dtype, device=like.device)


class Machine(nn.Module):
    """What dense and convolutional machines share: v is what is seen, h what is hidden."""

    visible: str
    bias: nn.Parameter  # of v

    def inputs(self, v: Tensor) -> Tensor:
        """What each hidden unit is told of v, its own bias in it."""
        raise NotImplementedError

    def seen(self, h: Tensor) -> Tensor:
        """W h, in v's shape, without v's bias."""
        raise NotImplementedError

    def hidden(self, v: Tensor) -> Tensor:
        """The mean of h, given v."""
        raise NotImplementedError

    def draw_hidden(self, v: Tensor, generator: torch.Generator | None = None) -> Tensor:
        raise NotImplementedError

    def mean_visible(self, h: Tensor) -> Tensor:
        """The mean of v, given h."""
        x = self.seen(h) + self._bias(self.seen(h))
        return x.sigmoid() if self.visible == "binary" else x

    def draw_visible(self, h: Tensor, generator: torch.Generator | None = None) -> Tensor:
        mean = self.mean_visible(h)
        return drawn(mean, generator) if self.visible == "binary" else mean + noise(mean, generator)

    def _bias(self, v: Tensor) -> Tensor:
        return self.bias.reshape(-1, *[1] * (v.ndim - 2))

    def energy_of(self, v: Tensor) -> Tensor:
        """The part of the energy that h is no part of: (batch,)."""
        b = self._bias(v)
        own = -b * v if self.visible == "binary" else (v - b).square() / 2
        return own.flatten(1).sum(1)

    def energy(self, v: Tensor, h: Tensor) -> Tensor:
        """(batch,)"""
        return self.energy_of(v) - (h * self.inputs(v)).flatten(1).sum(1)

    @torch.no_grad()
    def gibbs(self, v: Tensor, rounds: int = 1, generator: torch.Generator | None = None) -> Tensor:
        """v after so many rounds of drawing h, then v. In the last, v is its mean where it is Gaussian."""
        for i in range(rounds):
            h = self.draw_hidden(v, generator)
            v = self.mean_visible(h) if i == rounds - 1 and self.visible == "gaussian" else self.draw_visible(h, generator)
        return v


class RBM(Machine):
    """(batch, …, visible) → the means of the hidden units (batch, …, hidden). E = -v'Wh - b'v - c'h, or Σ(v - b)²/2 - v'Wh - c'h."""

    def __init__(self, visible: int, hidden: int, kind: str = "binary", units: str = "binary") -> None:
        super().__init__()
        if kind not in ("binary", "gaussian") or units not in ("binary", "relu"):
            raise OptionError(f'kind={kind!r}, units={units!r}: visible units are "binary" or "gaussian", hidden ones "binary" or "relu"')
        self.visible, self.units = kind, units
        self.weight = nn.Parameter(0.01 * torch.randn(visible, hidden))
        self.bias, self.hidden_bias = nn.Parameter(torch.zeros(visible)), nn.Parameter(torch.zeros(hidden))

    def inputs(self, v: Tensor) -> Tensor:
        return v @ self.weight + self.hidden_bias

    def seen(self, h: Tensor) -> Tensor:
        return h @ self.weight.mT

    def _bias(self, v: Tensor) -> Tensor:
        return self.bias

    def hidden(self, v: Tensor) -> Tensor:
        x = self.inputs(v)
        return x.sigmoid() if self.units == "binary" else x.relu()

    def draw_hidden(self, v: Tensor, generator: torch.Generator | None = None) -> Tensor:
        x = self.inputs(v)
        return drawn(x.sigmoid(), generator) if self.units == "binary" else (x + noise(x, generator) * x.sigmoid().sqrt()).relu()

    def free_energy(self, v: Tensor) -> Tensor:
        """-log of the sum of exp(-E) over all binary h: (batch,)."""
        return self.energy_of(v) - F.softplus(self.inputs(v)).flatten(1).sum(1)

    def forward(self, v: Tensor) -> Tensor:
        return self.hidden(v)


class ConvRBM(Machine):
    """(batch, bands, frame) → pooled (batch, hidden, frame''): filters over frames, all bands as channels, and probabilistic maxima.

    Of each block of `pool` neighbouring hidden units at most one is on; what is pooled is the probability that one is. With
    N frames there are N - length + 1 hidden units of each filter, whole blocks of which are used.

    Args:
        length: frames of a filter.
    """

    def __init__(self, bands: int, hidden: int, length: int, pool: int = 1, kind: str = "gaussian") -> None:
        super().__init__()
        if kind not in ("binary", "gaussian"):
            raise OptionError(f'kind={kind!r}: visible units are "binary" or "gaussian"')
        self.visible, self.length, self.pool = kind, length, pool
        self.weight = nn.Parameter(0.01 * torch.randn(hidden, bands, length))
        self.bias, self.hidden_bias = nn.Parameter(torch.zeros(bands)), nn.Parameter(torch.zeros(hidden))

    def frames(self, n: int) -> int:
        """Hidden units of each filter over n frames."""
        return max(n - self.length + 1, 0) // self.pool * self.pool

    def inputs(self, v: Tensor) -> Tensor:
        return F.conv1d(v, self.weight, self.hidden_bias)[..., : self.frames(v.shape[-1])]

    def seen(self, h: Tensor) -> Tensor:
        return F.conv_transpose1d(h, self.weight)

    def probabilities(self, v: Tensor) -> Tensor:
        """Of each block: (batch, hidden, block, pool + 1), the last that all are off. They add up to 1."""
        x = self.inputs(v).unflatten(-1, (-1, self.pool))
        return F.pad(x, (0, 1)).softmax(-1)

    def hidden(self, v: Tensor) -> Tensor:
        return self.probabilities(v)[..., :-1].flatten(-2)

    def draw_hidden(self, v: Tensor, generator: torch.Generator | None = None) -> Tensor:
        p = self.probabilities(v)
        picked = torch.multinomial(p.flatten(0, -2), 1, generator=generator).reshape(p.shape[:-1])
        return F.one_hot(picked, self.pool + 1)[..., :-1].flatten(-2).to(p)

    @torch.no_grad()
    def gibbs(self, v: Tensor, rounds: int = 1, generator: torch.Generator | None = None) -> Tensor:
        """Frames that no whole block hears stay as they were."""
        used = self.frames(v.shape[-1]) + self.length - 1
        return torch.cat([super().gibbs(v[..., :used], rounds, generator), v[..., used:]], -1)

    def forward(self, v: Tensor) -> Tensor:
        return 1 - self.probabilities(v)[..., -1]


class DBN(nn.Module):
    """Machines on top of each other, each seeing what the one below hides: x → what the last one hides."""

    def __init__(self, machines: Sequence[Machine]) -> None:
        super().__init__()
        self.machines = nn.ModuleList(machines)

    def below(self, x: Tensor, layer: int) -> Tensor:
        """What machine number `layer` sees; no gradient goes further down."""
        with torch.no_grad():
            for machine in self.machines[:layer]:
                x = machine(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        for machine in self.machines:
            x = machine(x)
        return x

    def to_mlp(self, classes: int | None = None) -> nn.Sequential:
        """Dense layers that compute the same, to be learned on; with `classes` a new linear layer on top."""
        layers: list[nn.Module] = []
        size = 0
        for machine in self.machines:
            if not isinstance(machine, RBM):
                raise OptionError("only dense machines become a multi-layer perceptron; a convolutional one is used as it is")
            visible, size = machine.weight.shape
            linear = nn.Linear(visible, size)
            linear.weight.data, linear.bias.data = machine.weight.data.mT.clone(), machine.hidden_bias.data.clone()
            layers += [linear, nn.Sigmoid() if machine.units == "binary" else nn.ReLU()]
        return nn.Sequential(*layers, *([nn.Linear(size, classes)] if classes else []))


def dbn(sizes: Sequence[int], kind: str = "gaussian") -> DBN:
    """Dense machines: the first sees data of this kind, the others what is binary."""
    return DBN([RBM(a, b, "binary" if i else kind) for i, (a, b) in enumerate(itertools.pairwise(sizes))])
