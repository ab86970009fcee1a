"""Every way to learn, in a sentence of the house: trained by `aural.train`, and better for it."""

from __future__ import annotations

import json
import textwrap

import numpy as np
import pytest
import torch

import aural
from aural.annotations import Example, Label
from aural.sound import Sound

pytest.importorskip("lightning")

SENTENCES = '''
"""Tiny sounds out of themselves, a toy.

Paper     none: a toy of the tests
Survey    2.3
In        sound, 16 samples at 8,000 Hz
Out       sound
Differs   nothing to differ from
"""

from torch import Tensor, nn

from aural.encodings import Embedding, Samples
from aural.nets.autoencoder import AutoEncoder
from aural.nets.mlp import MLP
from aural.nets.rbm import RBM, dbn
from aural.nets.vae import VAE
from aural.objectives import Contractive, Contrastive, ContrastiveDivergence, Denoising, Sparse, Triplet, Variational, by_class, mse
from aural.objectives.reconstruction import gaussian_noise
from aural.objectives.variational import gaussian
from aural.representations import Waveform
from aural.sound import Sound
from aural.system import Recipe, System, system
from aural.tasks import Task


class Flat(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = MLP((16, 16, 2), nn.Tanh)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x[:, 0])


@system()
def copy(kind: str = "denoising") -> System:
    pairs = kind in ("contrastive", "semi-hard", "random")
    code = nn.Sigmoid() if kind in ("sparse", "contractive") else nn.Tanh()
    coder = AutoEncoder(nn.Sequential(MLP((16, 8)), code), MLP((8, 16)))
    net, objective = {
        "denoising": (coder, Denoising(mse, gaussian_noise(0.1))),
        "sparse": (coder, Sparse(mse, 0.01)),
        "contractive": (coder, Contractive(mse, 1e-4)),
        "variational": (
            VAE(nn.Sequential(nn.Flatten(), MLP((16, 16, 4), nn.Tanh)), nn.Sequential(MLP((2, 16, 16), nn.Tanh), nn.Unflatten(1, (1, 16)))),
            Variational(gaussian(0.3), warm_up=50),
        ),
        "machine": (RBM(16, 8, "gaussian"), ContrastiveDivergence()),
        "deep machine": (dbn((16, 8, 4)), ContrastiveDivergence(each=120)),
        "contrastive": (Flat(), Contrastive(1.0)),
        "semi-hard": (Flat(), Triplet(0.5, "semi-hard")),
        "random": (Flat(), Triplet(0.5, "random")),
    }[kind]
    return System(
        task=Task("generation", "tiny sounds", gives={"sound": Sound}, makes="embedding" if pairs else "sound"),
        input=Waveform(8000),
        net=net,
        output=Embedding("instrument") if pairs else Samples(8000),
        objective=objective,
        recipe=Recipe(batch=16, steps=150, rate=1e-2, batches=by_class("instrument", 2, 6) if pairs else None),
    )
'''


class Tiny:
    """16 samples of a sine at any phase, of one period or two."""

    size, name = 64, "tiny"

    def __init__(self, loud: float = 1.0) -> None:
        self.loud = loud

    def __call__(self, index: int) -> Example:
        phase = np.random.default_rng(index).uniform(0, 2 * np.pi)
        wave = self.loud * np.sin((1 + index % 2) * np.arange(16) / 16 * 2 * np.pi + phase)
        return Example(sound=Sound(wave.astype(np.float32)[None], 8000), instrument=Label("ab"[index % 2]))


@pytest.mark.parametrize(
    "kind", ["denoising", "sparse", "contractive", "variational", "machine", "deep machine", "contrastive", "semi-hard", "random"]
)
def test_it_learns(kind, tmp_path, monkeypatch):
    (tmp_path / "generation").mkdir()
    (tmp_path / "generation" / "copy.py").write_text(textwrap.dedent(SENTENCES).lstrip())
    monkeypatch.setenv("AURAL_SYSTEMS", str(tmp_path))
    torch.manual_seed(0)
    tiny = Tiny(3.0 if "machine" in kind else 1.0)  # its noise has a deviation of 1
    system = aural.train(aural.build("generation/copy", kind=kind), tiny, out=tmp_path / "run")
    records = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert records
    x = torch.stack([torch.from_numpy(tiny(i)["sound"].samples) for i in range(100, 116)])
    with torch.no_grad():
        y = system(x)
    if "machine" in kind:
        first = system.net if kind == "machine" else system.net.machines[0]
        with torch.no_grad():
            seen = first.mean_visible(first.hidden(x))
        assert (seen - x).square().mean() < 0.7 * x.square().mean()
    elif kind in ("contrastive", "semi-hard", "random"):
        same = torch.arange(16)[:, None] % 2 == torch.arange(16) % 2
        d = torch.cdist(y, y)
        assert d[same].sum() / (same.sum() - 16) < 0.7 * d[~same].mean()
    else:
        assert (y - x).square().mean() < 0.6 * x.square().mean()
