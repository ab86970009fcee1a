"""Facts about keys: classes, where they change, how they are named, how sure they are."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aural import harmony
from aural.annotations import Events, Example, Intervals, Label
from aural.encodings import KeyFrames
from aural.encodings.keys import NONE, class_of, spelled
from aural.errors import OptionError
from aural.sound import Sound

FPS = 10.0


def example(seconds: float, **fields) -> Example:
    return Example(sound=Sound(np.zeros((1, round(seconds * 100)), np.float32), 100), **fields)


def frames(seconds: float) -> np.ndarray:
    return np.arange(round(seconds * FPS)) / FPS


def spans(*rows: tuple[float, float, str]) -> Intervals:
    starts, ends, labels = zip(*rows, strict=True)
    return Intervals(starts, ends, labels)


def sure_of(classes: torch.Tensor, by: float = 4.0) -> torch.Tensor:
    """Logits (25, frame) that say so."""
    return torch.nn.functional.one_hot(classes.clamp(min=0), 25).T * by


# ---- classes


def test_major_keys_come_first_from_c_then_minor_ones_then_none():
    assert [class_of(key) for key in ("C:major", "B:major", "C:minor", "A:minor", "N")] == [0, 11, 12, 21, NONE]
    assert [class_of(key) for key in harmony.KEYS] == list(range(24))


def test_two_names_of_a_key_are_one_class():
    assert class_of("Gb:major") == class_of("F#:major") == 6
    assert class_of("D#:minor") == class_of("Eb:minor")


def test_what_is_not_known_is_no_target():
    part, times = KeyFrames(), frames(6)
    truth = spans((1, 3, "G:major"), (3, 4, "N"), (4, 5, "D:dorian"))
    read = part.read(example(6, key=truth), times)
    assert read[[0, 55]].tolist() == [-1, -1]  # outside, too
    assert read[[15, 35, 45]].tolist() == [7, NONE, -1]
    assert part.read(example(6), times).tolist() == [-1] * 60
    assert part.read(example(6, key=Label("F#:minor")), times).unique().tolist() == [18]


# ---- where they change


def test_keys_come_back_as_they_were_and_cover_the_piece():
    truth = spans((0, 16, "E:minor"), (16, 30, "N"), (30, 63.5, "F:major"))
    part, given = KeyFrames(), example(63.5)
    times = frames(63.5)
    found = part.decode(sure_of(part.read(example(63.5, key=truth), times)), times, given)
    assert found.labels == truth.labels
    np.testing.assert_allclose(found.starts, truth.starts, atol=part.cell / 2 + 0.1)
    np.testing.assert_array_equal(found.starts[1:], found.ends[:-1])
    assert (found.starts[0], found.ends[-1]) == (0, 63.5)


def test_a_key_changes_at_a_bar_line():
    lines = 0.7 + 1.9 * np.arange(20)
    classes = torch.where(torch.from_numpy(frames(38)) < lines[9] + 0.3, 0, 1)
    beats = Events(np.sort(np.concatenate([lines, lines + 0.9])), ("1", "2") * 20)
    for given in (example(38, downbeats=Events(lines)), example(38, beats=beats)):
        found = KeyFrames().decode(sure_of(classes), frames(38), given)
        assert found.labels == ("C:major", "Db:major")
        assert found.starts[1] == pytest.approx(lines[9])


def test_a_doubtful_bar_is_no_modulation_and_a_section_is_one():
    for doubtful, keys in ((2.0, 1), (16.0, 3)):
        times = torch.from_numpy(frames(60))
        classes = torch.where((times >= 20) & (times < 20 + doubtful), 7, 0)
        assert len(KeyFrames().decode(sure_of(classes), frames(60), example(60))) == keys


def test_any_change_costs_the_same():
    """Up a semitone as soon as up a fifth."""
    for other in (1, 2, 7, 9, 18, 21):
        classes = torch.cat([torch.zeros(200), torch.full((200,), other)]).long()
        found = KeyFrames().decode(sure_of(classes, 2.5), frames(40), example(40))
        assert [class_of(label) for label in found.labels] == [0, other]
        assert found.starts[1] == pytest.approx(20, abs=0.1)


def test_turned_logits_give_turned_keys():
    logits = torch.randn(25, 600, generator=torch.Generator().manual_seed(0))
    logits[[3, 20], :] += torch.linspace(2, 0, 600)
    up = torch.cat([logits[:12].roll(5, 0), logits[12:24].roll(5, 0), logits[24:]])
    here, there = (KeyFrames().decode(x, frames(60), example(60)) for x in (logits, up))
    assert [class_of(x) for x in there.labels] == [(c + 5) % 12 + 12 * (c >= 12) for c in map(class_of, here.labels)]
    np.testing.assert_array_equal(here.starts, there.starts)


def test_no_frames_are_no_keys_and_one_frame_is_one():
    part = KeyFrames()
    assert not len(part.decode(torch.zeros(25, 0), np.zeros(0), example(0)))
    assert len(part.decode(sure_of(torch.tensor([5])), np.zeros(1), example(0.3))) == 1


def test_keys_end_where_the_sound_ends_whatever_the_frames():
    for seconds in (9.7, 10.0, 14.0):
        found = KeyFrames().decode(sure_of(torch.tensor([2] * 10 + [9] * 10)), np.arange(20) * 0.5 + 0.25, example(seconds))
        assert (found.starts[0], found.ends[-1]) == (0, pytest.approx(seconds))
    unknown = KeyFrames().decode(sure_of(torch.tensor([2] * 20)), np.arange(20) * 0.5, Example())
    assert unknown.ends[-1] == pytest.approx(10.0)


def test_more_bar_lines_than_frames_do_no_harm():
    given = example(20, downbeats=Events(np.arange(0, 20, 1.05)))
    found = KeyFrames().decode(sure_of(torch.tensor([2, 2, 2, 2])), np.arange(4) * 5.0, given)
    assert found.labels == ("D:major",)


@pytest.mark.parametrize("wrong", [{"stay": 1.0}, {"cell": 0.0}, {"trust": -1.0}])
def test_options_that_mean_nothing_are_refused(wrong):
    with pytest.raises(OptionError):
        KeyFrames(**wrong)


# ---- names


def test_keys_are_spelled_as_people_write_them():
    assert spelled(harmony.KEYS[:12], np.ones(12))[1] == "Db:major"
    assert harmony.KEYS[6] == "F#:major"
    assert [harmony.KEYS[12 + c] for c in (1, 3, 8, 10)] == ["C#:minor", "Eb:minor", "G#:minor", "Bb:minor"]


def test_six_sharps_or_six_flats_follow_the_other_keys_of_the_piece():
    assert spelled(("Db:major", "F#:major"), (10, 10)) == ("Db:major", "Gb:major")
    assert spelled(("B:major", "F#:major"), (10, 10)) == ("B:major", "F#:major")
    assert spelled(("E:major", "N", "Eb:minor"), (10, 5, 10)) == ("E:major", "N", "D#:minor")
    assert spelled(("F#:major",), (10,)) == ("F#:major",)
    assert spelled(("F#:major", "Eb:minor"), (10, 10)) == ("F#:major", "Eb:minor")


# ---- confidence


def pieces(count: int, seed: int) -> list[tuple[torch.Tensor, np.ndarray, Example]]:
    """In one key each, of which some say more and some less."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        truth = int(rng.integers(24))
        own = rng.normal(0, 0.7, (25, 1)) + rng.normal(0, 0.3, (25, 200))
        own[truth] += rng.uniform(0, 3)
        key = spans((0, 20, harmony.KEYS[truth]))
        made.append((torch.from_numpy(3 * own), frames(20), example(20, key=key)))
    return made


