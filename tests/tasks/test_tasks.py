"""Tasks are files; each says what it makes, and no two make the same."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from aural import registry, tasks
from aural.annotations import Intervals
from aural.errors import UnknownName
from aural.tasks.chord import chord


@pytest.mark.parametrize("name", tasks.names())
def test_a_task_says_what_it_gives_and_makes(name: str) -> None:
    task = tasks.task(name)
    assert task.name == name
    assert task.gives
    assert task.title
    assert task.plural
    assert (task.score is None) == (task.full is None)
    assert not task.default or name in registry.card(task.default).tasks


def test_each_field_has_one_maker() -> None:
    makes = [tasks.task(name).makes for name in tasks.names()]
    assert len(set(makes)) == len(makes)
    assert tasks.maker("downbeats") is tasks.task("downbeat") is tasks.task("downbeats")
    assert tasks.maker("nothing") is None


def test_the_nearest_task_is_offered() -> None:
    with pytest.raises(UnknownName, match="melody"):
        tasks.task("meldoy")


def test_tasks_are_listed_without_heavy_imports() -> None:
    heavy = ["torch", "scipy", "mir_eval", "soundfile"]
    code = f"import sys; from aural import tasks; [tasks.task(n) for n in tasks.names()]; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.mark.filterwarnings("ignore::UserWarning:mir_eval")
def test_chords_that_a_metric_ignores_are_no_mistakes_in_it() -> None:
    def over(*labels: str) -> Intervals:
        edges = np.arange(len(labels) + 1.0)
        return Intervals(edges[:-1], edges[1:], labels)

    figures = chord.score(over("C:5", "G:5"), over("C:maj", "A:min"))
    assert "majmin" not in figures
    assert "sevenths" not in figures
    assert "mirex" not in figures  # it wants three tones
    assert figures["root"] == 0.5
    assert figures["exact"] == 0.0
    mixed = chord.score(over("C:5", "G:maj"), over("C:min", "G:maj"))
    assert mixed["majmin"] == 1.0  # the fifth is not compared
    assert set(chord.score(over(), over("C:maj"))) == {"root", "majmin", "sevenths", "mirex", "exact"}
