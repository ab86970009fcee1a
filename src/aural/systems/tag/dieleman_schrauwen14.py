"""Tagging: the same small network on a mel spectrogram, and on a strided convolution of the waveform in its place.

Paper     Dieleman & Schrauwen, End-to-end learning for music audio, ICASSP 2014 [DS14]
Survey    3.2
In        sound, any rate; inside 16,000 Hz mono; clips of 3 s
Inside    log(1 + 10⁴ x) of 128 mel bands, or 128 learned filters of as many samples; then two convolutions over time
Out       tags: Labels; or one Label of the field `of`
Differs   AdamW in batches of 32; where the frames of a long stride don't last for two convolutions and their pools, those are padded
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from aural.encodings.tags import clip_words
from aural.frontends import Strided
from aural.nets.blocks import ConvBlock
from aural.nets.segments import Segments
from aural.objectives import Supervised, binary, classes
from aural.part import Lengths, Part
from aural.representations import LogMel, Waveform
from aural.system import Recipe, System, system
from aural.tasks import task
from aural.tasks.tag import FAMILIES

RATE, FILTERS = 16_000, 128


@system(cites="DS14")
def dieleman_schrauwen14(
    labels: tuple[str, ...] = FAMILIES,
    of: str = "tags",
    input: Literal["mel", "waveform"] = "waveform",
    length: int = 256,
    stride: int = 256,
    pairs: bool = False,
    seconds: float = 3.0,
) -> System:
    """`length` and `stride` in samples, 256, 512 or 1024 in the paper; `pairs`: filters in pairs, whose phase does not matter."""
    samples = round(seconds * RATE)
    heard: Part
    first: nn.Module
    if input == "waveform":
        heard, first, frames = Waveform(RATE), Filters(length, stride, pairs), (samples - length) // stride + 1
    else:
        heard, first = LogMel(RATE, stride, length, FILTERS, compression="log1p", factor=1e4), nn.Flatten(1, 2)
        frames = samples // stride
    return System(
        task=task(of),
        input={"x": heard, "lengths": Lengths(heard)},
        net=Segments(DielemanSchrauwen14(first, frames, len(labels)), samples if input == "waveform" else frames),
        output=clip_words(of, labels),
        objective=Supervised(binary if of == "tags" else classes),
        recipe=Recipe(seconds=seconds, batch=32, steps=10_000, rate=1e-3),
    )


class Filters(nn.Sequential):
    """(batch, 1, time) → (batch, 128, frame): rectified filters, or the sizes of pairs of them."""

    def __init__(self, length: int, stride: int, pairs: bool) -> None:
        super().__init__(Strided(FILTERS, length, stride, pairs=pairs, padding="valid"), nn.Identity() if pairs else nn.ReLU())


class DielemanSchrauwen14(nn.Module):
    """`first` gives (batch, 128, frame); two convolutions of 32 × 8 frames, each with a pool of 4, and dense layers (section 3)."""

    def __init__(self, first: nn.Module, frames: int, classes: int, units: int = 100) -> None:
        super().__init__()
        valid = frames >= 64
        left = ((frames - 7) // 4 - 7) // 4 if valid else max(1, frames // 4 // 4)
        self.first, self.left = first, left
        self.convolutions = nn.Sequential(
            *(ConvBlock(n, 32, 8, dim=1, pool=4, norm=None, padding="valid" if valid else "same") for n in (FILTERS, 32))
        )
        self.dense = nn.Sequential(nn.Linear(32 * left, units), nn.ReLU(), nn.Linear(units, classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.dense(self.convolutions(self.first(x))[..., : self.left].flatten(1))
