"""Sound that always carries its rate, and the one reader of sound files.

`Sound` holds samples; `Recording` is a file that is read only where it is cut, so that ten hours cost no more than a
window. Both cut, so every part of the house takes either.

Decoders      libsndfile (soundfile) for what it reads: wav, flac, mp3, ogg, opus, aiff …; FFmpeg (PyAV, the extra `av`) for the
              rest: m4a, aac, mp4, webm, wma … What a file is, its content tells, not its name.
Delay         Encoders put silence in front; times count from the first sample that was encoded. ogg, opus and webm say how
              much, mp3 in LAME's header, m4a in its edit list or iTunSMPB: that is left out, and what was added at the
              end too. Where nothing is said, the usual is assumed: mp3 1105 samples (LAME's encoder 576, any decoder 529),
              AAC 1024 (one frame), AC-3 256, WMA one frame.
Length        What the file holds, not what its header promises: mp3 frames without a header are counted, the end of other
              files is tried. `Recording.notes` says where the two differ.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import io
import mmap
import os
import re
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .errors import OutputError, SoundError


@dataclass(frozen=True)
class Sound:
    """samples (channel, time) float32, nominally in [-1, 1]; rate in Hz."""

    samples: np.ndarray
    rate: int

    def __post_init__(self) -> None:
        samples = np.atleast_2d(np.asarray(self.samples, dtype=np.float32))
        object.__setattr__(self, "samples", samples)

    @property
    def channels(self) -> int:
        return int(self.samples.shape[0])

    @property
    def frames(self) -> int:
        """Samples of a channel."""
        return int(self.samples.shape[-1])

    @property
    def duration(self) -> float:
        """Seconds."""
        return float(self.samples.shape[-1] / self.rate)

    def cut(self, start: float, end: float) -> Sound:
        """From start to end in seconds, at the nearest samples."""
        first, last = _samples(start, self.rate, self.frames), _samples(end, self.rate, self.frames)
        return Sound(self.samples[:, first:last], self.rate)

    def read(self) -> Sound:
        """Itself, as a Recording reads the whole of it."""
        return self

    def blocks(self, seconds: float) -> Iterator[Sound]:
        """Consecutive pieces of that length; the last may be shorter."""
        return _blocks(self, seconds)

    def at(self, rate: int) -> Sound:
        """Resampled (soxr, high quality); the same object where the rate is right already."""
        if rate == self.rate:
            return self
        import soxr

        if not self.samples.shape[-1]:
            return Sound(self.samples, rate)
        resampled = soxr.resample(np.ascontiguousarray(self.samples.T), self.rate, rate, "HQ").T
        return Sound(_fit(resampled, round(self.samples.shape[-1] * rate / self.rate)), rate)

    def mono(self) -> Sound:
        """The mean of the channels; where they cancel (phase-inverted stereo) the louder one."""
        if self.channels == 1:
            return self
        mean = self.samples.mean(0, keepdims=True)
        rms = np.sqrt(np.square(self.samples, dtype=np.float64).mean(-1)) if mean.size else np.zeros(1)
        if mean.size and np.sqrt(np.square(mean, dtype=np.float64).mean()) < 0.1 * rms.max():
            return Sound(self.samples[rms.argmax()][None], self.rate)
        return Sound(mean, self.rate)

    def like(self, other: Sound | Recording) -> Sound:
        """At the rate, length and channels of another sound."""
        samples = _fit(self.at(other.rate).samples, other.frames)
        return Sound(np.ascontiguousarray(np.broadcast_to(samples, (other.channels, other.frames))), other.rate)

    def write(self, path: Path | str, subtype: str = "") -> None:
        """As `write(sound, path, subtype)`."""
        write(self, path, subtype)


def _fit(samples: np.ndarray, length: int) -> np.ndarray:
    """Cut or padded with zeros to a length."""
    missing = length - samples.shape[-1]
    return np.pad(samples, ((0, 0), (0, missing))) if missing > 0 else samples[:, :length]


def _samples(time: float, rate: int, most: int) -> int:
    """Seconds → the nearest sample in 0..most; infinity is the end."""
    return max(0, round(time * rate)) if time * rate < most else most


def _blocks(sound: Sound | Recording, seconds: float) -> Iterator[Sound]:
    size = max(1, round(seconds * sound.rate))
    for first in range(0, sound.frames, size):
        yield sound.cut(first / sound.rate, (first + size) / sound.rate)


@dataclass(frozen=True)
class Metadata:
    """What the file's tags say; "" where they say nothing."""

    title: str = ""
    artist: str = ""


