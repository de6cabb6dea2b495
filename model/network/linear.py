"""Products of few rows with many weights: that is what a decode step spends its time on.

Such a product reads every weight once and does little with it, so it is as fast as the weights lie well in memory. On
a CPU oneDNN wants them in blocks: ten rows are then served 1.5 to 2.5 times as fast as by the general matrix product,
in float32 as in bfloat16. Blocks are a second copy, unless the layers give up their own. On other devices, or where
memory is short, the layers' tensors are joined and laid out anew in place, and every module of the network keeps
working.
"""

import statistics
import time

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import JanusForConditionalGeneration

from model.weights.quantized import QuantizedLinear

FEW = 10  # rows that the blocks are chosen for: those of one drawing. They serve others as well.


def blocks_work(device: torch.device, dtype: torch.dtype) -> bool:
    """Tell whether weights can be laid out in blocks here: by trying, for these operations are torch's own affair."""
    if device.type != "cpu":
        return False
    layer = nn.Linear(16, 16, bias=False, device="meta")
    layer.weight = nn.Parameter(torch.eye(16, dtype=dtype), requires_grad=False)
    x = torch.arange(32.0).view(2, 16).to(dtype)
    try:
        return torch.equal(FusedLinear(layer, blocks=True)(x), x)
    except (AttributeError, NotImplementedError, RuntimeError):  # another torch, another processor
        return False


def usual_layer(network: JanusForConditionalGeneration) -> nn.Linear:
    """Get a layer that stands for all that can be laid out anew, which those that are quantized can't."""
    gate = network.model.language_model.layers[0].mlp.gate_proj
    head: nn.Linear = network.model.generation_head.vision_head
    return gate if isinstance(gate, nn.Linear) else head


def blocks_pay(layer: nn.Linear) -> bool:
    """Tell whether blocks serve a few rows sooner than the plain layout of such a layer, by the clock.

    Processors differ: what wins by far on one loses on another.
    """
    if not blocks_work(layer.weight.device, layer.weight.dtype):
        return False
    x = torch.zeros(FEW, layer.in_features, dtype=layer.weight.dtype)
    own = nn.Linear(layer.in_features, layer.out_features, bias=False, device="meta")
    own.weight = nn.Parameter(layer.weight.detach(), requires_grad=False)
    blocked = FusedLinear(own, blocks=True)
    plain = FusedLinear(own, blocks=False)
    seconds: dict[FusedLinear, list[float]] = {blocked: [], plain: []}
    for _ in range(10):  # by turns, so that both see the same machine
        for way, measured in seconds.items():
            began = time.perf_counter()
            way(x)
            measured.append(time.perf_counter() - began)
    return statistics.median(seconds[blocked]) <= statistics.median(seconds[plain])


class FusedLinear(nn.Module):
    """Linear layers that read the same input, as one: (n, inputs) to (n, all their outputs)."""

    def __init__(self, *layers: nn.Linear, blocks: bool, keep: bool = True) -> None:
        """Take over `layers`, which have a bias all or none.

        `blocks`: as oneDNN wants it, a copy that is opaque. Without `keep` the layers are left without weights then (on
        the meta device), so that there is one copy again.
        """
        super().__init__()
        weights = [layer.weight.detach() for layer in layers]
        biases = [layer.bias.detach() for layer in layers if layer.bias is not None]
        self.bias = torch.cat(biases) if biases else None
        self.blocks = blocks
        weight = _blocked(weights) if blocks else _joined(layers, weights)
        self.weight = nn.Parameter(weight, requires_grad=False)
        if blocks and not keep:
            for layer in layers:
                layer.weight = nn.Parameter(layer.weight.detach().to("meta"), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Give x W^T + b."""
        if self.blocks:
            product: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "none", [], "")
            return product
        return F.linear(x, self.weight, self.bias)

    def onto(self, residual: Tensor, x: Tensor) -> Tensor:
        """Give `residual` + x W^T; for layers without a bias."""
        if self.blocks:
            product: Tensor = self(x)
            return residual + product  # in this order: the other one the compiler takes for a bias, and fails
        return torch.addmm(residual, x, self.weight.t())

    def tensors(self) -> list[Tensor]:
        """What a product reads."""
        return [self.weight] if self.bias is None else [self.weight, self.bias]


class SideBySide(nn.Module):
    """Layers that read the same input, as one, where some are quantized: what is packed stays so, in its own product.

    None has a bias.
    """

    def __init__(self, *layers: nn.Linear | QuantizedLinear) -> None:
        """Use `layers` as they are."""
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        """Give x W^T."""
        products = [layer(x) for layer in self.layers]
        return products[0] if len(products) == 1 else torch.cat(products, -1)

    def onto(self, residual: Tensor, x: Tensor) -> Tensor:
        """Give `residual` + x W^T."""
        product: Tensor = self(x)
        return residual + product

    def tensors(self) -> list[Tensor]:
        """What a product reads."""
        return list(self.parameters())


Product = FusedLinear | SideBySide


def joined(*layers: nn.Linear | QuantizedLinear, blocks: bool, keep: bool) -> Product:
    """Join layers that read the same input; `blocks` and `keep` are for those that are not quantized."""
    plain = [layer for layer in layers if isinstance(layer, nn.Linear)]
    if len(plain) == len(layers):
        return FusedLinear(*plain, blocks=blocks, keep=keep)
    return SideBySide(*layers)


def _blocked(weights: list[Tensor]) -> Tensor:
    whole = torch.cat(weights) if len(weights) > 1 else weights[0]
    packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(whole, FEW)
    return packed


def _joined(layers: tuple[nn.Linear, ...], weights: list[Tensor]) -> Tensor:
    """Store the weights together, (all outputs, inputs), and make the layers' own views of them.

    On a CPU every input's weights lie together: of the plain layouts that one is read fastest.
    """
    if weights[0].device.type == "cpu":
        joined = torch.cat([weight.t() for weight in weights], 1).t()
    else:
        joined = torch.cat(weights) if len(weights) > 1 else weights[0]
    outputs = [weight.shape[0] for weight in weights]
    for layer, part in zip(layers, torch.split(joined, outputs), strict=True):
        layer.weight = nn.Parameter(part, requires_grad=False)
    return joined
