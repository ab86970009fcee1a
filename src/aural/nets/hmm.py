"""Hidden Markov models that are fitted: what each state sounds like, and how states follow each other.

Source   Rabiner, A tutorial on hidden Markov models, Proc. IEEE 77(2), 1989 (Baum-Welch); Dempster, Laird & Rubin, 1977 (EM). Tandem
         features and mixtures: Hermansky, Ellis & Sharma, ICASSP 2000 [HES00]
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from .. import hmm
from ..errors import OptionError
from ..part import fitted
from .blocks import frame_mask

FLOOR = 1e-10  # of probabilities


class Emissions(nn.Module):
    """What states sound like: forward(x) → log p(x|state) (batch, state, frame)."""

    states: int

    def begin(self, x: Tensor, mask: Tensor, generator: torch.Generator) -> None:
        """A first guess from what is to be learned from; the mask is (batch, frame)."""
        raise NotImplementedError

    def update(self, x: Tensor, shares: Tensor) -> None:
        """The best emissions where frame n is state q with a share (batch, state, frame) in 0..1."""
        raise NotImplementedError


class Discrete(Emissions):
    """One of `symbols` symbols a frame; x is (batch, frame) int64."""

    def __init__(self, states: int, symbols: int) -> None:
        super().__init__()
        self.states, self.symbols = states, symbols
        self.log_p: Tensor
        fitted(self, log_p=torch.full((states, symbols), -math.log(symbols), dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return self.log_p[:, x].transpose(0, 1)

    def begin(self, x: Tensor, mask: Tensor, generator: torch.Generator) -> None:
        p = torch.rand(self.states, self.symbols, generator=generator, dtype=torch.float64) + 0.5
        fitted(self, log_p=(p / p.sum(1, keepdim=True)).log().to(x.device))

    def update(self, x: Tensor, shares: Tensor) -> None:
        counts = torch.zeros(self.states, self.symbols, dtype=torch.float64, device=x.device)
        counts.index_add_(1, x.flatten(), shares.transpose(0, 1).flatten(1))
        counts = counts.clamp(min=FLOOR)
        fitted(self, log_p=(counts / counts.sum(1, keepdim=True)).log())


class Mixture(Emissions):
    """A mixture of Gaussians with diagonal covariance for each state; x is (batch, feature, frame).

    Args:
        parts: Gaussians of a state.
        floor: least variance, as a share of that of all frames.
    """

    def __init__(self, states: int, features: int, parts: int = 1, floor: float = 1e-3) -> None:
        super().__init__()
        self.states, self.features, self.parts, self.floor = states, features, parts, floor
        self.means: Tensor
        self.variances: Tensor
        self.log_weights: Tensor
        self.least: Tensor
        shape = (states, parts, features)
        fitted(
            self,
            means=torch.zeros(shape, dtype=torch.float64),
            variances=torch.ones(shape, dtype=torch.float64),
            log_weights=torch.full((states, parts), -math.log(parts), dtype=torch.float64),
            least=torch.full((features,), 1e-10, dtype=torch.float64),
        )

    def each(self, x: Tensor) -> Tensor:
        """log p of each Gaussian with its weight: (batch, state, part, frame)."""
        precision = 1 / self.variances
        square = torch.einsum("spf,bfn->bspn", precision, x.square()) - 2 * torch.einsum("spf,bfn->bspn", precision * self.means, x)
        constant = (self.means.square() * precision + self.variances.log() + math.log(2 * math.pi)).sum(-1)
        return self.log_weights[..., None] - (square + constant[..., None]) / 2

    def forward(self, x: Tensor) -> Tensor:
        return torch.logsumexp(self.each(x.double()), 2)

    def begin(self, x: Tensor, mask: Tensor, generator: torch.Generator) -> None:
        frames = x.double().mT[mask]  # (frame, feature)
        if not len(frames):
            raise OptionError("nothing to fit: no batch holds a frame")
        spread = frames.var(0, correction=0).clamp(min=1e-10)
        picked = torch.randint(len(frames), (self.states * self.parts,), generator=generator)
        means = frames[picked.to(x.device)].unflatten(0, (self.states, self.parts))
        fitted(self, means=means, variances=spread.expand_as(means).clone(), least=spread * self.floor)

    def update(self, x: Tensor, shares: Tensor) -> None:
        x = x.double()
        each = self.each(x).softmax(2) * shares[:, :, None]  # (batch, state, part, frame)
        count = each.sum((0, 3)).clamp(min=FLOOR)
        means = torch.einsum("bspn,bfn->spf", each, x) / count[..., None]
        squares = torch.einsum("bspn,bfn->spf", each, x.square()) / count[..., None]
        fitted(
            self,
            means=means,
            variances=torch.maximum(squares - means.square(), self.least),
            log_weights=(count / count.sum(1, keepdim=True)).log(),
        )


class HMM(nn.Module):
    """States that follow each other, and what they sound like: log-posteriors (batch, state, frame) of what emissions read.

    `learn` is Baum-Welch. Under the objective Fit it is done on all batches together, once.

    Args:
        start, transitions: log-probabilities to begin with; default: all alike. What is -inf stays so.
    """

    def __init__(
        self, emissions: Emissions, start: Tensor | None = None, transitions: Tensor | None = None, iterations: int = 20, seed: int = 0
    ) -> None:
        super().__init__()
        states = emissions.states
        self.emissions, self.iterations, self.seed = emissions, iterations, seed
        alike = torch.full((states, states), -math.log(states), dtype=torch.float64)
        self.start: Tensor
        self.transitions: Tensor
        fitted(
            self,
            start=alike[0].clone() if start is None else start.double(),
            transitions=alike if transitions is None else transitions.double(),
        )

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        return hmm.posteriors(self.emissions(x), self.transitions, self.start, lengths=lengths)

    def log_likelihood(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(batch,)"""
        return hmm.log_likelihood(self.emissions(x), self.transitions, self.start, lengths=lengths)

    def viterbi(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The best path (batch, frame), and its log-probability (batch,)."""
        return hmm.viterbi(self.emissions(x), self.transitions, self.start, lengths=lengths)

    @torch.no_grad()
    def learn(self, x: Tensor, lengths: Tensor | None = None, iterations: int | None = None, begin: bool = True) -> list[float]:
        """Baum-Welch from a first guess (or from what is there): the log-likelihood of all before each iteration; it never falls.

        A start of which all states had the same probability is learned too."""
        frames = x.shape[-1]
        lengths = torch.full((len(x),), frames) if lengths is None else lengths
        mask = frame_mask(lengths.to(x.device), frames)
        if begin:
            self.emissions.begin(x, mask, torch.Generator().manual_seed(self.seed))
        found = []
        for _ in range(self.iterations if iterations is None else iterations):
            scores = self.emissions(x)
            likelihood, log_shares, taken = hmm.expectations(scores, self.transitions, self.start, lengths)
            found.append(float(likelihood.sum()))
            shares, taken = log_shares.exp() * mask[:, None], taken.sum(0)
            # A state that was never left keeps its transitions; what is impossible stays impossible.
            left = taken.sum(1, keepdim=True)
            new = torch.where(left > FLOOR, taken / left.clamp(min=FLOOR), self.transitions.exp())
            first = shares[..., 0].mean(0)
            fitted(self, transitions=new.log(), start=(first / first.sum()).log())
            self.emissions.update(x, shares)
        return found

    def fit(self, pairs: Iterable[tuple[Tensor, Tensor]]) -> None:
        """`learn` on the features of all batches, padded to the longest; the targets are not looked at."""
        xs = [x for x, _ in pairs]
        longest = max(x.shape[-1] for x in xs)
        lengths = torch.cat([torch.full((len(x),), x.shape[-1]) for x in xs])
        self.learn(torch.cat([nn.functional.pad(x, (0, longest - x.shape[-1])) for x in xs]), lengths)
