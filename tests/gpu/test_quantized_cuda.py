"""Weights in fewer bits on a GPU: products, the demo's logits, and drawings by graphs."""

import pytest
import torch

from model.weights import checkpoint, quantized
from model.weights.checkpoint import Janus
from model.weights.quantized import FLOAT8_SINCE, KINDS, Kind
from tests.gpu.test_cuda import CUDA, DESCRIBE, SHAPES, engine_of
from tests.model.driving import run, text, tokens
from tests.model.weights.test_quantized import ERRORS

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU (CUDA)")

# of the logits of a picture's first token, as a share of them: two to four times what they are off on a CPU
OFF: dict[Kind, float] = {"int8": 0.02, "int4": 0.2, "float8": 0.06}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    kind: Kind = request.param
    if kind == "float8" and torch.cuda.get_device_capability() < FLOAT8_SINCE:
        pytest.skip("needs a card that knows the type")
    return kind


def first_logits(janus: Janus) -> torch.Tensor:
    ids = torch.tensor([janus.prompts.drawing("a red circle on a blue background")], device=CUDA)
    with torch.inference_mode():
        state = janus.network.model.language_model(input_ids=ids).last_hidden_state[:, -1]
        logits: torch.Tensor = janus.network.model.generation_head(state).float()[0]
    return logits


@pytest.mark.parametrize("rows", [1, 10, 300])
@pytest.mark.parametrize("size", [(96, 192), (2048, 2048)])
def test_a_product_is_nearly_the_same(kind: Kind, rows: int, size: tuple[int, int]) -> None:
    stream = torch.Generator(CUDA).manual_seed(rows)
    weight = torch.randn(*size, generator=stream, device=CUDA).bfloat16()
    x = torch.randn(rows, size[1], generator=stream, device=CUDA).bfloat16()
    layer = quantized.quantized(weight, kind)
    assert layer
    found, right = layer(x), x.double() @ weight.double().t()
    assert (found - right).norm() / right.norm() < ERRORS[kind]


def test_the_demo_draws_and_answers(kind: Kind) -> None:
    """Its logits are near those of the whole weights, and graphs of fused kernels draw what plain steps draw."""
    whole = checkpoint.load("demo", device="cuda", dtype="bfloat16")
    small = checkpoint.load("demo", device="cuda", dtype="bfloat16", quantize=kind)
    right = first_logits(whole)
    assert (first_logits(small) - right).norm() / right.norm() < OFF[kind]
    plain, fused = (engine_of(small, compile=compiled, window=1) for compiled in (False, True))
    drawn = [tokens(run(engine, SHAPES(count=3))[0]) for engine in (plain, fused)]
    pairs = [one == other for row in zip(*drawn, strict=True) for one, other in zip(*row, strict=True)]
    assert sum(pairs) / len(pairs) > 0.5  # fused kernels round elsewhere, and a picture that parts stays apart
    said = [text(run(engine, DESCRIBE())[0]) for engine in (plain, fused)]
    assert said[0] == said[1]
