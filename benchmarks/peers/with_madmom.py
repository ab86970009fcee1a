"""madmom (its models are CC BY-NC-SA: for measuring only): recurrent nets with a bar-pointer decoder for beats and downbeats,
the convolutional net for onsets, each at the settings of madmom's own programs."""

from __future__ import annotations

import warnings
from functools import cache

from _answers import serve

warnings.simplefilter("ignore")

from madmom.features import beats as beat_features  # noqa: E402
from madmom.features import downbeats as downbeat_features  # noqa: E402
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


serve({"beat": chained(beat_tracker), "downbeat": chained(downbeat_tracker), "onset": chained(onset_detector)})
