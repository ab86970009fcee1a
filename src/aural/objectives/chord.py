"""Chords: four heads with one truth, and the same music in any key.

Source   McFee & Bello, Structured training for large-vocabulary chord recognition, ISMIR 2017 [MB17]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..part import Tree
from .base import Batch, Update
from .losses import Loss, binary, classes
from .supervised import Supervised

if TYPE_CHECKING:
    from ..system import System

HEADS = 13, 13, 12, 170  # root, bass, pitches, classes: `aural.encodings.ChordFrames`
NONE = 168  # the class of no chord; all before are twelve roots each


def chord_frames(root: float = 1.0, bass: float = 1.0, pitches: float = 1.0, classes_: float = 1.0) -> Loss:
    """Logits (batch, 208, frame) and targets (batch, 15, frame), NaN unknown: cross-entropies of root, bass and class and the mean binary
    one of the pitches, added up with these weights (the paper's are equal)."""

    def numbers(target: Tensor) -> Tensor:
        return target.nan_to_num(nan=-1.0).long()

    def loss(estimate: Tensor, target: Tensor) -> Tensor:
        if estimate.shape[1] != sum(HEADS) or target.shape[1:] != (15, estimate.shape[-1]):
            raise ValueError(f"estimates {tuple(estimate.shape)} and targets {tuple(target.shape)}: 208 rows and 15 are asked for")
        heads = estimate.split(HEADS, 1)
        return (
            root * classes(heads[0], numbers(target[:, 0]))
            + bass * classes(heads[1], numbers(target[:, 1]))
            + pitches * binary(heads[2], target[:, 2:14])
            + classes_ * classes(heads[3], numbers(target[:, 14]))
        )

    return loss


class Transposed(Supervised):
    """`Supervised`, every example of a batch transposed by a random number of semitones: its features by whole bins, its truth likewise.

    Features (batch, channel, band, frame) of a constant-Q transform; a net must leave out the reach · bins lowest and highest bands, from
    which and into which music moves. Other inputs and targets stay as they are.

    Args:
        loss: of the net's output and targets as those of `ChordFrames`.
        bins: of a semitone.
        reach: semitones, down and up.
    """

    def __init__(self, loss: Loss, bins: int, reach: int = 6) -> None:
        super().__init__(loss)
        self.bins, self.reach = int(bins), int(reach)

    def updates(self, system: System, batch: Batch) -> Iterator[Update]:
        y = batch.y
        by = torch.randint(-self.reach, self.reach + 1, (len(y),), generator=batch.generator, device=y.device)
        x = self.moved(batch.x, by)
        yield Update(self.compare(system.output.estimate(system(x), x), transposed(y, by)))

    def moved(self, x: Tree, by: Tensor) -> Tree:
        """Features so many semitones (batch,) higher; what comes in at the edge is 0."""
        if isinstance(x, dict):
            return {name: self.moved(value, by) for name, value in x.items()}
        if x.ndim != 4:
            return x
        band = torch.arange(x.shape[2], device=x.device) - self.bins * by[:, None]  # (batch, band) from where each comes
        inside = ((band >= 0) & (band < x.shape[2]))[:, None, :, None]
        return x.gather(2, band.clamp(0, x.shape[2] - 1)[:, None, :, None].expand_as(x)).masked_fill(~inside, 0.0)


def transposed(target: Tensor, by: Tensor) -> Tensor:
    """Targets (batch, 15, frame) of `ChordFrames`, so many semitones (batch,) higher."""
    up = by[:, None]

    def turned(tone: Tensor) -> Tensor:
        return torch.where(tone < 12, (tone + up) % 12, tone)  # NaN is never less

    number = target[:, 14]
    pitch = (torch.arange(12, device=target.device) - up) % 12
    pitches = target[:, 2:14].gather(1, pitch[:, :, None].expand(-1, -1, target.shape[-1]))
    number = torch.where(number < NONE, number - number % 12 + (number % 12 + up) % 12, number)
    return torch.cat([turned(target[:, 0])[:, None], turned(target[:, 1])[:, None], pitches, number[:, None]], 1)


__all__ = ["Transposed", "chord_frames", "transposed"]
