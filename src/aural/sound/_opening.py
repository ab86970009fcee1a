"""Which decoder reads a file: its content tells, not its name. What none can read is refused, with the reason."""

from __future__ import annotations

from pathlib import Path

from ..errors import SoundError
from ._av import Av
from ._decoding import Decoder, OtherDecoderError, shown
from ._libsndfile import Libsndfile


def opened(path: Path) -> Decoder:
    """The first decoder that reads the file. Raises SoundError, saying why none does."""
    named = shown(path)
    if path.is_dir():
        raise SoundError(f"{named}: a folder, not a sound file; name the files in it")
    try:
        if path.exists() and not path.is_file():
            raise SoundError(f"{named}: not a regular file; save it to a file first")
        with open(path, "rb") as file:
            head = file.read(4096)
    except FileNotFoundError:
        raise SoundError(f"{named}: no such file") from None
    except (OSError, ValueError) as error:
        raise SoundError(f"{named}: can't be read ({getattr(error, 'strerror', None) or error}); check its permissions and name") from None
    if not head:
        raise SoundError(f"{named}: the file is empty; copy it again")
    if head[:4] == b"MThd" or (head[:4] == b"RIFF" and head[8:12] == b"RMID"):
        raise SoundError(f"{named}: a MIDI file: it holds notes, not sound; render it to a wav file first")
    if _is_text(head):
        raise SoundError(f"{named}: text, not sound, whatever its name says")
    try:
        return Libsndfile(path, head)
    except OtherDecoderError as error:
        return _ffmpeg(path, head, str(error))


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:
            return False
        text = head[: error.start].decode("utf-8")
    return all(c.isprintable() or c in "\t\n\r\f" for c in text)


def _ffmpeg(path: Path, head: bytes, why: str) -> Decoder:
    named = shown(path)
    if path.suffix.lower() in (".raw", ".pcm"):
        raise SoundError(f"{named}: samples without a header; give them one: ffmpeg -f s16le -ar RATE -ac CHANNELS -i FILE out.wav")
    if head.startswith(b"NIST_1A") and b"shorten" in head:
        raise SoundError(f"{named}: NIST Sphere packed by shorten; unpack it with `sph2pipe -p -f rif` first")
    try:
        import av
    except ImportError:
        raise SoundError(
            f"{named}: libsndfile can't read it ({why}); m4a, aac, mp4, webm, wma and others need FFmpeg: pip install 'aural[av]'"
        ) from None
    try:
        return Av(path)
    except av.error.FFmpegError as error:
        raise SoundError(
            f"{named}: neither libsndfile ({why}) nor FFmpeg ({error.strerror or error}) can read it; is the file whole, is it sound?"
        ) from None
