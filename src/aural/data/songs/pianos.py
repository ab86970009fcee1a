"""Pianos of our own by physics, every seed another instrument, and folders of recorded ones, for the bank that songs are mixed from.

    for key, velocity, release, wave in notes(seed=3, hold=3.0): ...
    for key, velocity, release, wave in recorded(folder, hold=3.0): ...

Strings   stiff ones, inharmonic by the law of Rigaud, David & Daudet 2013 (JASA 133): B = exp(9.26e-2 k - 13.64) + exp(-8.47e-2 k - 5.82),
          one to three a key; tuned with a stretch (Railsback 1938), mistuned among each other, so that they beat; what is left of
          a partial after its prompt sound decays four times as slowly (Weinreich 1977, JASA 62)
Hammer    strikes at a ninth to a seventh of the string, which leaves out some partials; harder felt the faster it moves
Box       a smooth random response, weak below 50 to 110 Hz; a knock of modes at 60 to 600 Hz; a microphone near or far
Fitted    to notes of the Salamander piano: fall of the spectrum by key and velocity, decays by frequency, lowest partials
Files     of a recorded piano: NAME/KEY-VELOCITY.ogg (or .flac, .wav), MIDI numbers, each at the level it has beside the others;
          NAMEs lie in a folder that AURAL_FONTS names
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import DataError
from ...sound import Sound

RATE = 22_050
VERSION = 1
VELOCITIES = (25, 52, 82, 115)
KEYS = range(21, 109)
KINDS = ("grand", "upright", "grand", "felt", "upright", "old", "grand", "honky-tonk")
TOP = 10_000.0  # Hz of the highest partial
PARTIALS = 96
BLOCK = 256
Notes = Iterator[tuple[int, int, float, np.ndarray]]

# Cents between the strings of a key and of keys among each other, factors of stiffness, of the spectrum's fall, of the decay.
_KINDS = {
    "grand": (0.4, 0.7, 1.0, 1.0, 1.0),
    "upright": (0.9, 1.5, 1.8, 1.1, 1.3),
    "felt": (0.6, 1.5, 1.6, 2.4, 1.5),
    "old": (2.5, 4.0, 1.6, 0.9, 1.6),
    "honky-tonk": (7.0, 3.0, 1.6, 0.6, 1.2),
}


@dataclass(frozen=True, eq=False)
class Piano:
    """What one instrument is like; `seed` is of what differs from key to key.

    unison, sour: cents (standard deviations) between the strings of a key and of keys; stretch: of the octaves; stiff, fall, decay:
    factors; strike: place along the string; corner: Hz, below it the box is weak; box: (knot,) dB at third octaves from 25 Hz;
    after: dB of what stays when the prompt sound has gone; power: of the loudness by velocity; knock, click: dB; modes: (3, mode)
    Hz, decay in 1/s, level; room: (sample,) response of what is between strings and microphone.
    """

    kind: str
    seed: int
    unison: float
    sour: float
    stretch: float
    stiff: float
    fall: float
    decay: float
    strike: float
    corner: float
    box: np.ndarray
    after: float
    power: float
    knock: float
    click: float
    modes: np.ndarray
    room: np.ndarray

    @property
    def program(self) -> int:
        """The General MIDI number: grand, bright, honky-tonk."""
        return 3 if self.kind == "honky-tonk" else 1 if self.fall < 0.8 else 0


def piano(seed: int) -> Piano:
    """The instrument of a seed."""
    rng = np.random.default_rng((1700, seed))
    kind = KINDS[seed % len(KINDS)]
    unison, sour, stiff, fall, decay = _KINDS[kind]
    near = rng.uniform(0, 1)  # of the microphone
    modes = np.exp(rng.uniform(np.log(60), np.log(600), 14))
    return Piano(
        kind,
        seed,
        unison=unison * np.exp(rng.normal(0, 0.3)),
        sour=sour * np.exp(rng.normal(0, 0.3)),
        stretch=rng.uniform(0.6, 1.4),
        stiff=stiff * np.exp(rng.normal(0, 0.15)),
        fall=fall * np.exp(rng.normal(0, 0.2)),
        decay=decay * np.exp(rng.normal(0, 0.15)),
        strike=1 / rng.uniform(7, 9),
        corner=rng.uniform(50, 80) if kind == "grand" else rng.uniform(70, 110),
        box=_smooth(rng.normal(0, rng.uniform(3.5, 6), 28)),
        after=rng.uniform(-17, -8),
        power=rng.uniform(1.2, 2.0),
        knock=rng.uniform(-30, -18) + (4 if kind in ("felt", "upright") else 0),
        click=rng.uniform(-38, -26),
        modes=np.stack([modes, rng.uniform(25, 90, 14), rng.normal(0, 1, 14) * (100 / modes) ** 0.5]),
        room=_room(near, rng),
    )


def _smooth(knots: np.ndarray) -> np.ndarray:
    return np.convolve(np.pad(knots, 1, "edge"), (0.25, 0.5, 0.25), "valid") * 1.6  # about as wide as before


def _room(near: float, rng: np.random.Generator) -> np.ndarray:
    """(sample,) the direct sound first; early reflections and a short diffuse tail, stronger the further the microphone is."""
    time = np.arange(int(0.4 * RATE)) / RATE
    tail = rng.standard_normal(len(time)) * np.exp(-time / rng.uniform(0.03, 0.12)) * (time > rng.uniform(0.002, 0.008))
    tail = np.convolve(tail, (0.5, 0.5))[: len(time)]  # walls keep the highs
    tail *= 10 ** ((-5 - 17 * near + rng.normal(0, 1.5)) / 20) / np.sqrt(np.square(tail).sum())
    tail[0] += 1
    count = int(rng.integers(2, 7))
    tail[rng.integers(8, int(0.012 * RATE), count)] += rng.uniform(-0.5, 0.5, count) * (1 - 0.8 * near)
    return tail


def stiffness(key: float, factor: float = 1.0) -> float:
    """B of a key's strings: the h-th partial lies at h·sqrt(1 + B·h²) times what a limp string's first would."""
    return factor * float(np.exp(9.26e-2 * key - 13.64) + np.exp(-8.47e-2 * key - 5.82))


def stretched(key: float, factor: float = 1.0) -> float:
    """Cents that a tuner makes a key sharp: none in the middle, to 25 at the top, -15 at the bottom."""
    return factor * (25 * max(0.0, (key - 69) / 39) ** 2 - 15 * max(0.0, (57 - key) / 36) ** 2)


def notes(seed: int, hold: float = 3.0, step: int = 3, velocities: tuple[int, ...] = VELOCITIES) -> Notes:
    """(key, velocity, release in seconds, (sample,) at RATE) of a made piano, by key and then velocity; levels are true beside
    each other."""
    own = piano(seed)
    for key in KEYS[::step]:
        for velocity, wave in zip(velocities, struck(own, key, velocities, hold), strict=True):
            yield key, velocity, damped(key), wave


def damped(key: int) -> float:
    """Seconds in which a damper stops a key: slowly in the bass; the highest keys have none."""
    return 1.0 if key > 89 else float(np.interp(key, (21, 60, 89), (0.45, 0.22, 0.15)))


def struck(own: Piano, key: int, velocities: tuple[int, ...], hold: float) -> np.ndarray:
    """(velocity, sample) float32 of a key that is held."""
    rng = np.random.default_rng((1700, own.seed, key))
    force = np.array(velocities)[:, None] / 127
    first = 440 * 2 ** ((key - 69) / 12 + (stretched(key, own.stretch) + rng.normal(0, own.sour)) / 1200)
    b = stiffness(key, own.stiff)
    h = np.arange(1, PARTIALS + 1)
    f = first * h * np.sqrt((1 + b * h**2) / (1 + b))
    h, f = h[f < TOP], f[f < TOP]
    level = _levels(own, key, h, f, force, rng)  # (velocity, partial)
    rate = own.decay * (7 + 25 * (f / 1000) ** 0.7) * np.exp(rng.normal(0, 0.35, len(f))) * np.log(10) / 20
    strings = 1 if key < 32 else 2 if key < 44 else 3
    cents = own.unison * rng.standard_normal(strings)
    cents -= cents.mean()
    share = rng.uniform(0.7, 1.0, strings)
    phase = rng.uniform(-np.pi, np.pi, len(f)) * np.minimum(1, f / 600)
    after = 10 ** ((own.after + rng.normal(0, 3, len(f))) / 20) * np.exp(1j * rng.uniform(0, 2 * np.pi, len(f)))
    ratios = 2 ** (np.append(cents, rng.normal(0, own.unison)) / 1200)
    weights = [*(np.full(len(f), s / share.sum(), complex) for s in share), after]
    slow = np.append(np.ones(strings), 0.25)
    waves = _ringing(
        np.concatenate([level * w * np.exp(1j * phase) for w in weights], 1),
        np.concatenate([-rate * s + 2j * np.pi * f * r for s, r in zip(slow, ratios, strict=True)]),
        round(hold * RATE),
    )
    time = np.arange(waves.shape[1]) / RATE
    rise = np.interp(key, (21, 60, 100), (0.008, 0.005, 0.003)) * (1.3 - 0.6 * force)
    waves *= 0.5 - 0.5 * np.cos(np.pi * np.minimum(1, time / rise))
    waves /= np.sqrt(np.square(waves[:, : RATE // 5]).mean(1, keepdims=True)) + 1e-12
    waves += _knocked(own, key, time, force, rng)
    size = 1 << (waves.shape[1] + len(own.room) - 1).bit_length()
    waves = np.fft.irfft(np.fft.rfft(waves, size) * np.fft.rfft(own.room, size))[:, : waves.shape[1]]
    loud = 10 ** (rng.normal(0, 1.0) / 20) * np.interp(key, (21, 90, 108), (1, 1, 0.7))
    return np.asarray(0.1 * loud * force**own.power * waves, np.float32)


def _levels(own: Piano, key: int, h: np.ndarray, f: np.ndarray, force: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(velocity, partial) amplitudes: the hammer's spectrum by velocity, its place on the string, the box."""
    fall = own.fall * (np.interp(key, (80, 104), (9, 5)) + 16 * np.exp((30 - key) / 15)) / 1000  # dB a Hz when loud
    hammer = -fall * (0.82 / force) ** np.interp(key, (60, 100), (0.8, 0.25)) * (f - f[0])
    place = 10 * np.log10(np.sin(np.pi * h * own.strike) ** 2 + 0.02)
    low = -20 * np.log10(1 + (own.corner / f) ** 4)
    box = np.interp(3 * np.log2(f / 25), np.arange(len(own.box)), own.box) + rng.normal(0, 2.5, len(f))
    return 10 ** ((hammer + place + low + box) / 20)


