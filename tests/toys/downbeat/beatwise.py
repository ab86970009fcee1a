"""Downbeats among given beats, a toy: how loud it is from each beat to the next.

Paper     none: a toy of the tests
Survey    4.1
In        sound, any rate; beats, made by the default system where nobody gave them
Out       downbeats: Events
Differs   nothing to differ from
"""

from fractions import Fraction

import numpy as np
import torch
from torch import Tensor, nn

from aural.annotations import Example
from aural.encodings import FrameEvents, PeakPicking
from aural.objectives import Supervised, binary
from aural.part import Part
from aural.system import Recipe, System, system
from aural.tasks.downbeat import downbeat


@system()
def beatwise() -> System:
    return System(
        task=downbeat,
        input=LoudnessOfBeats(),
        net=nn.Sequential(nn.Conv1d(1, 8, 1), nn.ReLU(), nn.Conv1d(8, 1, 1)),
        output=FrameEvents(of="downbeats", decoder=PeakPicking(refine=False)),
        objective=Supervised(binary),
        recipe=Recipe(batch=4, steps=150, rate=3e-2),
    )


class LoudnessOfBeats(Part):
    """(batch, 1, beat): the loudest sample within 100 ms of each beat."""

    @property
    def reads(self) -> tuple[str, ...]:
        return ("sound", "beats")

    @property
    def unit(self) -> Fraction:
        return Fraction(1, 1000)

    def times(self, example: Example) -> np.ndarray:
        return example["beats"].times

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        sound = example["sound"].mono()
        loud = [np.abs(sound.cut(max(0, t - 0.05), t + 0.1).samples).max(initial=0.0) for t in self.times(example)]
        return torch.tensor(np.array(loud, dtype=np.float32))[None]
