"""Sound that always carries its rate, and the one reader of sound files.

`Sound` holds samples; `Recording` is a file that is read only where it is cut, so that ten hours cost no more than a
window. Both cut, so every part of the house takes either.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import SoundError


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
    def duration(self) -> float:
        """Seconds."""
        return float(self.samples.shape[-1] / self.rate)

    def cut(self, start: float, end: float) -> Sound:
        """From start to end in seconds, at the nearest samples."""
        return Sound(self.samples[:, max(0, round(start * self.rate)) : max(0, round(end * self.rate))], self.rate)

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
        """The mean of the channels; where they cancel (phase-inverted stereo) the louder one (specs 4.1 §0.1)."""
        if self.channels == 1:
            return self
        mean = self.samples.mean(0, keepdims=True)
        rms = np.sqrt(np.square(self.samples, dtype=np.float64).mean(-1)) if mean.size else np.zeros(1)
        if mean.size and np.sqrt(np.square(mean, dtype=np.float64).mean()) < 0.1 * rms.max():
            return Sound(self.samples[rms.argmax()][None], self.rate)
        return Sound(mean, self.rate)

    def like(self, other: Sound) -> Sound:
        """At the rate, length and channels of another sound."""
        samples = _fit(self.at(other.rate).samples, other.samples.shape[-1])
        return Sound(np.ascontiguousarray(np.broadcast_to(samples, other.samples.shape)), other.rate)


def _fit(samples: np.ndarray, length: int) -> np.ndarray:
    """Cut or padded with zeros to a length."""
    missing = length - samples.shape[-1]
    return np.pad(samples, ((0, 0), (0, missing))) if missing > 0 else samples[:, :length]


class Recording:
    """A sound file that is read only where it is cut. Has `rate`, `channels`, `duration`, `cut` as a Sound has."""

    def __init__(self, path: Path | str) -> None:
        import soundfile

        self.path = Path(path)
        try:
            info = soundfile.info(str(self.path))
        except (soundfile.LibsndfileError, OSError) as error:
            raise SoundError(f"{self.path}: {error}") from None
        self.rate, self.channels, self.frames = int(info.samplerate), int(info.channels), int(info.frames)

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.frames / self.rate

    def cut(self, start: float, end: float) -> Sound:
        """Reads from start to end in seconds."""
        import soundfile

        first, last = max(0, round(start * self.rate)), min(self.frames, round(end * self.rate))
        samples, _ = soundfile.read(str(self.path), start=first, stop=last, dtype="float32", always_2d=True)
        return Sound(samples.T, self.rate)

    def read(self) -> Sound:
        """The whole of it."""
        return self.cut(0, self.duration)


def read(path: Path | str, start: float = 0.0, end: float | None = None) -> Sound:
    """A sound file, or the part of it between two times in seconds."""
    recording = Recording(path)
    return recording.cut(start, recording.duration if end is None else end)
