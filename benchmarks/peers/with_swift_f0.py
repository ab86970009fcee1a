"""swift-f0 (MIT): the pitch of one voice, heard where its confidence is at least a half; it knows no accompaniment."""

from __future__ import annotations

from functools import cache

import soundfile
from _answers import serve
from swift_f0 import SwiftF0


@cache
def detector() -> SwiftF0:
    return SwiftF0(threads=1)


def melody(wav: str) -> list[tuple[float, str]]:
    found = detector().detect(*soundfile.read(wav, dtype="float32"))
    voiced = found.confidence >= 0.5
    return [
        (float(time), f"{hz if sure else -hz:.3f}")
        for time, hz, sure in zip(found.timestamps, found.pitch_hz.clip(min=0), voiced, strict=True)
    ]


serve({"melody": melody})
