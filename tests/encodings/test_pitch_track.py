"""Facts about lines of single pitches: a melody's curve and notes, a bass line, and how the best path goes."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest
import torch

from aural.annotations import Curves, Example, Intervals, Notes
from aural.encodings.pitch_track import NONE, PitchTrack, best_line, curve_pitches, note_pitches
from aural.errors import OptionError
from aural.part import stack

FPS = 22_050 / 512
TIMES = np.arange(round(8 * FPS)) / FPS


def melody(pitches: np.ndarray, heard: np.ndarray | None = None, rate: float = 100.0) -> Curves:
    hz = 440.0 * 2 ** ((pitches - 69) / 12)
    return Curves(np.arange(len(pitches)) / rate, (hz if heard is None else hz * heard)[None], ("melody",))


def held(*notes: tuple[float, float], rate: float = 100.0) -> np.ndarray:
    """(pitch, seconds) one after the other."""
    return np.concatenate([np.full(round(seconds * rate), pitch, dtype=float) for pitch, seconds in notes])


def right(part: PitchTrack, example: Example, times: np.ndarray = TIMES) -> torch.Tensor:
    """Logits of a net that says what is true; where nothing is known it says none."""
    target = part.read(example, times)
    unknown = torch.isnan(target[0])
    target[:, unknown] = 0
    target[-1, unknown] = 1
    return target.clamp(min=1e-5).log()


def bass_of(*notes: tuple[float, float, float]) -> Notes:
    starts, ends, pitches = np.array(notes).T
    return Notes(starts, ends, pitches)


# ---- targets


def test_a_pitch_is_a_bell_and_none_the_last_class() -> None:
    heard = (np.arange(800) < 400).astype(float)
    rows = PitchTrack().read(Example(melody=melody(np.full(800, 60.0), heard)), TIMES)
    assert rows.shape == (265, len(TIMES))
    assert torch.allclose(rows.sum(0), torch.ones(len(TIMES)))
    first = rows[:, 10]
    assert int(first.argmax()) == (60 - 21) * 3
    assert float(first[118] / first[117]) == pytest.approx(np.exp(-0.5), rel=1e-4)
    assert (rows[-1, TIMES > 4.02] == 1).all()


def test_nothing_is_known_without_the_field_outside_the_known_past_the_points_and_off_the_bins() -> None:
    part = PitchTrack()
    assert torch.isnan(part.read(Example(), TIMES)).all()
    some = Example(melody=melody(np.full(300, 60.0)), melody_known=Intervals(np.array([0.0]), np.array([2.0]), ("yes",)))
    unknown = torch.isnan(part.read(some, TIMES)).numpy()
    assert (unknown.all(0) == unknown.any(0)).all()
    assert unknown[0, TIMES > 2.01].all()
    assert not unknown[0, TIMES < 1.99].any()
    some.pop("melody_known")
    assert np.array_equal(torch.isnan(part.read(some, TIMES)[0]).numpy(), TIMES > 3.0 + 1e-9)
    assert torch.isnan(part.read(Example(melody=melody(np.full(900, 115.0))), TIMES)).all()


def test_nothing_lies_between_a_pitch_and_none() -> None:
    """A line that stops: its frames are at the pitch or none, though the curve is cut between two points."""
    curve = melody(np.full(500, 60.0), (np.arange(500) % 100 < 50).astype(float))
    for start in (0.495, 0.4951, 0.9955, 1.0):
        line = curve_pitches(curve.cut(start, 4.003), TIMES[TIMES < 3])[0]
        assert set(np.round(line, 6)) == {60.0, NONE}


def test_nothing_is_known_where_points_are_left_out() -> None:
    at = np.concatenate([np.arange(0, 1, 0.01), np.arange(2, 3, 0.01)])  # frames of double stops, say
    line = curve_pitches(Curves(at, np.full((1, 200), 440.0)), np.array([0.5, 0.995, 1.2, 1.8, 1.995, 2.5]))[0]
    assert np.isnan(line[2:4]).all()
    assert (line[[0, 1, 4, 5]] == 69).all()


def test_a_guess_in_the_truth_is_none() -> None:
    curve = Curves(np.arange(800) / 100, np.full((1, 800), -220.0))
    assert (PitchTrack().read(Example(melody=curve), TIMES)[-1] == 1).all()


def test_of_notes_that_overlap_the_last_begun_is_the_line() -> None:
    line, again = note_pitches(bass_of((0.0, 4.0, 40), (1.0, 2.0, 43), (1.0, 2.0, 55), (5.0, 6.0, 40)), TIMES)
    at = {t: line[np.searchsorted(TIMES, t)] for t in (0.5, 1.5, 3.0, 4.5, 5.5)}
    assert at == {0.5: 40, 1.5: 43, 3.0: 40, 4.5: NONE, 5.5: 40}
    assert not len(again)


def test_a_note_begun_again_has_a_frame_of_none_before_it() -> None:
    part = PitchTrack("bass", 21.0, 48, 1, change=0.02)
    rows = part.read(Example(bass=bass_of((0, 1, 40), (1, 2, 40), (2, 3, 41))), TIMES)
    none = np.flatnonzero(rows[-1, TIMES < 3].numpy() == 1)
    assert len(none) == 1
    assert 1 - 1 / FPS <= TIMES[none[0]] < 1


# ---- there and back


@pytest.mark.parametrize("lowest", [48.0, 60.13, 85.7])
def test_a_curve_comes_back_within_five_cents(lowest: float) -> None:
    t, part = np.arange(800) / 100, PitchTrack()
    pitches = lowest + 6 * np.sin(t) ** 2 + 0.3 * np.sin(2 * np.pi * 5 * t)
    heard = (t < 2) | (t >= 3)
    found = part.decode(right(part, Example(melody=melody(pitches, heard))), TIMES, Example())["melody"]
    assert (found.values != 0).all()
    t, hz = found.times, found.values[0]
    assert np.allclose(t, np.arange(len(t)) / 100)
    sure = (np.abs(t - 2) > 0.5 / FPS + 0.01) & (np.abs(t - 3) > 0.5 / FPS + 0.01)
    heard = (t < 2) | (t >= 3)
    assert np.array_equal(hz[sure] > 0, heard[sure])
    cents = 1200 * np.log2(hz[sure & heard] / 440) - 100 * (pitches[: len(t)][sure & heard] - 69)
    assert np.abs(cents).max() < 5


def test_a_pitch_changes_midway_between_frames_not_by_way_of_others() -> None:
    part = PitchTrack()
    found = part.decode(right(part, Example(melody=melody(held((60, 2), (67, 6))))), TIMES, Example())["melody"]
    pitches = 69 + 12 * np.log2(found.values[0] / 440)
    assert set(np.round(pitches, 1)) == {60.0, 67.0}
    assert found.times[np.argmax(pitches > 63)] == pytest.approx(2, abs=0.5 / FPS + 0.01)


def test_a_vibrato_of_half_a_semitone_is_one_note() -> None:
    part, t = PitchTrack(), np.arange(700) / 100
    for rate in (4.5, 5.5, 7.0):
        for centre in (60.0, 60.3, 60.5):
            sung = melody(centre + 0.5 * np.sin(2 * np.pi * rate * t))
            notes = part.decode(right(part, Example(melody=sung)), TIMES, Example())["melody_notes"]
            assert len(notes) == 1
            assert notes.starts[0] == pytest.approx(0, abs=0.02)
            assert notes.ends[0] == pytest.approx(7, abs=0.03)
            assert centre == 60.5 or notes.pitches[0] == pytest.approx(60, abs=0.1)  # counted in the tuning of all


def test_notes_change_where_the_pitch_does_even_with_vibrato_and_off_tune() -> None:
    part = PitchTrack()
    pitches = held((60.4, 1.0), (61.4, 0.5), (60.4, 0.2), (67.4, 1.0), (65.4, 0.12), (64.4, 1.0))
    pitches += 0.4 * np.sin(2 * np.pi * 6 * np.arange(len(pitches)) / 100)
    notes = part.decode(right(part, Example(melody=melody(pitches))), TIMES, Example())["melody_notes"]
    assert np.allclose(notes.pitches, [60, 61, 60, 67, 65, 64], atol=0.2)  # counted in the tuning of all
    assert np.allclose(notes.starts, [0, 1.0, 1.5, 1.7, 2.7, 2.82], atol=0.04)
    assert np.allclose(notes.starts[1:], notes.ends[:-1])


def test_a_glide_belongs_to_the_notes_beside_it() -> None:
    part = PitchTrack()
    pitches = np.concatenate([np.full(100, 60.0), np.linspace(60, 67, 12), np.full(100, 67.0)])
    notes = part.decode(right(part, Example(melody=melody(pitches))), TIMES, Example())["melody_notes"]
    assert notes.pitches.tolist() == pytest.approx([60, 67], abs=0.05)
    assert 1.0 <= notes.starts[1] <= 1.14


def test_a_melody_note_is_begun_again_where_its_notes_say_so_and_the_curve_goes_on() -> None:
    part, curve = PitchTrack(), melody(np.full(300, 62.0))
    example = Example(melody=curve, melody_notes=bass_of((0, 1, 62), (1, 2.5, 62), (2.5, 3, 62)))
    made = part.decode(right(part, example), TIMES, Example())
    assert np.allclose(made["melody_notes"].starts, [0, 1, 2.5], atol=0.025)
    assert np.allclose(made["melody_notes"].ends[:-1], made["melody_notes"].starts[1:])
    assert (made["melody"].values[0, made["melody"].times < 2.98] > 0).all()


@pytest.mark.parametrize("gap", [0.1, 0.3, 1.0])
def test_gaps_are_kept(gap: float) -> None:
    part = PitchTrack()
    heard = np.ones(600)
    heard[200 : 200 + round(100 * gap)] = 0
    made = part.decode(right(part, Example(melody=melody(np.full(600, 60.0), heard))), TIMES, Example())
    silent = (made["melody"].values[0, made["melody"].times < 5.9] < 0).sum() / 100
    assert silent == pytest.approx(gap, abs=1 / FPS + 0.01)
    assert np.allclose(made["melody_notes"].starts, [0, 2 + gap], atol=0.025)
    assert made["melody_notes"].ends[0] == pytest.approx(2, abs=0.025)


def test_a_bass_line_comes_back_with_notes_begun_again() -> None:
    part = PitchTrack("bass", 21.0, 48, 1, change=0.02)
    line = bass_of((0.1, 0.5, 40), (0.5, 1.0, 40), (1.0, 1.3, 28), (1.5, 2.0, 33), (2.0, 2.2, 45), (2.2, 2.4, 45), (2.4, 4, 33))
    made = part.decode(right(part, Example(bass=line)), TIMES, Example())
    assert np.allclose(made.starts, line.starts, atol=0.025)
    assert np.allclose(made.ends, line.ends, atol=0.03)
    assert np.allclose(made.pitches, line.pitches, atol=0.02)
    assert made.confidence is not None
    assert made.confidence.min() > 0.9


def test_no_frames_and_no_melody_are_answers() -> None:
    for part in (PitchTrack(), PitchTrack("bass", 21.0, 48, 1, change=0.02)):
        empty = part.decode(torch.zeros(part.bins + 1, 0), np.zeros(0), Example())
        assert type(empty) is type(part.nothing())
        none = torch.zeros(part.bins + 1, len(TIMES))
        none[-1] = 9
        made = part.decode(none, TIMES, Example())
        notes = made["melody_notes"] if isinstance(made, dict) else made
        assert len(notes) == 0
        assert notes.confidence is not None
        alone = part.decode(none[:, :1], TIMES[:1], Example())
        assert type(alone) is type(made)


# ---- the best path


def cost(path: tuple[int, ...], pitches: np.ndarray, none: np.ndarray, step: float, most: float, change: float) -> float:
    total = sum(none[t] if k < 0 else pitches[t, k] for t, k in enumerate(path))
    for a, b in itertools.pairwise(path):
        total += np.log(change) if (a < 0) != (b < 0) else np.log(1 - change)
        total -= min(step * abs(a - b), most) if a >= 0 and b >= 0 else 0
    return float(total)


@pytest.mark.parametrize("seed", range(8))
def test_the_best_path_is_the_best_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pitches, none = rng.normal(0, 2, (6, 5)).astype(np.float32), rng.normal(0.5, 2, 6).astype(np.float32)
    for step, most, change in ((0.7, 1.5, 0.1), (0.2, 5.0, 0.02), (3.0, 3.0, 0.4)):
        best = max(itertools.product(range(-1, 5), repeat=6), key=lambda path: cost(path, pitches, none, step, most, change))
        assert best_line(pitches, none, step, most, change).tolist() == list(best)


def test_a_long_line_is_found_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    pitches, none = rng.normal(0, 2, (101, 20)).astype(np.float32), rng.normal(2.5, 2, 101).astype(np.float32)
    whole = best_line(pitches, none, 0.7, 3.0, 0.1)
    assert len(np.unique(whole)) > 10
    for frames in (1, 2, 7, 50, 100, 101):
        monkeypatch.setattr("aural.encodings.pitch_track.KEPT", frames)
        np.testing.assert_array_equal(best_line(pitches, none, 0.7, 3.0, 0.1), whole)


def test_pieces_of_logits_say_what_the_whole_says(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = torch.randn(265, 101, generator=torch.Generator().manual_seed(0))
    whole, before = PitchTrack().find(logits), logits.clone()
    for frames in (1, 7, 100):
        monkeypatch.setattr("aural.encodings.pitch_track.AT_ONCE", frames)
        found = PitchTrack().find(logits)
        np.testing.assert_array_equal(found.path, whole.path)
        np.testing.assert_allclose(found.scores, whole.scores, atol=1e-5)
        assert torch.equal(logits, before)


def test_an_octave_for_a_frame_or_two_is_not_believed() -> None:
    part = PitchTrack()
    logits = right(part, Example(melody=melody(np.full(700, 60.0))))
    for frame in (50, 51, 120):
        logits[:-1, frame] = torch.maximum(logits[:-1, frame], torch.roll(logits[:-1, frame], 36) + 1.0)
    assert int(logits[:-1, 50].argmax()) == (72 - 21) * 3
    made = part.decode(logits, TIMES, Example())
    assert np.allclose(69 + 12 * np.log2(made["melody"].values[0, made["melody"].times < 6.9] / 440), 60, atol=0.05)
    assert len(made["melody_notes"]) == 1


def test_a_blurred_pitch_is_not_less_of_a_pitch() -> None:
    """Half a semitone to either side may be meant: no bin is as likely as none, but together they are."""
    part, logits = PitchTrack(), torch.full((265, len(TIMES)), -12.0)
    logits[100:107] = float(np.log(0.65 / 7))
    logits[-1] = float(np.log(0.35))
    assert (part.decode(logits, TIMES, Example())["melody"].values > 0).all()


def test_ten_thousand_frames_take_less_than_a_third_of_a_second() -> None:
    rng = np.random.default_rng(0)
    pitches, none = rng.normal(size=(10_000, 264)).astype(np.float32), rng.normal(size=10_000).astype(np.float32)
    took = []
    for _ in range(5):
        start = time.process_time()
        best_line(pitches, none, 0.25, 6.0, 0.02)
        took.append(time.process_time() - start)
    assert min(took) < 0.3


def test_the_same_in_a_batch_as_alone() -> None:
    from aural.objectives.pitch_track import pitch_track

    part = PitchTrack()
    long, short = Example(melody=melody(np.full(700, 60.0))), Example(melody=melody(np.full(300, 64.0)))
    rows = [part.read(long, TIMES), part.read(short, TIMES[:120])]
    both = part(stack(part, rows))
    assert torch.isnan(both[1, :, 120:]).all()
    torch.manual_seed(0)
    logits = torch.randn(both.shape)
    known = [int((~torch.isnan(row[0])).sum()) for row in rows]
    alone = [float(pitch_track()(logits[i : i + 1, :, : row.shape[-1]], row[None])) for i, row in enumerate(rows)]
    assert float(pitch_track()(logits, both)) == pytest.approx(np.average(alone, weights=known), rel=1e-5)


# ---- what is fitted


def noisy(part: PitchTrack, example: Example, rng: np.random.Generator, bias: float) -> torch.Tensor:
    """A net that is unsure of voicing, and leans to none by `bias`; of a pitch it is always as sure."""
    target = torch.nan_to_num(part.read(example, TIMES))
    voiced = 1 - target[-1]
    odds = torch.from_numpy(rng.normal(0, 0.7, len(TIMES))).float() + 1.5 * (2 * voiced - 1) - bias
    some = part.read(Example(melody=melody(np.full(800, 60.0))), TIMES)[:-1]
    pitches = torch.where(voiced[None] > 0, target[:-1], some).clamp(min=1e-5).log()
    return torch.cat([pitches - pitches.logsumexp(0) + odds, torch.zeros(1, len(TIMES))])


def example(rng: np.random.Generator) -> Example:
    pitches = held(*((float(rng.integers(55, 70)), 0.5) for _ in range(16)))
    heard = np.repeat(rng.random(16) < 0.6, 50).astype(float)
    runs = np.flatnonzero(heard[::50])
    notes = Notes(runs * 0.5, runs * 0.5 + 0.5, pitches[::50][runs])
    return Example(melody=melody(pitches, heard), melody_notes=notes)


def test_fit_finds_what_to_add_to_the_log_odds_of_any() -> None:
    rng, part = np.random.default_rng(0), PitchTrack(change=0.4)
    pieces = [example(rng) for _ in range(6)]
    part.fit([(noisy(part, piece, rng, 2.0), TIMES, piece) for piece in pieces])
    odds, *_, more = part.bias.tolist()
    assert 1.4 <= more / odds <= 2.6
    assert {"bias", "weights"} <= set(part.state_dict())
    with pytest.raises(OptionError, match="melody"):
        part.fit([(torch.zeros(265, len(TIMES)), TIMES, Example())])


def lonely(part: PitchTrack, piece: Example, rng: np.random.Generator, together: int) -> dict[str, torch.Tensor]:
    """A net that hears no melody, and notes where there is one, so many at once."""
    target = torch.nan_to_num(part.read(piece, TIMES))
    pitches = torch.where(target[-1:] > 0, part.read(Example(melody=melody(np.full(800, 60.0))), TIMES)[:-1], target[:-1])
    notes = torch.full((4, 88, len(TIMES)), -9.0)
    notes[1, 40 : 40 + together] = 8 * (1 - target[-1]) - 4 + 0.5 * torch.from_numpy(rng.normal(size=len(TIMES))).float()
    return {"melody": torch.cat([pitches.clamp(min=1e-5).log(), torch.full((1, len(TIMES)), 2.0)]), "notes": notes}


def test_a_voice_alone_is_the_melody_wherever_it_sounds() -> None:
    rng, part = np.random.default_rng(2), PitchTrack()
    pieces = [example(rng) for _ in range(8)]
    silent = [Example(p, melody=melody(np.full(800, 60.0), np.zeros(800)), melody_notes=Notes([], [], [])) for p in pieces[4:]]
    heard = [lonely(part, piece, rng, 1 if k < 4 else 5) for k, piece in enumerate(pieces)]
    part.fit([(y, TIMES, piece) for y, piece in zip(heard, [*pieces[:4], *silent], strict=True)])
    new = example(rng)
    voiced = {k: (part.decode(lonely(part, new, rng, k), TIMES, Example())["melody"].values[0] > 0).mean() for k in (1, 5)}
    assert voiced[1] == pytest.approx(float((new["melody"].values > 0).mean()), abs=0.05)
    assert voiced[5] < 0.05
    alone = part.decode(lonely(part, new, rng, 1)["melody"], TIMES, Example())["melody"]
    assert (alone.values > 0).mean() < 0.5 * voiced[1]


def test_what_was_fitted_before_there_were_weights_is_the_bias_of_none() -> None:
    rng, part = np.random.default_rng(3), PitchTrack()
    y = noisy(part, example(rng), rng, 1.0)
    more = [(part.find(y).path >= 0).sum() for part.bias in map(torch.tensor, (2.0, 0.0, -2.0))]
    assert more[0] < more[1] < more[2]


def test_fitted_confidence_is_the_share_of_notes_that_are_right() -> None:
    """A net that is loud and right nine times in ten, or soft and right once in three."""
    rng, part, pairs = np.random.default_rng(1), PitchTrack(), []
    for piece in range(30):
        loud = piece % 2 == 0
        truth = example(rng)
        said = right(part, truth) * (1.0 if loud else 0.35)
        wrong = Example(
            melody=melody(held(*((80.0, 0.5) for _ in range(16)))),
            melody_notes=Notes(np.arange(16) / 2, np.arange(16) / 2 + 0.5, np.full(16, 80.0)),
        )
        pairs.append((said, TIMES, truth if rng.random() < (0.9 if loud else 0.33) else wrong))
    part.fit(pairs)
    sure = [np.mean([part.decode(said, TIMES, Example())["melody_notes"].confidence.mean() for said, *_ in pairs[i::2]]) for i in (0, 1)]
    assert sure[0] > sure[1] + 0.25
    assert sure[0] == pytest.approx(0.9, abs=0.12)
    assert sure[1] == pytest.approx(0.33, abs=0.15)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(OptionError, match="bins=0"):
        PitchTrack(bins=0)


def test_the_soft_answer_is_probabilities_by_pitch() -> None:
    part = PitchTrack("bass", 21.0, 48, 1, change=0.02)
    curves = part.curves(torch.randn(49, len(TIMES)), TIMES, Example())
    assert np.allclose(curves.values.sum(0), 1, atol=1e-5)
    assert curves.labels[0] == "21.00"
    assert curves.labels[-1] == "none"
