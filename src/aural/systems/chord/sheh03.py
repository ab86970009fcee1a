"""Chord recognition: a hidden Markov model on the beats, learned by EM from chord sequences that have no times.

Paper     Sheh & Ellis, Chord segmentation and recognition using EM-trained hidden Markov models, ISMIR 2003 [SE03]
Survey    4.1, Chords
In        sound, any rate; beats, made by the default system where nobody gave them
Inside    22,050 Hz; a constant-Q transform of seven octaves from C1 in cells of the beats, its tuning found and taken out, folded into
          twelve pitch classes in each of three registers; one Gaussian for each of 14 qualities and one for no chord, turned to twelve
          roots
Out       chords: Intervals with Harte's labels, N where there is none, roots named by the key that they are in
Differs   twelve roots and 14 qualities in place of 21 spelled roots and 7; beats in place of 100 ms; whole covariances, drawn towards
          that of all states; roots share one Gaussian from the start, where the paper turns models after each training; learned from
          made songs
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from aural import harmony, hmm
from aural.annotations import Curves, Events, Example, Intervals
from aural.encodings import FrameClasses
from aural.encodings.chords import QUALITIES, STATES, bigram, edges_of, odds, sequence_of, shares_right, spread, states_at
from aural.encodings.confidence import logistic, probability
from aural.errors import AnnotationError
from aural.objectives import Fit
from aural.part import Tree, Wrapped, fitted
from aural.representations import CQT, Beatwise
from aural.representations.tuning import tuning
from aural.running import complete, estimate
from aural.sound import Recording, Sound
from aural.system import Recipe, System, system
from aural.tasks.chord import chord

C1, OCTAVES, FINE = 32.703195662574764, 7, 3  # Hz; octaves; bins a semitone
REGISTERS = (-9, 19, 40, 64)  # semitones over C1
CHROMA = 12 * (len(REGISTERS) - 1)
ALONE = 0.5  # seconds of a cell where there are no beats


@system(cites="SE03")
def sheh03(
    vocabulary: Literal["majmin", "sevenths", "full"] = "full",
    per_beat: int = 1,
    iterations: int = 10,
    ridge: float = 5000.0,
    trust: float = 0.6,
    sure: tuple[float, ...] = (-0.335, 0.541, -0.142, -0.666),
) -> System:
    return System(
        task=chord,
        input=RegisterChroma(per_beat),
        net=ChordStates(iterations, ridge),
        output=ChordSequence(vocabulary, trust, sure),
        objective=Fit(),
        recipe=Recipe(data="songs:0", seconds=None, batch=8, steps=20),
        window=600.0,
        context=20.0,
    )


class Throughout(Beatwise):
    """Cells of the beats, and of as long ones before the first and after the last beat; half a second each where there are no beats."""

    def edges(self, example: Example) -> np.ndarray:
        """(cell + 1,) seconds from near the start to the end of the sound."""
        return edges_of(example.get("beats"), example.duration or 0.0, self.per_beat, ALONE)[0]


class RegisterChroma(Wrapped):
    """Twelve pitch classes, C first, in each of three registers (below G2, to E4, to E6), in tune: (batch, 1, 36, cell), each register of
    length 1 where it sounds.

    Bands are what they have over the mean of the octave around them, so that drums and noise leave little.

    Args:
        per_beat: cells of a beat.
        power: to which bands are compressed, as shares of the loudest of their cell.
        around: bands on either side that the mean is over.
    """

    def __init__(self, per_beat: int = 1, power: float = 0.3, around: int = 18) -> None:
        cqt = CQT(22_050, 512, C1, 12 * OCTAVES * FINE, 12 * FINE, gamma=12.0, shape="frequency")
        super().__init__(Throughout(cqt, per_beat))
        self.power, self.around = float(power), int(around)
        pitch = torch.arange(12 * OCTAVES, dtype=torch.float32)
        above = [torch.sigmoid((pitch - edge) / 1.5) for edge in REGISTERS]
        below = [1 - a for a in above[1:]]
        self.register_buffer("registers", torch.stack([a * b for a, b in zip(above[:-1], below, strict=True)]), persistent=False)
        self.registers: Tensor

    def forward(self, raw: Tree) -> Tensor:
        heard = self.part(raw)[:, 0]  # (batch, band, cell)
        if not heard.shape[-1]:
            return heard.new_zeros(len(heard), 1, CHROMA, 0)
        wide = nn.functional.pad(heard.mT, (self.around, self.around), mode="replicate")
        over = (heard - nn.functional.avg_pool1d(wide, 2 * self.around + 1, 1).mT).clamp(min=0)
        # (batch, band) semitones over C1
        away = torch.arange(12 * OCTAVES * FINE, device=heard.device) / FINE - tuning(heard, FINE)[:, None]
        fold = (1 - (away[:, None] - torch.arange(12 * OCTAVES, device=heard.device)[:, None]).abs() * FINE / 2).clamp(min=0)
        tones = fold @ over  # (batch, semitone, cell)
        loudest = tones.amax(1, keepdim=True)
        tones = (tones / (loudest + 1e-3 * loudest.amax(-1, keepdim=True) + 1e-9)) ** self.power
        classes = (tones[:, None] * self.registers[:, :, None]).unflatten(2, (OCTAVES, 12)).sum(2)  # (batch, register, 12, cell)
        length = classes.square().sum(2, keepdim=True).sqrt()
        return (classes / (length + 1e-2 * length.amax(-1, keepdim=True) + 1e-9)).flatten(1, 2)[:, None]


def turned(x: Tensor, semitones: int) -> Tensor:
    """All registers of (..., 36, frame), higher by so many semitones."""
    return x.unflatten(-2, (-1, 12)).roll(semitones, -2).flatten(-3, -2)


class ChordStates(nn.Module):
    """(batch, 1, 36, cell) → log p(cell | state), (batch, 169, cell): the states are `harmony.classes("full")` without X.

    `fit` is embedded re-estimation (paper, section 3): each song is a chain of the chords of its sequence, first cut into equal parts,
    then Baum-Welch. All twelve roots of a quality are one Gaussian, which hears the chroma turned to C.

    Args:
        iterations: of Baum-Welch.
        ridge: cells of an average state that each covariance is drawn towards.
    """

    def __init__(self, iterations: int = 10, ridge: float = 5000.0) -> None:
        super().__init__()
        self.iterations, self.ridge = int(iterations), float(ridge)
        self.means: Tensor
        self.whiteners: Tensor
        each = QUALITIES + 1
        fitted(self, means=torch.zeros(each, CHROMA), whiteners=torch.eye(CHROMA).expand(each, CHROMA, CHROMA).clone())
        self.likelihoods: list[float] = []

    def forward(self, x: Tensor) -> Tensor:
        found = []
        for root in range(12):
            c = turned(x[:, 0].double(), -root)
            found.append(self._scores(c, slice(0, QUALITIES)))
        roots = torch.stack(found, 2).flatten(1, 2)  # (batch, quality · root, cell)
        return torch.cat([roots, self._scores(x[:, 0].double(), slice(QUALITIES, QUALITIES + 1))], 1).float()

    def _scores(self, x: Tensor, which: slice) -> Tensor:
        """(batch, 36, cell) → (batch, some of the Gaussians, cell)."""
        whiteners = self.whiteners[which].double()
        away = whiteners @ x[:, None] - (whiteners @ self.means[which].double()[..., None])
        size = whiteners.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return size[:, None] - away.square().sum(2) / 2

    @torch.no_grad()
    def fit(self, pairs: Iterable[tuple[Tensor, Tensor]]) -> None:
        """From features and sequences (batch, chord) of states, -1 after the end; a song with fewer cells than chords is left out.

        `likelihoods` then holds the log-likelihood of all songs before each iteration; but for the ridge it never falls."""
        songs = [
            (cells[0][:, cells[0].abs().sum(0) > 0].double(), sequence[sequence >= 0].tolist())
            for x, sequences in pairs
            for cells, sequence in zip(x, sequences, strict=True)
        ]
        songs = sorted((s for s in songs if 0 < len(s[1]) <= s[0].shape[-1]), key=lambda s: (len(s[1]), s[0].shape[-1]))
        if not songs:
            return
        stay = 1 - sum(len(s) - 1 for _, s in songs) / max(1, sum(x.shape[-1] - 1 for x, _ in songs))
        stay = min(max(stay, 0.05), 0.95)
        self.likelihoods = []
        for iteration in range(self.iterations + 1):
            count = torch.zeros(QUALITIES + 1, dtype=torch.float64)
            first, second = count.new_zeros(QUALITIES + 1, CHROMA), count.new_zeros(QUALITIES + 1, CHROMA, CHROMA)
            total = 0.0
            for at in range(0, len(songs), 16):
                batch = songs[at : at + 16]
                shares, found = flat(batch) if not iteration else self.occupied(batch, stay)
                total += found
                for (x, sequence), share in zip(batch, shares, strict=True):
                    for state, own in zip(sequence, share, strict=False):
                        if state == STATES:
                            continue
                        heard = own[: x.shape[-1]] > 1e-4
                        w = own[: x.shape[-1]][heard]
                        c = turned(x[:, heard], 0 if state == STATES - 1 else -(state % 12))
                        count[state // 12] += w.sum()
                        first[state // 12] += c @ w
                        second[state // 12] += (c * w) @ c.T
            if iteration:
                self.likelihoods.append(total)
            self._set(count, first, second)

    def _set(self, count: Tensor, first: Tensor, second: Tensor) -> None:
        means = first / count.clamp(min=1e-9)[:, None]
        scatter = second - count[:, None, None] * means[:, :, None] * means[:, None]
        average = scatter.sum(0) / count.sum()
        spread = (scatter + self.ridge * average) / (count + self.ridge)[:, None, None] + 1e-3 * torch.eye(CHROMA, dtype=torch.float64)
        lower = torch.linalg.cholesky(spread)
        eye = torch.eye(CHROMA, dtype=torch.float64).expand_as(lower)
        unheard = count < 1
        means[unheard] = 10.0  # a quality that never occurred is never said
        fitted(self, means=means.float(), whiteners=torch.linalg.solve_triangular(lower, eye, upper=False).float())

    def occupied(self, batch: Sequence[tuple[Tensor, list[int]]], stay: float) -> tuple[Tensor, float]:
        """How much of each cell is each chord of the sequence, (song, chord, cell), and the log-likelihood of all."""
        longest, frames = max(len(s) for _, s in batch), max(x.shape[-1] for x, _ in batch)
        scores = torch.full((len(batch), longest, frames), hmm.NEVER, dtype=torch.float64)
        for i, (x, sequence) in enumerate(batch):
            every, n = self(x[None, None])[0].double(), x.shape[-1]
            anything = torch.logsumexp(every, 0, keepdim=True) - np.log(STATES)
            own = torch.cat([every, anything])[sequence]
            scores[i, : len(sequence), :n] = own
            scores[i, 1:, 0] = hmm.NEVER  # it begins with the first and ends with the last
            scores[i, : len(sequence) - 1, n - 1] = hmm.NEVER
            if n == 1:
                scores[i, 0, 0] = own[0, 0]
        lengths = torch.tensor([x.shape[-1] for x, _ in batch])
        chain = hmm.left_to_right(longest, stay)
        before, after = hmm.forward(scores, chain, None, lengths), hmm.backward(scores, chain, None, lengths)
        return (before + after).softmax(1), float(torch.logsumexp(before[..., -1], 1).sum())


def flat(batch: Sequence[tuple[Tensor, list[int]]]) -> tuple[list[Tensor], float]:
    """A first guess: the chords of a sequence last equally long."""
    made = []
    for x, sequence in batch:
        place = torch.arange(x.shape[-1]) * len(sequence) // x.shape[-1]
        made.append(nn.functional.one_hot(place, len(sequence)).T.double())
    return made, 0.0


class ChordSequence(FrameClasses):
    """Chords ⇄ the sequence of their states, without times; the net gives log p(cell | state), (state, cell).

    `fit` learns, of sequences and numbers of cells, how long chords last and which follows which: by quality and interval, the same from
    every root. Viterbi finds the path; the confidence of a chord is its mean posterior, as the vocabulary says it, or what `sure` makes of
    that and of its length: how much of its time it is probably right in.

    Args:
        vocabulary: "majmin", "sevenths" or "full"; what a small one has no word for is called by what shares most with it.
        trust: what log p(cell | state) is multiplied by, since the cells of a chord sound more alike than the model thinks.
        sure: four weights of the confidence, as `confide` finds them.
    """

    def __init__(self, vocabulary: str = "full", trust: float = 1.0, sure: Sequence[float] = (), of: str = "chords") -> None:
        super().__init__(of, harmony.classes("full", unknown=False), transitions=True)
        harmony.classes(vocabulary)
        self.vocabulary, self.trust, self.sure = vocabulary, float(trust), tuple(float(w) for w in sure)
        said = [str(harmony.parse(label).reduced(vocabulary, near=True)) for label in self.labels]
        self.names = tuple(dict.fromkeys(said))
        self._word = np.array([self.names.index(word) for word in said])
        fitted(self, transitions=following([], 0))

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        """(chord,) int64, -1 in a batch after the end."""
        chords = example.get(self.of)
        return torch.tensor(sequence_of(chords) if chords is not None else [], dtype=torch.int64)

    def fit(self, pairs: Iterable[tuple[Tree, np.ndarray, Example]]) -> None:
        known = [(sequence_of(example[self.of]), len(times)) for _, times, example in pairs if example.get(self.of) is not None]
        fitted(self, transitions=following([s for s, _ in known], sum(n for _, n in known)))

    def path(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The best words (cell,), and the posteriors of all words (word, cell), of log p (state, cell)."""
        scores, through = self.trust * scores, self.transitions.double().cpu()
        states = hmm.best_path(scores, through.numpy())
        posterior = hmm.posteriors(torch.from_numpy(scores)[None], through)[0].exp().numpy()
        words = np.zeros((len(self.names), scores.shape[-1]))
        np.add.at(words, self._word, posterior)
        return self._word[states], words

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> Intervals:
        if not len(times):
            return self.nothing()
        path, p = self.path(estimate.detach().double().cpu().numpy())
        end = given.duration if given.duration is not None else times[-1] + ALONE
        path, p, times = (x[..., times < end] for x in (path, p, times)) if times[0] < end else (path, p, times)
        change = np.append(0, np.flatnonzero(np.diff(path)) + 1)
        bounds = np.concatenate([[0.0 if times[0] < 1 else times[0]], times[change[1:]], [max(end, times[-1])]])
        labels = [self.names[path[i]] for i in change]
        sure = probability(evidence_of(path, p, change), torch.tensor(self.sure))
        return Intervals(bounds[:-1], bounds[1:], harmony.spelled(labels, np.diff(bounds)), sure)

    def confide(self, pairs: Iterable[tuple[Tree, np.ndarray, Example]]) -> tuple[float, ...]:
        """The weights of the confidence (for option `sure`), on (estimate, times, example) of pieces that were not learned from."""
        pieces = []
        for y, times, example in pairs:
            if example.get(self.of) is None or len(times) < 2:
                continue
            middles = np.append(times[1:] + times[:-1], 2 * times[-1]) / 2
            truth = np.append(self._word, -1)[states_at(example[self.of], middles)]
            path, p = self.path(y.detach().double().cpu().numpy())
            change = np.append(0, np.flatnonzero(np.diff(path)) + 1)
            spans = [(a, b, int(path[a])) for a, b in pairwise([*change.tolist(), len(path)])]
            right = shares_right(spans, truth, np.diff(times, append=2 * times[-1] - times[-2]))
            pieces.append((evidence_of(path, p, change)[:, ~np.isnan(right)], right[~np.isnan(right)]))
        self.sure = tuple(logistic(pieces).tolist())
        return self.sure

    def curves(self, estimate: Tree, times: np.ndarray, given: Example) -> Curves:
        """Posteriors of the vocabulary's words."""
        if not len(times):
            return Curves(np.zeros(0), np.zeros((len(self.names), 0)), self.names)
        return Curves(times, self.path(estimate.detach().double().cpu().numpy())[1], self.names)


