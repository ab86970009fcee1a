"""A page says what it is given, trusts nothing, needs no network, and is the same every time."""

import base64
import hashlib
import re
import subprocess
import sys

import numpy as np
import pytest

from aural.annotations import Curves, Events, Grid, Intervals, Label, Notes, Score, Tempo
from aural.corrections import CorrectionError
from aural.errors import AnnotationError
from aural.report import Fact, Page, Row, clock, facts_of, index, page, render
from aural.report._harmony import pitches
from aural.sound import Sound
from aural.tasks import names, task

from .made import BEATS, RATE, SECONDS, Elements, clicks, data_of, fields, tasks, unpacked

EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def html():
    return page(fields(), tasks(), sound=clicks(), title="Clicks", artist="A Machine")


def test_the_same_arguments_give_the_same_bytes(html):
    assert page(fields(), tasks(), sound=clicks(), title="Clicks", artist="A Machine") == html


def test_every_field_has_the_lane_that_its_task_declares(html):
    shown = [(lane["field"], lane["kind"], lane["title"]) for lane in data_of(html)["lanes"]]
    declared = [(t.makes, t.lane.kind, t.lane.title) for t in tasks()]
    derived = [("metre", "spans", "metre"), ("tempo curve", "curve", "tempo"), ("sound", "picture", "log-mel")]
    assert sorted(shown) == sorted(declared + derived)
    assert {kind for _, kind, _ in shown} == {"events", "spans", "curve", "roll", "picture"}


@pytest.mark.parametrize("name", [name for name in names() if task(name).lane])
def test_every_task_with_a_lane_can_be_shown(name):
    known = {**fields(), "downbeats": Events(BEATS[::4]), "key": Label("C:major", 0.5)}
    known |= dict.fromkeys(("bass", "melody_notes"), known["notes"])
    asked = task(name)
    if asked.makes not in known:
        pytest.skip(f"no {asked.makes} made for this test")
    shown = data_of(page(known, [name], sound=None))["lanes"]
    assert shown[0]["field"] == asked.makes


def test_times_words_and_confidence_arrive_as_they_were(html):
    given = fields()
    lanes = {lane["field"]: lane for lane in data_of(html)["lanes"]}
    assert unpacked(lanes["beats"]["times"]) == pytest.approx(given["beats"].times, abs=1e-6)
    assert [lanes["beats"]["words"][i] for i in unpacked(lanes["beats"]["word"])] == list(given["beats"].labels)
    assert unpacked(lanes["beats"]["ink"]) / 255 == pytest.approx(given["beats"].confidence, abs=0.002)
    assert "ink" not in lanes["onsets"]
    assert unpacked(lanes["chords"]["ends"]) == pytest.approx(given["chords"].ends)
    assert [lanes["chords"]["words"][i] for i in unpacked(lanes["chords"]["word"])] == list(given["chords"].labels)
    assert unpacked(lanes["notes"]["pitches"]).tolist() == given["notes"].pitches.tolist()
    assert unpacked(lanes["melody"]["curves"][0]) == pytest.approx(given["melody"].values[0], rel=1e-6)
    assert lanes["melody"]["step"] == pytest.approx(0.01)


def test_times_of_a_long_sound_keep_their_milliseconds():
    late = 10_000.0 + np.arange(5) * 0.001
    lane = data_of(page({"onsets": Events(late)}, ["onset"]))["lanes"][0]
    assert unpacked(lane["times"]) == pytest.approx(late, abs=1e-6)


def test_the_tempo_curve_follows_the_beats():
    lane = next(x for x in data_of(page(fields(), ["beat"]))["lanes"] if x["field"] == "tempo curve")
    assert unpacked(lane["curves"][0]) == pytest.approx(np.full(len(BEATS), 120.0))
    assert (lane["first"], lane["step"]) == pytest.approx((BEATS[0], 0.5))


def lanes_of(example, *names, **more):
    return {lane["field"]: lane for lane in data_of(page(example, names, **more))["lanes"]}


def words_of(lane):
    return [lane["words"][i] for i in unpacked(lane["word"])]


def test_the_tempo_of_the_field_comes_before_that_of_the_beats():
    curve = Curves([0.0, 5.0], [[100.0, 110.0]], ("bpm",))
    tempo = Tempo(np.array([100.0]), curve=curve)
    for tasks_ in (["beat", "tempo"], ["tempo"]):
        lane = lanes_of({"beats": Events(BEATS), "tempo": tempo}, *tasks_)["tempo curve"]
        assert unpacked(lane["curves"][0]).tolist() == [100.0, 110.0]
    assert lanes_of({"beats": Events(BEATS)}, "onset") == {}


