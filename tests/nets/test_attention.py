"""Facts about attention, transformers, and sequences out of sequences."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from aural.errors import AuralError
from aural.nets.attention import AdditiveAttention, MultiHeadAttention, attend, rotated
from aural.nets.blocks import parameters
from aural.nets.decoding import beam, greedy
from aural.nets.seq2seq import Seq2Seq
from aural.nets.transformer import (
    DecoderLayer,
    EncoderLayer,
    Transformer,
    TransformerDecoder,
    causal_mask,
    sinusoids,
    warm_up_rate,
)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_weights_are_a_mean():
    state, memory = torch.randn(2, 3), torch.randn(2, 7, 5)
    mask = torch.arange(7) < torch.tensor([7, 4])[:, None]
    context, weights = AdditiveAttention(3, 5, 6)(state, memory, mask)
    torch.testing.assert_close(weights.sum(1), torch.ones(2))
    assert (weights >= 0).all()
    assert (weights[1, 4:] == 0).all()
    torch.testing.assert_close(context, torch.einsum("bp,bpf->bf", weights, memory))


def test_the_order_of_memories_is_no_matter():
    attention, order = AdditiveAttention(3, 5, 6), torch.randperm(7)
    state, memory = torch.randn(2, 3), torch.randn(2, 7, 5)
    (context, weights), (again, moved) = attention(state, memory), attention(state, memory[:, order])
    torch.testing.assert_close(again, context)
    torch.testing.assert_close(moved, weights[:, order])


def test_equal_scores_are_the_mean_and_extreme_ones_a_choice():
    attention, memory = AdditiveAttention(3, 5, 6), torch.randn(2, 7, 5)
    score = attention.score.weight.data.clone()
    nn.init.zeros_(attention.score.weight)
    torch.testing.assert_close(attention(torch.randn(2, 3), memory)[0], memory.mean(1))
    attention.score.weight.data = 1e6 * score
    context, weights = attention(torch.randn(2, 3), memory)
    torch.testing.assert_close(context, memory[torch.arange(2), weights.argmax(1)])


def test_keys_are_made_once():
    attention, state, memory = AdditiveAttention(3, 5, 6, location=4), torch.randn(2, 3), torch.randn(2, 7, 5)
    torch.testing.assert_close(attention(state, memory, keys=attention.keys(memory))[0], attention(state, memory)[0])
    before = torch.rand(2, 7)
    assert not torch.allclose(attention(state, memory, before=before)[1], attention(state, memory)[1])


def test_where_nothing_may_be_heard_the_answer_is_nothing():
    q, k, v = torch.randn(1, 2, 4), torch.randn(1, 3, 4), torch.randn(1, 3, 5)
    mask = torch.tensor([[[True, True, False], [False, False, False]]])
    context, weights = attend(q, k.requires_grad_(), v, mask)
    assert (context[0, 1] == 0).all()
    assert weights[0, 0, 2] == 0
    context.sum().backward()
    assert torch.isfinite(k.grad).all()
    heads = MultiHeadAttention(8, 2).eval()
    heads.out.bias.data.fill_(0.5)
    assert (heads(torch.randn(1, 2, 8), torch.randn(1, 3, 8), mask[:, None])[0, 1] == 0.5).all()


def test_products_of_many_numbers_grow():
    q, k = torch.randn(20_000, 64), torch.randn(20_000, 64)
    assert (q * k).sum(1).var().item() == pytest.approx(64, rel=0.05)


def copied(ours: MultiHeadAttention, theirs: nn.MultiheadAttention) -> None:
    theirs.in_proj_weight.data = torch.cat([ours.query.weight, ours.key.weight, ours.value.weight]).detach()
    theirs.in_proj_bias.data = torch.cat([ours.query.bias, ours.key.bias, ours.value.bias]).detach()
    theirs.out_proj.weight.data, theirs.out_proj.bias.data = ours.out.weight.data, ours.out.bias.data


def test_heads_are_torchs():
    ours, theirs = MultiHeadAttention(16, 4).eval(), nn.MultiheadAttention(16, 4, batch_first=True).eval()
    for p in ours.parameters():
        nn.init.normal_(p, std=0.3)
    copied(ours, theirs)
    x, memory = torch.randn(2, 5, 16), torch.randn(2, 7, 16)
    torch.testing.assert_close(ours(x, memory), theirs(x, memory, memory)[0], rtol=1e-5, atol=1e-5)
    padding = torch.arange(7) >= torch.tensor([7, 3])[:, None]
    torch.testing.assert_close(
        ours(x, memory, ~padding[:, None, None]), theirs(x, memory, memory, key_padding_mask=padding)[0], rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("first", [True, False])
def test_a_layer_is_torchs(first):
    ours = EncoderLayer(16, 4, 32, first=first, dropout=0.0).eval()
    theirs = nn.TransformerEncoderLayer(16, 4, 32, 0.0, batch_first=True, norm_first=first).train()  # its fast path in eval is for itself
    copied(ours.attention, theirs.self_attn)
    theirs.linear1.load_state_dict(ours.dense[0].state_dict())
    theirs.linear2.load_state_dict(ours.dense[3].state_dict())
    x = torch.randn(2, 6, 16)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-5, atol=1e-5)


def test_parameters_of_the_base_layers():
    assert parameters(EncoderLayer(512, 8, 2048)) == 3_152_384
    assert parameters(DecoderLayer(512, 8, 2048)) == 4_204_032


def test_without_positions_frames_are_a_set():
    net, order = Transformer(3, 8, positions="none", dropout=0.0), torch.randperm(9)
    x = torch.randn(2, 3, 9)
    torch.testing.assert_close(net(x[..., order]), net(x)[..., order], rtol=1e-5, atol=1e-5)
    for positions in ("sinusoidal", "rotary"):
        net = Transformer(3, 8, positions=positions, dropout=0.0)
        assert not torch.allclose(net(x.flip(-1)), net(x).flip(-1), atol=1e-3)


def test_a_move_in_time_turns_the_sinusoids():
    places = sinusoids(50, 8)
    for k in (1, 7):
        for pair in range(4):
            angle = torch.tensor(k * 10_000.0 ** (-2 * pair / 8), dtype=torch.float64)
            turn = torch.stack([torch.stack([angle.cos(), angle.sin()]), torch.stack([-angle.sin(), angle.cos()])])
            here, there = places[:-k, 2 * pair : 2 * pair + 2], places[k:, 2 * pair : 2 * pair + 2]
            torch.testing.assert_close(here @ turn.mT, there, rtol=0, atol=1e-6)


def test_rotary_products_see_the_distance_alone():
    q, k = torch.randn(1, 8, dtype=torch.float64), torch.randn(1, 8, dtype=torch.float64)
    for distance in (0, 3, 11):
        products = [(rotated(q, n + distance) * rotated(k, n)).sum() for n in (0, 5, 100)]
        torch.testing.assert_close(products[1], products[0])
        torch.testing.assert_close(products[2], products[0])
    assert torch.equal(rotated(q, 0), q)


@pytest.mark.parametrize("positions", ["sinusoidal", "rotary"])
def test_a_causal_net_does_not_hear_what_is_to_come(positions):
    net = Transformer(2, 8, positions=positions, causal=True, dropout=0.0).double()
    x = torch.randn(1, 2, 8, dtype=torch.float64, requires_grad=True)
    net(x)[0, 0, 4].backward()
    assert (x.grad[..., 5:] == 0).all()
    assert (x.grad[..., :5] != 0).all()


@pytest.mark.parametrize("positions", ["sinusoidal", "rotary"])
def test_step_by_step_is_the_whole(positions):
    net = Transformer(2, 8, positions=positions, causal=True).eval()
    x = torch.randn(2, 2, 12)
    state, made = None, []
    for part in x.split([1, 4, 1, 6], -1):
        y, state = net.step(part, state)
        made.append(y)
    torch.testing.assert_close(torch.cat(made, -1), net(x), rtol=1e-5, atol=1e-5)
    with pytest.raises(AuralError, match="causal"):
        Transformer(2, 8).step(x)


def test_padding_is_not_heard():
    net = Transformer(2, 8).eval()
    x = torch.randn(2, 2, 9)
    y = net(x, torch.tensor([9, 5]))
    torch.testing.assert_close(y[1, :, :5], net(x[1:, :, :5])[0], rtol=1e-5, atol=1e-5)


def test_the_warm_up_peaks_where_it_ends():
    rates = [warm_up_rate(s) for s in range(1, 12_000)]
    assert max(range(len(rates)), key=rates.__getitem__) == 4000 - 1
    assert rates[3999] == pytest.approx(512**-0.5 * 4000**-0.5)
    assert causal_mask(3)[0, 0].tolist() == [[True, False, False], [True, True, False], [True, True, True]]


# ---- decoding


class Speller(nn.Module):
    """A net whose next token hangs on the last two: logits of three tokens from a table."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.table = 2 * torch.randn(3, 3, 3, generator=torch.Generator().manual_seed(seed))

    def step(self, token, state):
        return self.table[state, token], token


