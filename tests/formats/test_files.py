"""Files of every format: pure, deterministic, escaped; and what a person's own files say."""

from __future__ import annotations

import csv
import errno
import io
import os
from xml.etree import ElementTree

import mir_eval
import numpy as np
import pytest

from aural import formats
from aural.annotations import Curves, Events, Example, Intervals, Label, Notes, Tempo, Text
from aural.errors import AnnotationError, OutputError, UnknownName
from aural.tasks import names, task

TASKS = [task(name) for name in ("beat", "downbeat", "onset", "chord", "key", "note", "melody", "tempo")]


def written(name: str, result, tasks=TASKS, about=None) -> dict[str, str]:
    made = formats.write(name, "song", result, tasks, about)
    return {file: content.decode() for file, content in made.items() if not file.endswith(".mid")}


@pytest.mark.parametrize("name", formats.FORMATS)
def test_the_same_fields_give_the_same_bytes(name, result, about):
    first = formats.write(name, "song", result, [], about)
    assert first
    assert all(file.startswith("song.") and isinstance(content, bytes) for file, content in first.items())
    assert formats.write(name, "song", Example(dict(result)), [], about) == first


def test_only_what_was_asked_is_written(result, about):
    assert set(written("csv", result, [task("onset")])) == {"song.onsets.csv"}
    assert set(written("lab", result, [task("beat"), task("chord")])) == {"song.beats.lab", "song.chords.lab"}
    assert set(written("csv", result, [task("beat")])) == {"song.beats.csv", "song.beats"}
    assert written("midi", Example(style=Label("jazz")), []) == {}


def test_an_unknown_format_offers_the_nearest(result):
    with pytest.raises(UnknownName, match="jams"):
        formats.write("jam", "song", result, [])


def test_the_files_that_are_always_written(result):
    files = formats.always("a", result, TASKS)
    assert {"a.beats", "a.chords.lab", "a.onsets.csv", "a.tempo.json", "a.notes.mid", "a.melody.csv"} <= set(files)
    assert set(files) == {f"a{t.suffix}" for t in TASKS if t.suffix}
    line = files["a.beats"].decode().splitlines()[5]
    time, position = line.split("\t")
    assert abs(float(time) - result["beats"].times[5]) < 1e-6
    assert position == "2"
    assert files["a.onsets.csv"].decode().splitlines()[0] == "time,confidence"


def test_positions_are_counted_from_downbeats_where_beats_have_none():
    beats = Events(np.arange(7) * 0.5)
    files = formats.always("a", Example(beats=beats, downbeats=Events([1.01, 2.5])), [task("beat")])
    assert [line.split("\t")[1] for line in files["a.beats"].decode().splitlines()] == ["2", "3", "1", "2", "3", "1", "2"]
    assert formats.always("a", Example(beats=beats), [task("beat")])["a.beats"].decode().startswith("0.000000\t0\n0.500000\t0\n")


@pytest.mark.parametrize("words", [(), ("piano",), (Label("piano", 0.9), Label("voice, high", 0.5))])
def test_tags_are_a_row_each(words):
    names = [word.name if isinstance(word, Label) else word for word in words]
    rows = list(csv.DictReader(io.StringIO(written("csv", Example(tags=words), [task("tag")])["song.tags.csv"])))
    assert [row["label"] for row in rows] == names
    assert [row["confidence"] for row in rows] == [f"{w.confidence:g}" if isinstance(w, Label) else "" for w in words]
    assert written("lab", Example(tags=words), [task("tag")])["song.tags.lab"].splitlines() == names


# ---- csv


def test_tables_have_a_header_and_as_many_cells(result):
    for file, text in written("csv", result, []).items():
        if file.endswith(".csv"):
            rows = list(csv.reader(io.StringIO(text)))
            assert len({len(row) for row in rows}) == 1, file
            assert all(cell and not cell[0].isdigit() for cell in rows[0])


