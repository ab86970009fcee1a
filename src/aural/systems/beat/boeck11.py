"""Beat tracking: bidirectional LSTMs over three spectrogram resolutions.

Paper     Böck & Schedl, Enhanced beat tracking with context-aware neural networks, DAFx 2011 [BS11]
Survey    4.1, Beat-tracking
In        sound, any rate; inside 44,100 Hz mono
Inside    log-mel of 20 bands and its positive median difference, windows of 23, 46 and 93 ms, 100 frames a second
Out       beats: Events, seconds from the start
Differs   a bar-pointer decoder by default (Krebs, Böck & Widmer 2015), the paper's autocorrelation and plain peaks as
          options; features standardised; AdamW and crops in place of gradient descent on whole pieces; learned from made songs;
          the weights that run by default (songs-1) have 64 units a direction, the paper's 25 are beside them (paper-1)
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn

from aural.encodings import AutocorrelationBeats, BarPointer, Decoder, FrameEvents, PeakPicking
from aural.nets.rnn import BidirectionalLSTM
from aural.objectives import Supervised, binary
from aural.part import Lengths
from aural.representations import MultiResolutionLogMel, Standardised, WithMedianDifference
from aural.system import Recipe, System, system
from aural.tasks.beat import beat

DECODERS: dict[str, Decoder] = {
    "bar_pointer": BarPointer(),
    "autocorrelation": AutocorrelationBeats(),
    "peaks": PeakPicking(threshold=0.3, smooth=0.05, pre_max=0.1, post_max=0.1, combine=0.2),
}


@system(cites="BS11")
def boeck11(
    bands: int = 20,
    layers: int = 3,
    hidden: int = 25,
    decoder: Literal["bar_pointer", "autocorrelation", "peaks"] = "bar_pointer",
) -> System:
    spectra = Standardised(
        WithMedianDifference(
            MultiResolutionLogMel(44_100, 441, (1024, 2048, 4096), bands, 30.0, 16_000.0, compression="log1p", factor=10.0)
        )
    )
    return System(
        task=beat,
        input={"spectra": spectra, "lengths": Lengths(spectra)},
        net=Boeck11(6 * bands, layers, hidden),
        output=FrameEvents(of="beats", decoder=DECODERS[decoder], widen=((1, 0.5),)),
        objective=Supervised(binary),
        recipe=Recipe(data="songs:0", seconds=12, batch=160, steps=3_000, rate=3e-3, average=0.999, augment="realaug"),
    )


class Boeck11(nn.Module):
    """(batch, resolution, band, frame) → (batch, 1, frame) logits; the paper's softmax over beat and no beat is the
    sigmoid of the difference of its two units."""

    def __init__(self, features: int = 120, layers: int = 3, hidden: int = 25) -> None:
        super().__init__()
        self.recurrent = BidirectionalLSTM(features, hidden, layers)
        self.classes = nn.Linear(2 * hidden, 2)

    def forward(self, spectra: Tensor, lengths: Tensor | None = None) -> Tensor:
        states = self.recurrent(spectra.flatten(1, 2), lengths)
        no_beat, is_beat = self.classes(states.transpose(1, 2)).unbind(-1)  # (batch, frame) each
        return (is_beat - no_beat)[:, None]