class Recording:
    """A sound file that is read only where it is cut; has what a Sound has. `at`, `mono` and `like` read the whole.

    Attributes:
        path, rate (Hz), channels, frames (samples of a channel), duration (seconds).
        decoder: which library decodes it, with its version.
        delay: seconds that an encoder had put in front and that are left out; 0 where the decoder does not tell.
        notes: remarks for a person: a header that lies, samples that were no numbers.

    Raises:
        SoundError: no such file, a folder, nothing in it, or nothing that can be decoded.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._file = _opened(self.path)
        self.rate, self.channels, self.frames = self._file.rate, self._file.channels, self._file.frames
        self.decoder, self.delay, self.notes = self._file.name, self._file.delay, self._file.notes

    def __repr__(self) -> str:
        return f"Recording({str(self.path)!r})"

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.frames / self.rate

    def cut(self, start: float, end: float) -> Sound:
        """Reads from start to end in seconds. Samples that are no finite numbers are zeros, and a note says so."""
        first, last = _samples(start, self.rate, self.frames), _samples(end, self.rate, self.frames)
        if last <= first:
            return Sound(np.zeros((self.channels, 0), np.float32), self.rate)
        try:
            samples = self._file.read(first, last)
        except OSError as error:
            raise SoundError(f"{_shown(self.path)}: {error.strerror or error}; was it moved or changed?") from None
        wrong = ~np.isfinite(samples)
        if wrong.any():
            at = first + int(np.argmax(wrong.any(0)))
            _remark(self.notes, f"samples that are no finite numbers, from {at / self.rate:.3f} s on; they are taken as 0")
            samples = np.where(wrong, np.float32(0), samples)
        return Sound(samples, self.rate)

    def read(self) -> Sound:
        """The whole of it."""
        return self.cut(0, float("inf"))

    def blocks(self, seconds: float) -> Iterator[Sound]:
        """Consecutive pieces of that length; the last may be shorter."""
        return _blocks(self, seconds)

    def at(self, rate: int) -> Sound:
        """The whole, resampled."""
        return self.read().at(rate)

    def mono(self) -> Sound:
        """The whole, as one channel."""
        return self.read().mono()

    def like(self, other: Sound | Recording) -> Sound:
        """The whole, at the rate, length and channels of another sound."""
        return self.read().like(other)

    @functools.cached_property
    def metadata(self) -> Metadata:
        """Title and artist from the tags; never raises."""
        return _metadata(self.path)


def read(path: Path | str, start: float = 0.0, end: float | None = None) -> Sound:
    """A sound file, or the part of it between two times in seconds. Raises SoundError."""
    return Recording(path).cut(start, float("inf") if end is None else end)


def _metadata(path: Path) -> Metadata:
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

            with soundfile.SoundFile(_native(path)) as file:
                title, artist = " ".join(file.title.split()), " ".join(file.artist.split())
    return Metadata(title, artist)


# ---- opening


class _Decoder(Protocol):
    """rate, channels, frames (what is really there), name, delay in seconds, notes; read(first, last) → (channel, last - first)."""

    rate: int
    channels: int
    frames: int
    name: str
    delay: float
    notes: list[str]

    def read(self, first: int, last: int) -> np.ndarray: ...


def _native(path: Path) -> str | bytes:
    """A path as libsndfile takes it: names that are no UTF-8 are bytes."""
    return os.fsencode(path) if os.name == "posix" else str(path)


def _shown(path: Path) -> str:
    """A path on one line, in characters that can be printed."""
    return str(path).encode("utf-8", "backslashreplace").decode().replace("\n", "\\n").replace("\r", "\\r")


def _opened(path: Path) -> _Decoder:
    """The first decoder that reads the file. Raises SoundError, saying why none does."""
    shown = _shown(path)
    if path.is_dir():
        raise SoundError(f"{shown}: a folder, not a sound file; name the files in it")
    try:
        if path.exists() and not path.is_file():
            raise SoundError(f"{shown}: not a regular file; save it to a file first")
        with open(path, "rb") as file:
            head = file.read(4096)
    except FileNotFoundError:
        raise SoundError(f"{shown}: no such file") from None
    except (OSError, ValueError) as error:
        raise SoundError(f"{shown}: can't be read ({getattr(error, 'strerror', None) or error}); check its permissions and name") from None
    if not head:
        raise SoundError(f"{shown}: the file is empty; copy it again")
    if head[:4] == b"MThd" or (head[:4] == b"RIFF" and head[8:12] == b"RMID"):
        raise SoundError(f"{shown}: a MIDI file: it holds notes, not sound; render it to a wav file first")
    if _is_text(head):
        raise SoundError(f"{shown}: text, not sound, whatever its name says")
    try:
        return _Libsndfile(path, head)
    except _OtherDecoderError as error:
        return _ffmpeg(path, head, str(error))


class _OtherDecoderError(Exception):
    """Another decoder may read it."""


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:
            return False
        text = head[: error.start].decode("utf-8")
    return all(c.isprintable() or c in "\t\n\r\f" for c in text)


def _ffmpeg(path: Path, head: bytes, why: str) -> _Decoder:
    shown = _shown(path)
    if path.suffix.lower() in (".raw", ".pcm"):
        raise SoundError(f"{shown}: samples without a header; give them one: ffmpeg -f s16le -ar RATE -ac CHANNELS -i FILE out.wav")
    if head.startswith(b"NIST_1A") and b"shorten" in head:
        raise SoundError(f"{shown}: NIST Sphere packed by shorten; unpack it with `sph2pipe -p -f rif` first")
    try:
        import av
    except ImportError:
        raise SoundError(
            f"{shown}: libsndfile can't read it ({why}); m4a, aac, mp4, webm, wma and others need FFmpeg: pip install 'aural[av]'"
        ) from None
    try:
        return _Av(path)
    except av.error.FFmpegError as error:
        raise SoundError(
            f"{shown}: neither libsndfile ({why}) nor FFmpeg ({error.strerror or error}) can read it; is the file whole, is it sound?"
        ) from None


def _remark(notes: list[str], text: str) -> None:
    """A note, unless one of its kind (what stands before the comma) is there already."""
    if not any(note.split(",")[0] == text.split(",")[0] for note in notes):
        notes.append(text)


def _damaged(notes: list[str], time: float) -> None:
    _remark(notes, f"some of it can't be decoded, from {time:.1f} s on; silence stands there")


def _promise(promised: float, held: float) -> list[str]:
    """A note where header and file differ by more than a frame of any codec."""
    if abs(promised - held) <= 0.1:
        return []
    return [f"the header promises {promised:.1f} s, the file holds {held:.1f} s"]


# ---- libsndfile


_KEPT: dict[tuple[Any, ...], Any] = {}  # at most one open file
_LOCKS: dict[int, threading.Lock] = {}
atexit.register(_KEPT.clear)


class _Libsndfile:
    """Through soundfile. Headers that would mislead libsndfile are replaced on the way, see `_Patched`."""

    def __init__(self, path: Path, head: bytes) -> None:
        import soundfile

        self.path, self.delay, self.notes = path, 0.0, []
        self.name = f"libsndfile {soundfile.__libsndfile_version__.removeprefix('libsndfile-')}"
        # An ending .raw would make soundfile ask for a rate, whatever the content.
        self._patch: tuple[bytes, int] | None = (b"", 0) if path.suffix.lower() == ".raw" else None
        mp3 = _mp3(path) if head[:3] == b"ID3" or head[:1] == b"\xff" else None  # first: libsndfile complains aloud
        try:
            info = self._info(mp3)
            if mp3 is None and info.format == "MP3":
                mp3 = _mp3(path)
                info = self._info(mp3)
        except (soundfile.LibsndfileError, RuntimeError, TypeError, OSError) as error:
            why = str(getattr(error, "error_string", error)).strip(". ")
            raise _OtherDecoderError("not recognised" if "does not exist" in why else why[:1].lower() + why[1:]) from None
        promised = mp3.promised if mp3 else _promised(info)
        if mp3:
            self.delay = mp3.delay / info.samplerate
        elif info.frames == 0:
            patch = _open_data_chunk(path)
            if patch:
                self._patch, promised = patch, None
                info = self._info(None)
        self.rate, self.channels, self.frames = int(info.samplerate), int(info.channels), int(info.frames)
        self._keep = info.format == "MP3"
        # A frame's bits may lie in frames before it; libsndfile goes back two, which is too few where those are small.
        self._before = 16 * 1152 if self._keep else 0
        self.frames = self._usable()
        if not self.frames and (promised or info.format == "OGG"):
            told = f"the header promises {promised / self.rate:.1f} s, but " if promised else ""
            raise SoundError(f"{_shown(path)}: {told}nothing in it can be decoded; copy it again")
        if promised is not None:
            self.notes += _promise(promised / self.rate, self.frames / self.rate)

    def _info(self, mp3: _Mp3 | None) -> Any:
        import soundfile

        if mp3 and mp3.patch:
            self._patch = mp3.patch
        return soundfile.info(_Patched(self.path, *self._patch) if self._patch else _native(self.path), verbose=True)

    @contextlib.contextmanager
    def _open(self) -> Iterator[Any]:
        """The open file. mp3 has no index: a decoder finds a place by going through all that stands before it, and remembers
        the way; so the last mp3 stays open."""
        import soundfile

        def fresh() -> Any:
            return soundfile.SoundFile(_Patched(self.path, *self._patch) if self._patch else _native(self.path))

        if not self._keep:
            with fresh() as file:
                yield file
            return
        told = os.stat(self.path)
        key = (os.getpid(), os.path.abspath(self.path), told.st_mtime_ns, told.st_size)
        with _LOCKS.setdefault(os.getpid(), threading.Lock()):  # a forked worker must not wait for its parent's threads
            if key not in _KEPT:
                _KEPT.clear()
                _KEPT[key] = fresh()
            try:
                yield _KEPT[key]
            except BaseException:
                _KEPT.clear()
                raise

    def _usable(self) -> int:
        """Frames that can be decoded: as said if the last can, else found by halving."""
        if self._reads(max(0, self.frames - 1024), self.frames):
            return self.frames
        good, bad = 0, self.frames  # [good, good + 1024) can be read, [bad, bad + 1024) can't
        if not self._reads(0, min(1024, self.frames)):
            good = -1024
        while bad - good > 1024 and good >= 0:
            middle = (good + bad) // 2
            good, bad = (middle, bad) if self._reads(middle, min(middle + 1024, self.frames)) else (good, middle)
        return max(0, min(good + 1024, self.frames))

    def _reads(self, first: int, last: int) -> bool:
        return self._attempt(first, last).shape[-1] == last - first

    def _attempt(self, first: int, last: int) -> np.ndarray:
        import soundfile

        try:
            with self._open() as file:
                start = max(0, first - self._before)
                file.seek(start)
                samples = file.read(last - start, dtype="float32", always_2d=True)
                return np.asarray(samples[first - start :].T)
        except (soundfile.LibsndfileError, RuntimeError):
            return np.zeros((self.channels, 0), np.float32)

    def read(self, first: int, last: int) -> np.ndarray:
        samples = self._attempt(first, last)
        if samples.shape[-1] == last - first:
            return samples
        os.stat(self.path)  # gone?
        # Damage somewhere in it: what can be read on either side, by halving.
        out = np.zeros((self.channels, last - first), np.float32)
        _damaged(self.notes, (first + samples.shape[-1]) / self.rate)
        spans, patience = [(first, last)], 32
        while spans and patience:
            a, b = spans.pop()
            samples = self._attempt(a, b)
            reached = a + samples.shape[-1]
            out[:, a - first : reached - first] = samples
            if reached < b:
                patience -= 1
                middle = (a + b) // 2
                spans += [(reached, b)] if reached > a else [(middle, b), (a, middle)] if b - a > 1024 else []
        return out


def _promised(info: Any) -> int | None:
    """Samples by the header, None where it leaves that open; libsndfile's log has what it put right."""
    cut = re.search(r"^(?:data|SSND) : (\d+) \(should be (\d+)\)", info.extra_info, re.MULTILINE)
    if not cut:
        return int(info.frames)
    said, there = int(cut[1]), int(cut[2])
    if said == 0 or said >= 0x7FFFFF00:  # what writers put that could not go back
        return None
    block = re.search(r"Block Align\s*:\s*(\d+)", info.extra_info)
    return round(info.frames * said / there) if there and info.frames else said // (int(block[1]) if block else 2 * info.channels)


