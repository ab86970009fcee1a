"""Chord recognition without learning: how alike the pitch classes are to those of major and minor triads; the floor of comparisons.

Paper     none: after Fujishima, Realtime chord recognition of musical sound, ICMC 1999
Survey    4.1, Chords
In        sound, any rate; beats, made by the default system where nobody gave them
Inside    the pitch classes of chord/sheh03, its three registers added up
Out       chords: Intervals of major and minor triads throughout
Differs   constant-Q transform, tuning found and taken out; on the beats; a chord stays with a probability of 3/4 a beat
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aural import harmony
from aural.encodings.chords import STATES
from aural.system import System, system
from aural.systems.chord.sheh03 import ChordSequence, RegisterChroma
from aural.tasks.chord import chord


@system()
def templates(sharpness: float = 20.0) -> System:
    return System(task=chord, input=RegisterChroma(), net=Templates(sharpness), output=ChordSequence("majmin"), window=600.0, context=20.0)


class Templates(nn.Module):
    """(batch, 1, 36, cell) → scores (batch, 169, cell) as log p of chord/sheh03's states: the cosine between what sounds and a triad, times
    `sharpness`; other chords, and none, are never meant."""

    def __init__(self, sharpness: float = 20.0) -> None:
        super().__init__()
        self.sharpness = float(sharpness)
        triads = [sorted(harmony.parse(label).pitch_classes) for label in harmony.classes("majmin", unknown=False)[:24]]
        made = torch.zeros(24, 12)
        for row, tones in zip(made, triads, strict=True):
            row[tones] = 3**-0.5
        self.register_buffer("triads", made, persistent=False)
        self.triads: Tensor

    def forward(self, x: Tensor) -> Tensor:
        heard = nn.functional.normalize(x[:, 0].unflatten(1, (-1, 12)).sum(1), dim=1)
        scores = heard.new_full((len(x), STATES, x.shape[-1]), -50.0)
        scores[:, :24] = self.triads @ heard
        return self.sharpness * scores
