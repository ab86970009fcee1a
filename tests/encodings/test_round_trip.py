"""The promise of every encoding: decode(encode(annotation)) is the annotation, to within one frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aural import rhythm
from aural.annotations import Curves, Events, Example, Intervals, Label, Stems, Text
from aural.encodings import (
    BarPointer,
    BeatsInBars,
    Channels,
    Characters,
    ClipClass,
    ContourFrames,
    FrameClasses,
    FrameEvents,
    Masks,
    Opinions,
    PeakPicking,
    Samples,
)
from aural.part import Part, stack
from aural.representations import STFT
from aural.sound import Sound

SECONDS, RATE = 4.0, 8000


def perfect(part: Part, target: Any) -> Any:
    """The estimate of a net that is always right."""
    if isinstance(part, FrameEvents):
        return torch.logit(target.double().clamp(1e-4, 1 - 1e-4))
    if isinstance(part, FrameClasses):
        return torch.nn.functional.one_hot(target, len(part.labels)).T * 20.0
    if isinstance(part, ClipClass):
        return torch.nn.functional.one_hot(target, len(part.labels)) * 20.0
    return target


@dataclass
class Case:
    """An encoding, annotations for it from hypothesis, and what "equal within a frame" means."""

    part: Part
    annotations: st.SearchStrategy
    equal: Callable[[Any, Any, float], None]
    field: str


def spaced(gap: float, most: int = 12) -> st.SearchStrategy:
    """Times at least so far apart, within the sound."""
    gaps = st.lists(st.floats(gap, 4 * gap), max_size=most)
    return gaps.map(np.cumsum).map(lambda t: np.asarray(t, dtype=float)[np.asarray(t) < SECONDS - 0.1])


def same_events(found: Events, right: Events, frame: float) -> None:
    assert found.labels == right.labels
    np.testing.assert_allclose(found.times, right.times, atol=frame / 2 + 1e-6)
    if len(found):
        assert found.confidence is not None
        assert found.confidence.min() > 0.9


def same_bars(found: dict[str, Events], right: Events, frame: float) -> None:
    same_events(found["beats"], right, frame)
    same_events(found["downbeats"], rhythm.downbeats(right), frame)


def same_intervals(found: Intervals, right: Intervals, frame: float) -> None:
    middles = (right.starts + right.ends) / 2
    assert found.at(middles) == right.at(middles)
    inner = np.arange(0, SECONDS, frame / 3)
    edges = np.concatenate([right.starts, right.ends])
    far = np.array([np.abs(edges - t).min(initial=9) > frame for t in inner])
    assert found.at(inner[far]) == right.at(inner[far])


def same_curves(found: Curves, right: Curves, frame: float) -> None:
    inside = found.times[(found.times >= right.times[0]) & (found.times <= right.times[-1])]
    np.testing.assert_allclose(found.at(inside), right.at(inside), atol=1e-4)


def same_sound(found: Sound, right: Sound, frame: float) -> None:
    assert (found.rate, found.samples.shape) == (right.rate, right.samples.shape)
    np.testing.assert_allclose(found.samples, right.samples, atol=1e-5)


def same_stems(found: Stems, right: Stems, frame: float) -> None:
    assert found.sounds.keys() == right.sounds.keys()
    for name, sound in found.sounds.items():
        same_sound(sound, right.sounds[name], frame)


def same(found: Any, right: Any, frame: float) -> None:
    assert getattr(found, "name", None) == getattr(right, "name", None)
    assert getattr(found, "text", None) == getattr(right, "text", None)


@st.composite
def labelled(draw: st.DrawFn) -> Events:
    """Kicks and snares, each kind well apart, sorted."""
    kinds = {label: draw(spaced(0.1)) for label in ("kick", "snare")}
    pairs = sorted((t, label) for label, times in kinds.items() for t in times)
    # Two kinds in one frame may change places.
    pairs = [pair for i, pair in enumerate(pairs) if i == 0 or pair[0] - pairs[i - 1][0] > 0.02]
    return Events(np.array([t for t, _ in pairs]), tuple(label for _, label in pairs))


@st.composite
def in_bars(draw: st.DrawFn) -> Events:
    """A steady pulse in bars of two to seven, from any position; long enough to show its metre."""
    metre, step = draw(st.integers(2, 7)), draw(st.floats(0.26, 0.29))
    times = np.arange(draw(st.floats(0.1, 0.3)), SECONDS - 0.1, step)
    first = draw(st.integers(0, metre - 1))
    return Events(times, tuple(str((first + i) % metre + 1) for i in range(len(times))))


@st.composite
def chords(draw: st.DrawFn) -> Intervals:
    bounds = np.concatenate([[0.0], draw(spaced(0.15)), [SECONDS]])
    labels = draw(st.lists(st.sampled_from(["N", "C:maj", "G:maj", "A:min"]), min_size=len(bounds) - 1, max_size=len(bounds) - 1))
    return Intervals(bounds[:-1], bounds[1:], tuple(labels))


@st.composite
def contours(draw: st.DrawFn) -> Curves:
    values = draw(st.lists(st.floats(-1, 1), min_size=41, max_size=41))
    return Curves(np.arange(41) / 10, np.array(values)[None], ("f0",))


def sounds(rate: int, channels: int) -> st.SearchStrategy:
    def make(seed: int) -> Sound:
        return Sound(np.random.default_rng(seed).uniform(-1, 1, (channels, round(SECONDS * rate / 8))).astype(np.float32), rate)

    return st.integers(0, 99).map(make)


EVENTS = spaced(0.1).map(Events)
STEADY = st.tuples(st.floats(0.1, 0.4), st.floats(0.3, 0.9)).map(lambda p: Events(np.arange(p[0], SECONDS - 0.1, p[1])))
CASES = {
    "onsets": Case(FrameEvents("onsets"), EVENTS, same_events, "onsets"),
    "widened onsets": Case(FrameEvents("onsets", widen=((1, 0.5), (2, 0.25))), EVENTS, same_events, "onsets"),
    "drums": Case(FrameEvents("drums", ("kick", "snare")), labelled(), same_events, "drums"),
    "beats by bar pointer": Case(FrameEvents("beats", decoder=BarPointer(), widen=((1, 0.5),)), STEADY, same_events, "beats"),
    "beats by peaks": Case(FrameEvents("beats", decoder=PeakPicking(combine=0.2)), STEADY, same_events, "beats"),
    "beats in bars": Case(BeatsInBars(BarPointer()), in_bars(), same_bars, "beats"),
    "beats, two opinions": Case(Opinions("beats", ("a", "b"), BarPointer()), STEADY, same_events, "beats"),
    "chords": Case(FrameClasses("chords", ("N", "C:maj", "G:maj", "A:min")), chords(), same_intervals, "chords"),
    "chords, none unsaid": Case(FrameClasses("chords", ("N", "C:maj", "G:maj", "A:min"), spoken=False), chords(), same_intervals, "chords"),
    "chords that stay": Case(FrameClasses("chords", ("N", "C:maj", "G:maj", "A:min"), stay=0.9), chords(), same_intervals, "chords"),
    "a word": Case(ClipClass("tag", ("a", "b", "c")), st.sampled_from("abc").map(Label), same, "tag"),
    "a contour": Case(ContourFrames("f0"), contours(), same_curves, "f0"),
    "text": Case(Characters("abc d"), st.text("abc d", min_size=1).map(Text), same, "text"),
    "samples": Case(Samples(RATE, of="clean"), sounds(RATE, 1), same_sound, "clean"),
    "stereo samples": Case(Samples(RATE, of="clean", channels=2), sounds(RATE, 2), same_sound, "clean"),
    "stems": Case(
        Masks(("a", "b"), STFT(RATE, 128, 512)),
        st.tuples(sounds(RATE, 2), sounds(RATE, 2)).map(lambda two: Stems({"a": two[0], "b": two[1]})),
        same_stems,
        "stems",
    ),
}


@pytest.mark.parametrize("fps", [50, 100])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(data=st.data())
def test_what_was_encoded_is_decoded(case, fps, data):
    annotation = data.draw(case.annotations)
    sound = next(iter(annotation.sounds.values())) if isinstance(annotation, Stems) else Sound(np.zeros((1, round(SECONDS * RATE))), RATE)
    example = Example({"sound": sound, case.field: annotation})
    times = np.arange(1 + round(SECONDS * fps)) / fps
    target = case.part(stack(case.part, [case.part.read(example, times)]))[0]
    found = case.part.decode(perfect(case.part, target), times, Example(sound=sound))
    case.equal(found, annotation, 1 / fps)


def test_every_encoding_is_there():
    import aural.encodings

    tried = {type(case.part) for case in CASES.values()}
    parts = {getattr(aural.encodings, name) for name in aural.encodings.__all__}
    parts = {part for part in parts if isinstance(part, type) and issubclass(part, Part)}
    one_way = {aural.encodings.Embedding, aural.encodings.Prototypes, aural.encodings.Noise, Channels}
    assert parts - one_way == tried
