"""Sound for a page: what a browser plays, the same bytes every time, and the outline of its waveform. All by blocks.

Source    the Ogg container: RFC 3533 (page header, checksum: polynomial 0x04c11db7, no reflection, starts at 0)
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..sound import Recording, Sound

LONGEST = 20 * 60.0  # seconds; a longer sound is linked
LARGEST = 32_000_000  # bytes of an original that is embedded as it is
BLOCK = 4.0  # seconds at a time; libvorbis wants small ones
HIGHEST_RATE = 48_000
SERIAL = b"\x00\x00\x00\x01"


@dataclass(frozen=True)
class Media:
    """What the player plays: bytes to embed, or the address of a file beside the page."""

    mime: str = ""
    data: bytes = b""
    href: str = ""


@dataclass(frozen=True)
class Peaks:
    """The outline: top and bottom (n,) uint8, distances from the middle line, 255 the largest of the sound."""

    top: np.ndarray
    bottom: np.ndarray


def blocks(sound: Sound | Recording) -> Iterator[np.ndarray]:
    """The samples, finite, (channel, time), a few seconds at a time."""
    start = 0.0
    while start < sound.duration:
        end = min(start + BLOCK, sound.duration)
        piece = sound.cut(start, end).samples
        if piece.shape[-1]:
            yield piece if np.isfinite(piece).all() else np.nan_to_num(piece, nan=0.0, posinf=0.0, neginf=0.0)
        start += BLOCK


def peaks(sound: Sound | Recording, per_second: float = 200.0, most: int = 120_000) -> Peaks:
    """The outline of a waveform over all channels: `per_second` points a second, `most` at the most."""
    n = int(max(1, min(most, np.ceil(sound.duration * per_second))))
    top, bottom = np.zeros(n, np.float32), np.zeros(n, np.float32)
    total, at = max(1, round(sound.duration * sound.rate)), 0
    for block in blocks(sound):
        length = block.shape[-1]
        first, last = at * n // total, min((at + length - 1) * n // total, n - 1)
        edges = np.maximum(-(-np.arange(first, last + 1, dtype=np.int64) * total // n) - at, 0)  # where each point begins
        edges = np.minimum(edges, length - 1)
        top[first : last + 1] = np.maximum(top[first : last + 1], np.maximum.reduceat(block, edges, axis=1).max(0))
        bottom[first : last + 1] = np.maximum(bottom[first : last + 1], -np.minimum.reduceat(block, edges, axis=1).min(0))
        at += length
    largest = max(float(top.max()), float(bottom.max()), 1e-9)
    if largest < 1e-6:
        return Peaks(np.zeros(n, np.uint8), np.zeros(n, np.uint8))
    return Peaks(*(np.rint(side / largest * 255).astype(np.uint8) for side in (top, bottom)))


def media(sound: Sound | Recording, original: Path | None = None) -> Media:
    """The file's own bytes where every browser plays them on our time axis (Ogg); Vorbis otherwise.

    An mp3 is encoded again: browsers seek in it by its table of contents. In Chromium, clicks of a 4-minute mp3 stood up to
    0.4 s off after a seek; those of Ogg did not move."""
    original = original or (sound.path if isinstance(sound, Recording) else None)
    if original is not None and _is_ogg(original):
        return Media("audio/ogg", original.read_bytes())
    return Media("audio/ogg", vorbis(sound))


def _is_ogg(path: Path) -> bool:
    with open(path, "rb") as file:
        head = file.read(64)
    return head[:4] == b"OggS" and (b"vorbis" in head or b"OpusHead" in head) and path.stat().st_size <= LARGEST


def vorbis(sound: Sound | Recording) -> bytes:
    """Vorbis in Ogg, mono or stereo, at most 48 kHz; the same sound gives the same bytes.

    Opus would be a tenth larger at libsndfile's default and takes three times as long to encode."""
    import soundfile
    import soxr

    channels, rate = min(2, sound.channels), min(sound.rate, HIGHEST_RATE)
    resampler = soxr.ResampleStream(sound.rate, rate, channels, dtype="float32") if rate != sound.rate else None
    made = io.BytesIO()
    with soundfile.SoundFile(made, "w", rate, channels, format="OGG", subtype="VORBIS") as file:
        for block in blocks(sound):
            if block.shape[0] > 2:
                block = block.mean(0, keepdims=True).repeat(2, 0)
            piece = np.ascontiguousarray(np.clip(block, -1, 1).T)
            file.write(resampler.resample_chunk(piece) if resampler else piece)
        if resampler:
            file.write(resampler.resample_chunk(np.zeros((0, channels), np.float32), last=True))
    return with_serial(made.getvalue(), SERIAL)


# ---- the serial number of an Ogg stream


def with_serial(ogg: bytes, serial: bytes) -> bytes:
    """The same Ogg stream under another serial number (4 bytes); libsndfile draws one by lot.

    The checksum is linear and starts at 0: that of the changed bits is added, carried over the zeros that follow them."""
    pages, at = bytearray(ogg), 0
    while at + 27 <= len(pages):
        if pages[at : at + 4] != b"OggS":
            raise ValueError(f"no Ogg page at byte {at}")
        length = 27 + pages[at + 26] + sum(pages[at + 27 : at + 27 + pages[at + 26]])
        change = int.from_bytes(pages[at + 14 : at + 18], "big") ^ int.from_bytes(serial, "big")
        (old,) = struct.unpack_from("<I", pages, at + 22)
        pages[at + 14 : at + 18] = serial
        struct.pack_into("<I", pages, at + 22, old ^ _times(change, _power(8 * (length - 18) + 32)))
        at += length
    return bytes(pages)


POLYNOMIAL = 0x04C11DB7


def _times(a: int, b: int) -> int:
    """The product of two polynomials over GF(2), modulo that of the checksum."""
    product = 0
    while b:
        if b & 1:
            product ^= a
        b >>= 1
        a = (a << 1) ^ (POLYNOMIAL | 1 << 32 if a & 1 << 31 else 0)
    return product


def _power(n: int) -> int:
    """x to the n, modulo the checksum's polynomial."""
    result, square = 1, 2
    while n:
        if n & 1:
            result = _times(result, square)
        square = _times(square, square)
        n >>= 1
    return result
