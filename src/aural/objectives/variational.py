"""The evidence lower bound: what is likely under a code drawn at random, less what the code tells.

Source   Kingma & Welling, Auto-encoding variational Bayes, ICLR 2014 [KW14a]; β: Higgins et al., β-VAE, ICLR 2017; several samples:
         Burda, Grosse & Salakhutdinov, Importance weighted autoencoders, ICLR 2016. Likelihoods are summed over an example's numbers:
         a mean would make β as many times larger, and the code would say nothing
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..divergence import kl_gauss
from ..errors import OptionError
from .base import Batch, Objective, Update

if TYPE_CHECKING:
    from ..system import System

Likelihood = Callable[[Tensor, Tensor], Tensor]


def gaussian(deviation: float = 1.0) -> Likelihood:
    """log N(target; estimate, deviation²), summed over each example: (batch, …) → (batch,). NaN targets count for nothing."""

    def likelihood(estimate: Tensor, target: Tensor) -> Tensor:
        known = ~torch.isnan(target)
        error = torch.where(known, estimate - torch.where(known, target, 0.0), 0.0)
        constant = math.log(deviation * math.sqrt(2 * math.pi))
        return -((error / deviation).square() / 2 + constant * known).flatten(1).sum(1)

    return likelihood


def bernoulli(estimate: Tensor, target: Tensor) -> Tensor:
    """log p of targets in 0..1 under logits, summed over each example: (batch,). NaN targets count for nothing."""
    known = ~torch.isnan(target)
    cost = F.binary_cross_entropy_with_logits(estimate, torch.where(known, target, 0.0), reduction="none")
    return -(cost * known).flatten(1).sum(1)


class Variational(Objective):
    """-ELBO of a net with `encode` (mean, log-variance), `sample` and `decode`, as nets.vae.VAE.

    Args:
        likelihood: log p(target | estimate) (batch,): gaussian(deviation), or bernoulli. The deviation weighs the two terms.
        beta: weight of the divergence.
        warm_up: steps over which that weight grows from 0.
        samples: codes drawn for each example; their importance-weighted bound is no lower than that of one.
    """

    def __init__(self, likelihood: Likelihood | None = None, beta: float = 1.0, warm_up: int = 0, samples: int = 1) -> None:
        super().__init__()
        if samples < 1 or (samples > 1 and (beta != 1 or warm_up)):
            raise OptionError(f"samples={samples}, beta={beta}: at least one, and the bound of several knows no beta but 1 and no warm-up")
        self.likelihood = likelihood or gaussian()
        self.beta, self.warm_up, self.samples = beta, warm_up, samples

    def terms(
        self, net: Any, x: Tensor, y: Tensor, generator: torch.Generator, estimate: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Of each example, E log p(y|z) by one sample, and KL(q || N(0, I)): (batch,) each."""
        mean, log_variance = net.encode(x)
        z = net.sample(mean, log_variance, generator)
        return self.likelihood(estimate(net.decode(z)), y), kl_gauss(mean, log_variance).flatten(1).sum(1)

    def bound(self, net: Any, x: Tensor, y: Tensor, generator: torch.Generator, estimate: Callable[[Tensor], Tensor]) -> Tensor:
        """Lower bound of log p(y) of each example (batch,), by `samples` codes: log mean p(y, z) / q(z|x)."""
        mean, log_variance = net.encode(x)
        weights = []
        for _ in range(self.samples):
            z = net.sample(mean, log_variance, generator)
            noise = (z - mean) * (-log_variance / 2).exp()
            prior_less_posterior = (noise.square() + log_variance - z.square()).flatten(1).sum(1) / 2
            weights.append(self.likelihood(estimate(net.decode(z)), y) + prior_less_posterior)
        return torch.logsumexp(torch.stack(weights), 0) - math.log(self.samples)

    def updates(self, system: System, batch: Batch) -> Iterator[Update]:
        def estimate(activations: Tensor) -> Tensor:
            return system.output.estimate(activations, batch.x)

        if self.samples > 1:
            yield Update(-self.bound(system.net, batch.x, batch.y, batch.generator, estimate).mean())
            return
        likelihood, divergence = (term.mean() for term in self.terms(system.net, batch.x, batch.y, batch.generator, estimate))
        weight = self.beta * (min(1.0, (batch.step + 1) / self.warm_up) if self.warm_up else 1.0)
        yield Update(weight * divergence - likelihood, logs={"likelihood": likelihood.detach(), "divergence": divergence.detach()})
