"""Facts about the losses of pitch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from aural.annotations import Example, Notes
from aural.encodings import NoteFrames
from aural.objectives import Supervised, note_frames
from aural.part import stack

NAN = float("nan")
TIMES = np.arange(200) * 512 / 22_050


def batch() -> torch.Tensor:
    """(2, 4, 88, 200): a piece of three notes, and one of which nothing is known."""
    part = NoteFrames()
    notes = Notes([1.0, 1.0, 2.013], [2.0, 1.5, 3.0], [60.0, 64.0, 60.0], [80.0, 90.0, 30.0])
    return part(stack(part, [part.read(Example(notes=notes), TIMES), part.read(Example(), TIMES)]))


def right(target: torch.Tensor, sharp: float = 12.0) -> torch.Tensor:
    heads = torch.nan_to_num(target).clone()
    heads[:, 0] = torch.logit(heads[:, 0].double().clamp(6e-6, 1 - 6e-6)).float()
    heads[:, 1] = sharp * (2 * heads[:, 1] - 1)
    return heads


def test_what_is_true_costs_least():
    target = batch()
    loss = note_frames()
    best = loss(right(target), target)
    floor = F.binary_cross_entropy(torch.tensor([0.5]), torch.tensor([0.5])) * 6 / (88 * 200) / 2.2  # the entropy of six neighbours
    assert best == pytest.approx(floor.item(), rel=0.2)
    for head in range(4):
        wrong = right(target)
        wrong[:, head] += 0.3
        assert loss(wrong, target) > best * 1.01


def test_unknown_targets_cost_nothing_and_move_nothing():
    target = batch()
    estimate = torch.randn(target.shape, generator=torch.Generator().manual_seed(0)).requires_grad_()
    loss = note_frames()(estimate, target)
    assert loss.item() == pytest.approx(note_frames()(estimate[:1], target[:1]).item())
    loss.backward()
    assert (estimate.grad[torch.isnan(target)] == 0).all()
    assert (estimate.grad[~torch.isnan(target)] != 0).float().mean() > 0.99
    nothing = note_frames()(estimate, torch.full_like(target, NAN))
    assert nothing == 0
    nothing.backward()
    assert torch.isfinite(estimate.grad).all()


def test_it_is_the_mean_of_its_four_parts():
    target = batch()
    estimate = torch.randn(target.shape, generator=torch.Generator().manual_seed(1))
    alone = [note_frames(**{n: float(n == name) for n in ("onset", "sounding", "offset", "velocity")}) for name in ("onset", "sounding")]
    onset, sounding = (loss(estimate, target) for loss in alone)
    known = ~torch.isnan(target[:, 1])
    assert sounding == pytest.approx(F.binary_cross_entropy_with_logits(estimate[:, 1][known], target[:, 1][known]).item())
    both = note_frames(onset=1.0, sounding=3.0, offset=0.0, velocity=0.0)(estimate, target)
    assert both == pytest.approx((onset + 3 * sounding).item() / 4)


def test_an_onset_counts_five_times_and_its_neighbours_once():
    loss = note_frames(sounding=0.0, offset=0.0, velocity=0.0)
    for y, times in ((1.0, 5.0), (0.5, 1.0), (0.0, 1.0)):
        target = torch.full((1, 4, 1, 1), NAN)
        target[:, 0] = y
        estimate = torch.full((1, 4, 1, 1), 0.7)
        plain = F.binary_cross_entropy_with_logits(torch.tensor(0.7), torch.tensor(y)).item()
        assert loss(estimate, target) == pytest.approx(times * plain)


def test_half_precision_is_no_matter():
    target = batch()
    estimate = right(target)
    assert note_frames()(estimate.bfloat16(), target).dtype == torch.float32
    assert torch.isfinite(note_frames()(estimate.half() * 100, target))


def test_it_is_a_loss_by_key():
    target = batch()
    objective = Supervised(notes=note_frames())
    estimate = right(target)
    assert objective.compare({"notes": estimate}, {"notes": target}) == note_frames()(estimate, target)


def test_shapes_that_do_not_fit_are_told():
    with pytest.raises(ValueError, match="differ in shape"):
        note_frames()(torch.zeros(2, 4, 88, 10), torch.zeros(2, 4, 88, 11))
    with pytest.raises(ValueError, match=r"batch, 4, pitch, frame"):
        note_frames()(torch.zeros(2, 3, 88, 10), torch.zeros(2, 3, 88, 10))
