"""Chords ⇄ frames of root, bass, pitch classes and one of 170 classes; decoded on the beats.

How      A cell is half a beat, or a quarter of a second where nobody found beats. In each, the classes' log-posteriors are joined by
         what root, bass and pitches say of the same chord (a product of experts); Viterbi finds the chords, which change more easily
         on beats and most easily on downbeats; what follows what is the same from every root. Then the bass says which tone is lowest
Source   McFee & Bello, Structured training for large-vocabulary chord recognition, ISMIR 2017 [MB17] (the rows, the 170 classes);
         Hinton, Training products of experts by minimizing contrastive divergence, 2002; Rabiner, A tutorial on hidden Markov models,
         1989; Platt, Probabilistic outputs for support vector machines, 1999 (the confidence)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np
import torch
from torch import Tensor

from .. import harmony, rhythm
from ..annotations import Curves, Events, Example, Intervals
from ..errors import OptionError
from ..hmm import NEVER
from ..part import Part, Tree, fitted
from .confidence import logistic, probability
from .events import frame_rate
from .notes import SOUNDING

ROOT, BASS, PITCHES, CLASSES = slice(0, 13), slice(13, 26), slice(26, 38), slice(38, 208)  # rows of the estimate
ROWS, TARGETS = 208, 15  # of the estimate, of the target
QUALITIES = len(harmony.FULL)
STATES = 12 * QUALITIES + 1  # the classes without X; the last is N
UNKNOWN = STATES  # the class of X
AT_ONCE = 1024  # frames that are joined at a time
SOUNDS = 0.1  # of a chord's time, the least in which any pitch sounds
ALONE = 0.25  # seconds of a cell where there are no beats
STAYS = (0.85, 0.92, 0.55, 0.35)  # that a chord goes on: between cells without beats, off the beat, on it, on the first of a bar
SURE_STAYS = 0.05, 0.98  # no kind of boundary is trusted more: beats that were found may lie wrong
ROOT_POSITION, OTHER_TONE = 0.85, 0.12  # how often the root is lowest, another tone of the chord; what remains, any note


def _chords() -> list[harmony.Chord]:
    return [harmony.parse(label) for label in harmony.classes("full", unknown=False)]


def _tones() -> np.ndarray:
    """(state, 12): is it a pitch class of the chord?"""
    made = np.zeros((STATES, 12))
    for row, chord in zip(made, _chords(), strict=True):
        row[sorted(chord.pitch_classes)] = 1
    return made


def _basses() -> np.ndarray:
    """(state, 13): how probable each bass is under a chord."""
    tones = _tones()
    made = np.zeros((STATES, 13))
    for row, tone, chord in zip(made, tones, _chords(), strict=True):
        if chord.root is None:
            row[12] = 1
            continue
        row[:12] = (1 - ROOT_POSITION - OTHER_TONE) / 12 + OTHER_TONE * tone / (tone.sum() - 1)
        row[chord.root_class] = ROOT_POSITION
    return made / made.sum(1, keepdims=True)


TONES, BASSES = _tones(), _basses()
ROOTS = np.array([chord.root_class for chord in _chords()])


@dataclass(frozen=True)
class Heard:
    """What was heard in cells: edges (cell + 1,) in seconds, kinds (cell,) of how they begin (indices into STAYS), log p of the states
    (state, cell) and of the bass (13, cell), the best path (cell,), and the posteriors of all paths (state, cell)."""

    edges: np.ndarray
    kinds: np.ndarray
    scores: np.ndarray
    bass: np.ndarray
    path: np.ndarray
    posterior: np.ndarray


class ChordFrames(Part):
    """Intervals of Harte's labels ⇄ frames; the net gives logits (batch, 208, frame): root (C … B, none), bass (likewise), twelve pitch
    classes, the 170 classes of `harmony.classes("full")`.

    Targets are (batch, 15, frame): root, bass, pitches, class; NaN where nothing is known: without the field, in a batch past the end,
    outside of the Intervals FIELD_known where there are those, next to a change, and X. A chord of another triad (C:5) has a root, a
    bass and pitches, but no class. Between intervals there is no chord (N).

    Decoding wants "beats", "downbeats" and "key" of what is given, and works without: chords begin on half-beats and are named as in
    the key. Where notes are found beside (in a dict of estimates, rows as in notes.py), a chord in hardly any of whose time a pitch
    sounds is none: drums alone have no chords. A chord's confidence is how much of its time it is probably right in: a logistic
    function of posteriors and length, which `fit` learns on held-out pieces; before that the mean posterior of all paths.

    Args:
        vocabulary: "majmin", "sevenths" or "full"; what a small one has no word for is called by what shares most with it.
        experts: weights of what root, bass and pitches say of the class.
        trust: what the log-posteriors of a cell are multiplied by.
        inverted: a bass other than the root is said ("full" only) where it is more probable than this.
        edge: frames on either side of a change that are unknown.
        per_beat: cells of a beat.
    """

    unknown = float("nan")
    fits_in_training = False
    wants: tuple[str, ...] = ("beats", "downbeats", "key")  # fields that decoding takes where they are given
    beside = ("notes",)

    changes: Tensor
    stays: Tensor
    sure: Tensor

    def __init__(
        self,
        vocabulary: str = "full",
        experts: Sequence[float] = (1.0, 0.5, 0.1),
        trust: float = 1.0,
        inverted: float = 0.6,
        edge: int = 1,
        per_beat: int = 2,
        of: str = "chords",
    ) -> None:
        super().__init__()
        words = harmony.classes(vocabulary, unknown=False)
        if len(experts) != 3 or min(*experts, trust) < 0 or edge < 0 or per_beat < 1:
            raise OptionError(
                f"experts={experts}, trust={trust:g}, edge={edge}, per_beat={per_beat}: three weights, all of them at least 0 (per_beat: 1)"
            )
        self.of, self.vocabulary, self.experts, self.trust = of, vocabulary, tuple(float(w) for w in experts), float(trust)
        self.inverted, self.edge, self.per_beat = float(inverted), int(edge), int(per_beat)
        self.labels = words
        fitted(self, changes=torch.zeros(0), stays=torch.tensor(STAYS), sure=torch.zeros(0))

    @property
    def reads(self) -> tuple[str, ...]:
        return (self.of, f"{self.of}_known")

    # ---- truth

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        """(15, frame) float32; NaN where nothing is known."""
        times = np.zeros(0) if times is None else times
        truth = example.get(self.of)
        if not isinstance(truth, Intervals) or not len(truth) or not len(times):
            return torch.full((TARGETS, len(times)), float("nan"))
        names = truth.at(times, "N")
        columns = {name: _column(name) for name in set(names)}
        rows = np.stack([columns[name] for name in names], 1)
        filled = np.nan_to_num(rows, nan=-1.0)
        changes = np.flatnonzero((filled[:, 1:] != filled[:, :-1]).any(0))
        for away in range(self.edge):
            rows[:, np.maximum(changes - away, 0)] = np.nan
            rows[:, np.minimum(changes + 1 + away, len(times) - 1)] = np.nan
        known = example.get(f"{self.of}_known")
        if isinstance(known, Intervals):
            rows[:, [word == "" for word in known.at(times, none="")]] = np.nan
        return torch.from_numpy(rows.astype(np.float32))

    # ---- answers

    def evidence(self, estimate: Tensor) -> np.ndarray:
        """Logits (208, frame) → log p (state, frame), float32, of what the four heads say together; X is no answer."""
        return np.concatenate(list(self._blocks(estimate)), 1)

    def _blocks(self, estimate: Tensor) -> Iterator[np.ndarray]:
        """The evidence of so many frames at a time."""
        return (self._joined(y.detach().double().cpu()) for y in estimate.split(AT_ONCE, -1))

    def _joined(self, y: Tensor) -> np.ndarray:
        root, bass, pitches = self.experts
        joined = torch.log_softmax(y[CLASSES][:STATES], 0)
        joined = joined + root * torch.log_softmax(y[ROOT], 0)[ROOTS]
        joined = joined + bass * (torch.from_numpy(BASSES) @ torch.softmax(y[BASS], 0)).clamp(min=1e-12).log()
        on, off = torch.nn.functional.logsigmoid(y[PITCHES]), torch.nn.functional.logsigmoid(-y[PITCHES])
        joined = joined + pitches * (torch.from_numpy(TONES) @ (on - off) + off.sum(0))
        return np.asarray(torch.log_softmax(joined, 0).float().numpy())

    def hear(self, estimate: Tree, times: np.ndarray, given: Example) -> Heard:
        """What is in the cells of logits (208, frame), or of a dict with them and with notes, of one frame at least."""
        estimate, notes = (estimate[self.of], estimate.get("notes")) if isinstance(estimate, Mapping) else (estimate, None)
        edges, kinds = cells_of(given, times, self.per_beat)
        scores = pooled(self._blocks(estimate), times, edges)
        bass = pooled([torch.log_softmax(estimate[BASS].detach().float().cpu(), 0).numpy()], times, edges)
        through, stays = spread(self.changes), self.stays.double().cpu().numpy()[kinds]
        path = best_path(self.trust * scores, through, stays)
        posterior = posteriors(self.trust * scores, through, stays)
        if notes is not None:
            sounds = torch.sigmoid(notes[1].detach().float().cpu().amax(0)).numpy() >= SOUNDING
            for first, last in runs(path):
                own = sounds[slice(*np.searchsorted(times, edges[[first, last]]))]
                if path[first] != STATES - 1 and len(own) and own.mean() < SOUNDS:
                    cells = slice(first, last)
                    path[cells], scores[:, cells], posterior[:, cells] = STATES - 1, NEVER, 0.0
                    scores[-1, cells], posterior[-1, cells] = 0.0, 1.0
        return Heard(edges, kinds, scores, bass, path, posterior)

    def spans(self, heard: Heard, vocabulary: str) -> tuple[list[tuple[int, int, int]], np.ndarray]:
        """Chords as (first cell, cell after the last, number of the word), and the evidence (4, n) that their confidence is made of:
        mean posterior of all paths, its log-odds, mean log-odds of the cells by themselves, the logarithm of their number."""
        word = words_of(vocabulary)
        size = word.max() + 1
        path = word[heard.path]
        along, alone = np.zeros((2, size, len(path)))
        np.add.at(along, word, heard.posterior)
        np.add.at(alone, word, np.exp(heard.scores))
        found, rows = [], []
        for first, last in runs(path):
            own = int(path[first])
            each = along[own, first:last].mean()
            rows.append((each, odds(each), odds(alone[own, first:last]).mean(), np.log2(last - first)))
            found.append((first, last, own))
        return found, np.array(rows).T

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> Intervals:
        """Logits (208, frame), or a dict of them and of notes → chords from the start to the end of the sound, "N" where there is none."""
        if not len(times):
            return self.nothing()
        heard = self.hear(estimate, times, given)
        spans, evidence = self.spans(heard, self.vocabulary)
        row = list(harmony.VOCABULARIES).index(self.vocabulary)
        sure = probability(evidence, self.sure[row] if len(self.sure) else self.sure)
        starts, ends, labels, confidence = [], [], [], []
        for (first, last, word), own in zip(spans, sure, strict=True):
            for begin, end, degree in self._basses(heard, first, last) if self.vocabulary == "full" else [(first, last, "1")]:
                chord = harmony.parse(self.labels[word])
                labels.append(str(chord) if degree == "1" else f"{chord}/{degree}")
                starts.append(heard.edges[begin])
                ends.append(heard.edges[end])
                confidence.append(float(own))
        chords = Intervals(np.array(starts), np.array(ends), tuple(labels), np.array(confidence))
        key = given.get("key")
        return harmony.respelled(chords, key if isinstance(key, Intervals) else None)

    def _basses(self, heard: Heard, first: int, last: int) -> list[tuple[int, int, str]]:
        """Parts of a chord with the degree that is lowest in each."""
        state = int(heard.path[first])
        if state == STATES - 1:
            return [(first, last, "1")]
        degrees = ("1", *harmony.SHORTHANDS[harmony.FULL[state // 12]])
        tones = [(state + harmony.degree_steps(degree)) % 12 for degree in degrees]
        log_p = self.trust * heard.bass[tones, first:last] + np.log(BASSES[state, tones])[:, None]
        log_p -= np.logaddexp.reduce(log_p, 0)
        path = best_path(log_p, _alike(len(degrees)), self.stays.double().cpu().numpy()[heard.kinds[first:last]])
        spans = runs(path)
        said = [degrees[path[a]] if path[a] and np.exp(log_p[path[a], a:b]).mean() > self.inverted else "1" for a, b in spans]
        parts: list[tuple[int, int, str]] = []
        for (a, b), degree in zip(spans, said, strict=True):
            if parts and parts[-1][2] == degree:
                parts[-1] = (parts[-1][0], first + b, degree)
            else:
                parts.append((first + a, first + b, degree))
        return parts

    def nothing(self) -> Intervals:
        return Intervals(np.zeros(0), np.zeros(0), (), np.zeros(0))

    def curves(self, estimate: Tree, times: np.ndarray, given: Example) -> Curves:
        """Posteriors of the vocabulary's words, frame by frame."""
        p = np.zeros((len(self.labels), len(times)))
        np.add.at(p, words_of(self.vocabulary), np.exp(self.evidence(estimate)))
        return Curves(times, p, self.labels)

    # ---- what is fitted

    def fit_changes(self, examples: Iterable[Example]) -> None:
        """What follows what, and how often chords go on across cells of each kind, from truth alone."""
        examples = [example for example in examples if isinstance(example.get(self.of), Intervals) and len(example[self.of])]
        counts, went_on = np.zeros(len(STAYS)), np.zeros(len(STAYS))
        for example in examples:
            for given in (example, Example({k: v for k, v in example.items() if k not in self.wants})):
                edges, kinds = cells_of(given, np.array([0.0, ALONE]), self.per_beat)
                number = states_at(example[self.of], (edges[1:] + edges[:-1]) / 2)
                both = (number[1:] != UNKNOWN) & (number[:-1] != UNKNOWN)
                np.add.at(counts, kinds[1:][both], 1)
                np.add.at(went_on, kinds[1:][both], number[1:][both] == number[:-1][both])
        stays = np.clip((went_on + 20 * np.array(STAYS)) / (counts + 20), *SURE_STAYS)
        fitted(self, changes=bigram([sequence_of(example[self.of]) for example in examples]), stays=torch.from_numpy(stays).float())

    def fit(self, pairs: Iterable[tuple[Tree, np.ndarray, Example]]) -> None:
        """The weights of the confidences in each vocabulary, on (estimate, times, example) of pieces that were not learned from."""
        found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {name: [] for name in harmony.VOCABULARIES}
        for estimate, times, example in pairs:
            truth = example.get(self.of)
            if not isinstance(truth, Intervals) or not len(truth) or not len(times):
                continue
            heard = self.hear(estimate, times, example)
            states = states_at(truth, (heard.edges[1:] + heard.edges[:-1]) / 2)
            for name, pieces in found.items():
                spans, evidence = self.spans(heard, name)
                right = shares_right(spans, np.append(words_of(name), -1)[states], np.diff(heard.edges))
                pieces.append((evidence[:, ~np.isnan(right)], right[~np.isnan(right)]))
        weights = [logistic(pieces) for pieces in found.values()]
        fitted(self, sure=torch.stack(weights) if all(len(w) for w in weights) else torch.zeros(0))


