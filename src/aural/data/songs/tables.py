"""From a Score to a table of notes: who plays what out of the bank, when and how loud; and the truth of it.

Performance   the renderer's own (`render.performed`, `struck`, `truth` …): only the sound is made elsewhere
Levels        are reckoned from the energies that the bank knows of its notes, so that no sample is read here and that a table
              that is cut sounds like the part that it was cut to
Singers       sing the lead of every other song that has one, an octave lower or higher where they must: so do its notes in the truth
Pianists      play one of the bank's pianos in every other song, from pp to ff
Crop          a little more than what is heard is performed, so that notes and rooms ring into it from before
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from ...annotations import Example
from . import render
from .bank import FRAME, RATE, Bank
from .fonts import Font
from .render import absent, arranged, performed, struck, tuning, wanted
from .score import Score, Track

BEFORE = RATE  # samples that are mixed before the first that is heard: rooms are no longer
AFTER = RATE // 20
LEAD = 3.5  # seconds that are performed before the crop
STEMS = 8
STEP = 24  # bits after the point of a note's step through its recording
KNOTS = 9  # of an equaliser, an octave apart, the first at LOW Hz
LOW = 40.0
SUNG = 0.5  # how many of the songs with a lead have a made singer
SINGS = 53  # the program whose notes are bent as a singer's are
PIANOS = range(4)  # programs that a pianist plays
GRAND = 0.5  # how many of the songs are played on one of the bank's own pianos
_HATS = (42, 44, 46)
_CUTS = {29: 0.8, 30: 0.85}  # how often a program is driven; other guitars and all else: less


@dataclass(frozen=True)
class Table:
    """A sound to be mixed.

    Attributes:
        whole: (6, note) int32: start (sample at RATE, negative before the sound), count of samples, offset and length in the
            bank, step through it (2^-STEP samples a sample), stem.
        real: (7, note) float32: gain from a bank's int16, samples of the release; vibrato: `sway` in samples of the recording,
            turns a sample, samples after which it begins; glide: `slide` in samples of the recording a sample, its samples.
        stems: (4 + KNOTS, stem) float32: a stem x becomes p·x + q·tanh(a·x), then goes through the equaliser (dB at KNOTS), and
            with the factor `wet` into the room.
        room: (3,) float32: decay in 1/samples, delay in samples, gain of the whole.
        place: (3,) int32: offset and length of the room in the bank; samples that are heard.
    """

    whole: np.ndarray
    real: np.ndarray
    stems: np.ndarray
    room: np.ndarray
    place: np.ndarray

    @property
    def frames(self) -> int:
        """Samples at RATE."""
        return int(self.place[2])

    def cut(self, first: int, last: int) -> Table:
        """From one sample to another; what sounds shortly before stays."""
        start, count = self.whole[0] - first, self.whole[1]
        keep = (start + count > -BEFORE) & (start < last - first + AFTER)
        whole = self.whole[:, keep]
        whole[0] -= first
        place = np.array([*self.place[:2], last - first], np.int32)
        return replace(self, whole=whole, real=self.real[:, keep], place=place)

    def tensors(self) -> dict[str, Tensor]:
        """What the device needs; padded and stacked they are a batch. `span` has as many columns as samples, and no rows: so a
        batch's length is known without asking the device."""
        arrays = {"whole": self.whole, "real": self.real, "stems": self.stems, "room": self.room, "place": self.place}
        return {name: torch.from_numpy(np.ascontiguousarray(a)) for name, a in arrays.items()} | {"span": torch.zeros(0, self.frames)}


def silence(frames: int = 0) -> Table:
    """Nothing, for so many samples."""
    return Table(
        np.zeros((6, 0), np.int32),
        np.zeros((7, 0), np.float32),
        np.zeros((4 + KNOTS, 0), np.float32),
        np.zeros(3, np.float32),
        np.array([0, 1, frames], np.int32),
    )


@dataclass
class _Part:
    """What one player did (see render.Played), and its rows: start, count, number in the bank, gain, ratio, release, each (note,),
    and moves (note, 6); energy (tenth of a second,); lift: dB that it is louder than others of its role."""

    track: Track
    notes: np.ndarray
    rows: tuple[np.ndarray, ...]
    energy: np.ndarray
    wet: float
    off: float
    moves: np.ndarray
    lift: float = 0.0
    level: float = 0.0
    covered: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))


