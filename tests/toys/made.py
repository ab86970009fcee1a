"""Made data for the toys: a few tones, clicks and letters; the same number gives the same example."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aural import Curves, Events, Example, Intervals, Sound
from aural.annotations import Label, Stems, Text

RATE = 8000


@dataclass(frozen=True)
class Made:
    """A source of examples that a function makes."""

    make: Callable[[int], Example]
    size: int = 24
    name: str = "made"

    def __call__(self, index: int) -> Example:
        return self.make(index)

    def labels(self, field: str) -> list[str]:
        from aural.data import words

        return sorted({word for i in range(self.size) for word in words(self(i).get(field))})


def tone(pitch: float, seconds: float, rate: int = RATE, loud: float = 0.5) -> np.ndarray:
    """A sine with a second partial, MIDI pitch, (time,)."""
    t = np.arange(round(seconds * rate)) / rate
    f = 440 * 2 ** ((pitch - 69) / 12)
    return (loud * (np.sin(2 * np.pi * f * t) + 0.4 * np.sin(4 * np.pi * f * t)) / 1.4).astype(np.float32)


def clicks(index: int, seconds: float = 1.5, rate: int = RATE) -> Example:
    """Noisy clicks: onsets, and the same as beats."""
    rng = np.random.default_rng(index)
    samples = 0.003 * rng.standard_normal(round(seconds * rate))
    times = 0.1 + 0.25 * np.arange(int((seconds - 0.15) / 0.25)) + rng.uniform(0, 0.1)
    for t in times:
        start = round(t * rate)
        n = min(400, len(samples) - start)
        samples[start : start + n] += 0.5 * rng.standard_normal(n) * np.exp(-np.arange(n) / 80)
    return Example(sound=Sound(samples[None].astype(np.float32), rate), onsets=Events(times), beats=Events(times))


def source(make: Callable[..., Example], size: int = 24, **fixed: Any) -> Made:
    """`make(index, **fixed)` as a source."""
    return Made(lambda index: make(index, **fixed), size)


def listed(examples: Sequence[Example]) -> Made:
    return Made(lambda index: Example(examples[index]), len(examples))


INSTRUMENTS = {
    "flute": (1.0,),
    "organ": (1.0, 0.0, 1.0, 0.0, 1.0),
    "string": tuple(1 / n for n in range(1, 9)),
    "bell": (1, 0, 0, 0.9, 0, 0, 0.8),
}


def note(index: int, names: Sequence[str] = ("flute", "organ", "string"), seconds: float = 0.4) -> Example:
    """A note of one of the instruments (its partials), at any pitch."""
    rng = np.random.default_rng(index)
    name = names[index % len(names)]
    t = np.arange(round(seconds * RATE)) / RATE
    f = 220 * 2 ** rng.uniform(0, 0.5)
    samples = sum(a * np.sin(2 * np.pi * f * (n + 1) * t + rng.uniform(0, 6)) for n, a in enumerate(INSTRUMENTS[name]))
    samples = 0.3 * samples / np.sqrt(sum(a * a for a in INSTRUMENTS[name])) + 0.003 * rng.standard_normal(len(t))
    return Example(sound=Sound(samples[None].astype(np.float32), RATE), instrument=Label(name))


def mix(index: int, seconds: float = 1.0, rate: int = RATE, channels: int = 2) -> Example:
    """A low and a high tone, each channel its own balance, and their sum."""
    rng = np.random.default_rng(index)
    low, high = tone(rng.uniform(40, 55), seconds, rate), tone(rng.uniform(80, 92), seconds, rate)
    gate = (np.sin(2 * np.pi * np.arange(len(low)) / rate * 3 + index) > 0).astype(np.float32)
    stems = {"low": low, "high": high * gate}
    stems = {k: Sound(v * rng.uniform(0.3, 1, (channels, 1)).astype(np.float32), rate) for k, v in stems.items()}
    return Example(sound=Sound(stems["low"].samples + stems["high"].samples, rate), stems=Stems(stems))


def spoken(index: int) -> Example:
    """A text of a, b and c, and its sound: each letter a tone of 50 ms."""
    rng = np.random.default_rng(index)
    text = "".join(rng.choice(list("abc "), rng.integers(1, 5)))
    return Example(text=Text(text), sound=Sound(np.concatenate([letter(c) for c in text]), RATE))


def letter(c: str) -> np.ndarray:
    return np.zeros(400, np.float32) if c == " " else tone({"a": 60, "b": 67, "c": 72}[c], 0.05)


def phones(index: int) -> Example:
    """Tones and silences of 0.2 to 0.4 s, each with its name."""
    rng = np.random.default_rng(index)
    names = np.array(["N", "a", "b", "c"])[(rng.integers(4) + np.cumsum(rng.integers(1, 4, 6))) % 4]  # never twice in a row
    lengths = rng.integers(10, 20, 6) * 160
    sounds = [
        np.zeros(n) if name == "N" else tone({"a": 60, "b": 67, "c": 72}[name], n / RATE) for name, n in zip(names, lengths, strict=True)
    ]
    samples = np.concatenate(sounds) + 0.001 * rng.standard_normal(lengths.sum())
    bounds = np.concatenate([[0], np.cumsum(lengths)]) / RATE
    return Example(sound=Sound(samples[None].astype(np.float32), RATE), phones=Intervals(bounds[:-1], bounds[1:], tuple(names)))


def bars(index: int) -> Example:
    """Clicks twice a second, the first of each bar of three or four loud."""
    rng = np.random.default_rng(index)
    beats = 0.2 + 0.5 * np.arange(12)
    metre = int(rng.integers(3, 5))
    samples = 0.001 * rng.standard_normal(RATE * 7)
    for i, t in enumerate(beats):
        start = round(t * RATE)
        samples[start : start + 200] += (0.9 if i % metre == 0 else 0.3) * np.sin(np.arange(200)) * np.exp(-np.arange(200) / 40)
    return Example(sound=Sound(samples[None].astype(np.float32), RATE), beats=Events(beats), downbeats=Events(beats[::metre]))


def tiny(index: int) -> Example:
    """16 samples of a sine at any phase."""
    phase = np.random.default_rng(index).uniform(0, 2 * np.pi)
    return Example(seed=index, sound=Sound(np.sin(np.arange(16) / 16 * 2 * np.pi + phase).astype(np.float32), RATE))


def several(index: int) -> Example:
    """Clicks with three kinds of truth."""
    example = clicks(index)
    times = np.arange(0, 1.51, 0.01)
    return Example({**example, "loudness": Curves(times, np.sin(times)[None], ("loudness",))})


TOYS = {
    "onset/clicker": clicks,
    "onset/student": clicks,
    "generation/gan": tiny,
    "similarity/triplets": note,
    "fewshot/prototypes": note,
    "separation/masks": mix,
    "speech/letters": spoken,
    "phone/nearest": phones,
    "downbeat/beatwise": bars,
    "tag/pooled": note,
    "beat/several": several,
}
