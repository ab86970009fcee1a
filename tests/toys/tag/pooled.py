"""One word for the whole, a toy: which of three instruments.

Paper     none: a toy of the tests
Survey    4.1
In        sound, any rate; inside 8,000 Hz mono
Out       instrument: Label
Differs   nothing to differ from
"""

import torch
from torch import Tensor, nn

from aural.encodings import ClipClass
from aural.objectives import Supervised, classes
from aural.part import Lengths
from aural.representations import LogMel
from aural.sound import Sound
from aural.system import Recipe, System, system
from aural.tasks import Task


@system()
def pooled(labels: tuple[str, ...] = ("flute", "organ", "string")) -> System:
    mel = LogMel(rate=8000, hop=160, window=512, bands=24, fmin=60, compression="log1p", factor=100)
    return System(
        task=Task("tag", "which instrument", gives={"sound": Sound}, makes="instrument"),
        input={"mel": mel, "lengths": Lengths(mel)},
        net=Pooled(24, len(labels)),
        output=ClipClass("instrument", labels),
        objective=Supervised(classes),
        recipe=Recipe(batch=6, steps=40, rate=1e-2),
        window=2.0,
    )


class Pooled(nn.Module):
    """(batch, 1, band, frame) → (batch, class): the mean over the frames that an example really has."""

    def __init__(self, bands: int, classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv1d(bands, 16, 1), nn.ReLU(), nn.Conv1d(16, classes, 1))

    def forward(self, mel: Tensor, lengths: Tensor) -> Tensor:
        real = torch.arange(mel.shape[-1], device=mel.device) < lengths[:, None, None]
        return (self.layers(mel[:, 0]) * real).sum(-1) / lengths[:, None]