def test_a_change_of_metre_is_a_span():
    labels = [i % 4 + 1 if i < 16 else (i - 16) % 6 + 1 for i in range(len(BEATS))]
    lane = lanes_of({"beats": Events(BEATS, labels)}, "beat")["metre"]
    assert words_of(lane) == ["4/4", "6/8"]
    assert unpacked(lane["starts"]).tolist() == [BEATS[0], BEATS[16]]


def test_one_known_bar_line_is_no_metre():
    example = {"beats": Events(BEATS, ["", "1", *[""] * (len(BEATS) - 2)])}
    assert words_of(lanes_of(example, "beat")["metre"]) == []
    assert [fact.name for fact in facts_of(example)] == ["BPM"]


def test_beats_without_positions_are_counted_from_the_downbeats():
    example = {"beats": Events(BEATS), "downbeats": Events(BEATS[2::3])}
    lanes = lanes_of(example, "beat", "downbeat")
    assert words_of(lanes["beats"])[:6] == ["2", "3", "1", "2", "3", "1"]
    assert "downbeats" not in lanes  # the bar lines say it
    assert facts_of(example)[1].value == "3"


def test_downbeats_that_are_not_the_beats_bar_lines_keep_their_lane():
    example = {"beats": fields()["beats"], "downbeats": Events(BEATS[1::4])}
    assert "downbeats" in lanes_of(example, "beat", "downbeat")
    assert "downbeats" in lanes_of(example, "downbeat")


def test_a_constant_grid_is_shown_to_a_hundredth_and_its_anchor_to_a_millisecond():
    grid = Grid(0.5, 11.5, 120.004, 0.5004)
    given = data_of(page({"beats": Events(BEATS), "tempo": Tempo(np.array([120.0]), segments=(grid,))}, ["beat", "tempo"]))
    lane = next(lane for lane in given["lanes"] if lane["field"] == "grid")
    assert words_of(lane) == ["120.00 BPM from 0.500 s"]
    assert given["grids"] == [{"start": 0.5, "end": 11.5, "bpm": 120.004, "anchor": 0.5004}]


# ---- corrections

SIDECAR = """# mine </script><script>alert(1)</script>
[rhythm]
bar_starts = [12.480, 3.5]
tempo = 127.5

[[rhythm.metre]]
from = 30.0
beats = 3
"""


def test_edit_mode_begins_with_the_sidecar():
    html = page({"beats": Events(BEATS)}, ["beat"], file_name="a.ogg", corrections=SIDECAR)
    begun = data_of(html)["correction"]
    assert (begun["bar_starts"], begun["tempo"], begun["metre"]) == ([3.5, 12.48], 127.5, [{"from": 30.0, "beats": 3}])
    assert begun["rest"] == "# mine </script><script>alert(1)</script>"
    assert len(Elements(html).all("script")) == 6


def test_the_times_of_a_part_are_counted_from_its_start():
    begun = data_of(page({"beats": Events(BEATS)}, ["beat"], corrections=SIDECAR, offset=3.0))
    assert begun["correction"]["bar_starts"] == pytest.approx([0.5, 9.48])
    assert begun["correction"]["metre"] == [{"from": 27.0, "beats": 3}]
    assert begun["offset"] == 3.0


@pytest.mark.parametrize("text", ["[rhythm", "[rhythm]\nbar_starts = ['<b>']", "[rhythm]\ntempo = '<script>'", "[rhythm]\nmetre = 3"])
def test_corrections_that_cannot_be_read_are_an_error_that_names_the_sidecar(text):
    with pytest.raises(CorrectionError, match=r"a\.aural\.toml:\d"):
        page({"beats": Events(BEATS)}, ["beat"], file_name="a.ogg", corrections=text)


def test_where_to_put_the_corrections_is_told_and_nothing_in_it_is_trusted():
    name = "a'b\"<img src=x>.mp3"
    html = page({"beats": Events(BEATS)}, ["beat"], file_name=name)
    elements = Elements(html)
    assert not elements.all("img")
    told = next(text for attributes, text in elements.all("b") if attributes.get("id") == "sidecar")
    assert told.startswith("a'b\"<img src=x>.aural.toml")
    assert "aural analyze &#39;a&#39;&#34;&#39;&#34;&#39;b" in html  # quoted for a shell, escaped for the page


