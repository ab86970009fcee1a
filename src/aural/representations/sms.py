"""Spectral modelling: a sound as sines that come and go, and a noise with a moving envelope.

Source   Serra & Smith, Spectral modeling synthesis: a sound analysis/synthesis system based on a deterministic plus stochastic
         decomposition, 1990 [SS90]; tracks and their cubic phases: McAulay & Quatieri, Speech analysis/synthesis based on a
         sinusoidal representation, 1986

Frames   frame n is centred on sample n · hop. Sines are read from the peaks of a spectrum under a Blackman-Harris window, whose
         side lobes lie 92 dB down; a parabola through a peak in dB says where it is between the bins
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import OptionError
from .framing import framed, rows_of
from .scales import mel_edges, triangles
from .stft import STFT, Spectral

BLOCK = 64  # frames that are synthesized together


@dataclass
class Following:
    """Where the tracks of one sound are that is still coming in.

    last: (track,) Hz in the last frame, 0 where it had none. peaks (3, peak, frame) and order (track, frame), which peak each track is:
    of frames that are not given out yet. lasted: (track,) frames that each has been there before these. seen: frames in all.
    """

    last: np.ndarray
    lasted: np.ndarray
    order: np.ndarray
    peaks: Tensor
    seen: int = 0


class SMS(Spectral):
    """(batch, 1, time) → (batch, 3, tracks, frame): Hz, amplitude, and phase in the middle of the frame (of a cosine).

    A track is one sine through consecutive frames; where there is none all three are 0. Gradients flow to all three, as long
    as no peak comes or goes.

    Args:
        window: samples of the Blackman-Harris window; two sines must be 8 · rate / window Hz apart to be two.
        tracks: at most so many sines at once, the strongest.
        floor_db: peaks below it (a sine of amplitude 1 has 0 dB) are left to the noise.
        jump: how far a track may move between frames, as a share of its frequency; at least one bin's width.
        least: frames that a track lasts at least; shorter ones are left to the noise.
        bands: of the noise's envelope.
    """

    def __init__(
        self,
        rate: int,
        hop: int = 256,
        window: int = 2048,
        *,
        n_fft: int | None = None,
        tracks: int = 60,
        floor_db: float = -80.0,
        jump: float = 0.03,
        least: int = 4,
        bands: int = 40,
        of: str = "sound",
    ) -> None:
        super().__init__(rate, hop, window, n_fft, of)
        if min(tracks, least, bands) < 1 or jump < 0 or self.n_fft % 2:
            raise OptionError(f"tracks={tracks}, least={least}, bands={bands}, jump={jump:g}, n_fft={self.n_fft}: from 1, from 0, and even")
        self.tracks, self.floor_db, self.jump, self.least, self.bands = int(tracks), float(floor_db), float(jump), int(least), int(bands)
        self.noise_stft = STFT(rate, hop, window, of=of)
        self.gather: Tensor
        self.spread: Tensor
        self._set()

    def constants(self) -> dict[str, Tensor]:
        turn = 2 * math.pi / self.window_length * torch.arange(self.window_length, dtype=torch.float64)
        shape = sum(a * (-1) ** i * torch.cos(i * turn) for i, a in enumerate((0.35875, 0.48829, 0.14128, 0.01168)))
        assert isinstance(shape, Tensor)
        missing = self.n_fft - self.window_length
        if missing < 0:
            raise OptionError(f"a window of {self.window_length} samples does not fit into an FFT of {self.n_fft}")
        edges, bins = mel_edges(self.bands, 0.0, self.rate / 2, "htk"), np.fft.rfftfreq(self.window_length, 1 / self.rate)
        gather = triangles(edges, bins, "sum")
        centres = edges[1:-1]
        spread = torch.from_numpy(np.stack([np.interp(bins, centres, row) for row in np.eye(self.bands)], 1))
        return {"window": nn.functional.pad(shape, (missing // 2, missing - missing // 2)), "gather": gather, "spread": spread}

    def frequencies(self) -> np.ndarray:
        """The numbers of the tracks: their Hz is what the features say."""
        return np.arange(self.tracks, dtype=np.float64)

    def forward(self, raw: Tensor) -> Tensor:
        made, _ = self.step(self.peaks(raw), None, end=True)
        return made.reshape(*raw.shape[:-2], -1, *made.shape[-2:])

    def peaks(self, raw: Tensor) -> Tensor:
        """(batch, 1, time) → Hz, amplitude and phase of the strongest peaks of every frame, in no track yet: (batch, 3, peak, frame)."""
        x = rows_of(raw, self.window.dtype)
        return self._peaks(framed(x, self.n_fft, self.hop)[..., : self.frames(x.shape[-1]), :])

    def step(self, peaks: Tensor, state: list[Following] | None = None, end: bool = False) -> tuple[Tensor, list[Following]]:
        """The next frames of `peaks` → those in tracks, as far as it is known which of these last long enough: up to `least` - 1 frames
        wait for the next ones, or for the `end`. State None: the first ones."""
        none = np.zeros(self.tracks)
        state = state or [Following(none, none.astype(int), np.zeros((self.tracks, 0), int), peaks[i, ..., :0]) for i in range(len(peaks))]
        for own, more in zip(state, peaks, strict=True):
            order, own.last = self._order(more[0].detach().double().cpu().numpy(), own.last)
            own.order, own.peaks = np.hstack([own.order, order]), torch.cat([own.peaks, more], -1)
            own.seen += order.shape[1]
        ready = min(own.order.shape[1] if end else self._ready(own) for own in state)
        return torch.stack([self._taken(own, ready) for own in state]), state

    def _ready(self, own: Following) -> int:
        """How many frames have no track of which it is open how long it will last."""
        lasts = _lasting(own.order < self.tracks, own.lasted)[:, -1:]
        return own.order.shape[1] - int(lasts[(lasts > 0) & (lasts < self.least)].max(initial=0))

    def _taken(self, own: Following, ready: int) -> Tensor:
        """The first frames, each peak in its track's row, without short tracks; they leave the state."""
        there = own.order < self.tracks
        lasts = _lasting(there, own.lasted)
        order, least = own.order.copy(), min(self.least, own.seen)
        for row, last in np.argwhere(there & ~np.pad(there[:, 1:], ((0, 0), (0, 1)))):
            if lasts[row, last] < least:
                order[row, max(0, last + 1 - lasts[row, last]) : last + 1] = self.tracks
        chosen = torch.from_numpy(order[:, :ready]).to(own.peaks.device)
        padded = nn.functional.pad(own.peaks[..., :ready], (0, 0, 0, 1))  # a last peak that is none
        if ready:
            own.lasted = lasts[:, ready - 1]
        own.order, own.peaks = own.order[:, ready:], own.peaks[..., ready:]
        return padded.gather(1, chosen.expand(3, -1, -1))

    def _peaks(self, frames: Tensor) -> Tensor:
        """(row, frame, sample) → the strongest peaks (row, 3, tracks, frame), strongest first; amplitude 0 where there are fewer."""
        spectrum = torch.fft.rfft(frames * self.window)
        level = (spectrum.abs() * (2 / self.window.sum())).clamp(min=1e-15).log10() * 20
        left, middle, right = level[..., :-2], level[..., 1:-1], level[..., 2:]
        is_peak = (middle > left) & (middle >= right) & (middle > self.floor_db)
        ranked = torch.where(is_peak, middle.detach(), -math.inf)
        count = min(self.tracks, ranked.shape[-1])
        best, place = ranked.topk(count, -1)
        a, b, c = (side.gather(-1, place) for side in (left, middle, right))
        bend = a - 2 * b + c
        offset = torch.where(bend < 0, 0.5 * (a - c) / torch.where(bend < 0, bend, -1.0), 0.0)
        hz = (place + 1 + offset) * (self.rate / self.n_fft)
        amplitude = 10 ** ((b - 0.25 * (a - c) * offset) / 20)
        # From the first sample of the frame to its middle every bin's phase turns by half a turn more than the one before.
        turned = spectrum[..., 1:-1].gather(-1, place) * (1 - 2 * ((place + 1) % 2))
        made = torch.stack([hz, amplitude, turned.angle()], 1)
        made = torch.where(best.isinf()[:, None], 0.0, made)
        return nn.functional.pad(made, (0, self.tracks - count)).mT

    def _order(self, hz: np.ndarray, last: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Hz of the peaks (peak, frame), 0 where none → which peak each track is in each frame, (track, frame); `tracks` for none. And
        `last`, the Hz of every track in the frame before, 0 where it had none."""
        none, frames = self.tracks, hz.shape[-1]
        order = np.full((self.tracks, frames), none)
        for n in range(frames):
            free = list(np.flatnonzero(last == 0))
            alive, there = np.flatnonzero(last), np.flatnonzero(hz[:, n])
            away = np.abs(last[alive][:, None] - hz[there, n])
            within = np.argwhere(away <= np.maximum(self.jump * last[alive], self.rate / self.window_length)[:, None])
            taken_tracks, taken_peaks = set(), set()
            for i, j in within[np.argsort(away[tuple(within.T)], kind="stable")]:
                if i not in taken_tracks and j not in taken_peaks:
                    taken_tracks.add(i)
                    taken_peaks.add(j)
                    order[alive[i], n] = there[j]
            for j in range(len(there)):
                if j not in taken_peaks and free:  # a row whose track ended just now rests a frame, to fade
                    order[free.pop(0), n] = there[j]
            last = np.where(order[:, n] < none, np.append(hz[:, n], 0.0)[order[:, n]], 0.0)
        return order, last

    def invert(self, features: Tensor, length: int | None = None) -> Tensor:
        """(batch, 3, tracks, frame) → the sines alone, (batch, 1, time); cubic phases, amplitudes in straight lines.

        Args:
            length: samples; default: hop · (frames - 1).
        """
        frames = features.shape[-1]
        length = (frames - 1) * self.hop if length is None else length
        hz, amplitude, phase = features.flatten(0, -4).double().unbind(-3)
        turn = 2 * math.pi / self.rate * self.hop  # radians a hop, of 1 Hz
        ahead = [hz[..., -1:], amplitude[..., -1:], phase[..., -1:] + turn * hz[..., -1:]]  # after the last frame: on as it was
        hz, amplitude, phase = (torch.cat([some, more], -1) for some, more in zip((hz, amplitude, phase), ahead, strict=True))
        there = amplitude > 0
        born, dies = there[..., 1:] & ~there[..., :-1], there[..., :-1] & ~there[..., 1:]
        start, end = torch.where(born, hz[..., 1:], hz[..., :-1]) * turn, torch.where(dies, hz[..., :-1], hz[..., 1:]) * turn
        first = torch.where(born, phase[..., 1:] - end, phase[..., :-1])
        last = torch.where(dies, phase[..., :-1] + start, phase[..., 1:])
        # θ(u) = first + start u + α u² + β u³ over u = 0 … 1, with so many whole turns more that it bends least.
        turns = torch.round((first + (start + end) / 2 - last) / (2 * math.pi))
        rest = last + 2 * math.pi * turns - first - start
        alpha, beta = 3 * rest - (end - start), (end - start) - 2 * rest
        u = torch.arange(self.hop, dtype=torch.float64, device=features.device) / self.hop
        made = []
        for n in range(0, frames, BLOCK):
            at = slice(n, min(n + BLOCK, frames))
            f, s, a, b = (some[..., at, None] for some in (first, start, alpha, beta))
            before, after = amplitude[..., at, None], amplitude[..., at.start + 1 : at.stop + 1, None]
            made.append(((before + (after - before) * u) * torch.cos(f + u * (s + u * (a + u * b)))).sum(-3).flatten(-2))
        flat = torch.cat(made, -1)
        flat = nn.functional.pad(flat, (0, max(0, length - flat.shape[-1])))[..., :length]
        return flat.reshape(*features.shape[:-3], 1, length).to(features.dtype)

    def residual(self, raw: Tensor, features: Tensor) -> Tensor:
        """What the sines leave of the sound: together they are it exactly."""
        return raw - self.invert(features, raw.shape[-1])

    def noise(self, residual: Tensor) -> Tensor:
        """(batch, 1, time) → the envelope of a noise: power per sample in each band, (batch, 1, bands, frame)."""
        stft = self.noise_stft
        return self.gather @ (stft(residual).abs().square() / stft.window.square().sum())

    def noise_sound(self, envelope: Tensor, length: int | None = None, seed: int = 0) -> Tensor:
        """Noise with that envelope, (batch, 1, time), made from `seed`."""
        frames = envelope.shape[-1]
        length = (frames - 1) * self.hop if length is None else length
        white = torch.randn(frames * self.hop, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(envelope)
        spectrum = self.noise_stft(white)[..., :frames] * (self.spread @ envelope).clamp(min=0).sqrt()
        return self.noise_stft.invert(spectrum, length)


def _lasting(there: np.ndarray, before: np.ndarray) -> np.ndarray:
    """(track, frame) whether a track is there → for how many frames it has been, `before` (track,) those before the first; 0 without."""
    made, lasted = np.zeros(there.shape, int), before
    for n in range(there.shape[1]):
        made[:, n] = lasted = np.where(there[:, n], lasted + 1, 0)
    return made
