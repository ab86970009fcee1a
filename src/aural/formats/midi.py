"""MIDI files (type 1) whose tempo map follows the beats, so that notes fall where they sound and bars where they are.

Every beat falls on a quarter note: a set_tempo wherever the last one would leave the beats by more than 0.1 ms, in whole
microseconds, with the error carried on; beats of a constant stretch lie on its grid, so that one tempo does for it. A bar that is
cut by the start is a short first bar; beats in no known bar are counted in the metre before them, the last bar cut short. Without
beats the tempo is constant. 480 ticks a quarter, doubled until a tick is shorter than 1.5 ms, so that no time is off by more than
0.85 ms.
Tracks: the tempo map with markers (chords, sections), one of clicks or hits a field of events on channel 10, one an
instrument of a field of notes. Pitches are rounded to semitones; curves have no place in MIDI and are left out.

Source    Standard MIDI Files 1.0, General MIDI level 1 (the names of drums)
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from ..annotations import Events, Example, Intervals, Notes, Tempo
from ..errors import AnnotationError
from ._about import About
from ._bars import gridded, main_bpm
from ._words import line, positions

DRUMS = 9  # channel 10, counted from 0
PERCUSSION = {
    "BD": 36, "KD": 36, "KICK": 36, "SD": 38, "SNARE": 38, "RIM": 37, "CL": 39, "CLAP": 39, "HH": 42, "CHH": 42, "OHH": 46, "PHH": 44,
    "TT": 45, "LT": 41, "MT": 47, "HT": 50, "CY": 49, "CR": 49, "CRASH": 49, "RD": 51, "RIDE": 51, "CB": 56, "TB": 54,
}  # fmt: skip
DOWNBEAT, BEAT, STICK = 76, 77, 37  # high and low wood block, side stick
SIGNS = {
    *("Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#"),
    *("Abm", "Ebm", "Bbm", "Fm", "Cm", "Gm", "Dm", "Am", "Em", "Bm", "F#m", "C#m", "G#m", "D#m", "A#m"),
}
CLICK = 0.03  # seconds
STEADY = 100  # microseconds by which a beat may lie beside the tempo that goes on
LARGEST = 12  # quarters of a bar; more are several whose bar lines were not heard
LONGEST = 15.0  # seconds; a tempo event holds 16.7 s a quarter at most


def files(stem: str, fields: Mapping[str, Any], namespaces: Mapping[str, str], about: About) -> dict[str, bytes]:
    """{"song.mid": …}; nothing where no field has a place in MIDI."""
    holds = any(isinstance(value, Events | Intervals | Notes | Tempo) for value in fields.values())
    return {f"{stem}.mid": dumps(fields, about)} if holds else {}


class Map:
    """Seconds ⇄ ticks: quarters (n,) in seconds from 0 and ticks, tempo events, time signatures as (tick, beats, unit)."""

    def __init__(self, beats: Events | None, downbeats: Events | None = None, bpm: float = 120.0) -> None:
        times = np.zeros(0) if beats is None else beats.times
        places = [] if beats is None else positions(beats, downbeats)
        kept = np.flatnonzero(np.diff(times, prepend=-1.0) > 0.001)  # two beats at one place are one
        times, places = times[kept], [places[i] for i in kept]
        gaps = np.diff(times)
        gap = float(np.median(gaps)) if len(gaps) else 60.0 / bpm
        slowest = max([gap, *gaps[gaps <= LONGEST]])
        self.ticks = 480
        while slowest / self.ticks > 0.0015 and self.ticks < 15360:
            self.ticks *= 2
        # Corners of the map: the start, then every beat; a pause too long for one tempo event gets more quarters.
        corners: list[tuple[float, int]] = [(0.0, 0)]
        tick = self._lead(float(times[0]), gap) if len(times) else 0
        self.bars: list[tuple[int, int, int]] = []
        if tick and tick % self.ticks:
            self.bars.append((0, tick * 8 // self.ticks, 32))
        first = tick if tick % self.ticks else 0
        of_beats = []
        for i, time in enumerate(times):
            if i:
                tick += self.ticks * (1 if gaps[i - 1] <= LONGEST else max(2, round(gaps[i - 1] / min(gap, LONGEST))))
            if tick:
                corners.append((float(time), tick))
            of_beats.append(tick)
        self.beats = np.array(of_beats, dtype=int)
        self._metres([int(place) for place in places], first)
        self._tempi(corners, gap)

    def _lead(self, start: float, gap: float) -> int:
        """Ticks from 0 to the first beat: whole quarters at about its tempo, 32nds where less than half a beat is left."""
        if start < 0.001:
            return 0
        whole = round(start / gap)
        return whole * self.ticks if whole else max(1, round(8 * start / gap)) * self.ticks // 8

    def _metres(self, places: list[int], first: int) -> None:
        """Time signatures from the positions; an incomplete first bar is short."""
        ones = [i for i, place in enumerate(places) if place == 1]
        if not ones:
            if self.bars:  # no bar is known but the short one before the first beat, which must not go on
                self.bars.append((first, 4, 4))
            return
        lengths = [int(self.beats[b] - self.beats[a]) // self.ticks for a, b in pairwise(ones)]  # with a pause inside it
        last = max(places[ones[-1] :])
        lengths.append(max(last, lengths[-1] if lengths else 0, 1))
        known = [max(places[a:b]) for a, b in pairwise([*ones, len(places)])]
        sizes = [size if length > LARGEST else length for length, size in zip(lengths, known, strict=True)]
        before = (int(self.beats[ones[0]]) - first) // self.ticks
        if before % sizes[0]:
            self.bars.append((first, before % sizes[0], 4))
            first += before % sizes[0] * self.ticks
        now = 0
        for one, length, size in zip(ones, lengths, sizes, strict=True):
            if size != now:
                self.bars.append((first if not now else int(self.beats[one]), size, 4))
                now = size
            if length % size:  # more beats follow than are counted: bars go on, and the last one is cut short
                now = length % size
                self.bars.append((int(self.beats[one]) + (length - now) * self.ticks, now, 4))

    def _tempi(self, corners: list[tuple[float, int]], gap: float) -> None:
        self.tempi: list[tuple[int, int]] = []
        at, now = [0.0], 0.0  # microseconds at each corner, as a player will count them
        for (_, a), (time, b) in pairwise(corners):
            quarters = (b - a) / self.ticks
            tempo = min(max(1, round((time * 1e6 - now) / quarters)), 0xFFFFFF)
            if self.tempi and abs(now + self.tempi[-1][1] * quarters - time * 1e6) <= STEADY:
                tempo = self.tempi[-1][1]
            else:
                self.tempi.append((a, tempo))
            now += tempo * quarters
            at.append(now)
        pause = len(corners) < 3 or corners[-1][0] - corners[-2][0] > LONGEST
        after = min(round(gap * 1e6), 0xFFFFFF) if pause else self.tempi[-1][1]
        if not self.tempi or self.tempi[-1][1] != after:
            self.tempi.append((corners[-1][1], after))
        # One more corner, far away, carries the last tempo on.
        far = 1_000_000
        self._seconds = np.array([*at, now + far * after]) / 1e6
        self._places = np.array([*(tick for _, tick in corners), corners[-1][1] + far * self.ticks], dtype=float)

    def tick(self, time: float) -> int:
        """The nearest tick."""
        return round(float(np.interp(time, self._seconds, self._places)))

    def time(self, tick: int) -> float:
        """Seconds."""
        return float(np.interp(tick, self._places, self._seconds))


def dumps(fields: Mapping[str, Any], about: About | None = None) -> bytes:
    """The bytes of a MIDI file of the fields' events, intervals and notes."""
    import mido

    beats, bpm = gridded(fields)[0], main_bpm(fields) or 120.0
    fields = fields if beats is None else {**fields, "beats": beats}
    grid = Map(beats, None, bpm if 4 < bpm < 1000 else 120.0)
    file = mido.MidiFile(type=1, ticks_per_beat=grid.ticks, charset="utf-8")
    head: list[tuple[int, int, Any]] = [
        (0, 0, mido.MetaMessage("track_name", name=line(about.title) if about and about.title else "tempo"))
    ]
    head += [(tick, 1, mido.MetaMessage("time_signature", numerator=min(n, 255), denominator=unit)) for tick, n, unit in grid.bars]
    head += [(tick, 2, mido.MetaMessage("set_tempo", tempo=value)) for tick, value in grid.tempi]
    for name, value in fields.items():
        if isinstance(value, Intervals):
            for start, label in zip(value.starts, value.labels, strict=True):
                sign = _key(label) if name == "key" else ""
                tick = grid.tick(start)
                head.append((tick, 3, mido.MetaMessage("marker", text=line(label))))
                if sign:
                    head.append((tick, 1, mido.MetaMessage("key_signature", key=sign)))
    file.tracks.append(_track(head))
    channels = (c for c in [*range(DRUMS), *range(DRUMS + 1, 16)] * 64)
    for name, value in fields.items():
        if isinstance(value, Events):
            file.tracks.append(_hits(name, value, grid, fields))
        elif isinstance(value, Notes):
            file.tracks += _parts(name, value, grid, channels)
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


