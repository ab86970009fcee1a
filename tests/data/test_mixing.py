"""Songs mixed on the device: the bank, the tables, the mix, the source, training on it."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

import aural
from aural import Sound
from aural.annotations import Curves, Events, Example, Intervals, Notes, Tempo
from aural.annotations import Score as Number
from aural.data import source as named
from aural.data.blended import blended, faster
from aural.data.songs import bank as banks
from aural.data.songs import composer, fonts, mixing, players, render
from aural.data.songs.bank import RATE, Bank, Stock
from aural.data.songs.mixing import Mixed, MixedSongs, laid, mix
from aural.data.songs.score import Score, Track
from aural.data.songs.soundfont import Preset, Zone
from aural.data.songs.tables import LEAD, STEP, Table, silence, tabled
from aural.errors import DataError, OptionError
from aural.system import System
from aural.training import Steps, draw

pytest.importorskip("lightning")
TOYS = Path(__file__).parent.parent / "toys"
sys.path.insert(0, str(TOYS))
from made import clicks  # noqa: E402
from made import source as made  # noqa: E402

STOCK = Stock(banks=1, sampled=False, programs=9, kits=1, singers=2)
CPU = torch.device("cpu")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def toys(monkeypatch):
    monkeypatch.setenv("AURAL_SYSTEMS", str(TOYS))


@pytest.fixture(scope="module")
def stock(tmp_path_factory) -> Stock:
    """A bank of synthesised sounds, in a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AURAL_CACHE", str(tmp_path_factory.mktemp("cache")))
        mixing._bank.cache_clear()
        assert mixing._bank(STOCK).path.exists()
        yield STOCK
        mixing._bank.cache_clear()


@pytest.fixture(scope="module")
def bank(stock) -> Bank:
    return mixing._bank(stock)


def songs(stock: Stock, **more) -> MixedSongs:
    return MixedSongs(**{"seed": 3, "seconds": 6.0, "stock": stock, "sampled": False, **more})


def batch(sounds: list[Mixed]) -> dict[str, torch.Tensor]:
    from aural.part import pad

    return pad([sound.table.tensors() for sound in sounds], 0.0)


def dry(sound: Mixed) -> np.ndarray:
    """(sample,) the notes added up and nothing else."""
    return mix(sound.bank.on(CPU), batch([sound]), effects=False)[0, 0].numpy()


def added(bank: Bank, table: Table) -> np.ndarray:
    """Notes added up one by one, in double precision."""
    out = np.zeros(table.frames)
    for (start, count, offset, length, step, _), real in zip(table.whole.T.tolist(), table.real.T.astype(float), strict=True):
        gain, release, sway, turn, after, slide, glide = real
        k = np.arange(max(0, -start), min(count, table.frames - start))
        speed = 1 - slide / (step / 2**STEP) * (1 - np.minimum(np.arange(count + 1) / max(glide, 1), 1))
        speed += sway * 2 * np.pi * turn / (step / 2**STEP) * np.sin(2 * np.pi * turn * np.maximum(np.arange(count + 1) - after, 0))
        at = np.append(0, np.cumsum((speed[1:] + speed[:-1]) / 2))[k] * step / 2**STEP  # where a tape of that speed would be
        assert at.max(initial=0) <= length - 1
        wave = np.interp(at, np.arange(length), bank.samples[offset : offset + length].astype(float))
        out[start + k] += wave * gain * np.clip((count - k) / release, 0, 1) ** 2
    return out


def rng(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed or 0)


def rock(seconds: float = 14.0) -> Score:
    """Drums in eighths and a bass, 120 beats a minute."""
    beats = np.arange(0, seconds, 0.5)
    rows = [(t, t + 0.1, 36 if i % 2 == 0 else 38, 100, 0) for i, t in enumerate(beats)]
    rows += [(t, t + 0.4, 40 + int(t) % 5, 90, 1) for t in beats]
    tracks = (Track("drums", drum=True), Track("bass", 33))
    return Score("a", "rock", tracks, np.array(rows), beats, np.arange(len(beats)) % 4 + 1)


# ---- the bank


def test_a_bank_holds_every_preset_key_by_key(bank):
    font = bank.fonts.fonts[0]
    assert [len(f.programs) for f in bank.fonts.fonts] == [9]
    assert len(font.kits) == 1
    preset = bank.preset(font, font.programs[0], False)
    shots = bank.pick(preset, np.array([0, 59, 60, 127]), np.array([20, 127, 60, 90]))
    assert np.abs(bank.key[shots[1:3]] - 60).max() <= 3
    assert (bank.key[shots[0]], bank.key[shots[3]]) == (bank.key[bank.first[preset]], bank.key[bank.first[preset + 1] - 1])
    kit = bank.preset(font, font.kits[0][1], True)
    assert bank.key[bank.pick(kit, np.array([36, 38, 42]), np.array([90, 90, 90]))].tolist() == [36, 38, 42]
    assert np.abs(bank.samples).max() == banks.PEAK


