"""Instruments that a person shows a few examples of, a toy.

Paper     none: a toy of the tests
Survey    4.2
In        sound, any rate; inside 8,000 Hz mono
Out       instrument: Label
Differs   nothing to differ from
"""

from torch import Tensor, nn

from aural.encodings import Prototypes
from aural.objectives import Prototypical, episodes
from aural.representations import LogMel
from aural.sound import Sound
from aural.system import Recipe, System, system
from aural.tasks import Task


@system()
def prototypes(shots: int = 2) -> System:
    return System(
        task=Task("fewshot", "which of these", gives={"sound": Sound}, makes="instrument"),
        input=LogMel(rate=8000, hop=160, window=512, bands=24, fmin=60, compression="log1p", factor=100),
        net=Mean(24, 8),
        output=Prototypes("instrument"),
        objective=Prototypical(shots),
        recipe=Recipe(batches=episodes("instrument", 3, shots, 2), steps=40, rate=1e-2),
    )


class Mean(nn.Module):
    """(batch, 1, band, frame) → (batch, size)."""

    def __init__(self, bands: int, size: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(bands, 32), nn.ReLU(), nn.Linear(32, size))

    def forward(self, x: Tensor) -> Tensor:
        heard = (x[:, 0] != 0).any(1, keepdim=True)
        return self.layers((x[:, 0] * heard).sum(-1) / heard.sum(-1).clamp(min=1))
