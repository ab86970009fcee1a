"""Facts about beats in bars: what is unknown, what is sure, what is not said."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aural import rhythm
from aural.annotations import Events, Example
from aural.encodings import BarPointer, BeatsInBars, FirstOfBars, Opinions

TIMES = np.arange(2001) / 50  # 40 s


def logits(example: Example, sharp: float = 8.0) -> torch.Tensor:
    """A net that says what is true."""
    return sharp * (torch.nan_to_num(BeatsInBars().read(example, TIMES)) - 0.5)


def song(metre: int = 4, step: float = 0.5) -> Example:
    times = np.arange(0.5, 39.5, step)
    return Example(beats=Events(times, tuple(str(i % metre + 1) for i in range(len(times)))))


def test_beats_without_positions_say_nothing_of_downbeats() -> None:
    rows = BeatsInBars().read(Example(beats=Events(song()["beats"].times)), TIMES)
    assert not torch.isnan(rows[0]).any()
    assert torch.isnan(rows[1]).all()


def test_where_bars_are_unknown_only_downbeats_are() -> None:
    whole = song()["beats"]
    labels = tuple("" if 10 < t < 20 else label for t, label in zip(whole.times, whole.labels or (), strict=True))
    rows = BeatsInBars().read(Example(beats=Events(whole.times, labels)), TIMES)
    unknown = torch.isnan(rows[1]).numpy()
    assert unknown[(TIMES > 10.5) & (TIMES < 19.4)].all()
    assert not unknown[(TIMES < 9.7) | (TIMES > 20.3)].any()
    assert not torch.isnan(rows[0]).any()


def test_downbeats_are_the_beats_that_are_labelled_so() -> None:
    for metre in (2, 3, 4, 5, 6, 7):
        made = BeatsInBars().decode(logits(song(metre)), TIMES, Example())
        assert made["beats"].labels == song(metre)["beats"].labels
        assert np.allclose(made["downbeats"].times, rhythm.downbeats(made["beats"]).times)


def test_a_whole_piece_without_any_confidence_has_no_beats() -> None:
    faint = logits(song()) - 6.0  # activations of .12 at most
    assert len(BeatsInBars(BarPointer(crop=0.0), least=0.2).decode(faint, TIMES, Example())["beats"]) == 0
    assert len(BeatsInBars(BarPointer(crop=0.0), least=0.0).decode(faint, TIMES, Example())["beats"]) > 50


def test_bars_that_are_a_guess_are_unknown() -> None:
    flat = logits(song())
    flat[1] = -1.1  # every beat a downbeat with a probability of a quarter
    made = BeatsInBars(sure=0.6).decode(flat, TIMES, Example())
    assert len(made["beats"]) == len(song()["beats"])
    assert rhythm.positions(made["beats"]).max() == 0
    assert len(made["downbeats"]) == 0


def test_fitted_confidence_is_the_share_of_beats_that_are_right() -> None:
    """A net that is loud where it is right nine times in ten, and soft where it is right once in four."""
    rng = np.random.default_rng(0)
    pairs = []
    for piece in range(40):
        loud, right = piece % 2 == 0, rng.random() < (0.9 if piece % 2 == 0 else 0.25)
        example = song()
        estimate = logits(example, 8.0 if loud else 1.5) - (0.0 if loud else 0.6)
        truth = example if right else Example(beats=Events(example["beats"].times + 0.2, example["beats"].labels))
        pairs.append((estimate, TIMES, truth))
    part = BeatsInBars(least=0.0)
    part.fit(pairs)
    sure = [part.decode(pairs[i][0], TIMES, Example())["beats"].confidence.mean() for i in (0, 1)]
    shares = [np.mean([np.allclose(t["beats"].times[0], 0.5) for _, _, t in pairs[i::2]]) for i in (0, 1)]
    assert np.allclose(sure, shares, atol=0.12)


def test_what_has_no_beats_teaches_that_none_are_said() -> None:
    rng = np.random.default_rng(0)
    noise = [torch.from_numpy(rng.normal(1, 2, (2, len(TIMES)))) for _ in range(8)]
    part, nothing = BeatsInBars(), Example(beats=Events(np.zeros(0), ()))
    assert all(len(part.decode(each, TIMES, Example())["beats"]) > 0 for each in noise)
    part.fit([*[(logits(song()), TIMES, song())] * 4, *[(each, TIMES, nothing) for each in noise[:4]]])
    assert all(len(part.decode(each, TIMES, Example())["beats"]) == 0 for each in noise[4:])
    assert len(part.decode(logits(song()), TIMES, Example())["beats"]) == len(song()["beats"])


def test_a_net_that_is_always_late_is_told_by_how_much() -> None:
    late = Example(beats=Events(song()["beats"].times + 0.04, song()["beats"].labels))
    part = BeatsInBars(least=0.0)
    before = part.decode(logits(late), TIMES, Example())["beats"].times
    part.fit([(logits(late), TIMES, song()) for _ in range(4)])
    made = part.decode(logits(late), TIMES, Example())
    assert np.median(before - song()["beats"].times) == pytest.approx(0.04, abs=0.005)
    assert np.median(made["beats"].times - song()["beats"].times) == pytest.approx(0.0, abs=0.002)
    assert np.isin(made["downbeats"].times, made["beats"].times).all()


def test_confidence_is_saved_with_the_weights() -> None:
    part, other = BeatsInBars(), BeatsInBars()
    part.fit([(logits(song()), TIMES, song())])
    assert len(part.beat_weights) == 4
    assert {"beat_weights", "bar_weights"} <= set(part.state_dict())
    assert len(other.beat_weights) == 0


def test_of_every_bar_line_it_is_told_which_view_argued_for_it() -> None:
    """One view hears every bar, one only those of the second half, one nothing."""
    right = np.arange(32) % 4 == 0
    late = right & (np.arange(32) >= 16)
    logits = torch.tensor(np.where(np.stack([right, late, np.zeros(32, bool)]), 3.0, -2.0))
    made = Opinions("downbeats", ("rhythm", "bass", "melody"), FirstOfBars()).decode(logits, np.arange(32) * 0.5, Example())
    lines, views = made["downbeats"], made["downbeats_views"]
    assert lines.times.tolist() == (np.flatnonzero(right) * 0.5).tolist()
    assert views.times.tolist() == lines.times.tolist()
    assert views.labels == ("rhythm", "bass", "melody", "mean")
    assert [views.labels[i] for i in np.flatnonzero(views.values[:3, 0] > 0.5)] == ["rhythm"]
    assert [views.labels[i] for i in np.flatnonzero(views.values[:3, -1] > 0.5)] == ["rhythm", "bass"]
    np.testing.assert_allclose(views.values[3], lines.confidence, atol=1e-6)


def test_opinions_of_nothing_are_none() -> None:
    made = Opinions("downbeats", ("rhythm", "bass"), FirstOfBars()).nothing()
    assert len(made["downbeats"]) == 0
    assert made["downbeats_views"].values.shape == (3, 0)
