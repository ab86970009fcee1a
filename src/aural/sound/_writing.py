"""Sound and other files written whole or not at all; the same sound gives the same bytes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import OutputError
from ._decoding import shown

if TYPE_CHECKING:
    from . import Recording, Sound

_SUBTYPES = {"WAV": "FLOAT", "FLAC": "PCM_24"}


def write(sound: Sound | Recording, path: Path | str, subtype: str = "") -> None:
    """A sound file, whole or not at all.

    Args:
        sound: a Sound, or a Recording, which is copied in blocks.
        path: its ending says the format: wav, flac, ogg, opus, mp3, aiff …
        subtype: as libsndfile names them ("PCM_16", "VORBIS"); default: 32-bit float in wav, 24 bits in flac, else the
            format's own. Whole numbers clip at full scale.

    Raises:
        OutputError: an ending, rate or number of channels that the format does not have, or no place to write to.
    """
    import soundfile

    path = Path(path)
    ending = path.suffix.lstrip(".").upper()
    kind = {"OPUS": "OGG", "AIF": "AIFF", "OGA": "OGG"}.get(ending, ending)
    if kind not in soundfile.available_formats() or kind == "RAW":
        raise OutputError(
            f"{shown(path)}: can't write {path.suffix or 'a file without an ending'}; name it .wav, .flac, .ogg, .opus or .mp3"
        )
    chosen = subtype or ("OPUS" if ending == "OPUS" else _SUBTYPES.get(kind) or soundfile.default_subtype(kind))
    with replacing(path) as part:
        try:
            with soundfile.SoundFile(str(part), "w", sound.rate, sound.channels, chosen, format=kind) as file:
                for block in sound.blocks(60.0):
                    file.write(block.samples.T)
        except (soundfile.LibsndfileError, RuntimeError, ValueError, TypeError) as error:
            why = str(getattr(error, "error_string", error)).strip(". ")
            what = f"{kind.lower()} ({chosen}) of {sound.channels} channels at {sound.rate} Hz"
            raise OutputError(f"{shown(path)}: {what} can't be written ({why}); name it .wav or free some space") from None
        _undated(part)


def _undated(path: Path) -> None:
    """libsndfile dates the PEAK chunk of float files; the same sound must give the same bytes."""
    with open(path, "r+b") as file:
        head = file.read(4096)
        at = head.find(b"PEAK")
        if head[:4] in (b"RIFF", b"FORM") and at > 0:
            file.seek(at + 12)
            file.write(bytes(4))


@contextlib.contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """A place to write to that becomes `path` when the block ends without an error, and vanishes otherwise.

    It lies in the same folder, so the change is one step; a device or a pipe is written directly. Raises OutputError.
    """
    path = Path(path)
    try:
        target = Path(os.path.realpath(path))  # a link stays a link
        if target.is_dir():
            raise OutputError(f"{shown(path)}: a folder has this name; choose another")
        if target.exists() and not target.is_file():
            yield target
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".aural-{os.getpid()}-{os.urandom(4).hex()}.part")
        try:
            yield part
            with open(part, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{shown(path)}: {error.strerror or error}; free some space or choose another place") from None


def write_file(path: Path | str, data: bytes) -> None:
    """Writes a file whole or not at all; folders on the way are made. Raises OutputError."""
    with replacing(path) as part:
        part.write_bytes(data)
