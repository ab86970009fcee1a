"""Beat tracking without learning: the bar-pointer model on positive spectral flux.

Paper     Böck & Widmer, Maximum filter vibrato suppression for onset detection, DAFx 2013 (the flux); Krebs, Böck & Widmer, An
          efficient state-space model for joint tempo and meter tracking, ISMIR 2015 (the decoder)
Survey    3.1, 4.1, what networks are compared with
In        sound, any rate; inside 44,100 Hz mono
Inside    log-mel of 46 ms windows, 138 bands of 27.5-16,000 Hz, 100 frames a second
Out       beats: Events, seconds from the start
Differs   mel bands in place of quarter tones; an onset strength stands where the decoder expects a probability of a beat; its gain
          was chosen on made songs
"""

from __future__ import annotations

from aural.encodings import BarPointer, FrameEvents
from aural.representations import LogMel
from aural.system import System, system
from aural.systems.onset.spectral_flux import SpectralFlux
from aural.tasks.beat import beat


@system()
def spectral_flux(bands: int = 138, lag: int = 2, gain: float = 0.5) -> System:
    return System(
        task=beat,
        input=LogMel(44_100, 441, 2048, bands, 27.5, 16_000.0, norm="sum", power=1, compression="log1p"),
        net=SpectralFlux(lag, gain),
        output=FrameEvents(of="beats", decoder=BarPointer(contradicted=0.0)),
    )
