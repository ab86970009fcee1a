"""One pitch at a time (a melody, a bass line) ⇄ a class per frame: the bins of pitch, and none.

Source   Bittner et al., Deep salience representations for f0 estimation in polyphonic music, ISMIR 2017 (blurred targets);
         Kim et al., CREPE, ICASSP 2018 (soft classes of pitch, centre of mass); Mauch & Dixon, pYIN, ICASSP 2014 (a hidden Markov
         model of pitch and voicing); Felzenszwalb & Huttenlocher, Distance transforms of sampled functions, 2012 (a move that costs
         by its distance, in one sweep either way)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..annotations import Curves, Example, Intervals, Notes
from ..errors import OptionError
from ..hmm import sticky
from ..part import Part, Tree, fitted
from .confidence import logistic, probability
from .events import frame_rate
from .notes import SOUNDING

NONE = -np.inf  # a pitch, where none is heard; NaN where that isn't known
TOLERANCE = 0.5  # semitones within which a pitch is right
ONSET = 0.05  # seconds within which a note's start is right
SHIFTS = np.linspace(-1.5, 1.5, 7)  # of the log-odds that a pitch is heard, that `fit` tries
SURE = 30.0  # log-odds
ALONE, WIDE = 1.5, 1300  # of one voice, fewer pitches sound at once; frames to either side
GRID = 100  # points a second of a melody
AGREED = 0.8  # of tunings: a singer's 0.2 to 0.6, an instrument's more
VIBRATO = 0.18  # seconds that one swing of it lasts, about
AT_ONCE = 1024  # frames that are made log-probabilities at a time
KEPT = 16_384  # frames: of longer lines the best paths' scores are kept once in so many, and found again on the way back
STEADY, TURN = 0.4, 6.0  # how far a note strays from its semitone (standard deviation), and what a new one costs, at 43 frames a second


@dataclass(frozen=True)
class Line:
    """What is heard, frame by frame. path (frame,): the bin of the line, -1 where none; pitches (frame,): MIDI numbers, a guess where
    none; voiced (frame,): probability that any is heard; scores (frame, bin): log-probabilities of the bins, given that one is."""

    path: np.ndarray
    pitches: np.ndarray
    voiced: np.ndarray
    scores: np.ndarray

    def sure(self, frames: np.ndarray, bins: np.ndarray, around: int) -> np.ndarray:
        """Probability that a pitch within `around` bins of each of these is heard in each of these frames."""
        near = bins[:, None] + np.arange(-around, around + 1)
        inside = (near >= 0) & (near < self.scores.shape[1])
        p = np.exp(self.scores[frames[:, None], near.clip(0, self.scores.shape[1] - 1)])
        return np.minimum((p * inside).sum(1), 1.0) * self.voiced[frames]


class PitchTrack(Part):
    """A line of single pitches ⇄ (bins + 1, frame) logits of classes, the last of which is none.

    of="melody" reads Curves (Hz; 0 or less is none) and makes "melody", Curves with negative values for guesses where no melody is
    heard, and "melody_notes". Any other field is Notes both ways ("bass"); of those that sound at once the one begun last is the line.

    A pitch is a bell over the bins, so that pitches between bins can be learned. A note that begins on the pitch of the one before it
    has none in the frame before its start, and where a line goes on through a frame that alone would be none, a new note begins.
    Nothing is known (NaN) where an example lacks the field, outside the Intervals FIELD_known where it has those, farther than a step
    from the points of Curves, and of pitches outside the bins.

    The line is the best path of a hidden Markov model: is a pitch heard in the frame, which one; pitches move at a cost that grows
    with the distance up to `reach`; changes between none and any have the probability `change`. That any is heard is told by its
    log-odds, by how sure the pitch is (one that may be wrong is worth less), and, where notes are found beside a melody and no two
    sound together, by whether any does: a voice alone is the melody. `fit` learns the weights of these, in the buffer `bias`, from
    frames in which none is heard or the pitch is right; before that it holds the bias of none alone, (). A note's confidence is a
    logistic function of how sure its pitch is, how much surer than before its start, and its length, whose weights `fit` learns too,
    on pieces that were not learned from; before that it is the probability of the pitch.

    Args:
        lowest: MIDI number of the first bin.
        bins, per_semitone: how many of them.
        width: standard deviation of the bell, in semitones.
        move: what a semitone's move from a frame to the next costs, as a log-probability.
        reach: semitones; farther moves cost no more.
        change: 0.1 where frames count, as of a melody; less, 0.02, where notes do.
        shortest: seconds; notes shorter than that are part of their neighbours, or none.
        tuned: training calls `fit` at its end. `aural.adapt` does in any case.
    """

    unknown = float("nan")
    bias: Tensor
    weights: Tensor

    def __init__(
        self,
        of: str = "melody",
        lowest: float = 21.0,
        bins: int = 264,
        per_semitone: int = 3,
        *,
        width: float = 1 / 3,
        move: float = 0.75,
        reach: float = 8.0,
        change: float = 0.1,
        shortest: float = 0.09,
        tuned: bool = False,
    ) -> None:
        super().__init__()
        if bins < 1 or per_semitone < 1 or width <= 0 or not 0 < change < 1:
            raise OptionError(
                f"bins={bins}, per_semitone={per_semitone}, width={width:g}, change={change:g}: "
                "at least one bin, a width above 0 and a probability between 0 and 1"
            )
        self.of, self.fits_in_training, self.beside = of, tuned, ("notes",) if of == "melody" else ()
        self.lowest, self.bins, self.per_semitone, self.width = float(lowest), int(bins), int(per_semitone), float(width)
        self.move, self.reach, self.change, self.shortest = float(move), float(reach), float(change), float(shortest)
        fitted(self, bias=torch.zeros(()), weights=torch.zeros(0))

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.of, f"{self.of}_known", *((f"{self.of}_notes",) if self._curve else ()))

    @property
    def _curve(self) -> bool:
        return self.of == "melody"

    # ---- annotation → targets

    def line(self, example: Example, times: np.ndarray) -> np.ndarray:
        """(frame,) the true pitches: MIDI numbers, -inf where none is heard, NaN where that isn't known."""
        truth = example.get(self.of)
        line = np.full(len(times), np.nan)
        if isinstance(truth, Curves) and len(truth.values):
            line = curve_pitches(truth, times)[0]
        elif isinstance(truth, Notes):
            line, _ = note_pitches(truth, times)
        known = example.get(f"{self.of}_known")
        if isinstance(known, Intervals):
            line[[word == "" for word in known.at(times, none="")]] = np.nan
        return line

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        """(bins + 1, frame) float32, probabilities that add up to 1; NaN where nothing is known."""
        times = np.zeros(0) if times is None else times
        line = self.line(example, times)
        notes = example.get(f"{self.of}_notes" if self._curve else self.of)
        if isinstance(notes, Notes):
            again = note_pitches(notes, times)[1]
            line[again[np.isfinite(line[again])]] = NONE
        place = (line - self.lowest) * self.per_semitone  # in bins
        heard = np.isfinite(place)
        target = np.zeros((self.bins + 1, len(times)))
        bell = np.exp(-((np.arange(self.bins)[:, None] - place[heard]) ** 2) / (2 * (self.width * self.per_semitone) ** 2))
        target[:-1, heard] = bell / np.maximum(bell.sum(0), 1e-30)
        target[-1, line == NONE] = 1.0
        target[:, np.isnan(line) | (heard & ((place < -0.5) | (place > self.bins - 0.5)))] = np.nan
        return torch.from_numpy(target.astype(np.float32))

    # ---- logits → annotation

    def find(self, estimate: Tree) -> Line:
        """The line in logits (bins + 1, frame), or in a dict of them (by the field) and of the notes beside them."""
        scores, evidence = self._evidence(estimate)
        w = self.bias.double().cpu().numpy()
        return self._line(scores, w[:-1] @ evidence + w[-1] if w.ndim else evidence[0] - w)

    def _evidence(self, estimate: Tree) -> tuple[np.ndarray, np.ndarray]:
        """Log-probabilities of the bins (frame, bin), given that a pitch is heard; and what tells that one is (4, frame): the log-odds,
        the log-probability of what lies near the highest bin, is it one voice alone, and the log-odds that this sounds."""
        own, notes = (estimate[self.of], estimate.get("notes")) if isinstance(estimate, Mapping) else (estimate, None)
        frames = own.shape[-1]
        scores, evidence = np.empty((frames, self.bins), np.float32), np.zeros((4, frames))
        for first in range(0, frames, AT_ONCE):  # of hours, all exponentials would be large
            logits = own[:, first : first + AT_ONCE].detach().float().cpu().T.clone(memory_format=torch.contiguous_format)  # (frame, class)
            pitches, none = logits[:, :-1], logits[:, -1]
            total = pitches.logsumexp(1)
            scores[first : first + AT_ONCE] = pitches.sub_(total[:, None]).numpy()
            evidence[0, first : first + AT_ONCE] = (total - none).double().numpy()
        if frames:
            near = scores.argmax(1)[:, None] + np.arange(-self._around, self._around + 1)
            p = np.exp(scores[np.arange(len(scores))[:, None], near.clip(0, self.bins - 1)]) * ((near >= 0) & (near < self.bins))
            evidence[1] = np.log(p.sum(1).clip(1e-3, 1.0))
            if notes is not None:
                evidence[2:] = _lone(notes)
        return scores, evidence

    def _line(self, scores: np.ndarray, odds: np.ndarray) -> Line:
        """The best line through log-probabilities (frame, bin), given the log-odds (frame,) that any pitch is heard."""
        on, off = -np.logaddexp(0, -odds), -np.logaddexp(0, odds)
        # Which pitch is told by the bins alone, whether any by all of them: a blurred pitch is not less of a pitch.
        step = self.move / self.per_semitone
        highest = scores.max(1, initial=-np.inf)
        path = best_line(scores, off - on + highest, step, step * round(self.reach * self.per_semitone), self.change)
        near = (path[:-2] >= 0) & (path[2:] >= 0) & (np.abs(path[2:] - path[:-2]) < self.per_semitone)
        gap = np.flatnonzero((path[1:-1] < 0) & near) + 1
        path[gap] = path[gap - 1]  # a note begun again: the line goes on
        guess = np.where(path >= 0, path, scores.argmax(1)) if len(scores) else path
        return Line(path, self.lowest + self._between(scores, guess) / self.per_semitone, np.exp(on), scores)

    @property
    def _around(self) -> int:
        """Bins to either side that a pitch is spread over."""
        return max(1, round(2 * self.width * self.per_semitone))

    def _between(self, scores: np.ndarray, bins: np.ndarray) -> np.ndarray:
        """Places between bins: the centre of mass around the highest bin near each of `bins` (frame,)."""
        around, rows = self._around, np.arange(len(bins))[:, None]
        near = (bins[:, None] + np.arange(-around, around + 1)).clip(0, self.bins - 1)
        best = near[rows[:, 0], scores[rows, near].argmax(1)] if len(bins) else bins
        near = best[:, None] + np.arange(-around, around + 1)
        inside = (near >= 0) & (near < self.bins)
        p = np.exp(scores[rows, near.clip(0, self.bins - 1)].astype(np.float64)) * inside
        return (p * near).sum(1) / np.maximum(p.sum(1), 1e-30)

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> Any:
        """Logits (bins + 1, frame) → {"melody": Curves, "melody_notes": Notes}, or Notes where `of` is another field."""
        if not len(times):
            return self.nothing()
        line = self.find(estimate)
        notes, evidence = self.notes(line, times)
        notes = Notes(notes.starts, notes.ends, notes.pitches, confidence=probability(evidence, self.weights))
        if not self._curve:
            return notes
        return {self.of: self.contour(line, times), f"{self.of}_notes": notes}

    def contour(self, line: Line, times: np.ndarray) -> Curves:
        """Hz a hundred times a second, from the first frame to the last: a pitch glides between frames or changes midway."""
        hz = 440.0 * 2 ** ((line.pitches - 69) / 12)
        grid = times[0] + np.arange(int((times[-1] - times[0]) * GRID + 1e-6) + 1) / GRID
        nearest = np.searchsorted((times[1:] + times[:-1]) / 2, grid, "right")
        between = 440.0 * 2 ** ((curve_pitches(Curves(times, hz[None]), grid)[0] - 69) / 12)
        return Curves(grid, np.where(line.path[nearest] >= 0, between, -between)[None], (self.of,))

    def nothing(self) -> Any:
        none = Notes(np.zeros(0), np.zeros(0), np.zeros(0), confidence=np.zeros(0))
        return {self.of: Curves(np.zeros(0), np.zeros((1, 0)), (self.of,)), f"{self.of}_notes": none} if self._curve else none

    def curves(self, estimate: Tree, times: np.ndarray, given: Example) -> Curves:
        """Probabilities of the classes, labelled with MIDI numbers and "none"."""
        labels = [f"{self.lowest + k / self.per_semitone:.2f}" for k in range(self.bins)]
        return Curves(times, estimate.detach().float().cpu().softmax(0).numpy(), (*labels, "none"))

    def notes(self, line: Line, times: np.ndarray) -> tuple[Notes, np.ndarray]:
        """Notes of a line, and the evidence (3, note) that their confidence is made of. Pitches are as measured, between semitones; where
        nearly all agree on a tuning of their own, they are counted in it, as they are written."""
        fps = frame_rate(times)
        half = 0.5 / fps
        heard = line.path >= 0
        tune, agreed = _tuning(line.pitches[heard], fps)
        written = tune if agreed > AGREED else 0.0
        rows: list[tuple[float, ...]] = []
        for first, last in _runs(heard & ~_dips(line.voiced)):
            for begin, end, start, stop in _steady(line.pitches[first:last] - tune, fps, self.shortest):
                own, before = np.arange(first + begin, first + end), np.arange(max(0, first + start - 2), first + start)
                bins = line.path[own]
                sure = float(line.sure(own, bins, self._around).mean())
                then = line.sure(before, np.full(len(before), int(np.median(bins))), self._around)
                rise = sure - (float(then.mean()) if len(before) else 0.0)
                span = times[first + start] - half, times[first + stop - 1] + half
                rows.append((*span, float(np.median(line.pitches[own])) - written, sure, rise, np.log2(span[1] - span[0])))
        starts, ends, pitches, *evidence = np.array(rows).reshape(-1, 6).T
        starts, pitches = np.maximum(starts, 0.0), np.clip(pitches, 0, 127)
        if len(starts):
            again = heard[np.clip(np.searchsorted(times, ends) + np.arange(-1, 1)[:, None], 0, len(times) - 1)].all(0)
            close = np.append(starts[1:] - ends[:-1] <= 2.5 * half, False) & again
            ends = np.where(close, np.append(starts[1:], 0.0), ends)  # the frame of none before a note begun again is the last one's
        return Notes(starts, np.maximum(ends, starts), pitches), np.array(evidence)

    # ---- what is fitted

    def fit(self, pairs: Iterable[tuple[Tree, np.ndarray, Example]]) -> None:
        """The weights of what tells that a pitch is heard, and those of the confidence of notes, on (estimate, times, example) of pieces
        that were not learned from. Raises OptionError where no piece has the field.

        The first are those of a logistic regression, shifted for the best share of frames that are right (mean over pieces). Where a
        pitch is wrong it does not matter whether it is said to be heard."""
        known = [(estimate, times, example, self.line(example, times)) for estimate, times, example in pairs]
        known = [piece for piece in known if not np.isnan(piece[-1]).all()]
        if not known:
            raise OptionError(f"none of the examples has the field {self.of!r}: give sounds with their {self.of} beside them")
        heard = [self._evidence(estimate) for estimate, *_ in known]
        matters = []
        for (scores, tells), (*_, line) in zip(heard, known, strict=True):
            always = self._line(scores, np.full(len(scores), SURE))
            usable = (line == NONE) | (np.isfinite(line) & (np.abs(always.pitches - np.nan_to_num(line, neginf=0.0)) <= TOLERANCE))
            matters.append((tells[:, usable], (line[usable] != NONE).astype(float)))
        weights = logistic(matters).double().numpy()

        def right(shift: float) -> float:
            found = (self._line(scores, weights[:-1] @ tells + weights[-1] + shift) for scores, tells in heard)
            return float(np.mean([_right(own, line) for own, (*_, line) in zip(found, known, strict=True)]))

        if len(weights):
            shares = np.array([right(float(shift)) for shift in SHIFTS])
            weights[-1] += np.median(SHIFTS[shares >= shares.max() - 1e-12])
            fitted(self, bias=torch.from_numpy(weights).float())
        evidence: list[tuple[np.ndarray, np.ndarray]] = []
        for estimate, times, example, _ in known:
            truth = example.get(f"{self.of}_notes" if self._curve else self.of)
            if isinstance(truth, Notes):
                notes, rows = self.notes(self.find(estimate), times)
                evidence.append((rows, matched(truth, notes)))
        fitted(self, weights=logistic(evidence))


