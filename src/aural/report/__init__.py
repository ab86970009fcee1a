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
          (CSP) allows its own scripts by their hash and nothing else, links are relative
Player    wavesurfer.js 7 (BSD-3, vendor/) plays and draws the waveform; page.js draws the lanes that the tasks declare
Chart     chords in bars, transposed or for a capo, printed on one sheet; harmony.js knows the names, chart.js draws them
Edit      bars, tempo, metre, chords and keys are put right on the page; what is saved there is the sound's sidecar, NAME.aural.toml;
          rhythm.js and harmony.js follow its rules, so that the page shows at once what the next analysis will make of it
"""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np

from .. import __version__, harmony, rhythm
from ..annotations import Curves, Events, Grid, Intervals, Label, Score, Tempo
from ..corrections import sidecar
from ..formats import main_bpm
from ..sound import Recording, Sound
from ..tasks import Lane, Task, task
from . import _harmony, _lanes, _rhythm
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


VIEWS = Lane("curve", "who argued", height=56)  # for what: a curve for each of several nets


class Shown(NamedTuple):
    """A lane of the page: how it is drawn, the field, and the annotation (Events, Intervals, Notes, Curves, Picture)."""

    lane: Lane
    field: str
    value: Any


@dataclass(frozen=True)
class Page:
    """All that one page says. `page` makes it from an Example; `render` writes it.

    files: label and relative address; made_by: dicts of system, weights (digest), version, command; picture: uint8
    (height, width), high frequencies on top, spanning the whole sound; pitches: the same, a row a semitone (`_harmony.pitches`),
    behind the notes; sections: start and label of each, for the chart; grids: the stretches of constant tempo; correction: what edit
    mode begins with; heard: the beats before it, where they differ; again: the command that reads the sidecar; offset: of the page's
    0 in the file, seconds.
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
    pitches: np.ndarray | None = None
    sections: Sequence[Mapping[str, Any]] = ()
    grids: Sequence[Grid] = ()
    correction: Mapping[str, Any] = field(default_factory=lambda: _rhythm.correction(""))
    heard: Events | None = None
    again: str = ""
    offset: float = 0.0


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
    played: Media | None = None,
    embed: bool = True,
    link: str = "",
    picture: bool = True,
    corrections: str = "",
    heard: Events | None = None,
    offset: float = 0.0,
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
        played: the sound as a browser plays it, where it is there already.
        embed: put the sound into the page. Sounds longer than 20 minutes never are.
        link: relative path of the sound file, for the player where the sound isn't embedded.
        picture: show the log-mel picture, and the constant-Q picture behind the notes.
        corrections: text of the sound's sidecar, which the example's beats follow; edit mode begins with it.
        heard: the beats before those corrections; without them edit mode can't take back what the sidecar says.
        offset: seconds of the page's 0 in the file, where it is a part; the sidecar's times are the file's.

    Raises AnnotationError where a task's lane can't draw what the field holds, CorrectionError where the corrections can't be
    read.
    """
    if sound is None:
        sound = example.get("sound")
    duration = float(sound.duration) if sound is not None else _end(example)
    beats, tempo = rhythm.counted(example), example.get("tempo")
    lanes: list[Shown] = []
    derived: list[Shown] = []
    asked = sorted((task(one) if isinstance(one, str) else one for one in tasks), key=_rank)
    shown = beats if any(one.makes == "beats" for one in asked) else None
    for one in asked:
        value = beats if one.makes == "beats" and beats is not None else example.get(one.makes)
        if value is None or (one.makes == "downbeats" and shown is not None and _rhythm.same_bars(shown, value)):
            continue
        if one.lane is not None:
            lanes.append(Shown(one.lane, one.makes, value))
        if one.makes in ("beats", "tempo") and not derived:
            derived = [Shown(*lane) for lane in _rhythm.lanes(shown, tempo, example.get("onsets"))]
            lanes += derived
        if one.makes == "key" and one.lane is not None:
            lanes += [Shown(*lane) for lane in _harmony.lanes(value)]
    for views in (one.makes + "_views" for one in asked):
        if isinstance(example.get(views), Curves):
            lanes.append(Shown(VIEWS, views, example[views]))
    strip, behind = None, None
    if sound is not None and picture and duration > 0:
        from ..representations.picture import log_mel_strip

        strip = log_mel_strip(sound, width_per_second=min(40.0, _lanes.FINE / duration), height=96)
        if any(lane.kind == "roll" for lane, _, _ in lanes):
            behind = _harmony.pitches(sound)
    notes, made_by = list(notes), list(made_by)
    if played is None and sound is not None and embed and 0 < duration <= LONGEST:
        played = media(sound, original)
    elif played is None and link:
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
            made_by=made_by,
            notes=notes,
            media=played,
            peaks=peaks(sound) if sound is not None and duration > 0 else None,
            picture=strip,
            pitches=behind,
            sections=_harmony.sections(example),
            grids=tempo.segments if isinstance(tempo, Tempo) else (),
            correction=_rhythm.correction(corrections, _sidecar(file_name), offset),
            heard=heard,
            again=next((one["command"] for one in made_by if one.get("command")), f"aural analyze {shlex.quote(file_name)}"),
            offset=offset,
        )
    )


def render(page: Page) -> str:
    """The page as HTML: a pure function of its argument."""
    lanes: list[dict[str, Any]] = []
    for i, (lane, name, value) in enumerate(page.lanes):
        drawn = _lanes.encoded(lane.kind, name, value, page.duration)
        about: dict[str, Any] = {"id": f"lane-{i}", "kind": lane.kind, "title": lane.title, "field": name}
        lanes.append({**about, "height": lane.height, "sonify": lane.sonify, **drawn})
    if page.picture is not None:
        about = {"id": "lane-picture", "kind": "picture", "title": PICTURE.title, "field": "sound", "height": PICTURE.height}
        lanes.append({**about, "sonify": "", **_lanes.picture(page.picture, page.duration)})
    data = {
        "duration": page.duration,
        "lanes": lanes,
        "peaks": {"top": _lanes.packed(page.peaks.top, "u1"), "bottom": _lanes.packed(page.peaks.bottom, "u1")} if page.peaks else None,
        "sound": {"mime": page.media.mime, "href": page.media.href} if page.media else None,
        "pitches": None if page.pitches is None else {"lowest": _harmony.LOWEST, **_lanes.picture(page.pitches, page.duration)},
        "sections": list(page.sections),
        "grids": [{"start": grid.start, "end": grid.end, "bpm": grid.bpm, "anchor": grid.anchor} for grid in page.grids],
        "correction": page.correction,
        "heard": None if page.heard is None else _lanes.events(page.heard, page.duration),
        "offset": page.offset,
        "file": page.file_name,
    }
    has_beats = any(lane["field"] == "beats" and lane["kind"] == "events" for lane in lanes)
    harmonic = [name for name in ("chords", "key") if any(lane["field"] == name and lane["kind"] == "spans" for lane in lanes)]
    return _filled(
        "page",
        data,
        ("vendor/wavesurfer-7.12.12.min.js", "rhythm.js", "harmony.js", "chart.js", "page.js"),
        page=page,
        lanes=lanes,
        length=clock(page.duration),
        gridded=has_beats and bool(page.grids),
        sidecar=_sidecar(page.file_name),
        beaten=has_beats,
        corrected=_listed(["bars", "tempo"] * has_beats + [{"key": "keys"}.get(name, name) for name in harmonic]),
        clicked=_listed(["a beat"] * has_beats + [f"a {name.removesuffix('s')}" for name in harmonic], "or"),
        harmonic=harmonic,
        files=[(label, _href(path), _about(path)) for label, path in page.files],
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


def _rank(one: Task) -> tuple[int, int]:
    """Pulse first, then words, curves and rolls, the tall ones of these first."""
    if one.lane is None:
        return 0, 0
    kind = ("events", "spans", "curve", "roll", "picture").index(one.lane.kind)
    return kind, -one.lane.height if one.lane.kind == "roll" else 0


def facts_of(example: Mapping[str, Any]) -> list[Fact]:
    """What the summary can say from the annotations alone: tempo, metre, key, tuning."""
    facts = []
    beats, key, tempo = rhythm.counted(example), example.get("key"), example.get("tempo")
    if isinstance(tempo, Tempo) and not len(tempo.bpms):
        tempo = None
    range_, median, sure = "", 0.0, None
    if beats is not None and len(beats) > 1:
        gaps = np.diff(beats.times)
        median = float(np.median(gaps))
        low, high = np.percentile(gaps, [10, 90])
        if median > 0 and low > 0 and (high - low) / median >= 0.05:
            range_ = f"varies {60 / high:.0f}–{60 / low:.0f}"
        sure = None if beats.confidence is None else float(beats.confidence.mean())
    if isinstance(tempo, Tempo):
        sure = float(tempo.probabilities[0]) if len(tempo.probabilities) else None
        bpm = f"{main_bpm(example):.2f}" if tempo.segments else f"{tempo.bpms[0]:.1f}"
        if len(tempo.segments) == 1 and beats is not None and tempo.segments[0].end - tempo.segments[0].start > 0.9 * np.ptp(beats.times):
            range_ = ""  # one clock for all: what varies is where its beats were found
        facts.append(Fact("BPM", bpm, " · ".join(filter(None, [_rhythm.candidates(tempo), range_])), sure))
    elif median > 0:
        facts.append(Fact("BPM", f"{60 / median:.1f}", range_, sure))
    if beats is not None:
        metre, share = _metre(beats)
        if metre > 1:
            facts.append(Fact("beats a bar", str(metre), "" if share > 0.95 else f"in {100 * share:.0f} % of the bars", share))
    if isinstance(key, Label):
        facts.append(Fact("key", _key_name(key.name), harmony.camelot(key.name), key.confidence))
    elif isinstance(key, Intervals) and len(key):
        lasts = harmony.lasting(key)
        name = next(iter(lasts), "N")
        more = f"and {len(lasts) - 1} more" if len(lasts) > 1 else ""
        note = " · ".join(filter(None, [harmony.camelot(name), more]))
        facts.append(Fact("key", _key_name(name), note, lasts.get(name, 0.0) / max(float((key.ends - key.starts).sum()), 1e-9)))
    if isinstance(tuning := example.get("tuning"), Score):
        facts.append(Fact("A4 in Hz", f"{tuning.value:.1f}", f"{1200 * np.log2(tuning.value / 440):+.0f} cents".replace("-", "−")))
    return facts


def _metre(beats: Events) -> tuple[int, float]:
    """The beats of most bars, and their share of the bars; 0 where no bar is known."""
    bars = rhythm.bars(beats)
    whole = bars[:-1] or bars  # the last may be cut off
    main = rhythm.main_metre(beats)
    return main, sum(bar.beats == main for bar in whole) / len(whole) if main else 0.0


def _key_name(label: str) -> str:
    if label == "N":
        return "none"
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


def _listed(words: Sequence[str], last: str = "and") -> str:
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


# What files are for, by the end of their name.
_ABOUT = {
    ".notes.mid": "the notes, for any sequencer", ".mid": "MIDI, for any sequencer", ".chords.lab": "chords with their times",
    ".key.lab": "keys with their times", ".melody.csv": "the melody's pitch over time", ".musicxml": "lead sheet, for notation programs",
    ".jams": "everything, for programs", ".tempo.json": "tempo and grid",
}  # fmt: skip


def _about(path: str) -> str:
    return next((text for ending, text in _ABOUT.items() if path.lower().endswith(ending)), "")


def _sidecar(file_name: str) -> str:
    return sidecar(Path(file_name or "NAME")).name


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
