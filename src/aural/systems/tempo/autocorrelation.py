"""Tempo where the attacks are most like themselves a beat later: the floor that learns nothing.

Paper     none: the house's floor; autocorrelation of onset strength as in Ellis, Beat tracking by dynamic programming, Journal of New
          Music Research 36(1), 2007
Survey    4.1, Tempo
In        sound, at its own rate
Inside    energy in three bands, a thousand times a second, and how steeply its fourth root rises
Out       tempo: Tempo; the four highest peaks of 40-240 BPM; no grid, no curve
Differs   a log-normal preference for 110 BPM, 0.7 octaves wide
"""

from __future__ import annotations

from aural.encodings.tempo import TempoOfAttacks
from aural.representations.modulation import Attacks
from aural.system import System, system
from aural.systems.tempo.from_beats import Rise
from aural.tasks.tempo import tempo


@system()
def autocorrelation(power: float = 0.25) -> System:
    return System(task=tempo, input=Attacks(), net=Rise(power), output=TempoOfAttacks())
