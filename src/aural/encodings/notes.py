"""Notes ⇄ four pictures of pitch against time: onsets, sounding, where between frames an onset lies, velocity.

Source   Hawthorne et al., Onsets and frames, ISMIR 2018 (an onset head decides where notes begin, another how long they sound);
         Kong et al., High-resolution piano transcription, TASLP 2021 (onset times between frames are regressed);
         Bittner et al., A lightweight instrument-agnostic model for polyphonic note transcription, ICASSP 2022 (tolerated gaps,
         notes without an onset, bends off a contour); Platt 1999 (scores to probabilities, as in meter.py);
         Lipton, Elkan & Naryanaswamy, Optimal thresholding of classifiers to maximize F1 measure, ECML 2014
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..annotations import Curves, Events, Example, Intervals, Notes
from ..errors import OptionError
from ..part import Part, Tree, fitted
from .confidence import logistic, probability
from .events import frame_rate

FLOOR = 0.05  # peaks of less are no notes, whatever the threshold
APART = 0.03  # seconds: two onsets of one pitch closer than this are one
WINDOW = 0.05  # seconds within which an onset is right
LOUD = 127.0
SOUNDING = 0.3  # for what is decoded beside the notes: a pitch of this probability sounds
OFF = 2.0  # a threshold that nothing reaches
STEADY = 0.2  # semitones: a note that strays less than this does not bend


@dataclass(frozen=True)
class Heads:
    """What a net says, each (pitch, frame) float32: logits of onset and sounding, the offset in frames, the velocity in 0..1;
    `heard` (pitch, frame) is the sounding in 0..1. What is made of them is made pitch by pitch: of hours, all at once would be large."""

    onset: np.ndarray
    sounding: np.ndarray
    offset: np.ndarray
    velocity: np.ndarray
    heard: np.ndarray

    @classmethod
    def of(cls, estimate: Tensor) -> Heads:
        onset, sounding, offset, velocity = estimate.detach().float().cpu()
        return cls(onset.numpy(), sounding.numpy(), offset.numpy(), velocity.numpy(), torch.sigmoid(sounding).numpy())

    def sum(self, rows: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """(n,) the sounding of frames first … last - 1, added up."""
        made = np.zeros(len(rows))
        for row, own in _each(rows):
            total = np.append(0.0, self.heard[row].cumsum(dtype=np.float64))
            made[own] = total[last[own]] - total[first[own]]
        return made

    def mean(self, rows: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """(n,) mean sounding of frames first … last - 1; 0 of none."""
        frames = self.heard.shape[1]
        first, last = np.clip(first, 0, frames), np.clip(last, 0, frames)
        return self.sum(rows, first, last) / np.maximum(last - first, 1) * (last > first)


@dataclass(frozen=True)
class Found:
    """Possible notes, sorted by pitch and time: rows of their pitches, frames (whole) of their onsets, starts and stops (in
    frames, between them), velocities in 0..1, and the evidence (evidence, n) that their confidence is made of; its first row is
    the activation."""

    rows: np.ndarray
    frames: np.ndarray
    starts: np.ndarray
    stops: np.ndarray
    velocities: np.ndarray
    evidence: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, keep: np.ndarray) -> Found:
        return Found(*(value[..., keep] for value in vars(self).values()))

    def ended(self, heads: Heads, level: float) -> Found:
        """The same; a note ends at the latest where the next of its pitch starts, or where it was last heard before."""
        again = np.flatnonzero(self.rows[1:] == self.rows[:-1])
        row, following = self.rows[again], self.frames[again + 1]
        last = self.frames[again]
        for pitch, own in _each(row):
            sounds = np.append(-1, np.flatnonzero(heads.heard[pitch] >= level))
            last[own] = np.maximum(last[own], sounds[np.searchsorted(sounds, following[own]) - 1])
        released = _crossing(heads, row, last, last + 1, level)
        stops = self.stops.copy()
        stops[again] = np.minimum(stops[again], np.where(last + 1 < following, released, self.starts[again + 1]))
        return replace(self, stops=np.maximum(stops, self.starts))


class NoteFrames(Part):
    """Notes ⇄ (4, pitch, frame): onset, sounding, offset, velocity. The net gives logits of the first two, values of the others.

    onset       1 at the frame nearest a note's start, `widen` at its neighbours, 0 elsewhere
    sounding    1 from start to end; unknown for `ends` frames on either side of an end, since no one hears where a sound decays
    offset      frames from this frame's centre to the true start, at the onset's frame and its neighbours; unknown elsewhere
    velocity    0..1, there too; unknown where the notes have none

    A note that sounds when the piece begins may have begun before: its onset is unknown. Where an example lacks the field
    nothing is known; nor is anything outside of the Intervals FIELD_known, where it has those. Where it has Notes FIELD_unsure,
    it is unknown whether those sound and whether any note of their pitch starts in their time, unless one that is known does.

    Decoding: an onset is a maximum over time of its row of at least `onset`, its time the mean of what the offsets of it and its
    neighbours say; it ends where the sounding stays below `sounding` for `tolerance` seconds, or where its pitch starts anew.
    Notes shorter than `shortest` are dropped. What still sounds for `stretch` seconds without an onset, with a mean of `trick`
    or more, is a note too, unless a neighbouring pitch explains it.
    Confidence is the probability that a note is right (its onset within 50 ms): a logistic function of the activations, the
    length, and of what sounds around, whose weights `fit` learns on held-out pieces; before that it is the activation alone.
    Where that does better on those pieces, `fit` leaves the first threshold to each piece: its surest notes are kept, as many as
    give the highest F that their confidences let expect, so that a piece that is hard to hear has a lower threshold than a clear one.

    Args:
        of: the field, Notes.
        lowest: MIDI number of the first row. pitches: how many rows, a semitone each.
        onset, sounding, trick: thresholds in 0..1; `trick` None makes no notes without onsets. `fit` finds better ones.
        tolerance, shortest, stretch: seconds.
        widen: target of an onset's neighbours. ends: frames on either side of an end of which nothing is known.
        ignore: {field: (from, to)}: an onset that an event of that field coincides with is unknown, from … to seconds around
            it, and so is the sounding. For what may or may not be heard to start.

    The buffer `thresholds` (onset, sounding, trick) is -1 until fitted: the arguments hold. An onset's of 0 is left to each piece.
    """

    unknown = float("nan")
    fits_in_training = False
    thresholds: Tensor
    weights: Tensor
    trick_weights: Tensor

    def __init__(
        self,
        of: str = "notes",
        lowest: int = 21,
        pitches: int = 88,
        onset: float = 0.5,
        sounding: float = 0.5,
        trick: float | None = 0.6,
        tolerance: float = 0.1,
        shortest: float = 0.05,
        stretch: float = 0.2,
        widen: float = 0.5,
        ends: int = 1,
        ignore: Mapping[str, tuple[float, float]] | None = None,
    ) -> None:
        super().__init__()
        if pitches < 1 or ends < 0:
            raise OptionError(f"NoteFrames(pitches={pitches}, ends={ends}): at least one pitch, and no negative number of frames")
        self.of, self.lowest, self.pitches = of, lowest, pitches
        self.onset, self.sounding, self.trick = onset, sounding, trick
        self.tolerance, self.shortest, self.stretch = tolerance, shortest, stretch
        self.widen, self.ends = widen, ends
        self.ignore = {"soft_onsets": (-0.03, 0.06)} if ignore is None else dict(ignore)
        fitted(self, thresholds=torch.full((3,), -1.0), weights=torch.zeros(0), trick_weights=torch.zeros(0))

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.of, f"{self.of}_known", f"{self.of}_unsure", *self.ignore)

    # ---- notes → frames

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        """(4, pitch, frame) float32; NaN where nothing is known."""
        times = np.zeros(0) if times is None else times
        frames = len(times)
        heads = np.full((4, self.pitches, frames), np.nan, np.float32)
        notes = example.get(self.of)
        if not isinstance(notes, Notes) or not frames:
            return torch.from_numpy(heads)
        fps = frame_rate(times)
        row = self._rows(notes.pitches)
        inside = (row >= 0) & (row < self.pitches) & (notes.ends > times[0] - 1 / fps) & (notes.starts < times[-1] + 1 / fps)
        row, starts, ends = row[inside], notes.starts[inside], notes.ends[inside]
        at = np.searchsorted((times[1:] + times[:-1]) / 2, starts)  # the nearest frame
        heads[1] = self._sounding(row, at, np.searchsorted(times, ends), frames)
        unheard = starts < 1e-6
        heads[0] = 0.0
        doubted = self._doubted(example.get(f"{self.of}_unsure"), times)
        heads[0][doubted] = np.nan
        heads[1][doubted & (heads[1] == 0)] = np.nan
        heads[0][_painted(row[unheard], np.zeros(unheard.sum(), int), at[unheard] + 2, heads[0].shape)] = np.nan
        for field, (before, after) in self.ignore.items():
            events = example.get(field)
            soft = _coincide(starts, events.times) if isinstance(events, Events) else np.zeros(len(starts), bool)
            first = np.searchsorted(times, starts[soft] + before - 1e-6)
            last = np.searchsorted(times, starts[soft] + after + 1e-6, "right")
            heads[:2, _painted(row[soft], first, last, heads[0].shape)] = np.nan
            unheard |= soft
        near = (np.abs(times[at] - starts) <= 1 / fps) & ~unheard
        row, at, away = row[near], at[near], (starts[near] - times[at[near]]) * fps
        for side in (-1, 1):
            there = (at + side >= 0) & (at + side < frames)
            where = row[there], at[there] + side
            heads[0][where] = np.fmax(heads[0][where], self.widen)
        heads[0, row, at] = 1.0
        # Of two onsets that share a neighbour the nearer is written last.
        sides = np.repeat([-1, 1, 0], len(row))
        which, to = np.tile(np.arange(len(row)), 3), np.tile(at, 3) + sides
        distance = np.tile(away, 3) - sides
        order = np.argsort(-np.abs(distance) - (sides != 0), kind="stable")
        order = order[(to[order] >= 0) & (to[order] < frames)]
        where = row[which[order]], to[order]
        heads[2][where] = distance[order]
        if notes.velocities is not None:
            heads[3][where] = (np.asarray(notes.velocities)[inside][near] / LOUD)[which[order]]
        known = example.get(f"{self.of}_known")
        if isinstance(known, Intervals):
            heads[:, :, [word == "" for word in known.at(times, none="")]] = np.nan
        return torch.from_numpy(heads)

    def _doubted(self, unsure: Notes | None, times: np.ndarray) -> np.ndarray:
        """(pitch, frame) bool: where notes that are unsure may sound."""
        shape = (self.pitches, len(times))
        if not isinstance(unsure, Notes):
            return np.zeros(shape, bool)
        row = self._rows(unsure.pitches)
        inside = (row >= 0) & (row < self.pitches)
        first = np.searchsorted(times, unsure.starts[inside] - 1e-6)
        last = np.searchsorted(times, unsure.ends[inside] + 1e-6, "right")
        return _painted(row[inside], first, last, shape)

    def _rows(self, pitches: np.ndarray) -> np.ndarray:
        return np.floor(pitches + 0.5).astype(int) - self.lowest

    def _sounding(self, row: np.ndarray, at: np.ndarray, last: np.ndarray, frames: int) -> np.ndarray:
        """(pitch, frame): 1, 0, or NaN around the ends of notes; `at` their first frames, `last` those after their last."""
        shape = (self.pitches, frames)
        last = np.maximum(last, at + 1)
        made = np.zeros(shape, np.float32)
        made[_painted(row, last - self.ends, last + self.ends, shape)] = np.nan
        made[_painted(row, at, np.maximum(last - self.ends, at + 1), shape)] = 1.0
        return made

    # ---- frames → notes

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> Notes:
        """(4, pitch, frame) → notes, sorted by start, then pitch, with velocities 1..127 and confidence."""
        if not len(times):
            return self.nothing()
        heads, fps = Heads.of(estimate), frame_rate(times)
        onset, sounding, trick = self._thresholds()
        candidates = self._candidates(heads, fps, sounding)
        kept = candidates[self._kept(candidates, onset)].ended(heads, sounding)
        more = self._unstruck(heads, fps, sounding, kept) if trick <= 1 else kept[np.zeros(len(kept), bool)]
        more = more[more.evidence[0] >= trick]
        if len(kept):  # nothing was learned of velocities away from onsets
            more = replace(more, velocities=np.full(len(more), np.median(kept.velocities)))
        sure = np.concatenate([probability(kept.evidence, self.weights), probability(more.evidence, self.trick_weights)])
        rows, starts, stops, velocities = (
            np.concatenate([getattr(kept, name), getattr(more, name)]) for name in ("rows", "starts", "stops", "velocities")
        )
        frames = np.arange(len(times))
        begin, end = np.interp(starts, frames, times), np.interp(stops, frames, times)
        order = np.lexsort((end, rows, begin))
        velocities = np.clip(np.rint(velocities * LOUD), 1, LOUD)
        return Notes(begin[order], np.maximum(begin, end)[order], (rows + self.lowest)[order], velocities[order], sure[order])

    def nothing(self) -> Notes:
        none = np.zeros(0)
        return Notes(none, none, none, none, none)

    def unsure(self, estimate: Tree, times: np.ndarray, sure: Notes, least: float = FLOOR) -> Notes:
        """(4, pitch, frame) and the notes of it that are sure → where else something may be: spans of one pitch each in which it
        starts or sounds with a probability of `least` or more, and a frame on either side. What is in neither is silent."""
        if not len(times):
            return self.nothing()
        heads, frame, shape = Heads.of(estimate), 1 / frame_rate(times), (self.pitches, len(times))
        rows = self._rows(sure.pitches)
        begin, end = np.searchsorted(times, sure.starts - frame / 2), np.searchsorted(times, sure.ends)
        starts = (_sigmoid(heads.onset) >= least) & ~_painted(rows, begin - 1, begin + 2, shape)
        sounds = (heads.heard >= least) & ~_painted(rows, begin, end, shape)
        rows, first, last = _runs(starts | sounds, 3)
        order = np.lexsort((rows, first))
        rows, first, last = rows[order], first[order], last[order]
        return Notes(np.maximum(times[first] - frame, 0.0), times[last - 1] + frame, rows + self.lowest)

    def curves(self, estimate: Tree, times: np.ndarray, given: Example) -> Curves:
        """How probably each pitch sounds, one curve for each; labels are MIDI numbers."""
        labels = tuple(str(self.lowest + row) for row in range(self.pitches))
        return Curves(times, torch.sigmoid(estimate[1].detach().double().cpu()).numpy(), labels)

    def _thresholds(self) -> tuple[float, float, float]:
        own = (self.onset, self.sounding, OFF if self.trick is None else self.trick)
        onset, sounding, trick = (float(f) if f >= 0 else o for f, o in zip(self.thresholds.tolist(), own, strict=True))
        return onset, sounding, OFF if self.trick is None else trick

    def _kept(self, candidates: Found, onset: float) -> np.ndarray:
        """(n,) bool: which of the candidates are notes."""
        return candidates.evidence[0] >= onset if onset > 0 else hoped(probability(candidates.evidence, self.weights))

    def _candidates(self, heads: Heads, fps: float, sounding: float) -> Found:
        """Every maximum of the onsets over FLOOR that is followed by a note of some length."""
        onset = heads.onset
        top = onset >= np.log(FLOOR / (1 - FLOOR))
        top[:, 1:] &= onset[:, 1:] > onset[:, :-1]
        top[:, :-1] &= onset[:, :-1] >= onset[:, 1:]
        rows, frames = np.nonzero(top)
        p = _sigmoid(onset[rows, frames])
        starts, velocities = _refined(heads, rows, frames)
        close = (np.diff(rows) == 0) & (np.diff(starts) < APART * fps)
        drop = np.zeros(len(rows), bool)
        drop[1:][close & (p[:-1] >= p[1:])] = True
        drop[:-1][close & (p[:-1] < p[1:])] = True
        after = np.zeros(len(rows), int)
        for row, own in _each(rows):
            after[own] = _next_quiet(heads.heard[row] >= sounding, max(1, round(self.tolerance * fps)))[frames[own] + 1]
        stops = np.maximum(_crossing(heads, rows, after - 1, after, sounding), starts)
        # Counted without what strikes its pitch anew: quick repetitions are as short as they are.
        keep = ~drop & (stops - starts >= self.shortest * fps)
        evidence = _evidence(heads, fps, rows, frames, stops - starts, p)
        return Found(rows, frames, starts, stops, velocities, evidence)[keep]

    def _unstruck(self, heads: Heads, fps: float, sounding: float, kept: Found) -> Found:
        """Long stretches of sounding that neither the notes found nor their neighbours in pitch explain; the first row of their
        evidence is their mean sounding."""
        shape = heads.heard.shape
        used = _painted(kept.rows, np.floor(kept.starts).astype(int) - 2, np.ceil(kept.stops).astype(int) + 2, shape)
        explained = used.copy()
        explained[1:] |= used[:-1]
        explained[:-1] |= used[1:]
        rows, first, last = _runs((heads.heard >= sounding) & ~explained, max(1, round(self.tolerance * fps)))
        long = last - first >= self.stretch * fps
        rows, first, last = rows[long], first[long], last[long]
        total = heads.sum(rows, first, last)
        taken = np.zeros(shape, bool)
        keep = np.zeros(len(rows), bool)
        for i in np.argsort(-total, kind="stable"):
            near = taken[max(rows[i] - 1, 0) : rows[i] + 2, first[i] : last[i]]
            keep[i] = not near.size or near.mean(1).max() <= 0.5
            taken[rows[i], first[i] : last[i]] |= keep[i]
        rows, first, last = rows[keep], first[keep], last[keep]
        starts, stops = _crossing(heads, rows, first, first - 1, sounding), _crossing(heads, rows, last - 1, last, sounding)
        starts = np.maximum(starts, 0.0)
        evidence = _evidence(heads, fps, rows, first, stops - starts, _sigmoid(heads.onset[rows, first]))
        evidence[0] = heads.mean(rows, first, last)
        return Found(rows, first, starts, stops, np.full(len(rows), 0.5), evidence)

    # ---- what is fitted

    def fit(self, pairs: Iterable[tuple[Tree, np.ndarray, Example]], window: float = WINDOW) -> None:
        """Thresholds of best mean F over pieces, and the weights of the confidence, on (estimate, times, example) of pieces that
        were not learned from: first that of onsets, then that of sounding (onsets and ends), whether the first is better left to each
        piece, then that of notes without onset.

        Of equally good thresholds the middle one is taken. Raises OptionError where no example has the notes.
        """
        pieces = [
            _Piece(Heads.of(estimate), times, self._truth(example))
            for estimate, times, example in pairs
            if isinstance(example.get(self.of), Notes) and len(times)
        ]
        if not pieces:
            raise OptionError(f"none of the examples has the field {self.of!r}: give sounds with their {self.of} beside them")
        fitted(self, weights=torch.zeros(0), trick_weights=torch.zeros(0))
        _, sounding, trick = self._thresholds()
        grid = np.linspace(FLOOR, 0.98, 45)

        def judged(level: float) -> list[tuple[_Piece, Found, np.ndarray]]:
            found = [(p, p.known(self._candidates(p.heads, p.fps, level))) for p in pieces]
            return [(p, f, p.match(f, f.evidence[0], window) >= 0) for p, f in found]

        onset = _best(grid, [p.f(f.evidence[0], right, grid) for p, f, right in judged(sounding)])
        levels, one = np.linspace(0.2, 0.8, 13), np.zeros(1)
        curves = []
        for p in pieces:
            found = [p.known(self._candidates(p.heads, p.fps, float(level))) for level in levels]
            kept = [f[f.evidence[0] >= onset].ended(p.heads, float(level)) for f, level in zip(found, levels, strict=True)]
            matches = [p.match(f, f.evidence[0], window) for f in kept]
            curves.append(np.concatenate([p.f(f.evidence[0], p.ends_right(f, m), one) for f, m in zip(kept, matches, strict=True)]))
        sounding = _best(levels, curves)
        every = judged(sounding)
        fitted(self, weights=logistic([(f.evidence, right.astype(float)) for _, f, right in every]))
        own = [p.f(self._kept(f, 0.0).astype(float), right, np.ones(1)) for p, f, right in every]
        if _mean(own)[0] > _mean([p.f(f.evidence[0], right, np.array([onset])) for p, f, right in every])[0]:
            onset = 0.0
        chosen = [(p, f[self._kept(f, onset)].ended(p.heads, sounding)) for p, f, _ in every]
        if onset > 0:
            fitted(self, weights=logistic([(f.evidence, (p.match(f, f.evidence[0], window) >= 0).astype(float)) for p, f in chosen]))
        if self.trick is not None:
            trick = self._fit_trick(chosen, sounding, window)
        fitted(self, thresholds=torch.tensor([onset, sounding, trick]))

    def _fit_trick(self, chosen: Sequence[tuple[_Piece, Found]], sounding: float, window: float) -> float:
        """The threshold of notes without onset, OFF where every one of them does more harm than good, and the weights of their
        confidence."""
        grid = np.append(np.linspace(0.3, 0.98, 35), OFF)
        curves, pairs = [], []
        for p, kept in chosen:
            more = p.known(self._unstruck(p.heads, p.fps, sounding, kept))
            both = Found(*(np.concatenate([a, b], -1) for a, b in zip(vars(kept).values(), vars(more).values(), strict=True)))
            scores = np.append(np.full(len(kept), OFF), more.evidence[0])  # those with an onset come first, and always stay
            right = p.match(both, scores, window) >= 0
            curves.append(p.f(scores, right, grid))
            pairs.append((more.evidence, right[len(kept) :].astype(float)))
        trick = _best(grid, curves)
        if _mean(curves)[-1] >= _mean(curves).max() - 1e-12:
            trick = OFF
        fitted(self, trick_weights=logistic([(e[:, e[0] >= trick], right[e[0] >= trick]) for e, right in pairs]))
        return trick

    def _truth(self, example: Example) -> _Truth:
        notes, known = example[self.of], example.get(f"{self.of}_known")
        spans = known if isinstance(known, Intervals) else None
        row = self._rows(notes.pitches)
        inside = (row >= 0) & (row < self.pitches)
        if spans is not None:
            inside &= np.array([word != "" for word in spans.at(notes.starts, none="")], bool)
        return _Truth(row[inside], notes.starts[inside], notes.ends[inside], spans)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, ignore={self.ignore!r}"


@dataclass(frozen=True)
class _Truth:
    rows: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    known: Intervals | None


@dataclass(frozen=True)
class _Piece:
    """A piece to fit on."""

    heads: Heads
    times: np.ndarray
    truth: _Truth

    @property
    def fps(self) -> float:
        return frame_rate(self.times)

    def at(self, frames: np.ndarray) -> np.ndarray:
        return np.interp(frames, np.arange(len(self.times)), self.times)

    def known(self, found: Found) -> Found:
        """Those that start where the truth is known."""
        if self.truth.known is None:
            return found
        return found[np.array([word != "" for word in self.truth.known.at(self.at(found.starts), none="")], bool)]

    def match(self, found: Found, scores: np.ndarray, window: float) -> np.ndarray:
        """Which true note each found one is, -1 where none: the surest come first, and each takes the nearest that is left."""
        made = np.full(len(found), -1)
        starts = self.at(found.starts)
        order = np.lexsort((self.truth.starts, self.truth.rows))
        first = np.searchsorted(self.truth.rows[order], np.arange(self.heads.heard.shape[0] + 1))
        right = self.truth.starts[order]
        free = np.ones(len(order), bool)
        for i in np.argsort(-scores, kind="stable"):
            begin, end = first[found.rows[i]], first[found.rows[i] + 1]
            low, high = begin + np.searchsorted(right[begin:end], [starts[i] - window - 1e-9, starts[i] + window + 1e-9])
            near = np.flatnonzero(free[low:high]) + low
            if len(near):
                best = near[np.abs(right[near] - starts[i]).argmin()]
                free[best], made[i] = False, order[best]
        return made

    def ends_right(self, found: Found, match: np.ndarray) -> np.ndarray:
        """(n,) bool: right, and with its end within 50 ms or a fifth of the note's length."""
        which = np.maximum(match, 0)
        if not len(self.truth.ends):
            return np.zeros(len(found), bool)
        length = self.truth.ends[which] - self.truth.starts[which]
        return (match >= 0) & (np.abs(self.at(found.stops) - self.truth.ends[which]) <= np.maximum(0.05, 0.2 * length))

    def f(self, scores: np.ndarray, right: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
        """F of the notes whose scores reach each threshold; NaN where there is nothing to find and nothing was found."""
        kept = scores[:, None] >= thresholds - 1e-12
        found, hits = kept.sum(0), (kept & right[:, None]).sum(0)
        total = found + len(self.truth.starts)
        return np.where(total > 0, 2 * hits / np.maximum(total, 1), np.nan)


def _mean(curves: Sequence[np.ndarray]) -> np.ndarray:
    """(threshold,) mean over the pieces that say something."""
    table = np.array(curves)
    known = ~np.isnan(table)
    return np.where(known, table, 0.0).sum(0) / np.maximum(known.sum(0), 1)


def _best(thresholds: np.ndarray, curves: Sequence[np.ndarray]) -> float:
    """The threshold of the highest mean over pieces, of equal ones the middle."""
    mean = _mean(curves)
    best = thresholds[mean >= mean.max() - 1e-12]
    return float(best[(len(best) - 1) // 2])


def hoped(p: np.ndarray) -> np.ndarray:
    """Probabilities of being right (n,) → (n,) bool: those to keep for the highest F to be expected, where the right ones are all there is
    to be found."""
    surest = np.argsort(-p, kind="stable")
    expected = 2 * np.cumsum(p[surest]) / (np.arange(1, len(p) + 1) + p.sum())
    kept = np.zeros(len(p), bool)
    kept[surest[: int(expected.argmax()) + 1 if len(p) else 0]] = True
    return kept


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -40, 40)))