def runs(path: np.ndarray) -> list[tuple[int, int]]:
    """(first, after the last) of each stretch of equal numbers."""
    return list(pairwise([0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), len(path)]))


def odds(p: np.ndarray | float) -> np.ndarray:
    """Log-odds within ±10."""
    p = np.clip(p, 1e-9, 1 - 1e-9)
    return np.clip(np.log(p / (1 - p)), -10, 10)


def _column(label: str) -> np.ndarray:
    """(15,) of one chord."""
    chord = harmony.parse(label)
    column = np.full(TARGETS, np.nan)
    if chord.quality == "X" and chord.root is None:
        return column
    number = harmony.class_of(chord)
    column[:2] = chord.root_class, chord.bass_class
    column[2:14] = 0
    column[[2 + tone for tone in chord.pitch_classes]] = 1
    column[14] = np.nan if number == UNKNOWN else number
    return column


def words_of(vocabulary: str) -> np.ndarray:
    """(state,) the number of the word that a vocabulary has for each state, or for what shares most with it."""
    return np.array([harmony.class_of(chord, vocabulary, near=True) for chord in _chords()])


def states_at(chords: Intervals, times: np.ndarray) -> np.ndarray:
    """(time,) the class of the chord at each time; UNKNOWN for X."""
    names = chords.at(times, "N")
    number = {name: harmony.class_of(harmony.parse(name)) for name in set(names)}
    return np.array([number[name] for name in names], dtype=int)


