"""Salience: fundamental frequencies ⇄ a picture of how strongly each is heard.

Source   Bittner, McFee, Salamon, Li & Bello, Deep salience representations for f0 estimation in polyphonic music, ISMIR 2017
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..annotations import Curves, Example, Intervals, Notes
from ..errors import OptionError
from ..part import Part, Tree, fitted
from .events import frame_rate
from .pitch_track import NONE, TOLERANCE, _runs, curve_pitches

THRESHOLDS = np.linspace(0.05, 0.95, 19)  # that `fit` tries


class Salience(Part):
    """Pitches ⇄ (bin, frame): 1 at a pitch's bin, a bell around it, 0 elsewhere; the net gives logits. Its two subclasses decode.

    Where pitches are close, the higher bell counts. What lies outside the bins isn't shown. Where an example lacks the field
    nothing is known (NaN), nor outside of the Intervals FIELD_known, where it has those.

    Args:
        of: the field: Curves (Hz; 0 or less is none) or Notes.
        fmin, bins, per_octave: as of the CQT that the net reads.
        width: standard deviation of the bell, in bins.
        threshold: of what is heard, in 0..1; a buffer, which `fit` sets.
        tuned: training calls `fit` at its end. `aural.adapt` does in any case.
    """

    unknown = float("nan")
    threshold: Tensor

    def __init__(
        self,
        of: str,
        fmin: float = 32.703195662574764,
        bins: int = 360,
        per_octave: int = 60,
        *,
        width: float = 1.0,
        threshold: float = 0.3,
        tuned: bool = True,
    ) -> None:
        super().__init__()
        if bins < 3 or per_octave < 12 or width <= 0:
            raise OptionError(f"bins={bins}, per_octave={per_octave}, width={width:g}: at least 3 bins, 12 an octave and a width above 0")
        self.of, self.fits_in_training = of, tuned
        self.fmin, self.bins, self.per_octave, self.width = float(fmin), int(bins), int(per_octave), float(width)
        self.lowest, self.per_semitone = 69 + 12 * float(np.log2(fmin / 440)), per_octave / 12  # MIDI number of the first bin
        fitted(self, threshold=torch.tensor(float(threshold)))

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(name for field in self.fields for name in (field, f"{field}_known"))

    @property
    def fields(self) -> tuple[str, ...]:
        """Where pitches are found; the first that an example has counts."""
        return (self.of,)

    def pitches(self, example: Example, times: np.ndarray) -> np.ndarray:
        """(voice, frame) MIDI numbers of the truth: -inf where none is heard, NaN where that isn't known."""
        field = next((name for name in self.fields if example.get(name) is not None), self.of)
        truth = example.get(field)
        if isinstance(truth, Notes):
            lines = note_voices(truth, times)
        elif isinstance(truth, Curves) and len(truth.values):
            lines = curve_pitches(truth, times)
        else:
            return np.full((1, len(times)), np.nan)
        known = example.get(f"{field}_known")
        if isinstance(known, Intervals):
            lines[:, [word == "" for word in known.at(times, none="")]] = np.nan
        return lines

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        """(bin, frame) float32 in 0..1; NaN where nothing is known."""
        times = np.zeros(0) if times is None else times
        lines = self.pitches(example, times)
        target = np.zeros((self.bins, len(times)), np.float32)
        voices, frames = np.nonzero(np.isfinite(lines))
        place = (lines[voices, frames] - self.lowest) * self.per_semitone
        reach = int(np.ceil(4 * self.width))
        for step in range(-reach, reach + 1):
            near = np.round(place).astype(int) + step
            inside = (near >= 0) & (near < self.bins)
            bell = np.exp(-((near - place) ** 2) / (2 * self.width**2))
            np.maximum.at(target, (near[inside], frames[inside]), bell[inside].astype(np.float32))
        target[:, np.isnan(lines).any(0)] = np.nan
        return torch.from_numpy(target)

    def estimate(self, activations: Tree, x: Tree) -> Tree:
        """Logits (batch, bin, frame), or with an axis of one channel before the bins."""
        return activations[:, 0] if activations.ndim == 4 else activations

    def curves(self, estimate: Tree, times: np.ndarray, given: Example) -> Curves:
        """Salience in 0..1, labelled with MIDI numbers."""
        return Curves(times, _salience(estimate), tuple(f"{self.lowest + k / self.per_semitone:.2f}" for k in range(self.bins)))

    def between(self, salience: np.ndarray, bins: np.ndarray, frames: np.ndarray) -> np.ndarray:
        """MIDI numbers of peaks: the top of the bell through a bin and its two neighbours."""
        low, mid, high = (np.log(salience[(bins + d).clip(0, self.bins - 1), frames].clip(1e-6)) for d in (-1, 0, 1))
        bend = 2 * mid - low - high
        off = np.where(bend > 1e-9, (high - low) / (2 * np.maximum(bend, 1e-9)), 0.0).clip(-0.5, 0.5)
        off[(bins == 0) | (bins == self.bins - 1)] = 0.0
        return self.lowest + (bins + off) / self.per_semitone

    def fit(self, pairs: Iterable[tuple[Tree, np.ndarray, Example]]) -> None:
        """The threshold of the best mean score over pieces on (estimate, times, example); of equally good ones the middle.

        Raises OptionError where no piece has the field."""
        known = [(_salience(estimate), self.pitches(example, times)) for estimate, times, example in pairs]
        known = [(salience, lines) for salience, lines in known if not np.isnan(lines).all()]
        if not known:
            raise OptionError(f"none of the examples has the field {self.of!r}: give sounds with their {self.of} beside them")
        scores = np.mean([self.scores(salience, lines) for salience, lines in known], 0)
        fitted(self, threshold=torch.tensor(float(np.median(THRESHOLDS[scores >= scores.max() - 1e-12]))))

    def scores(self, salience: np.ndarray, lines: np.ndarray) -> np.ndarray:
        """How good each of THRESHOLDS is on one piece, in 0..1."""
        raise NotImplementedError


