"""What a page plays is on our time axis, is the same every time, and costs a block of memory."""

import base64
import io
from dataclasses import dataclass, field

import numpy as np
import pytest
import soundfile

from aural.report import page
from aural.report._media import BLOCK, SERIAL, media, peaks, vorbis, with_serial
from aural.sound import Recording, Sound

from .made import BEATS, RATE, SECONDS, clicks, data_of


def ogg_checksum(page: bytes) -> int:
    """As RFC 3533 says, bit by bit."""
    crc = 0
    for byte in page[:22] + bytes(4) + page[26:]:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc & 1 << 31 else crc << 1) & 0xFFFFFFFF
    return crc


def ogg_pages(ogg: bytes) -> list[bytes]:
    pages = []
    while ogg:
        length = 27 + ogg[26] + sum(ogg[27 : 27 + ogg[26]])
        pages.append(ogg[:length])
        ogg = ogg[length:]
    return pages


def test_every_ogg_page_has_our_serial_and_a_right_checksum():
    found = ogg_pages(vorbis(Sound(clicks().samples[:, :RATE], RATE)))
    assert len(found) >= 3
    for one in found:
        assert one[14:18] == SERIAL
        assert int.from_bytes(one[22:26], "little") == ogg_checksum(one)


def test_another_serial_and_back_is_the_same_stream():
    ogg = vorbis(clicks())
    assert with_serial(ogg, b"abcd") != ogg
    assert with_serial(with_serial(ogg, b"abcd"), SERIAL) == ogg


def test_bytes_that_are_no_ogg_are_refused():
    with pytest.raises(ValueError, match="no Ogg page"):
        with_serial(b"RIFF" + bytes(60), SERIAL)


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (22_050, 2), (44_100, 1), (96_000, 6)])
def test_what_is_embedded_is_on_the_time_axis_of_the_sound(rate, channels):
    made, at = soundfile.read(io.BytesIO(vorbis(clicks(rate, channels))), always_2d=True)
    assert made.shape[1] == min(channels, 2)
    assert len(made) / at == pytest.approx(SECONDS, abs=0.001)
    for time in BEATS:
        around = made[round((time - 0.1) * at) : round((time + 0.1) * at), 0]
        # A low rate smears a click over more of its samples.
        assert np.abs(around).argmax() / at - 0.1 == pytest.approx(0, abs=0.002)


def test_an_ogg_file_is_embedded_as_it_is(tmp_path):
    path = tmp_path / "song.ogg"
    path.write_bytes(vorbis(clicks()))
    html = page({}, [], sound=Recording(path), picture=False)
    assert base64.b64encode(path.read_bytes()).decode() in html
    assert data_of(html)["sound"]["mime"] == "audio/ogg"


def test_the_original_of_a_sound_in_memory_is_embedded_too(tmp_path):
    path = tmp_path / "song.ogg"
    path.write_bytes(vorbis(clicks()))
    assert media(clicks(), path).data == path.read_bytes()


@pytest.mark.parametrize("form", ["WAV", "FLAC", "MP3"])
def test_other_files_become_ogg(tmp_path, form):
    path = tmp_path / f"song.{form.lower()}"
    soundfile.write(path, clicks(44_100).samples.T, 44_100, format=form)
    made = media(Recording(path))
    assert made.data[:4] == b"OggS"
    assert soundfile.info(io.BytesIO(made.data)).duration == pytest.approx(Recording(path).duration, abs=0.001)


def test_nan_and_inf_are_not_encoded():
    samples = clicks().samples.copy()
    samples[:, 1000:1010], samples[:, 2000] = np.nan, np.inf
    decoded, _ = soundfile.read(io.BytesIO(vorbis(Sound(samples, RATE))))
    assert np.isfinite(decoded).all()
    assert peaks(Sound(samples, RATE)).top.max() == 255


def test_a_sound_of_more_than_twenty_minutes_is_linked():
    long = Sound(np.zeros((1, 1201 * 100)), 100)
    html = page({}, [], sound=long, link="../long.wav", picture=False)
    assert data_of(html)["sound"] == {"mime": "", "href": "../long.wav"}
    assert 'id="sound"' not in html
    assert "played from ../long.wav" in html


def test_a_sound_that_is_not_to_be_embedded_is_linked():
    assert data_of(page({}, [], sound=clicks(), embed=False, link="a b.wav", picture=False))["sound"]["href"] == "a%20b.wav"


def test_a_linked_mp3_warns_of_rough_seeking():
    assert "only roughly" in page({}, [], sound=clicks(), embed=False, link="a.MP3", picture=False)


def test_without_a_link_a_page_has_no_sound():
    assert data_of(page({}, [], sound=clicks(), embed=False, picture=False))["sound"] is None


def test_the_outline_has_each_side_of_each_point():
    samples = np.zeros(1000)
    samples[100], samples[700] = 0.5, -0.25
    outline = peaks(Sound(samples, 100), per_second=10)
    assert len(outline.top) == 100
    assert np.flatnonzero(outline.top).tolist() == [10]
    assert np.flatnonzero(outline.bottom).tolist() == [70]
    assert (outline.top[10], outline.bottom[70]) == (255, 128)


@dataclass
class Hours:
    """Three hours of a tone that remembers how much of it was asked for at a time."""

    rate: int = 50
    channels: int = 1
    duration: float = 3 * 3600.0
    asked: list[float] = field(default_factory=list)

    def cut(self, start: float, end: float) -> Sound:
        self.asked.append(end - start)
        times = np.arange(round(start * self.rate), round(end * self.rate)) / self.rate
        return Sound(np.sin(times), self.rate)


def test_three_hours_are_read_in_blocks():
    hours = Hours()
    outline = peaks(hours)
    assert max(hours.asked) <= BLOCK
    assert len(outline.top) == 120_000
    assert outline.top.max() == 255
