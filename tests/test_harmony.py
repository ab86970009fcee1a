"""Facts about chords and keys in words."""

from __future__ import annotations

import numpy as np
import pytest

from aural import harmony
from aural.annotations import Intervals
from aural.errors import AnnotationError, UnknownName
from aural.harmony import Chord, classes, parse, read_plain

LABELS = (
    "N", "X", "C:maj", "A:min7/b3", "Gb:maj7", "F#:hdim7", "G:sus4(b7)", "E:maj/3", "Bb:9", "B#:min", "D:min(9)/5", "C:(1,5,b7)",
    "A:maj(*3)",
    "Eb:minmaj7/7", "Abb:dim7", "G:7(#9)", "D:13", "C:1", "F:5",
)  # fmt: skip


@pytest.mark.parametrize("label", LABELS)
def test_a_label_read_and_written_is_itself(label):
    assert str(parse(label)) == label


def test_a_root_alone_is_major_and_so_is_a_root_with_a_bass():
    assert str(parse("F#")) == "F#:maj"
    assert str(parse("C/3")) == "C:maj/3"


@pytest.mark.parametrize("label", ["", "H:maj", "C:major", "C:maj(", "C:maj(14)", "c:min", "C:min//5", "C:min/x", "Cmaj7", "N:min"])
def test_what_is_no_label_is_refused_in_a_sentence(label):
    with pytest.raises(AnnotationError, match=r"write|there are"):
        parse(label)


@pytest.mark.parametrize(("vocabulary", "n"), [("majmin", 26), ("sevenths", 62), ("full", 170)])
def test_a_vocabulary_has_its_classes_each_once_and_each_is_its_own(vocabulary, n):
    labels = classes(vocabulary)
    assert len(set(labels)) == len(labels) == n
    assert [harmony.class_of(parse(label), vocabulary) for label in labels] == list(range(n))
    assert [str(parse(label).reduced(vocabulary)) for label in labels] == list(labels)


def test_root_pitches_and_bass_are_those_of_mir_eval():
    mir_eval = pytest.importorskip("mir_eval")
    basses = [f"{label}/{bass}" for label in classes("full")[:168:5] for bass in ("3", "b3", "5", "b7", "9")]
    for label in (*classes("full")[:-1], *basses, *(one for one in LABELS if one not in ("N", "X"))):
        root, pitches, bass = mir_eval.chord.encode(label, reduce_extended_chords=True)
        chord = parse(label)
        if label == "N":
            assert (chord.root_class, chord.bass_class, chord.pitch_classes) == (12, 12, frozenset())
            continue
        assert chord.root_class == root
        assert chord.bass_class == (root + bass) % 12
        kept = {s for s in range(12) if pitches[s] > 0}
        assert chord.pitch_classes == {(root + s) % 12 for s in kept}, label


def test_reduction_is_nested():
    for label in (*classes("full"), *LABELS):
        for near in (False, True):
            sevenths = parse(label).reduced("sevenths", near)
            assert sevenths.reduced("majmin", near) == parse(label).reduced("majmin", near)
            assert parse(label).reduced("full").reduced("sevenths", near) == sevenths


@pytest.mark.parametrize(
    ("label", "full", "sevenths", "majmin"),
    [
        ("A:min7/b3", "A:min7", "A:min7", "A:min"),
        ("G:9", "G:7", "G:7", "G:maj"),
        ("C:maj6", "C:maj6", "C:maj", "C:maj"),
        ("B:hdim7", "B:hdim7", "X", "X"),
        ("D:sus4(b7)", "D:sus4", "X", "X"),
        ("F:5", "X", "X", "X"),
        ("E:7(#9)", "E:7", "E:7", "E:maj"),
        ("D:min11", "D:min7", "D:min7", "D:min"),
        ("N", "N", "N", "N"),
    ],
)
def test_a_chord_in_smaller_vocabularies(label, full, sevenths, majmin):
    assert [str(parse(label).reduced(v)) for v in ("full", "sevenths", "majmin")] == [full, sevenths, majmin]


def test_what_mir_eval_scores_as_major_or_minor_is_so_here():
    mir_eval = pytest.importorskip("mir_eval")
    for label in (*classes("full"), *LABELS):
        scored = mir_eval.chord.majmin([label], [label])[0] >= 0
        assert (str(parse(label).reduced("majmin")) != "X") == scored, label


def test_a_vocabulary_that_there_is_not():
    with pytest.raises(UnknownName, match="majmin"):
        parse("C").reduced("triads")
    with pytest.raises(UnknownName, match="sevenths"):
        classes("seventh")


def test_transposition_moves_root_and_bass_alike_and_twelve_are_none():
    for label in LABELS:
        chord = parse(label)
        for n in range(12):
            moved = chord.transposed(n)
            assert moved.pitch_classes == {(c + n) % 12 for c in chord.pitch_classes}
            assert moved.transposed(-n).pitch_classes == chord.pitch_classes
        assert chord.transposed(12) == chord
    assert str(parse("A:min7/b3").transposed(3)) == "C:min7/b3"


