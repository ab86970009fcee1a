"""Representations: parts that turn a sound into features (batch, channel, band, frame), frames last.

    stft.py     Waveform, STFT (with its inverse), Spectrogram
    phase.py    RealImaginary, InstantaneousFrequency;  griffin_lim.py  griffin_lim: a sound out of magnitudes
    mel.py      LogMel, MultiResolutionLogMel, MFCC
    cqt.py      CQT, HCQT: the fast ones;  nsgt.py  NSGT, SlicedNSGT: the invertible ones
    kernels.py  KernelCQT: Brown's, direct and sparse;  wavelet.py  DWT, CWT;  gammatone.py  Gammatone
    chroma.py   Chroma, ChromaCQT;  tuning.py  how far the music lies from A4 = 440 Hz
    beatwise.py Beatwise: any of them on the grid of the beats
    views.py    Semitones; Views: several of one sound
    context.py  Standardised, WithMedianDifference: around any of them
    pcen.py     PCEN;  loudness.py  Loudness;  mu_law.py  MuLaw
    lpc.py      LPC;  cepstrum.py  Cepstrum;  sf_nmf.py  SourceFilter;  sms.py  SMS: sources and filters, sines and noise
    similarity.py  SelfSimilarity, Lags;  whitening.py  Whitened: around any of them
    stream.py   Stream: frames while the sound comes in;  travel.py  Travelling: for torch.export and ONNX
    picture.py  pictures for reports;  gallery.py  how each is drawn

Each equals the reference library on the same parameters (the tests state how nearly), is differentiable (but for
SourceFilter), computes a batch as its single examples, in float32 or float64 (`.double()`), on any device.
"""

from .beatwise import Beatwise
from .cepstrum import Cepstrum
from .chroma import Chroma, ChromaCQT
from .context import Standardised, WithMedianDifference
from .cqt import CQT, HCQT
from .framing import SoundPart
from .gammatone import Gammatone
from .griffin_lim import griffin_lim, inconsistency
from .kernels import KernelCQT, Kernels
from .loudness import Loudness
from .lpc import LPC, burg, from_line_spectrum, levinson, line_spectrum
from .mel import MFCC, LogMel, MultiResolutionLogMel
from .mu_law import MuLaw, dequantised, inverse_mu_law, mu_law, quantised
from .nsgt import NSGT, SlicedNSGT
from .pcen import PCEN
from .phase import InstantaneousFrequency, RealImaginary
from .sf_nmf import SourceFilter, nmf
from .similarity import Lags, SelfSimilarity, from_lags, to_lags
from .sms import SMS
from .stft import STFT, Spectrogram, Waveform
from .stream import Stream
from .travel import Travelling
from .views import Semitones, Views
from .wavelet import CWT, DWT
from .whitening import Whitened

__all__ = [
    "CQT",
    "CWT",
    "DWT",
    "HCQT",
    "LPC",
    "MFCC",
    "NSGT",
    "PCEN",
    "SMS",
    "STFT",
    "Beatwise",
    "Cepstrum",
    "Chroma",
    "ChromaCQT",
    "Gammatone",
    "InstantaneousFrequency",
    "KernelCQT",
    "Kernels",
    "Lags",
    "LogMel",
    "Loudness",
    "MuLaw",
    "MultiResolutionLogMel",
    "RealImaginary",
    "SelfSimilarity",
    "Semitones",
    "SlicedNSGT",
    "SoundPart",
    "SourceFilter",
    "Spectrogram",
    "Standardised",
    "Stream",
    "Travelling",
    "Views",
    "Waveform",
    "Whitened",
    "WithMedianDifference",
    "burg",
    "dequantised",
    "from_lags",
    "from_line_spectrum",
    "griffin_lim",
    "inconsistency",
    "inverse_mu_law",
    "levinson",
    "line_spectrum",
    "mu_law",
    "nmf",
    "quantised",
    "to_lags",
]
