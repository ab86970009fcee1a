"""Compression of magnitudes or powers: what makes quiet and loud comparable.

"ln"     ln(x + offset)              "log10"  log10(x + offset)
"log1p"  ln(1 + factor · x)          "db"     10 log10(max(x, 1e-10)) of powers, 20 log10(max(x, 1e-5)) of magnitudes
"unit"   dB above (maximum of the example - range_db), as a share of range_db: 0..1
"none"   x
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..errors import OptionError

KINDS = ("ln", "log10", "log1p", "db", "unit", "none")


def check(kind: str) -> str:
    if kind not in KINDS:
        raise OptionError(f"compression={kind!r}: one of {', '.join(KINDS)}")
    return kind


def compress(x: Tensor, kind: str, *, power: int = 2, offset: float = 1e-7, factor: float = 1.0, range_db: float | None = None) -> Tensor:
    """(..., band, frame) ≥ 0 → the same shape.

    Args:
        power: 1 where x are magnitudes, 2 where they are powers (for "db").
        range_db: what lies further below the maximum of its example is lifted to there ("db": default no limit; "unit":
            default 80). It looks at the whole example, so pieces no longer equal the whole.
    """
    change = not (torch.is_grad_enabled() and x.requires_grad)  # in place: x is ours, and large
    if kind == "ln":
        return x.add_(offset).log_() if change else (x + offset).log()
    if kind == "log10":
        return x.add_(offset).log10_() if change else (x + offset).log10()
    if kind == "log1p":
        return x.mul_(factor).log1p_() if change else (factor * x).log1p()
    if kind in ("db", "unit"):
        floor, scale = 10.0 ** (-5 * power), 20 / power
        x = x.clamp_(min=floor).log10_().mul_(scale) if change else x.clamp(min=floor).log10() * scale
        if kind == "unit":
            lift, top = range_db or 80.0, x.amax((-3, -2, -1), keepdim=True)
            return x.sub_(top).div_(lift).add_(1).clamp_(min=0) if change else ((x - top) / lift + 1).clamp(min=0)
        if range_db is not None:
            least = x.amax((-3, -2, -1), keepdim=True) - range_db
            x = torch.maximum(x, least, out=x) if change else torch.maximum(x, least)
    return x


def expand(y: Tensor, kind: str, *, power: int = 2, offset: float = 1e-7, factor: float = 1.0) -> Tensor:
    """The inverse of `compress` (above the floor of "db"). Raises OptionError for "unit", which forgets the level."""
    if kind == "unit":
        raise OptionError('compression="unit" has no inverse: the level of the example is lost; use "db"')
    if kind == "ln":
        return y.exp() - offset
    if kind == "log10":
        return (y * math.log(10)).exp() - offset
    if kind == "log1p":
        return y.expm1() / factor
    return (y * (math.log(10) * power / 20)).exp() if kind == "db" else y
