"""Analysis of files and folders: what is written, under which names, and what is done twice (nothing)."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from aural import Events, analysis, formats, tasks
from aural.analysis import analyze
from aural.analysis._places import find
from aural.errors import AuralError, OptionError, OutputError, UnknownName

PLAIN = ("beat/spectral_flux", "onset/spectral_flux")  # without weights


def clicks(path: Path, seconds: float = 3.0, rate: int = 8000, seed: int = 0, subtype: str = "PCM_16") -> Path:
    """Two noise bursts a second, from 0.25 s on."""
    rng = np.random.default_rng(seed)
    samples = 1e-3 * rng.standard_normal(round(seconds * rate))
    for time in np.arange(0.25, seconds - 0.1, 0.5):
        start = round(time * rate)
        samples[start : start + 400] += 0.5 * rng.standard_normal(400) * np.exp(-np.arange(400) / 100)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(str(path), samples, rate, subtype=subtype)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# ---- one file


def test_a_file_gives_jams_beats_onsets_and_a_page(tmp_path):
    summary = analyze(clicks(tmp_path / "song.wav"), tmp_path / "out", systems=PLAIN)
    assert (summary.done, summary.skipped, summary.failed) == (1, 0, 0)
    assert set(contents(tmp_path / "out")) == {
        "song.jams",
        "song.beats",
        "song.chords.lab",
        "song.key.lab",
        "song.melody.csv",
        "song.notes.mid",
        "song.onsets.csv",
        "song.tempo.json",
        "song.html",
    }
    assert summary.page == tmp_path / "out" / "song.html"
    onsets = formats.read(tmp_path / "out" / "song.onsets.csv", Events)
    np.testing.assert_allclose(onsets.times, np.arange(0.25, 2.9, 0.5), atol=0.02)
    kept = formats.jams.loads((tmp_path / "out" / "song.jams").read_text(encoding="utf-8"))
    np.testing.assert_allclose(kept["onsets"].times, onsets.times, atol=1e-6)
    assert len(kept["beats"]) == len((tmp_path / "out" / "song.beats").read_text().splitlines())


def test_the_jams_says_how_it_was_made(tmp_path):
    analyze(clicks(tmp_path / "song.wav"), tmp_path / "out", systems=PLAIN)
    jam = json.loads((tmp_path / "out" / "song.jams").read_text(encoding="utf-8"))
    made = jam["sandbox"]["aural"]
    flux = {"beats": "beat/spectral_flux", "downbeats": "beat/spectral_flux", "onsets": "onset/spectral_flux"}
    told = {name: words.split(" ")[0] for name, words in made["systems"].items()}
    trunk = dict.fromkeys(("notes", "melody", "melody_notes", "bass"), "note/pitch")
    rest = {task.makes: task.default for task in map(tasks.task, ("chord", "key", "tempo", "tuning"))}
    assert told == {**flux, **trunk, **rest}
    assert "sha256" in made["systems"]["chords"]
    assert made["decoder"].startswith("libsndfile")
    assert jam["file_metadata"]["duration"] == 3.0
    assert jam["file_metadata"]["identifiers"] == {"file": "song.wav"}


def test_the_jams_is_valid(tmp_path):
    jams = pytest.importorskip("jams")
    analyze(clicks(tmp_path / "song.wav"), tmp_path / "out", systems=PLAIN)
    loaded = jams.load(str(tmp_path / "out" / "song.jams"), validate=True, strict=True)
    assert {annotation.namespace for annotation in loaded.annotations} == {
        "beat", "chord", "key_mode", "note_midi", "onset", "pitch_contour", "tempo"
    }  # fmt: skip


def test_every_format_asked_for_is_written(tmp_path):
    analyze(clicks(tmp_path / "song.wav"), tmp_path / "out", systems=PLAIN, formats=[*formats.FORMATS])
    names = set(contents(tmp_path / "out"))
    assert {"song.mid", "song.jams", "song.beats", "song.beats.csv", "song.onsets.csv"} <= names
    assert "song.html" not in names


def test_the_page_shows_which_view_argued_for_each_bar_line(tmp_path):
    used = ["beat/spectral_flux", "downbeat/durand17"]
    analyze(clicks(tmp_path / "song.wav", seconds=8.0), tmp_path / "out", ["beats", "downbeats"], used, ["jams", "html"])
    page = (tmp_path / "out" / "song.html").read_text(encoding="utf-8")
    assert "who argued" in page
    assert "downbeats_views" not in (tmp_path / "out" / "song.jams").read_text(encoding="utf-8")


def test_one_task_alone(tmp_path):
    analyze(clicks(tmp_path / "song.wav"), tmp_path / "out", ["onsets"], PLAIN[1:], ["jams"])
    assert set(contents(tmp_path / "out")) == {"song.jams", "song.onsets.csv"}


def test_times_of_a_part_count_from_the_start_of_the_file(tmp_path):
    sound = clicks(tmp_path / "song.wav", seconds=6.0)
    analyze(sound, tmp_path / "all", ["onset"], PLAIN[1:], ["jams"])
    analyze(sound, tmp_path / "part", ["onset"], PLAIN[1:], ["jams", "html"], start=2.0, end=4.5)
    whole, part = (formats.read(tmp_path / name / "song.onsets.csv", Events).times for name in ("all", "part"))
    np.testing.assert_allclose(part, whole[(whole > 2) & (whole < 4.5)], atol=0.011)  # to a frame
    assert "0 on it is 2 s in song.wav" in (tmp_path / "part" / "song.html").read_text(encoding="utf-8")


def test_a_long_sound_is_read_where_it_is_cut_and_answers_alike(tmp_path, monkeypatch):
    sound = clicks(tmp_path / "song.wav", seconds=70.0, rate=2000)
    analyze(sound, tmp_path / "held", ["onset"], PLAIN[1:], ["csv"])
    monkeypatch.setattr(analysis._sounds, "HELD", 0)
    analyze(sound, tmp_path / "cut", ["onset"], PLAIN[1:], ["csv"])
    assert contents(tmp_path / "held") == contents(tmp_path / "cut")
    analyze(sound, tmp_path / "part", ["onset"], PLAIN[1:], ["csv"], start=10, end=65)
    part = formats.read(tmp_path / "part" / "song.onsets.csv", Events).times
    for time in np.arange(10.25, 65, 0.5):
        assert np.abs(part - time).min() < 0.02
    assert part.min() > 10
    assert part.max() < 65


def test_the_page_holds_the_sound_or_a_link_to_it(tmp_path):
    sound = clicks(tmp_path / "my songs" / "song.wav")
    analyze(sound, tmp_path / "out", systems=PLAIN, embed=False)
    linked = (tmp_path / "out" / "song.html").read_text(encoding="utf-8")
    assert "../my%20songs/song.wav" in linked
    analyze(sound, tmp_path / "out", systems=PLAIN, embed=True)
    assert len((tmp_path / "out" / "song.html").read_text(encoding="utf-8")) > len(linked) + 2000


def test_a_weights_file_and_options_name_systems(tmp_path):
    from aural import build, save

    save(build("onset/spectral_flux", lag=2), tmp_path / "mine.safetensors")
    sound = clicks(tmp_path / "song.wav")
    analyze(sound, tmp_path / "a", ["onset"], [str(tmp_path / "mine.safetensors")], ["csv"])
    analyze(sound, tmp_path / "b", ["onset"], ["onset/spectral_flux lag=2"], ["csv"])
    assert (tmp_path / "a" / "song.onsets.csv").read_bytes() == (tmp_path / "b" / "song.onsets.csv").read_bytes()


def test_a_system_reads_what_another_made_just_before(tmp_path, monkeypatch):
    import torch

    from aural import build, save

    monkeypatch.setenv("AURAL_SYSTEMS", str(Path(__file__).parent / "toys"))
    torch.manual_seed(0)
    weights = save(build("downbeat/beatwise"), tmp_path / "beatwise.safetensors")
    analyze(clicks(tmp_path / "song.wav"), tmp_path / "out", ["beats"], [str(weights), PLAIN[0]], ["jams"])
    kept = formats.jams.loads((tmp_path / "out" / "song.jams").read_text(encoding="utf-8"))
    assert len(kept["beats"]) > 3
    assert set(kept["downbeats"].times) <= set(kept["beats"].times)


def test_beats_that_the_net_hardly_believed_in_are_doubted():
    confidence = np.full(40, 0.8)
    confidence[10:16] = 0.05
    times = np.concatenate([np.arange(30) * 0.5, 20 + np.arange(10) * 0.5])
    found = analysis._tables.doubts({"beats": Events(times, None, confidence)}, 30.0)
    assert found == [(5.0, 8.0, "beats unsure"), (14.5, 20.0, "no beats heard")]


# ---- names


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Sounds of equal names here and there; nothing is read, so they are empty."""
    for name in ("a/song.wav", "a/song.mp3", "b/song.wav", "b/deep/x.flac", "index.ogg", "notes.txt", ".hidden.wav", ".git/y.wav"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stems(*given: str) -> list[str]:
    return [place.stem for place in find(given)[0]]


def test_folders_below_a_folder_are_kept(folder):
    assert stems(".") == ["a/song.mp3", "a/song.wav", "b/deep/x", "b/song", "index.ogg"]


def test_sounds_of_one_name_in_two_folders_do_not_meet(folder):
    assert stems("a/song.wav", "b/song.wav") == ["a/song", "b/song"]
    assert stems("a", "b") == ["a/song.mp3", "a/song.wav", "b/deep/x", "b/song"]


def test_a_sound_alone_has_its_own_name(folder):
    assert stems("a/song.wav") == ["song"]
    assert stems("b/deep") == ["x"]


def test_a_pattern_keeps_what_lies_below_its_fixed_part(folder):
    assert stems("*/song.wav") == ["a/song", "b/song"]
    assert stems("b/**/*.flac") == ["deep/x"]


def test_a_sound_given_twice_is_one(folder):
    assert stems("a/song.wav", "./a/song.wav", str(folder / "a")) == ["song.wav", "song.mp3"]


def test_names_that_differ_only_in_case_do_not_meet(folder):
    (folder / "c").mkdir()
    for name in ("Take.wav", "take.flac"):
        (folder / "c" / name).touch()
    assert stems("c") == ["Take.wav", "take.flac"]


def test_nothing_found_is_an_error_that_names_it(folder):
    (folder / "empty").mkdir()
    with pytest.raises(AuralError, match="empty: no sounds in this folder"):
        find(["empty"])
    with pytest.raises(AuralError, match=r"\*\.aiff: nothing matches"):
        find(["*.aiff"])


# ---- folders


def test_a_folder_gives_a_table_failures_and_an_index(tmp_path):
    clicks(tmp_path / "in" / "a.wav")
    clicks(tmp_path / "in" / "deep" / "b.flac", seconds=4.0)
    (tmp_path / "in" / "c.wav").write_bytes(b"")
    summary = analyze(tmp_path / "in", tmp_path / "out", systems=PLAIN)
    assert (summary.done, summary.failed) == (2, 1)
    assert summary.page == tmp_path / "out" / "index.html"
    table = rows(tmp_path / "out" / "collection.csv")
    assert [(row["file"], row["status"]) for row in table] == [("a.wav", "done"), ("c.wav", "failed"), ("deep/b.flac", "done")]
    rhythm, harmony = ["bpm", "bpm2", "bpm_confidence", "grid", "metre", "metre_changes"], ["key", "camelot", "tuning"]
    assert list(table[0]) == [
        "file",
        "title",
        "artist",
        "duration",
        *rhythm,
        *harmony,
        "bass",
        "beats",
        "chords",
        "downbeats",
        "melody_notes",
        "notes",
        "onsets",
        "confidence",
        "loudness",
        "status",
    ]
    assert (table[0]["duration"], table[0]["onsets"], table[2]["duration"]) == ("3.0", "6", "4.0")
    (failure,) = rows(tmp_path / "out" / "failures.csv")
    assert failure == {"file": "c.wav", "reason": "the file is empty", "remedy": "copy it again"}
    index = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "a.html" in index
    assert "deep/b.html" in index
    assert "the file is empty" in index


def test_a_folder_gives_the_same_bytes_wherever_and_whenever(tmp_path):
    for name in ("a.wav", "b/a.wav"):
        clicks(tmp_path / "in" / name, seed=len(name))
    analyze(tmp_path / "in", tmp_path / "x", systems=PLAIN)
    for path in (tmp_path / "in").rglob("*.wav"):
        os.utime(path, (1, 1))
    analyze(tmp_path / "in", tmp_path / "y", systems=PLAIN)
    assert contents(tmp_path / "x") == contents(tmp_path / "y")
    analyze(tmp_path / "in", tmp_path / "y", systems=PLAIN)  # skipped
    assert contents(tmp_path / "x") == contents(tmp_path / "y")
    analyze(tmp_path / "in" / "b" / "a.wav", tmp_path / "some" / "where", systems=PLAIN)
    assert contents(tmp_path / "some" / "where") == contents(tmp_path / "y" / "b")


# ---- nothing twice


def again(sound: Path, out: Path, **more: object) -> str:
    (outcome,) = analyze(sound, out, **{"systems": PLAIN, **more}).outcomes  # type: ignore[arg-type]
    return outcome.status


def test_what_is_finished_is_skipped_until_something_changes(tmp_path):
    sound, out = clicks(tmp_path / "song.wav"), tmp_path / "out"
    assert again(sound, out) == "done"
    os.utime(sound, (1, 1))  # a time stamp says nothing
    assert again(sound, out) == "skipped"
    assert again(sound, out, force=True) == "done"
    assert again(sound, out, formats=["jams", "html", "midi"]) == "done"
    assert again(sound, out, formats=["jams", "html", "midi"]) == "skipped"
    assert again(sound, out, start=1.0) == "done"
    assert again(sound, out, systems=[PLAIN[0], "onset/spectral_flux lag=2"]) == "done"
    clicks(sound, seed=1)
    assert again(sound, out, systems=[PLAIN[0], "onset/spectral_flux lag=2"]) == "done"


def test_a_page_whose_link_has_died_is_made_again(tmp_path):
    sound, out = clicks(tmp_path / "song.wav"), tmp_path / "out"
    again(sound, out, embed=False)
    beside, below = tmp_path / "beside", tmp_path / "deep" / "below"
    below.parent.mkdir()
    assert again(sound, out.rename(beside), embed=False) == "skipped"
    assert again(sound, beside.rename(below), embed=False) == "done"


def test_a_file_that_was_taken_away_is_made_again(tmp_path):
    sound, out = clicks(tmp_path / "song.wav"), tmp_path / "out"
    again(sound, out)
    (out / "song.beats").unlink()
    assert again(sound, out) == "done"
    assert (out / "song.beats").exists()


def test_new_weights_are_something_new(tmp_path, monkeypatch):
    import torch

    from aural import build, save

    monkeypatch.setenv("AURAL_SYSTEMS", str(Path(__file__).parent / "toys"))
    sound, out = clicks(tmp_path / "song.wav"), tmp_path / "out"
    statuses = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        weights = save(build("onset/clicker"), tmp_path / "clicker.safetensors")
        statuses.append(again(sound, out, tasks=["onset"], systems=[str(weights)]))
    assert statuses == ["done", "skipped", "done"]


def test_a_new_default_that_others_read_is_something_new(tmp_path, monkeypatch):
    from aural.analysis import _plan

    def made_by() -> str:
        return _plan.plan_of(["chord"], ["chord/sheh03"], ["jams"], None, None, "cpu", 1, True, tmp_path).made_by

    before, identity = made_by(), _plan.identity
    assert made_by() == before
    monkeypatch.setattr(_plan, "identity", lambda name: ("another", "", "") if name == tasks.task("beat").default else identity(name))
    assert made_by() != before


def test_skipping_tells_the_same_as_analyzing(tmp_path):
    sound, out = clicks(tmp_path / "song.wav"), tmp_path / "out"
    first, second = (analyze(sound, out, systems=PLAIN).outcomes[0] for _ in range(2))
    assert (first.status, second.status) == ("done", "skipped")
    assert first.row == second.row


# ---- stopped


KILLED = """
import os, signal, sys
from pathlib import Path
from aural.analysis import _one, analyze

left, write = int(sys.argv[3]), Path.write_bytes

def cut_short(path, data):
    global left
    left -= 1
    if left:
        return write(path, data)
    write(path, data[: len(data) // 2])
    os.kill(os.getpid(), signal.SIGKILL)

Path.write_bytes = cut_short
analyze(sys.argv[1], sys.argv[2], systems=("beat/spectral_flux", "onset/spectral_flux"))
"""


def test_killed_in_the_middle_of_a_file_no_half_file_is_left_and_a_second_run_finishes(tmp_path, monkeypatch):
    for name in ("a.wav", "b.wav", "c.wav"):
        clicks(tmp_path / "in" / name, seed=ord(name[0]))
    out = tmp_path / "out"
    # Nine files of the first sound, then the second of the second sound.
    ended = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "in", out, "11"], capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    left = contents(out)
    halves = [name for name in left if Path(name).name.startswith(".aural-")]
    assert len(halves) == 1
    analyze(tmp_path / "in", tmp_path / "whole", systems=PLAIN)
    whole = contents(tmp_path / "whole")
    assert {name: whole[name] for name in left if name not in halves} == {name: data for name, data in left.items() if name not in halves}
    assert {"a.jams", "b.beats"} <= set(left)
    assert "b.jams" not in left
    monkeypatch.setattr(analysis._places, "STALE", -1.0)
    summary = analyze(tmp_path / "in", out, systems=PLAIN)
    assert (summary.done, summary.skipped) == (2, 1)
    assert contents(out) == whole


