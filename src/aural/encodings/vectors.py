"""An embedding of the whole, and classes as places among embeddings.

Source   Snell, Swersky & Zemel, Prototypical networks for few-shot learning, NeurIPS 2017
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from ..annotations import Curves, Example, Label, Vector
from ..errors import OptionError
from ..part import Part, Tree, fitted
from .classes import name_of


class Embedding(Part):
    """A Vector of the whole. The target is who or what it is: a number that belongs to the word in the field `of`, equal for
    equal words, for objectives that only ask "the same?". The net gives (batch, dimension)."""

    unknown = -1
    framed = False

    def __init__(self, of: str) -> None:
        super().__init__()
        self.of = of

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        """() int64; -1 where the word is unknown."""
        name = name_of(example.get(self.of))
        return torch.tensor(-1 if name is None else zlib.crc32(name.encode()))

    def join(self, pieces: Sequence[Tensor]) -> Tensor:
        return torch.stack(list(pieces)).mean(0)

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> Vector | Label:
        return Vector(estimate.detach().float().cpu().numpy())

    def nothing(self) -> Vector | Label:
        return Vector(np.zeros(0, dtype=np.float32))

    def curves(self, estimate: Tree, times: np.ndarray, given: Example) -> Curves:
        """The vector, at the start."""
        return Curves(np.zeros(1), estimate.detach().double().cpu().numpy()[:, None])


class Prototypes(Embedding):
    """A Label of the whole: the class whose examples' mean embedding is nearest.

    `fit` takes a person's support set (`aural.adapt`); centres and words are saved with the weights.
    """

    centres: Tensor

    def __init__(self, of: str) -> None:
        super().__init__(of)
        self.words: list[str] = []
        fitted(self, centres=torch.empty(0, 0))

    def fit(self, pairs: Iterable[tuple[Tree, np.ndarray, Example]]) -> None:
        """Places the classes. Raises OptionError where no example names its class."""
        found: dict[str, list[Tensor]] = {}
        for estimate, _, example in pairs:
            name = name_of(example.get(self.of))
            if name is not None:
                found.setdefault(name, []).append(estimate.detach().float().cpu())
        if not found:
            raise OptionError(f"none of the examples has the field {self.of!r}: say of each what it is")
        self.words = sorted(found)
        fitted(self, centres=torch.stack([torch.stack(found[word]).mean(0) for word in self.words]))

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> Vector | Label:
        """Raises OptionError where no support set was given yet."""
        if not self.words:
            raise OptionError("this system knows no classes yet: give it a few examples of each with `aural adapt`")
        distances = (self.centres.double().cpu() - estimate.detach().double().cpu()).square().sum(-1)
        p = torch.softmax(-distances, 0)
        return Label(self.words[int(distances.argmin())], float(p.max()))

    def nothing(self) -> Vector | Label:
        return Label(self.words[0] if self.words else "", 0.0)
