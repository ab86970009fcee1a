"""What convolutional networks are made of: padding by name, one block, the residual sum, pooling over frames.

Kernels are (band, frame), frames last. Papers often print (time, frequency).

Source   LeCun, Bottou, Bengio & Haffner, Gradient-based learning applied to document recognition, Proc. IEEE 86(11), 1998
         [LBBH98] (convolution, pooling); van den Oord et al., WaveNet, 2016 [vdODZ+16] (causal, dilated); He, Zhang, Ren & Sun,
         Deep residual learning for image recognition, CVPR 2016 [HZRS16] (residual sum)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import OptionError

Padding = Literal["same", "valid", "causal"]
Activation = Callable[[], nn.Module]


def pair(value: int | Sequence[int], dim: int) -> tuple[int, ...]:
    """One number for every axis, or one for each."""
    values = (value,) * dim if isinstance(value, int) else tuple(value)
    if len(values) != dim:
        raise OptionError(f"{values}: {dim} numbers are wanted, or one for all")
    return values


def padded(x: Tensor, kernel: Sequence[int], dilation: Sequence[int], padding: str) -> Tensor:
    """Zeros round the last axes, so that a valid convolution keeps their sizes (with stride s: size / s, rounded up).

    "same" puts the odd one of an even kernel on the right; "causal" pads frames, the last axis, on the left alone and bands
    as "same" does."""
    if padding == "valid":
        return x
    reach = [(k - 1) * d for k, d in zip(kernel, dilation, strict=True)]
    sides = [(r // 2, r - r // 2) for r in reach]
    if padding == "causal":
        sides[-1] = (reach[-1], 0)
    elif padding != "same":
        raise OptionError(f'padding={padding!r}: "same", "valid" or "causal"')
    return F.pad(x, [n for side in reversed(sides) for n in side])


def normalisation(kind: str | None, channels: int, dim: int) -> nn.Module:
    """ "batch", "instance", "group" (one group: all channels of an example together) or None."""
    if kind is None:
        return nn.Identity()
    if kind == "batch":
        return nn.BatchNorm1d(channels) if dim == 1 else nn.BatchNorm2d(channels)
    if kind == "instance":
        return nn.InstanceNorm1d(channels, affine=True) if dim == 1 else nn.InstanceNorm2d(channels, affine=True)
    if kind == "group":
        return nn.GroupNorm(1, channels)
    raise OptionError(f'norm={kind!r}: "batch", "instance", "group" or None')


class ConvBlock(nn.Module):
    """Convolution, normalisation, activation, pooling, dropout: (batch, inputs, [band,] frame) → (batch, outputs, [band,] frame).

    Args:
        dim: 1 over frames, 2 over bands and frames.
        kernel, stride, dilation, pool: one number, or (band, frame). A pool of 1 is none.
        padding: "same", "valid" or "causal" (along frames).
        bias: default: where no normalisation follows.
        dropout: of whole channels.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | Sequence[int] = 3,
        *,
        dim: int = 2,
        stride: int | Sequence[int] = 1,
        dilation: int | Sequence[int] = 1,
        padding: Padding = "same",
        norm: str | None = "batch",
        activation: Activation | None = nn.ReLU,
        pool: int | Sequence[int] = 1,
        dropout: float = 0.0,
        bias: bool | None = None,
    ) -> None:
        super().__init__()
        kinds: Any = (nn.Conv1d, nn.MaxPool1d, nn.Dropout1d) if dim == 1 else (nn.Conv2d, nn.MaxPool2d, nn.Dropout2d)
        self.kernel, self.stride, self.dilation, self.pool = pair(kernel, dim), pair(stride, dim), pair(dilation, dim), pair(pool, dim)
        self.padding = padding
        self.conv = kinds[0](inputs, outputs, self.kernel, self.stride, dilation=self.dilation, bias=norm is None if bias is None else bias)
        self.norm = normalisation(norm, outputs, dim)
        self.activation = activation() if activation else nn.Identity()
        self.pooling = kinds[1](self.pool) if max(self.pool) > 1 else nn.Identity()
        self.dropout = kinds[2](dropout) if dropout else nn.Identity()

    @property
    def steps(self) -> tuple[tuple[int, int, int], ...]:
        """What `receptive_field` wants to know of the last axis."""
        return (self.kernel[-1], self.stride[-1], self.dilation[-1]), (self.pool[-1], self.pool[-1], 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(padded(x, self.kernel, self.dilation, self.padding))
        return self.dropout(self.pooling(self.activation(self.norm(x))))


class Residual(nn.Module):
    """project(x) + change(x); `project` defaults to x itself."""

    def __init__(self, change: nn.Module, project: nn.Module | None = None, last: nn.Module | None = None) -> None:
        super().__init__()
        self.change, self.project, self.last = change, project or nn.Identity(), last or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.project(x) + self.change(x))


