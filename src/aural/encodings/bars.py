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

    A song has one metre, and bars that leave it: states are (metre, position); from beat to beat the position goes on by one, and
    after a bar of the song's metre comes one of another with probability `change`, after such a one the song's again with
    probability `back`. The song's metre is the one under which all that was heard is most probable.

    Args:
        metres: beats a bar, and how probable it is before anything was heard.
        change, back: how often a bar leaves the song's metre, and how soon it comes back.
        trust: the power of what was heard: neighbouring beats repeat each other's mistakes, so that they prove less than their
            number says.
        reach: seconds around a beat within which the highest downbeat activation counts as the beat's.
        share: of the beats begin a bar, on the whole: weaker activations are made stronger until their mean says so, or a piece
            whose downbeats are faint would have the longest bars there are. None: as they are.
    """

    metres: Mapping[int, float] = field(default_factory=lambda: {2: 0.08, 3: 0.17, 4: 0.68, 5: 0.02, 6: 0.03, 7: 0.02})
    change: float = 0.02
    back: float = 0.3
    trust: float = 0.5
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
        first = np.array([position == 1 for _, position in states])
        p = _with_mean_of(np.asarray(downbeat, dtype=np.float64), self.share)
        observed = self.trust * np.where(first[:, None], np.log(p), np.log(1 - p))
        models = [self.song(metre, states) for metre in self.metres]
        transitions, starts = np.stack([m[0] for m in models]), np.stack([m[1] for m in models])
        posterior, likely = _posterior(observed, transitions, starts)  # (song, state, n), (song,)
        likely = likely + np.log(list(self.metres.values()))
        song = int(likely.argmax())
        with np.errstate(divide="ignore"):
            path = best_path(observed, np.log(transitions[song]), np.log(starts[song]))
        weights = np.exp(likely - likely[song])
        downbeats = np.tensordot(weights / weights.sum(), posterior[:, first].sum(1), 1)
        positions = np.array([states[k][1] for k in path])
        begins = np.flatnonzero(positions == 1)
        if not len(begins):
            return positions, 1 - downbeats
        return positions, downbeats[begins[bar_of(positions)]]

    def song(self, metre: int, states: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
        """p(from, to) of the states in a song of this metre, and p of the first."""
        others = {m: p for m, p in self.metres.items() if m != metre}
        apart = {m: self.change * p / sum(others.values()) for m, p in others.items()}
        enters = {**apart, metre: 1 - sum(apart.values())}  # the metre of a bar after one of the song's
        transitions = np.zeros((len(states), len(states)))
        for i, (own, position) in enumerate(states):
            for j, (other, following) in enumerate(states):
                if position < own:
                    transitions[i, j] = other == own and following == position + 1
                elif following == 1:
                    again = (other == own) * (1 - self.back) + (other == metre) * self.back
                    transitions[i, j] = enters[other] if own == metre else again
        return transitions, np.array([enters[own] / own for own, _ in states])


CLEAR = 1e-4  # probabilities are kept this far from 0 and 1
MOST = 2.0  # logits are raised by no more than this: what is clearly no downbeat stays so


def _with_mean_of(p: np.ndarray, mean: float | None) -> np.ndarray:
    """Probabilities with one number added to all logits, so that their mean is at least this, as far as MOST allows; kept from 0 and 1."""
    logits = np.log(np.clip(p, CLEAR, 1 - CLEAR)) - np.log1p(-np.clip(p, CLEAR, 1 - CLEAR))
    low, high = -14.0, 14.0
    for _ in range(40 if mean is not None else 0):
        middle = (low + high) / 2
        low, high = (middle, high) if (1 / (1 + np.exp(-logits - middle))).mean() < float(mean or 0) else (low, middle)
    shift = min(max(low, 0.0), MOST) if mean is not None else 0.0
    return np.clip(1 / (1 + np.exp(-logits - shift)), CLEAR, 1 - CLEAR)


def bar_of(positions: np.ndarray) -> np.ndarray:
    """Which bar (n,) each beat lies in, from 0; an upbeat belongs to the first."""
    return np.maximum(np.cumsum(positions == 1) - 1, 0)


def _posterior(observed: np.ndarray, transitions: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """p(state | all) (model, state, n) by the forward and the backward pass, scaled at every step, and log p(all | model) (model,)."""
    highest = observed.max(0)
    likely = np.exp(observed - highest)
    forward, backward = np.empty((len(starts), *likely.shape)), np.ones((len(starts), *likely.shape))
    total = np.full(len(starts), highest.sum())
    step = starts * likely[:, 0]
    for t in range(likely.shape[1]):
        if t:
            step = (forward[:, None, :, t - 1] @ transitions)[:, 0] * likely[:, t]
        size = step.sum(1, keepdims=True)
        forward[:, :, t], total = step / size, total + np.log(size[:, 0])
    for t in range(likely.shape[1] - 2, -1, -1):
        step = (transitions @ (likely[:, t + 1] * backward[:, :, t + 1])[..., None])[..., 0]
        backward[:, :, t] = step / step.sum(1, keepdims=True)
    both = forward * backward
    return both / both.sum(1, keepdims=True), total
