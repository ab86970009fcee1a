"""The promise of every encoding: decode(encode(annotation)) is the annotation, to within one frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from aural import rhythm
from aural.annotations import Curves, Events, Example, Intervals, Label, Notes, Stems, Text
from aural.encodings import (
    BarPointer,
    BeatsInBars,
    Channels,
    Characters,
    ChordFrames,
    ClipClass,
    ContourFrames,
    FrameClasses,
    FrameEvents,
    KeyFrames,
    Masks,
    MelodySalience,
    NoteFrames,
    Opinions,
    PeakPicking,
    PitchSalience,
    PitchTrack,
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
    if isinstance(part, NoteFrames):
        heads = torch.nan_to_num(target.double())
        return torch.cat([12 * heads[:2] - 6, heads[2:]])
    if isinstance(part, MelodySalience | PitchSalience):
        return torch.logit(target.double().clamp(1e-5, 1 - 1e-5))
    if isinstance(part, PitchTrack):
        return target.clamp(min=1e-5).log()
    if isinstance(part, FrameClasses):
        return torch.nn.functional.one_hot(target, len(part.labels)).T * 20.0
    if isinstance(part, ChordFrames):
        known = torch.nan_to_num(target.double(), nan=-1.0)
        root, bass, number = (20.0 * (known[i, None] == torch.arange(n)[:, None]) for i, n in ((0, 13), (1, 13), (14, 170)))
        return torch.cat([root, bass, 20 * torch.nan_to_num(target[2:14].double() - 0.5), number])
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


def same_opinions(found: dict[str, Any], right: Events, frame: float) -> None:
    same_events(found["beats"], right, frame)
    np.testing.assert_array_equal(found["beats_views"].times, found["beats"].times)


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


def same_melody(found: dict[str, Any], right: Curves, frame: float) -> None:
    """Within five cents, and none where none is, but for the frame that a change falls into."""
    times, hz = found["melody"].times, found["melody"].values[0]
    edges = right.times[1:][np.diff(right.values[0]) != 0]
    far = np.array([np.abs(edges - t).min(initial=9) > frame for t in times])
    near = right.values[0][np.round(times * 100).astype(int)]
    assert np.array_equal(hz[far] > 0, near[far] > 0)
    far &= near > 0
    assert np.abs(1200 * np.log2(hz[far] / near[far])).max(initial=0) < 5


def same_salient(found: Curves, right: Curves, frame: float) -> None:
    same_melody({"melody": found}, right, frame)


def same_peaks(found: dict[str, Any], right: Notes, frame: float) -> None:
    same_line(found["notes"], right, frame)


def same_line(found: Notes, right: Notes, frame: float) -> None:
    np.testing.assert_allclose(found.starts, right.starts, atol=frame / 2 + 1e-6)
    np.testing.assert_allclose(found.ends, right.ends, atol=frame + 1e-6)
    np.testing.assert_allclose(found.pitches, right.pitches, atol=0.05)


def same_notes(found: Notes, right: Notes, frame: float) -> None:
    by_pitch, wanted = (np.lexsort((notes.starts, notes.pitches)) for notes in (found, right))
    np.testing.assert_array_equal(found.pitches[by_pitch], right.pitches[wanted])
    np.testing.assert_allclose(found.starts[by_pitch], right.starts[wanted], atol=1e-3)
    np.testing.assert_allclose(found.ends[by_pitch], right.ends[wanted], atol=1.5 * frame)
    np.testing.assert_array_equal(found.velocities[by_pitch], right.velocities[wanted])


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


def strummed() -> st.SearchStrategy:
    """Chords that change every half second, if at all."""
    labels = st.lists(st.sampled_from(["N", "C:maj", "C:maj/3", "G:7", "A:min7/b7", "Eb:sus4"]), min_size=8, max_size=8)
    return labels.map(lambda words: Intervals(np.arange(8) / 2, np.arange(1, 9) / 2, tuple(words)))


def keys() -> st.SearchStrategy:
    """One key throughout: seconds are too short for two."""
    return st.sampled_from(["C:major", "F#:minor", "Db:major", "N"]).map(lambda key: Intervals([0.0], [SECONDS], (key,)))


@st.composite
def contours(draw: st.DrawFn) -> Curves:
    values = draw(st.lists(st.floats(-1, 1), min_size=41, max_size=41))
    return Curves(np.arange(41) / 10, np.array(values)[None], ("f0",))


@st.composite
def melodies(draw: st.DrawFn) -> Curves:
    """A pitch or none every fifth of a second, at a hundred points a second."""
    pitches = draw(st.lists(st.one_of(st.just(0.0), st.floats(60.0, 2000.0)), min_size=21, max_size=21))
    return Curves(np.arange(401) / 100, np.repeat(pitches, 20)[:401][None], ("melody",))


@st.composite
def lines(draw: st.DrawFn) -> Notes:
    """Notes one after the other, some on the pitch of the one before."""
    bounds = np.concatenate([draw(spaced(0.2)), [SECONDS - 0.05]])
    pitches = draw(st.lists(st.integers(21, 68), min_size=len(bounds) - 1, max_size=len(bounds) - 1))
    return Notes(bounds[:-1], bounds[1:], np.array(pitches, dtype=float))


def polyphony(seed: int) -> Notes:
    """Some pitches, each struck again and again, held until then or let go before."""
    rng = np.random.default_rng(seed)
    notes = []
    for pitch in rng.choice(np.arange(21, 109), rng.integers(0, 9), replace=False):
        bounds = np.cumsum(rng.uniform(0.08, 0.4, 40))
        for start, end in pairwise(bounds[bounds < SECONDS]):
            notes.append((start, end if rng.random() < 0.5 else rng.uniform(start + 0.06, end), pitch, rng.integers(1, 128)))
    return Notes(*np.array(sorted(notes), dtype=float).reshape(-1, 4).T)


def changing(line: Notes) -> Notes:
    """The same, but never on the pitch of the one before."""
    return Notes(line.starts, line.ends, 2 * (line.pitches.clip(24) // 2) + np.arange(len(line)) % 2)


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
    "beats, two opinions": Case(Opinions("beats", ("a", "b"), BarPointer()), STEADY, same_opinions, "beats"),
    "chords": Case(FrameClasses("chords", ("N", "C:maj", "G:maj", "A:min")), chords(), same_intervals, "chords"),
    "chords, none unsaid": Case(FrameClasses("chords", ("N", "C:maj", "G:maj", "A:min"), spoken=False), chords(), same_intervals, "chords"),
    "chords that stay": Case(FrameClasses("chords", ("N", "C:maj", "G:maj", "A:min"), stay=0.9), chords(), same_intervals, "chords"),
    "chords with a bass": Case(ChordFrames(), strummed(), same_intervals, "chords"),
    "a key": Case(KeyFrames(), keys(), same_intervals, "key"),
    "a word": Case(ClipClass("tag", ("a", "b", "c")), st.sampled_from("abc").map(Label), same, "tag"),
    "a contour": Case(ContourFrames("f0"), contours(), same_curves, "f0"),
    "a melody": Case(PitchTrack(), melodies(), same_melody, "melody"),
    "a bass line": Case(PitchTrack("bass", 21.0, 48, 1, change=0.02), lines(), same_line, "bass"),
    "notes": Case(NoteFrames(ends=0), st.integers(0, 9999).map(polyphony), same_notes, "notes"),
    "a melody's salience": Case(MelodySalience(), melodies(), same_salient, "melody"),
    "notes' salience": Case(PitchSalience(), lines().map(changing), same_peaks, "notes"),
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
