"""What is given and is no sound: a text, and nothing but a seed."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..annotations import Example, Text
from ..errors import OptionError
from ..part import Part, Tree


class Characters(Part):
    """Text ⇄ numbers of its characters, from 1; 0 pads. The text is put in lower case where the alphabet has no capitals."""

    unknown = 0

    def __init__(self, alphabet: str, of: str = "text") -> None:
        super().__init__()
        self.of, self.alphabet = of, alphabet

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        """(character,) int64. Raises OptionError at a character outside the alphabet."""
        value = example[self.of]
        text = value.text if isinstance(value, Text) else str(value)
        text = text.lower() if self.alphabet == self.alphabet.lower() else text
        wrong = sorted(set(text) - set(self.alphabet))
        if wrong:
            raise OptionError(f"{self.of}: {wrong[0]!r} is not in this system's alphabet, {self.alphabet!r}")
        return torch.tensor([1 + self.alphabet.index(c) for c in text], dtype=torch.int64)

    def times(self, example: Example) -> np.ndarray:
        """Numbers of the characters: text has no seconds."""
        value = example[self.of]
        return np.arange(len(value.text if isinstance(value, Text) else str(value)), dtype=np.float64)

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> Text:
        """Numbers (character,), or logits (number, character), → the text up to the first 0."""
        numbers = estimate.argmax(0) if estimate.ndim == 2 else estimate
        return Text("".join(self.alphabet[int(n) - 1] for n in numbers if n > 0))

    def nothing(self) -> Text:
        return Text("")


class Noise(Part):
    """A vector of normal numbers that the field `seed` rules, (size,); a field `noise` (a Vector) counts as given."""

    def __init__(self, size: int, of: str = "seed") -> None:
        super().__init__()
        self.of, self.size = of, size

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        if "noise" in example:
            return torch.as_tensor(np.asarray(example["noise"].values), dtype=torch.float32)
        return torch.randn(self.size, generator=torch.Generator().manual_seed(int(example[self.of])))
