"""What is no number is computed once more in float32, or said."""

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from model.network.numbers import NoNumbersError, compute
from model.network.upscaler import RealESRGAN, load
from model.network.vq_decoder import VQDecoder
from model.weights.checkpoint import Janus
from tests import tiny as maker

Hook = Callable[[nn.Module, object, Tensor], Tensor | None]


def overflow(value: float, *, everywhere: bool = False) -> Hook:
    """A hook by which a module gives a number that is none, in 16-bit types alone or everywhere."""

    def hook(module: nn.Module, given: object, found: Tensor) -> Tensor | None:
        return None if found.dtype is torch.float32 and not everywhere else torch.full_like(found, value)

    return hook


def convolutions(upscaler: RealESRGAN) -> list[nn.Module]:
    return [module for module in upscaler.network.model.modules() if isinstance(module, nn.Conv2d)]


def test_weights_come_back_bit_for_bit_and_what_overflows_is_computed_in_float32() -> None:
    module = nn.Linear(2, 1, bias=False).half().requires_grad_(False)
    module.weight.fill_(3e4)
    before = module.weight.clone()

    def act() -> Tensor:
        found: Tensor = module(torch.full((1, 2), 2.0, dtype=module.weight.dtype))
        return found

    assert compute(module, act, "it").item() == pytest.approx(1.2e5, rel=1e-3)
    assert module.weight.dtype is torch.float16
    assert torch.equal(module.weight, before)
    module.weight.fill_(float("nan"))
    with pytest.raises(NoNumbersError, match="it computed"):
        compute(module, act, "it")
    assert module.weight.dtype is torch.float16


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_enlargement_that_overflows_is_made_in_float32(tmp_path: Path, value: float) -> None:
    file = maker.write_upscaler(tmp_path / "x2.pth")
    picture = Image.linear_gradient("L").resize((24, 20)).convert("RGB")
    exact, half = (load(file, device=torch.device("cpu"), dtype=kind) for kind in (torch.float32, torch.bfloat16))
    assert isinstance(half, RealESRGAN)
    convolutions(half)[0].register_forward_hook(overflow(value))
    found = np.asarray(half(picture), np.int16)
    assert np.abs(found - np.asarray(exact(picture), np.int16)).max() <= 8  # the weights were rounded
    assert half.network.dtype is torch.bfloat16


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_black_or_white_picture_is_given_for_an_enlargement(tmp_path: Path, value: float) -> None:
    broken = load(maker.write_upscaler(tmp_path / "x2.pth"), device=torch.device("cpu"))
    assert isinstance(broken, RealESRGAN)
    hook = overflow(value, everywhere=True)
    convolutions(broken)[-1].register_forward_hook(hook)
    with pytest.raises(NoNumbersError):
        broken(Image.new("RGB", (24, 20)))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_black_or_white_picture_is_painted(tiny: Janus, value: float) -> None:
    network = copy.deepcopy(tiny.network)
    decoder, codes = VQDecoder(network), torch.zeros(1, 4, 4, dtype=torch.int64)
    handle = network.model.vqmodel.decoder.conv_out.register_forward_hook(overflow(value, everywhere=True))
    with pytest.raises(NoNumbersError):
        decoder(codes)
    handle.remove()
    assert decoder(codes).isfinite().all()
