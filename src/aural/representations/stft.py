"""The waveform, the short-time Fourier transform with its inverse, and the spectrogram.

Source   Allen & Rabiner, A unified approach to short-time Fourier analysis and synthesis, 1977; least-squares inverse:
         Griffin & Lim, Signal estimation from modified short-time Fourier transform, 1984. Phase counts from the first
         sample of each frame, as in librosa and torch
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..errors import OptionError
from .framing import SoundPart, cut, hann, magnitudes, overlap_add, powers, spectra, synthesized, whole
from .scales import spans

FEW = 64  # frames at a time where spectra are kept as they are: about as quick as twice as many, and less is held in work
SPANS = 8  # of bins, which a filterbank is computed in; 4 to 16 are about equally fast


class Waveform(SoundPart):
    """The samples themselves: (batch, 1, time) float32 at `rate`; every sample is a frame."""

    def __init__(self, rate: int, of: str = "sound") -> None:
        super().__init__(rate, 1, of)

    def frames(self, length: int) -> int:
        return length


class Spectral(SoundPart):
    """Base of what is made from windowed spectra.

    Args:
        window: samples of the (periodic) Hann window.
        n_fft: samples of the transform, the window in their middle; default: as long as the window.
    """

    def __init__(self, rate: int, hop: int, window: int = 2048, n_fft: int | None = None, of: str = "sound") -> None:
        super().__init__(rate, hop, of)
        self.window_length, self.n_fft = int(window), int(n_fft or window)
        if self.window_length < 2:
            raise OptionError(f"window={window}: at least 2 samples")
        self.window: Tensor

    def constants(self) -> dict[str, Tensor]:
        return {"window": hann(self.window_length, self.n_fft)}

    def bins(self) -> np.ndarray:
        """Hz of the bins of the transform."""
        return np.fft.rfftfreq(self.n_fft, 1 / self.rate)

    def frequencies(self) -> np.ndarray:
        return self.bins()


class STFT(Spectral):
    """(batch, 1, time) → complex (batch, 1, n_fft // 2 + 1, frame).

    The result lies frame after frame in memory (a transposed view); `.contiguous()` where that matters.
    """

    def __init__(self, rate: int, hop: int, window: int = 2048, n_fft: int | None = None, of: str = "sound") -> None:
        super().__init__(rate, hop, window, n_fft, of)
        self._set()

    def forward(self, raw: Tensor) -> Tensor:
        kind = torch.complex128 if self.window.dtype == torch.float64 else torch.complex64

        def each(spectrum: Tensor, out: Tensor | None) -> Tensor:
            return spectrum.mT if out is None else out.copy_(spectrum.mT)

        return spectra(
            raw, self.window, self.hop, each, lambda rows, frames: raw.new_empty(rows, frames, self.n_fft // 2 + 1, dtype=kind).mT, FEW
        )

    def invert(self, spectrum: Tensor, length: int | None = None) -> Tensor:
        """(..., bin, frame) → (..., time): the signal whose transform is nearest, exactly the one it came from.

        Args:
            length: samples of it; default: hop · (frames - 1).
        """
        frames = spectrum.shape[-1]
        length = (frames - 1) * self.hop if length is None else length
        made, weights = synthesized(spectrum.reshape(-1, *spectrum.shape[-2:]), self.window, self.hop), self.weights(frames)
        made = made / weights if whole(spectrum) else made.div_(weights)
        return self.trimmed(made, length).reshape(*spectrum.shape[:-2], length)

    def trimmed(self, lines: Tensor, length: int) -> Tensor:
        """The sound (row, time) in the lines (row, line, hop) that frames are added up to; the first is centred on its start."""
        return cut(lines.flatten(-2), self.n_fft // 2, self.n_fft // 2 + length)

    def weights(self, frames: int) -> Tensor:
        """Squares of the windows of so many frames, added up: (line, hop); 1 where no window reaches, and nothing is known."""
        few = min(frames, 2 * -(-self.n_fft // self.hop))
        weights = overlap_add(self.window.square().expand(few, -1), self.hop)
        middle = weights[few // 2].expand(frames - few, -1)  # under all windows that there can be
        weights = torch.cat([weights[: few // 2], middle, weights[few // 2 :]])
        return torch.where(weights > torch.finfo(weights.dtype).tiny ** 0.5, weights, 1.0)


class Spectrogram(Spectral):
    """(batch, 1, time) → |STFT|^power (batch, 1, n_fft // 2 + 1, frame), power 1 or 2; frame after frame in memory."""

    def __init__(self, rate: int, hop: int, window: int = 2048, n_fft: int | None = None, power: int = 2, of: str = "sound") -> None:
        super().__init__(rate, hop, window, n_fft, of)
        self.power = one_or_two(power)
        self._set()

    def forward(self, raw: Tensor) -> Tensor:
        return spectra(
            raw,
            self.window,
            self.hop,
            powers if self.power == 2 else magnitudes,
            lambda rows, frames: self.window.new_empty(rows, frames, self.n_fft // 2 + 1).mT,
            FEW,
        )


def one_or_two(power: int) -> int:
    """Checks an exponent."""
    if power not in (1, 2):
        raise OptionError(f"power={power}: 1 (magnitudes) or 2 (powers)")
    return power


class Banded(Spectral):
    """Base of what gathers the bins of the spectrum into bands by a matrix."""

    power: int

    def matrix(self) -> Tensor:
        """(band, bin) float64."""
        raise NotImplementedError

    def constants(self) -> dict[str, Tensor]:
        # Powers are never summed from their real and imaginary squares: every weight stands twice in the bank instead.
        return {**super().constants(), "bank": self.matrix().repeat_interleave(self.power, 1)}

    def _set(self) -> None:
        super()._set()
        self.bank: Tensor
        self._spans = spans(self.matrix(), SPANS)

    def banded(self, raw: Tensor) -> Tensor:
        """(..., time) → the matrix times powers or magnitudes, (..., band, frame)."""
        return spectra(raw, self.window, self.hop, self._each, lambda rows, frames: self.window.new_empty(rows, len(self.bank), frames))

    def _each(self, spectrum: Tensor, out: Tensor | None) -> Tensor:
        if out is None:
            return self.bank[:, :: self.power] @ (powers if self.power == 2 else magnitudes)(spectrum)
        squares = torch.view_as_real(spectrum).square_()
        heard = squares.flatten(-2) if self.power == 2 else (squares[..., 0] + squares[..., 1]).sqrt_()  # faster than a sum over two
        for first, last, low, high in self._spans:
            low, high = low * self.power, high * self.power
            torch.mm(self.bank[first:last, low:high], heard[:, low:high].T, out=out[first:last])
        return out
