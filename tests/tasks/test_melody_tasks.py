"""Facts about the notes of a melody and of a bass: what is right, and that several kinds of notes live in one JAMS file."""

from __future__ import annotations

import numpy as np
import pytest

from aural import tasks
from aural.annotations import Curves, Example, Notes
from aural.formats import jams

LINE = Notes(np.array([0.0, 0.5, 1.0]), np.array([0.5, 1.0, 1.5]), np.array([60.0, 62.25, 64.0]), confidence=np.array([0.9, 0.5, 0.1]))


@pytest.mark.parametrize(("name", "field"), [("melody_note", "melody_notes"), ("bass", "bass")])
def test_the_right_notes_score_one_and_late_ones_nothing(name: str, field: str) -> None:
    task = tasks.task(name)
    assert tasks.maker(field) is task
    assert task.score is not None
    assert set(task.score(LINE, LINE).values()) == {1.0}
    assert task.score(LINE, Notes(LINE.starts + 0.06, LINE.ends + 0.06, LINE.pitches))["F_onset"] == 0


def test_notes_melody_and_bass_survive_in_one_jams() -> None:
    none = Notes(np.zeros(0), np.zeros(0), np.zeros(0), confidence=np.zeros(0))
    curve = Curves(np.arange(4) / 43, np.array([[440.0, -441.5, 0.0, 220.0]]), ("melody",))
    for bass in (Notes(LINE.starts, LINE.ends, LINE.pitches - 24.0), none):
        back = jams.loads(jams.dumps(Example(bass=bass, melody_notes=LINE, notes=LINE[:2], melody=curve)))
        assert set(back) == {"bass", "melody_notes", "notes", "melody"}
        for field, right in (("bass", bass), ("melody_notes", LINE), ("notes", LINE[:2])):
            assert np.array_equal(back[field].pitches, right.pitches)
            assert np.array_equal(back[field].ends, right.ends)
            assert (back[field].confidence is None) == (right.confidence is None)
        assert np.array_equal(back["melody"].values, curve.values)