def _ringing(levels: np.ndarray, rates: np.ndarray, length: int) -> np.ndarray:
    """(velocity, component) complex and (component,) complex 1/s → (velocity, sample): sums of decaying cosines.

    exp(r·t) is split at blocks, so that one product of matrices makes every sample.
    """
    blocks = -(-length // BLOCK)
    inner = np.exp(rates[:, None] * (np.arange(BLOCK) / RATE))
    outer = np.exp(np.arange(blocks)[:, None] * (BLOCK / RATE) * rates) * levels[:, None]  # (velocity, block, component)
    left = np.concatenate([outer.real, -outer.imag], -1).astype(np.float32)
    right = np.concatenate([inner.real, inner.imag]).astype(np.float32)
    return np.asarray((left @ right).reshape(len(levels), -1)[:, :length], np.float64)


def _knocked(own: Piano, key: int, time: np.ndarray, force: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(velocity, sample) the key's bed and the hammer beside a note of unit level: relatively louder when soft and when high."""
    head = time[: RATE // 2]
    frequency, decay, level = own.modes
    level = level * rng.uniform(0.4, 1.6, len(level))
    knock = level @ (np.sin(2 * np.pi * frequency[:, None] * head) * np.exp(-decay[:, None] * head))
    knock /= np.sqrt(np.square(knock[: RATE // 20]).mean()) + 1e-9
    noise = np.diff(rng.standard_normal(len(head)), prepend=0.0) * np.exp(-head / 0.004)
    noise /= np.sqrt(np.square(noise[: RATE // 100]).mean())
    noise *= np.minimum(1, head / 0.001)
    out = np.zeros((len(force), len(time)))
    out[:, : len(head)] = (
        10 ** ((own.knock + np.interp(key, (21, 60, 102), (-5, 0, 12))) / 20) * force**-0.4 * knock
        + 10 ** (own.click / 20) * force**0.3 * noise
    )
    return out


# ---- recorded


def folders() -> list[Path]:
    """The recorded pianos: folders of notes in the folders that AURAL_FONTS names."""
    found = (Path(p) for p in os.environ.get("AURAL_FONTS", "").split(os.pathsep) if p)
    return [path for folder in found if folder.is_dir() for path in sorted(folder.iterdir()) if path.is_dir() and _files(path)]


def _files(folder: Path) -> dict[tuple[int, int], Path]:
    """Files by key and velocity."""
    named = ((re.fullmatch(r"(\d{1,3})-(\d{1,3})\.(ogg|flac|wav)", path.name), path) for path in sorted(folder.iterdir()))
    return {(int(match[1]), int(match[2])): path for match, path in named if match}


def stamp(folder: Path) -> tuple[str, int, int]:
    """What tells a recorded piano from another: its name, count and bytes of its files."""
    files = _files(folder).values()
    return folder.name, len(files), sum(path.stat().st_size for path in files)


def recorded(folder: Path, hold: float = 3.0) -> Notes:
    """A recorded piano as `notes` gives a made one. Raises DataError where a key lacks a velocity that others have."""
    import soundfile

    files = _files(folder)
    velocities = sorted({velocity for _, velocity in files})
    for key in sorted({key for key, _ in files}):
        for velocity in velocities:
            if (key, velocity) not in files:
                raise DataError(f"{folder}: key {key} lacks the velocity {velocity} that others have; add it, or remove the key")
            samples, rate = soundfile.read(str(files[key, velocity]), dtype="float32", always_2d=True)
            wave = Sound(np.ascontiguousarray(samples.mean(1)), int(rate)).at(RATE).samples[0][: round(hold * RATE)]
            yield key, velocity, damped(key), np.asarray(wave, np.float32)
