"""What a band is compared with: its own neighbourhood in time."""

from __future__ import annotations

import pytest
import torch

from aural.errors import OptionError
from aural.nets.padding import Contrast


def test_contrast_is_the_distance_from_the_mean_of_the_frames_around_in_deviations() -> None:
    x = torch.randn(2, 3, 40, generator=torch.Generator().manual_seed(0))
    made = Contrast(9, floor=0.25)(x)
    for n in (0, 3, 20, 39):
        around = x[..., max(0, n - 4) : n + 5]
        expected = (x[..., n] - around.mean(-1)) / (around.std(-1, unbiased=False) + 0.25)
        torch.testing.assert_close(made[..., n], expected)


def test_what_is_louder_throughout_by_a_constant_looks_the_same() -> None:
    x = torch.randn(1, 2, 4, 300, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(Contrast(101)(x + 7), Contrast(101)(x), rtol=1e-4, atol=1e-4)


def test_frames_past_the_end_are_not_compared_with() -> None:
    x = torch.randn(2, 1, 3, 60, generator=torch.Generator().manual_seed(2))
    heard = (torch.arange(60) < torch.tensor([60, 35])[:, None])[:, None].float()
    made = Contrast(21)(x, heard)
    torch.testing.assert_close(made[1, ..., :35], Contrast(21)(x[1:, ..., :35])[0])
    assert not made[1, ..., 35:].any()


@pytest.mark.parametrize("reach", [10, 15])
def test_a_frame_hears_half_the_frames_to_either_side(reach: int) -> None:
    x = torch.randn(1, 1, 2, 100, generator=torch.Generator().manual_seed(3))
    whole = Contrast(2 * reach + 1)(x)
    torch.testing.assert_close(Contrast(2 * reach + 1)(x[..., 20:80])[..., reach:-reach], whole[..., 20 + reach : 80 - reach])


def test_contrast_with_no_frames_around_is_an_error() -> None:
    with pytest.raises(OptionError, match="at least one"):
        Contrast(0)