def test_stopped_by_ctrl_c_what_is_finished_is_kept(tmp_path):
    for name in ("a.wav", "b.wav"):
        clicks(tmp_path / "in" / name)

    def stop(event: dict) -> None:
        if event["event"] == "stage" and event["file"] == "b.wav" and event["stage"] == "writing":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyze(tmp_path / "in", tmp_path / "out", systems=PLAIN, listener=stop)
    assert {name.split(".")[0] for name in contents(tmp_path / "out")} == {"a"}
    assert analyze(tmp_path / "in", tmp_path / "out", systems=PLAIN).skipped == 1


# ---- processes

MORTAL = '''
"""A toy that dies of loud sounds.

Paper     none
Survey    none
In        sound
Out       onsets
Differs   nothing to differ from
"""
import os
from torch import nn
from aural.encodings import FrameEvents
from aural.representations import LogMel
from aural.system import System, system
from aural.tasks.onset import onset


@system()
def mortal() -> System:
    return System(task=onset, input=LogMel(8000, 80, 256, 16), net=Mortal(), output=FrameEvents(of="onsets"))


class Mortal(nn.Module):
    def forward(self, x):
        if x.amax() > 1:
            os._exit(9)
        return x.mean(-2) - 10
'''


def test_a_process_that_dies_takes_one_file_with_it(tmp_path, monkeypatch):
    system = tmp_path / "systems" / "onset" / "mortal.py"
    system.parent.mkdir(parents=True)
    system.write_text(MORTAL)
    monkeypatch.setenv("AURAL_SYSTEMS", str(tmp_path / "systems"))
    for name, loud in (("a", 0.001), ("b", 1.0), ("c", 0.001), ("d", 0.001)):
        (tmp_path / "in").mkdir(exist_ok=True)
        soundfile.write(str(tmp_path / "in" / f"{name}.wav"), loud * np.random.default_rng(0).uniform(-1, 1, 8000), 8000)
    heard: list[dict] = []
    summary = analyze(tmp_path / "in", tmp_path / "out", ["onset"], ["onset/mortal"], ["jams"], jobs=2, listener=heard.append)
    assert [outcome.status for outcome in summary.outcomes] == ["done", "failed", "done", "done"]
    assert "exit code 9" in summary.outcomes[1].reason
    assert {event["file"] for event in heard if event["event"] == "stage"} == {"a.wav", "b.wav", "c.wav", "d.wav"}
    assert heard[-1] == {"event": "end", "done": 3, "skipped": 0, "failed": 1}