def evidence_of(path: np.ndarray, posteriors: np.ndarray, change: np.ndarray) -> np.ndarray:
    """(3, chord): the mean posterior of each chord, its log-odds, the logarithm of its number of cells; `change` are their first cells."""
    means = [own[path[first]].mean().clip(0, 1) for first, own in zip(change, np.split(posteriors, change[1:], 1), strict=True)]
    return np.array([means, odds(np.array(means)), np.log2(np.diff(np.append(change, len(path))))])


def align(chords_system: System, sound: Sound | Recording, chart: Sequence[harmony.Chord], beats: Events | None = None) -> Intervals:
    """When each chord of a chart sounds: forced alignment. Neighbours of one name are one span; before and after there may be N.

    Args:
        chords_system: chord/sheh03 with weights.
        chart: chords in their order, at least one.
        beats: default: those that the default system finds.

    Raises:
        AnnotationError: the sound has fewer beats than the chart has chords.
    """
    given = complete({"sound": sound, **({"beats": beats} if beats is not None else {})}, chords_system)
    names = [name for name, _ in groupby(map(str, chart))]
    y, times = estimate(chords_system, given) if len(chords_system.times(given)) else (torch.zeros(STATES, 0), np.zeros(0))
    names = [*(["N"] if names[0] != "N" else []), *names, *(["N"] if names[-1] != "N" else [])]
    needed = len(list(groupby(map(str, chart))))
    if len(times) < needed:
        raise AnnotationError(f"{needed} chords in the chart, but {len(times)} beats in the sound; is it the right chart?")
    y = getattr(chords_system.output, "trust", 1.0) * y
    anything = torch.logsumexp(y, 0, keepdim=True) - np.log(STATES)
    scores = torch.cat([y, anything]).double()[[harmony.class_of(harmony.parse(name)) for name in names]][None]
    chain = hmm.left_to_right(len(names), 1 - min(0.5, needed / len(times)))
    start, end = torch.full((2, len(names)), -torch.inf, dtype=torch.float64)
    start[: 1 + (len(names) > needed and str(chart[0]) != "N")] = 0
    end[-1 - (len(names) > needed and str(chart[-1]) != "N") :] = 0
    path = hmm.viterbi(scores, chain, start, end)[0][0].numpy()
    shares = hmm.posteriors(scores, chain, start, end)[0].exp().numpy()
    change = np.append(0, np.flatnonzero(np.diff(path)) + 1)
    bounds = np.concatenate([[0.0], times[change[1:]], [max(given.duration or 0.0, times[-1])]])
    sure = [float(own[path[first]].mean().clip(0, 1)) for first, own in zip(change, np.split(shares, change[1:], 1), strict=True)]
    return Intervals(bounds[:-1], bounds[1:], tuple(names[path[i]] for i in change), np.array(sure))


def following(sequences: Sequence[Sequence[int]], cells: int) -> Tensor:
    """log p(from, to) of the states: how often a chord ends, and what follows it; all changes alike where nothing is known."""
    ends = sum(len(s) - 1 for s in sequences if s)
    stay = 1 - min(max(ends / cells, 0.05), 0.95) if cells and ends else 0.75
    p = (1 - stay) * np.exp(spread(bigram(sequences)))
    np.fill_diagonal(p, stay)
    return torch.from_numpy(np.log(p)).float()


__all__ = ["ChordSequence", "ChordStates", "RegisterChroma", "align", "following", "sequence_of", "sheh03", "tuning", "turned"]
