"""Tagging from the waveform: sample-level convolutions with squeeze and excitation, residual sums, and several levels heard at once.

Paper     Kim, Lee & Nam, Sample-level CNN architectures for music auto-tagging using raw waveforms, ICASSP 2018 [KLN18]
Survey    3.2
In        sound, any rate; inside 22,050 Hz mono
Inside    waveform; segments of 59,049 samples (2.678 s); the maxima over time of the last three blocks, side by side
Out       tags: Labels; or one Label of the field `of`
Differs   AdamW in place of gradient descent whose rate falls by plateaus; one dense layer on the levels; excitation of one sixteenth
"""

from __future__ import annotations

from typing import Literal

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


@system(cites="KLN18")
def sample_cnn_se(
    labels: tuple[str, ...] = FAMILIES,
    of: str = "tags",
    block: Literal["basic", "se", "res", "rese"] = "se",
    levels: int = 3,
    rate: int = 22_050,
    base: int = 3,
    blocks: int = 9,
    dropout: float = 0.5,
) -> System:
    """`block`: with squeeze and excitation, residual, or both; `levels`: how many of the last blocks are heard."""
    wave = Waveform(rate)
    channels = (*[128] * min(3, blocks), *[256] * max(0, blocks - 3), 512)
    body = SampleLevel(channels, base, block, levels=levels, dropout=dropout)
    return System(
        task=task(of),
        input={"x": wave, "lengths": Lengths(wave)},
        net=Segments(Classifier(body, len(labels), "mean", dropout), body.stride, at_once=1),
        output=clip_words(of, labels),
        objective=Supervised(binary if of == "tags" else classes),
        recipe=Recipe(seconds=body.stride / rate, batch=23, steps=20_000, rate=1e-3),
    )
