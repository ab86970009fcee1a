"""One contract for every system that is registered, the toys too: it builds, and whatever it is given has an answer."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import aural
from aural import Example, Sound, registry
from aural.annotations import Curves, Events, Text
from aural.running import fit_outputs
from aural.system import System

TOYS = Path(__file__).parent / "toys"
sys.path.insert(0, str(TOYS))
import made  # noqa: E402


def all_names() -> list[str]:
    before = os.environ.get("AURAL_SYSTEMS", "")
    os.environ["AURAL_SYSTEMS"] = str(TOYS)
    try:
        return registry.names()
    finally:
        os.environ["AURAL_SYSTEMS"] = before


NAMES = all_names()


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    monkeypatch.setenv("AURAL_SYSTEMS", str(TOYS))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def built(name: str) -> System:
    """Random weights, the same each time."""
    torch.manual_seed(0)
    system = aural.build(name).eval()
    if name == "fewshot/prototypes":  # knows nothing before it is shown something
        x, _ = system.collate([made.note(0)], truth=False)
        fit_outputs([("", system.output)], [(system(system.features(x))[0].detach(), np.zeros(1), made.note(0))])
    return system


def given(system: System, sound: Sound) -> Example:
    """What the task gives, with this sound; what the input reads beside it where a default system would have to make it."""
    fields: dict[type, object] = {Sound: sound, int: 3, Text: Text("ab")}
    example = Example({name: fields[kind] for name, kind in system.task.gives.items()})
    others = {"beats": Events(np.arange(0, sound.duration, 0.4)), "f0": Curves(np.zeros(1), np.zeros((1, 1)))}
    return Example({**{name: others[name] for name in system.input.reads if name not in example}, **example})


def silence(seconds: float, rate: int = 22_050, channels: int = 1) -> Sound:
    return Sound(np.zeros((channels, round(seconds * rate))), rate)


def noise(seconds: float, seed: int = 0, rate: int = 22_050) -> Sound:
    return Sound(0.1 * np.random.default_rng(seed).standard_normal((1, round(seconds * rate))).astype(np.float32), rate)


def test_the_toys_are_among_them():
    assert set(made.TOYS) <= set(NAMES)
    assert {"onset/schlueter13", "beat/boeck11"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_silence_is_an_answer_and_so_is_one_sample(name):
    system = built(name)
    for sound in (silence(1.0), silence(0.0), Sound(np.full((1, 1), 0.5), 44_100), silence(0.3, 8000, 2)):
        answer = aural.run(system, given(system, sound))
        assert isinstance(answer, Example)
        assert answer
        Example({**answer, "sound": sound}).validate(list(answer))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_input_gives_the_same_answer(name):
    system = built(name)
    example = given(system, noise(1.0))
    np.set_printoptions(threshold=sys.maxsize, floatmode="unique")
    first = repr(aural.run(system, example))
    assert first == repr(aural.run(system, example))
    assert first == repr(aural.run(built(name), example))
    np.set_printoptions()


@pytest.mark.parametrize("name", NAMES)
def test_soft_answers_are_curves(name):
    system = built(name)
    example = given(system, noise(1.0))
    if system.task.makes in ("sound", "stems"):  # there are none, and that is said
        with pytest.raises(aural.AuralError, match="soft"):
            aural.run(system, example, soft=True)
    else:
        answer = aural.run(system, example, soft=True)
        assert answer
        assert all(isinstance(curves, Curves) for curves in answer.values())


def leaves(tree: object) -> list[torch.Tensor]:
    if isinstance(tree, dict):
        return [leaf for value in tree.values() for leaf in leaves(value)]
    assert isinstance(tree, torch.Tensor)
    return [tree]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "generation/gan"])
def test_each_example_of_a_batch_gets_the_answer_that_it_gets_alone(name):
    system = built(name)
    if hasattr(system.net, "fit"):  # zeros before it is fitted
        system.net.means += torch.linspace(0, 1, system.net.means.numel()).view_as(system.net.means)
    if "text" in system.task.gives:
        examples = [Example(text=Text(text)) for text in ("abc", "a", "ab")]
    else:
        examples = [given(system, noise(seconds, i)) for i, seconds in enumerate((1.0, 0.61, 0.8))]
    with torch.no_grad():
        x, _ = system.collate(examples, truth=False)
        together = system.estimate(system.features(x))
        for i, example in enumerate(examples):
            x, _ = system.collate([example], truth=False)
            for a, b in zip(leaves(together), leaves(system.estimate(system.features(x))), strict=True):
                mine = a[i][..., : b.shape[-1]]
                torch.testing.assert_close(mine, b[0], atol=2e-4, rtol=1e-3)


@pytest.mark.parametrize(
    "name", [name for name in made.TOYS if name not in ("generation/gan", "similarity/triplets", "fewshot/prototypes")]
)
def test_each_example_of_a_batch_gets_its_own_loss(name):
    """The loss of examples together is the mean of their losses alone, weighted by what is known of each."""
    system = built(name)
    if not hasattr(system.objective, "compare"):
        pytest.skip("learned without a loss")
    examples = [made.TOYS[name](i) for i in range(2)]
    if "sound" in system.task.gives:
        examples[1] = examples[1].cut(0, 0.37 * examples[1].duration)

    def loss(batch: list[Example]) -> float:
        x, y = system.collate(batch)
        x = system.features(x)
        with torch.no_grad():
            return float(system.objective.compare(system.output.estimate(system(x), x), system.targets(y)))

    one, two, both = loss(examples[:1]), loss(examples[1:]), loss(examples)
    assert min(one, two) - 1e-6 <= both <= max(one, two) + 1e-6
    targets = [leaves(system.targets(system.collate([example])[1])) for example in examples]
    sizes = [sum(int((t >= 0 if t.dtype == torch.int64 else ~torch.isnan(t)).sum()) for t in ts) for ts in targets]
    assert both == pytest.approx((sizes[0] * one + sizes[1] * two) / sum(sizes), rel=1e-4)
