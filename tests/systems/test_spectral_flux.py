"""The floor that learns nothing: it finds clicks and tones where they are, and says nothing of silence."""

from __future__ import annotations

import numpy as np
import pytest

import aural
from aural.annotations import Events, Example
from aural.data import Pieces
from aural.evaluation import evaluate
from aural.sound import Sound
from aural.system import build

RATE = 22_050


def struck(times: np.ndarray, kind: str, seconds: float) -> Sound:
    """Decaying noise or tones at these times, over a little noise."""
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 1e-4, int(seconds * RATE))
    t = np.arange(int(0.3 * RATE)) / RATE
    for time in times:
        hit = (
            rng.normal(0, 0.3, len(t)) * np.exp(-60 * t)
            if kind == "noise"
            else np.sin(2 * np.pi * rng.uniform(200, 900) * t) * np.exp(-15 * t)
        )
        start = round(time * RATE)
        samples[start : start + len(t)] += hit[: len(samples) - start] * 0.3
    return Sound(samples, RATE)


@pytest.mark.parametrize("kind", ["noise", "tone"])
def test_onsets_are_found_within_ten_milliseconds(kind: str) -> None:
    times = 0.5 + np.cumsum(np.random.default_rng(1).uniform(0.15, 0.6, 20))
    found = aural.run("onset/spectral_flux", sound=struck(times, kind, 14))["onsets"]
    assert found.times == pytest.approx(times, abs=0.010)


def test_beats_of_a_steady_pulse() -> None:
    times = np.arange(0.4, 19.5, 0.5)
    found = aural.run("beat/spectral_flux", sound=struck(times, "noise", 20))["beats"].times
    inner = found[(found > 1) & (found < 19)]
    assert inner == pytest.approx(times[(times > 1) & (times < 19)], abs=0.020)


@pytest.mark.parametrize("name", ["onset/spectral_flux", "beat/spectral_flux"])
@pytest.mark.parametrize("samples", [0, 1, 300, 40_000])
def test_silence_of_any_length_has_no_events(name: str, samples: int) -> None:
    system = build(name)
    assert not len(aural.run(system, sound=Sound(np.zeros(samples), RATE))[system.task.makes])


def test_a_system_is_scored_on_a_source() -> None:
    def piece(seed: int) -> Example:
        times = 0.5 + np.cumsum(np.random.default_rng(seed).uniform(0.2, 0.6, 10))
        return Example({"sound": struck(times, "noise", 8), "onsets": Events(times)})

    found = Pieces("struck", [(f"p{i}", lambda i=i: piece(i)) for i in range(3)])
    report = evaluate("onset/spectral_flux", found)
    assert report.to_json() == {
        "system": "onset/spectral_flux",
        "source": "struck",
        "figures": {name: {"value": 1.0, "low": 1.0, "high": 1.0, "n": 3} for name in ("F25", "F50")},
    }
    deaf = evaluate(build("onset/spectral_flux", threshold=0.99), found)
    assert deaf.system == "onset/spectral_flux threshold=0.99"
    assert deaf.figures()["F25"].value == 0.0
