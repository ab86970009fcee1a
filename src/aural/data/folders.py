"""A folder of one's own: sounds, each beside files that say what is in it.

Layout   NAME.wav (or .flac, .mp3 …) beside NAME.jams, NAME.beats, NAME.lab, NAME.csv, NAME.onsets.csv, NAME.chords.lab …, in the
         folder or below it, read by `aural.formats`: what `aural analyze` writes is read back. With sub-folders `train` and
         `test`, those are the splits. A folder of made songs (`aural data songs`) is read by its index
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ..annotations import Events, Example
from ..errors import DataError
from ..sound import Recording
from . import Pieces, Source, Split
from .packs import sounds


def source(folder: Path, split: Split) -> Source:
    """The folder as a source. Raises DataError where there is no such folder, or no sound in it."""
    if not folder.is_dir():
        raise DataError(f"{folder}: {'a file, not a folder of sounds' if folder.exists() else 'no such folder'}")
    if (folder / "songs.jsonl").exists():
        from .songs import FolderOfSongs

        return FolderOfSongs(folder)
    home = folder / split if (folder / "train").is_dir() and (folder / "test").is_dir() else folder
    pieces = [(path.relative_to(home).with_suffix("").as_posix(), partial(_example, path)) for path in sounds(home)]
    if not pieces:
        raise DataError(f"{home}: no sound files in it or below; give a folder with wav, flac, mp3, ogg … beside their labels")
    return Pieces(str(folder), pieces)


def _example(sound: Path) -> Example:
    """The recording and what the files beside it say; downbeats, where no file says them, are the beats at position 1."""
    from ..formats import read_fields

    example = Example({"sound": Recording(sound), **read_fields(sound)})
    beats = example.get("beats")
    if isinstance(beats, Events) and beats.labels is not None and "1" in beats.labels and "downbeats" not in example:
        example["downbeats"] = Events(beats.times[[label == "1" for label in beats.labels]])
    return example
