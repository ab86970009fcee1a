"""Augmentation on the device: what recordings do to sound, and masks on features. Labels stay where they are.

RealAug       on waveforms (batch, 1, time): gain, smooth EQ, drive, compressor, low-pass and band limits, a room whose direct
              sound stays at lag 0, coloured noise, a limiter; every example draws its own parameters, or is left out of a step
Recordings    of rooms and noise join in where a folder of packs is given (rir_noise: those whose licence says what one may do)
Masks         on features (batch, channel, band, frame): two bands and two spans of frames, a smooth random gain a band; as
              options holes such as codecs leave, and sudden steps of level
Chance        comes from one torch.Generator on the CPU (a few numbers a batch) that also seeds the noise on the device
Source        SpecAugment (Park et al., Interspeech 2019) for the masks; the rest is common practice
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

# Of pack rir_noise: what its column `licence` may begin with. Permissive, though most repositories do not say who recorded it.
FREE = ("CC0", "CC BY 4.0 (", "Apache-2.0 (repository", "MIT (repository")


@lru_cache(maxsize=8)
def recordings(data: str, kind: Literal["rir", "noise"], rate: int, seconds: float) -> list[np.ndarray]:
    """Room responses (from their direct sound on, which is 1) or noises (of unit power) of the pack rir_noise in a folder of packs:
    (sample,) float32 at `rate`, of so many seconds at most; none where the pack is not there."""
    from ..sound import read

    folder = Path(data) / "rir_noise"
    if not (folder / "labels.csv").exists():
        return []
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == kind and row["licence"].startswith(FREE)]
    found = []
    for row in rows:
        if (folder / row["file"]).exists():
            wave = read(folder / row["file"]).mono().at(rate).samples[0]
            direct = int(np.abs(wave).argmax())
            wave = wave[direct:] / wave[direct] if kind == "rir" else wave / max(1e-9, float(np.sqrt(np.square(wave).mean())))
            found.append(wave[: round(seconds * rate)].astype(np.float32))
    return found


class RealAug(nn.Module):
    """Makes rendered sound less clean.

    Args:
        amount: scales the probability of every step; 0 leaves sound as it is.
        room_seconds: longest reverberation time that is drawn.
        data: folder of packs; its recorded rooms stand in for some of the made ones (30 %), its noises join (30 %, 10..50 dB
            under the sound). None: everything is made.
    """

    def __init__(self, amount: float = 1.0, room_seconds: float = 1.2, data: Path | str | None = None) -> None:
        super().__init__()
        self.amount, self.room_seconds, self.data = amount, room_seconds, data
        self._recorded: dict[tuple[str, int, torch.device], Tensor | None] = {}

    @torch.no_grad()
    def forward(self, wave: Tensor, rate: int, generator: torch.Generator) -> Tensor:
        """(B, 1, T) float32 at `rate` Hz → the same shape; silence stays silent."""
        if self.amount <= 0 or not wave.shape[-1]:
            return wave
        draw = _Draw(wave.shape[0], generator, wave.device, self.amount)
        wave = wave * draw.decibels(-6, 6)
        wave = _driven(wave, draw)
        wave = self._filtered(wave, rate, draw)
        wave = _compressed(wave, rate, draw)
        wave = _noisy(wave, rate, draw)
        wave = self._overheard(wave, rate, draw)
        wave = _mastered(wave, rate, draw)
        peak = wave.abs().amax((1, 2), keepdim=True)
        return wave / peak.clamp(min=1.0)  # no clipping that nobody asked for

    def _filtered(self, wave: Tensor, rate: int, draw: _Draw) -> Tensor:
        """Equaliser, low- and high-pass and room in one product of spectra."""
        n = wave.shape[-1]
        room = draw.room(rate, self.room_seconds)  # (B, M)
        real = self._recordings("rir", rate, room.shape[-1] / rate, wave.device)
        if real is not None:
            which = draw.which(len(real))
            wet = real[which] * draw.decibels(-12, 0)[:, 0]
            wet[:, 0] = 1.0
            room = torch.where(draw.happens(0.3)[:, 0], nn.functional.pad(wet, (0, room.shape[-1] - wet.shape[-1])), room)
        size = _fast(n + room.shape[-1])
        frequencies = torch.fft.rfftfreq(size, 1 / rate, device=wave.device)
        response = draw.equaliser(frequencies, rate) * draw.band(frequencies, rate)
        spectrum = torch.fft.rfft(wave, size) * (response * torch.fft.rfft(room, size))[:, None]
        return torch.fft.irfft(spectrum, size)[..., :n]

    def _overheard(self, wave: Tensor, rate: int, draw: _Draw) -> Tensor:
        """Recorded noise, from anywhere in the recording, again from its start when it ends."""
        noises = self._recordings("noise", rate, 8.0, wave.device)
        if noises is None:
            return wave
        which, start = draw.which(len(noises)), draw.uniform(0, noises.shape[-1])[:, 0].long()
        noise = noises[which[:, None], (start + torch.arange(wave.shape[-1], device=wave.device)) % noises.shape[-1]]
        level = wave.square().mean((1, 2), keepdim=True).sqrt()
        return wave + noise[:, None] * level * draw.decibels(-50, -10) * draw.happens(0.3)

    def _recordings(self, kind: Literal["rir", "noise"], rate: int, seconds: float, device: torch.device) -> Tensor | None:
        """(recording, sample) on the device, the shorter rooms padded, the shorter noises repeated; None where there are none."""
        if self.data is None:
            return None
        if (kind, rate, device) not in self._recorded:
            waves = recordings(str(self.data), kind, rate, seconds)
            self._recorded[kind, rate, device] = torch.from_numpy(_equally_long(waves, kind == "noise")).to(device) if waves else None
        return self._recorded[kind, rate, device]


def _equally_long(waves: Sequence[np.ndarray], again: bool) -> np.ndarray:
    longest = max(map(len, waves))
    return np.stack([np.resize(wave, longest) if again else np.pad(wave, (0, longest - len(wave))) for wave in waves])


class _Draw:
    """Parameters of a batch, one of each an example, shaped (B, 1, 1) unless said otherwise."""

    def __init__(self, batch: int, generator: torch.Generator, device: torch.device, amount: float) -> None:
        self.batch, self.device, self.amount = batch, device, amount
        self.generator = generator
        # Large noise is drawn on the device: from a seed that the CPU's generator gives, so that one generator rules all.
        seed = int(torch.randint(2**31 - 1, (1,), generator=generator, device=generator.device))
        self.noise = torch.Generator(device).manual_seed(seed)

    def _cpu(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.generator, device=self.generator.device)

    def uniform(self, low: float, high: float) -> Tensor:
        return (low + (high - low) * self._cpu(self.batch, 1, 1)).to(self.device)

    def decibels(self, low: float, high: float) -> Tensor:
        return 10 ** (self.uniform(low, high) / 20)

    def happens(self, probability: float) -> Tensor:
        """Boolean (B, 1, 1)."""
        return (self._cpu(self.batch, 1, 1) < probability * self.amount).to(self.device)

    def which(self, n: int) -> Tensor:
        """(B,) one of n things each."""
        return (self._cpu(self.batch) * n).long().clamp(max=n - 1).to(self.device)

    def normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self.noise, device=self.device)

    def equaliser(self, frequencies: Tensor, rate: int) -> Tensor:
        """(B, F) a smooth gain: a tilt and random values at octaves; identity for one example in five."""
        octaves = (torch.log2(frequencies.clamp(min=20) / 20)).clamp(max=10)  # 0..10 over 20 Hz..20 kHz
        knots = torch.randn((self.batch, 12), generator=self.generator, device=self.generator.device).to(self.device) * 3.0
        low = octaves.floor().long()
        part = octaves - low
        smooth = knots[:, low] * (1 - part) + knots[:, low + 1] * part
        tilt = self.uniform(-1.2, 1.2)[:, 0] * (octaves - 5)
        wanted = self.happens(0.8)[:, 0]
        return torch.where(wanted, 10 ** ((smooth + tilt) / 20), 1.0)

    def band(self, frequencies: Tensor, rate: int) -> Tensor:
        """(B, F) a low-pass (30 %, 3..16 kHz), a high-pass (20 %, 30..200 Hz), a telephone now and then (3 %)."""
        nyquist = rate / 2
        low_pass, high_pass, phone = self.happens(0.3)[:, 0], self.happens(0.2)[:, 0], self.happens(0.03)[:, 0]
        top = 3000 * (16_000 / 3000) ** self.uniform(0, 1)[:, 0]
        bottom = 30 * (200 / 30) ** self.uniform(0, 1)[:, 0]
        top = torch.where(phone, 3400.0, torch.where(low_pass, top, 4 * nyquist))
        bottom = torch.where(phone, 300.0, torch.where(high_pass, bottom, 1e-3))
        return 1 / torch.sqrt((1 + (frequencies / top) ** 12) * (1 + (bottom / frequencies.clamp(min=1e-2)) ** 8))

    def room(self, rate: int, longest: float) -> Tensor:
        """(B, M) impulse responses: 1 at lag 0, then (60 %) an exponentially decaying noise tail 3..25 ms later."""
        length = max(1, int(rate * longest * 0.6))
        time = torch.arange(length, device=self.device) / rate
        decay = 0.12 * (longest / 0.12) ** self.uniform(0, 1)[:, 0]
        tail = self.normal(self.batch, length) * torch.exp(-6.9 * time / decay)
        tail = tail * (time >= self.uniform(0.003, 0.025)[:, 0])
        tail = tail / tail.square().sum(-1, keepdim=True).clamp(min=1e-12).sqrt()
        tail = tail * self.decibels(-24, -3)[:, 0] * self.happens(0.6)[:, 0]
        tail[:, 0] = 1.0
        return tail


def _fast(n: int) -> int:
    """The smallest 2^a·3^b·5^c that is no smaller than n: lengths that FFTs like."""
    best = 1 << (n - 1).bit_length()
    five = 1
    while five < best:
        three = five
        while three < best:
            two = three
            while two < n:
                two *= 2
            best = min(best, two)
            three *= 3
        five *= 5
    return best


def _driven(wave: Tensor, draw: _Draw) -> Tensor:
    """tanh saturation at the level that it came with (25 %)."""
    peak = wave.abs().amax((1, 2), keepdim=True).clamp(min=1e-6)
    drive = draw.decibels(0, 18)
    return torch.where(draw.happens(0.25), torch.tanh(wave / peak * drive) * peak / torch.tanh(drive), wave)


def _compressed(wave: Tensor, rate: int, draw: _Draw) -> Tensor:
    """Gain from the loudness of 20 ms frames, smoothed over 100 ms (50 %); ratio up to 8."""
    hop = max(1, rate // 50)
    batch, _, n = wave.shape
    frames = -(-n // hop)
    padded = nn.functional.pad(wave, (0, frames * hop - n)).reshape(batch, 1, frames, hop)
    level = 10 * torch.log10(padded.square().mean(-1) + 1e-8)  # (B, 1, frame) dB
    level = nn.functional.avg_pool1d(nn.functional.pad(level, (2, 2), mode="replicate"), 5, 1)
    loud = level.amax(-1, keepdim=True)
    over = (level - (loud - draw.uniform(6, 30))).clamp(min=0)
    gain = -over * (1 - 1 / draw.uniform(1.5, 8)) * draw.happens(0.5)
    smooth = nn.functional.interpolate(gain, scale_factor=float(hop), mode="linear", align_corners=False)[..., :n]
    return wave * 10 ** (smooth / 20)


def _mastered(wave: Tensor, rate: int, draw: _Draw) -> Tensor:
    """As loud as records are, -20..-8 dB, by a limiter that looks 5 ms ahead (50 %): free music has a median of -13 dB."""
    hop = max(1, rate // 400)
    n = wave.shape[-1]
    loud = wave.square().mean((1, 2), keepdim=True).sqrt()
    gain = (draw.decibels(-20, -8) / loud.clamp(min=1e-6)).clamp(max=30.0)
    wave = torch.where(draw.happens(0.5) * (loud > 1e-5) > 0, wave * gain, wave)
    frames = -(-n // hop)
    peaks = nn.functional.pad(wave, (0, frames * hop - n)).reshape(len(wave), 1, frames, hop).abs().amax(-1)
    peaks = nn.functional.max_pool1d(peaks, 9, 1, 4)  # the loudest of 10 ms on either side
    needed = (1 / peaks.clamp(min=1e-6)).clamp(max=1.0)
    smooth = nn.functional.avg_pool1d(nn.functional.pad(needed, (2, 2), mode="replicate"), 5, 1)
    return wave * nn.functional.interpolate(smooth, scale_factor=float(hop), mode="linear", align_corners=False)[..., :n]


def _noisy(wave: Tensor, rate: int, draw: _Draw) -> Tensor:
    """Noise of a random colour (white to brown) 20..70 dB under the sound (60 %)."""
    batch, _, n = wave.shape
    size = _fast(min(n, 4 * rate))  # four seconds, repeated: noise costs as little as it matters
    frequencies = torch.fft.rfftfreq(size, 1 / rate, device=wave.device).clamp(min=20.0)
    spectrum = torch.fft.rfft(draw.normal(batch, size)) * frequencies ** (-draw.uniform(0, 1)[:, 0])
    noise = torch.fft.irfft(spectrum, size)
    noise = noise / noise.square().mean(-1, keepdim=True).sqrt()
    noise = noise.repeat(1, -(-n // size))[:, None, :n]
    level = wave.square().mean((1, 2), keepdim=True).sqrt()
    return wave + noise * level * draw.decibels(-70, -20) * draw.happens(0.6)


class Masks(nn.Module):
    """SpecAugment and a random gain a band, on log features.

    Args:
        bands, frames: how many masks; each as wide as `band_share` of the bands, `frame_share` of the frames, at most.
        gain: standard deviation of the smooth gain, in units of the features.
        holes: share of the examples in which small cells, more of them the higher the band, are emptied, as codecs of low
            bit rates do.
        steps: how many sudden changes of level (standard deviation `gain`) at most.
    """

    def __init__(
        self,
        bands: int = 2,
        frames: int = 2,
        band_share: float = 0.15,
        frame_share: float = 0.04,
        gain: float = 0.3,
        holes: float = 0.0,
        steps: int = 0,
    ) -> None:
        super().__init__()
        self.bands, self.frames, self.band_share, self.frame_share, self.gain = bands, frames, band_share, frame_share, gain
        self.holes, self.steps = holes, steps

    @torch.no_grad()
    def forward(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """(B, C, F, N) → the same shape; masked values become the example's mean."""
        batch, _, bands, frames = features.shape
        device = generator.device
        knots = torch.randn((batch, 1, 6), generator=generator, device=device) * self.gain
        curve = nn.functional.interpolate(knots, bands, mode="linear", align_corners=True).to(features)
        features = features + curve[..., None]
        covered = torch.zeros((batch, bands, frames), dtype=torch.bool, device=features.device)
        for count, n, share, axis in ((self.bands, bands, self.band_share, -1), (self.frames, frames, self.frame_share, -2)):
            if count:
                width = torch.rand((batch, count, 1), generator=generator, device=device) * share * n
                start = torch.rand((batch, count, 1), generator=generator, device=device) * (n - width)
                place = torch.arange(n, device=device)
                covered |= ((place >= start) & (place < start + width)).any(1).to(features.device).unsqueeze(axis)
        mean = features.mean((1, 2, 3), keepdim=True)
        if self.holes:
            features = self._holed(features, generator)
        if self.steps:
            features = self._stepped(features, generator)
        return torch.where(covered[:, None], mean, features)

    def _holed(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """Cells of four bands and three frames become the example's least value: up to 40 % of them at the top, none at the bottom."""
        batch, _, bands, frames = features.shape
        device, high, long = generator.device, -(-bands // 4), -(-frames // 3)
        wanted = torch.rand((batch, 1, 1), generator=generator, device=device) < self.holes
        most = 0.4 * torch.rand((batch, 1, 1), generator=generator, device=device)
        cells = (
            torch.rand((batch, high, long), generator=generator, device=device) < most * torch.linspace(0, 1, high, device=device)[:, None]
        )
        empty = (cells & wanted).to(features.device).repeat_interleave(4, 1)[:, :bands].repeat_interleave(3, 2)[..., :frames]
        return torch.where(empty[:, None], features.amin((1, 2, 3), keepdim=True), features)

    def _stepped(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """A level that changes suddenly, up to so many times, and stays."""
        batch, frames, device = features.shape[0], features.shape[-1], generator.device
        at = torch.rand((batch, self.steps, 1), generator=generator, device=device) * 2 * frames  # half of them never come
        by = torch.randn((batch, self.steps, 1), generator=generator, device=device) * self.gain
        curve = ((torch.arange(frames, device=device) >= at) * by).sum(1)
        return features + curve[:, None, None].to(features)


class Augmentation(nn.Module):
    """What a training loop calls: `sound` before the input's features, `features` after.

    Trees are walked: RealAug meets every floating (B, 1, T) or (B, T) tensor that is longer than a second, Masks every
    floating (B, C, F, N).
    """

    def __init__(self, amount: float = 1.0, masks: Masks | None = None, real: RealAug | None = None) -> None:
        super().__init__()
        self.real, self.masks = real or RealAug(amount), masks or Masks()

    def sound(self, raw: Any, rate: int, generator: torch.Generator) -> Any:
        """Waveforms of a tree, augmented; equal tensors of a tree get equal treatment."""
        state = generator.get_state()

        def one(x: Tensor) -> Tensor:
            if not x.is_floating_point() or x.shape[-1] <= rate or not (x.ndim == 2 or (x.ndim == 3 and x.shape[1] == 1)):
                return x
            generator.set_state(state)
            return self.real(x.reshape(len(x), 1, -1), rate, generator).reshape(x.shape)

        return _mapped(raw, one)

    def features(self, x: Any, generator: torch.Generator) -> Any:
        """Features of a tree, masked."""
        return _mapped(x, lambda t: self.masks(t, generator) if t.is_floating_point() and t.ndim == 4 else t)


def _mapped(tree: Any, function: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(tree, Tensor):
        return function(tree)
    if isinstance(tree, dict):
        return {key: _mapped(value, function) for key, value in tree.items()}
    if isinstance(tree, (tuple, list)):
        return type(tree)(_mapped(value, function) for value in tree)
    return tree


class Recorded(Augmentation):
    """With recorded rooms and noise where AURAL_DATA has them, holes and steps of level."""

    def __init__(self, amount: float = 1.0) -> None:
        real = RealAug(amount, data=os.environ.get("AURAL_DATA"))
        super().__init__(amount, Masks(holes=0.3 * amount, steps=2 if amount else 0), real)


AUGMENTATIONS: dict[str, type[Augmentation]] = {"realaug": Augmentation, "recorded": Recorded}
