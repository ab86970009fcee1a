"""Facts about chord/mcfee17: its size, what transposing does, and that it learns."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import aural
from aural import harmony
from aural.annotations import Example, Intervals
from aural.encodings import ChordFrames
from aural.encodings.chords import turned
from aural.objectives import Transposed, chord_frames
from aural.objectives.chord import transposed
from aural.running import run
from aural.sound import Sound
from aural.system import build

RATE = 22_050


def played(labels: tuple[str, ...], seconds: float = 2.0, up: int = 0) -> Sound:
    """Each chord for so long: its bass below, its notes above, six harmonics each."""
    time = np.arange(round(seconds * RATE)) / RATE
    pieces = []
    for label in labels:
        chord = harmony.parse(label)
        pitches = [] if chord.root is None else [36 + chord.bass_class, *(60 + c for c in chord.pitch_classes)]
        tone = np.zeros(len(time))
        for pitch in pitches:
            f = 440 * 2 ** ((pitch + up - 69) / 12)
            tone += sum(np.sin(2 * np.pi * f * h * time) / h**1.5 for h in range(1, 7))
        pieces.append(0.05 * tone * np.minimum(1, 20 * time))
    return Sound(np.concatenate(pieces)[None].astype(np.float32), RATE)


def spans(labels: tuple[str, ...], seconds: float = 2.0) -> Intervals:
    starts = seconds * np.arange(len(labels))
    return Intervals(starts, starts + seconds, labels)


def test_it_has_as_many_parameters_as_the_papers():
    assert sum(p.numel() for p in build("chord/mcfee17").net.parameters()) == 491_692


def test_its_frames_are_those_of_4096_samples_at_44100():
    system = build("chord/mcfee17")
    times = system.times(Example(sound=Sound(np.zeros((1, 44_100 * 8), dtype=np.float32), 44_100)))
    np.testing.assert_allclose(times, np.arange(len(times)) * 4096 / 44_100)
    assert system.input.parts["cqt"].frequencies()[18] == pytest.approx(32.703195662574764)
    assert len(system.input.parts["cqt"].frequencies()) == 216 + 36


def test_the_first_filter_is_not_born_dead():
    torch.manual_seed(0)
    for _ in range(20):
        net = build("chord/mcfee17").net
        assert (net.smooth(torch.rand(2, 1, 216, 30)) > 0).float().mean() > 0.2


def test_it_does_not_hear_the_margins():
    net = build("chord/mcfee17").net.eval()
    x = torch.rand(1, 1, 252, 20)
    other = x.clone()
    other[:, :, :18] = other[:, :, -18:] = 5.0
    with torch.no_grad():
        torch.testing.assert_close(net(x), net(other))


# ---- transposing


@pytest.mark.parametrize("up", [-6, 2, 6])
def test_features_moved_by_bins_are_those_of_what_is_played_higher(up):
    cqt = build("chord/mcfee17").input.parts["cqt"]
    here, there = (cqt(torch.from_numpy(played(("C:maj", "D:min7"), up=k).samples)[None]) for k in (0, up))
    moved = Transposed(chord_frames(), 3).moved(here, torch.tensor([up]))[:, :, 18:-18]
    away, unmoved = ((x - there[:, :, 18:-18]).abs()[..., 2:-2].mean() for x in (moved, here[:, :, 18:-18]))
    assert away < 0.3 * unmoved  # lower filters last longer, so that starts and ends look a little different


@pytest.mark.parametrize("up", [-5, 0, 3, 6])
def test_truth_that_is_moved_is_the_truth_of_what_is_moved(up):
    labels = ("C:maj", "N", "G:7/3", "F#:hdim7", "C:5", "X", "Bb:sus2/5")
    times = np.arange(140) / 10
    here, there = (
        ChordFrames().read(Example(chords=spans(tuple(str(harmony.parse(x).transposed(k)) for x in labels))), times) for k in (0, up)
    )
    moved = transposed(torch.stack([here, here]), torch.tensor([up, 0]))
    torch.testing.assert_close(moved, torch.stack([there, here]), equal_nan=True)


def test_every_example_is_transposed_by_itself_and_by_chance():
    from aural.objectives import Batch

    seen = []

    class Recorder(Transposed):
        def moved(self, x, by):
            if not isinstance(x, dict):
                seen.append(by)
            return super().moved(x, by)

    system = build("chord/mcfee17", hidden=2)
    x = {"cqt": torch.rand(64, 1, 252, 4), "lengths": torch.full((64,), 4)}
    y = torch.full((64, 15, 4), float("nan"))
    for seed in (0, 0, 1):
        list(Recorder(chord_frames(), 3).updates(system, Batch(x, y, torch.Generator().manual_seed(seed))))
    shifts = seen[0]
    assert set(shifts.tolist()) == set(range(-6, 7))
    assert (seen[0] == seen[2]).all()  # each batch moves two tensors
    assert (seen[0] != seen[4]).any()


# ---- the loss


def rows(label: str) -> torch.Tensor:
    return ChordFrames().read(Example(chords=spans((label,), 9.0)), np.arange(5) / 10)[None]


def test_the_loss_is_the_sum_of_four_means():
    estimate = torch.zeros(1, 208, 5)
    whole = chord_frames()(estimate, rows("C:maj"))
    assert float(whole) == pytest.approx(2 * np.log(13) + np.log(2) + np.log(170), rel=1e-5)
    assert float(chord_frames(bass=0.0)(estimate, rows("C:maj"))) == pytest.approx(np.log(13) + np.log(2) + np.log(170), rel=1e-5)


def test_what_is_unknown_costs_nothing_and_teaches_nothing():
    estimate = torch.randn(1, 208, 5, requires_grad=True)
    loss = chord_frames()(estimate, rows("X"))
    assert loss == 0
    loss.backward()
    assert (estimate.grad == 0).all()
    estimate.grad = None
    chord_frames()(estimate, rows("C:5")).backward()
    assert (estimate.grad[:, :38] != 0).any()
    assert (estimate.grad[:, 38:] == 0).all()


def test_the_loss_names_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="208"):
        chord_frames()(torch.zeros(1, 208, 5), torch.zeros(1, 15, 4))


def test_transposing_both_sides_changes_no_loss():
    estimate = torch.randn(1, 208, 5)
    here, there = rows("G:7/3"), transposed(rows("G:7/3"), torch.tensor([4]))
    torch.testing.assert_close(chord_frames()(estimate, here), chord_frames()(turned(estimate, 4), there))


# ---- it learns

SONGS = (("C:maj", "A:min", "F:maj", "G:7"), ("N", "D:min7", "G:7", "C:maj"), ("E:min", "C:maj/3", "F:maj", "C:maj"))


@pytest.mark.slow
def test_it_learns_a_few_songs_in_every_key(tmp_path):
    pytest.importorskip("lightning")
    torch.set_num_threads(1)
    songs = [Example(sound=played(labels), chords=spans(labels)) for labels in SONGS]
    system = build("chord/mcfee17", hidden=32, layers=1)
    system.recipe = aural.system.Recipe(seconds=8, batch=4, steps=150, rate=5e-3)
    system = aural.train(system, songs, out=tmp_path, augment=False)
    losses = [json.loads(line)["loss"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert losses[-1] < 0.5 * losses[0]
    for up in (0, 3):
        found = run(system, sound=played(SONGS[0], up=up))["chords"]
        heard = [harmony.class_of(harmony.parse(x)) for x in found.at(np.arange(1, 8, 2.0))]
        assert heard == [harmony.class_of(harmony.parse(x).transposed(up)) for x in SONGS[0]]


def test_silence_and_shortest_sounds_are_answered():
    system = build("chord/mcfee17", hidden=4).eval()
    for n in (1, 100, RATE):
        run(system, sound=Sound(np.zeros((1, n), dtype=np.float32), RATE))["chords"].validate(n / RATE)


# ---- the floor


def test_triads_are_heard_without_learning():
    from aural.annotations import Events
    from aural.system import load

    floor = load("chord/templates")
    assert not list(floor.net.parameters())
    labels = ("C:maj", "A:min", "F#:maj", "G:7", "Bb:min")
    found = run(floor, sound=played(labels), beats=Events(np.arange(0, 10, 0.5)))["chords"]
    heard = [harmony.class_of(harmony.parse(x)) for x in found.at(np.arange(1, 10, 2.0))]
    assert heard == [harmony.class_of(harmony.parse(x), "majmin", near=True) for x in labels]
