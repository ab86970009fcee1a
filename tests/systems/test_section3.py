"""Facts of the survey's third section: which input, which first layer; and of what all its classifiers share."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import aural
import aural.data
from aural import Example, Sound, tasks
from aural.annotations import Label
from aural.encodings import ClipClass
from aural.encodings.tags import ClipTags, clip_words
from aural.errors import OptionError
from aural.nets.blocks import parameters
from aural.nets.segments import Segments
from aural.objectives import binary
from aural.system import build, save
from aural.tasks.tag import areas, pr_auc, roc_auc
from aural.tasks.tag import score as score_tags

FIFTY = tuple(f"tag {i}" for i in range(50))
ALL = [
    "tag/choi16",
    "tag/pons16",
    "tag/dieleman_schrauwen14",
    "tag/sample_cnn",
    "tag/sample_cnn_se",
    "tag/multiscale",
    "tag/harmonic_cnn",
    "instrument/pitch_spiral",
    "speech/sincnet",
    "speech/gabor_cnn",
]
SMALL = {
    "tag/choi16": {"channels": (64, 64, 64, 64), "pools": (2, 2, 3, 4), "frames": 48},
    "tag/sample_cnn": {"rate": 8000, "blocks": 5, "dropout": 0.1},
    "tag/sample_cnn_se": {"rate": 8000, "blocks": 5, "dropout": 0.1},
    "tag/multiscale": {"seconds": 1.0},
    "tag/harmonic_cnn": {"seconds": 1.0, "channels": (8, 8, 8, 8, 8, 8, 8)},
    "tag/dieleman_schrauwen14": {"seconds": 1.0},
    "speech/sincnet": {"units": 64, "rate": 8000},
}


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def noise(seconds: float, seed: int = 0, rate: int = 16_000) -> Sound:
    return Sound(0.1 * np.random.default_rng(seed).standard_normal((1, round(seconds * rate))).astype(np.float32), rate)


# ---- words of a clip


def test_tags_go_there_and_back():
    part = ClipTags("tags", ("guitar", "drums", "voice"))
    target = part.read(Example(tags=(Label("voice"), "guitar", "unheard of")))
    assert target.tolist() == [1, 0, 1]
    assert {label.name for label in part.decode(20 * target - 10, np.zeros(1), Example())} == {"guitar", "voice"}
    assert part.read(Example(tags=())).tolist() == [0, 0, 0]


def test_the_surest_tag_is_said_first_and_none_below_the_threshold():
    said = ClipTags("tags", "abc", threshold=0.4).decode(torch.tensor([0.0, -1.0, 2.0]), np.zeros(1), Example())
    assert [label.name for label in said] == ["c", "a"]
    assert said[0].confidence == pytest.approx(1 / (1 + np.exp(-2)))


def test_a_clip_without_tags_costs_no_loss():
    part = ClipTags("tags", "ab")
    targets = torch.stack([part.read(Example()), part.read(Example(tags=("a",)))])
    logits = torch.tensor([[9.0, 9.0], [0.0, 0.0]], requires_grad=True)
    loss = binary(logits, targets)
    loss.backward()
    assert loss.item() == pytest.approx(np.log(2))
    assert logits.grad[0].tolist() == [0, 0]


def test_each_word_is_wanted_once():
    with pytest.raises(OptionError, match="each once"):
        ClipTags("tags", ("a", "a"))
    with pytest.raises(OptionError, match="labels"):
        ClipTags("tags", ())


def test_the_field_says_whether_one_word_or_many_hold():
    assert isinstance(clip_words("tags", "ab"), ClipTags)
    assert isinstance(clip_words("instrument", "ab"), ClipClass)


# ---- scores


def test_areas_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    truth = rng.random((60, 5)) < 0.3
    scores = (truth + rng.standard_normal(truth.shape)).round(1)  # with ties
    found = areas(truth, scores)
    assert found["ROC-AUC"] == pytest.approx(metrics.roc_auc_score(truth, scores, average="macro"), abs=1e-12)
    assert found["PR-AUC"] == pytest.approx(metrics.average_precision_score(truth, scores, average="macro"), abs=1e-12)


def test_areas_of_the_perfect_the_opposite_and_the_constant():
    truth = np.array([1, 1, 0, 0], dtype=bool)
    assert (roc_auc(truth, truth * 1.0), roc_auc(truth, ~truth * 1.0), roc_auc(truth, np.zeros(4))) == (1, 0, 0.5)
    assert (pr_auc(truth, truth * 1.0), pr_auc(truth, np.zeros(4))) == (1, 0.5)


def test_words_that_always_or_never_hold_are_no_part_of_the_mean():
    truth = np.array([[1, 1, 0], [0, 1, 0]], dtype=bool)
    assert areas(truth, np.array([[0.9, 0.1, 0.9], [0.1, 0.9, 0.1]])) == {"ROC-AUC": 1.0, "PR-AUC": 1.0}
    assert all(np.isnan(value) for value in areas(truth[:, 1:], np.zeros((2, 2))).values())


def test_sets_of_words_are_compared():
    assert score_tags((Label("a"), "b"), (Label("a", 0.9), Label("c", 0.8))) == {"F": 0.5, "P": 0.5, "R": 0.5}
    assert score_tags((), ()) == {"F": 1, "P": 1, "R": 1}
    assert score_tags(("a",), ()) == {"F": 0, "P": 0, "R": 0}


@pytest.mark.parametrize("name", ["label", "instrument", "speech", "speaker"])
def test_one_word_is_right_or_wrong(name):
    score = tasks.task(name).score
    assert score(Label("a"), Label("a", 0.4)) == {"accuracy": 1}
    assert score(Label("a"), Label("b", 0.9)) == {"accuracy": 0}


@pytest.mark.parametrize("name", ["tag", "label", "instrument", "speech", "speaker"])
def test_nothing_of_this_is_done_unasked(name):
    assert not tasks.task(name).default
    assert tasks.task(name).lane is None


# ---- what is learned from, and what is tested on


def pack(folder: Path, header: str, *rows: str) -> None:
    import soundfile

    for row in rows:
        path = folder / row.split(",")[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.zeros(800, np.float32), 8000)
    (folder / "labels.csv").write_text("\n".join([header, *rows]) + "\n")


def test_no_pitch_of_the_notes_is_both_learned_from_and_tested_on(tmp_path, monkeypatch):
    rows = [f"{who}/{midi}.wav,{who},{midi}" for who in ("oboe", "cello") for midi in range(50, 62)]
    pack(tmp_path / "philharmonia_notes", "file,instrument,midi", *rows)
    monkeypatch.setenv("AURAL_DATA", str(tmp_path))
    sides = [aural.data.source("philharmonia_notes", split) for split in ("train", "test")]
    pitches = [{found(i)["name"].split("/")[1] for i in range(found.size)} for found in sides]
    assert pitches[1] == {"50", "55", "60"}
    assert not pitches[0] & pitches[1]
    assert sides[0].size + sides[1].size == len(rows)
    assert sides[1].labels("instrument") == ["cello", "oboe"]


def test_the_fifth_fold_is_tested_on(tmp_path, monkeypatch):
    pack(tmp_path / "esc10", "file,fold,esc10_class", *[f"fold{k}/{k}.wav,{k},Rain" for k in range(1, 6)])
    monkeypatch.setenv("AURAL_DATA", str(tmp_path))
    train, test = aural.data.source("esc10", "train"), aural.data.source("esc10", "test")
    assert [train(i)["strata"] for i in range(train.size)] == [("fold1",), ("fold2",), ("fold3",), ("fold4",)]
    assert (test.size, test(0)["strata"], test(0)["label"].name) == (1, ("fold5",), "Rain")


@pytest.mark.skipif(not os.environ.get("AURAL_DATA"), reason="AURAL_DATA is not set")
@pytest.mark.parametrize("data", ["notes", "esc10", "digits", "speakers"])
def test_every_class_of_the_packs_is_on_both_sides(data):
    module = recipe()
    train, test = module.clips(data, "2", 0, {"jobs": "0", "limit": "0"})
    field = module.DATA[data][1]
    assert {e[field].name for e in train} == {e[field].name for e in test}
    assert not {e["name"] for e in train} & {e["name"] for e in test}
    if data == "esc10":
        assert {stratum for e in test for stratum in e["strata"]} == {"fold2"}
        assert (len(train), len(test)) == (320, 80)


# ---- segments


class Sums(nn.Module):
    """Two numbers of a segment: its sum, and one."""

    def forward(self, x):
        return torch.stack([x.flatten(1).sum(1), torch.ones(len(x))], 1)


def test_a_clip_is_the_mean_of_its_segments():
    x = torch.arange(8.0)[None, None]
    assert Segments(Sums(), 4)(x, torch.tensor([8])).tolist() == [[14, 1]]  # (0 + 1 + 2 + 3 + 4 + 5 + 6 + 7) / 2


def test_segments_may_overlap():
    x = torch.arange(8.0)[None, None]
    assert Segments(Sums(), 4, 2)(x, torch.tensor([8]))[0, 0] == (6 + 14 + 22) / 3


@pytest.mark.parametrize(("length", "segments"), [(0, 1), (1, 1), (4, 1), (5, 1), (6, 2), (8, 2), (9, 2), (10, 3)])
def test_a_last_segment_counts_when_half_of_it_is_there(length, segments):
    heard = []
    net = nn.Sequential(Sums())
    net.register_forward_pre_hook(lambda _, inputs: heard.append(len(inputs[0])))
    Segments(net, 4)(torch.zeros(1, 1, length), torch.tensor([length]))
    assert sum(heard) == segments


@pytest.mark.parametrize("training", [True, False])
def test_padding_is_no_part_of_the_mean(training):
    net = Segments(Sums(), 4, at_once=1).train(training)
    x = torch.rand(2, 1, 3, 16)
    x[1, ..., 5:] = 0
    both = net(x, torch.tensor([16, 5]))
    torch.testing.assert_close(both[1:], net(x[1:, ..., :5], torch.tensor([5])))


# ---- every classifier


def test_the_tests_know_all_of_them():
    from aural.registry import names

    assert {name for name in names() if name.split("/")[0] in ("tag", "instrument")} >= set(ALL[:-2])


@pytest.mark.parametrize("name", ALL)
def test_it_answers_any_question_of_a_clip(name):
    many = build(name, of="tags", labels=("a", "b", "c"), **SMALL.get(name, {})).eval()
    assert many.task is tasks.task("tag")
    soft = aural.run(many, sound=noise(0.7), soft=True)["tags"]
    assert soft.labels == ("a", "b", "c")
    assert ((soft.values > 0) & (soft.values < 1)).all()
    one = build(name, of="instrument", labels=("a", "b", "c"), **SMALL.get(name, {})).eval()
    assert aural.run(one, sound=noise(0.7))["instrument"].name in ("a", "b", "c")


@pytest.mark.parametrize("name", ALL)
def test_saved_and_loaded_it_thinks_the_same(name, tmp_path):
    system = build(name, of="label", labels=("low", "high"), **SMALL.get(name, {})).eval()
    if any(hasattr(module, "fit") for module in system.input.modules()):
        raw, _ = system.collate([Example(sound=noise(0.7, 1))], truth=False)
        for part in (m for m in system.input.modules() if hasattr(m, "fit")):
            part.fit([raw["x"]])
    before = aural.run(system, sound=noise(0.7), soft=True)["label"].values
    save(system, tmp_path / "weights.safetensors")
    after = aural.run(aural.load(tmp_path / "weights.safetensors"), sound=noise(0.7), soft=True)["label"].values
    assert before.tolist() == after.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
def test_it_learns_two_tones_apart(name, tmp_path):
    """Low and high tones of random phase: forty steps suffice."""
    rng, rate = np.random.default_rng(0), 16_000

    def tone(i: int) -> Example:
        hz = (220.0, 3100.0)[i % 2] * rng.uniform(0.97, 1.03)
        wave = 0.3 * np.sin(2 * np.pi * (hz * np.arange(rate // 2) / rate + rng.random()))
        return Example(sound=Sound(wave[None].astype(np.float32), rate), label=Label("low" if i % 2 == 0 else "high"))

    system = build(name, of="label", labels=("low", "high"), **SMALL.get(name, {}))
    system.recipe = replace(system.recipe, batch=8, steps=40, rate=2e-3)
    aural.train(system, [tone(i) for i in range(16)], out=tmp_path, seed=0)
    tests = [tone(i) for i in range(8)]
    right = sum(aural.run(system, sound=e["sound"])["label"].name == e["label"].name for e in tests)
    assert right >= 7


# ---- the papers


@pytest.mark.parametrize("input", ["logmel", "stft", "mfcc", "cqt"])
def test_choi16_has_the_papers_parameters_on_every_input(input):
    """Nothing but the pools depends on the input: what is compared is the picture."""
    four = build("tag/choi16", labels=FIFTY, input=input)
    assert parameters(four.net) == 17_365_938
    five = build("tag/choi16", labels=FIFTY, input=input, channels=(128, 256, 512, 1024, 2048), pools=(4, 4, 4, 5, 4))
    assert parameters(five.net) == 25_183_026


@pytest.mark.parametrize(("input", "bands"), [("logmel", 96), ("stft", 257), ("mfcc", 32), ("cqt", 168)])
def test_choi16_pools_every_picture_to_a_point(input, bands):
    small = {"channels": (2, 2, 2, 2), "input": input}
    system = build("tag/choi16", **small).eval()
    x = system.features(system.collate([Example(sound=noise(29.2, rate=12_000))], truth=False)[0])["x"]
    assert x.shape == (1, 1, bands, 1369)
    assert system.net.net.cnn(x[..., :1366]).shape == (1, 2, 1, 1)


def test_choi16_wants_four_layers_or_five():
    with pytest.raises(OptionError, match="four of each, or five"):
        build("tag/choi16", channels=(8, 8), pools=(4, 4))


def test_pons16_families_are_small_beside_the_black_box():
    sizes = {kind: parameters(build("tag/pons16", kind=kind).net) for kind in ("black-box", "time", "frequency", "both")}
    assert sizes["both"] == sizes["time"] + sizes["frequency"] - 14  # one bias a word is shared
    assert sizes["black-box"] > 150 * sizes["both"]


@pytest.mark.parametrize("window", [256, 512, 1024])
def test_dieleman_schrauwen14_hears_mel_and_waveform_with_the_same_net(window):
    wave, mel = (build("tag/dieleman_schrauwen14", input=kind, length=window, stride=window).net.net for kind in ("waveform", "mel"))
    frames = {256: 187, 512: 93, 1024: 46}[window]
    assert wave.first(torch.zeros(1, 1, 48_000)).shape == (1, 128, frames)
    first = wave.convolutions[0](torch.zeros(1, 128, frames))
    assert first.shape[-1] == {256: 45, 512: 21, 1024: 11}[window]
    assert parameters(wave) - parameters(mel) == 128 * window
    assert parameters(wave.dense) == parameters(mel.dense)


def test_dieleman_schrauwen14_in_pairs_hears_no_phase():
    """Sines and cosines, their squares added: the first layer answers a tone alike, whatever its phase."""
    from aural.frontends import Strided

    layer = Strided(128, 256, 256, pairs=True, start="fourier", padding="valid")
    time = torch.arange(48_000, dtype=torch.float64) / 16_000
    a, b = (layer(torch.sin(2 * np.pi * 1000 * time + phase)[None, None].float()) for phase in (0.0, 1.0))
    torch.testing.assert_close(a, b, atol=1e-3, rtol=0)


def test_sample_cnn_has_the_papers_parameters_and_hears_its_whole_segment():
    system = build("tag/sample_cnn", labels=FIFTY)
    assert parameters(system.net) == 1_869_874
    assert system.net.frames == 59_049
    assert system.recipe.seconds == pytest.approx(2.678, abs=1e-3)
    assert system.net.net.eval().body(torch.zeros(1, 1, 59_049)).shape == (1, 512, 1)


def test_sample_cnn_of_any_base():
    assert build("tag/sample_cnn", rate=8000, blocks=7).net.frames == 3**8
    assert build("tag/sample_cnn", base=2, blocks=13).net.frames == 2**14


@pytest.mark.parametrize("block", ["basic", "se", "res", "rese"])
def test_sample_cnn_se_hears_three_levels(block):
    net = build("tag/sample_cnn_se", block=block, rate=8000, blocks=7).net.net.eval()
    assert net.body(torch.zeros(1, 1, 3**8)).shape == (1, 256 + 256 + 512, 1)


def test_sample_cnn_se_costs_little_more_than_without():
    """The excitation of channels is two small dense layers a block."""
    plain, excited = (parameters(build("tag/sample_cnn_se", block=block).net) for block in ("basic", "se"))
    assert 1 < excited / plain < 1.06


def test_multiscale_shares_its_filters_out():
    net = build("tag/multiscale").net.net.body
    assert [branch.length for branch in net.scales[0].branches] == [16, 80, 160]
    assert [branch.channels for branch in net.scales[0].branches] == [32, 32, 32]
    assert net.scales(torch.zeros(1, 1, 16_000)).shape == (1, 96, 100)
    assert len(build("tag/multiscale", windows_ms=(10.0,)).net.net.body.scales[0].branches) == 1


def test_harmonic_cnn_learns_how_wide_it_hears():
    system = build("tag/harmonic_cnn", channels=(4,) * 7)
    body = system.net.net.body
    assert len(body.harmonic.centres) == 128
    system.train()
    x = system.features(system.collate([Example(sound=noise(1.0, seed)) for seed in range(2)], truth=False)[0])
    system(x).square().sum().backward()
    assert body.harmonic.q.grad.abs() > 0
    assert body.layers(torch.zeros(1, 6, 128, 312)).shape == (1, 4, 1, 2)


def test_pitch_spiral_moves_with_the_pitch_below_its_split():
    layer = build("instrument/pitch_spiral").net.net.layers[0].low
    x = torch.zeros(1, 1, 72, 9)
    x[0, 0, 30, 4] = 1
    up = layer(torch.roll(x, 5, 2)) - layer(torch.zeros_like(x))
    torch.testing.assert_close(up[:, :, 15:65], torch.roll(layer(x) - layer(torch.zeros_like(x)), 5, 2)[:, :, 15:65], atol=1e-5, rtol=1e-4)


def test_sincnet_is_as_long_as_the_paper_says():
    net = build("speech/sincnet", labels=tuple(map(str, range(462)))).net.net
    assert parameters(net.sinc) == 160
    lengths = []
    for module in net.modules():
        if isinstance(module, nn.MaxPool1d | nn.Conv1d):
            module.register_forward_hook(lambda _module, _inputs, out: lengths.append(out.shape[-1]))
    net.eval()(torch.zeros(1, 1, 3200))
    assert lengths == [983, 979, 326, 322, 107]
    assert net.dense[0][0].in_features == 6420
    assert net.dense[-1].out_features == 462


def test_gabor_cnn_learns_frequency_and_width_and_stays_complex_until_the_end():
    net = build("speech/gabor_cnn").net.net
    assert parameters(net.gabor) == 2 * 40
    assert net.layers(net.gabor(torch.rand(1, 1, 16_000))).is_complex()
    net.train()(torch.rand(2, 1, 16_000)).square().sum().backward()
    assert net.gabor.frequency.grad.abs().sum() > 0
    assert net.gabor.deviation.grad.abs().sum() > 0


def test_silence_has_a_gradient(recwarn):
    """Moduli and logarithms of nothing: numbers all the same."""
    for name in ("speech/gabor_cnn", "tag/dieleman_schrauwen14", "tag/harmonic_cnn"):
        options = {"pairs": True} if "dieleman" in name else {}
        system = build(name, **options, **SMALL.get(name, {})).train()
        silent = [Example(sound=Sound(np.zeros((1, 8000)), 16_000)) for _ in range(2)]
        system(system.features(system.collate(silent, truth=False)[0])).square().sum().backward()
        assert all(torch.isfinite(p.grad).all() for p in system.net.parameters() if p.grad is not None)


# ---- the recipe

RECIPES = Path(__file__).parents[2] / "recipes"


def recipe(name: str = "which_input"):
    import importlib.util

    spec = importlib.util.spec_from_file_location(name, RECIPES / f"{name}.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def labelled(counts: dict[str, int]) -> list[Example]:
    return [Example(label=Label(word)) for word, n in counts.items() for _ in range(n)]


def test_a_budget_is_a_share_of_every_class_and_at_least_one():
    examples = labelled({"a": 100, "b": 30, "c": 3})
    kept = recipe().share(examples, "label", 0.1, 0)
    assert [sum(e["label"].name == word for e in kept) for word in "abc"] == [10, 3, 1]
    assert recipe().share(examples, "label", 1.0, 0) == examples
    same = recipe().share(examples, "label", 0.1, 0)
    assert [id(e) for e in kept] == [id(e) for e in same]
    assert [id(e) for e in kept] != [id(e) for e in recipe().share(examples, "label", 0.1, 1)]


def tagged(*given: str) -> list[Example]:
    return [Example(tags=tuple(Label(word) for word in words)) for words in given]


def test_a_budget_of_clips_with_several_words_is_a_share_of_all_and_has_every_word():
    examples = tagged(*["a"] * 60, *["ab"] * 39, "c")
    kept = recipe().share(examples, "tags", 0.1, 0)
    assert len(kept) in (10, 11)
    assert examples[-1] in kept
    assert len(recipe().share(examples, "tags", 0.01, 0)) <= 3
    assert recipe().share(examples, "tags", 1.0, 0) == examples


def test_the_figure_of_several_words_is_their_mean_area_and_lies_inside_its_interval():
    rng = np.random.default_rng(0)
    truth = (rng.random((60, 3)) < 0.4).astype(float)
    truth[:, 2] = 1.0  # what always holds says nothing
    said = truth + rng.normal(0, 0.7, truth.shape)
    found = recipe().figures(said, truth, "tags")
    assert found["low"] < found["roc_auc"] < found["high"]
    assert recipe().figures(truth, truth, "tags")["roc_auc"] == 1.0
    assert recipe().figures(0 * truth, truth, "tags")["roc_auc"] == 0.5


def test_multiply_adds_are_those_of_the_layers():
    system = build("tag/pons16", kind="time")
    adds = recipe().multiply_adds(system.eval(), Example(sound=noise(1.0)))
    assert adds == 32 * 40 * 21 * 60 + 32 * 21 * 14


def test_every_system_that_it_names_is_there_or_left_out():
    module = recipe()
    named = {name for name, _, _ in module.plan(dict(module.DEFAULTS))} - {module.BASELINE}
    assert named == set(ALL)
    speech = {data for name, _, data in module.plan(dict(module.DEFAULTS)) if name.startswith("speech/")}
    assert speech == {"notes", "esc10", "speakers", "mixtures"}


def test_the_table_has_the_command_first_and_says_that_a_rehearsal_means_nothing(tmp_path):
    row = trained(steps="2", limit="8")
    written(tmp_path, {**row, "seed": 0, "accuracy": 0.5}, {**row, "seed": 1, "accuracy": 0.7})
    text = recipe().table(tmp_path, "python recipes/which_input.py x")
    assert text.startswith("`python recipes/which_input.py x`")
    assert "| tag/sample_cnn | 1,000 | 2 M | 1.0 | 0.600 ± 0.100 |" in text
    assert "mean nothing" in text


def test_an_area_stands_where_an_accuracy_would(tmp_path):
    row = {k: v for k, v in trained(data="mixtures", roc_auc=0.75).items() if k != "accuracy"}
    written(tmp_path, row)
    text = recipe().table(tmp_path, "")
    assert "| 0.750 [0.400, 0.600] |" in text
    assert "area under the ROC curve" in text


def test_one_training_stands_in_the_table_with_its_interval(tmp_path):
    written(tmp_path, trained())
    assert "| 1.0 | 0.500 [0.400, 0.600] |" in recipe().table(tmp_path, "")


def test_what_is_done_is_not_repeated_and_a_half_line_is_not_done(tmp_path):
    module = recipe()
    settings = {**module.DEFAULTS, "only": "tag/sample_cnn", "data": "notes", "seeds": "0", "budgets": "1,0.1"}
    written(tmp_path, trained())
    with (tmp_path / "rows.jsonl").open("a") as file:
        file.write('{"system": "tag/sample_cnn", "data": "no')
    done = {tuple(row[name] for name in module.KEY) for row in module.rows(tmp_path)}
    left = [task for task in module.tasks(settings, done) if task.name != module.BASELINE]
    assert [task.cells for task in left] == [((1.0, 0),)]


def test_every_system_is_trained_on_all_labels_before_any_on_fewer_and_once_before_any_twice():
    module = recipe()
    cells = [task.cells[0] for task in module.tasks(module.DEFAULTS, set()) if task.name != module.BASELINE]
    assert list(dict.fromkeys(cells)) == [(b, s) for s in (0, 1) for b in (1.0, 0.1, 0.01)]
    assert cells == sorted(cells, key=lambda cell: (cell[1], -cell[0]))


def test_the_share_of_right_answers_is_that_of_the_house_s_evaluation():
    from aural.evaluation import evaluate
    from aural.training import Listed

    torch.manual_seed(1)
    system = build("tag/dieleman_schrauwen14", labels=("a", "b"), of="label", seconds=1.0).eval()
    examples = [Example(sound=noise(0.5 + 0.3 * i, seed=i), label=Label("ab"[i % 2])) for i in range(7)]
    module = recipe()
    found = module.figures(*module.answers(system, examples, "cpu", batch=3), "label")
    assert found["accuracy"] == pytest.approx(
        evaluate(
            system,
            Listed(examples),
        )
        .figures()["accuracy"]
        .value
    )


def test_every_program_has_a_word_of_the_house_or_none_and_choirs_are_voices():
    from aural.tasks.tag import FAMILIES

    family = recipe("mixtures").family
    said = [family(program) for program in range(128)]
    assert set(said) | {"drums"} == {*FAMILIES, "other"}
    assert [said[p] for p in (0, 33, 40, 52, 56, 73)] == ["piano", "bass", "strings", "voice", "brass", "pipe"]
    assert family(0, drum=True) == "drums"


@pytest.mark.slow
def test_a_mixture_is_as_long_as_asked_for_the_same_again_and_names_what_is_heard_in_it():
    pytest.importorskip("tinysoundfont")
    clip = recipe("mixtures").clip
    samples, words = clip("test", 3, 1, 6.0)
    assert samples.shape == (6 * 44_100,)
    assert words
    again, same = clip("test", 3, 1, 6.0)
    assert np.array_equal(samples, again)
    assert words == same


def trained(**more: object) -> dict[str, object]:
    about = {"system": "tag/sample_cnn", "data": "notes", "fold": "-", "budget": 0.1, "seed": 0, "clips": 5, "tests": 8, "chance": 0.2}
    run = {"steps": "2", "batch": "32", "rate": "1e-3", "precision": "32-true", "jobs": "0", "limit": "0", "device": "processor"}
    figures = {"accuracy": 0.5, "low": 0.4, "high": 0.6, "parameters": 1000, "multiply_adds": 2_000_000, "seconds": 1.0}
    return {**about, **run, **figures, **more}


def written(folder: Path, *rows: dict[str, object]) -> None:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_an_unknown_setting_is_an_error(tmp_path):
    command = [sys.executable, str(RECIPES / "which_input.py"), str(tmp_path), "step=3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode
    assert "no setting step" in done.stderr
