"""Clips of any length through a net that takes a fixed number of frames.

Source   averaging a clip's predictions over its segments: Dieleman & Schrauwen, ICASSP 2014 [DS14]; Lee et al., SMC 2017 [LPKN17]
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import frame_mask


class Segments(nn.Module):
    """(batch, …, frame) and how many frames each example really has (batch,) → (batch, output): the mean of what `net` says of segments.

    Segments start every `hop` frames. The last one counts where at least half of its hop is new; what it lacks is 0. An example shorter
    than a segment is one segment. So a padded batch gives each example what it gets alone.

    Args:
        net: (segment, …, frames) → (segment, output).
        frames, hop: of a segment; default: side by side.
        at_once: segments that go through the net together when it isn't learning; bounds the memory of long sounds.
    """

    def __init__(self, net: nn.Module, frames: int, hop: int | None = None, at_once: int = 64) -> None:
        super().__init__()
        self.net, self.frames, self.hop, self.at_once = net, frames, hop or frames, at_once

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        counts = 1 + ((lengths - self.frames).clamp(min=0) + self.hop // 2) // self.hop
        needed = (int(counts.max()) - 1) * self.hop + self.frames
        x = F.pad(x, (0, max(0, needed - x.shape[-1])))[..., :needed]
        segments = x.unfold(-1, self.frames, self.hop).movedim(-2, 1)  # (batch, segment, …, frames)
        own = frame_mask(counts, segments.shape[1])
        chosen = segments[own]
        said = self.net(chosen) if self.training else torch.cat([self.net(some) for some in chosen.split(self.at_once)])
        each = said.new_zeros(*own.shape, said.shape[-1])
        each[own] = said
        return each.sum(1) / counts[:, None]
