"""What DJs and editors import: grids that hit the beats, markers, clicks where beats are, tags in a copy."""

from __future__ import annotations

import csv
import io
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import mutagen
import numpy as np
import pytest
import soundfile

from aural import formats, rhythm
from aural.analysis import analyze
from aural.annotations import Events, Example, Grid, Intervals, Tempo
from aural.formats import About, midi, rekordbox
from aural.formats._bars import gridded
from aural.sound import Recording, Sound, write

RATE = 8000


def steady(bpm: float, n: int = 400, start: float = 0.3137, metre: int = 4, first: int = 1) -> Events:
    return Events(start + 60 / bpm * np.arange(n), tuple(str((i + first - 1) % metre + 1) for i in range(n)))


def on_a_grid(bpm: float, jitter: float = 0.006, **more) -> Example:
    """Beats as a net hears them, and the grid that they are heard from."""
    true = steady(bpm, **more)
    heard = np.maximum(0, true.times + np.random.default_rng(0).uniform(-jitter, jitter, len(true)))
    grid = Grid(float(true.times[0]), float(true.times[-1]), bpm, float(true.times[0]))
    return Example(beats=Events(heard, true.labels), tempo=Tempo(np.array([bpm, bpm / 2]), np.array([0.9, 0.1]), (grid,)))


def free(n: int = 120, seed: int = 1) -> Events:
    """People: the tempo wanders by some per cent."""
    rng = np.random.default_rng(seed)
    gaps = 0.5 * np.exp(0.06 * np.sin(np.arange(n) / 9) + rng.normal(0, 0.005, n))
    return Events(0.4 + np.cumsum(gaps), tuple(str(i % 4 + 1) for i in range(n)))


# ---- rekordbox


def track(fields: Example, about: About | None = None) -> ElementTree.Element:
    (data,) = formats.write("rekordbox", "song", fields, [], about).values()
    found = ElementTree.fromstring(data).find("COLLECTION/TRACK")
    assert found is not None
    return found


def beats_of(track: ElementTree.Element, until: float) -> list[tuple[float, int, int]]:
    """(time, place in the bar, beats of a bar) of every beat that a DJ program draws."""
    found = []
    rows = [(float(t.get("Inizio", "")), float(t.get("Bpm", "")), t) for t in track.iterfind("TEMPO")]
    for (start, bpm, row), (end, _, _) in pairwise([*rows, (until, 0.0, track)]):
        metre, place, k = int(row.get("Metro", "").split("/")[0]), int(row.get("Battito", "")), 0
        while start + k * 60 / bpm < end - 0.25 * 60 / bpm:
            found.append((start + k * 60 / bpm, (place - 1 + k) % metre + 1, metre))
            k += 1
    return found


@pytest.mark.parametrize("bpm", [128.0, 127.5, 174.0, 93.27, 120.0, 68.431, 139.9967])
def test_the_grid_of_a_constant_song_hits_every_beat_within_a_millisecond(bpm):
    fields, true = on_a_grid(bpm), steady(bpm)
    drawn = beats_of(track(fields), float(true.times[-1]) + 30 / bpm)
    assert len(drawn) == len(true)
    assert np.abs(np.array([time for time, _, _ in drawn]) - true.times).max() < 0.001
    assert [str(place) for _, place, _ in drawn] == list(true.labels)
    if abs(bpm * 100 - round(bpm * 100)) < 1e-9:  # the tempo can be written: one mark does for the song
        (mark,) = track(fields).findall("TEMPO")
        assert mark.attrib == {"Inizio": "0.314", "Bpm": f"{bpm:.2f}", "Metro": "4/4", "Battito": "1"}


def test_without_a_grid_the_marks_follow_the_beats():
    beats = free()
    found = track(Example(beats=beats))
    drawn = np.array([time for time, _, _ in beats_of(found, float(beats.times[-1]) + 0.2)])
    assert len(drawn) == len(beats)
    assert np.abs(drawn - beats.times).max() <= rekordbox.LOOSE + 0.001
    assert len(found.findall("TEMPO")) < 60


