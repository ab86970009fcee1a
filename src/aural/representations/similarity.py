"""How alike every moment of a sound is to every other, and to those before it.

Source   Foote, Visualizing music and audio using self-similarity, 1999; the lag form: Goto, A chorus-section detecting
         method for musical audio signals, ICASSP 2003 [Got03]
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..errors import OptionError
from ..part import Part, Tree, Wrapped

TINY = 1e-12


class SelfSimilarity(Wrapped):
    """(batch, channel, band, frame) → (batch, 1, frame, frame): symmetric, 1 on the diagonal.

    Memory grows with the square of the frames: take a part with few of them a second (a hop of a tenth of a second or more).

    Args:
        kind: "cosine", of the angle between frames (silent ones are like nothing but each other); "distance",
            exp(-d² / width²) of their Euclidean distance d.
        width: of "distance"; None, the root mean square of all distances in the example.
        context: frames that are compared together, each with those that follow it ("time-delay embedding").
    """

    def __init__(self, part: Part, kind: str = "cosine", *, width: float | None = None, context: int = 1) -> None:
        super().__init__(part)
        if kind not in ("cosine", "distance") or context < 1:
            raise OptionError(f'kind={kind!r}, context={context}: kind is "cosine" or "distance", context starts at 1')
        self.kind, self.width, self.context = kind, width, int(context)

    def forward(self, raw: Tree) -> Tensor:
        x = self.embedded(self.part(raw))
        if self.kind == "cosine":
            x = directions(x)
            return (x.mT @ x)[:, None]
        squares = distances(x, x)
        width = squares.mean((-2, -1), keepdim=True).clamp(min=TINY) if self.width is None else self.width**2
        return torch.exp(-squares / width)[:, None]

    def embedded(self, features: Tensor) -> Tensor:
        """(batch, channel, band, frame) → (batch, channel · band · context, frame); past the end the last frame goes on."""
        x = features.flatten(1, -2)
        if self.context == 1:
            return x
        last = x[..., -1:].expand(*x.shape[:-1], self.context - 1)
        return torch.cat([x, last], -1).unfold(-1, self.context, 1).transpose(-1, -2).flatten(1, 2)

    def frequencies(self) -> np.ndarray:
        raise OptionError("the rows of a self-similarity matrix are moments: see times")


class Lags(SelfSimilarity):
    """(batch, channel, band, frame) → (batch, 1, lags, frame): how alike frame n is to frame n - l, 0 before the start.

    A repetition is a horizontal line at its distance. Unlike the full matrix its memory grows only with the frames.

    Args:
        lags: how many, from 0, in frames. With context, and the others, as SelfSimilarity; `width` must be given.
    """

    def __init__(self, part: Part, lags: int, kind: str = "cosine", *, width: float | None = 1.0, context: int = 1) -> None:
        super().__init__(part, kind, width=width, context=context)
        if lags < 1 or width is None:
            raise OptionError(f"lags={lags}, width={width}: at least one lag, and a width that does not depend on the example")
        self.lags = int(lags)

    def forward(self, raw: Tree) -> Tensor:
        x = self.embedded(self.part(raw))
        x = directions(x) if self.kind == "cosine" else x
        frames, rows = x.shape[-1], []
        for lag in range(self.lags):
            now, then = x[..., min(lag, frames) :], x[..., : max(0, frames - lag)]
            alike = (now * then).sum(-2) if self.kind == "cosine" else torch.exp(-(now - then).square().sum(-2) / (self.width or 1.0) ** 2)
            rows.append(torch.nn.functional.pad(alike, (min(lag, frames), 0)))
        return torch.stack(rows, -2)[:, None]

    def frequencies(self) -> np.ndarray:
        """Hz at which something that repeats after each lag repeats; infinite for lag 0."""
        with np.errstate(divide="ignore"):
            return 1 / (np.arange(self.lags) * float(self.unit))


def directions(x: Tensor) -> Tensor:
    """(..., band, frame) → frames of length 1; of silence an even one."""
    size = x.square().sum(-2, keepdim=True)
    silent = size < TINY**2
    return torch.where(silent, x.shape[-2] ** -0.5, x / torch.where(silent, 1.0, size).sqrt())


def distances(x: Tensor, y: Tensor) -> Tensor:
    """Squared Euclidean distances of frames (..., band, frame): (..., frame of x, frame of y)."""
    squares = x.square().sum(-2)[..., :, None] + y.square().sum(-2)[..., None, :] - 2 * (x.mT @ y)
    return squares.clamp(min=0)


def to_lags(similarity: Tensor, circular: bool = False) -> Tensor:
    """(..., frame, frame) → (..., lag, frame): row l holds the similarity of n and n - l.

    Args:
        circular: before the start comes the end; else 0.
    """
    n = similarity.shape[-1]
    frame = torch.arange(n, device=similarity.device)
    other = frame - frame[:, None]  # (lag, frame): the frame that much before
    made = similarity[..., frame.expand(n, n), other % n]
    return made if circular else made * (other >= 0)


def from_lags(lags: Tensor, circular: bool = False) -> Tensor:
    """The inverse of `to_lags`; one that was not circular is taken to be of a symmetric matrix."""
    n = lags.shape[-1]
    frame = torch.arange(n, device=lags.device)
    away = frame[:, None] - frame
    made = lags[..., away % n, frame[:, None].expand(n, n)]
    return made if circular else torch.where(away >= 0, made, made.mT)
