"""Losses of pitch: notes as frames of onsets, sounding, exact times and velocities.

Source   Hawthorne et al., Onsets and frames, ISMIR 2018 (a loss each for onsets, frames and velocities at onsets); Kong et al.,
         High-resolution piano transcription with pedals by regressing onset and offset times, TASLP 2021 (times between frames)
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .losses import Loss, binary, known_mean


def note_frames(
    onset: float = 1.0, sounding: float = 1.0, offset: float = 0.1, velocity: float = 0.1, positive: float = 5.0, smooth: float = 0.25
) -> Loss:
    """A loss of (batch, 4, pitch, frame): what `encodings.NoteFrames` reads, against logits of onset and sounding and plain values
    of offset and velocity. Each of the four is the mean over what is known of it; together their mean with the weights given.

    Offset and velocity are known of a few frames alone, so one of these moves the net as much as hundreds of the others: they
    weigh little.

    Args:
        onset, sounding, offset, velocity: weights.
        positive: how many times a frame counts that holds an onset (a target of 1; its widened neighbours count once, so that
            the net's best answer there is the target itself).
        smooth: errors of offset (frames) and velocity (0..1) below this are squared, above it linear.

    Raises ValueError where the shapes differ or there are not four heads.
    """
    weights = (onset, sounding, offset, velocity)

    def attack(a: Tensor, y: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(a, y, reduction="none") * (1 + (positive - 1) * (y >= 1))

    def distance(a: Tensor, y: Tensor) -> Tensor:
        return F.smooth_l1_loss(a, y, reduction="none", beta=smooth)

    def loss(estimate: Tensor, target: Tensor) -> Tensor:
        if estimate.ndim < 2 or estimate.shape[1] != 4:
            raise ValueError(f"estimates {tuple(estimate.shape)}: notes are (batch, 4, pitch, frame)")
        if estimate.shape != target.shape:
            raise ValueError(f"estimates {tuple(estimate.shape)} and targets {tuple(target.shape)} differ in shape")
        a, y = estimate.unbind(1), target.unbind(1)
        parts = (known_mean(attack, a[0], y[0]), binary(a[1], y[1]), known_mean(distance, a[2], y[2]), known_mean(distance, a[3], y[3]))
        return torch.stack([weight * part for weight, part in zip(weights, parts, strict=True)]).sum() / sum(weights)

    return loss


__all__ = ["note_frames"]
