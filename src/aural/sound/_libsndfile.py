"""libsndfile (soundfile), and headers that would mislead it put right on the way."""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import re
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import SoundError
from ._decoding import OtherDecoderError, damaged, native, promise, shown
from ._mp3 import Stream, stream_of

_KEPT: dict[tuple[Any, ...], Any] = {}  # at most one open file
_LOCKS: dict[int, threading.Lock] = {}
atexit.register(_KEPT.clear)


class Libsndfile:
    """Through soundfile. Headers that would mislead libsndfile are replaced on the way, see `_Patched`."""

    def __init__(self, path: Path, head: bytes) -> None:
        import soundfile

        self.path, self.delay, self.notes = path, 0.0, []
        self.name = f"libsndfile {soundfile.__libsndfile_version__.removeprefix('libsndfile-')}"
        # An ending .raw would make soundfile ask for a rate, whatever the content.
        self._patch: tuple[bytes, int] | None = (b"", 0) if path.suffix.lower() == ".raw" else None
        mp3 = stream_of(path) if head[:3] == b"ID3" or head[:1] == b"\xff" else None  # first: libsndfile complains aloud
        try:
            info = self._info(mp3)
            if mp3 is None and info.format == "MP3":
                mp3 = stream_of(path)
                info = self._info(mp3)
        except (soundfile.LibsndfileError, RuntimeError, TypeError, OSError) as error:
            why = str(getattr(error, "error_string", error)).strip(". ")
            raise OtherDecoderError("not recognised" if "does not exist" in why else why[:1].lower() + why[1:]) from None
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
            raise SoundError(f"{shown(path)}: {told}nothing in it can be decoded; copy it again")
        if promised is not None:
            self.notes += promise(promised / self.rate, self.frames / self.rate)

    def _info(self, mp3: Stream | None) -> Any:
        import soundfile

        if mp3 and mp3.patch:
            self._patch = mp3.patch
        return soundfile.info(_Patched(self.path, *self._patch) if self._patch else native(self.path), verbose=True)

    @contextlib.contextmanager
    def _open(self) -> Iterator[Any]:
        """The open file. mp3 has no index: a decoder finds a place by going through all that stands before it, and remembers
        the way; so the last mp3 stays open."""
        import soundfile

        def fresh() -> Any:
            return soundfile.SoundFile(_Patched(self.path, *self._patch) if self._patch else native(self.path))

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
        damaged(self.notes, (first + samples.shape[-1]) / self.rate)
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
