"""Beats with their positions in the bar ⇄ two activations, of any beat and of downbeats.

Source   Böck, Krebs & Widmer, Joint beat and downbeat tracking with recurrent neural networks, ISMIR 2016 (the two activations)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from .. import rhythm
from ..annotations import Curves, Events, Example
from ..part import Tree, fitted
from .bars import Bars, bar_of
from .beats import BarPointer
from .confidence import logistic, probability
from .events import Decoder, FrameEvents, frame_rate

TOLERANCE = 0.07  # seconds, within which a beat is right
AROUND = 9  # beats that vouch for one another


@dataclass(frozen=True)
class Found:
    """Beats (n,) in frames, their positions in the bar, and for each the evidence that its confidence is made of: rows
    (evidence, n) for beats, and for bars."""

    frames: np.ndarray
    positions: np.ndarray
    beat_evidence: np.ndarray
    bar_evidence: np.ndarray


class BeatsInBars(FrameEvents):
    """Beats labelled with their positions ⇄ rows of beats and of downbeats, (2, frame) logits; makes "beats" and "downbeats".

    Beats are found in the first row, positions from the second, by `bars`. Confidence is the probability that a beat (or a
    downbeat) is right: a logistic function of how much higher the activation is on the beats around than between them, and of
    what the model of bars thinks; `fit` learns its weights on held-out pieces. Before that it is the activation alone.

    Args:
        decoder: what finds beats in the first row.
        bars: what gives them positions.
        least: where the mean confidence of a whole piece is less, no beats are said at all.
        sure: bars whose positions are less probable than this are unknown (label "") rather than guessed.

    A truth without labels, or with labels "", says nothing of downbeats (NaN). One without beats says that there are none, as in speech:
    `fit` learns from some of these what is no beat at all.
    """

    def __init__(self, decoder: Decoder | None = None, bars: Bars | None = None, least: float = 0.2, sure: float = 0.0) -> None:
        super().__init__("beats", ("", "1"), decoder or BarPointer())
        self.bars, self.least, self.sure = bars or Bars(), least, sure
        self.beat_weights: Tensor
        self.bar_weights: Tensor
        self.late: Tensor  # seconds: a net learned with a loss that tolerates shifts has its peaks anywhere within them, always the same
        fitted(self, beat_weights=torch.zeros(0), bar_weights=torch.zeros(0), late=torch.zeros(1))

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        """(2, frame) float32; NaN where nothing is known."""
        rows = super().read(example, times)
        truth = example.get("beats")
        if not isinstance(truth, Events) or times is None or not len(truth):
            return rows
        unknown = rhythm.positions(truth) == 0
        if unknown.all():
            rows[1] = float("nan")
        elif unknown.any():
            edges = np.concatenate([[-np.inf], (truth.times[1:] + truth.times[:-1]) / 2, [np.inf]])
            beat = np.searchsorted(edges, times, "right") - 1
            rows[1, torch.from_numpy(unknown[np.clip(beat, 0, len(truth) - 1)])] = float("nan")
        return rows

    def find(self, activations: np.ndarray, times: np.ndarray) -> Found:
        """Beats, positions and evidence out of activations (2, frame) in 0..1."""
        beat, downbeat = activations
        fps = frame_rate(times)
        frames = self.decoder(beat, fps) if len(beat) else np.zeros(0)
        if not len(frames):
            return Found(frames, np.zeros(0, dtype=int), np.zeros((3, 0)), np.zeros((3, 0)))
        heard = self.bars.at(downbeat, frames, fps)
        positions, posterior = self.bars.heard(heard)
        on = self.bars.at(beat, frames, fps)
        between = self.bars.at(beat, (frames[1:] + frames[:-1]) / 2, fps) if len(frames) > 1 else np.zeros(0)
        between = np.append(between, between[-1:] if len(between) else 0.0)
        steps = np.diff(frames)
        steady = np.zeros(len(frames))
        if len(steps) > 1:
            jump = np.abs(np.log(steps[1:] / steps[:-1]))
            steady = np.interp(np.arange(len(frames)), np.arange(1, len(frames) - 1), jump)
        first = positions == 1
        away = _mean(np.where(first, np.nan, heard), 4 * AROUND)
        at = _mean(np.where(first, heard, np.nan), 4 * AROUND)
        clear = _mean(on, AROUND) - _mean(between, AROUND)
        begins = np.flatnonzero(first) if first.any() else np.zeros(1, dtype=int)
        bar = begins[bar_of(positions)]  # all beats of a bar are as sure of it as its first
        return Found(frames, positions, np.stack([on, clear, _mean(steady, AROUND)]), np.stack([posterior, (at - away)[bar], clear[bar]]))

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> dict[str, Events]:  # type: ignore[override]
        """Logits (2, frame) → {"beats": with labels and confidence, "downbeats": with the confidence of the bar}."""
        found = self.find(torch.sigmoid(estimate.detach().double().cpu()).numpy(), times)
        if not len(found.frames):
            return self.nothing()
        sure = probability(found.beat_evidence, self.beat_weights)
        if sure.mean() < self.least:
            return self.nothing()
        bar = probability(found.bar_evidence, self.bar_weights)
        labels = tuple(str(p) if b >= self.sure else rhythm.UNKNOWN for p, b in zip(found.positions, bar, strict=True))
        at = np.maximum(np.interp(found.frames, np.arange(len(times)), times) - float(self.late), 0.0)
        first = np.array([label == "1" for label in labels])
        return {"beats": Events(at, labels, sure), "downbeats": Events(at[first], None, bar[first])}

    def nothing(self) -> dict[str, Events]:  # type: ignore[override]
        return {"beats": Events(np.zeros(0), (), np.zeros(0)), "downbeats": Events(np.zeros(0), None, np.zeros(0))}

    def fit(self, pairs: Iterable[tuple[Tree, np.ndarray, Example]], window: float = TOLERANCE) -> None:
        """How late the peaks are, and the weights of both confidences, on (estimate, times, example) of pieces not learned from."""
        beats: list[tuple[np.ndarray, np.ndarray]] = []
        bars: list[tuple[np.ndarray, np.ndarray]] = []
        heard: list[tuple[Found, np.ndarray, Events]] = []
        for estimate, times, example in pairs:
            truth = example.get("beats")
            if isinstance(truth, Events):
                found = self.find(torch.sigmoid(estimate.detach().double().cpu()).numpy(), times)
                heard.append((found, np.interp(found.frames, np.arange(len(times)), times), truth))
        away = [truth.times[np.abs(truth.times[:, None] - at).argmin(0)] - at for _, at, truth in heard if len(truth)]
        late = [-float(np.median(gaps[np.abs(gaps) < window])) for gaps in away if (np.abs(gaps) < window).any()]
        fitted(self, late=torch.tensor([float(np.median(late)) if late else 0.0]))
        for found, at, truth in heard:
            at = at - float(self.late)
            beats.append((found.beat_evidence, _near(at, truth.times, window)))
            if rhythm.positions(truth).any():
                first = found.positions == 1
                bars.append((found.bar_evidence[:, first], _near(at[first], rhythm.downbeats(truth).times, window)))
        fitted(self, beat_weights=logistic(beats), bar_weights=logistic(bars))

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, bars={self.bars!r}"


class Opinions(FrameEvents):
    """Events of one kind ⇄ what several nets say of them, (view, frame) logits: each is held to the same truth, and the mean of
    their probabilities decides. `curves` tells who argued for what; its last row is the mean. Beside the events, FIELD_views: the same
    curves at the events alone, a line for each that tells who argued for it.

    Args:
        of: the field, Events. views: names of the nets.
    """

    def __init__(self, of: str, views: Sequence[str], decoder: Decoder) -> None:
        super().__init__(of, ("",), decoder)
        self.views = tuple(views)

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        """(view, frame) float32, all rows equal."""
        return super().read(example, times).expand(len(self.views), -1).clone()

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> dict[str, Events | Curves]:  # type: ignore[override]
        """Logits (view, frame) → events, with the mean probability at each as its confidence; and what each view thought of them."""
        together = torch.sigmoid(estimate.detach().double().cpu()).mean(0, keepdim=True)
        found = super().decode(together.logit(1e-9), times, given)
        thought = self.curves(estimate, times, given)
        return {self.of: found, f"{self.of}_views": Curves(found.times, thought.at(found.times), thought.labels)}

    def nothing(self) -> dict[str, Events | Curves]:  # type: ignore[override]
        labels = (*self.views, "mean")
        return {self.of: super().nothing(), f"{self.of}_views": Curves(np.zeros(0), np.zeros((len(labels), 0)), labels)}

    def curves(self, estimate: Tree, times: np.ndarray, given: Example) -> Curves:
        """Probabilities of every view, and their mean."""
        each = torch.sigmoid(estimate.detach().double().cpu())
        return Curves(times, torch.cat([each, each.mean(0, keepdim=True)]).numpy(), (*self.views, "mean"))


@dataclass(frozen=True)
class FirstOfBars:
    """A decoder where the frames are beats: those that begin a bar, by `bars`."""

    bars: Bars = field(default_factory=Bars)

    def __call__(self, activation: np.ndarray, fps: float) -> np.ndarray:
        """(beat,) in 0..1 → numbers of the downbeats."""
        return np.flatnonzero(self.bars(activation) == 1).astype(float)


def _mean(values: np.ndarray, around: int) -> np.ndarray:
    """Mean of the known values of so many around each; 0 where none is."""
    known = ~np.isnan(values)
    kernel = np.ones(min(around, 2 * len(values) - 1))
    total = np.convolve(np.where(known, values, 0.0), kernel, "same")
    count = np.convolve(known.astype(float), kernel, "same")
    if len(total) != len(values):  # "same" follows the longer one
        start = (len(total) - len(values)) // 2
        total, count = total[start : start + len(values)], count[start : start + len(values)]
    return total / np.maximum(count, 1e-9) * (count > 0)


def _near(times: np.ndarray, truth: np.ndarray, window: float) -> np.ndarray:
    if not len(truth):
        return np.zeros(len(times))
    right = np.clip(np.searchsorted(truth, times), 1, max(len(truth) - 1, 1)) if len(truth) > 1 else np.zeros(len(times), dtype=int)
    distance = np.minimum(np.abs(truth[np.minimum(right, len(truth) - 1)] - times), np.abs(truth[np.maximum(right - 1, 0)] - times))
    return (distance <= window).astype(float)


__all__ = ["BeatsInBars", "FirstOfBars", "Opinions"]
