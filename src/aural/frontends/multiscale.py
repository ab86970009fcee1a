"""Windows of several lengths side by side on the waveform.

Source   Zhu, Engel & Hannun, Learning multiscale features directly from waveforms, Interspeech 2016 [ZEH16]. 1, 5 and 10 ms are the
         survey's figures; how the paper shares out filters and strides was not found
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import OptionError
from .kernels import Strided


class MultiScale(nn.Module):
    """(batch, 1, time) → (batch, channels, frame), ceil(T / hop) frames, frame n of every branch round sample n · hop.

    Each branch is a convolution, ReLU, and the maximum over hop samples round each frame. Short windows tell when, long ones how high.

    Args:
        windows: samples of each branch.
        strides: of each; hop must be a multiple of every one. Default: about a quarter of the window.
        channels: of all together, shared out evenly, what is left to the first.
    """

    def __init__(
        self, channels: int = 96, windows: Sequence[int] = (16, 80, 160), hop: int = 160, strides: Sequence[int] | None = None
    ) -> None:
        super().__init__()
        strides = [max(s for s in range(1, max(1, w // 4) + 1) if hop % s == 0) for w in windows] if strides is None else list(strides)
        if any(hop % s for s in strides) or len(strides) != len(windows):
            raise OptionError(f"strides={strides}: one for each of {tuple(windows)}, each a divisor of hop={hop}")
        shares = [channels // len(windows) + (i < channels % len(windows)) for i in range(len(windows))]
        self.branches = nn.ModuleList(Strided(c, w, s) for c, w, s in zip(shares, windows, strides, strict=True))
        self.channels, self.stride, self.field = channels, hop, max(windows) + hop

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.pooled(branch, x) for branch in self.branches], 1)

    def pooled(self, branch: nn.Module, x: Tensor) -> Tensor:
        """One branch on the common frames."""
        size = self.stride // int(branch.stride)  # type: ignore[arg-type]
        heard = F.relu(branch(x))
        frames = -(-x.shape[-1] // self.stride)
        short = max(0, (frames - 1) * size + size - size // 2 - heard.shape[-1])
        return F.max_pool1d(F.pad(heard, (size // 2, short)), size)[..., :frames]  # zeros lose to nothing that ReLU gives

    def times(self, times: np.ndarray) -> np.ndarray:
        """Of the frames, given those of the samples."""
        return times[:: self.stride]

    def responses(self, rate: int, n_fft: int = 4096) -> tuple[np.ndarray, np.ndarray]:
        """Frequencies in Hz (bin,) and gains (channel, bin), branch by branch."""
        each = [branch.responses(rate, n_fft) for branch in self.branches]  # type: ignore[operator]
        return each[0][0], np.concatenate([gains for _, gains in each])
