"""Multiple pitches: a convolutional network over a harmonic constant-Q transform gives each pitch its salience.

Paper     Bittner, McFee, Salamon, Li & Bello, Deep salience representations for f0 estimation in polyphonic music,
          ISMIR 2017 [BMS+17]
Survey    4.1, Multi-pitch and dominant-melody estimation
In        sound, any rate; inside 22,050 Hz mono
Inside    HCQT of harmonics 1/2, 1, 2, 3, 4, 5, six octaves from C1 with 60 bins each, 86 frames a second, in dB of 80 below the maximum
Out       pitches: Curves in Hz, as many as sound at once (0: none); notes: what of them stays on a semitone
Differs   learned from made songs, AdamW on crops of 5 s in place of Adam on half-second patches; harmonics are read off one transform
          at whole bins (10 cents off at most); the threshold is fitted after learning; notes are ours. The paper's net is slow: twenty
          seconds of processor and more for a minute of sound
"""

from __future__ import annotations

from torch import Tensor, nn

from aural.encodings.salience import PitchSalience
from aural.errors import OptionError
from aural.nets.blocks import ConvBlock
from aural.nets.padding import Chain, heard
from aural.objectives import Supervised, binary
from aural.part import Lengths
from aural.representations import HCQT
from aural.system import Recipe, System, system
from aural.tasks.note import note
from aural.tasks.pitch import pitch

KERNELS = ((5, 5), (5, 5), (3, 3), (3, 3), (70, 3))  # bins and frames; 70 bins are 14 semitones


@system(cites="BMS+17")
def deep_salience(harmonics: tuple[float, ...] = (0.5, 1, 2, 3, 4, 5), channels: tuple[int, ...] = (128, 64, 64, 64, 8)) -> System:
    hcqt = harmonic(harmonics)
    return System(
        task=(pitch, note),
        input={"hcqt": hcqt, "lengths": Lengths(hcqt)},
        net=DeepSalience(len(harmonics), channels),
        output=PitchSalience(),
        objective=Supervised(binary),
        recipe=Recipe(data="mixed:0", seconds=5, batch=16, steps=10_000, rate=1e-3, average=0.999, augment="realaug"),
        window=30.0,
        context=1.0,
    )


def harmonic(harmonics: tuple[float, ...]) -> HCQT:
    """The paper's input: (batch, harmonic, 360, frame) in 0..1."""
    return HCQT(22_050, 256, harmonics=harmonics, compression="unit", range_db=80.0)


class DeepSalience(nn.Module):
    """(batch, harmonic, bin, frame) → (batch, 1, bin, frame) logits, for any number of bins: five convolutions, each with a
    rectifier and a normalisation behind it, and one that adds up."""

    field = 15

    def __init__(self, harmonics: int = 6, channels: tuple[int, ...] = (128, 64, 64, 64, 8)) -> None:
        super().__init__()
        if len(channels) != len(KERNELS):
            raise OptionError(f"channels={channels}: the net has {len(KERNELS)} layers, one number each")
        layers = [
            nn.Sequential(ConvBlock(into, out, kernel, norm=None), nn.BatchNorm2d(out))
            for into, out, kernel in zip((harmonics, *channels), channels, KERNELS, strict=False)
        ]
        last = nn.Conv2d(channels[-1], 1, 1)
        nn.init.constant_(last.bias, -4.0)  # type: ignore[arg-type]  # one bin in fifty is heard, and that need not be learned
        self.layers = Chain(nn.BatchNorm2d(harmonics), *layers, last)

    def forward(self, hcqt: Tensor, lengths: Tensor | None = None) -> Tensor:
        return self.layers(hcqt, heard(lengths, hcqt.shape[-1]))
