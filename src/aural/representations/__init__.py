"""Representations: parts that turn a sound into features (batch, channel, band, frame), frames last.

    stft.py     Waveform, STFT (with its inverse), Spectrogram
    mel.py      LogMel, MultiResolutionLogMel, MFCC
    cqt.py      CQT, HCQT
    chroma.py   Chroma, ChromaCQT
    context.py  Standardised, WithMedianDifference: around any of them
    picture.py  pictures for reports

Each equals librosa on the same parameters (the tests state how nearly), is differentiable, computes a batch as its single
examples, in float32 or float64 (`.double()`), on any device.
"""

from .chroma import Chroma, ChromaCQT
from .context import Standardised, WithMedianDifference
from .cqt import CQT, HCQT
from .framing import SoundPart
from .mel import MFCC, LogMel, MultiResolutionLogMel
from .stft import STFT, Spectrogram, Waveform

__all__ = [
    "CQT",
    "HCQT",
    "MFCC",
    "STFT",
    "Chroma",
    "ChromaCQT",
    "LogMel",
    "MultiResolutionLogMel",
    "SoundPart",
    "Spectrogram",
    "Standardised",
    "Waveform",
    "WithMedianDifference",
]
