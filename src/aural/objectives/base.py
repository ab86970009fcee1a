"""What an objective is: a way to learn, as updates of learners on a batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ..part import Tree

if TYPE_CHECKING:
    from ..system import System


@dataclass
class Batch:
    """Features x and targets y on the device; all chance comes from `generator` (on the device too), seeded by (seed, step)."""

    x: Tree
    y: Tree
    generator: torch.Generator
    step: int = 0


@dataclass
class Update:
    """One step of one learner's optimiser: down the gradient of `loss`. `logs` are more numbers to write down."""

    loss: Tensor
    of: str = "net"
    logs: dict[str, Tensor] = field(default_factory=dict)


class Objective(nn.Module):
    """A paradigm of learning. Modules that an objective owns (a critic) are learners too, by their names."""

    def learners(self, system: System) -> dict[str, nn.Module]:
        """What has an optimiser, by name."""
        return {"net": system.net, **{name: child for name, child in self.named_children() if any(True for _ in child.parameters())}}

    def updates(self, system: System, batch: Batch) -> Iterator[Update]:
        """Updates in their order. The optimiser has stepped before the next one is asked for."""
        raise NotImplementedError
