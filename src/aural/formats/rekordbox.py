"""rekordbox's XML, which it and other DJ programs import: a track with its beat grid, tempo, key and cues.

Grid      a TEMPO says where a beat is, at which tempo beats go on from there, the metre and the beat's place in the bar. One stands
          where the tempo as rekordbox writes it (two decimals, milliseconds) would leave the beats by more than `EXACT` s on a
          constant grid, `LOOSE` s elsewhere; where that happens within a bar the next one stands at the bar line before it. Where
          the metre is not known it says 4/4 and beat 1, since it must say something
Cues      where sections begin; without sections the first downbeat and the changes of metre
Time      counts as in all our files from the first sample that was encoded. A program that plays an encoder's delay is late by that
          much against it: the track's comment says how much was left out

Source    rekordbox XML format list 1.0.0 (AlphaTheta), as read by pyrekordbox and rekordcrate
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import numpy as np

from .. import harmony, rhythm
from ..annotations import Events, Intervals
from ._about import About
from ._bars import gridded, main_bpm
from ._words import legal, line

EXACT, LOOSE = 0.0008, 0.01
KINDS = {"mp3": "MP3", "m4a": "M4A", "mp4": "M4A", "aif": "AIFF", "aiff": "AIFF", "ogg": "Ogg Vorbis"}


def files(stem: str, fields: Mapping[str, Any], namespaces: Mapping[str, str], about: About) -> dict[str, bytes]:
    """{"song.rekordbox.xml": …}; nothing where neither beats nor a tempo are known."""
    if main_bpm(fields) is None:
        return {}
    return {f"{stem}.rekordbox.xml": _document([_track(stem, fields, about)], line(about.title) or stem)}


def combined(documents: Iterable[bytes]) -> bytes:
    """One collection of the tracks of several, with a playlist of them all."""
    tracks = [track for document in documents for track in ElementTree.fromstring(document).iterfind("COLLECTION/TRACK")]
    return _document(tracks, "aural")


@dataclass(frozen=True)
class Mark:
    """From `time` (seconds) on beats lie 60 / bpm apart; the first of them is beat `place` of a bar of `metre` beats (0: not known)."""

    time: float
    bpm: float
    place: int
    metre: int


def marks(beats: Events, exact: np.ndarray) -> list[Mark]:
    """The fewest marks whose beats lie within EXACT (where `exact`, (n,) bool) or LOOSE of those given."""
    n = len(beats)
    if n < 2:
        return []
    times, places, metres = beats.times, rhythm.positions(beats), _metres(beats)
    gap = float(np.median(np.diff(times)))
    local = 60 / rhythm.tempo_curve(beats).values[0] if np.diff(times).all() else np.full(n, gap)
    number = np.concatenate([[0], np.cumsum(np.maximum(1, np.rint(np.diff(times) / local[1:])))])
    slack = np.where(exact, EXACT, LOOSE)
    found: list[Mark] = []
    i = 0
    while i < n:
        start, low, high, end = round(float(times[i]), 3), 0.0, math.inf, i + 1
        bpm = 60 / float(local[i])
        while end < n:
            k = number[end] - number[i]
            follows = not places[end] or not places[i] or (places[i] - 1 + k) % max(1, metres[i]) + 1 == places[end]
            if metres[end] != metres[i] or bool(places[end]) != bool(places[i]) or not follows:
                break
            least, most = max(low, (times[end] - start - slack[end]) / k), min(high, (times[end] - start + slack[end]) / k)
            rounded = _between(60 / most, 60 / least, 60 * k / (times[end] - start)) if 0 < least <= most else None
            if rounded is None:
                break
            low, high, bpm = least, most, rounded
            end += 1
        found.append(Mark(start, round(bpm, 2), int(places[i]), int(metres[i])))
        bars = [j for j in range(i + 1, end) if places[j] == 1]
        i = bars[-1] if end < n and bars and not (metres[end] != metres[i] or places[end] == 1) else end
    return found


def _between(low: float, high: float, best: float) -> float | None:
    """The number of fewest decimals, two at most, between two, as near to `best` as there is."""
    for decimals in range(3):
        unit = 10**decimals
        first, last = math.ceil(low * unit - 1e-9), math.floor(high * unit + 1e-9)
        if first <= last:
            return min(max(round(best * unit), first), last) / unit
    return None


def _metres(beats: Events) -> np.ndarray:
    """(n,) beats of the bar that each beat lies in; 0 where none is known."""
    metres = np.zeros(len(beats), dtype=int)
    bars = rhythm.bars(beats)
    for i, bar in enumerate(bars):
        # A bar that the end cuts off is as long as the one before.
        cut = i == len(bars) - 1 and i > 0 and bar.beats < bars[i - 1].beats and bar.first + bar.beats == len(beats)
        metres[bar.first : bar.first + bar.beats] = bars[i - 1].beats if cut else bar.beats
    # What is counted outside of bars, an upbeat or the rest of a bar after a break, is of the next bar's metre, if it has so many beats.
    starts, places = [bar.first for bar in bars], rhythm.positions(beats)
    for at in reversed(np.flatnonzero((metres == 0) & (places > 0)).tolist()):
        follows = bars[min(int(np.searchsorted(starts, at)), len(bars) - 1)].beats if bars else 4
        goes_on = at + 1 < len(places) and places[at + 1] == places[at] + 1
        metres[at] = metres[at + 1] if goes_on else max(follows, places[at])
    return metres


def _track(stem: str, fields: Mapping[str, Any], about: About) -> ElementTree.Element:
    beats, exact = gridded(fields)
    ending = PurePath(about.file).suffix.lower().lstrip(".")
    delay = f"; {1000 * about.offset:.1f} ms of encoder delay left out" if about.offset else ""
    bpm = main_bpm(fields) or 0.0
    about_it = {
        "TrackID": "1",
        "Name": line(about.title) or PurePath(about.file).stem or stem,
        "Artist": line(about.artist),
        "Kind": f"{KINDS.get(ending, ending.upper())} File" if ending else "",
        "TotalTime": "" if about.duration is None else str(round(about.duration)),
        "AverageBpm": f"{bpm:.2f}",
        "SampleRate": str(about.rate),
        "Tonality": harmony.camelot(harmony.main_key(fields.get("key"))),
        "Comments": f"aural {about.version}; decoded by {about.decoder}{delay}" if about.decoder else "",
        "Location": about.path and "file://localhost/" + quote(os.fsencode(about.path), safe="/:").lstrip("/"),
    }
    track = ElementTree.Element("TRACK", {key: legal(value) for key, value in about_it.items() if value})
    for mark in [] if beats is None else marks(beats, exact):
        where = {"Inizio": f"{mark.time:.3f}", "Bpm": f"{mark.bpm:.2f}"}
        bar = {"Metro": rhythm.metre_name(mark.metre or 4), "Battito": str(mark.place or 1)}
        ElementTree.SubElement(track, "TEMPO", {**where, **bar})
    for time, name in _cues(fields):
        ElementTree.SubElement(track, "POSITION_MARK", {"Name": legal(line(name)), "Type": "0", "Start": f"{time:.3f}", "Num": "-1"})
    return track


def _cues(fields: Mapping[str, Any]) -> list[tuple[float, str]]:
    sections, beats = fields.get("sections"), gridded(fields)[0]
    if isinstance(sections, Intervals) and len(sections):
        return list(zip(sections.starts.tolist(), sections.labels, strict=True))
    metres = rhythm.metres(beats) if beats is not None else Intervals(np.zeros(0), np.zeros(0), ())
    return [(float(t), rhythm.metre_name(int(m)) if i else "1") for i, (t, m) in enumerate(zip(metres.starts, metres.labels, strict=True))]


def _document(tracks: list[ElementTree.Element], playlist: str) -> bytes:
    root = ElementTree.Element("DJ_PLAYLISTS", {"Version": "1.0.0"})
    ElementTree.SubElement(root, "PRODUCT", {"Name": "aural", "Version": "1", "Company": ""})
    collection = ElementTree.SubElement(root, "COLLECTION", {"Entries": str(len(tracks))})
    top = ElementTree.SubElement(ElementTree.SubElement(root, "PLAYLISTS"), "NODE", {"Type": "0", "Name": "ROOT", "Count": "1"})
    about_it = {"Name": legal(playlist), "Type": "1", "KeyType": "0", "Entries": str(len(tracks))}
    listed = ElementTree.SubElement(top, "NODE", about_it)
    for i, track in enumerate(tracks, 1):
        track.set("TrackID", str(i))
        collection.append(track)
        ElementTree.SubElement(listed, "TRACK", {"Key": str(i)})
    ElementTree.indent(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="utf-8") + b"\n"
