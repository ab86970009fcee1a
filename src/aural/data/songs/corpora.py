"""Written songs from open corpora, each with its beats: POP909, OpenScore Lieder, accompaniments, drummers, chord charts.

Packs         pop909 (MIT), openscore_lieder (CC0), mma_paired (our own output), groove (CC BY 4.0), billboard (CC0);
              read from one folder, whichever of them are there
Traps         POP909's third beat column marks bars, the second one every other beat; a sixth of the Groove performances do not
              sit on their grid and are dropped; the last songs of each corpus are kept for testing
"""

from __future__ import annotations

import csv
import io
import json
import lzma
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ...annotations import Intervals
from . import players
from .harmony import Chart, Chord, harte, key_of, mode
from .plan import Plan
from .score import Score, Track, root_of
from .styles import METRES, STYLES

HELD = {"pop909": 60, "lieder": 100, "mma": 24}  # the last songs of each, for the test split


@dataclass
class Corpora:
    """What a folder holds: scores by corpus name, drummers and charts. Empty where the folder has nothing."""

    pop: dict[str, np.ndarray] | None = None
    lieder: dict[str, np.ndarray] | None = None
    mma: dict[str, np.ndarray] | None = None
    mma_meta: list[dict[str, Any]] = field(default_factory=list)
    grooves: list[tuple[float, np.ndarray]] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """Of the corpora of songs."""
        return [n for n, c in (("pop909", self.pop), ("lieder", self.lieder), ("mma", self.mma)) if c is not None]

    def draw(self, name: str, rng: np.random.Generator, held: bool) -> Score | None:
        """A song of a corpus; None where the one drawn is unfit (draw again)."""
        return {"pop909": self._pop, "lieder": self._lied, "mma": self._mma}[name](rng, held)

    def _pick(self, rng: np.random.Generator, songs: int, name: str, held: bool) -> int:
        return int(rng.integers(songs - HELD[name], songs) if held else rng.integers(0, songs - HELD[name]))

    # ---- POP909

    def _pop(self, rng: np.random.Generator, held: bool) -> Score | None:
        z = self.pop
        assert z is not None
        song = 1 + self._pick(rng, 909, "pop909", held)
        beats, down = _rows(z, "beat", song, "beat_ms") / 1e3, _rows(z, "beat", song, "beat_down_b")
        notes = _notes(z, song, _rows(z, "note", song, "note_vel"), _rows(z, "note", song, "note_track"))
        positions, per_bar = _positions(down)
        if len(notes) < 100 or len(beats) < 40 or per_bar not in (3, 4) or (np.diff(beats) <= 0).any():
            return None
        labels = [str(z["labels"][k]) for k in _rows(z, "chord", song, "chord_label")]
        starts, ends = _rows(z, "chord", song, "chord_on_ms") / 1e3, _rows(z, "chord", song, "chord_off_ms") / 1e3
        chords = Intervals(starts, ends, tuple(labels)) if len(starts) and (np.diff(starts) >= 0).all() else None
        metre = f"{per_bar}/4"
        name = f"pop909-{song:03d}"
        named = [str(z["labels"][k]) for k in z["key_label"][z["key_song"] == song]]
        keys = None  # where they change, they do so on the clock of another recording
        if len(named) == 1 and named[0].startswith("key:"):
            _, tonic, quality = named[0].split(":")
            keys = _throughout(root_of(tonic) or 0, quality == "min", notes)
        known: dict[str, Any] = {"fixed": False, "keys": keys, "parted": False}
        if rng.random() < 0.28:  # the piano alone
            piano = notes[notes[:, 4] == 2]
            piano[:, 4] = 0
            track = Track("piano", int(rng.choice([0, 0, 1, 2, 4])), pedal=bool(rng.random() < 0.5))
            return Score(name, "pop909 piano", (track,), piano, beats, positions, metre, chords, None, ("pop909", "piano"), **known)
        tracks = [
            Track("lead", int(rng.choice(players.PROGRAMS["lead"])), legato=bool(rng.spawn(1)[0].random() < 0.5)),
            Track("bridge", int(rng.choice([0, 11, 24, 48, 81, 27, 62]))),
            Track("piano", int(rng.choice([0, 1, 4, 5, 6, 16, 24, 25, 26, 29, 30]))),
        ]
        dropped = [k for k in range(3) if rng.random() < 0.15][:2]
        extra = [notes[~np.isin(notes[:, 4], dropped)]]
        plan = _plan_on(beats, positions, per_bar, chords)
        if plan is not None:
            offset = int(np.flatnonzero(positions == 1)[0])
            drums = np.zeros((0, 4))
            if rng.random() < 0.7:
                drums = self._drummer(rng, plan, 60 / float(np.median(np.diff(beats))), metre)
                tracks.append(Track("drums", drum=True))
                extra.append(_on_beats(drums, beats, offset, len(tracks) - 1))
            if chords is not None and rng.random() < 0.8:
                tracks.append(Track("bass", int(rng.choice(players.PROGRAMS["bass"]))))
                kind = str(rng.choice(["root", "eight", "kick", "oct", "fifth", "sync", "long"]))
                extra.append(_on_beats(players.bass(rng, plan, kind, drums), beats, offset, len(tracks) - 1))
        return Score(name, "pop909", tuple(tracks), np.concatenate(extra), beats, positions, metre, chords, None, ("pop909",), **known)

    def _drummer(self, rng: np.random.Generator, plan: Plan, bpm: float, metre: str) -> np.ndarray:
        from .composer import performed

        near = [hits for tempo, hits in self.grooves if 0.75 < tempo / bpm < 1.35] if metre == "4/4" else []
        if near and rng.random() < 0.4 and set(plan.lengths) == {4}:
            return performed(rng, plan, near[rng.integers(len(near))])
        able = [
            n for n, s in STYLES.items()
            if s.metre == metre and METRES[s.metre][1] == 4 and s.drums > 0.3 and not s.held and s.bpm[0] * 0.9 < bpm < s.bpm[1] * 1.1
        ]  # fmt: skip
        return players.drums(rng, plan, able[rng.integers(len(able))] if able else "pop" if metre == "4/4" else "rock3")

    # ---- accompaniments

    def _mma(self, rng: np.random.Generator, held: bool) -> Score | None:
        z = self.mma
        assert z is not None
        song = self._pick(rng, len(self.mma_meta), "mma", held)
        meta = self.mma_meta[song]
        beat, per_bar = 60 / meta["tempo"], int(meta["beats_per_bar"])
        notes = _notes(z, song, _rows(z, "note", song, "note_vel"), _rows(z, "note", song, "note_track"))
        parts = [str(n).lower().split("-")[0] for n, _, _ in meta["tracks"]]
        roles = [{"chord": "rhythm", "walk": "bass"}.get(part, part) for part in parts]
        tracks = tuple(Track(role, int(p), bool(d)) for role, (_, p, d) in zip(roles, meta["tracks"], strict=True))
        if rng.random() < 0.2:
            notes = notes[~np.array([t.drum for t in tracks])[notes[:, 4].astype(int)]]
        count = int(meta["n_bars"]) * per_bar
        chart = next((m["chords"] for m in self.mma_meta if m["chart"] == meta["chart"] and m["chords"]), None)
        chords = keys = None
        if chart:
            rows = [(a * beat, b * beat, str(c)) for a, b, c in chart]
            chords = Intervals(np.array([r[0] for r in rows]), np.array([r[1] for r in rows]), tuple(r[2] for r in rows))
            tonic = root_of(str(meta["tonic"]))
            minor = None if tonic is None else mode([(b - a, c) for a, b, label in chart if (c := harte(str(label)))], tonic)
            keys = None if tonic is None or minor is None else _throughout(tonic, minor, notes)
        name, positions = f"mma-{song:03d}", np.arange(count) % per_bar + 1
        return Score(name, "mma", tracks, notes, np.arange(count) * beat, positions, f"{per_bar}/4", chords, None, ("mma",), False, keys)

    # ---- Lieder

    def _lied(self, rng: np.random.Generator, held: bool) -> Score | None:
        z = self.lieder
        assert z is not None
        song = self._pick(rng, len(z["names"]), "lieder", held)
        beats, down = _rows(z, "beat", song, "beat_ms") / 1e3, _rows(z, "beat", song, "beat_down")
        part = _rows(z, "note", song, "note_part")
        positions, per_bar = _positions(down)
        if len(part) < 150 or len(beats) < 30 or per_bar == 0 or (np.diff(beats) <= 0).any():
            return None
        metre = f"{per_bar}/4"
        if per_bar in (6, 9, 12) and 60 / np.median(np.diff(beats)) > 140:  # eighths: the beats are dotted quarters
            kept = positions % 3 == 1
            beats, positions, metre = beats[kept], (positions[kept] + 2) // 3, f"{per_bar}/8"
        if per_bar in (2, 6) and rng.random() < 0.7:  # two-beat bars are rarer in what people listen to
            return None
        notes = _notes(z, song, np.clip(75 + rng.normal(0, 10, len(part)), 30, 120), part)
        swell = np.interp(notes[:, 0], np.linspace(0, notes[-1, 0] + 1, 12), rng.normal(0, 12, 12))
        notes[:, 3] = np.clip(notes[:, 3] + swell, 25, 120)
        piano = int(np.bincount(part).argmax())
        keys = _signed(z["key_fifths"][z["key_song"] == song], notes)
        alone = rng.random() < 0.7
        if alone:
            notes = notes[notes[:, 4] == piano]
        tags: tuple[str, ...] = ("lieder", "piano") if alone else ("lieder",)
        if rng.random() < 0.65:
            notes, beats = _rubato(notes, beats, rng)
            tags = (*tags, "rubato")
        owners = sorted({int(p) for p in notes[:, 4]})
        notes[:, 4] = np.searchsorted(owners, notes[:, 4])
        pedal = bool(rng.random() < 0.6)
        singers = [40, 52, 53, 54, 65, 68, 71, 73, 74, 0]
        tracks = tuple(
            Track("piano", int(rng.choice([0, 0, 0, 1, 2, 6])), pedal=pedal)
            if p == piano
            else Track("lead", int(rng.choice(singers)), legato=True)
            for p in owners
        )
        name = f"lied-{song:04d}"
        return Score(name, "lieder", tracks, notes, beats, positions, metre, None, None, tags, False, keys, parted=False)


