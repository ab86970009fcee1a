"""Which beat of the bar a beat is.

Source   Böck, Krebs & Widmer, Joint beat and downbeat tracking with recurrent neural networks, ISMIR 2016 (a hidden Markov model
         of bars); here on the beats that were found, so that the metre may change from bar to bar
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .classes import viterbi


@dataclass(frozen=True)
class Bars:
    """The most probable positions in the bar of a sequence of beats, given how much each sounds like a downbeat.

    States are (metre, position); from beat to beat the position goes on by one, and after the last of a bar its metre
    changes with probability `change`.

    Args:
        metres: beats a bar, and how probable it is before anything was heard.
        change: of the metre, at the end of a bar.
        reach: seconds around a beat within which the highest downbeat activation counts as the beat's.
    """

    metres: Mapping[int, float] = field(default_factory=lambda: {2: 0.08, 3: 0.17, 4: 0.68, 5: 0.02, 6: 0.03, 7: 0.02})
    change: float = 1e-3
    reach: float = 0.04

    def at(self, activation: np.ndarray, positions: np.ndarray, fps: float) -> np.ndarray:
        """Highest activation (frame,) near each beat (n,)."""
        frames, reach = np.round(positions).astype(int), round(self.reach * fps)
        return np.array([activation[max(0, f - reach) : f + reach + 1].max(initial=0.0) for f in frames])

    def __call__(self, downbeat: np.ndarray) -> np.ndarray:
        """Probabilities (n,) that each beat is a downbeat → positions in the bar (n,), from 1."""
        if not len(downbeat):
            return np.zeros(0, dtype=int)
        states = [(metre, position) for metre in self.metres for position in range(1, metre + 1)]
        total = sum(self.metres.values())
        prior = {metre: p / total for metre, p in self.metres.items()}
        transitions = np.zeros((len(states), len(states)))
        for i, (metre, position) in enumerate(states):
            for j, (other, next_position) in enumerate(states):
                if position < metre:
                    transitions[i, j] = other == metre and next_position == position + 1
                elif next_position == 1:
                    apart = self.change * prior[other] / (1 - prior[metre]) if len(prior) > 1 else 0.0
                    transitions[i, j] = (1 - self.change if len(prior) > 1 else 1.0) if other == metre else apart
        p = np.clip(np.asarray(downbeat, dtype=np.float64), 1e-3, 1 - 1e-3)
        first = np.array([position == 1 for _, position in states])
        with np.errstate(divide="ignore"):
            path = viterbi(
                np.where(first[:, None], np.log(p), np.log(1 - p)),
                np.log(transitions),
                np.log([prior[metre] / metre for metre, _ in states]),
            )
        return np.array([states[k][1] for k in path])
