"""Speaker recognition from the waveform: a first layer of band-passes that learns nothing but their edges.

Paper     Ravanelli & Bengio, Speaker recognition from raw waveform with SincNet, SLT 2018 [RB18]
Survey    3.2
In        sound, any rate; inside 16,000 Hz mono
Inside    waveform; segments of 200 ms every 50 ms
Out       speaker: Label, of those it was taught; or one Label of the field `of`, or tags
Differs   AdamW; no amplitude augmentation; segments every 50 ms in place of 10, for a fifth of the time (hop=0.01 is the paper's)
"""

from __future__ import annotations

import itertools

from torch import Tensor, nn

from aural.encodings.tags import clip_words
from aural.frontends import Sinc
from aural.nets.segments import Segments
from aural.objectives import Supervised, binary, classes
from aural.part import Lengths
from aural.representations import Waveform
from aural.system import Recipe, System, system
from aural.tasks import task

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")  # of the pack of spoken digits


@system(cites="RB18")
def sincnet(
    labels: tuple[str, ...] = SPEAKERS,
    of: str = "speaker",
    rate: int = 16_000,
    filters: int = 80,
    length: int = 251,
    units: int = 2048,
    seconds: float = 0.2,
    hop: float = 0.05,
) -> System:
    """`filters` of `length` samples; segments of `seconds` every `hop` seconds, whose log-probabilities are added up."""
    wave = Waveform(rate)
    samples = round(seconds * rate)
    return System(
        task=task(of),
        input={"x": wave, "lengths": Lengths(wave)},
        net=Segments(SincNet(rate, samples, filters, length, units, len(labels)), samples, round(hop * rate)),
        output=clip_words(of, labels),
        objective=Supervised(binary if of == "tags" else classes),
        recipe=Recipe(seconds=seconds, batch=128, steps=10_000, rate=1e-3),
    )


class SincNet(nn.Module):
    """(batch, 1, samples) → (batch, class) logits; 3200 → 2950 → 983 → 979 → 326 → 322 → 107 frames (paper, section 4.2)."""

    def __init__(self, rate: int, samples: int, filters: int, length: int, units: int, classes: int) -> None:
        super().__init__()
        self.start = nn.LayerNorm(samples)
        self.sinc = Sinc(rate, filters, length, padding="valid")
        frames = (samples - (length | 1) + 1) // 3
        self.first = nn.Sequential(nn.MaxPool1d(3), nn.LayerNorm((filters, frames)), nn.LeakyReLU(0.2))
        layers: list[nn.Module] = []
        for channels in (filters, 60):
            frames = (frames - 4) // 3
            layers += [nn.Conv1d(channels, 60, 5), nn.MaxPool1d(3), nn.LayerNorm((60, frames)), nn.LeakyReLU(0.2)]
        self.convolutions = nn.Sequential(*layers, nn.Flatten(), nn.LayerNorm(60 * frames))
        sizes = (60 * frames, units, units, units)
        dense = [nn.Sequential(nn.Linear(a, b), nn.BatchNorm1d(b), nn.LeakyReLU(0.2)) for a, b in itertools.pairwise(sizes)]
        self.dense = nn.Sequential(*dense, nn.Linear(units, classes))

    def forward(self, x: Tensor) -> Tensor:
        return self.dense(self.convolutions(self.first(self.sinc(self.start(x)).abs())))
