"""Songs by rule: a style, a tempo, a plan, the players, and the clock that turns beats into seconds.

Source    which priors helped on real recordings (metres, many drum styles, random grids, few two-beat bars) was measured in
          the project's trials; see docs
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ...annotations import Intervals
from . import players
from .harmony import Chart
from .plan import Plan, clock, planned, swung
from .score import Score, Track
from .styles import STYLES, Style, draw

COMPS = ("pad", "arp", "block", "rhythm", "strum", "eight", "oompah")
BASSES = ("root", "eight", "kick", "oct", "fifth", "walk", "sync", "long")
Hits = np.ndarray  # (stroke, 3): beat, drum, velocity; a performance on its own beats


def compose(
    rng: np.random.Generator,
    seconds: float,
    style: str | None = None,
    charts: Sequence[Chart] = (),
    grooves: Sequence[tuple[float, Hits]] = (),
    held: bool = False,
    usual: bool = False,
) -> Score:
    """A song of at least so many seconds.

    style: a name of STYLES; None draws one (`held`, `usual`: see `styles.draw`). charts: chords of real songs;
    grooves: (bpm, hits) of drummers in 4/4, played in a third of the songs whose tempo is near.
    """
    name = style or draw(rng, held, usual)
    chosen = STYLES[name]
    bpm = float(np.exp(rng.uniform(*np.log(chosen.bpm)))) * (float(rng.choice([0.8, 1.25])) if rng.random() < 0.1 else 1.0)
    plan = planned(rng, chosen, int(seconds * bpm / 60 * 1.12) + 8, list(charts))
    tracks: list[Track] = []
    parts: list[np.ndarray] = []

    def add(track: Track, part: np.ndarray) -> None:
        if len(part):
            tracks.append(track)
            parts.append(part)

    near = [hits for tempo, hits in grooves if 0.75 < tempo / bpm < 1.35] if plan.metre == "4/4" and set(plan.lengths) == {4} else []
    played = bool(near) and plan.division == 4 and rng.random() < 0.33
    beat = np.zeros((0, 4))
    if rng.random() < chosen.drums:
        beat = performed(rng, plan, near[rng.integers(len(near))]) if played else players.drums(rng, plan, name)
        if rng.random() < 0.25:  # an intro without drums
            beat = beat[beat[:, 0] >= plan.starts[min(len(plan.lengths) - 1, int(rng.integers(1, 9)))]]
        add(Track("drums", drum=True), beat)
    _pitched(rng, plan, chosen, beat, add)
    s8 = s16 = 0.5
    if plan.division == 4 and not (played and len(beat)):
        r = rng.random()
        if chosen.s16[1] > 0.5 or r > 0.9:
            s16 = rng.uniform(0.5, max(0.6, chosen.s16[1]))
        elif r < 0.06:
            s8 = rng.uniform(0.54, 0.67)
    feels = ["strict", "drift", "rubato", "steps", "slide"]
    loose = not len(beat)
    feel = str(rng.choice(feels, p=[0.25, 0.25, 0.42, 0.04, 0.04] if loose else [0.56, 0.38, 0.01, 0.03, 0.02]))
    tags = [name, *(["swing"] if max(s8, s16) > 0.54 or name in ("swing", "shuffle", "jazzwaltz", "halfshuffle") else [])]
    tags += [feel] if feel != "strict" else []
    return laid(f"{name}", plan, tracks, parts, clock(rng, bpm, plan.beats, feel), (s8, s16), tuple(tags))


def _pitched(rng: np.random.Generator, plan: Plan, style: Style, beat: np.ndarray, add: Callable[[Track, np.ndarray], None]) -> None:
    kinds = style.comp.split() or list(COMPS)
    for number in range(int(rng.choice([1, 1, 2, 2, 3]))):
        kind = str(rng.choice(kinds)) if number == 0 or rng.random() < 0.5 else str(rng.choice(COMPS))
        part = players.riff(rng, plan) if kind == "riff" else players.accompaniment(rng, plan, kind)
        add(Track(kind, int(rng.choice(players.PROGRAMS[kind]))), _resting(rng, plan, part, 0.3))
    if rng.random() < (0.5 if style.heavy else 0.15):
        add(Track("riff", int(rng.choice(players.PROGRAMS["riff"]))), _resting(rng, plan, players.riff(rng, plan), 0.3))
    if rng.random() < 0.8 or (style.bass and rng.random() < 0.5):
        kind = str(rng.choice(style.bass.split() or list(BASSES)))
        add(Track("bass", int(rng.choice(players.PROGRAMS["bass"]))), players.bass(rng, plan, kind, beat))
    own = rng.spawn(1)[0]
    for _ in range(int(rng.choice([0, 1, 1, 1, 2]))):
        program = int(rng.choice(players.PROGRAMS["lead"]))
        legato = program in players.RANGES and own.random() < 0.6
        low = 46 if own.random() < 0.3 else 58  # as low as men sing
        part = players.melody(rng, plan, None, low, low + 16, legato)
        add(Track("lead", program, legato=legato), _resting(rng, plan, part, 0.25))


def _resting(rng: np.random.Generator, plan: Plan, part: np.ndarray, chance: float) -> np.ndarray:
    """Silent in some kinds of section, now and then."""
    letters = sorted({letter for _, letter in plan.sections})
    if len(letters) < 2 or rng.random() > chance or not len(part):
        return part
    silent = letters[rng.integers(len(letters))]
    for first, end, letter in plan.spans():
        if letter == silent:
            part = part[(part[:, 0] < plan.starts[first]) | (part[:, 0] >= plan.starts[end])]
    return part


def performed(rng: np.random.Generator, plan: Plan, hits: Hits) -> np.ndarray:
    """A drummer's performance laid on the plan's beats, again from the start when it ends."""
    bars = max(1, int(hits[-1, 0] // 4))
    hits = hits[hits[:, 0] < 4 * bars]
    rounds = plan.beats // (4 * bars) + 1
    on = np.concatenate([hits[:, 0] + 4 * bars * k for k in range(rounds)])
    part = np.stack([on, np.full(len(on), 0.1), np.tile(hits[:, 1], rounds), np.tile(hits[:, 2], rounds)], 1)
    part = part[(on >= 0) & (on < plan.beats)]
    if rng.random() < 0.5:
        crash = [(float(plan.starts[first]), 0.1, 49, 106) for first, _ in plan.sections]
        part = np.concatenate([part, players.as_part(crash)])
    return part


def laid(
    name: str,
    plan: Plan,
    tracks: Sequence[Track],
    parts: Sequence[np.ndarray],
    seconds: np.ndarray,
    swing: tuple[float, float] = (0.5, 0.5),
    tags: tuple[str, ...] = (),
    parted: bool = True,
) -> Score:
    """Parts in beats on a clock (seconds of each beat, one more than there are beats): a Score."""
    beats = np.arange(len(seconds), dtype=float)
    notes = []
    for index, part in enumerate(parts):
        on = np.interp(swung(np.clip(part[:, 0], 0, plan.beats), *swing), beats, seconds)
        off = np.interp(part[:, 0] + part[:, 1], beats, seconds)
        notes.append(np.stack([on, np.maximum(off, on + 0.02), part[:, 2], part[:, 3], np.full(len(part), index)], 1))
    at = np.interp(np.append(plan.at, plan.beats), beats, seconds)
    starts = np.array([plan.starts[first] for first, _ in plan.sections] + [plan.beats])
    sections = np.interp(starts, beats, seconds)
    changes, keys = plan.keyed
    turns = np.interp(changes, beats, seconds)
    return Score(
        name,
        name,
        tuple(tracks),
        np.concatenate(notes) if notes else np.zeros((0, 5)),
        seconds[:-1],
        plan.positions,
        plan.metre,
        Intervals(at[:-1], at[1:], tuple(c.label for c in plan.line)),
        Intervals(sections[:-1], sections[1:], tuple(letter for _, letter in plan.sections)),
        tags,
        keys=Intervals(turns[:-1], turns[1:], tuple(keys)) if keys else None,
        parted=parted,
    )


def bowed_piece(rng: np.random.Generator, seconds: float, charts: Sequence[Chart] = ()) -> Score:
    """A bow alone on two strings, both of which lead: what sounds is the melody, the upper one where both do."""
    return solo_piece(rng, seconds, charts, strings=2)


def solo_piece(rng: np.random.Generator, seconds: float, charts: Sequence[Chart] = (), strings: int = 1) -> Score:
    """Somebody who sings, bows or blows alone, or over a piano or a few held chords; mostly rubato, without drums or bass."""
    metre = str(rng.choice(["4/4", "3/4", "6/8", "2/4", "12/8"], p=[0.56, 0.22, 0.12, 0.05, 0.05]))
    low, high = (40, 100) if metre.endswith("8") else (45, 150)
    bpm = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    plan = planned(rng, Style((low, high), metre=metre), int(seconds * bpm / 60 * 1.15) + 8, list(charts))
    bows = [40, 40, 40, 41, 42, 42]
    program = int(rng.choice(bows if strings > 1 else [*bows, 52, 53, 53, 54, 54, *players.RANGES]))
    kinds = [*["melody"] * 6, "runs", "figures", *(["trills"] if bpm < 110 else [])]
    kinds += ["thirds"] if 40 <= program <= 42 else []
    letters = sorted({letter for _, letter in plan.sections})
    lines = {letter: players.solo(rng, plan, str(rng.choice(kinds)), *players.RANGES[program]) for letter in letters}
    line = np.concatenate(
        [
            lines[letter][(lines[letter][:, 0] >= plan.starts[first]) & (lines[letter][:, 0] < plan.starts[end])]
            for first, end, letter in plan.spans()
        ]
    )
    line[:, 3] = np.clip(line[:, 3] * np.exp(np.interp(line[:, 0], np.linspace(0, plan.beats, 16), rng.normal(0, 0.2, 16))), 25, 120)
    tracks, parts = [Track("lead", program, legato=bool(rng.random() < 0.8))], [line]
    under = "" if strings > 1 else str(rng.choice(["", "piano", "pad", "arp"], p=[0.5, 0.25, 0.15, 0.1]))
    if strings > 1:
        tracks.append(Track("second", program))
        parts.append(players.second_string(rng, plan, line, players.RANGES[program][0]))
    elif under == "piano":
        tracks.append(Track("piano", int(rng.choice([0, 0, 1, 6])), pedal=bool(rng.random() < 0.6)))
        parts.append(players.left_hand(rng, plan, str(rng.choice(["broken", "chords", "held", "alberti"]))))
    elif under:
        tracks.append(Track(under, int(rng.choice(players.PROGRAMS[under]))))
        parts.append(players.accompaniment(rng, plan, under))
    feel = str(rng.choice(["strict", "drift", "rubato", "slide"], p=[0.1, 0.25, 0.6, 0.05]))
    tags = ("solo", *((feel,) if feel != "strict" else ()))
    score = laid("solo", plan, tracks, parts, clock(rng, bpm, plan.beats, feel), tags=tags, parted=under != "piano")
    if not under and strings == 1 and score.chords is not None:  # one voice is no chord
        score = replace(score, chords=Intervals(score.chords.starts[:1], score.chords.ends[-1:], ("N",)))
    return score


LEFT = ("alberti", "broken", "broken", "stride", "octaves", "tremolo", "chords", "held")
RIGHT = ("melody", "melody", "thirds", "octaves", "chords", "runs", "runs", "figures", "figures", "trills")


def piano_piece(rng: np.random.Generator, seconds: float, charts: Sequence[Chart] = ()) -> Score:
    """A pianist alone, slow to fast and dense; two textures that take turns, rubato, often with pedal."""
    metre = str(rng.choice(["4/4", "3/4", "6/8", "2/4", "12/8"], p=[0.58, 0.22, 0.1, 0.04, 0.06]))
    low, high = {"6/8": (40, 110), "12/8": (45, 110)}.get(metre, (50, 190))
    bpm = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    plan = planned(rng, Style((low, high), metre=metre), int(seconds * bpm / 60 * 1.15) + 8, list(charts))
    textures = [(str(rng.choice(LEFT)), str(rng.choice(RIGHT))) for _ in range(2)]
    hands = []
    for left, right in textures:
        hands.append(np.concatenate([players.left_hand(rng, plan, left), players.right_hand(rng, plan, right)]))
    turn = {letter: k % 2 for k, letter in enumerate(sorted({s[1] for s in plan.sections}))}
    chosen = [
        hands[turn[letter]][(hands[turn[letter]][:, 0] >= plan.starts[first]) & (hands[turn[letter]][:, 0] < plan.starts[end])]
        for first, end, letter in plan.spans()
    ]
    part = np.concatenate(chosen)
    part[:, 3] *= np.exp(np.interp(part[:, 0], np.linspace(0, plan.beats, 16), rng.normal(0, 0.2, 16)))  # swells
    part[:, 3] = np.clip(part[:, 3], 20, 120)
    feel = str(rng.choice(["strict", "drift", "rubato", "slide"], p=[0.15, 0.25, 0.52, 0.08]))
    pedal = bool(rng.random() < 0.6)
    track = Track("piano", int(rng.choice([0, 0, 0, 1, 1, 2, 3, 4, 6])), pedal=pedal)
    tags = ("piano", *(("pedal",) if pedal else ()), *((feel,) if feel != "strict" else ()))
    return laid("piano", plan, [track], [part], clock(rng, bpm, plan.beats, feel), tags=tags, parted=False)
