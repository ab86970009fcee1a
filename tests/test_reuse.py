"""Facts about what one system tells another."""

from __future__ import annotations

import numpy as np
import torch

from aural.annotations import Events, Example, Intervals
from aural.encodings import BeatsInBars, FrameEvents
from aural.reuse import sure_of


def beats(confidence: list[float]) -> Events:
    return Events(np.arange(len(confidence)) * 0.5 + 1, tuple("1234"[i % 4] for i in range(len(confidence))), np.array(confidence))


def test_only_long_runs_of_sure_events_are_kept() -> None:
    heard = beats([0.9] * 4 + [0.2] + [0.9] * 6 + [0.1] * 3)
    kept, known = sure_of(heard, 0.8, 5)
    assert kept.times.tolist() == heard.times[5:11].tolist()
    assert kept.labels == heard.labels[5:11]
    assert known.starts.tolist() == [heard.times[4] + 0.25]
    assert known.ends.tolist() == [heard.times[10] + 0.25]


def test_events_without_confidence_are_not_sure() -> None:
    kept, known = sure_of(Events(np.arange(20.0)), 0.5, 3)
    assert len(kept) == len(known) == 0


def test_outside_of_what_is_known_nothing_is_asked() -> None:
    times = np.arange(101) / 10
    example = Example(onsets=Events(np.array([3.0, 4.0])), onsets_known=Intervals(np.array([2.5]), np.array([4.5]), ("known",)))
    (row,) = FrameEvents("onsets").read(example, times)
    known = ~torch.isnan(row).numpy()
    assert known[(times >= 2.5) & (times < 4.5)].all()
    assert not known[(times < 2.4) | (times > 4.6)].any()
    assert row[30] == row[40] == 1


def test_nothing_known_is_all_unknown() -> None:
    kept, known = sure_of(beats([0.1] * 20), 0.8, 5)
    rows = BeatsInBars().read(Example(beats=kept, beats_known=known), np.arange(100) / 50)
    assert torch.isnan(rows).all()
