"""The report: one page a sound, that opens from a mail attachment without network, and an index of a folder's pages.

    from aural.report import Fact, facts_of, index, page, Row
    from aural.tasks import task

    html = page(
        example,                                             # {"beats": Events, "onsets": Events, …}
        [task("beat"), task("onset")],                       # their lanes, in this order
        sound=Recording("song.ogg"),
        title="Vibe Ace", artist="Kevin MacLeod", file_name="song.ogg",
        facts=[*facts_of(example), Fact("loudness", "−12.4 LUFS", "")],
        doubts=[(31.0, 34.2, "bars unsure")],
        files=[("JAMS", "song.jams"), ("beats", "song.beats")],
        made_by=[{"system": "beat/boeck11", "weights": "3f9c…", "version": "0.1.0", "command": "aural analyze song.ogg"}],
        link="../song.ogg",                                  # played where the sound isn't embedded
    )

Promise   the same arguments give the same bytes; nothing of the arguments is trusted: all text is escaped, the page's policy
          (CSP) allows its own two scripts by their hash and nothing else, links are relative
Player    wavesurfer.js 7 (BSD-3, vendor/) plays and draws the waveform; page.js draws the lanes that the tasks declare
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np

from .. import __version__
from ..annotations import Events, Intervals, Label, Tempo
from ..sound import Recording, Sound
from ..tasks import Lane, Task, task
from . import _lanes
from ._media import LONGEST, Media, Peaks, media, peaks

HERE = Path(__file__).parent
PICTURE = Lane("picture", "log-mel", height=128)


class Fact(NamedTuple):
    """One number of the summary: its name, its value as it is printed, a small note, and how sure it is (weight of ink)."""

    name: str
    value: str
    note: str = ""
    confidence: float | None = None


class Doubt(NamedTuple):
    """A place to check, in seconds, and why."""

    start: float
    end: float
    text: str


class Shown(NamedTuple):
    """A lane of the page: how it is drawn, the field, and the annotation (Events, Intervals, Notes, Curves, Picture)."""

    lane: Lane
    field: str
    value: Any


@dataclass(frozen=True)
class Page:
    """All that one page says. `page` makes it from an Example; `render` writes it.

    files: label and relative address; made_by: dicts of system, weights (digest), version, command; picture: uint8
    (height, width), high frequencies on top, spanning the whole sound.
    """

    title: str
    duration: float
    artist: str = ""
    file_name: str = ""
    facts: Sequence[Fact] = ()
    lanes: Sequence[Shown] = ()
    doubts: Sequence[Doubt] = ()
    files: Sequence[tuple[str, str]] = ()
    made_by: Sequence[Mapping[str, str]] = ()
    notes: Sequence[str] = ()
    media: Media | None = None
    peaks: Peaks | None = None
    picture: np.ndarray | None = None


def page(
    example: Mapping[str, Any],
    tasks: Iterable[Task | str],
    *,
    sound: Sound | Recording | None = None,
    title: str = "",
    artist: str = "",
    file_name: str = "",
    facts: Iterable[Fact | tuple[str, ...]] | None = None,
    doubts: Iterable[Doubt | tuple[float, float, str]] = (),
    files: Iterable[tuple[str, str]] = (),
    made_by: Iterable[Mapping[str, str]] = (),
    notes: Iterable[str] = (),
    original: Path | None = None,
    embed: bool = True,
    link: str = "",
    picture: bool = True,
) -> str:
    """The page of one example, as HTML.

    Args:
        example: fields; those that a task makes and a lane can draw are shown, absent ones are left out.
        tasks: whose lanes are shown, in order; names or tasks.
        sound: what is played and pictured; the example's "sound" where not given. Read by blocks.
        title, artist, file_name: text, escaped. The title falls back to the file's name.
        facts: of the summary; `facts_of(example)` where not given.
        doubts: (start, end, text) in seconds.
        files: (label, relative path) of what was written beside the page.
        made_by: dicts with any of system, weights, version, command.
        notes: sentences for the foot of the page.
        original: the file that `sound` is the whole of, where that is a Sound; an Ogg file is embedded as it is.
        embed: put the sound into the page. Sounds longer than 20 minutes never are.
        link: relative path of the sound file, for the player where the sound isn't embedded.
        picture: show the log-mel picture.

    Raises AnnotationError where a task's lane can't draw what the field holds.
    """
    if sound is None:
        sound = example.get("sound")
    duration = float(sound.duration) if sound is not None else _end(example)
    lanes = []
    for one in tasks:
        asked = task(one) if isinstance(one, str) else one
        value = example.get(asked.makes)
        if asked.lane is None or value is None:
            continue
        lanes.append(Shown(asked.lane, asked.makes, value))
        curve = _lanes.tempo_curve(value) if asked.makes == "beats" and isinstance(value, Events) else None
        if curve is not None:
            lanes.append(Shown(_lanes.TEMPO, "tempo curve", curve))
    strip = None
    if sound is not None and picture and duration > 0:
        from ..representations.picture import log_mel_strip

        strip = log_mel_strip(sound, width_per_second=min(40.0, _lanes.FINE / duration), height=96)
    notes = list(notes)
    played: Media | None = None
    if sound is not None and embed and 0 < duration <= LONGEST:
        played = media(sound, original)
    elif link:
        played = Media(href=_href(link))
        notes.append(f"The sound is not in this page: it is played from {link}.")
        if link.lower().endswith(".mp3"):
            notes.append("Browsers seek in an mp3 only roughly: after a jump, sound and picture may be some tenths of a second apart.")
    return render(
        Page(
            title=title or file_name or "untitled",
            duration=duration,
            artist=artist,
            file_name=file_name,
            facts=facts_of(example) if facts is None else [Fact(*fact) for fact in facts],
            lanes=lanes,
            doubts=[Doubt(*doubt) for doubt in doubts],
            files=list(files),
            made_by=list(made_by),
            notes=notes,
            media=played,
            peaks=peaks(sound) if sound is not None and duration > 0 else None,
            picture=strip,
        )
    )


def render(page: Page) -> str:
    """The page as HTML: a pure function of its argument."""
    lanes: list[dict[str, Any]] = []
    for i, (lane, field, value) in enumerate(page.lanes):
        drawn = _lanes.encoded(lane.kind, field, value, page.duration)
        about: dict[str, Any] = {"id": f"lane-{i}", "kind": lane.kind, "title": lane.title, "field": field}
        lanes.append({**about, "height": lane.height, "sonify": lane.sonify, **drawn})
    if page.picture is not None:
        about = {"id": "lane-picture", "kind": "picture", "title": PICTURE.title, "field": "sound", "height": PICTURE.height}
        lanes.append({**about, "sonify": "", **_lanes.picture(page.picture, page.duration)})
    data = {
        "duration": page.duration,
        "lanes": lanes,
        "peaks": {"top": _lanes.packed(page.peaks.top, "u1"), "bottom": _lanes.packed(page.peaks.bottom, "u1")} if page.peaks else None,
        "sound": {"mime": page.media.mime, "href": page.media.href} if page.media else None,
    }
    return _filled(
        "page",
        data,
        ("vendor/wavesurfer-7.12.12.min.js", "page.js"),
        page=page,
        lanes=lanes,
        length=clock(page.duration),
        files=[(label, _href(path)) for label, path in page.files],
        sound=base64.b64encode(page.media.data).decode() if page.media and page.media.data else "",
    )


@dataclass(frozen=True)
class Row:
    """One line of a folder's index. `error` says why a file failed (such rows stand on top); href is relative."""

    title: str
    href: str = ""
    duration: float | None = None
    bpm: float | None = None
    metre: str = ""
    key: str = ""
    confidence: float | None = None
    error: str = ""


