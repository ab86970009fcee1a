"""Small problems that show what a network can and cannot do. The full ones of the papers are marked slow."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aural.nets.blocks import parameters
from aural.nets.mlp import MLP
from aural.nets.rnn import Recurrent
from aural.nets.seq2seq import Seq2Seq
from aural.nets.tcn import TCN
from aural.objectives import binary, classes


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def learned(net, draw, loss, steps: int, rate: float, clip: float = 1.0, seed: int = 0) -> list[float]:
    """Losses of Adam, on what `draw(generator)` gives."""
    optimiser = torch.optim.Adam(net.parameters(), rate)
    generator, losses = torch.Generator().manual_seed(seed), []
    for _ in range(steps):
        x, y = draw(generator)
        optimiser.zero_grad()
        value = loss(net(x), y)
        value.backward()
        nn.utils.clip_grad_norm_(net.parameters(), clip)
        optimiser.step()
        losses.append(value.item())
    return losses


# ---- exclusive or


CORNERS = torch.tensor([[-1.0, -1], [-1, 1], [1, -1], [1, 1]])
EITHER = torch.tensor([0.0, 1, 1, 0])


@pytest.mark.parametrize("seed", range(3))
def test_exclusive_or_with_four_hidden_units(seed):
    torch.manual_seed(seed)
    net = MLP((2, 4, 1), nn.Tanh)
    assert parameters(net) == (2 + 1) * 4 + (4 + 1) * 1
    learned(net, lambda _: (CORNERS, EITHER), lambda y, t: binary(y[:, 0], t), 300, 0.05, 100.0)
    assert ((net(CORNERS)[:, 0] > 0) == EITHER.bool()).all()


@pytest.mark.slow
def test_exclusive_or_with_every_seed():
    for seed in range(10):
        torch.manual_seed(seed)
        net = MLP((2, 4, 1), nn.Tanh)
        learned(net, lambda _: (CORNERS, EITHER), lambda y, t: binary(y[:, 0], t), 2000, 0.05, 100.0)
        assert ((net(CORNERS)[:, 0] > 0) == EITHER.bool()).all()


def test_exclusive_or_without_a_hidden_layer():
    torch.manual_seed(0)
    net = MLP((2, 1))
    losses = learned(net, lambda _: (CORNERS, EITHER), lambda y, t: binary(y[:, 0], t), 300, 0.05)
    assert min(losses) >= math.log(2) - 1e-6
    best = 0.0
    for w in itertools.product(torch.linspace(-2, 2, 17).tolist(), repeat=3):  # no line parts them
        said = CORNERS @ torch.tensor(w[:2]) + w[2] > 0
        best = max(best, (said == EITHER.bool()).float().mean().item())
    assert best == 0.75


def test_exclusive_or_by_hand():
    for a, b in itertools.product((0, 1), repeat=2):
        one, two = a + b > 0.5, a + b > 1.5
        assert (one - two > 0.5) == (a != b)


def test_back_propagation_by_hand():
    torch.manual_seed(0)
    net = MLP((3, 4, 2), nn.Tanh).double()
    x, y = torch.randn(5, 3, dtype=torch.float64), torch.randn(5, 2, dtype=torch.float64)
    (net(x) - y).square().sum().backward()
    first, second = net[0], net[2]
    hidden = torch.tanh(x @ first.weight.mT + first.bias)
    above = 2 * (hidden @ second.weight.mT + second.bias - y)
    below = (above @ second.weight) * (1 - hidden**2)
    for p, by_hand in (
        (second.weight, above.mT @ hidden),
        (second.bias, above.sum(0)),
        (first.weight, below.mT @ x),
        (first.bias, below.sum(0)),
    ):
        torch.testing.assert_close(p.grad, by_hand, rtol=0, atol=1e-10)


# ---- echo: what the receptive field reaches


def echo(frames: int, delay: int, batch: int = 16):
    def draw(generator: torch.Generator) -> tuple[Tensor, Tensor]:
        x = torch.randn(batch, 1, frames, generator=generator)
        return x, F.pad(x, (delay, 0))[..., :frames]

    return draw


class Headed(nn.Module):
    """A body of frames and a linear layer."""

    def __init__(self, body: nn.Module, outputs: int) -> None:
        super().__init__()
        self.body, self.head = body, nn.Conv1d(int(body.channels), outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


def echoed(delay: int, steps: int, blocks: int = 2, frames: int = 0) -> float:
    """The mean squared error of a net that has tried to learn an echo; the variance is 1."""
    torch.manual_seed(0)
    net = Headed(TCN(1, [12] * blocks, 3, activation=nn.Identity), 1)
    assert net.body.field == 1 + 4 * (2**blocks - 1)
    draw = echo(frames or 5 * net.body.field - 5, delay)

    def error(y: Tensor, t: Tensor) -> Tensor:
        return (y - t)[..., delay:].square().mean()

    learned(net, draw, error, steps, 0.01)
    with torch.no_grad():
        x, y = draw(torch.Generator().manual_seed(99))
        return error(net(x), y).item()


def test_an_echo_within_the_field_is_learned_and_one_beyond_is_not():
    assert echoed(12, 300) < 0.01  # the field is 13 frames: the echo of 12 is its last
    assert echoed(13, 100) > 0.9


@pytest.mark.slow
def test_what_the_whole_field_reaches_is_learned_and_what_lies_one_frame_beyond_is_not():
    assert echoed(60, 300, blocks=4) < 0.01
    assert echoed(61, 300, blocks=4) > 0.95


@pytest.mark.slow
def test_an_echo_of_600_frames_needs_a_field_of_1021():
    assert echoed(600, 200, blocks=8, frames=1200) < 0.01
    assert echoed(600, 200, blocks=7, frames=1200) > 0.95  # 509 frames


# ---- the adding problem: two numbers, far apart, to be added


def adding(length: int, batch: int = 64):
    def draw(generator: torch.Generator) -> tuple[Tensor, Tensor]:
        numbers, marks = torch.rand(batch, length, generator=generator), torch.zeros(batch, length)
        half = length // 2
        first = torch.randint(half, (batch,), generator=generator)
        second = half + torch.randint(length - half, (batch,), generator=generator)
        rows = torch.arange(batch)
        marks[rows, first] = marks[rows, second] = 1.0
        return torch.stack([numbers, marks], 1), numbers[rows, first] + numbers[rows, second]

    return draw


CONSTANT = 1 / 6  # mean squared error of always saying 1: the variance of the sum of two numbers in 0..1


def last(y: Tensor, t: Tensor) -> Tensor:
    return (y[:, 0, -1] - t).square().mean()


def test_who_always_says_one_is_off_by_a_sixth():
    _, y = adding(50, 20_000)(torch.Generator().manual_seed(0))
    assert (y - 1).square().mean().item() == pytest.approx(CONSTANT, rel=0.03)


def test_a_short_sum():
    torch.manual_seed(0)
    net = Headed(Recurrent(2, 32, "lstm"), 1)
    losses = learned(net, adding(8), last, 350, 0.02)
    assert sum(losses[-30:]) / 30 < CONSTANT / 4


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_the_sum_of_numbers_200_steps_apart(kind):
    torch.manual_seed(0)
    net = Headed(Recurrent(2, 32, kind, memory=200), 1)
    draw, losses = adding(200), [CONSTANT]
    for start in range(20):  # it stays at the constant for some hundred steps, then falls
        losses = learned(net, draw, last, 100, 0.01, seed=start)
        if sum(losses[-50:]) / 50 < 0.01:
            break
    x, y = adding(200, 1000)(torch.Generator().manual_seed(999))
    with torch.no_grad():
        assert last(net(x), y) < 0.02


@pytest.mark.slow
def test_a_plain_net_never_adds():
    torch.manual_seed(0)
    losses = learned(Headed(Recurrent(2, 128, "rnn"), 1), adding(200), last, 1500, 1e-3)
    assert sum(losses[-50:]) / 50 == pytest.approx(CONSTANT, rel=0.2)


# ---- copy memory: ten symbols, to be said again after a pause


def copying(pause: int, symbols: int = 10, batch: int = 32):
    """One-hot (batch, 10, symbols + pause + symbols) of blank 0, symbols 1..8 and the sign 9; the same classes to be said."""

    def draw(generator: torch.Generator) -> tuple[Tensor, Tensor]:
        words = torch.randint(1, 9, (batch, symbols), generator=generator)
        blank = torch.zeros(batch, pause + symbols, dtype=torch.int64)
        x, y = torch.cat([words, blank], 1), torch.cat([blank, words], 1)
        x[:, symbols + pause - 1 :] = 9
        return F.one_hot(x, 10).mT.float(), y

    return draw


def guessing(pause: int, symbols: int = 10) -> float:
    """The loss of who knows when to speak, but remembers nothing."""
    return symbols * math.log(8) / (pause + 2 * symbols)


def test_a_short_copy():
    torch.manual_seed(0)
    net = Headed(TCN(10, [24] * 4, 3), 10)
    assert net.body.field > 15 + 3
    losses = learned(net, copying(15, 3, 16), classes, 200, 5e-3)
    assert losses[-1] < 0.2 * guessing(15, 3)
    short = Headed(TCN(10, [24] * 2, 3), 10)
    assert short.body.field < 15
    losses = learned(short, copying(15, 3), classes, 80, 5e-3)
    assert min(losses) > 0.9 * guessing(15, 3)


@pytest.mark.slow
def test_copying_after_a_thousand_steps():
    torch.manual_seed(0)
    net = Headed(TCN(10, [10] * 8, 8), 10)
    assert net.body.field > 1020
    for start in range(12):
        losses = learned(net, copying(1000), classes, 100, 2e-3, seed=start)
        if losses[-1] < 0.3 * guessing(1000):
            break
    assert losses[-1] < 0.5 * guessing(1000)


# ---- a sequence said backwards


def reversing(longest: int, batch: int = 64, symbols: int = 6):
    def draw(generator: torch.Generator) -> tuple[Tensor, Tensor]:
        words = torch.randint(1, symbols + 1, (batch, longest), generator=generator)
        return F.one_hot(words, symbols + 1).mT.float(), words.flip(1)

    return draw


class Taught(nn.Module):
    """Seq2Seq that hears the truth too, as an Autoregressive objective calls it."""

    def __init__(self, net: Seq2Seq) -> None:
        super().__init__()
        self.net = net

    def forward(self, both: tuple[Tensor, Tensor]) -> Tensor:
        return self.net(both[0], previous=both[1])


def taught(draw):
    """The truth as an input too."""

    def both(generator: torch.Generator) -> tuple[tuple[Tensor, Tensor], Tensor]:
        x, y = draw(generator)
        return (x, y), y

    return both


def exact_matches(net: Seq2Seq, draw) -> float:
    x, y = draw(torch.Generator().manual_seed(999))
    return (net.eval().generate(x, longest=y.shape[1]) == y).all(1).float().mean().item()


def test_attention_says_it_backwards():
    torch.manual_seed(0)
    net, draw = Seq2Seq(7, 7, 32, attention=32, bidirectional=True), reversing(4, 32)
    learned(Taught(net), taught(draw), classes, 200, 0.02)
    assert exact_matches(net, draw) > 0.9
    x, y = draw(torch.Generator().manual_seed(5))
    state, rows = net.start(x), []
    for token in F.pad(y, (1, 0))[:, :-1].unbind(1):
        _, state = net.step(token, state)
        rows.append(state["weights"].mean(0))
    torch.testing.assert_close(torch.stack(rows).sum(1), torch.ones(4))
