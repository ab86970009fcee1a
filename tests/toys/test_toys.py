"""DESIGN's hardest sentences at toy size: each is trained, saved, loaded and run, with nothing of the house edited for it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import aural
from aural import Example, Sound
from aural.annotations import Label, Text, Vector
from aural.objectives import Fit
from aural.reuse import Pretrained, pseudo_labels
from aural.system import System

pytest.importorskip("lightning")
HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import made  # noqa: E402
from made import source  # noqa: E402


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    monkeypatch.setenv("AURAL_SYSTEMS", str(HERE))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def train(tmp_path):
    def train(name: str, examples: object, steps: int | None = None, **options: object) -> System:
        torch.manual_seed(0)
        return aural.train(aural.build(name, **options), examples, steps=steps, out=tmp_path / f"{name}{options}")

    return train


@pytest.mark.parametrize("name", made.TOYS)
def test_every_toy_is_saved_and_loaded_bit_by_bit(name, train, tmp_path, monkeypatch):
    if name == "onset/student":  # its teacher's weights lie where shipped weights do
        aural.save(train("onset/clicker", source(made.clicks), 2), tmp_path / "weights" / "onset" / "clicker.toy.safetensors")
        monkeypatch.setenv("AURAL_CACHE", str(tmp_path))
    system = train(name, source(made.TOYS[name]), 2)
    given = Example({k: v for k, v in made.TOYS[name](50).items() if k in (*system.task.gives, "beats")})
    path = aural.save(system, tmp_path / "saved.safetensors")
    again = aural.load(path)
    state, other = system.state_dict(), again.state_dict()
    for key in (k for k in state if not k.startswith("objective.")):
        assert torch.equal(state[key], other[key]), key
    if name == "fewshot/prototypes":
        assert again.output.words == system.output.words != []
    first, second = aural.run(system, given), aural.run(again, given)
    assert repr(first) == repr(second)


def test_two_learners_in_turn(train):
    before = aural.build("generation/gan")
    system = train("generation/gan", source(made.tiny, 200))
    sounds = np.stack([aural.run(system, seed=i)["sound"].samples[0] for i in range(64)])
    assert sounds.std(0).mean() > 0.2  # not all the same
    share = np.square(np.abs(np.fft.rfft(sounds)))
    assert (share[:, 1] / share.sum(1)).mean() > 0.6  # sines of one period
    raw = np.stack([aural.run(before, seed=i)["sound"].samples[0] for i in range(64)])
    share = np.square(np.abs(np.fft.rfft(raw)))
    assert (share[:, 1] / share.sum(1)).mean() < 0.4
    np.testing.assert_array_equal(aural.run(system, seed=3)["sound"].samples, aural.run(system, seed=3)["sound"].samples)
    by_hand = aural.run(system, seed=0, noise=Vector(np.zeros(4)))["sound"].samples
    assert not np.array_equal(by_hand, aural.run(system, seed=0)["sound"].samples)


@pytest.mark.parametrize("mining", ["hard", "all"])
def test_triplets_bring_the_same_together(train, mining):
    system = train("similarity/triplets", source(made.note, 60), 60, mining=mining)
    vectors = {i: aural.run(system, made.note(i))["embedding"].values for i in range(1000, 1012)}
    for i, mine in vectors.items():
        nearest = min((j for j in vectors if j != i), key=lambda j: np.square(vectors[j] - mine).sum())
        assert nearest % 3 == i % 3


def test_a_person_shows_a_few_examples_of_classes_never_seen(train, tmp_path):
    system = train("fewshot/prototypes", source(made.note, 60))
    assert system.output.words == ["flute", "organ", "string"]
    shown = [made.note(i, ("bell", "flute")) for i in range(4)]
    adapted = aural.load(aural.save(aural.adapt(system, shown), tmp_path / "own.safetensors"))
    assert adapted.output.words == ["bell", "flute"]
    for i in range(100, 110):
        example = made.note(i, ("bell", "flute"))
        assert aural.run(adapted, sound=example["sound"])["instrument"].name == example["instrument"].name


def test_a_system_that_needs_examples_says_so():
    with pytest.raises(aural.AuralError, match="aural adapt"):
        aural.run(aural.build("fewshot/prototypes"), made.note(0))


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (11_025, 2), (44_100, 3)])
def test_stems_have_rate_length_and_channels_of_the_mix(train, rate, channels):
    system = train("separation/masks", source(made.mix), 1)
    mix = made.mix(5, 0.7313, rate, channels)["sound"]
    stems = aural.run(system, sound=mix)["stems"].sounds
    assert set(stems) == {"low", "high"}
    for stem in stems.values():
        assert (stem.rate, stem.samples.shape) == (rate, mix.samples.shape)
    if rate == 8000:  # the masks add up to one
        np.testing.assert_allclose(stems["low"].samples + stems["high"].samples, mix.samples, atol=1e-5)


def test_a_separator_learns_to_separate(train):
    system = train("separation/masks", source(made.mix))
    example = made.mix(77)
    stems = aural.run(system, sound=example["sound"])["stems"].sounds
    for name, truth in example["stems"].sounds.items():
        error = np.square(stems[name].samples - truth.samples).sum()
        assert error < 0.2 * np.square(example["sound"].samples - truth.samples).sum()


def test_text_becomes_sound(train):
    system = train("speech/letters", source(made.spoken, 60))
    for text in ("abc", "c", "bad cab".replace("d", "")):
        sound = aural.run(system, text=Text(text))["sound"]
        truth = np.concatenate([made.letter(c) for c in text])
        assert sound.samples.shape == (1, 400 * len(text))
        assert np.abs(sound.samples[0] - truth).mean() < 0.25 * np.abs(truth).mean()
    with pytest.raises(aural.AuralError, match="'x'"):
        aural.run(system, text=Text("x"))


def test_a_net_without_gradients_is_fitted(train):
    system = train("phone/nearest", source(made.phones))
    assert isinstance(system.objective, Fit)
    assert system.output.transitions.shape == (4, 4)
    example = made.phones(90)
    found = aural.run(system, sound=example["sound"])["phones"]
    times = np.arange(0.01, example.duration, 0.01)
    same = [a == b for a, b in zip(found.at(times), example["phones"].at(times), strict=True)]
    assert np.mean(same) > 0.9
    assert len(found) == len(example["phones"])


def test_one_system_stands_on_anothers_layer(train, tmp_path, monkeypatch):
    monkeypatch.setenv("AURAL_CACHE", str(tmp_path))
    with pytest.raises(aural.AuralError, match="onset/clicker"):  # building needed no weights, training does
        train("onset/student", source(made.clicks), 1)
    teacher = train("onset/clicker", source(made.clicks), 60)
    path = aural.save(teacher, tmp_path / "weights" / "onset" / "clicker.toy.safetensors")
    system = train("onset/student", source(made.clicks), 60)
    assert torch.equal(system.input.net.layers[0].weight, teacher.net.layers[0].weight)  # it did not learn on
    assert torch.equal(system.input.net.layers[1].running_mean, teacher.net.layers[1].running_mean)
    assert not any(p.requires_grad for p in system.input.parameters())
    assert float(system.output.threshold[0]) > 0  # tuned in training
    saved = aural.save(system, tmp_path / "student.safetensors")
    path.unlink()
    whole = aural.load(saved)  # the file is whole by itself
    found, truth = aural.run(whole, made.clicks(99))["onsets"].times, made.clicks(99)["onsets"].times
    np.testing.assert_allclose(found, truth, atol=0.02)


def test_layers_and_inputs_of_another_system_are_checked():
    with pytest.raises(aural.AuralError, match="layers"):
        Pretrained("onset/clicker", "nowhere")
    with pytest.raises(aural.AuralError, match="mel"):
        Pretrained("beat/several", "recurrent", input="voice")
    part = Pretrained("beat/several", "heads", input="mel")
    assert part.reads == ("sound",)
    one = Pretrained("onset/clicker", "layers.2")
    example = made.clicks(0)
    raw = {k: v[None] for k, v in one.read(example).items()}
    assert one(raw).shape == (1, 8, 1, len(one.times(example)))
    assert Pretrained("onset/clicker")(raw).shape == (1, len(one.times(example)))


def test_a_field_that_nobody_gave_is_made_by_the_default_system_of_its_task(train, monkeypatch):
    system = train("downbeat/beatwise", source(made.bars))
    example = made.bars(33)
    right = example["downbeats"].times
    np.testing.assert_allclose(aural.run(system, example)["downbeats"].times, right, atol=1e-6)  # beats are given

    from aural import running
    from aural.tasks.beat import beat

    asked = []

    def maker(field):
        asked.append(field)
        return replace(beat, default="beat/spectral_flux")

    monkeypatch.setattr(running, "maker", maker)
    made_from_sound = aural.run(system, sound=example["sound"])["downbeats"].times
    assert asked == ["beats"]
    np.testing.assert_allclose(made_from_sound, right, atol=0.03)
    corrected = aural.run(system, sound=example["sound"], beats=aural.Events(example["beats"].times[1:]))
    assert asked == ["beats"]  # a person's correction counts as given
    assert set(np.round(corrected["downbeats"].times, 2)) <= set(np.round(example["beats"].times[1:], 2))


def test_no_beats_at_all_is_an_answer(train):
    system = train("downbeat/beatwise", source(made.bars), 1)
    found = aural.run(system, sound=Sound(np.zeros((1, 800)), 8000), beats=aural.Events(np.zeros(0)))
    assert len(found["downbeats"]) == 0


def test_a_student_learns_from_its_teachers_activations(train):
    teacher = train("onset/clicker", source(made.clicks), 120)
    alone = source(lambda i: Example(sound=made.clicks(i)["sound"]))
    lessons = pseudo_labels(teacher, alone, keep=0.6)
    assert isinstance(lessons(0)["onsets"], aural.Curves)
    assert np.isnan(lessons(0)["onsets"].values).any()
    student = train("onset/clicker", lessons, 120, channels=6)
    truth = made.clicks(99)["onsets"].times
    np.testing.assert_allclose(aural.run(student, made.clicks(99))["onsets"].times, truth, atol=0.02)


def test_one_net_answers_several_questions(train):
    system = train("beat/several", source(made.several))
    answers = aural.run(system, made.clicks(0))
    assert set(answers) == {"beats", "onsets", "loudness"}
    assert len(answers["loudness"].times) == 151


def test_a_word_for_the_whole(train):
    system = train("tag/pooled", source(made.note))
    for i in range(200, 206):
        answer = aural.run(system, sound=made.note(i)["sound"])["instrument"]
        assert isinstance(answer, Label)
        assert answer.name == made.note(i)["instrument"].name


def test_an_own_threshold_is_adapted_saved_and_loaded(train, tmp_path):
    system = train("onset/clicker", source(made.clicks))
    assert float(system.output.threshold[0]) == -1
    with torch.no_grad():
        system.net.layers[-1].bias -= 4.0  # as if it were deaf
    example = made.clicks(99)
    assert len(aural.run(system, example)["onsets"]) < len(example["onsets"])
    aural.adapt(system, [made.clicks(i) for i in range(4)])
    assert 0 < float(system.output.threshold[0]) < 0.5
    again = aural.load(aural.save(system, tmp_path / "own.safetensors"))
    np.testing.assert_allclose(aural.run(again, example)["onsets"].times, example["onsets"].times, atol=0.02)
