"""Layers of Sonic Visualiser (.svl): XML; times are frames at the sound's rate.

Source    the file format that Sonic Visualiser 4 and 5 save by "Export Annotation Layer"
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree import ElementTree

import numpy as np

from ..annotations import Curves, Events, Intervals, Notes
from ._about import About
from ._bars import layers
from ._words import legal, number

Points = Iterable[dict[str, str]]


def files(stem: str, fields: Mapping[str, Any], namespaces: Mapping[str, str], about: About) -> dict[str, bytes]:
    """{"song.beats.svl": …}; events are time instants, intervals regions, notes notes, each curve a layer of time values; beats
    with positions also give bars and metre, as regions."""
    made = {}
    for name, value in layers(fields).items():
        if isinstance(value, Events):
            labels = value.labels if value.labels is not None else [""] * len(value)
            points: Points = ({"frame": _frame(t, about), "label": label} for t, label in zip(value.times, labels, strict=True))
            made[f"{stem}.{name}.svl"] = _layer(name, "timeinstants", {"dimensions": "1"}, points, about)
        elif isinstance(value, Intervals):
            level = {label: i for i, label in enumerate(dict.fromkeys(value.labels))}
            spans = zip(value.starts, value.ends, value.labels, strict=True)
            points = ({**_span(a, b, about), "value": str(level[label]), "label": label} for a, b, label in spans)
            made[f"{stem}.{name}.svl"] = _layer(name, "regions", {"dimensions": "3", "subtype": "region"}, points, about)
        elif isinstance(value, Notes):
            loudness = np.ones(len(value)) if value.velocities is None else np.asarray(value.velocities) / 127
            notes = zip(value.starts, value.ends, value.pitches, loudness, strict=True)
            points = ({**_span(a, b, about), "value": number(p), "level": number(v), "label": ""} for a, b, p, v in notes)
            model = {"dimensions": "3", "subtype": "note", "valueQuantization": "0", "units": "MIDI"}
            made[f"{stem}.{name}.svl"] = _layer(name, "notes", model, points, about)
        elif isinstance(value, Curves):
            for i, row in enumerate(value.values):
                own = name if len(value.values) == 1 else f"{name}.{value.labels[i] if i < len(value.labels) else i}".replace("/", "_")
                known = ((t, v) for t, v in zip(value.times, row, strict=True) if np.isfinite(v))
                points = ({"frame": _frame(t, about), "value": number(float(v)), "label": ""} for t, v in known)
                units = {"units": "Hz"} if namespaces.get(name) == "pitch_contour" else {}
                made[f"{stem}.{own}.svl"] = _layer(own, "timevalues", {"dimensions": "2", **units}, points, about)
    return made


def _frame(time: float, about: About) -> str:
    return str(round(float(time) * about.rate))


def _span(start: float, end: float, about: About) -> dict[str, str]:
    return {"frame": _frame(start, about), "duration": str(round(float(end) * about.rate) - round(float(start) * about.rate))}


def _layer(name: str, kind: str, model: Mapping[str, str], points: Points, about: About) -> bytes:
    rows = [{key: legal(value) for key, value in point.items()} for point in points]
    values = [float(row["value"]) for row in rows if "value" in row]
    ends = [int(row["frame"]) + int(row.get("duration", 0)) for row in rows]
    last = max([*ends, round((about.duration or 0) * about.rate)])  # a last bar may go on past the sound
    limits = {"minimum": number(min(values)), "maximum": number(max(values))} if values else {}
    root = ElementTree.Element("sv")
    data = ElementTree.SubElement(root, "data")
    described = {"id": "1", "name": name, "sampleRate": str(about.rate), "start": "0", "end": str(last), "type": "sparse"}
    ElementTree.SubElement(data, "model", {**described, **model, **limits, "resolution": "1", "notifyOnAdd": "true", "dataset": "2"})
    dataset = ElementTree.SubElement(data, "dataset", {"id": "2", "dimensions": model["dimensions"]})
    for row in rows:
        ElementTree.SubElement(dataset, "point", row)
    display = ElementTree.SubElement(root, "display")
    ElementTree.SubElement(display, "layer", {"id": "3", "type": kind, "name": name, "model": "1"})
    ElementTree.indent(root)
    head = b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE sonic-visualiser>\n'
    return head + ElementTree.tostring(root, encoding="utf-8") + b"\n"
