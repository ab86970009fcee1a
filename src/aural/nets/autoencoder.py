"""Auto-encoders: what goes in comes out, through a code.

What makes the code worth having is the objective's (`objectives.reconstruction`): corrupted inputs, sparse codes, codes that hardly move.

Source   Hinton & Salakhutdinov, Reducing the dimensionality of data with neural networks, Science 313, 2006; non-negative: Smaragdis &
         Venkataramani, A neural network alternative to non-negative audio models, ICASSP 2017 [SV17]
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blocks import Activation
from .mlp import MLP


class AutoEncoder(nn.Module):
    """decode(encode(x)), of an encoder and a decoder that are given."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(x)

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(z)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))


def dense(sizes: Sequence[int], activation: Activation = nn.ReLU, code: Activation | None = None) -> AutoEncoder:
    """(…, sizes[0]) → itself, through sizes[-1] numbers; the decoder is the encoder's mirror.

    Args:
        code: the activation of the code; default: none.
    """
    encoder: nn.Module = MLP(sizes, activation)
    return AutoEncoder(nn.Sequential(encoder, code()) if code else encoder, MLP(sizes[::-1], activation))


class NonNegative(AutoEncoder):
    """W relu(V x): an auto-encoder as a non-negative factorisation, the columns of W ≥ 0 the spectra.

    (batch, band, frame) → the same shape; the code is (batch, size, frame)."""

    def __init__(self, bands: int, size: int) -> None:
        super().__init__(nn.Conv1d(bands, size, 1, bias=False), nn.Identity())
        assert isinstance(self.encoder, nn.Conv1d)
        self.encoder.weight.data.abs_()  # no unit starts dead
        self.columns = nn.Parameter(torch.rand(bands, size))

    def encode(self, x: Tensor) -> Tensor:
        return F.relu(self.encoder(x))

    def decode(self, z: Tensor) -> Tensor:
        return self.dictionary() @ z

    def dictionary(self) -> Tensor:
        """W (band, size) ≥ 0."""
        return self.columns.abs()
