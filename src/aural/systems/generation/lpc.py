"""Resynthesis by a linear source and filter: sixteen weights a frame say how a sound is coloured, what is left says what is coloured.

Paper     Atal & Hanauer, Speech analysis and synthesis by linear prediction of the speech wave, J. Acoust. Soc. Am. 50(2), 1971
Survey    3.3
In        sound, any rate; inside 16,000 Hz mono
Inside    16 weights and a gain every 10 ms, by the autocorrelation method in windows of 64 ms
Out       sound: as long as the given one, at its rate, with its channels
Differs   nothing is learned; pulses have one pitch for the whole, as no pitch is tracked
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from aural.encodings import Samples
from aural.nets.padding import EachAlone
from aural.part import Lengths
from aural.representations import LPC, Waveform
from aural.system import System, system
from aural.tasks.generation import generation


@system()
def lpc(source: Literal["residual", "noise", "pulses"] = "residual", order: int = 16, hz: float = 110.0, rate: int = 16_000) -> System:
    """`source`: what is left (the sound comes back), noise (a whisper), or pulses of `hz` (a robot)."""
    wave = Waveform(rate)
    return System(
        task=generation,
        input={"x": wave, "lengths": Lengths(wave)},
        net=SourceAndFilter(LPC(rate, rate // 100, 1024, order), source, hz),
        output=Samples(rate, like="sound"),
        window=30.0,
        context=0.5,
    )


class SourceAndFilter(EachAlone):
    """(batch, 1, time) → (batch, 1, time): each example's source, of the same power every 10 ms, through its own filters."""

    def __init__(self, model: LPC, source: str, hz: float) -> None:
        super().__init__()
        self.model, self.source, self.hz = model, source, hz

    def alone(self, x: Tensor) -> Tensor:
        """(1, 1, time) → (1, 1, time)."""
        features = self.model(x)[:, 0]
        if self.source == "residual":
            source = self.model.residual(x[:, 0], features)
        else:
            gain = features[:, 0].repeat_interleave(self.model.hop, -1)[..., self.model.hop // 2 :]
            gain = nn.functional.pad(gain, (0, max(0, x.shape[-1] - gain.shape[-1])))[..., : x.shape[-1]]
            source = gain * self.excitation(x.shape[-1]).to(x)
        return self.model.synthesize(source, features)[:, None]

    def excitation(self, length: int) -> Tensor:
        """Noise or pulses of power 1."""
        if self.source == "noise":
            return torch.randn(length, generator=torch.Generator().manual_seed(0))
        phase = torch.arange(length, dtype=torch.float64) * self.hz / self.model.rate
        return (phase.floor().diff(prepend=torch.tensor([-1.0], dtype=torch.float64)) > 0).float() * (self.model.rate / self.hz) ** 0.5
