"""Loops: the same everywhere, with a tempo and an anchor that hold to the sample."""

from __future__ import annotations

import numpy as np
import pytest

import aural
from aural.annotations import Events, Example, Grid
from aural.data import source
from aural.data.songs.loops import BPM, MadeLoops, tempo
from aural.errors import DataError

pytest.importorskip("tinysoundfont")


@pytest.fixture(scope="module")
def loop():
    return MadeLoops(3, banks=1)(1)


def test_it_is_found_by_its_name() -> None:
    found = source("loops:7")
    assert found.name == "loops:7"
    assert found.size == 40
    with pytest.raises(DataError, match="loops:0"):
        source("loops:x")


def test_a_loop_is_the_same_in_any_order(loop) -> None:
    other = MadeLoops(3, length=5, banks=1)
    other(0)
    np.testing.assert_array_equal(other(1)["sound"].samples, loop["sound"].samples)
    assert not np.array_equal(other(0)["sound"].samples[:, :44_100], loop["sound"].samples[:, :44_100])


def test_its_beats_lie_on_its_grid(loop) -> None:
    (grid,) = loop["tempo"].segments
    assert grid.bpm == loop["tempo"].bpms[0]
    beats = loop["beats"].times
    np.testing.assert_allclose(np.diff(beats), 60 / grid.bpm)
    assert grid.anchor == loop["downbeats"].times[0]
    np.testing.assert_allclose(grid.beats(), beats, atol=1e-9)
    assert 30 <= loop["sound"].duration <= 60


def test_tempi_have_two_decimals_and_span_the_range() -> None:
    rng = np.random.default_rng(0)
    drawn = np.array([tempo(rng) for _ in range(400)])
    assert (drawn == drawn.round(2)).all()
    assert BPM[0] <= drawn.min() < 65
    assert 185 < drawn.max() <= BPM[1]
    assert 0.2 < (drawn == drawn.round()).mean() < 0.45


def test_it_is_loud_where_its_beats_are(loop) -> None:
    sound, (grid,) = loop["sound"].samples[0], loop["tempo"].segments
    at = np.round(grid.beats() * 44_100).astype(int)
    at = at[(at > 500) & (at < len(sound) - 500)]
    after, before = (np.mean([np.square(sound[t + a : t + b]).mean() for t in at]) for a, b in ((0, 400), (-400, -30)))
    assert after > 1.5 * before


# ---- the figure


def found(answer: tuple[Grid, ...], truth: Grid) -> tuple[float, float, float]:
    """(errors of BPM, of the same at the beats' own level, of the anchor in seconds to the nearest beat) of the longest grid."""
    if not answer:
        return np.inf, np.inf, np.inf
    grid = max(answer, key=lambda g: g.end - g.start)
    level = min((1, 2, 1 / 2, 3, 1 / 3, 3 / 2, 2 / 3), key=lambda r: abs(grid.bpm / truth.bpm / r - 1))
    period = 60 / max(grid.bpm, truth.bpm)
    away = (grid.anchor - truth.anchor + period / 2) % period - period / 2
    return abs(grid.bpm - truth.bpm), abs(grid.bpm / level - truth.bpm), abs(away)


def jittered(beats: Events, seed: int) -> Events:
    """±10 ms, one in twenty missing."""
    rng = np.random.default_rng(seed)
    times = np.maximum(beats.times + rng.uniform(-0.01, 0.01, len(beats)), 0)
    return Events(np.sort(times)[rng.random(len(beats)) >= 0.05])


def shares(seed: int, n: int, beats: str) -> dict[str, float]:
    """Of n loops: those with BPM within 0.01 and anchor within 5 ms, strictly and at whatever level the beats are."""
    loops, system, rows = MadeLoops(seed, n), aural.load("tempo/from_beats"), []
    for i in range(n):
        example = loops(i)
        given = Example(sound=example["sound"])
        if not beats:
            given["beats"] = jittered(example["beats"], i)
        else:
            given["beats"] = aural.run(beats, sound=example["sound"])["beats"]
        rows.append(found(aural.run(system, given)["tempo"].segments, example["tempo"].segments[0]))
    strict, level, anchor = np.array(rows).T
    near = anchor < 0.005
    return {"strict": float(((strict <= 0.01 + 1e-9) & near).mean()), "level": float(((level <= 0.01 + 1e-9) & near).mean())}


@pytest.mark.slow
def test_nineteen_loops_of_twenty_are_gridded_to_a_hundredth_and_five_milliseconds() -> None:
    assert shares(0, 40, "")["strict"] >= 0.95
    assert shares(0, 40, "beat/boeck11")["level"] >= 0.95
