"""A small Real-ESRGAN for the world: RRDBNet, twice the size, on flat shapes with mild blur, noise and JPEG.

The network is the one that spandrel builds from a file of this shape: pixels unshuffled by two, 16 features, two
blocks of growth 32. It is trained for fidelity alone (mean absolute error), without the adversarial part: the world's
edges are sharp and its areas flat, so there is no texture to invent, and nothing rings.
"""

import io

import numpy as np
import torch
from PIL import Image, ImageFilter
from spandrel.architectures.ESRGAN import ESRGAN
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from model.demo.optimiser import optimisers
from model.demo.photos import to_array
from model.demo.questions import draw_scene
from model.demo.world import Shape, render

SCALE = 2
FEATURES, BLOCKS = 16, 2
SMALL = 192  # pixels of a side before
PATCH = 48  # pixels of a training patch before
PATCHES = 4  # of each picture: about shapes' edges, where there is something to learn


def build_upscaler() -> ESRGAN:
    """The untrained network."""
    return ESRGAN(
        in_nc=3 * SCALE**2, out_nc=3, num_filters=FEATURES, num_blocks=BLOCKS, scale=2 * SCALE, shuffle_factor=SCALE
    )


def degrade(rng: np.random.Generator, picture: Image.Image) -> Image.Image:
    """Halve a picture as life does: by one of several filters, with a little blur, noise or JPEG."""
    if rng.random() < 0.5:
        picture = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.2, 1.6))))
    filters = (Image.Resampling.BOX, Image.Resampling.BICUBIC, Image.Resampling.BILINEAR, Image.Resampling.LANCZOS)
    side = picture.width // SCALE
    small = picture.resize((side, side), filters[int(rng.integers(len(filters)))])
    if rng.random() < 0.4:
        noise = rng.normal(0, rng.uniform(0.5, 4), (side, side, 3))
        small = Image.fromarray((np.asarray(small) + noise).clip(0, 255).astype(np.uint8))
    if rng.random() < 0.4:
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=int(rng.integers(60, 96)))
        small = Image.open(buffer).convert("RGB")
    return small


class UpscalerStage:
    """Mean absolute error of patches, of pixels from 0 to 1."""

    name = "upscaler"

    def __init__(self, pictures: int = 4) -> None:
        self.network: nn.Module = build_upscaler()
        self.pictures = pictures
        self.optimisers = optimisers(self.network, lr=1e-3, inner="RDB")

    def losses(self, rng: np.random.Generator, done: float) -> dict[str, Tensor]:
        """Enlarge patches of degraded pictures, and compare."""
        small, large = (torch.stack(side) for side in zip(*self._patches(rng), strict=True))
        return {"pixels": l1_loss(self.network(small), large)}

    def _patches(self, rng: np.random.Generator) -> list[tuple[Tensor, Tensor]]:
        found = []
        for _ in range(self.pictures):
            scene = draw_scene(rng)
            target = render(scene, SMALL * SCALE)
            small, large = (to_array(picture) / 2 + 0.5 for picture in (degrade(rng, target), target))
            for _ in range(PATCHES):
                row, column = self._corner(rng, scene.shapes)
                found.append(
                    (
                        small[:, row : row + PATCH, column : column + PATCH],
                        large[:, row * SCALE : (row + PATCH) * SCALE, column * SCALE : (column + PATCH) * SCALE],
                    )
                )
        return found

    @staticmethod
    def _corner(rng: np.random.Generator, shapes: tuple[Shape, ...]) -> tuple[int, int]:
        """Where a patch begins: its middle in a random shape's box, or anywhere."""
        row, column = rng.random(2)
        if shapes and rng.random() < 0.9:
            shape = shapes[int(rng.integers(len(shapes)))]
            row, column = shape.y + (row - 0.5) * shape.size, shape.x + (column - 0.5) * shape.size
        begins = np.clip(np.array((row, column)) * SMALL - PATCH / 2, 0, SMALL - PATCH)
        return int(begins[0]), int(begins[1])
