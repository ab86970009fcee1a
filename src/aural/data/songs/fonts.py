"""Where sounds come from, train and test apart: General MIDI fonts, our own synths, drum one-shots, recorded notes.

Train         FluidR3 (MIT), MuseScore General (MIT), other fonts in the folders of AURAL_FONTS, synthesised banks, kits of CC0,
              CC BY and granted one-shots, the Salamander piano and a folk harp (CC BY 3.0, CC0)
Test          TimGM6mb, OPL-3, AVL drum kits: never heard in training; without them a synthesised bank of its own seed
Renderer      tinysoundfont (MIT): note starts are exact to the sample
"""

from __future__ import annotations

import csv
import importlib
import itertools
import os
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ...errors import DataError
from .soundfont import Preset, Zone, write_soundfont

RATE = 44_100
Split = Literal["train", "test"]
TEST_FONTS = ("TimGM6mb.sf2", "OPL-3_FM_128M.sf2", "Red_Zeppelin_4_LV2.sf2", "Black_Pearl_4_LV2.sf2", "Blonde_Bop_LV2.sf2")
TRAIN_FONTS = ("FluidR3Mono_GM.sf3", "FluidR3_GM.sf2", "MuseScore_General.sf3", "MuseScore_General_Lite.sf3", "MuseScore_General.sf2")
FOLDERS = ("/usr/share/sounds/sf3", "/usr/share/sounds/sf2", "/usr/share/soundfonts")
VERSION = 4
TEST_SEED = 1_000_000  # of the synthesised bank that is never trained on
FREE = ("CC0", "CC-BY-3.0", "CC0-1.0", 'GPL-2+ (author by e-mail: "I grant you all rights")')  # licences that weights may learn from


