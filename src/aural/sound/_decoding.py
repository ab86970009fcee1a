"""What decoders have in common: how they are asked, what they say of a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

import numpy as np


class Decoder(Protocol):
    """rate, channels, frames (what is really there), name, delay in seconds, notes; read(first, last) → (channel, last - first)."""

    rate: int
    channels: int
    frames: int
    name: str
    delay: float
    notes: list[str]

    def read(self, first: int, last: int) -> np.ndarray: ...


class OtherDecoderError(Exception):
    """Another decoder may read it."""


def native(path: Path) -> str | bytes:
    """A path as libsndfile takes it: names that are no UTF-8 are bytes."""
    return os.fsencode(path) if os.name == "posix" else str(path)


def shown(path: Path) -> str:
    """A path on one line, in characters that can be printed."""
    return str(path).encode("utf-8", "backslashreplace").decode().replace("\n", "\\n").replace("\r", "\\r")


def remark(notes: list[str], text: str) -> None:
    """A note, unless one of its kind (what stands before the comma) is there already."""
    if not any(note.split(",")[0] == text.split(",")[0] for note in notes):
        notes.append(text)


def damaged(notes: list[str], time: float) -> None:
    remark(notes, f"some of it can't be decoded, from {time:.1f} s on; silence stands there")


def promise(promised: float, held: float) -> list[str]:
    """A note where header and file differ by more than a frame of any codec."""
    if abs(promised - held) <= 0.1:
        return []
    return [f"the header promises {promised:.1f} s, the file holds {held:.1f} s"]