class _Patched(io.RawIOBase):
    """A file whose first `skip` bytes read as `head`."""

    def __init__(self, path: Path, head: bytes, skip: int) -> None:
        self._file = open(path, "rb")  # noqa: SIM115 (closed by close)
        self._head, self._shift, self._at = head, skip - len(head), 0
        self._size = self._file.seek(0, io.SEEK_END) - self._shift

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence] + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        wanted = len(buffer)
        if self._at < len(self._head):
            data = self._head[self._at : self._at + wanted]
        else:
            self._file.seek(self._at + self._shift)
            data = self._file.read(wanted)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        self._file.close()
        super().close()


def _open_data_chunk(path: Path) -> tuple[bytes, int] | None:
    """The patch for a wav file whose `data` chunk says 0 bytes although sound follows: a size that means "to the end"."""
    with open(path, "rb") as file:
        head = file.read(1 << 16)
        size = file.seek(0, io.SEEK_END)
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return None
    at = 12
    while at + 8 <= len(head):
        length = struct.unpack_from("<I", head, at + 4)[0]
        if head[at : at + 4] == b"data":
            return (head[: at + 4] + b"\xff\xff\xff\xff", at + 8) if length == 0 and size > at + 8 else None
        at += 8 + length + length % 2
    return None


# ---- mp3: the header that LAME writes, and what to do without it

