"""What people say of a sound: the fields of an Example.

Conventions   times in seconds from the start of the sound, sorted; arrays of float64; labels are words of the field
              (Harte chords, General MIDI drums, positions in the bar as "1", "2" …); confidence in 0..1 or absent
Source        the types follow the namespaces of JAMS (Humphrey et al., ISMIR 2014), which `aural.formats` reads and writes
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from typing import Any

import numpy as np

from .errors import AnnotationError
from .sound import Recording, Sound


def _array(values: Any, name: str) -> np.ndarray:
    array = np.atleast_1d(np.asarray(values, dtype=np.float64))
    if array.ndim != 1:
        raise AnnotationError(f"{name} must be one-dimensional, not {array.shape}")
    if not np.isfinite(array).all():
        raise AnnotationError(f"{name} hold a NaN or an infinity; leave out what is not known")
    return array


def _confidence(values: Any, n: int) -> np.ndarray | None:
    if values is None:
        return None
    array = _array(values, "confidences")
    if len(array) != n:
        raise AnnotationError(f"{len(array)} confidences for {n} items")
    if n and (array.min() < 0 or array.max() > 1):
        raise AnnotationError(f"a confidence of {array.min() if array.min() < 0 else array.max():g}; they lie in 0..1")
    return array


def _labels(labels: Iterable[Any] | None, n: int) -> tuple[str, ...] | None:
    if labels is None:
        return None
    words = tuple(str(label) for label in labels)
    if len(words) != n:
        raise AnnotationError(f"{len(words)} labels for {n} items")
    return words


def _within(times: np.ndarray, duration: float | None, what: str) -> None:
    if duration is not None and times.size and times.max() > duration + 0.05:
        raise AnnotationError(
            f"{what} at {times.max():g} s lies past the end of the sound ({duration:.1f} s). "
            "Are these frames or samples? Divide frames by frames per second, samples by the sample rate."
        )


def _bends(bends: Iterable[Any] | None, n: int) -> tuple[np.ndarray, ...] | None:
    if bends is None:
        return None
    made = tuple(np.zeros((2, 0)) if bend is None else np.asarray(bend, dtype=np.float64) for bend in bends)
    if len(made) != n:
        raise AnnotationError(f"{len(made)} bends for {n} notes; a note that keeps its pitch has an empty one")
    for bend in made:
        if bend.ndim != 2 or len(bend) != 2:
            raise AnnotationError(f"a bend of shape {bend.shape}: it is (2, k), seconds and semitones")
        if not np.isfinite(bend).all():
            raise AnnotationError("a bend holds a NaN or an infinity; leave out the points that are not known")
        if (np.diff(bend[0]) < 0).any():
            raise AnnotationError("the times of a bend must be sorted")
    return made


def _cut_bend(bend: np.ndarray, start: float, end: float) -> np.ndarray:
    times, semitones = bend
    inside = bend[:, (times >= start) & (times <= end)]

    def edge(at: float) -> np.ndarray:
        crossed = bool(len(times)) and times[0] < at < times[-1] and at not in times
        return np.array([[at], [np.interp(at, times, semitones)]]) if crossed else np.zeros((2, 0))

    return np.hstack([edge(start), inside, edge(end)]) - np.array([[start], [0.0]])


@dataclass(frozen=True)
class Events:
    """Points in time: onsets, beats (labels are positions in the bar, "1" is the downbeat), drum hits.

    times (n,) seconds, non-decreasing; labels n words or None; confidence (n,) in 0..1 or None.
    """

    times: np.ndarray
    labels: tuple[str, ...] | None = None
    confidence: np.ndarray | None = None

    def __post_init__(self) -> None:
        times = _array(self.times, "times")
        if times.size and times[0] < 0:
            raise AnnotationError(f"an event at {times[0]:g} s; times start at 0")
        if (np.diff(times) < 0).any():
            raise AnnotationError("event times must be sorted")
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "labels", _labels(self.labels, len(times)))
        object.__setattr__(self, "confidence", _confidence(self.confidence, len(times)))

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, keep: np.ndarray | slice) -> Events:
        """Some of them, by a mask, indices or a slice."""
        chosen = np.arange(len(self))[keep]
        labels = None if self.labels is None else tuple(self.labels[i] for i in chosen)
        return Events(self.times[chosen], labels, None if self.confidence is None else self.confidence[chosen])

    def cut(self, start: float, end: float) -> Events:
        """Those with start ≤ time < end, counted from `start`."""
        kept = self[(self.times >= start) & (self.times < end)]
        return replace(kept, times=kept.times - start)

    def validate(self, duration: float | None = None) -> None:
        """Raises AnnotationError where an event lies past the end of the sound."""
        _within(self.times, duration, "an event")


@dataclass(frozen=True)
class Intervals:
    """Spans with a label each: chords (Harte), keys, sections, phones, speakers. starts, ends (n,) seconds."""

    starts: np.ndarray
    ends: np.ndarray
    labels: tuple[str, ...]
    confidence: np.ndarray | None = None

    def __post_init__(self) -> None:
        starts, ends = _array(self.starts, "starts"), _array(self.ends, "ends")
        if len(starts) != len(ends):
            raise AnnotationError(f"{len(starts)} starts for {len(ends)} ends")
        if (np.diff(starts) < 0).any():
            raise AnnotationError("intervals must be sorted by start")
        if (ends < starts).any():
            raise AnnotationError(f"an interval ends before it starts, at {starts[ends < starts][0]:g} s")
        object.__setattr__(self, "starts", starts)
        object.__setattr__(self, "ends", ends)
        object.__setattr__(self, "labels", _labels(self.labels, len(starts)))
        object.__setattr__(self, "confidence", _confidence(self.confidence, len(starts)))

    def __len__(self) -> int:
        return len(self.starts)

    def cut(self, start: float, end: float) -> Intervals:
        """The parts of them inside [start, end), counted from `start`."""
        keep = np.flatnonzero((self.ends > start) & (self.starts < end))
        return Intervals(
            np.clip(self.starts[keep], start, end) - start,
            np.clip(self.ends[keep], start, end) - start,
            tuple(self.labels[i] for i in keep),
            None if self.confidence is None else self.confidence[keep],
        )

    def at(self, times: np.ndarray, none: str = "N") -> list[str]:
        """The label at each time; `none` where no interval lies."""
        index = np.searchsorted(self.starts, np.asarray(times) + 1e-6, "right") - 1
        return [self.labels[i] if i >= 0 and t < self.ends[i] + 1e-6 else none for i, t in zip(index, times, strict=True)]

    def validate(self, duration: float | None = None) -> None:
        """Raises AnnotationError where an interval ends past the end of the sound."""
        _within(self.ends, duration, "an interval's end")


@dataclass(frozen=True)
class Notes:
    """Notes: starts, ends (n,) seconds; pitches (n,) MIDI numbers, fractional where measured; velocities (n,) 1..127 or None;
    tracks (n,) indices into `names` (an instrument each) or None; bends n arrays (2, k) or None: seconds from the start of the
    sound, increasing, and how many semitones away from its pitch the note is then. A note that keeps its pitch has k = 0 (None
    may be given for it)."""

    starts: np.ndarray
    ends: np.ndarray
    pitches: np.ndarray
    velocities: np.ndarray | None = None
    confidence: np.ndarray | None = None
    tracks: np.ndarray | None = None
    names: tuple[str, ...] = ()
    bends: tuple[np.ndarray, ...] | None = None

    def __post_init__(self) -> None:
        starts, ends, pitches = _array(self.starts, "starts"), _array(self.ends, "ends"), _array(self.pitches, "pitches")
        if not len(starts) == len(ends) == len(pitches):
            raise AnnotationError(f"{len(starts)} starts, {len(ends)} ends, {len(pitches)} pitches: one of each a note")
        if (np.diff(starts) < 0).any():
            raise AnnotationError("notes must be sorted by start")
        if (ends < starts).any():
            raise AnnotationError(f"a note ends before it starts, at {starts[ends < starts][0]:g} s")
        if pitches.size and (pitches.min() < 0 or pitches.max() > 127.5):
            raise AnnotationError(f"a pitch of {pitches.max():g}: MIDI numbers lie in 0..127. Is this a frequency in Hz?")
        for name, value in (("starts", starts), ("ends", ends), ("pitches", pitches)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "confidence", _confidence(self.confidence, len(starts)))
        object.__setattr__(self, "bends", _bends(self.bends, len(starts)))

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, keep: np.ndarray | slice) -> Notes:
        """Some of them, by a mask, indices or a slice."""
        chosen = np.arange(len(self))[keep]
        rows = [f.name for f in fields(self) if f.name not in ("names", "bends")]
        pick: dict[str, Any] = {name: None if getattr(self, name) is None else getattr(self, name)[chosen] for name in rows}
        bends = None if self.bends is None else tuple(self.bends[i] for i in chosen)
        return Notes(**pick, names=self.names, bends=bends)

    def cut(self, start: float, end: float) -> Notes:
        """Those that sound inside [start, end), clipped to it and counted from `start`; bends are interpolated at its edges."""
        kept = self[(self.ends > start) & (self.starts < end)]
        starts, ends = np.clip(kept.starts, start, end) - start, np.clip(kept.ends, start, end) - start
        bends = None if kept.bends is None else tuple(_cut_bend(bend, start, end) for bend in kept.bends)
        return replace(kept, starts=starts, ends=ends, bends=bends)

    def validate(self, duration: float | None = None) -> None:
        """Raises AnnotationError where a note starts, or bends, past the end of the sound."""
        _within(self.starts, duration, "a note")
        for bend in self.bends or ():
            _within(bend[0], duration, "a bend")


@dataclass(frozen=True)
class Curves:
    """values (curve, time) at `times` (time,): contours, soft labels, raw activations; one label a curve."""

    times: np.ndarray
    values: np.ndarray
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        times, values = _array(self.times, "times"), np.atleast_2d(np.asarray(self.values))
        if values.shape[-1] != len(times):
            raise AnnotationError(f"{values.shape[-1]} values for {len(times)} times")
        object.__setattr__(self, "times", times)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "labels", tuple(self.labels))

    def at(self, times: np.ndarray) -> np.ndarray:
        """(curve, time), linear between the known points."""
        if not len(self.times):
            return np.zeros((len(self.values), len(times)))
        return np.stack([np.interp(times, self.times, row) for row in self.values])

    def cut(self, start: float, end: float) -> Curves:
        """From start to end, both edges interpolated, counted from `start`."""
        inside = self.times[(self.times > start) & (self.times < end)]
        times = np.unique(np.concatenate([[start, end], inside]))
        return Curves(times - start, self.at(times), self.labels)

    def validate(self, duration: float | None = None) -> None:
        """Raises AnnotationError where a point lies past the end of the sound."""
        _within(self.times, duration, "a point of a curve")


@dataclass(frozen=True)
class Stems:
    """The sounds that a mix is the sum of, by name."""

    sounds: dict[str, Sound]

    def cut(self, start: float, end: float) -> Stems:
        return Stems({name: sound.cut(start, end) for name, sound in self.sounds.items()})


@dataclass(frozen=True)
class Label:
    """One word for the whole: an instrument, a style, a speaker, a key."""

    name: str
    confidence: float | None = None


@dataclass(frozen=True)
class Text:
    """Words without times."""

    text: str


@dataclass(frozen=True)
class Vector:
    """An embedding of the whole."""

    values: np.ndarray


@dataclass(frozen=True)
class Score:
    """One number for the whole, and whether it lies over its threshold (an alarm)."""

    value: float
    over: bool = False


@dataclass(frozen=True)
class Grid:
    """A stretch of constant tempo: from start to end (seconds), beats at anchor + k · 60 / bpm; anchor is a downbeat where one
    is known, and may lie outside the stretch."""

    start: float
    end: float
    bpm: float
    anchor: float

    def __post_init__(self) -> None:
        numbers = (self.start, self.end, self.bpm, self.anchor)
        if not np.isfinite(numbers).all() or self.bpm <= 0 or self.end < self.start:
            raise AnnotationError(
                f"a grid of {self.bpm:g} BPM from {self.start:g} to {self.end:g} s: BPM is over 0, and it ends after its start"
            )

    def beats(self) -> np.ndarray:
        """(n,) seconds of its beats, from start to end."""
        step = 60 / self.bpm
        first, last = np.ceil((self.start - self.anchor) / step - 1e-3), np.floor((self.end - self.anchor) / step + 1e-3)
        return np.asarray(self.anchor + np.arange(first, last + 1) * step)

    def later(self, by: float) -> Grid:
        """The same, so many seconds later."""
        return Grid(self.start + by, self.end + by, self.bpm, self.anchor + by)


@dataclass(frozen=True)
class Tempo:
    """Candidates, most probable first: beats per minute and the probability of each, in 0..1; none where nothing is said of it.

    segments: the stretches with a constant grid, in time order; none where people play freely.
    curve: one curve, "bpm", at the beats; None where no beats are known.
    """

    bpms: np.ndarray
    probabilities: np.ndarray = field(default_factory=lambda: np.zeros(0))
    segments: tuple[Grid, ...] = ()
    curve: Curves | None = None

    def __post_init__(self) -> None:
        bpms, probabilities, segments = _array(self.bpms, "tempi"), _array(self.probabilities, "probabilities"), tuple(self.segments)
        if bpms.size and bpms.min() <= 0:
            raise AnnotationError(f"a tempo of {bpms.min():g} beats a minute; leave out what is not known")
        if any(b.start < a.start for a, b in pairwise(segments)):
            raise AnnotationError("segments of a tempo must be sorted by start")
        for name, value in (("bpms", bpms), ("probabilities", probabilities), ("segments", segments)):
            object.__setattr__(self, name, value)

    def cut(self, start: float, end: float) -> Tempo:
        """The same candidates; segments and curve between start and end, counted from `start`."""
        inside = [replace(g, start=max(g.start, start), end=min(g.end, end)) for g in self.segments if g.end > start and g.start < end]
        curve = self.curve.cut(start, end) if self.curve is not None else None
        return replace(self, segments=tuple(grid.later(-start) for grid in inside), curve=curve)

    def later(self, by: float) -> Tempo:
        """The same, with all times so many seconds later."""
        curve = replace(self.curve, times=self.curve.times + by) if self.curve is not None else None
        return replace(self, segments=tuple(grid.later(by) for grid in self.segments), curve=curve)

    def validate(self, duration: float | None = None) -> None:
        """Raises AnnotationError where a segment or the curve lies past the end of the sound."""
        _within(np.array([grid.end for grid in self.segments]), duration, "a grid's end")
        if self.curve is not None:
            self.curve.validate(duration)


@dataclass(frozen=True)
class Picture:
    """pixels (channel, height, width) float32 in 0..1."""

    pixels: np.ndarray


class Example(dict[str, Any]):
    """Named fields: what is given and what is true of one piece. One class for training, running and evaluation."""

    @property
    def duration(self) -> float | None:
        """Seconds of the sound (the field "sound" first); None without one."""
        sounds = [self["sound"]] if "sound" in self else [v for v in self.values() if isinstance(v, Sound | Recording)]
        return sounds[0].duration if sounds else None

    def cut(self, start: float, end: float) -> Example:
        """Every timed field between start and end, counted from `start`; the others as they are."""
        return Example({name: value.cut(start, end) if hasattr(value, "cut") else value for name, value in self.items()})

    def validate(self, names: Sequence[str] | None = None) -> None:
        """Raises AnnotationError where a timed field lies outside the sound, naming the field."""
        for name in names or list(self):
            check = getattr(self[name], "validate", None)
            if check is not None:
                try:
                    check(self.duration)
                except AnnotationError as error:
                    raise AnnotationError(f"{name}: {error}") from None
