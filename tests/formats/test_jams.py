"""JAMS: valid by the schema, and both ways without loss."""

from __future__ import annotations

import io
import json
import warnings

import numpy as np
import pytest

from aural import formats
from aural.annotations import Curves, Events, Example, Intervals, Label, Notes, Tempo
from aural.errors import AnnotationError
from aural.formats import jams

from .conftest import same


def test_every_annotation_comes_back_to_the_last_bit(result, about):
    again = jams.loads(jams.dumps(result, about))
    assert set(again) == set(result)
    for name in result:
        same(result[name], again[name])


EMPTY = Example(
    beats=Events([]),
    onsets=Events([], confidence=[]),
    drums=Events([], ()),
    chords=Intervals([], [], ()),
    notes=Notes([], [], []),
    melody=Curves([], np.zeros((1, 0))),
    tempo=Tempo(np.zeros(0)),
)


def test_empty_annotations_come_back(about):
    again = jams.loads(jams.dumps(EMPTY, about))
    for name in EMPTY:
        same(EMPTY[name], again[name])


ODD = Example(
    beats=Events([0.1, 0.2, 0.3], ("1", "one", "2.5")),
    chords=Intervals([0.1, 0.7], [0.7, 0.7 + 1e-16], ("my own chord", "N")),
    key=Label("no key"),
    tempo=Tempo(np.array([120.0, 90.0])),
    melody=Curves([0.0, 0.5], np.array([[-0.0, 220.0]])),
    harmony=Curves([0.0, 0.5], np.array([[110.0, 220.0], [0.0, -330.0]]), ("low", "high")),
)


def test_what_a_namespace_would_refuse_comes_back_all_the_same(about):
    text = jams.dumps(ODD, about, {"harmony": "pitch_contour"})
    again = jams.loads(text)
    for name in ODD:
        same(ODD[name], again[name])
    assert [a["namespace"] for a in json.loads(text)["annotations"]] == ["beat", "segment_open", "tag_open", "tempo", "pitch_contour"]


@pytest.mark.parametrize("name", ["result", "EMPTY", "ODD"])
def test_the_file_is_valid_jams(name, result, about):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library = pytest.importorskip("jams")
    example = {"result": result, "EMPTY": EMPTY, "ODD": ODD}[name]
    for told in (about, formats.About()):
        jam = library.load(io.StringIO(jams.dumps(example, told)), validate=True, strict=True)
        assert jam.file_metadata.title == told.title
        for annotation in jam.annotations:
            times = [o.time for o in annotation.data]
            assert times == sorted(times)
            assert all(o.duration >= 0 for o in annotation.data)


def test_the_library_reads_the_values(result, about):
    library = pytest.importorskip("jams")
    jam = library.load(io.StringIO(jams.dumps(result, about)))
    beat = jam.search(namespace="beat")[0]
    np.testing.assert_allclose(beat.to_event_values()[0], result["beats"].times)
    assert [o.value for o in beat.data][:5] == [1, 2, 3, 4, 1]
    assert beat.annotation_metadata.annotation_tools == "aural 0.1.0; beat/boeck11 songs-1 sha256:ab12"
    intervals, labels = jam.search(namespace="chord")[0].to_interval_values()
    np.testing.assert_allclose(intervals[:, 1], result["chords"].ends)
    assert tuple(labels) == result["chords"].labels
    contour = jam.search(namespace="pitch_contour")[0]
    assert [o.value["voiced"] for o in contour.data] == [False, True, True, False, False]
    assert library.eval.beat(beat, beat)["F-measure"] == 1


def test_the_file_says_how_it_was_made(result, about):
    text = jams.dumps(result, about)
    made = json.loads(text)["sandbox"]["aural"]
    assert made["decoder"] == "libsndfile 1.2.2"
    assert made["systems"] == {"beats": "beat/boeck11 songs-1 sha256:ab12"}
    told = jams.about_of(text)
    assert (told.title, told.artist, told.duration, told.notes) == (about.title, about.artist, about.duration, about.notes)