def test_bars_metres_and_a_pickup_are_in_the_grid():
    words = "34" + "1234" * 4 + "123" * 5 + "12"
    beats = Events(0.2 + 0.5 * np.arange(len(words)), tuple(words))
    drawn = beats_of(track(Example(beats=beats)), float(beats.times[-1]) + 0.2)
    assert "".join(str(place) for _, place, _ in drawn) == words
    assert [metre for _, _, metre in drawn] == [4] * 18 + [3] * 17
    assert [(m.get("Metro"), m.get("Battito")) for m in track(Example(beats=beats)).iterfind("TEMPO")] == [("4/4", "3"), ("3/4", "1")]


def test_a_song_whose_bars_are_not_known_still_has_a_grid():
    drawn = beats_of(track(Example(beats=Events(0.5 * np.arange(9)))), 4.2)
    np.testing.assert_allclose([time for time, _, _ in drawn], 0.5 * np.arange(9))


def test_a_break_in_the_beats_does_not_bend_the_grid():
    beats = steady(120, 64)
    kept = beats[np.array([i for i in range(64) if not 20 <= i < 30])]
    (mark,) = track(Example(beats=kept)).findall("TEMPO")
    assert mark.get("Bpm") == "120.00"


def test_a_track_says_what_a_collection_needs(tmp_path):
    fields = on_a_grid(126.0)
    fields["key"] = Intervals([0.0, 10.0], [10.0, 90.0], ("C:major", "F#:minor"))
    fields["sections"] = Intervals([0.0, 30.5], [30.5, 90.0], ("intro", "verse <&\x01>"))
    about = About("Títle", "A & B", 200.4, "s 1.mp3", 44_100, "libsndfile 1.2.2", 0.025, version="0.1.0", path="/music/ä b/s 1.mp3")
    made = track(fields, about)
    assert made.attrib == {
        "TrackID": "1", "Name": "Títle", "Artist": "A & B", "Kind": "MP3 File", "TotalTime": "200", "AverageBpm": "126.00",
        "SampleRate": "44100", "Tonality": "11A", "Location": "file://localhost/music/%C3%A4%20b/s%201.mp3",
        "Comments": "aural 0.1.0; decoded by libsndfile 1.2.2; 25.0 ms of encoder delay left out",
    }  # fmt: skip
    cues = [(cue.get("Name"), cue.get("Start"), cue.get("Type"), cue.get("Num")) for cue in made.iterfind("POSITION_MARK")]
    assert cues == [("intro", "0.000", "0", "-1"), ("verse <& >", "30.500", "0", "-1")]


def test_without_sections_the_first_bar_and_changes_of_metre_are_cues():
    words = "4" + "1234" * 4 + "123" * 5
    beats = Events(0.5 * np.arange(len(words)), tuple(words))
    cues = track(Example(beats=beats)).findall("POSITION_MARK")
    assert [(cue.get("Name"), cue.get("Start")) for cue in cues] == [("1", "0.500"), ("3/4", "8.500")]


@pytest.mark.parametrize("words", ["789" + "1234" * 2, "56" + "1" * 3, "23456", "1234" + "567"])
def test_no_beat_lies_past_the_end_of_its_bar(words):
    beats = Events(0.5 * np.arange(len(words)), tuple(words))
    for mark in track(Example(beats=beats)).iterfind("TEMPO"):
        assert 1 <= int(mark.get("Battito", "")) <= int(mark.get("Metro", "").split("/")[0])


