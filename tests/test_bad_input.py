"""What is odd is answered; what can't be answered is one message that names the file and the remedy, and stops nothing else."""

from __future__ import annotations

import csv
import errno
import json
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from aural import Example, build, formats, load, save
from aural.analysis import analyze
from aural.cli import app
from aural.errors import WeightsError

PLAIN = ("beat/spectral_flux", "onset/spectral_flux")  # without weights
USE = [word for name in PLAIN for word in ("--use", name)]


def noise(seconds: float, rate: int = 8000, channels: int = 1) -> np.ndarray:
    """(time, channel), with a burst every half second."""
    rng = np.random.default_rng(0)
    samples = 1e-3 * rng.standard_normal((round(seconds * rate), channels))
    for start in range(rate // 4, len(samples) - rate // 20, rate // 2):
        samples[start : start + rate // 20] += 0.3 * rng.standard_normal((rate // 20, channels))
    return samples


def wav(path: Path, samples: np.ndarray | None = None, rate: int = 8000, subtype: str = "PCM_16") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(str(path), noise(2) if samples is None else samples, rate, subtype=subtype)
    return path


def heard(sound: Path, out: Path) -> tuple[Example, tuple[str, ...]]:
    """The fields and notes of a file that must be answered."""
    (outcome,) = analyze(sound, out, systems=PLAIN).outcomes
    assert outcome.status == "done", outcome.reason
    return formats.jams.loads((out / f"{outcome.stem}.jams").read_text(encoding="utf-8")), outcome.notes


def refused(sound: Path | str, out: Path) -> str:
    """Reason and remedy of a file that can't be; the same stand on stderr, without a traceback, and the exit code is 1."""
    (outcome,) = analyze(sound, out, systems=PLAIN).outcomes
    assert outcome.status == "failed"
    assert outcome.remedy
    assert list(out.iterdir()) == []
    ended = CliRunner().invoke(app, ["analyze", str(sound), "-o", str(out), *USE])
    assert ended.exit_code == 1
    assert outcome.reason in ended.stderr
    assert "Traceback" not in ended.stderr
    return f"{outcome.reason}; {outcome.remedy}"


# ---- sounds that can't be read


def test_an_empty_file(tmp_path):
    (tmp_path / "song.wav").touch()
    assert refused(tmp_path / "song.wav", tmp_path / "out") == "the file is empty; copy it again"


def test_text_that_is_called_mp3(tmp_path):
    (tmp_path / "song.mp3").write_text("dear diary, " * 100)
    assert "text, not sound" in refused(tmp_path / "song.mp3", tmp_path / "out")


def test_bytes_that_are_no_sound(tmp_path):
    (tmp_path / "song.flac").write_bytes(np.random.default_rng(0).bytes(5000))
    refused(tmp_path / "song.flac", tmp_path / "out")


def test_a_missing_path(tmp_path):
    assert refused(tmp_path / "nowhere" / "song.wav", tmp_path / "out").startswith("no such file")


def test_midi_given_as_sound(tmp_path):
    (tmp_path / "song.mid").write_bytes(b"MThd" + bytes(200))
    assert "MIDI" in refused(tmp_path / "song.mid", tmp_path / "out")


def test_a_start_past_the_end(tmp_path):
    (outcome,) = analyze(wav(tmp_path / "song.wav"), tmp_path / "out", systems=PLAIN, start=60).outcomes
    assert outcome.reason.startswith("start=60 lies past the end of the sound (2.0 s)")


# ---- sounds that are odd


def test_a_truncated_flac_is_answered_as_far_as_it_goes(tmp_path):
    whole = wav(tmp_path / "whole.flac", noise(20))
    (tmp_path / "song.flac").write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    found, notes = heard(tmp_path / "song.flac", tmp_path / "out")
    assert notes
    assert 15 < len(found["onsets"]) < 26  # of 40


def test_a_header_that_lies_about_its_length_is_not_believed(tmp_path):
    whole = bytearray(wav(tmp_path / "whole.wav", noise(4)).read_bytes())
    at = whole.index(b"data") + 4
    whole[at : at + 4] = struct.pack("<I", 10**9)
    (tmp_path / "song.wav").write_bytes(whole)
    found, notes = heard(tmp_path / "song.wav", tmp_path / "out")
    assert len(found["onsets"]) == 8
    assert any("header" in note for note in notes)
    about = formats.jams.about_of((tmp_path / "out" / "song.jams").read_text(encoding="utf-8"))
    assert about.duration == pytest.approx(4.0, abs=0.01)


@pytest.mark.parametrize("seconds", [0.05, 1 / 8000, 0.0])
def test_a_sound_of_a_moment_has_no_beats(tmp_path, seconds):
    found, _ = heard(wav(tmp_path / "song.wav", noise(1)[: round(seconds * 8000)]), tmp_path / "out")
    assert len(found["beats"]) < 2
    assert "<html" in (tmp_path / "out" / "song.html").read_text(encoding="utf-8")


def test_digital_silence_has_nothing_in_it(tmp_path):
    found, _ = heard(wav(tmp_path / "song.wav", np.zeros(80_000)), tmp_path / "out")
    assert len(found["onsets"]) == len(found["beats"]) == 0
    assert (tmp_path / "out" / "song.beats").read_text() == ""


@pytest.mark.parametrize(
    ("rate", "channels", "subtype"), [(8000, 1, "PCM_U8"), (192_000, 6, "PCM_24"), (44_100, 2, "DOUBLE"), (11_025, 1, "ULAW")]
)
def test_any_rate_width_and_number_of_channels(tmp_path, rate, channels, subtype):
    found, _ = heard(wav(tmp_path / "song.wav", noise(3, rate, channels), rate, subtype), tmp_path / "out")
    onsets = found["onsets"].times
    np.testing.assert_allclose(onsets[onsets > 0.1], np.arange(0.25, 2.9, 0.5), atol=0.03)  # the noise itself begins at 0


def test_channels_that_cancel_are_still_heard(tmp_path):
    one = noise(3)
    found, _ = heard(wav(tmp_path / "song.wav", np.concatenate([one, -one], 1)), tmp_path / "out")
    assert len(found["onsets"]) == 6


def test_samples_that_are_no_numbers_are_silence_and_a_note(tmp_path):
    samples = noise(3)
    samples[9000:9010], samples[9010:9020] = np.nan, np.inf
    found, notes = heard(wav(tmp_path / "song.wav", samples, subtype="FLOAT"), tmp_path / "out")
    assert len(found["onsets"]) >= 6
    assert "samples that are no finite numbers, from 1.125 s on; they are taken as 0" in notes


# ---- names

NAMES = ["04 絆ふぉーえばー", "Песня", "שיר", 'it\'s "quoted" & <b>bold<b>', "a\nb", "-o", "100%", "x=1", "[a]*?", "e\u0301 é", " lead .x"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_is_used_as_it_is(tmp_path, name):
    sound = wav(tmp_path / "in" / f"{name}.wav")
    heard(sound, tmp_path / "out")
    assert (tmp_path / "out" / f"{name}.beats").exists()
    page = (tmp_path / "out" / f"{name}.html").read_text(encoding="utf-8")
    assert "<b>bold" not in page
    kept = json.loads((tmp_path / "out" / f"{name}.jams").read_text(encoding="utf-8"))
    assert kept["file_metadata"]["identifiers"]["file"] == f"{name}.wav"


def test_names_of_a_folder_stand_in_its_tables(tmp_path):
    for name in NAMES:
        wav(tmp_path / "in" / f"{name}.wav", noise(0.2))
    summary = analyze(tmp_path / "in", tmp_path / "out", systems=PLAIN[1:], formats=["jams"], tasks=["onset"])
    assert summary.done == len(NAMES)
    with (tmp_path / "out" / "collection.csv").open(newline="", encoding="utf-8") as file:
        assert {row["file"] for row in csv.DictReader(file)} == {f"{name}.wav" for name in NAMES}
    assert "<b>bold" not in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


@pytest.mark.skipif(os.name != "posix", reason="names are bytes only there")
def test_a_name_that_is_no_utf_8(tmp_path):
    sound = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav"))
    wav(tmp_path / "x.wav").rename(sound)
    (outcome,) = analyze(sound, tmp_path / "out", systems=PLAIN).outcomes
    assert outcome.status == "done"
    ended = CliRunner().invoke(app, ["analyze", str(tmp_path), "-o", str(tmp_path / "out"), *USE])
    assert ended.exit_code == 0


def test_a_title_with_markup_is_text(tmp_path):
    mutagen = pytest.importorskip("mutagen.flac")
    sound = wav(tmp_path / "song.flac")
    tagged = mutagen.FLAC(sound)
    tagged["title"] = "<script>alert(1)</script>"
    tagged.save()
    analyze([sound], tmp_path / "out", systems=PLAIN)
    page = (tmp_path / "out" / "song.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


# ---- folders


def mixed(folder: Path) -> Path:
    """A good sound, a bad one, a good one."""
    wav(folder / "a.wav")
    (folder / "b.wav").write_text("no sound")
    wav(folder / "c.wav")
    return folder


def test_a_bad_file_in_a_folder_does_not_stop_the_others(tmp_path):
    ended = CliRunner().invoke(app, ["analyze", str(mixed(tmp_path / "in")), "-o", str(tmp_path / "out"), *USE])
    assert ended.exit_code == 1
    assert "3 sounds: 2 analyzed, 1 failed" in ended.stdout
    assert "b.wav: text, not sound" in ended.stdout
    assert (tmp_path / "out" / "a.jams").exists()
    assert (tmp_path / "out" / "c.jams").exists()
    assert 'b.wav,"text, not sound' in (tmp_path / "out" / "failures.csv").read_text(encoding="utf-8")


def test_a_repaired_file_leaves_the_list_of_failures(tmp_path):
    analyze(mixed(tmp_path / "in"), tmp_path / "out", systems=PLAIN)
    wav(tmp_path / "in" / "b.wav")
    summary = analyze(tmp_path / "in", tmp_path / "out", systems=PLAIN)
    assert (summary.done, summary.skipped, summary.failed) == (1, 2, 0)
    assert (tmp_path / "out" / "failures.csv").read_text(encoding="utf-8") == "file,reason,remedy\n"


def closed(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Nobody, root neither, may list this folder."""
    scandir = os.scandir

    def refusing(path: Any = ".") -> Any:
        if Path(os.fsdecode(path)) == folder:
            raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)


def test_a_folder_that_can_not_be_read(tmp_path, monkeypatch):
    wav(tmp_path / "in" / "a.wav")
    closed(monkeypatch, tmp_path / "in")
    ended = CliRunner().invoke(app, ["analyze", str(tmp_path / "in"), "-o", str(tmp_path / "out"), *USE])
    assert ended.exit_code == 2
    assert f"{tmp_path / 'in'}: this folder can't be read (Permission denied); check its permissions" in ended.stderr


def test_a_folder_below_that_can_not_be_read_is_a_failure_beside_the_others(tmp_path, monkeypatch):
    wav(tmp_path / "in" / "a.wav")
    wav(tmp_path / "in" / "deep" / "b.wav")
    closed(monkeypatch, tmp_path / "in" / "deep")
    summary = analyze(tmp_path / "in", tmp_path / "out", systems=PLAIN)
    assert [(o.file, o.status) for o in summary.outcomes] == [("a.wav", "done"), ("deep", "failed")]


def test_a_folder_without_sounds(tmp_path):
    (tmp_path / "in").mkdir()
    ended = CliRunner().invoke(app, ["analyze", str(tmp_path / "in"), "-o", str(tmp_path / "out"), *USE])
    assert ended.exit_code == 2
    assert "no sounds in this folder" in ended.stderr


# ---- results that can't be written


def test_a_file_in_the_place_of_the_results(tmp_path):
    (tmp_path / "out").write_text("")
    ended = CliRunner().invoke(app, ["analyze", str(wav(tmp_path / "song.wav")), "-o", str(tmp_path / "out"), *USE])
    assert ended.exit_code == 2
    assert str(tmp_path / "out") in ended.stderr


def test_a_folder_in_the_place_of_one_result(tmp_path):
    (tmp_path / "out" / "a.beats").mkdir(parents=True)
    summary = analyze(mixed(tmp_path / "in"), tmp_path / "out", systems=PLAIN)
    assert [o.status for o in summary.outcomes] == ["failed", "failed", "done"]
    assert "a folder has this name" in summary.outcomes[0].reason


def full(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """A disk on which only so many more bytes fit."""
    write = Path.write_bytes
    left = [room]

    def writing(path: Path, data: bytes) -> int:
        if len(data) > left[0]:
            write(path, data[: left[0]])
            raise OSError(errno.ENOSPC, "No space left on device")
        left[0] -= len(data)
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", writing)


def whole(out: Path) -> None:
    """Every file here is one that was finished."""
    for path in out.rglob("*"):
        assert not path.name.endswith(".part")
        if path.suffix == ".jams":
            assert json.loads(path.read_text(encoding="utf-8"))["sandbox"]["aural"]["finished"]
        if path.suffix == ".html":
            assert path.read_text(encoding="utf-8").rstrip().endswith("</html>")


def test_a_full_disk_leaves_no_half_file_and_a_second_run_finishes(tmp_path):
    sound, out = wav(tmp_path / "song.wav"), tmp_path / "out"
    analyze(sound, tmp_path / "sizes", systems=PLAIN)
    sizes = [path.stat().st_size for path in sorted((tmp_path / "sizes").iterdir())]
    for room in (0, sizes[0] + 1, sum(sizes) - 1):
        with pytest.MonkeyPatch.context() as monkeypatch:
            full(monkeypatch, room)
            (outcome,) = analyze(sound, out, systems=PLAIN).outcomes
        assert outcome.status == "failed"
        assert "No space left on device" in outcome.reason
        assert "free some space" in outcome.remedy
        whole(out)
        assert not (out / "song.jams").exists()
    assert analyze(sound, out, systems=PLAIN).done == 1
    assert {p.name: p.read_bytes() for p in out.iterdir()} == {p.name: p.read_bytes() for p in (tmp_path / "sizes").iterdir()}


# ---- names of the house


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["analyze", "song.wav", "-o", "out", "--tasks", "beets"], "'beets'. Nearest: beat"),
        (["analyze", "song.wav", "-o", "out", "--use", "beat/boek11"], "beat/boeck11"),
        (["analyze", "song.wav", "-o", "out", "--format", "jamz"], "jams"),
        (["analyze", "song.wav", "-o", "out", *USE, "--device", "cuda:99"], "cuda:99"),
        (["show", "onset/schluter13"], "onset/schlueter13"),
        (["systems", "onsett"], "onset"),
        (["run", "onset/spectral_flux", "song.wav", "lagg=3"], "lag"),
        (["run", "onset/spectral_flux", "song.wav", "lag=a"], "lag"),
        (["run", "onset/spectral_flux", "missing.wav"], "missing.wav: no such file"),
        (["evaluate", "onset/spectral_flux", "--on", "./nowhere"], "nowhere: no such folder"),
        (["evaluate", "a.beats", "b.beats"], "a.beats: no such file"),
        (["picture", "song.wav", "--as", "mell"], "mel"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_is_unknown_is_told_with_what_is_near(tmp_path, monkeypatch, arguments, says):
    wav(tmp_path / "song.wav")
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(app, arguments)
    assert ended.exit_code == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith("aural: ")
    assert says in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


# ---- weights


@pytest.fixture
def weights(tmp_path, monkeypatch) -> Path:
    """Weights of a toy."""
    monkeypatch.setenv("AURAL_SYSTEMS", str(Path(__file__).parent / "toys"))
    return save(build("onset/clicker"), tmp_path / "clicker.safetensors")


def using(weights: Path, tmp_path: Path) -> Any:
    return CliRunner().invoke(
        app, ["analyze", str(wav(tmp_path / "song.wav")), "-o", str(tmp_path / "out"), "--use", str(weights), "--tasks", "onset"]
    )


def test_good_weights_are_taken(tmp_path, weights):
    assert using(weights, tmp_path).exit_code == 0


@pytest.mark.parametrize("damage", ["cut", "bit", "header", "empty"])
def test_damaged_weights_are_refused(tmp_path, weights, damage):
    data = bytearray(weights.read_bytes())
    if damage == "bit":
        data[-20] ^= 1
    weights.write_bytes({"cut": data[: len(data) // 2], "bit": data, "header": data[:40], "empty": b""}[damage])
    with pytest.raises(WeightsError, match="get the file again"):
        load(weights)
    ended = using(weights, tmp_path)
    assert ended.exit_code == 2
    assert f"{weights}: damaged" in ended.stderr
    assert "Traceback" not in ended.stderr


class Bomb:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return Path.touch, (Path("exploded"),)


@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL, "zip"])
@pytest.mark.parametrize("name", ["clicker.safetensors", "clicker.pt"])
def test_a_pickle_is_never_opened(tmp_path, weights, monkeypatch, protocol, name):
    monkeypatch.chdir(tmp_path)
    given = tmp_path / name
    if protocol == "zip":
        import torch

        torch.save({"bomb": Bomb()}, given)
    else:
        given.write_bytes(pickle.dumps(Bomb(), protocol))
    with pytest.raises(WeightsError, match="pickle"):
        load(given)
    ended = using(given, tmp_path)
    assert ended.exit_code == 2
    assert "pickle" in ended.stderr
    assert not Path("exploded").exists()


def test_weights_that_are_missing_say_how_to_get_some(tmp_path, monkeypatch):
    monkeypatch.setenv("AURAL_SYSTEMS", str(Path(__file__).parent / "toys"))
    ended = CliRunner().invoke(app, ["run", "onset/clicker", str(wav(tmp_path / "song.wav"))])
    assert ended.exit_code == 2
    assert "aural train onset/clicker" in ended.stderr


def test_safetensors_of_somebody_else(tmp_path):
    import torch
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="not of aural"):
        load(tmp_path / "other.safetensors")
