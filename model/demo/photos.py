"""Pictures of scenes as people would hand them in, and pictures as tensors."""

import io

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from model.demo.network import SIDE
from model.demo.world import Scene, render


def photograph(rng: np.random.Generator, scene: Scene) -> Image.Image:
    """Render a scene at some size, often with a little blur, noise or JPEG."""
    side = SIDE if rng.random() < 0.5 else int(rng.integers(96, 385))
    picture = render(scene, side)
    if rng.random() < 0.25:
        picture = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.2, 1.2)) * side / SIDE))
    if rng.random() < 0.25:
        noise = rng.normal(0, rng.uniform(1, 8), (side, side, 3))
        picture = Image.fromarray((np.asarray(picture) + noise).clip(0, 255).astype(np.uint8))
    if rng.random() < 0.25:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=int(rng.integers(50, 96)))
        picture = Image.open(buffer).convert("RGB")
    return picture


def to_array(picture: Image.Image) -> Tensor:
    """An RGB picture as float32 (3, height, width), from -1 to 1."""
    return torch.from_numpy(np.asarray(picture).transpose(2, 0, 1) / np.float32(127.5) - 1)
