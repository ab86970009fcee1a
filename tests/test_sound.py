"""Sounds cut, resample and mix; files of every kind give what is really in them, at the right time, or one clear error."""

from __future__ import annotations

import builtins
import errno
import math
import multiprocessing
import os
import pickle
import shutil
import struct
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile

from aural import sound as module
from aural.errors import OutputError, SoundError
from aural.sound import Recording, Sound, loudness, read, replacing, write, write_file

RATE = 44_100


def clicks(seconds: float = 3.2, rate: int = RATE, channels: int = 2) -> Sound:
    """Short 2 kHz bursts twice a second; the channels differ in level."""
    samples = np.zeros((channels, round(seconds * rate)), np.float32)
    burst = 0.8 * np.sin(2 * np.pi * 2000 * np.arange(round(0.01 * rate)) / rate) * np.exp(-np.arange(round(0.01 * rate)) / (0.002 * rate))
    for start in np.arange(0.25, seconds - 0.1, 0.5):
        samples[:, round(start * rate) :][:, : len(burst)] += burst
    return Sound(samples * np.linspace(1, 0.5, channels)[:, None], rate)


def lag(sound: Sound, other: Sound) -> float:
    """Seconds that a sound is later than another, by their cross-correlation."""
    a, b = sound.at(other.rate).samples[0].astype(float), other.samples[0].astype(float)
    n = 1 << (len(a) + len(b)).bit_length()
    correlation = np.fft.irfft(np.fft.rfft(a, n) * np.conj(np.fft.rfft(b, n)), n)
    at = int(np.argmax(correlation))
    return (at - n if at > n // 2 else at) / other.rate


def needs(program: str) -> str:
    """The program, or the test is skipped."""
    found = shutil.which(program)
    if not found:
        pytest.skip(f"{program} is not installed")
    return found


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clicks") / "clicks.wav"
    write(clicks(), path, "PCM_16")
    return path


def encoded(original: Path, name: str, *options: str) -> Path:
    """The clicks through FFmpeg's or (name "lame…") LAME's encoder."""
    path = original.with_name(name)
    if not path.exists():
        if name.startswith("lame"):
            command = [needs("lame"), "--quiet", *options, str(original), str(path)]
        else:
            command = [needs("ffmpeg"), "-v", "error", "-i", str(original), *options, str(path)]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip(f"no encoder for {name}")
    return path


# ---- Sound


def test_a_cut_is_counted_in_the_nearest_samples():
    sound = Sound(np.arange(10.0), 10)
    assert sound.cut(0.19, 0.51).samples.tolist() == [[2, 3, 4]]
    assert sound.cut(-1, 0.1).samples.tolist() == [[0]]
    assert sound.cut(0.8, math.inf).samples.tolist() == [[8, 9]]


def test_channels_that_cancel_give_the_louder_one():
    left = np.sin(np.arange(1000.0))
    mono = Sound(np.stack([0.5 * left, -0.51 * left]), RATE).mono()
    np.testing.assert_allclose(mono.samples[0], -0.51 * left, atol=1e-6)
    np.testing.assert_allclose(Sound(np.stack([left, 0 * left]), RATE).mono().samples[0], left / 2, atol=1e-6)


@pytest.mark.parametrize(("rate", "to"), [(44_100, 22_050), (8_000, 44_100), (192_000, 44_100)])
def test_a_tone_keeps_pitch_and_length_at_another_rate(rate, to):
    tone = Sound(np.sin(2 * np.pi * 440 * np.arange(rate) / rate), rate).at(to)
    assert tone.samples.shape == (1, to)
    inner = slice(to // 10, -to // 10)
    np.testing.assert_allclose(tone.samples[0, inner], np.sin(2 * np.pi * 440 * np.arange(to) / to)[inner], atol=2e-3)


def test_blocks_are_the_whole():
    sound = clicks(1.05, channels=2)
    blocks = list(sound.blocks(0.3))
    assert [block.frames for block in blocks] == [13230, 13230, 13230, 6615]
    np.testing.assert_array_equal(np.concatenate([block.samples for block in blocks], -1), sound.samples)


# ---- the same take in every format


FORMATS = {
    "clicks.flac": (),
    "clicks.ogg": ("-c:a", "libvorbis"),
    "clicks.opus": ("-c:a", "libopus"),
    "clicks.mp3": ("-b:a", "128k"),
    "bare.mp3": ("-b:a", "128k", "-write_xing", "0"),
    "lame.mp3": ("-b", "128"),
    "lame-vbr.mp3": ("-V2",),
    "lame-bare.mp3": ("-b", "128", "-t"),
    "clicks.m4a": ("-c:a", "aac"),
    "no-edit-list.m4a": ("-c:a", "aac", "-use_editlist", "0"),
    "lossless.m4a": ("-c:a", "alac"),
    "clicks.aac": ("-c:a", "aac"),
    "clicks.mp4": ("-c:a", "aac"),
    "clicks.ts": ("-c:a", "aac"),
    "clicks.webm": ("-c:a", "libopus"),
    "clicks.mka": ("-c:a", "libvorbis"),
    "mp3.mka": ("-c:a", "libmp3lame"),
    "clicks.wma": ("-c:a", "wmav2"),
    "clicks.ac3": ("-c:a", "ac3"),
}
# The length of the original is told by the file; in the others the encoder's padding at the end remains.
EXACT = {"clicks.flac", "clicks.ogg", "clicks.opus", "clicks.mp3", "lame.mp3", "lame-vbr.mp3", "clicks.m4a", "lossless.m4a", "clicks.mp4"}


@pytest.mark.parametrize("name", FORMATS)
def test_clicks_come_back_within_a_millisecond(original, name):
    if name.split(".")[-1] not in ("flac", "ogg", "opus", "mp3"):
        pytest.importorskip("av")
    recording, true = Recording(encoded(original, name, *FORMATS[name])), read(original)
    whole = recording.read()
    assert abs(lag(whole, true)) < 0.001
    assert whole.channels == 2
    assert whole.frames == recording.frames
    if name in EXACT:
        assert abs(recording.duration - true.duration) < 1e-4
    else:
        assert -0.01 < recording.duration - true.duration < 0.1


@pytest.mark.parametrize("name", FORMATS)
def test_a_cut_is_the_same_part_of_the_whole(original, name):
    if name.split(".")[-1] not in ("flac", "ogg", "opus", "mp3"):
        pytest.importorskip("av")
    recording = Recording(encoded(original, name, *FORMATS[name]))
    whole = recording.read()
    tolerance = {"clicks.opus": 5e-3, "clicks.ac3": 2e-2}.get(name, 1e-3)  # one has a long memory, one fills with noise
    for start, end in ((0.0, 0.4), (1.1, 1.9), (2.5, 9.0), *((t, t + 0.1) for t in np.arange(0.2, 3.0, 0.25))):
        part, same = recording.cut(start, end), whole.cut(start, end)
        assert part.samples.shape == same.samples.shape
        np.testing.assert_allclose(part.samples, same.samples, atol=tolerance)


def test_the_delay_that_was_left_out_is_told(original):
    assert Recording(encoded(original, "lame.mp3", *FORMATS["lame.mp3"])).delay == pytest.approx(1105 / RATE)
    assert Recording(original).delay == 0.0


def test_an_mp3_without_header_that_starts_loudly_is_read_to_its_end(tmp_path):
    lame = needs("lame")
    samples = np.zeros((1, 20 * RATE), np.float32)
    samples[0, :RATE] = np.random.default_rng(0).normal(size=RATE) * 0.2
    samples[0, -RATE : -RATE + 50] = 0.9
    write(Sound(samples, RATE), tmp_path / "a.wav", "PCM_16")
    subprocess.run([lame, "--quiet", "-V0", "-t", str(tmp_path / "a.wav"), str(tmp_path / "a.mp3")], check=True)
    assert soundfile.info(tmp_path / "a.mp3").frames < 10 * RATE  # what libsndfile guesses from the first frames
    sound = read(tmp_path / "a.mp3")
    assert 20.0 <= sound.duration < 20.1
    assert np.abs(sound.cut(18.9, 19.1).samples).max() > 0.2
    assert abs(lag(sound.cut(18.5, 19.5), Sound(samples, RATE).cut(18.5, 19.5))) < 0.001


# ---- lazy reading


def test_ten_hours_cost_a_window(tmp_path):
    rate, hours = 8_000, 10
    path = tmp_path / "long.wav"
    size = 2 * rate * 3600 * hours
    head = b"RIFF" + struct.pack("<I", size + 36) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    path.write_bytes(head + b"data" + struct.pack("<I", size))
    os.truncate(path, 44 + size)  # zeros that take no room
    with open(path, "r+b") as file:
        file.seek(44 + 2 * rate * 3600 * 9)
        file.write(struct.pack("<h", 16384))
    tracemalloc.start()
    recording = Recording(path)
    part = recording.cut(9 * 3600 - 1, 9 * 3600 + 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert recording.duration == hours * 3600
    assert part.samples[0, rate] == 0.5
    assert np.count_nonzero(part.samples) == 1
    assert peak < 2e6


def test_a_long_m4a_is_jumped_into(tmp_path):
    pytest.importorskip("av")
    rate, minutes = 8_000, 20
    samples = np.zeros((1, rate * 60 * minutes), np.float32)
    samples[0, rate * 1100 :][:80] = 0.8 * np.sin(np.arange(80))
    write(Sound(samples, rate), tmp_path / "a.wav", "PCM_16")
    subprocess.run([needs("ffmpeg"), "-v", "error", "-i", str(tmp_path / "a.wav"), "-b:a", "24k", str(tmp_path / "a.m4a")], check=True)
    original = Sound(samples, rate).cut(1099, 1101)
    del samples
    tracemalloc.start()
    recording = Recording(tmp_path / "a.m4a")
    part = recording.cut(1099, 1101)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert recording.duration == 60 * minutes
    assert abs(lag(part, original)) < 0.001
    assert peak < 5e6


def test_many_mp3s_at_once_do_not_mix(original, tmp_path):
    """The last mp3 stays open for speed: threads and forked workers must not read from each other's place."""
    paths = [encoded(original, name, *FORMATS[name]) for name in ("lame.mp3", "lame-bare.mp3", "lame-vbr.mp3")]
    jobs = [(Recording(path), start) for path in paths for start in np.arange(0.0, 3.0, 0.1)]
    np.random.default_rng(0).shuffle(jobs)
    expected = [recording.read().cut(start, start + 0.1).samples for recording, start in jobs]
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda job: job[0].cut(job[1], job[1] + 0.1).samples, jobs))
    if sys.platform == "linux":
        with multiprocessing.get_context("fork").Pool(2) as workers:
            made += workers.map(_cut, jobs, chunksize=5)
            expected *= 2
    for one, other in zip(made, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)


def _cut(job) -> np.ndarray:
    return job[0].cut(job[1], job[1] + 0.1).samples


def test_a_recording_can_be_sent_to_a_worker(original):
    again = pickle.loads(pickle.dumps(Recording(original)))
    np.testing.assert_array_equal(again.cut(0.2, 0.3).samples, read(original).cut(0.2, 0.3).samples)


def test_a_recording_does_what_a_sound_does(original):
    recording, sound = Recording(original), read(original)
    for make in (lambda s: s.at(16_000), lambda s: s.mono(), lambda s: s.read(), lambda s: s.like(Sound(np.zeros((2, 500)), 8_000))):
        np.testing.assert_array_equal(make(recording).samples, make(sound).samples)
    assert [b.frames for b in recording.blocks(1.0)] == [b.frames for b in sound.blocks(1.0)]
    assert recording.decoder.startswith("libsndfile 1.")


# ---- files that lie or are damaged


def wav_with_data_size(path: Path, size: int) -> Path:
    data = path.read_bytes()
    at = data.index(b"data") + 4
    changed = path.with_name("changed.wav")
    changed.write_bytes(data[:at] + struct.pack("<I", size) + data[at + 4 :])
    return changed


def truncated(path: Path, share: float = 0.5) -> Path:
    data = path.read_bytes()
    cut = path.with_name(f"cut-{path.name}")
    cut.write_bytes(data[: int(len(data) * share)])
    return cut


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_that_was_never_closed_gives_what_is_there(original, size):
    recording = Recording(wav_with_data_size(original, size))
    assert recording.duration == pytest.approx(3.2)
    np.testing.assert_array_equal(recording.read().samples, read(original).samples)


def test_a_truncated_wav_is_read_and_noted(original):
    recording = Recording(truncated(original))
    assert recording.duration == pytest.approx(1.6, abs=0.01)
    assert recording.notes == ["the header promises 3.2 s, the file holds 1.6 s"]


def test_a_truncated_flac_is_read_and_noted(tmp_path):
    noise = Sound(np.random.default_rng(0).normal(size=(2, 5 * RATE)) * 0.1, RATE)
    write(noise, tmp_path / "a.flac", "PCM_16")
    recording = Recording(truncated(tmp_path / "a.flac"))
    assert 2.3 < recording.duration < 2.6
    assert recording.notes == [f"the header promises 5.0 s, the file holds {recording.duration:.1f} s"]
    part = recording.read()
    np.testing.assert_allclose(part.samples, noise.samples[:, : part.frames], atol=1e-4)


@pytest.mark.parametrize(("name", "promises"), [("lame.mp3", True), ("lame-vbr.mp3", True), ("lame-bare.mp3", False)])
def test_a_truncated_mp3_is_read_and_noted(original, name, promises):
    recording = Recording(truncated(encoded(original, name, *FORMATS[name])))
    sound = recording.read()
    assert 1.3 < recording.duration < 1.9
    assert abs(lag(sound, read(original).cut(0, sound.duration))) < 0.001
    assert np.abs(sound.cut(1.2, 1.3).samples).max() > 0.2
    assert recording.notes == ([f"the header promises 3.2 s, the file holds {recording.duration:.1f} s"] if promises else [])


def test_a_truncated_m4a_is_read_and_noted(original):
    pytest.importorskip("av")
    path = encoded(original, "front.m4a", "-c:a", "aac", "-movflags", "+faststart")
    recording = Recording(truncated(path, 0.6))
    assert 0.5 < recording.duration < 3.0
    assert recording.notes == [f"the header promises 3.2 s, the file holds {recording.duration:.1f} s"]
    assert abs(lag(recording.read(), read(original).cut(0, recording.duration))) < 0.001


@pytest.mark.parametrize(("name", "options"), [("noise.flac", ()), ("noise.m4a", ("-c:a", "aac", "-b:a", "128k"))])
def test_damage_in_the_middle_is_silence_and_noted(tmp_path, name, options):
    if name.endswith("m4a"):
        pytest.importorskip("av")
    noise = Sound(np.random.default_rng(0).normal(size=(1, 4 * RATE)) * 0.1, RATE)
    write(noise, tmp_path / "noise.wav", "PCM_16")
    data = bytearray(encoded(tmp_path / "noise.wav", name, *options).read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4_000] = b"\x55" * 4_000
    (tmp_path / name).write_bytes(data)
    recording = Recording(tmp_path / name)
    sound = recording.read()
    assert recording.duration == pytest.approx(4.0, abs=0.01)
    assert sound.frames == recording.frames
    assert lag(sound.cut(3, 4), noise.cut(3, 4)) == pytest.approx(0, abs=0.001)  # what follows stays in its place
    assert lag(sound.cut(0, 1), noise.cut(0, 1)) == pytest.approx(0, abs=0.001)
    assert [note for note in recording.notes if "can't be decoded" in note]


def test_samples_that_are_no_numbers_are_zeros_and_noted(tmp_path):
    samples = np.full((1, RATE), 0.25, np.float32)
    samples[0, [22_050, 30_000]] = np.nan, np.inf
    soundfile.write(tmp_path / "nan.wav", samples.T, RATE, subtype="FLOAT")
    recording = Recording(tmp_path / "nan.wav")
    sound = recording.read()
    recording.read()
    assert sound.samples[0, [22_049, 22_050, 30_000]].tolist() == [0.25, 0, 0]
    assert recording.notes == ["samples that are no finite numbers, from 0.500 s on; they are taken as 0"]


# ---- odd but fine


@pytest.mark.parametrize(
    "name", ["04 絆ふぉーえばー.wav", "Песня.wav", 'it\'s "quoted" & odd .wav', "line\nbreak.wav", "[a]*?.wav", "no ending"]
)
def test_any_file_name_is_fine(tmp_path, name):
    soundfile.write(tmp_path / name, np.zeros(100), RATE, format="WAV")
    assert Recording(tmp_path / name).frames == 100


def test_the_content_decides_not_the_name(original, tmp_path):
    shutil.copy(original, tmp_path / "a.raw")
    assert Recording(tmp_path / "a.raw").duration == pytest.approx(3.2)
    pytest.importorskip("av")
    shutil.copy(encoded(original, "clicks.m4a", "-c:a", "aac"), tmp_path / "song")
    recording = Recording(tmp_path / "song")
    assert recording.duration == pytest.approx(3.2)
    assert recording.decoder.startswith("FFmpeg via PyAV ")


def test_short_silent_narrow_and_wide_files_are_fine(tmp_path):
    for name, samples, rate, subtype in (
        ("short", np.ones((2205, 1)) * 0.1, 44_100, "PCM_16"),
        ("silent", np.zeros((44_100, 2)), 44_100, "PCM_16"),
        ("narrow", np.full((4000, 1), 0.5), 8_000, "PCM_U8"),
        ("wide", np.full((1920, 6), 0.25), 192_000, "PCM_24"),
        ("nothing", np.zeros((0, 1)), 44_100, "PCM_16"),
    ):
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, samples, rate, subtype=subtype)
        recording = Recording(path)
        assert (recording.frames, recording.channels, recording.rate) == (*samples.shape, rate)
        np.testing.assert_allclose(recording.read().samples, samples.T, atol=1 / 128)
        assert recording.mono().at(22_050).channels == 1


