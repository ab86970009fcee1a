"""librosa: beats at its defaults; onsets on 44.1 kHz with a hop of 256 (its defaults answer 26 ms late on drums)."""

from __future__ import annotations

import librosa
from _answers import serve


def beats(wav: str) -> list[float]:
    sound, rate = librosa.load(wav, sr=22_050)
    return list(librosa.beat.beat_track(y=sound, sr=rate, units="time")[1])


def onsets(wav: str) -> list[float]:
    sound, rate = librosa.load(wav, sr=44_100)
    return list(librosa.onset.onset_detect(y=sound, sr=rate, hop_length=256, units="time"))


serve({"beat": beats, "onset": onsets})
