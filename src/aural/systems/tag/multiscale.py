"""Tagging from the waveform: windows of 1, 5 and 10 ms side by side, as no single one tells both when and how high.

Paper     Zhu, Engel & Hannun, Learning multiscale features directly from waveforms, Interspeech 2016 [ZEH16]
Survey    3.2
In        sound, any rate; inside 16,000 Hz mono; clips of `seconds`
Inside    filters of each length over the waveform, the maximum of 10 ms of each, all concatenated; convolutions over time
Out       tags: Labels; or one Label of the field `of`
Differs   words of a clip in place of letters by CTC, so convolutions and pooling in place of Deep Speech 2's recurrent layers; AdamW;
          filters are shared out evenly among the windows, as the paper's shares and strides were not found
"""

from __future__ import annotations

from torch import Tensor, nn

from aural.encodings.tags import clip_words
from aural.frontends import MultiScale
from aural.nets.blocks import ConvBlock
from aural.nets.cnn import Classifier
from aural.nets.segments import Segments
from aural.objectives import Supervised, binary, classes
from aural.part import Lengths
from aural.representations import Waveform
from aural.system import Recipe, System, system
from aural.tasks import task
from aural.tasks.tag import FAMILIES

RATE = 16_000


@system(cites="ZEH16")
def multiscale(
    labels: tuple[str, ...] = FAMILIES,
    of: str = "tags",
    windows_ms: tuple[float, ...] = (1.0, 5.0, 10.0),
    filters: int = 96,
    channels: tuple[int, ...] = (128, 128, 256),
    seconds: float = 3.0,
) -> System:
    """`filters` of all `windows_ms` together; (10,) is the single scale that the paper compares with."""
    wave = Waveform(RATE)
    body = Scales(tuple(round(ms * RATE / 1000) for ms in windows_ms), filters, channels)
    return System(
        task=task(of),
        input={"x": wave, "lengths": Lengths(wave)},
        net=Segments(Classifier(body, len(labels), dropout=0.5), round(seconds * RATE), at_once=16),
        output=clip_words(of, labels),
        objective=Supervised(binary if of == "tags" else classes),
        recipe=Recipe(seconds=seconds, batch=32, steps=10_000, rate=1e-3),
    )


class Scales(nn.Module):
    """(batch, 1, time) → (batch, channels[-1], frame): 100 frames a second, halved by every layer."""

    def __init__(self, windows: tuple[int, ...], filters: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.scales = nn.Sequential(MultiScale(filters, windows, RATE // 100), nn.BatchNorm1d(filters))
        self.layers = nn.Sequential(*(ConvBlock(a, b, 5, dim=1, pool=2) for a, b in zip((filters, *channels), channels, strict=False)))
        self.channels, self.stride = channels[-1], RATE // 100 * 2 ** len(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(self.scales(x))