def test_nist_sphere_named_wav_is_read(original, tmp_path):
    samples = (read(original).samples.T * 32767).astype("<i2")
    words = "channel_count -i 2\nsample_count -i {}\nsample_rate -i 44100\nsample_n_bytes -i 2\nsample_byte_format -s2 01\n"
    words += "sample_sig_bits -i 16\nsample_coding -s3 pcm\nend_head\n"
    head = f"NIST_1A\n   1024\n{words.format(len(samples))}".encode().ljust(1024)
    (tmp_path / "sphere.wav").write_bytes(head + samples.tobytes())
    np.testing.assert_allclose(read(tmp_path / "sphere.wav").samples, read(original).samples, atol=1e-3)


# ---- errors: one line that names file and remedy


def refused(path: Path) -> str:
    with pytest.raises(SoundError) as error:
        Recording(path)
    text = str(error.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text


def test_what_is_no_sound_is_refused_in_one_line(tmp_path):
    contents = {
        "empty.wav": (b"", "empty"),
        "text.mp3": (b"these are words, not a sound. " * 400, "text, not sound"),
        "song.wav": (b"MThd" + struct.pack(">IHHH", 6, 0, 1, 480) + b"MTrk\0\0\0\4\0\xff\x2f\0", "render it"),
        "half.wav": (b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0", "is the file whole"),
        "samples.raw": (bytes(range(256)) * 10, "without a header"),
        "sphere.wav": (
            b"NIST_1A\n   1024\nsample_coding -s26 pcm,embedded-shorten-v2.00\nend_head\n".ljust(1024) + b"\xff" * 99,
            "sph2pipe",
        ),
    }
    for name, (content, said) in contents.items():
        (tmp_path / name).write_bytes(content)
        assert said in refused(tmp_path / name)
    assert "no such file" in refused(tmp_path / "nothing.wav")
    assert "folder" in refused(tmp_path)


def test_a_header_without_sound_is_refused(original, tmp_path):
    data = original.read_bytes()
    (tmp_path / "head.wav").write_bytes(data[: data.index(b"data") + 8])
    assert "promises 3.2 s" in refused(tmp_path / "head.wav")


def test_a_picture_is_refused(tmp_path):
    pytest.importorskip("av")
    path = tmp_path / "a.png"
    subprocess.run([needs("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", "testsrc=d=0.1", "-frames:v", "1", str(path)], check=True)
    assert "no sound" in refused(path)


def test_an_unreadable_file_is_refused(original, monkeypatch):
    def denied(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(builtins, "open", denied)
    assert "Permission denied" in refused(original)


def test_without_pyav_the_error_names_the_extra(original, monkeypatch):
    path = encoded(original, "clicks.m4a", "-c:a", "aac")
    monkeypatch.setitem(sys.modules, "av", None)
    assert "pip install 'aural[av]'" in refused(path)


def test_a_playlist_fetches_nothing(tmp_path, original):
    pytest.importorskip("av")
    (tmp_path / "list.m3u8").write_bytes(b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n")
    assert "text, not sound" in refused(tmp_path / "list.m3u8")


def test_a_file_that_vanishes_is_an_error(original, tmp_path):
    shutil.copy(original, tmp_path / "a.wav")
    recording = Recording(tmp_path / "a.wav")
    (tmp_path / "a.wav").unlink()
    with pytest.raises(SoundError, match=r"a\.wav"):
        recording.read()


# ---- tags


@pytest.mark.parametrize("name", ["clicks.flac", "clicks.ogg", "clicks.mp3", "clicks.m4a"])
def test_title_and_artist_come_from_the_tags(original, tmp_path, name):
    if name.endswith("m4a"):
        pytest.importorskip("av")
    path = tmp_path / name
    tags = ("-metadata", "title=Песня <b>", "-metadata", "artist=A & B")
    subprocess.run([needs("ffmpeg"), "-v", "error", "-i", str(original), *tags, str(path)], check=True)
    assert Recording(path).metadata == module.Metadata("Песня <b>", "A & B")


def test_no_tags_and_bad_tags_are_empty(original, tmp_path, monkeypatch):
    assert Recording(original).metadata == module.Metadata()
    import mutagen

    def broken(*args, **kwargs):
        raise mutagen.MutagenError("damaged")

    monkeypatch.setattr(mutagen, "File", broken)
    assert Recording(original).metadata == module.Metadata()


def test_a_wav_has_tags_of_its_own(tmp_path):
    with soundfile.SoundFile(tmp_path / "a.wav", "w", RATE, 1) as file:
        file.title, file.artist = "Title", "Artist"
        file.write(np.zeros(10))
    assert Recording(tmp_path / "a.wav").metadata == module.Metadata("Title", "Artist")


# ---- loudness


@pytest.mark.parametrize("rate", [22_050, 44_100, 48_000, 96_000])
def test_the_loudness_of_a_sine_is_as_the_recommendation_says(rate):
    sine = np.sin(2 * np.pi * 997 * np.arange(5 * rate) / rate)
    assert loudness(Sound(sine, rate)) == pytest.approx(-3.01, abs=0.03)
    assert loudness(Sound(np.stack([sine, sine]) * 10 ** (-23 / 20), rate)) == pytest.approx(-23.0, abs=0.03)


def test_loudness_gates_silence_and_quiet_parts():
    sine = np.sin(2 * np.pi * 997 * np.arange(10 * 48_000) / 48_000)
    parts = np.concatenate([sine * 10 ** (-40 / 20), sine * 10 ** (-23 / 20), sine * 10 ** (-40 / 20), 0 * sine])
    assert loudness(Sound(np.stack([parts, parts]), 48_000)) == pytest.approx(-23.0, abs=0.15)
    assert loudness(Sound(np.zeros((1, 44_100)), 44_100)) == -math.inf
    assert loudness(Sound(np.zeros((1, 0)), 44_100)) == -math.inf
    assert loudness(Sound(sine[:4800], 48_000)) == pytest.approx(-3.0, abs=0.5)


def test_the_loudness_of_a_recording_is_that_of_its_sound(original):
    assert loudness(Recording(original)) == loudness(read(original))


# ---- writing


def test_what_is_written_comes_back(tmp_path):
    sound = clicks(0.5)
    for name, tolerance in (("a.wav", 0), ("a.flac", 2e-7), ("a.aiff", 1e-4)):
        sound.write(tmp_path / name)
        np.testing.assert_allclose(read(tmp_path / name).samples, sound.samples, atol=tolerance)
    for name in ("a.ogg", "a.mp3"):
        write(sound, tmp_path / name)
        assert abs(lag(read(tmp_path / name), sound)) < 0.001
    write(Recording(tmp_path / "a.wav"), tmp_path / "b.wav", "PCM_16")
    np.testing.assert_allclose(read(tmp_path / "b.wav").samples, sound.samples, atol=1e-4)
    assert not list(tmp_path.glob(".aural*"))


def test_the_same_sound_gives_the_same_bytes(tmp_path):
    clicks(0.1).write(tmp_path / "a.wav")
    data = (tmp_path / "a.wav").read_bytes()
    at = data.index(b"PEAK")
    assert data[at + 12 : at + 16] == bytes(4)  # its date


@pytest.mark.parametrize("name", ["a.m4a", "a", "a.raw", "a.xyz"])
def test_an_ending_that_cannot_be_written_is_an_error(tmp_path, name):
    with pytest.raises(OutputError, match=r"\.wav"):
        write(clicks(0.1), tmp_path / name)


def test_channels_that_a_format_lacks_are_an_error(tmp_path):
    with pytest.raises(OutputError, match="9 channels"):
        write(Sound(np.zeros((9, 10)), RATE), tmp_path / "a.flac")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_file(path, b"old")

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"a\.txt.*No space left on device"):
        write_file(path, b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_bytes() == b"old"


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    write_file(path, b"old")

    def interrupted() -> None:
        with replacing(path) as part:
            part.write_bytes(b"half of the new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_bytes() == b"old"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_device_is_an_error():
    with pytest.raises(OutputError, match="/dev/full"):
        write_file("/dev/full", b"x" * 100_000)
    assert Path("/dev/full").is_char_device()


def test_links_folders_and_places(tmp_path):
    write_file(tmp_path / "new" / "folder" / "a", b"1")
    (tmp_path / "link").symlink_to(tmp_path / "new" / "folder" / "a")
    write_file(tmp_path / "link", b"2")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "new" / "folder" / "a").read_bytes() == b"2"
    with pytest.raises(OutputError, match="folder"):
        write_file(tmp_path / "new", b"3")
    with pytest.raises(OutputError, match=r"Not a directory|exists"):
        write_file(tmp_path / "link" / "below", b"4")
