"""Lead sheets: what an own reader and music21 find in them is what was played; signs add up to bars."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aural import formats, harmony
from aural.annotations import Events, Example, Grid, Intervals, Label, Notes, Tempo
from aural.formats import About, musicxml

GAP, START = 0.5, 0.4


def at(beats) -> np.ndarray:
    """Seconds of places counted in beats."""
    return START + GAP * np.asarray(beats, float)


def pulse(words: str) -> Events:
    return Events(at(np.arange(len(words))), tuple(word if word != "?" else "" for word in words))


def sung(notes, spread: float = 0.0) -> Notes:
    """(start, end, pitch) in beats → Notes, a little beside."""
    rng = np.random.default_rng(1)
    starts, ends, pitches = np.array(notes, float).T
    return Notes(at(starts) + rng.uniform(-spread, spread, len(notes)), at(ends) - rng.uniform(0, spread, len(notes)), pitches)


def chart(*spans) -> Intervals:
    starts, ends, labels = zip(*spans, strict=True)
    return Intervals(at(starts), at(ends), labels)


def tree(fields, about: About | None = None) -> ElementTree.Element:
    text = musicxml.dumps(fields, about)
    assert text is not None
    return ElementTree.fromstring(text)


# ---- an own reader

STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
VALUES = {"whole": 4, "half": 2, "quarter": 1, "eighth": Fraction(1, 2), "16th": Fraction(1, 4), "32nd": Fraction(1, 8)}


def whole(element: ElementTree.Element, path: str, default: int = 0) -> int:
    return int(element.findtext(path, str(default)))


Found = tuple[list[tuple[Fraction, Fraction, int]], list[tuple[Fraction, str]], list[tuple]]


def read(root: ElementTree.Element, eighths: float = 0.5) -> Found:
    """Notes (start, end, pitch) and harmonies (start, "root kind bass") in beats, and bars (start, number, beats, unit). A beat is a
    quarter; in eighths it has so many quarters as the caller says."""
    now, notes, harmonies, bars, time = Fraction(0), [], [], [], (0, 0)
    divisions = whole(root, "part/measure/attributes/divisions")
    for measure in root.iterfind("part/measure"):
        if measure.find("attributes/time") is not None:
            time = whole(measure, "attributes/time/beats"), whole(measure, "attributes/time/beat-type")
        begin, beat = now, Fraction(1) if time[1] == 4 else Fraction(eighths)
        bars.append((now, int(measure.get("number", "")), *time))
        for item in measure:
            if item.tag == "harmony":
                root_, bass = (
                    item.findtext(f"{of}/{of}-step", "") + "#" * whole(item, f"{of}/{of}-alter") + "b" * -whole(item, f"{of}/{of}-alter")
                    for of in ("root", "bass")
                )
                place = now + Fraction(whole(item, "offset"), divisions) / beat
                harmonies.append((place, f"{root_} {item.findtext('kind')} {bass}".strip()))
            if item.tag != "note":
                continue
            length = Fraction(whole(item, "duration"), divisions)
            if item.find("type") is not None:
                sign = VALUES[item.findtext("type", "")] * (Fraction(3, 2) if item.find("dot") is not None else 1)
                normal, actual = (whole(item, f"time-modification/{of}-notes", 1) for of in ("normal", "actual"))
                assert sign * Fraction(normal, actual) == length
            ties = {tie.get("type") for tie in item.iterfind("tie")}
            assert ties == {tie.get("type") for tie in item.iterfind("notations/tied")}
            if item.find("rest") is None:
                pitch = 12 * (whole(item, "pitch/octave") + 1) + STEPS[item.findtext("pitch/step", "")] + whole(item, "pitch/alter")
                if "stop" in ties:
                    assert notes[-1][1] == now
                    assert notes[-1][2] == pitch
                    notes[-1] = (notes[-1][0], now + length / beat, pitch)
                else:
                    notes.append((now, now + length / beat, pitch))
            now += length / beat
        full = Fraction(4 * time[0], time[1]) / beat
        assert now - begin < full if measure.get("implicit") == "yes" else now - begin == full
    return notes, harmonies, bars


TUNE = [
    (0, 1, 67), (1, 2, 69), (2, 3.5, 71), (3.5, 4, 72), (4, 4 + 1 / 3, 74), (4 + 1 / 3, 4 + 2 / 3, 76), (4 + 2 / 3, 5, 77), (5, 6, 79),
    (6, 6.25, 60), (6.25, 6.5, 61), (6.5, 7, 62), (7, 9.75, 63), (9.75, 11, 64), (11, 15, 65), (17, 18.75, 70),
]  # fmt: skip
WORDS = "34" + "1234" * 3 + "123" * 2 + "12"
CHORDS = chart((0, 2, "N"), (2, 6, "C:maj"), (6, 8, "A:min7/b3"), (8, 10.5, "F#:hdim7"), (10.5, 14, "Bb:maj7/5"), (14, 20, "N"))


def test_notes_and_bars_come_back():
    notes, harmonies, bars = read(tree({"beats": pulse(WORDS), "melody_notes": sung(TUNE, 0.01), "chords": CHORDS}))
    assert [(float(a), float(b), p) for a, b, p in notes] == [(pytest.approx(a), pytest.approx(b), p) for a, b, p in TUNE]
    assert [(float(bar[0]), *bar[1:]) for bar in bars] == [
        (0, 0, 4, 4), (2, 1, 4, 4), (6, 2, 4, 4), (10, 3, 4, 4), (14, 4, 3, 4), (17, 5, 3, 4), (20, 6, 3, 4),
    ]  # fmt: skip
    assert [(float(place), words) for place, words in harmonies] == [
        (2, "C major"), (6, "A minor-seventh C"), (8, "F# half-diminished"), (10.5, "Bb major-seventh F"), (14, "C none"),
    ]  # fmt: skip


def test_music21_reads_the_same():
    music21 = pytest.importorskip("music21")
    key = Intervals(at([0, 14]), at([14, 22]), ("G:major", "E:minor"))
    fields = {"beats": pulse(WORDS), "melody_notes": sung(TUNE, 0.01), "chords": CHORDS, "key": key}
    score = music21.converter.parse(musicxml.dumps(fields, About(title="Ä & b", artist="C <d>")).decode(), format="musicxml")
    assert (score.metadata.title, len(score.parts)) == ("Ä & b", 1)
    bars = list(score.parts[0].getElementsByClass("Measure"))
    assert [(bar.number, bar.offset) for bar in bars] == [(0, 0), (1, 2), (2, 6), (3, 10), (4, 14), (5, 17), (6, 20)]
    flat = score.parts[0].stripTies().flatten()
    heard = [(float(note.offset), float(note.offset + note.quarterLength), note.pitch.midi) for note in flat.notes if note.isNote]
    assert heard == [(pytest.approx(a), pytest.approx(b), p) for a, b, p in TUNE]
    found = [(float(c.offset), c.figure) for c in score.parts[0].flatten().getElementsByClass("Harmony")]
    assert found == [(2, "C"), (6, "Am7/C"), (8, "F#ø7"), (10.5, "B-maj7/F"), (14, "N.C.")]
    chords = [c for c in score.parts[0].flatten().getElementsByClass("ChordSymbol") if c.pitches]
    assert [(c.root().pitchClass, c.bass().pitchClass, sorted(c.pitchClasses)) for c in chords] == [
        (0, 0, [0, 4, 7]), (9, 0, [0, 4, 7, 9]), (6, 6, [0, 4, 6, 9]), (10, 5, [2, 5, 9, 10]),
    ]  # fmt: skip
    assert [(k.offset, k.sharps, k.mode) for k in score.parts[0].flatten().getElementsByClass("Key")] == [(0, 1, "major"), (14, 1, "minor")]
    assert [(t.offset, t.ratioString) for t in score.parts[0].flatten().getElementsByClass("TimeSignature")] == [(0, "4/4"), (14, "3/4")]
    (tempo,) = score.parts[0].flatten().getElementsByClass("MetronomeMark")
    assert tempo.number == 120


@settings(max_examples=60, deadline=None)
@given(data=st.data(), metres=st.lists(st.integers(2, 7), min_size=1, max_size=6), upbeat=st.integers(0, 3))
def test_whatever_is_sung_stands_in_its_bar(data, metres, upbeat):
    first = metres[0]
    words = [str(first - upbeat % first + 1 + k) for k in range(upbeat % first)]
    words += [str(k + 1) for size in metres for k in range(size)]
    steps = data.draw(st.lists(st.sampled_from([1, 2, 3, 4, 5, 6, 7, 9, 13, 22]), max_size=24))
    parts = data.draw(st.sampled_from([3, 4]))
    lengths = np.array(steps, float) / parts
    edges = np.concatenate([[0.0], np.cumsum(lengths)])
    edges = edges[edges <= len(words) + 5]
    notes = [(a, b, 60 + i) for i, (a, b) in enumerate(pairwise(edges))]
    fields = {"beats": Events(at(np.arange(len(words))), tuple(words)), "chords": chart((0, 1, "C:maj"))}
    fields |= {"melody_notes": sung(notes)} if notes else {}
    heard, _, bars = read(tree(fields))  # adds up, whatever it is
    if parts == 3:
        return
    ones = [k for k, word in enumerate(words) if word == "1"]
    assert [int(bar[0]) for bar in bars if bar[1] > 0][: len(ones)] == ones
    assert [bar[2] for bar in bars if bar[1] > 0][: len(metres) - 1] == metres[:-1]
    assert [(float(a), float(b), p) for a, b, p in heard] == [(a, b, p) for a, b, p in notes]


def test_where_beats_divide_in_three_they_are_dotted():
    words = "2" + "12" * 8
    thirds = [(k / 3, (k + 1) / 3, 60 + k % 12) for k in range(3, 18)] + [(6, 8, 70), (8, 10.5, 71), (10.5, 11, 72)]
    sixths = [(11 + k / 6, 11 + (k + 1) / 6, 60 + k) for k in range(6)] + [(12 + k / 3, 12 + (k + 1) / 3, 60 + k) for k in range(12)]
    chords = chart((1, 3, "D:min"), (3, 4 + 2 / 3, "G:7"), (4 + 2 / 3, 9, "C"))
    root = tree({"beats": pulse(words), "melody_notes": sung([*thirds, *sixths], 0.005), "chords": chords})
    notes, harmonies, bars = read(root, 1.5)
    assert {bar[2:] for bar in bars} == {(6, 8)}
    assert [float(bar[0]) for bar in bars] == [0, *range(1, 17, 2)]
    assert [(float(a), float(b), p) for a, b, p in notes] == [(pytest.approx(a), pytest.approx(b), p) for a, b, p in [*thirds, *sixths]]
    assert [float(place) for place, _ in harmonies] == [1, 3, pytest.approx(4 + 2 / 3)]
    assert not list(root.iter("tuplet"))
    assert [d.tag for d in next(root.iter("metronome"))] == ["beat-unit", "beat-unit-dot", "per-minute"]
    assert next(root.iter("sound")).get("tempo") == "180.00"


def test_swung_eighths_stay_in_four():
    swung = [(k + a, k + b, 60 + k % 12) for k in range(32) for a, b in ((0, 2 / 3), (2 / 3, 1))]
    _, _, bars = read(tree({"beats": pulse("1234" * 8), "melody_notes": sung(swung)}))
    assert {bar[2:] for bar in bars} == {(4, 4)}


def test_six_beats_are_eighths():
    root = tree({"beats": pulse("123456" * 4), "melody_notes": sung([(k, k + 1, 60 + k % 12) for k in range(24)])})
    _, _, bars = read(root)
    assert {bar[2:] for bar in bars} == {(6, 8)}
    assert {note.findtext("type") for note in root.iter("note")} == {"eighth"}
    assert next(root.iter("metronome")).findtext("beat-unit") == "eighth"


def test_triplets_are_bracketed_beat_by_beat():
    root = tree({"beats": pulse("1234" * 2), "melody_notes": sung([(k / 3, (k + 1) / 3, 60 + k) for k in range(9)])})
    ends = [bracket.get("type") for bracket in root.iterfind("part/measure/note/notations/tuplet")]
    assert ends == ["start", "stop"] * 3


def test_a_note_over_a_bar_line_and_an_odd_length_are_tied():
    root = tree({"beats": pulse("1234" * 3), "melody_notes": sung([(0, 1.25, 60), (1.25, 3, 62), (3, 9, 64)])})
    notes = [
        (note.findtext("type"), len(note.findall("dot")), "".join(tie.get("type", "")[2] for tie in note.iterfind("tie")))
        for note in root.iterfind("part/measure/note")
        if note.find("rest") is None
    ]
    assert notes == [
        ("quarter", 0, "a"), ("16th", 0, "o"), ("eighth", 1, "a"), ("quarter", 0, "o"), ("quarter", 0, "a"), ("whole", 0, "oa"),
        ("quarter", 0, "o"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("label", "kind", "degrees"),
    [
        ("C", "major", []),
        ("Eb:maj6", "major-sixth", []),
        ("G:7(#9)", "dominant", [("9", "1", "add")]),
        ("G:7(*5,b5)", "dominant", [("5", "-1", "alter")]),
        ("G:7(*3)", "dominant", [("3", "0", "subtract")]),
        ("D:sus4(b7)", "suspended-fourth", [("7", "0", "add")]),
        ("D:min(7)", "minor", [("7", "1", "add")]),
        ("D:(1,5)", "other", [("1", "0", "add"), ("5", "0", "add")]),
        ("A:minmaj7", "major-minor", []),
        ("A:5", "power", []),
    ],
)
def test_chords_keep_their_kind_and_degrees(label, kind, degrees):
    (harmony,) = tree({"beats": pulse("1234"), "chords": chart((0, 4, label))}).iter("harmony")
    assert harmony.findtext("kind") == kind
    names = ("degree-value", "degree-alter", "degree-type")
    assert [tuple(d.findtext(name) for name in names) for d in harmony.iterfind("degree")] == degrees


def test_every_kind_is_one_that_music21_knows():
    music21 = pytest.importorskip("music21")
    spans = [(4 * i, 4 * i + 4, f"D:{quality}") for i, quality in enumerate(harmony.SHORTHANDS) if quality not in ("1", "5")]
    fields = {"beats": pulse("1234" * len(spans)), "chords": chart(*spans)}
    score = music21.converter.parse(musicxml.dumps(fields).decode(), format="musicxml")
    found = [sorted(c.pitchClasses) for c in score.flatten().getElementsByClass("ChordSymbol")]
    assert found == [sorted(harmony.parse(label).pitch_classes) for *_, label in spans]


def test_an_unknown_chord_ends_the_one_before():
    chords = chart((0, 2, "X"), (2, 4, "C:maj"), (4, 6, "X"), (6, 8, "C:maj"), (8, 10, "N"), (10, 12, "X"))
    fields = {"beats": pulse("1234" * 3), "chords": chords}
    found = [(float(place), words) for place, words in read(tree(fields))[1]]
    assert found == [(2, "C major"), (4, "C none"), (6, "C major"), (8, "C none"), (10, "C none")]
    assert [kind.get("text") for kind in tree(fields).iter("kind")] == [None, "?", None, "N.C.", "?"]
    assert [step.get("text") for step in tree(fields).iter("root-step")] == [None, "", None, "", ""]  # no root is shown


def test_an_unknown_chord_is_none_to_music21():
    music21 = pytest.importorskip("music21")
    fields = {"beats": pulse("1234" * 2), "chords": chart((0, 4, "C:maj"), (4, 8, "X"))}
    score = music21.converter.parse(musicxml.dumps(fields).decode(), format="musicxml")
    _, unknown = score.flatten().getElementsByClass("ChordSymbol")
    assert isinstance(unknown, music21.harmony.NoChord)
    assert unknown.chordKindStr == "?"


def test_chords_alone_are_a_chart_of_rests():
    root = tree({"beats": pulse("123" * 4), "chords": chart((0, 3, "A:min"), (3, 6, "A:min"), (6, 7.5, "D:min"), (7.5, 12, "E:7"))})
    notes, harmonies, bars = read(root)
    assert notes == []
    assert [(float(place), words) for place, words in harmonies] == [(0, "A minor"), (6, "D minor"), (7.5, "E dominant")]
    assert len(bars) == 4


def test_what_begins_before_the_first_beat_has_bars_too():
    melody = sung([(-3, -2, 60), (-2, 0, 62), (0, 1, 64)])
    melody = Notes(melody.starts + 2, melody.ends + 2, melody.pitches)
    beats = pulse("1234" * 2)
    notes, _, bars = read(tree({"beats": Events(beats.times + 2, beats.labels), "melody_notes": melody}))
    assert [(float(a), float(b)) for a, b, _ in notes] == [(0, 1), (1, 3), (3, 4)]
    assert [(float(bar[0]), *bar[1:3]) for bar in bars] == [(0, 0, 4), (3, 1, 4), (7, 2, 4)]


def doubts(root: ElementTree.Element) -> list[str]:
    """A word a bar: "?" where one stands, the time signature where one is written, in brackets where it is not printed."""
    found = []
    for measure in root.iterfind("part/measure"):
        time, words = measure.find("attributes/time"), [w.text or "" for w in measure.iterfind("direction/direction-type/words")]
        sign = "" if time is None else f"{time.findtext('beats')}/{time.findtext('beat-type')}"
        found.append("".join([*words, f"({sign})" if time is not None and time.get("print-object") == "no" else sign]))
    return found


def test_bars_that_are_not_known_have_four_beats_and_say_so():
    root = tree({"beats": pulse("????????"), "melody_notes": sung([(0, 1, 60)])})
    _, _, bars = read(root)
    assert [bar[1:] for bar in bars] == [(1, 4, 4), (2, 4, 4)]
    assert doubts(root) == ["?(4/4)", ""]


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("1234" * 3, ["4/4", "", ""]),
        ("34" + "1234" * 2, ["4/4", "", ""]),
        ("123" * 2 + "???????" + "123" * 2, ["3/4", "", "?", "", "(1/4)", "3/4", ""]),
        ("123" * 2 + "???" + "1234", ["3/4", "", "?", "4/4"]),
        ("1234" + "??" + "123" * 2, ["4/4", "?(2/4)", "3/4", ""]),
        ("?????" + "1234" * 2, ["?(4/4)", "", "4/4", ""]),
        ("1234" * 2 + "????????", ["4/4", "", "?", ""]),
        ("1???" * 3, ["4/4", "", ""]),
    ],
)
def test_only_what_is_known_of_the_metre_is_printed(words, written):
    fields = {"beats": pulse(words), "chords": chart((0, len(words), "C:maj"))}
    root = tree(fields)
    assert doubts(root) == written
    read(root)  # adds up


def test_a_modulation_is_spelled_and_signed():
    key = Intervals(at([0, 4, 8]), at([4, 8, 12]), ("Ab:major", "N", "F#:minor"))
    root = tree({"beats": pulse("1234" * 3), "melody_notes": sung([(0, 4, 61), (4, 8, 64), (8, 12, 65)]), "key": key})
    assert [(k.findtext("fifths"), k.findtext("mode")) for k in root.iter("key")] == [("-4", "major"), ("3", "minor")]
    spelled = [p.findtext("step", "") + p.findtext("alter", "") for p in root.iter("pitch")]
    assert spelled == ["D-1", "E", "E1"]
    root = tree({"beats": pulse("1234"), "melody_notes": sung([(0, 4, 61)]), "key": Label("A:major")})
    assert [k.findtext("fifths") for k in root.iter("key")] == ["3"]


def test_a_low_voice_has_a_clef_of_its_own():
    def clef(pitch: int) -> tuple[str | None, ...]:
        (found,) = tree({"beats": pulse("1234"), "melody_notes": sung([(0, 4, pitch)])}).iter("clef")
        return found.findtext("sign"), found.findtext("clef-octave-change")

    assert [clef(pitch) for pitch in (72, 55, 40)] == [("G", None), ("G", "-1"), ("F", None)]


def test_sections_and_tempo_stand_over_the_bars():
    tempo = Tempo(np.array([120.0]), np.ones(1), (Grid(at(0), at(8), 120.0, at(0)), Grid(at(8), at(12), 90.0, at(8))))
    sections = Intervals(at([0, 4.2]), at([4.2, 12]), ("Verse A", "Chorus <&>\x01"))
    beats = pulse("1234" * 3)
    root = tree({"beats": beats, "chords": chart((0, 4, "C")), "sections": sections, "tempo": tempo})
    marks = {m.get("number"): [d.text for d in m.iter("rehearsal")] + [d.text for d in m.iter("per-minute")] for m in root.iter("measure")}
    assert marks == {"1": ["Verse A", "120"], "2": ["Chorus <&>"], "3": ["90"]}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"melody_notes": sung(TUNE)},
        {"beats": pulse("1234")},
        {"beats": pulse("1"), "chords": chart((0, 1, "C"))},
        {"beats": pulse("1234"), "chords": chart((0, 1, "X"), (1, 2, "N"), (2, 3, "?")), "melody_notes": Notes([], [], [])},
    ],
)
def test_without_beats_or_music_there_is_no_sheet(fields):
    assert formats.write("musicxml", "song", Example(fields)) == {}


def test_the_same_sheet_has_the_same_bytes():
    fields = Example(beats=pulse(WORDS), melody_notes=sung(TUNE), chords=CHORDS)
    (data,) = formats.write("musicxml", "song", fields).values()
    assert set(formats.write("musicxml", "song", fields)) == {"song.lead.musicxml"}
    assert formats.write("musicxml", "song", fields)["song.lead.musicxml"] == data
