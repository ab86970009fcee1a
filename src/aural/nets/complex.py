"""Complex numbers in nets: convolutions, normalisation, and any convolutional net of the house over complex numbers.

Source   Trabelsi et al., Deep complex networks, ICLR 2018 (convolution, normalisation); over learned Gabor filters: Noé, Parcollet &
         Morchid, ICASSP 2020 [NPM20]; as a U-net whose mask turns phases: Choi et al., Phase-aware speech enhancement with deep
         complex U-net, ICLR 2019
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import OptionError


def joined(real: Tensor, imaginary: Tensor) -> Tensor:
    """real + i · imaginary, of at least float32: bfloat16, which mixed precision makes, has no complex numbers."""
    return torch.complex(*(x.float() if x.dtype in (torch.bfloat16, torch.float16) else x for x in (real, imaginary)))


class ComplexConv(nn.Module):
    """(A + iB)(x + iy) = (Ax - By) + i(Bx + Ay): complex (batch, inputs, …) → complex (batch, outputs, …).

    Args:
        make: a real convolution without bias; both halves start so that the whole has the variance of one of it.
        outputs, dim, bias: channels that it makes, the axes it goes over, and whether a complex number is added to each channel.
    """

    def __init__(self, make: Callable[[], nn.modules.conv._ConvNd], outputs: int, dim: int, bias: bool = True) -> None:
        super().__init__()
        self.real, self.imaginary = make(), make()
        for conv in (self.real, self.imaginary):
            conv.weight.data /= 2**0.5
        self.bias = nn.Parameter(torch.zeros(2, outputs, *[1] * dim)) if bias else None

    def forward(self, z: Tensor) -> Tensor:
        y = joined(self.real(z.real) - self.imaginary(z.imag), self.imaginary(z.real) + self.real(z.imag))
        return y if self.bias is None else y + torch.complex(self.bias[0], self.bias[1])


class ComplexConv1d(ComplexConv):
    """Complex (batch, inputs, frame) → complex (batch, outputs, frame'). The arguments are nn.Conv1d's."""

    def __init__(self, inputs: int, outputs: int, kernel: int, bias: bool = True, **options: Any) -> None:
        super().__init__(lambda: nn.Conv1d(inputs, outputs, kernel, bias=False, **options), outputs, 1, bias)


class ModulusReLU(nn.Module):
    """z · relu(|z| + b) / |z|: the phase stays, small ones vanish where b < 0."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, z: Tensor) -> Tensor:
        size = z.abs()
        return z * (torch.relu(size + self.bias) / size.clamp(min=1e-12))


class ComplexBatchNorm(nn.Module):
    """Complex (batch, channel, …): mean 0, and real and imaginary parts uncorrelated with variance ½ each over batch and frames; then
    a learned 2 × 2 matrix and a learned mean. Running averages when it isn't learning."""

    mean: Tensor
    covariance: Tensor

    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.eye(2).repeat(channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 2, 1))
        self.register_buffer("mean", torch.zeros(channels, 2, 1))
        self.register_buffer("covariance", 0.5 * torch.eye(2).repeat(channels, 1, 1))

    def forward(self, z: Tensor) -> Tensor:
        x = torch.view_as_real(z).transpose(0, 1).flatten(1, -2).mT  # (channel, part, all the rest)
        mean, covariance = self.mean, self.covariance
        if self.training:
            mean = x.mean(-1, keepdim=True)
            covariance = (x - mean) @ (x - mean).mT / x.shape[-1]
            with torch.no_grad():
                self.mean.lerp_(mean, self.momentum)
                self.covariance.lerp_(covariance, self.momentum)
        y = (self.weight @ _inverse_root(2 * covariance, self.eps)) @ (x - mean) + self.bias
        back = y.mT.reshape(z.shape[1], z.shape[0], *z.shape[2:], 2).transpose(0, 1)
        return torch.view_as_complex(back.contiguous())


def _inverse_root(v: Tensor, eps: float) -> Tensor:
    """Of positive definite 2 × 2 matrices, by the theorem of Cayley and Hamilton."""
    a, b, c = v[:, 0, 0] + eps, v[:, 0, 1], v[:, 1, 1] + eps
    s = (a * c - b * b).clamp(min=eps**2).sqrt()
    t = (a + c + 2 * s).sqrt()
    return torch.stack([torch.stack([c + s, -b], -1), torch.stack([-b, a + s], -1)], -2) / (s * t)[:, None, None]


class OnParts(nn.Module):
    """A real function of the real and of the imaginary part."""

    def __init__(self, function: nn.Module) -> None:
        super().__init__()
        self.function = function

    def forward(self, z: Tensor) -> Tensor:
        return joined(self.function(z.real), self.function(z.imag))


class ComplexDropout(nn.Dropout):
    """Whole numbers are left out, not one of their parts."""

    def forward(self, z: Tensor) -> Tensor:
        return z * super().forward(torch.ones_like(z.real))


def complexified(net: nn.Module) -> nn.Module:
    """The same net over complex numbers, with new weights: convolutions, batch normalisation, activations and dropout are replaced in
    place. Raises OptionError where it has layers that complex numbers have no order or no meaning for (pooling by maxima, lstm)."""
    for name, child in net.named_children():
        if isinstance(child, nn.modules.conv._ConvNd):
            dim = child.weight.ndim - 2
            setattr(net, name, ComplexConv(lambda child=child: _renewed(child), child.out_channels, dim, child.bias is not None))  # type: ignore[misc]
        elif isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
            setattr(net, name, ComplexBatchNorm(child.num_features))
        elif isinstance(child, nn.Dropout):
            setattr(net, name, ComplexDropout(child.p) if child.p else nn.Identity())
        elif isinstance(child, nn.ReLU | nn.LeakyReLU | nn.ELU | nn.Tanh):
            setattr(net, name, OnParts(child))
        elif not isinstance(child, nn.Identity) and not any(True for _ in child.children()) and type(child).__module__.startswith("torch."):
            raise OptionError(f"{type(child).__name__} has no complex form here")
        else:
            complexified(child)
    return net


def _renewed(conv: nn.modules.conv._ConvNd) -> nn.modules.conv._ConvNd:
    """A convolution of the same shape without bias, with weights drawn anew."""
    made = copy.deepcopy(conv)
    made.bias = None
    made.reset_parameters()
    return made


def bounded(z: Tensor) -> Tensor:
    """tanh |z| · z / |z|: a mask that turns phases and makes nothing louder (Choi et al. 2019)."""
    size = (z.real.square() + z.imag.square() + 1e-12).sqrt()  # the gradient at 0 stays a number
    return z * (torch.tanh(size) / size)
