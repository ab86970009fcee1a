"""MIDI files (type 1) whose tempo map follows the beats, so that notes fall where they sound and bars where they are.

Every beat falls on a quarter note: a set_tempo wherever the last one would leave the beats by more than 0.1 ms, in whole
microseconds, with the error carried on; beats of a constant stretch lie on its grid, so that one tempo does for it. A bar that is
cut by the start is a short first bar; beats in no known bar are counted in the metre before them, the last bar cut short. Without
beats the tempo is constant. 480 ticks a quarter, doubled until a tick is shorter than 1.5 ms, so that no time is off by more than
0.85 ms.
Tracks: the tempo map with markers (chords, sections) and key signatures, one of clicks or hits a field of events on channel 10, one an
instrument of a field of notes: melody, bass, then the others. Pitches are rounded to semitones; curves are left out.
Bends: a bent note sounds on a channel that no other note uses meanwhile, with the wheel at rest before and after it; where no channel
is free it goes without its bend. The wheel's range is said by RPN 0.

Source    Standard MIDI Files 1.0, General MIDI level 1 (the names of drums), MIDI 1.0 (registered parameter 0: bend range)
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from .. import harmony, rhythm
from ..annotations import Events, Example, Intervals, Label, Notes, Tempo
from ..errors import AnnotationError
from . import _tatum
from ._about import About
from ._bars import gridded, main_bpm
from ._words import line

DRUMS = 9  # channel 10, counted from 0
PERCUSSION = {
    "BD": 36, "KD": 36, "KICK": 36, "SD": 38, "SNARE": 38, "RIM": 37, "CL": 39, "CLAP": 39, "HH": 42, "CHH": 42, "OHH": 46, "PHH": 44,
    "TT": 45, "LT": 41, "MT": 47, "HT": 50, "CY": 49, "CR": 49, "CRASH": 49, "RD": 51, "RIDE": 51, "CB": 56, "TB": 54,
}  # fmt: skip
DOWNBEAT, BEAT, STICK = 76, 77, 37  # high and low wood block, side stick
LEADING = {"melody_notes": "melody", "bass": "bass"}  # the fields whose tracks come first, and what these are called
OF_FIELD = "aural: "  # a text in a track of ours, before the name of the field that it holds
CHANNELS = (*range(DRUMS), *range(DRUMS + 1, 16))
RANGE, WIDEST = 2, 24  # semitones that the wheel reaches: as instruments have it by themselves, and at most
GLIDE = 0.025  # seconds between the steps of a bend that is known at few points
HALF = 8192  # steps of the wheel up or down
RANGE_SAID = -1  # beside a channel's controls: hundredths of a semitone that its wheel reaches
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

    def __init__(self, beats: Events | None, bpm: float = 120.0) -> None:
        times = np.zeros(0) if beats is None else beats.times
        places: list[int] = [] if beats is None else rhythm.positions(beats).tolist()
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
        self._metres(places, first)
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
        known = [_counted(places[a:b]) for a, b in pairwise([*ones, len(places)])]
        sizes = [size if length > LARGEST or 1 < size < length else length for length, size in zip(lengths, known, strict=False)]
        sizes.append(max(known[-1], sizes[-1] if sizes else 1))
        lengths.append(sizes[-1])
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
        return int(self.all(np.array([time]))[0])

    def all(self, times: np.ndarray) -> np.ndarray:
        """(n,) the nearest ticks."""
        return np.rint(np.interp(times, self._seconds, self._places)).astype(int)

    def quarter(self, time: float) -> float:
        """Quarters from 0, not rounded."""
        return float(np.interp(time, self._seconds, self._places)) / self.ticks

    def time(self, tick: int) -> float:
        """Seconds."""
        return float(np.interp(tick, self._places, self._seconds))


def _counted(places: list[int]) -> int:
    """How far beats are counted from 1 on."""
    return next((i for i, place in enumerate(places) if place != i + 1), len(places))


def notes(fields: Mapping[str, Any], about: About | None = None) -> bytes:
    """The bytes of a MIDI file of the notes alone: no clicks and hits."""
    return dumps(fields, about, hits=False)


def dumps(fields: Mapping[str, Any], about: About | None = None, hits: bool = True) -> bytes:
    """The bytes of a MIDI file of the fields' events (with `hits`), intervals and notes."""
    import mido

    about = about or About()
    beats, bpm = gridded(fields)[0], main_bpm(fields) or 120.0
    fields = fields if beats is None else {**fields, "beats": beats}
    grid = Map(beats, bpm if 4 < bpm < 1000 else 120.0)
    file = mido.MidiFile(type=1, ticks_per_beat=grid.ticks, charset="utf-8")
    head: list[tuple[int, int, Any]] = [(0, 0, mido.MetaMessage("track_name", name=line(about.title) if about.title else "tempo"))]
    head += [(tick, 1, mido.MetaMessage("time_signature", numerator=min(n, 255), denominator=unit)) for tick, n, unit in grid.bars]
    head += [(tick, 2, mido.MetaMessage("set_tempo", tempo=value)) for tick, value in grid.tempi]
    for name, value in fields.items():
        spans = Intervals(np.zeros(1), np.zeros(1), (value.name,)) if isinstance(value, Label) and name == "key" else value
        for start, label in zip(spans.starts, spans.labels, strict=True) if isinstance(spans, Intervals) else ():
            sign = harmony.short_key(label) if name == "key" else ""
            tick = grid.tick(start)
            head.append((tick, 3, mido.MetaMessage("marker", text=line(label))))
            if sign:
                head.append((tick, 1, mido.MetaMessage("key_signature", key=sign)))
    file.tracks.append(_track(head))
    if hits:
        file.tracks += [_hits(name, value, grid) for name, value in fields.items() if isinstance(value, Events)]
    held = {name: value for name, value in fields.items() if isinstance(value, Notes)}
    ordered = [*(name for name in LEADING if name in held), *(name for name in held if name not in LEADING)]
    parts = [part for name in ordered for part in _parts(name, held[name], grid)]
    if about.quantize and beats is not None and len(beats) > 1:
        _quantize(parts, grid, beats)
    reach = _channels(parts, about.bends)
    file.tracks += [_sounding(part, reach) for part in parts]
    out = io.BytesIO()
    file.save(file=out)
    return out.getvalue()