# ---- what is refused


@pytest.mark.parametrize(
    ("asked", "error", "says"),
    [
        ({"tasks": ["beets"]}, UnknownName, "beat"),
        ({"systems": ["onset/spectral_fux"]}, UnknownName, "onset/spectral_flux"),
        ({"systems": [*PLAIN, "onset/spectral_flux lags=2"]}, AuralError, "lag"),
        ({"systems": [*PLAIN, "onset/spectral_flux lag=two"]}, OptionError, "lag"),
        ({"formats": ["jam"]}, UnknownName, "jams"),
        ({"tasks": ["pitch"]}, AuralError, "no system answers"),
        ({"start": 2.0, "end": 1.0}, OptionError, "start=2"),
        ({"device": "cuda:77"}, OptionError, "cuda:77"),
        ({"systems": ["onset/spectral_flux", "onset/spectral_flux lag=2"]}, OptionError, "choose one of them"),
        ({"threads": 0}, OptionError, "threads=0"),
    ],
    ids=str,
)
def test_what_is_not_there_is_refused_before_anything_is_written(tmp_path, asked, error, says):
    with pytest.raises(error, match=says):
        analyze(clicks(tmp_path / "song.wav"), tmp_path / "out", **{"systems": PLAIN, **asked})
    assert contents(tmp_path / "out") == {}


