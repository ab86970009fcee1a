"""Objectives: how a net learns. An objective yields updates; training makes the optimisers step.

pitch_track.py  pitch_track: of a melody or a bass line
losses.py       binary, classes, multi_label, l1, mse …: functions of (estimate, target)
supervised.py   Supervised, Autoregressive, Reconstruction, Fit
reconstruction.py          Denoising, Sparse, Contractive
variational.py             Variational
contrastive_divergence.py  ContrastiveDivergence, of machines with an energy
metric.py       Triplet, Prototypical
contrastive.py  Contrastive
adversarial.py  Adversarial
permutation.py  PermutationInvariant
chord.py        chord_frames; Transposed, in any key
pitch.py        note_frames
batches.py      by_class, episodes: how a recipe draws the examples of a batch
"""

from .adversarial import Adversarial
from .base import Batch, Objective, Update
from .batches import by_class, episodes
from .chord import Transposed, chord_frames
from .contrastive import Contrastive
from .contrastive_divergence import ContrastiveDivergence
from .losses import binary, classes, l1, mse, multi_label, shift_tolerant, soft_classes, tokens, weighted_binary
from .metric import Prototypical, Triplet
from .permutation import PermutationInvariant
from .pitch import note_frames
from .pitch_track import pitch_track
from .reconstruction import Contractive, Denoising, Sparse
from .supervised import Autoregressive, Fit, Reconstruction, Supervised
from .variational import Variational

__all__ = [
    "Adversarial",
    "Autoregressive",
    "Batch",
    "Contractive",
    "Contrastive",
    "ContrastiveDivergence",
    "Denoising",
    "Fit",
    "Objective",
    "PermutationInvariant",
    "Prototypical",
    "Reconstruction",
    "Sparse",
    "Supervised",
    "Transposed",
    "Triplet",
    "Update",
    "Variational",
    "binary",
    "by_class",
    "chord_frames",
    "classes",
    "episodes",
    "l1",
    "mse",
    "multi_label",
    "note_frames",
    "pitch_track",
    "shift_tolerant",
    "soft_classes",
    "tokens",
    "weighted_binary",
]
