"""Our own instruments: every seed is a new bank of synthesised programs and drum kits, without a single recorded sample.

Source    frequency modulation (Chowning 1973), plucked strings (Karplus & Strong 1983), additive and subtractive synthesis,
          formant voices; parameters drawn per program and seed
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.signal import lfilter

from .soundfont import Preset, Zone

RATE = 32_000
ROOTS = tuple(range(29, 102, 6))
# What a General MIDI family (of eight programs) may be made of.
FAMILIES = (
    ("fm", "strike", "pluck"), ("fm", "bell"), ("organ", "organ", "reed"), ("pluck", "pluck", "fm"),
    ("pluck", "saw", "fm"), ("saw", "bow"), ("saw", "voice", "bow"), ("brass", "saw"),
    ("reed", "pulse"), ("pipe", "organ"), ("saw", "pulse", "voice"), ("saw", "choir", "organ"),
    ("bell", "fm"), ("pluck", "fm"), ("bell", "strike"), ("saw", "choir"),
)  # fmt: skip
_SUSTAINED = {"organ", "saw", "pulse", "brass", "reed", "pipe", "choir", "bow", "voice"}
_SLOW = {"bow": (0.02, 0.35), "choir": (0.01, 0.25), "brass": (0.005, 0.05), "pipe": (0.005, 0.06), "voice": (0.004, 0.05)}
_FORMANTS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))  # Peterson & Barney 1952


def bank(seed: int, programs: int = 32, kits: int = 3) -> list[Preset]:
    """Presets of a bank: at least one program of every family, and drum kits."""
    rng = np.random.default_rng((2021, seed))
    per_family = np.full(16, programs // 16)
    chosen = [8 * f + int(p) for f in range(16) for p in rng.permutation(8)[: per_family[f]]]
    return [_program(seed, program) for program in sorted(chosen)] + [_kit(seed, number) for number in range(kits)]


def _int16(wave: np.ndarray) -> np.ndarray:
    return (wave / max(1e-9, float(np.abs(wave).max())) * 30_000).astype(np.int16)


def _program(seed: int, program: int) -> Preset:
    rng = np.random.default_rng((seed, program))
    kinds = FAMILIES[program // 8]
    kind = str(kinds[rng.integers(len(kinds))])
    voice = {
        "ratio": float(rng.choice([1, 1, 2, 3, 0.5, 3.5, 7, 14])), "index": rng.uniform(0.4, 4), "decay": rng.uniform(0.6, 3.5),
        "cutoff": rng.uniform(2, 10), "width": rng.uniform(0.12, 0.5), "bright": rng.uniform(0.15, 0.95), "breath": rng.uniform(0, 0.08),
        "partials": rng.dirichlet(np.full(9, 0.7)), "stretch": rng.uniform(0, 6e-4), "vowel": int(rng.integers(len(_FORMANTS))),
        "detune": rng.uniform(1, 12), "hammer": rng.uniform(0.02, 0.3),
    }  # fmt: skip
    attack = float(np.exp(rng.uniform(*np.log(_SLOW[kind])))) if kind in _SLOW else rng.uniform(0.001, 0.004)
    release = float(np.exp(rng.uniform(np.log(0.06), np.log(0.5))))
    zones = []
    for root in ROOTS:
        wave, cents, loop = _note(kind, root, voice, np.random.default_rng((seed, program, root)))
        keys = (0 if root == ROOTS[0] else root - 2, 127 if root == ROOTS[-1] else root + 3)
        zones.append(Zone(_int16(wave), RATE, root, cents, keys, loop=loop, attack=attack, release=release))
    return Preset(0, program, f"{kind} {seed}", tuple(zones))


def _note(kind: str, root: int, v: dict[str, Any], rng: np.random.Generator) -> tuple[np.ndarray, float, tuple[int, int] | None]:
    """(samples, cents that it is sharp, loop). Sustained kinds loop over whole periods."""
    wanted = 440 * 2 ** ((root - 69) / 12)
    sustained = kind in _SUSTAINED
    n = int(RATE * (1.6 if kind == "voice" else 1.0 if sustained else 1.7))
    loop_length = RATE if kind == "voice" else RATE // 2
    f = max(1, round(wanted * loop_length / RATE)) * RATE / loop_length if sustained else wanted
    t = np.arange(n) / RATE
    cents = 1200 * float(np.log2(f / wanted))
    top = RATE / 2.2
    if kind == "fm":
        x = np.exp(-t * v["decay"]) * np.sin(
            2 * np.pi * f * t + v["index"] * np.exp(-t * 2 * v["decay"]) * np.sin(2 * np.pi * f * v["ratio"] * t)
        )
    elif kind == "bell":
        partials = np.array([1, 2, 2.4, 3, 4.5, 5.33, 6.7]) * (1 + 0.02 * (v["width"] - 0.3))
        x = _sum(t, f, partials, 1 / (1 + np.arange(7) * v["bright"]), v["decay"] * (0.6 + 0.3 * np.arange(7)), top)
    elif kind == "strike":  # a struck string: stretched partials, a short noise for the hammer
        h = np.arange(1, 25)
        x = _sum(t, f, h * np.sqrt(1 + v["stretch"] * h**2), 1 / h ** (2.2 - v["bright"]), v["decay"] * (0.4 + 0.12 * h), top)
        x += v["hammer"] * np.abs(x).max() * rng.standard_normal(n) * np.exp(-t * 200)
    elif kind == "pluck":
        x, f = _plucked(f, n, v["bright"], root, rng)
        cents = 1200 * float(np.log2(f / wanted))
    elif kind == "organ":
        x = _sum(t, f, np.array([1, 2, 3, 4, 5, 6, 8, 10, 12]), v["partials"], np.zeros(9), top)
    elif kind == "voice":
        x = _sung(t, f, v, top, rng)
    else:
        x = _bright(kind, t, f, v, top)
        if kind in ("pipe", "choir", "reed") and v["breath"]:
            noise = rng.standard_normal(n)
            noise[-loop_length:] = noise[-2 * loop_length : -loop_length]  # the loop must join
            x = x / np.abs(x).max() + v["breath"] * noise
    return x, cents, (n - loop_length, n) if sustained else None


def _sum(t: np.ndarray, f: float, ratios: np.ndarray, levels: np.ndarray, decays: np.ndarray, top: float) -> np.ndarray:
    x = np.zeros(len(t))
    for ratio, level, decay in zip(ratios, levels, decays, strict=True):
        if f * ratio < top:
            x += level * np.exp(-t * decay) * np.sin(2 * np.pi * f * ratio * t + ratio)
    return x if x.any() else np.sin(2 * np.pi * f * t)


def _bright(kind: str, t: np.ndarray, f: float, v: dict[str, Any], top: float) -> np.ndarray:
    """Harmonic spectra by kind, band-limited."""
    harmonics = np.arange(1, max(2, int(min(60, top / f))))
    level = 1.0 / harmonics
    if kind == "pulse":
        level = np.abs(np.sin(np.pi * harmonics * v["width"])) / harmonics
    elif kind == "reed":
        level = np.where(harmonics % 2 == 1, 1.0, 0.15 + 0.4 * v["bright"]) / harmonics
    elif kind == "pipe":
        level = 1.0 / harmonics ** (3.2 - 1.2 * v["bright"])
    if kind == "choir":
        centres = np.array(_FORMANTS[v["vowel"]])[:, None]
        peaks = (np.array([1, 0.5, 0.25])[:, None] / (1 + ((harmonics * f - centres) / 120) ** 2)).sum(0)
        level = level * (peaks + 0.02)
    else:
        level = level / (1 + (harmonics / (v["cutoff"] * 2.5)) ** 2)
    phases = harmonics**2 * 0.3
    x = np.zeros(len(t))
    for h, a, p in zip(harmonics, level, phases, strict=True):
        x += a * np.sin(2 * np.pi * h * f * t + p)
    if kind in ("saw", "bow", "choir"):  # a slow beating that repeats with the loop of half a second
        x = x * (1 + 0.02 * v["detune"] * np.sin(2 * np.pi * 4 * t))
    return x


def _sung(t: np.ndarray, f: float, v: dict[str, Any], top: float, rng: np.random.Generator) -> np.ndarray:
    """A singer's vowel with vibrato (whole cycles a second, so that a loop of a second joins), now and then after a consonant."""
    rate, depth = int(4 + 4 * v["width"]), 0.012 * v["bright"]
    grown = np.minimum(1, t / 0.3)
    phase = 2 * np.pi * f * (t - depth * grown * np.cos(2 * np.pi * rate * t) / (2 * np.pi * rate))
    x = np.zeros(len(t))
    centres = np.array(_FORMANTS[v["vowel"]])
    for h in range(1, max(2, int(min(50, top / f)))):
        peaks = (np.array([1, 0.5, 0.25]) / (1 + ((h * f - centres) / 110) ** 2)).sum()
        x += (peaks + 0.02) / h * np.sin(h * phase)
    x *= 1 + 0.1 * grown * np.sin(2 * np.pi * rate * t)
    x /= np.abs(x).max()
    if v["hammer"] > 0.12:
        burst = np.diff(rng.standard_normal(len(t)), prepend=0.0)
        x = x * np.minimum(1, t / 0.03) + 0.25 * burst * np.exp(-(((t - 0.015) / 0.012) ** 2))
    return x


