"""Several words for the whole, or none ⇄ one number in 0..1 for each word.

Source   tags as independent yes-or-no questions: Choi, Fazekas & Sandler, ISMIR 2016 [CFS16]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..annotations import Curves, Example, Label
from ..errors import OptionError
from ..part import Part, Tree
from .classes import ClipClass, name_of


class ClipTags(Part):
    """A sequence of Labels (or plain strings) of the whole ⇄ 1 for each that holds, 0 for the others; the net gives logits (batch, word).

    Words that are no label are left out of the targets. Decoded are the words of at least `threshold`, the surest first. A net that
    pools over frames asks for their number (`aural.part.Lengths`), or padding would count.
    """

    unknown = float("nan")
    framed = False

    def __init__(self, of: str, labels: Sequence[str], threshold: float = 0.5) -> None:
        super().__init__()
        if not labels or len(set(labels)) != len(labels):
            raise OptionError(f"ClipTags(of={of!r}): give the words as labels, each once")
        self.of, self.labels, self.threshold = of, tuple(labels), threshold

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        """(word,) float32; NaN where the example says nothing of this field."""
        given = example.get(self.of)
        if given is None:
            return torch.full((len(self.labels),), float("nan"))
        found = {name_of(word) for word in given}
        return torch.tensor([float(label in found) for label in self.labels])

    def join(self, pieces: Sequence[Tensor]) -> Tensor:
        return torch.stack(list(pieces)).mean(0)

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> tuple[Label, ...]:
        p = torch.sigmoid(estimate.detach().double().cpu()).tolist()
        sure = sorted(zip(p, self.labels, strict=True), key=lambda pair: -pair[0])
        return tuple(Label(label, value) for value, label in sure if value >= self.threshold)

    def nothing(self) -> tuple[Label, ...]:
        return ()

    def curves(self, estimate: Tree, times: np.ndarray, given: Example) -> Curves:
        """Probabilities, at the start."""
        return Curves(np.zeros(1), torch.sigmoid(estimate.detach().double().cpu()).numpy()[:, None], self.labels)


def clip_words(of: str, labels: Sequence[str]) -> ClipTags | ClipClass:
    """Any number of words where the field is "tags", exactly one for every other field."""
    return ClipTags(of, labels) if of == "tags" else ClipClass(of, labels)
