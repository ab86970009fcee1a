"""Dense layers: of a vector, and of every frame.

Source   Rosenblatt, The perceptron, 1957 [Ros57]; Rumelhart, Hinton & Williams, Learning representations by back-propagating
         errors, Nature 323, 1986 [RHW86]. The survey writes row vector times matrix; torch keeps the matrix transposed
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from torch import Tensor, nn

from ..errors import OptionError
from .blocks import Activation


class MLP(nn.Sequential):
    """(…, sizes[0]) → (…, sizes[-1]) logits; an activation after every layer but the last.

    Layers are Σ (n_{l-1} + 1) n_l parameters. Weights start for the activation: Xavier where it saturates, Kaiming otherwise;
    biases are torch's small ones (with zeros, odd activations start symmetric, and exclusive or is now and then not learned).

    Args:
        sizes: units, from the input to the output; two of them make a linear map.
        norm: a LayerNorm before each activation.
        dropout: after each activation.
        last: whether the output gets norm, activation and dropout too (an MLP in the middle of a net).
    """

    def __init__(
        self, sizes: Sequence[int], activation: Activation = nn.ReLU, *, norm: bool = False, dropout: float = 0.0, last: bool = False
    ) -> None:
        if len(sizes) < 2:
            raise OptionError(f"sizes={tuple(sizes)}: an input and an output at least")
        super().__init__()
        saturates = isinstance(activation(), nn.Sigmoid | nn.Tanh)
        for i, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
            layer = nn.Linear(inputs, outputs)
            nn.init.xavier_uniform_(layer.weight) if saturates else nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
            self.append(layer)
            if last or i < len(sizes) - 2:
                if norm:
                    self.append(nn.LayerNorm(outputs))
                self.append(activation())
                if dropout:
                    self.append(nn.Dropout(dropout))


class PerFrame(nn.Module):
    """A net of vectors, for each frame: (batch, feature, frame) → (batch, output, frame)."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x.mT).mT
