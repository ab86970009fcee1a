"""The trunk of rhythm: its heads, those that have weights and those that wait for data."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aural.annotations import Example
from aural.data.songs import MadeSongs
from aural.errors import OptionError, UnknownName
from aural.objectives import Batch
from aural.running import run
from aural.sound import Sound
from aural.system import System, build, load


@pytest.fixture(scope="module")
def songs() -> list[Example]:
    """Two made songs with drums, four seconds of each."""
    made = MadeSongs(3, seconds=12.0, sampled=False)
    found = [example for example in map(made, range(12)) if len(example["drums"].cut(2.0, 6.0)) > 6]
    return [example.cut(2.0, 6.0) for example in found[:2]]


def batch_of(system: System, examples: list[Example]) -> Batch:
    x, y = system.collate(examples)
    return Batch(system.features(x), system.targets(y), torch.Generator().manual_seed(0))


def loss(system: System, batch: Batch) -> torch.Tensor:
    (update,) = system.objective.updates(system, batch)
    return update.loss


def test_without_a_word_it_has_the_heads_that_its_weights_have() -> None:
    trained = load("beat/groove")
    system = build("beat/groove", late=trained.options["late"])
    assert list(system.net.state_dict()) == list(trained.net.state_dict())
    assert set(system.output.parts) == {"beats", "onsets"}
    assert [task.name for task in system.tasks] == ["beat", "downbeat", "onset"]


def test_more_heads_leave_the_rest_of_the_net_as_it_is() -> None:
    torch.manual_seed(1)
    plain = build("beat/groove").net.state_dict()
    torch.manual_seed(1)
    more = build("beat/groove", heads="beats,onsets,drums,voice,sections,tags").net.state_dict()
    assert {name.split(".")[0] for name in more} - {name.split(".")[0] for name in plain} == {"drums", "voice", "sections", "tags"}
    assert all(torch.equal(value, more[name]) for name, value in plain.items())


def test_a_head_of_drums_learns_from_made_songs(songs: list[Example]) -> None:
    torch.manual_seed(0)
    system = build("beat/groove", width=16, channels=2, dropout=0.0, heads="beats,onsets,drums").train()
    optimiser = torch.optim.Adam(system.net.parameters(), 3e-3)
    batch, losses = batch_of(system, songs), []
    for _ in range(4):
        optimiser.zero_grad()
        now = loss(system, batch)
        now.backward()
        optimiser.step()
        losses.append(float(now.detach()))
    assert system.net.drums.weight.grad.abs().sum() > 0
    assert losses[-1] < losses[0]


def test_the_hits_that_are_decoded_have_the_names_that_were_learned(songs: list[Example]) -> None:
    system = build("beat/groove", heads="beats,drums")
    part = system.output.parts["drums"]
    times = system.times(songs[0])
    target = part.read(songs[0], times)
    found = part.decode(20 * (target - 0.5), times, songs[0])
    told = {label for label in songs[0]["drums"].labels if label in part.labels}
    assert told
    assert set(found.labels) == told
    for label in told:
        truth = songs[0]["drums"].times[[word == label for word in songs[0]["drums"].labels]]
        here = found.times[[word == label for word in found.labels]]
        assert np.abs(here[:, None] - truth).min(1).max() <= 0.03


def test_what_the_songs_do_not_tell_costs_a_head_nothing(songs: list[Example]) -> None:
    system = build("beat/groove", width=16, channels=2, heads="beats,onsets,voice,tags").train()
    loss(system, batch_of(system, songs)).backward()
    for name in ("voice", "tags"):
        grad = getattr(system.net, name).weight.grad
        assert grad is None or not grad.any()


def test_every_head_answers_a_sound() -> None:
    torch.manual_seed(0)
    system = build("beat/groove", width=16, channels=2, heads="beats,onsets,drums,voice,sections,tags")
    noise = np.random.default_rng(0).normal(0, 0.1, (1, 3 * 22_050)).astype(np.float32)
    made = run(system, sound=Sound(noise, 22_050))
    assert set(made) == {"beats", "downbeats", "onsets", "drums", "voice", "sections", "tags"}


def test_tags_of_a_short_sound_in_a_batch_are_its_own() -> None:
    torch.manual_seed(0)
    net = build("beat/groove", width=16, channels=2, heads="beats,tags").net.eval()
    views = torch.rand(2, 1, 200, 150)
    views[1, ..., 100:] = 0
    with torch.no_grad():
        both = net(views, torch.tensor([150, 100]))["tags"]
        alone = net(views[1:, ..., :100], torch.tensor([100]))["tags"]
    np.testing.assert_allclose(both[1:], alone, atol=1e-5)


def test_heads_that_are_unknown_or_without_beats_are_errors() -> None:
    with pytest.raises(UnknownName, match="drums"):
        build("beat/groove", heads="beats,drum")
    with pytest.raises(OptionError, match="beats must be among them"):
        build("beat/groove", heads="onsets")
