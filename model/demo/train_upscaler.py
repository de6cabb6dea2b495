"""A small Real-ESRGAN for the world: RRDBNet, twice the size, on pictures as the pixel decoder draws them, and on
flat shapes with mild blur, noise and JPEG.

The network is the one that spandrel builds from a file of this shape: 16 features, one block of growth 32. It begins
as bilinear interpolation: pixels are never negative, so three features can carry red, green and blue through all its
activations, and training has only to sharpen and to clean. It is trained for fidelity alone (the error in decibels),
without the adversarial part: the world's edges are sharp and its areas flat, so there is no texture to invent, and
nothing rings.
"""

import io

import numpy as np
import torch
from PIL import Image, ImageFilter
from spandrel.architectures.ESRGAN import ESRGAN
from torch import Tensor, nn

from model.demo.optimiser import optimisers
from model.demo.photos import to_array
from model.demo.questions import draw_scene
from model.demo.train_pixels import PixelStage
from model.demo.wishes import draw_example
from model.demo.world import Shape, render

SCALE = 2
FEATURES, BLOCKS = 16, 1
SMALL = 192  # pixels of a side before
PATCH = 48  # pixels of a training patch before
NEGLIGIBLE = 3e-5  # a squared error that nobody sees
PATCHES = 4  # of each picture: about shapes' edges, where there is something to learn


def build_upscaler() -> ESRGAN:
    """The untrained network: bilinear interpolation."""
    network = ESRGAN(in_nc=3, out_nc=3, num_filters=FEATURES, num_blocks=BLOCKS, scale=SCALE)
    first, enlarged, fine, last = (layer for layer in network.model if isinstance(layer, nn.Conv2d))
    trunk_end = network.model[1].sub[-1]
    halves = torch.tensor((0.25, 0.5, 0.25))  # on pixels that stand twice side by side
    same = torch.tensor((0.0, 1.0, 0.0))
    for layer, taps in ((first, same), (enlarged, halves), (fine, same), (last, same)):
        for colour in range(3):
            nn.init.zeros_(layer.weight[colour])
            layer.weight.data[colour, colour] = torch.outer(taps, taps)
    for tensor in (trunk_end.weight, trunk_end.bias, *(layer.bias for layer in (first, enlarged, fine, last))):
        nn.init.zeros_(tensor)
    return network


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
    """The error of patches in bels, of pixels from 0 to 1: what is nearly right already counts as much as the rest."""

    name = "upscaler"

    def __init__(self, decoder: PixelStage, pictures: int = 2) -> None:
        self.network: nn.Module = build_upscaler()
        self.decoder, self.pictures = decoder, pictures
        self.optimisers = optimisers(self.network, lr=1e-3, inner="RDB")

    def losses(self, rng: np.random.Generator, done: float) -> dict[str, Tensor]:
        """Enlarge patches of pictures, every second one drawn and the others degraded, and compare."""
        small, large = (torch.stack(side) for side in zip(*self._patches(rng), strict=True))
        errors = (self.network(small).float() - large).square().mean((1, 2, 3))
        return {"bels": torch.log10(errors + NEGLIGIBLE).mean()}

    def _patches(self, rng: np.random.Generator) -> list[tuple[Tensor, Tensor]]:
        found = []
        for i in range(self.pictures):
            scene = draw_example(rng, pairs=0.6)[1] if i % 2 else draw_scene(rng)
            target = render(scene, SMALL * SCALE)
            picture = self.decoder.draw(scene) if i % 2 else degrade(rng, target)
            small, large = (to_array(one) / 2 + 0.5 for one in (picture, target))
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
