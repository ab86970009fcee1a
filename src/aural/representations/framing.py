"""Frames of a waveform, their spectra block by block, and the base of every part that hears sound.

Frames   frame n is centred on sample n·hop; 1 + T // hop frames of T samples; outside the sound there are zeros, so that
         an example at the end of a padded batch has the frames that it has alone
Blocks   a few hundred frames at a time stay in the processor's cache: framing, window, transform and filterbank of one
         block, then the next. About twice as fast as the whole at once, with bounded memory. Where a gradient flows, or
         on a GPU, all frames are one block; both paths are tested to be equal
Threads  a block is one thread's, from its samples to its bands. Two threads inside every small operation would wait for
         each other after each; on a busy machine that costs more than a second thread brings
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..annotations import Example
from ..errors import OptionError
from ..part import Part
from ..sound import Recording

BLOCK = 128  # frames; with 2048 samples each a block is 2 MB

# spectrum (..., frame, bin) → (..., band, frame), written to `out` where one is given; may overwrite the spectrum then.
Each = Callable[[Tensor, Tensor | None], Tensor]


class SoundPart(Part):
    """A part that reads a waveform: mono, float32, at `rate`; one frame every `hop` samples.

    Args:
        rate: Hz at which the sound is heard, whatever its own rate.
        hop: samples between frames.
        of: the field that is read, a Sound or a Recording.
    """

    def __init__(self, rate: int, hop: int, of: str = "sound") -> None:
        super().__init__()
        if rate < 1 or hop < 1:
            raise OptionError(f"rate={rate}, hop={hop}: both count samples and start at 1")
        self.rate, self.hop, self.of = int(rate), int(hop), of

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        """(1, time) float32."""
        sound = example[self.of]
        if isinstance(sound, Recording):
            sound = sound.read()
        return torch.from_numpy(np.ascontiguousarray(sound.mono().at(self.rate).samples))

    def frames(self, length: int) -> int:
        """How many frames so many samples have."""
        return 1 + length // self.hop

    def times(self, example: Example) -> np.ndarray:
        """Seconds, n · hop / rate."""
        sound = example[self.of]
        own = sound.frames if isinstance(sound, Recording) else sound.samples.shape[-1]
        length = own if sound.rate == self.rate else round(own * self.rate / sound.rate)
        return np.arange(self.frames(length)) * self.hop / self.rate

    def frequencies(self) -> np.ndarray:
        """Hz of each band."""
        raise NotImplementedError

    def constants(self) -> dict[str, Tensor]:
        """Windows and matrices in float64; `_set` keeps them as buffers in the module's precision."""
        return {}

    def _set(self) -> None:
        for name, value in self.constants().items():
            self.register_buffer(name, value.float(), persistent=False)

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        super()._apply(fn, recurse)
        if any(b.dtype == torch.float64 for b in self._buffers.values() if b is not None):  # double(): all 53 bits, not 24
            for name, value in self.constants().items():
                setattr(self, name, value.to(getattr(self, name).device))
        return self


