"""Filter shapes that say what they listen for: tall ones for timbre, long ones for rhythm.

Source   Pons, Lidy & Serra, Experimenting with musically motivated convolutional neural networks, CBMI 2016 [PLS16]; the shapes of
         tagging: Pons et al., End-to-end learning for music audio tagging at scale, ISMIR 2018. Kernels are (band, frame) here,
         (time, frequency) in some papers
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..nets.blocks import padded


class Timbre(nn.Module):
    """Filters `height` bands high and `width` frames long, the highest over all bands kept: (batch, inputs, band, frame) → (batch,
    channels, frame). Moved by some bands, as another pitch is, a sound gives the same while it lies inside."""

    def __init__(self, height: int, width: int, channels: int, inputs: int = 1) -> None:
        super().__init__()
        self.conv, self.width = nn.Conv2d(inputs, channels, (height, width)), width
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(padded(x, (1, self.width), (1, 1), "same"))
        return self.norm(F.relu(y.amax(2)))

    def weights(self) -> Tensor:
        """(channel, band): how strongly each filter hears each of its bands."""
        return self.conv.weight.square().sum((1, 3)).sqrt()


class Rhythm(nn.Module):
    """Filters `width` frames long over the mean of all bands: (batch, inputs, band, frame) → (batch, channels, frame)."""

    def __init__(self, width: int, channels: int, inputs: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, channels, width, padding="same")
        self.norm = nn.BatchNorm1d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(F.relu(self.conv(x.mean(2))))

    def responses(self, frames_per_second: float, n_fft: int = 1024) -> tuple[np.ndarray, np.ndarray]:
        """Modulations in Hz (60 times as many beats a minute), and the gains of the filters at them (channel, bin)."""
        n_fft = max(n_fft, self.conv.weight.shape[-1])
        gains = torch.fft.rfft(self.conv.weight.detach().sum(1).double().cpu(), n_fft).abs()
        return np.fft.rfftfreq(n_fft, 1 / frames_per_second), gains.numpy()


class Musical(nn.Module):
    """(batch, inputs, band, frame) → (batch, channels, frame): both families, side by side.

    Args:
        timbre: (height, width, channels) of each shape.
        rhythm: (width, channels) of each.
        The defaults are those of tagging, for 96 mel bands: 408 + 153 channels.
    """

    stride = 1

    def __init__(
        self,
        timbre: Sequence[tuple[int, int, int]] = ((67, 7, 204), (38, 7, 204)),
        rhythm: Sequence[tuple[int, int]] = ((129, 51), (65, 51), (33, 51)),
        inputs: int = 1,
    ) -> None:
        super().__init__()
        self.timbre = nn.ModuleList(Timbre(*shape, inputs) for shape in timbre)
        self.rhythm = nn.ModuleList(Rhythm(*shape, inputs) for shape in rhythm)
        self.channels = sum(c for *_, c in [*timbre, *rhythm])
        self.field = max([w for _, w, _ in timbre] + [w for w, _ in rhythm])

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([layer(x) for layer in [*self.timbre, *self.rhythm]], 1)

    @torch.no_grad()
    def responses(self, bands: int = 96) -> np.ndarray:
        """(timbre channel, band): how strongly each tall filter hears each of its bands, from its lowest one upwards."""
        each = [layer.weights() for layer in self.timbre if isinstance(layer, Timbre)]
        return torch.cat([F.pad(w, (0, bands - w.shape[1])) for w in each]).cpu().numpy()


class BallroomShapes(nn.Module):
    """The nets of [PLS16], on 40 mel bands and 80 frames: (batch, 1, 40, 80) → (batch, classes) logits.

    Args:
        kind: "black-box", 32 filters of 12 bands and 8 frames, and a dense layer of 200; "time", filters of 60 frames; "frequency",
            filters of 32 bands; "both".
    """

    def __init__(self, classes: int = 8, kind: str = "both", channels: int = 32, bands: int = 40, frames: int = 80) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        size = 0
        if kind == "black-box":
            self.layers.append(nn.Sequential(nn.Conv2d(1, channels, (12, 8)), nn.ReLU(), nn.MaxPool2d((4, 1)), nn.Flatten()))
            size = channels * ((bands - 11) // 4) * (frames - 7)
        if kind in ("time", "both"):  # the maximum over all bands
            self.layers.append(nn.Sequential(nn.Conv2d(1, channels, (1, 60)), nn.ReLU(), nn.MaxPool2d((bands, 1)), nn.Flatten()))
            size += channels * (frames - 59)
        if kind in ("frequency", "both"):  # the maximum over all frames
            self.layers.append(nn.Sequential(nn.Conv2d(1, channels, (32, 1)), nn.ReLU(), nn.MaxPool2d((1, frames)), nn.Flatten()))
            size += channels * (bands - 31)
        dense = [nn.Linear(size, 200), nn.ReLU(), nn.Linear(200, classes)] if kind == "black-box" else [nn.Linear(size, classes)]
        self.head = nn.Sequential(*dense)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.cat([layer(x) for layer in self.layers], 1))
