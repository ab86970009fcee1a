"""Beat and downbeat tracking without learning: models of tempo and of bars on positive spectral flux.

Paper     Böck & Widmer, Maximum filter vibrato suppression for onset detection, DAFx 2013 (the flux); Krebs, Böck & Widmer, An
          efficient state-space model for joint tempo and meter tracking, ISMIR 2015 (the decoder)
Survey    3.1, 4.1, what networks are compared with
In        sound, any rate; inside 44,100 Hz mono
Inside    log-mel of 46 ms windows, 138 bands of 27.5-16,000 Hz, 100 frames a second
Out       beats: Events labelled with positions in the bar; downbeats: Events; seconds from the start
Differs   mel bands in place of quarter tones; onset strengths stand where the decoders expect the probability of a beat, and that of
          the bands below 150 Hz where they expect a downbeat's; both gains were chosen on made songs
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aural.encodings import BarPointer, BeatsInBars
from aural.representations import LogMel
from aural.system import System, system
from aural.systems.onset.spectral_flux import SpectralFlux
from aural.tasks.beat import beat
from aural.tasks.downbeat import downbeat


@system()
def spectral_flux(bands: int = 138, lag: int = 2, gain: float = 0.5, bass_gain: float = 1.0) -> System:
    mel = LogMel(44_100, 441, 2048, bands, 27.5, 16_000.0, norm="sum", power=1, compression="log1p")
    return System(
        task=(beat, downbeat),
        input=mel,
        net=BeatAndBass(int((mel.frequencies() < 150.0).sum()), lag, gain, bass_gain),
        output=BeatsInBars(BarPointer(contradicted=0.0), least=0.0),
    )


class BeatAndBass(nn.Module):
    """(batch, 1, band, frame) → (batch, 2, frame) logits: the flux of all bands, and of the lowest `bass` of them."""

    def __init__(self, bass: int, lag: int = 2, gain: float = 0.5, bass_gain: float = 0.5) -> None:
        super().__init__()
        self.bass, self.all, self.low = bass, SpectralFlux(lag, gain), SpectralFlux(lag, bass_gain)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.all(x), self.low(x[:, :, : self.bass])], 1)
