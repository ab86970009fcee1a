"""Machines with an energy learn by comparing the data with what they dream.

Source   Hinton, Training products of experts by minimizing contrastive divergence, Neural Computation 14, 2002; Hinton, Osindero & Teh,
         2006 [HOT06] (layer by layer); sparse codes: Lee, Ekanadham & Ng, NeurIPS 2007, as in [LPLN09]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .base import Batch, Objective, Update

if TYPE_CHECKING:
    from ..system import System


class ContrastiveDivergence(Objective):
    """CD-k of a machine of nets.rbm, or of a deep belief network's machines one after the other.

    The gradient of the loss is <dE>_data - <dE>_k, with the means of the hidden units on both sides: for weights, what the papers write
    as <vh>_data - <vh>_k.

    Args:
        rounds: k.
        each: steps that each machine of a deep belief network learns for; the last one then goes on.
        rate: of hidden units that are to be on, and `sparsity`, the weight of the squared distance from it; None: no such term.
    """

    def __init__(self, rounds: int = 1, each: int = 1000, rate: float | None = None, sparsity: float = 1.0) -> None:
        super().__init__()
        self.rounds, self.each, self.rate, self.sparsity = rounds, each, rate, sparsity

    def loss(self, machine: Any, v: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Its value means little; its gradient is what is wanted."""
        with torch.no_grad():
            dreamt = machine.gibbs(v, self.rounds, generator)
            h, h_dreamt = machine.hidden(v), machine.hidden(dreamt)
        return (machine.energy(v, h) - machine.energy(dreamt, h_dreamt)).mean()

    def updates(self, system: System, batch: Batch) -> Iterator[Update]:
        machine: Any = system.net
        v = batch.x
        if hasattr(machine, "machines"):
            layer = min(batch.step // self.each, len(machine.machines) - 1)
            v, machine = machine.below(v, layer), machine.machines[layer]
        loss = self.loss(machine, v, batch.generator)
        if self.rate is not None:
            on = machine.hidden(v).transpose(0, 1).flatten(1).mean(1)
            loss = loss + self.sparsity * (on - self.rate).square().sum()
        with torch.no_grad():
            seen = machine.mean_visible(machine.hidden(v))
        yield Update(loss, logs={"error": (seen - v[..., : seen.shape[-1]]).square().mean()})
