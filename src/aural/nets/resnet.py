"""Residual networks over bands and frames, or over frames alone; with squeeze and excitation where wanted.

Source   He, Zhang, Ren & Sun, Deep residual learning for image recognition, CVPR 2016 [HZRS16]; Hu, Shen & Sun,
         Squeeze-and-excitation networks, CVPR 2018. Deleting a block: Veit, Wilber & Belongie, 2016 [VWB16]
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from .blocks import ConvBlock, Residual, receptive_field


class SqueezeExcite(nn.Module):
    """Each channel times a gate in 0..1 that sees the mean of all channels: (batch, channel, …) → the same shape.

    Args:
        ratio: units of the middle layer for each channel.
    """

    def __init__(self, channels: int, ratio: float = 1 / 16) -> None:
        super().__init__()
        middle = max(1, round(channels * ratio))
        self.gate = nn.Sequential(nn.Linear(channels, middle), nn.ReLU(), nn.Linear(middle, channels), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        gates = self.gate(x.flatten(2).mean(-1))
        return x * gates.reshape(*gates.shape, *[1] * (x.ndim - 2))


class Basic(Residual):
    """relu(x + F(x)), F of two 3-wide convolutions; a strided 1 × 1 convolution of x where size or channels change."""

    expansion = 1

    def __init__(self, inputs: int, channels: int, stride: int = 1, dim: int = 2, excite: float = 0.0) -> None:
        outputs = channels * self.expansion
        body = nn.Sequential(*self.layers(inputs, channels, stride, dim))
        if excite:
            body.append(SqueezeExcite(outputs, excite))
        project = (
            ConvBlock(inputs, outputs, 1, dim=dim, stride=stride, activation=None) if stride != 1 or inputs != outputs else nn.Identity()
        )
        super().__init__(body, project, nn.ReLU())

    def layers(self, inputs: int, channels: int, stride: int, dim: int) -> list[ConvBlock]:
        return [ConvBlock(inputs, channels, 3, dim=dim, stride=stride), ConvBlock(channels, channels, 3, dim=dim, activation=None)]


class Bottleneck(Basic):
    """As Basic, of convolutions 1, 3 and 1 wide, the last with four times the channels."""

    expansion = 4

    def layers(self, inputs: int, channels: int, stride: int, dim: int) -> list[ConvBlock]:
        return [
            ConvBlock(inputs, channels, 1, dim=dim),
            ConvBlock(channels, channels, 3, dim=dim, stride=stride),
            ConvBlock(channels, channels * self.expansion, 1, dim=dim, activation=None),
        ]


class ResNet(nn.Module):
    """(batch, inputs, [band,] frame) → (batch, channels, [band',] frame'); each stage but the first halves the axes.

    Args:
        blocks, widths: of each stage; (2, 2, 2, 2) of (64, 128, 256, 512) are ResNet-18's.
        block: Basic or Bottleneck.
        stem: "large", 7 wide with stride 2 and a pool of 2 after it (photographs); "small", 3 wide, nothing lost.
        excite: units of squeeze and excitation for each channel; 0: none.
    """

    def __init__(
        self,
        inputs: int = 1,
        blocks: Sequence[int] = (2, 2, 2, 2),
        widths: Sequence[int] = (64, 128, 256, 512),
        *,
        block: type[Basic] = Basic,
        stem: str = "small",
        dim: int = 2,
        excite: float = 0.0,
    ) -> None:
        super().__init__()
        large = stem == "large"
        self.stem: nn.Module = ConvBlock(inputs, widths[0], 7 if large else 3, dim=dim, stride=2 if large else 1)
        if large:
            self.stem = nn.Sequential(self.stem, (nn.MaxPool1d if dim == 1 else nn.MaxPool2d)(3, 2, 1))
        stages, channels = [], widths[0]
        for s, (count, width) in enumerate(zip(blocks, widths, strict=True)):
            for i in range(count):
                stages.append(block(channels, width, 2 if s and not i else 1, dim, excite))
                channels = width * block.expansion
        self.stages = nn.Sequential(*stages)
        self.channels, self.stride = channels, (4 if large else 1) * 2 ** (len(blocks) - 1)
        bodies = [m for stage in stages for m in stage.change.children() if isinstance(m, ConvBlock)]
        first = [(7, 2, 1), (3, 2, 1)] if large else [(3, 1, 1)]
        self.field = receptive_field([*first, *(b.steps[0] for b in bodies)])

    def forward(self, x: Tensor) -> Tensor:
        return self.stages(self.stem(x))


def zero_last(net: nn.Module) -> None:
    """The last normalisation of every residual body starts at 0: each block starts as its shortcut (Goyal et al., 2017)."""
    for block in net.modules():
        if isinstance(block, Basic):
            scale = [m for m in block.change.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)][-1].weight
            nn.init.zeros_(scale)


def resnet18(inputs: int = 1, stem: str = "small") -> ResNet:
    """The body of ResNet-18."""
    return ResNet(inputs, stem=stem)