# ---- pitches of annotations, frame by frame


def curve_pitches(curves: Curves, times: np.ndarray) -> np.ndarray:
    """(curve, frame) MIDI numbers of curves in Hz; -inf where a value is 0 or less, NaN farther than a step from all points.

    Between points less than a semitone apart the pitch glides, else the nearest point holds: nothing lies between a pitch and none."""
    at, values = curves.times, curves.values
    if not len(at):
        return np.full((len(values), len(times)), np.nan)
    step = float(np.median(np.diff(at))) if len(at) > 1 else 0.01
    after = np.searchsorted(at, times).clip(0, len(at) - 1)
    away = np.minimum(np.abs(at[after] - times), np.abs(times - at[np.maximum(after - 1, 0)])) > step + 1e-9
    if len(at) > 2:  # a cut between points has made one of what lies to either side
        inner = slice(int(at[1] - at[0] < 0.99 * step), len(at) - int(at[-1] - at[-2] < 0.99 * step))
        at, values = at[inner], values[:, inner]
    pitch = np.full(values.shape, NONE)
    pitch[values > 0] = 69 + 12 * np.log2(values[values > 0] / 440.0)
    right = np.searchsorted(at, times).clip(1, max(1, len(at) - 1)).clip(0, len(at) - 1)
    left = np.maximum(right - 1, 0)
    share = ((times - at[left]) / np.maximum(at[right] - at[left], 1e-9)).clip(0, 1)
    a, b = pitch[:, left], pitch[:, right]
    both = np.isfinite(a) & np.isfinite(b)
    glides = both & (np.abs(np.where(both, a, 0.0) - np.where(both, b, 0.0)) < 1)
    line = np.where(share < 0.5, a, b)
    line[glides] = (a + share * (np.where(both, b, 0.0) - np.where(both, a, 0.0)))[glides]
    line[:, away] = np.nan
    return line


