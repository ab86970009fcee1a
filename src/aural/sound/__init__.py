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

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import SoundError
from ._decoding import remark, shown
from ._loudness import loudness
from ._opening import opened
from ._tags import Metadata, metadata
from ._writing import replacing, write, write_file

__all__ = ["Metadata", "Recording", "Sound", "loudness", "read", "replacing", "write", "write_file"]


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
        mean = self.samples[:1] + self.samples[1:2]  # numpy's own mean takes 30 times as long where channels alternate in memory
        for channel in self.samples[2:]:
            mean += channel
        mean /= np.float32(self.channels)
        powers = [float(np.dot(channel, channel)) for channel in self.samples]
        loudest = int(np.argmax(powers))
        if np.dot(mean[0], mean[0]) < 0.01 * powers[loudest]:
            return Sound(self.samples[loudest : loudest + 1], self.rate)
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
        self._file = opened(self.path)
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
            raise SoundError(f"{shown(self.path)}: {error.strerror or error}; was it moved or changed?") from None
        wrong = ~np.isfinite(samples)
        if wrong.any():
            at = first + int(np.argmax(wrong.any(0)))
            remark(self.notes, f"samples that are no finite numbers, from {at / self.rate:.3f} s on; they are taken as 0")
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
        return metadata(self.path)


def read(path: Path | str, start: float = 0.0, end: float | None = None) -> Sound:
    """A sound file, or the part of it between two times in seconds. Raises SoundError."""
    return Recording(path).cut(start, float("inf") if end is None else end)
