"""Facts about positions in the bar."""

from __future__ import annotations

import numpy as np
import pytest

from aural.encodings import Bars


def heard(positions: list[int], loud: float = 0.9, soft: float = 0.1) -> np.ndarray:
    """A net that tells downbeats well."""
    return np.where(np.array(positions) == 1, loud, soft)


def bars(metre: int, count: int) -> list[int]:
    return list(range(1, metre + 1)) * count


@pytest.mark.parametrize("metre", [2, 3, 4, 5, 6, 7])
def test_every_metre_is_heard_from_any_beat_on(metre):
    for first in range(metre):
        right = bars(metre, 8)[first:]
        assert Bars()(heard(right)).tolist() == right


def test_three_four_with_one_downbeat_missed_in_four_bars():
    right = bars(3, 12)
    p = heard(right)
    p[3::12] = 0.1
    assert Bars()(p).tolist() == right


def test_a_change_of_metre_is_followed_and_back():
    right = bars(4, 8) + bars(3, 8) + bars(4, 8)
    assert Bars()(heard(right)).tolist() == right


def test_one_short_bar_between_sections_is_heard():
    right = bars(4, 8) + bars(2, 1) + bars(4, 8)
    assert Bars()(heard(right)).tolist() == right


def test_in_a_song_of_one_metre_faint_bars_are_counted_in_it():
    """Half of the song says three, the rest next to nothing: bars that came and went each by itself would be of the usual four."""
    right = bars(3, 16)
    p = heard(right)
    p[24:] = 0.3
    assert Bars()(p).tolist() == right
    assert Bars(metres={4: 1.0})(p).tolist() != right


def test_hearing_nothing_it_takes_the_usual_metre():
    positions = Bars()(np.full(24, 0.25))
    assert (np.diff(positions) % 4 == 1).all()


def test_one_metre_never_changes():
    right = bars(3, 6)
    assert Bars(metres={3: 1.0})(heard(right)).tolist() == right
    assert Bars()(np.zeros(0)).tolist() == []


@pytest.mark.parametrize("metre", [3, 4])
def test_faint_downbeats_are_as_good_as_loud_ones(metre):
    right = bars(metre, 12)
    assert Bars()(heard(right, 0.12, 0.03)).tolist() == right


def test_where_faint_activations_stay_as_they_are_longer_bars_win():
    right = bars(3, 12)
    assert Bars(share=None)(heard(right, 0.12, 0.03)).tolist() != right
    assert Bars()(heard(right, 0.12, 0.03)).tolist() == right