def test_without_beats_there_is_nothing_to_correct():
    ids = [attributes.get("id") for _, attributes, _ in Elements(page({"onsets": Events(BEATS)}, ["onset"])).found]
    assert not {"edit", "pencil", "gridded"} & set(ids)


def test_a_picture_arrives_as_png_that_spans_the_sound(html):
    lane = next(x for x in data_of(html)["lanes"] if x["field"] == "sound")
    tile = base64.b64decode(lane["levels"][-1]["tiles"][0])
    assert tile.startswith(b"\x89PNG")
    assert int.from_bytes(tile[16:20], "big") == lane["levels"][-1]["width"] == pytest.approx(SECONDS * 40, abs=1)


def test_behind_notes_lies_what_sounds_a_row_a_semitone():
    time = np.arange(5 * RATE) / RATE
    tone = Sound((0.5 * np.sin(2 * np.pi * 442.0 * time))[None], RATE)  # A4 = MIDI 69, a little sharp
    rows = pitches(tone).mean(1)
    assert rows.shape == (88,)
    assert 108 - int(rows.argmax()) == 69
    assert rows[108 - 69] > 2 * rows[108 - 71]
    given = data_of(page({"notes": Notes([1.0], [2.0], [69.0])}, ["note"], sound=tone))["pitches"]
    assert (given["lowest"], given["rows"]) == (21, 88)


def test_without_notes_or_without_sound_no_pitches_are_pictured():
    assert data_of(page({"onsets": Events(BEATS)}, ["onset"], sound=clicks()))["pitches"] is None
    assert data_of(page({"notes": Notes([1.0], [2.0], [69.0])}, ["note"]))["pitches"] is None


def test_sections_are_told_to_the_chart():
    example = {"chords": Intervals([0.0], [4.0], ["C:maj"]), "sections": Intervals([0.0, 2.0], [2.0, 4.0], ["intro", EVIL])}
    assert data_of(page(example, ["chord"]))["sections"] == [{"start": 0.0, "label": "intro"}, {"start": 2.0, "label": EVIL}]


def test_a_chart_stands_where_chords_are_and_nowhere_else():
    def ids(html):
        return {attributes.get("id") for _, attributes, _ in Elements(html).found}

    chords = page({"chords": Intervals([0.0], [4.0], ["C:maj"])}, ["chord"])
    assert {"chart", "transpose", "capo", "edit", "pencil", "name"} <= ids(chords)
    assert not {"one", "bpm"} & ids(chords)  # no beats to correct
    assert not {"chart", "name"} & ids(page(fields(), ["beat"]))


def test_what_a_file_is_for_stands_beside_its_link():
    html = page({}, [], files=[("notes.mid", "song.notes.mid"), ("x", "song.x")])
    assert html.count('<span class="soft">the notes, for any sequencer</span>') == 1


HARMONY = """# mine
[rhythm]
tempo = "half"

[[harmony.chords]]
start = 4.5
end = 6.5
label = "C:min7"
[[harmony.keys]]
start = 3.0
end = 11.0
key = "Eb:major"
"""


def test_edit_mode_begins_with_the_chords_and_keys_of_the_sidecar():
    begun = data_of(page(fields(), ["beat", "chord"], file_name="a.ogg", corrections=HARMONY, offset=1.0))["correction"]
    assert begun["chords"] == [{"start": 3.5, "end": 5.5, "label": "C:min7"}]
    assert begun["keys"] == [{"start": 2.0, "end": 10.0, "label": "Eb:major"}]
    assert (begun["tempo"], begun["rest"]) == ("half", "# mine")


def test_a_lane_that_cannot_draw_its_field_says_so():
    with pytest.raises(AnnotationError, match=r"beats.*'events' can't draw Curves"):
        page({"beats": Curves([0.0, 1.0], [[0.0, 1.0]])}, ["beat"])


def test_fields_that_are_absent_are_left_out():
    assert data_of(page({}, tasks()))["lanes"] == []


def test_a_sound_without_samples_is_still_a_page():
    empty = page({"beats": Events([])}, ["beat"], sound=Sound(np.zeros((1, 0)), 44_100), title="nothing")
    assert "nothing" in empty
    assert data_of(empty)["sound"] is None


