"""Running: pieces are the whole, fields are completed, features are shared."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import aural
from aural import Events, Example, Sound
from aural.encodings import Channels, ContourFrames, FrameClasses, FrameEvents, Masks, PeakPicking, Samples
from aural.part import Parts
from aural.representations import STFT, LogMel, Waveform
from aural.running import estimate, fit_outputs, windows
from aural.sound import Recording
from aural.system import System
from aural.tasks import Task
from aural.tasks.beat import beat
from aural.tasks.onset import onset

TOYS = Path(__file__).parent / "toys"
sys.path.insert(0, str(TOYS))

MEL = {"rate": 8000, "hop": 80, "window": 256, "bands": 16, "fmin": 30, "compression": "log1p", "factor": 100}


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    monkeypatch.setenv("AURAL_SYSTEMS", str(TOYS))


class Convolution(nn.Module):
    """(batch, …, band, frame) → (batch, out, frame); random, `field` frames wide."""

    def __init__(self, bands: int, out: int, field: int = 21, stride: int = 1) -> None:
        super().__init__()
        self.stride, self.field = stride, field
        self.layer = nn.Conv1d(bands, out, field)

    def times(self, times: np.ndarray) -> np.ndarray:
        return times[:: self.stride]

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1, -2)
        return self.layer(nn.functional.pad(x, (self.field // 2, self.field // 2)))[..., :: self.stride]


class RandomMasks(nn.Module):
    def __init__(self, bins: int) -> None:
        super().__init__()
        self.layer = nn.Conv1d(bins, 2 * bins, 5)

    def forward(self, mix: Tensor) -> Tensor:
        y = self.layer(nn.functional.pad((100 * mix.abs()).log1p().flatten(0, 1), (2, 2))).sigmoid()
        return y.unflatten(1, (2, -1)).unflatten(0, mix.shape[:2]).transpose(1, 2)


class Filter(nn.Module):
    """(batch, 1, time) → the same."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv1d(1, 1, 101, padding=50, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


def sentence(kind: str) -> System:
    """A random system whose receptive field lies within the context."""
    torch.manual_seed(0)
    window = {"window": 2.0, "context": 0.3}
    if kind == "events":
        picking = PeakPicking(threshold=0.0, combine=0)
        return System(onset, LogMel(**MEL), Convolution(16, 1), FrameEvents("onsets", decoder=picking), **window)
    if kind == "every third frame":
        return System(onset, LogMel(**MEL), Convolution(16, 1, 21, 3), FrameEvents("onsets", decoder=PeakPicking(0.0, combine=0)), **window)
    if kind == "classes":
        return System(
            Task("chord", "", {"sound": Sound}, "chords"), LogMel(**MEL), Convolution(16, 3), FrameClasses("chords", "Nab"), **window
        )
    if kind == "curves":
        return System(Task("f0", "", {"sound": Sound}, "f0"), LogMel(**MEL), Convolution(16, 1), ContourFrames("f0"), **window)
    if kind == "stems":
        stft = {"rate": 8000, "hop": 128, "window": 512}
        task = Task("separation", "", {"sound": Sound}, "stems")
        return System(task, Channels(STFT(**stft)), RandomMasks(257), Masks(("a", "b"), STFT(**stft)), **window)
    task = Task("cleaning", "", {"sound": Sound}, "clean")
    return System(task, Waveform(8000), Filter(), Samples(8000, of="clean", like="sound"), **window)


def piece(seconds: float = 11.3137, channels: int = 1) -> Sound:
    rng = np.random.default_rng(5)
    return Sound(0.1 * rng.standard_normal((channels, round(seconds * 8000))).astype(np.float32), 8000)


def numbers(answer: Example) -> list[np.ndarray]:
    (value,) = answer.values()
    if hasattr(value, "sounds"):
        return [sound.samples for sound in value.sounds.values()]
    if hasattr(value, "samples"):
        return [value.samples]
    if hasattr(value, "starts"):
        return [value.starts, value.ends]
    return [value.times, getattr(value, "values", value.times)]