def tabled(score: Score, bank: Bank, rng: np.random.Generator, seconds: float) -> tuple[Table, Example] | None:
    """`seconds` of a performance of a score, and all that is true of it (`render.render` says which fields); None where too
    little would be heard (draw another)."""
    whole = LEAD + seconds
    score = arranged(score, rng, whole)
    if len(score.notes) < 12 or len(score.beats) < 6:
        return None
    cents = tuning(rng)
    main = bank.fonts.main(rng)
    silent = absent(score.tracks, rng)
    cast = _cast(score, bank, rng.spawn(1)[0])
    own_rng = rng.spawn(1)[0]
    grand = bank.piano(own_rng) if bank.pianos and own_rng.random() < GRAND else None
    parts = []
    for index, track in enumerate(score.tracks):
        own = score.notes[score.notes[:, 4] == index]
        if len(own) and index not in silent:
            part = _played(track, own, score, bank, main, rng, whole, cents, cast.get(index, ()), grand)
            if part is not None:
                parts.append(part)
    if sum(len(p.notes) for p in parts) < 12:
        return None
    stems = np.stack([_shaped(p, len(parts) < 3, rng) for p in parts[:STEMS]], 1)
    for part in parts[STEMS:]:  # more players than stems: they share the last one
        _shaped(part, False, rng)
    _cover(parts)
    fields = render.truth(score, parts, whole, cents)
    if fields is None:
        return None
    first = LEAD if rng.random() < 0.85 else 0.0  # now and then from where the performance begins
    truth = Example(fields).cut(first, first + seconds)
    if len(truth["beats"]) < 2:
        return None
    table = _table(parts, stems, bank, rng, round(whole * RATE))
    start = round(first * RATE)
    return table.cut(start, start + round(seconds * RATE)), truth


def _cast(score: Score, bank: Bank, rng: np.random.Generator) -> dict[int, tuple[int, ...]]:
    """Which tracks are sung, and by which of the bank's singers: the first of a track leads, another doubles it."""
    cast: dict[int, tuple[int, ...]] = {}
    if not bank.singers or rng.random() >= SUNG:
        return cast
    for index, track in enumerate(score.tracks):
        own = score.notes[score.notes[:, 4] == index]
        if track.drum or track.name != "lead" or not _singable(own) or (cast and rng.random() < 0.5):
            continue
        first = int(rng.choice(bank.singers))
        near = [s for s in bank.singers if s != first and abs(bank.pitches(s)[0] - bank.pitches(first)[0]) <= 5]
        again = rng.random()  # oneself on a second tape, or somebody else
        cast[index] = (first, first) if again < 0.1 else (first, int(rng.choice(near))) if again < 0.2 and near else (first,)
    return cast


def _singable(notes: np.ndarray) -> bool:
    """One voice (now and then two notes at a time), no faster than syllables are said."""
    gaps = np.diff(np.sort(notes[:, 0]))
    return len(notes) > 3 and float(np.median(gaps)) > 0.11 and float((gaps < 0.03).mean()) < 0.05


def _ranged(pitch: np.ndarray, own: np.ndarray) -> np.ndarray:
    """A line moved by octaves to where most of it lies in a singer's range, and what still does not, note by note."""
    low, high = own[0] - 1, own[-1] + 2
    moved = min((pitch + 12 * k for k in (0, -1, 1, -2, 2, -3, 3)), key=lambda p: int(((p < low) | (p > high)).sum()))
    moved = moved + 12 * np.ceil(np.maximum(low - moved, 0) / 12).astype(int)
    return np.asarray(moved - 12 * np.ceil(np.maximum(moved - high, 0) / 12).astype(int))


