"""Beats, bars and tempo on the page, and edit mode: what is drawn, clicked and saved means what the next analysis will make of it."""

from __future__ import annotations

import tomllib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from aural import rhythm
from aural.annotations import Events, Grid, Intervals, Tempo
from aural.corrections import Rhythm, corrected, loads
from aural.report import page

from .browsing import box, position, ready, settled, until, until_time
from .made import BEATS, SECONDS, clicks, fields, tasks

pytestmark = pytest.mark.browser
EVIL = '<script>alert("page")</script><img src=x onerror=alert(1)>'
PLAIN = Events(BEATS, None, np.full(len(BEATS), 0.8))
FOUR = Events(BEATS, [i % 4 + 1 for i in range(len(BEATS))], np.full(len(BEATS), 0.8))
HALF_KNOWN = Events(BEATS, [i % 4 + 1 if i < 12 else "" for i in range(len(BEATS))])
GRID = Grid(0.5, 11.5, 120.0, 0.53)  # 30 ms late, to be told from the beats
SIDECAR = '# kept\n[rhythm]\nbar_starts = [1.000]\ntempo = "half"\n[[rhythm.metre]]\nfrom = 6\nbeats = 3\n'


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("rhythm")
    sound = clicks()

    def put(name, example, names=("beat", "onset"), **more):
        more = {"file_name": "song.ogg", "title": name, **more}
        (made / f"{name}.html").write_text(page(example, names, sound=sound, **more), encoding="utf-8")

    put("four", {"beats": FOUR, "onsets": Events([0.75])}, made_by=[{"system": "beat/x", "command": "aural analyze song.ogg -o out"}])
    put("plain", {"beats": PLAIN})
    put("half", {"beats": HALF_KNOWN})
    put("grid", {"beats": FOUR, "tempo": Tempo(np.array([120.0]), segments=(GRID,))}, ["beat", "tempo"])
    put("doubt", {"beats": FOUR}, doubts=[(1.0, 2.0, EVIL), *((float(i), i + 1.0, "unsure") for i in range(9))])
    put("onsets", {"onsets": Events(BEATS)})
    said = loads(SIDECAR, made / "song.aural.toml").rhythm
    beats, downbeats = corrected(said, FOUR, None, SECONDS)
    put("again", {"beats": beats, "downbeats": downbeats}, ["beat", "downbeat"], corrections=SIDECAR, heard=FOUR)
    put("unheard", {"beats": beats}, corrections=SIDECAR)
    put("part", {"beats": FOUR}, corrections="[rhythm]\nbar_starts = [101.0]\n", offset=100.0)
    evil = {"beats": Events(BEATS, [EVIL, *["1"] * (len(BEATS) - 1)]), "chords": Intervals([0.0], [9.0], [EVIL])}
    put("evil", evil, ["beat", "chord"], title=EVIL, file_name=f"a'b\"{EVIL[:8]}\\.ogg", corrections=f"# {EVIL}\n")
    put("all", fields(), tasks())
    return made


def rows(tab, lane="lane-0") -> list[list[str]]:
    """The lane's table, as one reads it."""
    tab.evaluate("id => { document.querySelector(`details[data-lane='${id}']`).open = true; }", lane)
    until(tab, f"document.querySelector(\"details[data-lane='{lane}'] table\")")
    read = "id => [...document.querySelectorAll(`details[data-lane='${id}'] tbody tr`)].map(r => [...r.cells].map(c => c.textContent))"
    return tab.evaluate(read, lane)


def shown(tab) -> tuple[list[float], str]:
    """The beats of the page: times and positions."""
    table = rows(tab)
    return [float(row[0]) for row in table], "".join(row[1] or "?" for row in table)


def meant(heard: Events, **said) -> tuple[list[float], str]:
    """The beats that an analysis makes of corrections."""
    made, _ = corrected(Rhythm(**said), heard, None, SECONDS)
    return np.round(made.times, 3).tolist(), "".join(label or "?" for label in made.labels)


