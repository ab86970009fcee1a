"""The invertible constant-Q transform: windows on the spectrum of the whole sound, a nonstationary Gabor frame.

Source   Velasco, Holighaus, Dörfler & Grill, Constructing an invertible constant-Q transform with nonstationary Gabor frames,
         DAFx 2011; painless frames: Balazs et al., Theory, implementation and applications of nonstationary Gabor frames, 2011;
         slice by slice: Holighaus, Dörfler, Velasco & Grill, A framework for invertible, real-time constant-Q transforms, 2013

Band k is the spectrum times g_k, heard at frames. Where a band has at least as many frames as its window has bins, nothing
is lost, and the spectrum is the sum of the bands times g_k / Σ g². One band more on each side hears what lies below and above.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import OptionError
from .framing import SoundPart, hann, rows_of


class NSGT(SoundPart):
    """(batch, 1, time) → complex (batch, 1, bands + 2, frame); `invert` gives the sound back exactly.

    A sine of amplitude 1 at a band's frequency gives 1 there; phases are those of the band itself. The frames must come as
    fast as the widest band asks; `coefficients` has every band at its own pace, with far fewer numbers. The sound is heard as
    a circle: what rings on after its end is found at its start, so that the house's frames hold everything. Put silence
    at the end where that matters.

    Args:
        fmin: Hz of the first constant-Q band.
        bands: of constant Q; default: as many as lie below half the rate. The first and the last row are besides.
        per_octave: bands an octave.
        shape: "hann", the Hann windows of the paper, over the frequencies f_k ± (f_(k+1) - f_(k-1)) / 2; "tight", cosines over
            log frequency whose squares sum to 1, so that energy is kept.
    """

    def __init__(
        self,
        rate: int,
        hop: int,
        fmin: float = 32.703195662574764,
        bands: int | None = None,
        per_octave: int = 24,
        *,
        shape: str = "hann",
        of: str = "sound",
    ) -> None:
        super().__init__(rate, hop, of)
        if shape not in ("hann", "tight") or not 0 < fmin < rate / 2 or per_octave < 1:
            raise OptionError(
                f'shape={shape!r}, fmin={fmin:g}, per_octave={per_octave}: shape is "hann" or "tight", fmin between 0 and {rate / 2:g} Hz'
            )
        most = math.ceil(per_octave * math.log2(rate / 2 / fmin))  # the band after these is at half the rate or above
        self.fmin, self.bands, self.per_octave, self.shape = float(fmin), most if bands is None else int(bands), int(per_octave), shape
        if not 1 <= self.bands <= most:
            raise OptionError(f"bands={bands}: from 1 to {most}, those below {rate / 2:g} Hz")
        low, high = self._edges()
        self._lows, self._highs = low.tolist(), high.tolist()
        widest = self._widest = float((np.minimum(high, rate / 2) - np.maximum(low, 0)).max())
        if hop * widest > rate:
            raise OptionError(
                f"hop={hop}: a band of {widest:.0f} Hz needs a hop of at most {int(rate / widest)} samples for an exact inverse; "
                "take that, or more bands an octave, or bands up to half the rate"
            )
        self.centres: Tensor
        self._set()

    def constants(self) -> dict[str, Tensor]:
        return {"centres": torch.from_numpy(self.frequencies())}

    def frequencies(self) -> np.ndarray:
        """Hz of the rows: 0, the constant-Q bands, half the rate."""
        return np.concatenate([[0.0], self._at(np.arange(self.bands)), [self.rate / 2]])

    def _at(self, k: np.ndarray | int) -> np.ndarray:
        return self.fmin * 2.0 ** (np.asarray(k, dtype=np.float64) / self.per_octave)

    def _edges(self) -> tuple[np.ndarray, np.ndarray]:
        """Hz where the window of each row begins and ends."""
        k = np.arange(self.bands)
        low, high = self._at(k - 1), self._at(k + 1)
        if self.shape == "hann":
            half = (high - low) / 2
            low, high = self._at(k) - half, self._at(k) + half
        # Every frequency is in a window's inside: the outer rows reach to the first and last band's own frequency.
        return np.concatenate([[-1.0], low, [self._at(self.bands - 1)]]), np.concatenate([[self._at(0)], high, [self.rate]])

    def _weights(self, row: int, hz: Tensor) -> Tensor:
        """Of a row's window at those frequencies, float64."""
        k, last = row - 1, self.bands - 1
        if 0 < row <= self.bands:
            low, high = self._lows[row], self._highs[row]
            inside = (hz > low) & (hz < high)
            if self.shape == "hann":
                shape = 0.5 + 0.5 * torch.cos(2 * math.pi * (hz - float(self._at(k))) / (high - low))
            else:
                shape = torch.cos(math.pi / 2 * self.per_octave * torch.log2(hz.clamp(min=1e-9) / float(self._at(k))))
            return torch.where(inside, shape, 0.0)
        # 1 outside, and falling to 0 over one step of the scale.
        near, far = (float(self._at(-1)), float(self._at(0))) if row == 0 else (float(self._at(last + 1)), float(self._at(last)))
        place = torch.log2(hz.clamp(min=1e-9) / near) / math.log2(far / near)
        if self.shape == "hann":
            place = (hz - near) / (far - near)
        place = place.clamp(0, 1)
        return 0.5 + 0.5 * torch.cos(math.pi * place) if self.shape == "hann" else torch.cos(math.pi / 2 * place)

    def _span(self, row: int, samples: int) -> tuple[int, int]:
        """First and last bin of a row's window."""
        step = self.rate / samples
        first, last = max(0, math.floor(self._lows[row] / step) + 1), min(samples // 2, math.ceil(self._highs[row] / step) - 1)
        return first, max(first, last)

    def _window(self, row: int, samples: int, device: torch.device) -> tuple[int, Tensor]:
        """The first bin of a row, and its weights at that and the next bins; float64."""
        first, last = self._span(row, samples)
        hz = torch.arange(first, last + 1, dtype=torch.float64, device=device) * (self.rate / samples)
        return first, self._weights(row, hz)

    def _squares(self, samples: int, device: torch.device) -> Tensor:
        """Σ g² at every bin: the frame operator, whose bounds are its least and largest value."""
        total = torch.zeros(samples // 2 + 1, dtype=torch.float64, device=device)
        for row in range(self.bands + 2):
            first, weights = self._window(row, samples, device)
            total[first : first + len(weights)] += weights.square()
        return total

    def bounds(self, seconds: float = 10.0) -> tuple[float, float]:
        """The least and largest share of its energy that a spectrum's bin keeps; "tight" has 1 and 1."""
        total = self._squares(2 * round(seconds * self.rate / 2), torch.device("cpu"))
        return float(total.min()), float(total.max())

    def _slices(self, x: Tensor, samples: int) -> list[Tensor]:
        """(row, time) → the weighted bins of each band."""
        spectrum = torch.fft.rfft(x, samples) * (2 / samples)
        made = []
        for row in range(self.bands + 2):
            first, weights = self._window(row, samples, x.device)
            made.append(spectrum[:, first : first + len(weights)] * weights.to(x.dtype))
        return made

    def _unsliced(self, slices: list[Tensor], samples: int, length: int) -> Tensor:
        """The inverse of `_slices`."""
        kind, device = slices[0].real.dtype, slices[0].device
        total = slices[0].new_zeros(len(slices[0]), samples // 2 + 1)
        for row, some in enumerate(slices):
            first, weights = self._window(row, samples, device)
            total[:, first : first + len(weights)] += some * weights.to(kind)
        return torch.fft.irfft(total / self._squares(samples, device).to(kind) * (samples / 2), samples)[:, :length]

    @staticmethod
    def _circle(some: Tensor, first: int, size: int) -> Tensor:
        """Bins from `first` on → the `size` values of which they are the spectrum, with phases from the start of the sound."""
        folded = torch.nn.functional.pad(torch.view_as_real(some), (0, 0, 0, size - some.shape[-1]))
        return torch.fft.ifft(torch.view_as_complex(folded).roll(first, -1)) * size

    @staticmethod
    def _line(values: Tensor, first: int, bins: int) -> Tensor:
        """The inverse of `_circle`."""
        return (torch.fft.fft(values) / values.shape[-1]).roll(-first, -1)[..., :bins]

    def forward(self, raw: Tensor) -> Tensor:
        x = rows_of(raw, self.centres.dtype)
        made = self._heard(x, self.frames(x.shape[-1]))
        return made.reshape(*raw.shape[:-1], *made.shape[1:])

    def _heard(self, x: Tensor, frames: int) -> Tensor:
        """(row, time) → (row, band, frame), as a circle of so many frames."""
        samples = frames * self.hop
        slices = self._slices(x, samples)
        return torch.stack([self._circle(some, self._span(row, samples)[0], frames) for row, some in enumerate(slices)], -2)

    def invert(self, spectrum: Tensor, length: int | None = None) -> Tensor:
        """(..., bands + 2, frame) → (..., time), exactly the sound whose transform it is, else the nearest (in the frame's norm).

        Args:
            length: samples of it; default: hop · frames.
        """
        samples = self.hop * spectrum.shape[-1]
        flat = spectrum.reshape(-1, *spectrum.shape[-2:])
        slices = []
        for row in range(self.bands + 2):
            first, last = self._span(row, samples)
            slices.append(self._line(flat[:, row], first, last + 1 - first))
        made = self._unsliced(slices, samples, samples if length is None else length)
        return made.reshape(*spectrum.shape[:-2], -1)

    def coefficients(self, raw: Tensor) -> list[Tensor]:
        """(..., time) → one complex tensor (..., frame) a row, each with as few frames as lose nothing (a power of two)."""
        x = rows_of(raw, self.centres.dtype)
        samples = self.hop * self.frames(x.shape[-1])
        made = []
        for row, some in enumerate(self._slices(x, samples)):
            own = self._circle(some, self._span(row, samples)[0], 2 ** math.ceil(math.log2(some.shape[-1])))
            made.append(own.reshape(*raw.shape[:-1], -1))
        return made

    def from_coefficients(self, coefficients: list[Tensor], length: int) -> Tensor:
        """The inverse of `coefficients`, (..., time), of a sound of so many samples."""
        samples = self.hop * self.frames(length)
        slices = []
        for row, own in enumerate(coefficients):
            first, last = self._span(row, samples)
            slices.append(self._line(own.reshape(-1, own.shape[-1]), first, last + 1 - first))
        return self._unsliced(slices, samples, length).reshape(*coefficients[0].shape[:-1], length)


@dataclass
class Slicing:
    """Where a SlicedNSGT is in a sound that is still coming in.

    lines: (row, hop, frame) of the last half slice, and those after it. first, held: what the slice round the start has before it, and
    what the last slice has in its second half, (row, 1, band, frame). seen: frames that came; given: half slices that went.
    """

    lines: Tensor
    first: Tensor | None = None
    held: Tensor | None = None
    seen: int = 0
    given: int = 0


class SlicedNSGT(NSGT):
    """(batch, 1, time) → complex (batch, 2, bands + 2, frame): slice by slice, while the sound comes in; `invert` is exact all the same.

    Slices overlap by half under Hann windows, which add up to 1, and each is heard as a circle of its own. Layer 0 has those that start
    every `slice`, layer 1 those half a slice later; the sum of both is nearly what NSGT gives. What rings round a slice's end is found
    at its start: slices much longer than the lowest bands ring (`per_octave` / `fmin` seconds or more) show none of it.

    Args:
        slice: seconds, rounded up to an even number of frames; a frame is late by one and a half slices at most.
        The others are those of NSGT. `coefficients` are not of slices.
    """

    def __init__(
        self,
        rate: int,
        hop: int,
        fmin: float = 32.703195662574764,
        bands: int | None = None,
        per_octave: int = 24,
        *,
        slice: float = 2.0,
        shape: str = "hann",
        of: str = "sound",
    ) -> None:
        if slice <= 0:
            raise OptionError(f"slice={slice:g}: seconds, above 0")
        self.overlap = math.ceil(slice * rate / (2 * hop))  # frames
        super().__init__(rate, hop, fmin, bands, per_octave, shape=shape, of=of)
        self.window: Tensor

    def constants(self) -> dict[str, Tensor]:
        return {**super().constants(), "window": hann(2 * self.overlap * self.hop)}

    def frames(self, length: int) -> int:
        return 2 * self.overlap * -(-(length + self.overlap * self.hop) // (2 * self.overlap * self.hop))

    def forward(self, raw: Tensor) -> Tensor:
        return self.step(self.lines(raw), end=True)[0]

    def lines(self, raw: Tensor) -> Tensor:
        """(batch, 1, time) → the samples of every frame, (batch, 1, hop, frame), zeros after the last."""
        raw = raw.to(self.centres.dtype)
        return nn.functional.pad(raw, (0, -raw.shape[-1] % self.hop)).unflatten(-1, (-1, self.hop)).mT

    def step(self, lines: Tensor, state: Slicing | None = None, end: bool = False) -> tuple[Tensor, Slicing]:
        """The next frames of `lines` → the frames of the transform that are complete now, or at the `end`. State None: the first ones."""
        half, x = self.overlap, lines.flatten(0, -3)
        state = state or Slicing(x.new_zeros(len(x), self.hop, half))
        state.seen += x.shape[-1]
        missing = self.frames(state.seen * self.hop) - state.seen if end else 0
        x = nn.functional.pad(torch.cat([state.lines, x], -1), (0, missing))
        count = x.shape[-1] // half - 1  # slices that are complete now, each half a slice after the one before
        state.lines = x[..., count * half :]
        begins = ends = x.new_zeros(len(x), 0, self.bands + 2, half, dtype=x.dtype.to_complex())
        if count:
            slices = x[..., : (count + 1) * half].mT.flatten(1).unfold(-1, 2 * half * self.hop, half * self.hop)
            made = self._heard((slices * self.window).flatten(0, 1), 2 * half).unflatten(0, (len(x), count))
            begins, ends = made.split(half, -1)
            if state.held is None:  # of the slice round the start
                state.first, begins, ends = begins[:, :1], begins[:, 1:], made[..., half:]
            else:
                ends = torch.cat([state.held, ends], 1)
            state.held, ends = ends[:, -1:], ends[:, :-1]
        if end:
            assert state.first is not None
            assert state.held is not None
            begins, ends = torch.cat([begins, state.first], 1), torch.cat([ends, state.held], 1)
        even = (torch.arange(state.given, state.given + begins.shape[1], device=x.device) % 2 == 0)[:, None, None]
        state.given += begins.shape[1]
        layers = torch.stack([torch.where(even, begins, ends), torch.where(even, ends, begins)], 1)
        return layers.movedim(-2, -3).flatten(-2).reshape(*lines.shape[:-3], 2, self.bands + 2, -1), state

    def invert(self, spectrum: Tensor, length: int | None = None) -> Tensor:
        """(batch, 2, bands + 2, frame) → (batch, 1, time), exactly the sound whose transform it is; `length` as NSGT's."""
        each = 2 * self.overlap
        layers = torch.stack([spectrum[..., 0, :, :], spectrum[..., 1, :, :].roll(self.overlap, -1)], -3)
        slices = layers.unflatten(-1, (-1, each)).movedim(-2, -3)  # (…, layer, slice, band, frame)
        on, off = super().invert(slices).flatten(-2).unbind(-2)
        made = (on + off.roll(-self.overlap * self.hop, -1))[..., None, :]
        return made[..., :length]
