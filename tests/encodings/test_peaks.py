"""Facts about peak picking."""

from __future__ import annotations

import numpy as np
import pytest

from aural.encodings import PeakPicking
from aural.encodings.peaks import refined, smoothed


def test_a_peak_is_where_nothing_near_is_higher():
    a = np.zeros(100)
    a[[20, 22, 60]] = [0.8, 0.9, 0.7]
    assert PeakPicking(0.5, pre_max=0.03, post_max=0.03)(a, 100).tolist() == [22, 60]
    assert PeakPicking(0.5, pre_max=0.01, post_max=0.01, combine=0)(a, 100).tolist() == [20, 22, 60]


def test_a_plateau_is_one_peak_in_its_middle():
    a = np.zeros(50)
    a[10:13] = 0.9
    a[30:32] = 0.9
    assert PeakPicking(0.5, combine=0)(a, 100).tolist() == [11, 30.5]


def test_of_peaks_too_close_the_first_stays():
    a = np.zeros(50)
    a[[10, 13, 16]] = [0.6, 0.9, 0.7]
    assert PeakPicking(0.5, combine=0.04)(a, 100).tolist() == [10, 16]
    assert PeakPicking(0.5, combine=0.03)(a, 100).tolist() == [10, 13, 16]


def test_the_window_looks_back_and_forth_as_far_as_asked():
    a = np.zeros(50)
    a[20], a[23] = 0.6, 0.9
    assert PeakPicking(0.5, pre_max=0.03, post_max=0.0, combine=0)(a, 100).tolist() == [20, 23]
    assert PeakPicking(0.5, pre_max=0.0, post_max=0.03, combine=0)(a, 100).tolist() == [23]


def test_the_threshold_rises_with_the_mean_around():
    a = np.full(100, 0.4)
    a[50] = 0.7
    assert PeakPicking(0.2, pre_avg=0.1)(a, 100).tolist() == [50]
    assert PeakPicking(0.3, pre_avg=0.1)(a, 100).tolist() == []  # 0.7 < 0.3 + mean of 10 × 0.4 and 0.7


def test_the_threshold_itself_is_a_peak():
    assert PeakPicking(0.5)(np.array([0.0, 0.5, 0.0]), 100).tolist() == [1]


@pytest.mark.parametrize("frames", [0, 1, 2, 4, 5, 7])
def test_smoothing_keeps_level_and_place(frames):
    bump = np.zeros(41)
    bump[20] = 1.0
    smooth = smoothed(bump, frames)
    assert smooth.shape == bump.shape
    assert smooth.sum() == pytest.approx(1)
    assert smooth.argmax() == 20
    np.testing.assert_allclose(smooth, smooth[::-1], atol=1e-15)


def test_five_frames_are_smoothed_by_a_hamming_window():
    bump = np.zeros(9)
    bump[4] = 1.0
    np.testing.assert_allclose(smoothed(bump, 5)[2:7], np.hamming(5) / np.hamming(5).sum())


def test_a_parabola_finds_its_own_top():
    top = np.array([10.3, 20.0, 29.6])
    n = np.arange(40)
    a = np.maximum(0, 1 - 0.1 * (n[:, None] - top) ** 2).max(1)
    np.testing.assert_allclose(refined(a, np.round(top).astype(int)), top, atol=1e-12)


def test_edges_and_slopes_are_not_refined():
    a = np.array([1.0, 0.5, 0.2, 0.6])
    assert refined(a, np.array([0, 1, 3])).tolist() == [0, 1, 3]
