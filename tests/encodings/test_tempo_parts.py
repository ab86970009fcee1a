"""Tempo candidates out of beats and attacks, and tempo as classes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aural.annotations import Events, Example, Tempo
from aural.encodings.tempo import LEVELS, TempoClasses, TempoOfAttacks, TempoOfBeats, Times, probabilities
from aural.part import stack
from aural.sound import Sound

FPS = 1000


def rises(times: np.ndarray, seconds: float = 30.0, loud: np.ndarray | None = None) -> torch.Tensor:
    """Attacks (band, frame) at these times."""
    strength = 0.01 * np.random.default_rng(0).random(round(seconds * FPS))
    for i, t in enumerate(times):
        near = np.arange(max(0, int(t * FPS) - 6), min(len(strength), int(t * FPS) + 7))
        strength[near] += (1.0 if loud is None else loud[i]) * np.exp(-0.5 * ((near / FPS - t) / 0.002) ** 2)
    return torch.from_numpy(np.stack([strength] * 3))


def decoded(part: TempoOfBeats, attacks: torch.Tensor, beats: np.ndarray) -> Tempo:
    frames = np.arange(attacks.shape[-1]) / FPS
    return part.decode(attacks, frames, Example(sound=Sound(np.zeros((1, 8 * len(frames))), 8000), beats=Events(beats)))


def test_candidates_are_levels_of_the_beats_and_sum_to_at_most_one() -> None:
    beats = np.arange(0.3, 29.5, 0.5)
    found = decoded(TempoOfBeats(), rises(beats), beats)
    assert found.bpms[0] == 120.0
    assert len(found.bpms) >= 2
    ratios = found.bpms / 120
    assert all(min(abs(r / level - 1) for level in LEVELS) < 1e-4 for r in ratios)
    assert (np.diff(found.probabilities) <= 0).all()
    assert 0.5 < found.probabilities.sum() <= 1
    assert found.segments[0].bpm == 120.0
    assert found.curve is not None
    np.testing.assert_allclose(found.curve.values, 120)


def test_half_is_more_probable_of_a_fast_tempo_than_of_a_slow_one() -> None:
    def half(bpm: float) -> float:
        beats = np.arange(0.3, 29.0, 60 / bpm)
        found = decoded(TempoOfBeats(), rises(beats), beats)
        return float(found.probabilities[np.abs(found.bpms / bpm - 0.5) < 0.01].sum())

    assert half(200.0) > 5 * half(80.0)


def test_without_beats_attacks_that_repeat_still_have_a_tempo() -> None:
    pulse = np.arange(0.3, 29.5, 0.5)
    found = decoded(TempoOfBeats(), rises(pulse), np.zeros(0))
    assert min(abs(found.bpms[0] / bpm - 1) for bpm in (60, 120, 240)) < 0.04
    assert found.probabilities.sum() <= 0.5
    assert found.segments == ()
    assert found.curve is None


@pytest.mark.parametrize("frames", [0, 1, 500, 20_000])
def test_silence_without_beats_has_no_tempo(frames: int) -> None:
    found = decoded(TempoOfBeats(), torch.zeros(3, frames), np.zeros(0))
    assert not len(found.bpms)


def test_the_weights_learn_which_level_is_right() -> None:
    def piece(seed: int) -> tuple[torch.Tensor, np.ndarray, Example]:
        period = np.random.default_rng(seed).uniform(0.25, 0.35)
        beats = np.arange(0.3, 29.0, period)
        attacks = rises(beats, loud=np.where(np.arange(len(beats)) % 2, 0.2, 1.0))
        truth = Tempo(np.array([30 / period]))  # every other one is a true beat
        return attacks, np.arange(attacks.shape[-1]) / FPS, Example(beats=Events(beats), tempo=truth)

    part = TempoOfBeats()
    attacks, _, example = piece(99)
    before = decoded(part, attacks, example["beats"].times)
    part.fit([piece(seed) for seed in range(12)])
    after = decoded(part, attacks, example["beats"].times)
    truth = float(example["tempo"].bpms[0])
    assert after.bpms[0] == pytest.approx(truth, rel=0.01)
    assert after.probabilities[0] > before.probabilities[np.abs(before.bpms / truth - 1) < 0.01].sum()


def test_calibration_makes_probabilities_mean_what_they_say_and_keeps_their_order() -> None:
    """Of pieces that all sound alike half are beaten twice too fast, and half are not: it can't be told, so none is surer than 1/2."""

    def piece(seed: int) -> tuple[torch.Tensor, np.ndarray, Example]:
        beats = np.arange(0.3, 29.0, 60 / 140)
        attacks = rises(beats)
        truth = Tempo(np.array([140.0 if seed % 2 else 70.0]))
        return attacks, np.arange(attacks.shape[-1]) / FPS, Example(beats=Events(beats), tempo=truth)

    part = TempoOfBeats()
    attacks, _, example = piece(0)
    before = decoded(part, attacks, example["beats"].times)
    scale = part.calibrate([piece(seed) for seed in range(10)])
    after = decoded(part, attacks, example["beats"].times)
    assert scale < 1
    assert after.probabilities[0] < before.probabilities[0]
    assert after.bpms[:3].tolist() == before.bpms[:3].tolist()


