"""JAMS 0.3: every annotation of an Example in one file, both ways without loss, written as plain JSON.

Standard namespaces hold what they can: beat (value: position in the bar), onset, tempo, chord, key_mode, note_midi,
pitch_contour, segment_open, tag_open, vector. What they have no place for stands in sandboxes: an annotation's own (the field's
name and type, velocities, tracks, bends, labels that a namespace would refuse) or the file's (fields without a namespace, raw
activations). A chord outside Harte's syntax makes its field segment_open, which takes any words.

Source    Humphrey et al., JAMS: a JSON annotated music specification, ISMIR 2014; the schema of jams 0.3.5
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..annotations import Curves, Events, Example, Grid, Intervals, Label, Notes, Score, Tempo, Text, Vector
from ..errors import AnnotationError
from ..harmony import SHORTHANDS
from ..tasks import maker
from ._about import About
from ._words import midi

VERSION = "0.3.5"
_DEGREE = r"(?:b*|#*)(?:1[0-3]|[1-9])"
_ADDED = rf"\(\*?{_DEGREE}(?:,\*?{_DEGREE})*\)"
CHORD = re.compile(rf"N|X|[A-G](?:b*|#*)(?::(?:(?:{'|'.join(SHORTHANDS)})(?:{_ADDED})?|{_ADDED}))?(?:/{_DEGREE})?")
KEY = re.compile(r"N|[A-G][b#]?(?::(?:major|minor|ionian|dorian|phrygian|lydian|mixolydian|aeolian|locrian))?")

# Words that only some namespaces take; the others take any.
_LEGAL: dict[str, Callable[[str], Any]] = {"chord": CHORD.fullmatch, "key_mode": KEY.fullmatch, "segment_open": bool, "tag_open": bool}
_OF_INTERVALS = ("segment_open", "tag_open", "chord", "key_mode", "lyrics")
_TAGS = ("tags", "instruments", "sounds", "drums")


def files(stem: str, fields: Mapping[str, Any], namespaces: Mapping[str, str], about: About) -> dict[str, bytes]:
    """{"song.jams": …}"""
    return {f"{stem}.jams": dumps(fields, about, namespaces).encode()}


# ---- writing


def dumps(example: Mapping[str, Any], about: About | None = None, namespaces: Mapping[str, str] | None = None) -> str:
    """The text of a JAMS file.

    Args:
        example: fields; sound and pictures are left out.
        about: the sound and how the annotations were made.
        namespaces: {field: namespace}; default: that of the task that makes the field, else by type.
    """
    about = about or About()
    end = about.duration if about.duration is not None else max((_end(v) for v in example.values()), default=0.0)
    annotations, rest = [], {}
    for name, value in example.items():
        wanted = (namespaces or {}).get(name) or _namespace(name, value)
        made = _annotation(value, wanted, end)
        if made is not None:
            namespace, data, extra = made
            sandbox = {"field": name, "type": type(value).__name__, **extra}
            if data == [] and getattr(value, "confidence", None) is not None:
                sandbox["confident"] = True
            metadata = {"annotation_tools": _tools(name, about), "data_source": "program" if about.systems else ""}
            annotations.append(
                {"namespace": namespace, "annotation_metadata": metadata, "data": data, "sandbox": sandbox, "time": 0.0, "duration": end}
            )
        elif type(value).__name__ in _PLAIN:
            rest[name] = {"type": type(value).__name__, **_plain(value)}
    return json.dumps({"annotations": annotations, **_file(about, end, rest)}, ensure_ascii=False, allow_nan=False) + "\n"


def _file(about: About, end: float, rest: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {
        "title": about.title,
        "artist": about.artist,
        "release": "",
        "duration": end,
        "jams_version": VERSION,
        "identifiers": {"file": about.file} if about.file else {},
    }
    made = {
        "version": about.version,
        "decoder": about.decoder,
        "offset": about.offset,
        "rate": about.rate,
        "systems": {used.makes: str(used) for used in about.systems},
        "notes": list(about.notes),
        "fields": dict(rest),
    }
    return {"file_metadata": metadata, "sandbox": {"aural": made}}


def _tools(name: str, about: About) -> str:
    house = f"aural {about.version}".strip()
    return "; ".join([house, *(str(used) for used in about.systems if used.makes == name)])


def _end(value: Any) -> float:
    times = getattr(value, "ends", getattr(value, "times", None))
    return float(np.max(times)) if times is not None and len(times) else 0.0


def _namespace(name: str, value: Any) -> str:
    task = maker(name)
    if task is not None and task.namespace:
        return task.namespace
    if isinstance(value, Intervals):
        return "tag_open" if name in _TAGS else "segment_open"
    if isinstance(value, Events):
        return "tag_open" if value.labels is not None else ""
    return {Notes: "note_midi", Tempo: "tempo", Label: "tag_open", Vector: "vector"}.get(type(value), "")


def _annotation(value: Any, namespace: str, end: float) -> tuple[str, Any, dict[str, Any]] | None:
    """(namespace, data, sandbox); None where no namespace holds the value without loss."""
    if isinstance(value, Events):
        return _events(value, namespace)
    if isinstance(value, Intervals):
        namespace = namespace if namespace in _OF_INTERVALS and all(map(_LEGAL.get(namespace, bool), value.labels)) else "segment_open"
        durations, extra = _durations(value)
        return namespace, _sparse(value.starts, durations, value.labels, value.confidence), extra
    if isinstance(value, Notes):
        durations, extra = _durations(value)
        for key, array in (("velocities", value.velocities), ("tracks", value.tracks)):
            if array is not None:
                extra[key] = np.asarray(array).tolist()
        if value.names:
            extra["names"] = list(value.names)
        if value.bends is not None:
            extra["bends"] = [bend.tolist() for bend in value.bends]
        return "note_midi", _sparse(value.starts, durations, value.pitches.tolist(), value.confidence), extra
    if isinstance(value, Curves) and namespace == "pitch_contour" and np.isfinite(value.values).all() and not _minus_zero(value.values):
        return namespace, _contours(value), {"curves": len(value.values), "labels": list(value.labels), "dtype": str(value.values.dtype)}
    if isinstance(value, Tempo):
        return "tempo", *_tempo(value, end)
    if isinstance(value, Label) and value.name:
        confidence = None if value.confidence is None else np.array([value.confidence])
        kept = namespace if namespace == "key_mode" and KEY.fullmatch(value.name) else "tag_open"
        return kept, _sparse(np.zeros(1), np.array([end]), [value.name], confidence), {}
    if isinstance(value, Vector) and np.size(value.values) and np.isfinite(value.values).all():
        values = np.asarray(value.values)
        return "vector", _sparse(np.zeros(1), np.array([end]), [values.ravel().tolist()], None), {"dtype": str(values.dtype)}
    return None


def _tempo(value: Tempo, end: float) -> tuple[Any, dict[str, Any]]:
    """The first two candidates as the namespace has them (mir_eval's two tempi); the others, grids and curve in the sandbox."""
    n, chances = len(value.bpms), value.probabilities
    good = len(chances) == n and ((chances >= 0) & (chances <= 1)).all()
    weights = (chances if good else np.full(n, 1 / max(1, n)))[:2]
    data = _sparse(np.zeros(len(weights)), np.full(len(weights), end), value.bpms[:2].tolist(), weights)
    extra: dict[str, Any] = {} if good and n <= 2 else {"bpms": value.bpms.tolist(), "probabilities": chances.tolist()}
    if value.segments:
        extra["segments"] = [vars(grid) for grid in value.segments]
    if value.curve is not None:
        extra["curve"] = _plain(value.curve)
    return data, extra


def _events(value: Events, namespace: str) -> tuple[str, Any, dict[str, Any]] | None:
    nothing: Sequence[Any] = [None] * len(value)
    extra: dict[str, Any] = {"labelled": value.labels is not None}
    if namespace == "beat":
        values = nothing if value.labels is None else [_position(label) for label in value.labels]
        if value.labels is not None and [str(v) for v in values] != list(value.labels):
            extra["labels"] = list(value.labels)
    elif namespace == "onset" or value.labels is None:
        if namespace != "onset":
            return None
        values = nothing if value.labels is None else value.labels
    else:
        namespace, values = "tag_open", value.labels
    return namespace, _sparse(value.times, np.zeros(len(value)), values, value.confidence), extra


def _position(label: str) -> int | float | None:
    try:
        return int(label) if label.isdecimal() else float(label) if np.isfinite(float(label)) else None
    except ValueError:
        return None


def _durations(value: Intervals | Notes) -> tuple[np.ndarray, dict[str, Any]]:
    """JAMS counts durations; where start + duration would not give the very end again, the ends stand beside them."""
    durations = np.asarray(value.ends - value.starts)
    return durations, {"ends": value.ends.tolist()} if (value.starts + durations != value.ends).any() else {}


def _sparse(times: np.ndarray, durations: np.ndarray, values: Sequence[Any], confidence: np.ndarray | None) -> list[dict[str, Any]]:
    sure = [None] * len(times) if confidence is None else np.asarray(confidence, float).tolist()
    rows = zip(np.asarray(times, float).tolist(), np.asarray(durations, float).tolist(), values, sure, strict=True)
    return [{"time": t, "duration": d, "value": v, "confidence": c} for t, d, v, c in rows]


def _contours(value: Curves) -> dict[str, Any]:
    n = len(value.times) * len(value.values)
    rows = [
        {"index": i, "frequency": abs(float(f)), "voiced": bool(f > 0)}
        for column in value.values.T
        for i, f in enumerate(column)
    ]  # fmt: skip
    return {
        "time": np.repeat(value.times, len(value.values)).tolist(),
        "duration": [0.0] * n,
        "value": rows,
        "confidence": [None] * n,
    }


def _minus_zero(values: np.ndarray) -> bool:
    return bool((np.signbit(values) & (values == 0)).any())


# What the file's sandbox holds of each type: its attributes.
_PLAIN: dict[str, tuple[type, tuple[str, ...]]] = {
    "Events": (Events, ("times", "labels", "confidence")),
    "Curves": (Curves, ("times", "values", "labels")),
    "Label": (Label, ("name", "confidence")),
    "Text": (Text, ("text",)),
    "Vector": (Vector, ("values",)),
    "Score": (Score, ("value", "over")),
}


def _plain(value: Any) -> dict[str, Any]:
    return {key: _number(getattr(value, key)) for key in _PLAIN[type(value).__name__][1]}


def _number(value: Any) -> Any:
    """Arrays with their type; JSON has no NaN and no infinity, so they are words."""
    if isinstance(value, np.ndarray):
        return {"dtype": str(value.dtype), "array": _words(value.tolist())}
    return _words(value.item() if isinstance(value, np.generic) else list(value) if isinstance(value, tuple) else value)


def _words(value: Any) -> Any:
    if isinstance(value, list):
        return [_words(v) for v in value]
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value


# ---- reading


def loads(text: str, name: str = "JAMS") -> Example:
    """The fields of a JAMS file: ours by their names, others' by their namespace (beat → beats, chord → chords, note_hz and
    note_midi → notes …). Of several annotations of one field the first counts.

    Args:
        name: of the file, for errors.

    Raises:
        AnnotationError: not JSON, not JAMS, or values that break an annotation's rules.
    """
    try:
        jam = json.loads(text)
    except ValueError as error:
        raise AnnotationError(f"{name}: not JSON ({error}); is the file whole?") from None
    if not isinstance(jam, dict) or not isinstance(jam.get("annotations", []), list):
        raise AnnotationError(f'{name}: not JAMS: no list of "annotations"')
    example = Example()
    for i, annotation in enumerate(jam.get("annotations", [])):
        namespace = str(annotation.get("namespace", "")) if isinstance(annotation, dict) else ""
        try:
            field, value = _field(annotation, namespace)
        except AnnotationError as error:
            raise AnnotationError(f"{name}: annotation {i + 1} ({namespace}): {error}") from None
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise AnnotationError(f"{name}: annotation {i + 1} ({namespace}) breaks its namespace's rules: {error!r}") from None
        if field and field not in example:
            example[field] = value
    ours = (jam.get("sandbox") or {}).get("aural") or {}
    for field, stored in (ours.get("fields") or {}).items():
        try:
            made, keys = _PLAIN[stored["type"]]
            example.setdefault(field, made(**{key: _back(stored[key], key) for key in keys}))
        except (KeyError, TypeError, ValueError) as error:
            raise AnnotationError(f"{name}: {field} in the sandbox is damaged: {error!r}") from None
    return example


def about_of(text: str) -> About:
    """Title, artist, duration and making of a file that `dumps` wrote; what others' files lack is empty."""
    jam = json.loads(text)
    known, ours = jam.get("file_metadata") or {}, (jam.get("sandbox") or {}).get("aural") or {}
    return About(
        title=known.get("title") or "",
        artist=known.get("artist") or "",
        duration=known.get("duration"),
        file=(known.get("identifiers") or {}).get("file", ""),
        rate=ours.get("rate", 44_100),
        decoder=ours.get("decoder", ""),
        offset=ours.get("offset", 0.0),
        version=ours.get("version", ""),
        notes=tuple(ours.get("notes", ())),
    )


def _back(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return np.array(value["array"], dtype=float).astype(value["dtype"])
    if isinstance(value, list):
        return tuple(value)
    return float(value) if key == "value" else value


_FIELDS = {
    "beat": "beats",
    "beat_position": "beats",
    "onset": "onsets",
    "tempo": "tempo",
    "chord": "chords",
    "chord_harte": "chords",
    "key_mode": "key",
    "note_midi": "notes",
    "note_hz": "notes",
    "pitch_contour": "melody",
    "pitch_hz": "melody",
    "vector": "embedding",
    "lyrics": "lyrics",
}


def _field(annotation: Mapping[str, Any], namespace: str) -> tuple[str, Any]:
    sandbox = annotation.get("sandbox") or {}
    field = sandbox.get("field") or _FIELDS.get(namespace) or ("sections" if namespace.startswith("segment") else "")
    field = field or ("tags" if namespace.startswith("tag") else "")
    if not field:
        return "", None
    rows = _rows(annotation["data"])
    kind = sandbox.get("type") or {"beats": "Events", "onsets": "Events", "tempo": "Tempo", "notes": "Notes", "melody": "Curves"}.get(field)
    kind = kind or ("Vector" if field == "embedding" else "Intervals")
    times = np.array([row["time"] for row in rows], dtype=float)
    order = np.argsort(times, kind="stable")
    rows, times = [rows[i] for i in order], times[order]
    values = [row["value"] for row in rows]
    sure = [row.get("confidence") for row in rows]
    confidence = np.array(sure, dtype=float) if rows and all(_sure(c) for c in sure) else None
    if not rows and sandbox.get("confident"):
        confidence = np.zeros(0)
    ends = np.array(sandbox["ends"]) if "ends" in sandbox else times + np.array([row.get("duration") or 0.0 for row in rows], dtype=float)
    return field, _value(kind, namespace, times, ends, values, confidence, sandbox)


def _sure(value: Any) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def _rows(data: Any) -> list[dict[str, Any]]:
    """Observations, from JAMS' sparse or dense form."""
    if isinstance(data, list):
        return data
    keys = [key for key in ("time", "duration", "value", "confidence") if key in data]
    return [dict(zip(keys, row, strict=True)) for row in zip(*(data[key] for key in keys), strict=True)]


def _value(
    kind: str,
    namespace: str,
    times: np.ndarray,
    ends: np.ndarray,
    values: list[Any],
    confidence: np.ndarray | None,
    sandbox: dict[str, Any],
) -> Any:
    if kind == "Events":
        return Events(times, _labels(namespace, values, sandbox), confidence)
    if kind == "Intervals":
        return Intervals(times, ends, tuple(map(str, values)), confidence)
    if kind == "Notes":
        pitches = np.array([midi(v) if namespace == "note_hz" else v for v in values], dtype=float)
        more: dict[str, Any] = {key: np.array(sandbox[key]) for key in ("velocities", "tracks") if key in sandbox}
        if "bends" in sandbox:
            more["bends"] = tuple(np.array(bend, dtype=float).reshape(2, -1) for bend in sandbox["bends"])
        return Notes(times, ends, pitches, confidence=confidence, names=tuple(sandbox.get("names", ())), **more)
    if kind == "Curves":
        return _curves(times, values, sandbox)
    if kind == "Tempo":
        chances = sandbox.get("probabilities", [] if confidence is None else confidence)
        curve = sandbox.get("curve")
        return Tempo(
            np.array(sandbox.get("bpms", values), dtype=float),
            np.array(chances, dtype=float),
            tuple(Grid(**grid) for grid in sandbox.get("segments", ())),
            None if curve is None else Curves(**{key: _back(curve[key], key) for key in ("times", "values", "labels")}),
        )
    if kind == "Label":
        return Label(str(values[0]), None if confidence is None else float(confidence[0]))
    return Vector(np.array(values[0], dtype=sandbox.get("dtype", "float64")))


def _labels(namespace: str, values: list[Any], sandbox: dict[str, Any]) -> tuple[str, ...] | None:
    if "labels" in sandbox:
        return tuple(sandbox["labels"])
    if not sandbox.get("labelled", any(v is not None for v in values)):
        return None
    if namespace == "beat_position":
        values = [v["position"] for v in values]
    return tuple(
        "" if v is None else str(int(v)) if isinstance(v, float) and v.is_integer() and "field" not in sandbox else str(v) for v in values
    )


def _curves(times: np.ndarray, values: list[Any], sandbox: dict[str, Any]) -> Curves:
    """Contours by index, one row each; what others voice no pitch for is 0."""
    rows = [v if isinstance(v, dict) else {"index": 0, "frequency": abs(v), "voiced": v > 0} for v in values]
    if "curves" in sandbox:
        n = int(sandbox["curves"])
        made = np.array([r["frequency"] if r["voiced"] else -r["frequency"] for r in rows], dtype=float) + 0.0
        return Curves(times[::n], made.reshape(-1, n).T.astype(sandbox["dtype"]), tuple(sandbox["labels"]))
    # Elsewhere an index is a contour of its own in time (a phrase); together they are one line unless they overlap.
    grid, place = np.unique(times, return_inverse=True)
    curves = np.zeros((1, len(grid)))
    for column, row in zip(place, rows, strict=True):
        frequency = float(row.get("frequency") or 0.0)
        pitch = frequency if row.get("voiced", frequency > 0) else -frequency
        free = np.flatnonzero(curves[:, column] == 0)
        if not len(free):
            curves = np.concatenate([curves, np.zeros((1, len(grid)))])
            free = np.array([len(curves) - 1])
        curves[free[0], column] = pitch
    return Curves(grid, curves)
