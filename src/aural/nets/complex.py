"""Convolutions of complex numbers.

Source   Trabelsi et al., Deep complex networks, ICLR 2018; over learned Gabor filters: Noé, Parcollet & Morchid, ICASSP 2020 [NPM20]
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class ComplexConv1d(nn.Module):
    """(A + iB)(x + iy) = (Ax - By) + i(Bx + Ay): complex (batch, inputs, frame) → complex (batch, outputs, frame').

    The arguments are nn.Conv1d's; both halves start so that the whole has the variance of one real convolution."""

    def __init__(self, inputs: int, outputs: int, kernel: int, bias: bool = True, **options: Any) -> None:
        super().__init__()
        self.real, self.imaginary = (nn.Conv1d(inputs, outputs, kernel, bias=False, **options) for _ in range(2))
        for conv in (self.real, self.imaginary):
            conv.weight.data /= 2**0.5
        self.bias = nn.Parameter(torch.zeros(2, outputs, 1)) if bias else None

    def forward(self, z: Tensor) -> Tensor:
        y = torch.complex(self.real(z.real) - self.imaginary(z.imag), self.imaginary(z.real) + self.real(z.imag))
        return y if self.bias is None else y + torch.complex(self.bias[0], self.bias[1])


class ModulusReLU(nn.Module):
    """z · relu(|z| + b) / |z|: the phase stays, small ones vanish where b < 0."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, z: Tensor) -> Tensor:
        size = z.abs()
        return z * (torch.relu(size + self.bias) / size.clamp(min=1e-12))
