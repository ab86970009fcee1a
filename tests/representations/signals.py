"""Signals for the tests of representations."""

import torch

RATE = 16_000


def noise(samples: int, *rows: int, seed: int = 0) -> torch.Tensor:
    """White noise, (1, 1, samples) or (*rows, samples)."""
    return torch.randn(*(rows or (1, 1)), samples, generator=torch.Generator().manual_seed(seed))
