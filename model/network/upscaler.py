"""Real-ESRGAN, in one pass over the whole picture.

The arithmetic around the network is that of the original program (github.com/ai-forever/Real-ESRGAN): a mirrored
border of 15 pixels, pixels / 255 in, clipped to 0 and 1, times 255 in double precision and truncated. The border is
part of the result, not only at the edge: it is odd, and so decides which four pixels the network for x2 takes together.
That program cuts every picture into tiles of 192 pixels besides; at a drawing's size that only costs time.
"""

import itertools
from collections.abc import Generator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from spandrel import ImageModelDescriptor, ModelLoader, canonicalize_state_dict

from model.errors import as_typed
from model.network.numbers import check, compute
from model.requests import ENLARGED_BELOW, Refused
from model.weights.files import read_tensors
from model.weights.names import CheckpointError

BORDER = 15  # pixels around a picture that mirror it
FRAME = 512  # pixels on a side that one pass takes; larger pictures go in frames, or others would wait for long
MARGIN = 33  # pixels around a frame that the network sees as well; FRAME even and MARGIN odd keep the groups of four
NAME = "the upscaler"

ADVICE = f"Name a Real-ESRGAN file, or fetch the one for x2: {as_typed('download upscaler')}."

Pieces = Generator[None, None, Image.Image]
"""Enlarging in bounded pieces: it stops before each, and gives the picture at the end."""


class RealESRGAN:
    """Enlarges pictures by a network of any Real-ESRGAN file: `scale` is 2 for the weights that we name."""

    def __init__(self, network: ImageModelDescriptor) -> None:
        self.network = network
        # there, for spandrel makes a white pixel of an infinite one
        network.model.register_forward_hook(lambda module, given, found: check(found, NAME))
        self.scale: int = network.scale

    def __call__(self, picture: Image.Image) -> Image.Image:
        """Enlarge an RGB picture `scale` times. Raises Refused if it is too large, NoNumbersError if it fails."""
        return _at_once(self.pieces(picture))

    def pieces(self, picture: Image.Image) -> Pieces:
        """Do the same frame by frame, from the top left; one frame is the usual case."""
        _check(picture)
        large = Image.new("RGB", (picture.width * self.scale, picture.height * self.scale))
        bordered = np.pad(np.asarray(picture), ((BORDER, BORDER), (BORDER, BORDER), (0, 0)), "symmetric")
        for top, left in itertools.product(range(0, picture.height, FRAME), range(0, picture.width, FRAME)):
            yield
            large.paste(self._frame(bordered, top, left), (left * self.scale, top * self.scale))
        return large

    @torch.inference_mode()
    def _frame(self, bordered: NDArray[np.uint8], top: int, left: int) -> Image.Image:
        """Enlarge the frame that begins at (top, left) of a picture, given with its border (H, W, 3)."""
        height, width = (side - 2 * BORDER for side in bordered.shape[:2])
        above, before = min(top + BORDER, MARGIN), min(left + BORDER, MARGIN)
        first_row, first_column = top + BORDER - above, left + BORDER - before
        bottom, right = min(top + FRAME, height), min(left + FRAME, width)
        seen = bordered[first_row : bottom + BORDER + MARGIN, first_column : right + BORDER + MARGIN]
        pixels = torch.from_numpy(seen / 255).float().permute(2, 0, 1)[None]  # (1, 3, H, W)
        network = self.network
        found = compute(network.model, lambda: network(pixels.to(device=network.device, dtype=network.dtype)), NAME)
        values = (found[0].permute(1, 2, 0).cpu().double() * 255).to(torch.uint8)
        ours = values[above * self.scale :, before * self.scale :]
        return Image.fromarray(ours[: (bottom - top) * self.scale, : (right - left) * self.scale].numpy())


class Lanczos:
    """Enlarges pictures by a plain filter: for who asks for it by name, in the settings."""

    scale = 2

    def __call__(self, picture: Image.Image) -> Image.Image:
        """Enlarge a picture twice. Raises Refused if it is too large."""
        return _at_once(self.pieces(picture))

    def pieces(self, picture: Image.Image) -> Pieces:
        """Do the same in pieces: there is one."""
        _check(picture)
        yield
        return picture.resize((picture.width * self.scale, picture.height * self.scale), Image.Resampling.LANCZOS)


Upscaler = RealESRGAN | Lanczos


def load(file: Path | None, *, device: torch.device, dtype: torch.dtype | None = None) -> Upscaler:
    """Load the upscaler of `names.locate_upscaler`: a network's file, or None for Lanczos.

    `dtype`: by default float16 on CUDA and float32 elsewhere: one level of 255 at most, in 1 to 6 % of values.
    bfloat16, whose steps near white are as coarse as a picture's own, would be wrong by up to 4, in half of them.
    Raises CheckpointError.
    """
    if file is None:
        return Lanczos()
    try:
        network = ModelLoader().load_from_state_dict(canonicalize_state_dict(read_tensors(file)))
    except CheckpointError as error:
        raise CheckpointError(f"{error} {ADVICE}") from error
    except Exception as error:  # spandrel tells unknown networks and sizes that do not fit by exceptions of many kinds
        reason = type(error).__name__
        raise CheckpointError(f"{file} is no upscaler that spandrel knows ({reason}). {ADVICE}") from error
    if not isinstance(network, ImageModelDescriptor) or (network.input_channels, network.output_channels) != (3, 3):
        raise CheckpointError(f"{file} is no network from RGB to RGB. {ADVICE}")
    if network.scale < 2:
        raise CheckpointError(f"{file} does not enlarge. {ADVICE}")
    return arrange(network, device, dtype)


def arrange(network: ImageModelDescriptor, device: torch.device, dtype: torch.dtype | None = None) -> RealESRGAN:
    """Put a network where and as it runs best; `dtype` as in `load`."""
    precision = dtype or (torch.float16 if device.type == "cuda" else torch.float32)
    network.to(device=device, dtype=precision).eval()
    if device.type != "mps":  # faster on a CPU (by a fifth to a third, measured) and on CUDA
        network.model.to(memory_format=torch.channels_last)
    return RealESRGAN(network)


def _at_once(pieces: Pieces) -> Image.Image:
    while True:
        try:
            next(pieces)
        except StopIteration as end:
            picture: Image.Image = end.value
            return picture


def _check(picture: Image.Image) -> None:
    if max(picture.size) >= ENLARGED_BELOW:
        size = f"{picture.width} x {picture.height}"
        raise Refused(
            f"This picture has {size} pixels; only pictures below {ENLARGED_BELOW} on a side can be enlarged."
        )
