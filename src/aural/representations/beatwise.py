"""Features on the grid of the beats instead of the clock.

Source   Ellis & Poliner, Identifying cover songs with chroma features and dynamic programming beat tracking, ICASSP 2007
         (beat-synchronous chroma); Durand, Bello, David & Richard [DBDR17] (several cells a beat)
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..annotations import Example
from ..errors import OptionError
from ..part import Part, Tree, Wrapped

ALONE = 0.5  # seconds: how long a beat without neighbours lasts


class Beatwise(Wrapped):
    """A part's features, averaged over the `per_beat` equal cells of each beat: (batch, channel, band, cell).

    Reads the part's field and "beats". A cell of less than a frame takes what a line between the frames' running sums says, so
    any tempo works. The last beat lasts as long as the one before it.
    """

    def __init__(self, part: Part, per_beat: int = 4) -> None:
        super().__init__(part)
        if per_beat < 1:
            raise OptionError(f"per_beat={per_beat}: at least one cell a beat")
        self.per_beat = int(per_beat)

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.part.reads, "beats")))

    def edges(self, example: Example) -> np.ndarray:
        """(cell + 1,) seconds; none where there are no beats."""
        beats = example["beats"].times
        if not len(beats):
            return np.zeros(0)
        last = beats[-1] + (beats[-1] - beats[-2] if len(beats) > 1 else ALONE)
        whole = np.append(beats, last)
        return np.interp(np.arange(len(beats) * self.per_beat + 1) / self.per_beat, np.arange(len(whole)), whole)

    def times(self, example: Example) -> np.ndarray:
        """Seconds at which the cells begin."""
        return self.edges(example)[:-1]

    def read(self, example: Example, times: np.ndarray | None = None) -> dict[str, Tree]:
        """What the part reads, and the cells' edges in frames, counted from 1 (0 is padding)."""
        frames = len(self.part.times(example))
        edges = np.minimum(self.edges(example) / float(self.part.unit), frames - 0.5) + 1  # nothing is heard past the end
        return {"heard": self.part.read(example), "edges": torch.from_numpy(edges.astype(np.float32))}

    def forward(self, raw: Tree) -> Tensor:
        features = self.part(raw["heard"])
        edges = raw["edges"]
        if edges.shape[-1] < 2:
            return features.new_zeros(*features.shape[:-1], 0)
        # The running sum at frame n + ½; frame n lasts from n - ½ to n + ½.
        total = torch.nn.functional.pad(features.double().cumsum(-1), (1, 0))
        at = (edges.double() - 0.5).clamp(0, features.shape[-1])
        left = at.floor().long().clamp(max=features.shape[-1] - 1)
        share = at - left

        def take(index: Tensor) -> Tensor:
            return total.gather(-1, index.view(len(index), *[1] * (total.ndim - 2), -1).expand(*total.shape[:-1], -1))

        share = share.view(len(share), *[1] * (total.ndim - 2), -1)
        sums = take(left) * (1 - share) + take(left + 1) * share
        widths = (at[:, 1:] - at[:, :-1]).clamp(min=1e-6).view(len(at), *[1] * (total.ndim - 2), -1)
        real = (edges[:, 1:] > 0).view(len(at), *[1] * (total.ndim - 2), -1)
        return torch.where(real, (sums[..., 1:] - sums[..., :-1]) / widths, 0.0).to(features.dtype)
