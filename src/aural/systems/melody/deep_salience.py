"""Melody extraction: a convolutional network over a harmonic constant-Q transform gives each pitch its salience as the melody.

Paper     Bittner, McFee, Salamon, Li & Bello, Deep salience representations for f0 estimation in polyphonic music,
          ISMIR 2017 [BMS+17]
Survey    4.1, Multi-pitch and dominant-melody estimation
In        sound, any rate; inside 22,050 Hz mono
Inside    HCQT of harmonics 1/2, 1, 2, 3, 4, 5, six octaves from C1 with 60 bins each, 86 frames a second, in dB of 80 below the maximum
Out       melody: Curves of one curve, in Hz; negative for a pitch guessed although none is heard
Differs   as pitch/deep_salience, whose net it is, learned from melodies alone; as slow as that
"""

from __future__ import annotations

from aural.encodings.salience import MelodySalience
from aural.objectives import Supervised, binary
from aural.part import Lengths
from aural.system import Recipe, System, system
from aural.systems.pitch.deep_salience import DeepSalience, harmonic
from aural.tasks.melody import melody


@system(cites="BMS+17")
def deep_salience(harmonics: tuple[float, ...] = (0.5, 1, 2, 3, 4, 5), channels: tuple[int, ...] = (128, 64, 64, 64, 8)) -> System:
    hcqt = harmonic(harmonics)
    return System(
        task=melody,
        input={"hcqt": hcqt, "lengths": Lengths(hcqt)},
        net=DeepSalience(len(harmonics), channels),
        output=MelodySalience(),
        objective=Supervised(binary),
        recipe=Recipe(data="mixed:0", seconds=5, batch=16, steps=10_000, rate=1e-3, average=0.999, augment="realaug"),
        window=30.0,
        context=1.0,
    )
