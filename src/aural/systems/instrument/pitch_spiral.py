"""Instrument recognition: convolutions that hear a pitch together with its octaves, and high frequencies all at once.

Paper     Lostanlen & Cella, Deep convolutional networks on the pitch spiral for musical instrument recognition, ISMIR 2016 [LC16]
Survey    3.2
In        sound, any rate; inside 22,050 Hz mono; clips of 3 s
Inside    constant-Q transform, 96 semitones from C1, logarithmic, standardised per bin
Out       instrument: Label; or one Label of the field `of`, or tags
Differs   AdamW; no A-weighting, which standardisation of logarithms takes away again; the pools between the layers are one over time
          behind them, as theirs are not known for sure
"""

from __future__ import annotations

from torch import Tensor, nn

from aural.encodings.tags import clip_words
from aural.frontends import PitchSpiral
from aural.nets.segments import Segments
from aural.objectives import Supervised, binary, classes
from aural.part import Lengths
from aural.representations import CQT, Standardised
from aural.system import Recipe, System, system
from aural.tasks import task
from aural.tasks.instrument import ORCHESTRA

RATE, HOP, BANDS = 22_050, 512, 96


@system(cites="LC16")
def pitch_spiral(
    labels: tuple[str, ...] = ORCHESTRA,
    of: str = "instrument",
    channels: int = 64,
    split: int = 72,
    octaves: int = 3,
    units: int = 64,
    seconds: float = 3.0,
) -> System:
    """`split`: so many semitones are heard on the spiral, each with its `octaves`; those above by filters of their whole height."""
    tones = Standardised(CQT(RATE, HOP, bands=BANDS, compression="db"))
    frames = round(seconds * RATE / HOP)
    return System(
        task=task(of),
        input={"x": tones, "lengths": Lengths(tones)},
        net=Segments(Spiral(PitchSpiral(BANDS, channels, split, octaves), frames, units, len(labels)), frames, at_once=16),
        output=clip_words(of, labels),
        objective=Supervised(binary if of == "tags" else classes),
        recipe=Recipe(seconds=seconds, batch=32, steps=5_000, rate=1e-3),
    )


class Spiral(nn.Module):
    """(batch, 1, band, frame) → (batch, class) logits: the spiral, the maximum of 6 frames, two dense layers."""

    def __init__(self, spiral: PitchSpiral, frames: int, units: int, classes: int) -> None:
        super().__init__()
        pool = min(6, frames)
        self.layers = nn.Sequential(
            spiral, nn.MaxPool1d(pool), nn.Flatten(), nn.Dropout(0.5),
            nn.Linear(spiral.channels * (frames // pool), units), nn.LeakyReLU(0.3), nn.Linear(units, classes),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)
