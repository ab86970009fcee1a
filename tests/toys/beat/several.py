"""Beats, onsets and loudness of one net, a toy.

Paper     none: a toy of the tests
Survey    4.1
In        sound, any rate; inside 8,000 Hz mono
Out       beats: Events; onsets: Events; loudness: Curves
Differs   nothing to differ from
"""

from torch import Tensor, nn

from aural.encodings import BarPointer, ContourFrames, FrameEvents
from aural.nets.rnn import BidirectionalLSTM
from aural.objectives import Supervised, binary, mse
from aural.part import Lengths
from aural.representations import LogMel, Standardised
from aural.system import Recipe, System, system
from aural.tasks.beat import beat
from aural.tasks.onset import onset


@system()
def several(hidden: int = 6) -> System:
    mel = Standardised(LogMel(rate=8000, hop=80, window=256, bands=16, fmin=30, compression="log1p", factor=1000))
    return System(
        task=(beat, onset),
        input={"mel": mel, "lengths": Lengths(mel)},
        net=Several(16, hidden),
        output={
            "beats": FrameEvents(of="beats", decoder=BarPointer()),
            "onsets": FrameEvents(of="onsets"),
            "loudness": ContourFrames(of="loudness"),
        },
        objective=Supervised(beats=binary, onsets=binary, loudness=(mse, 0.5)),
        recipe=Recipe(seconds=1.0, batch=2, steps=10, rate=1e-2),
    )


class Several(nn.Module):
    """(batch, 1, band, frame) → a dict of (batch, frame)."""

    def __init__(self, bands: int, hidden: int) -> None:
        super().__init__()
        self.recurrent = BidirectionalLSTM(bands, hidden)
        self.heads = nn.Conv1d(2 * hidden, 3, 1)

    def forward(self, mel: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        y = self.heads(self.recurrent(mel[:, 0], lengths))
        return {"beats": y[:, 0], "onsets": y[:, 1], "loudness": y[:, 2]}
