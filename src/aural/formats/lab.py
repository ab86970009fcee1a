"""LAB and its kin: plain text without a header, as MIREX and mir_eval read it.

Events time⇥label · beats time⇥position (0 unknown) · Intervals start⇥end⇥label · Notes start⇥end⇥Hz · Curves time⇥Hz (0 unvoiced) ·
Tempo slower⇥faster⇥weight of the slower · Label its words, several a line each
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..annotations import Curves, Events, Intervals, Label, Notes, Tempo
from ._about import About
from ._words import hertz, line, number, positions, seconds, tags


def files(stem: str, fields: Mapping[str, Any], namespaces: Mapping[str, str], about: About) -> dict[str, bytes]:
    """{"song.chords.lab": …}; what has no such form is left out."""
    made = {}
    for name, value in fields.items():
        beat = namespaces.get(name, "beat" if name == "beats" else "") == "beat"
        content = beats(value, fields.get("downbeats")) if beat and isinstance(value, Events) else text(value)
        if content is not None:
            made[f"{stem}.{name}.lab"] = content.encode()
    return made


def beats(value: Events, downbeats: Events | None = None) -> str:
    """time⇥position, as madmom, Beat This! and Sonic Visualiser have it."""
    return "".join(f"{seconds(t)}\t{p}\n" for t, p in zip(value.times, positions(value, downbeats), strict=True))


def text(value: Any) -> str | None:
    """One annotation; None for what has no such form."""
    if isinstance(value, Events):
        labels = value.labels if value.labels is not None else [""] * len(value)
        rows = [[seconds(t), line(label)] if label else [seconds(t)] for t, label in zip(value.times, labels, strict=True)]
    elif isinstance(value, Intervals):
        rows = [[seconds(a), seconds(b), line(label)] for a, b, label in zip(value.starts, value.ends, value.labels, strict=True)]
    elif isinstance(value, Notes):
        notes = zip(value.starts, value.ends, value.pitches, strict=True)
        rows = [[seconds(a), seconds(b), number(hertz(p))] for a, b, p in notes]
    elif isinstance(value, Curves):
        several = len(value.values) > 1  # mir_eval's ragged series of multi-pitch: a line holds what sounds
        rows = [
            [seconds(t), *(number(float(v)) for v in column if v > 0 or not several)]
            for t, column in zip(value.times, value.values.T, strict=True)
        ]
    elif isinstance(value, Tempo):
        rows = [_tempo(value)] if len(value.bpms) else []
    elif (words := tags([value] if isinstance(value, Label) else value)) is not None:
        rows = [[line(word.name)] for word in words]
    else:
        return None
    return "".join("\t".join(row) + "\n" for row in rows)


def _tempo(tempo: Tempo) -> list[str]:
    """MIREX: slower, faster, and the relative weight of the slower; one candidate stands alone with a zero."""
    bpms = np.asarray(tempo.bpms, dtype=float)[:2]
    chances = np.asarray(tempo.probabilities, dtype=float)[: len(bpms)]
    if len(bpms) == 1:
        return ["0", number(bpms[0]), "0"]
    weights = chances if len(chances) == 2 and chances.sum() > 0 else np.array([0.5, 0.5])
    slow = int(bpms[1] < bpms[0])
    return [number(bpms[slow]), number(bpms[1 - slow]), number(weights[slow] / weights.sum())]