def note_pitches(notes: Notes, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(frame,) MIDI numbers of the note begun last of those that sound, of equals the lowest, -inf where none does; and the frames
    before the start of a note that begins on the pitch that sounded."""
    line = np.full(len(times), NONE)
    again = []
    firsts, lasts = (np.searchsorted(times, edge - 1e-6) for edge in (notes.starts, notes.ends))
    for i in np.lexsort((-notes.pitches, notes.starts)):
        first, last = int(firsts[i]), int(lasts[i])
        if 1 < first < last and np.abs(line[first - 2 : first] - notes.pitches[i]).max() < TOLERANCE:
            again.append(first - 1)
        line[first:last] = notes.pitches[i]
    return line, np.array(again, dtype=int)


# ---- paths


def best_line(pitches: np.ndarray, none: np.ndarray, step: float, most: float, change: float) -> np.ndarray:
    """The best path (frame,) through scores of pitches (frame, bin) and of none (frame,): bins, or -1 for none.

    A move over d bins costs min(step · d, most); none and any follow each other with the probability `change`. The best of all moves
    is the maximum of two running maxima and of the jump from the best bin, so that a frame costs as much as it has bins."""
    frames, bins = pitches.shape
    if not frames:
        return np.zeros(0, dtype=int)
    stay, turn = np.float32(np.log1p(-change)), np.float32(np.log(change))
    ramp = (step * np.arange(bins)).astype(np.float32)
    none = none.astype(np.float32)
    up, down = np.empty(bins, np.float32), np.empty(bins, np.float32)

    def onwards(before: np.ndarray, quiet: np.float32, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """The scores of the best paths up to each of these frames (frame, bin), and of those that end in none (frame,)."""
        best, silent = np.empty((last - first, bins), np.float32), np.empty(last - first, np.float32)
        for t in range(first, last):
            now = best[t - first]
            if t:
                top = before.max()
                np.add(before, ramp, out=up)
                np.maximum.accumulate(up, out=up)
                np.subtract(up, ramp, out=up)
                np.subtract(before, ramp, out=down)
                np.maximum.accumulate(down[::-1], out=down[::-1])
                np.add(down, ramp, out=down)
                np.maximum(up, down, out=now)
                np.maximum(now, max(top - most, quiet + turn - stay), out=now)
                now += pitches[t]
                now += stay
                quiet = max(top + turn, quiet + stay) + none[t]
            else:
                now[:], quiet = pitches[0], none[0]
            highest = max(now.max(), quiet)  # scores stay near 0, where float32 is fine
            now -= highest
            quiet -= highest
            before, silent[t - first] = now, quiet
        return best, silent

    firsts = range(0, frames, KEPT)
    kept = [(up, none[0])]  # the frame before each of these; of the first there is none
    for first in firsts[:-1]:
        best, silent = onwards(kept[-1][0], kept[-1][1], first, first + KEPT)
        kept.append((best[-1].copy(), silent[-1]))
    distance = np.minimum(step * np.abs(np.arange(-bins, bins + 1)), most).astype(np.float32)
    path = np.empty(frames, dtype=int)
    for first, (before, quiet) in zip(reversed(firsts), reversed(kept), strict=True):
        best, silent = onwards(before, quiet, first, min(first + KEPT, frames))
        for own, none_here, t in zip(best[::-1], silent[::-1], range(first + len(best) - 1, -1, -1), strict=False):
            if t == frames - 1:
                path[t] = own.argmax() if own.max() >= none_here else -1
                continue
            k = path[t + 1]
            if k < 0:
                path[t] = own.argmax() if own.max() + turn > none_here + stay else -1
                continue
            came = own - distance[bins - k : 2 * bins - k]
            i = int(came.argmax())
            path[t] = i if came[i] + stay >= none_here + turn else -1
    return path


def _runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """(first, one past the last) of each stretch that is true."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _dips(voiced: np.ndarray) -> np.ndarray:
    """Frames that alone would be none, each the least voiced of its neighbours."""
    beside = np.concatenate([[np.inf], voiced, [np.inf]])
    return (voiced < 0.5) & (voiced < beside[:-2]) & (voiced <= beside[2:])


def _tuning(pitches: np.ndarray, fps: float) -> tuple[float, float]:
    """Semitones from the nearest semitone, in -0.5..0.5, that pitches held have in common, and how much they agree, in 0..1."""
    window = max(1, round(VIBRATO * fps))
    if len(pitches) < window:
        return 0.0, 0.0
    spans = np.lib.stride_tricks.sliding_window_view(pitches, window)
    held = spans[np.ptp(spans, axis=1) < 2.5].mean(1)  # without its vibrato, where no note changes
    mean = complex(np.exp(2j * np.pi * held).mean()) if len(held) else 0j
    return float(np.angle(mean) / (2 * np.pi)), abs(mean)


def _steady(pitches: np.ndarray, fps: float, shortest: float) -> Sequence[tuple[int, int, int, int]]:
    """Stretches on one semitone each, of pitches (frame,) without gaps: (first, past the last, start, stop), the latter with the
    glides before and behind them. A vibrato strays from its semitone and comes back, which costs less than two new notes."""
    low = int(np.floor(pitches.min()))
    states = low + np.arange(int(np.ceil(pitches.max())) - low + 1)
    away = np.minimum((pitches - states[:, None]) ** 2 / (2 * STEADY**2), 8.0)
    path = sticky(-away * (43.0 / fps), 1 - (len(states) - 1) * float(np.exp(-TURN))) if 1 < len(states) < 200 else np.zeros(len(pitches))
    edges = np.concatenate([[0], np.flatnonzero(np.diff(path)) + 1, [len(path)]])
    least = shortest * fps - 0.5
    long = [(a, b) for a, b in pairwise(edges.tolist()) if b - a >= least]
    if not long:
        return []
    starts = [long[0][0] if long[0][0] >= least else 0, *(a for a, _ in long[1:])]
    stops = [*starts[1:], len(path) if len(path) - long[-1][1] < least else long[-1][1]]
    return [(a, b, start, stop) for (a, b), start, stop in zip(long, starts, stops, strict=True)]


def _lone(notes: Tensor) -> np.ndarray:
    """Logits of notes (4, pitch, frame), as in notes.py → (2, frame): is it one voice alone for WIDE frames to either side, in 0..1, and
    that times the log-odds of the pitch that most probably sounds."""
    sounding = torch.sigmoid(notes[1].detach().float().cpu())
    loudest, many = sounding.amax(0).double().numpy(), sounding.sum(0).double().numpy()
    heard = loudest > SOUNDING
    frames = np.arange(len(heard))
    first, last = np.maximum(frames - WIDE, 0), np.minimum(frames + WIDE + 1, len(heard))
    total, count = (np.append(0.0, np.cumsum(x)) for x in (many * heard, heard))
    together = (total[last] - total[first]) / np.maximum(count[last] - count[first], 1)
    lone = 1 / (1 + np.exp(-8 * (ALONE - np.maximum(together, 0.5))))
    p = loudest.clip(1e-3, 1 - 1e-3)
    return np.stack([lone, lone * np.log(p / (1 - p))])


# ---- right and wrong


def _right(line: Line, truth: np.ndarray) -> float:
    """Share of the known frames with the right pitch, or rightly none."""
    known, none = ~np.isnan(truth), truth == NONE
    near = np.abs(line.pitches - np.where(none, 0.0, truth)) <= TOLERANCE
    right = np.where(none, line.path < 0, (line.path >= 0) & near)
    return float(right[known].mean())


def matched(truth: Notes, notes: Notes, window: float = ONSET) -> np.ndarray:
    """(note,) 1.0 where a note has a true one's pitch (50 cents) and start, each true one once; else 0.0."""
    import mir_eval

    right = np.zeros(len(notes))
    if len(truth) and len(notes):
        sides = []
        for one in (truth, notes):
            sides += [np.stack([one.starts, np.maximum(one.ends, one.starts + 1e-3)], 1), 440.0 * 2 ** ((one.pitches - 69) / 12)]
        pairs = mir_eval.transcription.match_notes(*sides, onset_tolerance=window, offset_ratio=None)
        right[[j for _, j in pairs]] = 1.0
    return right


__all__ = ["Line", "PitchTrack", "best_line", "curve_pitches", "matched", "note_pitches"]