def observations(values, times=None, duration=0.5):
    return [
        {"time": t, "duration": duration, "value": v, "confidence": None} for t, v in zip(times or range(len(values)), values, strict=True)
    ]


def foreign(**namespaces) -> str:
    annotations = [{"namespace": name, "annotation_metadata": {}, "data": data} for name, data in namespaces.items()]
    return json.dumps({"annotations": annotations, "file_metadata": {}, "sandbox": {}})


def test_other_peoples_files_are_read_by_namespace():
    position = [{"position": p, "measure": 1, "num_beats": 4, "beat_units": 4} for p in (1, 2)]
    contour = [{"index": 0, "frequency": 220.0, "voiced": True}, {"index": 1, "frequency": 0.0, "voiced": False}]
    example = jams.loads(
        foreign(
            beat_position=observations(position),
            chord_harte=observations(["C:maj", "N"]),
            note_hz=observations([440.0, 220.0]),
            pitch_contour={"time": [0.0, 0.1], "duration": [0.0, 0.0], "value": contour, "confidence": [None, None]},
            segment_salami_upper=observations(["A", "B"], times=[1, 0]),
            tag_gtzan=observations(["jazz"]),
            mood_thayer=observations([[0.1, 0.2]]),
        )
    )
    assert example["beats"].labels == ("1", "2")
    assert example["chords"].labels == ("C:maj", "N")
    np.testing.assert_allclose(example["notes"].pitches, [69, 57])
    assert example["melody"].values.tolist() == [[220.0, 0.0]]
    assert example["sections"].labels == ("B", "A")
    assert example["tags"].labels == ("jazz",)
    assert set(example) == {"beats", "chords", "notes", "melody", "sections", "tags"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("[1]", "annotations"),
        (foreign(beat=observations([1], times=[-1.0])), r"annotation 1 \(beat\).*start at 0"),
        (foreign(onset=[], chord=[{"time": 1}]), r"annotation 2 \(chord\)"),
        (foreign(note_midi=observations([440.0])), "Hz"),
        ('{"sandbox": {"aural": {"fields": {"x": {"type": "Label"}}}}}', "x in the sandbox"),
    ],
)
def test_a_damaged_file_is_one_error(text, said):
    with pytest.raises(AnnotationError, match=rf"^song\.jams.*{said}"):
        jams.loads(text, "song.jams")


@pytest.mark.parametrize("chord", ["C", "C:maj", "Db:min7/b3", "F#:7(b9,13)", "G:(1,5)", "A:hdim7/b5", "N", "X", "B:sus4(b7)/5", "Bbb"])
def test_harte_chords_are_known(chord):
    assert jams.CHORD.fullmatch(chord)


@pytest.mark.parametrize("chord", ["", "H", "c:maj", "C:major", "Cm", "C:maj/", "C:maj(14)", "N/3"])
def test_other_words_are_no_chords(chord):
    assert not jams.CHORD.fullmatch(chord)


def test_notes_melody_and_bass_are_told_apart_and_bends_come_back(result, about):
    text = jams.dumps(result, about)
    named = [a["sandbox"]["field"] for a in json.loads(text)["annotations"] if a["namespace"] == "note_midi"]
    assert sorted(named) == ["bass", "melody_notes", "notes"]
    again = jams.loads(text)
    for name in named:
        same(result[name], again[name])
    assert [bend.shape[1] for bend in again["melody_notes"].bends[:3]] == [0, 5, 5]
    assert again["tuning"] == result["tuning"]


def test_no_key_and_changes_of_key_are_valid(about):
    library = pytest.importorskip("jams")
    key = Intervals([0.0, 4.0, 8.0], [4.0, 8.0, 12.0], ("Gb:major", "N", "D#:minor"), np.array([0.9, 0.2, 0.5]))
    text = jams.dumps(Example(key=key), about)
    (annotation,) = library.load(io.StringIO(text), validate=True, strict=True).annotations
    assert (annotation.namespace, [o.value for o in annotation.data]) == ("key_mode", list(key.labels))
    same(jams.loads(text)["key"], key)
