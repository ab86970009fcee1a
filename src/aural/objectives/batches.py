"""How the examples of a batch are drawn, for objectives that compare them: `Recipe(batches=by_class("singer", 8, 4))`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..annotations import Example, Label
from ..errors import DataError

Composer = Callable[[Any, int, np.random.Generator], list[Example]]


def by_class(field: str, classes: int, each: int) -> Composer:
    """`each` examples of each of `classes` classes, class by class; the word in `field` is the class. The recipe's `batch` is
    not looked at. Examples of a class are drawn without repetition as long as there are enough."""
    members: dict[int, dict[str, list[int]]] = {}

    def compose(source: Any, batch: int, rng: np.random.Generator) -> list[Example]:
        if id(source) not in members:
            members[id(source)] = _members(source, field)
        found = members[id(source)]
        if len(found) < classes:
            raise DataError(f"{getattr(source, 'name', 'the source')} has {len(found)} classes in {field!r}, the recipe asks for {classes}")
        chosen = rng.choice(sorted(found), classes, replace=False)
        return [source(int(i)) for word in chosen for i in rng.choice(found[str(word)], each, replace=len(found[str(word)]) < each)]

    return compose


def episodes(field: str, ways: int, shots: int, queries: int) -> Composer:
    """Episodes of few-shot learning: of each of `ways` classes `shots` examples, then `queries` more."""
    return by_class(field, ways, shots + queries)


def _members(source: Any, field: str) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for i in range(source.size):
        value = source(i).get(field)
        word = value.name if isinstance(value, Label) else value
        if isinstance(word, str):
            found.setdefault(word, []).append(i)
    return found
