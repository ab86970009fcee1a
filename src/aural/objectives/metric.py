"""Learning distances: the same is near, the different is far.

Source   Schroff, Kalenichenko & Philbin, FaceNet, CVPR 2015 [SKP15] (triplets, semi-hard); Hermans, Beyer & Leibe, In defense of the
         triplet loss, 2017 (hardest in the batch); Prétet, Richard & Peeters, Learning to rank music tracks using triplet loss, ICASSP
         2020 [PRP20] (ranked lists); Snell, Swersky & Zemel, Prototypical networks for few-shot learning, NeurIPS 2017
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import OptionError
from .base import Batch, Objective, Update

if TYPE_CHECKING:
    from ..system import System

Mining = Literal["hard", "all", "semi-hard", "random", "ranked"]


def distances(a: Tensor, b: Tensor) -> Tensor:
    """Squared Euclidean distances (row of a, row of b), with a gradient also where they are 0."""
    return (a[:, None].float() - b[None].float()).square().sum(-1)


class Triplet(Objective):
    """Each example is to be nearer to its own kind than to others, by `margin`.

    Targets are numbers (batch,), equal for the same kind, -1 for unknown (which is left out). Batches need several of each
    kind: `batches=by_class(…)`.

    Args:
        mining: "hard": the farthest of its kind and the nearest other; "all": every triplet that costs something; "semi-hard": for each
            pair of a kind the nearest other that is farther than the two are, but by less than the margin (no such: left out);
            "random": for each pair of a kind any other; "ranked": targets are vectors (batch, dimension), NaN for unknown, whose
            distances rank the batch for each example; every pair in the wrong order, or in the right one by less than the margin,
            costs ([PRP20], where users' choices rank).
        squared: whether distances are squared, as in [SKP15] (there of unit vectors, with a margin of 0.2).
    """

    def __init__(
        self, margin: float = 0.3, mining: Literal["hard", "all", "semi-hard", "random", "ranked"] = "hard", squared: bool = False
    ) -> None:
        super().__init__()
        if mining not in ("hard", "all", "semi-hard", "random", "ranked"):
            raise OptionError(f"mining={mining!r}: hard, all, semi-hard, random or ranked")
        self.margin, self.mining, self.squared = margin, mining, squared

    def loss(self, embeddings: Tensor, kinds: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Mean over the triplets that are mined; 0 where there are none."""
        d = distances(embeddings, embeddings)
        d = d if self.squared else d.clamp(min=1e-12).sqrt()
        if self.mining == "ranked":
            return self._of_ranks(d, kinds)
        known = (kinds >= 0)[:, None] & (kinds >= 0)
        same = (kinds[:, None] == kinds) & known & ~torch.eye(len(kinds), dtype=torch.bool, device=kinds.device)
        other = (kinds[:, None] != kinds) & known
        if self.mining == "hard":
            costs = F.relu(d.masked_fill(~same, -torch.inf).amax(1) - d.masked_fill(~other, torch.inf).amin(1) + self.margin)
            counts = same.any(1) & other.any(1)
        elif self.mining == "semi-hard":
            near, far = d[:, :, None], d[:, None, :]  # of the kind, of another: (anchor, positive, negative)
            fits = other[:, None, :] & (far > near) & (far < near + self.margin)
            costs = F.relu(d - far.masked_fill(~fits, torch.inf).amin(2) + self.margin)
            counts = same & fits.any(2)
        elif self.mining == "random":
            device = kinds.device if generator is None else generator.device
            luck = torch.rand(*d.shape, len(d), generator=generator, device=device).to(kinds.device)
            picked = luck.masked_fill(~other[:, None, :], -1.0).argmax(2)
            costs = F.relu(d - d.gather(1, picked) + self.margin)
            counts = same & other.any(1, keepdim=True)
        else:
            costs = F.relu(d[:, :, None] - d[:, None, :] + self.margin)
            counts = same[:, :, None] & other[:, None, :] & (costs > 0)
        return torch.where(counts, costs, 0.0).sum() / counts.sum().clamp(min=1)

    def _of_ranks(self, d: Tensor, vectors: Tensor) -> Tensor:
        away = distances(vectors, vectors)
        known = away.isfinite() & ~torch.eye(len(d), dtype=torch.bool, device=d.device)
        costs = F.relu(d[:, :, None] - d[:, None, :] + self.margin)  # (anchor, nearer one, farther one)
        counts = (away[:, :, None] < away[:, None, :]) & known[:, :, None] & known[:, None, :] & (costs > 0)
        return torch.where(counts, costs, 0.0).sum() / counts.sum().clamp(min=1)

    def updates(self, system: System, batch: Batch) -> Iterator[Update]:
        yield Update(self.loss(system.output.estimate(system(batch.x), batch.x), batch.y, batch.generator))


class Prototypical(Objective):
    """Episodes: of each class in the batch the first `shots` examples are its support, the rest are to be nearest to the mean
    of their own class's support. `batches=episodes(…)` makes such batches."""

    def __init__(self, shots: int) -> None:
        super().__init__()
        self.shots = shots

    def updates(self, system: System, batch: Batch) -> Iterator[Update]:
        embeddings = system.output.estimate(system(batch.x), batch.x)
        kinds, number = batch.y.unique(return_inverse=True)
        centres, queries, truth = [], [], []
        for k in range(len(kinds)):
            mine = embeddings[number == k]
            if len(mine) <= self.shots:
                raise OptionError(
                    f"a class with {len(mine)} examples in an episode of {self.shots} shots: give batches=episodes(ways, shots, queries)"
                )
            centres.append(mine[: self.shots].mean(0))
            queries.append(mine[self.shots :])
            truth.append(torch.full((len(mine) - self.shots,), k, device=mine.device))
        logits = -distances(torch.cat(queries), torch.stack(centres))
        right = (logits.detach().argmax(1) == torch.cat(truth)).float().mean()
        yield Update(F.cross_entropy(logits, torch.cat(truth)), logs={"accuracy": right})
