"""Facts about tuning, and tuning/peaks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import aural
from aural import Example, Sound
from aural.annotations import Score
from aural.representations.tuning import directions, in_hertz, semitones
from aural.representations.tuning import tuning as tuned
from aural.running import run
from aural.system import build
from aural.tasks import task
from aural.tasks.tuning import cents_off

RATE = 22_050


def tones(pitches: tuple[int, ...], a4: float = 440.0, seconds: float = 2.0) -> Sound:
    """MIDI pitches one after the other, eight harmonics each, at a tuning."""
    time = np.arange(round(seconds * RATE)) / RATE
    made = []
    for pitch in pitches:
        f = a4 * 2 ** ((pitch - 69) / 12)
        made.append(sum(np.sin(2 * np.pi * f * h * time) / h for h in range(1, 9)) * np.exp(-time))
    return Sound(0.1 * np.concatenate(made)[None].astype(np.float32), RATE)


TUNE = (45, 57, 64, 69, 72, 76, 60, 53)


@pytest.mark.parametrize("a4", [428.0, 432.0, 438.5, 440.0, 443.0, 446.0, 452.0])
def test_the_tuning_of_tones_is_heard_to_three_cents(a4):
    found = run(build("tuning/peaks"), sound=tones(TUNE, a4))["tuning"]
    assert abs(cents_off(Score(a4), found)) < 3


def test_half_a_semitone_up_and_half_a_semitone_down_are_one_tuning():
    found = run(build("tuning/peaks"), sound=tones(TUNE, 440 * 2 ** (0.7 / 12)))["tuning"]
    assert 1200 * np.log2(found.value / 440) == pytest.approx(-30, abs=3)


def test_drums_and_silence_are_at_440():
    time = np.arange(4 * RATE) / RATE
    noise = np.random.default_rng(0).standard_normal(len(time)) * np.exp(-12 * (time % 0.5)) * 0.2
    for samples in (noise, 0 * noise, noise[:1]):
        assert run(build("tuning/peaks"), sound=Sound(samples[None].astype(np.float32), RATE))["tuning"].value == 440


def test_louder_and_longer_is_the_same_tuning():
    sound = tones(TUNE, 446)
    once = run(build("tuning/peaks"), sound=sound)["tuning"].value
    twice = Sound(np.concatenate([sound.samples, sound.samples], 1) * 4, RATE)
    assert run(build("tuning/peaks"), sound=twice)["tuning"].value == pytest.approx(once, abs=0.05)


def test_pieces_say_what_the_whole_says():
    system, sound = build("tuning/peaks"), tones(TUNE, 434)
    whole = run(system, sound=sound)["tuning"].value
    system.window, system.context = 7.0, 1.0
    assert run(system, sound=sound)["tuning"].value == pytest.approx(whole, abs=0.3)


def test_its_target_decodes_to_itself():
    part = build("tuning/peaks").output
    for hertz in (428.0, 440.0, 451.0):
        given = Example(tuning=Score(hertz))
        assert part.decode(part.read(given), np.zeros(1), given).value == pytest.approx(hertz, abs=0.01)
    assert part.read(Example()).isnan().all()


def test_directions_of_pieces_add_up():
    x = torch.rand(1, 60, 40, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(directions(x), directions(x[..., :15]) + directions(x[..., 15:]), rtol=1e-4, atol=1e-4)
    assert float(tuned(x)) == pytest.approx(float(semitones(directions(x))[0]))
    assert in_hertz(1.0) == pytest.approx(466.16, abs=0.01)


def test_what_counts_is_the_distance_on_a_circle_of_a_semitone():
    score = task("tuning").score
    assert score is not None
    assert cents_off(Score(440.0), Score(443.0)) == pytest.approx(11.8, abs=0.1)
    assert score(Score(440.0), Score(441.0)) == {"cents5": 1.0, "cents10": 1.0}
    assert score(Score(440.0), Score(442.0)) == {"cents5": 0.0, "cents10": 1.0}
    low, high = Score(440 * 2 ** (-0.49 / 12)), Score(440 * 2 ** (0.49 / 12))
    assert cents_off(low, high) == pytest.approx(-2, abs=0.01)
    assert aural.tasks.maker("tuning") is task("tuning")