def test_a_note_of_the_bank_has_the_pitch_that_the_index_says(bank):
    font = bank.fonts.fonts[0]
    for program in font.programs[:4]:
        shot = int(bank.pick(bank.preset(font, program, False), np.array([60]), np.array([100]))[0])
        wave = bank.samples[bank.offset[shot] : bank.offset[shot] + min(RATE, bank.length[shot])].astype(float)
        wanted = 440 * 2 ** ((bank.pitch[shot] - 69) / 12)
        size = 1 << 19
        power = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), size)) ** 2
        near = [k * wanted * size / RATE for k in (0.5, 1, 2, 3)]
        best = max(near, key=lambda bin: power[round(bin * 0.99) : round(bin * 1.01) + 1].max())
        found = round(best * 0.99) + power[round(best * 0.99) : round(best * 1.01) + 1].argmax()
        assert abs(1200 * np.log2(found / best)) < 8


def test_a_bank_is_the_same_with_more_processes(bank, tmp_path):
    jobs = [partial(banks._synthesised, seed, 1.0, [5 * seed, 128], 0.5) for seed in (0, 1)]
    for processes in (1, 2):
        banks.build(tmp_path / f"{processes}.npz", jobs, [np.ones(9)], processes)
    one, two = (Bank(tmp_path / f"{processes}.npz") for processes in (1, 2))
    assert np.array_equal(one.samples, two.samples)
    assert all(np.array_equal(getattr(one, k), getattr(two, k)) for k in ("offset", "length", "level", "energy", "rise", "first"))
    assert [font.name for font in two.fonts.fonts] == ["synth0", "synth1"]


def test_a_bank_is_pickled_as_its_path(bank):
    data = pickle.dumps(bank)
    assert len(data) < 1000
    assert pickle.loads(data) is banks.opened(str(bank.path))


def test_the_test_split_hears_other_fonts():
    held = Stock("test", singers=0)._jobs()
    own = Stock("train", singers=0)._jobs()
    heard = [{job.args[0] if not isinstance(job.args[0], Path) else job.args[0].name for job in jobs} for jobs in (own, held)]
    assert not heard[0] & heard[1]
    assert heard[1] <= {*fonts.TEST_FONTS, fonts.TEST_SEED}
    assert {job.args[0] for job in replace(STOCK, split="test", sampled=False, singers=0)._jobs()} == {fonts.TEST_SEED}
    with pytest.raises(OptionError, match="split"):
        MixedSongs(0, "test", stock=STOCK)


def test_a_silent_or_unfit_stock_is_an_error():
    for wrong in ({"split": "valid"}, {"programs": 0}, {"hold": 0.0}):
        with pytest.raises(OptionError):
            replace(STOCK, **wrong)


# ---- mixing


def test_the_plain_mix_is_the_sum_of_its_notes(stock, bank):
    for index in range(3):
        sound = songs(stock)(index)["sound"]
        wanted = added(bank, sound.table)
        assert np.abs(wanted).max() > 0.05
        np.testing.assert_allclose(dry(sound), wanted, atol=1e-4)


