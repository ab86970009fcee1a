"""What the report's tests show: a few seconds of clicks, and one field for each kind of lane."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser

import numpy as np

from aural.annotations import Curves, Events, Intervals, Notes, Picture
from aural.sound import Sound
from aural.tasks import Lane, Task, task

RATE = 22_050
SECONDS = 12.0
BEATS = np.arange(0.5, 11.6, 0.5)


def clicks(rate: int = RATE, channels: int = 1) -> Sound:
    """A click at each of BEATS, over faint noise."""
    samples = np.random.default_rng(0).normal(0, 0.003, round(SECONDS * rate))
    for time in BEATS:
        at = round(time * rate)
        samples[at : at + 200] += 0.8 * np.exp(-np.arange(200) / 40) * np.cos(np.arange(200) / 5)
    return Sound(np.repeat(samples[None], channels, 0), rate)


def fields() -> dict:
    """One field for each kind of lane."""
    bars = BEATS[::4]
    times = np.arange(0, SECONDS, 0.01)
    pitch = 220 * 2 ** np.sin(times)
    pitch[times % 4 > 3] = 0
    return {
        "beats": Events(BEATS, [i % 4 + 1 for i in range(len(BEATS))], np.linspace(0.2, 1, len(BEATS))),
        "onsets": Events(BEATS[::2] + 0.01),
        "chords": Intervals(bars[:-1], bars[1:], ["Bb:maj", "G:min7", "Eb:maj", "F:7", "N"], [0.9, 0.4, 0.8, 0.7, 0.3]),
        "melody": Curves(times, pitch[None], ("Hz",)),
        "notes": Notes(BEATS, BEATS + 0.4, 60 + np.arange(len(BEATS)) % 12, np.full(len(BEATS), 90)),
        "drums": Events(BEATS, [("kick", "snare")[i % 2] for i in range(len(BEATS))]),
        "salience": Picture(np.linspace(0, 1, 400, dtype=np.float32).reshape(1, 20, 20)),
    }


def tasks() -> list[Task]:
    """Tasks that make them; two are nobody's yet."""
    return [
        *(task(name) for name in ("beat", "onset", "chord", "melody", "note")),
        Task("drum", "which drum is hit", {}, "drums", lane=Lane("events", "drums", sonify="click", height=40)),
        Task("salience", "how salient a pitch is", {}, "salience", lane=Lane("picture", "salience", height=60)),
    ]


def data_of(html: str) -> dict:
    """The data that the page's script reads."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert found
    return json.loads(found[1])


def unpacked(packed: dict) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["d"]), "<" + packed["t"])


class Elements(HTMLParser):
    """Every element of a page: (tag, attributes, text right inside)."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict, str]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs), ""))

    def handle_data(self, data):
        if self.found:
            tag, attributes, text = self.found[-1]
            self.found[-1] = (tag, attributes, text + data)

    def all(self, tag: str) -> list[tuple[dict, str]]:
        return [(attributes, text) for name, attributes, text in self.found if name == tag]