def index(rows: Iterable[Row], title: str = "aural") -> str:
    """A sortable, filterable table of a folder's pages as HTML; failures on top, then as given."""
    rows = list(rows)
    ordered = [row for row in rows if row.error] + [row for row in rows if not row.error]
    shown = [{"row": row, "href": _href(row.href), "length": "" if row.duration is None else clock(row.duration)} for row in ordered]
    total = sum(row.duration or 0.0 for row in rows)
    return _filled("index", None, ("index.js",), title=title, rows=shown, failed=sum(bool(r.error) for r in rows), total=clock(total))


def facts_of(example: Mapping[str, Any]) -> list[Fact]:
    """What the summary can say from the annotations alone: tempo, metre, key."""
    facts = []
    beats, key, tempo = example.get("beats"), example.get("key"), example.get("tempo")
    others = _alternatives(tempo) if isinstance(tempo, Tempo) else ""
    if isinstance(beats, Events) and len(beats) > 1:
        gaps = np.diff(beats.times)
        median = float(np.median(gaps))
        low, high = np.percentile(gaps, [10, 90])
        if median > 0:
            steady = (high - low) / median < 0.05
            spread = "" if steady or low <= 0 else f"{60 / high:.0f}–{60 / low:.0f}"
            sure = None if beats.confidence is None else float(beats.confidence.mean())
            facts.append(Fact("BPM", f"{60 / median:.1f}", ", ".join(filter(None, [spread, others])), sure))
        metre, share = _metre(beats)
        if metre:
            facts.append(Fact("beats a bar", str(metre), "" if share > 0.95 else f"in {share:.0%} of the bars", share))
    elif isinstance(tempo, Tempo) and len(tempo.bpms):
        sure = float(tempo.probabilities[0]) if len(tempo.probabilities) else None
        facts.append(Fact("BPM", f"{tempo.bpms[0]:.1f}", others, sure))
    if isinstance(key, Label):
        facts.append(Fact("key", _key_name(key.name), "", key.confidence))
    elif isinstance(key, Intervals) and len(key):
        lasts = dict.fromkeys(key.labels, 0.0)
        for label, length in zip(key.labels, key.ends - key.starts, strict=True):
            lasts[label] += float(length)
        name = max(lasts, key=lambda label: lasts[label])
        more = f"and {len(lasts) - 1} more" if len(lasts) > 1 else ""
        facts.append(Fact("key", _key_name(name), more, lasts[name] / max(sum(lasts.values()), 1e-9)))
    return facts


