"""Who plays what: drums, accompaniment, bass, riffs and melodies over a plan.

Conventions   a part is an array (note, 4): start and length in beats, MIDI pitch, velocity
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .harmony import Chord
from .plan import Plan
from .score import root_of
from .styles import METRES, STYLES, strokes

KEEPERS = np.array([42, 42, 42, 46, 51, 51, 49, 70, 53, 54])  # hats, rides, crash, shaker, tambourine
SCALES = (
    [0, 2, 4, 5, 7, 9, 11],
    [0, 2, 3, 5, 7, 8, 10],
    [0, 2, 3, 5, 7, 9, 10],
    [0, 2, 4, 5, 7, 9, 10],
    [0, 3, 5, 6, 7, 10],
    [0, 2, 4, 7, 9],
)

_MAJOR = (SCALES[0], SCALES[0], SCALES[0], SCALES[3], SCALES[5])
_MINOR = (SCALES[1], SCALES[1], SCALES[2], [0, 2, 3, 5, 7, 8, 11], SCALES[4])

# Programs that sing: bowed, sung and blown; and from which to which MIDI pitch they play alone.
RANGES = {
    40: (55, 96), 41: (48, 86), 42: (36, 76), 43: (33, 62), 52: (48, 79), 53: (50, 80), 54: (48, 79), 56: (54, 82), 57: (41, 70),
    60: (41, 75), 64: (58, 88), 65: (50, 81), 66: (46, 76), 67: (37, 69), 68: (58, 91), 69: (52, 82), 70: (36, 72), 71: (50, 90),
    72: (72, 100), 73: (60, 96), 74: (60, 93), 75: (60, 92), 110: (55, 91),
}  # fmt: skip

# General MIDI programs that suit a kind of part.
PROGRAMS = {
    "pad": [48, 49, 50, 51, 52, 54, 88, 89, 90, 91, 92, 94, 95, 16, 18, 19, 20, 61],
    "arp": [0, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 24, 25, 26, 45, 46, 80, 81, 84, 88, 104, 106, 107, 108],
    "block": [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 21, 22, 23, 24, 25, 48, 62],
    "skank": [27, 28, 26, 16, 17, 0, 7, 28],
    "eight": [29, 30, 30, 0, 2, 25, 81, 27, 62],
    "strum": [24, 25, 25, 26, 27, 27, 105],
    "shuffle": [0, 26, 27, 29, 16, 25],
    "oompah": [0, 24, 21, 25, 57, 60, 22],
    "chug": [29, 30, 30, 30, 28],
    "tremolo": [44, 48, 30, 30, 29],
    "rhythm": [0, 1, 4, 5, 7, 16, 18, 25, 26, 27, 28, 28, 55, 61, 62, 63, 80],
    "bass": [32, 33, 33, 33, 34, 34, 35, 36, 37, 38, 38, 39, 39, 43],
    "riff": [29, 30, 30, 27, 28, 26, 34, 38, 62, 80, 81, 84, 87],
    "lead": [0, 11, 22, 24, 29, 30, 40, 40, 40, 41, 42, 52, 53, 53, 54, 54, 56, 57, 59, 60, 64, 65, 66, 67, 68, 69, 71, 72, 73, 73, 74, 75,
             78, 79, 80, 81, 82, 84, 85, 85, 85, 86, 110],
}  # fmt: skip


def as_part(rows: Sequence[tuple[float, float, float, float]]) -> np.ndarray:
    """Rows as a part."""
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def rhythm(rng: np.random.Generator, beats: int, division: int, density: float) -> np.ndarray:
    """Places in beats, more of them on beats and on the first one; never empty."""
    steps = np.arange(beats * division)
    chance = density * np.where(steps % division == 0, 1.5, 0.8) * np.where(steps == 0, 1.4, 1.0)
    places = steps[rng.random(len(steps)) < chance] / division
    return places if len(places) else np.zeros(1)


# ---- drums


def random_grid(rng: np.random.Generator, beats: int, kicks: float) -> np.ndarray:
    """A bar nobody named: backbeat, half- or double-time snare, any kick."""
    r = rng.random()
    if beats == 4:
        snare = (
            [1.0, 3]
            if r < 0.62
            else [2.0]
            if r < 0.77
            else [0.5, 1.5, 2.5, 3.5]
            if r < 0.87
            else [0.0, 1, 2, 3]
            if r < 0.92
            else [1.0, 2.5]
            if r < 0.97
            else [3.0]
        )
    else:
        snare = [float(i) for i in range(1, beats) if rng.random() < 0.5] or [float(beats - 1)]
    drum = int(rng.choice([38, 38, 38, 40, 39, 37]))
    grid = int(rng.choice([2, 2, 4]))
    extra = [i / grid for i in range(1, beats * grid) if i / grid not in snare and rng.random() < kicks * 1.2]
    if rng.random() < 0.08:
        extra = [i / 4 for i in range(1, beats * 4)]
    return np.array([(0.0, 36, 108, 0.97), *((x, 36, 96, 0.97) for x in extra), *((x, drum, 104, 0.98) for x in snare)])


def bar_of(rng: np.random.Generator, plan: Plan, name: str) -> list[np.ndarray]:
    """One or two bars of strokes (stroke, 4: beat, drum, velocity, probability) in a style."""
    style = STYLES[name]
    beats = METRES[style.metre][0]
    grid = style.grids[rng.integers(len(style.grids))]
    kicks = rng.uniform(0, style.kicks)
    bar = strokes(grid, beats) if grid else random_grid(rng, beats, max(kicks, 0.1))
    division = 3 if plan.division == 3 else int(rng.choice([2, 2, 4]))
    if style.keeper:
        rate = 3 if plan.division == 3 else int(style.keeper[rng.integers(len(style.keeper))])
        drum, soft = int(rng.choice(KEEPERS)), rng.uniform(0.55, 1)
        ticks = np.arange(beats * rate) / rate
        loud = np.where(ticks % 1 == 0, 1.0, soft) * rng.uniform(65, 100)
        bar = np.concatenate([bar, np.stack([ticks, np.full(len(ticks), drum), loud, np.full(len(ticks), 0.97)], 1)])
    bars = [bar, bar]
    taken = bar[np.isin(bar[:, 1], (37, 38, 39, 40)), 0]
    for i in range(2 if kicks and rng.random() < 0.5 else 0):  # each bar its own syncopation
        places = [p for p in rhythm(rng, beats, division, kicks / 1.5) if p and p not in taken]
        bars[i] = np.concatenate([bar, as_part([(p, 36.0, 92.0, 0.95) for p in places])])
    return bars if rng.random() < 0.5 else bars[:1]


def drums(rng: np.random.Generator, plan: Plan, name: str) -> np.ndarray:
    """A drum part: bars of the style, section by section, with fills, crashes, stops, thinner and half-time sections."""
    patterns = {letter: bar_of(rng, plan, name) for letter in sorted({s[1] for s in plan.sections})}
    if rng.random() < 0.5:
        patterns = dict.fromkeys(patterns, next(iter(patterns.values())))
    feel = dict.fromkeys(patterns, 1.0)
    if plan.division == 4 and len(feel) > 1 and rng.random() < 0.05:  # one kind of section in half or double time
        feel[sorted(feel)[-1]] = float(rng.choice([0.5, 2.0]))
    fill_end, fill_inside, crash_rate, crash = (
        rng.uniform(0.2, 0.9),
        rng.uniform(0, 0.3),
        rng.uniform(0.2, 0.95),
        int(rng.choice([49, 57, 55, 52])),
    )
    out: list[np.ndarray] = []
    for first, end, letter in plan.spans():
        if first and rng.random() < 0.05:
            continue  # a section without drums
        bars, speed = patterns[letter], feel[letter]
        if rng.random() < 0.2:  # a thinner section
            without = (37, 38, 39, 40) if rng.random() < 0.5 else tuple(KEEPERS)
            thin = [b[~np.isin(b[:, 1], without)] for b in bars]
            bars = thin if all(len(b) > 1 for b in thin) else bars
        stop = int(rng.integers(first, end)) if rng.random() < 0.06 else -1
        for bar in range(first, end):
            length, start = int(plan.lengths[bar]), float(plan.starts[bar])
            if bar == stop:
                continue
            hits = bars[(bar - first) % len(bars)]
            if speed == 2:
                hits = np.concatenate([np.c_[hits[:, :1] / 2, hits[:, 1:]], np.c_[hits[:, :1] / 2 + length / 2, hits[:, 1:]]])
            elif speed == 0.5:
                hits = np.c_[hits[:, :1] * 2 - (length if (bar - first) % 2 else 0), hits[:, 1:]]
            fill = (bar == end - 1 and rng.random() < fill_end) or ((bar - first) % 4 == 3 and rng.random() < fill_inside)
            stay = float(length)
            if fill:
                stay = length - min(length, float(rng.choice([1, 1, 2, length] if bar == end - 1 else [0.5, 1, 1, 2])))
                out.append(fill_of(rng, plan, start + stay, start + length))
            played = (rng.random(len(hits)) < hits[:, 3]) & (hits[:, 0] >= 0) & (hits[:, 0] < stay)
            hits = hits[played]
            out.append(np.stack([start + hits[:, 0], np.full(len(hits), 0.1), hits[:, 1], hits[:, 2]], 1))
            if (bar == first or fill) and rng.random() < crash_rate * (1 if bar == first else 0.5):
                at = start if bar == first else start + length
                if at < plan.beats:
                    out.append(as_part([(at, 0.1, crash, 108), (at, 0.1, 36, 105)]))
    part = np.concatenate(out) if out else as_part([])
    _, once = np.unique(np.round(part[:, [0, 2]] * 96).astype(int), axis=0, return_index=True)
    return part[once]


def fill_of(rng: np.random.Generator, plan: Plan, start: float, end: float) -> np.ndarray:
    """Toms and snare between two beats."""
    rate = (plan.division if rng.random() < 0.8 else plan.division * 2) if plan.division == 3 else int(rng.choice([2, 4, 4, 4, 6, 8]))
    places = np.arange(start, end - 1e-6, 1 / rate)
    places = places[rng.random(len(places)) < rng.choice([0.6, 0.9, 1.0])]
    if not len(places):
        return as_part([])
    kit = np.array([38, 38, 50, 48, 47, 45, 43, 41])
    drum = rng.choice([38, 45, 47, 50, 43, 36], len(places)) if rng.random() < 0.5 else kit[np.sort(rng.integers(0, len(kit), len(places)))]
    return np.stack([places, np.full(len(places), 0.1), drum, rng.uniform(75, 110) + rng.normal(0, 7, len(places))], 1)


# ---- pitched parts


def accompaniment(rng: np.random.Generator, plan: Plan, kind: str) -> np.ndarray:
    """Chords in one of the kinds of PROGRAMS."""
    lowest = int(rng.integers(45, 60))
    changes = plan.changes(rng)
    if kind == "pad":
        return as_part([(on, length * 0.97, p, 70) for on, length, chord in changes for p in chord.voiced(lowest)])
    at = np.array([c[0] for c in changes])

    def chord(beat: float) -> Chord:
        return changes[max(0, int(np.searchsorted(at, beat + 1e-6, "right")) - 1)][2]

    if kind == "arp":
        return _arpeggio(rng, plan, chord, lowest)
    triple = plan.division == 3
    length = int(np.bincount(plan.lengths).argmax())
    tatum = 3 if triple else 2
    hold = {"skank": 0.2, "block": 0.85, "eight": 0.3, "strum": 0.5, "oompah": 0.5, "shuffle": 0.3, "tremolo": 0.24}.get(kind, 0.4)
    bars = 1
    beats = np.arange(length, dtype=float)
    if kind == "skank":
        places = beats + (2 / 3 if triple else 0.5) if rng.random() < 0.7 or length != 4 else np.array([1.0, 3.0])
    elif kind in ("block", "oompah"):
        places = beats
    elif kind == "eight":
        places = np.arange(length * tatum) / tatum
    elif kind == "shuffle":
        places = np.sort(np.concatenate([beats, beats + (2 / 3 if triple else 0.5)]))
    elif kind == "tremolo":
        places = np.arange(length * 4) / 4 if not triple else np.arange(length * 6) / 6
    elif kind == "strum":
        places = np.array([0.0, *(i / tatum for i in range(1, length * tatum) if rng.random() < 0.65)])
    elif kind == "chug":
        rate = 3 if triple else int(rng.choice([2, 2, 4]))
        share = float(rng.choice([1, 0.85]))
        places = np.array([i / rate for i in range(length * rate) if i == 0 or rng.random() < share])
        if not triple and rng.random() < 0.3:
            places = np.sort(np.concatenate([beats, beats + 0.5, beats + 0.75]))
        hold = 0.8 / rate
    else:
        bars = int(rng.choice([1, 1, 2]))
        places = rhythm(rng, length * bars, 3 if triple else int(rng.choice([2, 2, 4])), rng.uniform(0.25, 0.7))
    accent, spread, rows = rng.uniform(0, 20), rng.uniform(0, 0.03) if kind == "strum" else 0.004, []
    for bar in range(len(plan.lengths)):
        for place in places:
            beat = float(place) - length * (bar % bars)
            if not 0 <= beat < plan.lengths[bar]:
                continue
            on = plan.starts[bar] + beat
            now = chord(on)
            first = beat == 0
            if kind == "chug" or (kind == "tremolo" and plan.style.heavy):
                low = 40 + (now.root - 40) % 12
                rows += [(on, hold, p, 84 + accent * first) for p in (low, low + 7, low + 12)]
            elif kind == "oompah":
                if first or (length == 4 and beat == 2):
                    rows.append((on, 0.6, 36 + (now.low if first else now.root + 7) % 12, 88))
                else:
                    rows += [(on, 0.5, p, 72) for p in now.voiced(lowest)]
            else:
                rows += [(on + spread * k, hold, p, 76 + accent * (beat % 1 == 0)) for k, p in enumerate(now.voiced(lowest))]
    return as_part(rows)


def _arpeggio(rng: np.random.Generator, plan: Plan, chord: Callable[[float], Chord], lowest: int) -> np.ndarray:
    rate = plan.division if rng.random() < 0.7 else 2
    order, rows = rng.permutation(8) if rng.random() < 0.5 else np.arange(8), []
    for bar, length in enumerate(plan.lengths):
        for i in range(int(length * rate)):
            on = plan.starts[bar] + i / rate
            voices = chord(on).voiced(lowest)
            step = int(order[i % 8])
            rows.append((on, 1.2 / rate, voices[step % len(voices)] + 12 * (step // len(voices) % 2), 72 + 10 * (i == 0)))
    return as_part(rows)


def bass(rng: np.random.Generator, plan: Plan, kind: str, beat_drums: np.ndarray) -> np.ndarray:
    """A bass line: root, eight, kick (with the bass drum), oct, fifth, walk, sync, long."""

    def root(beat: float) -> int:
        return 28 + (plan.chord(beat).low - 28) % 12

    if kind == "long":
        return as_part([(on, length * 0.95, 28 + (chord.low - 28) % 12, 92) for on, length, chord in plan.changes(rng)])
    if kind == "kick":
        places = np.unique(beat_drums[beat_drums[:, 2] == 36, 0].round(3))
        if len(places) > len(plan.lengths):
            return as_part([(p, 0.45, root(p), 95) for p in places])
    triple = plan.division == 3
    off = 2 / 3 if triple else 0.5
    cell = rhythm(rng, 4, 3 if triple else int(rng.choice([2, 2, 4])), 0.35)
    rows = []
    for bar, length in enumerate(plan.lengths):
        for i in range(int(length)):
            on = float(plan.starts[bar] + i)
            r = root(on)
            if kind == "eight":
                rows += [(on + x, 0.8 * off, root(on + x), 94 - 10 * (x > 0)) for x in ((0, 1 / 3, 2 / 3) if triple else (0, 0.5))]
            elif kind == "oct":
                rows += [(on, 0.4, r, 94), (on + off, 0.4, r + 12, 84)]
            elif kind == "fifth":
                if i == 0:
                    rows.append((on, 0.9, r, 95))
                elif length > 2 and i == length // 2:
                    rows.append((on, 0.9, r + 7 if rng.random() < 0.8 and not plan.chord(on).bass else r, 90))
            elif kind == "walk":
                fresh = i == 0 or bool((np.abs(plan.at - on) < 0.01).any())
                rows.append((on, 0.9, r if fresh else r + int(rng.choice([2, 3, 4, 5, 7, 9])), 90))
                if rng.random() < 0.08:
                    rows.append((on + off, 0.3, r + 7, 78))
            elif kind == "sync":
                rows += [
                    (on + x - i % 4, 0.4, root(on + x - i % 4) + (12 if x % 1 and x > 2 else 0), 90) for x in cell if i % 4 <= x < i % 4 + 1
                ]
            else:
                rows.append((on, 0.9, r, 92))
    return as_part(rows)


def riff(rng: np.random.Generator, plan: Plan) -> np.ndarray:
    """A figure of one or two bars over the root, again and again."""
    length = int(np.bincount(plan.lengths).argmax())
    bars = int(rng.choice([1, 2, 2]))
    places = rhythm(rng, length * bars, 3 if plan.division == 3 else int(rng.choice([2, 4])), rng.uniform(0.35, 0.8))
    steps = rng.choice([0, 0, 0, 3, 5, 7, 10, 12, -2], len(places))
    steps[0] = 0
    still, rows = rng.random() < 0.5, []
    for bar in range(len(plan.lengths)):
        for place, step in zip(places, steps, strict=True):
            beat = float(place) - length * (bar % bars)
            if 0 <= beat < plan.lengths[bar]:
                on = plan.starts[bar] + beat
                root = plan.chord(plan.starts[bar] if still else on).root
                rows.append((on, 0.45, 40 + (root - 40) % 12 + int(step), 88 + 8 * (beat == 0)))
    return as_part(rows)


def melody(
    rng: np.random.Generator, plan: Plan, density: float | None = None, low: int = 58, high: int = 74, legato: bool = False
) -> np.ndarray:
    """Motives of two bars that come back with their section; some start before their bar (pickups)."""
    shortest = 0.95 if legato else 0.6
    tones = keyed(rng, plan, SCALES)
    lowest = int(rng.integers(low, high))
    own = rng.spawn(1)[0]
    nearer = own.uniform(0.2, 0.8)  # how many notes on a beat belong to their chord
    length = int(np.bincount(plan.lengths).argmax())
    rate = 3 if plan.division == 3 else int(rng.choice([2, 2, 4]))
    motives = [
        (rhythm(rng, 2 * length, rate, density or rng.uniform(0.2, 0.55)), rng.integers(-2, 3, 96), rng.random() < 0.35) for _ in range(3)
    ]
    letters = {bar: letter for first, end, letter in plan.spans() for bar in range(first, end)}
    at, rows = 0, []
    for bar in range(0, len(plan.lengths) - 1, 2):
        if rng.random() < 0.18:
            continue
        letter = "ABC".find(letters[bar]) % 3
        places, moves, pickup = motives[letter if rng.random() < 0.7 else rng.integers(3)]
        tonic, scale = tones(bar)
        base = lowest + (tonic - lowest) % 12
        if pickup:
            lead = [[-0.5], [-1.0, -0.5]][rng.integers(2)] if rate != 3 else [-1 / 3]
            places = np.array([*lead, *places[places < 2 * length - 1.5]])
        for j, place in enumerate(places):
            at = int(np.clip(at + moves[j % 96], -6, 9))
            follow = places[j + 1] if j + 1 < len(places) else place + 1
            on = plan.starts[bar] + place
            if 0 <= on < plan.beats:
                pitch = base + 12 * (at // len(scale)) + scale[at % len(scale)]
                if place % 1 == 0 and own.random() < nearer:
                    pitch += min(((c - pitch + 6) % 12 - 6 for c in plan.chord(on).pitch_classes), key=abs)
                rows.append((on, (follow - place) * rng.uniform(shortest, 1), pitch, 86 + 6 * (place % 1 == 0)))
    return as_part(rows)


def keyed(rng: np.random.Generator, plan: Plan, scales: Sequence[list[int]]) -> Callable[[int], tuple[int, list[int]]]:
    """Tonic and scale of a bar: one scale for a song's major and one for its minor; where the key isn't known, one of `scales` on
    the first chord."""
    free, own = scales[int(rng.integers(len(scales)))], rng.spawn(1)[0]
    major, minor = _MAJOR[int(own.integers(len(_MAJOR)))], _MINOR[int(own.integers(len(_MINOR)))]
    if own.random() < 0.08:  # blue notes
        major = SCALES[4]

    def tones(bar: int) -> tuple[int, list[int]]:
        if not plan.keys:
            return plan.line[0].root, free
        key = plan.keys[bar]
        return root_of(key) or 0, minor if key.endswith("minor") else major

    return tones


# ---- one player alone


def solo(rng: np.random.Generator, plan: Plan, kind: str, low: int, high: int) -> np.ndarray:
    """One line from one pitch to another, legato: melody, runs, figures, trills (see `right_hand`), or thirds for a bow."""
    line = right_hand(rng, plan, kind) if kind != "melody" else melody(rng, plan, rng.uniform(0.2, 0.8), legato=True)
    octave = 12 * round(((low + high) / 2 - float(np.median(line[:, 2]))) / 12 + rng.uniform(-0.4, 0.4)) if len(line) else 0
    line[:, 2] += octave
    for _ in range(3):
        line[:, 2] += 12.0 * (line[:, 2] < low) - 12.0 * (line[:, 2] > high)
    return line


def second_string(rng: np.random.Generator, plan: Plan, line: np.ndarray, lowest: int) -> np.ndarray:
    """What a bow plays below its line (note, 4) at the same time, from a pitch on: in every bar or two tones of the chord in step with the
    line, or one that is held, or repeated, or nothing."""
    rows: list[tuple[float, float, float, float]] = []

    def below(pitch: float, beat: float) -> float | None:
        """The nearest tone of the chord from a third to a tenth below."""
        tones = plan.chord(beat).pitch_classes
        return next((pitch - step for step in range(3, 17) if (pitch - step) % 12 in tones and pitch - step >= lowest), None)

    bar = 0
    while bar < len(plan.lengths):
        last = min(bar + int(rng.integers(1, 3)), len(plan.lengths))
        begin, end = float(plan.starts[bar]), float(plan.starts[last - 1] + plan.lengths[last - 1])
        own = line[(line[:, 0] >= begin) & (line[:, 0] < end)]
        kind = str(rng.choice(["step", "held", "repeated", "nothing"], p=[0.3, 0.15, 0.3, 0.25]))
        if kind == "step":
            under = [(on, length, below(pitch, on), loud - 10) for on, length, pitch, loud in own]
        elif kind == "nothing" or not len(own):
            under = []
        else:
            rate = int(rng.choice([1, 2, plan.division])) if kind == "repeated" else 1
            each = 1 / rate if kind == "repeated" else float(plan.lengths[bar])
            starts = np.arange(begin, end - 1e-6, each)
            under = [(on, 0.9 * each, below(float(own[:, 2].min()) + 1, on), 70 + 5 * (on % 1 == 0)) for on in starts.tolist()]
        for on, length, pitch, loud in under:
            above = line[(line[:, 0] < on + length) & (line[:, 0] + line[:, 1] > on), 2]
            if pitch is not None and pitch < above.min(initial=128) - 1:
                rows.append((on, length, float(pitch), loud))
        bar = last
    return as_part(rows)


def left_hand(rng: np.random.Generator, plan: Plan, kind: str) -> np.ndarray:
    """What a pianist's left hand does: alberti, broken (wide arpeggios), stride, octaves, chords, tremolo, held."""
    rate = plan.division if kind != "alberti" or plan.division == 3 else int(rng.choice([2, 4, 4]))
    rows = []
    for bar, length in enumerate(plan.lengths):
        for i in range(int(length)):
            on = float(plan.starts[bar] + i)
            chord = plan.chord(on)
            low = 36 + (chord.low - 36) % 12
            voices = chord.voiced(48)
            if kind == "alberti":
                voices = sorted(chord.voiced(low + 12))
                order = [0, -1, 1, -1] if len(voices) < 4 else [0, 2, 1, 3]
                rows += [
                    (on + k / rate, 1.1 / rate, voices[order[(i * rate + k) % 4] % len(voices)], 66 + 6 * (k == 0)) for k in range(rate)
                ]
            elif kind == "broken":
                tones = [low, *([] if chord.bass else [low + 7]), *(v + 12 * (v < low + 12) for v in voices)]
                up = [*tones, *tones[-2:0:-1]]
                rows += [(on + k / rate, 1.5 / rate, up[(i * rate + k) % len(up)], 64 + 8 * (k == 0)) for k in range(rate)]
            elif kind == "stride":
                if i % 2 == 0:
                    rows += [(on, 0.7, p, 82) for p in (low, low - 12)]
                else:
                    rows += [(on, 0.5, p, 70) for p in voices]
            elif kind == "octaves":
                steps = int(rng.choice([1, 2])) if plan.division == 4 else 3
                rows += [(on + k / steps, 0.8 / steps, p, 80) for k in range(steps) for p in (low, low - 12)]
            elif kind == "tremolo":
                speed = 8 if plan.division == 4 else 6
                rows += [(on + k / speed, 1 / speed, (low, low + 12)[k % 2], 68) for k in range(speed)]
            elif kind == "chords":
                rows += [(on, 0.9, p, 70) for p in (low, *voices)]
            elif i == 0 or chord != plan.chord(on - 1):
                rows += [(on, float(length - i) * 0.95, p, 68) for p in (low, *voices)]
    return as_part(rows)


