"""A bank of short notes, rendered once: what songs are mixed from on the device.

Holds     every preset of a split's fonts on a grid of pitches and velocities, drum kits key by key, synthesised banks, one-shots,
          recorded notes, made singers and pianos, int16 at 22,050 Hz end to end; a few rooms; white noise, of which reverberation is made
Index     of each note: where it lies, its pitch, key and velocity, its level, when it is heard, its energy by tenths of a second
Files     NAME.npy, memory-mapped by every process that reads samples, and NAME.npz, the index
Trap      levels are kept apart from the samples, which all use the whole range of 16 bits
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import DataError, OptionError
from ...sound import Sound
from . import fonts, pianos, singers, synth
from .fonts import Font, Fonts, Split
from .soundfont import Preset, Zone

RATE = 22_050
FRAME = RATE // 10  # of energies
PEAK = 28_000  # of every note's samples
VERSION = 2
LONG = (46, 49, 51, 52, 55, 57, 59)  # drums that ring
ROOM = 1.0  # seconds of a room, at most
HELD = 10_000  # the first singer that is kept for testing
PARTS = 12  # that the presets of a font are rendered in
PIANO = "piano/"  # sources that are pianos and nothing else


@dataclass(frozen=True)
class Stock:
    """What a bank holds: equal ones are the same bank.

    Attributes:
        split: whose fonts.
        banks: synthesised banks, of so many `programs` and `kits` each.
        sampled: False leaves out every installed font and pack.
        step: semitones between the pitches that are rendered.
        velocities: at which fonts are rendered.
        hold: seconds that a note can last.
        singers: made voices; for "test" a sixth as many, others.
        pianos: made ones, to train on; recorded ones come from the folders of AURAL_FONTS.
    """

    split: Split = "train"
    banks: int = 6
    sampled: bool = True
    programs: int = 32
    kits: int = 3
    step: int = 4
    velocities: tuple[int, ...] = (50, 110)
    hold: float = 3.0
    singers: int = 24
    pianos: int = 12

    def __post_init__(self) -> None:
        if self.split not in ("train", "test"):
            raise OptionError(f"split={self.split!r}: banks have the splits train and test")
        if self.banks < 1 or self.programs < 9 or self.kits < 1 or self.step < 1 or not self.velocities or self.hold < 0.5:
            raise OptionError(
                f"{self}: banks, kits, step start at 1, programs at 9 (songs have a main source), hold at 0.5 s; one velocity at least"
            )

    def bank(self, jobs: int | None = None) -> Bank:
        """The bank, made by so many processes (None: one a core) where the cache has none. Raises DataError as fonts.load does."""
        path = fonts.cache() / f"bank-{self._digest()}.npz"
        if not path.exists():
            build(path, self._jobs(), self._rooms(), jobs or _cores())
        return opened(str(path))

    def _fonts(self) -> list[Path]:
        return fonts.sources(self.split) if self.sampled else []

    def _digest(self) -> str:
        files = [(p.name, p.stat().st_size) for p in self._fonts()]
        packs = os.environ.get("AURAL_DATA") if self.sampled else None
        grands = [pianos.stamp(folder) for folder in self._pianos()]
        made = (VERSION, fonts.VERSION, pianos.VERSION, singers.VERSION)
        return hashlib.sha256(repr((made, asdict(self), files, packs, grands)).encode()).hexdigest()[:16]

    def _pianos(self) -> list[Path]:
        return pianos.folders() if self.sampled and self.split == "train" else []

    def _jobs(self) -> list[Callable[[], list[Shots]]]:
        """What is to be rendered; the slow ones first."""
        paths = self._fonts()
        jobs: list[Callable[[], list[Shots]]] = []
        for path in paths:
            weight = 3.0 if "Fluid" in path.name else 2.0
            jobs += [partial(_of_font, path, weight, part, self.step, self.velocities, self.hold) for part in range(PARTS)]
        if self.split == "train":
            seeds, weight = list(range(self.banks)), 4 / self.banks
        else:
            seeds, weight = ([] if paths else [fonts.TEST_SEED]), 1.0
        data = os.environ.get("AURAL_DATA") if self.sampled and self.split == "train" else None
        if data and (Path(data) / "drum_oneshots" / "labels.csv").exists():
            jobs.append(partial(_of_presets, "oneshot-kits", 1.5, lambda: fonts._kits(Path(data) / "drum_oneshots"), self.hold))
        if data and (Path(data) / "notes_free" / "labels.csv").exists():
            jobs.append(partial(_of_presets, "notes-free", 1.0, lambda: fonts._notes(Path(data) / "notes_free"), self.hold))
        for seed in seeds:
            members = _members(seed, self.programs, self.kits)
            jobs += [partial(_synthesised, seed, weight, members[k : k + 6], self.hold) for k in range(0, len(members), 6)]
        jobs += [partial(_of_piano, folder.name, 1.5, partial(pianos.recorded, folder, self.hold)) for folder in self._pianos()]
        if self.split == "train":
            jobs += [partial(_of_piano, str(seed), 6 / self.pianos, partial(pianos.notes, seed, self.hold)) for seed in range(self.pianos)]
        voices = range(self.singers) if self.split == "train" else range(HELD, HELD + -(-self.singers // 6))
        jobs += [partial(_singing, f"singer{seed}", seed, self.hold) for seed in voices]
        return jobs

    def _rooms(self) -> list[np.ndarray]:
        from ..augment import recordings

        data = os.environ.get("AURAL_DATA") if self.sampled and self.split == "train" else None
        return recordings(data, "rir", RATE, ROOM) if data else []


@dataclass
class Shots:
    """One preset, rendered: samples (int16) and a row of `columns` for each note, by key and then velocity."""

    source: str
    weight: float
    program: int
    drum: bool
    waves: list[np.ndarray] = field(default_factory=list)
    rows: list[tuple[float, ...]] = field(default_factory=list)
    energies: list[np.ndarray] = field(default_factory=list)

    def add(
        self, wave: np.ndarray, key: int, pitch: float, velocity: int, release: float, level: float = 1.0, heard: float | None = None
    ) -> None:
        """A note at RATE, with the level that it has beside the others; heard: seconds after which it is; None: see `risen`."""
        peak = float(np.abs(wave).max())
        loud = np.flatnonzero(np.abs(wave) > 3e-4 * peak)
        wave = wave[: loud[-1] + RATE // 100]
        rise, swells = risen(wave) if heard is None else (heard, False)
        frames = -(-len(wave) // FRAME)
        energy = np.square(np.pad(wave * level, (0, frames * FRAME - len(wave)))).reshape(frames, FRAME).mean(1)
        self.waves.append(np.round(wave / peak * PEAK).astype(np.int16))
        self.rows.append((key, pitch, velocity, level * peak / PEAK, rise, swells, release))
        self.energies.append(energy.astype(np.float32))


COLUMNS = ("key", "pitch", "velocity", "level", "rise", "swells", "release")


def risen(wave: np.ndarray) -> tuple[float, bool]:
    """How long after its start a note is heard (s; -12 dB of its peak), and whether it swells (60 ms more to -6 dB)."""
    loud = np.abs(wave[: RATE // 2])
    peak = float(loud.max())
    onset, strong = (int(np.argmax(loud > 10 ** (-down / 20) * peak)) for down in (12, 6))
    return onset / RATE, strong - onset > 0.06 * RATE


# ---- rendering


@lru_cache(maxsize=2)
def _font(path: Path, weight: float) -> Font:
    return fonts._loaded(path, weight)


def _of_font(path: Path, weight: float, part: int, step: int, velocities: tuple[int, ...], hold: float) -> list[Shots]:
    """Every so many presets of a font, note by note; silent ones are left out."""
    font = _font(path, weight)
    presets = [(0, p, False) for p in font.programs] + [(b, p, True) for b, p in font.kits]
    made = []
    for bank, program, drum in presets[part::PARTS]:
        channel = 9 if drum else 0
        font.select(channel, bank, program)
        shots = Shots(path.name, font.weight, program, drum)
        for key in range(35, 82) if drum else range(28, 101, step):
            struck = [_struck(font, channel, key, v, (0.1, 2.2 if key in LONG else 1.0) if drum else (hold, 0.0)) for v in velocities]
            if min(np.abs(wave).max() for wave in struck) > 1e-4:
                for velocity, wave in zip(velocities, struck, strict=True):
                    shots.add(wave, key, key, velocity, 0.0)
        if shots.rows and (not drum or {36, 38} <= {int(row[0]) for row in shots.rows}):
            made.append(shots)
    return made


def _struck(font: Font, channel: int, key: int, velocity: int, seconds: tuple[float, float]) -> np.ndarray:
    """A key held and released, for so many seconds each."""
    font.synth.noteon(channel, key, velocity)
    held = bytes(font.synth.generate_simple(round(seconds[0] * fonts.RATE)))
    font.synth.noteoff(channel, key)
    left = bytes(font.synth.generate_simple(round(seconds[1] * fonts.RATE))) if seconds[1] else b""
    font.hush(channel)
    both = np.frombuffer(held + left, np.float32)
    return Sound((both[0::2] + both[1::2]) * np.float32(0.5), fonts.RATE).at(RATE).samples[0]


def _members(seed: int, programs: int, kits: int) -> list[int]:
    """What a synthesised bank has: programs of every family as far as they go, and kits, which are numbered from 128 on."""
    order = np.random.default_rng((seed, 128)).permuted(np.arange(128).reshape(16, 8), axis=1).T.ravel()
    return [*sorted(order[:programs].tolist()), *range(128, 128 + kits)]


def _synthesised(seed: int, weight: float, members: Sequence[int], hold: float) -> list[Shots]:
    """Some members of a synthesised bank."""

    def presets() -> list[Preset]:
        return [synth._program(seed, m) if m < 128 else synth._kit(seed, m - 128) for m in members]

    return _of_presets(f"synth{seed}", weight, presets, hold)


def _singing(name: str, seed: int, hold: float) -> list[Shots]:
    """A made singer: of weight 0, so that songs never take it for an instrument."""
    voice = singers.singer(seed)
    shots = Shots(name, 0.0, 53, False)
    for key, wave, heard in singers.syllables(voice, hold):
        shots.add(wave, key, key, 100, voice.release, 1.0, heard)
    return [shots]


def _of_piano(name: str, weight: float, notes: Callable[[], pianos.Notes]) -> list[Shots]:
    shots = Shots(PIANO + name, weight, 0, False)
    for key, velocity, release, wave in notes():
        shots.add(wave, key, key, velocity, release)
    return [shots]


def _of_presets(name: str, weight: float, presets: Callable[[], Sequence[Preset]], hold: float) -> list[Shots]:
    made = []
    for preset in presets():
        drum = preset.bank == 128
        shots = Shots(name, weight, preset.program, drum)
        for zone in sorted(preset.zones, key=lambda z: z.root):
            wave = _laid(zone, drum, hold)
            if np.abs(wave).max(initial=0) > 1e-4:
                level = 10 ** (-zone.attenuation / 200)
                shots.add(wave, zone.root, zone.root + zone.cents / 100, 127, zone.release, level)
        made.append(shots)
    return made


def _laid(zone: Zone, drum: bool, hold: float) -> np.ndarray:
    """What a key of a zone sounds like: loops go on, the attack rises; a drum is let go after a tenth of a second."""
    wave = zone.samples.astype(np.float32) / 32768
    if zone.loop is not None:
        first, last = zone.loop
        rounds = max(0, int(np.ceil((hold * zone.rate - last) / (last - first))))
        wave = np.concatenate([wave[:last], np.tile(wave[first:last], rounds)])
    wave = wave[: round(hold * zone.rate)]
    time = np.arange(len(wave), dtype=np.float32) / zone.rate
    wave = wave * np.minimum(1, time / max(zone.attack, 1e-4))
    if drum:
        wave = wave * 10 ** (-5 * np.maximum(0, time - 0.1) / zone.release)  # 100 dB in the time of the release
    return Sound(wave, zone.rate).at(RATE).samples[0]


# ---- the files


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def build(path: Path, jobs: Sequence[Callable[[], list[Shots]]], rooms: Sequence[np.ndarray], processes: int) -> None:
    """Renders a bank into PATH and the .npy beside it, whole or not at all; the same with any number of processes."""
    shots = [one for made in _results(jobs, processes) for one in made]
    if not any(not s.drum for s in shots) or not any(s.drum for s in shots):
        raise DataError("no font of this split has both instruments and drums; install one, or use the synthesised banks (sampled=False)")
    noise = np.random.default_rng(VERSION).standard_normal(8 * RATE)
    extra = [np.round(wave / np.abs(wave).max() * PEAK).astype(np.int16) for wave in (noise, *rooms)]
    waves = [*(wave for s in shots for wave in s.waves), *extra]
    offsets = np.concatenate([[0], np.cumsum([len(wave) for wave in waves])]).astype(np.int64)
    names = list(dict.fromkeys(s.source for s in shots))
    notes = len(waves) - len(extra)
    longest = max(len(e) for s in shots for e in s.energies)
    index: dict[str, Any] = {
        "offset": offsets[:notes],
        "length": np.diff(offsets)[:notes],
        "energy": np.stack([np.pad(e, (0, longest - len(e))) for s in shots for e in s.energies]),
        "room_offset": offsets[notes:-1],
        "room_length": np.diff(offsets)[notes:],
        "sources": np.array(names),
        "weights": np.array([next(s.weight for s in shots if s.source == name) for name in names]),
        "preset_source": np.array([names.index(s.source) for s in shots]),
        "preset_program": np.array([s.program for s in shots]),
        "preset_drum": np.array([s.drum for s in shots]),
        "preset_first": np.cumsum([0, *(len(s.rows) for s in shots)]),
        **{name: np.array([row[k] for s in shots for row in s.rows], np.float64) for k, name in enumerate(COLUMNS)},
    }
    part = path.with_name(f"{path.stem}.{os.getpid()}.part")
    flat = np.lib.format.open_memmap(part, "w+", np.int16, (int(offsets[-1]) + 2,))  # interpolation looks one further
    for start, wave in zip(offsets, waves, strict=False):
        flat[start : start + len(wave)] = wave
    del flat
    os.replace(part, path.with_suffix(".npy"))
    with part.open("wb") as file:
        np.savez(file, **index)
    os.replace(part, path)  # the index comes last: where it is, the samples are


def _results(jobs: Sequence[Callable[[], list[Shots]]], processes: int) -> Iterator[list[Shots]]:
    if processes < 2 or len(jobs) < 2 or "fork" not in multiprocessing.get_all_start_methods():
        yield from (job() for job in jobs)
        return
    numbers = range(len(jobs))
    global _QUEUE
    _QUEUE = jobs  # jobs reach the children by the fork: they hold functions that can't be pickled
    with ProcessPoolExecutor(min(processes, len(jobs)), multiprocessing.get_context("fork")) as pool:
        yield from pool.map(_numbered, numbers)


_QUEUE: Sequence[Callable[[], list[Shots]]] = ()


def _numbered(number: int) -> list[Shots]:
    return _QUEUE[number]()


# ---- reading


@lru_cache(maxsize=8)
def opened(path: str) -> Bank:
    """The bank of a file, opened once a process."""
    return Bank(Path(path))


class Bank:
    """Notes to mix from; pickled as its path.

    Attributes:
        samples: (sample,) int16, memory-mapped.
        fonts: the sources, by which instruments are chosen; they cannot play.
        singers: numbers of the presets that are made singers.
        pianos: weights of the presets that are pianos and nothing else, by number; `fonts` has none of them.
        offset, length, pitch, level …: (note,) arrays of the index; energy (note, tenth of a second).
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.samples = np.load(path.with_suffix(".npy"), mmap_mode="c")
        with np.load(path) as index:
            z = {name: index[name] for name in index}
        self.offset, self.length, self.energy = z["offset"], z["length"], z["energy"]
        self.key, self.pitch, self.velocity, self.level = z["key"].astype(int), z["pitch"], z["velocity"], z["level"]
        self.rise, self.swells, self.release = z["rise"], z["swells"] > 0, z["release"]
        self.room_offset, self.room_length = z["room_offset"], z["room_length"]
        self.first = z["preset_first"]
        places = list(zip(z["preset_source"].tolist(), z["preset_drum"].tolist(), z["preset_program"].tolist(), strict=True))
        self._presets = {place: number for number, place in enumerate(places)}
        self._layers = [len(np.unique(self.velocity[a:b])) for a, b in zip(self.first, self.first[1:], strict=False)]
        split: Split = "train"
        names = [str(name) for name in z["sources"]]
        played = [k for k, w in enumerate(z["weights"]) if w > 0 and not names[k].startswith(PIANO)]
        self.fonts = Fonts(split, [self._font(k, names[k], float(z["weights"][k]), places) for k in played])
        self.pianos = {number: float(z["weights"][k]) for (k, *_), number in self._presets.items() if names[k].startswith(PIANO)}
        self.singers = [number for place, number in self._presets.items() if z["weights"][place[0]] == 0]
        self._on: dict[torch.device, Tensor] = {}

    def __reduce__(self) -> tuple[Callable[[str], Bank], tuple[str]]:
        return opened, (str(self.path),)

    @staticmethod
    def _font(number: int, name: str, weight: float, places: Sequence[tuple[int, bool, int]]) -> Font:
        programs = tuple(program for source, drum, program in places if source == number and not drum)
        kits = tuple((128, program) for source, drum, program in places if source == number and drum)
        return Font(name, Path(name), None, number, programs, kits, weight)

    def preset(self, font: Font, program: int, drum: bool) -> int:
        """The number of a font's program or kit."""
        return self._presets[font.index, drum, program]

    def piano(self, rng: np.random.Generator) -> int:
        """The number of one of `pianos`."""
        weights = np.array([*self.pianos.values()])
        return list(self.pianos)[rng.choice(len(weights), p=weights / weights.sum())]

    def on(self, device: torch.device) -> Tensor:
        """All samples on a device, moved there once."""
        if device not in self._on:
            self._on[device] = torch.from_numpy(self.samples).to(device)
        return self._on[device]

    def pick(self, preset: int, pitch: np.ndarray, velocity: np.ndarray) -> np.ndarray:
        """(note,) numbers of the notes nearest in pitch, then velocity."""
        first, layers = int(self.first[preset]), self._layers[preset]
        last = int(self.first[preset + 1])
        keys = self.key[first:last:layers]
        near = np.searchsorted((keys[1:] + keys[:-1]) / 2, pitch)
        loud = self.velocity[first : first + layers]
        layer = np.searchsorted((loud[1:] + loud[:-1]) / 2, velocity)
        return np.asarray(first + near * layers + layer)

    def pitches(self, singer: int) -> np.ndarray:
        """(pitch,) what a singer has, from low to high."""
        return np.unique(self.key[self.first[singer] : self.first[singer + 1]])

    def syllables(self, singer: int, pitch: np.ndarray, seconds: np.ndarray, before: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(note,) numbers: of each nearest pitch a syllable at random, of those whose consonant is no longer than `before` seconds
        and whose vowel lasts `seconds`, where there are any."""
        first, keys = int(self.first[singer]), self.pitches(singer)
        many = (int(self.first[singer + 1]) - first) // len(keys)
        near = np.searchsorted((keys[1:] + keys[:-1]) / 2, pitch)
        able = first + near[:, None] * many + np.arange(many)
        lasts = self.length[able] / RATE - self.rise[able]
        quick = self.rise[able] <= np.maximum(before[:, None], self.rise[able].min(1, keepdims=True))
        best = (2.0 * quick + (lasts >= np.minimum(seconds[:, None], lasts.max(1, keepdims=True))) + rng.random(able.shape)).argmax(1)
        return np.asarray(able[np.arange(len(able)), best])
