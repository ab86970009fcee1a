"""Who sounds alike, a toy: an embedding learned by triplets.

Paper     none: a toy of the tests
Survey    4.1
In        sound, any rate; inside 8,000 Hz mono
Out       embedding: Vector
Differs   nothing to differ from
"""

import torch
from torch import Tensor, nn

from aural.encodings import Embedding
from aural.objectives import Triplet, by_class
from aural.representations import LogMel
from aural.sound import Sound
from aural.system import Recipe, System, system
from aural.tasks import Task


@system()
def triplets(size: int = 4, mining: str = "hard") -> System:
    return System(
        task=Task("similarity", "who sounds alike", gives={"sound": Sound}, makes="embedding"),
        input=LogMel(rate=8000, hop=160, window=512, bands=24, fmin=60, compression="log1p", factor=100),
        net=Pooled(24, size),
        output=Embedding("instrument"),
        objective=Triplet(0.5, mining),
        recipe=Recipe(batches=by_class("instrument", 3, 3), steps=60, rate=1e-2),
        window=2.0,
        context=0.0,
    )


class Pooled(nn.Module):
    """(batch, 1, band, frame) → (batch, size), of unit length; silence of a padded batch is no part of the mean."""

    def __init__(self, bands: int, size: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(bands, 32), nn.ReLU(), nn.Linear(32, size))

    def forward(self, x: Tensor) -> Tensor:
        heard = (x[:, 0] != 0).any(1, keepdim=True)  # (batch, 1, frame)
        mean = (x[:, 0] * heard).sum(-1) / heard.sum(-1).clamp(min=1)
        return torch.nn.functional.normalize(self.layers(mean), dim=-1)