class MelodySalience(Salience):
    """The highest of each frame is the melody, where it reaches the threshold, else a guess: makes Curves of one curve, in Hz,
    negative for guesses."""

    def __init__(self, of: str = "melody", **options: Any) -> None:
        super().__init__(of, **options)

    def best(self, salience: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(frame,) MIDI number, and salience of the highest bin."""
        bins, frames = salience.argmax(0), np.arange(salience.shape[1])
        return self.between(salience, bins, frames), salience[bins, frames]

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> Curves:
        """Logits (bin, frame) → the melody."""
        if not len(times):
            return self.nothing()
        pitches, height = self.best(_salience(estimate))
        hz = 440.0 * 2 ** ((pitches - 69) / 12)
        return Curves(times, np.where(height >= float(self.threshold), hz, -hz)[None], (self.of,))

    def nothing(self) -> Curves:
        return Curves(np.zeros(0), np.zeros((1, 0)), (self.of,))

    def scores(self, salience: np.ndarray, lines: np.ndarray) -> np.ndarray:
        """Share of frames with the right pitch, or rightly none."""
        pitches, height = self.best(salience)
        line = lines.max(0)
        known, none = ~np.isnan(line), line == NONE
        near = np.abs(pitches - np.where(none, 0.0, line)) <= TOLERANCE
        heard = height >= THRESHOLDS[:, None]
        return np.asarray(np.where(none, ~heard, heard & near)[:, known].mean(1))


class PitchSalience(Salience):
    """All peaks of a frame that reach the threshold are pitches: makes "pitches", Curves in Hz (0: none), as many as sound at once,
    and "notes": what stays on a semitone. Learns from "pitches" where an example has them, else from notes and their bends.

    Args:
        shortest: seconds; shorter notes are none. tolerance: seconds; a gap up to this is part of a note.
    """

    def __init__(self, of: str = "notes", shortest: float = 0.1, tolerance: float = 0.05, **options: Any) -> None:
        super().__init__(of, **options)
        self.shortest, self.tolerance = float(shortest), float(tolerance)

    @property
    def fields(self) -> tuple[str, ...]:
        return ("pitches", self.of)

    def peaks(self, salience: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
        """Frames (n,), sorted, and MIDI numbers (n,) of the peaks, rising within a frame."""
        frames, bins = _tops(salience, threshold)
        return frames, self.between(salience, bins, frames)

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> dict[str, Any]:
        """Logits (bin, frame) → {"pitches": Curves, `of`: Notes with the mean salience as confidence}."""
        if not len(times):
            return self.nothing()
        salience = _salience(estimate)
        frames, pitches = self.peaks(salience, float(self.threshold))
        voice = np.arange(len(frames)) - np.searchsorted(frames, frames)
        values = np.zeros((int(voice.max(initial=0)) + 1, len(times)))
        values[voice, frames] = 440.0 * 2 ** ((pitches - 69) / 12)
        labels = tuple(str(k + 1) for k in range(len(values)))
        return {"pitches": Curves(times, values, labels), self.of: self.notes(salience, frames, pitches, times)}

    def notes(self, salience: np.ndarray, frames: np.ndarray, pitches: np.ndarray, times: np.ndarray) -> Notes:
        """Notes of peaks: stretches on one semitone."""
        fps = frame_rate(times)
        tune = float(np.angle(np.exp(2j * np.pi * pitches).sum()) / (2 * np.pi))  # what most have in common
        rows = np.round(pitches - tune).astype(int)
        found = []
        for row in np.unique(rows):
            own = rows == row
            heard = np.zeros(len(times), dtype=bool)
            heard[frames[own]] = True
            for first, last in _closed(heard, int(self.tolerance * fps)):
                if last - first >= self.shortest * fps:
                    inside = own & (frames >= first) & (frames < last)
                    bins = np.round((pitches[inside] - self.lowest) * self.per_semitone).astype(int).clip(0, self.bins - 1)
                    sure = float(salience[bins, frames[inside]].mean())
                    found.append((times[first] - 0.5 / fps, times[last - 1] + 0.5 / fps, float(np.median(pitches[inside])), sure))
        starts, ends, medians, confidence = np.array(sorted(found)).reshape(-1, 4).T
        return Notes(starts.clip(0), ends, medians.clip(0, 127), confidence=confidence.clip(0, 1))

    def nothing(self) -> dict[str, Any]:
        none = np.zeros(0)
        return {"pitches": Curves(none, np.zeros((1, 0)), ("1",)), self.of: Notes(none, none, none, confidence=none)}

    def scores(self, salience: np.ndarray, lines: np.ndarray) -> np.ndarray:
        """Right pitches as a share of right, missed and false ones; each true one is found once."""
        known = ~np.isnan(lines).any(0)
        frames, bins = _tops(np.where(known, salience, 0.0), float(THRESHOLDS[0]))
        pitches, heights = self.between(salience, bins, frames), salience[bins, frames]
        right, false = np.zeros(len(THRESHOLDS), int), np.ones(len(frames), dtype=bool)
        for line in lines:
            hits = np.abs(line[frames] - pitches) <= TOLERANCE
            best = np.zeros(len(known))
            np.maximum.at(best, frames[hits], heights[hits])
            right += (best >= THRESHOLDS[:, None]).sum(1)
            false &= ~hits
        return np.asarray(right / np.maximum(1, (np.isfinite(lines) & known).sum() + (heights[false] >= THRESHOLDS[:, None]).sum(1)))


def _tops(salience: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Frames, sorted, and bins of the peaks of (bin, frame) that reach a threshold, rising within a frame."""
    beside = np.pad(salience, ((1, 1), (0, 0)))
    frames, bins = np.nonzero(((salience >= threshold) & (salience > beside[:-2]) & (salience >= beside[2:])).T)
    return frames, bins


def note_voices(notes: Notes, times: np.ndarray) -> np.ndarray:
    """(voice, frame) MIDI numbers of notes, bends and all; -inf where a voice is silent. As few voices as they need."""
    voices: list[np.ndarray] = []
    bends = notes.bends or [np.zeros((2, 0))] * len(notes)
    for start, end, pitch, bend in zip(notes.starts, notes.ends, notes.pitches, bends, strict=True):
        first, last = np.searchsorted(times, np.array([start, end]) - 1e-6)
        free = next((voice for voice in voices if (voice[first:last] == NONE).all()), None)
        if free is None:
            free = np.full(len(times), NONE)
            voices.append(free)
        free[first:last] = pitch + (np.interp(times[first:last], *bend) if bend.shape[1] else 0.0)
    return np.array(voices) if voices else np.full((1, len(times)), NONE)


def _closed(mask: np.ndarray, gap: int) -> list[tuple[int, int]]:
    """(first, one past the last) of each stretch that is true, over gaps of up to so many frames."""
    runs: list[tuple[int, int]] = []
    for first, last in _runs(mask):
        if runs and first - runs[-1][1] <= gap:
            runs[-1] = runs[-1][0], last
        else:
            runs.append((first, last))
    return runs


def _salience(estimate: Tensor) -> np.ndarray:
    return torch.sigmoid(estimate.detach().float().cpu()).numpy()


__all__ = ["MelodySalience", "PitchSalience", "Salience", "note_voices"]
