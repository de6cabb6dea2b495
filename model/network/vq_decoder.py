"""The VQ decoder, from image codes to pixels, written flat over transformers' modules.

Nearly all of its time goes into convolutions at full size, so what is left to gain is not to do them in vain. To
double a picture and then look at 3 x 3 of its pixels is to look at 2 x 2 pixels before doubling, with four kernels for
the four places that a new pixel may have: 4 products in place of 9. The rest is channels-last memory and operations
in place.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import JanusForConditionalGeneration
from transformers.models.janus.modeling_janus import JanusVQVAEResnetBlock

from model.network.numbers import compute


class VQDecoder:
    """Decodes codes with a Janus network's VQ model, whose weights are laid out anew in place."""

    def __init__(self, network: JanusForConditionalGeneration) -> None:
        self.vq = vq = network.model.vqmodel.to(memory_format=torch.channels_last)
        self.quantize, self.post, self.decoder = vq.quantize, vq.post_quant_conv, vq.decoder
        self.scale = 2 ** (len(vq.decoder.up) - 1)  # pixels on a side of a code
        # in float32 alone: sums of kernels rounded to 16 bits would be other kernels
        merge = next(vq.decoder.parameters()).dtype is torch.float32
        self.doubling = [
            _Doubling(level.upsample.conv) if merge else level.upsample for level in list(vq.decoder.up)[:-1]
        ]

    @torch.inference_mode()
    def __call__(self, codes: Tensor) -> Tensor:
        """Decode a grid of codes (n, height, width), int64, into pixels (n, 3, H, W), about -1 to 1.

        Raises NoNumbersError.
        """
        return compute(self.vq, lambda: self._decode(codes), "the VQ decoder")

    def _decode(self, codes: Tensor) -> Tensor:
        latents = F.normalize(self.quantize.embedding(codes), dim=-1).permute(0, 3, 1, 2)  # channels-last by nature
        decoder = self.decoder
        x = decoder.conv_in(self.post(latents))
        x = _residual(decoder.mid.block_1, x)
        x = decoder.mid.attn_1(x)
        x = _residual(decoder.mid.block_2, x)
        for i, level in enumerate(decoder.up):
            for j, block in enumerate(level.block):
                x = _residual(block, x)
                x = level.attn[j](x) if level.attn else x
            x = self.doubling[i](x) if i < len(self.doubling) else x
        pixels: Tensor = decoder.conv_out(_swish(decoder.norm_out, x))
        return pixels


class _Doubling:
    """Nearest-neighbour doubling and a 3 x 3 convolution, as one 2 x 2 convolution with four times the channels."""

    def __init__(self, conv: nn.Conv2d) -> None:
        rows = _kernels(conv.weight.detach(), 2)
        kernels = [kernel for row in rows for kernel in _kernels(row, 3)]
        self.weight = torch.cat(kernels).contiguous(memory_format=torch.channels_last)
        self.bias = None if conv.bias is None else conv.bias.detach().repeat(4)

    def __call__(self, x: Tensor) -> Tensor:
        """(n, channels, H, W) to (n, channels, 2 H, 2 W)."""
        count, _, height, width = x.shape
        four = F.conv2d(x, self.weight, self.bias, padding=1).chunk(4, 1)  # each (n, channels, H + 1, W + 1)
        channels = four[0].shape[1]
        size = (count, channels, 2 * height, 2 * width)
        double = torch.empty(size, dtype=x.dtype, device=x.device, memory_format=torch.channels_last)
        for quarter, part in enumerate(four):
            down, right = divmod(quarter, 2)
            double[:, :, down::2, right::2] = part[:, :, down : down + height, right : right + width]
        return double


def _kernels(weight: Tensor, side: int) -> list[Tensor]:
    """Turn a kernel of 3 along `side` into two of 2: what a new pixel at an even, and at an odd place sees.

    At an even place it is the old pixel before, and twice its own; at an odd one twice its own, and the next.
    """
    first, second, third = weight.unbind(side)
    return [torch.stack((first, second + third), side), torch.stack((first + second, third), side)]


def _residual(block: JanusVQVAEResnetBlock, x: Tensor) -> Tensor:
    found: Tensor = block.conv2(_swish(block.norm2, block.conv1(_swish(block.norm1, x))))
    if block.in_channels != block.out_channels:
        x = block.conv_shortcut(x) if block.use_conv_shortcut else block.nin_shortcut(x)
    return found.add_(x)


def _swish(norm: nn.GroupNorm, x: Tensor) -> Tensor:
    return F.silu(norm(x), inplace=True)
