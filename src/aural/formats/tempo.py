"""NAME.tempo.json: what a program reads of a song's tempo.

candidates   [{"bpm", "probability"}, …], most probable first
segments     [{"start", "end", "bpm", "anchor"}, …] in seconds, beats at anchor + k · 60 / bpm; empty without a constant grid
curve        [[seconds, bpm], …] at the beats
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ..annotations import Curves, Grid, Tempo
from ..errors import AnnotationError


def dumps(tempo: Tempo) -> str:
    """The text of the file; microseconds and millionths of a beat a minute are kept."""
    chances = tempo.probabilities if len(tempo.probabilities) == len(tempo.bpms) else [None] * len(tempo.bpms)
    times, bpms = ((), ()) if tempo.curve is None else (tempo.curve.times, tempo.curve.values[0])
    made = {
        "candidates": [
            {"bpm": _number(bpm), "probability": None if p is None else _number(p)} for bpm, p in zip(tempo.bpms, chances, strict=True)
        ],
        "segments": [{key: _number(number) for key, number in vars(grid).items()} for grid in tempo.segments],
        "curve": [[_number(t), _number(bpm)] for t, bpm in zip(times, bpms, strict=True)],
    }
    lines = [f"{json.dumps(name)}: {json.dumps(value, allow_nan=False)}" for name, value in made.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def loads(text: str, name: str = "tempo.json") -> Tempo:
    """What `dumps` wrote. Raises AnnotationError, naming the file, where it is something else."""
    try:
        known = json.loads(text)
        chances = [candidate.get("probability") for candidate in known["candidates"]]
        points = np.array(known.get("curve", []), dtype=float).reshape(-1, 2)
        return Tempo(
            np.array([candidate["bpm"] for candidate in known["candidates"]], dtype=float),
            np.zeros(0) if None in chances else np.array(chances, dtype=float),
            tuple(Grid(**{key: float(grid[key]) for key in ("start", "end", "bpm", "anchor")}) for grid in known.get("segments", [])),
            Curves(points[:, 0], points[:, 1][None], ("bpm",)) if len(points) else None,
        )
    except AnnotationError as error:
        raise AnnotationError(f"{name}: {error}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AnnotationError(f"{name}: not a tempo file ({error!r}); it holds candidates, segments and a curve") from None


def _number(value: Any) -> float:
    return round(float(value), 6)
