"""Facts about decoders of beats: known answers, and the plain Viterbi search that the fast one must equal."""

from __future__ import annotations

import numpy as np
import pytest

from aural.encodings import AutocorrelationBeats, BarPointer, PeakPicking
from aural.encodings.beats import observations, transitions, viterbi

SURVEY = BarPointer(min_bpm=55, max_bpm=215)
DECODERS = [
    BarPointer(),
    BarPointer(min_bpm=55, max_bpm=215),
    AutocorrelationBeats(),
    AutocorrelationBeats(window=None),
    PeakPicking(combine=0.2),
]


def pulses(times: np.ndarray, seconds: float, fps: float, height: float = 0.9, floor: float = 0.0) -> np.ndarray:
    """An activation that is `height` in the frames nearest the times."""
    activation = np.full(round(seconds * fps), floor)
    activation[np.round(times * fps).astype(int)] = height
    return activation


def bumps(times: np.ndarray, seconds: float) -> np.ndarray:
    """What a net gives that was taught beats with neighbours of a half, 100 frames a second."""
    return np.convolve(pulses(times, seconds, 100), [0.5, 1, 0.5], "same").clip(0.01)


def state_by_state(activation: np.ndarray, intervals: np.ndarray, change: float, observation: int) -> float:
    """Best log-probability of the plain hidden Markov model: every state of every interval, frame by frame."""
    log_p = transitions(intervals, change)
    beat, other = observations(activation, observation)
    first = np.concatenate([[0], np.cumsum(intervals)[:-1]])
    last = first + intervals - 1
    position = np.concatenate([np.arange(i) / i for i in intervals])
    on_beat = position < 1 / observation
    score = np.full(len(position), -np.log(len(position))) + np.where(on_beat, beat[0], other[0])
    for t in range(1, len(activation)):
        moved = np.roll(score, 1)
        moved[first] = (score[last][:, None] + log_p).max(0)
        score = moved + np.where(on_beat, beat[t], other[t])
    return float(score.max())


def test_numbers_of_intervals_and_states():
    assert len(SURVEY.intervals(50)) == 42
    assert SURVEY.intervals(50)[[0, -1]].tolist() == [14, 55]
    assert SURVEY.states(50) == 1449
    sixty = BarPointer(min_bpm=55, max_bpm=215, tempi=60)
    assert len(sixty.intervals(100)) == 60
    assert sixty.intervals(100)[[0, -1]].tolist() == [28, 109]
    assert sixty.states(100) == 3719


def test_transitions_are_probabilities_and_far_ones_never_happen():
    log_p = transitions(SURVEY.intervals(50), 100.0)
    np.testing.assert_allclose(np.exp(log_p).sum(1), 1.0)
    assert np.isneginf(log_p[0, -1])
    assert (log_p.argmax(1) == np.arange(42)).all()


@pytest.mark.parametrize("frames", [1, 2, 13, 14, 15, 40, 60, 200])
@pytest.mark.parametrize("tempi", [None, 12])
def test_the_fast_search_finds_the_score_of_the_plain_one(frames, tempi):
    activation = np.random.default_rng(frames).uniform(size=frames) ** 3
    intervals = BarPointer(min_bpm=55, max_bpm=215, tempi=tempi).intervals(50)
    plain = state_by_state(activation, intervals, 100.0, 16)
    fast, starts, lengths = viterbi(activation, intervals, 100.0, 16)
    assert fast == pytest.approx(plain, abs=1e-9)
    # The path that is reported has that score, and its beats follow each other without a gap.
    np.testing.assert_array_equal(starts[1:], starts[:-1] + lengths[:-1])
    beat, other = observations(activation, 16)
    log_p = transitions(intervals, 100.0)
    k = np.searchsorted(intervals, lengths)
    score = -np.log(intervals.sum()) + log_p[k[:-1], k[1:]].sum()
    for t in range(frames):
        current = np.searchsorted(starts, t, "right") - 1
        score += beat[t] if (t - starts[current]) / lengths[current] < 1 / 16 else other[t]
    assert score == pytest.approx(plain, abs=1e-9)


@pytest.mark.parametrize("decoder", [BarPointer(contradicted=0), *DECODERS], ids=repr)
@pytest.mark.parametrize("bpm", [60, 100, 120, 163, 200])
def test_pulses_are_heard_at_their_own_tempo(decoder, bpm):
    times = np.arange(0.2, 20, 60 / bpm)
    found = decoder(bumps(times, 20), 100) / 100
    assert len(found) == len(times)
    np.testing.assert_allclose(found, times, atol=0.00501)