def choose(tab, beat: int) -> None:
    """Clicks a beat in the beats lane."""
    lane = box(tab, "#lane-0")
    left, right = tab.evaluate("[document.querySelector('#lane-0').getBoundingClientRect().left, innerWidth]")
    assert right > left
    tab.mouse.click(lane["x"] + lane["width"] * BEATS[beat] / SECONDS + 2, lane["y"] + 20)
    tab.wait_for_timeout(60)


def metre_here(tab, beats: int) -> None:
    tab.select_option("#metre", str(beats))
    tab.click("#metred")


def saved(tab) -> tuple[str, str]:
    """The name and the text of the file that the button saves."""
    with tab.expect_download() as download:
        tab.click("#save")
    return download.value.suggested_filename, Path(download.value.path()).read_text(encoding="utf-8")


def heights(tab, lane="lane-0", times=BEATS) -> list[int]:
    """How many pixels are inked at each time."""
    return tab.evaluate(
        """([id, shares]) => {
             const c = document.getElementById(id), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
             const tall = x => [...Array(c.height).keys()].filter(y => d[4 * (y * c.width + x) + 3] > 100).length;
             return shares.map(s => { const x = Math.round(s * c.width); return Math.max(tall(x - 1), tall(x), tall(x + 1)); }); }""",
        [lane, (np.asarray(times) / SECONDS).tolist()],
    )


# ---- what is drawn


def test_bar_lines_are_tallest_and_beats_step_down(opened):
    tab = ready(opened("four"))
    one, two, three, four = np.array(heights(tab)[4:20]).reshape(-1, 4).T
    assert (one > two).all()
    assert (two > three).all()
    assert (three > four).all()


def test_beats_of_unknown_bars_are_plain_ticks(opened):
    tab = ready(opened("half"))
    tall = heights(tab)
    assert len(set(tall[12:])) == 1
    assert tall[12] < tall[0]
    assert position(tab) == 0
    tab.keyboard.press("End")
    settled(tab)
    assert tab.inner_text("#bar") == ""


def test_bar_lines_go_through_the_other_lanes_and_the_picture(opened):
    tab = ready(opened("four"))
    tab.wait_for_timeout(400)
    on, off = BEATS[4], BEATS[4] + 0.1
    for lane in ("lane-2", "lane-3"):  # tempo, onsets
        drawn = heights(tab, lane, [on, off])
        assert drawn[0] > drawn[1], lane
    reds = tab.evaluate(
        """shares => { const c = document.getElementById('lane-picture'), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
             return shares.map(s => { const x = Math.round(s * c.width); let n = 0;
               for (let y = 0; y < c.height; y++) { const i = 4 * (y * c.width + x); n += d[i] > d[i + 2] + 8; } return n; }); }""",
        [on / SECONDS, off / SECONDS],
    )
    assert reds[0] > 50
    assert reds[1] == 0


def test_the_metre_lane_is_hidden_until_bars_are_known(opened):
    tab = ready(opened("plain"))
    assert not tab.is_visible("#lane-1")
    tab.keyboard.press("e")
    choose(tab, 2)
    metre_here(tab, 3)
    tab.keyboard.press("1")
    tab.wait_for_timeout(100)
    assert tab.is_visible("#lane-1")
    assert rows(tab, "lane-1")[0][2] == "3/4"


# ---- clicks


def test_clicks_are_alike_where_no_bar_is_known(opened):
    tab = ready(opened("plain"))
    tab.keyboard.press("c")
    tab.keyboard.press("Space")
    tab.wait_for_timeout(1900)
    assert {round(one["hz"], -2) for one in tab.evaluate("window.started")} == {1000}


def test_the_accent_is_where_a_person_put_it(opened):
    tab = ready(opened("four"))
    tab.keyboard.press("e")
    choose(tab, 1)
    tab.keyboard.press("1")
    tab.keyboard.press("Home")
    tab.keyboard.press("c")
    tab.keyboard.press("Space")
    tab.wait_for_timeout(2400)
    assert [round(one["hz"], -2) for one in tab.evaluate("window.started")][:4] == [1000, 1500, 1000, 1000]


