"""Per-channel energy normalisation: every band divided by its own recent past, so that loud and quiet recordings look alike.

Source   Wang, Getreuer, Hughes, Lyon & Saurous, Trainable frontend for robust and far-field keyword spotting, ICASSP 2017;
         the defaults and the smoothing constant are those of Lostanlen et al., Per-channel energy normalization: why and
         how, 2019
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..errors import OptionError
from ..part import Part, Tree, Wrapped

BLOCK = 64  # frames that one product smooths


class PCEN(Wrapped):
    """(batch, channel, band, frame) ≥ 0 → the same shape: (x / (eps + m)^gain + bias)^power - bias^power.

    m is the moving average of x over its past: m[n] = (1 - s) m[n - 1] + s x[n]. A frame depends on no later one; `step`
    goes on where the last piece ended.

    Args:
        part: bands without compression, as LogMel(…, compression="none"). The usual constants are made for sounds of 16-bit
            size: `scale` multiplies the bands first.
        seconds: over which the average looks back (of a first-order low-pass at 3 dB).
        start: m before the first frame; None, the first frame itself. librosa starts at 1.
    """

    def __init__(
        self,
        part: Part,
        gain: float = 0.98,
        bias: float = 2.0,
        power: float = 0.5,
        seconds: float = 0.4,
        eps: float = 1e-6,
        *,
        scale: float = 2.0**31,
        start: float | None = None,
    ) -> None:
        super().__init__(part)
        if min(gain, bias) < 0 or min(power, seconds, eps, scale) <= 0:
            raise OptionError("gain and bias start at 0; power, seconds, eps and scale lie above it")
        self.gain, self.bias, self.power, self.seconds, self.eps = float(gain), float(bias), float(power), float(seconds), float(eps)
        self.scale, self.start = float(scale), start

    @property
    def smoothing(self) -> float:
        """s, the weight of a new frame."""
        frames = self.seconds / float(self.unit)
        return (math.sqrt(1 + 4 * frames**2) - 1) / (2 * frames**2)

    def forward(self, raw: Tree) -> Tensor:
        return self.step(self.part(raw))[0]

    def step(self, bands: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The next frames of the part's bands, and the state after them.

        Args:
            state: what the call before returned; None at the start.
        """
        x = bands * self.scale
        if state is None:
            state = x[..., 0] if self.start is None else torch.full_like(x[..., 0], self.start)
        average = smoothed(x, self.smoothing, state)
        # exp and log1p keep the digits of small x, which the formula as it stands would lose.
        divided = x * torch.exp(-self.gain * (math.log(self.eps) + (average / self.eps).log1p()))
        if self.bias == 0:
            made = divided.clamp(min=torch.finfo(divided.dtype).tiny) ** self.power
        else:
            made = self.bias**self.power * torch.expm1(self.power * (divided / self.bias).log1p())
        return made, average[..., -1]


def smoothed(x: Tensor, weight: float, start: Tensor) -> Tensor:
    """m[n] = (1 - weight) m[n - 1] + weight x[n] along the frames of (..., frame), from m[-1] = start (...)."""
    powers = torch.arange(BLOCK + 1, dtype=torch.float64, device=x.device)
    decays = (1 - weight) ** powers
    lags = (powers[:-1] - powers[:-1, None]).clamp(min=-1)  # (from, to)
    matrix = torch.where(lags < 0, 0.0, weight * (1 - weight) ** lags).to(x)
    decays = decays[1:].to(x)
    made = []
    for block in x.split(BLOCK, -1):
        n = block.shape[-1]
        made.append(block @ matrix[:n, :n] + start[..., None] * decays[:n])
        start = made[-1][..., -1]
    return torch.cat(made, -1)
