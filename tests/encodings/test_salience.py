"""Facts about salience: bells round pitches, peaks back to pitches, the highest to a melody."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aural.annotations import Curves, Example, Intervals, Notes
from aural.encodings.salience import THRESHOLDS, MelodySalience, PitchSalience
from aural.errors import OptionError

FPS = 22_050 / 256
TIMES = np.arange(round(4 * FPS)) / FPS
C1 = 32.703195662574764


def hz(pitch: np.ndarray | float) -> np.ndarray:
    return np.asarray(440.0 * 2 ** ((np.asarray(pitch) - 69) / 12))


def right(target: torch.Tensor) -> torch.Tensor:
    """Logits of a net that says what is true; where nothing is known it says nothing."""
    return torch.logit(torch.nan_to_num(target).double().clamp(1e-5, 1 - 1e-5))


def gliding(*starts: float) -> Curves:
    t = np.arange(401) / 100
    return Curves(t, np.stack([hz(start + 0.7 * t) for start in starts]), tuple(map(str, range(len(starts)))))


def test_a_pitch_is_one_at_its_bin_and_a_bell_around() -> None:
    rows = PitchSalience().read(Example(pitches=Curves(np.array([0.0, 4.0]), np.full((1, 2), 2 * C1))), TIMES)
    assert rows.shape == (360, len(TIMES))
    assert torch.allclose(rows[58:63, 0], torch.exp(-0.5 * torch.tensor([-2.0, -1, 0, 1, 2]) ** 2))
    assert rows[:55].max() == rows[66:].max() == 0


def test_of_close_pitches_the_higher_bell_counts() -> None:
    rows = PitchSalience().read(
        Example(pitches=Curves(TIMES, np.stack([np.full(len(TIMES), C1 * 2 ** (k / 60)) for k in (100, 102)]))), TIMES
    )
    assert rows[100, 0] == rows[102, 0] == 1
    assert float(rows[101, 0]) == pytest.approx(np.exp(-0.5))


def test_nothing_is_known_without_the_field_and_outside_the_known() -> None:
    part = MelodySalience()
    assert torch.isnan(part.read(Example(), TIMES)).all()
    known = Intervals(np.array([1.0]), np.array([2.0]), ("yes",))
    rows = part.read(Example(melody=gliding(60), melody_known=known), TIMES)
    assert np.array_equal(torch.isnan(rows).any(0).numpy(), (TIMES < 1 - 1e-5) | (TIMES > 2 + 1e-5))


def test_several_pitches_come_back_within_five_cents() -> None:
    part, truth = PitchSalience(), gliding(40.3, 52.1, 59.17, 64.0)
    found = part.decode(right(part.read(Example(pitches=truth), TIMES)), TIMES, Example())["pitches"]
    assert found.values.shape == (4, len(TIMES))
    assert np.abs(1200 * np.log2(found.values / truth.at(TIMES))).max() < 5


def test_notes_serve_where_there_are_no_curves_and_come_back_as_notes() -> None:
    part = PitchSalience()
    notes = Notes(np.array([0.0, 0.5, 0.5, 2.0]), np.array([1.0, 1.5, 3.5, 2.5]), np.array([60.0, 64.0, 67.0, 60.0]))
    made = part.decode(right(part.read(Example(notes=notes), TIMES)), TIMES, Example())["notes"]
    assert np.allclose(made.starts, notes.starts, atol=0.02)
    assert np.allclose(made.ends, notes.ends, atol=0.02)
    assert np.allclose(made.pitches, notes.pitches, atol=0.02)
    assert made.confidence is not None
    assert made.confidence.min() > 0.9


def test_a_note_that_bends_is_shown_where_it_sounds() -> None:
    bend = np.array([[0.0, 4.0], [0.0, 2.0]])
    rows = PitchSalience().read(Example(notes=Notes(np.zeros(1), np.array([4.0]), np.array([60.0]), bends=(bend,))), TIMES)
    bins = rows.argmax(0).numpy()
    assert bins[0] == (60 - 24) * 5
    assert bins[-1] == (62 - 24) * 5


def test_the_highest_is_the_melody_and_a_guess_below_the_threshold() -> None:
    part = MelodySalience(threshold=0.5)
    loud, soft = (part.read(Example(melody=gliding(pitch)), TIMES) for pitch in (60.13, 72.0))
    both = torch.maximum(loud * torch.where(torch.from_numpy(TIMES) < 2, 0.9, 0.4), soft * 0.2)
    made = part.decode(right(both), TIMES, Example())
    assert np.abs(1200 * np.log2(np.abs(made.values[0]) / gliding(60.13).at(TIMES)[0])).max() < 5
    assert np.array_equal(made.values[0] > 0, TIMES < 2)


def test_fit_sets_the_threshold_between_what_is_heard_and_what_is_not() -> None:
    for part, field in ((MelodySalience(), "melody"), (PitchSalience(), "pitches")):
        truth = gliding(60.0)
        truth.values[:, truth.times > 2] = 0
        shown = part.read(Example({field: gliding(60.0)}), TIMES)
        said = shown * torch.where(torch.from_numpy(TIMES) <= 2, 0.8, 0.6)
        part.fit([(right(said), TIMES, Example({field: truth}))])
        assert 0.6 < float(part.threshold) < 0.8
        assert "threshold" in part.state_dict()
        with pytest.raises(OptionError, match=part.of):
            part.fit([(right(said), TIMES, Example())])


def test_a_threshold_scores_what_its_peaks_are_worth_counted_one_by_one() -> None:
    part, rng = PitchSalience(bins=120, per_octave=60), np.random.default_rng(3)
    salience = rng.random((120, 30)).astype(np.float32)
    lines = np.where(rng.random((3, 30)) < 0.7, part.lowest + rng.uniform(0, 24, (3, 30)), -np.inf)
    lines[:, :4] = np.nan  # not known
    counted = []
    for threshold in THRESHOLDS.tolist():
        right = missed = false = 0
        frames, pitches = part.peaks(salience, threshold)
        for frame in range(4, 30):
            found, true = pitches[frames == frame], lines[np.isfinite(lines[:, frame]), frame]
            near = np.abs(found[:, None] - true) <= 0.5
            right += int(near.any(0).sum())
            missed += int((~near.any(0)).sum())
            false += int((~near.any(1)).sum())
        counted.append(right / (right + missed + false))
    assert np.allclose(part.scores(salience, lines), counted)


def test_no_frames_and_silence_are_answers() -> None:
    for part in (MelodySalience(), PitchSalience()):
        assert type(part.decode(torch.zeros(360, 0), np.zeros(0), Example())) is type(part.nothing())
        made = part.decode(torch.full((360, len(TIMES)), -9.0), TIMES, Example())
        if isinstance(made, dict):
            assert len(made["notes"]) == 0
            assert not made["pitches"].values.any()
        else:
            assert (made.values < 0).all()