def test_the_volume_of_the_clicks_can_be_set(opened):
    tab = ready(opened("four"))
    assert not tab.is_visible(".loud[data-lane='lane-0']")
    tab.check(".voice[data-lane='lane-0']")
    assert tab.is_visible(".loud[data-lane='lane-0']")


# ---- tempo


def test_the_grid_is_drawn_and_played_instead_of_the_beats(opened):
    tab = ready(opened("grid"))
    assert rows(tab, "lane-3")[0][2] == "120.00 BPM from 0.530 s"
    times, places = shown(tab)
    assert times == BEATS.tolist()
    tab.keyboard.press("g")
    tab.wait_for_timeout(80)
    on_grid, grid_places = shown(tab)
    assert on_grid == pytest.approx(np.arange(0.53, 11.51, 0.5), abs=0.0011)
    assert grid_places == places[: len(on_grid)]
    tab.keyboard.press("c")
    tab.keyboard.press("Space")
    tab.wait_for_timeout(1900)
    for one, beat in zip(tab.evaluate("window.started")[:3], on_grid, strict=False):
        assert one["at"] == pytest.approx(beat, abs=0.025)
    tab.keyboard.press("Space")
    tab.click("#gridded")
    assert shown(tab) == (times, places)


def test_a_grid_measured_on_other_beats_is_not_shown(opened):
    tab = ready(opened("grid"))
    tab.keyboard.press("g")
    tab.keyboard.press("e")
    assert not tab.is_checked("#gridded")
    tab.click("#half")
    assert tab.is_disabled("#gridded")
    tab.click("#undo")
    assert tab.is_enabled("#gridded")


# ---- doubts


def test_a_doubt_is_heard_twice_and_let_go(opened):
    tab = ready(opened("doubt"))
    tab.select_option("#speed", "2")
    tab.click(".doubts button >> nth=0")
    assert EVIL in tab.inner_text(".doubts button >> nth=0")
    until(tab, "document.querySelector('#play').getAttribute('aria-label') === 'pause'")
    assert tab.get_attribute("#looped", "aria-pressed") == "true"
    seen = []
    while tab.get_attribute("#looped", "aria-pressed") == "true":
        seen.append(position(tab))
        tab.wait_for_timeout(40)
        assert len(seen) < 200
    assert sum(b < a for a, b in pairwise(seen)) == 1
    assert min(seen) >= 0.95
    until_time(tab, 3.3)


def test_many_doubts_are_folded(opened):
    tab = ready(opened("doubt"))
    assert tab.locator(".doubts button:visible").count() == 9
    tab.click("#more")
    assert tab.locator(".doubts button:visible").count() == 10


# ---- edit mode


def test_a_chosen_beat_becomes_beat_one_at_once_and_in_the_file(opened):
    tab = ready(opened("four"))
    assert not tab.is_visible("#edit")
    tab.click("#pencil")
    choose(tab, 5)
    assert tab.inner_text("#chosen") == "0:03.000 · bar 2.2"
    assert tab.is_disabled("#save")
    tab.click("#one")
    assert tab.inner_text("#chosen").endswith(".1")
    assert shown(tab) == meant(FOUR, bar_starts=(3.0,))
    name, text = saved(tab)
    assert name == "song.aural.toml"
    assert tomllib.loads(text) == {"rhythm": {"bar_starts": [3.0]}}
    assert "3.000" in text


def test_all_bars_move_by_a_beat(opened):
    tab = ready(opened("four"))
    tab.keyboard.press("e")
    tab.click("#later")
    assert shown(tab) == meant(FOUR, bar_starts=(1.0,))
    tab.click("#later")
    assert tomllib.loads(saved(tab)[1])["rhythm"]["bar_starts"] == [1.5]
    tab.keyboard.press("[")
    tab.keyboard.press("[")
    tab.wait_for_timeout(50)
    assert tomllib.loads(saved(tab)[1])["rhythm"]["bar_starts"] == [0.5]
    assert shown(tab)[1].startswith("1234")


