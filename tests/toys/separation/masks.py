"""A mix into low and high, a toy: masks on the transform of every channel.

Paper     none: a toy of the tests
Survey    4.3
In        sound, any rate and number of channels; inside 8,000 Hz
Out       stems: Stems "low" and "high", rate, length and channels as given
Differs   nothing to differ from
"""

import torch
from torch import Tensor, nn

from aural.encodings import Channels, Masks
from aural.objectives import Supervised, l1
from aural.representations import STFT
from aural.sound import Sound
from aural.system import Recipe, System, system
from aural.tasks import Task


def magnitude(estimate: Tensor, target: Tensor) -> Tensor:
    return l1(estimate.abs(), target.abs())


@system()
def masks(rate: int = 8000) -> System:
    transform = STFT(rate=rate, hop=128, window=512)
    return System(
        task=Task("separation", "low and high", gives={"sound": Sound}, makes="stems"),
        input=Channels(transform),
        net=Mask(257),
        output=Masks(("low", "high"), STFT(rate=rate, hop=128, window=512)),
        objective=Supervised(magnitude),
        recipe=Recipe(seconds=0.5, batch=4, steps=60, rate=2e-2),
        window=2.0,
        context=0.2,
    )


class Mask(nn.Module):
    """(batch, channel, bin, frame) complex → (batch, stem, channel, bin, frame) in 0..1, adding up to 1."""

    def __init__(self, bins: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv1d(bins, 16, 3), nn.ReLU(), nn.Conv1d(16, bins, 1))

    def forward(self, mix: Tensor) -> Tensor:
        loud = (100 * mix.abs()).log1p()
        low = self.layers(nn.functional.pad(loud.flatten(0, 1), (1, 1))).sigmoid().unflatten(0, mix.shape[:2])
        return torch.stack([low, 1 - low], 1)
