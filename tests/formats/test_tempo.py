"""Tempo as a value, as a file, and in JAMS: nothing of it is lost."""

from __future__ import annotations

import json
import warnings
from io import StringIO

import numpy as np
import pytest

from aural import formats
from aural.annotations import Curves, Example, Grid, Tempo
from aural.errors import AnnotationError
from aural.formats import jams, tempo
from aural.tasks import task

from .conftest import same

WHOLE = Tempo(
    np.array([127.53, 63.76, 255.06]),
    np.array([0.81, 0.12, 0.01]),
    (Grid(0.5, 30.25, 127.53, 0.97), Grid(31.0, 60.0, 90.0, 31.333)),
    Curves(np.array([0.5, 0.97, 1.44]), np.array([[127.5, 127.6, 1 / 3]]), ("bpm",)),
)
BARE = Tempo(np.array([100.0]))


def test_the_file_has_three_keys_and_comes_back() -> None:
    text = tempo.dumps(WHOLE)
    known = json.loads(text)
    assert list(known) == ["candidates", "segments", "curve"]
    assert known["candidates"][0] == {"bpm": 127.53, "probability": 0.81}
    assert known["segments"][0] == {"start": 0.5, "end": 30.25, "bpm": 127.53, "anchor": 0.97}
    assert known["curve"][1] == [0.97, 127.6]
    again = tempo.loads(text)
    np.testing.assert_array_equal(again.bpms, WHOLE.bpms)
    np.testing.assert_array_equal(again.probabilities, WHOLE.probabilities)
    assert again.segments == WHOLE.segments
    np.testing.assert_allclose(again.curve.values, WHOLE.curve.values, atol=1e-6)


def test_no_grid_is_an_empty_list() -> None:
    known = json.loads(tempo.dumps(BARE))
    assert known == {"candidates": [{"bpm": 100.0, "probability": None}], "segments": [], "curve": []}
    same(tempo.loads(tempo.dumps(BARE)), BARE)
    same(tempo.loads(tempo.dumps(Tempo(np.zeros(0)))), Tempo(np.zeros(0)))


def test_it_is_always_written() -> None:
    files = formats.always("song", Example(tempo=WHOLE), [task("tempo")])
    assert list(files) == ["song.tempo.json"]
    assert files["song.tempo.json"].decode() == tempo.dumps(WHOLE)


@pytest.mark.parametrize("text", ["", "[]", '{"candidates": [{}]}', '{"candidates": [{"bpm": -3}]}', '{"candidates": 1}'])
def test_a_damaged_file_is_one_error_with_its_name(text: str) -> None:
    with pytest.raises(AnnotationError, match=r"^a\.tempo\.json: "):
        tempo.loads(text, "a.tempo.json")


@pytest.mark.parametrize("value", [WHOLE, BARE, Tempo(np.zeros(0), segments=(Grid(0.0, 1.0, 60.0, 0.1),))])
def test_jams_keeps_everything(value: Tempo) -> None:
    again = jams.loads(jams.dumps({"tempo": value}))["tempo"]
    np.testing.assert_array_equal(again.bpms, value.bpms)
    np.testing.assert_array_equal(again.probabilities, value.probabilities)
    assert again.segments == value.segments
    assert (again.curve is None) == (value.curve is None)
    if value.curve is not None:
        same(again.curve, value.curve)


def test_jams_has_two_candidates_that_the_library_reads() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library = pytest.importorskip("jams")
    jam = library.load(StringIO(jams.dumps({"tempo": WHOLE})), validate=True, strict=True)
    (annotation,) = jam.search(namespace="tempo")
    assert [(o.value, o.confidence) for o in annotation.data] == [(127.53, 0.81), (63.76, 0.12)]


def test_a_part_of_a_sound_has_its_part_of_the_tempo() -> None:
    part = WHOLE.cut(20, 40)
    assert [(g.start, g.end, g.bpm) for g in part.segments] == [(0.0, 10.25, 127.53), (11.0, 20.0, 90.0)]
    np.testing.assert_array_equal(part.bpms, WHOLE.bpms)
    np.testing.assert_allclose(part.segments[0].beats() + 20, [t for t in WHOLE.segments[0].beats() if t >= 20], atol=1e-9)
    back = part.later(20)
    assert back.segments[1].anchor == pytest.approx(31.333)
    np.testing.assert_allclose(WHOLE.later(1.5).curve.times, WHOLE.curve.times + 1.5)
    assert BARE.cut(3, 4).curve is None


def test_a_grid_counts_its_beats() -> None:
    assert Grid(0.0, 2.0, 60.0, 5.5).beats().tolist() == [0.5, 1.5]
    assert len(Grid(0.25, 10.25, 120.0, 0.25).beats()) == 21


def test_what_lies_past_the_end_is_said() -> None:
    WHOLE.validate(60.0)
    with pytest.raises(AnnotationError, match="grid"):
        WHOLE.validate(50.0)
    with pytest.raises(AnnotationError, match="BPM"):
        Grid(0.0, 1.0, 0.0, 0.0)
    with pytest.raises(AnnotationError, match="sorted"):
        Tempo(np.array([90.0]), segments=WHOLE.segments[::-1])
    with pytest.raises(AnnotationError, match="beats a minute"):
        Tempo(np.array([90.0, 0.0]))
