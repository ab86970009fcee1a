"""Pictures of sounds: 8-bit, any length in bounded memory, and PNG without a library.

A picture is uint8 (height, width): high frequencies on top, 0 silent, 255 loudest. A column is 1 / width_per_second seconds.
Long sounds go through in windows; levels are kept in steps of 0.6 dB until the loudest is known. Same sound, same bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import numpy as np
import torch

from ..errors import OptionError, UnknownName
from ..sound import Recording, Sound
from .chroma import ChromaCQT
from .cqt import CQT
from .framing import SoundPart
from .gallery import DECIBELS, UNIT, WHOLE
from .mel import LogMel
from .stft import Spectrogram

WINDOW = 20.0  # seconds at a time
GUARD = 0.5  # seconds before and after them, for filters and the resampler
LONGEST = 600.0  # seconds of a sound that must be drawn whole
FLOOR, STEP = -100.0, 0.6  # dB of level 0, and of one level


def log_mel_strip(
    sound: Sound | Recording,
    width_per_second: float = 50.0,
    height: int = 128,
    rate: int = 22_050,
    fmin: float = 30.0,
    fmax: float = 11_000.0,
    range_db: float = 80.0,
) -> np.ndarray:
    """The log-mel spectrogram as uint8 (height, width), width = ⌈duration · width_per_second⌉; one row a band.

    An hour is computed in less than 300 MB. 255 is the loudest point, 0 lies `range_db` below it.
    """
    part = LogMel(rate, _hop(rate, width_per_second), 1024, height, fmin, fmax, compression="db")
    return strip(sound, part, width_per_second, range_db)


def strip(sound: Sound | Recording, part: SoundPart, width_per_second: float, range_db: float | None = 80.0) -> np.ndarray:
    """Any representation in dB as uint8 (band, width); with range_db=None one whose values lie in 0..1."""
    width = max(1, int(np.ceil(sound.duration * width_per_second - 1e-9)))
    columns = max(1, round(WINDOW * width_per_second))  # of a window
    pieces = [_columns(sound, part, width_per_second, a, min(a + columns, width), range_db is None) for a in range(0, width, columns)]
    levels = np.concatenate(pieces, axis=1)[::-1]  # low frequencies at the bottom
    if range_db is None:
        return np.ascontiguousarray(levels)
    loudest = int(levels.max())
    steps = np.arange(256)  # level → grey
    greys = np.clip((steps - loudest) * STEP / range_db + 1, 0, 1) * 255 * (loudest > 0)
    return np.ascontiguousarray(np.rint(greys).astype(np.uint8)[levels])


def _hop(rate: int, width_per_second: float) -> int:
    return int(np.clip(rate / width_per_second, 32, 256))


@torch.no_grad()
def _columns(sound: Sound | Recording, part: SoundPart, width_per_second: float, first: int, last: int, linear: bool) -> np.ndarray:
    """Levels uint8 (band, last - first): the loudest frame of each column."""
    start = max(0.0, first / width_per_second - GUARD)
    piece = sound.cut(start, min(sound.duration, last / width_per_second + GUARD)).mono().at(part.rate)
    start = round(start * sound.rate) / sound.rate
    values = part(torch.from_numpy(np.ascontiguousarray(piece.samples))[None])[0, 0].numpy()
    times = start + np.arange(values.shape[-1]) * part.hop / part.rate
    levels = np.clip(np.rint(values * 255 if linear else (values - FLOOR) / STEP), 0, 255).astype(np.uint8)
    return _by_columns(levels, times, np.arange(first, last + 1) / width_per_second)


def _by_columns(levels: np.ndarray, times: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Frames (band, frame) → columns (band, column) that begin and end at those seconds: of each its loudest frame.

    Every column is heard from its first frame to the next column's; finer columns than frames repeat them."""
    edges = np.searchsorted(times, seconds - 1e-9)
    begin = np.minimum(edges[:-1], levels.shape[-1] - 1)
    return np.stack([levels[:, a : max(a + 1, b)].max(1) for a, b in zip(begin, edges[1:], strict=True)], 1)


def _stft(rate: int, hop: int) -> SoundPart:
    class Decibels(Spectrogram):
        def forward(self, raw: torch.Tensor) -> torch.Tensor:
            return 10 * super().forward(raw).clamp(min=1e-10).log10()

    return Decibels(rate, hop, 1024)


KINDS: dict[str, Callable[[int, int], SoundPart]] = {
    "stft": _stft,
    "mel": lambda rate, hop: LogMel(rate, hop, 1024, 128, 30.0, rate * 0.499, compression="db"),
    "cqt": lambda rate, hop: CQT(rate, hop, 27.5, 288, 36, gamma=12.0, compression="db"),
    **DECIBELS,
    "chroma": lambda rate, hop: ChromaCQT(rate, hop),
    **UNIT,
}
NAMES = (*KINDS, *WHOLE)


def picture(sound: Sound | Recording, kind: str = "mel", width_per_second: float = 50.0) -> np.ndarray:
    """The sound as one of `NAMES`: uint8 (height, width).

    Raises UnknownName, and OptionError where a kind needs the whole sound at once and it is longer than ten minutes.
    """
    if kind not in NAMES:
        raise UnknownName.among("picture", kind, NAMES)
    rate = 22_050
    hop = _hop(rate, width_per_second)
    if kind in WHOLE:
        return _whole(sound, kind, width_per_second, rate, hop)
    return strip(sound, KINDS[kind](rate, hop), width_per_second, None if kind == "chroma" or kind in UNIT else 80.0)


@torch.no_grad()
def _whole(sound: Sound | Recording, kind: str, width_per_second: float, rate: int, hop: int) -> np.ndarray:
    """A kind that depends on the whole sound."""
    if sound.duration > LONGEST:
        raise OptionError(f"as {kind} a sound is drawn whole, up to {LONGEST:g} s of it; this one has {sound.duration:.0f}: take a part")
    heard = sound.read() if isinstance(sound, Recording) else sound
    values, hop = WHOLE[kind](torch.from_numpy(np.ascontiguousarray(heard.mono().at(rate).samples))[None], rate, hop)
    levels = np.rint(values.clamp(0, 1).numpy() * 255).astype(np.uint8)[::-1]
    width = max(1, int(np.ceil(sound.duration * width_per_second - 1e-9)))
    return _by_columns(levels, np.arange(levels.shape[-1]) * hop / rate, np.arange(width + 1) / width_per_second)


def png(pixels: np.ndarray) -> bytes:
    """uint8 (height, width), grey, or (height, width, 3), red, green and blue → the bytes of a PNG file."""
    pixels = np.ascontiguousarray(pixels, dtype=np.uint8)
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[-1] != 3) or not pixels.size:
        raise ValueError(f"a picture is (height, width) or (height, width, 3) and not empty; this one is {pixels.shape}")
    height, width = pixels.shape[:2]
    rows = pixels.reshape(height, -1)
    above = np.vstack([np.zeros_like(rows[:1]), rows[:-1]])
    lines = np.hstack([np.full((height, 1), 2, np.uint8), rows - above])  # filter 2: what changed since the row above
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if pixels.ndim == 2 else 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(lines.tobytes(), 6)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