_BITRATES = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),  # MPEG 1
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),  # MPEG 2 and 2.5
)
ENCODER, DECODER = 576, 529  # samples; LAME's delay where none is told, and what every layer III decoder adds


@dataclass(frozen=True)
class _Frame:
    """Header of a layer III frame: its bytes, Hz, samples of a channel, and where Xing's header would lie in it."""

    length: int
    rate: int
    samples: int
    xing: int


def _frame(head: bytes) -> _Frame | None:
    """ISO 11172-3 and 13818-3."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer, bitrate, rate = (head[1] >> 3) & 3, (head[1] >> 1) & 3, head[2] >> 4, (head[2] >> 2) & 3
    if version == 1 or layer != 1 or bitrate in (0, 15) or rate == 3:
        return None
    first = version == 3
    hertz = (44_100, 48_000, 32_000)[rate] >> {3: 0, 2: 1, 0: 2}[version]
    samples = 1152 if first else 576
    length = samples // 8 * _BITRATES[not first][bitrate] * 1000 // hertz + ((head[2] >> 1) & 1)
    mono = head[3] >> 6 == 3
    return _Frame(length, hertz, samples, 4 + ((17 if mono else 32) if first else (9 if mono else 17)))


@dataclass(frozen=True)
class _Xing:
    """frames and bytes of the stream, None where not told; encoder's delay and padding in samples, None where not told."""

    frames: int | None
    bytes: int | None
    delay: int | None
    padding: int | None


