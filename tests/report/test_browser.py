"""The page in a browser, from a file, without network: it plays, seeks, zooms, clicks, and never complains."""

from __future__ import annotations

import numpy as np
import pytest

from aural.annotations import Events
from aural.report import Row, index, page

from .browsing import box, inked, picture_of, position, ready, settled, until, until_time
from .made import BEATS, SECONDS, clicks, fields, tasks

pytestmark = pytest.mark.browser
EVIL = '<script>alert("page")</script>'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of pages, as `aural analyze` would leave them."""
    made = tmp_path_factory.mktemp("pages")
    sound = clicks()
    known = {"title": EVIL, "artist": '"onload="alert(1)', "doubts": [(6.0, 7.0, "bars unsure")]}
    (made / "song.html").write_text(page(fields(), tasks(), sound=sound, **known), encoding="utf-8")
    (made / "onsets.html").write_text(page({"onsets": Events(BEATS)}, ["onset"], sound=sound, title="no beats"), encoding="utf-8")
    from aural.report._media import vorbis

    (made / "the song.ogg").write_bytes(vorbis(sound))
    (made / "linked.html").write_text(page(fields(), tasks(), sound=sound, embed=False, link="the song.ogg"), encoding="utf-8")
    (made / "lost.html").write_text(page(fields(), tasks(), sound=sound, embed=False, link="gone.ogg"), encoding="utf-8")
    (made / "mute.html").write_text(page(fields(), tasks(), sound=sound, embed=False), encoding="utf-8")
    rows = [
        Row("b song", "song.html", 61.0, 90.0, "4/4", "C major", 0.5),
        Row("a song", "onsets.html", 200.0, None),
        Row(EVIL, error="broken"),
    ]
    (made / "index.html").write_text(index([*rows, Row("c song", "mute.html", 5.0, 120.0)]), encoding="utf-8")
    return made


def test_it_plays(opened):
    tab = ready(opened())
    tab.click("#play")
    until_time(tab, 0.4)
    assert tab.get_attribute("#play", "aria-label") == "pause"
    tab.click("#play")
    stopped = settled(tab)
    tab.wait_for_timeout(300)
    assert position(tab) == stopped > 0.3


def test_the_playhead_stands_where_the_time_is(opened):
    tab = ready(opened())
    tab.keyboard.press("End")
    settled(tab)
    over, head = box(tab), box(tab, "#head")
    assert head["x"] == pytest.approx(over["x"] + over["width"] - 1, abs=2)
    tab.keyboard.press("Home")
    settled(tab)
    assert box(tab, "#head")["x"] == pytest.approx(over["x"], abs=1)


def test_a_click_seeks(opened):
    tab = ready(opened())
    over = box(tab)
    tab.mouse.click(over["x"] + over["width"] * 0.25, over["y"] + 90)
    assert settled(tab) == pytest.approx(SECONDS / 4, abs=0.06)


def test_every_lane_is_drawn(opened):
    tab = ready(opened())
    tab.wait_for_timeout(300)
    ids = tab.evaluate("[...document.querySelectorAll('.lane canvas')].map(c => c.id)")
    assert len(ids) == 3 + len(tasks()) + 3
    assert all(inked(tab, one) > 100 for one in ids)
    waves = tab.evaluate("[...document.querySelector('#wave > div').shadowRoot.querySelectorAll('canvas')].map(c => c.width)")
    assert waves
    assert min(waves) > 500


def test_beats_are_drawn_where_they_are(opened):
    tab = ready(opened("onsets"))
    dark = tab.evaluate(
        """() => { const c = document.getElementById('lane-0'), d = c.getContext('2d').getImageData(0, c.height - 2, c.width, 1).data;
                   return [...Array(c.width).keys()].filter(x => d[4 * x + 3] > 60).map(x => x / c.width); }"""
    )
    assert np.array(dark) * SECONDS == pytest.approx(BEATS, abs=0.02)


def test_keys_step_by_beats_and_bars(opened):
    tab = ready(opened())
    steps = [("ArrowRight", 0.5), ("ArrowRight", 1.0), ("Shift+ArrowRight", 2.5), ("Shift+ArrowRight", 4.5), ("ArrowLeft", 4.0)]
    for key, expected in [*steps, ("Shift+ArrowLeft", 2.5), ("End", SECONDS), ("Home", 0.0)]:
        tab.keyboard.press(key)
        assert settled(tab) == pytest.approx(expected, abs=0.051), key
    tab.keyboard.press("Space")
    until_time(tab, 0.2)
    tab.keyboard.press("Space")
    until(tab, "document.querySelector('#play').getAttribute('aria-label') === 'play'")


def test_without_beats_the_arrows_step_five_seconds(opened):
    tab = ready(opened("onsets"))
    tab.keyboard.press("ArrowRight")
    assert settled(tab) == pytest.approx(5.0, abs=0.06)
    tab.keyboard.press("ArrowLeft")
    assert settled(tab) == pytest.approx(0.0, abs=0.06)


def test_bar_and_beat_are_told(opened):
    tab = ready(opened())
    for _ in range(7):
        tab.keyboard.press("ArrowRight")
    settled(tab)
    assert tab.inner_text("#bar") == "bar 2.3"


def test_the_wheel_zooms_at_the_pointer(opened):
    tab = ready(opened())
    over = box(tab)
    x = over["x"] + over["width"] * 0.75
    before = picture_of(tab, "lane-0")
    tab.mouse.move(x, over["y"] + 90)
    tab.mouse.wheel(0, -600)
    tab.wait_for_timeout(200)
    assert picture_of(tab, "lane-0") != before
    tab.mouse.click(x, over["y"] + 90)
    assert settled(tab) == pytest.approx(SECONDS * 0.75, abs=0.06)  # what was under the pointer still is
    tab.mouse.click(over["x"] + 2, over["y"] + 90)
    assert settled(tab) > SECONDS * 0.3


def test_waveform_and_lanes_agree_after_a_zoom(opened):
    tab = ready(opened())
    tab.keyboard.press("End")
    for _ in range(4):
        tab.keyboard.press("+")
    tab.wait_for_timeout(300)
    scroll, width = tab.evaluate(
        """() => { const s = document.querySelector('#wave > div').shadowRoot.querySelector('.scroll');
                   return [s.scrollLeft, s.scrollWidth]; }"""
    )
    over = box(tab)
    assert width == pytest.approx(over["width"] * 1.6**4, rel=0.01)
    tab.mouse.click(over["x"], over["y"] + 90)
    assert settled(tab) == pytest.approx(scroll / width * SECONDS, abs=0.06)


@pytest.mark.parametrize(("key", "zoomed"), [("+", True), ("-", False)])
def test_plus_zooms_in_and_minus_not_beyond_the_whole(opened, key, zoomed):
    tab = ready(opened())
    before = picture_of(tab, "ruler")
    tab.keyboard.press(key)
    tab.wait_for_timeout(150)
    assert (picture_of(tab, "ruler") != before) == zoomed
    tab.keyboard.press("0")
    tab.wait_for_timeout(150)
    assert picture_of(tab, "ruler") == before


def test_a_drag_moves_and_does_not_seek(opened):
    tab = ready(opened())
    for _ in range(3):
        tab.keyboard.press("+")
    tab.wait_for_timeout(150)
    before, over = picture_of(tab, "ruler"), box(tab)
    tab.mouse.move(over["x"] + 700, over["y"] + 90)
    tab.mouse.down()
    tab.mouse.move(over["x"] + 300, over["y"] + 90, steps=4)
    tab.mouse.up()
    tab.wait_for_timeout(150)
    assert picture_of(tab, "ruler") != before
    assert position(tab) == 0.0


def test_two_fingers_zoom_on_a_phone(opened):
    tab = ready(opened(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2))
    over = box(tab)
    before = picture_of(tab, "ruler")
    session = tab.context.new_cdp_session(tab)
    y = over["y"] + 60
    for kind, gap in [("touchStart", 40), ("touchMove", 80), ("touchMove", 140), ("touchEnd", None)]:
        points = [] if gap is None else [{"x": over["x"] + 195 - gap, "y": y, "id": 0}, {"x": over["x"] + 195 + gap, "y": y, "id": 1}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    tab.wait_for_timeout(200)
    assert picture_of(tab, "ruler") != before
    assert tab.evaluate("document.documentElement.scrollWidth") == 390  # nothing sticks out


def test_a_tap_seeks_on_a_phone(opened):
    tab = ready(opened(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True))
    over = box(tab)
    tab.touchscreen.tap(over["x"] + over["width"] / 2, over["y"] + 60)
    assert settled(tab) == pytest.approx(SECONDS / 2, abs=0.1)


def test_a_loop_goes_round(opened):
    tab = ready(opened())
    over = box(tab)
    tab.keyboard.down("Shift")
    tab.mouse.move(over["x"] + over["width"] * 0.5, over["y"] + 90)
    tab.mouse.down()
    tab.mouse.move(over["x"] + over["width"] * 0.55, over["y"] + 90, steps=3)
    tab.mouse.up()
    tab.keyboard.up("Shift")
    assert tab.get_attribute("#looped", "aria-pressed") == "true"
    tab.mouse.click(over["x"] + over["width"] * 0.5, over["y"] + 90)
    tab.keyboard.press("Space")
    times = []
    for _ in range(20):
        tab.wait_for_timeout(70)
        times.append(position(tab))
    assert min(times) >= SECONDS * 0.5 - 0.1
    assert max(times) <= SECONDS * 0.55 + 0.15
    assert (np.diff(times) < -0.3).any()
    tab.keyboard.press("l")
    assert tab.get_attribute("#looped", "aria-pressed") == "false"


def test_a_double_click_loops_the_span_there(opened):
    tab = ready(opened())
    chords = tab.locator("#lane-4").bounding_box()  # beats, metre, tempo, onsets, chords
    tab.mouse.dblclick(chords["x"] + chords["width"] * 5 / SECONDS, chords["y"] + 10)
    tab.wait_for_timeout(150)
    loop, over = box(tab, "#loop"), box(tab)
    start, end = ((loop["x"] + w - over["x"]) / over["width"] * SECONDS for w in (0, loop["width"]))
    assert (start, end) == pytest.approx((4.5, 6.5), abs=0.05)


def test_clicks_sound_on_the_beats_and_higher_on_the_downbeats(opened):
    tab = ready(opened())
    tab.check(".voice[data-lane='lane-0']")
    tab.keyboard.press("Space")
    tab.wait_for_timeout(2600)
    tab.keyboard.press("Space")
    started = tab.evaluate("window.started")
    assert len(started) >= 4
    for one, beat in zip(started, BEATS, strict=False):
        assert one["at"] == pytest.approx(beat, abs=0.03)
        assert one["media"] <= beat  # ahead of time
    assert [round(one["hz"], -2) for one in started[:4]] == [1500, 1000, 1000, 1000]


def test_clicks_keep_their_place_at_half_speed(opened):
    tab = ready(opened())
    tab.keyboard.press("c")
    tab.select_option("#speed", "0.5")
    tab.keyboard.press("Space")
    tab.wait_for_timeout(2500)
    started = tab.evaluate("window.started")
    assert 1 <= len(started) <= 3
    for one, beat in zip(started, BEATS, strict=False):
        assert one["media"] + (one["at"] - one["media"]) * 0.5 == pytest.approx(beat, abs=0.03)


def test_no_click_sounds_unless_asked_for(opened):
    tab = ready(opened())
    tab.keyboard.press("Space")
    tab.wait_for_timeout(900)
    assert tab.evaluate("window.started") == []


def test_tones_of_notes_and_melody_sound_without_complaint(opened):
    tab = ready(opened())
    for box_ in tab.locator(".voice").all():
        box_.check()
    tab.keyboard.press("Space")
    until_time(tab, 0.8)


def test_a_doubt_leads_to_its_place(opened):
    tab = ready(opened())
    before = picture_of(tab, "ruler")
    tab.click(".doubts button")
    assert 6.0 <= settled(tab) < 6.9  # it plays from there
    assert picture_of(tab, "ruler") != before


def test_a_lane_has_a_table_for_those_who_read(opened):
    tab = ready(opened())
    tab.click("details[data-lane='lane-0'] summary")
    tab.wait_for_selector("details[data-lane='lane-0'] td")
    cells = tab.locator("details[data-lane='lane-0'] tr").nth(2).locator("td").all_inner_texts()
    assert cells == ["1.000", "2", "0.24"]
    assert tab.locator("details[data-lane='lane-0'] tbody tr").count() == len(BEATS)


def test_the_keys_are_explained(opened):
    tab = ready(opened())
    tab.keyboard.press("?")
    assert tab.is_visible("#help")
    tab.keyboard.press("Escape")
    assert not tab.is_visible("#help")


def test_dark_and_light_follow_the_system(opened):
    tab = ready(opened(color_scheme="light"))
    tab.wait_for_timeout(300)
    ground = "getComputedStyle(document.body).backgroundColor"
    light, lane, mel = tab.evaluate(ground), picture_of(tab, "lane-0"), picture_of(tab, "lane-picture")
    tab.emulate_media(color_scheme="dark")
    tab.wait_for_timeout(400)
    assert tab.evaluate(ground) != light
    assert picture_of(tab, "lane-0") != lane
    assert picture_of(tab, "lane-picture") != mel


def test_the_title_is_text(opened):
    tab = ready(opened())
    assert tab.inner_text("h1") == EVIL
    assert tab.title().startswith(EVIL)
    assert tab.inner_text(".artist") == '"onload="alert(1)'


def test_the_focus_can_be_seen(opened):
    tab = ready(opened())
    tab.keyboard.press("Tab")
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_linked_sound_plays_from_beside_the_page(opened):
    tab = ready(opened("linked"))
    tab.keyboard.press("Space")
    until_time(tab, 0.3)


def test_a_lost_sound_is_told_and_the_page_still_moves(opened):
    tab = opened("lost", allow=["ERR_FILE_NOT_FOUND"])
    until(tab, "document.querySelector('#message').textContent.includes('gone.ogg')")
    tab.keyboard.press("ArrowRight")
    assert settled(tab) == 0.5
    assert tab.is_disabled("#play")


def test_a_page_without_sound_still_moves(opened):
    tab = opened("mute")
    over = box(tab)
    tab.mouse.click(over["x"] + over["width"] / 2, over["y"] + 90)
    assert settled(tab) == pytest.approx(SECONDS / 2, abs=0.06)
    assert "not in this page" in tab.inner_text("#message")
    assert inked(tab, "lane-0") > 100


def test_the_index_sorts_and_filters(opened):
    tab = opened("index")
    names = "[...document.querySelectorAll('tbody tr')].filter(r => !r.hidden).map(r => r.cells[0].textContent.trim())"
    assert tab.evaluate(names) == [EVIL, "b song", "a song", "c song"]
    tab.click("th button >> text=title")
    assert tab.evaluate(names) == [EVIL, "a song", "b song", "c song"]
    tab.click("th button >> text=BPM")
    assert tab.evaluate(names) == [EVIL, "b song", "c song", "a song"]
    tab.click("th button >> text=BPM")
    assert tab.evaluate(names) == [EVIL, "c song", "b song", "a song"]  # the unknown stays last
    tab.fill("#filter", "SONG c")
    assert tab.evaluate(names) == ["c song", "b song"]
    tab.fill("#filter", "nothing like it")
    assert tab.is_visible("#none")
    tab.fill("#filter", "")
    tab.click("text=b song")
    assert tab.inner_text("h1") == EVIL
