"""Constant grids: found to a hundredth and a millisecond where there is one, and not where people play freely."""

from __future__ import annotations

import numpy as np
import pytest

from aural.annotations import Events
from aural.encodings.grid import HEARD, Grids, line

FPS = 1000.0


def attacks(times: np.ndarray, seconds: float) -> np.ndarray:
    """What the sound's rises look like with a sharp attack at each time: steepest a little before it counts as heard."""
    frames = np.arange(round(seconds * FPS)) / FPS
    noise = 0.05 * np.random.default_rng(1).random(len(frames))
    return noise + sum(np.exp(-0.5 * ((frames - t + HEARD) / 0.0015) ** 2) for t in times)


def tapped(times: np.ndarray, seed: int = 0, off: float = 0.010, missing: float = 0.05) -> np.ndarray:
    """The times as a decoder finds them: up to `off` away, some not at all."""
    rng = np.random.default_rng(seed)
    found = times + rng.uniform(-off, off, len(times))
    return np.sort(np.maximum(found, 0))[rng.random(len(times)) >= missing]


def clock(bpm: float, seconds: float, start: float = 0.317) -> np.ndarray:
    return np.arange(start, seconds - 0.1, 60 / bpm)


@pytest.mark.parametrize("bpm", [60.0, 84.37, 99.99, 127.53, 128.0, 173.97, 174.0, 199.5])
def test_a_click_is_found_to_a_hundredth_and_a_millisecond(bpm: float) -> None:
    times = clock(bpm, 40)
    (grid,) = Grids()(Events(tapped(times)), attacks(times, 40), FPS)
    assert grid.bpm == bpm
    away = (grid.anchor - times[0]) * bpm / 60
    assert abs(away - round(away)) * 60 / bpm < 0.001
    assert grid.start == pytest.approx(times[0], abs=60 / bpm + 0.001)


def test_beats_alone_tell_a_tempo_too_but_less_of_it() -> None:
    times = clock(120.0, 60)
    (grid,) = Grids()(Events(tapped(times)), np.zeros(60_000), FPS)
    assert grid.bpm == 120.0
    assert grid.anchor == pytest.approx(times[0], abs=0.005)


def test_doubled_missing_and_misplaced_beats_do_not_move_the_line() -> None:
    times = clock(110.0, 45)
    rng = np.random.default_rng(2)
    off_beat = times[20:40] + 30 / 110  # a stretch between the beats
    wrong = np.sort(np.concatenate([times[:18], off_beat, times[45:], times[50:55] + 0.004, rng.uniform(0, 45, 5)]))
    found = line(wrong)
    assert found is not None
    assert found.bpm == pytest.approx(110, abs=0.02)
    (grid,) = Grids()(Events(wrong), attacks(times, 45), FPS)
    assert grid.bpm == 110.0


def random_walk(seed: int, step: float, most: float = 0.02) -> np.ndarray:
    """Beats of a player whose tempo wanders by `step` a beat, within ±`most` of 118."""
    rng = np.random.default_rng(seed)
    tempo = np.zeros(120)
    for i in range(1, 120):
        tempo[i] = np.clip(tempo[i - 1] + rng.normal(0, step), -most, most)
    return 0.4 + np.cumsum(60 / 118 * (1 + tempo))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("step", [0.005, 0.01])
def test_live_playing_has_no_grid(seed: int, step: float) -> None:
    times = random_walk(seed, step)
    assert Grids()(Events(times), attacks(times, times[-1] + 1), FPS) == ()
    assert Grids()(Events(tapped(times, seed)), attacks(times, times[-1] + 1), FPS) == ()


@pytest.mark.parametrize(("bpm", "grids"), [(120.0, 1), (120.37, 0)])
def test_few_attacks_on_the_beat_are_enough_where_the_tempo_is_a_whole_number(bpm: float, grids: int) -> None:
    times, rng = clock(bpm, 60), np.random.default_rng(3)
    played = times + np.where(np.arange(len(times)) // 16 % 2, rng.normal(0, 0.02, len(times)), 0)  # every other stretch of 16 by hand
    found = Grids()(Events(tapped(played, off=0.02)), attacks(played, 60), FPS)
    assert [grid.bpm for grid in found] == [bpm] * grids


def test_a_new_tempo_is_a_new_stretch() -> None:
    first = clock(100.0, 30)
    second = first[-1] + 0.6 + np.arange(60) * 60 / 126.5
    times = np.concatenate([first, second])
    grids = Grids()(Events(tapped(times, off=0.004)), attacks(times, times[-1] + 1), FPS)
    assert [grid.bpm for grid in grids] == [100.0, 126.5]
    assert grids[0].end <= grids[1].start + 0.7
    assert grids[1].anchor == pytest.approx(second[0], abs=0.61)


def test_the_anchor_is_a_downbeat_where_one_is_known() -> None:
    times = clock(90.0, 40)
    labels = tuple(str((k + 1) % 4 + 1) for k in range(len(times)))  # the first beat is the second of its bar
    (grid,) = Grids()(Events(times, labels), attacks(times, 40), FPS)
    assert grid.anchor == pytest.approx(times[3], abs=0.001)
    wrong = list(labels)
    wrong[0] = "1"
    (grid,) = Grids()(Events(times, tuple(wrong)), attacks(times, 40), FPS)
    assert grid.anchor == pytest.approx(times[3], abs=0.001)


@pytest.mark.parametrize("times", [[], [1.0], [1.0, 1.0, 1.0, 1.0], list(np.arange(15) * 0.5)])
def test_fewer_than_sixteen_beats_have_no_grid(times: list[float]) -> None:
    assert Grids()(Events(np.array(times)), np.zeros(9000), FPS) == ()
    assert line(np.array(times[:3])) is None


def test_twenty_minutes_are_gridded_to_three_milliseconds_at_their_end() -> None:
    times = clock(122.37, 1200)
    (grid,) = Grids()(Events(tapped(times)), attacks_far(times, 1200), FPS)
    last = grid.anchor + round((times[-1] - grid.anchor) * grid.bpm / 60) * 60 / grid.bpm
    assert last == pytest.approx(times[-1], abs=0.003)


def attacks_far(times: np.ndarray, seconds: float) -> np.ndarray:
    """`attacks` on few frames each, for long sounds."""
    strength = np.zeros(round(seconds * FPS))
    for t in times - HEARD:
        near = np.arange(max(0, int(t * FPS) - 8), min(len(strength), int(t * FPS) + 9))
        strength[near] += np.exp(-0.5 * ((near / FPS - t) / 0.0015) ** 2)
    return strength


def test_beats_past_the_end_of_the_sound_are_no_part_of_a_grid() -> None:
    free = np.cumsum(np.random.default_rng(0).uniform(0.3, 0.8, 40))
    beats = Events(np.concatenate([free, free[-1] + np.arange(1, 200) * 0.5]))  # steady only after the sound has ended
    assert len(Grids()(beats, np.zeros(200_000), 1000.0)) == 1
    assert Grids()(beats, np.zeros(20_000), 1000.0, 20.0) == ()
