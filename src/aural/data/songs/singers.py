"""Made singers: every seed is a man, a woman or a child who sings syllables on a grid of pitches.

Source    pulses of the KLGLOTT88 voice source and cascaded resonators (Klatt & Klatt 1990), ten vowels of men, women and children
          (Peterson & Barney 1952), upper formants of an even tube; jitter, shimmer, breath that follows the glottis, subharmonics
          and saturation for rough voices, a clustered third to fifth formant for trained ones (Sundberg 1974)
Syllable  a consonant of its own length, a vowel, often a glide to a second vowel; said where the vowel begins
Left out  vibrato and scoops: tables add them, and the truth knows of them there
Differs   codas, breaths between phrases and whole whispered notes (they have no pitch) are missing
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.signal import butter, sosfilt

RATE = 22_050
VERSION = 1  # of what a seed sings; a bank of another one is made anew
STEP = 3  # semitones between the pitches that are sung
SYLLABLES = 8  # a pitch; the first two last as long as a note can, the others SHORT seconds
SHORT = 1.2
TABLE = 2048  # points of a glottal period
BLOCK = 128  # samples for which formants that glide stand still
TAIL = 900  # after which a throat is silent
KINDS = ("man", "woman", "child")
# Ten vowels (as in heed, hid, head, had, hod, hawed, hood, who'd, hud, heard), Hz, by kind; Peterson & Barney 1952, table II.
VOWELS = np.array(
    [
        [[270, 2290, 3010], [390, 1990, 2550], [530, 1840, 2480], [660, 1720, 2410], [730, 1090, 2440],
         [570, 840, 2410], [440, 1020, 2240], [300, 870, 2240], [640, 1190, 2390], [490, 1350, 1690]],
        [[310, 2790, 3310], [430, 2480, 3070], [610, 2330, 2990], [860, 2050, 2850], [850, 1220, 2810],
         [590, 920, 2710], [470, 1160, 2680], [370, 950, 2670], [760, 1400, 2780], [500, 1640, 1960]],
        [[370, 3200, 3730], [530, 2730, 3600], [690, 2610, 3570], [1010, 2320, 3320], [1030, 1370, 3170],
         [680, 1060, 3180], [560, 1410, 3310], [430, 1170, 3260], [850, 1590, 3360], [560, 1820, 2160]],
    ],
    float,
)  # fmt: skip
_TUBE = np.array([3500.0, 4500, 5500, 6500, 7500, 8500, 9500])  # a man's fourth formant and what lies above
_SIZE = (1.0, 1.16, 1.32)  # how much higher the formants of a kind lie
_WIDTHS = np.array([65.0, 90, 130, 180, 230, 300, 380, 460, 550, 650])
_AIR = butter(1, 6000, "high", fs=RATE, output="sos")
_TOP = 0.45 * RATE  # resonators above it are left out
# How low kinds of singers sing (MIDI pitches), and how many semitones they have.
_RANGES = {"man": ((38, 51), (22, 28)), "woman": ((52, 61), (22, 27)), "child": ((57, 62), (18, 23))}


class Consonant(NamedTuple):
    """What comes before a vowel.

    Attributes:
        seconds: shortest and longest.
        voice: dB of the voice during it, beside the vowel; None: voiceless.
        locus: formants from which the vowel's come, a man's; None: the vowel's own.
        noise: centre and width in Hz, and dB beside the vowel.
        burst: the noise is a burst shortly before the vowel.
        breath: dB of the breath that follows the burst, or is the consonant.
        attack: seconds in which the vowel rises.
    """

    seconds: tuple[float, float]
    voice: float | None = None
    locus: tuple[float, float, float] | None = None
    noise: tuple[float, float, float] | None = None
    burst: bool = False
    breath: float | None = None
    attack: float = 0.015


CONSONANTS = {
    "p": Consonant((0.03, 0.08), None, (300, 800, 2200), (900, 900, -10), True, -22, 0.012),
    "t": Consonant((0.035, 0.09), None, (300, 1750, 2600), (4200, 2600, -7), True, -20, 0.012),
    "k": Consonant((0.04, 0.1), None, (300, 2000, 2300), (2000, 1200, -9), True, -20, 0.012),
    "b": Consonant((0.05, 0.09), -19, (250, 800, 2200), (700, 700, -14), True, None, 0.01),
    "d": Consonant((0.05, 0.09), -19, (250, 1750, 2600), (3800, 2400, -13), True, None, 0.01),
    "g": Consonant((0.05, 0.09), -19, (250, 2000, 2300), (1900, 1100, -13), True, None, 0.012),
    "s": Consonant((0.08, 0.17), None, (300, 1750, 2600), (7200, 3600, -7)),
    "sh": Consonant((0.08, 0.17), None, (300, 1900, 2500), (3600, 2400, -7)),
    "f": Consonant((0.07, 0.14), None, (300, 900, 2200), (5500, 6500, -20)),
    "h": Consonant((0.05, 0.12), None, None, None, False, -15, 0.03),
    "v": Consonant((0.05, 0.09), -13, (280, 950, 2250), (5000, 5000, -28), False, None, 0.025),
    "z": Consonant((0.06, 0.1), -15, (280, 1750, 2600), (7000, 3500, -13), False, None, 0.02),
    "m": Consonant((0.06, 0.12), -10, (260, 1000, 2200), None, False, None, 0.018),
    "n": Consonant((0.05, 0.11), -10, (260, 1550, 2500), None, False, None, 0.018),
    "l": Consonant((0.05, 0.09), -10, (340, 1150, 2700), None, False, None, 0.03),
    "r": Consonant((0.05, 0.1), -10, (360, 1150, 1550), None, False, None, 0.035),
    "w": Consonant((0.05, 0.1), -11, (300, 650, 2200), None, False, None, 0.04),
    "y": Consonant((0.05, 0.1), -11, (280, 2250, 3000), None, False, None, 0.04),
}
_NASAL = ("m", "n")


@dataclass(frozen=True)
class Singer:
    """A voice.

    Attributes:
        seed: of its syllables.
        kind: of KINDS.
        lowest, highest: MIDI pitches that it sings.
        length: factor of its kind's formants: a longer throat has lower ones.
        tilt: Hz from which the source falls by 6 dB an octave more: the louder the voice, the higher.
        open: share of a period in which the glottis is open.
        breath: dB of its noise beside the pulses, before the throat.
        jitter, shimmer: standard deviation of a period's length and strength.
        rough: how much weaker every other period is, 0..1; growl: how much every third or so.
        drive: how far the whole is saturated; 0: not.
        ring: how near a trained singer's third to fifth formants lie together, 0..1.
        air: dB that what lies above 6 kHz is raised by, as engineers do.
        glide: how often a vowel turns into another one.
        release: seconds in which a note ends.
    """

    seed: int
    kind: str
    lowest: int
    highest: int
    length: float
    tilt: float
    open: float
    breath: float
    jitter: float
    shimmer: float
    rough: float = 0.0
    growl: float = 0.0
    drive: float = 0.0
    ring: float = 0.0
    air: float = 0.0
    glide: float = 0.4
    release: float = 0.12

    @property
    def pitches(self) -> range:
        """MIDI pitches at which the voice is rendered."""
        return range(self.lowest, self.highest + 1, STEP)


def singer(seed: int) -> Singer:
    """The singer of a seed: 55 % men, 38 % women, 7 % children; plain, breathy, trained, shouting or harsh."""
    rng = np.random.default_rng((1952, seed))
    kind = KINDS[int(rng.choice(3, p=[0.55, 0.38, 0.07]))]
    low, span = _RANGES[kind]
    lowest = int(rng.integers(low[0], low[1] + 1))
    highest = lowest + int(rng.integers(span[0], span[1] + 1)) // STEP * STEP
    way = str(rng.choice(["plain", "breathy", "trained", "shouting", "harsh"], p=[0.38, 0.16, 0.12, 0.2, 0.14]))
    if kind == "child":
        way = "plain" if way in ("trained", "harsh") else way
    loud = way in ("shouting", "harsh")
    return Singer(
        seed, kind, lowest, highest,
        length=float(np.exp(rng.normal(0, 0.05))),
        tilt=float(np.exp(rng.uniform(*np.log((3500, 12000) if loud else (700, 2500) if way == "breathy" else (1800, 7000))))),
        open=float(rng.uniform(0.35, 0.55) if loud else rng.uniform(0.65, 0.85) if way == "breathy" else rng.uniform(0.45, 0.7)),
        breath=float(rng.uniform(-22, -12) if way == "breathy" else rng.uniform(-38, -22)),
        jitter=float(rng.uniform(0.006, 0.014) if way == "harsh" else rng.uniform(0.001, 0.006)),
        shimmer=float(rng.uniform(0.1, 0.3) if way == "harsh" else rng.uniform(0.01, 0.07)),
        rough=float(rng.uniform(0.15, 0.5) if way == "harsh" else rng.uniform(0, 0.2) if way == "shouting" else 0.0),
        growl=float(rng.uniform(0.0, 0.5) if way == "harsh" else 0.0),
        drive=float(rng.uniform(1, 5) if way == "harsh" else rng.uniform(0, 2) if way == "shouting" else 0.0),
        ring=float(rng.uniform(0.4, 0.8) if way == "trained" else rng.uniform(0, 0.3) * (rng.random() < 0.3)),
        air=float(rng.uniform(0, 18)),
        glide=float(rng.uniform(0.2, 0.6)),
        release=float(rng.uniform(0.08, 0.2)),
    )  # fmt: skip


def syllables(voice: Singer, hold: float) -> Iterator[tuple[int, np.ndarray, float]]:
    """(MIDI pitch, samples at RATE, seconds after which the vowel is heard), SYLLABLES for each pitch, from low to high.

    The first and the third of a pitch have no consonant; they begin at once, as a slurred note does.
    """
    names = list(CONSONANTS)
    for pitch in voice.pitches:
        rng = np.random.default_rng((1952, voice.seed, pitch))
        chosen = rng.permutation(len(names))[: SYLLABLES - 2]
        consonants = ["", names[chosen[0]], "", *(names[k] for k in chosen[1:])]
        for number, consonant in enumerate(consonants):
            first = int(rng.integers(10))
            second = int(rng.integers(10)) if rng.random() < voice.glide else first
            yield pitch, *sung(voice, pitch, (first, second), consonant, hold if number < 2 else min(SHORT, hold), rng)


def formants(voice: Singer, table: np.ndarray, f0: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """(10,) frequencies and widths in Hz of a voice, from three of its kind; f0: the fundamental, below which no throat is tuned."""
    kind = KINDS.index(voice.kind)
    hertz: np.ndarray = np.concatenate([table, _TUBE * _SIZE[kind]]) * voice.length
    together = np.array([2600.0, 2950.0, 3350.0]) * (1.0, 1.1, 1.2)[kind]
    hertz[2:5] += voice.ring * (together - hertz[2:5])
    hertz[0] = max(hertz[0], 1.03 * f0)
    hertz[1] = max(hertz[1], hertz[0] + 150)
    hertz[2:5] = np.maximum(hertz[2:5], hertz[1] + np.array([150.0, 450, 750]))
    width = _WIDTHS * (1.0, 1.2, 1.35)[kind] * (1 + np.clip((voice.breath + 30) / 30, 0, 0.6))
    width[0] += 0.05 * hertz[0]
    return hertz, width


def sung(
    voice: Singer, pitch: float, vowels: tuple[int, int], consonant: str, seconds: float, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """One syllable: (sample,) float32 whose vowel has a level of -20 dB, and the seconds after which the vowel is heard."""
    f0 = 440 * 2 ** ((pitch - 69) / 12)
    kind = KINDS.index(voice.kind)
    how = CONSONANTS.get(consonant, Consonant((0, 0), attack=float(np.exp(rng.uniform(np.log(0.012), np.log(0.06))))))
    begin = float(rng.uniform(*how.seconds))
    n, start = round((seconds + begin) * RATE), round(begin * RATE)
    time = np.arange(n, dtype=np.float32) / RATE
    rise = (0.5 - 0.5 * np.cos(np.pi * np.clip((time - begin) / how.attack, 0, 1))).astype(np.float32)
    after = start + round(how.attack * RATE)
    pulses, breath = _glottis(voice, f0, n, rng)
    own, other = (formants(voice, VOWELS[kind][v], f0) for v in vowels)
    before = own if how.locus is None else formants(voice, np.array(how.locus) * _SIZE[kind], f0)
    if consonant in _NASAL:  # the mouth is closed: what comes through the nose is dull
        before = before[0], before[1] * np.array([1.0, *[2.5] * 4, *[1.0] * 5])
    part = _mixed(before, own, 0.4)  # by the time that the vowel is heard the mouth is open, and on its way
    part[0][0] = own[0][0]
    turn = begin + float(rng.uniform(0.25, 0.6)) * min(seconds, 1.5)
    knots = [(0.0, before), (0.7 * begin, before), (begin, part)] if begin else [(0.0, own)]
    turned = turn + float(rng.uniform(0.08, 0.35))
    knots += [(begin + float(rng.uniform(0.035, 0.08)), own), (turn, own), (turned, other)]
    wave = _through(pulses + breath, [*knots, (begin + seconds + 1, other)])
    if voice.drive:
        wave = np.tanh(voice.drive / (2 * _level(wave[after:])) * wave)
    wave += np.float32(10 ** (voice.air / 20) - 1) * sosfilt(_AIR, wave).astype(np.float32)
    wave /= _level(wave[after:])
    quiet: np.ndarray = np.zeros(1)
    if how.voice is not None:  # as loud while the mouth opens as it was before
        levels = [_level(wave[: round(0.7 * start)]), _level(wave[round(0.9 * start) : start])]
        quiet = 10 ** (how.voice / 20) / np.interp(time, [0.7 * begin, begin], levels)
    evens = _level(wave[round(turned * RATE) :]) ** -0.8 if turned + 0.1 < begin + seconds else 1.0  # open vowels are louder
    wave *= np.interp(time, [turn, turned], [1, evens]).astype(np.float32)
    fades = 10 ** (float(rng.uniform(-4, 2)) / 20 * np.clip((time - begin) / max(seconds, 0.5), 0, 1))
    wave *= (quiet * np.minimum(time / 0.015, 1) * (1 - rise) + rise * fades).astype(np.float32)
    if how.noise is not None:
        wave += _noise(how, start, n, rng)
    if how.breath is not None:
        wave += _puff(how, start, n, part if begin else own, rng)
    fade = round(0.06 * RATE)
    wave[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32) ** 2
    return (0.1 * wave).astype(np.float32), begin + 0.4 * how.attack


def _level(wave: np.ndarray) -> float:
    """The root mean square of the first 0.3 seconds."""
    return float(np.sqrt(np.square(wave[: round(0.3 * RATE)]).mean())) + 1e-9


def _glottis(voice: Singer, f0: float, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(sample,) pulses of unit level and the breath that follows them, both float32."""
    count = int(1.05 * n * f0 / RATE) + 8
    shorter = rng.normal(0, voice.jitter, count)
    knots = np.arange(0, n + RATE // 4, RATE // 6)  # a slow drift of a few cents
    wander = np.cumsum(rng.normal(0, 1.0, len(knots)))
    wander = (wander - wander.mean()) * (np.log(2) / 1200) * 1.5 / (1e-9 + max(1.0, float(wander.std())))
    place = np.arange(n)
    speed = (f0 / RATE) * (1 + (shorter - shorter.mean())[(place * (f0 / RATE)).astype(np.int32)] + np.interp(place, knots, wander))
    phase = np.cumsum(speed)
    period = phase.astype(np.int32)
    within = (phase - period).astype(np.float32)
    number = np.arange(count)
    strength = 1 + rng.normal(0, voice.shimmer, count) - voice.rough * (number % 2)
    if voice.growl:
        strength *= 1 - voice.growl * (0.5 + 0.5 * np.sin(2 * np.pi * number * float(rng.uniform(0.2, 0.45))))
    strength = np.maximum(strength, 0.05).astype(np.float32)
    shape = _period(voice, f0)
    at = within * TABLE
    low = at.astype(np.int32)
    value = shape[low]
    value += (at - low) * (shape[low + 1] - value)
    noise = rng.standard_normal(n, np.float32)
    noise[1:] -= np.float32(0.6) * noise[:-1]
    noise *= np.where(within < voice.open, np.float32(1.2), np.float32(0.5)) * np.float32(10 ** (voice.breath / 20))
    return value * strength[np.minimum(period, count - 1)], noise


def _period(voice: Singer, f0: float) -> np.ndarray:
    """(TABLE + 2,) the derivative of the flow through the glottis in one period, without what lies above half the rate."""
    u = np.arange(TABLE) / TABLE / voice.open
    spectrum = np.fft.rfft(np.where(u < 1, 2 * u - 3 * u**2, 0.0))
    harmonic = np.arange(len(spectrum)) * f0
    spectrum /= 1 + 1j * harmonic / voice.tilt
    spectrum[(harmonic > 0.47 * RATE) | (harmonic == 0)] = 0
    shape = np.fft.irfft(spectrum, TABLE)
    shape /= np.sqrt(np.square(shape).mean())
    return np.append(shape, shape[:2]).astype(np.float32)


_Shape = tuple[np.ndarray, np.ndarray]


def _mixed(first: _Shape, second: _Shape, share: float) -> _Shape:
    return first[0] + share * (second[0] - first[0]), first[1] + share * (second[1] - first[1])


def _through(source: np.ndarray, knots: list[tuple[float, _Shape]]) -> np.ndarray:
    """A source through a throat whose formants move in straight lines from knot to knot.

    It goes in pieces that fade into each other, each through a throat that stands still: no filter ever changes, so none clicks.
    """
    n, edges, shapes = len(source), [0], list[_Shape]()
    for (a, one), (b, two) in pairwise(knots):
        first, last = max(edges[-1], round(a * RATE)), min(round(b * RATE), n)
        still = np.array_equal(one[0], two[0])
        many = 1 if still else (last - first) // BLOCK
        if last - first < BLOCK:
            continue
        edges += [first + (last - first) * (k + 1) // many for k in range(many)]
        shapes += [one if still else _mixed(one, two, (k + 0.5) / many) for k in range(many)]
    edges[-1] = n
    sections = _resonators(np.stack([s[0] for s in shapes]), np.stack([s[1] for s in shapes]))
    out = np.zeros(n + TAIL, np.float32)
    half = BLOCK // 2
    rise = (0.5 - 0.5 * np.cos(np.pi * (np.arange(2 * half) + 0.5) / (2 * half))).astype(np.float32)
    for first, last, sos in zip(edges[:-1], edges[1:], sections, strict=True):
        begin, end = max(first - half, 0), min(last + half, n)
        piece = np.zeros(end - begin + TAIL, np.float32)
        piece[:-TAIL] = source[begin:end]
        if first:
            piece[: 2 * half] *= rise
        if last < n:
            piece[end - begin - 2 * half : end - begin] *= rise[::-1]
        out[begin : end + TAIL] += sosfilt(sos, piece)
    return out[:n]


def _resonators(hertz: np.ndarray, width: np.ndarray) -> np.ndarray:
    """(…, formant, 6) second-order sections with a gain of 1 at 0 Hz."""
    radius = np.exp(-np.pi * width / RATE)
    one, two = -2 * radius * np.cos(2 * np.pi * hertz / RATE), radius**2
    zero = np.zeros_like(one)
    sections = np.stack([1 + one + two, zero, zero, zero + 1, one, two], -1)
    sections[hertz > _TOP] = (1, 0, 0, 1, 0, 0)
    return sections


def _noise(how: Consonant, start: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """(sample,) a fricative's noise until a little after the vowel begins, or a plosive's burst, beside a vowel of unit level."""
    assert how.noise is not None
    centre, width, level = how.noise
    stop = min(n, start + round(0.015 * RATE))
    centre *= float(np.exp(rng.normal(0, 0.08)))
    sos = _resonators(np.array([[min(centre, 0.42 * RATE)]]), np.array([[width]]))[0]
    sos[0, :3] = (1, 0, -1)  # a band, with nothing at 0 Hz
    noise = sosfilt(sos, rng.standard_normal(stop))
    noise /= np.sqrt(np.square(noise).mean()) + 1e-9
    time = np.arange(stop) / RATE
    if how.burst:
        first = max(0.002, start / RATE - (0.012 if how.breath is None else 0.85 * start / RATE))
        shape = np.where(time < first, 0, np.exp(-np.maximum(time - first, 0) / 0.005))
    else:
        shape = np.minimum(time / (0.4 * start / RATE), 1) * np.minimum((stop / RATE - time) / 0.03, 1)
    out = np.zeros(n, np.float32)
    out[:stop] = 10 ** ((level + rng.normal(0, 2)) / 20) * noise * shape
    return out


def _puff(how: Consonant, start: int, n: int, shape: _Shape, rng: np.random.Generator) -> np.ndarray:
    """(sample,) breath through an open glottis and the throat: an h, or what follows a burst; beside a vowel of unit level."""
    assert how.breath is not None
    first = round(0.2 * start) if how.burst else 0
    stop = min(n, start + round(0.02 * RATE))
    noise = sosfilt(_resonators(shape[0], 1.5 * shape[1]), rng.standard_normal(stop - first))
    noise *= np.linspace(1, 0.2, stop - first) if how.burst else np.sqrt(np.hanning(stop - first))
    out = np.zeros(n, np.float32)
    out[first:stop] = 10 ** ((how.breath + rng.normal(0, 2)) / 20) * noise / _level(noise)
    return out
