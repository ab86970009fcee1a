"""Loops on an exact grid: the truth for constant tempo, to a hundredth of a beat a minute and to the sample.

    MadeLoops(0)(7)    the eighth loop of seed 0, rendered when asked for

Composed as songs are (styles, plans, players, swing), but played by a machine: every note starts where the grid says, to the
sample; nobody drifts. Synthesised banks alone, so that a loop sounds the same on every machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ...annotations import Events, Example, Grid, Label, Tempo
from ...errors import DataError
from ...sound import Sound
from . import composer, fonts, players, render
from .fonts import RATE, Font, Fonts
from .plan import planned
from .score import Score, Track
from .styles import STYLES, draw

BPM = (60.0, 200.0)
SECONDS = (30.0, 60.0)


@dataclass(frozen=True)
class MadeLoops:
    """A source of loops: example i depends on (seed, i) alone.

    Fields: sound (mono, 44,100 Hz), beats (labels: positions in the bar), downbeats, tempo (the true BPM, and one segment whose
    anchor is the first downbeat), style, strata. Tempi are log-uniform over 60..200 BPM; of ten loops six have a BPM of two
    decimals, three a whole one, one a half (127.5).

    Attributes:
        seed: of all chance.
        length: number of loops.
        banks: synthesised banks to play with.
    """

    seed: int = 0
    length: int = 40
    banks: int = 3

    @property
    def name(self) -> str:
        return f"loops:{self.seed}"

    @property
    def size(self) -> int:
        return self.length

    def __call__(self, index: int) -> Example:
        """Renders the loop. Raises DataError where tinysoundfont is missing."""
        return _rendered(self, index)

    def labels(self, field: str) -> list[str]:
        """The words a field can use."""
        return sorted(STYLES) if field == "style" else [str(i) for i in range(1, 8)] if field == "beats" else []


@lru_cache(maxsize=8)
def _rendered(source: MadeLoops, index: int) -> Example:
    sources = fonts.load("train", source.banks, sampled=False)
    for attempt in range(20):
        rng = np.random.default_rng((source.seed, 3, index, attempt))
        example = _loop(rng, sources)
        if example is not None:
            return Example({"name": f"loop-{source.seed}-{index:04d}", **example})
    raise DataError(f"{source.name}: no loop could be made for number {index} (20 tries)")


def tempo(rng: np.random.Generator) -> float:
    """Beats a minute, two decimals."""
    bpm = float(np.exp(rng.uniform(*np.log(BPM))))
    kind = rng.random()
    return round(bpm, 2) if kind < 0.6 else float(round(bpm)) if kind < 0.9 else round(bpm) + 0.5


def _loop(rng: np.random.Generator, sources: Fonts) -> Example | None:
    """One loop; None where too little of it would be heard."""
    bpm, seconds, lead = tempo(rng), float(rng.uniform(*SECONDS)), round(float(rng.uniform(0.05, 1.0)) * RATE) / RATE
    style = _fitting(rng, bpm)
    score = _composed(rng, style, bpm, seconds, lead)
    n = round(seconds * RATE)
    main, stems = sources.main(rng), []
    for index, track in enumerate(score.tracks):
        own = score.notes[(score.notes[:, 4] == index) & (score.notes[:, 0] < seconds - 0.05)]
        stem = _played(track, own, sources, main, rng, n)
        if stem is not None:
            stems.append(stem)
    if not stems:
        return None
    render._balance(stems, rng)
    mix = np.sum([stem.sound for stem in stems], 0) + render._room(stems, rng, n)
    peak = float(np.abs(mix).max())
    inside = score.beats < seconds
    beats, positions = score.beats[inside], score.positions[inside]
    if peak < 1e-5 or len(beats) < 16 or sum(len(stem.notes) for stem in stems) < len(beats):
        return None
    mix = mix * np.float32(10 ** (-rng.uniform(0.5, 12) / 20) / peak)
    grid = Grid(float(beats[0]), float(beats[-1]), bpm, float(beats[positions == 1][0]))
    return Example(
        sound=Sound((mix * 32767).round().astype(np.int16).astype(np.float32) / 32768, RATE),
        beats=Events(beats, tuple(str(p) for p in positions)),
        downbeats=Events(beats[positions == 1]),
        tempo=Tempo(np.array([bpm]), np.ones(1), (grid,)),
        style=Label(style),
        strata=(score.metre, "drums" if any(stem.track.drum for stem in stems) else "no drums", *score.tags[1:]),
    )


def _fitting(rng: np.random.Generator, bpm: float) -> str:
    """A style that is played about that fast."""
    while True:
        name = draw(rng)
        low, high = STYLES[name].bpm
        if low / 1.1 <= bpm <= high * 1.1:
            return name


def _composed(rng: np.random.Generator, name: str, bpm: float, seconds: float, lead: float) -> Score:
    """The loop on paper: beat k at lead + k · 60 / bpm."""
    style = STYLES[name]
    plan = planned(rng, style, int(seconds * bpm / 60) + 8, [])
    tracks: list[Track] = []
    parts: list[np.ndarray] = []

    def add(track: Track, part: np.ndarray) -> None:
        if len(part):
            tracks.append(track)
            parts.append(part)

    beat = players.drums(rng, plan, name) if rng.random() < style.drums else np.zeros((0, 4))
    if len(beat):
        add(Track("drums", drum=True), beat)
    composer._pitched(rng, plan, style, beat, add)
    swing = (0.5, float(rng.uniform(0.5, max(0.6, style.s16[1]))) if plan.division == 4 and style.s16[1] > 0.5 else 0.5)
    clock = lead + np.arange(plan.beats + 1) * 60 / bpm
    return composer.laid(name, plan, tracks, parts, clock, swing, (name, *(("swing",) if swing[1] > 0.54 else ())))


def _played(track: Track, notes: np.ndarray, sources: Fonts, main: Font, rng: np.random.Generator, n: int) -> render._Stem | None:
    """One track by one instrument, every note heard where it is written."""
    if not len(notes):
        return None
    font, bank, preset = sources.kit(rng) if track.drum else _melodic(*sources.instrument(rng, track.program, main))
    channel = 9 if track.drum else 0
    font.select(channel, bank, preset)
    font.synth.set_tuning(channel, 0.0)
    pitch, velocity = notes[:, 2].astype(int), np.clip(notes[:, 3], 8, 127).astype(int)
    heard, swells = np.full(len(notes), np.inf), np.zeros(len(notes))
    for key in np.unique(pitch[(pitch >= 0) & (pitch < 128)]).tolist():
        heard[pitch == key], swells[pitch == key] = font.rise(channel, bank, preset, key)
    on, off, pitch, velocity, heard, swells, _ = render.struck(notes[:, 0], notes[:, 1], pitch, velocity, heard, swells, n / RATE)
    sound = render._stem(font, channel, on, off, pitch, velocity, n)
    if not len(on) or np.abs(sound).max() < 1e-5:
        return None
    table = render.noted(on / RATE, np.minimum(off, n) / RATE, pitch, velocity, heard, swells)
    return render._Stem(track, render._tilted(sound, rng), table, render.sent(rng))


def _melodic(font: Font, preset: int) -> tuple[Font, int, int]:
    return font, 0, preset


__all__ = ["MadeLoops", "tempo"]