def _hits(name: str, events: Events, grid: Map) -> Any:
    import mido

    if name == "beats":
        keys = [DOWNBEAT if place == 1 else BEAT for place in rhythm.positions(events)]
    elif name == "downbeats":
        keys = [DOWNBEAT] * len(events)
    else:
        keys = [STICK if events.labels is None else _percussion(label) for label in events.labels or [""] * len(events)]
    loud = np.full(len(events), 100.0) if events.confidence is None else 1 + 126 * events.confidence
    spans = [_Note(grid.tick(t), grid.tick(t + CLICK), key, round(v), DRUMS) for t, key, v in zip(events.times, keys, loud, strict=True)]
    return _track([(0, 0, mido.MetaMessage("track_name", name=name)), *_messages(spans)])


def _percussion(label: str) -> int:
    if label.isdecimal() and int(label) < 128:
        return int(label)
    return PERCUSSION.get(label.upper(), STICK)


class _Note(NamedTuple):
    """A note in ticks; bend: (2, k) ticks and semitones from its key."""

    start: int
    end: int
    key: int
    velocity: int
    channel: int
    bend: np.ndarray | None = None


@dataclass
class _Part:
    """A track to be: its name, the field that it is of, its notes."""

    name: str
    field: str
    drums: bool
    notes: list[_Note]


