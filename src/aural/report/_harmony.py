"""The harmony on a page: the lane of modulations, the picture behind the notes, sections for the chart, a person's chords and keys.

Source    labels, keys and their names are those of `aural.harmony`; harmony.js follows it
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..annotations import Intervals
from ..corrections import Harmony
from ..sound import Recording, Sound
from ..tasks import Lane
from . import _lanes

MODULATION = Lane("spans", "modulation", height=20)
LOWEST, PITCHES = 21, 88  # MIDI numbers of the picture's lowest row, and how many there are
FINE = 20.0  # columns a second of that picture, where there is room


def lanes(key: Any) -> list[tuple[Lane, str, Any]]:
    """Lane, field and value of what follows from keys: modulations, which the page's script finds; hidden where there are none."""
    return [(MODULATION, "modulation", Intervals(np.zeros(0), np.zeros(0), ()))] if isinstance(key, Intervals) else []


def pitches(sound: Sound | Recording) -> np.ndarray:
    """How loud each pitch is: uint8 (88, width), a row a semitone with C8 on top, 255 the loudest.

    A constant-Q transform of three bins a semitone, of which the loudest counts: a song that is tuned a little off stays in its rows.
    """
    from ..representations.cqt import CQT
    from ..representations.picture import strip

    lowest = 440 * 2 ** ((LOWEST - 69 - 1 / 3) / 12)
    part = CQT(22_050, 512, lowest, 3 * PITCHES, 36, gamma=12.0, compression="db")
    fine = strip(sound, part, min(FINE, _lanes.FINE / sound.duration), range_db=45.0)
    return np.ascontiguousarray(fine.reshape(PITCHES, 3, -1).max(1))


def sections(example: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The field `sections` as the chart reads it."""
    value = example.get("sections")
    if not isinstance(value, Intervals):
        return []
    return [{"start": float(start), "label": label} for start, label in zip(value.starts, value.labels, strict=True)]


def correction(said: Harmony | None, offset: float = 0.0) -> dict[str, Any]:
    """A sidecar's chords and keys as edit mode begins with them; times are counted from `offset`."""
    said = said or Harmony()
    return {
        name: [{"start": start - offset, "end": end - offset, "label": label} for start, end, label in spans]
        for name, spans in (("chords", said.chords), ("keys", said.keys))
    }
