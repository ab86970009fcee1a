"""Key estimation: profiles of a major and a minor key in three registers, turned to twelve tonics and heard in a wide window.

Paper     our own; profiles after Krumhansl, Cognitive foundations of musical pitch, 1990, and Temperley, What's key for key?, Music
          Perception 17(1), 1999
Survey    4.1, Key
In        sound, any rate; beats, made by the default system where nobody gave them
Inside    what chord/sheh03 hears: pitch classes of three registers in cells of the beats, in tune; their mean over 32 beats either way
Out       key: Intervals from the start to the end ("C:major"), one for each stretch in a key; "N" where nothing points to one
Differs   the profiles are weights of a logistic regression on made songs, not ratings of listeners
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from aural.encodings import KeyFrames
from aural.objectives import Fit
from aural.part import fitted
from aural.system import Recipe, System, system
from aural.systems.chord.sheh03 import CHROMA, RegisterChroma, turned
from aural.tasks.key import key


@system()
def profiles(reach: int = 32, change: float = 1e-9) -> System:
    return System(
        task=key,
        input=RegisterChroma(),
        net=Profiles(reach),
        output=KeyFrames(stay=1 - change),
        objective=Fit(),
        recipe=Recipe(data="songs:0", seconds=None, batch=8, steps=20),
        window=600.0,
        context=20.0,
    )


class Profiles(nn.Module):
    """(batch, 1, 36, cell) → logits (batch, 25, cell) of `harmony.KEYS` and of no key.

    Each cell is judged by the mean of the cells around it in which something sounds. No key wins where every key is less
    than half as strong as the strongest one was in all but a hundredth of what was learned from.

    Args:
        reach: cells on either side.
    """

    def __init__(self, reach: int = 32) -> None:
        super().__init__()
        self.reach = int(reach)
        self.means: Tensor
        self.flat: Tensor
        # A row of weights for major and one for minor, then what is added to all twelve keys of the mode.
        fitted(self, means=torch.zeros(2, CHROMA), more=torch.zeros(2), flat=torch.ones(()))
        self.more: Tensor

    def around(self, x: Tensor) -> Tensor:
        """Means over the window, about their own mean in each register: (batch, 36, cell)."""
        heard = (x.abs().sum(2) > 0).to(x)  # (batch, 1, cell)
        both = torch.cat([x[:, 0], heard], 1).double()
        total = nn.functional.pad(both.cumsum(-1), (1, 0))
        n = torch.arange(x.shape[-1], device=x.device)
        last, first = (n + self.reach + 1).clamp(max=x.shape[-1]), (n - self.reach).clamp(min=0)
        sums = total[..., last] - total[..., first]
        means = (sums[:, :-1] / sums[:, -1:].clamp(min=1)).unflatten(1, (-1, 12))
        return (means - means.mean(2, keepdim=True)).flatten(1, 2).to(x.dtype)

    def keys(self, means: Tensor, weights: Tensor, more: Tensor) -> Tensor:
        """(batch, 36, cell) → logits of the keys (batch, 24, cell)."""
        every = torch.stack([turned(means, -tonic) for tonic in range(12)], 1)  # (batch, tonic, 36, cell)
        return (torch.einsum("mf,btfn->bmtn", weights, every) + more[:, None, None]).flatten(1, 2)

    def forward(self, x: Tensor) -> Tensor:
        logits = self.keys(self.around(x), self.means.to(x.dtype), self.more.to(x.dtype))
        return torch.cat([logits, self.flat.to(x.dtype).expand_as(logits[:, :1])], 1)

    def fit(self, pairs: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Logistic regression on every eighth cell, each song weighing the same."""
        xs, ys, shares = [], [], []
        for x, y in pairs:
            for means, truth in zip(self.around(x), y, strict=True):
                own = torch.arange(4, len(truth), 8)
                own = own[(truth[own] >= 0) & (truth[own] < 24)]
                if len(own):
                    xs.append(means[:, own].double())
                    ys.append(truth[own])
                    shares.append(torch.full((len(own),), 1 / len(own), dtype=torch.float64))
        if not xs:
            return
        x, y, share = torch.cat(xs, 1)[None], torch.cat(ys), torch.cat(shares)
        weights = torch.zeros(2, CHROMA, dtype=torch.float64, requires_grad=True)
        more = torch.zeros(2, dtype=torch.float64, requires_grad=True)
        optimiser = torch.optim.LBFGS([weights, more], max_iter=200, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            optimiser.zero_grad()
            each = nn.functional.cross_entropy(self.keys(x, weights, more)[0].mT, y, reduction="none")
            value = (each * share).sum() / share.sum() + 3e-5 * weights.square().sum()
            value.backward()
            return value

        with torch.enable_grad():
            optimiser.step(loss)
        with torch.no_grad():
            flat = torch.quantile(self.keys(x, weights, more)[0].amax(0), 0.01) / 2
        fitted(self, means=weights.detach().float(), more=more.detach().float(), flat=flat.float())


__all__ = ["Profiles", "profiles"]
