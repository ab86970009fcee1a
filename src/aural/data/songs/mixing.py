"""Songs mixed on the device, which never repeat: workers compose and lay out notes, the device mixes them.

    MixedSongs(0)(7)["sound"].read()    mixed here, slowly
    train(system, "mixed:0")            mixed on the device, a batch at a time
    train(system, "mixed:0:band")       of other kinds of songs: see `MIXES`

Mix       notes are read out of the bank with linear interpolation and added up by stem; each stem is driven, equalised and sent
          into the clip's room in one product of spectra, and the same product resamples to the rate that is wanted
Pitch     a note's place in its recording is its step times the time, plus the integral of a vibrato and of a glide into the note
Chance    all of it is in the tables, so a song is the same wherever it is mixed (to rounding: a GPU adds in any order)
Exact     mixing a table that was cut gives the cut of the mix: every effect forgets within the second that is mixed before
Cost      a clip of 30 s is about 5 million samples of notes (20 KB of tables) and 3 stems, 8 at most; on a GPU all of it is bound by
          memory: reckoned 10 bytes a sample of a note in the kernel, 200 in plain PyTorch, 22 a sample and stem for the effects
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...annotations import Example, Label
from ...errors import AnnotationError, DataError, OptionError
from ...sound import Recording, Sound
from ..augment import _fast
from . import MadeSongs
from .bank import RATE, Bank, Stock
from .fonts import Split
from .score import Score
from .tables import AFTER, BEFORE, KNOTS, LOW, STEP, Table, silence, tabled

AT_ONCE = 1 << 20  # samples of notes that are in work together on a processor: its cache holds them
AT_ONCE_THERE = 1 << 24  # and on a GPU


def laid(samples: Tensor, whole: Tensor, real: Tensor, stems: int, frames: int) -> Tensor:
    """Notes added up: (clip, 6, note) int32 and (clip, 7, note) as in Table → (clip, stem, sample), float32.

    samples: the bank's. Starts count from the first of `frames` samples; what lies outside is left out.
    """
    clips = len(whole)
    out = torch.zeros(clips * stems * frames, device=samples.device)
    fast = _kernel(samples.device)
    if fast is not None:
        fast(out, samples, whole, real, stems, frames)
        return out.view(clips, stems, frames)
    start, count, offset, _, step, stem = (x.reshape(-1).long() for x in whole.unbind(1))
    gain, release, sway, turn, after, slide, glide = (x.reshape(-1) for x in real.unbind(1))
    bent = (sway != 0) | (slide != 0)
    row = torch.arange(clips, device=samples.device).repeat_interleave(whole.shape[-1]) * stems + stem
    begin, end = (-start).clamp(min=0), torch.minimum(count, frames - start)
    spans, order = (end - begin).sort(descending=True, stable=True)  # equally long notes are in work together
    lengths = spans[spans > 0].tolist()
    budget = AT_ONCE if samples.device.type == "cpu" else AT_ONCE_THERE
    first = 0
    while first < len(lengths):
        last = min(len(lengths), first + max(1, budget // lengths[first]))
        own = order[first:last]
        k = begin[own, None] + torch.arange(lengths[first], device=samples.device)
        at = k * step[own, None]
        if bent[own].any():
            at = at + (_bent(k.float(), *(x[own, None] for x in (sway, turn, after, slide, glide))) * (1 << STEP)).long()
        place = offset[own, None] + (at >> STEP)
        inside = k < end[own, None]
        place = place.where(inside, 0)
        share = (at & ((1 << STEP) - 1)).float() * 2.0**-STEP
        low, high = samples[place].float(), samples[place + 1].float()
        fade = ((count[own, None] - k) / release[own, None]).clamp(0, 1).square()
        value = torch.lerp(low, high, share) * (gain[own, None] * fade)
        to = (row[own] * frames + start[own])[:, None] + k
        out.index_add_(0, to.where(inside, 0).reshape(-1), value.where(inside, 0.0).reshape(-1))
        first = last
    return out.view(clips, stems, frames)


def _bent(time: Tensor, sway: Tensor, turn: Tensor, after: Tensor, slide: Tensor, glide: Tensor) -> Tensor:
    """How many samples further into its recording vibrato and glide have brought a note; see Table."""
    turns = (time - after).clamp(min=0) * turn
    glide = glide.clamp(min=1)
    slid = torch.minimum(time, glide)
    return sway * (1 - torch.cos((turns - turns.floor()) * (2 * math.pi))) - slide * (slid - slid * slid / (2 * glide))


@torch.no_grad()
def mix(samples: Tensor, tables: dict[str, Tensor], rate: int = RATE, effects: bool = True) -> Tensor:
    """A batch of Table.tensors() → (clip, 1, sample) float32 at `rate`, on the device where both lie.

    effects: False adds the notes up and does nothing else.
    """
    heard = tables["span"].shape[-1]
    clips, stems = len(tables["whole"]), tables["stems"].shape[-1]
    common = math.gcd(rate, RATE)
    unit = RATE // common
    length = round(heard * rate / RATE)
    if not clips or not stems or not length:
        return torch.zeros(clips, 1, length, device=samples.device)
    frames = BEFORE + heard + AFTER
    size = unit * _fast(-(-frames // unit))
    whole = tables["whole"].clone()
    whole[:, 0] += BEFORE
    dry = laid(samples, whole, tables["real"], stems, frames)
    p, q, a, wet = tables["stems"][:, :4].unbind(1)  # (clip, stem)
    basis = _basis(size, samples.device)
    room = torch.fft.rfft(_rooms(samples, tables["room"], tables["place"]), size) if effects else None
    total = torch.zeros(clips, size // 2 + 1, dtype=torch.complex64, device=samples.device)
    for stem in range(stems):
        x = dry[:, stem]
        if not effects:
            total += torch.fft.rfft(x, size)
            continue
        x = p[:, stem, None] * x + q[:, stem, None] * torch.tanh(a[:, stem, None] * x)
        response = torch.exp(tables["stems"][:, 4:, stem] @ basis)  # (clip, bin)
        assert room is not None
        total += torch.fft.rfft(x, size) * response * (1 + wet[:, stem, None] * room)
    if effects:
        total *= tables["room"][:, 2:]
    other = size // unit * (rate // common)
    wave = torch.fft.irfft(_limited(total, size, other), other) * (other / size)
    first = BEFORE // unit * (rate // common)
    wave = wave[:, first : first + length]
    ends = (tables["place"][:, 2:] * (rate / RATE)).round()
    return wave.masked_fill(torch.arange(length, device=wave.device) >= ends, 0.0)[:, None]


@lru_cache(maxsize=8)
def _basis(size: int, device: torch.device) -> Tensor:
    """(knot, bin): what a decibel at each knot does to the logarithm of the gain at each frequency."""
    octaves = torch.log2(torch.fft.rfftfreq(size, 1 / RATE, device=device).clamp(min=LOW) / LOW).clamp(max=KNOTS - 1)
    knots = torch.arange(KNOTS, device=device)[:, None]
    return (1 - (octaves - knots).abs()).clamp(min=0) * (math.log(10) / 20)


def _rooms(samples: Tensor, room: Tensor, place: Tensor) -> Tensor:
    """(clip, sample) responses of unit energy: recorded, or noise that decays after a delay."""
    time = torch.arange(BEFORE - RATE // 20, device=samples.device)
    within = time < place[:, 1:2]
    tail = samples[torch.where(within, place[:, :1].long() + time, 0)].float() * within
    tail = tail * torch.exp(-room[:, :1] * time) * (time >= room[:, 1:2])
    return tail / tail.square().sum(-1, keepdim=True).clamp(min=1.0).sqrt()


def _limited(spectrum: Tensor, size: int, other: int) -> Tensor:
    """Without what a lower rate can't hold: a cosine over its top twentieth."""
    if other >= size:
        return spectrum
    bins = other // 2 + 1
    edge = bins // 20
    slope = 0.5 + 0.5 * torch.cos(torch.linspace(0, math.pi, edge, device=spectrum.device))
    return torch.cat([spectrum[:, : bins - edge], spectrum[:, bins - edge : bins] * slope], -1)


