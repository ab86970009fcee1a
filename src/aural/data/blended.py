"""Sources side by side: every batch has fixed shares of them, such as mixed songs and real recordings with pseudo-labels.

blended({MixedSongs(0): 0.8, FolderOfSongs("clips/"): 0.2})         also pairs, where a source can't be a key
blended(((songs, 0.8), (clips, 0.2)), speed=0.03)                   recordings up to 3 % faster or slower, labels too
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ..annotations import Curves, Events, Example, Intervals, Notes, Score, Stems, Tempo
from ..errors import OptionError
from ..sound import Recording, Sound
from . import Source

HERTZ = ("melody", "pitches", "f0", "tuning")  # fields whose values are frequencies


@dataclass(frozen=True, eq=False)
class Blended:
    """A source of sources; `drawn` gives the shares, and what remains of a batch that can't be divided goes round.

    Attributes:
        parts: (source, share); shares add up to 1.
        speed: sounds that exist already are played up to so much faster or slower (0.03: half a semitone), with all that is
            true of them; words (chords, keys) stay, so keep it small where they are learned.
    """

    parts: tuple[tuple[Source, float], ...]
    speed: float = 0.0

    @property
    def name(self) -> str:
        return " + ".join(f"{share:.3g} {source.name}" for source, share in self.parts)

    @property
    def size(self) -> int:
        return sum(source.size for source, _ in self.parts)

    def __call__(self, index: int) -> Example:
        """Examples of each source in turn, by its share; a source that ends starts again."""
        turn = index * 0.6180339887498949 % 1  # multiples of the golden ratio are spread as evenly as can be
        edges = np.cumsum([share for _, share in self.parts])
        source = self.parts[min(int(np.searchsorted(edges, turn, "right")), len(self.parts) - 1)][0]
        return source(index % source.size)

    def drawn(self, n: int, rng: np.random.Generator) -> list[Example]:
        """n examples, so many of each source."""
        edges = np.floor(np.cumsum([0.0, *(share for _, share in self.parts)]) * n + rng.random() + 1e-9).astype(int)
        edges[[0, -1]] = 0, n
        examples = []
        for (source, _), count in zip(self.parts, np.diff(np.clip(edges, 0, n)).tolist(), strict=True):
            own = getattr(source, "drawn", None)
            found = own(count, rng) if own and count else [source(int(i)) for i in rng.integers(0, source.size, count)]
            late = hasattr(source, "mixed")
            examples += [e if late or not self.speed else faster(e, float(np.exp(rng.uniform(-self.speed, self.speed)))) for e in found]
        return examples

    def labels(self, field: str) -> list[str]:
        """The words of all of them, sorted."""
        return sorted({word for source, _ in self.parts for word in source.labels(field)})

    def ready(self) -> None:
        """Each that has something to prepare prepares it."""
        for source, _ in self.parts:
            prepare = getattr(source, "ready", None)
            if callable(prepare):
                prepare()


class _Late(Blended):
    """With a source whose sounds are made on the device (see `training`)."""

    def _maker(self) -> Any:
        return next(source for source, _ in self.parts if hasattr(source, "mixed"))

    def tables(self, sound: Any) -> dict[str, Tensor] | None:
        """What the sound is made of; None where it exists."""
        tables: dict[str, Tensor] | None = self._maker().tables(sound)
        return tables

    def untabled(self) -> dict[str, Tensor]:
        """Of no sound."""
        tables: dict[str, Tensor] = self._maker().untabled()
        return tables

    def mixed(self, tables: dict[str, Tensor], rate: int) -> Tensor:
        """A batch of tables as waveforms."""
        waves: Tensor = self._maker().mixed(tables, rate)
        return waves


def blended(shares: Mapping[Source, float] | Iterable[tuple[Source, float]], speed: float = 0.0) -> Blended:
    """Sources with their shares of every batch (they need not add up to 1). Raises OptionError."""
    parts = tuple(shares.items()) if isinstance(shares, Mapping) else tuple(shares)
    total = sum(share for _, share in parts)
    if not parts or min(share for _, share in parts) < 0 or total <= 0:
        raise OptionError(f"shares {[share for _, share in parts]}: give at least one source, and shares above 0")
    if not 0 <= speed <= 0.5:
        raise OptionError(f"speed={speed:g}: a share of the tempo between 0 and 0.5")
    makers = [source.name for source, _ in parts if hasattr(source, "mixed")]
    if len(makers) > 1:
        raise OptionError(f"{' and '.join(makers)} both make their sounds on the device, out of banks of their own: blend one of them")
    return (_Late if makers else Blended)(tuple((source, share / total) for source, share in parts), speed)


def faster(example: Example, factor: float) -> Example:
    """A recording played faster, higher, as a tape is, and what is true of it. The factor is that of a whole sample rate."""
    sound = example.get("sound")
    if not isinstance(sound, Sound | Recording):
        return example
    exact = round(sound.rate * factor) / sound.rate
    return Example({name: _faster(name, value, exact) for name, value in example.items()})


def _faster(name: str, value: Any, factor: float) -> Any:
    match value:
        case Sound() | Recording():
            return _Faster(value, factor)
        case Curves() if name in HERTZ:
            return replace(value, times=value.times / factor, values=value.values * factor)
        case Events() | Curves():
            return replace(value, times=value.times / factor)
        case Score() if name in HERTZ:
            return replace(value, value=value.value * factor)
        case Intervals():
            return replace(value, starts=value.starts / factor, ends=value.ends / factor)
        case Notes():
            pitches = np.clip(value.pitches + 12 * np.log2(factor), 0, 127)
            return replace(value, starts=value.starts / factor, ends=value.ends / factor, pitches=pitches)
        case Tempo():
            return Tempo(value.bpms * factor, value.probabilities)
        case Stems():
            return Stems({name: _Faster(sound, factor).read() for name, sound in value.sounds.items()})
    return value


class _Faster(Recording):
    """The samples of another sound, said to be of a higher rate; still read only where it is cut."""

    def __init__(self, sound: Sound | Recording, factor: float) -> None:
        self.path, self.sound, self.rate = getattr(sound, "path", Path()), sound, round(sound.rate * factor)
        self.channels, self.frames = sound.channels, sound.frames
        self.decoder, self.delay, self.notes = "faster", 0.0, []

    def __repr__(self) -> str:
        return f"{self.sound!r} at {self.rate} Hz"

    def cut(self, start: float, end: float) -> Sound:
        slower = self.rate / self.sound.rate
        return Sound(self.sound.cut(start * slower, end * slower).samples, self.rate)
