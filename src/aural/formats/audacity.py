"""Label tracks of Audacity: start⇥end⇥label; a point ends where it starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..annotations import Events, Intervals, Notes
from ._about import About
from ._bars import layers
from ._words import line, note_name, seconds


def files(stem: str, fields: Mapping[str, Any], namespaces: Mapping[str, str], about: About) -> dict[str, bytes]:
    """{"song.beats.audacity.txt": …} of events, intervals and notes (labelled by name); beats with positions also give bars and metre."""
    made = {}
    for name, value in layers(fields).items():
        if isinstance(value, Events):
            labels = value.labels if value.labels is not None else [""] * len(value)
            rows = list(zip(value.times, value.times, labels, strict=True))
        elif isinstance(value, Intervals):
            rows = list(zip(value.starts, value.ends, value.labels, strict=True))
        elif isinstance(value, Notes):
            rows = list(zip(value.starts, value.ends, map(note_name, value.pitches), strict=True))
        else:
            continue
        text = "".join(f"{seconds(start)}\t{seconds(end)}\t{line(label)}\n" for start, end, label in rows)
        made[f"{stem}.{name}.audacity.txt"] = text.encode()
    return made