def score_of(net: Speller, tokens: tuple[int, ...]) -> float:
    total, before, last = 0.0, 0, 0
    for token in tokens:
        total += net.table[before, last].log_softmax(-1)[token].item()
        before, last = last, token
    return total


@pytest.mark.parametrize("seed", range(5))
def test_a_beam_finds_what_it_should(seed):
    net, state = Speller(seed), torch.zeros(1, dtype=torch.int64)
    tokens, score = greedy(net.step, state, 1, 4)
    one, one_score = beam(net.step, state, 1, 4)
    assert torch.equal(tokens[0], one)
    assert one_score == pytest.approx(score.item(), abs=1e-5)
    best = max(itertools.product(range(3), repeat=4), key=lambda t: score_of(net, t))
    all_of_them, top = beam(net.step, state, 27, 4)
    assert tuple(all_of_them.tolist()) == best
    assert top == pytest.approx(score_of(net, best), abs=1e-5)
    assert one_score - 1e-6 <= beam(net.step, state, 27, 4)[1]


def test_after_its_end_a_sequence_is_over():
    class Ends(nn.Module):
        def step(self, token, state):  # the state is how many more tokens come before the end
            return torch.where(state[:, None] <= 0, torch.tensor([0.0, 0, 9]), torch.tensor([0.0, 9, 0])), state - 1

    tokens, score = greedy(Ends().step, torch.tensor([1, 3]), 2, 10, end=2)
    assert tokens.tolist() == [[1, 2, 2, 2], [1, 1, 1, 2]]
    assert score[0] > score[1]
    assert beam(Ends().step, torch.tensor([3]), 3, 10, end=2)[0].tolist() == [1, 1, 1, 2]


