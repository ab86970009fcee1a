"""Onset detection, a toy: one convolution over a log-mel spectrogram, with dropout and batch normalisation.

Paper     none: a toy of the tests
Survey    3.1
In        sound, any rate; inside 8,000 Hz mono, 100 frames a second
Out       onsets: Events
Differs   nothing to differ from
"""

from torch import Tensor, nn

from aural.encodings import FrameEvents
from aural.objectives import Supervised, binary
from aural.representations import LogMel, Standardised
from aural.system import Recipe, System, system
from aural.tasks.onset import onset


@system()
def clicker(channels: int = 8) -> System:
    return System(
        task=onset,
        input=Standardised(LogMel(rate=8000, hop=80, window=256, bands=16, fmin=30, compression="log1p", factor=1000)),
        net=Clicker(channels),
        output=FrameEvents(of="onsets", widen=((1, 0.5),)),
        objective=Supervised(binary),
        recipe=Recipe(seconds=1.0, batch=4, steps=60, rate=1e-2, average=0.9),
        window=4.0,
        context=0.5,
    )


class Clicker(nn.Module):
    """(batch, 1, 16 bands, frame) → (batch, frame) logits; padding is at the input alone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, channels, (16, 5)), nn.BatchNorm2d(channels), nn.ReLU(), nn.Dropout(0.2), nn.Conv2d(channels, 1, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(nn.functional.pad(x, (2, 2)))[:, 0, 0]
