"""Tiny sounds from noise, a toy: a generator and a critic that learn in turn.

Paper     none: a toy of the tests
Survey    4.4
In        a seed
Out       sound, 16 samples
Differs   nothing to differ from
"""

from torch import Tensor, nn

from aural.encodings import Noise, Samples
from aural.objectives import Adversarial
from aural.system import Recipe, System, system
from aural.tasks import Task


@system()
def gan(latent: int = 4, critic_updates: int = 2) -> System:
    return System(
        task=Task("generation", "tiny sounds", gives={"seed": int}, makes="sound"),
        input=Noise(latent),
        net=Generator(latent),
        output=Samples(8000),
        objective=Adversarial(
            nn.Sequential(nn.Flatten(), nn.Linear(16, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1)), critic_updates=critic_updates
        ),
        recipe=Recipe(batch=16, steps=300, rate=5e-3, optimisers={"net": {"betas": (0.5, 0.9)}, "critic": {"betas": (0.5, 0.9)}}),
    )


class Generator(nn.Module):
    """(batch, latent) → (batch, 1, 16)."""

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(latent, 32), nn.ReLU(), nn.Linear(32, 16))

    def forward(self, noise: Tensor) -> Tensor:
        return self.layers(noise)[:, None]
