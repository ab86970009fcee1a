"""Facts of [DBDR17]."""

from __future__ import annotations

import numpy as np
import torch

from aural import registry
from aural.system import build


def test_in_training_the_chroma_is_turned_by_every_interval_and_otherwise_never() -> None:
    """Rotation is drawn anew for each example of a batch, and all twelve are drawn."""
    net = build("downbeat/durand17", views="harmony").net
    torch.manual_seed(0)
    tones, rises = torch.rand(1, 1, 84, 32).expand(64, -1, -1, -1), torch.rand(64, 1, 80, 64)
    net.train()
    for module in net.modules():
        if isinstance(module, torch.nn.Dropout1d | torch.nn.BatchNorm2d):
            module.eval()
    answers = net(tones, rises)
    assert len(torch.unique(answers[:, 0, 4].detach().round(decimals=6))) == 12
    net.eval()
    assert torch.allclose(net(tones, rises)[0], net(tones, rises)[1], atol=1e-5)


def test_each_view_has_at_most_forty_thousand_parameters() -> None:
    net = build("downbeat/durand17").net
    assert set(net.nets) == {"rhythm", "harmony", "melody", "bass"}
    for view in net.nets.values():
        assert sum(p.numel() for p in view.parameters()) <= 40_000


def test_views_are_an_option_and_one_alone_answers() -> None:
    system = build("downbeat/durand17", views="bass,rhythm")
    assert list(system.net.nets) == ["bass", "rhythm"]
    assert system.output.views == ("bass", "rhythm")
    assert registry.card("downbeat/durand17").cites == "DBDR17"


def test_one_answer_a_beat() -> None:
    net = build("downbeat/durand17").net.eval()
    assert net(torch.rand(2, 1, 84, 40), torch.rand(2, 1, 80, 80)).shape == (2, 4, 10)
    assert len(net.times(np.arange(40))) == 10
