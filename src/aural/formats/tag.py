"""A copy of the sound file, bit for bit, with its beats a minute and its key as tags. Never the original.

Tempo   TBPM, BPM, tmpo or WM/BeatsPerMinute; two decimals where they say something; tmpo holds whole numbers only, so m4a files get the
        field BPM beside it
Key     TKEY, INITIALKEY and KEY, initialkey or WM/InitialKey; the one that lasts longest, as ID3 writes it: "Am", "Eb"
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import OutputError
from ..harmony import main_key, short_key
from ..sound import Recording, Sound, replacing
from ._about import About
from ._bars import main_bpm
from ._words import number

# What the fields are called, by kind of tags.
BPM = {"mp4": ["----:com.apple.iTunes:BPM"], "asf": ["WM/BeatsPerMinute"], "plain": ["BPM"]}
KEY = {"mp4": ["----:com.apple.iTunes:initialkey"], "asf": ["WM/InitialKey"], "plain": ["INITIALKEY", "KEY"]}


def files(
    stem: str, fields: Mapping[str, Any], path: Path, sound: Recording | Sound, about: About
) -> tuple[dict[str, Callable[[Path], None]], str]:
    """{"song.tagged.mp3": …}; a note where neither tempo nor key is known or the file has no place for it."""
    bpm, key = main_bpm(fields), short_key(main_key(fields.get("key")))
    if bpm is None and not key:
        return {}, "no copy was tagged: neither tempo nor key is known"
    kind = _kind(path)
    if kind is None:
        return {}, f"no copy was tagged: {path.suffix.lstrip('.') or 'such'} files hold no tags that can be written"
    return {f"{stem}.tagged{path.suffix}": partial(_written, path, kind, "" if bpm is None else number(round(bpm, 2)), key)}, ""


def _kind(path: Path) -> Any:
    """Mutagen's class of a file whose tags it can write; None for others."""
    import mutagen

    try:
        file = mutagen.File(path)
    except Exception:  # a damaged tag is no reason not to analyze the file
        return None
    if file is None:
        return None
    if file.tags is None:
        try:
            file.add_tags()
        except Exception:  # raw AAC, AC-3, MIDI …
            return None
    return type(file) if _place(file) else None


def _place(file: Any) -> str:
    """Which kind of tags a file has."""
    from mutagen import apev2, asf, id3, mp4

    if isinstance(file.tags, id3.ID3):
        return "id3"
    if isinstance(file.tags, mp4.MP4Tags):
        return "mp4"
    if isinstance(file.tags, asf.ASFTags):
        return "asf"
    return "plain" if isinstance(file.tags, apev2.APEv2) or hasattr(file.tags, "vendor") else ""


def _written(path: Path, kind: Any, bpm: str, key: str, to: Path) -> None:
    from mutagen import MutagenError, mp4

    with replacing(to) as part:
        shutil.copyfile(path, part)
        try:
            file = kind(str(part))
            if file.tags is None:
                file.add_tags()
            place, more = _place(file), {}
            if place == "id3":
                older = bool(file.tags.version[:2] == (2, 3))
                for frame, text in (("TBPM", bpm), ("TKEY", key)):
                    _frame(file.tags, frame, text)
                if older:  # some programs read no other
                    file.tags.update_to_v23()
                    more = {"v2_version": 3}
            else:
                if place == "mp4" and bpm:
                    file["tmpo"] = [round(float(bpm))]
                for name, text in [*((name, bpm) for name in BPM[place]), *((name, key) for name in KEY[place])]:
                    if text:
                        file[name] = [mp4.MP4FreeForm(text.encode()) if place == "mp4" else text]
            file.save(**more)
        except MutagenError as error:
            raise OutputError(f"{to}: its tag can't be written ({error}); leave tag out of --format") from None


def _frame(tags: Any, name: str, text: str) -> None:
    from mutagen import id3

    if text:
        tags.setall(name, [id3.Frames[name](encoding=id3.Encoding.LATIN1, text=[text])])
