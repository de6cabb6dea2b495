"""Pixels in, for questions, and pixels out, of drawings: the arithmetic of DeepSeek's program, to the last bit."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import JanusForConditionalGeneration

from model.square import fit


def preprocess(picture: Image.Image, size: int) -> Tensor:
    """Bring an RGB picture to what the vision tower reads: (3, size, size), float32, -1 to 1, on the CPU.

    It is fitted into a grey square, where it is not one already, and its values are scaled in double precision.
    """
    values = (np.asarray(fit(picture, size)).astype(np.float64) * (1 / 255)).astype(np.float32)
    return torch.from_numpy(((values - np.float32(0.5)) / np.float32(0.5)).transpose(2, 0, 1).copy())


def to_uint8(pixels: Tensor) -> Tensor:
    """Turn decoded pixels (n, 3, H, W), about -1 to 1, into uint8 (n, H, W, 3): clipped and truncated, not rounded."""
    scaled = (pixels.float() + 1) / 2 * 255
    return scaled.clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1)


@torch.inference_mode()
def decode(network: JanusForConditionalGeneration, tokens: Tensor) -> list[Image.Image]:
    """Decode drawings (n, image tokens), int64, on the network's device, into n RGB pictures."""
    return to_pictures(network.model.vqmodel.decode(tokens))


def to_pictures(pixels: Tensor) -> list[Image.Image]:
    """Turn decoded pixels (n, 3, H, W) into n RGB pictures."""
    return [Image.fromarray(picture) for picture in to_uint8(pixels).cpu().numpy()]
