"""Facts about features on the grid of the beats."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import torch

from aural.annotations import Events, Example
from aural.part import Part, stack
from aural.representations import Beatwise, LogMel
from aural.sound import Sound


class Ramp(Part):
    """A feature that says its own frame's number, ten frames a second."""

    unit = Fraction(1, 10)

    def times(self, example: Example) -> np.ndarray:
        return np.arange(100) / 10

    def read(self, example: Example, times: np.ndarray | None = None) -> torch.Tensor:
        return torch.arange(100.0)[None]

    def forward(self, raw: torch.Tensor) -> torch.Tensor:
        return raw[:, None]


def beats(*times: float) -> Example:
    return Example(beats=Events(np.array(times)))


def cells(part: Beatwise, *examples: Example) -> torch.Tensor:
    return part(stack(part, [part.read(e) for e in examples]))


def test_a_cell_is_the_mean_of_what_lies_in_it() -> None:
    # From 2 s to 3 s the feature rises from 20 to 30: in two halves its means are 22.5 and 27.5.
    x = cells(Beatwise(Ramp(), 2), beats(2.0, 3.0, 4.0))
    assert torch.allclose(x[0, 0, 0], torch.tensor([22.5, 27.5, 32.5, 37.5, 42.5, 47.5]), atol=0.2)


def test_cells_begin_at_the_beats_whatever_the_tempo() -> None:
    part = Beatwise(Ramp(), 4)
    times = part.times(beats(1.0, 1.5, 2.5))
    assert np.allclose(times[::4], [1.0, 1.5, 2.5])
    assert np.allclose(np.diff(times)[:4], 0.125)
    assert np.allclose(np.diff(times)[4:8], 0.25)


def test_cells_shorter_than_a_frame_follow_the_line_between_frames() -> None:
    x = cells(Beatwise(Ramp(), 8), beats(2.0, 2.25, 2.5))[0, 0, 0]
    assert (x[1:] >= x[:-1]).all()
    assert torch.allclose(x.mean(), torch.tensor(23.75), atol=0.6)


def test_a_batch_of_unequal_numbers_of_beats_is_each_alone() -> None:
    part = Beatwise(Ramp(), 2)
    many, few = beats(1.0, 2.0, 3.0, 4.0), beats(5.0, 6.0)
    together = cells(part, many, few)
    assert torch.equal(together[1, ..., :4], cells(part, few)[0])
    assert (together[1, ..., 4:] == 0).all()


def test_without_beats_there_are_no_cells() -> None:
    part = Beatwise(LogMel(8_000, 80, 256, 8), 4)
    example = Example(sound=Sound(np.zeros((1, 8_000), np.float32), 8_000), beats=Events(np.zeros(0)))
    assert len(part.times(example)) == 0
    assert cells(part, example).shape == (1, 1, 8, 0)


def test_it_reads_the_sound_and_the_beats() -> None:
    assert Beatwise(LogMel(8_000, 80)).reads == ("sound", "beats")