KINDS = ["events", "every third frame", "classes", "curves", "stems", "sound"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("window", [1.0, 2.0, 3.3333])
def test_pieces_are_the_whole(kind, window):
    system, sound = sentence(kind), piece(channels=2 if kind == "stems" else 1)
    whole = aural.run(replaced(system, 60.0), sound=sound)
    pieces = aural.run(replaced(system, window), sound=sound)
    assert len(windows(system, Example(sound=sound))) > 3
    assert len(numbers(whole)[0]) > 1 or kind == "sound"
    for a, b in zip(numbers(whole), numbers(pieces), strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(b, a, atol=2e-5)


def replaced(system: System, window: float) -> System:
    system.window = window
    return system


@pytest.mark.parametrize("kind", KINDS)
def test_soft_pieces_are_the_whole(kind):
    if kind in ("stems", "sound"):
        pytest.skip("no activations over time")
    system, sound = sentence(kind), piece()
    (whole,) = aural.run(replaced(system, 60.0), sound=sound, soft=True).values()
    (pieces,) = aural.run(replaced(system, 2.0), sound=sound, soft=True).values()
    np.testing.assert_allclose(pieces.times, whole.times, atol=1e-9)
    np.testing.assert_allclose(pieces.values, whole.values, atol=1e-5)


def test_context_is_what_makes_them_so():
    system, sound = sentence("curves"), piece()
    (whole,) = aural.run(replaced(system, 60.0), sound=sound).values()
    system.context = 0.0
    (pieces,) = aural.run(replaced(system, 2.0), sound=sound).values()
    assert np.abs(pieces.values - whole.values).max() > 1e-3


def test_a_recording_is_run_as_its_sound(tmp_path):
    import soundfile

    sound = piece(5.0)
    soundfile.write(tmp_path / "x.wav", sound.samples.T, 8000, subtype="FLOAT")
    for kind in ("curves", "sound"):
        system = replaced(sentence(kind), 2.0)
        for a, b in zip(
            numbers(aural.run(system, sound=sound)), numbers(aural.run(system, sound=Recording(tmp_path / "x.wav"))), strict=True
        ):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["tag/pooled", "similarity/triplets"])
def test_answers_for_the_whole_are_the_mean_of_the_windows(name):
    """More bands, or classes, than a window has frames: an answer without frames must not be cut as if it had some."""
    torch.manual_seed(0)
    system = aural.build(name).eval()
    example = Example(sound=piece(1.0))
    system.window, system.context = 0.06, 0.0
    spans = windows(system, example)
    assert len(spans) > 10
    mean = torch.stack([estimate(system, example.cut(start, end))[0] for start, end, *_ in spans]).mean(0)
    (answer,) = aural.run(system, example).values()
    if name == "tag/pooled":
        assert answer.confidence == pytest.approx(float(mean.softmax(-1).max()), abs=1e-6)
    else:
        np.testing.assert_allclose(answer.values, mean, atol=1e-6)


def test_progress_goes_from_the_first_window_to_the_last():
    done = []
    aural.run(replaced(sentence("curves"), 2.0), sound=piece(), progress=done.append)
    assert done == sorted(done)
    assert done[-1] == 1.0
    assert len(done) > 3


def test_equal_inputs_are_computed_once():
    calls = []

    class Counted(LogMel):
        def forward(self, raw):
            calls.append(1)
            return super().forward(raw)

    memo: dict = {}
    systems = [System(onset, Counted(**MEL), Convolution(16, 1), FrameEvents("onsets")) for _ in range(2)]
    sound = piece(1.0)
    first, second = (aural.run(system, sound=sound, memo=memo, soft=True)["onsets"] for system in systems)
    assert len(calls) == 1
    assert not np.array_equal(first.values, second.values)
    aural.run(System(onset, Counted(**{**MEL, "bands": 12}), Convolution(12, 1), FrameEvents("onsets")), sound=sound, memo=memo)
    assert len(calls) == 2


def test_fields_nobody_gave_and_no_task_makes_are_named():
    system = aural.build("downbeat/beatwise")
    system.input.__class__ = type("Other", (system.input.__class__,), {"reads": property(lambda _: ("sound", "moods"))})
    with pytest.raises(aural.AuralError, match="moods"):
        aural.run(system, sound=piece(1.0))


class OnBeats(ContourFrames):
    """Decodes to the beats that it is given."""

    wants = ("beats",)

    def decode(self, estimate, times, given):
        return given.get("beats")


def clicks() -> Sound:
    """Ten seconds at 120 beats a minute."""
    samples = np.zeros((1, 10 * 22_050), np.float32)
    samples[0, np.arange(0, 10 * 22_050, 22_050 // 2)[:, None] + np.arange(200)] = np.hanning(200)
    return Sound(samples, 22_050)


def on_beats(makes: str = "f0") -> System:
    return System(Task("f0", "", {"sound": Sound}, makes), LogMel(**MEL), Convolution(16, 1), OnBeats(makes), window=60.0, context=0.3)


def test_beats_that_decoding_wants_are_made(monkeypatch):
    beats = Events(np.array([1.0, 2.0]))
    assert aural.run(on_beats(), sound=clicks(), beats=beats)["f0"] is beats
    monkeypatch.setattr("aural.tasks.beat.beat", replace(beat, default="beat/spectral_flux"))
    made = aural.run(on_beats(), sound=clicks())["f0"]
    np.testing.assert_allclose(np.diff(made.times), 0.5, atol=0.05)
    assert aural.run(System(onset, LogMel(**MEL), Convolution(16, 1), FrameEvents("onsets")), sound=clicks())["onsets"] is not None
    assert Parts({"a": on_beats().output, "b": FrameEvents("onsets")}).wants == ("beats",)


class Beside(FrameEvents):
    """Answers what it sees."""

    beside = ("notes", "absent")

    def decode(self, estimate, times, given):
        return estimate

    def fit(self, pairs):
        self.fitted = [y for y, _, _ in pairs]


def test_a_part_of_a_dict_sees_what_it_takes_beside_its_own():
    parts = Parts({"hits": Beside("onsets"), "notes": Beside("notes"), "other": Beside("other")})
    y = {"hits": torch.zeros(1, 3), "notes": torch.ones(1, 3), "other": torch.full((1, 3), 2.0)}
    made = parts.decode(y, np.arange(3) / 10, Example())
    assert made["onsets"] is y["hits"]
    assert made["notes"] is y["notes"]
    fit_outputs(parts.items(), [(y, np.arange(3) / 10, Example())])
    assert {k: float(v.mean()) for k, v in parts.parts["hits"].fitted[0].items()} == {"onsets": 0.0, "notes": 1.0}
    assert parts.parts["notes"].fitted[0] is y["notes"]
    alone = Parts({"hits": Beside("onsets")})
    assert alone.decode({"hits": y["hits"]}, np.arange(3) / 10, Example())["onsets"] is y["hits"]


def test_no_beats_are_made_for_who_makes_them_or_does_not_decode(monkeypatch):
    monkeypatch.setattr("aural.tasks.beat.beat", replace(beat, default="no/such"))
    assert aural.run(on_beats("beats"), sound=clicks())["beats"] is None
    assert len(aural.run(on_beats(), sound=clicks(), soft=True)["f0"].times)


def test_given_fields_are_not_changed():
    system = sentence("events")
    given = Example(sound=piece(1.0))
    aural.run(system, given)
    assert set(given) == {"sound"}


def test_adapt_needs_something_to_fit():
    with pytest.raises(aural.AuralError, match="nothing to adapt"):
        aural.adapt(sentence("curves"), [Example(sound=piece(1.0))])
    with pytest.raises(aural.AuralError, match="onsets"):
        aural.adapt(sentence("events"), [Example(sound=piece(1.0))])


def test_estimates_are_on_the_processor_with_frames_last():
    system = sentence("curves")
    y, times = estimate(system, Example(sound=piece(1.0)))
    assert y.shape == (1, 101)
    assert y.device.type == "cpu"
    assert len(times) == 101
    assert replace(onset, name="x").makes == "onsets"
