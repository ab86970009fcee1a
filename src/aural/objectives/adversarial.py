"""A generator against a critic.

Source   Goodfellow et al., Generative adversarial nets, NeurIPS 2014; Mao et al., Least squares GANs, ICCV 2017; Gulrajani et
         al., Improved training of Wasserstein GANs, NeurIPS 2017
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import OptionError
from .base import Batch, Objective, Update

if TYPE_CHECKING:
    from ..system import System


class Adversarial(Objective):
    """Each step the critic learns to tell true from made; every `critic_updates` steps the net learns to be taken for true.

    Args:
        critic: of one tensor in the targets' domain, (batch, …) → (batch,) or (batch, 1).
        loss: "wgan-gp" (with a penalty on gradients that differ from 1), "lsgan", "hinge", "non-saturating" (also "gan": the net
            lowers -log D) or "minimax" (the net lowers log(1 - D), which is flat where the critic is sure).
        penalty: weight of the gradient penalty.
    """

    def __init__(
        self,
        critic: nn.Module,
        loss: Literal["wgan-gp", "lsgan", "hinge", "gan", "non-saturating", "minimax"] = "wgan-gp",
        critic_updates: int = 1,
        penalty: float = 10.0,
    ) -> None:
        super().__init__()
        if loss not in ("wgan-gp", "lsgan", "hinge", "gan", "non-saturating", "minimax"):
            raise OptionError(f"loss={loss!r}: wgan-gp, lsgan, hinge, non-saturating (gan) or minimax")
        self.critic, self.loss, self.critic_updates, self.penalty = critic, loss, critic_updates, penalty

    def critic_loss(self, true: Tensor, made: Tensor) -> Tensor:
        if self.loss == "wgan-gp":
            return made.mean() - true.mean()
        if self.loss == "lsgan":
            return (true - 1).square().mean() + made.square().mean()
        if self.loss == "hinge":
            return F.relu(1 - true).mean() + F.relu(1 + made).mean()
        return F.softplus(-true).mean() + F.softplus(made).mean()

    def net_loss(self, made: Tensor) -> Tensor:
        if self.loss in ("wgan-gp", "hinge"):
            return -made.mean()
        if self.loss == "minimax":
            return -F.softplus(made).mean()
        return (made - 1).square().mean() if self.loss == "lsgan" else F.softplus(-made).mean()

    def updates(self, system: System, batch: Batch) -> Iterator[Update]:
        true = batch.y
        with torch.no_grad():
            made = system.output.estimate(system(batch.x), batch.x)
        loss = self.critic_loss(self.critic(true), self.critic(made))
        yield Update(loss + self._gradient_penalty(true, made, batch.generator), of="critic")
        if batch.step % self.critic_updates == self.critic_updates - 1:
            yield Update(self.net_loss(self.critic(system.output.estimate(system(batch.x), batch.x))))

    def _gradient_penalty(self, true: Tensor, made: Tensor, generator: torch.Generator) -> Tensor:
        if self.loss != "wgan-gp":
            return torch.zeros((), device=true.device)
        share = torch.rand(len(true), *[1] * (true.ndim - 1), generator=generator, device=generator.device).to(true.device)
        between = (share * true + (1 - share) * made.to(true.dtype)).requires_grad_()
        with torch.autocast(true.device.type, enabled=False):
            (gradient,) = torch.autograd.grad(self.critic(between).sum(), between, create_graph=True)
        return self.penalty * (gradient.flatten(1).norm(dim=1) - 1).square().mean()
