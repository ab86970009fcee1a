"""Which beat of the bar a beat is.

Source   Böck, Krebs & Widmer, Joint beat and downbeat tracking with recurrent neural networks, ISMIR 2016 (a hidden Markov model
         of bars); here on the beats that were found, so that the metre may change from bar to bar
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..hmm import best_path


@dataclass(frozen=True)
class Bars:
    """The most probable positions in the bar of a sequence of beats, given how much each sounds like a downbeat.

    States are (metre, position); from beat to beat the position goes on by one, and after the last of a bar its metre
    changes with probability `change`.

    Args:
        metres: beats a bar, and how probable it is before anything was heard.
        change: of the metre, at the end of a bar.
        reach: seconds around a beat within which the highest downbeat activation counts as the beat's.
        share: of the beats begin a bar, on the whole: weaker activations are made stronger until their mean says so, or a piece
            whose downbeats are faint would have the longest bars there are. None: as they are.
    """

    metres: Mapping[int, float] = field(default_factory=lambda: {2: 0.08, 3: 0.17, 4: 0.68, 5: 0.02, 6: 0.03, 7: 0.02})
    change: float = 1e-3
    reach: float = 0.04
    share: float | None = 0.3

    def at(self, activation: np.ndarray, positions: np.ndarray, fps: float) -> np.ndarray:
        """Highest activation (frame,) near each beat (n,)."""
        frames, reach = np.round(positions).astype(int), round(self.reach * fps)
        return np.array([activation[max(0, f - reach) : f + reach + 1].max(initial=0.0) for f in frames])

    def __call__(self, downbeat: np.ndarray) -> np.ndarray:
        """Probabilities (n,) that each beat is a downbeat → positions in the bar (n,), from 1."""
        return self.heard(downbeat)[0]

    def heard(self, downbeat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions as `__call__` gives them, and how probable it is (n,), all beats considered, that each beat's bar begins where
        the best path says."""
        if not len(downbeat):
            return np.zeros(0, dtype=int), np.zeros(0)
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
        p = _with_mean_of(np.asarray(downbeat, dtype=np.float64), self.share)
        first = np.array([position == 1 for _, position in states])
        with np.errstate(divide="ignore"):
            observed = np.where(first[:, None], np.log(p), np.log(1 - p))
            start = np.log([prior[metre] / metre for metre, _ in states])
            path = best_path(observed, np.log(transitions), start)
        downbeats = _posterior(observed, transitions, np.exp(start))[first].sum(0)
        positions = np.array([states[k][1] for k in path])
        begins = np.flatnonzero(positions == 1)
        if not len(begins):
            return positions, 1 - downbeats
        return positions, downbeats[begins[bar_of(positions)]]


def _with_mean_of(p: np.ndarray, mean: float | None) -> np.ndarray:
    """Probabilities with one number added to all logits, so that their mean is at least this; kept from 0 and 1."""
    logits = np.log(np.clip(p, 1e-3, 1 - 1e-3)) - np.log1p(-np.clip(p, 1e-3, 1 - 1e-3))
    low, high = -14.0, 14.0
    for _ in range(40 if mean is not None else 0):
        middle = (low + high) / 2
        low, high = (middle, high) if (1 / (1 + np.exp(-logits - middle))).mean() < float(mean or 0) else (low, middle)
    shift = max(low, 0.0) if mean is not None else 0.0
    return np.clip(1 / (1 + np.exp(-logits - shift)), 1e-3, 1 - 1e-3)


def bar_of(positions: np.ndarray) -> np.ndarray:
    """Which bar (n,) each beat lies in, from 0; an upbeat belongs to the first."""
    return np.maximum(np.cumsum(positions == 1) - 1, 0)


def _posterior(observed: np.ndarray, transitions: np.ndarray, start: np.ndarray) -> np.ndarray:
    """p(state | all) (state, n) by the forward and the backward pass, scaled at every step."""
    likely = np.exp(observed - observed.max(0))
    forward, backward = np.empty_like(likely), np.ones_like(likely)
    forward[:, 0] = start * likely[:, 0] / (start @ likely[:, 0])
    for t in range(1, likely.shape[1]):
        step = (forward[:, t - 1] @ transitions) * likely[:, t]
        forward[:, t] = step / step.sum()
    for t in range(likely.shape[1] - 2, -1, -1):
        step = transitions @ (likely[:, t + 1] * backward[:, t + 1])
        backward[:, t] = step / step.sum()
    both = forward * backward
    return both / both.sum(0)
