"""The one protocol on both sides of the net: representations of what is given, encodings of what is made.

A part reads one field of an Example on the processor (`read`, in loader workers), turns a batch of those into features
or targets on the device (`forward`, float32, no gradient), and knows the `times` of its frames, once. On the output side it
also goes back: `estimate` (differentiable, into the targets' domain), `join` (windows to whole), `decode` (to an
annotation). See DESIGN: an encoding is both directions, so that targets and decoders cannot drift apart.

Frames are always the last axis. Features of sound are (batch, channel, band, frame).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ._heap import give_back
from .annotations import Curves, Example

# A tensor, or a dict of such by name.
Tree = Any


class Part(nn.Module):
    """One field of an Example ⇄ tensors; the base of representations and encodings.

    Attributes:
        of: the field that is read or made.
        unknown: what pads a batch; targets of this value cost no loss (NaN for reals, -1 for classes, 0 for tokens).
        framed: does an estimate have an axis of frames, the last? Words and vectors for the whole have none.
        fits_in_training: does training call `fit` of an output? If not, only `aural.adapt` does.
        wants: fields that decoding takes where they are given.
        beside: entries of a dict's estimate that decoding and fitting take where they are beside this part's own: see `seen`.
    """

    of: str = "sound"
    unknown: float | int = 0.0
    framed: bool = True
    fits_in_training: bool = True
    wants: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    @property
    def reads(self) -> tuple[str, ...]:
        """Every field that `read` looks at."""
        return (self.of,)

    @property
    def unit(self) -> Fraction:
        """Seconds between frames; windows start on a multiple of it. A part without frames has a microsecond."""
        rate = getattr(self, "rate", None)
        return Fraction(int(getattr(self, "hop", 1)), int(rate)) if rate else Fraction(1, 10**6)

    @property
    def key(self) -> str:
        """All its parameters in one string: equal keys compute equal features, so an analysis computes them once."""
        return repr(self)

    def read(self, example: Example, times: np.ndarray | None = None) -> Tree:
        """One example → tensor(s) on the CPU. Encodings get the `times` of the frames they must label."""
        raise NotImplementedError

    def forward(self, raw: Tree) -> Tree:
        """A batch of what `read` gave → features or targets. Default: as they are."""
        return raw

    def times(self, example: Example) -> np.ndarray:
        """Times of the frames in seconds; one frame at 0 where a part has no time axis."""
        return np.zeros(1)

    def estimate(self, activations: Tree, x: Tree) -> Tree:
        """Activations of the net → the domain of the targets; differentiable. Default: identity."""
        return activations

    def join(self, pieces: Sequence[Tensor]) -> Tensor:
        """Estimates of consecutive windows → of the whole. Default: along the frames."""
        return torch.cat(list(pieces), -1)

    def decode(self, estimate: Tree, times: np.ndarray, given: Example) -> Any:
        """One example's estimate → the annotation or Sound, on the CPU."""
        raise NotImplementedError

    def nothing(self) -> Any:
        """What is said of no frames at all."""
        raise NotImplementedError

    def curves(self, estimate: Tree, times: np.ndarray, given: Example) -> Curves:
        """The soft answer: activations over time (`run(..., soft=True)`)."""
        values = estimate.detach().float().cpu().numpy()
        return Curves(times, np.atleast_2d(values), tuple(getattr(self, "labels", ()) or (self.of,)))

    def extra_repr(self) -> str:
        shown = {
            k: v for k, v in vars(self).items() if k[0] != "_" and k != "training" and isinstance(v, (int, float, str, tuple, Fraction))
        }
        return ", ".join(f"{k}={v!r}" for k, v in sorted({"of": self.of, **shown}.items()))