@pytest.mark.parametrize(
    ("key", "wheel"),
    [("C:major", "8B"), ("A:minor", "8A"), ("G", "9B"), ("F#:minor", "11A"), ("Bb:major", "6B"), ("Ab:minor", "1A"), ("B:major", "1B"),
     ("Eb:min", "2A"), ("D:dorian", ""), ("N", ""), ("C#:major", "3B"), ("Db", "3B")],
)  # fmt: skip
def test_keys_stand_on_the_wheel_that_djs_know(key, wheel):
    assert track(Example(beats=steady(120.0, 8), key=Intervals([0.0], [9.0], (key,)))).get("Tonality", "") == wheel


def test_many_documents_make_one_collection():
    documents = [formats.write("rekordbox", name, on_a_grid(120.0), [])[f"{name}.rekordbox.xml"] for name in ("a", "b")]
    whole = ElementTree.fromstring(rekordbox.combined(documents))
    assert whole.find("COLLECTION").get("Entries") == "2"
    assert [(t.get("TrackID"), t.get("Name")) for t in whole.iterfind("COLLECTION/TRACK")] == [("1", "a"), ("2", "b")]
    assert [t.get("Key") for t in whole.iterfind("PLAYLISTS/NODE/NODE/TRACK")] == ["1", "2"]
    assert ElementTree.fromstring(rekordbox.combined([])).find("COLLECTION").get("Entries") == "0"


# ---- Reaper


def project(fields: Example) -> list[str]:
    return formats.write("reaper", "song", fields, [])["song.reaper.rpp"].decode().splitlines()


def test_reaper_reads_a_marker_a_bar_and_regions():
    fields = on_a_grid(120.0, jitter=0.0, n=14, start=1.0)
    fields["beats"] = Events(fields["beats"].times, tuple("41234123412312"))
    fields["sections"] = Intervals([3600.0], [3661.5], ("verse, loud",))
    rows = list(csv.reader(io.StringIO(formats.write("reaper", "song", fields, [])["song.reaper.csv"].decode())))
    assert rows == [
        ["#", "Name", "Start", "End", "Length"],
        ["R1", "120.00 BPM", "0:00:01.000", "0:00:07.500", "0:00:06.500"],
        ["R2", "verse, loud", "1:00:00.000", "1:01:01.500", "0:01:01.500"],
        ["M1", "1 (4/4)", "0:00:01.500", "", ""],
        ["M2", "2", "0:00:03.500", "", ""],
        ["M3", "3 (3/4)", "0:00:05.500", "", ""],
        ["M4", "4", "0:00:07.000", "", ""],
    ]