def sequence_of(chords: Intervals) -> list[int]:
    """Classes in their order, each change once; UNKNOWN stands for X, which may be anything."""
    return [number for number, _ in groupby(harmony.class_of(harmony.parse(label)) for label in chords.labels)]


def shares_right(spans: Sequence[tuple[int, int, int]], truth: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """(span,) of the time of each (first cell, cell after the last, word), the share in which the word is true; NaN where nothing is
    known. truth (cell,): words, -1 unknown."""
    made = []
    for first, last, word in spans:
        known = lengths[first:last] * (truth[first:last] >= 0)
        made.append((known * (truth[first:last] == word)).sum() / known.sum() if known.sum() > 0 else np.nan)
    return np.array(made)


def turned(estimate: Tensor, semitones: int) -> Tensor:
    """Logits (…, 208, frame) of the same music, so many semitones higher."""
    root, bass, pitches, classes = (estimate[..., rows, :] for rows in (ROOT, BASS, PITCHES, CLASSES))
    return torch.cat(
        [
            *(part for head in (root, bass) for part in (head[..., :12, :].roll(semitones, -2), head[..., 12:, :])),
            pitches.roll(semitones, -2),
            classes[..., : STATES - 1, :].unflatten(-2, (QUALITIES, 12)).roll(semitones, -2).flatten(-3, -2),
            classes[..., STATES - 1 :, :],
        ],
        -2,
    )


# ---- cells


def edges_of(beats: Events | None, end: float, per_beat: int, alone: float) -> tuple[np.ndarray, int]:
    """(cell + 1,) seconds, from near the start to near the end of a sound: equal cells of the beats, and of as long ones before the first
    and after the last of them; and the number of the cell at which the first beat lies. Cells of `alone` seconds, and -1, where there
    are no beats."""
    times = beats.times if beats is not None else np.zeros(0)
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    if step < 0.05:
        return (np.append(np.arange(0, end, alone), end) if end > 0 else np.zeros(0)), -1
    before = times[0] - step * np.arange(int(times[0] / step), 0, -1)
    after = times[-1] + step * np.arange(1, max(1, int((end - times[-1]) / step)) + 1)
    whole = np.concatenate([before, times, after])
    edges = np.interp(np.arange((len(whole) - 1) * per_beat + 1) / per_beat, np.arange(len(whole)), whole)
    return edges, len(before) * per_beat


def cells_of(given: Example, times: np.ndarray, per_beat: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Edges (cell + 1,) from the start to the end of the sound, and how each cell begins, as an index into STAYS."""
    end = max(given.duration or 0.0, float(times[-1]) + (0.0 if given.duration else 1 / frame_rate(times)))
    beats = rhythm.counted(given)
    edges, first = edges_of(beats, end, per_beat, ALONE)
    kinds = np.zeros(len(edges), dtype=int)
    if first >= 0 and beats is not None:
        place = np.arange(len(edges)) - first
        kinds = np.where(place % per_beat == 0, 2, 1)
        number = np.where(place % per_beat == 0, place // per_beat, -1)
        inside = (number >= 0) & (number < len(beats))
        kinds[inside] += rhythm.positions(beats)[number[inside]] == 1
    kept = (edges < end - 1e-6) & np.append(np.diff(edges) > 1e-9, True)
    edges, kinds = np.append(edges[kept], end), kinds[kept]
    edges[0] = 0.0
    return edges, kinds


def pooled(blocks: Iterable[np.ndarray], times: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Values (row, frame) at times (frame,), in blocks of frames → their means (row, cell); a cell of less than a frame takes its share
    of it."""
    n = len(times)
    at = np.clip(np.interp(edges, times, np.arange(n)) + 0.5, 0, n)
    left, widths = np.minimum(at.astype(int), n - 1), np.diff(at)
    sums, alone, first, total = [], [], 0, np.zeros(0)
    for own in blocks:  # of hours, all running sums would be large
        total = np.concatenate([total[..., -1:] if first else np.zeros((len(own), 1)), own], 1, dtype=np.float64).cumsum(1)
        here = slice(*np.searchsorted(left, [first, first + own.shape[1]]))
        inside = left[here] - first
        sums.append(total[:, inside] + (at - left)[here] * own[:, inside])
        alone.append(own[:, inside])
        first += own.shape[1]
    means = np.diff(np.concatenate(sums, 1), axis=1) / np.maximum(widths, 1e-9)
    return np.where(widths > 1e-6, means, np.concatenate(alone, 1)[:, :-1])


# ---- paths through cells whose boundaries differ


def best_path(scores: np.ndarray, changes: np.ndarray, stays: np.ndarray) -> np.ndarray:
    """The most probable states (cell,) of log p (state, cell), where into cell n a state goes on with probability stays[n], and changes
    as log p (from, to) says otherwise."""
    states, cells = scores.shape
    came_from = np.zeros((cells, states), dtype=np.int16)
    score, every = scores[:, 0], np.arange(states)
    for n in range(1, cells):
        through = score[:, None] + changes
        best = through.argmax(0)
        moved, stayed = through[best, every] + np.log(1 - stays[n]), score + np.log(stays[n])
        came_from[n] = np.where(moved > stayed, best, every)
        score = np.maximum(moved, stayed) + scores[:, n]
    path = np.empty(cells, dtype=np.int64)
    path[-1] = score.argmax()
    for n in range(cells - 1, 0, -1):
        path[n - 1] = came_from[n, path[n]]
    return path


def posteriors(scores: np.ndarray, changes: np.ndarray, stays: np.ndarray) -> np.ndarray:
    """p of each state in each cell (state, cell), over all paths of `best_path`'s model."""
    p, through = np.exp(scores - scores.max(0)) + 1e-300, np.exp(changes)
    cells = scores.shape[1]
    forward, backward = p.copy(), np.ones_like(p)
    forward[:, 0] /= forward[:, 0].sum()
    for n in range(1, cells):
        forward[:, n] *= stays[n] * forward[:, n - 1] + (1 - stays[n]) * (forward[:, n - 1] @ through)
        forward[:, n] /= forward[:, n].sum()
    for n in range(cells - 2, -1, -1):
        after = p[:, n + 1] * backward[:, n + 1]
        backward[:, n] = stays[n + 1] * after + (1 - stays[n + 1]) * (through @ after)
        backward[:, n] /= backward[:, n].sum()
    forward *= backward
    forward /= forward.sum(0)
    return forward


def _alike(states: int) -> np.ndarray:
    """log p (from, to) of a change, all alike."""
    return np.where(np.eye(states, dtype=bool), NEVER, -np.log(max(states - 1, 1)))


def bigram(sequences: Iterable[Sequence[int]]) -> Tensor:
    """log p of what follows a chord, given that it ends: (quality, next quality, interval in semitones); the last quality is N, whose
    interval is 0. What follows any chord stands in for chords that were seldom heard."""
    counts = np.zeros((QUALITIES + 1, QUALITIES + 1, 12))
    for sequence in sequences:
        for a, b in pairwise(sequence):
            if UNKNOWN not in (a, b):
                counts[a // 12, b // 12, 0 if STATES - 1 in (a, b) else (b - a) % 12] += 1
    usual = counts.sum(0) + 0.5
    counts = counts + 20 * usual / usual.sum()
    counts[range(QUALITIES + 1), range(QUALITIES + 1), 0] = 0
    counts[:, QUALITIES, 1:] = 0
    after_none = counts[QUALITIES, :QUALITIES].sum(1)  # from N all roots are alike
    counts[QUALITIES, :QUALITIES] = after_none[:, None] / 12
    return torch.from_numpy(np.log(np.maximum(counts / counts.sum((1, 2), keepdims=True), 1e-300))).float()


def spread(changes: Tensor) -> np.ndarray:
    """`bigram` from every root: log p (from, to) of the states, given a change; all alike of an empty one."""
    if not changes.numel():
        return _alike(STATES)
    log_p = changes.double().cpu().numpy()
    state = np.arange(STATES)
    quality, root = state // 12, np.where(state == STATES - 1, 0, state % 12)
    interval = (root[None] - root[:, None]) % 12
    interval[:, -1] = 0
    made = log_p[quality[:, None], quality[None], interval]
    np.fill_diagonal(made, NEVER)
    return np.maximum(made, NEVER)


__all__ = ["ChordFrames", "bigram", "cells_of", "edges_of", "sequence_of", "spread", "turned"]
