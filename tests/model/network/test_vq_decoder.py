"""The flat VQ decoder gives transformers' pixels, whatever the rest of the network computes in."""

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor

from model.network.pixels import to_uint8
from model.network.vq_decoder import VQDecoder
from model.weights.checkpoint import Janus, load


def random_codes(count: int, rows: int, columns: int, codes: int) -> Tensor:
    return torch.randint(codes, (count, rows, columns), generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("rows", [1, 4])
@torch.inference_mode()
def test_pixels_are_those_of_transformers(tiny: Janus, rows: int) -> None:
    vq = copy.deepcopy(tiny.network).model.vqmodel
    codes = random_codes(2, rows, 4, 64)
    vq.quantize.quant_state_dims = [rows, 4]  # transformers decodes whole pictures only; this is a part of one
    expected = vq.decode(codes.view(2, -1))
    torch.testing.assert_close(VQDecoder(copy.deepcopy(tiny.network))(codes), expected, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_every_value_is_that_of_transformers_to_one_level_in_a_thousandth() -> None:
    """Kernels that are summed before they are multiplied round otherwise: a value at a border may fall to its other
    side."""
    demo = load("demo", device="cpu", dtype="float32")
    codes = random_codes(2, demo.grid, demo.grid, demo.network.config.vq_config.num_embeddings)
    expected = to_uint8(demo.network.model.vqmodel.decode(codes.view(2, -1))).short()
    decoder = VQDecoder(demo.network)
    found = (to_uint8(decoder(codes)).short() - expected).abs()
    assert found.numel() == 2 * 3 * (demo.grid * decoder.scale) ** 2
    assert found.max() <= 1
    assert found.count_nonzero() <= found.numel() / 1000


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@torch.inference_mode()
def test_the_type_of_the_network_moves_no_pixel(tiny: Janus, tiny_folder: Path, dtype: str) -> None:
    codes = random_codes(1, 4, 4, 64)
    other = load(tiny_folder, device="cpu", dtype=dtype)
    expected = VQDecoder(copy.deepcopy(tiny.network))(codes)
    assert torch.equal(VQDecoder(other.network)(codes), expected)
