"""Tempo, its octaves, and the constant grid, out of beats and the attacks of the sound.

Paper     our own; epoch folding after Leahy et al., On searches for pulsed emission, Astrophysical Journal 266, 1983
Survey    4.1, Tempo
In        sound, at its own rate; beats, given or made by the default beat system
Inside    energy in three bands, a thousand times a second, and how steeply its fourth root rises
Out       tempo: Tempo; candidates with probabilities, stretches of constant grid, curve
Differs   nothing is learned; the 17 numbers that weigh tempo octaves were fitted on made songs
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aural.encodings.tempo import TempoOfBeats, Times
from aural.representations.modulation import Attacks
from aural.system import System, system
from aural.tasks.tempo import tempo


@system()
def from_beats(power: float = 0.25) -> System:
    return System(
        task=tempo,
        input={"energies": Attacks(), "beats": Times("beats")},
        net=Rise(power),
        output=TempoOfBeats(),
    )


class Rise(nn.Module):
    """Energies (batch, band, frame) → how steeply their power rises, (batch, band, frame) ≥ 0; no parameters.

    The energy of each band is smoothed over 5, 3 and 3 frames first. Beats are what the answer is read from; nothing is
    computed with them here.
    """

    def __init__(self, power: float = 0.25, smooth: tuple[int, ...] = (5, 3, 3)) -> None:
        super().__init__()
        self.power = power
        kernels = torch.zeros(len(smooth), 1, max(smooth))
        for kernel, n in zip(kernels, smooth, strict=True):
            first = (max(smooth) - n) // 2
            kernel[0, first : first + n] = torch.hann_window(n + 2, periodic=False)[1:-1]
        self.register_buffer("kernels", kernels / kernels.sum(-1, keepdim=True), persistent=False)
        self.kernels: Tensor

    def forward(self, energies: Tensor, beats: Tensor | None = None) -> Tensor:
        wide = self.kernels.shape[-1] // 2 + 1  # silence before and after, so that padding a batch changes nothing
        smooth = nn.functional.conv1d(nn.functional.pad(energies, (wide, wide)), self.kernels, groups=len(self.kernels))
        level = (smooth.clamp(min=0) + 1e-12) ** self.power
        return (level[..., 2:] - level[..., :-2]).clamp(min=0)