def test_a_silent_sound_has_a_flat_waveform():
    silent = data_of(page({}, [], sound=Sound(np.zeros((2, 8000)), 8000)))
    assert not unpacked(silent["peaks"]["top"]).any()


# ---- nothing is trusted


@pytest.fixture(scope="module")
def evil():
    words = {"beats": Events([0.5, 1.0], [EVIL, '"onload=alert(1)']), "chords": Intervals([0.0], [1.0], ["</script><script>alert(1)//"])}
    return page(
        words,
        ["beat", "chord"],
        title=EVIL,
        artist='"onload="alert(1)',
        file_name="a'b\"<img src=x onerror=alert(1)>.mp3",
        facts=[Fact(EVIL, EVIL, EVIL)],
        doubts=[(0.1, 0.2, EVIL)],
        files=[(EVIL, "javascript:alert(1)"), ("net", "//evil.example/x.jams"), ("song", "Песня #1?.jams")],
        made_by=[{"system": EVIL, "command": f"aural {EVIL}", '"><b onclick=x': EVIL}],
        notes=[EVIL],
        link="javascript:alert(1)",
    )


def test_text_of_the_file_is_text(evil):
    elements = Elements(evil)
    scripts = [attributes for attributes, _ in elements.all("script")]
    assert scripts == [{"type": "application/json", "id": "data"}, {}, {}, {}, {}, {}]
    assert not [name for _, attributes, _ in elements.found for name in attributes if name.startswith("on")]
    assert not elements.all("img")
    assert not elements.all("b") or all(not attributes.get("onclick") for attributes, _ in elements.all("b"))
    assert data_of(evil)["lanes"][0]["words"] == [EVIL, '"onload=alert(1)']


def test_a_file_name_that_is_no_text_still_gives_a_page_and_a_link():
    name = b"caf\xe9.jams".decode("utf-8", "surrogateescape")
    html = page({"beats": Events([0.5], [name])}, ["beat"], title=name, files=[(name, name)])
    assert html.encode("utf-8")
    assert 'href="caf%E9.jams"' in html


def test_links_are_relative(evil):
    hrefs = [attributes["href"] for attributes, _ in Elements(evil).all("a")]
    assert hrefs == ["javascript%3Aalert(1)", "evil.example/x.jams", "%D0%9F%D0%B5%D1%81%D0%BD%D1%8F%20%231%3F.jams"]
    assert data_of(evil)["sound"]["href"] == "javascript%3Aalert(1)"


