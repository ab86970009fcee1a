"""What a file says of the sound and of how its annotations were made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Used:
    """A system that made a field: its name, the digest and the version of its weights; the sidecar that corrected it, if one did."""

    makes: str
    system: str
    digest: str = ""
    version: str = ""
    corrected: str = ""

    def __str__(self) -> str:
        mended = self.corrected and f"corrected by {self.corrected}"
        return " ".join(word for word in (self.system, self.version, self.digest and f"sha256:{self.digest}", mended) if word)


@dataclass(frozen=True)
class About:
    """The sound and its making.

    title, artist: "" where unknown; duration: seconds; file: the sound file's name; rate: Hz, the unit of Sonic
    Visualiser's frames; decoder: which library decoded it; offset: seconds of encoder delay that the decoder left out at the
    start (what a player that does not leave it out is late by); systems: what made which field; version: of aural; notes:
    remarks on the file and the answers; path: where the sound file lies, absolute; quantize, bends: what is wanted of MIDI, notes
    moved onto the tatum and pitch bends where they are known.
    """

    title: str = ""
    artist: str = ""
    duration: float | None = None
    file: str = ""
    rate: int = 44_100
    decoder: str = ""
    offset: float = 0.0
    systems: tuple[Used, ...] = ()
    version: str = ""
    notes: tuple[str, ...] = ()
    path: str = ""
    quantize: bool = False
    bends: bool = True