def test_the_columns_are_those_that_are_documented(result):
    heads = {file: text.splitlines()[0] for file, text in written("csv", result).items()}
    assert heads["song.beats.csv"] == "time,position,confidence"
    assert heads["song.chords.csv"] == "start,end,label,confidence"
    assert heads["song.notes.csv"] == "start,end,pitch,velocity,confidence,track"
    assert heads["song.melody.csv"] == "time,f0_hz"
    assert heads["song.tempo.csv"] == "bpm,probability"


def melody(times, values) -> list[tuple[float, float]]:
    text = formats.write("csv", "song", Example(melody=Curves(times, np.atleast_2d(values))), [task("melody")])["song.melody.csv"].decode()
    return [(float(row["time"]), float(row["f0_hz"])) for row in csv.DictReader(io.StringIO(text))]


def test_a_melody_has_a_line_every_10_ms():
    times = np.arange(0, 2, 512 / 22_050)
    rows = melody(times, 220 * 2 ** (times / 12))
    np.testing.assert_allclose([time for time, _ in rows], 0.01 * np.arange(len(rows)), atol=1e-9)
    assert 0 <= times[-1] - rows[-1][0] < 0.01
    np.testing.assert_allclose([hertz for _, hertz in rows], [220 * 2 ** (time / 12) for time, _ in rows], rtol=1e-7)


def test_a_melody_does_not_glide_into_silence_or_across_a_hole():
    rows = [hertz for _, hertz in melody([0.0, 0.02, 0.04, 0.06, 0.2], [220.0, 0.0, -110.0, -112.0, -220.0])]
    np.testing.assert_allclose(rows[:7], [220, 220, 0, 0, -110, -110.995, -112], atol=0.001)
    assert set(rows[7:]) == {-112.0, -220.0}
    assert melody([], np.zeros((1, 0))) == []
    assert melody([0.0], [220.0]) == [(0.0, 220.0)]


def test_a_probability_beside_the_melody_is_a_column_of_its_own():
    curve = Curves([0.0, 0.02], [[220.0, 222.0], [0.4, 0.8]], ("f0_hz", "voiced_prob"))
    text = formats.always("a", Example(melody=curve), [task("melody")])["a.melody.csv"].decode().splitlines()
    assert text[0] == "time,f0_hz,voiced_prob"
    assert [line.split(",")[2] for line in text[1:]] == ["0.4", "0.6", "0.8"]


# ---- what was written is read back


def near(a, b, places: float = 1e-6) -> None:
    """Equal but for the decimals that text keeps."""
    assert type(a) is type(b)
    for key, x in vars(a).items():
        y = getattr(b, key)
        if isinstance(x, np.ndarray):
            np.testing.assert_allclose(np.asarray(x, float), np.asarray(y, float), atol=places, err_msg=key)
        else:
            assert x == y, key


@pytest.mark.parametrize("name", ["beats", "downbeats", "onsets", "drums", "chords", "sections", "tags", "notes", "tempo", "style"])
def test_a_table_comes_back(name, result, tmp_path):
    for file, content in formats.write("csv", "song", result, []).items():
        formats.write_file(tmp_path / file, content)
    value = result[name]
    again = formats.read(tmp_path / f"song.{name}.csv", type(value))
    if name == "notes":
        value = Notes(**{**vars(value), "velocities": value.velocities.astype(float)})
        names = [value.names[i] for i in value.tracks]
        assert [again.names[i] for i in again.tracks] == names
        value = Notes(**{**vars(value), "tracks": again.tracks, "names": again.names})
    near(value, again)


@pytest.mark.parametrize("name", ["chords", "key", "downbeats", "melody"])
def test_lab_comes_back(name, result, tmp_path):
    for file, content in formats.write("lab", "song", result, []).items():
        formats.write_file(tmp_path / file, content)
    value = result[name]
    if isinstance(value, Intervals):
        value = Intervals(value.starts, value.ends, value.labels)
    near(value, formats.read(tmp_path / f"song.{name}.lab", type(value)))


