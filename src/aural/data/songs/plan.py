"""A song's plan: bars, chords and sections on the clock of beats, before anyone plays; and the clock itself."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .harmony import Chart, Chord, composed_chart
from .styles import METRES, Style

Chords = tuple[tuple[float, Chord], ...]


@dataclass
class Plan:
    """Everything that the players agree on.

    Attributes:
        lengths: (bar,) beats of each bar.
        chords: of each bar, (beat in the bar, chord).
        sections: (first bar, letter).
        division: 3 where triplets are the natural ones, else 4.
        early: beats by which some chord changes come before their beat (anticipations), 0 for none.
        keys: of each bar ("C:major"); none where they are not known.
    """

    style: Style
    metre: str
    lengths: np.ndarray
    chords: list[Chords]
    sections: list[tuple[int, str]]
    division: int
    early: float = 0.0
    keys: list[str] = field(default_factory=list)
    starts: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.starts = np.concatenate([[0], np.cumsum(self.lengths)]).astype(int)  # the last one is the end of the song
        self.at: np.ndarray = np.array([self.starts[i] + beat for i, bar in enumerate(self.chords) for beat, _ in bar])
        self.line: list[Chord] = [chord for bar in self.chords for _, chord in bar]

    @property
    def beats(self) -> int:
        """Number of beats in all."""
        return int(self.starts[-1])

    @property
    def positions(self) -> np.ndarray:
        """(beat,) position in its bar, 1 is the downbeat."""
        return np.concatenate([np.arange(1, n + 1) for n in self.lengths])

    def chord(self, beat: float) -> Chord:
        """What sounds at a beat."""
        return self.line[max(0, int(np.searchsorted(self.at, beat + 1e-6, "right")) - 1)]

    @property
    def keyed(self) -> tuple[np.ndarray, list[str]]:
        """(stretch + 1,) beats where keys change, from 0 to the end, and the key of each stretch; none where they are not known."""
        at = [i for i, key in enumerate(self.keys) if i == 0 or key != self.keys[i - 1]]
        return self.starts[[*at, -1]], [self.keys[i] for i in at]

    def changes(self, rng: np.random.Generator) -> list[tuple[float, float, Chord]]:
        """(start, length, chord) of each chord; a new bar strikes again; some come early."""
        kept = [i for i in range(len(self.line)) if i == 0 or self.line[i] != self.line[i - 1] or self.at[i] in self.starts]
        share = rng.uniform(0.3, 1)
        on = [float(self.at[i]) - (self.early if i and rng.random() < share else 0.0) for i in kept]
        return [(a, max(0.2, b - a), self.line[i]) for a, b, i in zip(on, [*on[1:], float(self.beats)], kept, strict=True)]

    def spans(self) -> list[tuple[int, int, str]]:
        """(first bar, bar after the last, letter) of each section."""
        ends = [first for first, _ in self.sections[1:]] + [len(self.lengths)]
        return [(first, end, letter) for (first, letter), end in zip(self.sections, ends, strict=True)]


def planned(rng: np.random.Generator, style: Style, beats: int, charts: list[Chart]) -> Plan:
    """Bars, chords and sections for at least so many beats; two songs in five take a real song's chart if there is one."""
    per_bar, division = METRES[style.metre]
    bars = [per_bar] * (beats // per_bar + 1)
    fitting = [c for c in charts if c.beats == per_bar] if division == 4 else []
    if fitting and rng.random() < 0.4:
        chart = fitting[rng.integers(len(fitting))]
        first, n = int(rng.integers(len(chart.bars))), len(chart.bars)
        chords: list[Chords] = [chart.bars[(first + i) % n] for i in range(len(bars))]
        starts = sorted({s + k * n - first for s in chart.sections for k in range(len(bars) // n + 2)} | {0})
        sections = [(s, "ABCDEFGH"[i % 3]) for i, s in enumerate(starts) if 0 <= s < len(bars)]
        keys = [chart.keys[(first + i) % n] for i in range(len(bars))] if chart.keys else []
    else:
        chords, sections, keys = composed_chart(rng, bars, power=style.heavy)
    if per_bar == 4 and rng.random() < 0.05:  # a shorter bar at the ends of sections, as songs have
        for first, _ in sections[1:]:
            if rng.random() < 0.6:
                bars[first - 1] = int(rng.choice([2, 2, 3]))
    elif division == 4 and rng.random() < 0.02:  # another metre in one kind of section
        other = int(rng.choice([n for n in (3, 4, 5, 6, 7) if n != per_bar]))
        letter = sections[-1][1]
        ends = [s for s, _ in sections[1:]] + [len(bars)]
        for (first, name), end in zip(sections, ends, strict=True):
            if name == letter:
                bars[first:end] = [other] * (end - first)
    chords = [tuple(c for c in bar if c[0] < n) for bar, n in zip(chords, bars, strict=True)]
    early = (1 / 3 if division == 3 else 0.5) if rng.random() < 0.2 else 0.0
    return Plan(style, style.metre, np.array(bars), chords, sections, division, early, keys)


def swung(beats: np.ndarray, eighths: float, sixteenths: float) -> np.ndarray:
    """Beats with the off-beat moved: .5 is straight, 2/3 a triplet shuffle."""
    whole, part = np.floor(beats), beats - np.floor(beats)
    if eighths > 0.5:
        part = np.where(part < 0.5, part * 2 * eighths, eighths + (part - 0.5) * 2 * (1 - eighths))
    elif sixteenths > 0.5:
        half = np.floor(part * 2) / 2
        rest = (part - half) * 2
        part = half + np.where(rest < 0.5, rest * 2 * sixteenths, sixteenths + (rest - 0.5) * 2 * (1 - sixteenths)) / 2
    return whole + part


def clock(rng: np.random.Generator, bpm: float, beats: int, feel: str) -> np.ndarray:
    """(beats + 1,) seconds of every beat, from 0.

    feel: "strict", "drift" (a band without a click), "rubato" (slow waves and ritardandi), "steps" (the tempo changes at a
    few places), "slide" (a long accelerando or ritardando).
    """
    logs = np.zeros(beats)
    if feel == "drift":
        logs = np.clip(np.cumsum(rng.normal(0, rng.uniform(0.001, 0.006), beats)), -0.15, 0.15)
    elif feel == "rubato":
        knots = np.arange(0, beats + 4, int(rng.integers(2, 7)))
        logs = np.interp(np.arange(beats), knots, rng.normal(0, rng.uniform(0.04, 0.12), len(knots)))
        for end in rng.integers(8, max(9, beats), max(1, beats // 24)):
            logs[max(0, end - 3) : end] += np.linspace(0.05, rng.uniform(0.1, 0.35), min(3, end))[-len(logs[max(0, end - 3) : end]) :]
    elif feel == "steps":
        for at in np.sort(rng.integers(4, max(5, beats), int(rng.integers(1, 4)))):
            logs[at:] = rng.uniform(-0.25, 0.25)
    elif feel == "slide":
        logs = np.linspace(0, rng.uniform(-0.25, 0.25), beats)
    return np.concatenate([[0.0], np.cumsum(60 / bpm * np.exp(logs))])
