"""Spoken words from the waveform: complex Gabor filters that learn frequency and width, and convolutions of complex numbers behind.

Paper     Noé, Parcollet & Morchid, CGCNN: complex Gabor convolutional neural network on raw speech, ICASSP 2020 [NPM20]
Survey    3.2
In        sound, any rate; inside 16,000 Hz mono; clips of 1 s
Inside    40 filters of 25 ms every 10 ms; complex layers; the sizes of what they say
Out       digit: Label; or one Label of the field `of`, or tags
Differs   one word for a clip in place of a phone for a frame; sizes of the layers are ours, as the paper's were not found; AdamW
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aural.encodings.tags import clip_words
from aural.frontends import Gabor
from aural.nets.blocks import pooled
from aural.nets.complex import ComplexConv1d, ModulusReLU
from aural.nets.segments import Segments
from aural.objectives import Supervised, binary, classes
from aural.part import Lengths
from aural.representations import Waveform
from aural.system import Recipe, System, system
from aural.tasks import task
from aural.tasks.speech import DIGITS


@system(cites="NPM20")
def gabor_cnn(
    labels: tuple[str, ...] = DIGITS,
    of: str = "digit",
    rate: int = 16_000,
    filters: int = 40,
    length: int = 401,
    hop: int = 160,
    channels: tuple[int, ...] = (64, 64, 64),
    units: int = 256,
    seconds: float = 1.0,
) -> System:
    """`filters` of `length` samples every `hop`; `channels` of the complex layers."""
    wave = Waveform(rate)
    return System(
        task=task(of),
        input={"x": wave, "lengths": Lengths(wave)},
        net=Segments(GaborCNN(rate, filters, length, hop, channels, units, len(labels)), round(seconds * rate), at_once=16),
        output=clip_words(of, labels),
        objective=Supervised(binary if of == "tags" else classes),
        recipe=Recipe(seconds=seconds, batch=32, steps=10_000, rate=1e-3),
    )


class GaborCNN(nn.Module):
    """(batch, 1, time) → (batch, class) logits. Complex until the last convolution, each layer halving the frames but the first; then
    log moduli, normalised, their mean and maximum over the frames, two dense layers."""

    def __init__(self, rate: int, filters: int, length: int, hop: int, channels: tuple[int, ...], units: int, classes: int) -> None:
        super().__init__()
        self.gabor = Gabor(rate, filters, length, hop)
        layers: list[nn.Module] = []
        for i, (a, b) in enumerate(zip((filters, *channels), channels, strict=False)):
            layers += [ComplexConv1d(a, b, 5, padding=2, stride=1 if i == 0 else 2), ModulusReLU(b)]
        self.layers = nn.Sequential(*layers)
        self.norm = nn.BatchNorm1d(channels[-1])
        self.dense = nn.Sequential(nn.Linear(2 * channels[-1], units), nn.ReLU(), nn.Dropout(0.5), nn.Linear(units, classes))

    def forward(self, x: Tensor) -> Tensor:
        z = self.layers(self.gabor(x))
        size = (z.real.square() + z.imag.square() + 1e-12).sqrt()  # the gradient at 0 stays a number
        return self.dense(pooled(self.norm(torch.log(size + 1e-4)), "mean|max"))
