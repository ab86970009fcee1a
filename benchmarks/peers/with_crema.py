"""crema (ISC): chords of 170 classes with their bass, at its defaults. It asks for an old TensorFlow, numpy below 2 and librosa 0.10."""

from __future__ import annotations

import os
import warnings
from functools import cache

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.simplefilter("ignore")

import numpy as np  # noqa: E402
from _answers import serve  # noqa: E402

for name, kind in (("float", float), ("int", int), ("bool", bool), ("object", object)):  # names that old packages use
    if name not in vars(np):
        setattr(np, name, kind)

from crema.models.chord import ChordModel  # noqa: E402


@cache
def model() -> ChordModel:
    return ChordModel()


def chords(wav: str) -> list[tuple[float, str, str]]:
    return [(float(o.time), f"{float(o.time + o.duration):.5f}", str(o.value)) for o in model().predict(filename=wav)]


serve({"chord": chords})
