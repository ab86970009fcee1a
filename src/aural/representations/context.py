"""What a frame is heard against: the statistics of the training set, and the frames before it.

Source   per-band standardisation as in Schlüter & Böck [SB13]; positive median difference of Böck & Schedl [BS11]
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from ..errors import OptionError
from ..part import Part, Tree, Wrapped, fitted


class Standardised(Wrapped):
    """Features with mean 0 and deviation 1 in every band of every channel of the training set.

    `fit` learns both; until then it changes nothing. (batch, channel, band, frame) → the same shape.
    """

    def __init__(self, part: Part) -> None:
        super().__init__(part)
        self.mean: Tensor
        self.deviation: Tensor
        fitted(self, mean=torch.zeros(1, 1, 1), deviation=torch.ones(1, 1, 1))

    @torch.no_grad()
    def fit(self, raws: Iterable[Tree]) -> None:
        """Learns from batches of what `forward` takes (an iterable, walked once; frames of padding count too)."""
        total = squares = torch.zeros((), dtype=torch.float64)
        frames = 0
        for raw in raws:
            x = self.part(raw).double()
            frames += x.shape[0] * x.shape[-1]
            total = total + x.sum((0, -1)).cpu()
            squares = squares + x.square().sum((0, -1)).cpu()
        if not frames:
            raise OptionError("nothing to fit the standardisation on: no batch was given")
        mean = total / frames
        deviation = (squares / frames - mean.square()).clamp(min=0).sqrt()
        deviation = torch.where(deviation < 1e-6 * (1 + mean.abs()), 1.0, deviation)  # a band that never moves stays at 0
        device = self.mean.device
        fitted(self, mean=mean.float()[..., None].to(device), deviation=deviation.float()[..., None].to(device))

    def forward(self, raw: Tree) -> Tensor:
        return self.after(self.part(raw))

    def after(self, features: Tensor) -> Tensor:
        """What becomes of the features of the part within."""
        return (features - self.mean) / self.deviation

    def invert(self, features: Tensor) -> Tensor:
        """Back to the features of the part within."""
        return features * self.deviation + self.mean


class WithMedianDifference(Wrapped):
    """Features, and beside them how far each rises above the median of its own recent past.

    (batch, channel, band, frame) → (batch, channel, 2 · band, frame): first x, then max(0, x[n] - median(x[n-l … n-1])),
    with the first frame repeated before the start, so that a sound that starts loud has no rise there.

    Args:
        lengths: l in frames for each channel; default: a hundredth of the part's `windows` (10, 20, 40).
    """

    def __init__(self, part: Part, lengths: Sequence[int] | None = None) -> None:
        super().__init__(part)
        windows = getattr(part, "windows", (getattr(part, "window_length", 0),))
        self.lengths = tuple(int(n) for n in (lengths or [w // 100 for w in windows]))
        if min(self.lengths, default=0) < 1:
            raise OptionError(f"lengths={self.lengths}: give at least one frame of past for each channel")

    def forward(self, raw: Tree) -> Tensor:
        x = self.part(raw)
        if x.shape[1] != len(self.lengths):
            raise OptionError(f"lengths={self.lengths}: the features have {x.shape[1]} channels, one length each")
        rises = [(x[:, c] - past_median(x[:, c], length)).clamp(min=0) for c, length in enumerate(self.lengths)]
        return torch.cat([x, torch.stack(rises, 1)], -2)


def past_median(x: Tensor, length: int, block: int = 4096) -> Tensor:
    """Median over the `length` frames before each frame of (..., frame); the first frame is repeated before the start.

    Exact (of an even number of values the mean of the middle two) and fast: windows of all frames are sorted at once by
    min and max of shifted copies, a sorted window being merged from two shorter ones, which neighbours share. Long
    signals go in blocks, which bounds the memory.
    """
    padded = torch.cat([x[..., :1].expand(*x.shape[:-1], length), x[..., :-1]], -1)
    return torch.cat([_medians(part, length) for part in _overlapping(padded, length, block)], -1)


def _overlapping(x: Tensor, length: int, block: int) -> list[Tensor]:
    windows = x.shape[-1] - length + 1
    return [x[..., first : min(first + block, windows) + length - 1] for first in range(0, windows, block)]


def _medians(x: Tensor, length: int) -> Tensor:
    """(..., frame) → (..., frame - length + 1)."""
    n = x.shape[-1] - length + 1
    if length == 1:
        return x
    half = length // 2
    low = [w[..., :n] for w in _sorted_windows(x, half, {})]
    high = [w[..., half : half + n] for w in _sorted_windows(x, length - half, {})]
    upper = _select(low, high, length // 2 + 1)
    return upper if length % 2 else (_select(low, high, length // 2) + upper) / 2


def _select(a: list[Tensor], b: list[Tensor], rank: int) -> Tensor:
    """The rank-th smallest (from 1) of two ascending lists: the least over i + j = rank of max(a[i], b[j])."""
    best: Tensor | None = None
    for i in range(max(0, rank - len(b)), min(rank, len(a)) + 1):
        j = rank - i
        larger = b[j - 1] if i == 0 else a[i - 1] if j == 0 else torch.maximum(a[i - 1], b[j - 1])
        best = larger if best is None else torch.minimum(best, larger)
    assert best is not None
    return best


def _sorted_windows(x: Tensor, length: int, known: dict[int, list[Tensor]]) -> list[Tensor]:
    """The windows of `length` frames that start at each frame, sorted: `length` tensors, ascending."""
    if length == 1:
        return [x]
    if length not in known:
        half = length // 2
        a, b = _sorted_windows(x, half, known), _sorted_windows(x, length - half, known)
        n = x.shape[-1] - length + 1
        known[length] = _merge([w[..., :n] for w in a], [w[..., half : half + n] for w in b])
    return known[length]


def _merge(a: list[Tensor], b: list[Tensor]) -> list[Tensor]:
    """Two ascending lists → one (Batcher's odd-even merge, for any lengths)."""
    if not a or not b:
        return a or b
    if len(a) == len(b) == 1:
        return [torch.minimum(a[0], b[0]), torch.maximum(a[0], b[0])]
    even, odd = _merge(a[::2], b[::2]), _merge(a[1::2], b[1::2])
    made = [even[0]]
    for i in range(max(len(even) - 1, len(odd))):
        if i + 1 < len(even) and i < len(odd):
            made += [torch.minimum(odd[i], even[i + 1]), torch.maximum(odd[i], even[i + 1])]
        else:
            made += even[i + 1 : i + 2] + odd[i : i + 1]
    return made
