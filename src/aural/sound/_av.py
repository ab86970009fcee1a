"""FFmpeg (PyAV, the extra `av`): jumps into a stream, and what its encoder put in front left out."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import SoundError
from ._decoding import damaged, promise, shown
from ._mp3 import DECODER, ENCODER

# Samples that encoders put in front where the file does not say how many.
_PRIMING = {"aac": 1024, "mp3": ENCODER + DECODER, "mp3float": ENCODER + DECODER, "ac3": 256, "eac3": 256}
_PREROLL = 1.0  # seconds decoded and thrown away after a jump, until a decoder has its state


class Av:
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
            self.notes += promise(promised, max(held, self.frames / self.rate)) if promised > held else []

    def _open(self) -> Any:
        import av

        # A playlist must not fetch anything from elsewhere.
        return av.open(str(self.path.absolute()), options={"protocol_whitelist": "file"}, metadata_errors="replace")

    def _stream(self, container: Any) -> Any:
        for stream in container.streams.audio:
            if stream.codec_context is not None:
                return stream
        kind = "sound in an unknown codec" if container.streams.audio else "no sound"
        raise SoundError(f"{shown(self.path)}: holds {kind} ({container.format.name}); give a sound file, or convert it to wav first")

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
                raise SoundError(f"{shown(self.path)}: nothing in it can be decoded; copy it again")
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
            damaged(self.notes, first / self.rate)
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