def test_the_policy_allows_only_the_scripts_of_the_page(evil):
    policy = next(a["content"] for a, _ in Elements(evil).all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    allowed = re.findall(r"'sha256-([^']+)'", policy.split("script-src")[1].split(";")[0])
    scripts = re.findall(r"<script>(.*?)</script>", evil, re.DOTALL)
    assert allowed == [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


@pytest.mark.parametrize("made", ["page", "index"])
def test_nothing_is_fetched_from_elsewhere(html, made):
    text = html if made == "page" else index([Row("a", "a.html")])
    for _, attributes, _ in Elements(text).found:
        for name in ("src", "href", "action", "data"):
            assert not re.match(r"(?i)\s*(https?:)?//", attributes.get(name) or "")
    assert "url(" not in text.split("</style>")[0]


# ---- numbers


def test_tempo_and_metre_are_read_off_the_beats():
    facts = {fact.name: fact for fact in facts_of(fields())}
    assert facts["BPM"].value == "120.0"
    assert facts["BPM"].note == ""
    assert facts["beats a bar"].value == "4"


def test_a_tempo_that_moves_shows_its_range():
    times = np.cumsum(np.linspace(0.4, 0.6, 60))
    fact = facts_of({"beats": Events(times)})[0]
    assert fact.note == "varies 103–142"


def test_beats_on_one_clock_do_not_vary():
    times = np.arange(60) * 0.5 + np.random.default_rng(0).normal(0, 0.02, 60)
    grids = Grid(0.0, 29.6, 120.0, 0.0), Grid(0.0, 12.0, 120.0, 0.0)
    notes = [facts_of({"beats": Events(times), "tempo": Tempo([120.0], [1.0], (grid,))})[0].note for grid in grids]
    assert "varies" not in notes[0]
    assert "varies" in notes[1]


def test_other_tempi_stand_beside_the_first():
    tempo = Tempo(np.array([118.0, 59.0, 177.0, 100.0]), np.array([0.85, 0.08, 0.02, 0.05]))
    told = "85 % · 59.0 (half) 8 % · 100.0 5 %"
    assert facts_of({"tempo": tempo}) == [Fact("BPM", "118.0", told, 0.85)]
    assert facts_of({"tempo": tempo, "beats": Events(BEATS)}) == [Fact("BPM", "118.0", told, 0.85)]
    assert facts_of({"tempo": Tempo(np.array([118.0]))}) == [Fact("BPM", "118.0")]
    assert facts_of({"tempo": Tempo(np.zeros(0))}) == []


@pytest.mark.parametrize(("ratio", "name"), [(2, "double"), (1 / 2, "half"), (3, "triple"), (1 / 3, "third"), (3 / 2, "three halves")])
def test_a_candidate_is_named_by_its_ratio_to_the_first(ratio, name):
    (fact,) = facts_of({"tempo": Tempo(np.array([90.0, 90.0 * ratio * 1.02]), np.array([0.6, 0.4]))})
    assert fact.note == f"60 % · {90 * ratio * 1.02:.1f} ({name}) 40 %"


def test_a_constant_grid_says_the_tempo_to_a_hundredth():
    grids = (Grid(0.0, 4.0, 118.5, 0.5), Grid(4.0, 60.0, 118.02, 4.2))
    assert facts_of({"tempo": Tempo(np.array([118.0]), segments=grids)})[0].value == "118.02"


def test_beats_without_bars_have_no_metre():
    assert [fact.name for fact in facts_of({"beats": Events(BEATS)})] == ["BPM"]


def test_the_key_that_lasts_longest_is_the_key():
    key = Intervals([0.0, 5.0, 20.0], [5.0, 20.0, 22.0], ["C:major", "Bb:minor", "C:major"])
    assert facts_of({"key": key}) == [Fact("key", "B♭ minor", "3A · and 1 more", 15 / 22)]


def test_a_key_that_is_none_and_a_tuning_are_facts():
    assert facts_of({"key": Label("N", 0.9)}) == [Fact("key", "none", "", 0.9)]
    assert facts_of({"tuning": Score(435.0)}) == [Fact("A4 in Hz", "435.0", "−20 cents")]


def test_given_facts_are_printed_as_given():
    printed = page({}, [], facts=[Fact("loudness", "−12.4 LUFS", "integrated")])
    assert "−12.4 LUFS" in printed
    assert "integrated" in printed


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (61.4, "1:01"), (3599.6, "1:00:00"), (10_000, "2:46:40")])
def test_a_length_is_written_as_people_write_it(seconds, text):
    assert clock(seconds) == text


# ---- size


def test_four_minutes_without_sound_stay_below_a_megabyte_and_a_half():
    rng = np.random.default_rng(0)
    noise = Sound(rng.normal(0, 0.1, 240 * 16_000), 16_000)  # nothing is harder to compress
    beats = Events(np.arange(0, 240, 0.4), [i % 4 + 1 for i in range(600)], rng.random(600))
    onsets = Events(np.sort(rng.uniform(0, 240, 2500)), None, rng.random(2500))
    starts = np.sort(rng.uniform(0, 239, 4000))
    notes = Notes(starts, starts + 0.3, rng.integers(30, 100, 4000), rng.integers(1, 127, 4000), rng.random(4000))
    html = page({"beats": beats, "onsets": onsets, "notes": notes}, ["beat", "onset", "note"], sound=noise, embed=False)
    assert len(html.encode()) < 1_500_000


def test_importing_the_report_loads_nothing_heavy():
    code = "import sys, aural.report; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())
    assert not loaded & {"torch", "scipy", "soundfile", "soxr", "jinja2", "av"}


def test_a_page_can_be_written_by_hand():
    assert "<h1>by hand</h1>" in render(Page("by hand", 3.0))


# ---- the index of a folder


def test_failures_stand_on_top_and_all_is_text():
    html = index([Row("b", "b.html", 61.0, 120.04, "4/4", "C major", 0.5), Row(EVIL, error=f"broken {EVIL}"), Row("a", "a b.html")])
    cells = [text.strip() for _, text in Elements(html).all("th")[6:]]
    assert cells[0] == EVIL
    assert [attributes for attributes, _ in Elements(html).all("script")] == [{}]
    assert [attributes["href"] for attributes, _ in Elements(html).all("a")] == ["b.html", "a%20b.html"]
    assert "120.0" in html
    assert "1 failed" in html


def test_an_empty_folder_has_an_index():
    assert "0</span> sounds" in index([])
