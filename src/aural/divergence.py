"""How far two distributions, or two spectra, lie apart.

Source   Kullback & Leibler, 1951; Eguchi & Kano, 2001, and Févotte & Idier, Algorithms for nonnegative matrix factorization with the
         β-divergence, Neural Computation 23, 2011
"""

from __future__ import annotations

import torch
from torch import Tensor


def kl_gauss(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, exp(log_variance)) || N(0, 1)) in nats, element by element: ½ (μ² + σ² - 1 - ln σ²)."""
    return (mean.square() + log_variance.exp() - 1 - log_variance) / 2


def kl_bernoulli(p: Tensor | float, q: Tensor) -> Tensor:
    """KL(p || q) of coins, in nats, element by element; q is kept 1e-7 from 0 and 1."""
    p, q = torch.as_tensor(p, dtype=q.dtype, device=q.device), q.clamp(1e-7, 1 - 1e-7)
    return torch.xlogy(p, p / q) + torch.xlogy(1 - p, (1 - p) / (1 - q))


def beta_divergence(x: Tensor, y: Tensor, beta: float) -> Tensor:
    """Of x ≥ 0 from y > 0, element by element: β = 2 half the squared distance, 1 Kullback-Leibler, 0 Itakura-Saito (x > 0)."""
    if beta == 1:
        return torch.xlogy(x, x / y) - x + y
    if beta == 0:
        return x / y - (x / y).log() - 1
    return (x**beta + (beta - 1) * y**beta - beta * x * y ** (beta - 1)) / (beta * (beta - 1))
