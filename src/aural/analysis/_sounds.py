"""A sound, or the part of it that is heard: in memory where it is short, else read where it is cut."""

from __future__ import annotations

from ..errors import OptionError
from ..sound import Recording, Sound

HELD = 320_000_000  # bytes of samples: 15 minutes of stereo at 44,100 Hz


class Stretch(Recording):
    """A part of a recording, in seconds, still read only where it is cut."""

    def __init__(self, recording: Recording, start: float, end: float) -> None:
        self.__dict__.update(recording.__dict__)
        first = min(recording.frames, round(start * recording.rate))
        last = recording.frames if end * recording.rate >= recording.frames else round(end * recording.rate)
        self._whole, self._first = recording, first
        self.frames = last - first

    def cut(self, start: float, end: float) -> Sound:
        begin = max(0.0, start) + self._first / self.rate
        return self._whole.cut(begin, min(end, self.duration) + self._first / self.rate)


class Held(Recording):
    """A recording whose samples were read once and are kept."""

    def __init__(self, recording: Recording) -> None:
        self._samples = recording.read()
        self.__dict__.update(recording.__dict__)

    def cut(self, start: float, end: float) -> Sound:
        return self._samples.cut(start, end)


def stretch(recording: Recording, start: float, end: float) -> Recording | Sound:
    """The part of a recording that is heard: in memory where it is short. Raises OptionError where the part is empty."""
    duration = recording.duration
    if start > 0 and start >= duration:
        raise OptionError(f"{recording.path}: start={start:g} lies past the end of the sound ({duration:.1f} s); choose an earlier one")
    whole = start <= 0 and end >= duration
    short = (min(end, duration) - start) * recording.rate * recording.channels * 4 <= HELD
    if whole:
        return Held(recording) if short else recording
    return recording.cut(start, end) if short else Stretch(recording, start, end)
