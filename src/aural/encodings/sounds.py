"""Sound as an answer: samples as they are, and stems as masks on the transform of a mix.

Length, rate and channels of what comes out are those of what was given, to the sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor

from ..annotations import Curves, Example, Stems
from ..errors import OptionError
from ..part import Part, Tree, Wrapped
from ..sound import Recording, Sound

_NO_CURVES = "sound is no activation over time: run this system without soft"


def like(made: Sound, given: Sound | Recording) -> Sound:
    """At the rate, length and channels of a given sound or recording."""
    length = given.frames if isinstance(given, Recording) else given.samples.shape[-1]
    samples = made.at(given.rate).samples[:, :length]
    samples = np.pad(samples, ((0, 0), (0, length - samples.shape[-1])))
    return Sound(np.broadcast_to(samples, (given.channels, length)).copy(), given.rate)


class Channels(Wrapped):
    """Every channel as the part within hears one: (channel, time) read, features (batch, channel, …).

    Examples of a batch must have equally many channels.
    """

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        sound = example[self.of]
        sound = sound.read() if isinstance(sound, Recording) else sound
        return torch.cat([self.part.read(Example({self.of: Sound(row[None], sound.rate)})) for row in sound.samples])

    def forward(self, raw: Tree) -> Tree:
        return self.part(raw)


class Samples(Part):
    """A Sound ⇄ its samples (channel, time) at `rate`; past the end nothing is known.

    Where a sound of that field was given too (a noisy one), the answer has its rate, length and channels.

    Args:
        like: the field of a given sound whose rate, length and channels the answer takes; "": none, a new sound.
    """

    unknown = float("nan")

    def __init__(self, rate: int, of: str = "sound", like: str = "", channels: int = 1) -> None:
        super().__init__()
        self.rate, self.of, self.like, self.channels = rate, of, like, channels

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.of, self.like) if self.like else (self.of,)

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        """(channel, time) float32; no samples where the field is missing."""
        sound = example.get(self.of)
        if sound is None:
            return torch.zeros(self.channels, 0)
        sound = sound.read() if isinstance(sound, Recording) else sound
        sound = sound.mono() if self.channels == 1 else sound
        samples = sound.at(self.rate).samples
        return torch.from_numpy(np.broadcast_to(samples, (self.channels, samples.shape[-1])).copy())

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> Sound:
        made = Sound(estimate.detach().float().cpu().numpy().reshape(-1, estimate.shape[-1]), self.rate)
        return like(made, given[self.like]) if self.like else made

    def nothing(self) -> Sound:
        return Sound(np.zeros((self.channels, 0), np.float32), self.rate)

    def curves(self, estimate: Tree, times: np.ndarray, given: Example) -> Curves:
        raise OptionError(_NO_CURVES)


class Masks(Part):
    """Stems ⇄ their transforms (stem, channel, bin, frame); the net gives masks for the transform of the mix.

    `estimate` multiplies masks and mix, so that losses compare with the stems' own transforms and windows are joined on
    them. Decoded stems have the rate, length and channels of the given mix.

    Args:
        stems: their names.
        transform: a part with `forward` and `invert` (STFT), the input's own or an equal one.
        given: the field of the mix.
    """

    def __init__(self, stems: Sequence[str], transform: Part, of: str = "stems", given: str = "sound") -> None:
        super().__init__()
        self.stems, self.of, self.given = tuple(stems), of, given
        self.transform = Channels(transform)

    @property
    def unit(self) -> Fraction:
        return self.transform.unit

    def read(self, example: Example, times: np.ndarray | None = None) -> dict[str, Tensor]:
        """Samples (stem, channel, time), and the number of frames."""
        stems: Stems = example[self.of]
        given = [Example({self.transform.of: stems.sounds[name]}) for name in self.stems]
        waves = torch.stack([self.transform.read(one) for one in given])
        return {"waves": waves, "frames": torch.tensor(len(self.transform.times(given[0])))}

    def forward(self, raw: Tree) -> Tree:
        """NaN past the end of an example."""
        waves, frames = raw["waves"], raw["frames"]
        made = self.transform(waves.flatten(1, 2)).unflatten(1, waves.shape[1:3])
        past = torch.arange(made.shape[-1], device=made.device) >= frames.view(-1, 1, 1, 1, 1)
        return made.masked_fill(past, float("nan"))

    def estimate(self, activations: Tree, x: Tree) -> Tree:
        """Masks (batch, stem, channel, bin, frame) × mix (batch, channel, bin, frame)."""
        return activations * x[:, None]

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> Stems:
        mix = given[self.given]
        invert, rate = getattr(self.transform.part, "invert"), int(getattr(self.transform.part, "rate"))  # noqa: B009
        made = invert(estimate, round(mix.duration * rate)).numpy()
        return Stems({name: like(Sound(samples, rate), mix) for name, samples in zip(self.stems, made, strict=True)})

    def nothing(self) -> Stems:
        return Stems({})

    def curves(self, estimate: Tree, times: np.ndarray, given: Example) -> Curves:
        raise OptionError(_NO_CURVES)