def test_mir_eval_reads_our_lab(result, tmp_path):
    for file, content in formats.write("lab", "song", result, TASKS).items():
        formats.write_file(tmp_path / file, content)
    place = str(tmp_path / "song.{}.lab").format
    np.testing.assert_allclose(mir_eval.io.load_labeled_events(place("beats"))[0], result["beats"].times, atol=1e-6)
    np.testing.assert_allclose(mir_eval.io.load_events(place("onsets")), result["onsets"].times, atol=1e-6)
    intervals, labels = mir_eval.io.load_labeled_intervals(place("chords"))
    assert tuple(labels) == result["chords"].labels
    np.testing.assert_allclose(intervals[:, 1], result["chords"].ends, atol=1e-6)
    _, pitches = mir_eval.io.load_valued_intervals(place("notes"))
    np.testing.assert_allclose(69 + 12 * np.log2(pitches / 440), result["notes"].pitches, atol=1e-6)
    _, values = mir_eval.io.load_time_series(place("melody"))
    np.testing.assert_allclose(values, result["melody"].values[0])
    bpms, weight = mir_eval.io.load_tempo(place("tempo"))
    assert (bpms.tolist(), weight) == ([60.0, 120.0], 0.2)


def test_audacity_labels_are_lines_of_three(result, tmp_path):
    files = written("audacity", result, [])
    for text in files.values():
        assert all(len(line.split("\t")) == 3 for line in text.splitlines())
    assert files["song.sections.audacity.txt"].splitlines()[1].endswith('chorus, with "quotes" and a tab')
    start, end, label = files["song.beats.audacity.txt"].splitlines()[0].split("\t")
    assert (start, label) == (end, "1")
    (tmp_path / "song.beats.audacity.txt").write_text(files["song.beats.audacity.txt"])
    again = formats.read(tmp_path / "song.beats.audacity.txt", Events)
    np.testing.assert_allclose(again.times, result["beats"].times, atol=1e-6)
    assert again.labels == result["beats"].labels


def test_layers_of_sonic_visualiser_are_whole(result, about):
    files = {file: ElementTree.fromstring(content) for file, content in formats.write("sv", "song", result, TASKS, about).items()}
    beats = files["song.beats.svl"]
    model = beats.find("data/model").attrib
    assert model["sampleRate"] == "44100"
    assert model["dataset"] == beats.find("data/dataset").attrib["id"]
    assert beats.find("display/layer").attrib["model"] == model["id"]
    points = [(int(p.attrib["frame"]) / 44_100, p.attrib["label"]) for p in beats.iter("point")]
    np.testing.assert_allclose([time for time, _ in points], result["beats"].times, atol=1 / 44_100)
    assert tuple(label for _, label in points) == result["beats"].labels
    chords = [p.attrib for p in files["song.chords.svl"].iter("point")]
    assert [p["label"] for p in chords] == list(result["chords"].labels)
    assert [int(p["frame"]) + int(p["duration"]) for p in chords] == [round(t * 44_100) for t in result["chords"].ends]
    assert [p.attrib["value"] for p in files["song.melody.svl"].iter("point")][1] == "220.5"
    odd = formats.write("sv", "song", Example(words=Events([0.1], ('<b>&\x00"',))), [])
    assert ElementTree.fromstring(odd["song.words.svl"]).find("data/dataset/point").attrib["label"] == '<b>& "'


# ---- a person's own files


def file(tmp_path, name: str, text: str):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_events_in_their_many_forms(tmp_path):
    for name, text, times, labels in (
        ("a.txt", "0.5\n1.0\n", [0.5, 1.0], None),
        ("a.txt", "# comment\n\n0.5 snare drum\n1.0 bass\n", [0.5, 1.0], ("snare drum", "bass")),
        ("a.beats", "0.5\t4\n1.0\t1\n", [0.5, 1.0], ("4", "1")),
        ("a.beats", "0.5\t0\n1.0\t0\n", [0.5, 1.0], None),
        ("a.txt", "0.5 1.0\n1.0 2.0\n", [0.5, 1.0], ("1", "2")),
        ("a.csv", "time\n1.0\n0.5\n", [0.5, 1.0], None),
        ("a.csv", "\ufeffTime,Position\n0.5,4\n1.0,1\n", [0.5, 1.0], ("4", "1")),
        ("a.csv", "time;label\n0,5;a;b\n1,0;c\n", [0.5, 1.0], ("a", "c")),
        ("a.csv", "onset,offset,event_label\n0.5,0.7,dog\n", [0.5], ("dog",)),
        ("a.txt", "", [], None),
    ):
        events = formats.read(file(tmp_path, name, text), Events)
        assert events.times.tolist() == times, text
        assert events.labels == labels, text


