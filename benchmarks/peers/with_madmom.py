"""madmom (its models are CC BY-NC-SA: for measuring only): recurrent nets with a bar-pointer decoder for beats and downbeats,
the convolutional nets for onsets, piano notes and keys, deep chroma with a conditional random field for chords (major and minor), each
at the settings of madmom's own programs."""

from __future__ import annotations

import warnings
from functools import cache

from _answers import serve

warnings.simplefilter("ignore")

from madmom.audio.chroma import DeepChromaProcessor  # noqa: E402
from madmom.features import beats as beat_features  # noqa: E402
from madmom.features import chords as chord_features  # noqa: E402
from madmom.features import downbeats as downbeat_features  # noqa: E402
from madmom.features import key as key_features  # noqa: E402
from madmom.features import notes as note_features  # noqa: E402
from madmom.features import onsets as onset_features  # noqa: E402

FPS = 100


@cache
def beat_tracker() -> list:
    return [beat_features.RNNBeatProcessor(), beat_features.DBNBeatTrackingProcessor(fps=FPS)]


@cache
def downbeat_tracker() -> list:
    return [downbeat_features.RNNDownBeatProcessor(), downbeat_features.DBNDownBeatTrackingProcessor(beats_per_bar=[3, 4], fps=FPS)]


@cache
def onset_detector() -> list:
    # one frame on either side for the maximum: the class's own default is none, the program CNNOnsetDetector sets it
    picking = onset_features.OnsetPeakPickingProcessor(threshold=0.54, smooth=0.05, pre_max=1 / FPS, post_max=1 / FPS, fps=FPS)
    return [onset_features.CNNOnsetProcessor(), picking]


def chained(make):
    def answer(wav):
        activations, decode = make()
        return decode(activations(wav)).tolist()

    return answer


@cache
def chord_recogniser() -> list:
    return [DeepChromaProcessor(), chord_features.DeepChromaChordRecognitionProcessor()]


def chords(wav):
    activations, decode = chord_recogniser()
    return [(float(start), f"{float(end):.5f}", str(label)) for start, end, label in decode(activations(wav))]


@cache
def note_transcriber() -> list:
    return [note_features.CNNPianoNoteProcessor(), note_features.ADSRNoteTrackingProcessor()]


def notes(wav):
    activations, decode = note_transcriber()
    return [(float(on), f"{float(on + lasts):.5f}", str(int(pitch))) for on, pitch, lasts, *_ in decode(activations(wav))]


@cache
def key_finder() -> object:
    return key_features.CNNKeyRecognitionProcessor()


def key(wav):
    return [(0.0, "36000.00000", key_features.key_prediction_to_label(key_finder()(wav)).replace(" ", ":"))]


serve(
    {
        "beat": chained(beat_tracker),
        "downbeat": chained(downbeat_tracker),
        "onset": chained(onset_detector),
        "chord": chords,
        "note": notes,
        "key": key,
    }
)