@pytest.mark.parametrize(
    "net",
    [
        lambda: Seq2Seq(3, 5, 8),
        lambda: Seq2Seq(3, 5, 8, attention=6, bidirectional=True),
    ],
)
def test_the_teachers_probability_is_the_sum_of_the_steps(net):
    torch.manual_seed(0)
    net = net().eval()
    x, lengths = torch.randn(2, 3, 9), torch.tensor([9, 6])
    tokens = net.generate(x, lengths, longest=7)
    _, score = greedy(net.step, net.start(x, lengths), 2, 7)
    told = net(x, lengths, previous=tokens).log_softmax(1).gather(1, tokens[:, None])[:, 0].sum(1)
    torch.testing.assert_close(told, score, rtol=1e-5, atol=1e-5)
    alone = net.generate(x[1:, :, :6], longest=7)
    assert torch.equal(alone[0], tokens[1])  # padding changed nothing
    assert net.generate(x, lengths, longest=7, width=3).shape == (2, 7)


def test_a_transformer_says_step_by_step_what_it_says_at_once():
    torch.manual_seed(0)
    net = TransformerDecoder(5, 8).eval()
    memory, lengths = torch.randn(2, 8, 6), torch.tensor([6, 4])
    tokens, score = greedy(net.step, net.start(memory, lengths), 2, 7)
    told = net(memory, tokens, lengths).log_softmax(1).gather(1, tokens[:, None])[:, 0].sum(1)
    torch.testing.assert_close(told, score, rtol=1e-5, atol=1e-5)
    assert beam(net.step, net.start(memory[:1]), 3, 5)[0].shape == (5,)