def test_a_folder_that_can_not_be_written_to_is_refused(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="choose another folder"):
        analyze(clicks(tmp_path / "song.wav"), tmp_path / "out", systems=PLAIN)


def test_torch_keeps_its_threads(tmp_path):
    import torch

    before = torch.get_num_threads()
    analyze(clicks(tmp_path / "song.wav"), tmp_path / "out", systems=PLAIN, threads=before + 1)
    assert torch.get_num_threads() == before

    def tired(event: dict) -> None:
        if event["event"] == "done":
            raise ValueError("no more")

    torch.set_num_threads(before + 1)
    try:
        with pytest.raises(ValueError, match="no more") as told:  # which keeps what was under way
            analyze(tmp_path / "song.wav", tmp_path / "out", systems=PLAIN, listener=tired, force=True)
        assert told.value.__traceback__ is not None
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.slow
def test_three_hours_need_hardly_more_memory_than_one(tmp_path):
    """Peak resident memory of a process each: two more hours of samples would be 0.7 GB, at the rate of the system 1.3."""
    code = """
import resource, sys
from aural.analysis import analyze
analyze(sys.argv[1], sys.argv[2], ["onset"], ["onset/spectral_flux"])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    minute, peaks = soundfile.read(str(clicks(tmp_path / "minute.wav", 60.0, 24_000)))[0], []
    for hours in (1, 3):
        sound = tmp_path / f"{hours}.wav"
        with soundfile.SoundFile(str(sound), "w", 24_000, 1) as file:
            for _ in range(60 * hours):  # by blocks: a child's peak begins with its parent's
                file.write(minute)
        out = subprocess.run([sys.executable, "-c", code, sound, tmp_path / "out"], check=True, capture_output=True, text=True)
        peaks.append(int(out.stdout.split()[-1]) / 1024)
        sound.unlink()
    assert max(peaks) < 1500, peaks
    assert peaks[1] - peaks[0] < 400, peaks