@pytest.mark.parametrize("beats", [steady(127.53), free(), steady(99.0, metre=3, first=3), Events(3 + 0.4 * np.arange(50))])
def test_the_projects_own_grid_falls_on_the_beats_and_its_bars_on_the_downbeats(beats):
    """As Reaper counts: beats go on at a point's tempo until the next one; a time signature starts a bar."""
    points = [line.split()[1:] for line in project(Example(beats=beats)) if line.startswith("    PT ")]
    quarters, bars, lines, size = [0.0], [], 0.0, 4.0
    for (time, bpm, *_), (following, *_) in pairwise([*points, [str(beats.times[-1] + 0.3)]]):
        quarters.append(quarters[-1] + (float(following) - float(time)) * float(bpm) / 60)
    places = np.interp(beats.times, [float(p[0]) for p in points] + [beats.times[-1] + 0.3], quarters)
    whole = places - places[0]
    assert np.abs(whole - np.rint(whole)).max() < 0.01
    for i, point in enumerate(points):
        if len(point) > 3:
            sign = int(point[3])
            while lines < quarters[i] - 0.01:
                lines += size
            assert abs(lines - quarters[i]) < 0.01  # a signature stands on a bar line
            size = (sign % 65536) * 4 / (sign // 65536)
            bars.append((quarters[i], size))
    for one in places[rhythm.positions(beats) == 1]:
        start, size = max((bar for bar in bars if bar[0] <= one + 0.01), key=lambda bar: bar[0])
        assert abs((one - start) / size - round((one - start) / size)) < 0.01


def test_a_constant_song_has_one_tempo_in_a_project_and_in_midi():
    fields = on_a_grid(128.0)
    assert len([line for line in project(fields) if line.startswith("    PT ")]) <= 3  # before the first beat, then one
    grid = midi.Map(gridded(fields)[0])
    assert len(grid.tempi) <= 3
    assert abs(60e6 / grid.tempi[1][1] - 128) < 0.01
    heard = midi.loads(midi.dumps(fields))["beats"]
    np.testing.assert_allclose(heard.times, steady(128.0).times, atol=0.001)


def test_markers_lie_on_the_grid():
    fields, true = on_a_grid(120.0), steady(120.0)
    rows = [line.split() for line in project(fields) if line.startswith("  MARKER") and line.endswith(" 0")]
    np.testing.assert_allclose([float(row[2]) for row in rows], true.times[::4], atol=1e-5)


def test_a_short_start_does_not_shorten_all_bars_where_none_is_known():
    grid = midi.Map(Events(0.1 + 0.5 * np.arange(9)))
    assert grid.bars == [(0, 2, 32), (120, 4, 4)]
    assert [line.split()[4] for line in project(Example(beats=Events(0.1 + 0.5 * np.arange(9)))) if len(line.split()) == 5] == [
        "2097154",
        "262148",
    ]


def test_names_in_a_project_can_not_break_its_lines():
    fields = Example(sections=Intervals([0.0, 1.0], [1.0, 2.0], ('a "b"\n>', "'\"`")))
    lines = project(fields)
    assert lines[0].startswith("<REAPER_PROJECT ")
    assert "  MARKER 1 0.000000 'a \"b\" >' 1" in lines
    assert sum(line.strip().startswith("<") for line in lines) == sum(line.strip() == ">" for line in lines)


# ---- MIDI, Audacity, Sonic Visualiser


def test_bars_that_are_not_known_do_not_become_one_long_bar():
    beats = Events(0.5 * np.arange(40), (*"1234" * 2, *[""] * 26, *"123412"))
    grid = midi.Map(beats)
    assert grid.bars == [(0, 4, 4), (480 * 32, 2, 4), (480 * 34, 4, 4)]


def test_editors_see_bars_and_metres():
    words = "4" + "1234" * 2 + "123" * 2
    fields = Example(beats=Events(0.5 * np.arange(len(words)), tuple(words)))
    labels = {name: text.decode() for name, text in formats.write("audacity", "song", fields, []).items()}
    assert labels["song.metre.audacity.txt"] == "0.500000\t4.500000\t4/4\n4.500000\t7.500000\t3/4\n"
    assert labels["song.bars.audacity.txt"].splitlines()[:2] == ["0.500000\t2.500000\t1", "2.500000\t4.500000\t2"]
    layers = formats.write("sv", "song", fields, [])
    points = ElementTree.fromstring(layers["song.metre.svl"].split(b"\n", 2)[2]).findall("data/dataset/point")
    assert [(p.get("frame"), p.get("label")) for p in points] == [("22050", "4/4"), ("198450", "3/4")]
    assert "song.bars.svl" in layers
    assert set(formats.write("sv", "song", Example(beats=Events([1.0, 2.0])), [])) == {"song.beats.svl"}


# ---- clicks


@pytest.fixture
def song(tmp_path) -> Path:
    path = tmp_path / "song.wav"
    samples = np.random.default_rng(0).normal(0, 0.05, (2, 6 * RATE))
    write(Sound(samples, RATE), path, "PCM_16")
    return path


def rendered(name: str, fields: Example, path: Path, out: Path, sound: Recording | Sound | None = None) -> tuple[list[Path], str]:
    writers, note = formats.render(name, "song", fields, path, sound or Recording(path))
    for file, put in writers.items():
        put(out / file)
    return [out / file for file in writers], note


def test_clicks_are_where_the_beats_are(song, tmp_path):
    beats = Events([0.0, 0.5, 1.003, 1.5, 2.0, 5.985], tuple("123121"))
    ((made,), note) = rendered("clicks", Example(beats=beats), song, tmp_path / "out")
    assert (made.name, note) == ("song.clicks.wav", "")
    mixed, under = Recording(made).read().samples[0], Recording(song).read().samples[0]
    clicks = mixed - 0.6 * under
    loud = np.flatnonzero(np.abs(clicks) > 0.001)
    starts = loud[np.diff(loud, prepend=-1000) > 400] / RATE
    np.testing.assert_allclose(starts, beats.times, atol=2 / RATE)
    for time, label in zip(beats.times[:5], beats.labels, strict=False):
        piece = clicks[round(time * RATE) : round(time * RATE) + 240]
        pitch = np.fft.rfftfreq(2048, 1 / RATE)[np.abs(np.fft.rfft(piece, 2048)).argmax()]
        assert abs(pitch - (1500 if label == "1" else 1000)) < 30
        energy = np.square(clicks[round(time * RATE) + 300 : round(time * RATE) + 1500]).mean()
        assert energy < 1e-4 * np.square(piece).mean()  # 30 ms, then nothing
    assert Recording(made).duration == Recording(song).duration


def test_clicks_are_alike_however_the_sound_is_cut(song):
    from aural.formats.clicks import Clicked

    beats = Events(np.arange(0.01, 6, 0.093), None)
    mixed = Clicked(Recording(song), beats)
    pieces = np.concatenate([piece.samples for piece in mixed.blocks(0.1)], -1)
    np.testing.assert_array_equal(pieces, mixed.cut(0, 6).samples)
    assert np.abs(pieces).max() < 1


def test_clicks_need_beats(song, tmp_path):
    assert rendered("clicks", Example(), song, tmp_path) == ([], "no click track was made: beats were not asked for; add beats to --tasks")


# ---- tags


KINDS = ["wav", "aiff", "flac", "ogg", "opus", "mp3", "m4a"]


def recorded(path: Path) -> Path:
    samples = np.random.default_rng(0).normal(0, 0.1, (1, 48_000)).astype(np.float32)
    if path.suffix == ".m4a":
        av = pytest.importorskip("av")
        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=48_000, layout="mono")
            frame = av.AudioFrame.from_ndarray(samples[:, :1024].copy(), "fltp", "mono")
            frame.rate = 48_000
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                container.mux(packet)
        return path
    write(Sound(samples, 48_000), path)
    return path


