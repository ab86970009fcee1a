"""Bars and tempo out of beats."""

from __future__ import annotations

import numpy as np

from aural import rhythm
from aural.annotations import Events

BEATS = Events(np.arange(20) * 0.5)


def test_beats_are_counted_anew_from_each_downbeat_and_backwards_before_the_first() -> None:
    counted = rhythm.in_bars(BEATS, np.array([1.0, 3.0, 5.0, 6.5, 8.0]))
    assert counted.labels == tuple("34123412341231231231")


def test_metres_are_runs_of_equal_bars_and_a_cut_off_last_bar_goes_with_them() -> None:
    metres = rhythm.metres(rhythm.in_bars(BEATS, np.array([1.0, 3.0, 5.0, 6.5, 8.0])))
    assert metres.labels == ("4", "3")
    assert metres.starts.tolist() == [1.0, 5.0]
    assert metres.ends[0] == 5.0


def test_beats_without_any_downbeat_lie_in_no_bar() -> None:
    counted = rhythm.in_bars(BEATS, np.zeros(0))
    assert set(rhythm.positions(counted)) == {0}
    assert rhythm.bars(counted) == []
    assert rhythm.main_metre(counted) == 0
    assert len(rhythm.metres(counted)) == 0


def test_a_downbeat_far_from_every_beat_counts_for_none() -> None:
    assert rhythm.downbeats(rhythm.in_bars(BEATS, np.array([1.25]))).times.size == 0


def test_the_tempo_curve_follows_a_change_of_tempo() -> None:
    beats = Events(np.concatenate([np.arange(20) * 0.5, 10 + np.arange(20) * 0.4]))
    (bpm,) = rhythm.tempo_curve(beats).values
    assert np.allclose(bpm[:15], 120)
    assert np.allclose(bpm[-15:], 150)


def test_nothing_is_nothing() -> None:
    none = Events(np.zeros(0))
    assert len(rhythm.in_bars(none, np.array([1.0]))) == 0
    assert rhythm.bars(none) == []
    assert not len(rhythm.tempo_curve(none).times)
