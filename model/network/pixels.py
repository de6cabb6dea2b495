"""Pixels in, for questions, and pixels out, of drawings: the arithmetic of DeepSeek's program, to the last bit."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import JanusForConditionalGeneration

PADDING = (127, 127, 127)  # the mean 0.5 of each channel, truncated
SHORTEST = 14  # pixels: a thin picture is not squeezed below this


def preprocess(picture: Image.Image, size: int) -> Tensor:
    """Fit an RGB picture into a grey square for the vision tower: (3, size, size), float32, -1 to 1, on the CPU.

    As DeepSeek's VLMImageProcessor: sizes are truncated, not rounded (transformers' processor rounds, and then many
    pictures differ by a row), the resampling is PIL's bicubic one, and the values are scaled in double precision.
    """
    longest = max(picture.size)
    width, height = (max(int(side / longest * size), SHORTEST) for side in picture.size)
    square = Image.new("RGB", (size, size), PADDING)
    square.paste(picture.resize((width, height), Image.Resampling.BICUBIC), ((size - width) // 2, (size - height) // 2))
    values = (np.asarray(square).astype(np.float64) * (1 / 255)).astype(np.float32)
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
