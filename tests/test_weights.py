"""Every shipped weight: it loads, its card is whole, its probe comes out again, it is small."""

from __future__ import annotations

from pathlib import Path

import pytest

from aural.registry import WEIGHTS
from aural.running import probe
from aural.system import load

SHIPPED = sorted(WEIGHTS.glob("*/*.safetensors"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_the_probe_of_a_shipped_weight_comes_out_again(path: Path) -> None:
    system = load(path)
    stored = system.card["probe"]
    found = probe(system, stored["seed"], stored["seconds"])
    assert found["mean"] == pytest.approx(stored["mean"], abs=2e-3)
    assert found["max"] == pytest.approx(stored["max"], abs=2e-2)


def test_some_weights_ship_and_all_together_stay_small() -> None:
    assert {p.parent.name for p in SHIPPED} >= {"beat", "onset"}
    assert sum(p.stat().st_size for p in SHIPPED) < 60e6
