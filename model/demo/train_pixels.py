"""The pixel decoder: from codes to pixels, the second half of a VQ autoencoder.

The codes are made by hand, so there is no encoder to train with it (the one in the checkpoint is untrained), and the
reconstruction loss is all there is. Near enough is not enough for flat areas: the square of an error of a hundredth is
nothing, but an eye sees the mottling. So most of the loss grows with the error itself. The decoder grows: it is trained
up to 48 pixels, then 96, then 192, each a stage of its own, and each new level starts as plain upsampling. Whole
pictures always: GroupNorm's statistics span the picture, so a decoder trained on crops would see other ones.
"""

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import normalize
from transformers import JanusForConditionalGeneration

from model.demo.codes import BACKGROUND, CELLS, GRID, encode
from model.demo.optimiser import optimisers
from model.demo.photos import to_array
from model.demo.wishes import draw_example
from model.demo.world import Scene, render
from model.network.pixels import to_pictures

SIDES = (48, 96, 192)
BATCH = {48: 6, 96: 3, 192: 2}  # pictures in a shard
RATE = {48: 2e-3, 96: 1e-3, 192: 5e-4}
INVISIBLE = 0.004  # an error, of pixels from -1 to 1, below which the loss bends: half a step of 255
BLOCKS_WEIGHT = 6.0  # of pixels in a shape's block: a tenth of the picture, and all that is hard in it
SQUARED = 4.0  # weight of the squared error beside it, which is what edges feel


class PixelStage:
    """The error of drawn scenes at one side, with the levels of the decoder up to it."""

    def __init__(self, model: JanusForConditionalGeneration, side: int) -> None:
        vq = model.model.vqmodel
        self.name, self.side = f"pixels-{side}", side
        self.table, self.post, self.decoder = vq.quantize.embedding, vq.post_quant_conv, vq.decoder
        self.network: nn.Module = nn.ModuleList([self.table, self.post, self.decoder])
        self.optimisers = optimisers(self.network, lr=RATE[side], muon_lr=10 * RATE[side], inner="conv")

    def losses(self, rng: np.random.Generator, done: float) -> dict[str, Tensor]:
        """The error of a batch, of pixels from -1 to 1."""
        scenes = [draw_example(rng, pairs=0.7)[1] for _ in range(BATCH[self.side])]
        codes = torch.from_numpy(np.stack([encode(scene) for scene in scenes]))
        target = torch.stack([to_array(render(scene, self.side)) for scene in scenes])
        squared = (self.decode(codes).float() - target).square()
        flat = (squared + INVISIBLE**2).sqrt() - INVISIBLE
        weight = 1 + (BLOCKS_WEIGHT - 1) * (codes % CELLS >= BACKGROUND).float()
        weight = (weight / weight.mean()).view(-1, 1, GRID, GRID).repeat_interleave(self.side // GRID, 2)
        weight = weight.repeat_interleave(self.side // GRID, 3)
        return {"flat": (weight * flat).mean(), "squared": SQUARED * (weight * squared).mean()}

    @torch.no_grad()
    def draw(self, scene: Scene) -> Image.Image:
        """Draw a scene that codes can show."""
        (picture,) = to_pictures(self.decode(torch.from_numpy(encode(scene))[None]).float())
        return picture

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (batch, 144) to pixels (batch, 3, side, side), leaving out the levels above."""
        vectors = normalize(self.table(codes), dim=2)
        grid = vectors.transpose(1, 2).reshape(len(codes), -1, GRID, GRID)
        hidden = self.post(grid.contiguous())  # with channels last, GroupNorm's backward pass takes 20 times as long
        hidden = self.decoder.mid(self.decoder.conv_in(hidden))
        for level in self.decoder.up:
            for i, block in enumerate(level.block):
                hidden = block(hidden)
                if len(level.attn):
                    hidden = level.attn[i](hidden)
            if hidden.shape[3] == self.side:
                break
            hidden = level.upsample(hidden)
        hidden = self.decoder.norm_out(hidden)
        pixels: Tensor = self.decoder.conv_out(hidden * torch.sigmoid(hidden))
        return pixels
