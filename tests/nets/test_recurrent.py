"""Facts about recurrent networks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from aural.errors import AuralError
from aural.nets.blocks import parameters
from aural.nets.rnn import BidirectionalLSTM, GRUCell, LSTMCell, Recurrent, RNNCell


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


KINDS = {"rnn": (RNNCell, nn.RNN, 1), "gru": (GRUCell, nn.GRU, 3), "lstm": (LSTMCell, nn.LSTM, 4)}


@pytest.mark.parametrize("kind", KINDS)
def test_the_equations_are_torchs(kind):
    cell, fast = KINDS[kind][0](5, 7), KINDS[kind][1](5, 7, batch_first=True)
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(cell, name).data = getattr(fast, f"{name}_l0").data
    x = torch.randn(3, 5, 20)
    states, last = cell.run(x)
    torch.testing.assert_close(states.mT, fast(x.mT)[0], rtol=1e-6, atol=1e-6)
    if kind == "lstm":
        torch.testing.assert_close(last[:, 7:], fast(x.mT)[1][1][0], rtol=1e-6, atol=1e-6)
    early, state = cell.run(x[..., :8])
    late, _ = cell.run(x[..., 8:], state)
    torch.testing.assert_close(torch.cat([early, late], -1), states)


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_of_a_layer(kind):
    i, h = 5, 7
    assert parameters(Recurrent(i, h, kind)) == KINDS[kind][2] * h * (i + h + 2) == parameters(KINDS[kind][0](i, h))
    both = Recurrent(i, h, kind, 2, bidirectional=True)
    assert parameters(both) == 2 * KINDS[kind][2] * h * (i + h + 2) + 2 * KINDS[kind][2] * h * (2 * h + h + 2)


def test_the_net_of_bs11():
    three = BidirectionalLSTM(120, 25, 3)
    assert parameters(three) + parameters(nn.Linear(50, 2)) == 60_302


@pytest.mark.parametrize("kind", KINDS)
def test_piece_by_piece_is_the_whole(kind):
    net = Recurrent(3, 4, kind, 2)
    x = torch.randn(2, 3, 15)
    state, made = None, []
    for part in x.split([1, 5, 9], -1):
        y, state = net.step(part, state)
        made.append(y)
    torch.testing.assert_close(torch.cat(made, -1), net(x))


def test_both_directions_are_two_nets_one_of_them_backwards():
    net = Recurrent(3, 4, "gru", bidirectional=True)
    forwards, backwards = (nn.GRU(3, 4, batch_first=True) for _ in range(2))
    for name, p in net.net.named_parameters():
        target = backwards if name.endswith("_reverse") else forwards
        getattr(target, name.removesuffix("_reverse")).data = p.data
    x = torch.randn(2, 3, 9)
    there, back = forwards(x.mT)[0], backwards(x.flip(-1).mT)[0].flip(1)
    torch.testing.assert_close(net(x), torch.cat([there, back], -1).mT)
    with pytest.raises(AuralError, match="directions"):
        net.step(x)


def test_padding_changes_nothing():
    net = Recurrent(3, 4, "lstm", bidirectional=True)
    x = torch.randn(2, 3, 10)
    y = net(x, torch.tensor([10, 6]))
    torch.testing.assert_close(y[1, :, :6], net(x[1:, :, :6])[0])
    assert (y[1, :, 6:] == 0).all()


def test_a_plain_net_forgets():
    """|dh_T / dh_0| is at most the norm of the weights to the power of T: 0.9^100 < 3e-5."""
    cell = RNNCell(2, 8)
    nn.init.orthogonal_(cell.weight_hh)
    cell.weight_hh.data *= 0.9
    first = torch.zeros(1, 8, requires_grad=True)
    _, last = cell.run(torch.randn(1, 2, 100), first)
    jacobian = torch.stack([torch.autograd.grad(last[0, k], first, retain_graph=True)[0][0] for k in range(8)])
    assert torch.linalg.matrix_norm(jacobian, 2) < 3e-5


def test_an_lstm_whose_gates_say_so_forgets_nothing():
    cell = LSTMCell(2, 4)
    for p in cell.parameters():
        nn.init.zeros_(p)
    cell.bias_ih.data[:4], cell.bias_ih.data[4:8] = -100.0, 100.0  # nothing in, nothing forgotten
    start = torch.randn(1, 8, requires_grad=True)
    _, last = cell.run(torch.randn(1, 2, 200), start)
    assert torch.equal(last[:, 4:], start[:, 4:])
    (gradient,) = torch.autograd.grad(last[0, 5], start)
    assert gradient[0].tolist() == [0, 0, 0, 0, 0, 1, 0, 0]


def test_weights_start_as_said():
    net = Recurrent(3, 8, "lstm").net
    for gate in net.weight_hh_l0.chunk(4):
        torch.testing.assert_close(gate @ gate.mT, torch.eye(8), atol=1e-5, rtol=0)
    assert (net.bias_ih_l0[8:16] + net.bias_hh_l0[8:16] == 1).all()
    with pytest.raises(AuralError, match="lstm"):
        Recurrent(3, 8, "elman")


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_units_start_with_memories_of_one_to_so_many_frames(kind):
    net = Recurrent(3, 400, kind, memory=100).net
    keeps = (net.bias_ih_l0 + net.bias_hh_l0)[400:800]
    frames = 1 / (1 - keeps.sigmoid())  # how long a state that this share of is kept lasts
    assert frames.min() >= 2 - 1e-4
    assert 90 < frames.max() <= 100
    assert frames.mean().item() == pytest.approx(51, rel=0.1)
    if kind == "lstm":
        torch.testing.assert_close((net.bias_ih_l0 + net.bias_hh_l0)[:400], -keeps)
    with pytest.raises(AuralError, match="no gates"):
        Recurrent(3, 4, "rnn", memory=100)
