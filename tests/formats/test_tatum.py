"""The tatum: onsets go where a player meant them, whatever the beats are cut into."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aural.formats._tatum import PARTS, Grid, voice


def played(onsets, spread: float = 0.03, seed: int = 0) -> np.ndarray:
    return np.asarray(onsets, float) + np.random.default_rng(seed).uniform(-spread, spread, len(onsets))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "true",
    [np.arange(0, 8, 0.25), np.arange(0, 8, 0.5), np.arange(8), np.arange(0, 8, 0.75), np.arange(0.25, 8, 0.5), np.arange(-3, 4, 0.5)],
)
def test_quarters_of_the_beat_are_found(true, seed):
    heard = played(true, seed=seed)
    grid = Grid(heard)
    assert not any(map(grid.of_three, range(-4, 9)))
    assert [grid.nearest(t) for t in heard] == [round(PARTS * t) for t in true]


@pytest.mark.parametrize("seed", range(5))
def test_triplets_are_found_between_other_beats(seed):
    true = [0, 0.5, 1, 1.5, 2, 2 + 1 / 3, 2 + 2 / 3, 3, 3.5, 4, 5, 5 + 1 / 3, 5 + 2 / 3, 6, 6.25, 6.5]
    heard = played(true, 0.02, seed)
    grid = Grid(heard)
    assert [grid.of_three(beat) for beat in range(7)] == [False, False, True, False, False, True, False]
    assert [grid.nearest(t) for t in heard] == [round(PARTS * t) for t in true]


def test_swung_eighths_are_triplets_and_dotted_ones_are_not():
    assert not any(map(Grid(np.sort(np.concatenate([np.arange(8), np.arange(8) + 0.74]))).of_three, range(8)))
    swung = np.concatenate([np.arange(8), np.arange(8) + 2 / 3])
    assert all(map(Grid(np.sort(swung)).of_three, range(8)))


def test_a_grace_note_is_left_out_and_the_note_stays():
    starts, ends = [0.0, 0.96, 1.02, 2.0], [0.9, 1.02, 2.0, 3.0]
    assert [(p.note, p.start) for p in voice(Grid(np.array(starts)), starts, ends)] == [(0, 0), (2, 12), (3, 24)]


def test_small_gaps_close_and_rests_stay():
    starts, ends = [0.0, 1.0, 2.0], [0.8, 1.45, 2.4]
    assert [(p.start, p.end) for p in voice(Grid(np.array(starts)), starts, ends)] == [(0, 12), (12, 18), (24, 30)]


def test_nothing_is_nothing():
    assert voice(Grid(np.zeros(0)), [], []) == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.01, 2.0), max_size=40), st.floats(-3, 3))
def test_a_voice_is_in_order_and_each_note_lasts(gaps, first):
    starts = list(first + np.cumsum([0.0, *gaps]))
    ends = [start + 0.7 for start in starts]
    grid = Grid(np.array(starts))
    placed = voice(grid, starts, ends)
    assert placed
    for a, b in zip(placed, [*placed[1:], None], strict=True):
        assert a.start < a.end
        assert b is None or (a.end <= b.start and a.note < b.note)
        for slot in (a.start, a.end):
            assert slot % PARTS % (4 if grid.of_three(slot // PARTS) else 3) == 0