@pytest.mark.parametrize(
    ("key", "label", "spelling"),
    [
        ("Gb:major", "F#:maj", "Gb:maj"),
        ("Gb:major", "B:maj", "Cb:maj"),
        ("B:major", "Gb:min", "F#:min"),
        ("F:major", "A#:maj", "Bb:maj"),
        ("A:minor", "Ab:dim7", "G#:dim7"),
        ("C:major", "F#:hdim7", "F#:hdim7"),
        ("C:minor", "G#:maj", "Ab:maj"),
        ("E:major", "Ab:min/b3", "G#:min/b3"),
    ],
)
def test_a_chord_is_named_as_its_key_names_it(key, label, spelling):
    assert str(parse(label).spelled(key)) == spelling


def test_spelling_changes_no_sound():
    for key in harmony.KEYS:
        for label in classes("full"):
            assert parse(label).spelled(key).pitch_classes == parse(label).pitch_classes


@pytest.mark.parametrize(
    ("labels", "key"),
    [
        ("C:maj A:min F:maj G:maj", "C:major"),
        ("Gb:maj B:maj Db:maj Gb:maj", "F#:major"),
        ("A:min D:min E:7 A:min", "A:minor"),
        ("Eb:min7 Ab:7 Db:maj7 Db:maj7", "Db:major"),
    ],
)
def test_chords_have_a_key(labels, key):
    chords = [parse(label) for label in labels.split()]
    assert harmony.key_of_chords(chords, [1.0] * len(chords)) == key
    up = harmony.key_of_chords([c.transposed(1) for c in chords], [1.0] * len(chords))
    assert harmony.pitch_class(harmony.read_key(up)[0]) == (harmony.pitch_class(harmony.read_key(key)[0]) + 1) % 12


def test_each_chord_is_spelled_by_the_key_at_its_middle_or_by_its_neighbours():
    chords = Intervals([0, 2, 4], [2, 4, 6], ("F#:maj", "C#:7/3", "F#:maj"))
    keys = Intervals([0, 3], [3, 6], ("Gb:major", "F#:major"))
    assert harmony.respelled(chords, keys).labels == ("Gb:maj", "C#:7/3", "F#:maj")
    assert harmony.respelled(chords, Intervals([0], [3.5], ("Db:major",))).labels[:2] == ("Gb:maj", "Db:7/3")
    for nothing in (None, Intervals([], [], ()), Intervals([0], [6], ("N",))):
        assert harmony.respelled(chords, nothing).labels == harmony.spelled(chords.labels, (2, 2, 2))
    assert len(harmony.respelled(Intervals([], [], ()), keys)) == 0


def test_labels_are_spelled_by_the_key_that_they_are_in():
    assert harmony.spelled(("F#:maj", "B:maj", "C#:7"), (1, 1, 1), "Gb:major") == ("Gb:maj", "Cb:maj", "Db:7")
    assert harmony.spelled(("Eb:maj", "G#:maj", "A#:7", "N"), (2, 1, 1, 1)) == ("Eb:maj", "Ab:maj", "Bb:7", "N")


@pytest.mark.parametrize(
    ("label", "plain"),
    [
        ("A:min7", "Am7"),
        ("F#:hdim7", "F#m7b5"),
        ("C:maj/3", "C/E"),
        ("Ab:min/b3", "Abm/Cb"),
        ("D:maj/b7", "D/C"),
        ("G:sus4(b7)", "G7sus4"),
        ("E:7(#9)", "E7(#9)"),
        ("C:maj(9)", "C(add9)"),
        ("Bb:minmaj7", "BbmMaj7"),
        ("N", "N.C."),
    ],
)
def test_a_player_reads_it_so(label, plain):
    assert parse(label).plain == plain
    assert parse(str(read_plain(plain))).pitch_classes == parse(label).pitch_classes


def test_every_class_is_read_back_from_its_plain_name():
    for label in classes("full"):
        assert str(read_plain(parse(label).plain)) == label
    for quality in harmony.SHORTHANDS:
        assert read_plain(Chord(0, quality).plain) == Chord(0, quality)


@pytest.mark.parametrize(
    ("name", "label"),
    [("Cmaj7", "C:maj7"), ("CM7", "C:maj7"), ("Cm7", "C:min7"), ("B♭7", "Bb:7"), ("F♯m", "F#:min"), ("C°7", "C:dim7"), ("G/B", "G:maj/3"),
     ("Am/G", "A:min/b7"), ("D/F#", "D:maj/3"), ("C6/9", "C:maj6(9)"), ("C6/9/E", "C:maj6(9)/3"), ("N.C.", "N"), ("A:min7", "A:min7")],
)  # fmt: skip
def test_other_ways_to_write_it(name, label):
    assert str(read_plain(name)) == label


