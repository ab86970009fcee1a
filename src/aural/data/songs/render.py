"""From a Score to sound and truth: performance, stems, effects, one room, the mix.

Truth         notes start when they are heard: the delay of each preset is measured once, and its notes are played that much
              earlier, so that beats, onsets and drum hits agree; notes that swell, or that the mix covers, are `soft_onsets`
Traps         a held key struck again is released first; a stem's voices are flushed before the next one; silent presets leave
              no note behind
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from scipy.signal import lfilter, oaconvolve

from ...annotations import Curves, Events, Example, Intervals, Notes, Tempo
from ...annotations import Score as Number
from ...sound import Sound
from ...tasks.onset import merged
from .fonts import RATE, Font, Fonts
from .score import Score, Track

FRAME = RATE // 100  # of the loudness curves that decide what is covered
COVERED = 10**-2.8  # of the whole energy
GM_DRUMS = {
    35: "Acoustic Bass Drum", 36: "Bass Drum 1", 37: "Side Stick", 38: "Acoustic Snare", 39: "Hand Clap", 40: "Electric Snare",
    41: "Low Floor Tom", 42: "Closed Hi Hat", 43: "High Floor Tom", 44: "Pedal Hi-Hat", 45: "Low Tom", 46: "Open Hi-Hat",
    47: "Low-Mid Tom", 48: "Hi-Mid Tom", 49: "Crash Cymbal 1", 50: "High Tom", 51: "Ride Cymbal 1", 52: "Chinese Cymbal",
    53: "Ride Bell", 54: "Tambourine", 55: "Splash Cymbal", 56: "Cowbell", 57: "Crash Cymbal 2", 58: "Vibraslap",
    59: "Ride Cymbal 2", 60: "Hi Bongo", 61: "Low Bongo", 62: "Mute Hi Conga", 63: "Open Hi Conga", 64: "Low Conga",
    65: "High Timbale", 66: "Low Timbale", 67: "High Agogo", 68: "Low Agogo", 69: "Cabasa", 70: "Maracas", 71: "Short Whistle",
    72: "Long Whistle", 73: "Short Guiro", 74: "Long Guiro", 75: "Claves", 76: "Hi Wood Block", 77: "Low Wood Block",
    78: "Mute Cuica", 79: "Open Cuica", 80: "Mute Triangle", 81: "Open Triangle",
}  # fmt: skip
_GROOVE_ALIAS = {22: 42, 26: 46, 58: 43}  # keys of the Roland kit that the Groove drummers played


GRID = 100  # points a second of a melody


class Played(Protocol):
    """What one player did: (note, 6) start, end, pitch, velocity, heard start, swells; which notes the others cover; semitones that
    the player is off; (note, 6) how its pitch moves (see `moved`); and how loud it is."""

    track: Track
    notes: np.ndarray
    covered: np.ndarray
    off: float
    moves: np.ndarray
    level: float


def moved(moves: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The factor by which a note is higher than its pitch, at seconds; vibrato and a glide into the note.

    moves (…, 6): when its key goes down (s), depth of the vibrato (a share of the frequency), its rate (Hz), how long after the key
    it begins (s); depth of the glide (a share; negative comes from above) and how long it takes (s).
    """
    down, depth, rate, after, slide, glide = np.moveaxis(moves, -1, 0)
    since = times - down
    vibrato = 1 + depth * np.sin(2 * np.pi * rate * np.maximum(since - after, 0))
    return np.asarray(vibrato - slide * np.clip(1 - since / np.maximum(glide, 1e-9), 0, 1))


@dataclass
class _Stem:
    """What one player left behind: the sound, what was played (see Played), and how much of it goes into the room."""

    track: Track
    sound: np.ndarray
    notes: np.ndarray
    wet: float
    off: float = 0.0
    moves: np.ndarray = field(default_factory=lambda: np.zeros((0, 6)))
    level: float = 0.0
    covered: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))


