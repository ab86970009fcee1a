"""Onset detection without learning: positive spectral flux under a maximum over neighbouring bands.

Paper     Böck & Widmer, Maximum filter vibrato suppression for onset detection, DAFx 2013 (SuperFlux)
Survey    3.1, what networks are compared with
In        sound, any rate; inside 44,100 Hz mono
Inside    log-mel of 46 ms windows, 138 bands of 27.5-16,000 Hz, 200 frames a second
Out       onsets: Events, seconds from the start
Differs   mel bands in place of quarter tones; the flux is squashed to 0..1; threshold chosen on made songs
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aural.encodings import FrameEvents, PeakPicking
from aural.representations import LogMel
from aural.system import System, system
from aural.tasks.onset import onset


@system()
def spectral_flux(bands: int = 138, lag: int = 3, threshold: float = 0.01) -> System:
    return System(
        task=onset,
        input=LogMel(44_100, 220, 2048, bands, 27.5, 16_000.0, norm="sum", power=1, compression="log1p"),
        net=SpectralFlux(lag),
        output=FrameEvents(
            of="onsets",
            decoder=PeakPicking(threshold=threshold, smooth=0.025, pre_max=0.02, post_max=0.02, pre_avg=0.1, post_avg=0.05, combine=0.03),
        ),
    )


class SpectralFlux(nn.Module):
    """(batch, 1, band, frame) → (batch, 1, frame) logits; no parameters.

    The flux of a frame is the mean over bands of how far the log-mel spectrogram rises above the loudest of three
    neighbouring bands `lag` frames before (a vibrato moves energy to a neighbour and doesn't count). It stands at the later
    of the two frames: the compression makes the earlier half of a long window speak first, which this makes up for to within
    6 ms. Logits are ln (gain · flux), so that the sigmoid is gain · flux / (1 + gain · flux).
    """

    def __init__(self, lag: int = 3, gain: float = 1.0) -> None:
        super().__init__()
        self.lag, self.gain = lag, gain

    def forward(self, x: Tensor) -> Tensor:
        before = nn.functional.max_pool2d(x, (3, 1), 1, (1, 0))
        before = torch.cat([x[..., :1].expand(*x.shape[:-1], self.lag), before[..., : max(0, x.shape[-1] - self.lag)]], -1)
        return (self.gain * (x - before[..., : x.shape[-1]]).clamp(min=0).mean(-2) + 1e-6).log()  # (batch, 1, frame)
