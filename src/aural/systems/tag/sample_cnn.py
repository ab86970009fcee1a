"""Tagging from the waveform: convolutions of three samples, ten layers of them, and no other picture of the sound.

Paper     Lee, Park, Kim & Nam, Sample-level deep convolutional neural networks for music auto-tagging using raw waveforms, SMC 2017
          [LPKN17]
Survey    3.2
In        sound, any rate; inside 22,050 Hz mono
Inside    waveform; segments of 59,049 samples (2.678 s), all of which the last layer hears
Out       tags: Labels; or one Label of the field `of`
Differs   AdamW in place of gradient descent whose rate falls by plateaus; the mean of the segments' logits, not of their probabilities
"""

from __future__ import annotations

from aural.encodings.tags import clip_words
from aural.frontends import SampleLevel
from aural.nets.cnn import Classifier
from aural.nets.segments import Segments
from aural.objectives import Supervised, binary, classes
from aural.part import Lengths
from aural.representations import Waveform
from aural.system import Recipe, System, system
from aural.tasks import task
from aural.tasks.tag import FAMILIES


@system(cites="LPKN17")
def sample_cnn(
    labels: tuple[str, ...] = FAMILIES, of: str = "tags", rate: int = 22_050, base: int = 3, blocks: int = 9, dropout: float = 0.5
) -> System:
    """`base` samples are convolved, `blocks` + 1 times: 3^9 is (3, 9), 2^13 is (2, 13); a segment has base^(blocks + 1) samples."""
    wave = Waveform(rate)
    body = SampleLevel(channels(blocks), base, dropout=dropout)
    return System(
        task=task(of),
        input={"x": wave, "lengths": Lengths(wave)},
        net=Segments(Classifier(body, len(labels), "mean"), body.stride, at_once=1),
        output=clip_words(of, labels),
        objective=Supervised(binary if of == "tags" else classes),
        recipe=Recipe(seconds=body.stride / rate, batch=23, steps=20_000, rate=1e-3),
    )


def channels(blocks: int) -> tuple[int, ...]:
    """Of the first layer and of each block: 128 while a frame is short, 256 later, 512 at last."""
    return (*[128] * min(3, blocks), *[256] * max(0, blocks - 3), 512)
