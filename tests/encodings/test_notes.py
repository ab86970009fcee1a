"""Facts about notes: what frames say of them, and what is read off frames again."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aural.annotations import Events, Example, Intervals, Notes
from aural.encodings import NoteFrames, with_bends
from aural.encodings.notes import hoped
from aural.errors import AnnotationError, OptionError
from aural.part import stack
from aural.tasks.note import score

FPS = 22_050 / 512
TIMES = np.arange(431) / FPS  # 10 s
EXACT = NoteFrames(ends=0, ignore={})


def logits(example: Example, part: NoteFrames = EXACT, times: np.ndarray = TIMES, sharp: float = 6.0) -> torch.Tensor:
    """A net that says what is true, and that nothing is where nothing is known."""
    heads = torch.nan_to_num(part.read(example, times).double())
    heads[:2] = (2 * heads[:2] - 1) * sharp
    return heads


def decoded(notes: Notes, part: NoteFrames = EXACT) -> Notes:
    return part.decode(logits(Example(notes=notes)), TIMES, Example())


def piece(seed: int, seconds: float = 10.0, density: float = 12.0) -> Notes:
    """Random polyphony: every pitch is struck again after 80 ms at least, half of the time before it has ended."""
    rng = np.random.default_rng(seed)
    rows = []
    for pitch in rng.choice(np.arange(21, 109), 24, replace=False):
        at = rng.uniform(0.05, 24 / density)
        while at < seconds - 0.3:
            following = at + 0.08 + rng.exponential(24 / density)
            end = following if rng.random() < 0.5 else rng.uniform(at + 0.08, following)
            rows.append((at, min(end, seconds - 0.1), pitch, rng.integers(1, 128)))
            at = following
    table = np.array(sorted(rows))
    return Notes(*table.T)


def one(*spans: tuple[float, float], pitch: float = 60.0, velocity: float = 80.0) -> Notes:
    starts, ends = np.array(spans, dtype=float).reshape(-1, 2).T
    return Notes(starts, ends, np.full(len(starts), pitch), np.full(len(starts), velocity))


# ---- notes → frames


def test_an_onset_is_one_at_the_nearest_frame_and_says_how_far_it_lies():
    rows = EXACT.read(Example(notes=one((50.3 / FPS, 100 / FPS))), TIMES)[:, 39]
    assert rows[0, 48:53].tolist() == [0.0, 0.5, 1.0, 0.5, 0.0]
    np.testing.assert_allclose(rows[2, 49:52], [1.3, 0.3, -0.7], atol=1e-5)
    np.testing.assert_allclose(rows[3, 49:52], 80 / 127, atol=1e-6)
    assert torch.isnan(rows[2:, :49]).all()
    assert torch.isnan(rows[2:, 52:]).all()
    assert rows[1, 49:51].tolist() == [0.0, 1.0]
    assert (rows[1, 50:100] == 1).all()
    assert rows[1, 100] == 0


def test_where_a_note_ends_nothing_is_known_but_that_it_started():
    rows = NoteFrames(ends=1).read(Example(notes=one((50 / FPS, 100 / FPS), (200 / FPS, 200.5 / FPS))), TIMES)[:, 39]
    assert torch.isnan(rows[1]).nonzero().flatten().tolist() == [99, 100, 201]
    assert rows[1, 200] == 1  # a note shorter than a frame sounds


def test_what_is_struck_anew_sounds_on():
    rows = NoteFrames(ends=1).read(Example(notes=one((50 / FPS, 100 / FPS), (100 / FPS, 150 / FPS))), TIMES)[1, 39]
    assert (rows[100:149] == 1).all()
    assert torch.isnan(rows).nonzero().flatten().tolist() == [99, 149, 150]


def test_of_two_onsets_that_share_a_neighbour_the_nearer_is_told():
    rows = EXACT.read(Example(notes=one((50.4 / FPS, 51 / FPS), (52.4 / FPS, 60 / FPS))), TIMES)[:, 39]
    np.testing.assert_allclose(rows[2, 49:54], [1.4, 0.4, -0.6, 0.4, -0.6], atol=1e-5)
    rows = EXACT.read(Example(notes=one((49.6 / FPS, 51 / FPS), (51.6 / FPS, 60 / FPS))), TIMES)[:, 39]
    np.testing.assert_allclose(rows[2, 49:54], [0.6, -0.4, 0.6, -0.4, -1.4], atol=1e-5)


def test_a_soft_onset_is_unknown_and_others_beside_it_are_not():
    notes = Notes([1.0, 1.004, 2.0], [1.5, 1.5, 2.5], [60.0, 64.0, 60.0])
    rows = NoteFrames().read(Example(notes=notes, soft_onsets=Events([1.0])), TIMES)
    near = np.abs(TIMES - 1.0) < 0.025
    assert torch.isnan(rows[:2, 39, near]).all()
    assert not torch.isnan(rows[:2, 43, near]).any()
    assert rows[0].eq(1).sum() == 2
    assert rows[0, 39, round(2 * FPS)] == 1


def test_what_sounds_from_the_very_start_may_have_begun_before():
    cut = Example(notes=one((1.0, 3.0), (4.0, 5.0))).cut(2.0, 6.0)
    rows = NoteFrames().read(cut, TIMES)
    assert torch.isnan(rows[0, 39, :2]).all()
    assert (rows[1, 39, :40] == 1).all()
    assert rows[0].eq(1).sum() == 1
    assert torch.isnan(rows[2, :, :3]).all()


def test_what_is_not_known_is_unknown():
    assert torch.isnan(NoteFrames().read(Example(), TIMES)).all()
    assert NoteFrames().read(Example(), TIMES).shape == (4, 88, 431)
    known = Intervals([2.0], [5.0], ("sure",))
    rows = NoteFrames().read(Example(notes=one((1.0, 4.0), (4.5, 6.0)), notes_known=known), TIMES)
    outside = (TIMES < 2 - 0.01) | (TIMES > 5 + 0.01)
    assert torch.isnan(rows[:, :, outside]).all()
    assert not torch.isnan(rows[0, :, (TIMES > 2.01) & (TIMES < 4.99)]).any()
    silent = Notes([1.0], [2.0], [60.0])
    assert torch.isnan(NoteFrames().read(Example(notes=silent), TIMES)[3]).all()
    assert NoteFrames().reads == ("notes", "notes_known", "notes_unsure", "soft_onsets")


def test_pitches_out_of_range_have_no_row():
    rows = NoteFrames(lowest=40, pitches=10).read(Example(notes=Notes([1.0, 2.0, 3.0], [2.0, 3.0, 4.0], [39.4, 49.4, 49.6])), TIMES)
    assert rows[0].eq(1).nonzero()[:, 0].tolist() == [9]


def test_examples_of_unequal_length_are_padded_with_the_unknown():
    part = NoteFrames()
    example = Example(notes=piece(0))
    batch = part(stack(part, [part.read(example, TIMES), part.read(example, TIMES[:200])]))
    assert batch.shape == (2, 4, 88, 431)
    assert torch.isnan(batch[1, :, :, 200:]).all()
    torch.testing.assert_close(batch[1, :, :, :200], part.read(example, TIMES[:200]), equal_nan=True)


def test_a_song_is_read_in_a_few_milliseconds():
    times, example = np.arange(1293) / FPS, Example(notes=piece(1, 30.0, 33.0))
    assert 800 < len(example["notes"]) < 1200
    took = []
    for _ in range(5):
        start = time.process_time()
        NoteFrames().read(example, times)
        took.append(time.process_time() - start)
    assert min(took) < 0.05  # a quarter of that where nothing else runs


# ---- frames → notes


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), density=st.floats(2, 40))
def test_what_was_encoded_is_decoded(seed, density):
    right = piece(seed, density=density)
    found = decoded(right)
    assert len(found) == len(right)
    order = np.lexsort((right.pitches, right.starts))
    found_order = np.lexsort((found.pitches, found.starts.round(5)))
    np.testing.assert_array_equal(found.pitches[found_order], right.pitches[order])
    np.testing.assert_allclose(found.starts[found_order], right.starts[order], atol=1e-3)
    np.testing.assert_allclose(found.ends[found_order], right.ends[order], atol=1.5 / FPS)  # what is struck anew within a frame has no gap
    np.testing.assert_array_equal(found.velocities[found_order], right.velocities[order])


def test_a_perfect_net_is_perfect_by_mir_eval():
    right = piece(7)
    figures = score(right, decoded(right))
    assert figures == {"F_onset": 1.0, "F_offset": 1.0, "P": 1.0, "R": 1.0}
    wrong = replace(right, starts=right.starts + 0.06, ends=right.ends + 0.06)
    assert score(wrong, decoded(right))["F_onset"] < 0.2


def test_a_net_that_errs_finds_the_time_between_frames():
    """Offsets a fifth of a frame off, onsets blurred: less than 5 ms of error in the mean."""
    right = piece(3)
    heads = logits(Example(notes=right))
    noise = np.random.default_rng(0).normal(0, 1, heads.shape)
    heads[2] += torch.from_numpy(0.2 * noise[2])
    heads[0] += torch.from_numpy(noise[0])
    found = EXACT.decode(heads, TIMES, Example())
    errors = [np.abs(right.starts[right.pitches == p] - t).min() for p, t in zip(found.pitches, found.starts, strict=True)]
    assert len(found) == pytest.approx(len(right), rel=0.05)
    assert 0 < np.mean(errors) < 0.005


def test_two_equal_notes_that_abut_are_two_by_their_onsets():
    right = one((1.0, 2.0), (2.0, 3.0))
    heads = logits(Example(notes=right))
    found = EXACT.decode(heads, TIMES, Example())
    np.testing.assert_allclose(found.starts, [1.0, 2.0], atol=1e-3)
    np.testing.assert_allclose(found.ends, [2.0, 3.0], atol=0.02)
    heads[0, 39, round(1.5 * FPS) :] = -6.0
    found = EXACT.decode(heads, TIMES, Example())
    assert len(found) == 1
    np.testing.assert_allclose([found.starts[0], found.ends[0]], [1.0, 3.0], atol=0.02)


def test_gaps_are_tolerated_if_short():
    heads = logits(Example(notes=one((1.0, 3.0))))
    heads[1, 39, round(2 * FPS) : round(2 * FPS) + 3] = -6.0
    assert EXACT.decode(heads, TIMES, Example()).ends[0] == pytest.approx(3.0, abs=0.02)
    heads[1, 39, round(2 * FPS) : round(2 * FPS) + 6] = -6.0
    assert NoteFrames(trick=None).decode(heads, TIMES, Example()).ends[0] == pytest.approx(2.0, abs=0.02)
    assert len(EXACT.decode(heads, TIMES, Example())) == 2  # the rest is a note without an onset


def test_a_note_without_an_onset_is_found_by_the_trick_alone():
    heads = logits(Example(notes=one((1.0, 2.0), velocity=80)))
    heads[0] = -6.0
    found = EXACT.decode(heads, TIMES, Example())
    np.testing.assert_allclose([found.starts[0], found.ends[0], found.pitches[0]], [1.0, 2.0, 60.0], atol=0.02)
    assert len(NoteFrames(trick=None).decode(heads, TIMES, Example())) == 0
    assert len(NoteFrames(stretch=1.5).decode(heads, TIMES, Example())) == 0


def test_the_trick_leaves_alone_what_neighbours_explain():
    heads = logits(Example(notes=one((1.0, 2.0))))
    heads[1, 40] = heads[1, 39] - 3.0  # rings along
    heads[1, 40, :40] = -6.0
    assert EXACT.decode(heads, TIMES, Example()).pitches.tolist() == [60.0]
    heads[0] = -6.0
    heads[1, 40] = heads[1, 39] * 0.5
    assert EXACT.decode(heads, TIMES, Example()).pitches.tolist() == [60.0]


def test_notes_are_no_shorter_than_asked():
    right = one((1.0, 1.06), (2.0, 2.3))
    assert len(decoded(right)) == 2
    assert decoded(right, NoteFrames(shortest=0.15)).starts.tolist() == pytest.approx([2.0], abs=1e-3)


def test_a_net_without_an_opinion_makes_no_notes_and_silence_none():
    assert len(EXACT.decode(torch.full((4, 88, 431), -6.0), TIMES, Example())) == 0
    assert len(EXACT.decode(torch.zeros((4, 88, 0)), np.zeros(0), Example())) == 0
    assert len(EXACT.decode(torch.full((4, 88, 1), -6.0), np.zeros(1), Example())) == 0
    assert len(EXACT.nothing()) == 0
    EXACT.decode(torch.zeros((4, 88, 1)), np.zeros(1), Example()).validate(0.0)


def test_same_logits_same_notes_in_the_same_order():
    generator = torch.Generator().manual_seed(0)
    heads = torch.randn(4, 88, 431, generator=generator) * 3 - 1
    first, again = (EXACT.decode(heads.clone(), TIMES, Example()) for _ in range(2))
    assert len(first) > 100
    for name in ("starts", "ends", "pitches", "velocities", "confidence"):
        assert getattr(first, name).tobytes() == getattr(again, name).tobytes()
    chord = Notes([1.0] * 3, [2.0] * 3, [72.0, 60.0, 67.0])
    assert decoded(chord).pitches.tolist() == [60.0, 67.0, 72.0]
    assert first.velocities.min() >= 1
    assert first.velocities.max() <= 127


def test_a_long_piece_is_decoded_at_once():
    times = np.arange(10_000) / FPS
    heads = logits(Example(notes=piece(2, 230.0, 16.0)), times=times).float()
    heads += torch.randn(heads.shape, generator=torch.Generator().manual_seed(0))
    took = []
    for _ in range(3):
        start = time.process_time()
        found = EXACT.decode(heads, times, Example())
        took.append(time.process_time() - start)
    assert len(found) > 3000
    assert min(took) < 1.0  # half of that is promised where nothing else runs


def test_sounding_is_the_soft_answer():
    curves = EXACT.curves(logits(Example(notes=one((1.0, 2.0)))), TIMES, Example())
    assert curves.labels[39] == "60"
    assert curves.at(np.array([1.5]))[39, 0] > 0.99


# ---- what is fitted


def net(right: Notes, rng: np.random.Generator, ghost: float | None = None) -> torch.Tensor:
    """A net that is sure of some notes and not of others, and hears notes that are not there, as long as true ones: the surer it
    is, the more often it is right, and nothing else tells. Or these are all `ghost` seconds long, which does."""
    n = len(right)
    other = np.array([pitch for pitch in range(30, 100) if pitch not in right.pitches])
    p = rng.uniform(0.15, 0.95, n)
    q = rng.uniform(0.15, 0.95, 3 * n)
    q = q[rng.random(3 * n) < 0.4 * (1 - q) / q]
    starts = rng.uniform(0.2, 9.5, len(q))
    ghosts = sorted(
        zip(
            starts,
            starts + (rng.choice(right.ends - right.starts, len(q)) if ghost is None else ghost),
            rng.choice(other, len(q)),
            np.full(len(q), 64),
            q,
            strict=True,
        )
    )
    heads = logits(Example(notes=right))
    extra = logits(Example(notes=Notes(*np.array(ghosts)[:, :4].T)))
    heads = torch.where(extra[1:2] > heads[1:2], extra, heads)
    heads[0] = torch.maximum(heads[0], extra[0])
    heads[0] = heads[0].clamp(-6, -5)
    for start, pitch, chance in [*zip(right.starts, right.pitches, p, strict=True), *((g[0], g[2], g[4]) for g in ghosts)]:
        heads[0, int(pitch) - 21, round(start * FPS)] = np.log(chance / (1 - chance))
    return heads


def pairs(n: int, seed: int, ghost: float | None = None) -> list:
    rng = np.random.default_rng(seed)
    rights = [piece(seed + i, density=4) for i in range(n)]
    return [(net(right, rng, ghost), TIMES, Example(notes=right)) for right in rights]


def mean_f(part: NoteFrames, some: list) -> float:
    return float(np.mean([score(e["notes"], part.decode(y, t, Example()))["F_onset"] for y, t, e in some]))


def test_fitted_thresholds_find_more():
    part = NoteFrames(trick=None, onset=0.8)
    held_out = pairs(6, 500)
    before = mean_f(part, held_out)
    part.fit(pairs(12, 100))
    assert mean_f(part, held_out) > before + 0.05
    assert (part.thresholds >= 0).all()


def test_confidence_knows_what_the_onset_does_not():
    """Ghosts are as loud as notes, but all of them are short."""
    part, held_out = NoteFrames(trick=None), pairs(6, 500, ghost=0.15)
    part.fit(pairs(8, 100, ghost=0.15))
    assert part.thresholds[0] == 0
    own = mean_f(part, held_out)
    for onset in (0.05, 0.3, 0.5, 0.7, 0.9):
        part.thresholds[0] = onset
        assert own > mean_f(part, held_out) + 0.2


def test_a_piece_that_is_hard_to_hear_keeps_notes_that_a_clear_one_does_not():
    """Worked by hand: of the clear piece, 2 × 1.8 / (2 + 2.2) = 0.857 is the most; of the other, 2 × 1.2 / (3 + 1.2) = 0.571."""
    clear, dim = hoped(np.array([0.9, 0.4, 0.9])), hoped(np.array([0.4, 0.4, 0.4]))
    assert clear.tolist() == [True, False, True]
    assert dim.all()
    assert not len(hoped(np.zeros(0)))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=7))
def test_what_is_kept_has_the_highest_f_to_be_expected(some):
    p = np.array(some)

    def f(kept: np.ndarray) -> float:
        return 2 * p[kept].sum() / (kept.sum() + p.sum())

    every = [np.array(which, bool) for which in itertools.product((0, 1), repeat=len(p))]
    assert f(hoped(p)) == pytest.approx(max(f(which) for which in every))


def test_fitted_confidence_is_the_share_of_notes_that_are_right():
    part = NoteFrames(trick=None)
    part.fit(pairs(16, 200))
    said, were = [], []
    for y, times, example in pairs(16, 900):
        found, right = part.decode(y, times, Example()), example["notes"]
        said.append(found.confidence)
        were.append(
            [np.abs(right.starts[right.pitches == p] - t).min(initial=9) < 0.05 for t, p in zip(found.starts, found.pitches, strict=True)]
        )
    sure, true = np.concatenate(said), np.concatenate(were).astype(float)
    assert len(sure) > 300
    for low, high in ((0.0, 0.6), (0.6, 0.75), (0.75, 0.85), (0.85, 1.0)):
        some = (sure >= low) & (sure < high)
        if some.sum() > 50:
            assert sure[some].mean() == pytest.approx(true[some].mean(), abs=0.07)
    assert np.corrcoef(sure, true)[0, 1] > 0.2


def test_the_trick_is_switched_off_where_it_harms():
    rng = np.random.default_rng(0)
    harmful, helpful = [], []
    for i in range(4):
        right = piece(40 + i, density=3)
        heads = logits(Example(notes=right))
        ghosts = heads.clone()
        for pitch in rng.choice([p for p in range(21, 109) if p not in right.pitches], 8, replace=False):
            ghosts[1, pitch - 21, 50:100] = 3.0
        harmful.append((ghosts, TIMES, Example(notes=right)))
        silent = heads.clone()
        silent[0, right.pitches[:5].astype(int) - 21] = -6.0
        helpful.append((silent, TIMES, Example(notes=right)))
    part = NoteFrames()
    part.fit(harmful)
    assert part.thresholds[2] > 1
    assert len(part.decode(*harmful[0])) < len(NoteFrames().decode(*harmful[0]))
    part.fit(helpful)
    assert part.thresholds[2] < 1


def test_nothing_is_asked_of_notes_where_the_truth_is_unknown():
    half = pairs(6, 300)
    known = Intervals([0.0], [5.0], ("sure",))
    doubled = [(y, t, Example(notes=e["notes"], notes_known=known)) for y, t, e in half]
    lying = [
        (y, t, Example(notes=e["notes"][e["notes"].starts < 5], notes_known=known)) for y, t, e in half
    ]  # past 5 s the truth is missing
    a, b = NoteFrames(trick=None), NoteFrames(trick=None)
    a.fit(doubled)
    b.fit(lying)
    torch.testing.assert_close(a.thresholds, b.thresholds)
    torch.testing.assert_close(a.weights, b.weights)


def test_what_was_fitted_is_saved_with_the_weights():
    part = NoteFrames()
    part.fit(pairs(3, 0))
    assert {"thresholds", "weights", "trick_weights"} <= part.state_dict().keys()
    assert not part.fits_in_training


def test_without_notes_there_is_nothing_to_fit():
    with pytest.raises(OptionError, match="notes"):
        NoteFrames().fit([(torch.zeros(4, 88, 431), TIMES, Example())])


# ---- bends


def contour(semitones: np.ndarray, pitch: float = 60.0, none: float = -3.0) -> torch.Tensor:
    """Logits (265, frame) of a voice that far from the pitch."""
    bins = 21 + np.arange(264) / 3
    heads = 8 * np.exp(-0.5 * ((bins[:, None] - pitch - semitones) / 0.3) ** 2) - 4
    return torch.from_numpy(np.vstack([heads, np.full(len(semitones), none)]))


def test_a_bend_follows_the_voice():
    away = 0.6 * np.sin(2 * np.pi * 2 * TIMES)
    bent = with_bends(one((1.0, 4.0)), contour(away), TIMES)
    times, semitones = bent.bends[0]
    assert times[0] >= 1.0
    assert times[-1] < 4.0
    assert np.abs(semitones - np.interp(times, TIMES, away)).max() < 0.12
    bent.validate(10.0)


def test_a_note_that_stays_does_not_bend():
    for away in (0.0, 0.15, -0.15):
        assert with_bends(one((1.0, 4.0)), contour(np.full(431, away)), TIMES).bends[0].shape == (2, 0)
    assert with_bends(one((1.0, 4.0)), contour(np.full(431, 0.5)), TIMES).bends[0][1].mean() == pytest.approx(0.5, abs=0.05)


def test_a_note_of_which_the_contour_says_nothing_does_not_bend():
    notes = Notes([1.0, 1.0], [4.0, 4.0], [60.0, 72.0])
    first, second = with_bends(notes, contour(0.6 * np.sin(8 * TIMES)), TIMES).bends
    assert first.shape[1] > 100
    assert second.shape == (2, 0)
    assert with_bends(notes, contour(0.6 * np.sin(8 * TIMES), none=30.0), TIMES).bends[0].shape == (2, 0)


def test_bends_are_chosen_and_cut_with_their_notes():
    rise = np.array([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]])
    notes = Notes([1.0, 1.5], [3.0, 2.0], [60.0, 64.0], bends=(rise, None))
    assert [b.shape for b in notes.bends] == [(2, 3), (2, 0)]
    assert notes[np.array([True, False])].bends[0] is not None
    assert len(notes[np.array([False, True])].bends) == 1
    cut = Example(notes=notes).cut(1.5, 2.5)["notes"]
    np.testing.assert_allclose(cut.bends[0], [[0.0, 0.5, 1.0], [0.5, 1.0, 0.5]])
    assert Example(notes=notes).cut(1.0, 2.0)["notes"].bends[0].tolist() == [[0.0, 1.0], [0.0, 1.0]]
    assert Example(notes=notes).cut(2.5, 5.0)["notes"].bends[0][0, -1] == pytest.approx(0.5)
    assert one((1.0, 2.0)).cut(0.0, 1.5).bends is None


@pytest.mark.parametrize(
    ("bends", "says"),
    [
        ((), "0 bends for 1 notes"),
        ((np.zeros(3),), r"\(2, k\)"),
        ((np.array([[1.0, np.nan], [0.0, 0.0]]),), "NaN"),
        ((np.array([[2.0, 1.0], [0.0, 0.0]]),), "sorted"),
    ],
)
def test_a_bend_that_makes_no_sense_is_told(bends, says):
    with pytest.raises(AnnotationError, match=says):
        replace(one((1.0, 2.0)), bends=bends)


def test_a_bend_past_the_end_of_the_sound_is_told():
    with pytest.raises(AnnotationError, match="a bend at 9"):
        replace(one((1.0, 2.0)), bends=(np.array([[1.0, 9.0], [0.0, 1.0]]),)).validate(3.0)


# ---- what is unsure


def test_of_unsure_notes_nothing_is_known_and_of_others_all():
    unsure = one((1.5, 2.0), pitch=64)
    rows = NoteFrames().read(Example(notes=one((1.0, 3.0)), notes_unsure=unsure), TIMES)
    there = (TIMES >= 1.5) & (TIMES <= 2.0)
    assert torch.isnan(rows[:2, 43, there]).all()
    assert (rows[:2, 43, ~there] == 0).all()
    torch.testing.assert_close(rows[:, 39], NoteFrames().read(Example(notes=one((1.0, 3.0))), TIMES)[:, 39], equal_nan=True)


def test_what_is_sure_is_known_where_something_unsure_lies_over_it():
    rows = NoteFrames(ends=0).read(Example(notes=one((1.0, 3.0)), notes_unsure=one((0.9, 2.0))), TIMES)[:, 39]
    at = round(FPS)
    assert rows[0, at - 1 : at + 2].tolist() == [0.5, 1.0, 0.5]
    assert (rows[1, at : round(3 * FPS)] == 1).all()
    assert torch.isnan(rows[0, at + 2 : 86]).all()  # it may be struck anew
    assert torch.isnan(rows[1, 39:at]).all()


def test_what_may_sound_and_is_not_sure_is_unsure():
    """A sure note and a faint one; of the sure one nothing is unsure but how it dies away."""
    heads = logits(Example(notes=one((1.0, 2.0))))
    faint = logits(Example(notes=one((3.0, 4.0), pitch=64)))
    heads[:2, 43] = torch.where(faint[:2, 43] > 0, -1.0, -6.0)
    heads[1, 39, round(2 * FPS) : round(2.2 * FPS)] = -1.0
    sure = NoteFrames().decode(heads, TIMES, Example())
    assert sure.pitches.tolist() == [60.0]
    unsure = NoteFrames().unsure(heads, TIMES, sure)
    np.testing.assert_array_equal(unsure.pitches, [60, 64])
    np.testing.assert_allclose(unsure.starts, [2.0, 3.0], atol=2.5 / FPS)
    np.testing.assert_allclose(unsure.ends, [2.2, 4.0], atol=2.5 / FPS)
    rows = NoteFrames().read(Example(notes=sure, notes_unsure=unsure), TIMES)
    assert rows[0].eq(1).nonzero().tolist() == [[39, round(FPS)]]
    assert not torch.isnan(rows[0, :, : round(1.9 * FPS)]).any()
    assert len(NoteFrames().unsure(heads, TIMES, NoteFrames().nothing())) == 2
    assert len(NoteFrames().unsure(heads[..., :0], TIMES[:0], sure)) == 0


def test_what_is_struck_anew_perhaps_is_unsure_within_a_sure_note():
    heads = logits(Example(notes=one((1.0, 3.0))))
    heads[0, 39, round(2 * FPS)] = -1.0
    sure = NoteFrames().decode(heads, TIMES, Example())
    assert len(sure) == 1
    rows = NoteFrames().read(Example(notes=sure, notes_unsure=NoteFrames().unsure(heads, TIMES, sure)), TIMES)[:, 39]
    assert torch.isnan(rows[0, round(2 * FPS) - 1 : round(2 * FPS) + 2]).all()
    assert torch.isnan(rows[0]).sum() <= 5
    assert (rows[1, round(1.1 * FPS) : round(2.9 * FPS)] == 1).all()