BPM, KEY = ("TBPM", "BPM", "----:com.apple.iTunes:BPM"), ("TKEY", "INITIALKEY", "----:com.apple.iTunes:initialkey")


def read_back(path: Path, names: tuple[str, ...] = BPM) -> str:
    tags = mutagen.File(path).tags
    return next((_text(tags[key]) for key in names if key in tags), "")


def _text(value) -> str:
    value = value.text[0] if hasattr(value, "text") else value[0]
    return bytes(value).decode() if isinstance(value, bytes) else str(value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("bpm", "says"), [(127.5, "127.5"), (128.0, "128"), (99.996, "100")])
def test_the_tag_of_the_copy_is_read_back_and_the_original_is_as_it_was(kind, bpm, says, tmp_path):
    song = recorded(tmp_path / f"song.{kind}")
    before = song.read_bytes()
    ((made,), note) = rendered("tag", Example(tempo=Tempo(np.array([bpm]), np.ones(1))), song, tmp_path / "out")
    assert (made.name, note) == (f"song.tagged.{kind}", "")
    assert read_back(made) == says
    assert song.read_bytes() == before
    np.testing.assert_array_equal(Recording(made).read().samples, Recording(song).read().samples)
    if kind == "m4a":
        assert mutagen.File(made).tags["tmpo"] == [round(bpm)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("key", "says"), [("F#:minor", "F#m"), ("Eb:major", "Eb"), ("N", "G")])
