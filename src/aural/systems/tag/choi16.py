"""Tagging: a fully convolutional network over a picture of the spectrum, whichever picture.

Paper     Choi, Fazekas & Sandler, Automatic tagging using deep convolutional neural networks, ISMIR 2016 [CFS16]
Survey    3.2, 4.1
In        sound, any rate; inside 12,000 Hz mono
Inside    1366 frames (29.1 s) of a log-mel spectrogram of 96 bands, or an STFT, MFCC or constant-Q transform, in dB, standardised
Out       tags: Labels; or one Label of the field `of`
Differs   AdamW; MFCC have 32 coefficients and no differences; pools over frequency follow the input's bands; a longer sound is the
          mean over its segments, a shorter one is filled up with the mean of the training set
"""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from aural.encodings.tags import clip_words
from aural.errors import OptionError
from aural.nets.cnn import FCN
from aural.nets.segments import Segments
from aural.objectives import Supervised, binary, classes
from aural.part import Lengths, Part, Tree, Wrapped
from aural.representations import CQT, MFCC, LogMel, Spectrogram, Standardised
from aural.representations.compress import compress
from aural.system import Recipe, System, system
from aural.tasks import task
from aural.tasks.tag import FAMILIES

RATE, HOP = 12_000, 256
# Pools over frequency of four layers and of five, which leave one band.
POOLS = {
    "logmel": ((2, 4, 3, 4), (2, 2, 2, 3, 4)),
    "stft": ((2, 4, 4, 8), (2, 2, 4, 4, 4)),
    "mfcc": ((2, 2, 2, 4), (2, 2, 2, 2, 2)),
    "cqt": ((2, 4, 3, 7), (2, 2, 2, 3, 7)),
}


@system(cites="CFS16")
def choi16(
    labels: tuple[str, ...] = FAMILIES,
    of: str = "tags",
    input: Literal["logmel", "stft", "mfcc", "cqt"] = "logmel",
    channels: tuple[int, ...] = (128, 384, 768, 2048),
    pools: tuple[int, ...] = (4, 5, 8, 8),
    frames: int = 1366,
) -> System:
    """`channels` of 4 or 5 layers and their `pools` over time; FCN-5 has (128, 256, 512, 1024, 2048) and (4, 4, 4, 5, 4)."""
    if len(channels) not in (4, 5) or len(pools) != len(channels):
        raise OptionError(f"channels={channels}, pools={pools}: four of each, or five of each")
    heard = Standardised(picture(input))
    layers = [(c, (f, t)) for c, f, t in zip(channels, POOLS[input][len(channels) - 4], pools, strict=True)]
    return System(
        task=task(of),
        input={"x": heard, "lengths": Lengths(heard)},
        net=Segments(FCN(len(labels), layers), frames, at_once=8),
        output=clip_words(of, labels),
        objective=Supervised(binary if of == "tags" else classes),
        recipe=Recipe(seconds=frames * HOP / RATE, batch=16, steps=10_000, rate=1e-3),
    )


def picture(name: str) -> Part:
    """96 mel bands, 257 bins, 32 coefficients, or 168 quarter tones from C1."""
    if name == "cqt":
        return CQT(RATE, HOP, bands=168, per_octave=24, compression="db")
    if name == "mfcc":
        return MFCC(RATE, HOP, 512, 96, 32)
    return Decibels(Spectrogram(RATE, HOP, 512)) if name == "stft" else LogMel(RATE, HOP, 512, 96, compression="db")


class Decibels(Wrapped):
    """A power spectrogram in dB."""

    def forward(self, raw: Tree) -> Tensor:
        return compress(self.part(raw), "db")