@pytest.mark.parametrize("word", ["half", "double"])
def test_half_and_double(opened, word):
    tab = ready(opened("four"))
    tab.keyboard.press("e")
    tab.click(f"#{word}")
    assert tab.get_attribute(f"#{word}", "aria-pressed") == "true"
    assert shown(tab) == meant(FOUR, tempo=word)
    assert tab.inner_text("#state").startswith({"half": "60.0 BPM", "double": "240.0 BPM"}[word])
    assert tomllib.loads(saved(tab)[1]) == {"rhythm": {"tempo": word}}
    tab.click(f"#{word}")
    assert shown(tab) == meant(FOUR)


@pytest.mark.parametrize(("typed", "bpm"), [("60", 60.0), ("181,5", 181.5), ("127.5", 127.5)])
def test_a_tempo_can_be_typed(opened, typed, bpm):
    tab = ready(opened("four"))
    tab.keyboard.press("e")
    tab.fill("#bpm", typed)
    tab.keyboard.press("Enter")
    times, places = shown(tab)
    wanted, labels = meant(FOUR, tempo=bpm)
    assert times == pytest.approx(wanted, abs=0.0011)
    assert places == labels
    assert tomllib.loads(saved(tab)[1]) == {"rhythm": {"tempo": bpm}}


@pytest.mark.parametrize("typed", ["", "fast", "5", "1e9", "120]\nx = 1", "NaN"])
def test_what_is_no_tempo_is_refused(opened, typed):
    tab = ready(opened("four"))
    tab.keyboard.press("e")
    tab.fill("#bpm", typed)
    tab.click("#typed")
    assert "between 20 and 400" in tab.inner_text("#message")
    assert tab.is_disabled("#save")


def test_a_metre_from_here(opened):
    tab = ready(opened("four"))
    tab.keyboard.press("e")
    choose(tab, 8)
    metre_here(tab, 3)
    choose(tab, 14)
    metre_here(tab, 7)
    assert shown(tab) == meant(FOUR, metres=((4.5, 3), (7.5, 7)))
    assert [row[2] for row in rows(tab, "lane-1")] == ["4/4", "3/4", "7/4"]
    assert tomllib.loads(saved(tab)[1])["rhythm"]["metre"] == [{"from": 4.5, "beats": 3}, {"from": 7.5, "beats": 7}]
    assert tab.locator("#metre option").all_inner_texts() == [f"{n}/{8 if n in (6, 9, 12) else 4}" for n in range(2, 13)]
    tab.click("#changes button >> nth=0")
    assert shown(tab) == meant(FOUR, metres=((7.5, 7),))


def test_undo_and_redo(opened):
    tab = ready(opened("four"))
    tab.keyboard.press("e")
    states = [shown(tab)]
    for key in ("]", "1"):
        choose(tab, 6)
        tab.keyboard.press(key)
        states.append(shown(tab))
    tab.click("#double")
    states.append(shown(tab))
    for key, state in [("z", 2), ("Control+z", 1), ("z", 0), ("z", 0), ("Shift+Z", 1), ("Control+Shift+z", 2), ("Shift+Z", 3)]:
        tab.keyboard.press(key)
        tab.wait_for_timeout(40)
        assert shown(tab) == states[state], key
    tab.click("#plain")
    assert shown(tab) == states[0]
    tab.click("#undo")
    assert shown(tab) == states[3]


def test_the_keyboard_is_enough(opened):
    tab = ready(opened("four"))
    tab.keyboard.press("e")
    for _ in range(3):
        tab.keyboard.press("ArrowRight")
        tab.wait_for_timeout(60)
    tab.keyboard.press("1")
    tab.locator("#metre").focus()
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Tab")
    tab.keyboard.press("Space")
    assert shown(tab) == meant(FOUR, bar_starts=(1.5,), metres=((1.5, 5),))
    tab.locator("#save").focus()
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    with tab.expect_download() as download:
        tab.keyboard.press("Enter")
    said = tomllib.loads(Path(download.value.path()).read_text())["rhythm"]
    assert said == {"bar_starts": [1.5], "metre": [{"from": 1.5, "beats": 5}]}
    tab.locator("body").press("e")
    assert not tab.is_visible("#edit")