@lru_cache(maxsize=8)
def _kernel(device: torch.device) -> Any:
    """The Triton kernel, where there is Triton, once it has given what plain PyTorch gives; else None."""
    if device.type != "cuda":
        return None
    try:
        from .kernel import check, lay

        check(device, laid)
    except Exception as error:  # an import, a compiler, a driver: plain PyTorch serves as well, only slower
        warnings.warn(f"notes are laid out by plain PyTorch, which is slower: {type(error).__name__}: {error}", stacklevel=2)
        return None
    return lay


class Mixed(Recording):
    """A sound that is notes until it is read; where a batch of them is wanted, `mix` makes them together.

    `cut` gives a Mixed: nothing is mixed before `read`, `mono`, `at` or `samples` ask for it.
    """

    def __init__(self, bank: Bank, table: Table) -> None:
        self.bank, self.table = bank, table
        self.path, self.rate, self.channels, self.frames = bank.path, RATE, 1, table.frames
        self.decoder, self.delay, self.notes = "mixed", 0.0, []

    def __repr__(self) -> str:
        return f"Mixed({self.table.whole.shape[1]} notes, {self.duration:g} s)"

    def cut(self, start: float, end: float) -> Mixed:  # type: ignore[override]
        """From start to end in seconds, at the nearest samples."""
        first, last = (int(min(max(0, round(t * RATE)), self.frames)) if t < self.duration else self.frames for t in (start, end))
        return Mixed(self.bank, self.table.cut(first, max(first, last)))

    def read(self) -> Sound:
        """Mixed on the processor."""
        tables = {name: tensor[None] for name, tensor in self.table.tensors().items()}
        return Sound(mix(self.bank.on(torch.device("cpu")), tables)[0].numpy(), RATE)

    @property
    def samples(self) -> np.ndarray:
        """(1, sample), mixed on the processor."""
        return self.read().samples


