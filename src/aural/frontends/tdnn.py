"""What stands round a frame: context windows, and the time-delay network.

A dense layer on a window of L frames is a convolution of L frames; both are here, and are the same.

Source   Waibel, Hanazawa, Hinton, Shikano & Lang, Phoneme recognition using time-delay neural networks, 1989 [WHH+90]; Bourlard & Morgan,
         Connectionist speech recognition, 1994 [BM94] (windows)
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import OptionError


class ContextWindow(nn.Module):
    """(batch, feature, frame) → (batch, feature · frames, frame): each frame with those round it, feature by feature.

    Args:
        frames: odd, the frame itself in the middle.
        edge: what stands outside: "zeros", or "repeat", the first or last frame.
    """

    stride = 1

    def __init__(self, frames: int = 9, edge: str = "zeros") -> None:
        super().__init__()
        if frames % 2 == 0 or edge not in ("zeros", "repeat"):
            raise OptionError(f'frames={frames}, edge={edge!r}: an odd number, and "zeros" or "repeat"')
        self.field, self.edge = frames, edge

    def forward(self, x: Tensor) -> Tensor:
        side = self.field // 2
        x = F.pad(x, (side, side), mode="replicate" if self.edge == "repeat" else "constant")
        return x.unfold(-1, self.field, 1).movedim(-1, 2).flatten(1, 2)  # (batch, feature, frames, frame)


class TDNN(nn.Module):
    """(batch, bands, frame) → (batch, classes): two sigmoid layers over time, and per class a learned gain of the sum of squares.

    521 parameters with the defaults, on 16 bands and 15 frames. The logits are before the last sigmoid.

    Args:
        units: of the first layer; the second has one unit for each class.
        windows: frames that the layers hear.
    """

    def __init__(self, bands: int = 16, classes: int = 3, units: int = 8, windows: tuple[int, int] = (3, 5)) -> None:
        super().__init__()
        self.first, self.second = nn.Conv1d(bands, units, windows[0]), nn.Conv1d(units, classes, windows[1])
        self.gain, self.bias = nn.Parameter(torch.ones(classes)), nn.Parameter(torch.zeros(classes))

    def events(self, x: Tensor) -> Tensor:
        """How much each class is heard, when: (batch, classes, frame - windows + 2)."""
        return self.second(self.first(x).sigmoid()).sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return self.gain * self.events(x).square().sum(-1) + self.bias

    @torch.no_grad()
    def responses(self) -> np.ndarray:
        """(unit, band): how strongly each unit of the first layer hears each band."""
        return self.first.weight.square().sum(-1).sqrt().cpu().numpy()
