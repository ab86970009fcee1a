"""Onset detection: a convolutional network over three spectrogram resolutions.

Paper     Schlüter & Böck, Musical onset detection with convolutional neural networks, MML 2013 [SB13]
Survey    3.1, 4.1
In        sound, any rate; inside 44,100 Hz mono
Inside    log-mel of 23, 46 and 93 ms windows, 80 bands of 27.5-16,000 Hz, 100 frames a second, standardised per band
Out       onsets: Events, seconds from the start
Differs   ReLU as in the authors' 2014 version; AdamW in place of gradient descent with momentum; learned from made songs
"""

from __future__ import annotations

from torch import Tensor, nn

from aural.encodings import FrameEvents, PeakPicking
from aural.objectives import Supervised, binary
from aural.representations import MultiResolutionLogMel, Standardised
from aural.system import Recipe, System, system
from aural.tasks.onset import onset


@system(cites="SB13")
def schlueter13(bands: int = 80, context: int = 15, units: int = 256, threshold: float = 0.54) -> System:
    return System(
        task=onset,
        input=Standardised(MultiResolutionLogMel(rate=44_100, hop=441, windows=(1024, 2048, 4096), bands=bands, fmin=27.5, fmax=16_000.0)),
        net=Schlueter13(bands, context, units),
        output=FrameEvents(
            of="onsets",
            decoder=PeakPicking(threshold=threshold, smooth=0.05, combine=0.03),
            widen=((1, 0.25),),
            ignore={"soft_onsets": (-0.03, 0.06)},
        ),
        objective=Supervised(binary),
        recipe=Recipe(data="songs:0", seconds=10, batch=32, steps=20_000, rate=1e-3, average=0.999, augment="realaug"),
        context=0.5,
    )


class Schlueter13(nn.Module):
    """(batch, 3 resolutions, band, frame) → (batch, 1, frame) logits.

    Two convolutions with pooling over frequency, then two dense layers, over a context of `context` frames. Nothing is
    pooled over time, so the dense layers are convolutions too and a whole file is one pass (paper, section 3).
    """

    def __init__(self, bands: int = 80, context: int = 15, units: int = 256) -> None:
        super().__init__()
        self.field = context
        rows = ((bands - 2) // 3 - 2) // 3
        self.convolutions = nn.Sequential(
            nn.Conv2d(3, 10, (3, 7)), nn.ReLU(), nn.MaxPool2d((3, 1)),  # (batch, 10, 26, context - 6)
            nn.Conv2d(10, 20, (3, 3)), nn.ReLU(), nn.MaxPool2d((3, 1)),  # (batch, 20, 8, context - 8)
        )  # fmt: skip
        self.dense = nn.Sequential(
            nn.Dropout(0.5), nn.Conv1d(20 * rows, units, context - 8), nn.ReLU(), nn.Dropout(0.5), nn.Conv1d(units, 1, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.pad(x, (self.field // 2, self.field // 2))
        return self.dense(self.convolutions(x).flatten(1, 2))