@dataclass(frozen=True)
class _Mp3:
    """A stream: samples of delay, samples that its header promises (None without one), the header it should have had."""

    delay: int
    promised: int | None
    patch: tuple[bytes, int] | None


def _xing(frame: bytes, at: int) -> _Xing | None:
    """The header that Xing and LAME put into a first, silent frame."""
    if frame[at : at + 4] not in (b"Xing", b"Info"):
        return None
    flags, at = int.from_bytes(frame[at + 4 : at + 8], "big"), at + 8
    told: list[int | None] = []
    for bit in (1, 2):
        told.append(int.from_bytes(frame[at : at + 4], "big") if flags & bit else None)
        at += 4 if flags & bit else 0
    at += (100 if flags & 4 else 0) + (4 if flags & 8 else 0)
    packed = int.from_bytes(frame[at + 21 : at + 24], "big")
    known = len(frame) >= at + 24 and frame[at : at + 1] > b" "
    return _Xing(told[0], told[1], packed >> 12 if known else None, packed & 0xFFF if known else None)


def _start(data: Any) -> int:
    """Where the first frame lies: behind ID3 tags and what else stands in front."""
    at = 0
    while data[at : at + 3] == b"ID3" and len(data) > at + 10:
        size = data[at + 6] << 21 | data[at + 7] << 14 | data[at + 8] << 7 | data[at + 9]
        at += 10 + size + (10 if data[at + 5] & 0x10 else 0)
    return _next(data, at)


