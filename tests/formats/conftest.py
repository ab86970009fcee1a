"""A result with a field of every type."""

from __future__ import annotations

import numpy as np
import pytest

from aural.annotations import Curves, Events, Example, Intervals, Label, Notes, Score, Tempo, Text, Vector
from aural.formats import About, Used


@pytest.fixture
def result() -> Example:
    rng = np.random.default_rng(3)
    beats = np.cumsum(rng.uniform(0.45, 0.55, 24)) + 0.3
    starts = np.sort(rng.uniform(0, 12, 30))
    own = np.random.default_rng(4)
    sung, low = 0.4 + 0.5 * np.arange(20), 0.3 + 1.1 * np.arange(10)
    bends = [np.stack([t + np.linspace(0.0, 0.4, 5), 0.3 * own.normal(size=5)]) if i % 3 else None for i, t in enumerate(sung)]
    return Example(
        beats=Events(beats, tuple(str(i % 4 + 1) for i in range(24)), rng.uniform(0, 1, 24)),
        downbeats=Events(beats[::4]),
        onsets=Events(np.sort(rng.uniform(0, 12, 40)), confidence=rng.uniform(0, 1, 40)),
        drums=Events([0.5, 1.0, 1.0], ("BD", "SD", "HH")),
        chords=Intervals([0.0, 2.1, 4.7], [2.1, 4.7, 12.0], ("C:maj", "A:min7/b3", "N"), np.array([0.9, 0.5, 1 / 3])),
        key=Intervals([0.0], [12.0], ("C:major",)),
        sections=Intervals([0.0, 6.1], [6.1, 12.0], ("verse", 'chorus, with "quotes"\tand a tab')),
        tags=Intervals([0.0, 0.0], [12.0, 12.0], ("rock", "guitar"), np.array([0.7, 0.2])),
        notes=Notes(
            starts,
            starts + rng.uniform(0.05, 0.6, 30),
            rng.uniform(40, 90, 30),
            rng.integers(1, 128, 30),
            rng.uniform(0, 1, 30),
            rng.integers(0, 2, 30),
            ("piano", "bass"),
        ),
        melody_notes=Notes(sung, sung + 0.45, own.integers(60, 80, 20), own.integers(1, 128, 20), own.uniform(0, 1, 20), bends=bends),
        bass=Notes(low, low + 1.0, own.integers(30, 45, 10), confidence=own.uniform(0, 1, 10)),
        tuning=Score(441.3),
        melody=Curves(np.arange(5) * 0.1, np.array([[0.0, 220.5, 221.0, -110.0, 0.0]])),
        activations=Curves(np.arange(4) * 0.02, rng.normal(size=(2, 4)).astype(np.float32), ("beat", "down/beat")),
        holes=Curves([0.0, 1.0], [[np.nan, np.inf]]),
        tempo=Tempo(np.array([120.0, 60.0]), np.array([0.8, 0.2])),
        embedding=Vector(rng.normal(size=8).astype(np.float32)),
        style=Label("bossa nova", 0.25),
        words=Text("ça va — 音楽"),
        alarm=Score(0.7, True),
    )


@pytest.fixture
def about() -> About:
    return About(
        title='Prélude "No. 1"',
        artist="<b>Ünknown</b>",
        duration=12.5,
        file="絆 'x'.mp3",
        decoder="libsndfile 1.2.2",
        systems=(Used("beats", "beat/boeck11", "ab12", "songs-1"),),
        version="0.1.0",
        notes=("the header promises 301.1 s",),
    )


def same(a: object, b: object) -> None:
    """Every attribute equal, to the last bit."""
    assert type(a) is type(b)
    for key, x in vars(a).items():
        y = getattr(b, key)
        if isinstance(x, np.ndarray):
            assert x.dtype == y.dtype, key
            np.testing.assert_array_equal(x, y, err_msg=key)
        elif key == "bends" and x is not None:
            assert len(x) == len(y)
            for one, other in zip(x, y, strict=True):
                np.testing.assert_array_equal(one, other)
        else:
            assert x == y, key
