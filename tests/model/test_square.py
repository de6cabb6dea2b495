"""What the vision tower takes: fitted once, it stays as it is."""

import numpy as np
import pytest
from PIL import Image

from model.square import SIDE, fit


@pytest.mark.parametrize("size", [(900, 700), (384, 243), (243, 384), (100, 3), (384, 384), (2, 2)])
def test_what_is_fitted_is_never_resized_again(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    square = fit(Image.fromarray(pixels))
    assert square.size == (SIDE, SIDE)
    assert fit(square) == square
