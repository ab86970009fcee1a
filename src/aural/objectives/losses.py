"""Losses as functions of (estimate, target). Unknown targets (NaN for reals, -1 for classes) cost nothing.

Every loss is the mean over what is known, in float32, and 0 (with a gradient of 0) where nothing is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..part import Tree

Loss = Callable[[Any, Any], Tensor]


def known_mean(cost: Callable[[Tensor, Tensor], Tensor], estimate: Tensor, target: Tensor) -> Tensor:
    """Mean of an elementwise cost over the targets that are no NaN. Shapes must be equal: broadcasting hides mistakes."""
    if estimate.shape != target.shape:
        raise ValueError(f"estimates {tuple(estimate.shape)} and targets {tuple(target.shape)} differ in shape")
    known = ~torch.isnan(target)
    # Zeros first: the gradient of what is masked afterwards would still be NaN.
    values = cost(torch.where(known, estimate.float(), 0.0), torch.where(known, target.float(), 0.0))
    return (values * known).sum() / known.sum().clamp(min=1)


def binary(estimate: Tensor, target: Tensor, positive: float = 1.0) -> Tensor:
    """Binary cross-entropy of logits and targets in 0..1 of the same shape; what is 1 counts `positive` times."""
    weight = None if positive == 1.0 else torch.tensor(positive, device=estimate.device)
    return known_mean(lambda a, y: F.binary_cross_entropy_with_logits(a, y, reduction="none", pos_weight=weight), estimate, target)


def weighted_binary(positive: float) -> Loss:
    """`binary` with a weight of positives."""

    def loss(estimate: Tensor, target: Tensor) -> Tensor:
        return binary(estimate, target, positive)

    return loss


def shift_tolerant(reach: int = 3, positive: float = 1.0) -> Loss:
    """A loss of frame events whose labels may lie up to `reach` frames off (Foscarin, Schlüter & Widmer, Beat This!, ISMIR 2024).

    Logits (batch, row, frame) are pooled over ±reach; where the target is 1 the pooled logit must be high (and counts `positive`
    times), where no target lies within ±2·reach it must be low, in between nothing is asked: one sharp peak near a label costs
    as little as one on it, a second one costs. The mean is over the frames that are known; of the outermost 2·reach nothing is
    asked where they hold no event.
    """

    def pooled(x: Tensor, frames: int) -> Tensor:
        return F.max_pool1d(x, 2 * frames + 1, 1, frames)

    def loss(estimate: Tensor, target: Tensor) -> Tensor:
        if estimate.shape != target.shape:
            raise ValueError(f"estimates {tuple(estimate.shape)} and targets {tuple(target.shape)} differ in shape")
        logits, known = pooled(estimate.float(), reach), ~torch.isnan(target)
        is_event = (target >= 1) & known  # a NaN is never ≥ 1
        far = known & (pooled(is_event.float(), 2 * reach) == 0)
        far[..., : 2 * reach] = far[..., -2 * reach :] = False  # an event just outside would be near
        cost = positive * F.softplus(-logits) * is_event + F.softplus(logits) * far
        return cost.sum() / known.sum().clamp(min=1)

    return loss


def classes(estimate: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of logits (batch, class, …) and class numbers (batch, …), -1 unknown."""
    known = target >= 0
    values = F.cross_entropy(estimate.float(), target.clamp(min=0), reduction="none")
    return (values * known).sum() / known.sum().clamp(min=1)


def multi_label(estimate: Tensor, target: Tensor) -> Tensor:
    """`binary` of each class (batch, class, …), summed over the classes: as many binary losses, not their mean."""
    return binary(estimate, target) * estimate.shape[1]


def soft_classes(estimate: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of logits (batch, class, …) and probabilities of the same shape; NaN in any class is unknown. Its least value is
    the entropy of the targets, not 0."""
    if estimate.shape != target.shape:
        raise ValueError(f"estimates {tuple(estimate.shape)} and targets {tuple(target.shape)} differ in shape")
    known = ~torch.isnan(target).any(1)
    values = -(torch.where(known[:, None], target.float(), 0.0) * estimate.float().log_softmax(1)).sum(1)
    return (values * known).sum() / known.sum().clamp(min=1)


def tokens(estimate: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy where 0 is padding."""
    return classes(estimate, torch.where(target == 0, -1, target))


def l1(estimate: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error."""
    return known_mean(lambda a, y: (a - y).abs(), estimate, target)


def mse(estimate: Tensor, target: Tensor) -> Tensor:
    """Mean squared error."""
    return known_mean(lambda a, y: (a - y).square(), estimate, target)


def compare(losses: Loss | dict[str, Loss | tuple[Loss, float]], estimate: Tree, target: Tree) -> Tensor:
    """One loss, or one per key (with a weight, where a pair).

    A dict of estimates meets a dict of targets by key; one target meets every entry of a dict of estimates (several nets
    with one truth). Raises ValueError where the keys do not fit, naming both sides.
    """
    if isinstance(losses, dict):
        total = torch.zeros(())
        for key, entry in losses.items():
            if not isinstance(estimate, dict) or not isinstance(target, dict) or key not in estimate or key not in target:
                raise ValueError(f"a loss for {key!r}, but the estimates have {_keys(estimate)} and the targets {_keys(target)}")
            loss, weight = entry if isinstance(entry, tuple) else (entry, 1.0)
            total = total + weight * loss(estimate[key], target[key])
        return total
    if isinstance(estimate, dict):
        if isinstance(target, dict) and estimate.keys() != target.keys():
            raise ValueError(f"the estimates have {_keys(estimate)} and the targets {_keys(target)}")
        return torch.stack([losses(value, target[key] if isinstance(target, dict) else target) for key, value in estimate.items()]).sum()
    return losses(estimate, target)


def _keys(tree: Tree) -> str:
    return ", ".join(map(repr, tree)) if isinstance(tree, dict) else "no keys"
