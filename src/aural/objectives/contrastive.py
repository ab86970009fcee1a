"""Siamese nets: pairs of the same are to be near, pairs of the different far.

Source   Bromley, Guyon, LeCun, Säckinger & Shah, Signature verification using a siamese time delay neural network, NeurIPS 1994
         [BGL+94] (cosine); Hadsell, Chopra & LeCun, Dimensionality reduction by learning an invariant mapping, CVPR 2006 [HCL06]
         (margin). Y is 0 for similar pairs, as in the paper; many libraries turn it round
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import OptionError
from .base import Batch, Objective, Update
from .metric import distances

if TYPE_CHECKING:
    from ..system import System


def pair_cost(distance: Tensor, different: Tensor, margin: float) -> Tensor:
    """(1 - Y) D² / 2 + Y max(0, margin - D)² / 2 of distances and Y, which is 1 (or true) where the two differ."""
    y = different.to(distance)
    return ((1 - y) * distance.square() + y * F.relu(margin - distance).square()) / 2


class Contrastive(Objective):
    """All pairs of a batch. Targets are numbers (batch,), equal for the same kind, -1 for unknown; `batches=by_class(…)`.

    Args:
        margin: beyond which different ones need not go.
        kind: "margin" [HCL06], of Euclidean distances; "cosine" [BGL+94], (cos - t)² with t = 1 for the same and -1 for the different.
    """

    def __init__(self, margin: float = 1.0, kind: Literal["margin", "cosine"] = "margin") -> None:
        super().__init__()
        if kind not in ("margin", "cosine"):
            raise OptionError(f'kind={kind!r}: "margin" or "cosine"')
        self.margin, self.kind = margin, kind

    def loss(self, embeddings: Tensor, kinds: Tensor) -> Tensor:
        pairs = torch.triu((kinds[:, None] >= 0) & (kinds >= 0), 1)  # each pair once
        different = kinds[:, None] != kinds
        if self.kind == "cosine":
            unit = F.normalize(embeddings.float(), dim=1)
            costs = (unit @ unit.mT - torch.where(different, -1.0, 1.0)).square()
        else:
            costs = pair_cost(distances(embeddings, embeddings).clamp(min=1e-12).sqrt(), different, self.margin)
        return torch.where(pairs, costs, 0.0).sum() / pairs.sum().clamp(min=1)

    def updates(self, system: System, batch: Batch) -> Iterator[Update]:
        yield Update(self.loss(system.output.estimate(system(batch.x), batch.x), batch.y))
