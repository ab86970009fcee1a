"""Onset detection on another system's layer, a toy.

Paper     none: a toy of the tests
Survey    4.5
In        sound, any rate; inside what onset/clicker hears
Out       onsets: Events
Differs   nothing to differ from
"""

from torch import Tensor, nn

from aural.encodings import FrameEvents
from aural.objectives import Supervised, binary
from aural.reuse import Pretrained
from aural.system import Recipe, System, system
from aural.tasks.onset import onset


@system()
def student(teacher: str = "onset/clicker", layer: str = "layers.2") -> System:
    return System(
        task=onset,
        input=Pretrained(teacher, layer),
        net=Last(8),
        output=FrameEvents(of="onsets", tuned=True),
        objective=Supervised(binary),
        recipe=Recipe(seconds=1.0, batch=4, steps=30, rate=1e-2),
    )


class Last(nn.Module):
    """(batch, channel, 1, frame) → (batch, frame) logits."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layer = nn.Conv1d(channels, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x[:, :, 0])[:, 0]
