"""The systems of tempo: what the survey states of one, and what the default promises."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

import aural
from aural.annotations import Events, Example
from aural.encodings.grid import Grids
from aural.sound import Sound
from aural.system import build


def clicks(bpm: float, seconds: float, rate: int = 44_100, channels: int = 1) -> tuple[Sound, np.ndarray]:
    """Decaying noise on a grid, over a little noise; and where it is."""
    rng = np.random.default_rng(0)
    burst = rng.normal(0, 0.2, rate // 20) * np.exp(-np.arange(rate // 20) / (rate / 150))
    x = rng.normal(0, 1e-4, round(seconds * rate))
    times = np.arange(0.4321, seconds - 0.1, 60 / bpm)
    for t in times:
        first = round(t * rate)
        x[first : first + len(burst)] += burst[: len(x) - first]
    return Sound(np.tile(x.astype(np.float32), (channels, 1)), rate), times


def jittered(times: np.ndarray) -> Events:
    rng = np.random.default_rng(4)
    return Events(np.sort((times + rng.uniform(-0.01, 0.01, len(times)))[rng.random(len(times)) > 0.05]))


@pytest.mark.parametrize(("bpm", "rate", "channels"), [(127.53, 44_100, 1), (93.4, 48_000, 2), (174.0, 22_050, 1)])
def test_the_grid_is_in_the_sound_not_in_the_beats(bpm: float, rate: int, channels: int) -> None:
    sound, times = clicks(bpm, 40, rate, channels)
    found = aural.run("tempo/from_beats", sound=sound, beats=jittered(times))["tempo"]
    (grid,) = found.segments
    assert grid.bpm == bpm
    assert found.bpms[0] == bpm
    away = (grid.anchor - times[0]) * bpm / 60
    assert abs(away - round(away)) * 60 / bpm < 0.002
    found.validate(sound.duration)


def test_beats_are_made_where_nobody_gives_them() -> None:
    sound, _ = clicks(120.0, 30)
    found = aural.run("tempo/from_beats", sound=sound)["tempo"]
    assert found.bpms[0] == pytest.approx(120, abs=0.05)


def test_the_floor_needs_neither_beats_nor_weights() -> None:
    sound, _ = clicks(120.0, 20)
    system = build("tempo/autocorrelation")
    assert not list(system.net.parameters())
    assert system.input.reads == ("sound",)
    assert aural.run(system, sound=sound)["tempo"].bpms[0] == pytest.approx(120, rel=0.01)


def test_a_long_sound_in_pieces_has_the_answer_of_the_whole() -> None:
    sound, times = clicks(101.7, 75)
    beats = jittered(times)
    pieces = build("tempo/from_beats")
    whole = build("tempo/from_beats")
    whole.window = 1000.0
    one, two = (aural.run(s, sound=sound, beats=beats)["tempo"] for s in (pieces, whole))
    assert one.segments == two.segments
    np.testing.assert_allclose(one.bpms, two.bpms)
    np.testing.assert_allclose(one.probabilities, two.probabilities, atol=1e-3)


def test_louder_is_the_same() -> None:
    sound, times = clicks(88.25, 30)
    quiet = Sound(sound.samples * 0.03, sound.rate)
    one, two = (aural.run("tempo/from_beats", sound=s, beats=jittered(times))["tempo"] for s in (sound, quiet))
    assert one.segments == two.segments


def test_four_minutes_cost_little() -> None:
    sound, times = clicks(120.0, 240)
    system, beats = build("tempo/from_beats"), jittered(times)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    start = time.process_time()
    aural.run(system, sound=sound, beats=beats)
    spent = time.process_time() - start
    torch.set_num_threads(threads)
    assert spent < 2.0  # measured: 0.25 s; the rest is room for a busy machine


# ---- deep rhythm


def test_deep_rhythm_has_the_parameters_of_the_paper() -> None:
    system = build("tempo/deep_rhythm")
    assert sum(p.numel() for p in system.net.parameters()) == 1_357_176
    assert system.net.dense[0].in_features == 2904 == 121 * 3 * 8
    assert system.input.tempi == 240
    assert system.output.labels[0] == "30"
    assert system.output.labels[-1] == "285"


def test_deep_rhythm_answers_in_every_frame_for_itself() -> None:
    net = build("tempo/deep_rhythm").net.eval()
    x = torch.randn(1, 6, 240, 8, 3, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        y = net(x)
        assert y.shape == (1, 256, 3)
        np.testing.assert_allclose(net(x[..., 1:2]), y[..., 1:2], atol=1e-4, rtol=1e-3)


@pytest.mark.slow
def test_deep_rhythm_learns_clicks() -> None:
    """A narrow one tells three tempi apart after a few steps."""
    torch.manual_seed(0)
    system = build("tempo/deep_rhythm", channels=(8, 8, 8, 8, 8), units=32)
    examples = [Example(sound=clicks(bpm, 8, 22_050)[0], tempo=aural.annotations.Tempo(np.array([bpm]))) for bpm in (70.0, 100.0, 145.0)]
    x, y = system.collate(examples)
    x, y = system.features(x)[..., 4:12], y[..., 4:12]
    optimiser = torch.optim.Adam(system.net.parameters(), 3e-3)
    for _ in range(40):
        optimiser.zero_grad()
        system.objective.compare(system(x), y).backward()
        optimiser.step()
    system.eval()
    with torch.no_grad():
        assert (system(x).argmax(1) == y).float().mean() > 0.9


def test_a_person_may_ask_for_a_stricter_grid() -> None:
    sound, times = clicks(120.0, 30)
    system = build("tempo/from_beats")
    system.output.grids = Grids(shortest=100)
    assert aural.run(system, sound=sound, beats=jittered(times))["tempo"].segments == ()
