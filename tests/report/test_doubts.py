"""What "check these" lists: each reason where it holds, and nothing in music that is plain."""

from __future__ import annotations

import numpy as np
import pytest

from aural.analysis._tables import doubts
from aural.annotations import Events

STEADY = np.arange(64) * 0.5 + 0.5


def beats(times=STEADY, metres=(4,) * 16, confidence=None) -> Events:
    labels = [str(i + 1) for metre in metres for i in range(metre)][: len(times)]
    return Events(times, labels or None, confidence)


def reasons(example, duration=33.0) -> list[str]:
    return [text for _, _, text in doubts(example, duration)]


def test_plain_music_raises_no_doubt():
    for metres in ((4,) * 16, (3,) * 22, (4, 3) * 10, (7,) * 10, (4,) * 8 + (3,) * 11, (4,) * 15 + (2, 4)):
        assert reasons({"beats": beats(metres=metres, confidence=np.full(64, 0.9))}) == []
    assert reasons({"beats": Events(STEADY)}) == []


def test_a_bar_of_another_metre_is_doubted_with_the_bars_around_it():
    assert doubts({"beats": beats(metres=(4,) * 5 + (3,) + (4,) * 11)}, 33.0) == [(8.5, 14.0, "one bar of 3 among bars of 4")]


def test_two_bars_of_another_metre_are_believed():
    assert reasons({"beats": beats(metres=(4,) * 5 + (3, 3) + (4,) * 11)}) == []


def test_a_bar_cut_short_by_unknown_bars_is_not_called_a_change_of_metre():
    labels = list(beats().labels)
    labels[18:32] = [""] * 14
    assert reasons({"beats": Events(STEADY, labels)}) == ["bars not known"]


@pytest.mark.parametrize(("before", "after", "text"), [(0.5, 0.25, "tempo doubles"), (0.4, 0.8, "tempo halves")])
def test_a_jump_by_an_octave_is_doubted_where_it_is(before, after, text):
    times = np.cumsum([0.5, *[before] * 20, *[after] * 20])
    jump = times[20]
    ((start, end, told),) = doubts({"beats": Events(times)}, float(times[-1]) + 0.5)
    assert told == text
    assert start < jump < end
    assert end - start < 6


def test_a_change_of_tempo_by_less_is_believed():
    times = np.cumsum([0.5, *[0.5] * 20, *[0.35] * 20])
    assert reasons({"beats": Events(times)}, float(times[-1]) + 0.5) == []
    assert reasons({"beats": Events(np.cumsum(np.linspace(0.8, 0.3, 60)))}) == []


def test_bar_lines_below_even_odds_are_doubted():
    down = Events(STEADY[::4], None, np.where((np.arange(16) >= 5) & (np.arange(16) < 9), 0.4, 0.9))
    assert doubts({"beats": beats(), "downbeats": down}, 33.0) == [(float(STEADY[20]), float(STEADY[36]), "bar lines unsure")]


def test_unknown_bars_are_told():
    labels = [*beats().labels[:40], *[""] * 24]
    assert doubts({"beats": Events(STEADY, labels)}, 33.0) == [(20.5, 32.5, "bars not known")]
    assert reasons({"beats": Events(STEADY, [""] * 64)}) == ["bars not known"]


def test_a_long_silence_before_between_and_after_is_told():
    times = np.concatenate([15 + np.arange(20) * 0.5, 40 + np.arange(20) * 0.5])
    assert doubts({"beats": Events(times)}, 90.0) == [
        (0.0, 15.0, "no beats heard"),
        (24.5, 40.0, "no beats heard"),
        (49.5, 90.0, "no beats heard"),
    ]


def test_a_song_without_beats_says_so():
    assert doubts({"beats": Events([])}, 60.0) == [(0.0, 60.0, "no beats heard")]
    assert doubts({"beats": Events([])}, 1.0) == []
    assert doubts({}, 60.0) == []


def test_doubts_lie_in_order_and_inside_the_sound():
    rng = np.random.default_rng(0)
    for _ in range(50):
        times = np.sort(rng.uniform(0, 60, int(rng.integers(0, 80))))
        example = {"beats": Events(times, [str(i) for i in rng.integers(1, 5, len(times))], rng.random(len(times)) ** 3)}
        example["downbeats"] = Events(times[::4], None, rng.random(len(times[::4])))
        found = doubts(example, 60.0)
        assert found == sorted(found)
        assert all(0 <= start <= end <= 60.0 + 1e-9 for start, end, _ in found)