def bent(bank: Bank, notes: int = 12) -> Mixed:
    """Long notes, one after the other, with vibrato and glides from below and from above."""
    shots = bank.pick(bank.preset(bank.fonts.fonts[0], bank.fonts.fonts[0].programs[0], False), np.full(notes, 60), np.full(notes, 100))
    ratio = 2.0 ** (rng(2).uniform(-5, 5, notes) / 12)
    step, down = np.round(ratio * 2**STEP), np.resize([1.0, 0.0, -4.0], notes)
    count = np.minimum(RATE // 2, bank.length[shots] / 2)
    start = np.arange(notes) * RATE // 2
    whole = np.stack([start, count, bank.offset[shots], bank.length[shots], step, np.zeros(notes)]).astype(np.int32)
    turn = np.full(notes, 6 / RATE)
    sway = ratio * 0.03 / (2 * np.pi * turn) * (np.arange(notes) % 4 > 0)
    slide = ratio * (1 - 2.0 ** (-down / 12))
    real = np.stack([np.full(notes, 1e-5), np.full(notes, 900.0), sway, turn, np.full(notes, 2500.0), slide, np.full(notes, 2000.0)])
    stems = np.zeros((13, 1), np.float32)
    stems[0] = 1
    table = Table(whole, real.astype(np.float32), stems, np.array([1, 1, 1], np.float32), np.array([0, 1, notes * RATE // 2], np.int32))
    return Mixed(bank, table)


def test_vibrato_and_glides_are_what_a_tape_of_that_speed_would_play(bank):
    sound = bent(bank)
    wanted = added(bank, sound.table)
    assert np.abs(wanted).max() > 0.02
    np.testing.assert_allclose(dry(sound), wanted, atol=2e-4)
    plain = replace(sound.table, real=np.concatenate([sound.table.real[:2], np.zeros((5, 12), np.float32)]))
    assert np.abs(dry(Mixed(bank, plain)) - wanted).max() > 0.01


def test_a_cut_through_a_bent_note_is_the_cut_of_the_mix(bank):
    sound = bent(bank)
    for start in (0.3, 1.71, 3.02):
        part = sound.cut(start, start + 1.5)
        first = round(start * RATE)
        np.testing.assert_allclose(dry(part), dry(sound)[first : first + part.frames], atol=2e-6)


def test_in_chunks_or_at_once_is_the_same(stock, monkeypatch):
    sound = songs(stock)(1)["sound"]
    whole = dry(sound)
    monkeypatch.setattr(mixing, "AT_ONCE", 5000)
    np.testing.assert_allclose(dry(sound), whole, atol=1e-6)


def test_mixing_a_cut_table_gives_the_cut_of_the_mix(stock):
    for index in range(3):
        sound = songs(stock, seconds=10.0)(index)["sound"]
        part = sound.cut(3.0, 7.5)
        assert isinstance(part, Mixed)
        assert part.frames == round(4.5 * RATE)
        np.testing.assert_allclose(dry(part), dry(sound)[3 * RATE : 3 * RATE + part.frames], atol=2e-6)
        whole, cut = sound.read().cut(3.0, 7.5).samples, part.read().samples
        loud = np.sqrt(np.square(whole).mean())
        assert np.sqrt(np.square(whole - cut).mean()) < 1e-3 * loud  # with rooms, drive and equalisers


def test_an_onset_is_heard_where_its_label_says(bank):
    """Drums alone: the sound's energy rises within 5 ms of the label."""
    beats = np.arange(0.0, 12.0, 0.5)
    rows = np.array([(t, t + 0.1, 36 if i % 2 else 38, 100, 0) for i, t in enumerate(beats)])
    score = Score("a", "test", (Track("drums", drum=True),), rows, beats, np.arange(len(beats)) % 4 + 1)
    late = []
    for seed in range(6):
        table, truth = tabled(score, bank, rng(seed, 1), 6.0)
        wave = dry(Mixed(bank, table))
        for onset in truth["onsets"].times:
            start = max(0, round((onset - 0.02) * RATE))
            near = np.abs(wave[start : start + RATE // 10])
            late.append(start / RATE + np.argmax(near > 0.25 * near.max()) / RATE - onset)
    assert len(late) > 40
    assert np.abs(late).max() < 0.005


def test_a_slow_note_starts_early_so_that_it_is_heard_in_time(tmp_path):
    sine = (20_000 * np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE)).astype(np.int16)
    slow = [Preset(0, p, "slow", (Zone(sine, RATE, 69, attack=0.15, release=0.1),)) for p in range(9)]
    click = Zone(np.full(4000, 20_000, np.int16), RATE, 36, keys=(36, 36), scale=0)
    presets = [*slow, Preset(128, 0, "kit", (click,))]
    banks.build(tmp_path / "slow.npz", [partial(banks._of_presets, "slow", 1.0, lambda: presets, 1.5)], [], 1)
    bank = Bank(tmp_path / "slow.npz")
    assert bank.rise[0] == pytest.approx(0.15 / 4, abs=0.003)  # -12 dB of a straight ramp
    beats = np.arange(0.0, 21.0, 0.7)
    rows = np.array([(t, t + 0.45, 69, 100, 0) for t in beats])
    late = []
    for seed in range(5):
        score = Score("a", "test", (Track("lead", 5),), rows, beats, np.arange(len(beats)) % 4 + 1)
        table, truth = tabled(score, bank, rng(seed), 8.0)
        wave = np.abs(dry(Mixed(bank, table)))
        times = np.concatenate([truth["onsets"].times, truth["soft_onsets"].times])
        assert np.median(np.abs(truth["beats"].times[:, None] - times).min(1)) < 0.017  # as far as a player may be off
        for onset in times[(times > 0.1) & (times < 7.5)]:
            loud = wave[round((onset - 0.1) * RATE) :][: round(0.4 * RATE)]
            late.append(np.argmax(loud > 0.25 * loud.max()) / RATE - 0.1)
    assert len(late) > 25
    assert np.median(np.abs(late)) < 0.001
    assert (np.abs(late) < 0.005).mean() > 0.75  # an echo of the note before can be in the way


def test_a_batch_is_its_examples_and_padding_is_silent(stock):
    own = [songs(stock)(i)["sound"] for i in (0, 5)] + [songs(stock)(9)["sound"].cut(0, 2.0)]
    together = mix(own[0].bank.on(CPU), batch(own))
    assert together.shape == (3, 1, 6 * RATE)
    for wave, sound in zip(together, own, strict=True):
        np.testing.assert_allclose(wave[:, : sound.frames].numpy(), sound.read().samples, atol=1e-4)
    assert together[2, :, 2 * RATE :].abs().max() == 0


@pytest.mark.parametrize("rate", [16_000, 44_100, 8000])
def test_another_rate_is_the_same_sound_resampled(stock, rate):
    sound = songs(stock)(2)["sound"]
    there = mix(sound.bank.on(CPU), batch([sound]), rate)[0, 0].numpy()
    here = sound.read().at(rate).samples[0]
    assert len(there) == len(here)
    low = [np.fft.irfft(np.where(np.fft.rfftfreq(len(x), 1 / rate) < 0.4 * min(rate, RATE), np.fft.rfft(x), 0)) for x in (there, here)]
    inner = slice(rate // 2, -rate // 2)
    assert np.abs(low[0] - low[1])[inner].max() < 0.01 * np.abs(here).max()


def test_nothing_is_mixed_to_silence(bank):
    assert mix(bank.on(CPU), batch([Mixed(bank, silence(100))])).abs().sum() == 0
    assert Mixed(bank, silence(0)).read().samples.shape == (1, 0)
    assert Mixed(bank, silence(100)).cut(0, 0.002).frames == 44


def test_rooms_and_drive_keep_the_level_of_their_stem(stock):
    """What `Table.stems` does to a stem may colour it, not make it another instrument of the mix."""
    for index in range(6):
        sound = songs(stock)(index)["sound"]
        gain = float(sound.table.room[2])
        ratio = np.sqrt(np.square(sound.read().samples).mean() / np.square(dry(sound)).mean()) / gain
        assert 0.3 < ratio < 3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_kernel_gives_what_plain_pytorch_gives(stock):
    from aural.data.songs.kernel import check

    device = torch.device("cuda")
    check(device, laid)
    sound = songs(stock)(1)["sound"]
    tensors = {name: t.to(device) for name, t in batch([sound]).items()}
    np.testing.assert_allclose(mix(sound.bank.on(device), tensors)[0].cpu().numpy(), sound.read().samples, atol=1e-3)


class Pointer:
    """A place in an array, as Triton's kernels know it."""

    def __init__(self, array: np.ndarray, at: object = 0) -> None:
        self.array, self.at = array, at

    def __add__(self, more: object) -> Pointer:
        return Pointer(self.array, self.at + np.asarray(getattr(more, "value", more)))


class Value(np.ndarray):
    """Numbers that are converted as Triton's are."""

    def to(self, kind: object) -> Value:
        return self.astype(kind)


def test_the_kernels_text_says_what_plain_pytorch_does(monkeypatch):
    """Without a GPU the kernel is run as Python, with NumPy for Triton's language."""
    from types import SimpleNamespace

    def value(x: object) -> Value:
        return np.asarray(x).view(Value)

    ids: list[int] = [0, 0]

    def load(pointer: Pointer, mask: object = True, other: float = 0) -> Value:
        return value(np.where(mask, pointer.array[np.where(mask, pointer.at, 0)], other).astype(pointer.array.dtype))

    def atomic_add(pointer: Pointer, more: np.ndarray, mask: np.ndarray, sem: str) -> None:
        np.add.at(pointer.array, pointer.at[mask], more[mask])

    def either(better: object) -> object:
        return lambda a, b: value(better(a, np.asarray(b, np.asarray(a).dtype)))

    language = SimpleNamespace(
        constexpr=int, float32=np.float32, int64=np.int64, load=load, atomic_add=atomic_add, program_id=lambda axis: ids[axis],
        arange=lambda a, b: value(np.arange(a, b, dtype=np.int32)), cos=lambda x: value(np.cos(x)), floor=lambda x: value(np.floor(x)),
        maximum=either(np.maximum), minimum=either(np.minimum),
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "triton", SimpleNamespace(jit=lambda f: f))
    monkeypatch.setitem(sys.modules, "triton.language", language)
    monkeypatch.delitem(sys.modules, "aural.data.songs.kernel", raising=False)
    from aural.data.songs import kernel

    def lay(out, samples, whole, real, stems, frames):
        clips, _, notes = whole.shape
        flat = [Pointer(x.numpy().reshape(-1)) for x in (out, samples, whole.contiguous(), real.contiguous())]
        for ids[0] in range(notes):
            for ids[1] in range(clips):
                kernel._one(*flat, notes, stems, frames, BLOCK=1024, STEP=STEP)

    monkeypatch.setattr(kernel, "lay", lay)
    kernel.check(CPU, laid)
    monkeypatch.setattr(kernel, "lay", lambda out, samples, whole, real, *more: lay(out, samples, whole, real * 1.001, *more))
    with pytest.raises(AssertionError, match="differ"):
        kernel.check(CPU, laid)
    monkeypatch.delitem(sys.modules, "aural.data.songs.kernel")


# ---- tables and truth


def test_the_truth_is_the_renderers(bank, monkeypatch):
    """The same score and chance: render.py says the same beats, and the same notes where its players play them."""
    monkeypatch.delenv("AURAL_CACHE")  # where the fonts of other tests lie
    sounds = fonts.load("train", banks=1, sampled=False)
    compared = 0
    for seed in range(4):
        made = tabled(rock(), bank, rng(seed), 8.0)
        rendered = render.render(rock(), sounds, rng(seed), LEAD + 8.0)
        if made is None or rendered is None:
            continue
        truth = made[1]
        cuts = [rendered.cut(first, first + 8.0) for first in (LEAD, 0.0)]
        cut = next(c for c in cuts if c["beats"].labels == truth["beats"].labels)
        np.testing.assert_allclose(cut["beats"].times, truth["beats"].times, atol=2e-5)
        np.testing.assert_allclose(cut["downbeats"].times, truth["downbeats"].times, atol=2e-5)
        assert set(rendered) - {"sound"} == set(truth)
        assert rendered["strata"] == truth["strata"]
        assert rendered["notes"].names == truth["notes"].names
        for field in ("onsets", "drums"):
            mine, theirs = truth[field].times, cut[field].times
            matched = np.abs(mine[:, None] - theirs[None]).min(1) < 0.04
            assert matched.mean() > 0.9
        inner = [n.pitches[(n.starts > 0.1) & (n.starts < 7.9)] for n in (truth["notes"], cut["notes"])]
        assert sorted(inner[0]) == sorted(inner[1])
        compared += 1
    assert compared > 1


def test_all_of_the_truth_lies_in_the_crop(stock):
    for index in range(12):
        example = songs(stock)(index)
        example.validate()
        assert example.duration == 6.0
        assert {"beats", "downbeats", "onsets", "soft_onsets", "drums", "notes", "chords", "sections", "tempo", "style", "strata"} <= set(
            example
        )
        assert isinstance(example["notes"], Notes)
        assert len(example["beats"]) > 1
        assert np.isin(example["downbeats"].times, example["beats"].times).all()


def sung(seed: int, bank: Bank) -> tuple[Mixed, Example]:
    """A lead alone, of those that bend their notes."""
    program = next(p for p in bank.fonts.fonts[0].programs if p in players.RANGES)
    beats = np.arange(0, 20.0, 0.6)
    pitches = 62 + np.cumsum(rng(seed, 1).integers(-2, 3, len(beats)))
    rows = np.array([(t, t + 0.6, pitch, 90, 0) for t, pitch in zip(beats, pitches, strict=True)])
    score = Score("a", "test", (Track("lead", program, legato=True),), rows, beats, np.arange(len(beats)) % 4 + 1)
    table, truth = tabled(score, bank, rng(seed), 8.0)
    return Mixed(bank, table), truth


def frequency(wave: np.ndarray, near: float) -> tuple[float, float]:
    """By autocorrelation within a semitone of a guess, and how alike its periods are, at most 1."""
    lags = np.arange(int(RATE / near / 1.06) - 1, int(RATE / near * 1.06) + 3)
    n = len(wave) - lags[-1]
    alike = np.array([wave[:n] @ wave[k : k + n] / (1e-9 + np.linalg.norm(wave[:n]) * np.linalg.norm(wave[k : k + n])) for k in lags])
    i = int(np.clip(alike.argmax(), 1, len(lags) - 2))
    a, b, c = alike[i - 1 : i + 2]
    return float(RATE / (lags[i] + 0.5 * (a - c) / (a - 2 * b + c))) if b > max(a, c) else near, float(b)


def test_the_melody_is_what_is_heard_with_its_vibrato_within_twenty_cents(bank):
    off, wide, seen = [], 0, 0
    for seed in range(5):
        sound, truth = sung(seed, bank)
        wide += int((sound.table.real[2] > 0).sum())
        wave, notes = dry(sound).astype(float), truth["melody_notes"]
        for time, hertz in zip(truth["melody"].times[::2], truth["melody"].values[0, ::2], strict=True):
            note = np.searchsorted(notes.starts, time, "right") - 1
            if not hertz or not notes.starts[note] + 0.03 < time < notes.ends[note] - 0.03:
                continue
            half, period = max(2.5 / hertz, 0.012), RATE / hertz
            first, last = round((time - half) * RATE - period / 2), round((time + half) * RATE + period / 2)
            if first >= 0 and last < len(wave):
                found, alike = frequency(wave[first:last], hertz)
                seen += 1
                if alike > 0.9:  # the note before doesn't ring into it
                    off.append(1200 * np.log2(found / hertz))
    assert wide > 20
    assert len(off) > 0.6 * seen > 200
    assert (np.abs(off) < 20).mean() > 0.97
    assert np.median(np.abs(off)) < 5


def test_a_melody_is_one_voice_and_its_curve_sounds_when_its_notes_do(stock):
    heard = 0
    for index in range(0, 80, 4):
        example = songs(stock)(index)
        if "melody" not in example:
            continue
        curve, notes = example["melody"], example["melody_notes"]
        assert (notes.starts[1:] >= notes.ends[:-1] - 1e-9).all()
        inner = curve.times[1:-1]
        now = np.searchsorted(notes.starts, inner + 1e-9, "right") - 1
        sounds = (now >= 0) & (inner < np.append(notes.ends, 0)[now] - 1e-9)
        values = curve.values[0, 1:-1]
        assert ((values > 0) == sounds).mean() > 0.995
        both = sounds & (values > 0)
        cents = 100 * np.abs(69 + 12 * np.log2(values[both] / 440) - notes.pitches[now[both]])
        assert (cents < 150).sum() >= 0.95 * len(cents)
        heard += len(notes) > 3
    assert heard > 5


def test_of_two_leads_the_louder_one_sings_and_the_other_where_it_rests(bank):
    beats = np.arange(0, 20.0, 0.5)
    rows = [(t, t + 0.45, 60, 90, 0) for i, t in enumerate(beats) if i % 8 < 4]
    rows += [(t, t + 0.45, 70, 90, 1) for t in beats]
    tracks = (Track("lead", 73), Track("lead", 40))
    score = Score("a", "test", tracks, np.array(rows), beats, np.arange(len(beats)) % 4 + 1)
    louder = set()
    for seed in range(8):
        _, truth = tabled(score, bank, rng(seed), 8.0)
        low, line = truth["notes"].pitches.min(), truth["melody_notes"][truth["melody_notes"].starts > 0.1]
        both = truth["notes"][truth["notes"].pitches == low]
        together = np.abs(line.starts[:, None] - both.starts).min(1) < 0.05
        assert set(line.pitches[~together]) == {low + 10}
        chosen = set(line.pitches[together])
        assert len(chosen) == 1
        louder |= {int(pitch - low) for pitch in chosen}
    assert louder == {0, 10}


def test_fields_are_there_where_something_is_known(bank):
    _, truth = tabled(rock(), bank, rng(1), 8.0)
    assert (truth["melody"].values == 0).all()  # a band without a lead has no melody
    assert len(truth["bass"]) > 4
    assert not {"key", "chords"} & set(truth)
    piano = composer.piano_piece(rng(2), 20.0)
    _, truth = tabled(piano, bank, rng(2), 8.0)
    assert not {"melody", "melody_notes", "bass"} & set(truth)
    assert truth["key"].labels[0].partition(":")[2] in ("major", "minor")
    drums = replace(rock(), notes=rock().notes[rock().notes[:, 4] == 0])
    _, truth = tabled(drums, bank, rng(3), 8.0)
    assert truth["key"].labels == ("N",)
    assert len(truth["bass"]) == len(truth["chords"]) == 0
    assert "tuning" not in truth


def test_the_tuning_is_that_of_the_notes(bank):
    for seed in range(4):
        _, truth = sung(seed, bank)
        curve = truth["melody"].values[0]
        steps = 12 * np.log2(curve[curve > 0] / truth["tuning"].value)
        assert np.median(np.abs(100 * (steps - np.round(steps)))) < 15


def test_a_key_covers_the_clip_and_moves_with_the_song(bank):
    score = replace(rock(), keys=Intervals(np.array([0.0, 6.0]), np.array([6.0, 14.0]), ("C:major", "D:minor")))
    moved = score.transposed(3).faster(2)
    assert moved.keys.labels == ("Eb:major", "F:minor")
    assert moved.keys.ends.tolist() == [3, 7]
    for seed in range(4):
        _, truth = tabled(score, bank, rng(seed), 8.0)
        assert truth["key"].starts[0] == 0
        assert truth["key"].ends[-1] == pytest.approx(8.0)
        assert len(truth["key"]) == 1 or truth["key"].starts[1] == truth["key"].ends[0]


def test_no_two_crops_are_equal(stock):
    source = songs(stock)
    tables_ = [source(i)["sound"].table for i in range(200)]
    assert len({t.whole.tobytes() + t.real.tobytes() for t in tables_}) == 200
    assert len({(t.whole[:2, :20].tobytes()) for t in tables_}) == 200


def test_the_same_number_is_the_same_sound_in_another_process(stock, bank):
    code = f"""
from aural.data.songs.bank import Stock
from aural.data.songs.mixing import MixedSongs
import hashlib, torch
torch.set_num_threads(1)
source = MixedSongs(seed=3, seconds=6.0, stock={stock!r}, sampled=False)
source(1)
print(hashlib.sha256(source(7)["sound"].read().samples.tobytes()).hexdigest())
"""
    import hashlib
    import os

    env = {**os.environ, "AURAL_CACHE": str(bank.path.parent.parent)}
    there = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=env).stdout.strip()
    assert there == hashlib.sha256(songs(stock)(7)["sound"].read().samples.tobytes()).hexdigest()


def test_takes_of_a_score_are_drawn_together_and_play_it_differently(stock):
    examples = songs(stock).drawn(8, rng(5))
    numbers = [int(e["name"].split("-")[-1]) for e in examples]
    assert [n // 4 for n in numbers] == [numbers[0] // 4] * 4 + [numbers[4] // 4] * 4
    assert len({e["sound"].table.whole.tobytes() for e in examples}) == 8


def test_the_source_has_a_name(monkeypatch, tmp_path):
    source = named("mixed:7")
    assert (source.name, source.seed, source.split) == ("mixed:7", 7, "train")
    assert named("mixed:7", "test").size == 64
    assert named("mixed:7:band").mix == "band"
    assert "6" in source.labels("beats")
    with pytest.raises(DataError, match="seed"):
        named("mixed:x")


# ---- training


def trained(stock: Stock, out: Path, source=None, **more) -> System:
    return aural.train("onset/clicker", source or songs(stock, seconds=2.0), **{"out": out, "steps": 3, "seed": 1, **more})


def assert_equal(first: System, second: System) -> None:
    a, b = first.state_dict(), second.state_dict()
    for name in a:
        assert torch.equal(a[name], b[name]), name


def test_training_is_the_same_with_workers(stock, tmp_path):
    assert_equal(trained(stock, tmp_path / "a"), trained(stock, tmp_path / "b", workers=2))


def test_resumed_is_never_stopped(stock, tmp_path):
    whole = trained(stock, tmp_path / "whole", steps=6)

    class StoppedError(Exception):
        pass

    def stop(record):
        raise StoppedError

    with pytest.raises(StoppedError):
        trained(stock, tmp_path / "part", steps=6, every=4, listener=stop)
    assert torch.load(tmp_path / "part" / "checkpoint.pt", weights_only=True)["step"] == 4
    assert_equal(whole, trained(stock, tmp_path / "part", steps=6, every=4))


def test_workers_send_tables_and_the_device_makes_what_the_cpu_reads(stock):
    system = aural.build("onset/clicker")
    source = songs(stock, seconds=2.0)
    steps = Steps(system, source, 0)
    _, x, y = steps[0]
    sent = sum(t.numel() * t.element_size() for t in torch.utils._pytree.tree_leaves(x))
    assert sent < 0.2 * 4 * system.recipe.batch * 8000 * system.recipe.seconds  # tables, not samples
    from aural.training import _examples

    wave = _examples.made(system.input, x, source)
    assert wave.shape == (4, 1, 8000)
    read, truth = system.collate(draw(system, source, 0, 0))
    low = torch.fft.rfft(wave - read)[..., :3200].abs().max() / torch.fft.rfft(read).abs().max()
    assert low < 0.01  # soxr there, a product of spectra here
    assert torch.equal(y.nan_to_num(-1), truth.nan_to_num(-1))


def test_sounds_are_made_on_the_device_for_what_is_fitted_after_training(stock):
    from aural.training import heard

    source = blended(((songs(stock, seconds=2.0), 0.5), (clips(), 0.5)))
    examples = source.drawn(2, rng(0))
    made_, clip = heard(examples, source, CPU)
    assert type(made_["sound"]) is Sound
    np.testing.assert_array_equal(made_["sound"].samples, examples[0]["sound"].read().samples)
    assert clip["sound"] is examples[1]["sound"]
    assert heard(examples[1:], clips(), CPU) == examples[1:]


def test_a_part_that_reads_sounds_its_own_way_reads_them_mixed(stock):
    class Own(type(aural.build("onset/clicker").input.part)):
        def read(self, example, times=None):
            return super().read(example, times)

    system = aural.build("onset/clicker")
    system.input.part = Own(rate=8000, hop=80, window=256, bands=16, fmin=30)
    assert Steps(system, songs(stock, seconds=2.0), 0)[0][1].shape == (4, 1, 8000)


def test_augmentation_and_dicts_of_parts_meet_mixed_songs_as_any_sound(stock, tmp_path):
    class Seen:
        shapes: list = []  # noqa: RUF012

        def sound(self, raw, rate, generator):
            self.shapes.append((tuple(raw.shape), rate))
            return raw

    trained(stock, tmp_path, augment=Seen(), steps=1)
    assert set(Seen.shapes) == {((4, 1, 8000), 8000)}


# ---- real clips beside them


def clips():
    return made(clicks)


def test_a_blend_has_its_shares_in_every_batch(stock):
    source = blended(((songs(stock, seconds=2.0), 0.75), (clips(), 0.25)))
    for seed in range(5):
        kinds = [isinstance(e["sound"], Mixed) for e in source.drawn(8, rng(seed))]
        assert sum(kinds) == 6
    assert 60 <= sum(isinstance(source(i)["sound"], Mixed) for i in range(100)) <= 85
    with pytest.raises(OptionError, match="blend one"):
        blended(((songs(stock), 0.5), (songs(stock, seed=4), 0.5)))
    with pytest.raises(OptionError, match="share"):
        blended({})


def test_a_batch_holds_tables_and_samples(stock, tmp_path):
    system = aural.build("onset/clicker")
    source = blended(((songs(stock, seconds=2.0), 0.5), (clips(), 0.5)))
    from aural.training import _examples

    _, x, _ = Steps(system, source, 0)[0]
    wave = _examples.made(system.input, x, source)
    read, _ = system.collate(draw(system, source, 0, 0))
    assert wave.shape == read.shape == (4, 1, 8000)
    assert torch.equal(wave[2:], read[2:])  # clips are as they are read
    assert wave[:2].abs().amax((1, 2)).min() > 0
    assert_equal(trained(stock, tmp_path / "a", source), trained(stock, tmp_path / "b", source, workers=2))


def test_clips_shorter_than_the_songs_are_padded(stock):
    system = aural.build("onset/clicker")
    short = made(lambda i: clicks(i, seconds=0.5))
    source = blended(((songs(stock, seconds=2.0), 0.5), (short, 0.5)))
    run = Steps(system, source, 0)[0][1]
    from aural.system import FRAMES
    from aural.training import _examples

    assert FRAMES in run
    assert _examples.made(system.input, system.unpacked(run), source).shape == (4, 1, 8000)


def test_faster_moves_the_labels_with_the_sound():
    sung = Curves(np.array([0.5, 1.0]), np.array([[440.0, 0.0]]))
    example = Example(clicks(3), tempo=Tempo(np.array([100.0])), notes=Notes([0.5], [1.0], [60.0]), melody=sung, tuning=Number(440.0))
    quick = faster(example, 1.25)
    assert quick["melody"].values.tolist() == [[550, 0]]
    assert quick["tuning"].value == 550
    assert quick.duration == pytest.approx(example.duration / 1.25)
    np.testing.assert_allclose(quick["onsets"].times, example["onsets"].times / 1.25)
    assert quick["tempo"].bpms[0] == 125
    assert quick["notes"].pitches[0] == pytest.approx(60 + 12 * np.log2(1.25))
    cut = quick.cut(0.2, 0.9)
    wave = np.abs(cut["sound"].samples[0])
    rate = cut["sound"].rate
    for onset in cut["onsets"].times[:-1]:
        start = round(onset * rate)
        assert wave[start : start + 60].max() > 0.1
        assert wave[max(0, start - 60) : start - 3].max(initial=0) < 0.1
    assert faster(Example(onsets=Events([1.0])), 1.2)["onsets"].times[0] == 1  # nothing to hear, nothing to move


def test_a_blend_may_play_clips_at_other_speeds(stock):
    source = blended(((clips(), 1.0),), speed=0.1)
    lengths = {round(e.duration, 4) for e in source.drawn(12, rng(1))}
    assert len(lengths) > 8
    assert all(1.5 * np.exp(-0.11) < x < 1.5 * np.exp(0.11) for x in lengths)
    assert isinstance(source.drawn(1, rng(0))[0]["sound"].read(), Sound)