def _plucked(f: float, n: int, bright: float, root: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Karplus-Strong: a noise burst in a delay line with a low-pass; (samples, its true frequency)."""
    period = max(2, round(RATE / f))
    burst = np.zeros(n)
    burst[:period] = rng.uniform(-1, 1, period)
    burst[:period] -= burst[:period].mean()
    keep = 0.996 ** (1 + root / 60)
    mix = 0.5 + 0.45 * bright
    feedback = np.zeros(period + 2)
    feedback[0] = 1
    feedback[period], feedback[period + 1] = -keep * mix, -keep * (1 - mix)
    return lfilter([1.0], feedback, burst), RATE / (period + 1 - mix)


def _kit(seed: int, number: int) -> Preset:
    """Drums by synthesis: swept sines, filtered noise, metallic squares."""
    rng = np.random.default_rng((seed, 128, number))
    metal = rng.uniform(300, 600) * np.array([1, 1.34, 1.52, 1.79, 2.14, 2.63])
    zones = []
    for key in range(35, 83):
        long = key in (49, 51, 52, 53, 55, 57, 59, 46)
        t = np.arange(int(RATE * (1.2 if long else 0.6))) / RATE
        noise = rng.standard_normal(len(t))
        high = np.diff(noise, prepend=0.0)
        decay = rng.uniform(0.7, 1.4)
        if key in (35, 36):
            x = np.sin(2 * np.pi * (rng.uniform(42, 65) * t + rng.uniform(2, 8) * (1 - np.exp(-t * rng.uniform(25, 60))))) * np.exp(
                -t * 9 * decay
            )
            x += rng.uniform(0, 0.4) * high * np.exp(-t * 250)
        elif key in (38, 40):
            x = rng.uniform(0.2, 0.8) * np.sin(2 * np.pi * rng.uniform(150, 260) * t) * np.exp(-t * 22) + noise * np.exp(
                -t * 17 * decay
            ) * rng.uniform(0.4, 1)
        elif key == 39:
            x = noise * (np.exp(-t * 25 * decay) + sum(np.exp(-np.maximum(t - d, 0) * 300) * (t >= d) for d in (0.0, 0.011, 0.022)))
        elif key in (37, 75, 76, 77):
            x = np.sin(2 * np.pi * rng.uniform(700, 2500) * t) * np.exp(-t * 70 * decay) + 0.3 * high * np.exp(-t * 300)
        elif key in (54, 69, 70, 82):
            x = high * np.exp(-t * 35 * decay)
        elif key in (42, 44, 46, 49, 51, 52, 53, 55, 57, 59):
            rate = {42: 45, 44: 55, 46: 7, 51: 6, 53: 6, 59: 6}.get(key, 3.5)
            ring = sum(np.sign(np.sin(2 * np.pi * m * (3 if key < 47 else 2) * t)) for m in metal)
            x = (high + rng.uniform(0, 0.3) * np.diff(ring, prepend=0.0)) * np.exp(-t * rate * decay)
        elif key == 56:
            x = sum(np.sign(np.sin(2 * np.pi * m * t)) for m in (rng.uniform(500, 600), rng.uniform(780, 860))) * np.exp(-t * 14 * decay)
        else:
            tone = 70 + (key - 41) * 13 if key < 56 else rng.uniform(180, 420)
            x = np.sin(2 * np.pi * (tone * t + 3 * (1 - np.exp(-t * 20)))) * np.exp(-t * 10 * decay) + rng.uniform(0, 0.2) * high * np.exp(
                -t * 120
            )
        quiet = 90 if key in (42, 44, 46, 54, 69, 70, 82) else 60 if long else 0
        hat = key in (42, 44, 46)
        zones.append(
            Zone(_int16(x), RATE, key, keys=(key, key), scale=0, release=0.05 if hat else 0.6, exclusive=1 if hat else 0, attenuation=quiet)
        )
    return Preset(128, number, f"synth kit {seed}.{number}", tuple(zones))
