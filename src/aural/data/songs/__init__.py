"""Songs made by rule or from open scores, rendered with effects, with the truth of every beat, onset, chord and note.

    MadeSongs(0)(7)                        the eighth song of seed 0, rendered when asked for
    make_songs("songs/", hours=1, seed=0)  an hour of them as WAV, labels in one index (and JAMS): what training reads
    FolderOfSongs("songs/")                the source that reads them back, only the part that is cut

The same seed, split and number give the same song in any process and with any number of jobs, wherever the same fonts and
corpora are installed. The split "test" has its own fonts, its own styles and the corpora's last songs.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ...annotations import Curves, Events, Example, Intervals, Label, Notes, Tempo
from ...annotations import Score as Number
from ...errors import AnnotationError, DataError, OptionError, OutputError, UnknownName
from ...sound import Recording
from . import composer, corpora, fonts, render
from .fonts import RATE, Split
from .render import GM_DRUMS
from .score import Score
from .styles import STYLES

INDEX = "songs.jsonl"
# How often each kind of song is drawn; what isn't installed is left out.
MIXES: dict[str, dict[str, float]] = {
    "train": {"composed": 0.53, "solo": 0.03, "piano": 0.10, "pop909": 0.18, "lieder": 0.07, "mma": 0.09},
    "test": {"unseen style": 0.40, "composed": 0.07, "solo": 0.03, "piano": 0.14, "pop909": 0.14, "lieder": 0.10, "mma": 0.12},
    "band": {"composed": 0.66, "solo": 0.01, "piano": 0.05, "pop909": 0.16, "lieder": 0.05, "mma": 0.07},
    "keys": {"composed": 0.40, "solo": 0.06, "bowed": 0.03, "piano": 0.23, "pop909": 0.14, "lieder": 0.09, "mma": 0.05},
    "bows": {"composed": 0.36, "solo": 0.10, "bowed": 0.10, "piano": 0.20, "pop909": 0.12, "lieder": 0.08, "mma": 0.04},
    "bowed": {"bowed": 1.0},
}

PIECES = {"piano": composer.piano_piece, "solo": composer.solo_piece, "bowed": composer.bowed_piece}


@dataclass(frozen=True)
class MadeSongs:
    """A source of made songs: example i depends on (seed, split, i) and on what is installed, on nothing else.

    Attributes:
        seed: of all chance.
        split: "test" takes the fonts, styles and scores that "train" never takes.
        seconds: length of a song; test songs last between two thirds of it and all of it.
        length: number of songs; None: 32 for test, 10,000 for train.
        banks: synthesised banks to train on.
        sampled: False uses synthesised banks and composed songs alone (the same on every machine, nothing installed).
        stems: adds the field `stems`.
        mix: a key of MIXES; "" is the split's own. "band" has fewer odd metres, "keys" more pianos, "bows" also more that play
            alone, "bowed" is nothing but bows on two strings.
    """

    seed: int = 0
    split: Split = "train"
    seconds: float = 60.0
    length: int | None = None
    banks: int = 5
    sampled: bool = True
    stems: bool = False
    mix: str = ""

    def __post_init__(self) -> None:
        if self.split not in ("train", "test"):
            raise OptionError(f"split={self.split!r}: made songs have the splits train and test")
        if self.mix and self.mix not in MIXES:
            raise UnknownName.among("mix", self.mix, MIXES)
        if self.seconds < 5:
            raise OptionError(f"seconds={self.seconds:g}: a song needs at least 5")

    @property
    def name(self) -> str:
        return f"songs:{self.seed}"

    @property
    def size(self) -> int:
        return self.length if self.length is not None else 32 if self.split == "test" else 10_000

    def ready(self) -> None:
        """Loads fonts and corpora (seconds): before forking, so that processes share them."""
        fonts.load(self.split, self.banks, self.sampled)
        self._corpora()

    def _corpora(self) -> corpora.Corpora:
        data = os.environ.get("AURAL_DATA") if self.sampled else None
        return corpora.load(Path(data) / "midi" if data else None)

    def score(self, index: int, attempt: int = 0) -> tuple[Score | None, np.random.Generator, float]:
        """The song on paper, the generator its performance goes on with, and its seconds."""
        rng = np.random.default_rng((self.seed, ("train", "test").index(self.split), index, attempt))
        held = self.split == "test"
        seconds = round(float(rng.uniform(2 / 3, 1) * self.seconds), 2) if held else float(self.seconds)
        own = self._corpora()
        mix = {k: p for k, p in MIXES[self.mix or self.split].items() if k in (*PIECES, "composed", "unseen style", *own.names)}
        kind = str(rng.choice(list(mix), p=np.array(list(mix.values())) / sum(mix.values())))
        longer = seconds * 1.25 + 4
        if kind in own.names:
            return own.draw(kind, rng, held), rng, seconds
        if kind in PIECES:
            return PIECES[kind](rng, longer, own.charts), rng, seconds
        return composer.compose(rng, longer, None, own.charts, own.grooves, kind == "unseen style", self.mix == "band"), rng, seconds

    def __call__(self, index: int) -> Example:
        """Renders the song. Raises DataError where tinysoundfont is missing."""
        return _rendered(self, index)

    def labels(self, field: str) -> list[str]:
        """The words a field can use."""
        if field == "drums":
            return sorted(GM_DRUMS.values())
        if field == "style":
            return sorted({*STYLES, "piano", "solo", "pop909", "pop909 piano", "lieder", "mma"})
        if field == "beats":
            return [str(i) for i in range(1, 13)]
        from .. import words

        return sorted({word for i in range(min(self.size, 8)) for word in words(self(i).get(field))})


@lru_cache(maxsize=16)
def _rendered(source: MadeSongs, index: int) -> Example:
    sources = fonts.load(source.split, source.banks, source.sampled)
    for attempt in range(20):
        score, rng, seconds = source.score(index, attempt)
        if score is None:
            continue
        try:
            example = render.render(score, sources, rng, seconds, source.stems)
        except (AnnotationError, ValueError, IndexError) as error:  # one odd song must not stop an hour of making them
            warnings.warn(f"{source.name} {source.split} {index}: {score.name} left out ({error})", stacklevel=2)
            continue
        if example is not None:
            example["name"] = f"{source.split}-{source.seed}-{index:06d}"
            example["style"] = Label(score.style)
            return example
    raise DataError(
        f"{source.name}: no song could be made for number {index} (20 tries); is a font silent? Fonts: {', '.join(sources.names)}"
    )


# ---- folders of made songs


def make_songs(
    folder: Path | str,
    hours: float,
    seed: int = 0,
    split: Split = "train",
    jobs: int = 1,
    format: Literal["wav", "flac"] = "wav",
    progress: Callable[[int, int], None] | None = None,
    seconds: float = 60.0,
    banks: int = 5,
    sampled: bool = True,
    jams: bool = True,
) -> int:
    """Renders `hours` of songs into a folder and returns how many it holds; what is finished already is kept.

    Writes NAME.wav (or .flac; mono, 44,100 Hz, 16 bits), NAME.jams, and a line in songs.jsonl a song: all of its labels, which
    FolderOfSongs reads in a second or two. The songs do not depend on `jobs`. progress(done, of) is called after each song.

    Raises OutputError where the folder can't be written, or holds songs of other settings; DataError as MadeSongs does.
    """
    folder = Path(folder)
    source = MadeSongs(
        seed, split, seconds, max(1, math.ceil(hours * 3600 / (seconds * (5 / 6 if split == "test" else 1)))), banks, sampled
    )
    if format not in ("wav", "flac"):
        raise OptionError(f"format={format!r}: songs are written as wav or flac")
    settings = {"seed": seed, "split": split, "seconds": seconds, "banks": banks, "sampled": sampled, "format": format}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        done = _finished(folder, settings)
        todo = range(done, source.size)
        fonts.prepare(split, banks, jobs)
        source.ready()
        with (folder / INDEX).open("a", encoding="utf-8") as index:
            for number, line in enumerate(_in_order(source, folder, format, jams, todo, jobs), done + 1):
                index.write(line + "\n")
                index.flush()
                if progress is not None:
                    progress(number, source.size)
    except OSError as error:
        raise OutputError(f"{folder}: {error.strerror or error}; choose another folder, or make room") from None
    return source.size


def _finished(folder: Path, settings: dict[str, Any]) -> int:
    """How many songs of these settings the folder holds; a line cut short by a crash is taken away."""
    path = folder / INDEX
    if not path.exists():
        path.write_text(json.dumps({"settings": settings}) + "\n", encoding="utf-8")
        return 0
    lines = path.read_bytes().split(b"\n")
    whole = lines[:-1]
    try:
        found = json.loads(whole[0])["settings"] if whole else settings
    except (json.JSONDecodeError, KeyError, TypeError):
        raise OutputError(f"{path}: not an index of made songs; choose another folder") from None
    if found != settings:
        odd = ", ".join(f"{k}={found.get(k)!r} (now {v!r})" for k, v in settings.items() if found.get(k) != v)
        raise OutputError(f"{folder}: holds songs of other settings: {odd}; choose another folder or the same settings")
    if lines[-1] or not whole:
        path.write_bytes(b"\n".join(whole or [json.dumps({"settings": settings}).encode()]) + b"\n")
    return max(0, len(whole) - 1)


def _in_order(source: MadeSongs, folder: Path, format: str, jams: bool, todo: range, jobs: int) -> Iterator[str]:
    arguments = [(source, folder, format, jams, number) for number in todo]
    if jobs < 2 or len(todo) < 2:
        yield from map(_make, arguments)
        return
    method = "fork" if "fork" in multiprocessing.get_all_start_methods() else "spawn"
    with ProcessPoolExecutor(jobs, multiprocessing.get_context(method), initializer=source.ready) as pool:
        try:
            yield from pool.map(_make, arguments, chunksize=1)
        except BrokenProcessPool:
            raise DataError(
                f"{folder}: a worker was killed (out of memory?); run it again with fewer jobs, finished songs are kept"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def _make(job: tuple[MadeSongs, Path, str, bool, int]) -> str:
    """Renders one song, writes its sound, and returns its line of the index."""
    from ...formats import About, write_file
    from ...formats.jams import dumps as jams_text

    source, folder, format, jams, number = job
    example = _rendered.__wrapped__(source, number)
    name = str(example["name"])
    _write(folder / f"{name}.{format}", example["sound"].samples[0])
    if jams:
        about = About(name, "", example["sound"].duration, f"{name}.{format}", RATE)
        write_file(folder / f"{name}.jams", jams_text(example, about).encode())
    return json.dumps(_to_line(example), separators=(",", ":"))


def _write(path: Path, samples: np.ndarray) -> None:
    """(time,) at RATE as 16 bits, whole or not at all."""
    import soundfile

    part = path.with_name(f"{path.name}.part")
    whole = (np.clip(samples, -1, 1 - 2**-15) * 32768).round().astype(np.int16)
    soundfile.write(str(part), whole, RATE, subtype="PCM_16", format=path.suffix[1:].upper())
    os.replace(part, path)


def keep(source: Any, folder: Path | str, wanted: Callable[[Example], bool] | None = None) -> list[Example]:
    """Writes what a source says (pseudo-labels, say) as a folder that FolderOfSongs reads, and returns what was written.

    Sounds become mono FLAC at 44,100 Hz. wanted: which of the examples; default: all. Raises OutputError.
    """
    folder = Path(folder)
    kept: list[Example] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / INDEX).open("w", encoding="utf-8") as index:
            index.write(json.dumps({"settings": {"source": source.name, "format": "flac"}}) + "\n")
            for i in range(source.size):
                example = Example({"strata": (), **source(i)})
                if wanted is None or wanted(example):
                    name = f"{i:05d}"
                    sound = example["sound"].read() if isinstance(example["sound"], Recording) else example["sound"]
                    _write(folder / f"{name}.flac", sound.mono().at(RATE).samples[0])
                    kept.append(Example({**example, "name": name}))
                    index.write(json.dumps(_to_line(kept[-1]), separators=(",", ":")) + "\n")
    except OSError as error:
        raise OutputError(f"{folder}: {error.strerror or error}; choose another folder, or make room") from None
    return kept


def _to_line(example: Example) -> dict[str, Any]:
    """All fields but the sound, by type, as JSON knows them."""
    out: dict[str, Any] = {"name": example["name"], "strata": list(example["strata"]), "seconds": example["sound"].duration}
    for field, value in example.items():
        match value:
            case Events():
                out[field] = {"events": value.times.tolist(), "labels": value.labels}
            case Intervals():
                out[field] = {"starts": value.starts.round(5).tolist(), "ends": value.ends.round(5).tolist(), "labels": value.labels}
            case Notes():
                velocities = np.zeros(len(value)) if value.velocities is None else value.velocities
                tracks = np.zeros(len(value)) if value.tracks is None else value.tracks
                out[field] = {
                    "notes": [value.starts.tolist(), value.ends.tolist()],
                    "whole": [value.pitches.astype(int).tolist(), velocities.astype(int).tolist(), tracks.astype(int).tolist()],
                    "names": value.names,
                }
            case Tempo():
                out[field] = {"bpms": value.bpms.tolist(), "probabilities": value.probabilities.tolist()}
            case Label():
                out[field] = {"label": value.name}
            case Curves():
                out[field] = {"times": _spaced(value.times), "curves": value.values.tolist(), "labels": value.labels}
            case Number():
                out[field] = {"value": value.value, "over": value.over}
    return out


def _spaced(times: np.ndarray) -> Any:
    """Times as JSON: so many points at a whole rate from 0 on, else one by one."""
    rate = round(1 / times[1]) if len(times) > 1 and 1e-4 < times[1] < 1 else 0
    return {"points": len(times), "rate": rate} if rate and np.array_equal(times, np.arange(len(times)) / rate) else times.tolist()


def _from_line(line: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for field, value in line.items():
        match value:
            case {"events": times, "labels": words}:
                out[field] = Events(times, words)
            case {"starts": starts, "ends": ends, "labels": words}:
                out[field] = Intervals(starts, ends, words)
            case {"notes": [starts, ends], "whole": [pitches, velocities, tracks], "names": names}:
                out[field] = Notes(starts, ends, pitches, np.array(velocities, float), None, np.array(tracks, float), tuple(names))
            case {"bpms": bpms, "probabilities": probabilities}:
                out[field] = Tempo(np.array(bpms), np.array(probabilities))
            case {"label": word}:
                out[field] = Label(word)
            case {"times": times, "curves": values, "labels": words}:
                spaced = isinstance(times, dict)
                out[field] = Curves(np.arange(times["points"]) / times["rate"] if spaced else times, np.array(values), words)
            case {"value": number, "over": over}:
                out[field] = Number(number, over)
            case list():
                out[field] = tuple(value)
            case _:
                out[field] = value
    return out


class FolderOfSongs:
    """The source of what make_songs wrote. The index is read once; sounds are read only where they are cut.

    fields: which annotations to keep (None: all); leaving out notes makes the index load several times as fast.
    """

    def __init__(self, folder: Path | str, fields: tuple[str, ...] | None = None) -> None:
        self.folder = Path(folder)
        path = self.folder / INDEX
        if not path.exists():
            raise DataError(f"{self.folder}: no {INDEX} here; make songs first: `aural data songs --hours 1 -o {self.folder}`")
        kept = None if fields is None else {"name", "strata", "seconds", "style", *fields}
        with path.open("rb") as file:
            self._settings: dict[str, Any] = json.loads(file.readline())["settings"]
            self._examples = [
                _from_line({k: v for k, v in json.loads(line).items() if kept is None or k in kept})
                for line in file
                if line.endswith(b"\n")
            ]
        if not self._examples:
            raise DataError(f"{path}: no song in it yet; make some: `aural data songs --hours 1 -o {self.folder}`")

    @property
    def name(self) -> str:
        return str(self.folder)

    @property
    def size(self) -> int:
        return len(self._examples)

    def __call__(self, index: int) -> Example:
        found = self._examples[index]
        recording = Recording(self.folder / f"{found['name']}.{self._settings['format']}")
        return Example({"sound": recording, **{k: v for k, v in found.items() if k != "seconds"}})

    def labels(self, field: str) -> list[str]:
        """Sorted words of a field over all songs."""
        from .. import words

        return sorted({word for example in self._examples for word in words(example.get(field))})


__all__ = ["FolderOfSongs", "MadeSongs", "keep", "make_songs"]
