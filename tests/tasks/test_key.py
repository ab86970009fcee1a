"""Facts about the key task: which key of a piece is scored, and for how much."""

from __future__ import annotations

import numpy as np
import pytest

from aural.annotations import Intervals, Label
from aural.tasks.key import key, name_of, score


def spans(*rows: tuple[float, float, str]) -> Intervals:
    starts, ends, labels = zip(*rows, strict=True)
    return Intervals(np.array(starts), np.array(ends), labels)


NOTHING = Intervals(np.zeros(0), np.zeros(0), ())


def test_the_key_that_lasts_longest_is_the_piece_s():
    assert name_of(spans((0, 10, "C:major"), (10, 25, "A:minor"), (25, 34, "C:major"))) == "C major"
    assert name_of(spans((0, 30, "N"), (30, 40, "Eb:minor"))) == "Eb minor"
    assert name_of(Label("F#:minor")) == "F# minor"


def test_no_key_is_an_answer_and_nothing_is_none():
    drums = spans((0, 30, "N"))
    assert name_of(drums) == name_of(Label("N")) == "X"
    assert name_of(NOTHING) == ""
    assert score(drums, drums) == {"weighted": 1.0}
    assert score(drums, Label("C:major")) == score(Label("C:major"), drums) == {"weighted": 0.0}
    assert score(drums, NOTHING) == score(NOTHING, drums) == {"weighted": 0.0}


@pytest.mark.parametrize(
    ("guess", "worth"), [("A:minor", 1), ("E:minor", 0.5), ("C:major", 0.3), ("A:major", 0.2), ("D:minor", 0), ("G#:minor", 0)]
)
def test_near_keys_are_worth_something(guess, worth):
    assert score(Label("A:minor"), spans((0, 9, guess))) == {"weighted": worth}


def test_two_names_of_a_key_are_one():
    assert score(Label("Gb:major"), Label("F#:major")) == {"weighted": 1.0}
    assert key.makes == "key"
