"""Writes SoundFont 2 files, so that one renderer plays our own synths, drum kits and recorded notes.

Source    SoundFont Technical Specification 2.04 (E-mu, 2006): RIFF 'sfbk' with INFO, sdta and pdta lists; little-endian
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

# Generator numbers of section 8.1.2 that we write.
_PAN, _ATTACK, _RELEASE, _INSTRUMENT, _KEYS, _VELOCITIES = 17, 34, 38, 41, 43, 44
_ATTENUATION, _SAMPLE, _MODES, _SCALE, _EXCLUSIVE, _ROOT = 48, 53, 54, 56, 57, 58


@dataclass(frozen=True, eq=False)
class Zone:
    """One recording and the keys it plays.

    samples (n,) int16 mono at `rate` Hz, sounding `root` (MIDI) sharp by `cents`; keys, velocities: inclusive ranges;
    loop: (start, end) in samples or None; attack, release: seconds; exclusive: a class whose notes cut each other off (hats),
    0 for none; scale: cents a key (0: every key sounds as recorded); attenuation: centibels.
    """

    samples: np.ndarray
    rate: int
    root: int = 60
    cents: float = 0.0
    keys: tuple[int, int] = (0, 127)
    velocities: tuple[int, int] = (0, 127)
    loop: tuple[int, int] | None = None
    attack: float = 0.001
    release: float = 0.15
    exclusive: int = 0
    scale: int = 100
    attenuation: int = 0


@dataclass(frozen=True)
class Preset:
    """bank 0 holds the programs, bank 128 the drum kits."""

    bank: int
    program: int
    name: str
    zones: tuple[Zone, ...]


def write_soundfont(path: Path | str, presets: Sequence[Preset], name: str = "aural") -> None:
    """Presets as a SoundFont file; samples shared by several zones are written once."""
    waves: list[np.ndarray] = []
    heads: list[bytes] = []
    known: dict[int, int] = {}
    tables: dict[str, list[bytes]] = {k: [] for k in ("phdr", "pbag", "pgen", "inst", "ibag", "igen")}
    position = 0
    for preset in presets:
        title = preset.name.encode("latin1", "ignore")[:19]
        tables["phdr"].append(struct.pack("<20sHHHIII", title, preset.program, preset.bank, len(tables["pbag"]), 0, 0, 0))
        tables["pbag"].append(struct.pack("<HH", len(tables["pgen"]), 0))
        tables["pgen"].append(struct.pack("<HH", _INSTRUMENT, len(tables["inst"])))
        tables["inst"].append(struct.pack("<20sH", title, len(tables["ibag"])))
        for zone in preset.zones:
            if id(zone.samples) not in known:
                known[id(zone.samples)] = len(heads)
                n, (first, last) = len(zone.samples), zone.loop or (0, 0)
                cents = int(np.clip(round(-zone.cents), -99, 99))  # the header holds the correction
                heads.append(
                    struct.pack(
                        "<20sIIIIIBbHH", b"s%d" % len(heads), position, position + n, position + first, position + last,
                        int(zone.rate), zone.root, cents, 0, 1,
                    )
                )  # fmt: skip
                waves += [np.asarray(zone.samples, np.int16), np.zeros(46, np.int16)]  # 46 zeros: section 6.1
                position += n + 46
            tables["ibag"].append(struct.pack("<HH", len(tables["igen"]), 0))
            tables["igen"] += _generators(zone, known[id(zone.samples)])
    tables["phdr"].append(struct.pack("<20sHHHIII", b"EOP", 0, 0, len(tables["pbag"]), 0, 0, 0))
    tables["pbag"].append(struct.pack("<HH", len(tables["pgen"]), 0))
    tables["inst"].append(struct.pack("<20sH", b"EOI", len(tables["ibag"])))
    tables["ibag"].append(struct.pack("<HH", len(tables["igen"]), 0))
    tables["pgen"].append(bytes(4))
    tables["igen"].append(bytes(4))
    heads.append(struct.pack("<20sIIIIIBbHH", b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0))
    info = _chunk(b"ifil", struct.pack("<HH", 2, 1)) + _chunk(b"isng", b"EMU8000\0") + _chunk(b"INAM", name.encode() + b"\0")
    order = ("phdr", "pbag", "pmod", "pgen", "inst", "ibag", "imod", "igen")
    hydra = b"".join(_chunk(k.encode(), bytes(10) if k.endswith("mod") else b"".join(tables[k])) for k in order)
    sound = np.concatenate(waves).astype("<i2").tobytes() if waves else b""
    body = (
        b"sfbk" + _list(b"INFO", info) + _list(b"sdta", _chunk(b"smpl", sound)) + _list(b"pdta", hydra + _chunk(b"shdr", b"".join(heads)))
    )
    Path(path).write_bytes(_chunk(b"RIFF", body))


def _generators(zone: Zone, sample: int) -> list[bytes]:
    def amount(number: int, value: float) -> bytes:
        return struct.pack("<Hh", number, int(np.clip(round(value), -32768, 32767)))

    ranges = [struct.pack("<HBB", _KEYS, *zone.keys), struct.pack("<HBB", _VELOCITIES, *zone.velocities)]  # must come first
    out = [*ranges, amount(_ATTACK, _timecents(zone.attack)), amount(_RELEASE, _timecents(zone.release))]
    if zone.attenuation:
        out.append(amount(_ATTENUATION, zone.attenuation))
    if zone.loop:
        out.append(amount(_MODES, 1))
    if zone.scale != 100:
        out.append(amount(_SCALE, zone.scale))
    if zone.exclusive:
        out.append(amount(_EXCLUSIVE, zone.exclusive))
    return [*out, amount(_ROOT, zone.root), amount(_SAMPLE, sample)]  # the sample must come last


def _timecents(seconds: float) -> int:
    return int(np.clip(round(1200 * np.log2(max(seconds, 1e-4))), -12000, 8000))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) & 1)


def _list(kind: bytes, body: bytes) -> bytes:
    return _chunk(b"LIST", kind + body)