def test_intervals_in_their_many_forms(tmp_path):
    for name, text, labels in (
        ("a.lab", "0.0 2.0 C:maj\n2.0 4.0 G:7(b9,13)\n", ("C:maj", "G:7(b9,13)")),
        ("a.lab", "0.0 2.0 C:7(b9,13)\n2.0 4.0 N\n", ("C:7(b9,13)", "N")),
        ("a.lab", "0.0\t2.0\tverse one\n2.0\t4.0\tchorus\n", ("verse one", "chorus")),
        ("a.csv", 'start,end,label\n2.0,4.0,"b, c"\n0.0,2.0,a\n', ("a", "b, c")),
        ("a.csv", "onset,duration,chord\n0,2,A\n2,2,B\n", ("A", "B")),
        ("a.csv", "0.0,2.0,A\n2.0,4.0,B\n", ("A", "B")),
    ):
        intervals = formats.read(file(tmp_path, name, text), Intervals)
        assert intervals.starts.tolist() == [0.0, 2.0]
        assert intervals.ends.tolist() == [2.0, 4.0]
        assert intervals.labels == labels


def test_pitches_are_hz_as_in_mir_eval_or_midi_where_the_file_says_so(tmp_path):
    for text, unit, pitches in (
        ("0 1 440.0\n1 2 880.0\n", "", [69, 81]),
        ("0 1 60\n1 2 64\n", "", [60, 64]),
        ("0 1 55.0\n1 2 110.0\n", "hz", [33, 45]),
        ("0 1 60.5\n1 2 64\n", "midi", [60.5, 64]),
        ("start,end,pitch\n0,1,60.5\n1,2,64\n", "", [60.5, 64]),
        ("start,end,pitch_hz\n0,1,55\n1,2,110\n", "", [33, 45]),
    ):
        np.testing.assert_allclose(formats.read(file(tmp_path, "a.txt", text), Notes, unit=unit).pitches, pitches)
    assert formats.read(file(tmp_path, "a.txt", "0 1 60 100\n"), Notes).velocities.tolist() == [100]


def test_curves_tempi_labels_and_text(tmp_path):
    melody = formats.read(file(tmp_path, "a.csv", "time,f0_hz,voiced_prob\n0,220,0.9\n0.1,0,0.1\n"), Curves)
    assert melody.values.tolist() == [[220.0, 0.0]]
    several = formats.read(file(tmp_path, "a.txt", "0.0 220 440\n0.1\n0.2 330\n"), Curves)
    assert several.values.tolist() == [[220, 0, 330], [440, 0, 0]]
    tempo = formats.read(file(tmp_path, "a.txt", "60 120 0.3\n"), Tempo)
    assert (tempo.bpms.tolist(), tempo.probabilities.tolist()) == ([120, 60], [0.7, 0.3])
    assert formats.read(file(tmp_path, "a.txt", "173.97\n"), Tempo).bpms.tolist() == [173.97]
    assert formats.read(file(tmp_path, "a.key", "Eb minor\n"), Label).name == "Eb:minor"
    assert formats.read(file(tmp_path, "a.txt", "\ufeffça va\n"), Text).text == "ça va"


