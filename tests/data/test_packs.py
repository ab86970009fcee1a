"""Packs give what lies in their folder: which recording for which task, onsets merged as stated, nothing that isn't known."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import soundfile

from aural.annotations import Example
from aural.data import Pieces, Source, augmentation, source, words
from aural.errors import DataError, UnknownName
from aural.sound import Recording

needs_packs = pytest.mark.skipif(not os.environ.get("AURAL_DATA"), reason="AURAL_DATA is not set")


def sound(path: Path, seconds: float = 1.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(int(8000 * seconds), np.float32), 8000)
    return path


def table(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Small packs of made-up pieces in the layout of the real ones."""
    drums = tmp_path / "mdb_drums"
    for name in ("Waltz", "Polka"):
        sound(drums / "mix" / f"{name}.wav")
        sound(drums / "stems" / f"{name}.bass.wav")
        sound(drums / "stems" / f"{name}.drums.wav")
        table(drums / "beats" / f"{name}.csv", "time,position", "0.1,3", "0.3,1.0", "0.5,2", "0.7,3", "0.9,1")
        table(drums / "onsets" / f"{name}.csv", "time,label", "0.100,KD", "0.108,HH", "0.115,SD", "0.400,HH")
    sound(drums / "mix" / "NoBeats.wav")
    frets = tmp_path / "fretsonfire"
    for name in ("band_song", "band_mutilated_mime"):
        sound(frets / "mix" / f"{name}.wav")
        table(frets / "beats" / f"{name}.csv", "time,position", "0.1,1", "0.3,2")
        table(frets / "guitar_onsets" / f"{name}.csv", "time", "0.1")
    piano = tmp_path / "maps_piano60s"
    sound(piano / "audio" / "etude_ENSTDkCl.wav")
    notes = ["0.520,0.9,60,80,0", "0.500,1.0,64,70,0", "0.531,0.8,67,75,0", "0.560,0.9,72,60,1"]
    table(piano / "notes" / "etude_ENSTDkCl.csv", "onset,offset,pitch,velocity,cut", *notes)
    chords = tmp_path / "guitar_chords"
    sound(chords / "audio" / "a_1.wav", 1.5)
    sound(chords / "audio" / "unlisted.wav")
    table(chords / "clips.csv", "clip,chord,room,guitar", "a_1,A:maj,noisy_room,2")
    sound(tmp_path / "bach_violin" / "audio" / "fugue.wav")
    table(tmp_path / "bach_violin" / "notes" / "fugue.csv", "onset,offset,pitch", "0.1,0.3,69", "0.3,0.6,57", "0.5,0.8,81")
    sound(tmp_path / "sight_singing_ssvd" / "audio" / "7.wav")
    table(tmp_path / "sight_singing_ssvd" / "notes" / "7.csv", "onset,offset,pitch_midi", "0.1,0.5,60.4")
    digits = tmp_path / "digits"
    for file, split in (("george/0_a.wav", "test"), ("lucas/1_a.wav", "train")):
        sound(digits / file)
        table(digits / f"{split}.tmp", "")
    table(digits / "labels.csv", "file,digit,speaker,official_split", "george/0_a.wav,0,george,test", "lucas/1_a.wav,1,lucas,train")
    monkeypatch.setenv("AURAL_DATA", str(tmp_path))
    return tmp_path


def names(found: Source) -> list[str]:
    return [found(i)["name"] for i in range(found.size)]


@pytest.mark.usefixtures("root")
def test_drum_onsets_are_asked_of_the_stems_and_beats_of_the_mixes() -> None:
    onsets, beats = source("mdb_drums", task="onset"), source("mdb_drums", task="beat")
    assert names(onsets) == names(beats) == ["Polka", "Waltz"]
    assert onsets(0)["sound"].path.name == "Polka.drums.wav"
    assert beats(0)["sound"].path.name == "Polka.wav"
    assert "onsets" not in beats(0)  # a mix has more onsets than its drums


@pytest.mark.usefixtures("root")
def test_hits_within_thirty_milliseconds_of_the_last_kept_are_one_onset() -> None:
    example = source("mdb_drums", task="onset")(0)
    assert example["onsets"].times.tolist() == [0.1, 0.4]
    assert example["drums"].labels == ("KD", "HH", "SD", "HH")


@pytest.mark.usefixtures("root")
def test_downbeats_are_the_beats_at_position_one() -> None:
    example = source("mdb_drums", task="downbeat")(0)
    assert example["beats"].labels == ("3", "1", "2", "3", "1")
    assert example["downbeats"].times.tolist() == [0.3, 0.9]
    assert example["tempo"].bpms == pytest.approx([300.0])


@pytest.mark.usefixtures("root")
def test_untrusted_downbeats_are_left_out_and_the_guitar_chart_is_not_taken_for_onsets() -> None:
    assert names(source("fretsonfire", task="beat")) == ["band_mutilated_mime", "band_song"]
    assert names(source("fretsonfire", task="downbeat")) == ["band_song"]
    mime = source("fretsonfire", task="beat")(0)
    assert "downbeats" not in mime
    assert mime["beats"].labels is None
    with pytest.raises(DataError, match="onset"):
        source("fretsonfire", task="onset")


@pytest.mark.usefixtures("root")
def test_piano_notes_within_thirty_milliseconds_are_one_onset() -> None:
    example = source("maps_piano60s", task="onset")(0)
    assert example["notes"].starts.tolist() == [0.5, 0.52, 0.531, 0.56]
    assert example["notes"].velocities.tolist() == [70, 80, 75, 60]
    assert example["onsets"].times.tolist() == [0.5, 0.531]
    assert example["strata"] == ("ENSTDkCl",)


