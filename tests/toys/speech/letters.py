"""Speech from text, a toy: every letter is a sound of 50 ms.

Paper     none: a toy of the tests
Survey    4.4
In        text of the letters a, b, c and spaces
Out       sound, 8,000 Hz
Differs   nothing to differ from
"""

import numpy as np
import torch
from torch import Tensor, nn

from aural.annotations import Text
from aural.encodings import Characters, Samples
from aural.objectives import Supervised, l1
from aural.system import Recipe, System, system
from aural.tasks import Task


@system()
def letters() -> System:
    return System(
        task=Task("speech", "sound from text", gives={"text": Text}, makes="sound"),
        input=Characters(" abc"),
        net=Letters(5, 400),
        output=Samples(8000),
        objective=Supervised(l1),
        recipe=Recipe(batch=8, steps=80, rate=3e-2, schedule="constant"),
    )


class Letters(nn.Module):
    """(batch, letter) → (batch, 1, 400 · letter)."""

    def __init__(self, letters: int, length: int) -> None:
        super().__init__()
        self.length = length
        self.sounds = nn.Embedding(letters, length)
        nn.init.zeros_(self.sounds.weight)

    def times(self, letters: np.ndarray) -> np.ndarray:
        return np.arange(len(letters) * self.length) / 8000

    def forward(self, text: Tensor) -> Tensor:
        return torch.flatten(self.sounds(text), 1)[:, None]
