"""Facts about classes per frame and their decoding."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from aural.annotations import Curves, Example, Intervals, Label
from aural.encodings import ClipClass, FrameClasses
from aural.errors import AuralError
from aural.hmm import best_path as viterbi
from aural.hmm import sticky


def best_by_enumeration(log_p: np.ndarray, transitions: np.ndarray) -> float:
    classes, frames = log_p.shape
    return max(
        sum(log_p[k, t] for t, k in enumerate(path)) + sum(transitions[a, b] for a, b in itertools.pairwise(path))
        for path in itertools.product(range(classes), repeat=frames)
    )


def score(path: np.ndarray, log_p: np.ndarray, transitions: np.ndarray) -> float:
    return float(log_p[path, np.arange(len(path))].sum() + sum(transitions[a, b] for a, b in itertools.pairwise(path)))


@pytest.mark.parametrize("seed", range(5))
def test_viterbi_finds_what_trying_all_paths_finds(seed):
    rng = np.random.default_rng(seed)
    log_p, transitions = np.log(rng.dirichlet(np.ones(4), 5).T), np.log(rng.dirichlet(np.ones(4), 4))
    assert score(viterbi(log_p, transitions), log_p, transitions) == pytest.approx(best_by_enumeration(log_p, transitions))


@pytest.mark.parametrize("seed", range(5))
def test_staying_classes_need_no_matrix(seed):
    rng = np.random.default_rng(seed)
    log_p = np.log(rng.dirichlet(np.ones(6), 80).T)
    transitions = np.log(np.where(np.eye(6, dtype=bool), 0.8, 0.2 / 5))
    assert sticky(log_p, 0.8).tolist() == viterbi(log_p, transitions).tolist()


def test_a_flicker_is_smoothed_away():
    logits = torch.zeros(2, 20)
    logits[0], logits[1, 10] = 1.0, 2.0
    times = np.arange(20) / 10
    assert len(FrameClasses("chords", "Na").decode(logits, times, Example())) == 3
    assert FrameClasses("chords", "Na", stay=0.95).decode(logits, times, Example()).labels == ("N",)


def test_transitions_are_counted():
    part = FrameClasses("chords", "Nab", transitions=True)
    truth = Intervals([0, 1], [1, 2], ("a", "b"))
    part.fit([(None, np.arange(20) / 10, Example(chords=truth))])
    p = part.transitions.exp()
    torch.testing.assert_close(p.sum(1), torch.ones(3))
    assert p[1, 1] == pytest.approx(9.1 / 10.3)
    assert p[2, 1] < 0.02


def test_unknown_labels_and_missing_fields_cost_nothing():
    part = FrameClasses("chords", "Na")
    times = np.arange(4) / 2
    truth = Intervals([0.5, 1.0], [1.0, 1.2], ("a", "weird"))
    assert part.read(Example(chords=truth), times).tolist() == [0, 1, -1, 0]
    assert part.read(Example(), times).tolist() == [-1] * 4
    assert part.read(Example(chords=Curves([0, 2], [[0.2, 0.9], [0.8, 0.1]], ("N", "a"))), times).tolist() == [1, 1, 0, 0]
    assert ClipClass("tag", "ab").read(Example(tag=Label("z"))) == -1


def test_intervals_end_with_the_sound_and_know_how_sure_they_are():
    part = FrameClasses("chords", "Na")
    logits = torch.tensor([[2.0, 2.0, -2.0, -2.0], [-2.0, -2.0, 2.0, 2.0]])
    found = part.decode(logits, np.arange(4) / 2, Example())
    assert found.starts.tolist() == [0, 0.75]
    assert found.ends.tolist() == [0.75, 2.0]
    np.testing.assert_allclose(found.confidence, 1 / (1 + np.exp(-4)))


def test_classes_must_differ():
    with pytest.raises(AuralError, match="once"):
        FrameClasses("chords", ("a", "a"))
