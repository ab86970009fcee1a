"""Made singers: their pitch, vowels and consonants, and the truth of what they sing in mixed songs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from aural.data.songs import bank as banks
from aural.data.songs import mixing, singers, tables
from aural.data.songs.bank import Bank, Stock
from aural.data.songs.mixing import Mixed, MixedSongs, mix
from aural.data.songs.score import Score, Track
from aural.data.songs.singers import CONSONANTS, RATE, VOWELS, Singer, formants, singer, sung, syllables
from aural.data.songs.tables import tabled

STOCK = Stock(banks=1, sampled=False, programs=9, kits=1, singers=4, pianos=0)


@pytest.fixture(scope="module")
def bank(tmp_path_factory) -> Bank:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AURAL_CACHE", str(tmp_path_factory.mktemp("cache")))
        mixing._bank.cache_clear()
        yield mixing._bank(STOCK)
        mixing._bank.cache_clear()


def plain(seed: int = 0, **more) -> Singer:
    """A steady man."""
    return replace(Singer(seed, "man", 45, 69, 1.0, 3000.0, 0.6, -40.0, 0.0, 0.0), **more)


def cents_off(wave: np.ndarray, near: float) -> float:
    """By autocorrelation over many periods, within half a semitone of a guess."""
    many = 4
    lags = np.arange(int(many * RATE / near / 1.03) - 1, int(many * RATE / near * 1.03) + 3)
    n = len(wave) - lags[-1]
    alike = np.array([wave[:n] @ wave[k : k + n] / np.linalg.norm(wave[k : k + n]) for k in lags])
    i = int(np.clip(alike.argmax(), 1, len(lags) - 2))
    a, b, c = alike[i - 1 : i + 2]
    return float(1200 * np.log2(many * RATE / (lags[i] + 0.5 * (a - c) / (a - 2 * b + c)) / near))


def rises(wave: np.ndarray, after: float) -> float:
    """When a sound's low end first has half of the amplitude that it soon has, in seconds; levels of 10 ms."""
    low = sosfiltfilt(butter(2, [80, 4000], "band", fs=RATE, output="sos"), wave)
    level = np.sqrt(np.convolve(np.square(low), np.ones(220) / 220, "same"))
    vowel = np.median(level[round((after + 0.05) * RATE) : round((after + 0.15) * RATE)])
    return float(np.argmax(level > 0.45 * vowel) / RATE)


# ---- a singer alone


def test_every_seed_is_a_singer_of_a_range_that_people_have():
    voices = [singer(seed) for seed in range(200)]
    assert len(set(voices)) == 200
    assert {v.kind for v in voices} == {"man", "woman", "child"}
    assert all(v.lowest >= 36 and v.highest <= 90 and 15 <= v.highest - v.lowest <= 30 for v in voices)
    lowest = {kind: np.mean([v.lowest for v in voices if v.kind == kind]) for kind in singers.KINDS}
    assert lowest["man"] < lowest["woman"] - 8
    assert sum(v.rough > 0 for v in voices) > 30


@pytest.mark.parametrize("seed", [0, 1, 5])
def test_a_note_has_the_pitch_that_is_asked_within_five_cents(seed):
    voice = singer(seed)
    for pitch in voice.pitches:
        wave, heard = sung(voice, pitch, (3, 3), "m", 1.2, np.random.default_rng(seed))
        part = wave[round((heard + 0.1) * RATE) :][:RATE].astype(float)
        assert abs(cents_off(part, 440 * 2 ** ((pitch - 69) / 12))) < 5


def test_rough_voices_keep_their_pitch():
    for seed in range(4):
        voice = plain(seed, rough=0.5, growl=0.5, jitter=0.012, shimmer=0.3, drive=4.0)
        wave, heard = sung(voice, 57, (4, 4), "", 1.2, np.random.default_rng(seed))
        steady, _ = sung(plain(seed), 57, (4, 4), "", 1.2, np.random.default_rng(seed))
        part = slice(round((heard + 0.1) * RATE), None)
        assert abs(cents_off(wave[part].astype(float), 220)) < 8
        below = [power_near(x[part], 110) / power_near(x[part], 220) for x in (wave, steady)]
        assert below[0] > 30 * below[1]