def _painted(rows: np.ndarray, first: np.ndarray, last: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(pitch, frame) bool: where any of the spans lies, frames first … last - 1 of a row each."""
    made = np.zeros(shape, bool)
    first, last = np.clip(first, 0, shape[1]), np.clip(last, 0, shape[1])
    for row, begin, end in zip(rows.tolist(), first.tolist(), last.tolist(), strict=True):
        made[row, begin:end] = True
    return made


def _each(rows: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Each row that occurs, and where it does."""
    order = np.argsort(rows, kind="stable")
    found, starts = np.unique(rows[order], return_index=True)
    yield from zip(found.tolist(), np.split(order, starts[1:]), strict=True) if len(rows) else ()


def _coincide(times: np.ndarray, events: np.ndarray) -> np.ndarray:
    """(n,) bool: is there an event at this very time, within a millisecond?"""
    if not len(events):
        return np.zeros(len(times), bool)
    after = np.clip(np.searchsorted(events, times), 1, max(len(events) - 1, 1)) if len(events) > 1 else np.zeros(len(times), int)
    distance = np.minimum(np.abs(events[after] - times), np.abs(events[np.maximum(after - 1, 0)] - times))
    return distance < 1e-3


def _refined(heads: Heads, rows: np.ndarray, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the onsets at these frames lie, in frames, and how loud they are: what a frame and its neighbours say of it, by the
    weight of their onsets. Neighbours that speak of another onset have no say."""
    side = np.array([[0], [-1], [1]])
    at = np.clip(frames + side, 0, heads.onset.shape[1] - 1)
    says = side + np.clip(heads.offset[rows, at].astype(np.float64), -1.5, 1.5)
    agrees = (np.abs(says - says[0]) < 0.75) & (at == frames + side)
    weight = _sigmoid(heads.onset[rows, at]) * agrees
    weight /= weight.sum(0)
    position = frames + np.clip((weight * says).sum(0), -1.0, 1.0)
    return np.maximum(position, 0.0), (weight * np.clip(heads.velocity[rows, at], 0.0, 1.0)).sum(0)


def _next_quiet(sounds: np.ndarray, tolerance: int) -> np.ndarray:
    """(frame,) bool → (frame + 1,) int: the next frame from each on with which a silence of `tolerance` frames begins; past the end is
    silence."""
    frames = len(sounds)
    total = np.append(0, np.cumsum(np.append(sounds, np.zeros(tolerance, bool))))
    begins = np.where(total[tolerance:] == total[:-tolerance], np.arange(frames + 1), frames)
    return np.minimum.accumulate(begins[::-1])[::-1]


def _runs(sounds: np.ndarray, tolerance: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, first frames, and frames after the last, of stretches that sound but for gaps of less than `tolerance` frames."""
    rows, frames = np.nonzero(sounds)
    if not len(rows):
        return rows, frames, frames
    new = np.flatnonzero((np.diff(rows) != 0) | (np.diff(frames) > tolerance)) + 1
    first, last = np.concatenate([[0], new]), np.concatenate([new, [len(rows)]]) - 1
    return rows[first], frames[first], frames[last] + 1


def _crossing(heads: Heads, rows: np.ndarray, on: np.ndarray, off: np.ndarray, level: float) -> np.ndarray:
    """Where between a frame that sounds and one beside it that does not the sounding crosses the level; past the edges is silence."""
    frames = heads.heard.shape[1]
    high = heads.heard[rows, np.clip(on, 0, frames - 1)].astype(np.float64)
    low = np.where((off >= 0) & (off < frames), heads.heard[rows, np.clip(off, 0, frames - 1)], 0.0)
    return on + (off - on) * np.clip((high - level) / np.maximum(high - low, 1e-9), 0.0, 1.0)


def _evidence(heads: Heads, fps: float, rows: np.ndarray, frames: np.ndarray, length: np.ndarray, p: np.ndarray) -> np.ndarray:
    """(evidence, n): the onset's probability and its logit, how well the note sounds, how long, how much its pitch sounded just
    before, how strong an onset the harmonics' fundamentals and the neighbouring pitches have, and how sure the piece is as a whole."""
    onset = heads.onset
    high = onset.shape[0]
    sides = np.array([-1, 0, 1])[:, None]

    def strongest(steps: Iterable[int]) -> np.ndarray:
        best = np.zeros(len(rows))
        for step in steps:
            row = rows + step
            at = np.clip(frames + sides, 0, onset.shape[1] - 1)
            here = _sigmoid(onset[np.clip(row, 0, high - 1), at].max(0)) if len(rows) else best
            best = np.maximum(best, np.where((row >= 0) & (row < high), here, 0.0))
        return best

    body = np.minimum(np.maximum(length, 1.0), 0.3 * fps)
    sounding = np.clip(heads.mean(rows, frames, frames + np.ceil(body).astype(int)), 0.01, 0.99)
    return np.stack(
        [
            p,
            np.log(np.clip(p, 0.005, 0.995) / (1 - np.clip(p, 0.005, 0.995))),
            np.log(sounding / (1 - sounding)),
            np.log(np.clip(length / fps, 0.02, 1.0)),
            heads.mean(rows, frames - 5, frames - 1),
            strongest((-12, -19, -24)),
            strongest((-1, 1)),
            np.full(len(rows), p.mean() if len(p) else 0.0),
        ]
    )


# ---- bends


def with_bends(
    notes: Notes,
    curve_logits: Tensor | np.ndarray,
    times: np.ndarray,
    lowest: float = 21.0,
    per_semitone: int = 3,
    none: bool = True,
    spread: float = 1.0,
    heard: float = 0.2,
) -> Notes:
    """The same notes with bends read off a contour: in each frame of a note the bin that is strongest within a semitone of its
    pitch, weighed by a Gaussian about the pitch, and refined by its neighbours; smoothed over three frames.

    A note that stays within ±20 cents, or of which the contour says nothing (a mean of less than `heard` near its pitch), has an
    empty bend.

    Args:
        curve_logits: (bin, frame). times: (frame,) seconds.
        lowest: MIDI number of the first bin. per_semitone: bins a semitone.
        none: the last row is "no pitch" and all of them are one distribution; else each is a probability of its own.
        spread: semitones, of the Gaussian.
    """
    logits = torch.as_tensor(curve_logits).detach().double().cpu()
    p = (logits.softmax(0)[:-1] if none else torch.sigmoid(logits)).numpy()
    each = zip(notes.starts, notes.ends, notes.pitches, strict=True)
    bends = [_bend(p, times, *note, lowest, per_semitone, spread, heard) for note in each]
    return replace(notes, bends=tuple(bends))


def _bend(
    p: np.ndarray, times: np.ndarray, start: float, end: float, pitch: float, lowest: float, per_semitone: int, spread: float, heard: float
) -> np.ndarray:
    steady = np.zeros((2, 0))
    first, last = np.searchsorted(times, [start, end])
    middle = round((pitch - lowest) * per_semitone)
    bins = np.arange(max(0, middle - per_semitone), min(len(p), middle + per_semitone + 1))
    if last - first < 3 or len(bins) < 3:
        return steady
    away = bins / per_semitone + lowest - pitch
    near = p[bins[0] : bins[-1] + 1, first:last]
    known = near.max(0) >= heard
    if near.max(0).mean() < heard or known.sum() < 3:
        return steady
    weighed = near * np.exp(-0.5 * (away / spread) ** 2)[:, None]
    top = weighed.argmax(0)
    at = np.clip(top + np.array([[-1], [0], [1]]), 0, len(bins) - 1)
    frames = np.arange(last - first)
    mass = near[at, frames] * (at == top + np.array([[-1], [0], [1]]))
    semitones = (mass * away[at]).sum(0) / mass.sum(0).clip(1e-12)
    semitones = np.interp(frames, frames[known], semitones[known])
    semitones = np.convolve(np.pad(semitones, 1, "edge"), [0.25, 0.5, 0.25], "valid")
    if np.abs(semitones).max() <= STEADY:
        return steady
    return np.stack([times[first:last], semitones])


__all__ = ["NoteFrames", "with_bends"]
