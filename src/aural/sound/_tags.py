"""Title and artist, as a file's tags have them."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._decoding import native


@dataclass(frozen=True)
class Metadata:
    """What the file's tags say; "" where they say nothing."""

    title: str = ""
    artist: str = ""


def metadata(path: Path) -> Metadata:
    def words(tags: Any, *keys: str) -> str:
        for key in keys:
            try:
                value = tags[key]
            except (KeyError, ValueError, TypeError):
                continue
            value = getattr(value, "text", value)
            text = "; ".join(str(v) for v in value) if isinstance(value, list | tuple) else str(value)
            if text.strip():
                return " ".join(text.split())
        return ""

    tags: Any = None
    with contextlib.suppress(Exception):  # a damaged tag must not stop the music
        import mutagen

        file = mutagen.File(path)
        tags = file.tags if file is not None else None
    title = artist = ""
    if tags is not None:
        title = words(tags, "TIT2", "\xa9nam", "title", "Title", "TITLE")
        artist = words(tags, "TPE1", "\xa9ART", "artist", "Artist", "Author", "ARTIST")
    if not (title or artist):
        with contextlib.suppress(Exception):  # wav files have tags of their own, which libsndfile knows
            import soundfile

            with soundfile.SoundFile(native(path)) as file:
                title, artist = " ".join(file.title.split()), " ".join(file.artist.split())
    return Metadata(title, artist)
