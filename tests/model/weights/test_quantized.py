"""Weights in fewer bits: how far products are off, what is put where, and what can't be had is told in a line."""

import re
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from model.weights import quantized
from model.weights.checkpoint import load
from model.weights.machine import needs_of
from model.weights.names import CheckpointError
from model.weights.quantized import KINDS, Kind, QuantizedLinear
from tests import tiny

# of what comes out, as a share of it: weights drawn from a normal distribution, rounded to steps of 1/127 or 1/15 of
# the range of a row or group, or to three bits
ERRORS: dict[Kind, float] = {"int8": 0.012, "int4": 0.1, "float8": 0.035}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [1, 10, 100])
@pytest.mark.parametrize("kind", KINDS)
def test_a_product_is_nearly_the_same(kind: Kind, rows: int, dtype: torch.dtype) -> None:
    stream = torch.Generator().manual_seed(rows)
    weight = torch.randn(96, 192, generator=stream).to(dtype)
    x = torch.randn(2, rows, 192, generator=stream).to(dtype)
    layer = quantized.quantized(weight, kind)
    assert layer
    found, right = layer(x), x.double() @ weight.double().t()
    assert (found.shape, found.dtype) == (right.shape, dtype)
    assert (found - right).norm() / right.norm() < ERRORS[kind]


@pytest.mark.parametrize(("size", "fits"), [((96, 96), True), ((96, 80), False), ((88, 64), False), ((16, 32), True)])
def test_int4_leaves_a_layer_that_it_can_not_divide(size: tuple[int, int], fits: bool) -> None:
    layer = quantized.quantized(torch.eye(*size), "int4")
    assert (layer is not None) is fits
    assert quantized.quantized(torch.eye(*size), "int8") is not None


@pytest.mark.parametrize("kind", KINDS)
def test_sizes_are_known_without_the_weights(kind: Kind) -> None:
    real = quantized.quantized(torch.randn(64, 128).bfloat16(), kind)
    planned = quantized.quantized(torch.empty(64, 128, dtype=torch.bfloat16, device="meta"), kind)
    assert real
    assert planned
    assert [part.nbytes for part in planned.parameters()] == [part.nbytes for part in real.parameters()]


def test_what_a_step_reads_and_the_text_head_are_quantized_and_nothing_else(tiny_folder: Path) -> None:
    whole, small = load(tiny_folder, device="cpu"), load(tiny_folder, device="cpu", quantize="int8")
    changed = {name for name, module in small.network.named_modules() if isinstance(module, QuantizedLinear)}
    layers = {f"model.language_model.layers.{i}" for i in range(2)}
    assert changed == {
        "lm_head",
        *(f"{layer}.self_attn.{one}_proj" for layer in layers for one in "qkvo"),
        *(f"{layer}.mlp.{one}_proj" for layer in layers for one in ("gate", "up", "down")),
    }
    state = whole.network.state_dict()
    kept = {name: tensor for name, tensor in small.network.state_dict().items() if name in state}
    assert len(kept) == len(state) - len(changed)
    assert all(torch.equal(tensor, state[name]) for name, tensor in kept.items())
    assert (whole.precision, small.precision) == ("float32", "int8 and float32")


def test_a_text_head_that_is_the_embedding_stays(tmp_path: Path) -> None:
    made = tiny.network()
    made.lm_head.weight = made.model.language_model.embed_tokens.weight
    made.config.tie_word_embeddings = True
    folder = tiny.write(tmp_path, made)
    janus = load(folder, device="cpu", quantize="int8")
    assert isinstance(janus.network.lm_head, nn.Linear)
    assert janus.network.lm_head.weight is janus.network.model.language_model.embed_tokens.weight


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_needs_are_those_of_what_is_loaded(tiny_folder: Path, kind: Kind) -> None:
    needs, whole = needs_of(str(tiny_folder), "bfloat16", kind), needs_of(str(tiny_folder), "bfloat16")
    janus = load(tiny_folder, device="cpu", dtype="bfloat16", quantize=kind)
    assert needs.weights == sum(part.nbytes for part in janus.network.parameters())
    assert needs.weights < whole.weights
    assert needs.step < whole.step
    assert needs.parameters == whole.parameters
    assert needs.held_in == f"{kind} and bfloat16"


def test_float8_on_a_cpu_says_what_to_choose(tiny_folder: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"float8 can't be had on cpu in float32: .* RTX 40 or later\. Choose int8"
    ):
        load(tiny_folder, device="cpu", quantize="float8")


def test_a_kernel_that_fails_or_computes_something_else_is_told_in_a_line(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*given: object) -> torch.Tensor:
        raise RuntimeError("no such kernel\non this processor")

    monkeypatch.setattr(QuantizedLinear, "_product", fails)
    with pytest.raises(CheckpointError) as told:
        load(tiny_folder, device="cpu", quantize="int4")
    about = "int4 can't be had on cpu in float32 (no such kernel on this processor)"
    assert str(told.value) == f"{about}. Choose int8, or leave quantize at none."
    monkeypatch.setattr(QuantizedLinear, "_product", lambda self, rows: rows + 1)
    with pytest.raises(CheckpointError, match=r"computes something else here\. Leave quantize at none"):
        load(tiny_folder, device="cpu", quantize="int8")


def test_without_torchao_it_says_how_to_get_it(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quantized._torchao.cache_clear()
    monkeypatch.setitem(sys.modules, "torchao.quantization", None)
    with pytest.raises(CheckpointError, match=re.escape("uv run --extra quantize janus-bot")):
        load(tiny_folder, device="cpu", quantize="int8")


def test_a_card_that_is_too_small_is_told_of_smaller_weights(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 90 MiB")

    monkeypatch.setattr("model.weights.checkpoint._fill", full)
    with pytest.raises(CheckpointError, match=r"does not fit into the memory of cpu: choose --quantize int8 or int4"):
        load(tiny_folder, device="cpu")


@pytest.mark.parametrize("kind", KINDS)
def test_a_large_layer_is_quantized_in_pieces_to_the_same(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    weight = torch.randn(400, 128, generator=torch.Generator().manual_seed(1)).bfloat16()
    whole = quantized.quantized(weight, kind)
    monkeypatch.setattr(quantized, "AT_ONCE", 128)
    pieces = quantized.quantized(weight, kind)
    assert whole
    assert pieces
    for part, other in zip(pieces.parameters(), whole.parameters(), strict=True):
        assert torch.equal(part.view(torch.uint8), other.view(torch.uint8))


@pytest.mark.parametrize(("kind", "most"), [("int8", 0.01), ("int4", 0.15), ("float8", 0.08)])
def test_the_demos_logits_are_nearly_the_same(kind: Kind, most: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one step after a prompt, for a picture and for words."""
    monkeypatch.setattr("model.weights.checkpoint.require", lambda *asked: None)  # float8, which a CPU is refused
    whole, small = load("demo", device="cpu"), load("demo", device="cpu", quantize=kind)
    for right, found in zip(tiny.logits(whole), tiny.logits(small), strict=True):
        assert 0 < (found - right).norm() / right.norm() < most