@pytest.mark.parametrize(
    ("name", "text", "kind", "said"),
    [
        ("a.txt", "0.5\nx1.0\n", Events, r"a\.txt:2: time must be a number, not 'x1\.0'"),
        ("a.txt", "# \n0.5\n-1\n", Events, r"a\.txt:3: time -1"),
        ("a.txt", "0.5\nnan\n", Events, r"a\.txt:2: time is nan"),
        ("a.lab", "0 1 A\n2 1 B\n", Intervals, r"a\.lab:2: ends at 1 s before it starts at 2 s"),
        ("a.lab", "0 1 A\n2\n", Intervals, r"a\.lab:2: end must be a number"),
        ("a.csv", "time,label\n0.5,a\n", Intervals, r"a\.csv: no column end; the columns are time, label"),
        ("a.csv", "start,end\n0.5,1\n", Notes, r"a\.csv: no column pitch or pitch_hz; the columns are start, end"),
        ("a.csv", "start,end,pitch\n0,1,60\n1,2,440\n", Notes, r"a\.csv:3: pitch 440 read as a MIDI number; say unit="),
        ("a.txt", "0 1 440\n0 1 0\n", Notes, r"a\.txt:2: a note of 0 Hz"),
        ("a.csv", "time,confidence\n0,0.5\n1,1.5\n", Events, r"a\.csv:3: a confidence lies in 0\.\.1"),
        ("a.csv", 'start,end,label\n0,1,"a\nb"\nx,2,c\n', Intervals, r"a\.csv:4: start must be a number"),
        ("a.txt", "", Label, "empty"),
        ("a.jams", "{}", Events, r"a\.jams: holds no Events"),
        ("a.mid", "x", Notes, r"a\.mid: not a MIDI file"),
    ],
)
def test_errors_name_file_and_line(tmp_path, name, text, kind, said):
    with pytest.raises(AnnotationError, match=said):
        formats.read(file(tmp_path, name, text), kind)


