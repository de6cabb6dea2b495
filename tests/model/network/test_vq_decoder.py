"""The flat VQ decoder gives transformers' pixels."""

import copy

import pytest
import torch

from model.network.vq_decoder import VQDecoder
from model.weights.checkpoint import Janus


@pytest.mark.parametrize("rows", [1, 4])
@torch.inference_mode()
def test_pixels_are_those_of_transformers(tiny: Janus, rows: int) -> None:
    vq = copy.deepcopy(tiny.network).model.vqmodel
    codes = torch.randint(64, (2, rows, 4), generator=torch.Generator().manual_seed(3))
    vq.quantize.quant_state_dims = [rows, 4]  # transformers decodes whole pictures only; this is a part of one
    expected = vq.decode(codes.view(2, -1))
    torch.testing.assert_close(VQDecoder(copy.deepcopy(tiny.network))(codes), expected, atol=1e-5, rtol=1e-5)


@torch.inference_mode()
def test_in_bfloat16_as_well(tiny: Janus) -> None:
    network = copy.deepcopy(tiny.network).to(torch.bfloat16)
    codes = torch.randint(64, (1, 4, 4), generator=torch.Generator().manual_seed(3))
    expected = network.model.vqmodel.decode(codes.view(1, -1))
    torch.testing.assert_close(VQDecoder(network)(codes), expected, atol=0.1, rtol=0.1)