@pytest.mark.parametrize("decoder", [BarPointer(contradicted=0), AutocorrelationBeats()], ids=repr)
def test_a_missing_pulse_is_filled_in(decoder):
    times = np.arange(0.2, 20, 0.5)
    found = decoder(bumps(np.delete(times, 17), 20), 100) / 100
    np.testing.assert_allclose(found, times, atol=0.03)


@pytest.mark.parametrize("decoder", DECODERS, ids=repr)
def test_silence_one_frame_and_nothing_have_no_beats(decoder):
    for activation in (np.zeros(0), np.zeros(1), np.zeros(1000)):
        assert decoder(activation, 100).tolist() == []


@pytest.mark.parametrize("decoder", DECODERS, ids=repr)
def test_a_lone_spike_is_one_event_at_its_time(decoder):
    activation = np.zeros(500)
    activation[123] = 0.9
    assert decoder(activation, 100).tolist() == [123.0]
    assert decoder(np.array([0.9]), 100).tolist() == [0.0]


def test_lag_of_pulses_each_half_second_is_fifty_frames():
    assert AutocorrelationBeats().interval(pulses(np.arange(0.2, 20, 0.5), 20, 100), 100) == 50


def test_only_the_varying_tempo_follows_a_ramp():
    # 100 to 120 beats a minute within a minute; phase is the integral of the tempo.
    phase = np.arange(0, 110)
    times = 0.3 + 60 * (np.sqrt(100**2 + 2 * 20 * phase) - 100) / 20
    activation = pulses(times[times < 59.5], 60, 100)
    right = times[times < 59.5]

    def found(window: float | None) -> float:
        beats = AutocorrelationBeats(window=window, reach=0.02)(activation, 100) / 100
        return float(np.mean([np.abs(beats - t).min() < 0.03 for t in right]))

    assert found(10.0) == 1.0
    assert found(None) < 0.8


def test_beats_lie_between_frames_where_the_activation_says_so():
    times = np.arange(0.2037, 10, 0.5)
    frames = np.arange(1000) / 100
    activation = 0.9 * np.exp(-0.5 * ((frames[:, None] - times) / 0.02) ** 2).max(1)
    np.testing.assert_allclose(BarPointer()(activation, 100) / 100, times, atol=0.001)


def test_beats_are_sought_only_where_something_is_heard():
    activation = pulses(np.arange(5, 10, 0.5), 15, 100, floor=0.01)
    beats = BarPointer()(activation, 100) / 100
    assert beats.min() >= 4.98
    assert beats.max() <= 9.52


def test_where_no_tempo_can_be_followed_the_peaks_are_the_beats():
    rng = np.random.default_rng(3)
    times = np.cumsum(rng.choice([0.31, 0.5, 0.83, 1.3], size=40))
    activation = pulses(times, times[-1] + 1, 100)
    np.testing.assert_array_equal(BarPointer()(activation, 100), np.round(times * 100))
    assert len(BarPointer(contradicted=0)(activation, 100)) != len(times)


def test_backpointers_of_three_hours_are_one_byte_each():
    assert len(BarPointer().intervals(100)) <= 256


def test_weak_beats_are_heard_at_their_own_tempo_and_not_at_half_of_it():
    times = np.arange(0.2, 30, 60 / 180)
    activation = np.full(3000, 0.03)
    frames = np.round(times * 100).astype(int)
    for distance, height in ((2, 0.075), (1, 0.15), (0, 0.3)):
        for side in (-distance, distance):
            activation[frames + side] = np.maximum(activation[frames + side], height)
    assert len(BarPointer(contradicted=0)(activation, 100)) == len(times)


def test_peaks_that_are_as_narrow_in_slow_music_as_in_fast_keep_slow_tempi():
    activation = np.full(2000, 0.02)
    frames = np.arange(30, 1990, 50)
    activation[frames], activation[frames + 1] = 0.8, 0.6  # two frames, as a loss that tolerates shifts leaves them
    activation[frames[:-1] + 25] = activation[frames[:-1] + 26] = 0.05  # off-beats are heard a little
    assert len(BarPointer(widest=2, contradicted=0)(activation, 50)) == len(frames)
    assert len(BarPointer(contradicted=0)(activation, 50)) > 1.8 * len(frames)