def _alternatives(tempo: Tempo) -> str:
    """The candidates after the first, with their probabilities: "59: 8 %"."""
    pairs = zip(tempo.bpms[1:3], tempo.probabilities[1:3], strict=False)
    return ", ".join(f"{bpm:.0f}: {100 * probability:.0f} %" for bpm, probability in pairs if probability >= 0.01)


def _metre(beats: Events) -> tuple[int, float]:
    """The most frequent number of beats from one "1" to the next, and its share of the bars; 0 where no bar is whole."""
    ones = [i for i, label in enumerate(beats.labels or ()) if label == "1"]
    bars = Counter(b - a for a, b in pairwise(ones))
    if not bars:
        return 0, 0.0
    metre, count = min(bars.items(), key=lambda item: (-item[1], item[0]))
    return metre, count / sum(bars.values())


def _key_name(label: str) -> str:
    tonic, _, mode = label.partition(":")
    return f"{tonic.replace('b', '♭').replace('#', '♯')} {mode}".strip()


def clock(seconds: float) -> str:
    """Seconds as people write them: "4:05", "1:02:03"."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def _end(example: Mapping[str, Any]) -> float:
    """The last time that any field names: the length of a page without sound."""
    last = 0.0
    for value in example.values():
        for name in ("times", "ends"):
            times = getattr(value, name, None)
            if isinstance(times, np.ndarray) and times.size:
                last = max(last, float(times.max()))
    return last


def _href(path: str) -> str:
    """A relative address: nothing in it can be read as a scheme or a host."""
    quoted = quote(path.replace("\\", "/"), safe="/!$&'()*+,;=@~-._", errors="surrogateescape")
    return quoted.lstrip("/") if quoted.startswith("//") else quoted


# ---- the templates


@cache
def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


@cache
def _template(name: str) -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    # Everything is escaped but what `_filled` itself marks as safe: our own scripts and styles, and JSON without "<".
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["clock"] = clock
    return environment.get_template(f"{name}.html.j2")


def _filled(name: str, data: Any, scripts: tuple[str, ...], **values: Any) -> str:
    from markupsafe import Markup

    styles = _text("base.css") + _text(f"{name}.css")
    sources = [_text(script) for script in scripts]
    json_text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # A "<" in JSON stands only inside strings; line separators end a line in old scripts.
    for sign in "<>&\u2028\u2029":
        json_text = json_text.replace(sign, f"\\u{ord(sign):04x}")
    json_text = _encodable(json_text)
    nonce = _digest(styles + json_text).replace("+", "-").replace("/", "_").rstrip("=")
    html: str = _template(name).render(
        **values,
        version=__version__,
        nonce=nonce,
        data=Markup(json_text),
        styles=Markup(styles),
        scripts=[Markup(source) for source in sources],
        hashes=" ".join(f"'sha256-{_digest(source)}'" for source in sources),
    )
    return _encodable(html)


def _encodable(text: str) -> str:
    """Without the lone surrogates that stand for undecodable bytes of file names."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
