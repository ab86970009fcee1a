"""First layers that learn: from the waveform, or from a spectrogram. Plain modules, frames last, that know no task.

Of the waveform (batch, 1, time):
    kernels.py      Strided: free kernels; WaveformFilters, the base of all filter banks
    sinc.py         Sinc: band-passes by their two edges
    gabor.py        Gabor: complex, by frequency and width
    multiscale.py   MultiScale: several window lengths at once
    samplelevel.py  SampleLevel: 3 samples, ten times over
Of a spectrogram:
    musical.py      Timbre, Rhythm, Musical: tall and long filters
    spiral.py       SpiralConv, PitchSpiral: a pitch with its octaves
    harmonic.py     Harmonic: triangles at the harmonics
    tdnn.py         ContextWindow, TDNN
All of them:
    measure.py      responses (which frequencies), translation_change (how much it minds when)

`stride` is in frames of the input, `field` the frames that one output hears, `times` says when the output's frames are, `responses` what
the kernels hear.
"""

from .gabor import Gabor
from .harmonic import Harmonic
from .kernels import Strided, WaveformFilters
from .measure import responses, translation_change
from .multiscale import MultiScale
from .musical import BallroomShapes, Musical, Rhythm, Timbre
from .samplelevel import SampleLevel
from .sinc import Sinc
from .spiral import PitchSpiral, SpiralConv
from .tdnn import TDNN, ContextWindow

__all__ = [
    "TDNN",
    "BallroomShapes",
    "ContextWindow",
    "Gabor",
    "Harmonic",
    "MultiScale",
    "Musical",
    "PitchSpiral",
    "Rhythm",
    "SampleLevel",
    "Sinc",
    "SpiralConv",
    "Strided",
    "Timbre",
    "WaveformFilters",
    "responses",
    "translation_change",
]
