"""Facts of pictures."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from aural.errors import AuralError
from aural.representations.gallery import UNIT, WHOLE
from aural.representations.picture import NAMES, log_mel_strip, picture, png
from aural.sound import Recording, Sound

RATE = 22_050
HOME = Path(__file__).parents[2]


def chirp(seconds: float = 45.0) -> Sound:
    hz = np.geomspace(100, 5000, int(seconds * RATE))
    return Sound(0.5 * np.sin(2 * np.pi * np.cumsum(hz) / RATE), RATE)


@pytest.mark.parametrize("kind", NAMES)
def test_pictures_have_the_width_of_the_sound_and_nearly_the_full_range(kind: str) -> None:
    pixels = picture(chirp(4.3), kind, 20)
    assert pixels.dtype == np.uint8
    assert pixels.shape[1] == 86
    assert pixels.shape[0] >= 12
    assert pixels.max() == 255 or (kind in (*UNIT, *WHOLE) and pixels.max() > 150)
    assert pixels.min() < 60 or (kind == "if" and pixels.min() < 128)


@pytest.mark.parametrize("kind", ["stft", "mel", "cqt", "brown", "sparse", "nsgt", "cwt", "gammatone", "lpc", "sms"])
def test_a_rising_tone_climbs_in_every_kind_that_shows_frequencies(kind: str) -> None:
    pixels = picture(chirp(4.3), kind, 20)
    rows = pixels[:, 20:70].argmax(0)
    assert rows[:10].mean() > rows[-10:].mean() + len(pixels) / 10
    assert np.corrcoef(rows, np.arange(50))[0, 1] < -0.9


def test_what_is_drawn_whole_has_an_end() -> None:
    with pytest.raises(AuralError, match="take a part"):
        picture(Sound(np.zeros(601 * 1000), 1000), "lags")


def test_the_command_line_names_every_kind() -> None:
    from aural.cli._data import KINDS as SAID

    assert sorted(re.split(r"[,;] ", SAID.removeprefix("Of ").removesuffix("."))) == sorted(NAMES)


def test_the_gallery_shows_every_kind() -> None:
    page = (HOME / "docs" / "gallery.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"gallery/(\w+)\.png", page)) == sorted(NAMES)
    files = list((HOME / "docs" / "images" / "gallery").glob("*.png"))
    assert sorted(path.stem for path in files) == sorted(NAMES)
    assert sum(path.stat().st_size for path in files) < 1_500_000


def test_a_rising_tone_climbs_over_the_seams_of_the_windows() -> None:
    rows = log_mel_strip(chirp(), 30).argmax(0)
    assert rows[5] > rows[-5] + 60  # high is on top
    assert np.abs(np.diff(rows[3:-3])).max() <= 2


def test_a_click_is_in_the_column_of_its_time() -> None:
    sound = np.zeros(RATE * 50)
    for second in (3, 21, 40):
        sound[int((second + 0.05) * RATE)] = 1
    loud = log_mel_strip(Sound(sound, RATE), 10).sum(0)
    for second in (3, 21, 40):
        assert loud[second * 10 - 5 : second * 10 + 5].argmax() == 5


@pytest.mark.parametrize("per_second", [0.5, 7.3, 400.0])
def test_any_width_will_do(per_second: float) -> None:
    assert log_mel_strip(chirp(2.9), per_second).shape == (128, int(np.ceil(2.9 * per_second)))


def test_a_recording_has_the_picture_of_its_sound_every_time(tmp_path) -> None:
    import soundfile

    sound = chirp(25)
    soundfile.write(tmp_path / "a.wav", sound.samples.T, RATE, subtype="FLOAT")
    assert np.array_equal(log_mel_strip(Recording(tmp_path / "a.wav")), log_mel_strip(sound))
    assert png(log_mel_strip(sound)) == png(log_mel_strip(sound))


def test_silence_and_nothing_are_black() -> None:
    assert log_mel_strip(Sound(np.zeros(RATE), RATE)).max() == 0
    assert log_mel_strip(Sound(np.zeros(0), RATE)).shape == (128, 1)


def test_an_unknown_kind_is_told_with_the_known() -> None:
    with pytest.raises(AuralError, match="mel"):
        picture(chirp(1), "mell")


def decoded(data: bytes) -> np.ndarray:
    """A reader of 8-bit PNG, after the specification: chunks with checks, filters 0 and 2."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        chunks[kind] = data[at + 8 : at + 8 + size]
        assert zlib.crc32(kind + chunks[kind]) == int.from_bytes(data[at + 8 + size : at + 12 + size], "big")
        at += 12 + size
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, rest, chunks[b"IEND"]) == (8, [0, 0, 0], b"")
    channels = {0: 1, 2: 3}[colour]
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, 1 + width * channels)
    row, rows = np.zeros(width * channels, np.uint8), []
    for line in lines:
        assert line[0] in (0, 2)
        row = line[1:] + row if line[0] == 2 else line[1:]
        rows.append(row)
    return np.stack(rows).reshape((height, width) if channels == 1 else (height, width, 3))


@pytest.mark.parametrize("shape", [(1, 1), (7, 13), (128, 300), (5, 9, 3)])
def test_a_png_reads_back(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    assert np.array_equal(decoded(png(pixels)), pixels)


def test_a_png_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="height"):
        png(np.zeros((2, 2, 4)))
