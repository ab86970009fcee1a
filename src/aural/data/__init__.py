"""Where examples come from: made songs, packs, folders, mirdata. One protocol, one function that reads their names.

    source("songs:0")            songs made by rule and rendered, seed 0
    source("mixed:0")            endless songs, mixed where they are learned from, seed 0
    source("loops:0")            loops on an exact grid, seed 0
    source("mdb_drums")          a pack in the folder that AURAL_DATA names
    source("~/my songs")         a folder: sounds, each beside its JAMS, CSV, LAB or .beats file
    source("mirdata:gtzan_genre") a published data set that lies on this machine

An Example of a source carries, beside its typed fields, the plain strings "name" (of the piece) and "strata" (a tuple,
maybe empty: groups that are reported apart, such as "close microphones" or "3/4").
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from ..annotations import Events, Example, Intervals, Label
from ..errors import DataError, UnknownName

Split = Literal["train", "test"]


@runtime_checkable
class Source(Protocol):
    """Examples by number. The same name, split and index give the same example, in any order and in any process."""

    @property
    def name(self) -> str:
        """What the source is called."""
        ...

    @property
    def size(self) -> int:
        """How many examples it has."""
        ...

    def __call__(self, index: int) -> Example:
        """The example of that number, 0 ≤ index < size."""
        ...

    def labels(self, field: str) -> list[str]:
        """The words that a field uses in this source, sorted: the classes of a classifier."""
        ...


@dataclass(frozen=True)
class Pieces:
    """A source that is a list: (name of the piece, function that makes its example), read when asked for."""

    name: str
    pieces: Sequence[tuple[str, Callable[[], Example]]]

    @property
    def size(self) -> int:
        return len(self.pieces)

    def __call__(self, index: int) -> Example:
        piece, make = self.pieces[index]
        return Example({"name": piece, "strata": (), **make()})

    def labels(self, field: str) -> list[str]:
        """Sorted words of the field over all pieces (a pass over the annotations; sounds are not read)."""
        return sorted({word for i in range(self.size) for word in words(self(i).get(field))})


def words(value: Any) -> set[str]:
    """The words in one annotation: labels of events and intervals, names of labels, a plain string itself."""
    if isinstance(value, Label):
        return {value.name}
    if isinstance(value, Events | Intervals):
        return set(value.labels or ())
    if isinstance(value, str):
        return {value}
    if isinstance(value, Sequence):
        return {word for item in value for word in words(item)}
    return set()


def source(spec: str | Path, split: Split = "train", task: str = "") -> Source:
    """The source of that name.

    Args:
        spec: "songs:SEED", "mixed:SEED" (or "mixed:SEED:MIX"), "loops:SEED", a pack's name, a folder, or "mirdata:NAME" (or
            "mirdata:NAME:FOLDER").
        split: of sources that have one: made and mixed songs (fonts and styles of "test" are held out), packs with a column
            `split`, folders with sub-folders train and test. Others give all they have to both.
        task: name of the task the examples are for; where a pack has several recordings of a piece it decides which
            (drum stems for "onset" in mdb_drums, mixes for "beat").

    Raises:
        UnknownName: no such pack, nearest offered. DataError: AURAL_DATA unset, or nothing usable in the folder.
    """
    if split not in ("train", "test"):
        raise UnknownName.among("split", str(split), ("train", "test"))
    text = str(spec)
    kind, _, rest = text.partition(":")
    if kind == "songs":
        if not (rest or "0").isdigit():
            raise DataError(f"{text}: the seed of made songs is a number, such as songs:0")
        made: Source = import_module(f"{__name__}.songs").MadeSongs(int(rest or 0), split)
        return made
    if kind == "mixed":
        seed, _, mix = rest.partition(":")
        if not (seed or "0").isdigit():
            raise DataError(f"{text}: the seed of mixed songs is a number, such as mixed:0 or mixed:0:band")
        mixed: Source = import_module(f"{__name__}.songs.mixing").MixedSongs(int(seed or 0), split, mix=mix)
        return mixed
    if kind == "loops":
        if not (rest or "0").isdigit():
            raise DataError(f"{text}: the seed of made loops is a number, such as loops:0")
        loops: Source = import_module(f"{__name__}.songs.loops").MadeLoops(int(rest or 0))
        return loops
    if kind == "mirdata":
        from . import mirdata

        return mirdata.source(rest, split)
    if isinstance(spec, Path) or os.sep in text or "/" in text or text in (".", ".."):
        from . import folders

        return folders.source(Path(text).expanduser(), split)
    from . import packs

    root = os.environ.get("AURAL_DATA")
    if root and text in packs.names(Path(root)):
        return packs.source(Path(root) / text, split, task)
    if Path(text).is_dir():
        from . import folders

        return folders.source(Path(text), split)
    if not root:
        raise DataError(
            f"{text!r} is no folder here, and packs are looked for in the folder that AURAL_DATA names, which is not set: "
            "export AURAL_DATA=/path/to/packs, or give a folder or songs:0"
        )
    raise UnknownName.among(
        "source", text, [*packs.names(Path(root)), "songs:0"], f"Packs in {root}; a folder needs a slash: ./{text}; also songs:SEED."
    )


def augmentation(name: str) -> Callable[[], Any]:
    """What makes the augmentation that a recipe names (of data/augment.py): an object with `sound` and `features`. Raises UnknownName."""
    known: dict[str, Callable[[], Any]] = import_module(f"{__name__}.augment").AUGMENTATIONS
    if name not in known:
        raise UnknownName.among("augmentation", name, known)
    return known[name]


__all__ = ["Pieces", "Source", "Split", "augmentation", "source", "words"]
