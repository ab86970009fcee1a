"""Resynthesis by sines that come and go, and a noise with a moving envelope.

Paper     Serra & Smith, Spectral modeling synthesis: a sound analysis/synthesis system based on a deterministic plus stochastic
          decomposition, Computer Music Journal 14(4), 1990 [SS90]
Survey    3.3
In        sound, any rate; inside 22,050 Hz mono
Inside    at most 60 sines every 256 samples, and the power of 40 bands of what they leave
Out       sound: as long as the given one, at its rate, with its channels
Differs   nothing is learned; transposed sines keep no phases
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from aural.encodings import Samples
from aural.nets.padding import EachAlone
from aural.part import Lengths
from aural.representations import SMS, Waveform
from aural.system import System, system
from aural.tasks.generation import generation


@system(cites="SS90")
def sms(parts: Literal["both", "sines", "noise"] = "both", semitones: float = 0.0, tracks: int = 60, rate: int = 22_050) -> System:
    """`parts`: the sines, the noise, or both; `semitones`: how much higher the sines are, the noise staying where it is."""
    wave = Waveform(rate)
    return System(
        task=generation,
        input={"x": wave, "lengths": Lengths(wave)},
        net=SinesAndNoise(SMS(rate, tracks=tracks), parts, semitones),
        output=Samples(rate, like="sound"),
        window=30.0,
        context=0.5,
    )


class SinesAndNoise(EachAlone):
    """(batch, 1, time) → (batch, 1, time), each example on its own: its sines end where it does."""

    def __init__(self, model: SMS, parts: str, semitones: float) -> None:
        super().__init__()
        self.model, self.parts, self.semitones = model, parts, semitones

    def alone(self, x: Tensor) -> Tensor:
        """(1, 1, time) → (1, 1, time)."""
        features, length = self.model(x), x.shape[-1]
        made = torch.zeros_like(x)
        if self.parts != "noise":
            made = made + self.model.invert(self.transposed(features), length)
        if self.parts != "sines":
            made = made + self.model.noise_sound(self.model.noise(self.model.residual(x, features)), length)
        return made

    def transposed(self, features: Tensor) -> Tensor:
        """Every sine so much higher, those that would pass half the rate taken out. Phases go on from frame to frame as they must."""
        if not self.semitones:
            return features
        hz, amplitude, _ = features.double().unbind(-3)
        hz = hz * 2 ** (self.semitones / 12)
        amplitude = torch.where(hz < self.model.rate / 2, amplitude, 0.0)
        hz = torch.where(amplitude > 0, hz, 0.0)
        turns = torch.cumsum((hz[..., 1:] + hz[..., :-1]) / 2 * self.model.hop / self.model.rate, -1)
        phase = nn.functional.pad(2 * torch.pi * (turns % 1), (1, 0))
        return torch.stack([hz, amplitude, torch.where(amplitude > 0, phase, 0.0)], -3).to(features)