def _key(label: str) -> str:
    tonic, _, mode = label.partition(":")
    name = tonic + ("m" if mode in ("minor", "min") else "")
    return name if name in SIGNS and mode in ("", "major", "maj", "minor", "min") else ""


def _hits(name: str, events: Events, grid: Map, fields: Mapping[str, Any]) -> Any:
    import mido

    if name == "beats":
        keys = [DOWNBEAT if p == 1 else BEAT for p in positions(events, fields.get("downbeats"))]
    elif name == "downbeats":
        keys = [DOWNBEAT] * len(events)
    else:
        keys = [STICK if events.labels is None else _percussion(label) for label in events.labels or [""] * len(events)]
    loud = np.full(len(events), 100.0) if events.confidence is None else 1 + 126 * events.confidence
    spans = ((grid.tick(t), grid.tick(t + CLICK), key, round(v)) for t, key, v in zip(events.times, keys, loud, strict=True))
    return _track([(0, 0, mido.MetaMessage("track_name", name=name)), *_messages(spans, DRUMS)])


def _percussion(label: str) -> int:
    if label.isdecimal() and int(label) < 128:
        return int(label)
    return PERCUSSION.get(label.upper(), STICK)


def _parts(field: str, notes: Notes, grid: Map, channels: Iterator[int]) -> list[Any]:
    """A track an instrument."""
    import mido

    tracks = np.zeros(len(notes), int) if notes.tracks is None else np.asarray(notes.tracks, int)
    made = []
    for track in range(max([len(notes.names), 1, *(tracks + 1)])):
        own = notes[np.flatnonzero(tracks == track)]
        name = notes.names[track] if track < len(notes.names) else field
        channel = DRUMS if "drum" in name.lower() or field == "drums" else next(channels)
        loud = np.full(len(own), 90) if own.velocities is None else own.velocities
        rows = zip(own.starts, own.ends, own.pitches, loud, strict=True)
        spans = ((grid.tick(a), grid.tick(b), min(127, round(p)), round(v)) for a, b, p, v in rows)
        made.append(_track([(0, 0, mido.MetaMessage("track_name", name=line(name))), *_messages(spans, channel)]))
    return made


