"""Frequency scales, and the matrices that gather the bins of a spectrum into bands. All float64 torch, made once.

Source   Slaney, Auditory Toolbox, 1998 (mel linear below 1 kHz); the HTK Book (2595 log10(1 + f / 700)); the pitch-class
         weights are those that librosa takes from Ellis, Chroma feature analysis and synthesis, 2007
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from ..errors import OptionError

_STEP, _CORNER = 200 / 3, 1000.0  # Slaney: Hz a mel below the corner
_RATIO = math.log(6.4) / 27  # and log of the ratio a mel above it


def hz_to_mel(hz: np.ndarray | float, scale: str = "slaney") -> np.ndarray:
    """Hz → mel, on the scale "slaney" or "htk"."""
    hz = np.asarray(hz, dtype=np.float64)
    if scale == "htk":
        return 2595 * np.log10(1 + hz / 700)
    _known(scale)
    return np.where(hz < _CORNER, hz / _STEP, _CORNER / _STEP + np.log(np.maximum(hz, _CORNER) / _CORNER) / _RATIO)


def mel_to_hz(mel: np.ndarray | float, scale: str = "slaney") -> np.ndarray:
    """The inverse of `hz_to_mel`."""
    mel = np.asarray(mel, dtype=np.float64)
    if scale == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    _known(scale)
    corner = _CORNER / _STEP
    return np.where(mel < corner, mel * _STEP, _CORNER * np.exp(_RATIO * (np.maximum(mel, corner) - corner)))


def _known(scale: str) -> None:
    if scale not in ("slaney", "htk"):
        raise OptionError(f'scale={scale!r}: "slaney" or "htk"')


def mel_edges(bands: int, fmin: float, fmax: float, scale: str = "slaney") -> np.ndarray:
    """bands + 2 frequencies in Hz, equally far in mel; band b rises from edge b to b + 1 and falls to b + 2."""
    return mel_to_hz(np.linspace(hz_to_mel(fmin, scale), hz_to_mel(fmax, scale), bands + 2), scale)


def triangles(edges: np.ndarray, bins: np.ndarray, norm: str | None = "slaney") -> Tensor:
    """(band, bin): triangles between every three consecutive edges.

    Args:
        norm: None, peak 1; "slaney", area 1 in Hz; "sum", each filter sums to 1 over its bins. A band so narrow that no
            bin falls into it hears the nearest bin with "sum" and nothing otherwise.
    """
    if norm not in (None, "slaney", "sum"):
        raise OptionError(f'norm={norm!r}: None, "slaney" or "sum"')
    widths = np.diff(edges)
    ramps = edges[:, None] - bins[None]
    weights = np.maximum(0, np.minimum(-ramps[:-2] / widths[:-1, None], ramps[2:] / widths[1:, None]))
    if norm == "slaney":
        weights *= (2 / (edges[2:] - edges[:-2]))[:, None]
    if norm == "sum":
        deaf = ~weights.any(-1)
        weights[deaf, np.abs(ramps[1:-1][deaf]).argmin(-1)] = 1
        weights /= weights.sum(-1, keepdims=True)
    return torch.from_numpy(weights)


def pitch_classes(bins: int, rate: int, n_fft: int, tuning: float = 0.0, centre: float = 5.0, width: float = 2.0) -> Tensor:
    """(12, bin): how much each bin of a spectrum belongs to each pitch class, C first.

    A Gaussian over the distance in semitones, as wide as the bin at least; columns of length 1; octaves weighted by a
    Gaussian round `centre` with a deviation of `width`, in octaves above A0 = 27.5 Hz.

    Args:
        tuning: of A4 = 440 Hz, in semitones.
    """
    hz = np.linspace(0, rate, n_fft, endpoint=False)[1:]
    place = 12 * np.log2(hz / (27.5 * 2 ** (tuning / 12)))  # semitones above A0
    place = np.concatenate([[place[0] - 18], place])  # 0 Hz has none: an octave and a half below the first bin
    wide = np.concatenate([np.maximum(np.diff(place), 1.0), [1.0]])
    away = (place[None] - 3 - np.arange(12)[:, None] + 126) % 12 - 6  # C lies 3 above A
    weights = np.exp(-0.5 * (2 * away / wide) ** 2)
    weights /= np.maximum(np.sqrt(np.square(weights).sum(0)), np.finfo(np.float64).tiny)
    weights *= np.exp(-0.5 * ((place / 12 - centre) / width) ** 2)
    return torch.from_numpy(np.ascontiguousarray(weights[:, :bins]))


def cosines(coefficients: int, bands: int) -> Tensor:
    """(coefficient, band): the orthonormal DCT-II."""
    band = torch.arange(bands, dtype=torch.float64) + 0.5
    matrix = torch.cos(math.pi / bands * torch.arange(coefficients, dtype=torch.float64)[:, None] * band) * math.sqrt(2 / bands)
    matrix[0] /= math.sqrt(2)
    return matrix


def spans(matrix: Tensor, count: int) -> list[tuple[int, int, int, int]]:
    """Consecutive bands and the span of bins that they hear: (first band, last band, first bin, last bin).

    A product over these spans skips most of a matrix whose rows are short bands."""
    edges = np.unique(np.linspace(0, len(matrix), count + 1).astype(int))
    found = []
    for first, last in pairwise(edges):
        heard = torch.nonzero(matrix[first:last].any(0)).flatten().tolist() or [0]
        found.append((int(first), int(last), heard[0], heard[-1] + 1))
    return found