def _parts(field: str, notes: Notes, grid: Map) -> list[_Part]:
    """A part an instrument, all on the drums' channel as yet."""
    tracks = np.zeros(len(notes), int) if notes.tracks is None else np.asarray(notes.tracks, int)
    bends = notes.bends or (np.zeros((2, 0)),) * len(notes)
    loud = np.full(len(notes), 90) if notes.velocities is None else notes.velocities
    starts, ends = grid.all(notes.starts).tolist(), grid.all(notes.ends).tolist()
    made = []
    for track in range(max([len(notes.names), 1, *(tracks + 1)])):
        name = notes.names[track] if track < len(notes.names) else LEADING.get(field, field)
        drums = "drum" in name.lower() or field == "drums"
        own = []
        for i in np.flatnonzero(tracks == track):
            pitch = float(notes.pitches[i])
            key, bend = min(127, round(pitch)), None
            if bends[i].size and not drums:
                times, semitones = _dense(bends[i])
                bend = np.stack([grid.all(times), semitones + pitch - key])
            own.append(_Note(starts[i], max(starts[i] + 1, ends[i]), key, round(loud[i]), DRUMS, bend))
        made.append(_Part(line(name), field, drums, own))
    return made


def _dense(bend: np.ndarray) -> np.ndarray:
    """A bend whose points lie no further apart than a glide may step."""
    if bend.shape[1] < 2 or np.diff(bend[0]).max() <= 2 * GLIDE:
        return bend
    times = np.union1d(bend[0], np.arange(bend[0, 0], bend[0, -1], GLIDE))
    return np.stack([times, np.interp(times, *bend)])


