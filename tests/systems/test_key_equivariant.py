"""Facts about key/equivariant: what it hears, and that it hears all tonics alike."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import aural
from aural import Example, Sound, harmony
from aural.annotations import Intervals
from aural.encodings.keys import NONE, class_of
from aural.running import run
from aural.system import weights_of
from aural.systems.key.equivariant import LOWEST, Equivariant, chroma

RATE = 22_050
CADENCE = ("C:maj", "F:maj", "G:7", "C:maj", "A:min", "D:min", "G:7", "C:maj")
SMALL = ("A:min", "D:min", "E:7", "A:min", "F:maj", "B:dim", "E:7", "A:min")


def played(labels: tuple[str, ...], up: int = 0, cents: float = 0.0, seconds: float = 2.0) -> Sound:
    """Each chord for so long: its root in the bass, its notes from C4, six harmonics each."""
    time = np.arange(round(seconds * RATE)) / RATE
    pieces = []
    for label in labels:
        chord = harmony.parse(label).transposed(up)
        tone = np.zeros(len(time))
        for pitch in [36 + chord.root_class, *(60 + c for c in chord.pitch_classes)]:
            f = 440 * 2 ** ((pitch - 69 + cents / 100) / 12)
            tone += sum(np.sin(2 * np.pi * f * h * time) / h**1.5 for h in range(1, 7))
        pieces.append(0.05 * tone * np.minimum(1, 20 * time) * np.exp(-time / 3))
    return Sound(np.concatenate(pieces)[None].astype(np.float32), RATE)


def net(seed: int = 0) -> Equivariant:
    torch.manual_seed(seed)
    return Equivariant().eval()


@torch.no_grad()
def tones(sound: Sound) -> torch.Tensor:
    system = aural.build("key/equivariant")
    return system.net.tones(system.features(system.input.read(Example(sound=sound))[None]))


def turned(logits: torch.Tensor, semitones: int) -> torch.Tensor:
    """(batch, 25, cell), as if the music lay so many semitones higher."""
    return torch.cat([logits[:, :12].roll(semitones, 1), logits[:, 12:24].roll(semitones, 1), logits[:, 24:]], 1)


@pytest.mark.parametrize("semitones", [1, 5, 11])
@torch.no_grad()
def test_a_chroma_turned_gives_logits_turned(semitones):
    x = torch.rand(2, 3, 12, 90, generator=torch.Generator().manual_seed(1))
    x[1, ..., 60:] = 0
    for seed in range(3):
        here, there = net(seed).keys(x), net(seed).keys(x.roll(semitones, 2))
        torch.testing.assert_close(there, turned(here, semitones), atol=1e-5, rtol=1e-5)


def test_it_is_small():
    assert sum(p.numel() for p in net().parameters()) < 100_000


@torch.no_grad()
def test_cells_after_the_end_of_a_sound_change_nothing():
    x = torch.rand(1, 3, 12, 70, generator=torch.Generator().manual_seed(2))
    longer = torch.nn.functional.pad(x, (0, 50))
    torch.testing.assert_close(net().keys(longer)[..., :70], net().keys(x), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_music_far_away_changes_nothing():
    """What the context of its windows is for."""
    system = aural.build("key/equivariant")
    x = torch.rand(1, 3, 12, 300, generator=torch.Generator().manual_seed(3))
    cells = int(system.context / (22 * 512 / RATE))
    other = torch.cat([x[..., :150], torch.rand(1, 3, 12, 150)], -1)
    torch.testing.assert_close(system.net.eval().keys(other)[..., : 150 - cells], system.net.keys(x)[..., : 150 - cells])


@pytest.mark.parametrize("cents", [-45, 0, 30])
def test_tones_are_heard_where_they_are_whatever_the_tuning(cents):
    time = np.arange(3 * RATE) / RATE
    wave = sum(np.sin(2 * np.pi * 440 * 2 ** ((p - 69 + cents / 100) / 12) * time) for p in (45, 64, 85))
    heard = tones(Sound(0.1 * wave[None].astype(np.float32), RATE))[0, :, 2]
    assert sorted((heard.topk(3).indices + LOWEST).tolist()) == [45, 64, 85]


def test_a_triad_is_in_its_pitch_classes_and_its_root_in_the_bass():
    x = chroma(tones(played(("D:min",) * 2)))[0].mean(-1)
    assert set(x[1].topk(3).indices.tolist()) == {2, 5, 9}
    assert int(x[0].argmax()) == 2


def test_louder_is_the_same():
    sound = played(CADENCE)
    louder = Sound(sound.samples * 6, RATE)
    assert (chroma(tones(louder)) - chroma(tones(sound))).abs().mean() < 1e-3


def test_cells_lie_in_the_middle_of_their_frames():
    times = np.arange(50) / 10
    np.testing.assert_allclose(Equivariant(hop=4).times(times)[[0, 1, 2, -1]], [0.15, 0.55, 0.95, 4.85])
    assert not len(net().times(np.zeros(0)))


# ---- with the weights that ship

shipped = pytest.mark.skipif(weights_of("key/equivariant") is None, reason="no weights are installed")


@shipped
@pytest.mark.parametrize("up", [0, 3, 6, 10])
@pytest.mark.parametrize("labels", [CADENCE, SMALL])
def test_a_cadence_is_in_its_key_in_every_transposition_and_tuning(labels, up):
    found = run("key/equivariant", sound=played(labels, up, cents=17 * (up % 3 - 1)))["key"]
    assert [class_of(label) for label in found.labels] == [(up + (0 if labels is CADENCE else 9)) % 12 + 12 * (labels is SMALL)]


@shipped
def test_a_song_that_goes_up_has_two_keys_and_a_time():
    both = np.concatenate([played(CADENCE * 2).samples, played(CADENCE * 2, up=2).samples], 1)
    found = run("key/equivariant", sound=Sound(both, RATE))["key"]
    assert found.labels == ("C:major", "D:major")
    assert found.starts[1] == pytest.approx(32, abs=4)
    assert (found.starts[0], found.ends[-1]) == (0, pytest.approx(64))


@shipped
def test_drums_alone_are_in_no_key():
    time = np.arange(20 * RATE) / RATE
    noise = 0.2 * np.random.default_rng(0).standard_normal(len(time)) * np.exp(-12 * (time % 0.5))
    found = run("key/equivariant", sound=Sound(noise[None].astype(np.float32), RATE))["key"]
    assert [class_of(label) for label in found.labels] == [NONE]
    assert isinstance(found, Intervals)