def right_hand(rng: np.random.Generator, plan: Plan, kind: str) -> np.ndarray:
    """What the right hand does: melody, thirds, octaves, chords, runs (scales), figures (broken chords), trills."""
    if kind in ("melody", "thirds", "octaves", "chords"):
        line = melody(rng, plan, rng.uniform(0.25, 0.7), 64, 80)
        under = {"melody": (), "thirds": (-3,), "octaves": (-12,), "chords": (-5, -8, -12)}[kind]
        return np.concatenate([line, *(line + np.array([0.0, 0.0, step, -8.0]) for step in under)])
    tones, rows, at = keyed(rng, plan, SCALES[:4]), list[tuple[float, float, float, float]](), 7
    rate = int(rng.choice([3, 6])) if plan.division == 3 else int(rng.choice([4, 4, 6, 8]))
    up = 1
    for bar, length in enumerate(plan.lengths):
        tonic, scale = tones(bar)
        base = 60 + tonic % 12
        for i in range(int(length)):
            on = float(plan.starts[bar] + i)
            if rng.random() < 0.12:
                continue
            chord = plan.chord(on)
            if kind == "trills":
                pitch = 72 + (chord.pitch_classes[rng.integers(len(chord.pitch_classes))] - 72) % 12
                speed = 8 if rng.random() < 0.5 else 2
                rows += [(on + k / speed, 1 / speed, pitch + 2 * (k % 2), 76) for k in range(speed)]
                continue
            voices = [*chord.voiced(60), *chord.voiced(72)]
            for k in range(rate):
                up = -up if not -2 <= at + up <= 20 or rng.random() < 0.08 else up
                at += up
                pitch = base + 12 * (at // len(scale)) + scale[at % len(scale)] if kind == "runs" else voices[at % len(voices)]
                rows.append((on + k / rate, 1.0 / rate, pitch, 76 + 10 * (k == 0)))
    return as_part(rows)
