"""Facts about convolutional networks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d
from torch import Tensor, nn
from torch.nn import functional as F

from aural.errors import AuralError
from aural.nets.blocks import CausalConv1d, ConvBlock, DilatedConv1d, cropped, fit_length, parameters, pooled, receptive_field
from aural.nets.cnn import CNN, FCN, FCN5, Classifier, vgg
from aural.nets.inception import Inception
from aural.nets.resnet import Basic, ResNet, resnet18, zero_last
from aural.nets.tcn import TCN
from aural.nets.unet import UNet, WaveUNet, jansson17
from aural.nets.wavenet import WaveNet, WaveNetStack


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def heard(net: nn.Module, channels: int, frames: int, at: int) -> np.ndarray:
    """Which frames of its input move frame `at` of the output, by the gradient."""
    x = torch.randn(1, channels, frames, dtype=torch.float64, requires_grad=True)
    net.double()(x)[0, :, at].sum().backward()
    assert x.grad is not None
    return np.flatnonzero(x.grad[0].abs().sum(0).numpy())


@pytest.mark.parametrize("dilation", [1, 2, 7, 64])
@pytest.mark.parametrize("frames", [50, 257])
def test_frames_laid_side_by_side_give_the_dilated_convolution(dilation, frames):
    conv, x = DilatedConv1d(3, 4, 5, dilation).double(), torch.randn(2, 3, frames, dtype=torch.float64)
    plain = F.conv1d(x, conv.weight, conv.bias, padding=2 * dilation, dilation=dilation)
    torch.testing.assert_close(conv.side_by_side(x), plain)
    torch.testing.assert_close(conv(x), plain)


def test_what_torch_calls_convolution_is_correlation():
    x, k = torch.randn(9, 8, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64)
    ours = F.conv2d(x[None, None], k[None, None])[0, 0]
    np.testing.assert_allclose(ours, convolve2d(x, k.flip(0, 1), "valid"), atol=1e-6)


def test_a_valid_convolution_moves_with_its_input():
    net = CNN(1, (3,), (3, 5), padding="valid").eval()
    x = torch.randn(1, 1, 12, 20)
    torch.testing.assert_close(net(x)[..., 2:, 3:], net(x[..., 2:, 3:]))


def test_a_transposed_convolution_is_the_adjoint():
    k = torch.randn(4, 2, 3, 5, dtype=torch.float64)
    x, y = torch.randn(1, 2, 9, 11, dtype=torch.float64), torch.randn(1, 4, 7, 7, dtype=torch.float64)
    there, back = (F.conv2d(x, k) * y).sum(), (x * F.conv_transpose2d(y, k)).sum()
    assert there == pytest.approx(back.item(), abs=1e-10)


def test_a_dilated_convolution_has_zeros_between():
    w, x = torch.randn(1, 1, 3), torch.randn(1, 1, 20)
    stuffed = torch.zeros(1, 1, 9)
    stuffed[..., ::4] = w
    torch.testing.assert_close(F.conv1d(x, w, dilation=4), F.conv1d(x, stuffed))


def test_a_maximum_does_not_mind_where_in_its_cell_it_stands():
    x = torch.zeros(1, 1, 1, 12)
    x[..., 4] = 1.0
    pool = ConvBlock(1, 1, 1, norm=None, activation=None, pool=(1, 4), bias=False)
    nn.init.ones_(pool.conv.weight)
    assert torch.equal(pool(x), pool(x.roll(3, -1)))
    assert not torch.equal(pool(x), pool(x.roll(4, -1)))


@pytest.mark.parametrize("padding", ["same", "causal"])
@pytest.mark.parametrize(("kernel", "stride", "dilation"), [(3, 1, 1), (4, 1, 2), (7, 2, 1), (2, 3, 1)])
def test_padding_keeps_the_frames(padding, kernel, stride, dilation):
    block = ConvBlock(1, 1, kernel, dim=1, stride=stride, dilation=dilation, padding=padding)
    for frames in (7, 8, 12):
        assert block(torch.randn(2, 1, frames)).shape[-1] == -(-frames // stride)


def test_the_odd_zero_of_an_even_kernel_is_on_the_right():
    block = ConvBlock(1, 1, 2, dim=1, norm=None, activation=None, bias=False)
    block.conv.weight.data = torch.tensor([[[1.0, 10.0]]])
    assert block(torch.tensor([[[1.0, 2.0, 3.0]]])).flatten().tolist() == [21, 32, 3]


def test_parameters_of_a_layer():
    assert parameters(ConvBlock(3, 10, (3, 7), norm=None)) == 10 * (3 * 3 * 7 + 1)


def test_the_field_of_a_stack():
    assert receptive_field([(3, 1, 1)] * 3) == 7
    assert receptive_field([(3, 1, 1), (2, 2, 1), (3, 1, 1)]) == 1 + 2 + 1 + 4
    net = CNN(1, (2, 2, 2), 3, [(1, 2), (1, 2), 1], norm=None, activation=nn.Identity)
    assert (net.field, net.stride) == (receptive_field([(3, 1, 1), (2, 2, 1)] * 2 + [(3, 1, 1)]), 4)
    x = torch.randn(1, 1, 6, 80, dtype=torch.float64, requires_grad=True)
    net.double()(x)[..., 10].sum().backward()
    touched = np.flatnonzero(x.grad[0, 0].abs().sum(0).numpy())
    assert touched.max() - touched.min() + 1 <= net.field  # maxima choose within


def test_fully_convolutional_taggers_end_in_one_place():
    for layers, count in ((None, 17_365_938), (FCN5, 25_183_026)):
        net = FCN(50) if layers is None else FCN(50, layers)
        assert parameters(net) == count
    bands, frames, sizes = 96, 1366, []
    for _, (p, q) in ((128, (2, 4)), (384, (4, 5)), (768, (3, 8)), (2048, (4, 8))):
        bands, frames = bands // p, frames // q
        sizes.append((bands, frames))
    assert sizes == [(48, 341), (12, 68), (4, 8), (1, 1)]
    small = FCN(50, ((4, (2, 4)), (4, (4, 5)), (4, (3, 8)), (4, (4, 8))))
    assert small.eval()(torch.randn(1, 1, 96, 1366)).shape == (1, 50)


def test_padding_is_no_part_of_what_is_pooled():
    x = torch.randn(2, 3, 8)
    padded = torch.cat([x, 100 * torch.ones(2, 3, 4)], -1)
    for how in ("mean", "max", "l2", "mean|max"):
        torch.testing.assert_close(pooled(padded, how, torch.tensor([8, 8])), pooled(x, how))
    with pytest.raises(AuralError, match="mean"):
        pooled(x, "median")


def test_a_classifier_of_a_padded_batch():
    net = Classifier(CNN(1, (4,), 3, (1, 2), padding="valid"), 3).eval()  # valid: nothing of the padding is heard within
    x = torch.randn(1, 1, 8, 22)
    longer = F.pad(x, (0, 20))
    torch.testing.assert_close(net(longer, torch.tensor([20])), net(x[..., :22], torch.tensor([20])))


# ---- TCN and WaveNet


@pytest.mark.parametrize(("kernel", "blocks", "field"), [(3, 3, 29), (3, 8, 1021), (2, 4, 31)])
def test_the_field_of_a_tcn(kernel, blocks, field):
    net = TCN(1, [2] * blocks, kernel, activation=nn.Identity)
    assert net.field == 1 + 2 * (kernel - 1) * (2**blocks - 1) == field
    touched = heard(net, 1, field + 30, field + 10)
    assert (touched.min(), touched.max()) == (11, field + 10)


def test_a_centred_tcn_hears_both_sides():
    net = TCN(1, [2, 2], 3, causal=False, activation=nn.Identity)
    touched = heard(net, 1, 40, 20)
    assert (touched.min(), touched.max()) == (20 - net.field // 2, 20 + net.field // 2)
    with pytest.raises(AuralError, match="odd"):
        TCN(1, [2], 2, causal=False)
    with pytest.raises(AuralError, match="causal"):
        net.step(torch.randn(1, 1, 1))


def pieces(net: nn.Module, x: Tensor, sizes: list[int]) -> Tensor:
    state, made, first = None, [], 0
    for size in sizes:
        y, state = net.step(x[..., first : first + size], state)
        made.append(y)
        first += size
    return torch.cat(made, -1)


@pytest.mark.parametrize("sizes", [[1] * 20, [3, 1, 7, 9]])
@pytest.mark.parametrize(
    "net",
    [
        lambda: TCN(2, (3, 4, 4), 3),
        lambda: WaveNetStack(2, 3, (1, 2, 4, 1, 2, 4), 4, 6, kernel=2, first=3),
        lambda: CausalConv1d(2, 3, 4, 2),
        lambda: CausalConv1d(2, 3, 1),
    ],
)
def test_step_by_step_is_the_whole(net, sizes):
    net = net().eval()
    x = torch.randn(3, 2, 20)
    torch.testing.assert_close(pieces(net, x, sizes), net(x), rtol=1e-5, atol=1e-5)


def test_the_field_of_wavenet():
    assert WaveNetStack(1, 1, channels=1, skips=1).field == 3070  # 191.9 ms at 16 kHz
    assert WaveNetStack(1, 1, channels=1, skips=1, first=2).field == 3071
    net = WaveNetStack(2, 1, (1, 2, 4), 4, 4)
    x = torch.randn(1, 2, 30, dtype=torch.float64, requires_grad=True)
    net.double()(x)[0, 0, 20].backward()
    gradient = x.grad[0].abs().sum(0)
    assert gradient[20 - net.field + 1] != 0
    assert (gradient[: 20 - net.field + 1] == 0).all()
    assert (gradient[21:] == 0).all()


def test_wavenet_hears_only_what_came_before():
    net = WaveNet(8, dilations=(1, 2), channels=16, skips=16).double()
    codes = torch.randint(8, (1, 12))
    other = codes.clone()
    other[0, 6] = (codes[0, 6] + 1) % 8
    change = (net(previous=codes) - net(previous=other)).abs().sum(1)[0]
    assert (change[:7] == 0).all()
    assert change[7] > 0


def test_a_condition_that_never_changes_is_a_global_one():
    net = WaveNetStack(1, 2, (1, 2, 4), 4, 4, conditions=3)
    x, h = torch.randn(2, 1, 15), torch.randn(2, 3, 1)
    torch.testing.assert_close(net(x, h), net(x, h.expand(-1, -1, 15)))
    assert not torch.allclose(net(x, h), net(x, -h))


def test_wavenet_generates_what_it_would_have_said():
    torch.manual_seed(0)
    net = WaveNet(6, dilations=(1, 2, 4), channels=4, skips=4, conditions=2)
    h = torch.randn(2, 2, 16)
    codes = net.generate(h, generator=torch.Generator().manual_seed(1))
    assert codes.shape == (2, 16)
    again, luck = [], torch.Generator().manual_seed(1)
    said = torch.zeros(2, 0, dtype=torch.int64)
    for n in range(16):  # the whole again for every sample
        logits = net(h[..., : n + 1], previous=torch.cat([said, said.new_zeros(2, 1)], 1))[..., n]
        again.append(torch.multinomial(logits.softmax(1), 1, generator=luck)[:, 0])
        said = torch.stack(again, 1)
    assert torch.equal(said, codes)
    assert torch.equal(codes, net.generate(h, generator=torch.Generator().manual_seed(1)))
    with pytest.raises(AuralError, match="frames"):
        net.generate()


def test_an_untrained_wavenet_knows_nothing():
    torch.manual_seed(0)
    net, codes = WaveNet(256, dilations=(1, 2, 4), channels=16, skips=16), torch.randint(256, (4, 200))
    assert F.cross_entropy(net(previous=codes), codes).item() == pytest.approx(np.log(256), rel=0.02)


# ---- ResNet, Inception, U-Net


def test_resnet_18():
    body = resnet18(3, "large")
    assert parameters(body) + 512 * 1000 + 1000 == 11_689_512
    assert (body.stride, body.channels) == (32, 512)
    assert ResNet(1, (1, 1), (2, 4), stem="large")(torch.randn(1, 1, 32, 64)).shape == (1, 4, 4, 8)


def test_a_block_whose_last_scale_is_zero_is_its_shortcut():
    block = Basic(4, 4).eval()
    zero_last(nn.Sequential(block))
    x = torch.randn(2, 4, 6, 7)
    assert torch.equal(block(x), x.relu())


def test_inception_has_all_its_branches():
    net = Inception(192)  # the first module of GoogLeNet
    assert net.channels == 64 + 128 + 32 + 32
    assert net(torch.randn(1, 192, 5, 7)).shape == (1, 256, 5, 7)
    plain = Inception(192, norm=None)
    assert parameters(plain) == 163_696


@pytest.mark.parametrize("size", [(1, 1), (9, 17), (16, 33)])
@pytest.mark.parametrize("skip", ["cat", "add", "none"])
def test_a_u_net_gives_the_size_it_got(size, skip):
    net = UNet(2, 3, (4, 6, 8), skip=skip).eval()
    assert net(torch.randn(1, 2, *size)).shape == (1, 3, *size)


def test_a_u_net_over_frames():
    for frames in (1, 30, 257):
        assert UNet(1, 1, (4, 6), 31, 4, dim=1, norm=None)(torch.randn(1, 1, frames)).shape == (1, 1, frames)
        assert WaveUNet(1, 2, 3, 4)(torch.randn(2, 1, frames)).shape == (2, 2, frames)
    assert jansson17().multiple == (64, 64)


def test_skips_carry_what_the_bottleneck_forgets():
    net = UNet(1, 1, (4, 6, 8), norm=None).double()
    x = torch.randn(1, 1, 16, 16, dtype=torch.float64)
    for p in net.down[-1].parameters():
        nn.init.zeros_(p)
    net(x).square().sum().backward()
    assert net.down[0].conv.weight.grad.abs().sum() > 0
    plain = UNet(1, 1, (4, 6, 8), norm=None, skip="none").double()
    for p in plain.down[-1].parameters():
        nn.init.zeros_(p)
    plain(x).square().sum().backward()
    assert plain.down[0].conv.weight.grad.abs().sum() == 0


def test_padding_to_a_multiple_is_cropped_again():
    x = torch.randn(1, 1, 5, 9)
    assert fit_length(x, (4, 8)).shape == (1, 1, 8, 16)
    assert torch.equal(cropped(fit_length(x, (4, 8)), (5, 9)), x)
    assert fit_length(x, 3) is x


def test_vgg_halves_block_by_block():
    assert vgg(1, (4, 8), 2).eval()(torch.randn(1, 1, 16, 24)).shape == (1, 8, 4, 6)
    with pytest.raises(AuralError, match="2 layers"):
        CNN(1, (4, 8), [3, 3, 3])
