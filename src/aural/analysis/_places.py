"""Which sounds are meant, what their results are called, and which of them are finished."""

from __future__ import annotations

import contextlib
import glob
import itertools
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import AuralError, OutputError

ENDINGS = frozenset(
    f".{ending}"
    for words in (
        "wav wave flac ogg oga opus mp3 mp2 aif aiff aifc au snd caf w64 rf64",
        "m4a m4b mp4 aac ac3 wma webm mka mkv mov amr ape wv tta",
    )
    for ending in words.split()
)
RESERVED = {"index", "collection", "failures"}  # names of a folder's own files
COPIES = (".clicks", ".tagged")  # what copies of a sound are called that lie among its results
STALE = 600.0  # seconds after which a file that was being written is one that nobody writes any more


@dataclass(frozen=True)
class Place:
    """A sound: where it lies, its name below what was given, and what its files in OUT are called."""

    path: Path
    file: str
    stem: str
    problem: str = ""  # why there can be none


def find(given: Sequence[Path | str]) -> tuple[list[Place], bool]:
    """The sounds that paths, folders and patterns mean, each once, and whether several may be meant.

    Raises AuralError where a folder or a pattern has none. A file that is missing is found: analyzing it will say so."""
    found: dict[str, Place] = {}

    def add(path: Path, file: Path, problem: str = "") -> None:
        found.setdefault(os.path.abspath(path), Place(path, file.as_posix(), "", problem))

    several = len(given) > 1
    for one in given:
        path = Path(one).expanduser()
        if path.is_dir():
            several = True
            inside = _walk(path)
            if not inside:
                raise AuralError(f"{path}: no sounds in this folder or below it (looked for {', '.join(sorted(ENDINGS)[:6])} …)")
            for sound, problem in sorted(inside.items()):
                add(sound, sound.relative_to(path), problem)
        elif glob.has_magic(str(path)) and not path.exists():
            several = True
            matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True)) if not os.path.isdir(match)]
            if not matches:
                raise AuralError(f"{path}: nothing matches this pattern; check the folder that it begins with")
            home = Path(*itertools.takewhile(lambda part: not glob.has_magic(part), path.parts[:-1]))
            for match in matches:
                add(match, match.relative_to(home))
        else:
            add(path, Path(path.name))
    if not found:
        raise AuralError("no sound was given; name files, folders or patterns")
    return _named(list(found.values())), several


def _walk(folder: Path) -> dict[Path, str]:
    """Sounds below a folder, and folders that can't be listed with the reason; what is hidden, and copies that were written beside
    the results of a sound, are left out."""
    found: dict[Path, str] = {}

    def fail(error: OSError) -> None:
        found[Path(error.filename)] = f"this folder can't be read ({error.strerror}); check its permissions"

    for place, inside, files in os.walk(folder, onerror=fail):
        inside[:] = [name for name in inside if not name.startswith(".")]
        sounds = [name for name in files if Path(name).suffix.lower() in ENDINGS and not name.startswith(".")]
        found.update({Path(place) / name: "" for name in sounds if not _copy(name, files)})
    if folder in found:
        raise AuralError(f"{folder}: {found[folder]}")
    return found


def _copy(name: str, files: Sequence[str]) -> bool:
    stem = Path(name).stem
    return any(stem.endswith(ending) and f"{stem.removesuffix(ending)}.jams" in files for ending in COPIES)


def _named(places: Sequence[Place]) -> list[Place]:
    """Names for the results: as short as they can be while no two sounds share one, on any file system."""
    if len({place.file.casefold() for place in places}) < len(places):  # the same name in several of the folders
        common = os.path.commonpath([os.path.abspath(place.path.parent) for place in places])
        places = [replace(p, file=Path(os.path.relpath(os.path.abspath(p.path), common)).as_posix()) for p in places]
    stems = [place.file.removesuffix(place.path.suffix) for place in places]
    taken = Counter([*RESERVED, *(stem.casefold() for stem in stems)])
    return [replace(p, stem=stem if taken[stem.casefold()] == 1 else p.file) for p, stem in zip(places, stems, strict=True)]


def ready(out: Path) -> None:
    """Makes the folder for the results, sees that it can be written to, and takes away what a killed process left half-written.

    Raises OutputError: better before hours of work than after."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise OutputError(f"{out}: nothing can be written there ({error.strerror or error}); choose another folder") from None
    for part in out.rglob(".aural-*.part"):
        with contextlib.suppress(OSError):  # another process was faster
            if time.time() - part.stat().st_mtime > STALE:
                part.unlink()


def finished(place: Place, out: Path, digest: str) -> dict[str, Any] | None:
    """The row of a sound that was analyzed to this digest and whose results are all there; None where anything is to do."""
    jams = out / f"{place.stem}.jams"
    try:
        mark = json.loads(jams.read_text(encoding="utf-8"))["sandbox"]["aural"]["finished"]
        same = mark["digest"] == digest and mark["link"] in ("", link(place.path, jams))
        whole = same and all((out / f"{place.stem}{ending}").is_file() for ending in mark["endings"])
        return dict(mark["row"]) if whole else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def link(sound: Path, page: Path) -> str:
    """The sound's address as seen from a file; "" where there is no relative one (another drive)."""
    try:
        return printable(Path(os.path.relpath(os.path.realpath(sound), os.path.realpath(page.parent))).as_posix())
    except ValueError:
        return ""


def printable(name: str) -> str:
    """A file's name as text: bytes that are no UTF-8 are shown as �."""
    return os.fsencode(name).decode("utf-8", "replace")