def test_what_is_no_text_is_an_error(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(AnnotationError, match="UTF-8"):
        formats.read(tmp_path / "a.txt", Events)
    with pytest.raises(AnnotationError, match=r"no\.txt"):
        formats.read(tmp_path / "no.txt", Events)


def test_jams_is_read_by_namespace_or_field(result, about, tmp_path):
    formats.write_file(tmp_path / "song.jams", formats.write("jams", "song", result, [], about)["song.jams"])
    path = tmp_path / "song.jams"
    assert formats.read(path, Events).labels == result["beats"].labels
    assert formats.read(path, Events, "onset").times.tolist() == result["onsets"].times.tolist()
    assert formats.read(path, Intervals, "chord").labels == result["chords"].labels
    assert formats.read(path, Intervals, "segment_open").labels == result["sections"].labels
    assert formats.read(path, Intervals, "tags").labels == result["tags"].labels
    with pytest.raises(AnnotationError, match="holds no lyrics"):
        formats.read(path, Intervals, "lyrics")


# ---- what lies beside a sound


def test_all_that_lies_beside_a_sound_is_read(result, about, tmp_path):
    for name in ("jams", "csv", "midi"):
        for place, content in formats.write(name, "a song", result, TASKS, about).items():
            formats.write_file(tmp_path / place, content)
    (tmp_path / "a song.wav").write_bytes(b"")
    (tmp_path / "a song.chord.lab").write_text("0 1 D:min\n")
    (tmp_path / "a song.v2.beats").write_text("9.0\t1\n")  # of another song
    (tmp_path / "a song.notes.csv").unlink()
    fields = formats.read_fields(tmp_path / "a song.wav")
    assert fields["chords"].labels == ("D:min",)
    assert len(fields["beats"]) == 24
    assert {"onsets", "downbeats", "key", "melody", "notes", "tempo"} <= set(fields)
    assert set(formats.read_fields(tmp_path / "a song")) == set(fields)
    assert formats.read_fields(tmp_path / "nothing.wav") == {}


def test_the_notes_beside_a_sound_are_read_with_melody_and_bass(result, tmp_path):
    for place, content in formats.always("song", result, TASKS).items():
        formats.write_file(tmp_path / place, content)
    fields = formats.read_fields(tmp_path / "song")
    assert {"notes", "melody_notes", "bass", "melody"} <= set(fields)
    assert fields["melody_notes"].pitches.tolist() == result["melody_notes"].pitches.tolist()
    assert fields["beats"].labels == result["beats"].labels
    # A table says more than MIDI: where there is one it counts.
    (tmp_path / "song.notes.csv").write_text("start,end,pitch\n0,1,60.5\n")
    assert formats.read_fields(tmp_path / "song")["notes"].pitches.tolist() == [60.5]


@pytest.mark.parametrize(
    ("name", "text", "field", "kind"),
    [
        ("a.melody_notes.csv", "start,end,pitch\n0,1,60\n", "melody_notes", Notes),
        ("a.bass.csv", "start,end,pitch\n0,1,40\n", "bass", Notes),
        ("a.beats", "0.5\t1\n", "beats", Events),
        ("a.downbeats.beats", "0.5\t1\n", "downbeats", Events),
        ("a.csv", "time,position\n0,1\n", "beats", Events),
        ("a.csv", "time,confidence\n0,1\n", "onsets", Events),
        ("a.csv", "start,end,pitch\n0,1,60\n", "notes", Notes),
        ("a.csv", "time,f0_hz\n0,100\n", "melody", Curves),
        ("a.lab", "0 1 C:maj\n1 2 N\n", "chords", Intervals),
        ("a.lab", "0 1 verse\n1 2 N\n", "sections", Intervals),
        ("a.txt", "0.5\n0.7\n", "onsets", Events),
        ("a.txt", "0.5 4\n0.7 1\n", "beats", Events),
        ("a.txt", "0 1 220.5\n", "notes", Notes),
        ("a.onset.txt", "0.5\n0.7\n", "onsets", Events),
        ("a.sections.audacity.txt", "0\t1\tverse\n", "sections", Intervals),
        ("a.drums.csv", "time,label\n0,BD\n", "drums", Events),
        ("a.key.txt", "C major\n", "key", Label),
        ("a.key.lab", "0 1 C:major\n", "key", Intervals),
        ("a.tempo.txt", "60 120 0.5\n", "tempo", Tempo),
        ("a.words.lab", "0 1 hello\n", "words", Intervals),
    ],
)
def test_the_field_follows_from_name_and_columns(tmp_path, name, text, field, kind):
    fields = formats.read_fields(file(tmp_path, name, text))
    assert {key: type(value) for key, value in fields.items()} == {field: kind}


def test_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError, match=r"song\.jams: No space left on device"):
        formats.write_file(tmp_path / "song.jams", b"{}")
    assert list(tmp_path.iterdir()) == []


# ---- whatever is missing


def test_every_file_is_there_where_nothing_was_heard():
    lines, spans, notes = Events([]), Intervals([], [], ()), Notes([], [], [])
    heard = {"beats": lines, "downbeats": lines, "onsets": lines, "chords": spans, "key": spans, "notes": notes}
    result = Example({**heard, "melody": Curves([], np.zeros((1, 0))), "tempo": Tempo(np.zeros(0))})
    made = formats.always("song", result, TASKS)
    assert set(made) == {f"song{one.suffix}" for one in TASKS if one.suffix}
    assert made["song.beats"] == made["song.chords.lab"] == b""
    assert made["song.onsets.csv"] == b"time,confidence\n"
    assert made["song.notes.mid"].startswith(b"MThd")


@pytest.mark.parametrize("name", formats.FORMATS)
def test_any_field_may_be_missing_or_empty(name, result, about):
    empty = {
        Events: Events([], ()),
        Intervals: Intervals([], [], ()),
        Notes: Notes([], [], [], bends=[]),
        Curves: Curves([], np.zeros((1, 0))),
        Tempo: Tempo(np.zeros(0)),
    }
    everything = [task(one) for one in names()]
    for field, value in result.items():
        for changed in ({}, {field: empty[type(value)]} if type(value) in empty else {}):
            fields = Example({**{key: own for key, own in result.items() if key != field}, **changed})
            formats.write(name, "song", fields, everything, about)
            formats.write(name, "song", fields, [], about)
            formats.write(name, "song", Example(changed), everything, about)