def render(score: Score, fonts: Fonts, rng: np.random.Generator, seconds: float, stems: bool = False) -> Example | None:
    """`seconds` of a score as an Example; None where too little of it would be heard (draw another).

    Corpora's songs are played up to 35 % faster or slower, all but drums is transposed by -5..+6 semitones, the whole is
    detuned (70 % within ±15 cents, the rest ±50). Fields: sound (mono, 44,100 Hz, peak -12..-0.5 dBFS), beats, downbeats,
    onsets, soft_onsets, drums, notes, sections, tempo, strata, and where they are known chords, key, tuning, melody, melody_notes
    and bass; `stems` adds the parts that sum to the sound.
    """
    score = arranged(score, rng, seconds)
    if len(score.notes) < 12 or len(score.beats) < 6:
        return None
    n = round(seconds * RATE)
    cents = tuning(rng)
    main = fonts.main(rng)
    players: list[_Stem] = []
    silent = absent(score.tracks, rng)
    for index, track in enumerate(score.tracks):
        own = score.notes[score.notes[:, 4] == index]
        if len(own) and index not in silent:
            stem = _played(track, own, score, fonts, main, rng, n, cents)
            if stem is not None:
                players.append(stem)
    if not players or sum(len(p.notes) for p in players) < 12:
        return None
    _balance(players, rng)
    if rng.random() < 0.08:
        _pump(players)
    room = _room(players, rng, n)
    mix = np.sum([p.sound for p in players], 0) + room
    peak = float(np.abs(mix).max())
    if peak < 1e-5 or np.sqrt(np.square(mix).mean()) < 10 ** (-32 / 20) * peak:  # silence, or a few clicks in it
        return None
    gain = np.float32(10 ** (-rng.uniform(0.5, 12) / 20) / peak)
    _cover(players, mix)
    fields = truth(score, players, seconds, cents)
    if fields is None:
        return None
    example = Example(sound=Sound((mix * gain * 32767).round().astype(np.int16).astype(np.float32) / 32768, RATE), **fields)
    if stems:
        from ...annotations import Stems

        sounds = {f"{i} {p.track.name}": Sound(p.sound * gain, RATE) for i, p in enumerate(players)}
        example["stems"] = Stems({**sounds, "room": Sound(room * gain, RATE)})
    return example


def tuning(rng: np.random.Generator) -> float:
    """Cents that a whole song is off."""
    return float(rng.uniform(-15, 15) if rng.random() < 0.7 else rng.uniform(-50, 50))


def absent(tracks: tuple[Track, ...], rng: np.random.Generator) -> set[int]:
    """Tracks left out: one in ten of a large band, everything but the drums of some songs (drum loops)."""
    drums = [i for i, t in enumerate(tracks) if t.drum]
    if drums and rng.random() < 0.10:
        return {i for i, t in enumerate(tracks) if not t.drum}
    return {i for i, t in enumerate(tracks) if not t.drum and len(tracks) > 3 and rng.random() < 0.1}


def arranged(score: Score, rng: np.random.Generator, seconds: float) -> Score:
    """Tempo, key and the part of it that is played."""
    if not score.fixed and score.bpm:
        low, high = 50 / score.bpm, 205 / score.bpm
        score = score.faster(float(np.clip(np.exp(rng.uniform(-0.3, 0.3)), min(low, 1.0), max(high, 1.0))))
    score = score.transposed(int(rng.integers(-5, 7)))
    spare = score.end - seconds
    start = rng.uniform(0, spare) if spare > 0 and rng.random() < 0.75 else 0.0
    score = score.cut(start, start + seconds)
    lead = rng.uniform(0.02, 1.5) if start == 0 else 0.0  # a little silence before a song's beginning
    return score.later(lead).cut(0.0, seconds) if lead else score


def _played(
    track: Track, notes: np.ndarray, score: Score, fonts: Fonts, main: Font, rng: np.random.Generator, n: int, cents: float
) -> _Stem | None:
    """One track by one instrument."""
    if track.drum:
        font, bank, preset = fonts.kit(rng)
        channel = 9
    else:
        font, preset = fonts.instrument(rng, track.program, main)
        bank, channel = 0, 0
    font.select(channel, bank, preset)
    off_by = 0.0 if track.drum else (cents + float(rng.normal(0, 3))) / 100
    font.synth.set_tuning(channel, off_by)
    start, end, pitch, velocity = performed(track, notes, score, rng, n / RATE)
    heard = np.zeros(len(notes))
    swells = np.zeros(len(notes))
    for key in np.unique(pitch):
        if 0 <= key < 128:
            heard[pitch == key], swells[pitch == key] = font.rise(channel, bank, preset, int(key))
    on, off, pitch, velocity, heard, swells, _ = struck(start, end, pitch, velocity, heard, swells, n / RATE)
    if not len(on):
        return None
    sound = _stem(font, channel, on, off, pitch, velocity, n)
    if np.abs(sound).max() < 1e-5:
        return None
    if not track.drum and (rng.random() < {29: 0.8, 30: 0.85}.get(track.program, 0.3 if 24 <= track.program < 32 else 0.03)):
        drive = rng.uniform(2, 25)
        scale = np.float32(drive / max(1e-6, float(np.abs(sound).max())))
        sound = np.tanh(sound * scale)
    sound = _tilted(sound, rng)
    if not track.drum and rng.random() < 0.06:
        sound = _echoed(sound, score.bpm, rng)
    if track.drum:
        sound = sound if rng.random() < 0.7 else _squashed(sound, rng)
    table = noted(on / RATE, np.minimum(off, n) / RATE, pitch, velocity, heard, swells)
    moves = np.zeros((len(on), 6))  # this synthesiser plays neither vibrato nor glides
    moves[:, 0] = on / RATE
    return _Stem(track, sound, table, sent(rng), off_by, moves)