def _throughout(tonic: int, minor: bool, notes: np.ndarray) -> Intervals:
    """One key from the start to the end of all notes."""
    return Intervals(np.zeros(1), np.array([float(notes[:, 1].max(initial=1.0)) + 60]), (key_of(tonic, minor),))


def _signed(fifths: np.ndarray, notes: np.ndarray) -> Intervals | None:
    """The key of a piece of one signature, by the lowest of its last notes; None where it ends on no tonic, or changes its key."""
    if len(fifths) != 1:
        return None
    major = int(fifths[0]) * 7 % 12
    final = int(notes[notes[:, 1] > notes[:, 1].max() - 0.3, 2].min()) % 12
    return _throughout(final, final != major, notes) if final in (major, (major + 9) % 12) else None


def _rubato(notes: np.ndarray, beats: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A smooth random tempo on notes and beats alike."""
    knots = np.arange(0, max(notes[:, 1].max(), beats[-1]) + 4, float(rng.choice([1.0, 2.0, 3.0])))
    slower = np.exp(np.clip(rng.normal(0, rng.uniform(0.03, 0.12), len(knots)), -0.3, 0.3))
    seconds = np.concatenate([[0], np.cumsum(0.5 * (slower[1:] + slower[:-1]) * np.diff(knots))])
    moved = notes.copy()
    moved[:, 0], moved[:, 1] = np.interp(notes[:, 0], knots, seconds), np.interp(notes[:, 1], knots, seconds)
    return moved, np.interp(beats, knots, seconds)


def _positions(down: np.ndarray) -> tuple[np.ndarray, int]:
    """(beat,) positions in the bar from downbeat flags, and the metre; metre 0 where fewer than 9 of 10 bars have it."""
    first = np.flatnonzero(down)
    lengths = np.diff(first)
    if len(lengths) < 6:
        return np.zeros(len(down), int), 0
    per_bar = int(np.bincount(lengths).argmax())
    if (lengths == per_bar).mean() < 0.9 or per_bar not in (2, 3, 4, 5, 6, 7, 9, 12):
        return np.zeros(len(down), int), 0
    positions, count = np.zeros(len(down), int), (per_bar - first[0]) % per_bar
    for i, flag in enumerate(down):
        count = 1 if flag else count + 1
        positions[i] = count
    return positions, per_bar


def _plan_on(beats: np.ndarray, positions: np.ndarray, per_bar: int, chords: Intervals | None) -> Plan | None:
    """Bars and chords of a song that exists, so that bass and drums can join; sections of eight bars."""
    first = np.flatnonzero(positions == 1)
    if len(first) < 8:
        return None
    lengths = np.diff(np.append(first, len(beats)))
    if lengths.min() < 1:
        return None
    bars = []
    last = Chord(0)
    for start, length in zip(first, lengths, strict=True):
        own: list[tuple[float, Chord]] = []
        for beat in range(int(length)):
            label = chords.at(np.array([beats[start + beat] + 0.05]))[0] if chords is not None else "N"
            chord = harte(label) or last
            if beat == 0 or chord != last:
                own.append((float(beat), chord))
            last = chord
        bars.append(tuple(own))
    sections = [(bar, "AB"[bar // 8 % 2]) for bar in range(0, len(bars), 8)]
    return Plan(STYLES["pop"], f"{per_bar}/4", lengths, bars, sections, 4)


def _on_beats(part: np.ndarray, beats: np.ndarray, offset: int, track: int) -> np.ndarray:
    """A part in beats from the first downbeat on, laid on a song's beats."""
    index = np.arange(len(beats), dtype=float)
    on = np.interp(part[:, 0] + offset, index, beats)
    off = np.interp(part[:, 0] + part[:, 1] + offset, index, beats)
    inside = part[:, 0] + offset < len(beats) - 1
    return np.stack([on, np.maximum(off, on + 0.05), part[:, 2], part[:, 3], np.full(len(part), track)], 1)[inside]


def _rows(z: dict[str, np.ndarray], kind: str, song: int, column: str) -> np.ndarray:
    """A copy of one song's rows of a column."""
    lo, hi = z[f"{kind}_at"][song : song + 2]
    return z[column][lo:hi].copy()


def _notes(z: dict[str, np.ndarray], song: int, velocity: np.ndarray, track: np.ndarray) -> np.ndarray:
    on = _rows(z, "note", song, "note_s")
    end = on + _rows(z, "note", song, "note_dur_ms") / 1e3
    return np.stack([on, end, _rows(z, "note", song, "note_pitch"), velocity, track], 1).astype(float)


# ---- reading


@lru_cache(maxsize=4)
def load(folder: Path | None) -> Corpora:
    """The corpora in a folder (`midi/` of the data packs); empty ones where there is no folder."""
    out = Corpora()
    if folder is None or not folder.exists():
        return out
    readers: dict[str, Callable[[Path], None]] = {
        "pop909/pop909.npz.xz": lambda p: setattr(out, "pop", _arrays(p, 910)),
        "openscore_lieder/lieder.npz.xz": lambda p: setattr(out, "lieder", _arrays(p)),
        "mma_paired/mma_paired.npz.xz": lambda p: setattr(out, "mma", _arrays(p)),
        "groove/groove_midi.tar.xz": lambda p: setattr(out, "grooves", list(_grooves(p))),
        "billboard/salami_chords.tar.xz": lambda p: setattr(out, "charts", list(_charts(p))),
    }
    for name, read in readers.items():
        if (folder / name).exists():
            read(folder / name)
    if out.mma is not None:
        out.mma_meta = json.loads(str(out.mma["meta"]))
    return out


def _arrays(path: Path, songs: int | None = None) -> dict[str, np.ndarray]:
    """A packed corpus with note starts in seconds (`note_s`) and the first row of every song (`note_at`, `beat_at` …)."""
    packed = np.load(io.BytesIO(lzma.decompress(path.read_bytes())))
    z = {name: packed[name] for name in packed}
    z["note_s"] = np.cumsum(z["note_on_ms"].astype(np.int64)) / 1e3
    count = songs or int(z["note_song"].max()) + 1
    for kind in ("note", "beat", "chord"):
        if f"{kind}_song" in z:
            z[f"{kind}_at"] = np.searchsorted(z[f"{kind}_song"], np.arange(count + 1))
    return z


def _grooves(path: Path) -> Iterator[tuple[float, np.ndarray]]:
    """(bpm, hits) of the 4/4 performances that sit on their grid."""
    with tarfile.open(path) as tar:
        files = {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}  # type: ignore[union-attr]
    table = next(body for name, body in files.items() if name.endswith("info.csv")).decode()
    by_name = {name.partition("groove/")[2]: body for name, body in files.items()}
    for row in csv.DictReader(io.StringIO(table)):
        body = by_name.get(row["midi_filename"])
        if body is None or row["beat_type"] != "beat" or row["time_signature"] != "4-4" or float(row["duration"]) < 8:
            continue
        hits = drum_hits(body)
        if len(hits) > 20 and hits[-1, 0] >= 4 and on_grid(hits):
            yield float(row["bpm"]), hits


def on_grid(hits: np.ndarray) -> bool:
    """Whether a performance sits on its beats: of twelve phases of the beat, 0 must be common and its neighbours not."""
    phases = np.bincount(np.round(hits[:, 0] * 12).astype(int) % 12, minlength=12) / len(hits)
    return bool(phases[0] > 0.15 and phases[0] > 2 * max(phases[1], phases[11]))


def drum_hits(midi: bytes) -> np.ndarray:
    """(hit, 3) beat, key, velocity of the notes on channel 10 of a MIDI file."""
    import mido

    file = mido.MidiFile(file=io.BytesIO(midi))
    rows = []
    for track in file.tracks:
        ticks = 0
        for message in track:
            ticks += message.time
            if message.type == "note_on" and message.velocity and message.channel == 9:
                rows.append((ticks / file.ticks_per_beat, message.note, message.velocity))
    return np.array(sorted(rows), dtype=float).reshape(-1, 3)


_BILLBOARD_METRES = {"4/4": 4, "3/4": 3, "12/8": 4, "6/8": 2, "2/4": 2}


def _charts(path: Path) -> Iterator[Chart]:
    with tarfile.open(path) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isfile() else None
            if file is not None:
                chart = chart_of(file.read().decode(errors="ignore"))
                if chart is not None:
                    yield chart


def chart_of(text: str) -> Chart | None:
    """A Billboard annotation as bars of chords; None where the metre is another or the song is short.

    Keys are those of its tonics, major or minor by the third of the tonic's chords; unknown where those are rare or mixed.
    """
    metre, sections, tonics = 4, list[int](), list[tuple[int, int]]()
    bars: list[tuple[tuple[float, Chord], ...]] = []
    last = Chord(0)
    for line in text.splitlines():
        if line.startswith("# metre:"):
            metre = _BILLBOARD_METRES.get(line.split(":")[1].strip(), 0)
        if line.startswith("# tonic:"):
            tonics.append((len(bars), root_of(line.split(":")[1].strip()) or 0))
        words = line.split("\t")
        if len(words) < 2 or "|" not in words[1]:
            continue
        if not words[1].startswith("|"):
            sections.append(len(bars))
        for bar in words[1].split("|")[1:-1]:
            tokens = [t for t in bar.split() if not t.startswith("(")]
            if not tokens or not metre:
                continue
            own: list[tuple[float, Chord]] = []
            for i, token in enumerate(tokens):
                chord = harte(token) if root_of(token) is not None else None
                if chord is not None:
                    own.append((i * metre / len(tokens), chord))
            if not own or own[0][0] > 0:
                own.insert(0, (0.0, last))
            last = own[-1][1]
            bars.append(tuple(own))
    return Chart(metre, tuple(bars), tuple(sections), _keys(bars, tonics, metre)) if metre and len(bars) > 16 else None


def _keys(bars: list[tuple[tuple[float, Chord], ...]], tonics: list[tuple[int, int]], metre: int) -> tuple[str, ...]:
    """The key of every bar from (first bar, tonic); none where one is not known."""
    keys: list[str] = []
    for (first, tonic), (last, _) in pairwise([*tonics, (len(bars), 0)]):
        if first == last:
            continue
        lasting = []
        for bar in bars[first:last]:
            ends = [*(beat for beat, _ in bar[1:]), float(metre)]
            lasting += [(end - at, chord) for (at, chord), end in zip(bar, ends, strict=True)]
        minor = mode(lasting, tonic)
        if minor is None:
            return ()
        keys += [key_of(tonic, minor)] * (last - first)
    return tuple(keys) if len(keys) == len(bars) else ()
