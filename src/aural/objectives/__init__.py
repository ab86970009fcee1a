"""Objectives: how a net learns. An objective yields updates; training makes the optimisers step.

losses.py       binary, classes, l1, mse …: functions of (estimate, target)
supervised.py   Supervised, Autoregressive, Reconstruction, Fit
metric.py       Triplet, Prototypical
adversarial.py  Adversarial
permutation.py  PermutationInvariant
batches.py      by_class, episodes: how a recipe draws the examples of a batch
"""

from .adversarial import Adversarial
from .base import Batch, Objective, Update
from .batches import by_class, episodes
from .losses import binary, classes, l1, mse, tokens, weighted_binary
from .metric import Prototypical, Triplet
from .permutation import PermutationInvariant
from .supervised import Autoregressive, Fit, Reconstruction, Supervised

__all__ = [
    "Adversarial",
    "Autoregressive",
    "Batch",
    "Fit",
    "Objective",
    "PermutationInvariant",
    "Prototypical",
    "Reconstruction",
    "Supervised",
    "Triplet",
    "Update",
    "binary",
    "by_class",
    "classes",
    "episodes",
    "l1",
    "mse",
    "tokens",
    "weighted_binary",
]
