"""Long inputs a few hundred frames at a time, as they fit into a processor's cache: what hears only its neighbourhood says the same.

The steps of a convolutional net over minutes of sound would otherwise each write and read hundreds of megabytes; a third of the time or
less is left where they stay in the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor

FRAMES = 256

T = TypeVar("T", Tensor, tuple[Tensor, ...])


def by_pieces(net: Callable[..., T], *x: Tensor, reach: int, size: int = FRAMES) -> T:
    """`net(*x)`, computed for `size` frames at a time on a processor; at once where a gradient may flow, on a GPU and in a graph.

    Args:
        net: of tensors (…, frame) one, or a tuple of several, (…, frame), of as many frames each.
        reach: frames to either side that one frame of what is made hears; what lies outside of all frames is taken as zeros by the net.
    """
    frames = x[0].shape[-1]
    if frames <= 2 * size or torch.is_grad_enabled() or x[0].device.type != "cpu" or torch.compiler.is_compiling():
        return net(*x)
    made: Sequence[Tensor] = ()
    for first in range(0, frames, size):
        last, start = min(first + size, frames), max(0, first - reach)
        some: Any = net(*(t[..., start : min(last + reach, frames)] for t in x))
        parts = (some,) if isinstance(some, Tensor) else some
        made = made or [_empty(part, frames) for part in parts]
        for whole, part in zip(made, parts, strict=True):
            whole[..., first:last] = part[..., first - start : last - start]
    return made[0] if isinstance(some, Tensor) else tuple(made)  # type: ignore[return-value]


def _empty(like: Tensor, frames: int) -> Tensor:
    """Of so many frames, laid out in memory as a piece is."""
    last = like.ndim == 4 and like.is_contiguous(memory_format=torch.channels_last)
    form = torch.channels_last if last and not like.is_contiguous() else torch.contiguous_format
    return torch.empty((*like.shape[:-1], frames), dtype=like.dtype, device=like.device, memory_format=form)