def power_near(wave: np.ndarray, hertz: float) -> float:
    power = np.abs(np.fft.rfft(wave * np.hanning(len(wave)))) ** 2
    bins = np.fft.rfftfreq(len(wave), 1 / RATE)
    return float(power[np.abs(bins - hertz) < 8].max())


@pytest.mark.parametrize("vowel", range(10))
@pytest.mark.parametrize("kind", singers.KINDS)
def test_formants_lie_where_peterson_and_barney_heard_them(kind, vowel):
    """A whisper through the throat: peaks of its spectrum, of noise so that no harmonic is in the way."""
    voice = plain(kind=kind)
    hertz, width = formants(voice, VOWELS[singers.KINDS.index(kind), vowel])
    np.testing.assert_array_equal(hertz[:3], VOWELS[singers.KINDS.index(kind), vowel])
    noise = np.zeros(RATE // 2, np.float32)
    noise[0] = 1
    response = np.abs(np.fft.rfft(singers._through(noise, [(0.0, (hertz, width)), (1.0, (hertz, width))])))
    bins = np.fft.rfftfreq(RATE // 2, 1 / RATE)
    peaks = bins[1:-1][(response[1:-1] > response[2:]) & (response[1:-1] > response[:-2])]
    for formant in hertz[:5]:
        near = np.abs(hertz - formant)
        if near[near > 0].min() > 300:  # of two that lie together one sees one
            assert np.abs(peaks - formant).min() < 0.06 * formant + 10


def test_a_vowel_that_is_sung_has_the_strongest_harmonics_at_its_first_formant():
    voice = plain()
    for vowel, f1 in ((0, 270), (4, 730), (6, 440)):
        wave, heard = sung(voice, 33, (vowel, vowel), "", 1.2, np.random.default_rng(0))
        part = wave[round((heard + 0.1) * RATE) :][:RATE]
        power = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
        bins = np.fft.rfftfreq(len(part), 1 / RATE)
        smooth = np.array([power[np.abs(bins - f) < 45].sum() for f in range(150, 1000, 10)])
        source = np.array([1 / f for f in range(150, 1000, 10)]) ** 0.5
        assert abs(np.arange(150, 1000, 10)[(smooth / source**2).argmax()] - f1) < 90


def test_formants_glide_from_one_vowel_to_the_other():
    voice = plain()
    wave, heard = sung(voice, 40, (4, 0), "", 1.6, np.random.default_rng(1))

    def high(start: float) -> float:
        part = wave[round(start * RATE) :][: RATE // 5]
        power = np.abs(np.fft.rfft(part)) ** 2
        bins = np.fft.rfftfreq(len(part), 1 / RATE)
        return float(power[(bins > 500) & (bins < 1400)].sum() / power[bins < 500].sum())

    assert high(heard + 0.05) > 5 * high(1.3)


@pytest.mark.parametrize("consonant", ["", *CONSONANTS])
def test_a_vowel_begins_where_it_is_said_to(consonant):
    late = []
    for seed in range(6):
        voice = singer(seed)
        wave, heard = sung(voice, voice.lowest + 12, (3, 3), consonant, 1.0, np.random.default_rng(seed))
        low, high = CONSONANTS[consonant].seconds if consonant else (0, 0)
        assert low <= heard <= high + 0.04
        late.append(rises(wave.astype(float), heard) - heard)
    assert np.abs(np.median(late)) < 0.012
    assert np.abs(late).max() < 0.02


def test_consonants_are_as_loud_as_people_say_them():
    voice = plain()
    for name, how in CONSONANTS.items():
        wave, heard = sung(voice, 50, (4, 4), name, 0.6, np.random.default_rng(3))
        before = np.sqrt(np.square(wave[: round((heard - how.attack) * RATE)]).mean())
        vowel = np.sqrt(np.square(wave[round((heard + 0.03) * RATE) :][: RATE // 5]).mean())
        assert vowel == pytest.approx(0.1, rel=0.3)
        assert -40 < 20 * np.log10(before / vowel) < -5, name


def test_a_fricative_is_high_and_a_nasal_is_low():
    voice, share = plain(), {}
    for name in ("s", "sh", "m"):
        wave, heard = sung(voice, 50, (4, 4), name, 0.6, np.random.default_rng(3))
        power = np.abs(np.fft.rfft(wave[: round((heard - 0.02) * RATE)])) ** 2
        share[name] = float(power[len(power) // 2 :].sum() / power.sum())
    assert share["s"] > 0.6 > share["sh"] > 0.02 > share["m"]


def test_a_singer_is_the_same_again_and_loud_without_clipping():
    voice = singer(3)
    first, again = ([*syllables(voice, 1.5)] for _ in range(2))
    assert all(a[0] == b[0] and np.array_equal(a[1], b[1]) and a[2] == b[2] for a, b in zip(first, again, strict=True))
    assert len(first) == singers.SYLLABLES * len(voice.pitches)
    assert len({wave.tobytes() for _, wave, _ in first}) == len(first)
    assert all(0.1 < np.abs(wave).max() < 1.2 for _, wave, _ in first)
    assert all(np.isfinite(wave).all() for _, wave, _ in first)
    lasting = [len(wave) / RATE - heard for _, wave, heard in first]
    assert all(1.4 < s < 1.6 for s in lasting[::8] + lasting[1::8])


# ---- in the bank


def test_a_bank_knows_its_singers_and_no_song_takes_them_for_an_instrument(bank):
    assert len(bank.singers) == 4
    assert [f.name for f in bank.fonts.fonts] == ["synth0"]
    assert np.abs(bank.samples).max() == banks.PEAK
    for seed, number in enumerate(bank.singers):
        assert bank.pitches(number).tolist() == list(singer(seed).pitches)


def test_syllables_are_of_the_nearest_pitch_and_never_twice_the_same_for_long(bank):
    number = bank.singers[0]
    keys = bank.pitches(number)
    rng = np.random.default_rng(0)
    shots = bank.syllables(number, np.full(200, keys[3] + 1), np.full(200, 0.5), np.full(200, 1.0), rng)
    assert set(bank.key[shots]) == {keys[3]}
    assert len(set(shots)) == singers.SYLLABLES
    long = bank.syllables(number, np.full(200, keys[3]), np.full(200, 2.5), np.full(200, 1.0), rng)
    assert (bank.length[long] / RATE > 2.5).all()
    assert len(set(long)) == 2
    quick = bank.syllables(number, np.full(200, keys[3]), np.full(200, 0.1), np.zeros(200), rng)
    assert bank.rise[quick].max() < 0.03


def test_the_test_split_has_singers_of_its_own():
    own, held = ({job.args[0] for job in replace(STOCK, split=split, singers=12)._jobs()} for split in ("train", "test"))
    assert "singer11" in own
    assert {"singer10000", "singer10001"} <= held
    assert not own & held


# ---- in songs


def led(seed: int, middle: int = 70, step: float = 0.6, seconds: float = 8.0) -> Score:
    beats = np.arange(0, 20.0, step)
    pitches = middle + np.clip(np.cumsum(np.random.default_rng(seed).integers(-3, 4, len(beats))), -7, 7)
    rows = np.array([(t, t + step, pitch, 90, 0) for t, pitch in zip(beats, pitches, strict=True)])
    return Score("a", "test", (Track("lead", 73, legato=True),), rows, beats, np.arange(len(beats)) % 4 + 1)


def sings(bank: Bank, score: Score, seed: int, monkeypatch, voices: int = 1) -> tuple[Mixed, dict]:
    singer_ = bank.singers[seed % len(bank.singers)]
    monkeypatch.setattr(tables, "_cast", lambda *_: {0: (singer_,) * voices})
    table, truth = tabled(score, bank, np.random.default_rng(seed), 8.0)
    return Mixed(bank, table), truth


def dry(sound: Mixed) -> np.ndarray:
    import torch

    tensors = {name: t[None] for name, t in sound.table.tensors().items()}
    return mix(sound.bank.on(torch.device("cpu")), tensors, effects=False)[0, 0].numpy().astype(float)


@pytest.mark.parametrize("middle", [40, 58, 70, 88])
def test_the_melody_is_what_the_singer_sings_in_her_own_octave(bank, monkeypatch, middle):
    off = []
    for seed in range(4):
        sound, truth = sings(bank, led(seed, middle), seed, monkeypatch)
        keys = bank.pitches(bank.singers[seed])
        assert ((truth["notes"].pitches >= keys[0] - 1) & (truth["notes"].pitches <= keys[-1] + 2)).all()
        np.testing.assert_array_equal(truth["notes"].pitches, truth["melody_notes"].pitches)
        wave, curve = dry(sound), truth["melody"]
        for start, end in zip(truth["melody_notes"].starts, truth["melody_notes"].ends, strict=True):
            at = (start + end) / 2
            here = np.abs(curve.times - at).argmin()
            hertz = curve.values[0, here]
            around = curve.values[0, max(0, here - 4) : here + 5]
            if end - start < 0.25 or not around.all():
                continue
            part = wave[round((at - 0.04) * RATE) : round((at + 0.04) * RATE)]
            if hertz > 90 and len(part):
                off.append(cents_off(part, float(np.exp(np.log(around).mean()))))
    assert len(off) > 25
    assert abs(np.median(off)) < 6
    assert (np.abs(off) < 30).mean() > 0.95


def test_a_sung_note_is_heard_where_its_truth_says(bank, monkeypatch):
    late = []
    for seed in range(8):
        score = led(seed)
        score = replace(score, notes=score.notes * np.array([1, 1, 1, 1, 1]) - np.array([0, 0.25, 0, 0, 0]))  # rests between
        sound, truth = sings(bank, score, seed, monkeypatch)
        wave = dry(sound)
        times = np.concatenate([truth["onsets"].times, truth["soft_onsets"].times])
        for onset in times[(times > 0.3) & (times < 7.5)]:
            first = max(0.0, onset - 0.15)
            late.append(first + rises(wave[round(first * RATE) :][: round(0.5 * RATE)], onset - first) - onset)
    assert len(late) > 60
    assert abs(np.median(late)) < 0.01
    assert (np.abs(late) < 0.02).mean() > 0.85  # the release of the note before can be in the way


def test_truth_ends_when_the_voice_does_or_the_next_consonant_begins(bank, monkeypatch):
    _, truth = sings(bank, led(3), 1, monkeypatch)
    notes = truth["melody_notes"]
    gaps = notes.starts[1:] - notes.ends[:-1]
    assert (gaps > -1e-9).all()
    assert gaps.max() < 0.35
    assert (gaps > 0.03).sum() > 3


def test_somebody_who_sings_along_does_not_change_the_truth(bank, monkeypatch):
    one, two = (sings(bank, led(2), 2, monkeypatch, voices) for voices in (1, 2))
    assert two[0].table.whole.shape[1] > 1.5 * one[0].table.whole.shape[1]
    assert two[1]["melody_notes"].pitches.tolist() == one[1]["melody_notes"].pitches.tolist()
    np.testing.assert_allclose(two[1]["melody_notes"].starts, one[1]["melody_notes"].starts, atol=0.12)


def test_runs_and_chords_are_not_sung(bank):
    fast, plain_ = led(0, step=0.09), led(0)
    chords = replace(plain_, notes=np.concatenate([plain_.notes, plain_.notes + np.array([0, 0, 4, 0, 0])]))
    rng = np.random.default_rng
    assert not any(tables._cast(score, bank, rng(seed)) for seed in range(20) for score in (fast, chords))
    cast = [tables._cast(plain_, bank, rng(seed)) for seed in range(300)]
    assert 0.4 < np.mean([bool(c) for c in cast]) < 0.6
    assert {v for c in cast for voices in c.values() for v in voices} == set(bank.singers)


def test_songs_with_singers_are_whole(bank):
    source = MixedSongs(seed=5, seconds=6.0, stock=STOCK, sampled=False)
    first = [bank.offset[bank.first[s]] for s in bank.singers]
    heard = 0
    for index in range(0, 60, 3):
        example = source(index)
        example.validate()
        heard += bool((example["sound"].table.whole[2] >= min(first)).any())
    assert heard > 4