@dataclass(frozen=True)
class MixedSongs:
    """A source of songs that are mixed when they are read; example i depends on (seed, split, i) and on what is installed.

    Attributes:
        seed: of all chance.
        split: "test" takes the fonts, styles and scores that "train" never takes.
        seconds: length of an example: a part of a longer song, its own performance.
        takes: examples that are performances of the same score, one after the other; `drawn` draws them together, so that a
            worker composes once for all of them.
        stock: what the bank holds; None: all of the split's fonts.
        sampled: False uses synthesised banks and composed songs alone.
        length: number of examples; None: 64 for test, as many as nobody can hear for train.
        mix: which kinds of songs, a key of `MIXES`; "" is the split's own.
    """

    seed: int = 0
    split: Split = "train"
    seconds: float = 30.0
    takes: int = 4
    stock: Stock | None = None
    sampled: bool = True
    length: int | None = None
    mix: str = ""
    _songs: MadeSongs = field(init=False, repr=False, compare=False, default=MadeSongs())

    def __post_init__(self) -> None:
        if self.seconds < 1 or self.takes < 1:
            raise OptionError(f"seconds={self.seconds:g}, takes={self.takes}: both start at 1")
        if self.stock is not None and self.stock.split != self.split:
            raise OptionError(f"a bank of the split {self.stock.split!r} for songs of {self.split!r}: choose one")
        songs = MadeSongs(self.seed, self.split, max(60.0, self.seconds + 10), sampled=self.sampled, mix=self.mix)
        object.__setattr__(self, "_songs", songs)

    @property
    def name(self) -> str:
        return f"mixed:{self.seed}" + (f":{self.mix}" if self.mix else "")

    @property
    def size(self) -> int:
        return self.length if self.length is not None else 64 if self.split == "test" else 1 << 40

    @property
    def bank(self) -> Bank:
        """Made where it is not there yet."""
        return _bank(self.stock or Stock(self.split, sampled=self.sampled))

    def ready(self) -> None:
        """Makes or opens the bank and loads the corpora (seconds): before forking, so that processes share them."""
        _ = self.bank
        self._songs._corpora()

    def drawn(self, n: int, rng: np.random.Generator) -> list[Example]:
        """n examples at random, `takes` of each score that is drawn."""
        scores = rng.integers(0, max(1, self.size // self.takes), -(-n // self.takes))
        numbers = (scores[:, None] * self.takes + np.arange(self.takes)).ravel()[:n]
        return [self(int(i) % self.size) for i in numbers]

    def __call__(self, index: int) -> Example:
        """Composes and performs; nothing is mixed yet. Raises DataError where no song can be made."""
        bank = self.bank
        for attempt in range(20):
            score = _score(self._songs, index // self.takes, attempt)
            if score is None:
                continue
            rng = np.random.default_rng((self.seed, ("train", "test").index(self.split), index, attempt, 1))
            try:
                made = tabled(score, bank, rng, self.seconds)
            except (AnnotationError, ValueError, IndexError) as error:  # one odd song must not stop a training
                warnings.warn(f"{self.name} {self.split} {index}: {score.name} left out ({error})", stacklevel=2)
                continue
            if made is not None:
                table, truth = made
                more = {"name": f"mixed-{self.split}-{self.seed}-{index}", "style": Label(score.style)}
                return Example({"sound": Mixed(bank, table), **truth, **more})
        raise DataError(f"{self.name}: no song could be made for number {index} (20 tries); Fonts: {', '.join(bank.fonts.names)}")

    def labels(self, field: str) -> list[str]:
        """The words a field can use."""
        if field in ("drums", "style", "beats"):
            return self._songs.labels(field)
        from .. import words

        return sorted({word for i in range(min(self.size, 8)) for word in words(self(i).get(field))})

    def tables(self, sound: Any) -> dict[str, Tensor] | None:
        """What `mixed` makes the sound of; None: it is there already, and what `mixed` makes is not longer than nothing."""
        return sound.table.tensors() if isinstance(sound, Mixed) else None

    def untabled(self) -> dict[str, Tensor]:
        """A table of no sound, for the examples of a batch that need none."""
        return silence().tensors()

    def mixed(self, tables: dict[str, Tensor], rate: int) -> Tensor:
        """A batch of `tables` on a device → (clip, 1, sample) at `rate`."""
        return mix(self.bank.on(tables["whole"].device), tables, rate)


@lru_cache(maxsize=8)
def _bank(stock: Stock) -> Bank:
    return stock.bank()


@lru_cache(maxsize=32)
def _score(songs: MadeSongs, index: int, attempt: int) -> Score | None:
    return songs.score(index, attempt)[0]