def _next(data: Any, at: int) -> int:
    """The next place where a frame follows a frame; -1 for none."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0:
            return -1
        frame = _frame(data[at : at + 4])
        if frame:
            following = _frame(data[at + frame.length : at + frame.length + 4])
            if at + frame.length >= len(data) or (following and following.rate == frame.rate):
                return at
        at += 1


def _mp3(path: Path) -> _Mp3 | None:
    """What holds of a layer III file, with a header where it has none or one that lies. None for other files.

    libsndfile guesses the length of a file without a header from its first frames, and stops there: half a minute that starts
    loudly and goes on softly would end after four seconds. So the frames are counted."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = _start(data)
        frame = _frame(data[start : start + 4]) if start >= 0 else None
        if frame is None:
            return None
        told = _xing(data[start : start + frame.length], frame.xing)
        delay = ENCODER if told is None or told.delay is None else told.delay
        promised = None
        if told is not None and told.frames:
            promised = told.frames * frame.samples - (0 if told.delay is None else told.delay + (told.padding or 0))
        whole = told is not None and told.bytes is not None and start + told.bytes <= len(data)
        if told is not None and told.frames and told.delay is not None and whole:
            return _Mp3(delay + DECODER, promised, None)
        skip = start + frame.length if told is not None or data[start + 36 : start + 40] == b"VBRI" else start
        count = _count(data, skip)
        whole = told is not None and told.frames is not None and count >= told.frames
        padding = told.padding if told is not None and told.padding is not None and whole else DECODER
        return _Mp3(delay + DECODER, promised, (_lame(bytes(data[start : start + 4]), count, delay, padding), skip))


def _count(data: Any, at: int) -> int:
    """Whole frames from there on."""
    count = 0
    known: dict[bytes, int] = {}
    while 0 <= at < len(data) - 3:
        head = data[at : at + 4]
        length = known.get(head)
        if length is None:
            frame = _frame(head)
            length = known[head] = frame.length if frame else 0
        if not length:
            at = _next(data, at + 1)
        else:
            count += at + length <= len(data)
            at += length
    return count


def _lame(head: bytes, frames: int, delay: int, padding: int) -> bytes:
    """A silent frame with Xing's and LAME's header, for a stream whose frames begin with `head`."""
    for bitrate in range(1, 15):
        own = bytes([head[0], head[1] | 1, bitrate << 4 | head[2] & 0x0C, head[3]])
        frame = _frame(own)
        if frame and frame.length >= frame.xing + 192:  # decoders ask for room for the whole of it
            break
    assert frame
    told = b"Xing" + struct.pack(">II", 1, frames) + b"LAME3.100" + bytes(12) + (delay << 12 | padding).to_bytes(3, "big")
    return (own + bytes(frame.xing - 4) + told).ljust(frame.length, b"\0")


# ---- FFmpeg

# Samples that encoders put in front where the file does not say how many.
_PRIMING = {"aac": 1024, "mp3": ENCODER + DECODER, "mp3float": ENCODER + DECODER, "ac3": 256, "eac3": 256}
_PREROLL = 1.0  # seconds decoded and thrown away after a jump, until a decoder has its state


