"""Onsets onto the tatum: each beat is cut into four or, where that fits better, into three; beats of a compound metre into six. A voice
is written on what results.

Times here are beats from some first beat, results whole numbers of PARTS a beat.

Divisions   the best path through the beats: an onset costs the square of how far it lies from its slot, in units of SPREAD; a beat of three
            costs a little more than one of four, and so does every change between them
A voice     the best path through its onsets, which may not meet: an onset costs as above, and less on stronger slots; what is too
            short to have a slot of its own (a grace note) is left out
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from .. import rhythm
from ..annotations import Events

PARTS = 12
SPREAD = 0.06  # beats: how far an onset lies beside its slot
THREES, CHANGE = 0.4, 0.5  # what a beat of three costs, and a change between three and four
WEAK = {0: 0.0, 6: 0.2, 4: 0.2, 8: 0.2}  # what slots within a beat cost; others OFF
OFF = 0.4
DROP, DROP_LONG = 6.0, 14.0  # what leaving a note out costs, and how much more if it lasts a tatum or longer


class Grid:
    """The slots of the beats that onsets lie in.

    Args:
        onsets: (n,) beats, those of all voices.
        sixths: the numbers of beats that are cut into six, whatever lies in them.
    """

    def __init__(self, onsets: np.ndarray, sixths: frozenset[int] = frozenset()) -> None:
        onsets, self.sixths = np.asarray(onsets, dtype=float), sixths
        self.first = math.floor(onsets.min()) if len(onsets) else 0
        beat = np.floor(onsets).astype(int) - self.first
        rest = onsets - np.floor(onsets)
        count = int(beat.max()) + 1 if len(onsets) else 0
        cost = np.zeros((2, count))  # of four and of three
        for row, parts in enumerate((4, 3)):
            np.add.at(cost[row], beat, ((np.rint(rest * parts) / parts - rest) / SPREAD) ** 2)
        cost[1] += THREES
        back = np.zeros((2, count), dtype=int)
        total = np.zeros(2)
        for b in range(count):
            back[:, b] = [int(total[1] + CHANGE < total[0]), int(total[1] <= total[0] + CHANGE)]
            total = total[back[:, b]] + CHANGE * (back[:, b] != [0, 1]) + cost[:, b]
        self.threes = np.zeros(count, dtype=bool)
        state = int(total[1] < total[0]) if count else 0
        for b in range(count - 1, -1, -1):
            self.threes[b] = bool(state)
            state = int(back[state, b])

    def of_three(self, beat: int) -> bool:
        """Is this beat cut into three?"""
        return beat not in self.sixths and 0 <= beat - self.first < len(self.threes) and bool(self.threes[beat - self.first])

    def size(self, beat: int) -> int:
        """Parts from slot to slot in this beat."""
        return 2 if beat in self.sixths else 4 if self.of_three(beat) else 3

    def slots(self, position: float) -> list[int]:
        """The nearest slot first, then its neighbours within the beat."""
        beat = math.floor(position)
        whole = PARTS * beat
        found = range(whole, whole + PARTS + 1, self.size(beat))
        return sorted(found, key=lambda slot: abs(slot / PARTS - position))[:3]

    def nearest(self, position: float) -> int:
        """The slot that lies nearest."""
        return self.slots(position)[0]

    def after(self, slot: int) -> int:
        """The next slot."""
        return slot + self.size(slot // PARTS)


def ternary(beats: Events, onsets: np.ndarray) -> np.ndarray:
    """(n,) does this beat divide in three throughout the music around it (6/8, not a triplet or swung eighths)? onsets: (m,) seconds."""
    return rhythm.divisions(beats, Events(np.sort(onsets))) == 3


class Placed(NamedTuple):
    """A note of a voice: its number, and its slots, the end after the start."""

    note: int
    start: int
    end: int


def voice(grid: Grid, starts: Sequence[float], ends: Sequence[float]) -> list[Placed]:
    """One voice on a grid: onsets in order, each on a slot of its own; a note ends where the next starts, or after a rest that is worth
    writing.

    Args:
        starts, ends: (n,) beats, by start.
    """
    # (cost, last slot, chain of (note, slot)); a state that is later and dearer than another can't win, nor, once all slots that follow are
    # free for both, one that is dearer.
    states: list[tuple[float, float, Any]] = [(0.0, -math.inf, ())]
    for i, start in enumerate(starts):
        length = max(0.0, min(float(ends[i]), starts[i + 1] if i + 1 < len(starts) else math.inf) - start)
        out = DROP + DROP_LONG * min(1.0, 4 * length)
        slots = grid.slots(start)
        past = [state for state in states if state[1] < min(slots)]
        states = [*([min(past, key=lambda state: state[0])] if past else []), *states[len(past) :]]
        made = [(cost + out, last, chain) for cost, last, chain in states]
        for slot in slots:
            own = ((slot / PARTS - start) / SPREAD) ** 2 + WEAK.get(slot % PARTS, OFF)
            made += [(cost + own, slot, (chain, i, slot)) for cost, last, chain in states if last < slot]
        states, least = [], math.inf
        for state in sorted(made, key=lambda s: (s[1], s[0])):
            if state[0] < least:
                states.append(state)
                least = state[0]
    chain, kept = min(states, key=lambda s: s[0])[2], []
    while chain:
        chain, i, slot = chain
        kept.append((i, slot))
    kept.reverse()
    found = []
    for (i, slot), (_, following) in pairwise([*kept, (-1, None)]):
        end = max(grid.nearest(float(ends[i])), grid.after(slot))
        if following is not None and following - end <= min(6, max(3, (end - slot) // 2)):
            end = following
        found.append(Placed(i, slot, end))
    return found


__all__ = ["PARTS", "Grid", "Placed", "ternary", "voice"]