def test_the_key_stands_beside_the_tempo(kind, key, says, tmp_path):
    fields = Example(tempo=Tempo(np.array([100.0])), key=Intervals([0.0, 5.0], [5.0, 90.0], ("G:major", key)))
    ((made,), _) = rendered("tag", fields, recorded(tmp_path / f"song.{kind}"), tmp_path / "out")
    assert (read_back(made), read_back(made, KEY)) == ("100", says)


def test_a_key_alone_is_tagged(tmp_path):
    song = recorded(tmp_path / "song.flac")
    ((made,), _) = rendered("tag", Example(key=Intervals([0.0], [9.0], ("A:minor",))), song, tmp_path / "out")
    assert (read_back(made), read_back(made, KEY), read_back(made, ("KEY",))) == ("", "Am", "Am")
    assert rendered("tag", Example(key=Intervals([0.0], [9.0], ("N",))), song, tmp_path)[0] == []


def test_tags_that_are_there_stay_and_keep_their_version(tmp_path):
    from mutagen import id3

    song = recorded(tmp_path / "song.mp3")
    tags = id3.ID3()
    tags.add(id3.TIT2(encoding=1, text=["Ünder"]))
    tags.add(id3.TBPM(encoding=0, text=["60"]))
    tags.save(str(song), v2_version=3)
    ((made,), _) = rendered("tag", Example(beats=steady(120.0)), song, tmp_path)
    again = id3.ID3(str(made))
    assert (again["TIT2"].text, again["TBPM"].text, again.version) == (["Ünder"], ["120"], (2, 3, 0))


def test_what_can_not_be_tagged_gives_one_note(tmp_path):
    fields = Example(beats=steady(120.0))
    soundfile.write(str(tmp_path / "song.au"), np.zeros(800), 8000)
    assert rendered("tag", fields, tmp_path / "song.au", tmp_path) == ([], "no copy was tagged: au files hold no tags that can be written")
    soundfile.write(str(tmp_path / "song.wav"), np.zeros(800), 8000)
    assert rendered("tag", Example(), tmp_path / "song.wav", tmp_path) == ([], "no copy was tagged: neither tempo nor key is known")


def test_the_same_sound_gives_the_same_copies(song, tmp_path):
    fields = on_a_grid(120.0, n=10)
    for name in ("clicks", "tag"):
        first, second = (rendered(name, fields, song, tmp_path / out)[0][0].read_bytes() for out in ("a", "b"))
        assert first == second


# ---- whole analyses

PLAIN = ("beat/spectral_flux", "tempo/from_beats")
TASKS = ["beat", "tempo"]


def loops(path: Path, bpm: float = 120.0, seconds: float = 12.0) -> Path:
    """Noise bursts at a constant tempo."""
    rng = np.random.default_rng(3)
    samples = 1e-3 * rng.standard_normal(round(seconds * RATE))
    for time in np.arange(0.25, seconds - 0.1, 60 / bpm):
        start = round(time * RATE)
        samples[start : start + 400] += 0.4 * rng.standard_normal(400) * np.exp(-np.arange(400) / 80)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(str(path), samples, RATE)
    return path


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_gives_one_collection_for_rekordbox_and_columns_of_the_rhythm(tmp_path):
    loops(tmp_path / "in" / "a.wav")
    loops(tmp_path / "in" / "deep" / "b.wav", 100.0)
    (tmp_path / "in" / "c.wav").write_bytes(b"")
    for _ in range(2):  # the second time all are finished
        analyze(tmp_path / "in", tmp_path / "out", TASKS, PLAIN, ["rekordbox"])
        whole = ElementTree.parse(tmp_path / "out" / "rekordbox.xml")
        assert [t.get("Name") for t in whole.iterfind("COLLECTION/TRACK")] == ["a", "b"]
        assert whole.find("COLLECTION/TRACK").get("Location") == f"file://localhost{(tmp_path / 'in' / 'a.wav').as_posix()}"
    with (tmp_path / "out" / "collection.csv").open(newline="") as file:
        a, c, b = csv.DictReader(file)
    for row, bpm in ((a, 120.0), (b, 100.0)):
        assert min(abs(float(row["bpm"]) / bpm / level - 1) for level in (0.5, 1, 2)) < 0.02
        assert float(row["bpm2"]) > 0
        assert 0 < float(row["bpm_confidence"]) <= 1
        assert row["grid"] in ("yes", "no")
    assert c["bpm2"] == c["grid"] == c["metre_changes"] == ""


