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


def counted_in(metre: int, bars: int = 12, step: float = 0.6) -> Events:
    times = 1.0 + step * np.arange(metre * bars)
    return Events(times, tuple(str(i % metre + 1) for i in range(len(times))))


def played(beats: Events, *parts: float, late: float = 0.0) -> Events:
    """Onsets on every beat and at these parts of it."""
    step = float(np.diff(beats.times)[0])
    return Events(np.sort(np.concatenate([beats.times, *(beats.times + part * step for part in parts)])) + late)


def test_two_beats_that_divide_in_three_are_six_eight_and_in_two_two_four() -> None:
    beats = counted_in(2)
    for parts, name in (((1 / 3, 2 / 3), "6/8"), ((1 / 2,), "2/4"), ((1 / 4, 1 / 2, 3 / 4), "2/4")):
        metres = rhythm.named_metres({"beats": beats, "onsets": played(beats, *parts)})
        assert metres.labels == (name,)
        assert (metres.starts[0], metres.ends[0]) == (beats.times[0], beats.times[-1] + 0.6)


def test_three_and_four_beats_in_three_are_nine_and_twelve_eighths() -> None:
    for metre, name in ((3, "9/8"), (4, "12/8")):
        assert rhythm.named_metres({"beats": counted_in(metre), "onsets": played(counted_in(metre), 1 / 3, 2 / 3)}).labels == (name,)


def test_swung_eighths_stay_four_four() -> None:
    beats = counted_in(4)
    for off in (0.58, 0.62, 2 / 3):
        assert rhythm.named_metres({"beats": beats, "onsets": played(beats, off)}).labels == ("4/4",)


def test_beats_a_little_beside_the_attacks_change_nothing() -> None:
    beats = counted_in(2, step=0.45)
    for late in (-0.03, 0.03):
        assert set(rhythm.divisions(beats, played(beats, 1 / 3, 2 / 3, late=late))) == {3}


def test_without_onsets_between_the_beats_the_division_is_open_and_the_name_the_plain_one() -> None:
    beats = counted_in(2)
    assert set(rhythm.divisions(beats, played(beats))) == {0}
    assert set(rhythm.divisions(beats, Events(np.zeros(0)))) == {0}
    for fields in ({"beats": beats}, {"beats": beats, "onsets": played(beats)}):
        assert rhythm.named_metres(fields).labels == ("2/4",)


def test_a_section_in_three_is_named_apart_and_a_bar_of_triplets_is_not() -> None:
    beats = counted_in(4, 24)
    thirds, halves = played(beats, 1 / 3, 2 / 3).times, played(beats, 1 / 2).times

    def song(first: float, last: float) -> Events:
        inside = (thirds >= first) & (thirds < last)
        return Events(np.sort(np.concatenate([thirds[inside], halves[(halves < first) | (halves >= last)]])))

    metres = rhythm.named_metres({"beats": beats, "onsets": song(beats.times[32], beats.times[64])})
    assert metres.labels == ("4/4", "12/8", "4/4")
    assert np.abs(metres.starts[1:] - beats.times[[32, 64]]).max() <= 8 * 0.6
    assert rhythm.named_metres({"beats": beats, "onsets": song(beats.times[32], beats.times[36])}).labels == ("4/4",)


def test_the_names_say_nothing_new_of_longer_bars_and_of_a_lone_beat() -> None:
    assert [rhythm.metre_name(n) for n in (2, 3, 4, 5, 6, 7, 9, 12)] == ["2/4", "3/4", "4/4", "5/4", "6/8", "7/4", "9/8", "12/8"]
    assert rhythm.metre_name(6, ternary=True) == "6/8"
    assert not len(rhythm.named_metres({"beats": Events(np.array([1.0]), ("1",))}))
    assert not len(rhythm.named_metres({}))
