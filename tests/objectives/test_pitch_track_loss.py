"""Facts about the loss of lines of single pitches."""

from __future__ import annotations

import pytest
import torch

from aural.objectives.losses import soft_classes
from aural.objectives.pitch_track import pitch_track


def targets(frames: int = 6) -> torch.Tensor:
    torch.manual_seed(0)
    y = torch.rand(2, 5, frames)
    y[..., -1] = torch.tensor([0.0, 0, 0, 0, 1])
    return y / y.sum(1, keepdim=True)


def test_it_is_the_cross_entropy_and_least_where_the_net_says_the_target() -> None:
    y = targets()
    entropy = -(y * y.clamp(min=1e-12).log()).sum(1).mean()
    assert float(pitch_track()(y.clamp(min=1e-12).log(), y)) == pytest.approx(float(entropy), rel=1e-4)
    other = torch.randn(y.shape)
    assert float(pitch_track()(other, y)) > float(entropy)
    assert torch.allclose(pitch_track()(other, y), soft_classes(other, y))


def test_unknown_frames_cost_nothing_and_give_no_gradient() -> None:
    y = targets()
    y[0, :, 2:] = float("nan")
    logits = torch.randn(y.shape, requires_grad=True)
    loss = pitch_track()(logits, y)
    loss.backward()
    assert logits.grad is not None
    assert (logits.grad[0, :, 2:] == 0).all()
    assert (logits.grad[1] != 0).any()
    assert torch.isfinite(logits.grad).all()
    nothing = pitch_track()(logits, torch.full_like(y, float("nan")))
    assert float(nothing.detach()) == 0


def test_frames_of_none_weigh_what_is_said() -> None:
    y = targets()
    y[:, -1, :-1] = 0  # the last frame is none, the others a pitch
    y = y / y.sum(1, keepdim=True)
    logits = torch.randn(y.shape)
    each = -(y * logits.log_softmax(1)).sum(1)
    weight = torch.tensor([1.0, 1, 1, 1, 1, 0.25]).expand(2, -1)
    assert float(pitch_track(none=0.25)(logits, y)) == pytest.approx(float((each * weight).sum() / weight.sum()), rel=1e-5)


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="differ in shape"):
        pitch_track()(torch.zeros(1, 5, 3), torch.zeros(1, 6, 3))