def _played(
    track: Track,
    notes: np.ndarray,
    score: Score,
    bank: Bank,
    main: Font,
    rng: np.random.Generator,
    seconds: float,
    cents: float,
    voices: tuple[int, ...] = (),
    grand: int | None = None,
) -> _Part | None:
    """One track by one instrument of the bank, by singers, or on the song's piano (its number among the presets)."""
    if track.drum:
        font, _, program = bank.fonts.kit(rng)
        off_by = 0.0
    else:
        font, program = bank.fonts.instrument(rng, track.program, main)
        off_by = (cents + float(rng.normal(0, 3))) / 100
    start, end, pitch, velocity = performed(track, notes, score, rng, seconds)
    if voices:
        return _sung(track, (start, end, pitch, velocity), voices, bank, rng, seconds, off_by, score.bpm)
    preset = bank.preset(font, program, track.drum)
    if not track.drum and track.program in PIANOS:
        velocity = _touched(start, pitch, velocity, rng.spawn(1)[0])
        preset = preset if grand is None else grand
    shots = bank.pick(preset, pitch, velocity)
    gain = bank.level[shots] * velocity / bank.velocity[shots]
    if track.drum:
        shots, gain, ratio = _kitted(shots, gain, pitch, velocity, bank, rng)
    else:
        ratio = 2.0 ** ((pitch + off_by - bank.pitch[shots]) / 12)
    known = ratio < 8  # as far as a recording is stretched; a drum that the kit lacks has no ratio
    if track.drum:
        known &= bank.key[shots] == pitch
    heard = np.where(known, bank.rise[shots] / ratio, np.inf)
    on, off, pitch, velocity, heard, swells, kept = struck(start, end, pitch, velocity, heard, bank.swells[shots], seconds, RATE)
    if not len(on):
        return None
    shots, gain, ratio = shots[kept], gain[kept], ratio[kept]
    moves = _moves(track, program, on, off, pitch, rng) if track.name == "lead" else np.zeros((len(on), 6))
    moves[:, 0] = on / RATE
    whole = (bank.length[shots] - 2) / ratio
    if moves[:, 1:].any():  # what is bent upwards comes sooner to the end of its recording
        whole = np.maximum(whole - _further(moves), 0)
    if track.drum:
        release = np.full(len(on), 0.01 * RATE)
        count = np.minimum(_choked(on, pitch), whole)
    else:
        release = np.where(bank.release[shots] > 0, 0.6 * bank.release[shots], rng.uniform(0.05, 0.3)) * RATE
        count = np.minimum(off - on + release, whole)
    off = np.minimum(off, on + count)
    table = render.noted(on / RATE, np.minimum(off / RATE, seconds), pitch, velocity, heard, swells)
    rows: tuple[np.ndarray, ...] = (on, count.astype(int), shots, gain, ratio, release, moves)
    if not track.drum and rng.random() < 0.06:
        rows = _echoed(rows, score.bpm, rng)
    return _Part(track, table, rows, _energy(rows, bank, seconds), render.sent(rng), off_by, moves)


