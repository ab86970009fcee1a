"""Facts about chords in frames: what a label is, what is unknown, what is decoded on beats, what does not depend on the key."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from aural import harmony
from aural.annotations import Events, Example, Intervals
from aural.encodings import ChordFrames
from aural.encodings.chords import (
    BASS,
    CLASSES,
    PITCHES,
    ROOT,
    ROWS,
    STATES,
    _alike,
    best_path,
    bigram,
    cells_of,
    pooled,
    posteriors,
    spread,
    turned,
)
from aural.errors import AuralError
from aural.sound import Sound

FPS = 22_050 / 2048
SAYABLE = [f"{name}:{q}{b}" for name in ("C", "Db", "F#", "A", "Bb") for q in harmony.FULL for b in ("", "/5", "/b7", "/3")]
SAYABLE = [s for s in SAYABLE if "/" not in s or s.split("/")[1] in harmony.SHORTHANDS[s.split(":")[1].split("/")[0]]]


def silent(seconds: float) -> Sound:
    return Sound(np.zeros((1, round(seconds * 1000)), dtype=np.float32), 1000)


def frames(seconds: float) -> np.ndarray:
    return np.arange(int(seconds * FPS) + 1) / FPS


def logits(target: torch.Tensor, sharp: float = 12.0) -> torch.Tensor:
    """What a net that knows the truth would say; of what is unknown it says nothing."""
    made = torch.zeros(ROWS, target.shape[-1])
    for rows, own in ((ROOT, 0), (BASS, 1), (CLASSES, 14)):
        known = (~torch.isnan(target[own])).nonzero()[:, 0]
        made[rows][target[own, known].long(), known] = sharp
    made[PITCHES] = torch.nan_to_num((target[2:14] - 0.5) * sharp)
    return made


def spans(labels: list[str], length: float) -> Intervals:
    starts = length * np.arange(len(labels))
    return Intervals(starts, starts + length, tuple(labels))


def steady(seconds: float, step: float = 0.5, metre: int = 4) -> Events:
    times = np.arange(0, seconds, step)
    return Events(times, tuple(str(i % metre + 1) for i in range(len(times))))


def random_chords(seed: int, n: int = 12, beats: float = 0.5) -> Intervals:
    """Neighbours differ in what is said, and so in a class or a bass."""
    rng = np.random.default_rng(seed)
    labels: list[str] = []
    while len(labels) < n:
        label = "N" if rng.random() < 0.1 else str(rng.choice(SAYABLE))
        if not labels or labels[-1] != label:
            labels.append(label)
    bounds = np.append(0, np.cumsum(rng.integers(2, 6, n))) * beats
    return Intervals(bounds[:-1], bounds[1:], tuple(labels))


def sound_of(label: str) -> tuple[int, int]:
    """Class and bass, whatever it is called."""
    chord = harmony.parse(label)
    return harmony.class_of(chord), chord.bass_class


# ---- truth


@pytest.mark.parametrize(
    ("label", "root", "bass", "pitches"),
    [("G:7/3", 7, 11, {7, 11, 2, 5}), ("N", 12, 12, set()), ("A:min", 9, 9, {9, 0, 4}), ("C:maj/2", 0, 2, {0, 2, 4, 7})],
)
def test_a_label_is_root_bass_and_pitches(label, root, bass, pitches):
    row = ChordFrames().read(Example(chords=spans([label], 9.0)), frames(2))
    assert row.shape == (15, len(frames(2)))
    assert (row[0] == root).all()
    assert (row[1] == bass).all()
    assert {k for k in range(12) if (row[2 + k] == 1).all()} == pitches
    assert (row[14] == harmony.class_of(harmony.parse(label))).all()


def test_there_are_170_classes_and_208_rows():
    assert len(harmony.classes("full")) == 170
    assert ROWS == 13 + 13 + 12 + 170
    assert harmony.classes("full")[STATES - 1 :] == ("N", "X")


def test_x_is_unknown_and_a_power_chord_has_no_class():
    rows = ChordFrames().read(Example(chords=spans(["X", "C:5"], 2.0)), frames(4))
    assert torch.isnan(rows[:, frames(4) < 1.9]).all()
    after = rows[:, (frames(4) > 2.2) & (frames(4) < 4)]
    assert torch.isnan(after[14]).all()
    assert (after[0] == 0).all()
    assert (after[2:14].sum(0) == 2).all()


def test_frames_at_a_change_are_unknown_and_no_others():
    times = frames(8)
    rows = ChordFrames().read(Example(chords=spans(["C", "C:maj", "G:7", "G:7/3"], 2.0)), times)
    unknown = torch.isnan(rows).all(0).numpy()
    assert unknown.sum() == 4  # C is C:maj; G:7/3 has another bass
    assert (np.abs(times[unknown] - np.repeat([4, 6], 2)) < 1 / FPS).all()
    assert not torch.isnan(ChordFrames(edge=0).read(Example(chords=spans(["C", "G"], 2.0)), times)).any()


def test_nothing_is_known_without_the_field_nor_outside_of_what_is_known():
    times = frames(4)
    assert torch.isnan(ChordFrames().read(Example(), times)).all()
    assert torch.isnan(ChordFrames().read(Example(chords=spans([], 1.0)), times)).all()
    known = Intervals([1.0], [2.0], ("known",))
    rows = ChordFrames().read(Example(chords=spans(["C"], 9.0), chords_known=known), times)
    assert (torch.isnan(rows).all(0).numpy() == ((times < 1 - 1e-6) | (times > 2))).all()


# ---- round trip


@pytest.mark.parametrize("seed", range(6))
def test_what_is_true_is_decoded_on_its_beats(seed):
    truth = random_chords(seed)
    end = truth.ends[-1]
    part, given = ChordFrames(), Example(sound=silent(end), beats=steady(end))
    found = part.decode(logits(part.read(Example(chords=truth), frames(end))), frames(end), given)
    np.testing.assert_allclose(found.starts, truth.starts, atol=1e-9)
    np.testing.assert_allclose(found.ends, truth.ends, atol=1e-9)
    for said, meant in zip(found.labels, truth.labels, strict=True):
        assert sound_of(said)[0] == sound_of(meant)[0] or set(harmony.parse(said).pitch_classes) == set(harmony.parse(meant).pitch_classes)
        assert sound_of(said)[1] == sound_of(meant)[1]
    assert found.confidence is not None
    assert (found.confidence > 0.5).all()


@pytest.mark.parametrize("seed", range(3))
def test_without_beats_it_is_decoded_to_a_quarter_of_a_second(seed):
    truth = random_chords(seed)
    end = truth.ends[-1]
    part = ChordFrames()
    found = part.decode(logits(part.read(Example(chords=truth), frames(end))), frames(end), Example(sound=silent(end)))
    assert [sound_of(x) for x in found.labels] == [sound_of(x) for x in truth.labels]
    assert np.abs(found.starts - truth.starts).max() <= 0.25 + 1e-6
    assert found.starts[0] == 0
    assert found.ends[-1] == end
    assert (found.starts[1:] == found.ends[:-1]).all()


def test_where_no_note_is_heard_there_is_no_chord():
    truth, times = spans(["C", "G"], 4.0), frames(8)
    given = Example(sound=silent(8), beats=steady(8))
    chords = logits(ChordFrames().read(Example(chords=truth), times))
    notes = torch.full((4, 88, len(times)), -9.0)
    notes[1, 40, times < 4] = 9.0
    assert ChordFrames().decode({"chords": chords, "notes": notes}, times, given).labels == ("C:maj", "N")
    notes[1, 40, times > 6] = 9.0  # half of the other, too
    both = ChordFrames().decode({"chords": chords, "notes": notes}, times, given)
    assert both.labels == ("C:maj", "G:maj") == ChordFrames().decode(chords, times, given).labels


def test_an_inversion_that_is_not_sure_is_not_said():
    part, times = ChordFrames(), frames(4)
    sure = logits(part.read(Example(chords=spans(["C:maj/3"], 9.0)), times))
    assert part.decode(sure, times, Example(sound=silent(4))).labels == ("C:maj/3",)
    sure[BASS] = 0.0
    assert part.decode(sure, times, Example(sound=silent(4))).labels == ("C:maj",)
    assert ChordFrames("sevenths").decode(logits(part.read(Example(chords=spans(["C:maj/3"], 9.0)), times)), times, Example()).labels == (
        "C:maj",
    )


def test_names_follow_the_key_where_it_is_given():
    part, times = ChordFrames(), frames(4)
    y = logits(part.read(Example(chords=spans(["F#:maj", "D#:min"], 2.0)), times))

    def names(*keys: str) -> tuple[str, ...]:
        given = Example(sound=silent(4), beats=steady(4))
        if keys:
            given["key"] = Intervals(np.zeros(1), np.array([4.0]), keys)
        return part.decode(y, times, given).labels

    assert names("Gb:major") == ("Gb:maj", "Eb:min")
    assert names("F#:major") == ("F#:maj", "D#:min")
    assert names("N") == names()


def test_nothing_is_decoded_of_no_frames():
    assert len(ChordFrames().decode(torch.zeros(ROWS, 0), np.zeros(0), Example(sound=silent(0)))) == 0
    assert len(ChordFrames().decode(torch.randn(ROWS, 1), np.zeros(1), Example(sound=silent(0.01)))) == 1


# ---- what does not depend on the key, nor on the vocabulary


@pytest.mark.parametrize("up", [1, 5, 11])
def test_turned_logits_give_the_turned_chords(up):
    y, times = 3 * torch.randn(ROWS, 60, generator=torch.Generator().manual_seed(up)), np.arange(60) / FPS
    part, given = ChordFrames(), Example(sound=silent(60 / FPS), beats=steady(6))
    part.fit_changes([Example(sound=silent(50), chords=random_chords(s)) for s in range(4)])
    here, there = part.decode(y, times, given), part.decode(turned(y, up), times, given)
    assert [sound_of(str(harmony.parse(x).transposed(up))) for x in here.labels] == [sound_of(x) for x in there.labels]
    np.testing.assert_array_equal(here.starts, there.starts)
    np.testing.assert_allclose(here.confidence, there.confidence, atol=1e-9)


def test_turned_logits_are_the_logits_of_what_is_transposed():
    part, times = ChordFrames(), frames(12)
    truth = random_chords(3)
    up = Intervals(truth.starts, truth.ends, tuple(str(harmony.parse(x).transposed(4)) for x in truth.labels))
    here, there = (logits(part.read(Example(chords=c), times)) for c in (truth, up))
    torch.testing.assert_close(turned(here, 4), there)


@pytest.mark.parametrize("seed", range(4))
def test_a_smaller_vocabulary_says_the_same_in_fewer_words(seed):
    y, times = 4 * torch.randn(ROWS, 200, generator=torch.Generator().manual_seed(seed)), np.arange(200) / FPS
    given = Example(sound=silent(200 / FPS))
    large = ChordFrames("full").decode(y, times, given)
    for name, below in (("sevenths", "full"), ("majmin", "sevenths")):
        small, larger = ChordFrames(name).decode(y, times, given), ChordFrames(below).decode(y, times, given)
        assert len(small) <= len(larger) <= len(large)
        middles = (large.starts + large.ends) / 2
        words = [harmony.class_of(harmony.parse(x), name, near=True) for x in larger.at(middles)]
        assert [harmony.class_of(harmony.parse(x), name) for x in small.at(middles)] == words
        assert {harmony.parse(x).quality for x in small.labels} <= {*harmony.VOCABULARIES[name], "N"}


def test_curves_are_posteriors_of_the_words():
    y = torch.randn(ROWS, 7)
    for name, n in (("full", 169), ("sevenths", 61), ("majmin", 25)):
        found = ChordFrames(name).curves(y, np.arange(7) / FPS, Example())
        assert found.values.shape == (n, 7)
        assert len(found.labels) == n
        np.testing.assert_allclose(found.values.sum(0), 1)


@pytest.mark.parametrize("words", [{"vocabulary": "jazz"}, {"experts": (1.0, -1.0, 0.0)}, {"per_beat": 0}])
def test_options_that_mean_nothing_are_errors(words):
    with pytest.raises(AuralError):
        ChordFrames(**words)


# ---- cells


def test_cells_are_half_beats_and_know_where_bars_begin():
    beats = Events(np.array([1.0, 1.5, 2.0, 2.5, 3.0]), ("4", "1", "2", "3", "1"))
    edges, kinds = cells_of(Example(sound=silent(4.2), beats=beats), frames(4.2))
    np.testing.assert_allclose(edges[:-1], np.arange(0, 4.1, 0.25))
    assert edges[-1] == 4.2
    assert (kinds[::2] >= 2).all()
    assert (kinds[1::2] == 1).all()
    np.testing.assert_allclose(edges[:-1][kinds == 3], [1.5, 3.0])
    bare = Events(beats.times)
    kinds = cells_of(Example(sound=silent(4.2), beats=bare, downbeats=Events(np.array([1.5, 3.0]))), frames(4.2))[1]
    np.testing.assert_allclose(edges[:-1][kinds == 3], [1.5, 3.0])


def test_pooling_keeps_the_mean_whatever_the_cells():
    rng = np.random.default_rng(0)
    values, times = rng.normal(size=(3, 50)), np.arange(50) / FPS
    edges = np.concatenate([[-0.5 / FPS], np.sort(rng.uniform(0, 49 / FPS, 70)), [49.5 / FPS]])
    edges = np.clip(edges, 0, times[-1])
    made = pooled([values], times, edges)
    inner = values.copy()
    inner[:, [0, -1]] /= 2  # the outermost half frames lie outside
    np.testing.assert_allclose((made * np.diff(edges)).sum(1) * FPS, inner.sum(1), atol=1e-9)
    constant = pooled([np.ones((1, 50))], times, edges)
    np.testing.assert_allclose(constant, 1)
    for size in (1, 7, 49):
        blocks = np.split(values, range(size, 50, size), 1)
        np.testing.assert_array_equal(pooled(blocks, times, edges), made)


# ---- paths


def model(seed: int, states: int = 3, cells: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(states), states) * (1 - np.eye(states))
    with np.errstate(divide="ignore"):
        changes = np.maximum(np.log(p / p.sum(1, keepdims=True)), -1e30)
    return np.log(rng.dirichlet(np.ones(states), cells)).T, changes, rng.uniform(0.2, 0.9, cells)


def every_path(scores: np.ndarray, changes: np.ndarray, stays: np.ndarray) -> dict[tuple[int, ...], float]:
    found = {}
    for path in itertools.product(range(len(scores)), repeat=scores.shape[1]):
        total = sum(scores[state, n] for n, state in enumerate(path))
        for n, (a, b) in enumerate(itertools.pairwise(path), 1):
            total += np.log(stays[n]) if a == b else np.log(1 - stays[n]) + changes[a, b]
        found[path] = float(total)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_the_best_path_is_the_best_of_all_paths(seed):
    scores, changes, stays = model(seed)
    all_paths = every_path(scores, changes, stays)
    assert tuple(best_path(scores, changes, stays)) == max(all_paths, key=lambda path: all_paths[path])


@pytest.mark.parametrize("seed", range(5))
def test_posteriors_are_the_sums_over_all_paths(seed):
    scores, changes, stays = model(seed)
    sums = np.zeros_like(scores)
    for path, total in every_path(scores, changes, stays).items():
        sums[list(path), range(len(path))] += np.exp(total)
    np.testing.assert_allclose(posteriors(scores, changes, stays), sums / sums.sum(0), atol=1e-9)


def test_what_follows_is_the_same_from_every_root_and_adds_up_to_one():
    learned = spread(bigram([[0, 7, 12 + 9, STATES - 1, 5], [2, 9, 2]]))
    for p in (np.exp(learned), np.exp(_alike(STATES))):
        np.testing.assert_allclose(p.sum(1), 1, atol=1e-5)
        assert (np.diag(p) == 0).all()
    assert learned[0, 7] == pytest.approx(learned[4, 11])
    assert learned[0, 7] > learned[0, 6]
    assert learned[STATES - 1, 5] == pytest.approx(learned[STATES - 1, 0])


def test_how_long_chords_last_is_counted_by_kinds_of_boundaries():
    part = ChordFrames()
    songs = [Example(sound=silent(80), chords=spans(["C", "F", "G", "A:min"] * 10, 2.0), beats=steady(80)) for _ in range(8)]
    part.fit_changes(songs)
    alone, off, on, first = part.stays.tolist()
    assert off == pytest.approx(0.98)
    assert on > 0.9
    assert first < 0.1
    assert alone == pytest.approx(7 / 8, abs=0.02)


# ---- confidence


def test_a_fitted_confidence_is_how_often_it_is_right():
    """A net that is wrong in every third chord, and less sure there: after the fit the confidences say so."""
    part, pairs = ChordFrames(), []
    rng = np.random.default_rng(0)
    for seed in range(60):
        truth = random_chords(seed)
        said = list(truth.labels)
        wrong = rng.random(len(said)) < 1 / 3
        said = [str(harmony.parse(x).transposed(int(rng.integers(1, 12)))) if bad else x for x, bad in zip(said, wrong, strict=True)]
        times = frames(truth.ends[-1])
        y = logits(part.read(Example(chords=Intervals(truth.starts, truth.ends, tuple(said))), times), 6.0)
        faint = np.array([0.4 if bad else 2.0 for bad in wrong])[np.clip(np.searchsorted(truth.starts, times, "right") - 1, 0, 11)]
        y = y * torch.from_numpy(faint).float() + torch.from_numpy(rng.normal(size=y.shape)).float()
        example = Example(sound=silent(truth.ends[-1]), beats=steady(truth.ends[-1]), chords=truth)
        pairs.append((y, times, example))
    part.fit(pairs[:30])
    assert part.sure.shape == (3, 5)
    sure, right = [], []
    for y, times, example in pairs[30:]:
        found = part.decode(y, times, example)
        true = example["chords"].at((found.starts + found.ends) / 2)
        assert found.confidence is not None
        sure += found.confidence.tolist()
        right += [sound_of(a)[0] == sound_of(b)[0] for a, b in zip(found.labels, true, strict=True)]
    assert np.mean(sure) == pytest.approx(np.mean(right), abs=0.06)
    assert np.mean(np.array(sure)[right]) > np.mean(np.array(sure)[~np.array(right)]) + 0.3
