"""Key estimation: a small network that hears all twelve tonics alike, since it is turned with the pitch classes.

Paper     our own; circular convolution over pitch classes after Cohen & Welling, Group equivariant convolutional networks, ICML 2016;
          attention as a mean that chooses, after Bahdanau, Cho & Bengio, Neural machine translation by jointly learning to align and
          translate, ICLR 2015
Survey    4.1, Key
In        sound, any rate
Inside    22,050 Hz; a constant-Q transform at 43.07 frames a second, 36 bins an octave from A0, its tuning found and taken out, folded
          into twelve pitch classes of three registers twice a second; circular convolutions over pitch classes, means over 6 and 20 s
          either way in which frames that say more count more
Out       key: Intervals from the start to the end ("C:major", "N" for none), with a calibrated confidence
Differs   a net turned to twelve tonics in place of profiles; learned from made songs
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from aural.encodings import KeyFrames
from aural.objectives import Supervised, classes
from aural.representations import CQT
from aural.representations.compress import expand
from aural.representations.tuning import tuning
from aural.system import Recipe, System, system
from aural.tasks.key import key

BANDS, FINE, LOWEST = 309, 3, 21  # of the transform; bins a semitone; MIDI pitch of the first
REGISTERS = (12, 43, 64, 100)  # MIDI pitches between which each lies
CHANNELS = len(REGISTERS) - 1
LOUD = 1000.0  # of the compression that note/pitch hears, too


@system()
def equivariant(width: int = 24, blocks: int = 3, hop: int = 22) -> System:
    return System(
        task=key,
        input=CQT(22_050, 512, 27.5, BANDS, 12 * FINE, gamma=12.0, shape="frequency", compression="log1p", factor=LOUD),
        net=Equivariant(width, blocks, hop),
        output=KeyFrames(trust=0.5),
        objective=Supervised(classes),
        recipe=Recipe(data="songs:60", seconds=60, batch=32, steps=1500, rate=3e-3),
        window=600.0,
        context=30.0,
    )


class Tones(nn.Module):
    """(batch, 1, 309, frame) of the transform → how high the peaks at each semitone are over the mean of their octave, in tune, `hop`
    frames together: (batch, 103, cell)."""

    def __init__(self, hop: int = 22, around: int = 18) -> None:
        super().__init__()
        self.hop, self.around = int(hop), int(around)

    def forward(self, x: Tensor) -> Tensor:
        heard = nn.functional.pad(expand(x[:, 0], "log1p", factor=LOUD), (0, -x.shape[-1] % self.hop))
        # The low filters are wider than a semitone: only the highest of five neighbours is a tone.
        highest = nn.functional.max_pool2d(heard, (5, 1), 1, (2, 0))
        wide = nn.functional.pad(heard.mT, (self.around, self.around), mode="replicate")
        over = (heard - nn.functional.avg_pool1d(wide, 2 * self.around + 1, 1).mT).clamp(min=0) * (heard == highest)
        away = torch.arange(BANDS, device=x.device) / FINE - tuning(heard[:, 72:252], FINE)[:, None]  # (batch, band) semitones over A0
        fold = (1 - (away[:, None] - torch.arange(BANDS // FINE, device=x.device)[:, None]).abs() * FINE / 2).clamp(min=0)
        return fold @ over.unflatten(-1, (-1, self.hop)).mean(-1)


def chroma(tones: Tensor, power: float = 0.3) -> Tensor:
    """(batch, 103, cell) → (batch, 3, 12, cell): pitch classes, C first, in three registers, each of length 1 where it sounds."""
    pitch = torch.arange(tones.shape[1], dtype=tones.dtype, device=tones.device) + LOWEST
    loudest = tones.amax(1, keepdim=True)
    strong = (tones / (loudest + 1e-3 * loudest.amax(-1, keepdim=True) + 1e-9)) ** power
    above = [torch.sigmoid((pitch - edge) / 1.5) for edge in REGISTERS]
    parts = torch.stack([a * (1 - b) for a, b in pairwise(above)])  # (register, pitch)
    split = nn.functional.pad(strong[:, None] * parts[:, :, None], (0, 0, LOWEST - 12, -(tones.shape[1] + LOWEST) % 12))
    found = split.unflatten(2, (-1, 12)).sum(2)
    length = found.square().sum(2, keepdim=True).sqrt()
    return found / (length + 1e-2 * length.amax(-1, keepdim=True) + 1e-9)


class Equivariant(nn.Module):
    """(batch, 1, 309, frame) → logits (batch, 25, cell) of `harmony.KEYS` and of no key.

    `keys` is exactly equivariant: a chroma turned by so many semitones gives logits turned by as many.

    Args:
        width: channels. blocks: of convolutions, each over twice the time of the one before. hop: frames of a cell.
    """

    def __init__(self, width: int = 24, blocks: int = 3, hop: int = 22, reach: tuple[int, ...] = (12, 40)) -> None:
        super().__init__()
        self.stride = int(hop)
        self.tones = Tones(hop)
        self.first = Turned(CHANNELS, width, 3)
        self.blocks = nn.ModuleList([Block(width, 2**k) for k in range(blocks)])
        self.means = nn.ModuleList([Attended(width, cells) for cells in reach])
        self.last = Turned((1 + len(reach)) * width, width)
        self.norm = Norm(width)
        self.modes = nn.Conv2d(width, 2, 1)
        self.none = nn.Linear(width, 1)

    def times(self, times: np.ndarray) -> np.ndarray:
        """Seconds of the cells: the middles of their frames."""
        first = np.arange(0, len(times), self.stride)
        return np.asarray((times[first] + times[np.minimum(first + self.stride, len(times)) - 1]) / 2)

    def forward(self, x: Tensor) -> Tensor:
        if not x.shape[-1]:
            return x.new_zeros(len(x), 25, 0)
        return self.keys(chroma(self.tones(x)))

    def keys(self, x: Tensor) -> Tensor:
        """(batch, 3, 12, cell) → (batch, 25, cell); cells in which nothing sounds say nothing to their neighbours."""
        heard = (x.abs().sum((1, 2), keepdim=True) > 0).to(x)
        h = self.first(x) * heard
        for block in self.blocks:
            h = block(h, heard) * heard
        h = torch.cat([h, *(mean(h, heard) for mean in self.means)], 1)
        h = self.norm(nn.functional.gelu(self.last(h)))
        return torch.cat([self.modes(h).flatten(1, 2), self.none(h.mean(2).mT).mT], 1)


class Turned(nn.Module):
    """A convolution over all twelve pitch classes of a circle, and over a few cells: (batch, in, 12, cell) → (batch, out, 12, cell)."""

    def __init__(self, inside: int, outside: int, cells: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, (12, cells), padding=(0, cells // 2))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(torch.cat([x, x[:, :, :11]], 2))
        return y


class Norm(nn.Module):
    """Each cell about its mean and by its spread over channels and pitch classes; a gain and a bias for each channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain, self.bias = nn.Parameter(torch.ones(width, 1, 1)), nn.Parameter(torch.zeros(width, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        spread, mean = torch.var_mean(x, (1, 2), keepdim=True, correction=0)
        return (x - mean) / (spread + 1e-5).sqrt() * self.gain + self.bias


class Block(nn.Module):
    """Over time for each channel by itself, then over pitch classes for all; added to what came in."""

    def __init__(self, width: int, dilation: int, cells: int = 5) -> None:
        super().__init__()
        self.norm = Norm(width)
        self.time = nn.Conv2d(width, width, (1, cells), padding=(0, dilation * (cells // 2)), dilation=(1, dilation), groups=width)
        self.pitch = Turned(width, width)
        self.drop = nn.Dropout2d(0.1)

    def forward(self, x: Tensor, heard: Tensor) -> Tensor:
        y: Tensor = x + self.drop(self.pitch(nn.functional.gelu(self.time(self.norm(x) * heard))))
        return y


class Attended(nn.Module):
    """The mean over so many cells either way, each weighted by what it says itself: (batch, width, 12, cell), in groups of channels."""

    def __init__(self, width: int, reach: int, groups: int = 4) -> None:
        super().__init__()
        self.reach, self.groups = int(reach), int(groups)
        self.score = nn.Linear(width, groups)

    def forward(self, x: Tensor, heard: Tensor) -> Tensor:
        score = 4 * torch.tanh(self.score(x.mean(2).mT).mT / 4)  # (batch, group, cell); no cell outweighs another by more than e⁸
        weight = (score.exp() * heard[:, 0]).repeat_interleave(x.shape[1] // self.groups, 1)[:, :, None]  # (batch, width, 1, cell)
        return self._around(x * weight) / self._around(weight).clamp(min=1e-6)

    def _around(self, x: Tensor) -> Tensor:
        """Sums over the window."""
        total = nn.functional.pad(x.double().cumsum(-1), (1, 0))
        n = torch.arange(x.shape[-1], device=x.device)
        last, first = (n + self.reach + 1).clamp(max=x.shape[-1]), (n - self.reach).clamp(min=0)
        return (total[..., last] - total[..., first]).to(x.dtype)


__all__ = ["Equivariant", "Tones", "chroma", "equivariant"]
