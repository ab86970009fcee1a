"""What is learned from: the examples of a step, and those of them whose sounds are made on the device."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from ..annotations import Example
from ..part import Part, Parts, Tree, Wrapped
from ..representations.framing import SoundPart
from ..running import complete
from ..sound import Sound
from ..system import System

TABLES, SAMPLES = "(tables)", "(samples)"  # keys of raw inputs that are made late; no part can have such a name
TOLD, UNKNOWN, VALUES, SHAPE = "(told)", "(unknown)", "(values)", "(shape)"  # and of what is squeezed
LARGE = 2**18  # numbers


@dataclass
class Listed:
    """A list of examples as a source."""

    examples: Sequence[Example]
    name: str = "examples"

    @property
    def size(self) -> int:
        return len(self.examples)

    def __call__(self, index: int) -> Example:
        return Example(self.examples[index])

    def labels(self, field: str) -> list[str]:
        from ..data import words

        return sorted({word for example in self.examples for word in words(example.get(field))})


def draw(system: System, source: Any, seed: int, step: int) -> list[Example]:
    """The examples of a step: the recipe's composer, the source's own (`drawn(n, rng)`) or pieces at random, each cut to the
    recipe's seconds at random (on a whole sample), missing fields of the input made."""
    recipe, rng = system.recipe, np.random.default_rng((seed, step))
    own = getattr(source, "drawn", None)
    drawn = []
    for example in own(recipe.batch, rng) if own and not recipe.batches else (recipe.batches or shuffled)(source, recipe.batch, rng):
        duration = example.duration
        if recipe.seconds and duration and duration > recipe.seconds:
            rate = next((v.rate for v in (example.get("sound"), *example.values()) if hasattr(v, "rate")), 1)
            start = math.floor(rng.uniform(0, duration - recipe.seconds) * rate) / rate
            example = example.cut(start, start + recipe.seconds)
        drawn.append(complete(example, system))
    return drawn


def shuffled(source: Any, n: int, rng: np.random.Generator) -> list[Example]:
    """n pieces at random."""
    return [source(int(i)) for i in rng.integers(0, source.size, n)]


class _Late(Wrapped):
    """A part whose sounds are made on the device: tables in place of samples."""

    def __init__(self, part: Part, source: Any) -> None:
        super().__init__(part)
        self.source = source

    def read(self, example: Example, times: np.ndarray | None = None) -> Tree:
        tables = self.source.tables(example[self.of])
        if tables is None:
            return {TABLES: self.source.untabled(), SAMPLES: self.part.read(example, times)}
        return {TABLES: tables, SAMPLES: torch.zeros(1, 0)}


def _hearing(part: Part) -> SoundPart | None:
    """The part that reads the sound which `part` is a representation of; None where it reads anything else."""
    while isinstance(part, Wrapped) and type(part).read is Wrapped.read:
        part = part.part
    views = list(getattr(part, "views", ()))
    plain = all(type(p).read is SoundPart.read for p in views or [part])
    return part if isinstance(part, SoundPart) and plain else None


def _late(part: Part, source: Any) -> Part:
    """A part, or each part of a dict, that leaves the sounds of this source unmade, where it can."""
    if not hasattr(source, "mixed"):
        return part
    if isinstance(part, Parts):
        return Parts({name: _late(p, source) for name, p in part.items()})
    return part if _hearing(part) is None else _Late(part, source)


@torch.no_grad()
def made(part: Part, raw: Tree, source: Any) -> Tree:
    """A batch of raw inputs with what workers left unmade."""
    if isinstance(part, Parts):
        return {name: made(p, raw[name], source) for name, p in part.items()}
    if not (isinstance(raw, Mapping) and TABLES in raw):
        return raw
    hearing = _hearing(part)
    assert hearing is not None
    samples = raw[SAMPLES]
    with torch.autocast(samples.device.type, enabled=False):
        mixed = source.mixed(raw[TABLES], hearing.rate)
    if not samples.shape[-1]:
        return mixed
    length = max(samples.shape[-1], mixed.shape[-1])  # either is silent where the other has something to say
    return sum(nn.functional.pad(x, (0, length - x.shape[-1])) for x in (samples, mixed))


def heard(examples: Sequence[Example], source: Any, device: torch.device) -> list[Example]:
    """Examples whose sounds a source makes, made on a device one by one."""
    out = []
    for example in examples:
        tables = source.tables(example.get("sound")) if hasattr(source, "mixed") else None
        if tables is not None:
            rate = example["sound"].rate
            wave = source.mixed({name: t[None].to(device) for name, t in tables.items()}, rate)
            example = Example({**example, "sound": Sound(wave[0].cpu().numpy(), rate)})
        out.append(example)
    return out


def squeezed(tree: Tree) -> Tree:
    """Large tensors that are mostly 0 or NaN, as targets and sounds still to be made are, as two bits a number and the other numbers:
    a batch of 130 MB takes longer to reach a GPU than a step does. `expanded` gives the same numbers again."""
    if isinstance(tree, Mapping):
        return {name: squeezed(t) for name, t in tree.items()}
    if not isinstance(tree, Tensor) or tree.dtype != torch.float32 or tree.numel() < LARGE:
        return tree
    array = tree.numpy().ravel()
    unknown = np.isnan(array)
    told = (array != 0) & ~unknown
    values = array[told]
    if len(values) > array.size // 2:
        return tree
    bits = {TOLD: torch.from_numpy(np.packbits(told)), UNKNOWN: torch.from_numpy(np.packbits(unknown))}
    return {**bits, VALUES: torch.from_numpy(values), SHAPE: tuple(tree.shape)}


def expanded(tree: Tree) -> Tree:
    """What was `squeezed`, where it is now."""
    if not isinstance(tree, Mapping):
        return tree
    if TOLD not in tree:
        return {name: expanded(t) for name, t in tree.items()}
    shape: tuple[int, ...] = tuple(tree[SHAPE])  # numbers, not a tensor: nothing waits for the device
    places = torch.arange(7, -1, -1, device=tree[TOLD].device, dtype=torch.uint8)

    def mask(name: str) -> Tensor:
        return (tree[name][:, None] >> places & 1).flatten()[: math.prod(shape)].bool()

    made = torch.zeros(math.prod(shape), device=tree[TOLD].device).masked_scatter_(mask(TOLD), tree[VALUES])
    return made.masked_fill_(mask(UNKNOWN), float("nan")).reshape(shape)


class Steps(Dataset):
    """step → (step, raw inputs, raw targets); what loader workers do. squeeze: see `squeezed`."""

    def __init__(self, system: System, source: Any, seed: int, squeeze: bool = False) -> None:
        # The copy stays on the processor, whatever device the system goes to: workers are forked and must not touch it.
        self.system, self.source, self.seed = copy.deepcopy(system).cpu().eval(), source, seed
        self.system.input = _late(self.system.input, source)
        self.squeeze = squeeze

    def __getitem__(self, step: int) -> tuple[int, Tree, Tree]:
        x, y = self.system.collate(draw(self.system, self.source, self.seed, step))
        return (step, squeezed(x), squeezed(y)) if self.squeeze else (step, x, y)

    def loader(self, steps: Sequence[int], workers: int, pin: bool) -> DataLoader:
        """A loader of these steps, in their order."""
        more = {"prefetch_factor": 2, "persistent_workers": True} if workers else {}
        return DataLoader(self, batch_size=None, sampler=steps, num_workers=workers, pin_memory=pin, **more)  # type: ignore[arg-type]