class DilatedConv1d(nn.Conv1d):
    """A convolution over frames that are `dilation` apart, as many as went in: (batch, inputs, frame) → (batch, outputs, frame).

    On a GPU such frames are laid side by side first: its library has no quick gradient of dilated convolutions.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int = 1, bias: bool = True) -> None:
        super().__init__(inputs, outputs, kernel, padding=(kernel - 1) // 2 * dilation, dilation=dilation, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.side_by_side(x) if x.is_cuda and self.dilation[0] > 1 else super().forward(x)

    def side_by_side(self, x: Tensor) -> Tensor:
        """The same by a convolution over every `dilation`-th frame."""
        step, frames = self.dilation[0], x.shape[-1]
        wide = F.pad(x, (0, -frames % step)).unflatten(-1, (-1, step))
        return F.conv2d(wide, self.weight[..., None], self.bias, padding=(self.kernel_size[0] // 2, 0)).flatten(-2)[..., :frames]


class CausalConv1d(nn.Conv1d):
    """A convolution that hears the past alone, with its past as an explicit state.

    (batch, inputs, frame) → (batch, outputs, frame). `step` does the same piece by piece: the state is the last `reach`
    frames that went in. The survey's w(0), which multiplies the newest sample, is `weight[..., -1]`.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int = 1, bias: bool = True) -> None:
        super().__init__(inputs, outputs, kernel, dilation=dilation, bias=bias)
        self.reach = (kernel - 1) * dilation

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, (self.reach, 0)))

    def start(self, x: Tensor) -> Tensor:
        """The state before the first frame: silence."""
        return x.new_zeros(len(x), self.in_channels, self.reach)

    def step(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The next frames, one or many, and the state after them."""
        heard = torch.cat([self.start(x) if state is None else state, x], -1)
        return super().forward(heard), heard[..., heard.shape[-1] - self.reach :]


def receptive_field(steps: Iterable[tuple[int, int, int]]) -> int:
    """Frames of the input that one frame of the output hears: 1 + Σ (k - 1) · d · (product of the strides before).

    Args:
        steps: (kernel, stride, dilation) of each layer, poolings too.
    """
    field, jump = 1, 1
    for kernel, stride, dilation in steps:
        field += (kernel - 1) * dilation * jump
        jump *= stride
    return field


def fit_length(x: Tensor, multiple: int | Sequence[int]) -> Tensor:
    """Zeros on the right of the last axes, up to a multiple of so much; `cropped` takes them away again."""
    multiples = (multiple,) if isinstance(multiple, int) else tuple(multiple)
    sides = [(0, -x.shape[i - len(multiples)] % m) for i, m in enumerate(multiples)]
    return F.pad(x, [n for side in reversed(sides) for n in side]) if any(s[1] for s in sides) else x


def cropped(x: Tensor, sizes: Sequence[int]) -> Tensor:
    """The first so many along the last axes."""
    for axis, size in zip(range(-len(sizes), 0), sizes, strict=True):
        x = x.narrow(axis, 0, size)
    return x


def frame_mask(lengths: Tensor, frames: int) -> Tensor:
    """(batch,) numbers of frames → (batch, frame), true where a frame is no padding."""
    return torch.arange(frames, device=lengths.device) < lengths[:, None]


def pooled(x: Tensor, how: str = "mean", lengths: Tensor | None = None) -> Tensor:
    """(batch, channel, frame) → (batch, channel); "mean", "max", "l2" or several joined by "|", side by side.

    Args:
        lengths: (batch,) frames that each example really has; the others are no part of it.
    """
    mask = torch.ones_like(x[:, :1], dtype=torch.bool) if lengths is None else frame_mask(lengths, x.shape[-1])[:, None]
    count = mask.sum(-1).clamp(min=1)
    kinds = {
        "mean": lambda: (x * mask).sum(-1) / count,
        "max": lambda: x.masked_fill(~mask, torch.finfo(x.dtype).min).amax(-1),
        "l2": lambda: ((x * mask).square().sum(-1) / count).clamp(min=1e-12).sqrt(),
    }
    unknown = set(how.split("|")) - set(kinds)
    if unknown:
        raise OptionError(f'how={how!r}: "mean", "max", "l2" or several of them joined by "|"')
    return torch.cat([kinds[kind]() for kind in how.split("|")], 1)


def parameters(net: nn.Module) -> int:
    """Numbers that learn."""
    return sum(math.prod(p.shape) for p in net.parameters() if p.requires_grad)
