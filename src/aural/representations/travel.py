"""Front ends that travel with a model: the same features by real convolutions, for torch.export, ONNX and what follows.

Everything is one bank of real kernels, its squares, a matrix and a logarithm: no complex numbers, no threads, float32 throughout (a
logarithm in half precision forgets the quiet). Slower than the house's own way, and equal to it.

Source   the transforms' own (stft.py, cqt.py, kernels.py): a windowed Fourier transform is a filter bank
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import OptionError
from ..part import Part
from .chroma import Chroma, normalised
from .compress import compress
from .cqt import CQT
from .kernels import Kernels
from .loudness import Loudness
from .mel import MFCC, LogMel
from .stft import Banded, Spectral, Spectrogram

Bank = tuple[np.ndarray, np.ndarray]  # numbers of bands, and their kernels complex (band, sample), the middle in the middle


class Travelling(nn.Module):
    """(batch, 1, time) float → (batch, 1, band, frame) float32, as the part makes it.

    Args:
        part: a Spectrogram, LogMel, MFCC, Chroma or Loudness, a CQT, or one of the transforms by kernels (KernelCQT, CWT, Gammatone).

    Raises:
        OptionError: any other part.
    """

    def __init__(self, part: Part) -> None:
        super().__init__()
        known = (Spectrogram, LogMel, Chroma, Loudness, CQT, Kernels)
        if not isinstance(part, known):
            raise OptionError(
                f"{type(part).__name__} is not known to travel; there are Spectrogram, LogMel, MFCC, Chroma, Loudness and CQT"
            )
        self.part_name, self.hop = type(part).__name__, part.hop
        banks = _fourier(part) if isinstance(part, Spectral) else _of_cqt(part) if isinstance(part, CQT) else _of_kernels(part)
        for number, (_, kernels) in enumerate(banks):
            both = np.concatenate([kernels.real, kernels.imag])[:, None]
            self.register_buffer(f"kernels{number}", torch.from_numpy(both).float())
        self.count = len(banks)
        self.register_buffer("order", torch.from_numpy(np.argsort(np.concatenate([bands for bands, _ in banks]))))
        self.power = 1 if isinstance(part, CQT | Kernels) else part.power
        self.register_buffer("matrix", part.matrix().float() if isinstance(part, Banded) else None)
        self.register_buffer("cosines", part.cosines.float() if isinstance(part, MFCC) else None)
        self.norm = part.norm if isinstance(part, Chroma) else None
        self.shift = -0.691 if isinstance(part, Loudness) and part.weighting == "K" else 0.0
        self.compression = {"kind": getattr(part, "compression", "db" if isinstance(part, Loudness) else "none"), "power": self.power}
        self.compression |= {name: getattr(part, name) for name in ("offset", "factor", "range_db") if hasattr(part, name)}
        self.order: Tensor
        self.matrix: Tensor | None
        self.cosines: Tensor | None

    def forward(self, raw: Tensor) -> Tensor:
        x = raw.float()
        found = []
        for number in range(self.count):
            kernels = self.get_buffer(f"kernels{number}")
            size = kernels.shape[-1]
            real, imaginary = F.conv1d(F.pad(x, (size // 2, size - size // 2)), kernels, stride=self.hop).chunk(2, 1)
            found.append(real.square() + imaginary.square())
        heard = torch.cat(found, 1)
        heard = heard[:, None] if self.count == 1 else heard.index_select(1, self.order)[:, None]
        if self.power == 1:
            heard = heard.sqrt()
        if self.matrix is not None:
            heard = self.matrix @ heard
        heard = compress(normalised(heard, self.norm), **self.compression) + self.shift  # type: ignore[arg-type]
        return heard if self.cosines is None else self.cosines @ heard


def _fourier(part: Spectral) -> list[Bank]:
    window = part.constants()["window"].numpy()
    turns = np.exp(-2j * np.pi * np.outer(np.arange(part.n_fft // 2 + 1), np.arange(part.n_fft)) / part.n_fft)
    return [(np.arange(len(turns)), window * turns)]


def _of_kernels(part: Kernels) -> list[Bank]:
    banks = []
    for bands, size in part.groups():
        padded = np.zeros((len(bands), size), np.complex128)
        for row, band in enumerate(bands):
            kernel, middle = part.kernel(int(band))
            padded[row, size // 2 - middle : size // 2 - middle + len(kernel)] = kernel.conj()
        banks.append((bands, padded))
    return banks


def _of_cqt(part: CQT) -> list[Bank]:
    """Impulse responses of the filters, by the inverse transform of their responses; bands of similar length together."""
    lengths, centres = part.lengths(), part.frequencies()
    reach = np.ceil((0.75 if part.shape == "time" else 4.0) * lengths * part.rate).astype(int)
    sizes = 2 ** np.ceil(np.log2(2 * reach)).astype(int)
    banks = []
    for size in np.unique(sizes):
        bands = np.flatnonzero(sizes == size)
        hz = np.arange(size) / size * part.rate
        spectra = np.stack([np.where(hz <= part.rate / 2, part._response((hz - centres[k]) * lengths[k]), 0) for k in bands])
        # Of a filter at n: Σ_m x[n + m] h[-m].
        responses = np.fft.fftshift(np.fft.ifft(spectra)[:, -np.arange(size) % size], axes=-1)
        gain = part.constants()["gains"].numpy()[bands, None] * part.hop
        banks.append((bands, gain * responses))
    return banks
