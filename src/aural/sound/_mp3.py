"""mp3 without gaps: the header that LAME writes, and what to do without it.

Source    ISO 11172-3 and 13818-3 (frames); Xing's and LAME's header in the first frame
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
class Stream:
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


def stream_of(path: Path) -> Stream | None:
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
            return Stream(delay + DECODER, promised, None)
        skip = start + frame.length if told is not None or data[start + 36 : start + 40] == b"VBRI" else start
        count = _count(data, skip)
        whole = told is not None and told.frames is not None and count >= told.frames
        padding = told.padding if told is not None and told.padding is not None and whole else DECODER
        return Stream(delay + DECODER, promised, (_lame(bytes(data[start : start + 4]), count, delay, padding), skip))


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