def sent(rng: np.random.Generator) -> float:
    """How much of a player goes into the room."""
    return float(rng.uniform(0, 0.45) * (rng.random() < 0.8))


def performed(
    track: Track, notes: np.ndarray, score: Score, rng: np.random.Generator, seconds: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(start, end, pitch, velocity) of notes as somebody plays them: a touch of their own, never quite in time, with pedal."""
    start, end, pitch = notes[:, 0], notes[:, 1], notes[:, 2].astype(int)
    if track.drum:
        pitch = np.array([_GROOVE_ALIAS.get(p, p) for p in pitch.tolist()])
    velocity = 127 * (np.clip(notes[:, 3], 1, 127) / 127) ** rng.uniform(0.6, 1.7) + rng.normal(0, 5, len(notes))
    velocity = np.clip(velocity, 8, 127).astype(int)
    tight, lag = (0.004, 0.003) if track.drum else (0.008, 0.008)
    start = np.maximum(start + rng.normal(0, rng.uniform(0, tight), len(notes)) + rng.uniform(-lag, lag), 0.0)
    held = 1.0 if track.drum else rng.uniform(0.75, 1.05)
    end = np.maximum(start + 0.04, start + (end - notes[:, 0]) * (max(held, 0.98) if track.legato else held))
    if track.pedal and len(score.beats):
        edges = np.append(score.beats[score.positions == 1] if rng.random() < 0.5 else score.beats, seconds)
        until = edges[np.minimum(np.searchsorted(edges, end), len(edges) - 1)]
        end = np.minimum(np.maximum(end, until), end + 1.8)
    return start, end, pitch, velocity


def struck(
    start: np.ndarray,
    end: np.ndarray,
    pitch: np.ndarray,
    velocity: np.ndarray,
    heard: np.ndarray,
    swells: np.ndarray,
    seconds: float,
    rate: int = RATE,
) -> tuple[np.ndarray, ...]:
    """(on, off, pitch, velocity, heard, swells, which of the notes) in samples, earlier by the delay after which each is heard,
    sorted; without notes that are never heard, and held keys released before they are struck again."""
    able = np.flatnonzero((pitch >= 0) & (pitch < 128) & (heard < 0.25) & (start < seconds - 0.05))
    on = np.maximum(np.round((start[able] - heard[able]) * rate).astype(int), 0)
    off = np.maximum(np.round((end[able] - heard[able]) * rate).astype(int), on + 600 * rate // RATE)
    order = np.lexsort((pitch[able], on))
    on, off, able = on[order], off[order], able[order]
    keep = _unstruck(on, off, pitch[able], rate)
    on, off, able = on[keep], off[keep], able[keep]
    return on, off, pitch[able], velocity[able], heard[able], swells[able], able


def noted(on: np.ndarray, off: np.ndarray, pitch: np.ndarray, velocity: np.ndarray, heard: np.ndarray, swells: np.ndarray) -> np.ndarray:
    """(note, 6) for Played, from seconds at which keys go down and up."""
    return np.stack([on + heard, np.maximum(off, on) + heard, pitch, velocity, on + heard, swells], 1)


def _unstruck(on: np.ndarray, off: np.ndarray, pitch: np.ndarray, rate: int = RATE) -> np.ndarray:
    """Releases a held key before it is struck again (in `off`); False for a key struck twice within 10 ms."""
    keep = np.ones(len(on), bool)
    last: dict[int, int] = {}
    starts, ends = on.tolist(), off.tolist()
    for j, key in enumerate(pitch.tolist()):
        i = last.get(key)
        if i is not None and starts[j] - starts[i] < rate // 100:
            keep[j] = False
            ends[i] = max(ends[i], ends[j])
            continue
        if i is not None and ends[i] >= starts[j]:
            ends[i] = max(starts[i] + 1, starts[j] - 1)
        last[key] = j
    off[:] = ends
    return keep


def _stem(font: Font, channel: int, on: np.ndarray, off: np.ndarray, pitch: np.ndarray, velocity: np.ndarray, n: int) -> np.ndarray:
    """(n,) float32: the notes alone, mono."""
    times = np.concatenate([on, off])
    starts = np.concatenate([np.ones(len(on), int), np.zeros(len(off), int)])
    order = np.lexsort((starts, times))  # releases first
    buffer = memoryview(bytearray(8 * n))
    keys, loud = np.concatenate([pitch, pitch]).tolist(), np.concatenate([velocity, velocity]).tolist()
    synth, at = font.synth, 0
    moments, begins = np.minimum(times, n).tolist(), starts.tolist()
    for i in order.tolist():
        if moments[i] > at:
            synth.generate_simple(moments[i] - at, buffer[8 * at : 8 * moments[i]])
            at = moments[i]
        if at >= n:
            break
        if begins[i]:
            synth.noteon(channel, keys[i], loud[i])
        else:
            synth.noteoff(channel, keys[i])
    if at < n:
        synth.generate_simple(n - at, buffer[8 * at :])
    font.hush(channel)
    both = np.frombuffer(buffer, np.float32)
    return (both[0::2] + both[1::2]) * np.float32(0.5)


def _tilted(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A shelf: everything above a drawn corner by ±8 dB."""
    pole = float(np.exp(-2 * np.pi * np.exp(rng.uniform(np.log(200), np.log(5000))) / RATE))
    low = lfilter(np.array([1 - pole], np.float32), np.array([1, -pole], np.float32), sound)
    return low + np.float32(10 ** (rng.uniform(-8, 8) / 20)) * (sound - low)


def _squashed(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Parallel saturation, as drums often are."""
    scale = np.float32(rng.uniform(2, 8) / max(1e-6, float(np.abs(sound).max())))
    return sound * scale + np.tanh(sound * scale * 2)


def _echoed(sound: np.ndarray, bpm: float, rng: np.random.Generator) -> np.ndarray:
    """Two quiet echoes in time."""
    gap = max(1, round(RATE * 60 / max(bpm, 40) * float(rng.choice([0.5, 0.75, 1.0]))))
    out = sound.copy()
    for k, level in ((1, rng.uniform(0.1, 0.3)), (2, rng.uniform(0.03, 0.1))):
        if k * gap < len(sound):
            out[k * gap :] += np.float32(level) * sound[: -k * gap]
    return out


def _loudness(sound: np.ndarray) -> np.ndarray:
    """(frame,) energy of 10 ms each."""
    whole = sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME)
    return np.einsum("tf,tf->t", whole, whole) / FRAME


def _balance(players: list[_Stem], rng: np.random.Generator) -> None:
    """Sets each stem's level: by the loudest tenth of its frames, so that rests do not count."""
    alone = len(players) < 3
    for player in players:
        loud = _loudness(player.sound)
        level = np.sqrt(np.sort(loud)[-max(1, len(loud) // 10) :].mean()) + 1e-9
        player.level = 10 ** (wanted(player.track, alone, rng) / 20)
        player.sound = player.sound * np.float32(player.level / level)


def wanted(track: Track, alone: bool, rng: np.random.Generator) -> float:
    """dB of a player's loudest moments, by its role."""
    role = -15.0 if track.drum else -19.0 if alone else {"lead": -20.0, "bass": -21.0, "pad": -26.0}.get(track.name, -23.0)
    return role + float(rng.normal(0, 3.5))


def _pump(players: list[_Stem]) -> None:
    """Every bass drum ducks what is no drum, as in dance music."""
    kicks = np.sort(np.concatenate([np.zeros(0), *(p.notes[np.isin(p.notes[:, 2], (35, 36)), 4] for p in players if p.track.drum)]))
    if not len(kicks):
        return
    n = len(players[0].sound)
    since = np.arange(0, n, FRAME) / RATE
    last = np.searchsorted(kicks, since, "right") - 1
    age = np.where(last >= 0, since - kicks[np.maximum(last, 0)], 9.0)
    gain = np.interp(np.arange(n), np.arange(0, n, FRAME), 1 - 0.7 * np.exp(-age / 0.12)).astype(np.float32)
    for player in players:
        if not player.track.drum:
            player.sound = player.sound * gain


def _room(players: list[_Stem], rng: np.random.Generator, n: int) -> np.ndarray:
    """(n,) the reverberation alone: an exponential noise tail after 3..25 ms; the direct sound stays where it is."""
    wet = [p for p in players if p.wet > 0]
    if not wet:
        return np.zeros(n, np.float32)
    decay = float(np.exp(rng.uniform(np.log(0.15), np.log(2.0))))
    length = int(RATE * min(decay, 1.5))
    tail = rng.standard_normal(length).astype(np.float32) * np.exp(-6.9 / RATE / decay * np.arange(length, dtype=np.float32))
    tail = lfilter(np.array([1, rng.uniform(-0.5, 0.8)], np.float32), np.array([1], np.float32), tail)
    tail[: int(RATE * rng.uniform(0.003, 0.025))] = 0
    tail = (tail / np.sqrt(np.square(tail).sum())).astype(np.float32)
    send = np.sum([p.sound * np.float32(p.wet) for p in wet], 0)
    return oaconvolve(send, tail)[:n].astype(np.float32)


def _cover(players: Sequence[_Stem], mix: np.ndarray) -> None:
    """Finds out which notes the others cover when they start."""
    whole = np.convolve(_loudness(mix), np.ones(5), "same")  # 50 ms
    for player in players:
        own = np.convolve(_loudness(player.sound), np.ones(5), "same")
        frame = np.minimum((player.notes[:, 4] * RATE / FRAME + 2).astype(int), len(own) - 1)
        player.covered = own[frame] < COVERED * whole[frame]


def truth(score: Score, players: Sequence[Played], seconds: float, cents: float) -> dict[str, object] | None:
    """Every field but the sound; cents: that the whole is off."""
    onsets, soft, hits, names, notes, owners = [], [], [], [], [], []
    for index, player in enumerate(players):
        covered = player.covered
        swelling = (player.notes[:, 5] > 0) | covered
        soft.append(player.notes[swelling, 4])
        onsets.append(player.notes[~swelling, 4])
        if player.track.drum:
            hits.append(player.notes[~covered, 4])
            names += [GM_DRUMS.get(int(p), str(int(p))) for p in player.notes[~covered, 2]]
        else:
            notes.append(player.notes[:, :4])
            owners.append(np.full(len(player.notes), index))
    table = np.concatenate(notes) if notes else np.zeros((0, 4))
    owner = np.concatenate(owners) if owners else np.zeros(0)
    order = np.lexsort((table[:, 2], table[:, 0]))
    table, owner = table[order].round(5), owner[order]
    first = min(float(p.notes[:, 0].min()) for p in players)
    last = max(float(p.notes[:, 1].max()) for p in players)
    beats, positions = score.beats, score.positions
    played = (beats >= first - 0.1) & (beats <= last + 0.05) & (beats < seconds)  # nobody taps to silence
    beats, positions = beats[played].round(5), positions[played]
    if len(beats) < 6:
        return None
    drum_times = np.concatenate(hits) if hits else np.zeros(0)
    drum_order = np.argsort(drum_times, kind="stable")
    bpm = 60 / float(np.median(np.diff(beats)))
    kinds = ("drums",) if hits else ("no drums",)
    empty = Intervals(np.zeros(0), np.zeros(0), ())
    every = np.sort(np.concatenate(onsets)).round(5)
    swell = np.sort(np.concatenate(soft)).round(5)
    return {
        "name": score.name,
        "strata": tuple(dict.fromkeys((score.metre, *kinds, *score.tags))),
        "beats": Events(beats, tuple(str(p) for p in positions)),
        "downbeats": Events(beats[positions == 1]),
        "onsets": merged(Events(every), 0.03),
        "soft_onsets": Events(swell),
        "drums": Events(drum_times[drum_order].round(5), tuple(names[i] for i in drum_order)),
        "notes": Notes(table[:, 0], table[:, 1], table[:, 2], table[:, 3], None, owner, tuple(p.track.name for p in players)),
        **({"chords": _rooted(score, players)} if notes and score.chords is not None else {} if notes else {"chords": empty}),
        "sections": score.sections or empty,
        "tempo": Tempo(np.array([round(bpm, 2)]), np.array([1.0])),
        **({"tuning": Number(440 * 2 ** (cents / 1200))} if notes else {}),
        **_keyed(score, bool(notes), seconds),
        **_led(score, players, seconds),
        **_founded(score, players),
    }


def _rooted(score: Score, players: Sequence[Played]) -> Intervals | None:
    """Chords; without their basses where the part that would play them is missing."""
    if score.chords is None or not score.parted or any(p.track.name == "bass" for p in players):
        return score.chords
    return replace(score.chords, labels=tuple(label.partition("/")[0] for label in score.chords.labels))


def _keyed(score: Score, pitched: bool, seconds: float) -> dict[str, object]:
    """`key` from the start to the end; "N" without pitched players."""
    if not pitched:
        return {"key": Intervals(np.zeros(1), np.array([seconds]), ("N",))}
    if score.keys is None or not len(score.keys):
        return {}
    starts, ends = score.keys.starts.copy(), score.keys.ends.copy()
    starts[0], ends[-1] = 0.0, seconds
    return {"key": replace(score.keys, starts=starts.round(5), ends=ends.round(5))}


def _led(score: Score, players: Sequence[Played], seconds: float) -> dict[str, object]:
    """`melody` and `melody_notes` of the leads; neither where another part may lead.

    One voice at a time: the loudest lead, and the others where it rests, seconds last; of a lead's notes the latest.
    """
    leads = sorted((p for p in players if p.track.name in ("lead", "second")), key=lambda p: (p.track.name == "second", -p.level))
    if not leads and (not score.parted or any(p.track.name == "riff" for p in players)):
        return {}
    line = np.zeros((0, 4))
    moves, off = np.zeros((0, 6)), np.zeros(0)
    for lead in leads:
        notes, kept = _alone(lead.notes[:, :4], lead.notes[:, 2])
        if len(line):  # it may speak while the others rest
            after = np.searchsorted(line[:, 0], notes[:, 0], "right")
            free = notes[:, 0] >= np.concatenate([[-1.0], line[:, 1]])[after]
            notes[:, 1] = np.minimum(notes[:, 1], np.append(line[:, 0], np.inf)[after])
            free &= notes[:, 1] - notes[:, 0] > 0.05
            notes, kept = notes[free], kept[free]
        line = np.concatenate([line, notes])
        moves, off = np.concatenate([moves, lead.moves[kept]]), np.concatenate([off, np.full(len(kept), lead.off)])
        order = np.argsort(line[:, 0], kind="stable")
        line, moves, off = line[order].round(5), moves[order], off[order]
    times = np.arange(int(seconds * GRID) + 1) / GRID
    values = np.zeros(len(times))
    if len(line):
        now = np.searchsorted(line[:, 0], times, "right") - 1
        sounds = (now >= 0) & (times < line[now, 1])
        now = now[sounds]
        values[sounds] = 440 * 2 ** ((line[now, 2] + off[now] - 69) / 12) * moved(moves[now], times[sounds])
    return {
        "melody": Curves(times, values[None].round(3)),
        "melody_notes": Notes(line[:, 0], line[:, 1], line[:, 2], line[:, 3]),
    }


def _founded(score: Score, players: Sequence[Played]) -> dict[str, object]:
    """`bass`: the notes of the bass; not where another part may play it."""
    basses = [p.notes[:, :4] for p in players if p.track.name == "bass"]
    if not basses and (not score.parted or any(p.notes[:, 2].min() < 45 for p in players if not p.track.drum)):
        return {}
    notes = np.concatenate(basses) if basses else np.zeros((0, 4))
    line = _alone(notes, -notes[:, 2])[0].round(5)
    return {"bass": Notes(line[:, 0], line[:, 1], line[:, 2], line[:, 3])}


def _alone(notes: np.ndarray, rank: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(note, 4) one at a time, and which of the notes they are: each ends where the next one starts, and of those that start within
    20 ms the one of the highest rank stays."""
    order = np.argsort(notes[:, 0], kind="stable")
    kept: list[int] = []
    starts, ranks = notes[:, 0].tolist(), rank.tolist()
    for i in order.tolist():
        if kept and starts[i] - starts[kept[-1]] < 0.02:
            if ranks[i] > ranks[kept[-1]]:
                kept[-1] = i
        else:
            kept.append(i)
    chosen = np.array(kept, int)
    line = notes[chosen].copy()
    line[:-1, 1] = np.minimum(line[:-1, 1], line[1:, 0])
    return line, chosen