def _messages(spans: Any, channel: int) -> Iterator[tuple[int, int, Any]]:
    """Notes on and off; a note ends at the latest where the next of its pitch starts."""
    import mido

    by_pitch: dict[int, list[tuple[int, int, int]]] = {}
    for start, end, key, velocity in spans:
        by_pitch.setdefault(key, []).append((start, max(start + 1, end), min(127, max(1, velocity))))
    for key, notes in by_pitch.items():
        for (start, end, velocity), (following, *_) in zip(notes, [*notes[1:], (1 << 60,)], strict=True):
            yield start, 5, mido.Message("note_on", channel=channel, note=key, velocity=velocity)
            yield (
                max(start, min(end, following)),
                4 if following > start else 6,
                mido.Message("note_off", channel=channel, note=key, velocity=0),
            )


def _track(events: list[tuple[int, int, Any]]) -> Any:
    """Absolute ticks → a track; at one tick: names, metre, tempo, markers, ends, starts."""
    import mido

    track, last = mido.MidiTrack(), 0
    for tick, _, message in sorted(events, key=lambda e: (e[0], e[1])):
        track.append(message.copy(time=tick - last))
        last = tick
    track.append(mido.MetaMessage("end_of_track"))
    return track


# ---- reading


def loads(data: bytes, file_name: str = "MIDI") -> Example:
    """notes (every track off channel 10, instruments in `tracks` and `names`), drums (Notes of channel 10), and the tracks of
    clicks that `dumps` named beats, downbeats and onsets, as Events. Times by the file's tempo map.

    Raises:
        AnnotationError: not a MIDI file, or a damaged one.
    """
    import mido

    try:
        file = mido.MidiFile(file=io.BytesIO(data), clip=True, charset="latin1")
        tempi = [(tick, m.tempo) for track in file.tracks for tick, m in _absolute(track) if m.type == "set_tempo"]
    except (OSError, EOFError, ValueError, IndexError, KeyError, TypeError, AttributeError, mido.KeySignatureError) as error:
        raise AnnotationError(f"{file_name}: not a MIDI file that can be read ({error or 'it ends too early'})") from None
    if file.ticks_per_beat <= 0:
        raise AnnotationError(f"{file_name}: MIDI with SMPTE time; save it with ticks per quarter note")
    seconds = _clock(sorted(tempi, key=lambda e: e[0]), file.ticks_per_beat)
    example = Example()
    notes: list[tuple[int, ...]] = []
    drums: list[tuple[int, ...]] = []
    names: list[str] = []
    for track in file.tracks:
        found = _spans(track)
        name = _named(track)
        if name in ("beats", "downbeats", "onsets") and found and all(channel == DRUMS for *_, channel in found):
            example[name] = _events(name, found, seconds)
            continue
        for row in found:
            (drums if row[-1] == DRUMS else notes).append((*row[:-1], len(names)))
        if any(channel != DRUMS for *_, channel in found):
            names.append(name)
    for field, rows in (("notes", notes), ("drums", drums)):
        if rows:
            rows.sort(key=lambda row: (row[0], row[2]))
            ticks = np.array(rows, dtype=float).T
            several = field == "notes" and (len(names) > 1 or any(names))
            example[field] = Notes(
                seconds(ticks[0]), seconds(ticks[1]), ticks[2], ticks[3],
                tracks=ticks[4].astype(int) if several else None, names=tuple(names) if several else (),
            )  # fmt: skip
    return example


