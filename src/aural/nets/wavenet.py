"""WaveNet: gated causal convolutions, dilated more and more, whose skips are summed.

Source   van den Oord et al., WaveNet: a generative model for raw audio, 2016 [vdODZ+16]. Centred, as a body of denoisers: Rethage,
         Pons & Serra, A Wavenet for speech denoising, ICASSP 2018
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import OptionError
from .blocks import CausalConv1d

State = list[Tensor]
DILATIONS = tuple(2**i for i in range(10)) * 3


class Gated(nn.Module):
    """z = tanh(W_f ∗ x + V_f h) · σ(W_g ∗ x + V_g h); gives x + 1×1(z) (the last layer only x, which nobody hears) and the
    skip 1×1(z)."""

    def __init__(self, channels: int, skips: int, kernel: int, dilation: int, conditions: int, causal: bool, last: bool) -> None:
        super().__init__()
        self.side = 0 if causal else (kernel - 1) * dilation // 2
        kind = CausalConv1d if causal else nn.Conv1d
        self.conv = kind(channels, 2 * channels, kernel, dilation=dilation)
        self.condition = nn.Conv1d(conditions, 2 * channels, 1, bias=False) if conditions else None
        self.residual = None if last else nn.Conv1d(channels, channels, 1)
        self.skip = nn.Conv1d(channels, skips, 1)

    def forward(self, x: Tensor, h: Tensor | None) -> tuple[Tensor, Tensor]:
        return self._gated(x, self.conv(F.pad(x, (self.side, self.side)) if self.side else x), h)

    def step(self, x: Tensor, h: Tensor | None, past: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        assert isinstance(self.conv, CausalConv1d)
        y, past = self.conv.step(x, past)
        return *self._gated(x, y, h), past

    def _gated(self, x: Tensor, y: Tensor, h: Tensor | None) -> tuple[Tensor, Tensor]:
        if self.condition is not None and h is not None:
            y = y + self.condition(h)
        a, b = y.chunk(2, 1)
        z = a.tanh() * b.sigmoid()
        return (x if self.residual is None else x + self.residual(z)), self.skip(z)


class WaveNetStack(nn.Module):
    """(batch, inputs, frame) → (batch, outputs, frame): frame n hears frames n - field + 1 … n, or, not causal, both sides.

    Args:
        dilations: of each layer; 1, 2, 4 … 512, three times over, in the paper.
        conditions: channels of h, which is (batch, conditions, frame) or (batch, conditions, 1), the same for all frames.
        first: samples of the first convolution.

    `step` takes the next frames and the state before them (None: silence), as whole = pieces.
    """

    stride = 1

    def __init__(
        self,
        inputs: int,
        outputs: int,
        dilations: Sequence[int] = DILATIONS,
        channels: int = 64,
        skips: int = 256,
        kernel: int = 2,
        *,
        conditions: int = 0,
        first: int = 1,
        causal: bool = True,
    ) -> None:
        super().__init__()
        if not causal and (kernel % 2 == 0 or first % 2 == 0):
            raise OptionError(f"kernel={kernel}, first={first}: a centred net wants odd ones")
        self.causal, self.channels, self.field = causal, outputs, first + (kernel - 1) * sum(dilations)
        self.first: nn.Module = CausalConv1d(inputs, channels, first) if causal else nn.Conv1d(inputs, channels, first, padding=first // 2)
        self.layers = nn.ModuleList(
            Gated(channels, skips, kernel, d, conditions, causal, i == len(dilations) - 1) for i, d in enumerate(dilations)
        )
        self.last = nn.Sequential(nn.ReLU(), nn.Conv1d(skips, skips, 1), nn.ReLU(), nn.Conv1d(skips, outputs, 1))

    def forward(self, x: Tensor, h: Tensor | None = None) -> Tensor:
        x = self.first(x)
        total: Tensor | float = 0.0
        for layer in self.layers:
            x, skip = layer(x, h)
            total = total + skip
        return self.last(total)

    def step(self, x: Tensor, state: State | None = None, h: Tensor | None = None) -> tuple[Tensor, State]:
        """The next frames (batch, inputs, n), with their h → theirs, and the state after."""
        if not self.causal:
            raise OptionError("a centred net hears what is still to come: only a causal one can go step by step")
        pasts: Sequence[Any] = state or [None] * (len(self.layers) + 1)
        assert isinstance(self.first, CausalConv1d)
        x, past = self.first.step(x, pasts[0])
        after, total = [past], torch.zeros(())
        for layer, past in zip(self.layers, pasts[1:], strict=True):
            assert isinstance(layer, Gated)
            x, skip, past = layer.step(x, h, past)
            after.append(past)
            total = total + skip
        return self.last(total), after


class WaveNet(nn.Module):
    """Classes (μ-law codes), each from those before it: (batch, frame) → logits (batch, classes, frame).

    `forward(h, previous)` shifts `previous` itself: the logits of frame n hear frames before n alone, class `silence` standing
    before the first. With `conditions`, h is as WaveNetStack's.
    """

    def __init__(self, classes: int = 256, silence: int | None = None, **options: Any) -> None:
        super().__init__()
        self.classes, self.silence = classes, classes // 2 if silence is None else silence
        self.stack = WaveNetStack(classes, classes, **options)

    def _heard(self, codes: Tensor) -> Tensor:
        return F.one_hot(codes, self.classes).mT.to(next(self.parameters()))

    def forward(self, h: Tensor | None = None, *, previous: Tensor) -> Tensor:
        return self.stack(self._heard(F.pad(previous, (1, 0), value=self.silence)[..., :-1]), h)

    @torch.no_grad()
    def generate(
        self, h: Tensor | None = None, *, frames: int | None = None, batch: int = 1, generator: torch.Generator | None = None
    ) -> Tensor:
        """Classes (batch, frame), drawn one after the other; as many frames as h has, or `frames`."""
        if frames is None and h is None:
            raise OptionError("give frames=, or h with as many frames as are wanted")
        frames = h.shape[-1] if frames is None and h is not None else frames
        batch = batch if h is None else len(h)
        code = torch.full((batch,), self.silence, device=next(self.parameters()).device)
        codes, state = [], None
        for n in range(frames or 0):
            now = h if h is None or h.shape[-1] == 1 else h[..., n : n + 1]
            logits, state = self.stack.step(self._heard(code[:, None]), state, now)
            code = torch.multinomial(logits[..., 0].softmax(1), 1, generator=generator)[:, 0]
            codes.append(code)
        return torch.stack(codes, -1) if codes else code.new_zeros(batch, 0)