class _Av:
    """Through PyAV: jumps near the wanted place, then decodes. Raises av.error.FFmpegError, SoundError."""

    def __init__(self, path: Path) -> None:
        import av

        self.path, self.notes, self.delay = path, [], 0.0
        self.name = f"FFmpeg via PyAV {av.__version__}"
        self._skip = self._grid = self._phase = 0
        self.rate = 0
        with self._open() as container:
            stream = self._stream(container)
            self._learn(container, stream)
            promised = None if stream.duration is None else float(stream.duration * stream.time_base)
            exact = "mp4" in container.format.name  # its edit list says where the encoder's padding begins
            guess = promised if promised is not None else (container.duration or 0) / 1e6
        self.frames = self._end(guess)
        if promised is not None and exact:
            held = self.frames / self.rate
            self.frames = min(self.frames, round(promised * self.rate))
            self.notes += _promise(promised, max(held, self.frames / self.rate)) if promised > held else []

    def _open(self) -> Any:
        import av

        # A playlist must not fetch anything from elsewhere.
        return av.open(str(self.path.absolute()), options={"protocol_whitelist": "file"}, metadata_errors="replace")

    def _stream(self, container: Any) -> Any:
        for stream in container.streams.audio:
            if stream.codec_context is not None:
                return stream
        kind = "sound in an unknown codec" if container.streams.audio else "no sound"
        raise SoundError(f"{_shown(self.path)}: holds {kind} ({container.format.name}); give a sound file, or convert it to wav first")

    def _learn(self, container: Any, stream: Any) -> None:
        """Rate, channels, delay, and where frames lie, from the first frames."""
        frames: list[Any] = []
        packets: list[Any] = []
        told = False
        for packet in _packets(container, stream):
            packets.append(packet)
            told = told or packet.has_sidedata("skip_samples") or bool(packet.pts is not None and packet.pts < 0)
            frames += _decoded(packet)
            if len(frames) >= 24:
                break
        self._empty = not frames
        codec = stream.codec_context
        if not frames:
            self.rate, self.channels = int(codec.sample_rate or 0), int(codec.channels or 0)
            if not self.rate or not self.channels or stream.duration or any(packet.size for packet in packets):
                raise SoundError(f"{_shown(self.path)}: nothing in it can be decoded; copy it again")
            return
        first, second = frames[0], frames[min(1, len(frames) - 1)]
        self.rate, self.channels = int(first.sample_rate), int(first.layout.nb_channels)
        self._skip = 0 if told else _PRIMING.get(codec.name, 0)
        self.delay = max(self._skip / self.rate, *(-float(p.pts * p.time_base) for p in packets if p.pts is not None), 0.0)
        # What begins before the stream does is the encoder's; WMA's decoder swallows a frame before it gives one.
        early = self._exact(first) - Fraction(stream.start_time or 0) * stream.time_base * self.rate
        self._first = second.samples if codec.name.startswith("wma") else min(0, round(early))
        # Time stamps of some containers are whole milliseconds: frames lie on a grid, and the first ones tell its place.
        self._grid = 64 if codec.name == "vorbis" else 1 if codec.name.startswith("pcm") else second.samples
        self._phase = self._first + first.samples
        places = np.cumsum([self._first, *(frame.samples for frame in frames)])
        late = [self._exact(frame) - int(place) for frame, place in zip(frames, places, strict=False) if frame.pts is not None]
        self._late = float(np.median([float(x) for x in late[1:] or late])) if late else 0.0

    def _exact(self, frame: Any) -> Fraction:
        """A frame's time stamp in samples."""
        return Fraction(frame.pts or 0) * frame.time_base * self.rate

    def _place(self, frame: Any) -> int:
        """Sample of the file at which a frame begins, before any delay is left out."""
        return self._phase + round((float(self._exact(frame)) - self._late - self._phase) / self._grid) * self._grid

    def _frames(self, first: int) -> Iterator[tuple[int, np.ndarray]]:
        """(sample, samples) of the frames from about `first` on, in order; the delay is left out."""
        import av

        first += self._skip
        for jump in (True, False):
            with self._open() as container:
                stream = self._stream(container)
                target = first / self.rate - _PREROLL
                start = None if jump and target > 0 else self._first
                if start is None:
                    try:
                        container.seek(int((target + self._late / self.rate) / stream.time_base), stream=stream)
                    except av.error.FFmpegError:
                        continue
                settled = start is not None
                for frame in (frame for packet in _packets(container, stream) for frame in _decoded(packet)):
                    if not settled:
                        settled = True  # the first frame behind a jump may be cut, and lack its overlap
                        continue
                    if start is None:
                        if frame.pts is None or self._place(frame) > max(0, first - self.rate // 10):
                            break  # landed behind the place: from the start, then
                        start = self._place(frame)
                    elif frame.pts is not None and self._place(frame) - start > max(self.rate // 20, 2 * self._grid):
                        start = self._place(frame)  # a hole in the stream is silence
                    if frame.sample_rate == self.rate:
                        yield start - self._skip, _array(frame, self.channels)
                        start += frame.samples
                else:
                    return

    def _end(self, guess: float) -> int:
        """The sample behind the last one: decodes only the last seconds, where a jump to them works."""
        if self._empty:
            return 0
        last = 0
        for start in (round((guess - 5.0) * self.rate), 0):
            for at, samples in self._frames(max(0, start)):
                last = max(last, at + samples.shape[-1])
            if last or start <= 0:
                break
        return max(0, last)

    def read(self, first: int, last: int) -> np.ndarray:
        out = np.zeros((self.channels, last - first), np.float32)
        filled = 0
        for at, samples in self._frames(first):
            a, b = max(at, first), min(at + samples.shape[-1], last)
            if a < b:
                out[:, a - first : b - first] = samples[:, a - at : b - at]
                filled += b - a
            if at + samples.shape[-1] >= last:
                break
        if filled < last - first:
            os.stat(self.path)  # gone?
            _damaged(self.notes, first / self.rate)
        return out


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    """Packets, as far as the file can be followed."""
    import av

    with contextlib.suppress(av.error.FFmpegError, IndexError):  # PyAV stumbles over streams that begin later
        yield from container.demux(stream)


def _decoded(packet: Any) -> list[Any]:
    """Frames of a packet; none of a damaged one."""
    import av

    with contextlib.suppress(av.error.FFmpegError, EOFError):
        return [frame for frame in packet.decode() if frame.samples]
    return []


def _array(frame: Any, channels: int) -> np.ndarray:
    """(channel, time) float32 of an FFmpeg frame of any sample format."""
    array = frame.to_ndarray()
    own = frame.layout.nb_channels
    if not frame.format.is_planar:
        array = array.reshape(-1, own).T
    if array.dtype == np.uint8:
        array = (array.astype(np.float32) - 128) / 128
    elif array.dtype.kind == "i":
        array = array.astype(np.float64) / -float(np.iinfo(array.dtype).min)
    array = array.astype(np.float32)
    return array if own == channels else np.repeat(array.mean(0, keepdims=True), channels, 0)


# ---- loudness


def loudness(sound: Sound | Recording) -> float:
    """Integrated loudness in LUFS; -inf for silence.

    Blocks of 400 ms every 100 ms, K-weighted; those below -70 LUFS, then those 10 LU below the mean of the rest, do not
    count. Five and six channels are taken as surround (L R C (LFE) Ls Rs), others weigh 1. A sound shorter than a block
    is one block.

    Source    ITU-R BS.1770-4; the filters at other rates than 48 kHz by the bilinear transform of their analogue forms
    """
    from scipy.signal import sosfilt

    sections = _k_weighting(sound.rate)
    weights = np.ones(sound.channels)
    if sound.channels in (5, 6):
        weights[-2:] = 1.41
        weights[3] = 0.0 if sound.channels == 6 else 1.41
    hop = max(1, round(sound.rate / 10))
    state = np.zeros((len(sections), sound.channels, 2))
    rest, powers = np.zeros((sound.channels, 0)), []
    for block in sound.blocks(10.0):
        filtered, state = sosfilt(sections, block.samples.astype(np.float64), zi=state)
        rest = np.concatenate([rest, filtered], -1)
        whole = rest.shape[-1] // hop
        hops = np.square(rest[:, : whole * hop]).reshape(sound.channels, whole, hop).mean(-1)
        powers.append(weights @ hops)
        rest = rest[:, whole * hop :]
    hops = np.concatenate(powers) if powers else np.zeros(0)
    if len(hops) >= 4:
        power = np.convolve(hops, np.full(4, 0.25), "valid")
    elif sound.frames:
        rest_power = float(weights @ np.square(rest).sum(-1))
        power = np.array([(hops.sum() * hop + rest_power) / sound.frames])
    else:
        power = np.zeros(0)
    power = power[power > 10 ** ((-70 + 0.691) / 10)]
    if not len(power):
        return float("-inf")
    power = power[power > power.mean() / 10]
    return float(-0.691 + 10 * np.log10(power.mean()))


def _k_weighting(rate: int) -> np.ndarray:
    """Second-order sections (2, 6): a shelf of +4 dB above 1.7 kHz (the head), a high-pass at 38 Hz."""
    k, q = np.tan(np.pi * min(1681.974450955533, 0.49 * rate) / rate), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    shelf = [high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k, *_poles(k, q)]
    k, q = np.tan(np.pi * 38.13547087602444 / rate), 0.5003270373238773
    sections = np.array([shelf, [0.0, 0.0, 0.0, *_poles(k, q)]])
    sections /= sections[:, 3:4]
    sections[1, :3] = 1.0, -2.0, 1.0  # as the recommendation has it, not scaled with the poles
    return sections


def _poles(k: float, q: float) -> list[float]:
    return [1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k]


# ---- writing

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
            f"{_shown(path)}: can't write {path.suffix or 'a file without an ending'}; name it .wav, .flac, .ogg, .opus or .mp3"
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
            raise OutputError(f"{_shown(path)}: {what} can't be written ({why}); name it .wav or free some space") from None
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
            raise OutputError(f"{_shown(path)}: a folder has this name; choose another")
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
        raise OutputError(f"{_shown(path)}: {error.strerror or error}; free some space or choose another place") from None


def write_file(path: Path | str, data: bytes) -> None:
    """Writes a file whole or not at all; folders on the way are made. Raises OutputError."""
    with replacing(path) as part:
        part.write_bytes(data)