def _named(track: Any) -> str:
    """A track's name: UTF-8, or Latin-1 in old files."""
    try:
        return str(track.name.encode("latin1").decode("utf-8"))
    except UnicodeDecodeError:
        return str(track.name)


def _absolute(track: Any) -> Iterator[tuple[int, Any]]:
    tick = 0
    for message in track:
        tick += message.time
        yield tick, message


def _clock(tempi: list[tuple[int, int]], ticks: int) -> Any:
    """Ticks → seconds."""
    places, tempo, at = [0], [500_000], [0.0]
    for tick, value in tempi:
        at.append(at[-1] + (tick - places[-1]) * tempo[-1] / ticks)
        places.append(tick)
        tempo.append(value)
    p, t, s = np.array(places), np.array(tempo), np.array(at)

    def seconds(tick: np.ndarray) -> np.ndarray:
        i = np.searchsorted(p, tick, "right") - 1
        return np.asarray((s[i] + (tick - p[i]) * t[i] / ticks) / 1e6)

    return seconds


def _spans(track: Any) -> list[tuple[int, int, int, int, int]]:
    """(start, end, pitch, velocity, channel) in ticks; a note without an end lasts to the track's."""
    open_: dict[tuple[int, int], list[tuple[int, int]]] = {}
    found, tick = [], 0
    for tick, message in _absolute(track):
        if message.type == "note_on" and message.velocity:
            open_.setdefault((message.channel, message.note), []).append((tick, message.velocity))
        elif message.type in ("note_on", "note_off") and open_.get((message.channel, message.note)):
            start, velocity = open_[message.channel, message.note].pop(0)
            found.append((start, tick, message.note, velocity, message.channel))
    found += [(start, tick, note, velocity, channel) for (channel, note), rest in open_.items() for start, velocity in rest]
    return sorted(found)


def _events(name: str, rows: list[tuple[int, int, int, int, int]], seconds: Any) -> Events:
    times = seconds(np.array([row[0] for row in rows], dtype=float))
    if name != "beats" or not any(row[2] == DOWNBEAT for row in rows):
        return Events(times)
    labels, position = [], 0
    for row in rows:
        position = 1 if row[2] == DOWNBEAT else position + 1 if position else 0
        labels.append(str(position))
    return Events(times, tuple(labels))
