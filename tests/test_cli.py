"""The command line: what each verb prints where, its exit code, and help that teaches."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from aural import __version__, registry
from aural.cli import app

TOYS = Path(__file__).parent / "toys"
USE = ["--use", "beat/spectral_flux", "--use", "onset/spectral_flux"]


def aural(*arguments: object, code: int = 0) -> str:
    """What the command prints on stdout."""
    ended = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    assert ended.exit_code == code, ended.output
    return ended.stdout


def errors(*arguments: object, code: int = 2) -> str:
    """What it prints on stderr."""
    ended = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert ended.exit_code == code, ended.output
    return ended.stderr


@pytest.fixture
def song(tmp_path, monkeypatch) -> Path:
    """Three seconds, a burst every half second, in the folder that commands run in."""
    rng = np.random.default_rng(0)
    samples = 1e-3 * rng.standard_normal(24_000)
    for start in range(2000, 23_000, 4000):
        samples[start : start + 400] += 0.5 * rng.standard_normal(400) * np.exp(-np.arange(400) / 100)
    soundfile.write(str(tmp_path / "song.wav"), samples, 8000)
    monkeypatch.chdir(tmp_path)
    return Path("song.wav")


@pytest.fixture
def toys(monkeypatch) -> None:
    monkeypatch.setenv("AURAL_SYSTEMS", str(TOYS))


VERBS = ["analyze", "align-chords", "systems", "show", "run", "train", "adapt", "evaluate", "picture", "doctor", "data list", "data songs"]

# ---- help


@pytest.mark.parametrize("verb", VERBS)
def test_help_has_examples_that_begin_with_the_command(verb):
    text = aural(*verb.split(), "--help")
    examples = text.partition("Examples:\n")[2].splitlines()
    assert examples
    assert any(line.strip().startswith(f"aural {verb}") for line in examples)


def test_every_verb_is_in_this_file():
    listed = aural("--help").partition("Commands:\n")[2].partition("\n\n")[0]
    assert {line.split()[0] for line in listed.splitlines()} == {verb.split()[0] for verb in VERBS}


def test_the_version():
    assert aural("--version") == f"aural {__version__}\n"


def test_a_verb_that_is_not_there():
    assert "analyze" in errors("analyse", "x.wav")


# ---- analyze


def test_analyze_prints_a_summary_and_where_the_report_is(song):
    lines = aural("analyze", song, "-o", "out", *USE).splitlines()
    assert lines[0] == "song.wav · 0:03"
    assert [line.split() for line in lines[2:4]] == [["downbeats", "2"], ["onsets", "6"]]
    assert lines[-1].split() == ["report", "out/song.html"]
    assert "finished before" in aural("analyze", song, "-o", "out", *USE)


def test_progress_stands_on_stderr_and_names_the_device(song):
    assert errors("analyze", song, "-o", "out", *USE, code=0) == "song.wav: done on cpu\n"


def test_quiet_says_nothing(song):
    ended = CliRunner().invoke(app, ["analyze", str(song), "-o", "out", *USE, "--quiet"])
    assert (ended.exit_code, ended.output) == (0, "")
    assert errors("analyze", "missing.wav", "-o", "out", *USE, "--quiet", code=1).startswith("aural: missing.wav: no such file; ")


def test_log_json_is_an_object_a_line(song):
    events = [json.loads(line) for line in errors("analyze", song, "-o", "out", *USE, "--log-json", code=0).splitlines()]
    assert [event["event"] for event in events if event["event"] != "stage"] == ["start", "device", "done", "end"]
    stages = [event["stage"] for event in events if event["event"] == "stage"]
    assert set(stages) >= {"reading", "beats, downbeats", "onsets", "tempo", "tuning", "writing"}
    assert any("chords" in stage for stage in stages)
    assert [stages[0], stages[-1]] == ["reading", "writing"]
    assert {event["device"] for event in events if event["event"] == "stage"} == {"cpu"}


def test_profile_tells_how_long_each_stage_took(song):
    told = errors("analyze", song, "-o", "out", *USE, "--tasks", "beats,onsets", "--profile", "--force", code=0)
    found = re.findall(r"^ +([\d.]+) s +(\d+) %  (.+)$", told, re.MULTILINE)
    assert {stage for *_, stage in found} == {"reading", "beats", "onsets", "writing"}
    assert 97 <= sum(int(share) for _, share, _ in found) <= 103
    assert [float(seconds) for seconds, *_ in found] == sorted((float(seconds) for seconds, *_ in found), reverse=True)


def test_bars_show_file_stage_and_device(song, monkeypatch):
    import io

    from rich.console import Console

    from aural.analysis import analyze
    from aural.cli._progress import Lines

    written = io.StringIO()
    monkeypatch.setattr("rich.console.Console", lambda **_: Console(file=written, force_terminal=True, width=100))
    with Lines() as lines:
        analyze([song, song.parent / "missing.wav"], "out", systems=USE[1::2], listener=lambda e: (lines(e), lines.bars.refresh()))
    shown = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", written.getvalue())
    assert "song.wav  onsets on cpu" in shown
    assert "2 sounds" in shown
    assert "[2/2] missing.wav: failed: no such file" in shown


def test_ctrl_c_is_130(song, monkeypatch):
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("aural.analysis.analyze", stop)
    assert "stopped" in errors("analyze", song, "-o", "out", code=130)


def test_a_bug_keeps_its_traceback(song, monkeypatch):
    monkeypatch.setattr("aural.analysis.analyze", lambda *_: 1 / 0)
    assert isinstance(CliRunner().invoke(app, ["analyze", str(song), "-o", "out"]).exception, ZeroDivisionError)


# ---- systems, show, run


def test_systems_are_listed_with_task_and_paper():
    text = aural("systems")
    for card in registry.cards():
        (line,) = [line for line in text.splitlines() if line.split()[:1] == [card.name]]
        assert card.title.rstrip(".") in line
        assert f"[{card.cites}]" in line or not card.cites


def test_systems_of_one_task_by_its_name_or_field():
    assert "beat/" not in aural("systems", "onset")
    assert aural("systems", "onsets") == aural("systems", "onset")


def test_systems_as_json():
    assert [system["name"] for system in json.loads(aural("systems", "--json"))["systems"]] == registry.names()


def test_show_is_the_card():
    text = aural("show", "beat/boeck11")
    for word in ("[BS11]", "Differs", "decoder", "'bar_pointer'", "Weights"):
        assert word in text
    assert json.loads(aural("show", "beat/boeck11", "--json"))["options"]["layers"] == {"type": "int", "default": "3"}


def test_show_reads_a_weights_file(tmp_path, toys):
    from aural import build, save

    weights = save(build("onset/clicker"), tmp_path / "w.safetensors", licence="Apache-2.0", not_for="anything")
    assert "Apache-2.0" in aural("show", weights)
    assert json.loads(aural("show", weights, "--json"))["weights"]["not_for"] == "anything"


def test_run_prints_a_line_an_event(song):
    rows = [line.split("\t") for line in aural("run", "onset/spectral_flux", song).splitlines()]
    np.testing.assert_allclose([float(row[0]) for row in rows], np.arange(0.25, 2.9, 0.5), atol=0.02)
    assert all(0 < float(row[1]) <= 1 for row in rows)


def test_run_takes_options(song):
    few = aural("run", "onset/spectral_flux", song, "threshold=0.5").splitlines()
    assert len(few) < len(aural("run", "onset/spectral_flux", song).splitlines())


def test_run_as_json_is_one_object(song):
    shutil.copy(song, "other.wav")
    answers = json.loads(aural("run", "onset/spectral_flux", song, "other.wav", "--json"))
    assert list(answers) == ["song.wav", "other.wav"]
    assert answers["song.wav"] == answers["other.wav"]
    assert len(answers["song.wav"]["onsets"]["times"]) == 6


def test_run_writes_files(song):
    assert aural("run", "onset/spectral_flux", song, "-o", "out", "--format", "lab").splitlines() == ["out/song.onsets.lab"]
    assert len(Path("out/song.onsets.lab").read_text().splitlines()) == 6


# ---- train, adapt


@pytest.fixture
def examples(tmp_path) -> Path:
    """A folder of clicks with their onsets beside them."""
    sys.path.insert(0, str(TOYS.parent))
    from toys.made import clicks

    folder = tmp_path / "examples"
    folder.mkdir()
    for i in range(4):
        example = clicks(i)
        example["sound"].write(folder / f"{i}.wav")
        (folder / f"{i}.onsets.csv").write_text("time\n" + "".join(f"{time:.4f}\n" for time in example["onsets"].times))
    return folder


def test_train_then_evaluate_then_adapt(tmp_path, monkeypatch, toys, examples):
    monkeypatch.chdir(tmp_path)
    said = aural("train", "onset/clicker", "channels=4", "--data", examples, "--steps", 2, "-o", "runs/small", "--threads", 1)
    assert said.splitlines()[0] == "weights runs/small/weights.safetensors"
    assert registry.header("runs/small/weights.safetensors")["options"] == {"channels": 4}
    figures = json.loads(aural("evaluate", "runs/small/weights.safetensors", "--on", examples, "--json"))
    assert set(figures) == {"system", "source", "figures"}
    assert figures["figures"]["F25"]["n"] == 4
    assert (
        aural("adapt", "runs/small/weights.safetensors", "--examples", examples).splitlines()[0]
        == "weights onset-clicker.adapted.safetensors"
    )
    assert len(aural("run", "onset-clicker.adapted.safetensors", examples / "0.wav")) >= 0
    adapted = json.loads(aural("evaluate", "onset-clicker.adapted.safetensors", "--on", examples, "--json"))
    assert adapted["figures"]["F50"]["value"] >= figures["figures"]["F50"]["value"]


def test_train_refuses_what_is_no_option(toys):
    assert "chanels" in errors("train", "onset/clicker", "chanels=4", "--data", "songs:0", "-o", "nowhere")
    assert "'fast' is neither" in errors("train", "onset/clicker", "fast")


# ---- evaluate


@pytest.fixture
def answers(tmp_path, monkeypatch) -> tuple[Path, Path]:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    true = np.arange(5, 40, 0.5)
    found = np.sort(true + 0.03 * rng.standard_normal(len(true)))[:-3]
    for name, times in (("true", true), ("found", found)):
        Path(f"{name}.beats").write_text("".join(f"{time:.4f}\t{i % 4 + 1}\n" for i, time in enumerate(times)))
    return Path("true.beats"), Path("found.beats")


def test_two_files_get_the_figures_of_mir_eval(answers):
    import mir_eval

    figures = json.loads(aural("evaluate", *answers, "--json"))
    expected = mir_eval.beat.evaluate(*(np.loadtxt(path)[:, 0] for path in answers))
    assert figures == pytest.approx(dict(expected), abs=1e-6)
    assert f"{expected['F-measure']:.4f}" in aural("evaluate", *answers)


def test_a_system_on_a_source_is_a_table_or_one_object(toys, examples):
    text = aural("evaluate", "onset/spectral_flux", "--on", examples)
    assert "F25" in text
    kept = json.loads(aural("evaluate", "onset/spectral_flux", "threshold=0.9", "--on", examples, "--json", "--limit", 2))
    assert kept["system"] == "onset/spectral_flux threshold=0.9"
    assert kept["figures"]["F25"]["n"] == 2


def test_one_file_alone_is_a_usage_error(answers):
    assert "two files" in errors("evaluate", answers[0])


# ---- data, picture, doctor


def test_data_list_shows_packs_and_what_a_source_holds(monkeypatch, examples):
    monkeypatch.setenv("AURAL_DATA", str(examples.parent))
    assert "examples" in aural("data", "list")
    assert json.loads(aural("data", "list", str(examples), "--json"))["size"] == 4
    monkeypatch.delenv("AURAL_DATA")
    assert "export AURAL_DATA" in aural("data", "list")


def test_data_songs_makes_songs(tmp_path, monkeypatch):
    pytest.importorskip("tinysoundfont")
    monkeypatch.delenv("AURAL_DATA", raising=False)
    monkeypatch.setenv("AURAL_CACHE", str(tmp_path / "cache"))
    calls = []

    def make(folder: str, hours: float, seed: int, *_: object, **more: object) -> int:
        calls.append((folder, hours, seed, more["seconds"]))
        return 3

    monkeypatch.setattr("aural.data.songs.make_songs", make)
    assert aural("data", "songs", "--hours", 0.5, "--seed", 7, "-o", "songs") == "3 songs in songs\n"
    assert calls == [("songs", 0.5, 7, 60.0)]


def test_a_picture_is_a_png_of_the_asked_size(song):
    assert aural("picture", song, "--as", "mel,chroma", "-o", "out").splitlines() == ["out/song.mel.png", "out/song.chroma.png"]
    data = Path("out/song.mel.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(data[16:20], "big") == 150  # 3 s of 50 columns
    aural("picture", song, "-o", "one.png", "--start", 1, "--end", 2, "--width", 100)
    assert int.from_bytes(Path("one.png").read_bytes()[16:20], "big") == 100


def test_doctor_says_what_is_there_and_what_is_missing(monkeypatch):
    from importlib.metadata import PackageNotFoundError

    from aural.cli import _doctor

    found = json.loads(aural("doctor", "--json"))
    assert found["device"].startswith(("cpu", "cuda", "mps"))
    assert all(found["packages"].values())

    def version(name: str) -> str:
        if name == "av":
            raise PackageNotFoundError
        return "1.0"

    monkeypatch.setattr(_doctor, "version", version)
    (line,) = [line for line in aural("doctor").splitlines() if line.split()[:1] == ["av"]]
    assert "missing" in line
    assert "python -m pip install av" in line


def test_doctor_fails_where_nothing_works(monkeypatch):
    from importlib.metadata import PackageNotFoundError

    from aural.cli import _doctor

    def version(name: str) -> str:
        raise PackageNotFoundError

    monkeypatch.setattr(_doctor, "version", version)
    assert "MISSING" in aural("doctor", code=1)


# ---- as a process


def test_a_pipe_that_closes_early_is_no_error(song):
    command = f"{sys.executable} -c 'from aural.cli import main; main()' systems | head -n 1"
    ended = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    assert ended.stderr == ""


def test_the_module_runs_as_the_command_does():
    ended = subprocess.run([sys.executable, "-m", "aural.cli", "show", "beat/boek11"], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "beat/boeck11" in ended.stderr
