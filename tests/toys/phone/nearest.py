"""Which of three tones sounds, a toy without gradients: the nearest class mean, smoothed by fitted transitions.

Paper     none: a toy of the tests
Survey    2
In        sound, any rate; inside 8,000 Hz mono
Out       phones: Intervals
Differs   nothing to differ from
"""

import torch
from torch import Tensor, nn

from aural.encodings import FrameClasses
from aural.objectives import Fit
from aural.part import fitted
from aural.representations import LogMel
from aural.sound import Sound
from aural.system import Recipe, System, system
from aural.tasks import Task


@system()
def nearest(noise: float = 1.0) -> System:
    return System(
        task=Task("phone", "which tone", gives={"sound": Sound}, makes="phones"),
        input=LogMel(rate=8000, hop=160, window=512, bands=24, fmin=60, compression="log1p", factor=100),
        net=NearestMean(4, noise),
        output=FrameClasses("phones", ("N", "a", "b", "c"), transitions=True),
        objective=Fit(),
        recipe=Recipe(batch=4, steps=3),
    )


class NearestMean(nn.Module):
    """(batch, 1, band, frame) → log-likelihoods (batch, class, frame)."""

    def __init__(self, classes: int, noise: float) -> None:
        super().__init__()
        self.classes, self.noise = classes, noise
        fitted(self, means=torch.zeros(classes, 24))

    def fit(self, pairs: list[tuple[Tensor, Tensor]]) -> None:
        x = torch.cat([x[:, 0].mT.flatten(0, 1) for x, _ in pairs])  # (frame, band)
        y = torch.cat([y.flatten() for _, y in pairs])
        fitted(self, means=torch.stack([x[y == k].mean(0) if (y == k).any() else torch.zeros(24) for k in range(self.classes)]))

    def forward(self, x: Tensor) -> Tensor:
        return -(x[:, 0, None] - self.means[..., None]).square().sum(2) / self.noise
