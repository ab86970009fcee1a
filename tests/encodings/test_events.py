"""Facts about event targets."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aural.annotations import Curves, Events, Example, Intervals
from aural.encodings import BarPointer, FrameEvents
from aural.errors import AuralError

TIMES = np.arange(10) / 100


def row(part: FrameEvents, **fields: object) -> np.ndarray:
    (values,) = part.read(Example(fields), TIMES).numpy()
    return values.round(6)


NAN = float("nan")
same = np.testing.assert_array_equal


def test_the_frame_nearest_an_event_is_one():
    same(row(FrameEvents("onsets"), onsets=Events([0.034, 0.0651])), [0, 0, 0, 1, 0, 0, 0, 1, 0, 0])


def test_neighbours_are_what_widen_says_and_events_win():
    part = FrameEvents("onsets", widen=((1, 0.5), (2, 0.25)))
    same(row(part, onsets=Events([0.03, 0.05])), [0, 0.25, 0.5, 1, 0.5, 1, 0.5, 0.25, 0, 0])
    same(row(part, onsets=Events([0.0])), [1, 0.5, 0.25, 0, 0, 0, 0, 0, 0, 0])


def test_around_ignored_events_nothing_is_known_but_true_events_are():
    part = FrameEvents("onsets", ignore={"soft_onsets": (-0.03, 0.02)})
    assert part.reads == ("onsets", "onsets_known", "soft_onsets")
    same(row(part, onsets=Events([0.04]), soft_onsets=Events([0.05])), [0, 0, NAN, NAN, 1, NAN, NAN, NAN, 0, 0])
    same(row(part, onsets=Events([0.04]), soft_onsets=Intervals([0.05], [0.06], ("x",)))[7:], [NAN, NAN, 0])
    same(row(part, onsets=Events([0.04])), [0, 0, 0, 0, 1, 0, 0, 0, 0, 0])


def test_without_the_field_nothing_is_known():
    same(row(FrameEvents("onsets")), [NAN] * 10)


def test_labels_have_a_row_each_and_no_label_means_all():
    part = FrameEvents("beats", ("", "1"))
    beats = Events([0.01, 0.05, 0.08], ("1", "2", "1"))
    rows = part.read(Example(beats=beats), TIMES)
    assert rows.nonzero().tolist() == [[0, 1], [0, 5], [0, 8], [1, 1], [1, 8]]


def test_a_teachers_curves_are_interpolated_and_unknown_outside():
    curves = Curves(np.array([0.02, 0.04, 0.06]), np.array([[0.0, 1.0, 0.5]]))
    same(row(FrameEvents("onsets"), onsets=curves), [0, 0, 0, 0.5, 1, 0.75, 0.5, 0.5, 0.5, NAN])
    two = Curves(np.array([0.0, 0.09]), np.array([[0.2, 0.2], [0.7, 0.7]]), ("snare", "kick"))
    assert FrameEvents("drums", ("kick",)).read(Example(drums=two), TIMES)[0, 0] == pytest.approx(0.7)


def test_events_far_from_every_frame_are_nowhere():
    same(row(FrameEvents("onsets"), onsets=Events([0.5])), [0] * 10)


def test_a_net_of_one_kind_may_leave_out_its_axis():
    assert FrameEvents("onsets").estimate(torch.zeros(2, 50), None).shape == (2, 1, 50)


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_few_frames_are_decoded(frames):
    for decoder in (None, BarPointer()):
        for value in (-9.0, 9.0):
            found = FrameEvents("onsets", decoder=decoder).decode(torch.full((1, frames), value), TIMES[:frames], Example())
            assert len(found) <= 1
            assert (len(found) == 0) == (value < 0 or frames == 0)


def test_the_threshold_of_best_f_is_found_and_used():
    logits = torch.full((1, 300), -6.0)
    logits[0, [50, 150, 250]] = torch.logit(torch.tensor(0.3))
    logits[0, 100] = torch.logit(torch.tensor(0.1))
    times = np.arange(300) / 100
    part = FrameEvents("onsets")
    assert len(part.decode(logits, times, Example())) == 0
    part.fit([(logits, times, Example(onsets=Events([0.5, 1.5, 2.5])))])
    assert 0.1 < float(part.threshold[0]) < 0.3
    assert part.decode(logits, times, Example()).times.tolist() == [0.5, 1.5, 2.5]


def test_what_has_no_threshold_can_not_be_adapted():
    with pytest.raises(AuralError, match="BarPointer"):
        FrameEvents("beats", decoder=BarPointer()).fit([])


def test_training_leaves_the_threshold_alone_unless_asked():
    assert not FrameEvents("onsets").fits_in_training
    assert FrameEvents("onsets", tuned=True).fits_in_training