def test_confidence_is_how_often_one_is_right():
    part = KeyFrames()
    before = part.decode(*pieces(1, 0)[0])
    assert 0 <= before.confidence[0] <= 1
    part.fit(pieces(300, 1))
    sure, right = [], []
    for estimate, times, given in pieces(300, 2):
        found = part.decode(estimate, times, given)
        truth = class_of(given["key"].labels[0])
        sure += found.confidence.tolist()
        right += [class_of(label) == truth for label in found.labels]
    sure, right = np.array(sure), np.array(right, float)
    assert 0.2 < right.mean() < 0.9
    for part_of in (sure < np.median(sure), sure >= np.median(sure)):
        assert abs(sure[part_of].mean() - right[part_of].mean()) < 0.1
    assert sure[right == 1].mean() > sure[right == 0].mean() + 0.2


def test_the_confidence_that_was_fitted_is_kept_with_the_weights():
    part, again = KeyFrames(), KeyFrames()
    part.fit(pieces(40, 1))
    assert "key_weights" in part.state_dict()
    again.key_weights = part.state_dict()["key_weights"]
    one = pieces(1, 3)[0]
    np.testing.assert_array_equal(part.decode(*one).confidence, again.decode(*one).confidence)


def test_pieces_of_no_known_key_teach_nothing():
    part = KeyFrames()
    part.fit([(torch.zeros(25, 10), frames(1), example(1))])
    assert not len(part.key_weights)
