"""Laying out notes on a GPU, in Triton: what `mixing.laid` does, in one pass over every note's samples."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from .tables import STEP

triton: Any = import_module("triton")
tl: Any = import_module("triton.language")
BLOCK = 1024


# One note of one clip. Triton reads this text, and knows no name in it but its own: that is why it has no types.
def _one(out, samples, whole, real, notes, stems, frames, BLOCK: tl.constexpr, STEP: tl.constexpr):  # type: ignore[no-untyped-def]
    note, clip = tl.program_id(0), tl.program_id(1)
    at = whole + clip * 6 * notes + note
    start, count, offset = tl.load(at), tl.load(at + notes), tl.load(at + 2 * notes).to(tl.int64)
    step, stem = tl.load(at + 4 * notes).to(tl.int64), tl.load(at + 5 * notes)
    own = real + clip * 7 * notes + note
    gain, release = tl.load(own), tl.load(own + notes)
    sway, turn, after = tl.load(own + 2 * notes), tl.load(own + 3 * notes), tl.load(own + 4 * notes)
    slide, glide = tl.load(own + 5 * notes), tl.maximum(tl.load(own + 6 * notes), 1.0)
    begin, end = tl.maximum(-start, 0), tl.minimum(count, frames - start)
    row = out + (clip * stems + stem).to(tl.int64) * frames + start
    for first in range(begin, end, BLOCK):
        k = first + tl.arange(0, BLOCK)
        inside = k < end
        time = k.to(tl.float32)
        turns = tl.maximum(time - after, 0.0) * turn
        bent = tl.minimum(time, glide)
        more = sway * (1.0 - tl.cos((turns - tl.floor(turns)) * 6.283185307179586)) - slide * (bent - bent * bent / (2.0 * glide))
        place = k.to(tl.int64) * step + (more * (1 << STEP)).to(tl.int64)
        here = samples + offset + (place >> STEP)
        share = (place & ((1 << STEP) - 1)).to(tl.float32) * (1.0 / (1 << STEP))
        low = tl.load(here, mask=inside, other=0).to(tl.float32)
        high = tl.load(here + 1, mask=inside, other=0).to(tl.float32)
        fade = tl.minimum(tl.maximum((count - k).to(tl.float32) / release, 0.0), 1.0)
        tl.atomic_add(row + k, (low + share * (high - low)) * gain * fade * fade, mask=inside, sem="relaxed")


_note = triton.jit(_one)


def lay(out: Tensor, samples: Tensor, whole: Tensor, real: Tensor, stems: int, frames: int) -> None:
    """Adds every note to `out`, (clip · stem · sample,) float32; the rest as `mixing.laid`."""
    clips, _, notes = whole.shape
    if clips and notes:
        _note[(notes, clips)](out, samples, whole.contiguous(), real.contiguous(), notes, stems, frames, BLOCK=BLOCK, STEP=STEP)


def check(device: torch.device, laid: Callable[[Tensor, Tensor, Tensor, int, int], Tensor]) -> None:
    """Raises AssertionError where the kernel does not give what plain PyTorch, `mixing.laid`, gives."""
    chance = torch.Generator().manual_seed(0)

    def drawn(low: int, high: int) -> Tensor:
        return torch.randint(low, high, (2, 40), generator=chance)

    samples = torch.randint(-20_000, 20_000, (9000,), generator=chance, dtype=torch.int16)
    whole = torch.stack([drawn(-900, 4000), drawn(0, 1500), drawn(0, 6000), drawn(0, 1), drawn(1 << 23, 3 << 23), drawn(0, 3)], 1).int()
    # Vibrato of up to 20 samples and 6 turns, from up to the 400th sample on; glides from below and from above.
    most = torch.tensor([1e-5, 200.0, 20.0, 4e-3, 400.0, 0.2, 900.0])[None, :, None]
    real = torch.rand((2, 7, 40), generator=chance) * most + 1e-6
    real[:, 5, ::2] *= -1
    real[:, [2, 5], ::3] = 0
    plain = laid(samples, whole, real, 3, 3000)
    made = torch.zeros(plain.numel(), device=device)
    lay(made, samples.to(device), whole.to(device), real.to(device), 3, 3000)
    assert torch.allclose(made.view(plain.shape).cpu(), plain, atol=1e-4), "the kernel and plain PyTorch differ"