def test_where_to_put_the_file_and_what_to_run_is_told(opened):
    tab = ready(opened("four"))
    tab.keyboard.press("e")
    text = tab.inner_text("#edit p")
    assert "song.aural.toml beside song.ogg" in text
    assert "aural analyze song.ogg -o out" in text


def test_edit_mode_begins_with_the_sidecar_and_can_take_it_back(opened):
    tab = ready(opened("again"))
    said = {"bar_starts": (1.0,), "tempo": "half", "metres": ((6.0, 3),)}
    assert shown(tab) == meant(FOUR, **said)
    tab.keyboard.press("e")
    assert tab.locator("#changes li").count() == 3
    tab.click("#changes button >> nth=2")
    assert shown(tab) == meant(FOUR, bar_starts=(1.0,), tempo="half")
    tab.click("#plain")
    assert shown(tab) == meant(FOUR)
    _, text = saved(tab)
    assert loads(text, Path("song.aural.toml")).rhythm == Rhythm()
    assert text.startswith("# kept\n")
    tab.click("#undo")
    tab.click("#undo")
    assert shown(tab) == meant(FOUR, **said)


def test_without_the_heard_beats_the_sidecars_tempo_is_not_done_twice(opened):
    tab = ready(opened("unheard"))
    tab.keyboard.press("e")
    count = len(shown(tab)[0])
    choose(tab, 3)
    tab.keyboard.press("1")
    assert len(shown(tab)[0]) == count
    assert tomllib.loads(saved(tab)[1])["rhythm"]["tempo"] == "half"


def test_a_part_writes_the_times_of_the_file(opened):
    tab = ready(opened("part"))
    tab.keyboard.press("e")
    assert tab.inner_text("#changes").startswith("beat 1 at 0:01.000")
    choose(tab, 6)
    tab.keyboard.press("1")
    assert tomllib.loads(saved(tab)[1]) == {"rhythm": {"bar_starts": [101.0, 103.5]}}


def test_hostile_words_stay_words(opened):
    tab = ready(opened("evil"))
    assert tab.inner_text("h1") == EVIL
    tab.keyboard.press("e")
    choose(tab, 4)
    tab.keyboard.press("1")
    metre_here(tab, 4)
    name, text = saved(tab)
    assert name.endswith(".aural.toml")
    assert "/" not in name
    assert tomllib.loads(text)["rhythm"] == {"bar_starts": [2.5], "metre": [{"from": 2.5, "beats": 4}]}
    assert tab.locator("#edit img").count() == 0
    assert shown(tab)[1][4:9] == "12341"


def test_a_page_without_beats_has_no_edit_mode(opened):
    tab = ready(opened("onsets"))
    tab.keyboard.press("e")
    tab.keyboard.press("g")
    assert tab.locator("#edit").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_edit_mode_fits_a_phone(opened, scheme):
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True, "color_scheme": scheme}
    tab = ready(opened("all", **phone))
    tab.tap("#pencil")
    tab.wait_for_timeout(200)
    assert tab.evaluate("document.documentElement.scrollWidth") == 360
    lane, panel = box(tab, "#lane-0"), box(tab, "#edit")
    assert lane["y"] >= 0
    assert lane["y"] + lane["height"] < panel["y"]  # both are seen at once
    tab.touchscreen.tap(lane["x"] + 200, lane["y"] + 20)
    tab.wait_for_timeout(100)
    tab.tap("#one")
    assert tab.inner_text("#chosen").endswith(".1")
    assert tab.locator("#changes li").count() == 1


# ---- the rules


