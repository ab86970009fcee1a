"""Augmentation on the device: labels stay where they are, one generator rules all chance."""

from __future__ import annotations

import pytest
import torch

from aural.data import augmentation
from aural.data.augment import AUGMENTATIONS, Augmentation, Masks, RealAug, _Draw, _fast, recordings

RATE = 16_000


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def waves(batch: int = 6, seconds: float = 2.0) -> torch.Tensor:
    return 0.2 * torch.randn(batch, 1, int(seconds * RATE), generator=generator(9))


def clicks(batch: int) -> torch.Tensor:
    """A broadband burst of 2 ms every 250 ms."""
    wave = torch.zeros(batch, 1, 2 * RATE)
    burst = torch.randn(32, generator=generator(1)) * torch.exp(-torch.arange(32) / 8)
    for start in range(RATE // 4, 2 * RATE - 100, RATE // 4):
        wave[..., start : start + 32] = 0.8 * burst
    return wave


def test_shape_and_finiteness_stay_and_sound_changes():
    wave = waves()
    out = RealAug()(wave, RATE, generator())
    assert out.shape == wave.shape
    assert out.dtype == torch.float32
    assert torch.isfinite(out).all()
    assert out.abs().max() <= 1
    assert ((out - wave).abs().amax((1, 2)) > 1e-4).all()


def test_chance_comes_from_the_generator_alone():
    torch.manual_seed(1)
    first = RealAug()(waves(), RATE, generator(5))
    torch.manual_seed(2)
    assert torch.equal(first, RealAug()(waves(), RATE, generator(5)))
    assert not torch.equal(first, RealAug()(waves(), RATE, generator(6)))


def test_examples_of_a_batch_differ():
    same = waves(1).repeat(6, 1, 1)
    out = RealAug()(same, RATE, generator(3))
    assert len({round(float(x.std()), 5) for x in out}) == 6


def test_amount_zero_leaves_sound_alone_and_so_does_an_empty_batch():
    wave = waves()
    assert torch.equal(RealAug(amount=0)(wave, RATE, generator()), wave)
    assert RealAug()(wave[..., :0], RATE, generator()).shape == (6, 1, 0)


def test_silence_stays_silent():
    assert RealAug()(torch.zeros(8, 1, RATE), RATE, generator()).abs().max() == 0


@pytest.mark.parametrize("seed", range(4))
def test_onsets_stay_where_they_are(seed):
    wave = clicks(16)
    out = RealAug()(wave, RATE, generator(seed))
    spectrum = torch.fft.rfft(out, 2 * out.shape[-1]) * torch.fft.rfft(wave, 2 * out.shape[-1]).conj()
    lag = torch.fft.irfft(spectrum).abs()[:, 0].argmax(-1)
    lag = torch.where(lag > out.shape[-1], lag - 2 * out.shape[-1], lag)
    assert (lag.abs() <= RATE // 1000).all()  # a millisecond: zero-phase filters, a room whose direct sound is first


def test_nothing_comes_long_before_an_onset():
    wave = torch.zeros(32, 1, RATE)
    wave[..., RATE // 2] = 0.9
    aug = RealAug()
    filtered = aug._filtered(wave, RATE, _Draw(32, generator(2), wave.device, 1.0))
    before = filtered[..., : RATE // 2 - RATE // 50].square().sum(-1)
    assert (before < 1e-2 * filtered.square().sum(-1)).all()


def test_a_room_starts_with_the_direct_sound_and_decays():
    room = _Draw(64, generator(4), torch.device("cpu"), 1.0).room(RATE, 1.0)
    assert torch.equal(room[:, 0], torch.ones(64))
    assert room[:, 1 : int(0.003 * RATE)].abs().max() == 0
    wet = room[room[:, 1:].abs().sum(-1) > 0][:, 1:]
    assert 20 < len(wet) < 60
    early, late = wet[:, : RATE // 10].square().mean(), wet[:, -RATE // 10 :].square().mean()
    assert late < 0.1 * early


def test_noise_lies_20_to_70_db_under_the_sound():
    from aural.data.augment import _noisy

    wave = waves(64, 1.0)
    added = _noisy(wave, RATE, _Draw(64, generator(), wave.device, 1.0)) - wave
    noisy = added.square().mean((1, 2)) > 0
    snr = 10 * torch.log10(wave.square().mean((1, 2))[noisy] / added.square().mean((1, 2))[noisy])
    assert 20 < int(noisy.sum()) < 60
    assert snr.min() > 19
    assert snr.max() < 71


def test_a_compressor_makes_loud_and_quiet_closer():
    from aural.data.augment import _compressed

    wave = waves(32, 2.0)
    wave[..., RATE:] *= 0.1
    out = _compressed(wave, RATE, _Draw(32, generator(1), wave.device, 1.0))
    ratio = (out[..., : RATE - RATE // 4].square().mean((1, 2)) / out[..., RATE + RATE // 4 :].square().mean((1, 2))).log10() * 10
    changed = ratio < 19.5
    assert 6 < int(changed.sum()) < 28
    assert (ratio < 20.5).all()


@pytest.mark.parametrize("n", [1, 2, 7, 97, 1000, 44_101, 882_000 + 31_752])
def test_fast_lengths_have_small_factors(n):
    size = _fast(n)
    assert n <= size <= 1.2 * n + 2
    for factor in (2, 3, 5):
        while size % factor == 0:
            size //= factor
    assert size == 1


def test_masks_hide_bands_and_frames_of_all_channels():
    x = torch.randn(8, 2, 80, 400, generator=generator())
    out = Masks(gain=0.0)(x, generator(1))
    hidden = out != x
    assert (hidden[:, 0] == hidden[:, 1]).all()
    share = hidden.float().mean((1, 2, 3))
    assert (share > 0).all()
    assert share.max() < 2 * 0.15 + 2 * 0.04
    whole_frames, whole_bands = hidden[:, 0].all(1), hidden[:, 0].all(2)
    assert (hidden[:, 0] == (whole_frames[:, None] | whole_bands[:, :, None])).all()


def test_the_gain_of_bands_is_smooth_and_the_same_in_all_frames():
    x = torch.zeros(4, 1, 64, 50)
    out = Masks(bands=0, frames=0, gain=0.5)(x, generator())
    assert torch.equal(out, out[..., :1].expand_as(out))
    assert out.std() > 0.1
    assert out[:, 0, :, 0].diff(n=2, dim=-1).abs().mean() < 0.02


def test_an_augmentation_walks_trees_and_lets_the_rest_be():
    words, sound = torch.arange(5), waves()
    augment = Augmentation()
    raw = {"a": sound, "b": [sound, words], "c": (None, "x")}
    out = augment.sound(raw, RATE, generator(2))
    assert torch.equal(out["a"], out["b"][0])
    assert not torch.equal(out["a"], sound)
    assert out["b"][1] is words
    assert out["c"] == (None, "x")
    features = augment.features({"x": torch.randn(2, 1, 40, 100), "y": words}, generator())
    assert features["y"] is words


def test_successive_steps_of_one_generator_differ():
    augment, one = Augmentation(), generator()
    assert not torch.equal(augment.sound(waves(), RATE, one), augment.sound(waves(), RATE, one))


def test_recipes_find_augmentations_by_name():
    for name, kind in AUGMENTATIONS.items():
        assert augmentation(name) is kind
        assert hasattr(kind(), "sound")
        assert hasattr(kind(), "features")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_it_runs_where_the_waves_are():
    wave = waves().cuda()
    out = RealAug()(wave, RATE, generator(7))
    assert out.is_cuda
    assert torch.equal(out, RealAug()(wave, RATE, generator(7)))


# ---- options: recordings, holes, steps


@pytest.fixture
def packs(tmp_path):
    """A pack with a room of one echo, a hum, and what nobody may use."""
    import numpy as np
    import soundfile

    folder = tmp_path / "rir_noise"
    folder.mkdir()
    room = np.zeros(RATE // 2)
    room[[100, 100 + RATE // 10]] = -0.5, 0.25
    soundfile.write(folder / "room.wav", room, RATE)
    soundfile.write(folder / "hum.wav", 0.1 * np.sin(2 * np.pi * 100 * np.arange(RATE) / RATE), RATE)
    rows = [("room.wav", "rir", "MIT (repository; origin not stated)"), ("hum.wav", "noise", "CC BY 4.0 (as stated)")]
    rows += [("hum.wav", "noise", "CC BY 4.0 if inferred; repository is CC BY-NC 4.0"), ("room.wav", "rir", "CC BY-NC 4.0")]
    lines = "\n".join(f"{f},{k},{w}" for f, k, w in rows)
    (folder / "labels.csv").write_text(f"file,kind,licence\n{lines}\n")
    return tmp_path


def test_recordings_are_those_that_one_may_use(packs):
    rooms, noises = recordings(str(packs), "rir", RATE, 1.0), recordings(str(packs), "noise", RATE, 0.5)
    assert len(rooms) == len(noises) == 1
    assert rooms[0][0] == 1  # the direct sound comes first
    assert rooms[0][RATE // 10] == pytest.approx(-0.5, abs=1e-3)
    assert len(noises[0]) == RATE // 2
    assert (noises[0] ** 2).mean() == pytest.approx(1, abs=0.01)
    assert recordings(str(packs / "nowhere"), "rir", RATE, 1.0) == []


def test_recorded_rooms_keep_the_direct_sound_in_place_and_repeat_it(packs):
    aug = RealAug(data=packs)
    wave = torch.zeros(64, 1, RATE)
    wave[..., RATE // 4] = 1.0
    made = RealAug()._filtered(wave, RATE, _Draw(64, generator(3), wave.device, 1.0))
    out = aug._filtered(wave, RATE, _Draw(64, generator(3), wave.device, 1.0))
    echo = RATE // 4 + RATE // 10
    echoed = out[:, 0, echo].abs() > 3 * out[:, 0, echo - 400 : echo - 100].abs().amax(-1) + 0.02
    assert 8 < int(echoed.sum()) < 32
    assert (out[echoed, 0].abs().argmax(-1) - RATE // 4).abs().max() <= RATE // 1000
    assert made.shape == out.shape


def test_recorded_noise_lies_under_the_sound_and_starts_anywhere(packs):
    wave = waves(64, 1.0)
    aug = RealAug(data=packs)
    added = aug._overheard(wave, RATE, _Draw(64, generator(1), wave.device, 1.0)) - wave
    noisy = added.square().mean((1, 2)) > 0
    assert 8 < int(noisy.sum()) < 32
    ratio = 10 * torch.log10(wave.square().mean((1, 2))[noisy] / added.square().mean((1, 2))[noisy])
    assert 9 < ratio.min() < ratio.max() < 51
    phases = {round(float(x[0, 0] / x.abs().max()), 2) for x in added[noisy]}
    assert len(phases) > 5
    silent = torch.zeros(4, 1, RATE)
    assert aug(silent, RATE, generator()).abs().max() == 0


def test_without_recordings_or_options_nothing_else_is_drawn(packs):
    wave = waves()
    assert torch.equal(RealAug()(wave, RATE, generator(1)), RealAug(data=packs / "nowhere")(wave, RATE, generator(1)))
    x = torch.randn(4, 1, 40, 100, generator=generator())
    assert torch.equal(Masks()(x, generator(1)), Masks(holes=0.0, steps=0)(x, generator(1)))


def test_holes_are_small_empty_and_mostly_high():
    x = torch.rand(64, 1, 80, 300, generator=generator()).repeat(1, 2, 1, 1) + 1.0
    out = Masks(bands=0, frames=0, gain=0.0, holes=0.5)(x, generator(1))
    empty = out != x
    assert 16 < int(empty.flatten(1).any(1).sum()) < 48
    assert (empty[:, 0] == empty[:, 1]).all()
    assert torch.equal(out[empty], x.amin((1, 2, 3), keepdim=True).expand_as(x)[empty])
    share = empty.float().mean((0, 1, 3))
    assert share[:4].max() == 0
    assert share[-20:].mean() > 3 * share[:20].mean()
    assert share.max() < 0.3


def test_steps_change_the_level_of_all_bands_at_once_and_for_good():
    out = Masks(bands=0, frames=0, gain=0.0, steps=3)(torch.zeros(32, 1, 20, 200), generator(2))
    assert out.abs().max() == 0  # their size is that of `gain`
    masks = Masks(bands=0, frames=0, gain=0.5, steps=3)
    out = masks._stepped(torch.zeros(32, 1, 20, 200), generator(2))
    assert torch.equal(out, out[:, :, :1].expand_as(out))
    changes = (out[:, 0, 0].diff(dim=-1) != 0).sum(-1)
    assert changes.max() <= 3
    assert 0.5 < changes.float().mean() < 2.5
