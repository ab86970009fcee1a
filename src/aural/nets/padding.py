"""What a padded batch must not hear: frames past the end of an example stay zero from layer to layer, as they are for one alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..errors import OptionError
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


class Contrast(nn.Module):
    """(batch, …, frame) less its mean and over its deviation of the `frames` around, row by row: what is loud throughout, as mastered
    music is, moves as much as what is soft. Frames outside or not `heard` are left out.

    Source: Jarrett, Kavukcuoglu, Ranzato & LeCun, What is the best multi-stage architecture for object recognition?, ICCV 2009
    (local contrast normalisation), along frames.

    Args:
        frames: how many, an odd number counts as many before as after. floor: added to the deviation, so that silence stays silent.
    """

    def __init__(self, frames: int, floor: float = 0.25) -> None:
        super().__init__()
        if frames < 1:
            raise OptionError(f"contrast with {frames} frames around each: it needs at least one (0 seconds: none is made)")
        self.reach, self.floor = frames // 2, floor

    def forward(self, x: Tensor, heard: Tensor | None = None) -> Tensor:
        own = torch.ones_like(x[:1, ..., :1, :]) if heard is None else heard.reshape(len(x), *[1] * (x.ndim - 2), x.shape[-1])
        number = self.around(own)
        mean = self.around(x * own) / number.clamp(min=1)
        variance = self.around(x.double().square() * own) / number.clamp(min=1) - mean.square()
        return ((x - mean) / (variance.clamp(min=0).sqrt() + self.floor)).to(x.dtype) * own

    def around(self, x: Tensor) -> Tensor:
        """Sums of the frames around each, float64: differences of running sums, which need its digits."""
        sums = nn.functional.pad(x.double().cumsum(-1), (1, 0))
        place = torch.arange(x.shape[-1], device=x.device)
        last, first = (place + self.reach + 1).clamp(max=x.shape[-1]), (place - self.reach).clamp(min=0)
        return sums[..., last] - sums[..., first]

    def extra_repr(self) -> str:
        return f"{2 * self.reach + 1} frames, floor={self.floor}"


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
