"""Downbeat tracking: four networks that each hear one feature of the music, in cells of the beats, and a model of bars.

Paper     Durand, Bello, David & Richard, Robust downbeat tracking using an ensemble of convolutional networks, IEEE/ACM TASLP
          25(1), 2017 [DBDR17]
Survey    4.1, Downbeat-tracking
In        sound, any rate; beats, made by the default system where nobody gave them
Inside    22,050 Hz; a constant-Q transform of seven octaves from C1 in four cells a beat (harmony, melody, bass) and the rise of a
          log-mel spectrogram in eight (rhythm)
Out       downbeats: Events, those of the beats that begin a bar
Differs   the cells come from tracked beats, not from a tatum grid of its own, and each beat is one decision; AdamW; the probabilities
          are averaged and decoded by a hidden Markov model of beats in bars, 2 to 7 of them; learned from made songs
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aural.encodings import FirstOfBars, Opinions
from aural.nets.padding import Chain, heard
from aural.objectives import Supervised, weighted_binary
from aural.part import Lengths
from aural.representations import CQT, Beatwise, LogMel, WithMedianDifference
from aural.system import Recipe, System, system
from aural.tasks.downbeat import downbeat

CELLS = 4  # a beat; the rhythm has twice as many
RISES = 40


@system(cites="DBDR17")
def durand17(views: tuple[str, ...] = ("rhythm", "harmony", "melody", "bass"), width: int = 24, dropout: float = 0.3) -> System:
    tones = Beatwise(CQT(22_050, 512, bands=84, compression="log1p", factor=100.0), CELLS)
    rises = Beatwise(WithMedianDifference(LogMel(22_050, 256, 1024, RISES, 30.0, 11_000.0, compression="log1p"), (8,)), 2 * CELLS)
    return System(
        task=downbeat,
        input={"tones": tones, "rises": rises, "lengths": Lengths(tones)},
        net=Durand17(views, width, dropout),
        output=Opinions("downbeats", views, FirstOfBars()),
        objective=Supervised(weighted_binary(2.0)),
        recipe=Recipe(data="songs:0", seconds=30, batch=16, steps=4_000, rate=2e-3, average=0.99, augment="realaug"),
        window=240.0,
        context=20.0,
    )


class Durand17(nn.Module):
    """tones (batch, 1, 84, 4 · beat), rises (batch, 1, 80, 8 · beat) → (batch, view, beat) logits; ±7 beats are heard.

    harmony: chroma, turned by a random interval in training, which moves no downbeat (paper, section IV-B)
    melody: the upper four octaves folded into one, each cell relative to its loudest semitone
    bass: the lowest two octaves
    rhythm: rises of four bands, twice as fine in time
    """

    def __init__(self, views: tuple[str, ...] = ("rhythm", "harmony", "melody", "bass"), width: int = 24, dropout: float = 0.3) -> None:
        super().__init__()
        kinds = {
            "rhythm": lambda: View(4, width, 2 * CELLS, (2, 9), dropout),
            "harmony": lambda: View(12, width, CELLS, (12, 5), dropout),
            "melody": lambda: View(12, width, CELLS, (12, 9), dropout),
            "bass": lambda: View(24, width, CELLS, (5, 5), dropout),
        }
        self.nets = nn.ModuleDict({name: kinds[name]() for name in views})

    def times(self, cells: object) -> object:
        return cells[::CELLS]  # type: ignore[index]

    def forward(self, tones: Tensor, rises: Tensor, lengths: Tensor | None = None) -> Tensor:
        def own(cells: int) -> Tensor | None:
            return heard(None if lengths is None else lengths * cells // CELLS, tones.shape[-1] * cells // CELLS)

        octaves = tones.unflatten(2, (7, 12))
        chroma = octaves.sum(2)
        if self.training and "harmony" in self.nets:
            turn = torch.randint(12, (len(tones), 1), device=tones.device)
            order = (torch.arange(12, device=tones.device) + turn) % 12
            chroma = chroma.gather(2, order[:, None, :, None].expand_as(chroma))
        melody = octaves[:, :, 3:].amax(2)
        features = {
            "rhythm": lambda: rises[:, :, RISES:].unflatten(2, (4, RISES // 4)).mean(3),
            "harmony": lambda: relative(chroma),
            "melody": lambda: relative(melody),
            "bass": lambda: tones[:, :, :24],
        }
        said = [net(features[name](), own(2 * CELLS if name == "rhythm" else CELLS), own(1)) for name, net in self.nets.items()]
        return torch.cat(said, 1)


def relative(x: Tensor) -> Tensor:
    """Every cell as a share of its loudest band."""
    return x / x.amax(2, keepdim=True).clamp(min=1e-3)


class View(nn.Module):
    """(batch, 1, band, cell) → (batch, 1, beat): convolutions over bands and cells, then over beats."""

    def __init__(self, bands: int, width: int, cells: int, kernel: tuple[int, int], dropout: float) -> None:
        super().__init__()
        rows = bands - kernel[0] + 1
        self.cells = Chain(
            nn.Conv2d(1, width, kernel, padding=(0, kernel[1] // 2)),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.AvgPool2d((rows, 1)),
            nn.Flatten(1, 2),
            nn.Conv1d(width, width, 5, padding=2),
            nn.ReLU(),
        )
        self.beat = nn.Conv1d(width, 2 * width, cells, stride=cells)
        self.beats = Chain(
            nn.ReLU(),
            nn.Dropout1d(dropout),
            nn.Conv1d(2 * width, width, 9, padding=4),
            nn.ReLU(),
            nn.Dropout1d(dropout),
            nn.Conv1d(width, 1, 7, padding=3),
        )

    def forward(self, x: Tensor, cells: Tensor | None, beats: Tensor | None) -> Tensor:
        x = self.beat(self.cells(x, cells))
        return self.beats(x if beats is None else x * beats, beats)
