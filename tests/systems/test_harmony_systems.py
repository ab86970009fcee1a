"""Facts about chord/sheh03, key/profiles and the alignment of charts."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch

import aural
from aural import Example, Sound, harmony
from aural.annotations import Events, Intervals
from aural.errors import AnnotationError
from aural.running import estimate, run
from aural.systems.chord import sheh03
from aural.systems.chord.sheh03 import STATES, ChordStates, RegisterChroma, sequence_of, tuning, turned

RATE = 22_050
SONG = ("C:maj", "A:min", "F:maj", "G:maj", "C:maj", "E:min", "F:maj", "G:maj")
BEATS = Events(np.arange(0.0, 16.0, 0.5))


def played(labels: tuple[str, ...], seconds: float = 2.0, cents: float = 0.0, up: int = 0) -> Sound:
    """Each chord for so long: its root in the bass, its notes from C4 and C5, six harmonics each."""
    time = np.arange(round(seconds * RATE)) / RATE
    pieces = []
    for label in labels:
        chord = harmony.parse(label).transposed(up)
        pitches = [] if chord.root is None else [36 + chord.bass_class, *(60 + 12 * o + c for o in (0, 1) for c in chord.pitch_classes)]
        tone = np.zeros(len(time))
        for pitch in pitches:
            f = 440 * 2 ** ((pitch - 69 + cents / 100) / 12)
            tone += sum(np.sin(2 * np.pi * f * h * time) / h**1.5 for h in range(1, 7))
        pieces.append(0.05 * tone * np.minimum(1, 20 * time) * np.exp(-time / 3))
    return Sound(np.concatenate(pieces)[None].astype(np.float32), RATE)


def cells(sound: Sound, beats: Events = BEATS) -> torch.Tensor:
    part = RegisterChroma()
    raw = part.read(Example(sound=sound, beats=beats))
    with torch.no_grad():
        return part({name: value[None] for name, value in raw.items()})[0, 0]


@pytest.fixture(scope="module")
def learned() -> aural.System:
    """Learned from six little songs, of whose chords only the order is told."""
    torch.set_num_threads(1)
    system = aural.build("chord/sheh03", iterations=4, ridge=20.0).eval()
    pairs, known = [], []
    for up in range(6):
        labels = tuple(str(harmony.parse(label).transposed(up)) for label in (SONG if up % 2 else SONG[3:] + SONG[:3]))
        example = Example(sound=played(labels), beats=BEATS, chords=spans(labels))
        x, y = system.collate([example])
        pairs.append((system.features(x), y))
        known.append((None, system.times(example), example))
    system.net.fit(pairs)
    system.output.fit(known)
    return system


def spans(labels: tuple[str, ...], seconds: float = 2.0) -> Intervals:
    starts = seconds * np.arange(len(labels))
    return Intervals(starts, starts + seconds, labels)


# ---- what is heard


def test_a_triad_sounds_in_its_pitch_classes():
    chroma = cells(played(("D:min",) * 8)).unflatten(0, (3, 12)).mean(-1)
    assert set(chroma[2].topk(3).indices.tolist()) == {2, 5, 9}
    assert chroma[0].argmax() == 2


@pytest.mark.parametrize("cents", [-40, -15, 20, 45])
def test_the_tuning_is_found_and_taken_out(cents):
    cqt = RegisterChroma().part.part
    with torch.no_grad():
        heard = cqt(torch.from_numpy(played(SONG, cents=cents).samples)[None])[:, 0]
    assert 100 * float(tuning(heard)) == pytest.approx(cents, abs=4)
    assert (cells(played(SONG, cents=cents)) - cells(played(SONG))).abs().mean() < 0.05


def test_louder_is_the_same():
    sound = played(SONG)
    torch.testing.assert_close(cells(Sound(sound.samples * 8, RATE)), cells(sound), atol=1e-4, rtol=1e-3)


def test_cells_cover_the_sound_before_between_and_after_the_beats():
    part = RegisterChroma()
    sound = played(SONG)
    late = Example(sound=sound, beats=Events(np.arange(5.2, 9.0, 0.5)))
    times = part.times(late)
    assert times[0] < 0.5
    assert times[-1] > 15.0
    np.testing.assert_allclose(np.diff(times), 0.5)
    none = part.times(Example(sound=sound, beats=Events(np.zeros(0))))
    np.testing.assert_allclose(none, np.arange(0, 16, 0.5))


# ---- what is learned


def test_em_only_climbs(learned):
    found = learned.net.likelihoods
    assert len(found) == 4
    assert all(b > a - 1e-3 * abs(a) for a, b in itertools.pairwise(found))


def test_em_finds_where_chords_change_though_nobody_told():
    """States drawn from three Gaussians, of which only the order is known: the means come out."""
    rng = np.random.default_rng(0)
    order = [0, 12 + 9, 24 + 5, 0, 12 + 9, 24 + 5, 0]  # C:maj A:min F:maj7 …
    truth = {state: rng.normal(size=36) for state in set(order)}
    pairs = []
    for _ in range(20):
        lasting = rng.integers(4, 9, len(order))
        x = np.concatenate([truth[s][:, None] + 0.3 * rng.normal(size=(36, n)) for s, n in zip(order, lasting, strict=True)], 1)
        pairs.append((torch.from_numpy(x).float()[None, None], torch.tensor([order])))
    net = ChordStates(iterations=10, ridge=1.0)
    net.fit(pairs)
    for state, mean in truth.items():
        own = turned(torch.from_numpy(mean)[:, None], -(state % 12))[:, 0]
        assert (net.means[state // 12].double() - own).abs().max() < 0.2


def test_all_pitch_classes_turned_turn_the_answer(learned):
    x = cells(played(SONG))[None, None]
    with torch.no_grad():
        here, up = learned.net(x)[0], learned.net(turned(x, 5))[0]
    rolled = here[:-1].unflatten(0, (14, 12)).roll(5, 1).flatten(0, 1)
    torch.testing.assert_close(up[:-1], rolled, atol=1e-3, rtol=1e-4)
    torch.testing.assert_close(learned.output.path(up.double().numpy())[0], learned.output.path(up.double().numpy())[0])


@pytest.mark.parametrize("up", [0, 1, 6, 10])
def test_chords_that_are_played_are_heard(learned, up):
    labels = tuple(str(harmony.parse(label).transposed(up)) for label in SONG)
    found = run(learned, sound=played(labels), beats=BEATS)["chords"]
    assert [harmony.class_of(harmony.parse(label)) for label in found.labels] == [harmony.class_of(harmony.parse(x)) for x in labels]
    np.testing.assert_allclose(found.starts, 2.0 * np.arange(8), atol=1e-6)
    assert found.ends[-1] == pytest.approx(16.0)
    assert (found.confidence > 0.5).all()


def test_a_small_vocabulary_says_less(learned):
    from aural.systems.chord.sheh03 import ChordSequence

    small = ChordSequence("majmin")
    assert len(small.names) == 25
    assert set(small.names) == set(harmony.classes("majmin", unknown=False))
    assert len(ChordSequence("sevenths").names) == 61
    assert len(learned.output.names) == STATES


def test_a_sequence_has_no_times_and_each_change_once():
    chords = Intervals(np.arange(5.0), np.arange(1.0, 6.0), ("C:maj", "C:maj/3", "N", "F:5", "G:7"))
    assert sequence_of(chords) == [0, STATES - 1, STATES, 4 * 12 + 7]


def test_how_long_chords_last_and_what_follows_is_the_same_from_every_root():
    p = sheh03.following([[0, 7, 0, 7, 9 + 12]], 20).exp()
    torch.testing.assert_close(p.sum(1), torch.ones(STATES))
    assert p[0, 0] == pytest.approx(0.8)
    assert p[0, 7] == pytest.approx(float(p[5, 0]), rel=1e-4)
    assert p[0, 7] > p[0, 6]


def test_a_confidence_that_was_fitted_is_how_often_it_is_right(learned):
    """Of songs whose truth says otherwise in every second chord, half is right."""
    part = sheh03.ChordSequence()
    part.transitions = learned.output.transitions
    pairs = []
    for up in range(4):
        labels = tuple(str(harmony.parse(label).transposed(up)) for label in SONG)
        example = Example(sound=played(labels), beats=BEATS)
        y, times = estimate(learned, example)
        other = tuple(str(harmony.parse(label).transposed(6)) if i % 2 else label for i, label in enumerate(labels))
        pairs.append((y, times, Example({**example, "chords": spans(other)})))
    assert len(part.confide(pairs)) == 4
    found = part.decode(*pairs[0])
    assert len(found) == 8
    assert found.confidence.mean() == pytest.approx(0.5, abs=0.05)
    assert sheh03.ChordSequence(sure=part.sure).sure == part.sure


# ---- charts


def test_a_chart_is_read_by_bars_or_lines():
    def names(text: str) -> str:
        return " ".join(chord.plain for chord in harmony.read_chart(text))

    assert names("| C | Am | F G | % |") == "C Am F G F G"
    assert names("[Verse]\nC\nAm7\nF#m7b5 / / G/B\n# the end") == "C Am7 F#m7b5 G/B"
    with pytest.raises(AnnotationError, match="line 2: 'Hello'"):
        harmony.read_chart("C\nHello")
    with pytest.raises(AnnotationError, match="no chord"):
        harmony.read_chart("[Intro]\n")


def test_a_chart_gets_its_times(learned):
    labels = ("N", "C:maj", "A:min", "F:maj", "F:maj", "G:maj", "C:maj", "N")
    chart = harmony.read_chart("| C | Am | F | % | G | C/E |")
    found = sheh03.align(learned, played(labels), chart, BEATS)
    assert [label for label in found.labels if label != "N"] == ["C:maj", "A:min", "F:maj", "G:maj", "C:maj/3"]
    starts = {label: start for label, start in zip(found.labels, found.starts, strict=True) if label != "N"}
    assert [starts[x] for x in ("A:min", "F:maj", "G:maj", "C:maj/3")] == pytest.approx([4, 6, 10, 12], abs=0.51)
    with pytest.raises(AnnotationError, match="right chart"):
        sheh03.align(learned, played(labels[:2]), chart * 20, Events(np.arange(0, 4, 0.5)))


def test_the_verb_writes_a_lab_file(learned, tmp_path, capsys):
    import soundfile

    from aural.cli import main
    from aural.system import save

    sound = played(SONG)
    soundfile.write(tmp_path / "song.wav", sound.samples.T, RATE)
    (tmp_path / "chart.txt").write_text("| C | Am | F | G | C | Em | F | G |\n")
    weights = save(learned, tmp_path / "chords.safetensors")
    words = ["align-chords", str(tmp_path / "song.wav"), str(tmp_path / "chart.txt"), "--use", str(weights)]
    with pytest.raises(SystemExit) as end:
        main([*words, "-o", str(tmp_path / "song.chords.lab")])
    assert not end.value.code
    rows = [line.split("\t") for line in (tmp_path / "song.chords.lab").read_text().splitlines()]
    assert [row[2] for row in rows if row[2] != "N"] == list(SONG)
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main([*words, "--json"])
    assert [row["chord"] for row in json.loads(capsys.readouterr().out)["chords"] if row["chord"] != "N"] == list(SONG)
    (tmp_path / "chart.txt").write_text("la la la\n")
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert "line 1" in capsys.readouterr().err


# ---- keys


CADENCE = ("C:maj", "F:maj", "G:7", "C:maj", "A:min", "D:min", "G:7", "C:maj")


def example_in(up: int, minor: bool) -> Example:
    labels = ("A:min", "D:min", "E:7", "A:min", "F:maj", "B:dim", "E:7", "A:min") if minor else CADENCE
    key = harmony.key_name((up + 9 * minor) % 12, minor)
    return Example(sound=played(labels, up=up), beats=BEATS, key=Intervals(np.zeros(1), np.array([16.0]), (key,)))


@pytest.fixture(scope="module")
def keys() -> aural.System:
    torch.set_num_threads(1)
    system = aural.build("key/profiles").eval()
    pairs = []
    for up, minor in ((0, False), (4, True), (7, False), (1, True)):
        x, y = system.collate([example_in(up, minor)])
        pairs.append((system.features(x), system.targets(y)))
    system.net.fit(pairs)
    return system


@pytest.mark.parametrize("minor", [False, True])
@pytest.mark.parametrize("up", [2, 6, 11])
def test_a_cadence_is_in_its_key_in_every_transposition(keys, up, minor):
    example = example_in(up, minor)
    found = run(keys, sound=example["sound"], beats=BEATS)["key"]
    assert found.labels == example["key"].labels


def test_turning_the_pitch_classes_turns_the_keys(keys):
    x = cells(played(CADENCE))[None, None]
    with torch.no_grad():
        here, up = keys.net(x)[0], keys.net(turned(x, 3))[0]
    torch.testing.assert_close(up[:24], here[:24].unflatten(0, (2, 12)).roll(3, 1).flatten(0, 1), atol=1e-4, rtol=1e-4)


def test_a_song_that_goes_up_has_two_keys_and_a_time(keys):
    both = Sound(np.concatenate([played(CADENCE * 3).samples, played(CADENCE * 3, up=2).samples], 1), RATE)
    found = run(keys, sound=both, beats=Events(np.arange(0, 96, 0.5)))["key"]
    assert found.labels == ("C:major", "D:major")
    assert found.starts[1] == pytest.approx(48, abs=4)


def test_drums_alone_are_in_no_key(keys):
    rng = np.random.default_rng(0)
    time = np.arange(16 * RATE) / RATE
    noise = 0.2 * rng.standard_normal(len(time)) * np.exp(-12 * (time % 0.5))
    found = run(keys, sound=Sound(noise[None].astype(np.float32), RATE), beats=BEATS)["key"]
    assert found.labels == ("N",)
