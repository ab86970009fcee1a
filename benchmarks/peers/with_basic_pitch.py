"""basic-pitch (Apache-2.0): notes at the settings of its own program, through ONNX; for melodies of one voice, the same notes."""

from __future__ import annotations

import contextlib
import io
import logging
from functools import cache
from pathlib import Path

from _answers import serve

logging.disable(logging.WARNING)

from basic_pitch import ICASSP_2022_MODEL_PATH  # noqa: E402
from basic_pitch.inference import Model, predict  # noqa: E402


@cache
def model() -> Model:
    return Model(Path(str(ICASSP_2022_MODEL_PATH)).parent / "nmp.onnx")


def notes(wav: str) -> list[tuple[float, str, str]]:
    with contextlib.redirect_stdout(io.StringIO()):
        found = predict(wav, model())[2]
    return sorted((float(start), f"{float(end):.5f}", str(int(pitch))) for start, end, pitch, *_ in found)


serve({"note": notes, "melody_note": notes})
