"""Encodings: both directions between an annotation and a tensor, so that targets and decoders cannot drift apart.

events.py    FrameEvents: onsets, beats, drum hits ⇄ activations
peaks.py     PeakPicking        } decoders of one activation, (frame,) in 0..1 and frames a second → positions
beats.py     BarPointer, AutocorrelationBeats
bars.py      Bars: positions in the bar of the beats that were found
meter.py     BeatsInBars: beats and downbeats ⇄ two activations, with a calibrated confidence; Opinions of several nets
classes.py   FrameClasses: chords, sections ⇄ a class per frame; ClipClass: a word for the whole
curves.py    ContourFrames: pitch, loudness ⇄ values per frame
vectors.py   Embedding; Prototypes: classes from a few examples
sounds.py    Samples; Masks: stems out of a mix; Channels
given.py     Characters, Noise: inputs that are no sound
"""

from .bars import Bars
from .beats import AutocorrelationBeats, BarPointer
from .classes import ClipClass, FrameClasses
from .curves import ContourFrames
from .events import Decoder, FrameEvents
from .given import Characters, Noise
from .meter import BeatsInBars, FirstOfBars, Opinions
from .peaks import PeakPicking
from .sounds import Channels, Masks, Samples
from .vectors import Embedding, Prototypes

__all__ = [
    "AutocorrelationBeats",
    "BarPointer",
    "Bars",
    "BeatsInBars",
    "Channels",
    "Characters",
    "ClipClass",
    "ContourFrames",
    "Decoder",
    "Embedding",
    "FirstOfBars",
    "FrameClasses",
    "FrameEvents",
    "Masks",
    "Noise",
    "Opinions",
    "PeakPicking",
    "Prototypes",
    "Samples",
]