def _touched(start: np.ndarray, pitch: np.ndarray, velocity: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(note,) velocities as of a pianist: soft or loud as a whole, swelling over seconds, top voices brought out, fingers uneven."""
    middle, wide, swell, top, uneven = rng.uniform((35, 0.8, 0, 0, 1), (95, 1.8, 14, 18, 7))
    loud = middle + wide * (velocity - np.median(velocity))
    knots = np.arange(0.0, start.max() + 5, 2.5)
    loud += np.interp(start, knots, rng.normal(0, swell, len(knots)))
    order = np.argsort(start, kind="stable")
    chord = np.empty(len(start), int)
    chord[order] = np.cumsum(np.diff(start[order], prepend=-1.0) > 0.03) - 1
    highest = np.zeros(chord.max() + 1)
    np.maximum.at(highest, chord, pitch)
    loud -= top * (pitch < highest[chord])
    loud += rng.normal(0, uneven, len(start))
    loud = np.where(loud < 30, 18 + 12 * np.exp((np.minimum(loud, 30) - 30) / 12), loud)  # softer than that no hammer reaches the string
    return np.minimum(loud, 127).astype(int)


def _sung(
    track: Track,
    played: tuple[np.ndarray, ...],
    voices: tuple[int, ...],
    bank: Bank,
    rng: np.random.Generator,
    seconds: float,
    off_by: float,
    bpm: float,
) -> _Part | None:
    """One track by singers: syllables whose vowels begin where the notes do. What the first one sings is the truth."""
    order = np.argsort(played[0], kind="stable")
    start, end, pitch, velocity = (array[order] for array in played)
    pitch = _ranged(pitch, bank.pitches(voices[0]))
    gap = np.diff(start, prepend=-9.0)
    tied = np.append(False, start[1:] - end[:-1] < 0.03)
    slurred = tied & (rng.random(len(start)) < rng.uniform(0, 0.4))
    before = np.where(slurred, 0.0, 0.5 * gap)  # a consonant takes half of the note before, at most
    own_track = replace(track, program=SINGS)
    trembles = rng.random() < 0.7  # others sing straight
    rows: list[tuple[np.ndarray, ...]] = []
    for number, singer in enumerate(voices):
        shots = bank.syllables(singer, pitch, end - start, before, rng)
        ratio = 2.0 ** ((pitch + off_by - bank.pitch[shots]) / 12)
        heard = bank.rise[shots] / ratio
        late = rng.normal(0.01, 0.012, len(start)) if number else np.zeros(len(start))
        on, off, key, loud, heard, swells, kept = struck(
            start + late, end + heard, pitch, velocity, heard, np.zeros(len(start)), seconds, RATE
        )
        if not len(on):
            return None
        shots, ratio = shots[kept], ratio[kept]
        order, done = np.argsort(on + heard * RATE, kind="stable"), on + np.round((heard + 0.04) * RATE).astype(int)
        off[order[:-1]] = np.minimum(off[order[:-1]], np.maximum(on[order[1:]], done[order[:-1]]))  # one mouth
        moves = _moves(own_track, SINGS, on, off, key, rng)
        moves[:, 1:4] *= trembles
        on, heard = _after(moves, on, heard)
        ratio = ratio * 2.0 ** (rng.normal(0, 6, len(on)) / 1200 * (number > 0))
        release = 0.6 * bank.release[shots] * RATE
        whole = np.maximum((bank.length[shots] - 2) / ratio - _further(moves), 0)
        count = np.minimum(off - on + release, whole)
        gain = bank.level[shots] * loud / bank.velocity[shots] * (0.5 if number else 1.0)
        if not number:
            ends = np.minimum(off, on + count) / RATE - heard
            table = render.noted(on / RATE, np.minimum(ends, seconds), key, loud, heard, swells)
            bends = moves
        rows.append((on, count.astype(int), shots, gain, ratio, release, moves))
    together: tuple[np.ndarray, ...] = tuple(np.concatenate(column) for column in zip(*rows, strict=True))
    if rng.random() < 0.15:
        together = _echoed(together, bpm, rng)
    return _Part(own_track, table, together, _energy(together, bank, seconds), render.sent(rng), off_by, bends, 3.0)


def _after(moves: np.ndarray, on: np.ndarray, heard: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """When a singer's notes begin and are heard, with vibrato and glides moved (in `moves`) to behind the consonant.

    A glide lasts from the consonant on, as wide when the vowel is heard as it was to be; what it slows down begins earlier.
    """
    moves[:, 3] += heard * (moves[:, 1] > 0)
    bends = moves[:, 4] != 0
    moves[bends, 4] = np.clip(moves[:, 4] * (heard + moves[:, 5]) / np.maximum(moves[:, 5], 1e-3), -0.2, 0.2)[bends]
    moves[bends, 5] += heard[bends]
    late = moves[:, 4] * (heard - heard**2 / (2 * np.maximum(moves[:, 5], 1e-3))) * bends
    begun = np.maximum(np.round(on - late * RATE), 0).astype(int)
    moves[:, 0] = begun / RATE
    return begun, heard + (on - begun) / RATE


def _further(moves: np.ndarray) -> np.ndarray:
    """(note,) samples of a song that a bent note may come sooner to the end of its recording."""
    _, depth, rate, _, slide, glide = moves.T
    return np.asarray(RATE * (depth / (np.pi * np.maximum(rate, 1e-3)) + np.maximum(-slide, 0) * glide / 2) + 1)


# Programs by how their players bend notes: bowed and sung ones nearly always, winds and brass often, others now and then.
_SUNG = (40, 41, 42, 43, 48, 49, 52, 53, 54, 85, 110)
_BLOWN = (*range(56, 61), *range(64, 80), 22, 111)
_BENT = (*range(26, 32), *range(80, 88), *range(16, 22), 104, 106, 107)


def _moves(track: Track, program: int, on: np.ndarray, off: np.ndarray, pitch: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(note, 6) vibrato and glides of a lead as `render.moved` reads them, but for the first column: of a part of its notes."""
    own = rng.spawn(1)[0]
    moves = np.zeros((len(on), 6))
    chance = 0.95 if program in _SUNG else 0.75 if program in _BLOWN else 0.3 if program in _BENT else 0.0
    if own.random() >= chance:
        return moves
    n, length = len(on), (off - on) / RATE
    share, rate, depth = own.uniform(0.4, 1), own.uniform(5, 7), np.exp(own.uniform(np.log(10), np.log(60)))
    after = np.clip(own.uniform(0.1, 0.3) + own.normal(0, 0.05, n), 0.08, 0.4)
    sways = (own.random(n) < share) & (length > after + 0.1)
    cents = np.clip(depth * np.exp(own.normal(0, 0.25, n)), 8, 70)
    moves[sways, 1] = (2.0 ** (cents / 1200) - 1)[sways]
    moves[:, 2] = np.where(sways, rate * np.exp(own.normal(0, 0.04, n)), 0.0)
    moves[:, 3] = after * sways
    scoops = (own.random(n) < own.uniform(0, 0.4)) & (length > 0.15)
    down = np.where(scoops, own.uniform(0.1, 1.0, n), 0.0)
    if program in _SUNG and n > 1:  # a finger or a voice that slides from the note before
        tied = np.append(False, (on[1:] - off[:-1] < 0.03 * RATE) & (np.abs(np.diff(pitch)) <= 5))
        slides = tied & (own.random(n) < own.uniform(0, 0.3)) & (length > 0.2)
        down[slides] = np.diff(pitch, prepend=pitch[0])[slides]
    moves[:, 4] = 1 - 2.0 ** (-down / 12)
    moves[:, 5] = own.uniform(0.03, 0.12, n) * (down != 0)
    return moves


def _kitted(
    shots: np.ndarray, gain: np.ndarray, pitch: np.ndarray, velocity: np.ndarray, bank: Bank, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Drums retuned and balanced key by key, some of them taken from other kits."""
    ratio = np.ones(len(shots))
    strange = float(rng.choice([0.0, 0.0, 0.3, 1.0]))
    for key in np.unique(pitch):
        own = pitch == key
        if rng.random() < strange or bank.key[shots[own][0]] != key:
            font, _, program = bank.fonts.kit(rng)
            other = bank.pick(bank.preset(font, program, True), pitch[own], velocity[own])
            if bank.key[other[0]] == key:
                shots[own], gain[own] = other, bank.level[other] * velocity[own] / bank.velocity[other]
        gain[own] *= 10 ** (rng.normal(0, 2.5) / 20)
        ratio[own] = 2.0 ** (rng.uniform(-2, 2) / 12) if rng.random() < 0.5 else 1.0
    return shots, gain, ratio


def _choked(on: np.ndarray, pitch: np.ndarray) -> np.ndarray:
    """(hit,) samples that a drum may ring: hats until the next stroke on the hats."""
    ring = np.full(len(on), np.inf)
    hats = np.flatnonzero(np.isin(pitch, _HATS))
    if len(hats) > 1:
        ring[hats[:-1]] = np.maximum(np.diff(on[hats]), RATE // 50)
    return ring


def _echoed(rows: tuple[np.ndarray, ...], bpm: float, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Two quiet echoes in time: the notes again."""
    on, count, shots, gain, ratio, release, moves = rows
    gap = max(1, round(RATE * 60 / max(bpm, 40) * float(rng.choice([0.5, 0.75, 1.0]))))
    levels = (1.0, rng.uniform(0.1, 0.3), rng.uniform(0.03, 0.1))
    delayed = np.concatenate([on + k * gap for k in range(3)])
    quieter = np.concatenate([gain * level for level in levels])
    return delayed, np.tile(count, 3), np.tile(shots, 3), quieter, np.tile(ratio, 3), np.tile(release, 3), np.tile(moves, (3, 1))


def _energy(rows: tuple[np.ndarray, ...], bank: Bank, seconds: float) -> np.ndarray:
    """(tenth of a second,) mean square of a part, reckoned."""
    on, count, shots, gain = rows[:4]
    frames = int(seconds * RATE / FRAME) + 1
    tenths = bank.energy[shots] * np.square(gain / bank.level[shots])[:, None]
    place = np.arange(tenths.shape[1])
    tenths[place * FRAME >= count[:, None]] = 0
    at = np.minimum(on[:, None] // FRAME + place, frames)
    return np.bincount(at.ravel(), tenths.ravel(), frames + 1)[:frames]


def _loud(energy: np.ndarray) -> float:
    """The level of the loudest tenth of the time, so that rests do not count."""
    return float(np.sqrt(np.sort(energy)[-max(1, len(energy) // 10) :].mean())) + 1e-9


def _shaped(part: _Part, alone: bool, rng: np.random.Generator) -> np.ndarray:
    """(4 + KNOTS,) p, q, a, wet, equaliser; sets the part's level."""
    level = _loud(part.energy)
    goal = part.level = 10 ** ((wanted(part.track, alone, rng) + part.lift) / 20)
    on, count, shots, gain, *others = part.rows
    part.rows = (on, count, shots, gain * goal / level, *others)
    part.energy = part.energy * (goal / level) ** 2
    p, q, a = 1.0, 0.0, 0.0
    program = part.track.program
    if part.track.drum:
        if rng.random() < 0.3:  # parallel saturation
            scale = rng.uniform(2, 8) / (4 * goal)
            q = goal / (scale * goal + np.tanh(2 * scale * goal))
            p, a = scale * q, 2 * scale
    elif rng.random() < _CUTS.get(program, 0.3 if 24 <= program < 32 else 0.03):
        a = rng.uniform(2, 25) / (4 * goal)
        p, q = 0.0, goal / np.tanh(a * goal)
    shelf = rng.uniform(-8, 8) / (1 + np.exp(-2 * (np.arange(KNOTS) - rng.uniform(2, 7))))
    return np.array([p, q, a, part.wet, *(shelf + rng.normal(0, 1.5, KNOTS))], np.float32)


def _cover(parts: list[_Part]) -> None:
    """Which notes the others cover, by the tenths of a second in which they are heard."""
    whole = np.sum([part.energy for part in parts], 0)
    for part in parts:
        frame = np.minimum((part.notes[:, 4] * RATE / FRAME).astype(int), len(whole) - 1)
        part.covered = part.energy[frame] < render.COVERED * whole[frame]


def _table(parts: list[_Part], stems: np.ndarray, bank: Bank, rng: np.random.Generator, frames: int) -> Table:
    on, count, shots, gain, ratio, release, moves = (np.concatenate([p.rows[k] for p in parts]) for k in range(7))
    stem = np.concatenate([np.full(len(p.rows[0]), min(k, STEMS - 1)) for k, p in enumerate(parts)])
    step = np.round(ratio * 2**STEP)
    whole = np.stack([on, count, bank.offset[shots], bank.length[shots], step, stem]).astype(np.int32)
    _, depth, rate, after, slide, glide = moves.T
    turn = rate / RATE
    sway = ratio * depth / (2 * np.pi * np.where(turn > 0, turn, 1))
    real = np.stack([gain, release, sway, turn, after * RATE, ratio * slide, glide * RATE]).astype(np.float32)
    rooms = len(bank.room_offset) - 1
    if rooms and rng.random() < 0.4:
        number, decay, delay = 1 + int(rng.integers(rooms)), 0.0, 0.0
        offset, length = int(bank.room_offset[number]), int(bank.room_length[number])
    else:  # a tail of noise, from anywhere in the bank's
        decay = 6.9 / RATE / float(np.exp(rng.uniform(np.log(0.15), np.log(1.5))))
        delay, length = RATE * rng.uniform(0.003, 0.025), BEFORE - RATE // 20
        offset = int(bank.room_offset[0] + rng.integers(bank.room_length[0] - length))
    level = 10 ** (rng.uniform(-28, -16) / 20) / _loud(np.sum([part.energy for part in parts], 0))
    room = np.array([decay, delay, level], np.float32)
    return Table(whole, real, stems, room, np.array([offset, length, frames], np.int32))
