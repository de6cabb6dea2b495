"""Both layouts of the weights give the layers' own products."""

import time

import pytest
import torch
from torch import Tensor, nn

from model.network import linear
from model.network.linear import FusedLinear, blocks_pay, blocks_work

X = torch.randn(10, 24, generator=torch.Generator().manual_seed(1))


def layers(*outputs: int, bias: bool) -> list[nn.Linear]:
    return [nn.Linear(24, out, bias=bias).requires_grad_(False) for out in outputs]


@pytest.mark.parametrize("blocks", [False, True])
@pytest.mark.parametrize("rows", [1, 2, 10])
@pytest.mark.parametrize("bias", [False, True])
def test_one_product_serves_several_layers(blocks: bool, rows: int, bias: bool) -> None:
    if blocks and not blocks_work(torch.device("cpu"), torch.float32):
        pytest.skip("this torch has no oneDNN")
    three = layers(16, 8, 40, bias=bias)
    expected = torch.cat([layer(X[:rows]) for layer in three], -1)
    torch.testing.assert_close(FusedLinear(*three, blocks=blocks)(X[:rows]), expected)
    again = torch.cat([layer(X[:rows]) for layer in three], -1)  # the layers still work
    torch.testing.assert_close(again, expected)


@pytest.mark.parametrize("blocks", [False, True])
def test_layers_give_up_their_weights_only_to_a_second_copy(blocks: bool) -> None:
    if blocks and not blocks_work(torch.device("cpu"), torch.float32):
        pytest.skip("this torch has no oneDNN")
    two = layers(16, 8, bias=False)
    expected = torch.cat([layer(X) for layer in two], -1)
    torch.testing.assert_close(FusedLinear(*two, blocks=blocks, keep=False)(X), expected)
    assert [layer.weight.is_meta for layer in two] == [blocks] * 2
    assert [layer.weight.shape for layer in two] == [(16, 24), (8, 24)]


@pytest.mark.parametrize("blocks", [False, True])
def test_a_product_on_top_leaves_what_it_is_added_to(blocks: bool) -> None:
    if blocks and not blocks_work(torch.device("cpu"), torch.float32):
        pytest.skip("this torch has no oneDNN")
    (layer,) = layers(24, bias=False)
    residual: Tensor = torch.ones(10, 24)
    torch.testing.assert_close(FusedLinear(layer, blocks=blocks).onto(residual, X), layer(X) + 1)
    assert torch.equal(residual, torch.ones(10, 24))


@pytest.mark.parametrize("slow", [False, True])
def test_blocks_are_taken_where_they_are_faster(slow: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not blocks_work(torch.device("cpu"), torch.float32):
        pytest.skip("this torch has no oneDNN")
    forward = FusedLinear.forward

    def delayed(self: FusedLinear, x: Tensor) -> Tensor:
        time.sleep(0.005 if self.blocks is slow else 0)
        return forward(self, x)

    monkeypatch.setattr(linear.FusedLinear, "forward", delayed)
    (layer,) = layers(16, bias=False)
    before = layer.weight.clone()
    assert blocks_pay(layer) is not slow
    assert torch.equal(layer.weight, before)
