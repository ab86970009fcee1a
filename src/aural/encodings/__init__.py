"""Encodings: both directions between an annotation and a tensor, so that targets and decoders cannot drift apart.

events.py    FrameEvents: onsets, beats, drum hits ⇄ activations
peaks.py     PeakPicking        } decoders of one activation, (frame,) in 0..1 and frames a second → positions
beats.py     BarPointer, AutocorrelationBeats
bars.py      Bars: positions in the bar of the beats that were found
meter.py     BeatsInBars: beats and downbeats ⇄ two activations, with a calibrated confidence; Opinions of several nets
chords.py    ChordFrames: chords ⇄ frames of root, bass, pitches and 170 classes, decoded on the beats
classes.py   FrameClasses: chords, sections ⇄ a class per frame; ClipClass: a word for the whole
curves.py    ContourFrames: pitch, loudness ⇄ values per frame
pitch_track.py  PitchTrack: a melody or a bass line ⇄ a class of pitch, or none, per frame
salience.py  MelodySalience, PitchSalience: fundamental frequencies ⇄ a picture of how strongly each is heard
vectors.py   Embedding; Prototypes: classes from a few examples
notes.py     NoteFrames: notes ⇄ onsets, sounding, times between frames, velocities of each pitch; with_bends off a contour
sounds.py    Samples; Masks: stems out of a mix; Channels
keys.py      KeyFrames: keys ⇄ a class per frame, with modulations and a calibrated confidence
confidence.py  logistic, probability: from evidence to the probability of being right
given.py     Characters, Noise: inputs that are no sound
"""

from .bars import Bars
from .beats import AutocorrelationBeats, BarPointer
from .chords import ChordFrames
from .classes import ClipClass, FrameClasses
from .curves import ContourFrames
from .events import Decoder, FrameEvents
from .given import Characters, Noise
from .keys import KeyFrames
from .meter import BeatsInBars, FirstOfBars, Opinions
from .notes import NoteFrames, with_bends
from .peaks import PeakPicking
from .pitch_track import PitchTrack
from .salience import MelodySalience, PitchSalience
from .sounds import Channels, Masks, Samples
from .vectors import Embedding, Prototypes

__all__ = [
    "AutocorrelationBeats",
    "BarPointer",
    "Bars",
    "BeatsInBars",
    "Channels",
    "Characters",
    "ChordFrames",
    "ClipClass",
    "ContourFrames",
    "Decoder",
    "Embedding",
    "FirstOfBars",
    "FrameClasses",
    "FrameEvents",
    "KeyFrames",
    "Masks",
    "MelodySalience",
    "Noise",
    "NoteFrames",
    "Opinions",
    "PeakPicking",
    "PitchSalience",
    "PitchTrack",
    "Prototypes",
    "Samples",
    "with_bends",
]
