"""The system that docs/add-a-system.md shows is found, built, trained, saved, loaded and run, with nothing else edited."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

import aural
from aural import registry

PAGE = Path(__file__).parent.parent / "docs" / "add-a-system.md"


@pytest.fixture
def written(tmp_path, monkeypatch) -> str:
    """The name of the page's system, written into a folder that AURAL_SYSTEMS names."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "systems" / "onset" / "example.py"
    path.parent.mkdir(parents=True)
    path.write_text(code, encoding="utf-8")
    monkeypatch.setenv("AURAL_SYSTEMS", str(tmp_path / "systems"))
    return "onset/example"


def clicks(seconds: float = 2.0, rate: int = 22_050) -> aural.Example:
    """Clicks twice a second, and where they are."""
    samples = np.zeros((1, round(seconds * rate)), np.float32)
    times = np.arange(0.25, seconds, 0.5)
    samples[0, np.round(times * rate).astype(int)] = 0.9
    return aural.Example(sound=aural.Sound(samples, rate), onsets=aural.Events(times))


def test_it_is_found_by_its_path_and_says_what_it_is(written):
    card = registry.card(written)
    assert card.title.startswith("Onset detection")
    assert {"Paper", "Survey", "In", "Out", "Differs"} <= set(card.about)
    assert card.options == {"bands": ("int", "40"), "channels": ("int", "16")}


def test_its_options_are_checked(written):
    assert aural.build(written, channels="4").net.layers[0].out_channels == 4
    with pytest.raises(aural.AuralError, match="bands"):
        aural.build(written, band=20)


def test_it_runs_untrained(written):
    onsets = aural.run(aural.build(written), clicks())["onsets"]
    onsets.validate(2.0)


def test_it_learns_and_comes_back_from_its_weights(written, tmp_path):
    trained = aural.train(written, source=[clicks()], steps=2, out=tmp_path)
    torch.manual_seed(0)  # the seed that training begins with
    untrained = aural.build(written)
    assert not torch.equal(trained.net.layers[0].weight, untrained.net.layers[0].weight)
    loaded = aural.load(tmp_path / "weights.safetensors")
    given = clicks()
    soft = [aural.run(system, given, soft=True)["onsets"].values for system in (trained, loaded, untrained)]
    np.testing.assert_array_equal(soft[0], soft[1])
    assert np.abs(soft[0] - soft[2]).max() > 0