class Parts(Part):
    """A dict of parts is a part: `{"notes": ..., "style": ...}` calls `net(notes=..., style=...)`."""

    def __init__(self, parts: Mapping[str, Part]) -> None:
        super().__init__()
        self.parts = nn.ModuleDict(dict(parts))

    def items(self) -> list[tuple[str, Part]]:
        return [(name, part) for name, part in self.parts.items() if isinstance(part, Part)]

    @property
    def reads(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(field for _, part in self.items() for field in part.reads))

    @property
    def wants(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(dict.fromkeys(field for _, part in self.items() for field in part.wants))

    @property
    def unit(self) -> Fraction:
        return common(*(part.unit for _, part in self.items()))

    def read(self, example: Example, times: np.ndarray | None = None) -> dict[str, Tree]:
        return {name: part.read(example, times) for name, part in self.items()}

    def forward(self, raw: Mapping[str, Tree]) -> dict[str, Tree]:
        return {name: part(raw[name]) for name, part in self.items()}

    def times(self, example: Example) -> np.ndarray:
        return self.items()[0][1].times(example)

    def estimate(self, activations: Mapping[str, Tree], x: Tree) -> dict[str, Tree]:
        return {name: part.estimate(activations[name], x) for name, part in self.items()}

    def join(self, pieces: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:  # type: ignore[override]
        """Takes the pieces apart: each entry is let go once it is joined, so that hours of estimates are not held twice."""
        made = {}
        for name, part in self.items():
            made[name] = part.join([piece.pop(name) for piece in pieces])
            give_back()
        return made

    def decode(self, estimate: Mapping[str, Tree], times: np.ndarray, given: Example) -> dict[str, Any]:
        """One entry per part, named by the field it is of; a part that makes several fields gives them by name."""
        return self._merged({part.of: part.decode(seen(part, name, estimate), times, given)} for name, part in self.items())

    def nothing(self) -> dict[str, Any]:
        return self._merged({part.of: part.nothing()} for _, part in self.items())

    @staticmethod
    def _merged(made: Iterable[dict[str, Any]]) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for one in made:
            for name, value in one.items():
                fields.update(value if isinstance(value, Mapping) else {name: value})
        return fields

    def curves(self, estimate: Mapping[str, Tree], times: np.ndarray, given: Example) -> dict[str, Curves]:  # type: ignore[override]
        return {part.of: part.curves(estimate[name], times, given) for name, part in self.items()}


class Wrapped(Part):
    """A part that goes on from another one's features.

    Attributes:
        after: what it makes of these, where that is all it does; then systems share what lies before.
    """

    after: Callable[[Any], Tree] | None = None

    def __init__(self, part: Part) -> None:
        super().__init__()
        self.part = part
        self.of = part.of
        self.unknown = part.unknown

    @property
    def reads(self) -> tuple[str, ...]:
        return self.part.reads

    @property
    def unit(self) -> Fraction:
        return self.part.unit

    def read(self, example: Example, times: np.ndarray | None = None) -> Tree:
        return self.part.read(example, times)

    def times(self, example: Example) -> np.ndarray:
        return self.part.times(example)

    def frequencies(self) -> np.ndarray:
        """Hz of the bands of the part within."""
        frequencies = getattr(self.part, "frequencies")  # noqa: B009 (a Part need not have it)
        return np.asarray(frequencies())


class Lengths(Part):
    """How many frames each example of a padded batch really has, for nets that must know (recurrent ones).

    Reads (): a tensor of one integer; a batch is (batch,).
    """

    def __init__(self, part: Part) -> None:
        super().__init__()
        self.of = part.of
        self._part = [part]  # a list: not a sub-module, the part is registered where it computes

    @property
    def key(self) -> str:
        return f"{type(self).__name__}({self._part[0].key})"

    @property
    def reads(self) -> tuple[str, ...]:
        return self._part[0].reads

    @property
    def unit(self) -> Fraction:
        return self._part[0].unit

    def read(self, example: Example, times: np.ndarray | None = None) -> Tensor:
        return torch.tensor(len(self._part[0].times(example)))

    def times(self, example: Example) -> np.ndarray:
        return self._part[0].times(example)


def as_part(part: Part | Mapping[str, Part]) -> Part:
    """A part, or the part that a dict of parts is."""
    return part if isinstance(part, Part) else Parts({name: as_part(p) for name, p in part.items()})


def common(*units: Fraction) -> Fraction:
    """The least common multiple of fractions: common(1/100, 1/50) = 1/50."""
    return Fraction(math.lcm(*(u.numerator for u in units)), math.gcd(*(u.denominator for u in units)))


def fitted(module: nn.Module, **values: Any) -> None:
    """Declare what only `fit` knows: buffers of any shape, saved with the weights and taken as saved by `load`."""
    for name, value in values.items():
        module.register_buffer(name, torch.as_tensor(value))
    declared: set[str] = module.__dict__.setdefault("_fitted", set())
    declared.update(values)


def seen(part: Part, name: str, estimate: Mapping[str, Tree]) -> Tree:
    """What a part of a dict decodes: its own entry; with those that it takes beside it, where they are, as a dict in which its own is
    called by its field."""
    beside = {other: estimate[other] for other in part.beside if other in estimate and other != name}
    return {part.of: estimate[name], **beside} if beside else estimate[name]


def fittable(part: Part) -> bool:
    """Does anything in this part (or dict of parts) have a `fit`?"""
    return any(callable(getattr(m, "fit", None)) for m in part.modules())


def pad(tensors: Sequence[Tree], unknown: float | int) -> Tree:
    """Stack tensors whose last axis may vary, the short ones filled with `unknown`; dicts entry by entry."""
    if isinstance(tensors[0], Mapping):
        return {name: pad([t[name] for t in tensors], unknown) for name in tensors[0]}
    longest = max(t.shape[-1] if t.ndim else 0 for t in tensors)
    return torch.stack(
        [nn.functional.pad(t, (0, longest - t.shape[-1]), value=unknown) if t.ndim and t.shape[-1] < longest else t for t in tensors]
    )


def stack(part: Part, raws: Sequence[Tree]) -> Tree:
    """A batch of what `part.read` gave."""
    if isinstance(part, Parts):
        return {name: stack(p, [raw[name] for raw in raws]) for name, p in part.items()}
    return pad(raws, part.unknown)


def to(tree: Tree, device: torch.device | str) -> Tree:
    """A tensor or a dict of tensors on a device."""
    if isinstance(tree, Mapping):
        return {name: to(t, device) for name, t in tree.items()}
    return tree.to(device, non_blocking=True) if isinstance(tree, Tensor) else tree


def call(net: nn.Module, x: Tree, **more: Any) -> Tree:
    """`net(x)`, or `net(**x)` where the features are a dict."""
    return net(**x, **more) if isinstance(x, Mapping) else net(x, **more)