def test_copies_with_clicks_and_tags_are_made_once_and_never_analyzed(tmp_path):
    song = loops(tmp_path / "song.wav")
    before = song.read_bytes()

    def again(**more) -> list[str]:
        return [outcome.status for outcome in analyze(tmp_path, tmp_path, TASKS, PLAIN, ["jams", "clicks", "tag"], **more).outcomes]

    assert again() == ["done"]
    assert {"song.jams", "song.clicks.wav", "song.tagged.wav"} <= names(tmp_path)
    assert song.read_bytes() == before
    assert again() == ["skipped"]
    (tmp_path / "song.tagged.wav").unlink()
    assert again() == ["done"]
    assert float(read_back(tmp_path / "song.tagged.wav")) > 0


def test_clicks_of_a_part_lie_on_its_beats(tmp_path):
    song = loops(tmp_path / "song.wav")
    analyze(song, tmp_path / "out", TASKS, PLAIN, ["clicks", "rekordbox"], start=4.0, end=9.0)
    mixed = Recording(tmp_path / "out" / "song.clicks.wav").read()
    assert mixed.duration == 5.0
    clicks = mixed.samples[0] - 0.6 * Recording(song).cut(4.0, 9.0).samples[0]
    kept = formats.jams.loads((tmp_path / "out" / "song.jams").read_text(encoding="utf-8"))
    assert kept["beats"].times.min() >= 4
    loud = np.flatnonzero(np.abs(clicks) > 0.002)
    np.testing.assert_allclose(loud[np.diff(loud, prepend=-1000) > 400] / RATE + 4.0, kept["beats"].times, atol=0.001)
    curve = kept["tempo"].curve  # it counts from the start of the whole file, too
    assert curve is None or curve.times.min() >= 4
    assert all(grid.start >= 4 for grid in kept["tempo"].segments)


def test_what_can_not_be_made_is_a_note_and_no_failure(tmp_path):
    soundfile.write(str(tmp_path / "song.au"), np.random.default_rng(0).normal(0, 0.1, 3 * RATE), RATE)
    (outcome,) = analyze(tmp_path / "song.au", tmp_path / "out", ["beat"], PLAIN[:1], ["tag", "clicks"]).outcomes
    assert outcome.status == "done"
    assert [note for note in outcome.notes if "tag" in note] == ["no copy was tagged: au files hold no tags that can be written"]


def test_an_hour_with_clicks_does_not_fill_the_memory(tmp_path):
    from aural.formats.clicks import Clicked

    class Endless(Recording):
        """A sound that is made where it is cut, and complains of large cuts."""

        def __init__(self) -> None:
            self.rate, self.channels, self.frames = 4000, 1, 3600 * 4000

        def cut(self, start: float, end: float) -> Sound:
            first, last = round(start * self.rate), min(self.frames, round(end * self.rate))
            assert last - first <= 60 * self.rate
            return Sound(np.zeros((1, last - first)), self.rate)

    write(Clicked(Endless(), Events(np.arange(0.0, 3600, 0.5))), tmp_path / "long.wav", "PCM_16")
    assert Recording(tmp_path / "long.wav").duration == 3600
