"""Learning from pairs of what is given and what is true."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from torch import Tensor

from ..errors import OptionError
from ..part import Tree
from .base import Batch, Objective, Update
from .losses import Loss, compare

if TYPE_CHECKING:
    from ..system import System


class Supervised(Objective):
    """One loss for all, or one per key of the outputs: `Supervised(binary)`, `Supervised(root=classes, bass=(classes, 0.5))`."""

    def __init__(self, loss: Loss | None = None, **by_key: Loss | tuple[Loss, float]) -> None:
        super().__init__()
        if (loss is None) == (not by_key):
            raise OptionError("give one loss for all outputs, or one for each by its key")
        self.loss: Loss | dict[str, Loss | tuple[Loss, float]] = by_key or loss  # type: ignore[assignment]

    def compare(self, estimate: Tree, target: Tree) -> Tensor:
        """The loss of a batch."""
        return compare(self.loss, estimate, target)

    def updates(self, system: System, batch: Batch) -> Iterator[Update]:
        yield Update(self.compare(system.output.estimate(system(batch.x), batch.x), batch.y))


class Autoregressive(Supervised):
    """The net predicts y from x and from y's own past: `net(**x, previous=y)`; it must shift `previous` itself.
    When running, its `generate` is called."""

    def updates(self, system: System, batch: Batch) -> Iterator[Update]:
        yield Update(self.compare(system(batch.x, previous=batch.y), batch.y))


class Reconstruction(Supervised):
    """The net gives back its own features."""

    def updates(self, system: System, batch: Batch) -> Iterator[Update]:
        yield Update(self.compare(system(batch.x), batch.x))


class Fit(Objective):
    """No gradient: `net.fit(pairs)` of features and targets, batch by batch."""

    def updates(self, system: System, batch: Batch) -> Iterator[Update]:
        return iter(())
