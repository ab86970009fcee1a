"""Facts about deep salience: the paper's weights, shifts along pitch, and that it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from aural import Example, Sound
from aural.annotations import Curves, Notes
from aural.errors import OptionError
from aural.running import run
from aural.system import System, build
from aural.systems.pitch.deep_salience import DeepSalience
from aural.tasks import task

BOTH = ("pitch/deep_salience", "melody/deep_salience")
SMALL = {"channels": (8, 8, 8, 8, 4)}


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def tone(pitch: float, seconds: float = 0.8) -> Example:
    """A harmonic tone and what is true of it."""
    f0, t = 440.0 * 2 ** ((pitch - 69) / 12), np.arange(round(seconds * 22_050)) / 22_050
    wave = sum(np.sin(2 * np.pi * f0 * k * t) / k for k in range(1, 7))
    notes = Notes(np.zeros(1), np.array([seconds]), np.array([pitch]))
    times = np.arange(0, seconds + 0.005, 0.01)
    melody = Curves(times, np.full((1, len(times)), f0), ("melody",))
    return Example(sound=Sound(0.2 * wave[None].astype(np.float32), 22_050), notes=notes, melody=melody)


@pytest.mark.parametrize("name", BOTH)
def test_the_papers_numbers_of_weights(name: str) -> None:
    net = build(name).net
    count = {
        kind: sum(p.numel() for module in net.modules() if isinstance(module, kind) for p in module.parameters())
        for kind in (nn.Conv2d, nn.BatchNorm2d)
    }
    assert count == {nn.Conv2d: 405_585, nn.BatchNorm2d: 668}


def test_both_are_one_net() -> None:
    first, second = (build(name).net.state_dict() for name in BOTH)
    assert {k: v.shape for k, v in first.items()} == {k: v.shape for k, v in second.items()}


def test_an_octave_more_in_is_an_octave_more_out_away_from_the_edges() -> None:
    net = DeepSalience(6, (8, 8, 8, 8, 4)).eval()
    x = torch.zeros(1, 6, 360, 20)
    x[:, :, 100:200] = torch.rand(1, 6, 100, 20)
    with torch.no_grad():
        low, high = net(x), net(torch.roll(x, 60, 2))
    assert low.shape == (1, 1, 360, 20)
    assert torch.allclose(low[:, :, 45:255], high[:, :, 105:315], atol=1e-5)
    assert not torch.allclose(low[:, :, 45:255], high[:, :, 45:255], atol=1e-3)


def test_seventy_bins_are_padded_by_34_and_35() -> None:
    """What a net of ones hears of one bin: 34 bins further up and 35 further down in its tall layer."""
    net = DeepSalience(1, (1, 1, 1, 1, 1)).eval()
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.fill_(1.0)
                module.bias.zero_()  # type: ignore[union-attr]
        x = torch.zeros(1, 1, 200, 3)
        x[0, 0, 100, 1] = 1.0
        heard = torch.nonzero(net(x)[0, 0, :, 1] > 0.5)
    assert (int(heard.min()), int(heard.max())) == (100 - 6 - 35, 100 + 6 + 34)


@pytest.mark.parametrize("name", BOTH)
def test_the_shorter_of_a_batch_is_as_if_alone(name: str) -> None:
    system = build(name, **SMALL).eval()
    for module in system.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.bias.data.normal_()
    long, short = tone(60), tone(67, 0.4)
    x, _ = system.collate([long, short], truth=False)
    with torch.no_grad():
        both = system.estimate(system.features(x))
        alone = system.estimate(system.features(system.collate([short], truth=False)[0]))
    frames = alone.shape[-1]
    assert torch.allclose(both[1, ..., :frames], alone[0], atol=1e-4)


def losses(system: System, examples: list[Example], steps: int) -> list[float]:
    x, y = system.collate(examples)
    features, target = system.features(x), system.targets(y)
    optimiser = torch.optim.AdamW(system.net.parameters(), 1e-2)
    made = []
    for _ in range(steps):
        loss = system.objective.compare(system.output.estimate(system(features), features), target)  # type: ignore[union-attr]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        made.append(float(loss.detach()))
    return made


@pytest.mark.parametrize("name", BOTH)
def test_it_learns_two_tones(name: str) -> None:
    system, examples = build(name, **SMALL), [tone(57, 0.5), tone(64, 0.5)]
    made = losses(system, examples, 40)
    assert made[-1] < 0.5 * made[0]
    answer = run(system, sound=examples[0]["sound"])
    field = task(name.split("/")[0]).makes
    middle = answer[field].values[:, 12:30].max(0)
    assert np.abs(1200 * np.log2(middle / 220.0)).max() < 50
    if field == "pitches":
        assert np.round(answer["notes"].pitches).tolist() == [57]


@pytest.mark.slow
@pytest.mark.parametrize("name", BOTH)
def test_the_papers_own_size_learns_too(name: str) -> None:
    made = losses(build(name), [tone(57, 0.5), tone(64, 0.5)], 8)
    assert made[-1] < 0.5 * made[0]


def test_as_many_numbers_of_channels_as_layers() -> None:
    with pytest.raises(OptionError, match="5 layers"):
        build("pitch/deep_salience", channels=(8, 8))
