"""Published data sets by name, through mirdata (Bittner et al., ISMIR 2019): `mirdata:NAME` or `mirdata:NAME:FOLDER`.

The sounds and annotations must lie on this machine: in FOLDER, in AURAL_DATA/NAME, or where mirdata looks by itself
(~/mir_datasets/NAME). Nothing is ever downloaded, and mirdata's index of the data set (a JSON file) must be here too: where
mirdata keeps it, or among the data. What mirdata calls a track's `beats`, `chords`, `notes`, `melody` … becomes
our field of that name; attributes that a data set doesn't have, or whose file is missing, are left out.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..annotations import Curves, Events, Example, Intervals, Label, Notes, Tempo
from ..errors import AuralError, DataError, UnknownName
from ..sound import Recording
from . import Pieces, Split


def source(spec: str, split: Split) -> Pieces:
    """A data set of mirdata as a source.

    Raises:
        DataError: mirdata isn't installed, or no track's sound lies in the folder. UnknownName: no such data set.
    """
    name, _, folder = spec.partition(":")
    try:
        import mirdata
    except ImportError:
        raise DataError(f"mirdata:{spec} needs the package mirdata: pip install 'aural[mirdata]'") from None
    if name not in mirdata.list_datasets():
        raise UnknownName.among("mirdata data set", name, mirdata.list_datasets())
    home = Path(folder).expanduser() if folder else _home(name)
    dataset = mirdata.initialize(name, data_home=str(home) if home else None)
    _find_index(dataset, name)
    tracks = {key: dataset.track(key) for key in _of_split(dataset, split)}
    there = {key: track for key, track in tracks.items() if _exists(getattr(track, "audio_path", None))}
    if not there:
        raise DataError(
            f"mirdata:{name}: no sound of its {len(tracks)} tracks lies in {dataset.data_home}; aural downloads nothing: "
            f"put the data set there, or name its folder: mirdata:{name}:/path/to/{name}"
        )
    return Pieces(f"mirdata:{name}", [(key, partial(_example, track)) for key, track in sorted(there.items())])


def _find_index(dataset: Any, name: str) -> None:
    """mirdata's index from its own place or from among the data. Raises DataError that says how to get it."""
    if Path(dataset.index_path).is_file():
        return
    found = sorted(Path(dataset.data_home).glob(f"{name}_*index*.json"))
    if not found:
        raise DataError(
            f"mirdata:{name}: its index {Path(dataset.index_path).name} lies neither in {dataset.data_home} nor where mirdata keeps it, "
            f'and aural downloads nothing: put it there, or run once: python -c "import mirdata; '
            f"mirdata.initialize('{name}').download(['index'])\""
        )
    dataset.index_path = str(found[-1])


def _home(name: str) -> Path | None:
    """AURAL_DATA/NAME where it exists; None leaves it to mirdata."""
    root = os.environ.get("AURAL_DATA")
    return Path(root) / name if root and (Path(root) / name).is_dir() else None


def _of_split(dataset: Any, split: Split) -> list[str]:
    """Track ids of the split that the data set itself defines, else all."""
    try:
        splits: Mapping[str, list[str]] = dataset.get_track_splits()
    except (AttributeError, NotImplementedError, OSError):
        return list(dataset.track_ids)
    return list(splits[split]) if split in splits else list(dataset.track_ids)


def _exists(path: Any) -> bool:
    return isinstance(path, str | Path) and Path(path).is_file()


def _example(track: Any) -> Example:
    example = Example({"sound": Recording(track.audio_path)})
    for attribute, field in FIELDS.items():
        try:
            value = getattr(track, attribute, None)
        except (OSError, TypeError, ValueError):  # the annotation's file isn't there, or isn't what mirdata expects
            continue
        if value is not None:
            example.update(converted(value, field))
    return example


FIELDS = {
    "beats": "beats",
    "onsets": "onsets",
    "chords": "chords",
    "sections": "sections",
    "notes": "notes",
    "notes_all": "notes",
    "melody": "melody",
    "melody1": "melody",
    "f0": "f0",
    "key": "key",
    "tempo": "tempo",
    "genre": "style",
}


def converted(value: Any, field: str) -> dict[str, Any]:
    """An annotation of mirdata as our fields: beats with positions give downbeats too. Raises AuralError where values break rules."""
    make: Callable[[Any], Any] | None = _CONVERTERS.get(type(value).__name__)
    if field == "tempo" and isinstance(value, int | float):
        return {field: Tempo(np.array([float(value)]), np.ones(1))}
    if make is None:
        return {field: Label(str(value))} if isinstance(value, str) and value else {}
    try:
        made = make(value)
    except (AttributeError, TypeError) as error:
        raise AuralError(f"{field}: mirdata's {type(value).__name__} has another form than expected ({error})") from None
    if field == "beats" and made.labels is not None:
        return {"beats": made, "downbeats": Events(made.times[[label == "1" for label in made.labels]])}
    return {field: made}


def _beats(data: Any) -> Events:
    order = np.argsort(data.times, kind="stable")
    in_bar = data.positions is not None and getattr(data, "position_unit", "bar_index") == "bar_index"
    positions = tuple(str(int(p)) for p in np.asarray(data.positions)[order]) if in_bar else None
    return Events(np.asarray(data.times)[order], positions)


def _events(data: Any) -> Events:
    starts = data.intervals[:, 0]
    order = np.argsort(starts, kind="stable")
    return Events(starts[order], tuple(data.events[i] for i in order))


def _intervals(data: Any) -> Intervals:
    labels = data.labels if hasattr(data, "labels") else data.keys
    order = np.argsort(data.intervals[:, 0], kind="stable")
    words = tuple("" if labels is None else str(labels[i]) for i in order)
    return Intervals(data.intervals[order, 0], data.intervals[order, 1], words)


def _notes(data: Any) -> Notes:
    order = np.argsort(data.intervals[:, 0], kind="stable")
    pitches = np.asarray(data.pitches, dtype=np.float64)[order]
    unit = getattr(data, "pitch_unit", "midi")
    if unit == "hz":
        pitches = 69 + 12 * np.log2(pitches / 440)
    return Notes(data.intervals[order, 0], data.intervals[order, 1], pitches)


def _f0(data: Any) -> Curves:
    heard = np.asarray(data.voicing, dtype=np.float64) > 0 if data.voicing is not None else True
    return Curves(data.times, np.where(heard, data.frequencies, 0.0)[None], ("f0",))


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "BeatData": _beats,
    "EventData": _events,
    "SectionData": _intervals,
    "ChordData": _intervals,
    "KeyData": _intervals,
    "NoteData": _notes,
    "F0Data": _f0,
}
