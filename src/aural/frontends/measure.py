"""What a first layer has learned, in numbers: which frequencies it hears, and how much it minds when.

Source   the question of which first layer keeps still under time translation: Purwins et al., Deep learning for audio signal processing,
         IEEE J. Selected Topics in Signal Processing 13(2), 2019, section 3
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

Layer = Callable[[Tensor], Tensor]


@torch.no_grad()
def responses(layer: nn.Module, rate: int, hz: Sequence[float] | np.ndarray, seconds: float = 0.5, amplitude: float = 0.5) -> np.ndarray:
    """(channel, frequency): the mean of |y| of each channel while a sine of each frequency sounds.

    For any layer of waveforms (batch, 1, time) → (batch, channel, …, frame), deep and non-linear ones too; the layers' own `responses` are
    of their linear kernels. A layer that gives something for silence gives it here as well.
    """
    was, param = layer.training, next(layer.parameters())
    layer.eval()
    n = torch.arange(round(seconds * rate), dtype=torch.float64)
    made = []
    for frequency in hz:
        x = amplitude * torch.sin(2 * math.pi * float(frequency) / rate * n)
        made.append(layer(x[None, None].to(param)).abs()[0].flatten(1).mean(1))
    layer.train(was)
    return torch.stack(made, 1).cpu().numpy()


@torch.no_grad()
def translation_change(layer: Layer, x: Tensor, shift: int = 1, edge: int = 0, offsets: bool = True) -> float:
    """Mean |y(x) - y(x moved by `shift` samples)| over the mean |y(x)|: 0 is invariant to time translation, about 1 and above means
    that nothing stays.

    Args:
        x: (batch, 1, time); the last `shift` samples stand in for what moves in.
        edge: frames at either end that are left out, as the layer's zeros outside would count.
        offsets: False: |y| without each channel's mean over the frames. A layer that mostly gives a constant (biases, running
            means) looks invariant otherwise; this way it needs a sound that changes, noise or music.
    """
    here, there = layer(x[..., : x.shape[-1] - shift]), layer(x[..., shift:])
    frames = min(here.shape[-1], there.shape[-1])
    here, there = here[..., edge : frames - edge], there[..., edge : frames - edge]
    size = here if offsets else here - here.mean(-1, keepdim=True)
    return float((here - there).abs().mean() / size.abs().mean().clamp(min=1e-12))
