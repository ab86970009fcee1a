"""What a confidence means: evidence of an answer ⇄ the probability that it is right.

Source   Platt, Probabilistic outputs for support vector machines, 1999 (the map from scores to probabilities)
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def probability(evidence: np.ndarray, weights: Tensor) -> np.ndarray:
    """Evidence (row, n) → probabilities (n,) in 0..1; without weights the first row alone."""
    if not len(weights):
        return np.clip(evidence[0], 0.0, 1.0)
    w = weights.double().cpu().numpy()
    return 1 / (1 + np.exp(-np.clip(w[:-1] @ evidence + w[-1], -30, 30)))


def logistic(pairs: list[tuple[np.ndarray, np.ndarray]], ridge: float = 1e-2) -> Tensor:
    """Weights and bias (row + 1,) of a logistic regression, by Newton's method; every piece weighs as much as the next.

    pairs: of each piece, evidence (row, n) and whether each answer is right (n,). Nothing to learn from: no weights, (0,).
    """
    pairs = [(x, y) for x, y in pairs if x.shape[1]]
    if not pairs:
        return torch.zeros(0)
    x = np.concatenate([np.vstack([e, np.ones(e.shape[1])]) for e, _ in pairs], 1)
    y = np.concatenate([right for _, right in pairs])
    weight = np.concatenate([np.full(len(right), 1 / len(right)) for _, right in pairs])
    w = np.zeros(len(x))
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(w @ x, -30, 30)))
        step = np.linalg.solve((x * (weight * p * (1 - p))) @ x.T + ridge * np.eye(len(x)), x @ (weight * (y - p)) - ridge * w)
        w = w + step
        if np.abs(step).max() < 1e-8:
            break
    return torch.from_numpy(w).float()