def _quantize(parts: Iterable[_Part], grid: Map, beats: Events) -> None:
    """Moves starts and ends onto the tatum of the beats, bends with them."""
    first, quarter = int(grid.beats[0]), grid.ticks
    onsets = np.array([grid.time(note.start) for part in parts for note in part.notes])
    sixths = frozenset(((grid.beats - first) // quarter)[_tatum.ternary(beats, onsets)].tolist())

    def place(tick: float) -> float:
        return (tick - first) / quarter

    def tick(slot: int) -> int:
        return first + slot * quarter // _tatum.PARTS

    slots = _tatum.Grid(np.array([place(note.start) for part in parts for note in part.notes]), sixths)
    for part in parts:
        for i, note in enumerate(part.notes):
            start = slots.nearest(place(note.start))
            while tick(start) < 0:  # before the first beat there may be less than a whole one
                start = slots.after(start)
            end = max(slots.nearest(place(note.end)), slots.after(start))
            bend = note.bend
            if bend is not None:
                stretch = (tick(end) - tick(start)) / (note.end - note.start)
                bend = np.stack([np.rint(tick(start) + (bend[0] - note.start) * stretch), bend[1]])
            part.notes[i] = note._replace(start=tick(start), end=tick(end), bend=bend)


def _channels(parts: Sequence[_Part], bends: bool) -> int:
    """Gives each part a channel, and bent notes one of those that are left; their bends become steps of the wheel. Returns the semitones
    that it reaches."""
    melodic = [part for part in parts if not part.drums]
    widest = max((float(np.abs(note.bend[1]).max()) for part in melodic for note in part.notes if note.bend is not None), default=0.0)
    reach = min(WIDEST, max(RANGE, math.ceil(widest)))
    homes = [CHANNELS[i % len(CHANNELS)] for i in range(len(melodic))]
    idle = dict.fromkeys(CHANNELS[len(melodic) :] if bends else (), -1)  # channel: the last tick that it was used at
    for start, i, k in sorted((note.start, i, k) for i, part in enumerate(melodic) for k, note in enumerate(part.notes)):
        note, channel, bend = melodic[i].notes[k], homes[i], None
        free = [c for c, last in idle.items() if last < start] if note.bend is not None else []
        if note.bend is not None and free:
            steps = np.clip(np.rint(note.bend[1] / reach * HALF), -HALF, HALF - 1)
            if steps.any():
                channel, bend = min(free, key=lambda c: idle[c]), np.stack([note.bend[0], steps])
                idle[channel] = note.end
        melodic[i].notes[k] = note._replace(channel=channel, bend=bend)
    return reach


def _sounding(part: _Part, reach: int) -> Any:
    import mido

    events: list[tuple[int, int, Any]] = [
        (0, 0, mido.MetaMessage("track_name", name=part.name)),
        (0, 0, mido.MetaMessage("text", text=OF_FIELD + part.field)),
    ]
    bent = [note for note in part.notes if note.bend is not None]
    for channel in sorted({note.channel for note in bent}):
        for control, value in ((101, 0), (100, 0), (6, reach), (38, 0), (101, 127), (100, 127)):
            events.append((0, 3, mido.Message("control_change", channel=channel, control=control, value=value)))
    for note in bent:
        assert note.bend is not None
        last = 0
        ticks = np.clip(note.bend[0], note.start, note.end - 1).astype(int)
        ticks[0] = note.start
        for tick, steps in zip(ticks.tolist(), note.bend[1].astype(int).tolist(), strict=True):
            if steps != last:
                events.append((tick, 6, mido.Message("pitchwheel", channel=note.channel, pitch=steps)))
                last = steps
        if last:
            events.append((note.end, 5, mido.Message("pitchwheel", channel=note.channel, pitch=0)))
    return _track([*events, *_messages(part.notes)])


def _messages(notes: Iterable[_Note]) -> Iterator[tuple[int, int, Any]]:
    """Notes on and off; a note ends at the latest where the next of its pitch starts."""
    import mido

    by_key: dict[tuple[int, int], list[_Note]] = {}
    for note in notes:
        by_key.setdefault((note.channel, note.key), []).append(note)
    for (channel, key), own in by_key.items():
        for note, following in zip(own, [*(n.start for n in own[1:]), 1 << 60], strict=True):
            velocity = min(127, max(1, note.velocity))
            yield note.start, 7, mido.Message("note_on", channel=channel, note=key, velocity=velocity)
            off = max(note.start, min(max(note.start + 1, note.end), following))
            yield off, 4 if following > note.start else 8, mido.Message("note_off", channel=channel, note=key, velocity=0)


def _track(events: list[tuple[int, int, Any]]) -> Any:
    """Absolute ticks → a track; at one tick: names, metre, tempo, markers and wheel's range, ends, the wheel, starts."""
    import mido

    track, last = mido.MidiTrack(), 0
    for tick, _, message in sorted(events, key=lambda e: (e[0], e[1])):
        message.time = tick - last
        track.append(message)
        last = tick
    track.append(mido.MetaMessage("end_of_track"))
    return track


# ---- reading


def loads(data: bytes, file_name: str = "MIDI") -> Example:
    """notes (every track off channel 10, instruments in `tracks` and `names`), drums (Notes of channel 10), and what `dumps` wrote of
    other fields of notes (melody_notes, bass), and of beats, downbeats and onsets as Events. Times by the file's tempo map.

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
    held: dict[str, list[tuple[_Note, int]]] = {}  # of a field: its notes and the numbers of their tracks
    names: dict[str, list[str]] = {}
    for track in file.tracks:
        found = _spans(track)
        name, said = _named(track), _field(track)
        field = said or "notes"
        if name in ("beats", "downbeats", "onsets") and found and all(note.channel == DRUMS for note in found):
            example[name] = _events(name, found, seconds)
            continue
        for note in found:
            of = field if note.channel != DRUMS else "drums"
            held.setdefault(of, []).append((note, len(names.get(of, ()))))
        if said and not found:
            held.setdefault(field, [])
        if any(note.channel != DRUMS for note in found):
            names.setdefault(field, []).append(name)
    for field, rows in held.items():
        own = names.get(field, []) if field == "notes" else []
        several = len(own) > 1 or any(own)
        example[field] = _notes(sorted(rows, key=lambda row: (row[0].start, row[0].key)), own if several else (), seconds)
    return example


def _notes(rows: Sequence[tuple[_Note, int]], names: Sequence[str], seconds: Any) -> Notes:
    starts, ends = (seconds(np.array([getattr(note, side) for note, _ in rows], dtype=float)) for side in ("start", "end"))
    more: dict[str, Any] = {"tracks": np.array([track for _, track in rows], dtype=int), "names": tuple(names)} if names else {}
    if any(note.bend is not None for note, _ in rows):
        still = np.zeros((2, 0))
        more["bends"] = tuple(still if n.bend is None else np.stack([seconds(n.bend[0]), n.bend[1]]) for n, _ in rows)
    keys, loud = (np.array([getattr(note, what) for note, _ in rows], dtype=float) for what in ("key", "velocity"))
    return Notes(starts, ends, keys, loud, **more)


def _field(track: Any) -> str:
    """The field of a track of ours; "" of others'."""
    found = [m.text.removeprefix(OF_FIELD) for m in track if m.type == "text" and m.text.startswith(OF_FIELD)]
    return found[0] if found else ""


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


def _spans(track: Any) -> list[_Note]:
    """The notes; one without an end lasts to the track's. A bend starts where its note does."""
    open_: dict[tuple[int, int], list[tuple[int, int]]] = {}
    found, tick = [], 0
    controls: dict[int, dict[int, int]] = {}
    wheels: dict[int, list[tuple[int, float]]] = {}
    for tick, message in _absolute(track):
        if message.type == "note_on" and message.velocity:
            open_.setdefault((message.channel, message.note), []).append((tick, message.velocity))
        elif message.type in ("note_on", "note_off") and open_.get((message.channel, message.note)):
            start, velocity = open_[message.channel, message.note].pop(0)
            found.append(_Note(start, tick, message.note, velocity, message.channel))
        elif message.type == "control_change":
            said = controls.setdefault(message.channel, {})
            said[message.control] = message.value
            if message.control in (6, 38) and said.get(101) == said.get(100) == 0:
                said[RANGE_SAID] = 100 * said.get(6, RANGE) + said.get(38, 0)
        elif message.type == "pitchwheel":
            reach = controls.get(message.channel, {}).get(RANGE_SAID, 100 * RANGE) / 100
            wheels.setdefault(message.channel, []).append((tick, message.pitch / HALF * reach))
    found += [_Note(start, tick, key, velocity, channel) for (channel, key), rest in open_.items() for start, velocity in rest]
    return sorted((note._replace(bend=_bent(note, wheels[note.channel])) if note.channel in wheels else note for note in found), key=_order)


def _order(note: _Note) -> tuple[int, ...]:
    return note.start, note.end, note.key, note.velocity, note.channel


def _bent(note: _Note, wheel: Sequence[tuple[int, float]]) -> np.ndarray | None:
    """(2, k) ticks and semitones of the wheel while a note lasts; None where it rests."""
    ticks = np.array([tick for tick, _ in wheel])
    first, last = int(np.searchsorted(ticks, note.start, "right")), int(np.searchsorted(ticks, note.end, "left"))
    before = wheel[first - 1][1] if first else 0.0
    bend = np.array([(note.start, before), *wheel[first:last]], dtype=float).T
    return bend if bend[1].any() else None


def _events(name: str, rows: Sequence[_Note], seconds: Any) -> Events:
    times = seconds(np.array([note.start for note in rows], dtype=float))
    if name != "beats" or not any(note.key == DOWNBEAT for note in rows):
        return Events(times)
    labels, position = [], 0
    for note in rows:
        position = 1 if note.key == DOWNBEAT else position + 1 if position else 0
        labels.append(str(position))
    return Events(times, tuple(labels))
