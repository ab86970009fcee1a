"""Tempo estimation: a convolutional network over the harmonic constant-Q modulation of onset strength.

Paper     Foroughmand & Peeters, Deep-Rhythm for tempo estimation and rhythm pattern recognition, ISMIR 2019 [FP19]
Survey    3.1, 4.1
In        sound, any rate; inside 22,050 Hz mono
Inside    onset strength of 8 bands, 43 frames a second; of each 8 s, 240 modulations of 30-286 BPM at 1/2, 1, 2, 3, 4, 5 times
Out       tempo: Tempo, candidates out of 256 classes of 1 BPM from 30 on; no grid, no curve
Differs   AdamW; learned from made songs; kernels no longer than the window, as 8 s allow no constant Q; a window every 0.51 s
"""

from __future__ import annotations

from torch import Tensor, nn

from aural.encodings.tempo import TempoClasses
from aural.objectives import Supervised, classes
from aural.representations.modulation import HCQM
from aural.system import Recipe, System, system
from aural.tasks.tempo import tempo


@system(cites="FP19")
def deep_rhythm(
    bands: int = 8,
    tempi: int = 240,
    harmonics: tuple[float, ...] = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0),
    channels: tuple[int, ...] = (128, 64, 64, 32, 8),
    units: int = 256,
    dropout: float = 0.5,
) -> System:
    return System(
        task=tempo,
        input=HCQM(bands, tempi, harmonics=harmonics),
        net=DeepRhythm(len(harmonics), tempi, bands, channels, units, dropout),
        output=TempoClasses(30, 256),
        objective=Supervised(classes),
        recipe=Recipe(data="songs:0", seconds=8, batch=32, steps=20_000, rate=1e-3, augment="realaug"),
        context=5.0,
    )


class DeepRhythm(nn.Module):
    """(batch, harmonic, tempo, band, frame) → (batch, class, frame) logits; each frame is a window on its own.

    Four layers of 4 tempi × 6 bands, one of half the tempi × 6 bands without padding, then two dense layers (paper, section 4).
    """

    def __init__(
        self, harmonics: int = 6, tempi: int = 240, bands: int = 8, channels: tuple[int, ...] = (128, 64, 64, 32, 8), units: int = 256,
        dropout: float = 0.5, out: int = 256,
    ) -> None:  # fmt: skip
        super().__init__()
        layers: list[nn.Module] = []
        before = harmonics
        for n in channels[:-1]:
            layers += [nn.ZeroPad2d((2, 3, 1, 2)), nn.Conv2d(before, n, (4, 6)), nn.BatchNorm2d(n), nn.ReLU()]
            before = n
        layers += [nn.Conv2d(before, channels[-1], (tempi // 2, 6)), nn.BatchNorm2d(channels[-1]), nn.ReLU()]
        self.convolutions = nn.Sequential(*layers)
        size = channels[-1] * (tempi - tempi // 2 + 1) * (bands - 5)  # (8, 121, 3)
        self.dense = nn.Sequential(nn.Linear(size, units), nn.ELU(), nn.Dropout(dropout), nn.Linear(units, out))

    def forward(self, x: Tensor) -> Tensor:
        batch, frames = x.shape[0], x.shape[-1]
        windows = x.movedim(-1, 1).flatten(0, 1)
        logits = self.dense(self.convolutions(windows).flatten(1))  # (batch · frame, class)
        return logits.unflatten(0, (batch, frames)).transpose(1, 2)
