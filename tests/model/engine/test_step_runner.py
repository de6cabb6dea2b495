"""The way a step is run is chosen by the clock, whatever the processor."""

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from model.engine.engine import Engine
from model.network import attention
from model.network.upscaler import Lanczos
from model.settings import EngineSettings
from model.weights.checkpoint import Janus
from tests.model.driving import draw, run, tokens


def slower(act: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def delayed(*args: Any, **kwargs: Any) -> Tensor:
        time.sleep(0.002)
        return act(*args, **kwargs)

    return delayed


@pytest.mark.parametrize("slow", ["products", "fused"])
def test_the_faster_attention_is_taken_and_draws_the_same(
    engine: Engine, tiny: Janus, slow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = tokens(run(engine, draw(count=2))[0])
    owner, name = (attention, "_plain") if slow == "products" else (torch.nn.functional, "scaled_dot_product_attention")
    monkeypatch.setattr(owner, name, slower(getattr(owner, name)))
    chosen = Engine(tiny, Lanczos(), EngineSettings(rows=10, answers=1, window=1))
    assert chosen.decoder.fused_attention is (slow == "products")
    assert chosen.step_runner.seconds_by_attention.keys() == {"products", "fused"}
    assert tokens(run(chosen, draw(count=2))[0]) == expected
