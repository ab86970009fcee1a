"""Sources without names: the loss of the best pairing.

Source   Yu, Kolbæk, Tan & Jensen, Permutation invariant training of deep models for speaker-independent multi-talker speech
         separation, ICASSP 2017
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from .base import Batch, Objective, Update
from .losses import Loss

if TYPE_CHECKING:
    from ..system import System


class PermutationInvariant(Objective):
    """The loss of the pairing of estimates and targets (batch, source, …) that costs least, chosen example by example."""

    def __init__(self, loss: Loss) -> None:
        super().__init__()
        self.loss = loss

    def compare(self, estimate: Tensor, target: Tensor) -> Tensor:
        costs = [
            torch.stack([self.loss(e[list(order)], t) for e, t in zip(estimate, target, strict=True)])
            for order in itertools.permutations(range(estimate.shape[1]))
        ]
        return torch.stack(costs).amin(0).mean()

    def updates(self, system: System, batch: Batch) -> Iterator[Update]:
        yield Update(self.compare(system.output.estimate(system(batch.x), batch.x), batch.y))