@pytest.mark.parametrize("name", ["", "Hm", "Cfoo", "chorus", "x4", "C/Q"])
def test_what_no_player_writes_is_refused(name):
    with pytest.raises(AnnotationError, match="write"):
        read_plain(name)


def test_keys_are_named_for_people_and_djs():
    assert [harmony.camelot(k) for k in ("A:minor", "C:major", "G:major", "Ab:minor", "F#:major", "Db:minor", "E:major")] == [
        "8A", "8B", "9B", "1A", "2B", "12A", "12B",
    ]  # fmt: skip
    assert [harmony.open_key(k) for k in ("A:minor", "C:major", "G:major", "F:major")] == ["1m", "1d", "2d", "12d"]
    assert harmony.plain_key("F#:minor") == "F# minor"
    assert harmony.camelot("") == harmony.open_key("N") == harmony.plain_key("") == ""
    assert len({harmony.camelot(k) for k in harmony.KEYS}) == len({harmony.open_key(k) for k in harmony.KEYS}) == 24


@pytest.mark.parametrize(
    ("key", "sharps", "minor", "short"),
    [("C", 0, False, "C"), ("A minor", 0, True, "Am"), ("F#:major", 6, False, "F#"), ("Gb:major", -6, False, "Gb"),
     ("Eb:min", -6, True, "Ebm"), ("G#:major", -4, False, "Ab"), ("Fb:major", 4, False, "E"), ("D#:minor", 6, True, "D#m"),
     ("Db:minor", 4, True, "C#m"), ("A:aeolian", 0, True, "Am"), ("G:ionian", 1, False, "G")],
)  # fmt: skip
def test_a_key_has_a_signature_of_seven_at_most_and_a_short_name(key, sharps, minor, short):
    assert harmony.signature(key) == (sharps, minor)
    assert harmony.short_key(key) == short


@pytest.mark.parametrize("key", ["", "N", "D:dorian", "X", "foo"])
def test_what_is_no_key_or_has_another_mode_has_no_signature(key):
    assert harmony.signature(key) is None
    assert harmony.short_key(key) == harmony.camelot(key) == harmony.open_key(key) == ""


def test_a_pitch_is_spelled_as_in_its_key_and_sounds_the_same():
    steps = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True))
    for sharps in range(-7, 8):
        for minor in (False, True):
            for pitch in range(128):
                letter, alter, octave = harmony.spelled_pitch(pitch, sharps, minor)
                assert 12 * (octave + 1) + steps[letter] + alter == pitch
    assert harmony.spelled_pitch(61, -4) == ("D", -1, 4)
    assert harmony.spelled_pitch(61, 3) == ("C", 1, 4)
    assert harmony.spelled_pitch(64, -4) == ("E", 0, 4)  # not Fb
    assert harmony.spelled_pitch(59, -7) == ("C", -1, 4)


@pytest.mark.parametrize(("label", "bass"), [("C:maj", "C"), ("A:min7/b3", "C"), ("Gb:maj/3", "Bb"), ("F#:7/b7", "E"), ("D:maj/9", "E")])
def test_a_bass_has_the_name_that_its_degree_says(label, bass):
    assert harmony.note_name(parse(label).bass_place) == bass
    assert parse(label).bass_class == harmony.pitch_class(harmony.place_of(bass))


def test_a_fifth_up_is_one_more_on_the_wheel_and_the_relative_key_shares_the_number():
    for tonic in range(12):
        for minor in (False, True):
            here, up = (int(harmony.camelot(harmony.key_name(t % 12, minor))[:-1]) for t in (tonic, tonic + 7))
            assert up == here % 12 + 1
        assert harmony.camelot(harmony.key_name(tonic, False))[:-1] == harmony.camelot(harmony.key_name((tonic + 9) % 12, True))[:-1]


@pytest.mark.parametrize(
    ("text", "key"), [("A minor", (3, True)), ("F#m", (6, True)), ("Gb", (-6, False)), ("C:maj", (0, False)), ("D:min", (2, True))]
)
def test_keys_are_read_as_people_write_them(text, key):
    assert harmony.read_key(text) == key


def test_places_on_the_line_of_fifths_and_notes_are_one_thing():
    for place in range(-15, 20):
        assert harmony.place_of(harmony.note_name(place)) == place
    assert np.unique([harmony.pitch_class(p) for p in range(12)]).size == 12
    assert (harmony.note_name(6), harmony.note_name(-6), harmony.note_name(-8), harmony.note_name(13)) == ("F#", "Gb", "Fb", "F##")


def test_the_main_key_lasts_longest_and_silence_is_none():
    keys = Intervals([0.0, 5.0, 9.0, 60.0], [5.0, 9.0, 60.0, 63.0], ("C:major", "G:major", "N", "G:major"))
    assert harmony.lasting(keys) == {"G:major": 7.0, "C:major": 5.0}
    assert harmony.main_key(keys) == "G:major"
    assert harmony.main_key(keys.cut(10.0, 50.0)) == harmony.main_key(None) == ""
