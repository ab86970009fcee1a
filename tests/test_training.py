"""Training: what is promised of stopping and going on, of chance, and of errors."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import aural
from aural import Events, Example
from aural.objectives import Objective, Supervised, Update
from aural.system import Recipe, System
from aural.training import Steps, draw
from aural.training._examples import LARGE, expanded, squeezed

pytest.importorskip("lightning")
TOYS = Path(__file__).parent / "toys"
sys.path.insert(0, str(TOYS))
from made import clicks, source  # noqa: E402

SOURCE = source(clicks)


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    monkeypatch.setenv("AURAL_SYSTEMS", str(TOYS))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums of more threads have other last bits
    yield
    torch.set_num_threads(threads)


def trained(out: Path, **more) -> System:
    return aural.train("onset/clicker", SOURCE, **{"out": out, "steps": 12, "every": 5, "seed": 1, **more})


def weights(system: System) -> dict[str, torch.Tensor]:
    return dict(system.state_dict())


def assert_equal(first: System, second: System) -> None:
    a, b = weights(first), weights(second)
    assert a.keys() == b.keys()
    for name in a:
        assert torch.equal(a[name], b[name]), name


class StoppedError(Exception):
    """Thrown into a run to end it."""


def test_it_learns(tmp_path):
    torch.manual_seed(0)
    system = trained(tmp_path, steps=60)
    found = aural.run(system, clicks(99))["onsets"]
    assert len(found) == len(clicks(99)["onsets"])
    np.testing.assert_allclose(found.times, clicks(99)["onsets"].times, atol=0.02)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [record["step"] for record in log] == [50, 60]
    assert log[1]["loss"] < log[0]["loss"]
    assert {"rate", "seconds", "steps_per_second"} <= set(log[0])
    assert_equal(aural.load(tmp_path / "weights.safetensors"), system)


def test_the_same_seed_gives_the_same_weights_and_another_gives_others(tmp_path):
    first = trained(tmp_path / "a")
    assert_equal(first, trained(tmp_path / "b"))
    assert not torch.equal(first.net.layers[0].weight, trained(tmp_path / "c", seed=2).net.layers[0].weight)


def test_killed_by_an_error_and_resumed_is_never_stopped(tmp_path):
    whole = trained(tmp_path / "whole")

    def stop(record):
        raise StoppedError

    with pytest.raises(StoppedError):  # at step 12's record: the last checkpoint is of step 10
        trained(tmp_path / "part", listener=stop)
    assert not (tmp_path / "part" / "weights.safetensors").exists()
    assert torch.load(tmp_path / "part" / "checkpoint.pt", weights_only=True)["step"] == 10
    assert_equal(whole, trained(tmp_path / "part"))


def test_a_finished_run_is_not_trained_again(tmp_path):
    records = []
    first = trained(tmp_path)
    assert_equal(first, trained(tmp_path, listener=records.append))
    assert records == []


KILLED = """
import sys
sys.path.insert(0, {toys!r})
from made import clicks, source
import aural, torch
torch.set_num_threads(1)
aural.train("onset/clicker", source(clicks), out={out!r}, steps=160, every=10, seed=1, workers={workers})
"""


@pytest.mark.parametrize("workers", [0, 1])
def test_killed_with_minus_9_and_resumed_is_never_killed(tmp_path, workers):
    whole = trained(tmp_path / "whole", steps=160, every=1000)
    out = tmp_path / "killed"
    code = KILLED.format(toys=str(TOYS), out=str(out), workers=workers)
    child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and child.poll() is None:
            if (out / "checkpoint.pt").exists() and torch.load(out / "checkpoint.pt", weights_only=True)["step"] >= 20:
                break
            time.sleep(0.01)
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    step = torch.load(out / "checkpoint.pt", weights_only=True)["step"]
    assert 20 <= step < 160
    records = []
    assert_equal(whole, trained(out, steps=160, listener=records.append))
    assert records[0]["step"] > step  # it went on from there
    logged = [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()]
    assert logged == [50, 100, 150, 160]


def test_fine_tuning_goes_on_from_the_weights_it_is_given(tmp_path):
    first = trained(tmp_path / "first", steps=30)
    before = {name: tensor.clone() for name, tensor in weights(first).items()}
    again = aural.train(aural.load(tmp_path / "first" / "weights.safetensors"), SOURCE, out=tmp_path / "none", steps=0, fit_input=False)
    assert all(torch.equal(before[name], tensor) for name, tensor in weights(again).items())
    fresh = trained(tmp_path / "fresh", steps=5)
    tuned = aural.train(aural.load(tmp_path / "first" / "weights.safetensors"), SOURCE, out=tmp_path / "more", steps=5, fit_input=False)
    moved = {
        kind: sum(float((before[n] - t).float().norm()) for n, t in weights(s).items()) for kind, s in (("tuned", tuned), ("fresh", fresh))
    }
    assert 0 < moved["tuned"] < moved["fresh"]


def test_workers_change_nothing(tmp_path):
    assert_equal(trained(tmp_path / "a"), trained(tmp_path / "b", workers=2))


def test_what_is_squeezed_on_its_way_is_the_same_when_it_arrives():
    tensor = torch.zeros(3, 7, LARGE // 20)
    tensor[1, 2, 5:900] = torch.randn(895)
    tensor[2, :, 100:] = float("nan")
    dense, small = torch.randn(2, LARGE), torch.zeros(9)
    batch = {"targets": tensor, "more": {"dense": dense, "small": small, "whole": torch.zeros(LARGE, dtype=torch.int64)}}
    sent = squeezed(batch)
    assert sum(t.nbytes for t in sent["targets"].values() if isinstance(t, torch.Tensor)) < tensor.nbytes / 12
    assert sent["more"] == batch["more"]  # nothing is gained there
    arrived = expanded(sent)
    torch.testing.assert_close(arrived["targets"], tensor, rtol=0, atol=0, equal_nan=True)
    assert arrived["more"] == batch["more"]


def test_another_runs_checkpoint_is_refused(tmp_path):
    trained(tmp_path, steps=2)
    with pytest.raises(aural.AuralError, match="another run"):
        trained(tmp_path, steps=2, seed=7)
    trained(tmp_path, steps=2, seed=7, resume=False)


def test_a_damaged_checkpoint_is_named(tmp_path):
    (tmp_path / "checkpoint.pt").write_bytes(b"half")
    with pytest.raises(aural.AuralError, match=r"checkpoint\.pt"):
        trained(tmp_path)


def test_an_example_depends_only_on_seed_and_step():
    system = aural.build("onset/clicker")
    steps = Steps(system, SOURCE, 3)
    again = Steps(aural.build("onset/clicker"), SOURCE, 3)
    for step in (5, 0, 5):
        for a, b in zip(steps[step][1:], again[step][1:], strict=True):
            assert torch.equal(a.nan_to_num(-1), b.nan_to_num(-1))
    assert not torch.equal(steps[0][1], steps[1][1])


def test_crops_keep_sound_and_truth_together():
    system = aural.build("onset/clicker")
    system.recipe = replace(system.recipe, seconds=0.5, batch=16)
    for example in draw(system, SOURCE, 0, 0):
        assert example.duration == pytest.approx(0.5, abs=1e-3)
        loud = np.abs(example["sound"].samples[0])
        for t in example["onsets"].times:
            start = round(t * 8000)
            assert loud[start : start + 40].max() > 0.1


def test_the_rate_warms_up_and_falls_to_nothing(tmp_path):
    records = []
    trained(tmp_path, steps=150, listener=records.append)
    rates = [record["rate"] for record in records]
    assert rates == sorted(rates, reverse=True)
    assert rates[0] == pytest.approx(0.01 * 0.5 * (1 + np.cos(np.pi * 50.5 / 150)), rel=1e-6)
    assert rates[-1] < 1e-5


def test_the_saved_weights_are_the_average(tmp_path):
    averaged = trained(tmp_path / "a")
    system = aural.build("onset/clicker")
    system.recipe = replace(system.recipe, average=0.0)
    torch.manual_seed(1)
    plain = aural.build("onset/clicker")
    plain.recipe = replace(plain.recipe, average=0.0)
    plain = aural.train(plain, SOURCE, out=tmp_path / "b", steps=12, seed=1)
    assert not torch.equal(plain.net.layers[0].weight, averaged.net.layers[0].weight)
    torch.testing.assert_close(plain.net.layers[0].weight, averaged.net.layers[0].weight, atol=0.2, rtol=0)
    state = torch.load(tmp_path / "a" / "checkpoint.pt", weights_only=True)["learning"]
    assert torch.equal(state["average.layers.0.weight"], averaged.net.layers[0].weight)
    assert torch.equal(state["system.net.layers.0.weight"], plain.net.layers[0].weight)


def test_minutes_end_a_run_by_the_clock(tmp_path):
    records = []
    trained(tmp_path, minutes=0.02, steps=None, listener=records.append)
    assert records[-1]["seconds"] == pytest.approx(1.2, abs=1.0)
    assert records[-1]["rate"] < 1e-4


def test_augmentation_meets_sounds_and_features_with_the_steps_own_chance(tmp_path):
    class Seen:
        def __init__(self):
            self.sounds, self.drawn = [], []

        def sound(self, raw, rate, generator):
            self.sounds.append((tuple(raw.shape), rate))
            self.drawn.append(float(torch.rand(1, generator=generator)))
            return raw * 0.5

        def features(self, x, generator):
            assert x.ndim == 4
            return x + 1

    first, second = Seen(), Seen()
    a, b = trained(tmp_path / "a", augment=first), trained(tmp_path / "b", augment=second)
    assert set(first.sounds) == {((4, 1, 8000), 8000)}
    assert first.drawn == second.drawn
    assert len(set(first.drawn)) == 12 + 8  # steps, and the batches that the input is fitted on
    assert_equal(a, b)
    assert not torch.equal(a.net.layers[0].weight, trained(tmp_path / "c").net.layers[0].weight)


def test_half_precision_is_for_the_net_alone(tmp_path):
    seen = {}

    class Probe(Supervised):
        def updates(self, system, batch):
            seen["features"] = batch.x.dtype
            seen["activations"] = system(batch.x).dtype
            yield from super().updates(system, batch)

    from aural.objectives import binary

    system = aural.build("onset/clicker")
    system.objective = Probe(binary)
    aural.train(system, SOURCE, out=tmp_path, steps=2, precision="bf16-mixed")
    assert seen == {"features": torch.float32, "activations": torch.bfloat16}
    assert all(torch.isfinite(p).all() and p.dtype == torch.float32 for p in system.net.parameters())


def test_an_update_moves_its_own_learner_and_no_other(tmp_path):
    class InTurn(Objective):
        def __init__(self):
            super().__init__()
            self.critic = torch.nn.Linear(100, 1)

        def updates(self, system, batch):
            mine = [p.clone() for p in system.net.parameters()]
            its = [p.clone() for p in self.critic.parameters()]
            made = system(batch.x)[..., :100]
            yield Update(self.critic(made.detach()).square().mean(), of="critic")
            assert all(torch.equal(a, b) for a, b in zip(mine, system.net.parameters(), strict=True))
            assert not all(torch.equal(a, b) for a, b in zip(its, self.critic.parameters(), strict=True))
            its = [p.clone() for p in self.critic.parameters()]
            yield Update(self.critic(system(batch.x)[..., :100]).mean())
            assert not all(torch.equal(a, b) for a, b in zip(mine, system.net.parameters(), strict=True))
            assert all(torch.equal(a, b) for a, b in zip(its, self.critic.parameters(), strict=True))

    system = aural.build("onset/clicker")
    system.objective = InTurn()
    records = []
    aural.train(system, SOURCE, out=tmp_path, steps=2, listener=records.append)
    assert {"loss", "loss/critic"} <= set(records[0])


def test_a_source_without_the_truth_is_an_error_not_a_training(tmp_path):
    mute = source(lambda index: Example(sound=clicks(index)["sound"], chords="C"))
    with pytest.raises(aural.AuralError, match=r"onsets.*chords"):
        aural.train("onset/clicker", mute, out=tmp_path, steps=1)


def test_silence_and_partial_truth_are_learned_from_without_a_nan(tmp_path):
    def half(index):
        example = clicks(index)
        if index % 2:
            del example["onsets"]
        example["sound"] = aural.Sound(example["sound"].samples * 0, 8000)
        return example

    system = aural.train("onset/clicker", source(half), out=tmp_path, steps=3)
    assert all(torch.isfinite(p).all() for p in system.net.parameters())


def test_a_training_that_diverges_says_so(tmp_path):
    class Broken(Supervised):
        def updates(self, system, batch):
            yield Update(system(batch.x).mean() * float("nan"))

    system = aural.build("onset/clicker")
    system.objective = Broken(lambda a, y: a.mean())
    with pytest.raises(aural.AuralError, match="diverged"):
        aural.train(system, SOURCE, out=tmp_path, steps=1)


@pytest.mark.parametrize(
    ("more", "word"), [({"precision": "16"}, "bf16-mixed"), ({"device": "cuda:99"}, "device"), ({"steps": -1}, "steps")]
)
def test_a_wrong_argument_is_named(tmp_path, more, word):
    with pytest.raises(aural.AuralError, match=word):
        trained(tmp_path, **more)


def test_optimiser_arguments_of_nobody_are_an_error(tmp_path):
    system = aural.build("onset/clicker")
    system.recipe = Recipe(optimisers={"critic": {"betas": (0.5, 0.9)}})
    with pytest.raises(aural.AuralError, match="critic"):
        aural.train(system, SOURCE, out=tmp_path, steps=1)


def test_without_lightning_the_error_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning", None)
    with pytest.raises(aural.AuralError, match=r"aural\[train\]"):
        trained(tmp_path)


def test_lists_of_examples_are_sources_and_empty_ones_are_errors(tmp_path):
    aural.train("onset/clicker", [clicks(0)], out=tmp_path, steps=1)
    with pytest.raises(aural.AuralError, match="no examples"):
        aural.train("onset/clicker", [], out=tmp_path / "b", steps=1)
    empty = Example(sound=clicks(0)["sound"], onsets=Events(np.zeros(0)))
    aural.train("onset/clicker", [empty], out=tmp_path / "c", steps=1)