def test_plain_clicks_at_174_are_174_not_87() -> None:
    beats = np.arange(0.3, 29.0, 60 / 174)
    assert decoded(TempoOfBeats(), rises(beats), beats).bpms[0] == pytest.approx(174, abs=0.01)


@pytest.mark.parametrize("bpm", [62.5, 100.0, 127.3, 180.0])
def test_attacks_alone_have_a_tempo_up_to_its_octave(bpm: float) -> None:
    attacks = rises(np.arange(0.3, 29.0, 60 / bpm))
    found = TempoOfAttacks().decode(attacks, np.arange(attacks.shape[-1]) / FPS, Example())
    assert min(abs(found.bpms / bpm - 1)) < 0.01
    assert min(abs(found.bpms[0] / bpm / ratio - 1) for ratio in (0.5, 1, 2)) < 0.01
    assert (np.diff(found.probabilities) <= 0).all()
    assert found.probabilities.sum() == pytest.approx(1)


@pytest.mark.parametrize("frames", [0, 1, 2000, 20_000])
def test_silence_has_no_tempo_by_attacks_either(frames: int) -> None:
    assert not len(TempoOfAttacks().decode(torch.zeros(3, frames), np.arange(frames) / FPS, Example()).bpms)


def test_probabilities_leave_room_for_none() -> None:
    p = probabilities(np.zeros(2 * len(LEVELS) + 3), np.zeros((len(LEVELS), 3)))
    np.testing.assert_allclose(p, 1 / (len(LEVELS) + 1))


def test_times_of_a_batch_are_padded_with_nan() -> None:
    part = Times("beats")
    batch = stack(part, [part.read(Example(beats=Events(np.arange(n)))) for n in (3, 1)])
    assert batch.shape == (2, 3)
    assert torch.isnan(batch[1, 1:]).all()


@pytest.mark.parametrize("bpm", [30.0, 77.0, 128.4, 285.0])
def test_a_tempo_is_its_class_and_back(bpm: float) -> None:
    part = TempoClasses()
    target = part.read(Example(tempo=Tempo(np.array([bpm]))), np.arange(5.0))
    assert target.tolist() == [round(bpm) - 30] * 5
    logits = torch.nn.functional.one_hot(target, 256).T * 20.0
    found = part.decode(logits, np.arange(5.0), Example())
    assert found.bpms[0] == round(bpm)
    assert found.probabilities[0] > 0.99
    assert found.probabilities.sum() <= 1
    assert len(found.bpms) > 1


@pytest.mark.parametrize("tempo", [None, Tempo(np.zeros(0)), Tempo(np.array([20.0])), Tempo(np.array([500.0]))])
def test_what_is_no_class_is_unknown(tempo: Tempo | None) -> None:
    example = Example() if tempo is None else Example(tempo=tempo)
    assert TempoClasses().read(example, np.arange(2.0)).tolist() == [-1, -1]