@dataclass
class Font:
    """A loaded SoundFont: its synth, its programs in bank 0, its kits as (bank, preset); `weight` is how often it is drawn."""

    name: str
    path: Path
    synth: Any
    index: int
    programs: tuple[int, ...]
    kits: tuple[tuple[int, int], ...]
    weight: float = 1.0
    rises: dict[tuple[int, int, int], tuple[float, bool]] = field(default_factory=dict)

    def select(self, channel: int, bank: int, preset: int) -> None:
        """Puts a preset on a channel."""
        self.synth.program_select(channel, self.index, bank, preset, bank == 128)

    def rise(self, channel: int, bank: int, preset: int, key: int) -> tuple[float, bool]:
        """How long after its start a note is heard (s; -12 dB of its peak; inf: never), and whether it swells (60 ms more to -6 dB).

        The preset must be on the channel, and nothing may sound.
        """
        at = (bank, preset, key if bank == 128 or channel == 9 else 6 * round(key / 6))
        if at not in self.rises:
            self.synth.noteon(channel, at[2], 90)
            loud = np.abs(np.frombuffer(self.synth.generate_simple(RATE // 2), np.float32).reshape(-1, 2).mean(1))
            self.hush(channel)
            peak = float(loud.max())
            if peak < 1e-4:
                self.rises[at] = (float("inf"), True)
            else:
                onset = int(np.argmax(loud > 10 ** (-12 / 20) * peak))
                strong = int(np.argmax(loud > 10 ** (-6 / 20) * peak))
                self.rises[at] = (onset / RATE, strong - onset > 0.06 * RATE)
        return self.rises[at]

    def hush(self, channel: int) -> None:
        """Stops every voice; tinysoundfont fades inside the next 447 samples, so these are thrown away."""
        self.synth.sounds_off(channel)
        self.synth.generate_simple(2048)


@dataclass
class Fonts:
    """The sound sources of a split."""

    split: Split
    fonts: list[Font]

    @property
    def names(self) -> list[str]:
        """File names of the sources."""
        return [font.name for font in self.fonts]

    def instrument(self, rng: np.random.Generator, program: int, main: Font) -> tuple[Font, int]:
        """A font (half of the time the song's `main` one) and a program of the same family as the wanted one."""
        family: Sequence[int] = range(program // 8 * 8, program // 8 * 8 + 8)
        kin: Sequence[int] = next((own for own in _KIN if program in own), family)
        if any(p in f.programs for f in self.fonts for p in kin):
            family = kin
        able = [f for f in self.fonts if any(p in f.programs for p in family)] or [f for f in self.fonts if f.programs]
        weights = np.array([f.weight for f in able])
        font = main if main in able and rng.random() < 0.5 else able[rng.choice(len(able), p=weights / weights.sum())]
        true = [p for p in font.programs if p not in _FIFTHS and (font.name, p) not in _FALSE]
        own = [p for p in family if p in true] or true
        return font, program if program in true and rng.random() < 0.6 else int(own[rng.integers(len(own))])

    def kit(self, rng: np.random.Generator) -> tuple[Font, int, int]:
        """A font, and bank and preset of one of its kits; fonts with many kits are drawn a little more often."""
        able = [f for f in self.fonts if f.kits]
        weights = np.array([f.weight * (1 + np.log(len(f.kits))) for f in able])
        font = able[rng.choice(len(able), p=weights / weights.sum())]
        bank, preset = font.kits[rng.integers(len(font.kits))]
        return font, bank, preset

    def main(self, rng: np.random.Generator) -> Font:
        """The font that most of a song is played with."""
        able = [f for f in self.fonts if len(f.programs) > 8]
        weights = np.array([f.weight for f in able])
        return able[rng.choice(len(able), p=weights / weights.sum())]


# Families that General MIDI's eights mix up: bowed strings; harp and plucked ones, timpani; string ensembles; voices.
_KIN = (range(40, 44), range(45, 47), range(48, 52), range(52, 55))

# Programs whose notes sound at another pitch than their key's: two that are fifths by definition, and what was found by listening.
_FIFTHS = (86, 97, 98)
_FALSE = (("TimGM6mb.sf2", 78),)

_LOADED: dict[tuple[object, ...], Fonts] = {}


def cache() -> Path:
    """Where made banks are kept: AURAL_CACHE, else a folder of the user's among the temporary ones."""
    home = os.environ.get("AURAL_CACHE")
    folder = Path(home) / "fonts" if home else Path(tempfile.gettempdir()) / f"aural-fonts-{os.getuid() if hasattr(os, 'getuid') else 0}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def sources(split: Split) -> list[Path]:
    """The installed font files of a split, one of each source; AURAL_FONTS (folders, joined as PATH is) is searched first."""
    extra = [Path(p) for p in os.environ.get("AURAL_FONTS", "").split(os.pathsep) if p]
    folders = [*extra, *(Path(p) for p in FOLDERS)]
    wanted = TEST_FONTS if split == "test" else TRAIN_FONTS
    found: dict[str, Path] = {}
    for folder in folders:
        for name in wanted:
            if (folder / name).exists():
                found.setdefault(name, (folder / name).resolve())
    if split == "train":
        known = {*TEST_FONTS, *TRAIN_FONTS}
        for folder in extra:
            for path in sorted([*folder.glob("*.sf2"), *folder.glob("*.sf3")]):
                if path.name not in known and path.resolve().name not in known:
                    found.setdefault(path.name, path.resolve())
        if "FluidR3Mono_GM.sf3" in found:
            found.pop("FluidR3_GM.sf2", None)
        best = next((n for n in ("MuseScore_General_Lite.sf3", "MuseScore_General.sf3", "MuseScore_General.sf2") if n in found), None)
        found = {n: p for n, p in found.items() if not n.startswith("MuseScore") or n == best}
    return [found[name] for name in sorted(found)]


def load(split: Split = "train", banks: int = 5, sampled: bool = True) -> Fonts:
    """The sound sources of a split, loaded once a process.

    banks: how many synthesised banks to train on (the test split makes its own one only where no test font is installed).
    sampled: False leaves out every installed font and pack: synthesised banks alone, the same on every machine.
    Raises DataError where tinysoundfont is missing.
    """
    key = (split, banks, sampled, os.environ.get("AURAL_FONTS"), os.environ.get("AURAL_DATA"), os.environ.get("AURAL_CACHE"))
    if key not in _LOADED:
        found = [(path, 3.0 if "Fluid" in path.name else 2.0) for path in sources(split)] if sampled else []
        if split == "train":
            found += [(_synthesised(seed), 4 / banks) for seed in range(banks)]  # half of what is heard stays recorded
            if sampled and os.environ.get("AURAL_DATA"):
                found += _recorded(Path(os.environ["AURAL_DATA"]))
        elif not found or not sampled:
            found += [(_synthesised(TEST_SEED), 1.0)]
        _LOADED[key] = Fonts(split, [_loaded(path, weight) for path, weight in found])
    return _LOADED[key]


def _synthesised(seed: int) -> Path:
    from .synth import bank

    return _made(f"synth{seed}", lambda: bank(seed))


def prepare(split: Split, banks: int, jobs: int) -> None:
    """Makes the synthesised banks that the cache lacks, several at a time (each takes seconds)."""
    missing = [seed for seed in (range(banks) if split == "train" else ()) if not (cache() / _file_of(f"synth{seed}")).exists()]
    if jobs > 1 and len(missing) > 1:
        with ProcessPoolExecutor(min(jobs, len(missing))) as pool:
            list(pool.map(_synthesised, missing))


def _file_of(name: str) -> str:
    """Of a bank in the cache; the number grows when what we make changes."""
    return f"{name}.v{VERSION}.sf2"


def _loaded(path: Path, weight: float) -> Font:
    try:
        tinysoundfont = importlib.import_module("tinysoundfont")
    except ImportError:
        raise DataError(
            "making songs needs tinysoundfont: `pip install --no-deps tinysoundfont` (its optional pyaudio would have to be compiled)"
        ) from None
    synth = tinysoundfont.Synth(gain=-9, samplerate=RATE)
    try:
        index = synth.sfload(str(path))
    except RuntimeError:
        raise DataError(f"{path}: not a readable SoundFont; remove it, or set AURAL_FONTS to another folder") from None
    programs = tuple(p for p in range(128) if synth.sfpreset_name(index, 0, p))
    kits = tuple((128, p) for p in range(128) if synth.sfpreset_name(index, 128, p))
    if not kits and len(programs) < 3 and path.name in TEST_FONTS:  # AVL's kits sit in bank 0
        kits, programs = tuple((0, preset) for preset in programs), ()
    return Font(path.name, path, synth, index, programs, kits, weight)


def _made(name: str, presets: Callable[[], Sequence[Preset]]) -> Path:
    """A bank in the cache; made where it is not there yet."""
    path = cache() / _file_of(name)
    if not path.exists():
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        write_soundfont(part, presets(), name)
        os.replace(part, path)
    return path


# ---- recorded sounds of the data packs

_KIT = {
    36: ("kick",), 35: ("kick",), 38: ("snare",), 40: ("snare", "clap"), 37: ("side_stick",), 39: ("clap", "finger_snap"),
    42: ("hihat_closed", "hihat_other"), 44: ("hihat_pedal", "hihat_closed"), 46: ("hihat_open",), 49: ("crash", "cymbal", "splash"),
    57: ("crash", "cymbal"), 52: ("crash", "cymbal"), 51: ("ride", "cymbal", "ride_bell"), 53: ("ride_bell", "ride"),
    55: ("splash", "cymbal"),
    **dict.fromkeys((41, 43, 45, 47, 48, 50), ("tom",)), 54: ("tambourine", "percussion"), 56: ("cowbell",), 70: ("shaker", "percussion"),
    62: ("conga", "tabla", "bongo"), 63: ("conga", "tabla"), 64: ("conga", "tabla"), 75: ("clave", "woodblock", "side_stick"),
}  # fmt: skip


def _recorded(data: Path) -> list[tuple[Path, float]]:
    out = []
    if (data / "drum_oneshots" / "labels.csv").exists():
        out.append((_made("oneshot-kits", lambda: _kits(data / "drum_oneshots")), 1.5))
    if (data / "notes_free" / "labels.csv").exists():
        out.append((_made("notes-free", lambda: _notes(data / "notes_free")), 1.0))
    return out


def _trimmed(path: Path, threshold: float) -> tuple[np.ndarray, int]:
    """A one-shot from just before it is heard, int16 at 90 % of full scale."""
    import soundfile

    samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    wave = samples.mean(1)
    peak = float(np.abs(wave).max(initial=0))
    if len(wave) < 400 or peak < 1e-3:
        return np.zeros(0, np.int16), int(rate)
    start = int(np.argmax(np.abs(wave) > threshold * peak))
    return (wave[max(0, start - int(0.001 * rate)) :] / peak * 29_500).astype(np.int16), int(rate)


def _kits(folder: Path, kits: int = 24) -> list[Preset]:
    """Random kits of one-shots, each retuned a little; only licences in FREE."""
    shots: dict[str, list[tuple[np.ndarray, int]]] = {}
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["licence"] in FREE and (folder / row["file"]).exists():
                wave, rate = _trimmed(folder / row["file"], 0.05)
                if len(wave):
                    shots.setdefault(row["class"], []).append((wave, rate))
    rng = np.random.default_rng(5)
    presets = []
    for number in range(kits):
        zones = []
        for key, classes in _KIT.items():
            able = [shot for name in classes for shot in shots.get(name, [])]
            if able:
                wave, rate = able[rng.integers(len(able))]
                hat = key in (42, 44, 46)
                zones.append(
                    Zone(
                        wave, round(rate * 2 ** (rng.uniform(-4, 4) / 12)), key, keys=(key, key), scale=0,
                        release=float(rng.choice([0.05, 0.2, 1])), exclusive=1 if hat else 0, attenuation=int(rng.uniform(0, 60)),
                    )
                )  # fmt: skip
        presets.append(Preset(128, number, f"shots {number}", tuple(zones)))
    return presets


def _notes(folder: Path) -> list[Preset]:
    """A piano and a harp of recorded notes, each note playing the keys next to it."""
    by_name: dict[str, list[tuple[int, np.ndarray, int]]] = {}
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["licence"] in FREE and (folder / row["file"]).exists():
                wave, rate = _trimmed(folder / row["file"], 0.02)
                if len(wave):
                    fade = np.minimum(1, np.linspace(6, 0, len(wave)))
                    by_name.setdefault(row["instrument"], []).append((int(row["midi"]), (wave * fade).astype(np.int16), rate))
    presets = []
    for name, program in (("piano", 0), ("folk harp", 46)):
        notes = sorted(by_name.get(name, []), key=lambda note: note[0])
        notes = [n for i, n in enumerate(notes) if i == 0 or n[0] != notes[i - 1][0]]
        edges = [0, *((a[0] + b[0] + 1) // 2 for a, b in itertools.pairwise(notes)), 128]
        zones = [Zone(w, r, midi, keys=(lo, hi - 1), release=0.3) for (midi, w, r), lo, hi in zip(notes, edges, edges[1:], strict=False)]
        if zones:
            presets.append(Preset(0, program, name, tuple(zones)))
    return presets
