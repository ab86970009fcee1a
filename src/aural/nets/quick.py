"""The same net, ready to run: equal to rounding, in a fraction of the time on a processor.

    quick(net)(x)

Folded     a batch normalisation behind a convolution is part of its weights and bias
Layout     channels last: oneDNN reads and writes the weights and maps of 2-D convolutions as they lie
Pieces     chains of 2-D convolutions that keep the frames run a few hundred frames at a time (`pieces`)
Taps       a convolution of each channel by itself is a few products of shifted channels
One tap    torch gives kernels of one tap to a matrix product that is half as fast as oneDNN's where MKL does not know the processor;
           told that they are dilated, which with one tap means nothing, it asks oneDNN

Never for training: statistics no longer learn. The net that is given keeps its weights, and what they were is what is saved.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterable
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.nn.utils.parametrize import is_parametrized

from .blocks import CausalConv1d, ConvBlock, DilatedConv1d, Residual
from .padding import Chain
from .pieces import FRAMES, by_pieces

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, CausalConv1d, DilatedConv1d)  # exactly these: a class of one's own may do more with its weights
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
ALONE = (
    nn.Identity, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Tanh, nn.Dropout, nn.Dropout1d, nn.Dropout2d, *NORMS
)  # fmt: skip
CACHED = 2**21  # numbers of the largest map of a piece


@torch.no_grad()
def quick(net: nn.Module) -> nn.Module:
    """A net that says what `net` says, in evaluation mode. It shares the weights that stay as they are."""
    shared: dict[int, Any] = {id(tensor): tensor for tensor in itertools.chain(net.parameters(), net.buffers())}
    made = copy.deepcopy(net, shared).eval()
    for module in list(made.modules()):
        if type(module) in (nn.Sequential, Chain):
            _fold(module, list(module._modules))
        elif type(module) is ConvBlock:
            _fold(module, ["conv", "norm", "activation"])
            _pad(module)
    if next(itertools.chain(net.parameters(), net.buffers()), torch.zeros(())).device.type == "cpu":
        for parent in list(made.modules()):
            for name, child in parent.named_children():
                setattr(parent, name, _lighter(child))
        made = _in_pieces(made)
    return made


def _fold(parent: nn.Module, names: list[str]) -> None:
    """Of children that follow each other: normalisations into the convolutions before them, and rectifiers in place behind these."""
    for name, following in itertools.pairwise(names):
        first, second = parent._modules[name], parent._modules[following]
        if _plain(first) and isinstance(second, NORMS) and second.running_mean is not None:
            setattr(parent, name, fuse_conv_bn_eval(first, second))
            setattr(parent, following, nn.Identity())
    modules = [parent._modules[name] for name in names]
    rewritten = False  # is what comes in read by nobody else?
    for name, module in zip(names, modules, strict=True):
        if type(module) is nn.ReLU and rewritten and not module.inplace:
            setattr(parent, name, nn.ReLU(inplace=True))
        rewritten = _plain(module) or (rewritten and type(module) is nn.Identity)


def _pad(block: ConvBlock) -> None:
    """Zeros round what comes in are the convolution's own where there are as many on either side, and cost no copy."""
    reach = [(k - 1) * d for k, d in zip(block.kernel, block.dilation, strict=True)]
    if block.padding == "same" and _plain(block.conv) and not any(r % 2 for r in reach):
        block.conv.padding, block.padding = tuple(r // 2 for r in reach), "valid"


def _plain(module: nn.Module | None) -> TypeGuard[nn.Conv1d | nn.Conv2d]:
    """A convolution whose weights are what they seem."""
    return isinstance(module, CONVOLUTIONS) and type(module) in CONVOLUTIONS and not is_parametrized(module)


def _lighter(module: nn.Module) -> nn.Module:
    if not _plain(module) or module.weight.dtype != torch.float32:
        return module
    if type(module) is nn.Conv1d and _same(module) and module.groups == module.in_channels == module.out_channels > 1:
        return Taps(module)
    if {*module.kernel_size, *module.stride} == {1} and type(module) is not CausalConv1d:
        module.dilation = (2,) * len(module.kernel_size)
    if isinstance(module, nn.Conv2d):
        module.weight = nn.Parameter(module.weight.contiguous(memory_format=torch.channels_last), requires_grad=False)
    return module


def _same(module: nn.Conv1d | nn.Conv2d) -> bool:
    """Does it keep the frames, seeing zeros outside?"""
    kernel, stride, step = module.kernel_size[-1], module.stride[-1], module.dilation[-1]
    around = module.padding if isinstance(module.padding, str) else 2 * module.padding[-1]
    return stride == 1 and kernel % 2 == 1 and module.padding_mode == "zeros" and around in ("same", (kernel - 1) * step)


class Taps(nn.Module):
    """A convolution over frames of each channel by itself, (batch, channel, frame) → the same, as the sum of its taps."""

    def __init__(self, conv: nn.Conv1d) -> None:
        super().__init__()
        self.weight, self.bias, self.dilation = conv.weight, conv.bias, conv.dilation[0]
        self.reach: int = conv.kernel_size[0] // 2 * self.dilation

    def forward(self, x: Tensor) -> Tensor:
        middle, frames = self.weight.shape[-1] // 2, x.shape[-1]
        taps = self.weight.unbind(-1)  # (channel, 1) each
        y = x * taps[middle] if self.bias is None else torch.addcmul(self.bias[:, None], x, taps[middle])
        for i, tap in enumerate(taps):
            away = (i - middle) * self.dilation
            if away and abs(away) < frames:
                y[..., max(0, -away) : frames - max(0, away)].addcmul_(x[..., max(0, away) : frames - max(0, -away)], tap)
        return y


def _reach(module: nn.Module) -> int | None:
    """Frames to either side that one frame hears of what keeps the frames; None of all else."""
    if type(module) in ALONE:
        return 0
    if isinstance(module, nn.Flatten | nn.Unflatten):
        return 0 if (module.start_dim == 1 and module.end_dim == 2 if isinstance(module, nn.Flatten) else module.dim == 1) else None
    if isinstance(module, nn.Conv1d | nn.Conv2d) and type(module) in (nn.Conv1d, nn.Conv2d, DilatedConv1d):
        return (module.kernel_size[-1] - 1) * module.dilation[-1] // 2 if _same(module) else None
    if isinstance(module, Taps):
        return module.reach
    if type(module) in (nn.Sequential, Chain):
        return _sum(_reach(child) for child in module.children())
    if type(module) is ConvBlock:
        alone = all(_reach(m) == 0 for m in (module.norm, module.activation, module.dropout))
        return _reach(module.conv) if module.padding == "valid" and module.pool[-1] == 1 and alone else None
    if type(module) is Residual:
        return _sum([_reach(module.change), _reach(module.project), _reach(module.last)])
    return None


def _sum(each: Iterable[int | None]) -> int | None:
    total = 0
    for reach in each:
        if reach is None:
            return None
        total += reach
    return total


def _in_pieces(module: nn.Module) -> nn.Module:
    """The same, its largest chains with 2-D convolutions in pieces."""
    convolutions = [m for m in module.modules() if isinstance(m, nn.Conv2d)]
    reach = _reach(module) if type(module) in (nn.Sequential, Chain) else None
    if reach is not None and convolutions:
        return InPieces(module, reach, max(m.out_channels for m in convolutions))
    for name, child in module.named_children():
        setattr(module, name, _in_pieces(child))
    return module


class InPieces(Chain):
    """A chain of which every frame hears `reach` frames to either side. `widest`: its most channels."""

    def __init__(self, chain: nn.Module, reach: int, widest: int) -> None:
        super().__init__(*chain.children())
        self.reach, self.widest = reach, widest
        self.eval()

    def forward(self, x: Tensor, heard: Tensor | None = None) -> Tensor:
        if heard is not None or x.ndim != 4:
            return super().forward(x, heard)
        size = CACHED // (len(x) * max(self.widest, x.shape[1]) * x.shape[2])
        return by_pieces(super().forward, x, reach=self.reach, size=max(min(FRAMES, size), 4 * self.reach, 32))
