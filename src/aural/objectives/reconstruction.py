"""Auto-encoders that must not copy: corrupted inputs, sparse codes, codes that hardly move.

All of them reconstruct the net's own features, as Reconstruction does. Nets have `encode` and `decode` (nets.autoencoder).

Source   Vincent, Larochelle, Bengio & Manzagol, Extracting and composing robust features with denoising autoencoders, ICML 2008; Ng,
         Sparse autoencoder, lecture notes, 2011; Rifai, Vincent, Muller, Glorot & Bengio, Contractive auto-encoders, ICML 2011
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..divergence import kl_bernoulli
from ..errors import OptionError
from .base import Batch, Update
from .losses import Loss
from .supervised import Reconstruction

if TYPE_CHECKING:
    from ..system import System

Corruption = Callable[[Tensor, torch.Generator], Tensor]


def gaussian_noise(deviation: float) -> Corruption:
    """x + N(0, deviation²)."""

    def corrupt(x: Tensor, generator: torch.Generator) -> Tensor:
        return x + deviation * torch.randn(x.shape, generator=generator, device=generator.device, dtype=x.dtype).to(x.device)

    return corrupt


def masking(share: float) -> Corruption:
    """This share of the numbers becomes 0."""

    def corrupt(x: Tensor, generator: torch.Generator) -> Tensor:
        return x * (torch.rand(x.shape, generator=generator, device=generator.device) >= share).to(x)

    return corrupt


class Denoising(Reconstruction):
    """The clean features out of corrupted ones; running, nothing is corrupted."""

    def __init__(self, loss: Loss, corrupt: Corruption) -> None:
        super().__init__(loss)
        self.corrupt = corrupt

    def updates(self, system: System, batch: Batch) -> Iterator[Update]:
        yield Update(self.compare(system(self.corrupt(batch.x, batch.generator)), batch.x))


class Penalised(Reconstruction):
    """Reconstruction, and `weight` times a penalty on the code."""

    def __init__(self, loss: Loss, weight: float) -> None:
        super().__init__(loss)
        self.weight = weight

    def penalty(self, net: Any, x: Tensor, z: Tensor, generator: torch.Generator) -> Tensor:
        raise NotImplementedError

    def updates(self, system: System, batch: Batch) -> Iterator[Update]:
        net: Any = system.net
        z = net.encode(batch.x)
        loss, penalty = self.compare(net.decode(z), batch.x), self.penalty(net, batch.x, z, batch.generator)
        yield Update(loss + self.weight * penalty, logs={"loss": loss.detach(), "penalty": penalty.detach()})


class Sparse(Penalised):
    """Each unit of the code is on at a rate of `rate` over the batch (Σ_j KL(rate || mean_j), for codes in 0..1), or, with rate=None,
    costs its absolute value."""

    def __init__(self, loss: Loss, weight: float = 3.0, rate: float | None = 0.05) -> None:
        super().__init__(loss, weight)
        if rate is not None and not 0 < rate < 1:
            raise OptionError(f"rate={rate}: between 0 and 1, or None for an L1 penalty")
        self.rate = rate

    def penalty(self, net: Any, x: Tensor, z: Tensor, generator: torch.Generator) -> Tensor:
        if self.rate is None:
            return z.abs().flatten(1).sum(1).mean()
        return kl_bernoulli(self.rate, z.transpose(0, 1).flatten(1).mean(1)).sum()


class Contractive(Penalised):
    """||dz/dx||²_F, the mean over the batch: the code hardly moves where the input moves a little.

    Args:
        probes: random directions of the code by which the norm is estimated without bias (Hutchinson); 0: exactly, one unit of the code
            after the other.
    """

    def __init__(self, loss: Loss, weight: float = 0.1, probes: int = 1) -> None:
        super().__init__(loss, weight)
        self.probes = probes

    def penalty(self, net: Any, x: Tensor, z: Tensor, generator: torch.Generator) -> Tensor:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            return jacobian_norm(net.encode(x), x, self.probes, generator).mean()


def jacobian_norm(z: Tensor, x: Tensor, probes: int = 0, generator: torch.Generator | None = None) -> Tensor:
    """||dz/dx||²_F of each example (batch,), with a graph of its own; see Contractive for `probes`."""
    flat = z.flatten(1)
    if probes:
        signs = torch.randint(
            0, 2, (probes, *flat.shape), generator=generator, device=flat.device if generator is None else generator.device
        )
        directions = (2 * signs - 1).to(flat)
    else:
        directions = torch.eye(flat.shape[1], dtype=flat.dtype, device=flat.device)[:, None].expand(-1, *flat.shape)
    total = flat.new_zeros(len(flat))
    for direction in directions:
        (gradient,) = torch.autograd.grad(flat, x, direction, create_graph=True)
        total = total + gradient.flatten(1).square().sum(1)
    return total / max(probes, 1)


def sigmoid_jacobian_norm(h: Tensor, weight: Tensor) -> Tensor:
    """The same of h = σ(x W' + b), in closed form: Σ_j (h_j (1 - h_j))² Σ_i W_ji²."""
    return ((h * (1 - h)).square() * weight.square().sum(1)).sum(1)


def under(transform: Callable[[Tensor], Tensor], loss: Loss) -> Loss:
    """A loss of what a transform makes of both; what the transform forgets costs nothing."""

    def transformed(estimate: Tensor, target: Tensor) -> Tensor:
        return loss(transform(estimate), transform(target))

    return transformed
