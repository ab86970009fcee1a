"""Chord recognition: a convolutional and recurrent net that says root, bass and pitches first, and the class in their light.

Paper     McFee & Bello, Structured training for large-vocabulary chord recognition, ISMIR 2017 [MB17], "CR2" with structure
Survey    4.1, Chords
In        sound, any rate; inside 22,050 Hz mono
Inside    constant-Q transform of 36 bins an octave, six octaves from C1, 10.8 frames a second, the 80 dB below the loudest as 0..1
Out       chords: Intervals with Harte's labels, N where there is none; on the beats and named as in the key where those are given
Differs   transposed by whole bins of a transform half an octave wider on both sides, not by resynthesis; the first filter starts as
          the identity, for a single one behind a ReLU may start dead; X is not learned as a class; AdamW with a cosine; decoded by
          Viterbi over products of the four heads; learned from made songs
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from aural.encodings import ChordFrames
from aural.nets.padding import Chain, heard
from aural.nets.rnn import over_frames
from aural.objectives import Transposed, chord_frames
from aural.part import Lengths
from aural.representations import CQT
from aural.system import Recipe, System, system
from aural.tasks.chord import chord

C1, FINE, BANDS = 32.703195662574764, 3, 216  # Hz; bins a semitone; six octaves
REACH = 6  # semitones that training transposes by, either way


@system(cites="MB17")
def mcfee17(
    vocabulary: Literal["majmin", "sevenths", "full"] = "full",
    filters: int = 1,
    width: int = 36,
    hidden: int = 128,
    layers: int = 2,
    experts: tuple[float, ...] = (0.5, 0.25, 0.1),
) -> System:
    lowest, bands = C1 * 2 ** (-REACH / 12), BANDS + 2 * REACH * FINE
    cqt = CQT(22_050, 2048, lowest, bands, 12 * FINE, compression="unit")
    return System(
        task=chord,
        input={"cqt": cqt, "lengths": Lengths(cqt)},
        net=McFee17(filters, width, hidden, layers),
        output=ChordFrames(vocabulary, experts),
        objective=Transposed(chord_frames(), FINE, REACH),
        recipe=Recipe(data="songs:0", seconds=8, batch=32, steps=20_000, rate=1e-3, average=0.999, augment="realaug"),
        window=240.0,
        context=10.0,
    )


class McFee17(nn.Module):
    """(batch, 1, 216 + 36, frame) → logits (batch, 208, frame) of root, bass, pitches and classes, as ChordFrames has them; the outermost
    18 bands on either side are not heard."""

    def __init__(self, filters: int = 1, width: int = 36, hidden: int = 128, layers: int = 2) -> None:
        super().__init__()
        first = nn.Conv2d(1, filters, 5, padding=2)
        nn.init.dirac_(first.weight)
        with torch.no_grad():
            first.weight += 0.05 * torch.randn_like(first.weight)
        self.smooth = Chain(nn.BatchNorm2d(1), first, nn.ReLU())
        self.squeeze = Chain(nn.Conv2d(filters, width, (BANDS, 1)), nn.ReLU(), nn.Flatten(1, 2))
        self.gru = nn.GRU(width, hidden, layers, batch_first=True, bidirectional=True)
        self.root, self.bass = nn.Conv1d(2 * hidden, 13, 1), nn.Conv1d(2 * hidden, 13, 1)
        self.pitches = nn.Conv1d(2 * hidden, 12, 1)
        self.classes = nn.Conv1d(2 * hidden + 12 + 13 + 13, 170, 1)

    def forward(self, cqt: Tensor, lengths: Tensor | None = None) -> Tensor:
        margin = REACH * FINE
        own = heard(lengths, cqt.shape[-1])
        states = over_frames(self.gru, self.squeeze(self.smooth(cqt[:, :, margin:-margin], own), own), lengths)
        root, bass, pitches = self.root(states), self.bass(states), self.pitches(states)
        said = torch.cat([states, pitches.sigmoid(), root.softmax(1), bass.softmax(1)], 1)  # (batch, 294, frame)
        return torch.cat([root, bass, pitches, self.classes(said)], 1)
