"""Tagging: one layer whose filters are as tall or as long as what they listen for.

Paper     Pons, Lidy & Serra, Experimenting with musically motivated convolutional neural networks, CBMI 2016 [PLS16]
Survey    3.2
In        sound, any rate; inside 44,100 Hz mono
Inside    log-mel of 40 bands; segments of 80 frames (1.86 s)
Out       tags: Labels; or one Label of the field `of`
Differs   AdamW; log-mel standardised per band; hop and window (1024, 2048 samples) are assumed; the mean of the segments' logits in
          place of their majority
"""

from __future__ import annotations

from typing import Literal

from aural.encodings.tags import clip_words
from aural.frontends import BallroomShapes
from aural.nets.segments import Segments
from aural.objectives import Supervised, binary, classes
from aural.part import Lengths
from aural.representations import LogMel, Standardised
from aural.system import Recipe, System, system
from aural.tasks import task
from aural.tasks.tag import FAMILIES

RATE, HOP, BANDS, FRAMES = 44_100, 1024, 40, 80


@system(cites="PLS16")
def pons16(
    labels: tuple[str, ...] = FAMILIES,
    of: str = "tags",
    kind: Literal["black-box", "time", "frequency", "both"] = "both",
    channels: int = 32,
) -> System:
    """`kind`: filters of 12 bands × 8 frames and a dense layer; of 60 frames; of 32 bands; of both last kinds side by side."""
    mel = Standardised(LogMel(RATE, HOP, 2048, BANDS, compression="db"))
    return System(
        task=task(of),
        input={"x": mel, "lengths": Lengths(mel)},
        net=Segments(BallroomShapes(len(labels), kind, channels, BANDS, FRAMES), FRAMES),
        output=clip_words(of, labels),
        objective=Supervised(binary if of == "tags" else classes),
        recipe=Recipe(seconds=FRAMES * HOP / RATE, batch=32, steps=5_000, rate=1e-3),
    )
