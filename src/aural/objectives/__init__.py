"""Objectives: how a net learns. An objective yields updates; training makes the optimisers step.

losses.py       binary, classes, multi_label, l1, mse …: functions of (estimate, target)
supervised.py   Supervised, Autoregressive, Reconstruction, Fit
reconstruction.py          Denoising, Sparse, Contractive
variational.py             Variational
contrastive_divergence.py  ContrastiveDivergence, of machines with an energy
metric.py       Triplet, Prototypical
contrastive.py  Contrastive
adversarial.py  Adversarial
permutation.py  PermutationInvariant
batches.py      by_class, episodes: how a recipe draws the examples of a batch
"""

from .adversarial import Adversarial
from .base import Batch, Objective, Update
from .batches import by_class, episodes
from .contrastive import Contrastive
from .contrastive_divergence import ContrastiveDivergence
from .losses import binary, classes, l1, mse, multi_label, shift_tolerant, soft_classes, tokens, weighted_binary
from .metric import Prototypical, Triplet
from .permutation import PermutationInvariant
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
    "Triplet",
    "Update",
    "Variational",
    "binary",
    "by_class",
    "classes",
    "episodes",
    "l1",
    "mse",
    "multi_label",
    "shift_tolerant",
    "soft_classes",
    "tokens",
    "weighted_binary",
]