def made_up(rng) -> tuple[Events, Rhythm, float]:
    """Beats with gaps and slips, bars known, partly known or not, and something said of them."""
    n, bpm, metre, first = int(rng.integers(0, 50)), rng.uniform(50, 200), int(rng.integers(2, 8)), int(rng.integers(0, 7))
    gaps = 60 / bpm * np.exp(rng.normal(0, rng.choice([0, 0.02, 0.08]), max(n, 1)))
    if n > 20 and rng.random() < 0.3:
        gaps[n // 2] *= rng.choice([2, 3, 7])
    times = np.round(rng.uniform(0, 3) + np.cumsum(gaps), 4)[:n]
    duration = float(times[-1] + rng.uniform(0.1, 3)) if n else 20.0
    known = {"all": range(n), "none": (), "half": range(n // 2, n)}[str(rng.choice(["all", "none", "half"]))]
    labels = [str((i + first) % metre + 1) if i in known else "" for i in range(n)]
    heard = Events(times, labels, np.rint(rng.random(n) * 255) / 255 if rng.random() < 0.7 else None)

    def somewhere() -> float:
        on_a_beat = n and rng.random() < 0.7
        return round(
            min(float(rng.choice(times) + rng.choice([0, 0, 0.1, 0.3]) if on_a_beat else rng.uniform(0, duration)), duration - 0.01), 3
        )

    tempo = (None, "half", "double", round(float(rng.uniform(30, 300)), 1), round(bpm * 1.5, 1))[int(rng.integers(0, 5))]
    starts = tuple(sorted({somewhere() for _ in range(int(rng.choice([0, 0, 1, 2, 4])))}))
    metres = {(0.0 if rng.random() < 0.3 else somewhere()): int(rng.integers(2, 13)) for _ in range(int(rng.choice([0, 0, 1, 2])))}
    return heard, Rhythm(starts, tempo, tuple(sorted(metres.items()))), duration


def test_the_page_and_the_analysis_have_the_same_rules(opened):
    """Beats, positions, confidence, metres and tempo curve of 200 made-up songs with made-up corrections."""
    rng = np.random.default_rng(0)
    songs = [made_up(rng) for _ in range(200)]
    asked = [
        {
            "times": heard.times.tolist(),
            "place": rhythm.positions(heard).tolist(),
            "ink": None if heard.confidence is None else np.rint(heard.confidence * 255).tolist(),
            "said": {"bar_starts": said.bar_starts, "tempo": said.tempo, "metre": [{"from": t, "beats": n} for t, n in said.metres]},
            "duration": duration,
        }
        for heard, said, duration in songs
    ]
    answers = opened("four").evaluate(
        """asked => asked.map(one => {
          const beats = {times: Float64Array.from(one.times), place: Uint16Array.from(one.place), ink: one.ink && Uint8Array.from(one.ink)};
          const made = rhythm.corrected(rhythm.cut(one.said, one.duration), beats, one.duration);
          return {times: [...made.times], place: [...made.place], ink: made.ink && [...made.ink], curve: rhythm.tempoCurve(made),
                  metres: rhythm.metres(made).map(run => [run.start, run.end, run.beats])};
        })""",
        asked,
    )
    for (heard, said, duration), answer in zip(songs, answers, strict=True):
        made, _ = corrected(said.cut(0.0, duration), heard, None, duration)
        np.testing.assert_allclose(answer["times"], made.times, atol=1e-6, err_msg=str(said))
        assert answer["place"] == rhythm.positions(made).tolist(), said
        assert (answer["ink"] is None) == (made.confidence is None)
        if made.confidence is not None:
            assert answer["ink"] == np.rint(made.confidence * 255).tolist(), said
        np.testing.assert_allclose(answer["curve"], rhythm.tempo_curve(made).values[0], atol=1e-6)
        runs = rhythm.metres(made)
        told = [[start, end, int(label)] for start, end, label in zip(runs.starts, runs.ends, runs.labels, strict=True)]
        np.testing.assert_allclose(np.array(answer["metres"]).reshape(-1, 3), np.array(told).reshape(-1, 3), atol=1e-6)
