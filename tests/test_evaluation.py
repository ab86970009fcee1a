"""Scoring equals mir_eval's, a perfect answer scores 1, nothing crashes on nothing, one bad piece loses no other."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import mir_eval
import numpy as np
import pytest

from aural import evaluation, formats, tasks
from aural.annotations import Curves, Events, Example, Intervals, Label, Notes, Tempo
from aural.data import Pieces
from aural.errors import AuralError, DataError, UnknownName
from aural.evaluation import bootstrap, evaluate, guess, read_answer, score_files
from aural.tasks.note import score as note_score

CHORDS = ["C:maj", "A:min7/b3", "F:maj(9)", "N", "G:7", "E:(3,5,b7)", "Bb:hdim7", "X", "D:min"]


def write(path: Path, rows: object, form: str = "%.6f", delimiter: str = "\t") -> Path:
    np.savetxt(path, rows, fmt=form, delimiter=delimiter)
    return path


def times(seed: int, n: int = 60, jitter: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.sort(np.abs(np.arange(1, n + 1) * 0.5 + rng.normal(0, jitter, n)))


def spans(path: Path, seed: int, n: int = 30) -> Path:
    rng = np.random.default_rng(seed)
    edges = np.concatenate([[0], np.cumsum(rng.uniform(0.5, 3, n))])
    path.write_text("".join(f"{a:.4f}\t{b:.4f}\t{rng.choice(CHORDS)}\n" for a, b in pairwise(edges)))
    return path


def notes(path: Path, seed: int) -> Path:
    rng = np.random.default_rng(3)
    starts = np.sort(rng.uniform(0, 20, 50))
    hertz = 440 * 2 ** ((rng.integers(40, 90, 50) - 69) / 12)
    moved = np.random.default_rng(seed)
    lengths = np.abs(rng.uniform(0.1, 1, 50) + moved.normal(0, 0.05, 50)) + 0.01
    starts = np.abs(starts + moved.normal(0, 0.03, 50))
    return write(path, np.stack([starts, starts + lengths, hertz * 2 ** (moved.normal(0, 0.3, 50) / 12)], 1))


def melody(path: Path, seed: int, hop: float) -> Path:
    rng = np.random.default_rng(seed)
    at = np.arange(0, 10, hop)
    f0 = 220 * 2 ** (np.round(np.sin(at) * 7) / 12) * rng.choice([1, 1, 1, 2, 1.01], len(at)) * rng.choice([1, 1, 1, 0, -1], len(at))
    return write(path, np.stack([at, f0], 1))


def same(ours: dict[str, float], theirs: dict[str, float]) -> None:
    assert list(ours) == list(theirs)
    np.testing.assert_allclose(list(ours.values()), list(theirs.values()), atol=1e-6)


def mir(module: str, *sides: object) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dict(getattr(mir_eval, module).evaluate(*sides))


@pytest.mark.parametrize("task", ["beat", "onset"])
def test_events_score_as_mir_eval_scores_them(task: str, tmp_path: Path) -> None:
    ref, est = write(tmp_path / "r.txt", times(0)), write(tmp_path / "e.txt", times(1, 70, 0.04))
    same(score_files(ref, est, task), mir(task, mir_eval.io.load_events(str(ref)), mir_eval.io.load_events(str(est))))


def test_chords_score_as_mir_eval_scores_them(tmp_path: Path) -> None:
    ref, est = spans(tmp_path / "r.lab", 0), spans(tmp_path / "e.lab", 1, 25)
    sides = (*mir_eval.io.load_labeled_intervals(str(ref)), *mir_eval.io.load_labeled_intervals(str(est)))
    same(score_files(ref, est), mir("chord", *sides))


def test_notes_score_as_mir_eval_scores_them(tmp_path: Path) -> None:
    ref, est = notes(tmp_path / "r.notes.txt", 0), notes(tmp_path / "e.notes.txt", 1)
    sides = (*mir_eval.io.load_valued_intervals(str(ref)), *mir_eval.io.load_valued_intervals(str(est)))
    same(score_files(ref, est), mir("transcription", *sides))


def test_melodies_score_as_mir_eval_scores_them(tmp_path: Path) -> None:
    ref, est = melody(tmp_path / "r.txt", 0, 0.01), melody(tmp_path / "e.txt", 1, 0.0058)
    same(score_files(ref, est, "melody"), mir("melody", *mir_eval.io.load_time_series(str(ref)), *mir_eval.io.load_time_series(str(est))))


@pytest.mark.parametrize("row", ["60 120 0.3", "61.2 118.8 1.0", "0 120 0"])
def test_tempi_score_as_mir_eval_scores_them(row: str, tmp_path: Path) -> None:
    ref, est = tmp_path / "r.tempo", tmp_path / "e.tempo"
    ref.write_text("59.5\t121.0\t0.4\n")
    est.write_text(row + "\n")
    tempi, weight = mir_eval.io.load_tempo(str(ref))
    same(score_files(ref, est), mir("tempo", tempi, weight, mir_eval.io.load_tempo(str(est))[0]))


@pytest.mark.parametrize("guessed", ["C major", "G major", "A minor", "C minor", "F# major"])
def test_keys_score_as_mir_eval_scores_them(guessed: str, tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("C\tmajor\n")
    (tmp_path / "e.key").write_text(guessed.replace(" ", ":") + "\n")
    same(score_files(tmp_path / "r.txt", tmp_path / "e.key"), mir("key", "C major", guessed))


PERFECT = {
    "beat": Events(times(0), tuple(str(i % 4 + 1) for i in range(60))),
    "downbeat": Events(times(0)[::4]),
    "onset": Events(times(0)),
    "tempo": Tempo(np.array([120.0, 60.0]), np.array([0.8, 0.2])),
    "key": Intervals(np.array([0.0, 5.0]), np.array([5.0, 20.0]), ("C:major", "G:minor")),
    "chord": Intervals(np.array([0.0, 2.0, 4.0]), np.array([2.0, 4.0, 9.0]), ("C:maj", "N", "A:min7/b3")),
    "melody": Curves(np.arange(0, 9, 0.01), np.where(np.arange(900) % 90 < 60, 220.0, 0.0)[None]),
    "melody_note": Notes(times(0), times(0) + 0.3, np.arange(60) + 30.0),
    "bass": Notes(times(0), times(0) + 0.3, np.arange(60) + 30.0),
    "note": Notes(times(0), times(0) + 0.3, np.arange(60) + 30.0),
    "pitch": Curves(np.arange(0, 9, 0.01), np.stack([np.full(900, 220.0), np.where(np.arange(900) % 90 < 60, 330.0, 0.0)])),
}
NOTHING = {
    "beat": Events(np.zeros(0)),
    "downbeat": Events(np.zeros(0)),
    "onset": Events(np.zeros(0)),
    "tempo": Tempo(np.zeros(0)),
    "key": Intervals(np.zeros(0), np.zeros(0), ()),
    "chord": Intervals(np.zeros(0), np.zeros(0), ()),
    "melody": Curves(np.zeros(0), np.zeros((1, 0))),
    "melody_note": Notes(np.zeros(0), np.zeros(0), np.zeros(0)),
    "bass": Notes(np.zeros(0), np.zeros(0), np.zeros(0)),
    "note": Notes(np.zeros(0), np.zeros(0), np.zeros(0)),
    "pitch": Curves(np.zeros(0), np.zeros((1, 0))),
}


OF_CLIPS = {"tag", "label", "instrument", "speech", "speaker"}  # words of the whole: tests/systems/test_section3.py
NUMBERS = {"tuning"}  # tests/systems/test_tuning.py


def test_every_task_with_a_measure_is_tested_here() -> None:
    assert set(PERFECT) == {name for name in tasks.names() if tasks.task(name).score} - OF_CLIPS - NUMBERS


@pytest.mark.parametrize("name", sorted(OF_CLIPS))
def test_words_of_a_clip_are_read_from_jams_or_not_at_all(name: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a word\n")
    with pytest.raises(DataError, match="JAMS"):
        score_files(tmp_path / "a.txt", tmp_path / "a.txt", name)


@pytest.mark.parametrize("name", sorted(PERFECT))
def test_a_perfect_answer_scores_one(name: str) -> None:
    scores = tasks.task(name).score(PERFECT[name], PERFECT[name])
    assert {k: v for k, v in scores.items() if k != "VFA"} == pytest.approx({k: 1.0 for k in scores if k != "VFA"})
    assert scores.get("VFA", 0.0) == 0.0


@pytest.mark.parametrize("name", sorted(NOTHING))
@pytest.mark.parametrize("which", ["no reference", "no estimate", "neither"])
def test_nothing_is_scored_not_a_crash(name: str, which: str) -> None:
    reference = PERFECT[name] if which == "no estimate" else NOTHING[name]
    estimate = PERFECT[name] if which == "no reference" else NOTHING[name]
    with evaluation.quiet():
        scores = tasks.task(name).score(reference, estimate)
    assert all(0 <= value <= 1 for value in scores.values())
    if which == "no estimate" and name not in ("chord", "melody"):  # those say "N" and "no voice", right where nothing sounds
        assert set(scores.values()) == {0.0}


@pytest.mark.parametrize("name", ["beat", "onset", "downbeat"])
def test_one_event_on_each_side_is_scored(name: str) -> None:
    one = Events(np.array([6.0]))
    with evaluation.quiet():
        assert next(iter(tasks.task(name).score(one, one).values())) == 1.0
        tasks.task(name).full(one, one)


def test_tempo_knows_octaves_and_four_percent() -> None:
    def acc(bpm: float) -> dict[str, float]:
        return tasks.task("tempo").score(Tempo(np.array([100.0])), Tempo(np.array([bpm])))

    assert acc(103.9) == {"acc1": 1.0, "acc2": 1.0}
    assert acc(104.1) == {"acc1": 0.0, "acc2": 0.0}
    assert acc(200.0) == acc(50.0) == acc(300.0) == acc(33.4) == {"acc1": 0.0, "acc2": 1.0}


def test_exact_chords_need_every_pitch_and_the_bass() -> None:
    def exact(reference: str, estimate: str) -> dict[str, float]:
        one = [Intervals(np.zeros(1), np.ones(1), (label,)) for label in (reference, estimate)]
        return tasks.task("chord").score(*one)

    assert exact("C:maj7", "C:maj")["exact"] == 0.0
    assert exact("C:maj7", "C:maj")["majmin"] == 1.0
    assert exact("C:maj/3", "C:maj")["exact"] == 0.0
    assert exact("C:maj7", "B#:maj7")["exact"] == 1.0


# ---- what a file is


@pytest.mark.parametrize(
    ("name", "text", "task"),
    [
        ("a.beats", "0.5\t1\n1.0\t2\n", "beat"),
        ("a.onsets.csv", "time,confidence\n0.5,0.9\n", "onset"),
        ("my.song.onsets.txt", "0.5\n", "onset"),
        ("a.lab", "0 1 C:maj\n", "chord"),
        ("a.txt", "0.0 1.5 C:(3,5,b7)\n1.5 2 N\n", "chord"),
        ("a.txt", "0.0 1.5 440.0\n1.5 2 220.5\n", "note"),
        ("a.csv", "start,end,pitch,velocity\n0,1,60,90\n", "note"),
        ("a.txt", "60 120 0.4\n", "tempo"),
        ("a.txt", "F# minor\n", "key"),
        ("a.csv", "0.00,0.0\n0.01,220.0\n", "melody"),
        ("a.csv", "time,f0_hz\n0.00,220.0\n", "melody"),
        ("a.txt", "0.5 1\n1.0 2\n1.5 3\n2.0 1\n", "beat"),
        ("beats.txt", "0.5\n1.0\n", "beat"),
    ],
)
def test_the_task_is_guessed_from_names_and_contents(name: str, text: str, task: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    assert guess(tmp_path / name) == task


def test_an_unclear_file_asks_for_the_task(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("0.5\n1.0\n")
    with pytest.raises(DataError, match="--task"):
        guess(tmp_path / "a.txt")


def test_headers_commas_comments_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('\ufeff# by hand\nstart, end, label\n0, 1.5, "C:(3,5,b7)"\n1.5, 2, N\n', encoding="utf-8")
    chords = read_answer(path, tasks.task("chord"))
    assert chords.labels == ("C:(3,5,b7)", "N")
    assert chords.ends.tolist() == [1.5, 2.0]


def test_whole_numbers_below_128_are_midi_pitches_and_others_hertz(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("0 1 60\n1 2 69\n")
    assert read_answer(path, tasks.task("note")).pitches.tolist() == [60, 69]
    path.write_text("0 1 440\n")
    assert read_answer(path, tasks.task("note")).pitches.tolist() == [69]


def test_downbeats_are_the_beats_at_position_one(tmp_path: Path) -> None:
    (tmp_path / "a.beats").write_text("0.5\t3\n1.0\t4\n1.5\t1\n2.0\t2\n")
    assert read_answer(tmp_path / "a.beats", tasks.task("downbeat")).times.tolist() == [1.5]
    (tmp_path / "b.txt").write_text("1.5\n3.5\n")
    assert read_answer(tmp_path / "b.txt", tasks.task("downbeat")).times.tolist() == [1.5, 3.5]


def test_json_of_other_programs_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"result": {"beats": [[0.5, 4], [1.0, 1]]}}))
    assert read_answer(path, tasks.task("beat")).labels == ("4", "1")
    assert read_answer(path, tasks.task("downbeat")).times.tolist() == [1.0]
    path.write_text("[0.5, 1.0]")
    assert read_answer(path, tasks.task("onset")).times.tolist() == [0.5, 1.0]


@pytest.mark.parametrize(
    ("text", "task", "says"),
    [
        ("abc\ndef\n", "onset", "abc"),
        ("0 1 C:maj\n0.5\n", "chord", "bad.txt:2|no column"),
        ("60 120 7\n", "tempo", "weight"),
        ("0 1 C:nonsense\n", "chord", "C:nonsense"),
        ("H major\n", "key", "Key H is invalid"),
    ],
)
def test_a_bad_file_is_named_with_the_reason(text: str, task: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text(text)
    with pytest.raises(AuralError, match=says) as error:
        score_files(tmp_path / "bad.txt", tmp_path / "bad.txt", task)
    assert "bad.txt" in str(error.value)
    with pytest.raises(DataError, match="no such file"):
        score_files(tmp_path / "none.txt", tmp_path / "bad.txt", task)


@pytest.mark.parametrize("form", ["jams", "csv", "lab"])
@pytest.mark.parametrize("name", sorted(PERFECT))
def test_what_aural_writes_scores_one_against_itself(name: str, form: str, tmp_path: Path) -> None:
    task = tasks.task(name)
    files = formats.write(form, "song", Example({task.makes: PERFECT[name]}), [task])
    path = tmp_path / next(file for file in files if task.makes in file or file.endswith(".jams"))
    path.write_bytes(files[path.name])
    odd = ("Voicing False Alarm", "Goto", "Information gain")
    figures = {k: v for k, v in score_files(path, path, name).items() if k not in odd}
    assert figures == pytest.approx({k: float("Error" not in k) for k in figures})
    if name != "downbeat":
        assert guess(path, path) == name


# ---- a peer or a system on a source


def pieces() -> Pieces:
    def one(seed: int) -> Example:
        return Example({"onsets": Events(times(seed)), "strata": ("odd",) if seed % 2 else ("even", "all fours")[: 1 + (seed == 4)]})

    def broken() -> Example:
        raise OSError("the disk is gone")

    made = [(f"p{i}", lambda i=i: one(i)) for i in range(6)]
    return Pieces("toy", [*made, ("broken", broken), ("silent", lambda: Example({"onsets": Events(np.zeros(0))})), ("other", Example)])


@pytest.fixture
def estimates(tmp_path: Path) -> Path:
    folder = tmp_path / "peer"
    folder.mkdir()
    for i in range(5):
        write(folder / f"p{i}.txt", times(i)[: 60 if i != 2 else 20])
    (folder / "silent.csv").write_text("time\n")
    (folder / "other.csv").write_text("time\n")
    return folder


def test_a_peers_files_are_scored_piece_by_piece(estimates: Path) -> None:
    report = evaluate("onset", pieces(), estimates)
    assert {p.name: round(p.scores["F25"], 3) for p in report.pieces} == {"p0": 1, "p1": 1, "p2": 0.5, "p3": 1, "p4": 1, "silent": 0}
    assert [name for name, _ in report.failures] == ["p5", "broken"]
    assert "looked for p5" in report.failures[0][1]
    assert "the disk is gone" in report.failures[1][1]
    text = str(report)
    assert "not scored: broken" in text
    assert "without onsets, left out: other" in text
    assert "nothing in the reference, scored 0 by mir_eval: silent" in text
    assert report.worst(2) == [("silent", 0.0), ("p2", 0.5)]


def test_the_json_has_one_form(estimates: Path) -> None:
    found = json.loads(json.dumps(evaluate("onset", pieces(), estimates).to_json()))
    assert list(found) == ["system", "source", "figures"]
    assert (found["system"], found["source"], list(found["figures"])) == ("peer", "toy", ["F25", "F50"])
    assert list(found["figures"]["F25"]) == ["value", "low", "high", "n"]
    assert found["figures"]["F25"]["n"] == 6
    assert found["figures"]["F25"]["value"] == pytest.approx(4.5 / 6)


def test_strata_are_reported_apart(estimates: Path) -> None:
    report = evaluate("onset", pieces(), estimates)
    assert report.strata == ["even", "odd"]  # a group of one piece is no group
    assert report.figures("all fours")["F25"].n == 1
    assert report.figures("odd")["F25"].value == 1.0
    assert report.figures("even")["F25"] == bootstrap([1.0, 0.5, 1.0])


def test_a_limit_and_the_progress(estimates: Path) -> None:
    seen: list[float] = []
    report = evaluate("onset", pieces(), estimates, progress=seen.append, limit=2)
    assert len(report.pieces) == 2
    assert seen == [0.5, 1.0]


def test_a_task_may_come_with_a_measure_of_its_own(estimates: Path) -> None:
    own = replace(tasks.task("onset"), score=lambda reference, estimate: {"n": float(len(reference))})
    report = evaluate("onset", pieces(), estimates, task=own)
    assert [*report.figures()] == ["n"]
    assert evaluate("onset", pieces(), estimates).figures().keys() != report.figures().keys()


def test_notes_are_as_late_as_the_tolerance_lets_them_be() -> None:
    truth, late = (Notes(np.array([t]), np.array([t + 1]), np.array([60.0])) for t in (1.0, 1.08))
    assert note_score(truth, late)["F_onset"] == 0
    assert note_score(truth, late, tolerance=0.1)["F_onset"] == 1


def test_the_interval_is_the_bootstraps() -> None:
    values = np.random.default_rng(1).normal(0.7, 0.1, 400)
    figure = bootstrap(values)
    assert figure == bootstrap(values)
    assert figure.n == 400
    standard_error = values.std() / 20
    assert figure.value - figure.low == pytest.approx(1.96 * standard_error, rel=0.1)
    assert figure.high - figure.value == pytest.approx(1.96 * standard_error, rel=0.1)
    assert bootstrap([0.5]) == evaluation.Figure(0.5, 0.5, 0.5, 1)


def test_what_cannot_be_scored_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder of estimates"):
        evaluate("onset", pieces(), tmp_path / "none")
    with pytest.raises(DataError, match=r"nothing could be scored.*p0"):
        evaluate("onset", pieces(), tmp_path)
    with pytest.raises(AuralError, match="no system answers the task 'pitch'"):
        evaluate("pitch", pieces())
    with pytest.raises(UnknownName, match="onset"):
        evaluate("onsett", pieces())


def test_labels_answer_the_key_task_too() -> None:
    assert tasks.task("key").score(Label("C:major"), Label("A minor")) == {"weighted": 0.3}