@pytest.mark.usefixtures("root")
def test_a_strum_is_one_chord_from_start_to_end() -> None:
    found = source("guitar_chords", task="chord")
    assert (found.size, found.labels("chords")) == (1, ["A:maj"])
    assert found(0)["chords"].ends.tolist() == [1.5]
    assert found(0)["strata"] == ("noisy_room",)


@pytest.mark.usefixtures("root")
def test_a_violins_melody_is_unknown_where_two_notes_sound_and_at_their_ends() -> None:
    melody = source("bach_violin", "test", "melody")(0)["melody"]
    at = dict(zip(melody.times.round(2), melody.values[0].round(2), strict=True))
    assert (at[0.05], at[0.2], at[0.4], at[0.7], at[0.9]) == (0, 440, 220, 880, 0)
    assert not any(0.085 < t < 0.115 or 0.285 < t < 0.315 or 0.485 < t < 0.615 or 0.785 < t < 0.815 for t in at)


@pytest.mark.usefixtures("root")
def test_what_one_voice_sings_is_the_melody() -> None:
    example = source("sight_singing_ssvd", "test", "melody_note")(0)
    assert example["melody_notes"] == example["notes"]
    assert example["notes"].pitches == [60.4]


@pytest.mark.usefixtures("root")
def test_the_general_reader_takes_splits_and_labels_from_the_packs_table() -> None:
    train, test = source("digits", "train"), source("digits", "test")
    assert (names(train), names(test)) == (["lucas/1_a"], ["george/0_a"])
    assert test(0)["digit"].name == "0"
    assert train.labels("speaker") == ["lucas"]


def test_a_pack_may_say_several_words_of_a_sound_or_none(root: Path) -> None:
    for name in ("both", "silent"):
        sound(root / "scenes" / "audio" / f"{name}.wav")
    table(root / "scenes" / "labels.csv", "file,tags", "audio/both.wav,rain;wind", "audio/silent.wav,")
    found = source("scenes")
    assert [[word.name for word in found(i)["tags"]] for i in range(2)] == [["rain", "wind"], []]
    assert found.labels("tags") == ["rain", "wind"]
    assert "tags" not in source("digits")(0)


@pytest.mark.usefixtures("root")
def test_sounds_are_not_read_before_they_are_cut_and_examples_cross_processes() -> None:
    found = source("mdb_drums", task="beat")
    assert isinstance(found(0)["sound"], Recording)
    again = pickle.loads(pickle.dumps(found))
    assert again(1)["name"] == found(1)["name"]
    assert found(0).cut(0.25, 0.95)["beats"].times == pytest.approx([0.05, 0.25, 0.45, 0.65])


def test_a_source_that_does_not_exist_offers_the_nearest(root: Path) -> None:
    with pytest.raises(UnknownName, match="Nearest: mdb_drums"):
        source("mdb_drum")
    with pytest.raises(DataError, match="songs:0"):
        source("songs:first")
    with pytest.raises(UnknownName, match="test"):
        source("mdb_drums", "tests")  # type: ignore[arg-type]
    (root / "empty").mkdir()
    with pytest.raises(DataError, match="empty"):
        source("empty")


def test_without_aural_data_the_error_says_how_to_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AURAL_DATA", raising=False)
    with pytest.raises(DataError, match="export AURAL_DATA="):
        source("mdb_drums")


def test_a_bad_table_is_named(root: Path) -> None:
    table(root / "mdb_drums" / "beats" / "Polka.csv", "when,position", "0.1,1")
    with pytest.raises(DataError, match=r"Polka\.csv.*'time'"):
        source("mdb_drums", task="beat")(0)


def test_words_of_all_kinds_of_annotation() -> None:
    found = Pieces("toy", [("a", lambda: Example({"style": "rock"})), ("b", lambda: Example({"style": "jazz", "strata": ("x",)}))])
    assert found.labels("style") == ["jazz", "rock"]
    assert found.labels("nothing") == []
    assert words(found(1)["strata"]) == {"x"}


def test_augmentations_are_found_by_name() -> None:
    with pytest.raises(UnknownName, match="realaug"):
        augmentation("realog")


@needs_packs
@pytest.mark.parametrize(
    ("name", "task", "field"),
    [
        ("mdb_drums", "onset", "onsets"),
        ("mdb_drums", "beat", "beats"),
        ("mdb_drums", "downbeat", "downbeats"),
        ("fretsonfire", "beat", "beats"),
        ("maps_piano60s", "onset", "onsets"),
        ("maps_piano60s", "note", "notes"),
        ("bach_violin", "note", "notes"),
        ("bach_violin", "melody", "melody"),
        ("guitar_chords", "chord", "chords"),
        ("sight_singing_ssvd", "note", "notes"),
        ("sight_singing_ssvd", "melody_note", "melody_notes"),
        ("mir_fixtures", "melody", "melody"),
    ],
)
def test_every_piece_of_a_labelled_pack_is_whole(name: str, task: str, field: str) -> None:
    found = source(name, "test", task)
    assert found.size > 0
    for i in range(found.size):
        example = found(i)
        assert example["sound"].duration > 0
        example[field].validate(example.duration + 1)
    assert isinstance(found, Source)


@needs_packs
@pytest.mark.parametrize("name", ["unlabelled_music", "librosa_examples", "esc10", "philharmonia_notes"])
def test_packs_without_times_give_their_sounds(name: str) -> None:
    assert source(name)(0)["sound"].duration > 0
