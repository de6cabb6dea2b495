"""Pixels in and out, against arithmetic done another way."""

import numpy as np
import pytest
import torch
from PIL import Image

from model.network.pixels import decode, preprocess, to_uint8
from model.weights.checkpoint import Janus


def noise(width: int, height: int) -> Image.Image:
    pixels = np.random.default_rng(width * height).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


@pytest.mark.parametrize(
    ("width", "height", "inner"),
    [(500, 333, (384, 255)), (333, 500, (255, 384)), (40, 30, (384, 288)), (384, 384, (384, 384))],
)
def test_sizes_are_truncated_and_the_rest_is_grey(width: int, height: int, inner: tuple[int, int]) -> None:
    picture = noise(width, height)
    values = preprocess(picture, 384)
    assert values.shape == (3, 384, 384)
    left, top = (384 - inner[0]) // 2, (384 - inner[1]) // 2
    resized = np.asarray(picture.resize(inner, Image.Resampling.BICUBIC)).transpose(2, 0, 1)
    part = values[:, top : top + inner[1], left : left + inner[0]]
    np.testing.assert_allclose(part.numpy(), resized / 127.5 - 1, atol=1e-6)
    grey = torch.ones_like(values, dtype=torch.bool)
    grey[:, top : top + inner[1], left : left + inner[0]] = False
    assert torch.all(values[grey] == torch.tensor(127 / 255, dtype=torch.float32) * 2 - 1)


def test_a_thin_picture_keeps_fourteen_pixels() -> None:
    values = preprocess(Image.new("RGB", (4000, 10), "white"), 384)
    assert (values[0] > 0.9).sum(dim=0).tolist() == [14] * 384


def test_pixels_are_clipped_and_truncated() -> None:
    values = torch.tensor([-3.0, -1.0, 0.0, 0.5, 0.9999, 1.0, 3.0])
    pixels = to_uint8(values.reshape(1, 1, 1, 7).expand(1, 3, 1, 7))
    assert pixels.shape == (1, 1, 7, 3)
    assert pixels[0, 0, :, 0].tolist() == [0, 0, 127, 191, 254, 255, 255]


def test_each_picture_is_decoded_on_its_own(tiny: Janus) -> None:
    tokens = torch.arange(32).reshape(2, 16)
    together = decode(tiny.network, tokens)
    assert [picture.size for picture in together] == [(32, 32)] * 2
    assert together[0] != together[1]
    alone = decode(tiny.network, tokens[1:])
    # A convolution over a batch differs from one over a picture in the last bit, and truncation may show it.
    difference = np.asarray(alone[0], np.int16) - np.asarray(together[1], np.int16)
    assert np.abs(difference).max() <= 1