def hann(length: int, within: int | None = None) -> Tensor:
    """Periodic Hann window, float64, in the middle of `within` samples."""
    window = torch.hann_window(length, periodic=True, dtype=torch.float64)
    missing = (within or length) - length
    if missing < 0:
        raise OptionError(f"a window of {length} samples does not fit into an FFT of {within}")
    return nn.functional.pad(window, (missing // 2, missing - missing // 2))


def framed(x: Tensor, length: int, hop: int, first: int = 0, last: int | None = None) -> Tensor:
    """Frames first..last of (..., time) as a view (..., frame, length) wherever no zeros are needed."""
    last = 1 + x.shape[-1] // hop if last is None else last
    return cut(x, first * hop - length // 2, (last - 1) * hop - length // 2 + length).unfold(-1, length, hop)


def cut(x: Tensor, start: int, end: int) -> Tensor:
    """Samples start..end of (..., time), zeros outside it: a view wherever none are needed."""
    inside = x[..., max(start, 0) : max(min(end, x.shape[-1]), 0)]
    if start >= 0 and end <= x.shape[-1]:
        return inside
    before = min(max(-start, 0), end - start)
    return nn.functional.pad(inside, (before, end - start - before - inside.shape[-1]))


def blocks(frames: int, size: int = BLOCK) -> Iterator[tuple[int, int]]:
    """(first, last) of consecutive blocks."""
    return ((first, min(first + size, frames)) for first in range(0, frames, size))


def whole(x: Tensor) -> bool:
    """Must everything be computed at once? For a gradient, for a GPU, and where a graph is made of it (torch.export, torch.compile)."""
    return torch.compiler.is_compiling() or x.device.type != "cpu" or (torch.is_grad_enabled() and x.requires_grad)


def rows_of(x: Tensor, dtype: torch.dtype) -> Tensor:
    """(..., time) → (row, time) of a precision."""
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1]).to(dtype)


def share(work: Callable[[Any], None], items: Iterable[Any]) -> None:
    """`work` on every item, without gradients, on as many threads as torch has here; an item is one thread's alone."""
    left, threads = deque(items), torch.get_num_threads()
    inference = torch.is_inference_mode_enabled()

    def worker() -> None:
        with torch.inference_mode(inference), torch.no_grad():  # both are a thread's own
            while True:
                try:
                    item = left.popleft()
                except IndexError:
                    return
                work(item)

    def alone() -> None:
        torch.set_num_threads(1)  # in this thread, and in such as start after it: hence the line after the last one
        worker()

    if min(threads, len(left)) < 2:
        return worker()
    try:
        with ThreadPoolExecutor(min(threads, len(left))) as pool:
            for done in [pool.submit(alone) for _ in range(min(threads, len(left)))]:
                done.result()
    finally:
        torch.set_num_threads(threads)


def spectra(x: Tensor, window: Tensor, hop: int, each: Each, empty: Callable[[int, int], Tensor], block: int = BLOCK) -> Tensor:
    """`each` of the windowed spectra of (..., time): (..., band, frame).

    Args:
        empty: makes the uninitialised result (row, band, frame) from the numbers of rows and frames.
        block: frames that a thread has at a time.
    """
    shape = x.shape[:-1]
    x = rows_of(x, window.dtype)
    if whole(x):
        made = each(torch.fft.rfft(framed(x, len(window), hop) * window), None)
    else:
        frames = 1 + x.shape[-1] // hop
        made = empty(len(x), frames)

        def work(item: tuple[int, int, int]) -> None:
            row, first, last = item
            each(torch.fft.rfft(framed(x[row], len(window), hop, first, last) * window), made[row, :, first:last])

        share(work, [(row, first, last) for row in range(len(x)) for first, last in blocks(frames, block)])
    return made.reshape(*shape, *made.shape[1:])


def overlap_add(frames: Tensor, hop: int) -> Tensor:
    """Frames (..., frame, sample), each `hop` samples after the one before, added up: (..., frame + later, hop), in lines of `hop`
    samples, of which the last frame fills all but the first. The adjoint of `framed`."""
    count, size = frames.shape[-2:]
    lines = -(-size // hop)
    split = (nn.functional.pad(frames, (0, lines * hop - size)) if size % hop else frames).unflatten(-1, (lines, hop))
    made = frames.new_zeros(*frames.shape[:-2], count + lines - 1, hop)
    for line in range(lines):
        made[..., line : line + count, :] += split[..., line, :]
    return made


def synthesized(spectrum: Tensor, window: Tensor, hop: int) -> Tensor:
    """Windowed sounds of spectra (row, bin, frame), added up as by `overlap_add`: (row, line, hop)."""
    if whole(spectrum):
        return overlap_add(torch.fft.irfft(spectrum.mT, len(window)) * window, hop)
    kind = torch.promote_types(spectrum.dtype.to_real(), window.dtype)
    rows, _, frames = spectrum.shape
    return synthesized_of(lambda row, first, last: spectrum[row, :, first:last].mT, rows, frames, window, hop, kind)


def synthesized_of(
    part: Callable[[int, int, int], Tensor], rows: int, frames: int, window: Tensor, hop: int, kind: torch.dtype, block: int = BLOCK
) -> Tensor:
    """As `synthesized`, of a spectrum that is never there as a whole: `part` of a row, first..last is (frame, bin)."""
    size, later = len(window), -(-len(window) // hop) - 1
    made = torch.zeros(rows, frames + later, hop, dtype=kind)
    over = made.new_empty(rows, -(-frames // block), later, hop)  # what each block adds to the next ones' lines

    def work(item: tuple[int, int, int]) -> None:
        row, first, last = item
        some = torch.fft.irfft(part(row, first, last), size)
        some = overlap_add(some.mul_(window) if some.dtype == window.dtype else some * window, hop)
        made[row, first:last], over[row, first // block] = some[: last - first], some[last - first :]

    share(work, [(row, first, last) for row in range(rows) for first, last in blocks(frames, block)])
    for number, (_, last) in enumerate(blocks(frames, block)):
        made[:, last : last + later] += over[:, number]
    return made


def powers(spectrum: Tensor, out: Tensor | None = None) -> Tensor:
    """|X|²: (..., frame, bin) complex → (..., bin, frame)."""
    parts = torch.view_as_real(spectrum)
    if out is None:
        parts = parts.square()
        return (parts[..., 0] + parts[..., 1]).mT  # a sum along two numbers is slower, on a GPU above all
    parts.square_()
    return torch.add(parts[..., 0].mT, parts[..., 1].mT, out=out)


def magnitudes(spectrum: Tensor, out: Tensor | None = None) -> Tensor:
    """|X|: (..., frame, bin) complex → (..., bin, frame); its gradient at 0 is 0."""
    return spectrum.abs().mT if out is None else powers(spectrum, out).sqrt_()
