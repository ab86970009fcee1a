"""What a net of one pitch at a time (encodings/pitch_track.py) is held to."""

from __future__ import annotations

import torch
from torch import Tensor

from .losses import Loss


def pitch_track(none: float = 1.0) -> Loss:
    """Cross-entropy of logits (batch, class, frame) and probabilities of the same shape, a bell over the bins of pitch, or none, the
    last class. Frames with a NaN cost nothing. The least value is the targets' entropy, not 0.

    Args:
        none: weight of frames where none is heard, beside 1 for those with a pitch.

    The loss raises ValueError where the shapes differ.
    """

    def loss(estimate: Tensor, target: Tensor) -> Tensor:
        if estimate.shape != target.shape:
            raise ValueError(f"estimates {tuple(estimate.shape)} and targets {tuple(target.shape)} differ in shape")
        known = ~torch.isnan(target).any(1)
        y = torch.where(known[:, None], target.float(), 0.0)
        logits = torch.where(known[:, None], estimate.float(), 0.0)
        weight = known * (1 + (none - 1) * y[:, -1])
        return -((y * logits.log_softmax(1)).sum(1) * weight).sum() / weight.sum().clamp(min=1e-9)

    return loss


__all__ = ["pitch_track"]
