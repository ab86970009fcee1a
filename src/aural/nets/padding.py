"""What a padded batch must not hear: frames past the end of an example stay zero from layer to layer, as they are for one alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .blocks import frame_mask


def heard(lengths: Tensor | None, frames: int) -> Tensor | None:
    """(batch, 1, frame): 1 where a frame is an example's own, 0 past its end; None where nothing is padded."""
    if lengths is None or not bool((lengths < frames).any()):
        return None
    return frame_mask(lengths, frames)[:, None].float()


class Chain(nn.Sequential):
    """Layers one after the other; after each one, frames that are not `heard` are zero again. Layers must keep the frames."""

    def forward(self, x: Tensor, heard: Tensor | None = None) -> Tensor:
        for layer in self:
            x = layer(x)
            if heard is not None:
                x = x * (heard[:, None] if x.ndim == 4 else heard)
        return x


class EachAlone(nn.Module):
    """(batch, …, time) → the same shape, each example by itself and no longer than it is: for what is computed, not learned. Subclasses
    say what `alone` makes of one, (1, …, time)."""

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        made = torch.zeros_like(x)
        for row, own, n in zip(made, x, lengths.tolist(), strict=True):
            row[..., :n] = self.alone(own[None, ..., :n])[0]
        return made

    def alone(self, x: Tensor) -> Tensor:
        raise NotImplementedError
