"""Linear layers whose weights are held in 8 or 4 bits; what goes in and comes out keeps its type.

torchao finds the numbers and packs them; the products are torch's own kernels for what it packed, where there are any
(int4; few rows in int8 on a CPU), or else the weights are turned back for the moment of a product. That saves memory
and no time.

torchao is an extra: it is bound to versions of torch more closely than anything else here, and transformers imports it
wherever it is installed, so that one that does not fit would hurt those who have no use for it, too.
"""

from collections.abc import Iterator
from functools import cache
from types import SimpleNamespace
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.weights.names import CheckpointError

Kind = Literal["int8", "int4", "float8"]
KINDS: tuple[Kind, ...] = get_args(Kind)

SMALLER = "choose --quantize int8 or int4, or a smaller model"  # where memory is short

GROUPS = (64, 32)  # int4: so many weights of a row have a scale and a zero in common; the first that divides a row
ROW_MULTIPLE = 16  # int4: rows that are packed together
AT_ONCE = 4096  # rows that are quantized at a time, in some ten times their memory: a multiple of what kernels pack
FEW = 32  # rows up to which a CPU's kernel for int8 is faster than turning the weights back
FLOAT8_SINCE = (8, 9)  # the compute capability of the first cards that know the type


class QuantizedLinear(nn.Module):
    """A linear layer without a bias: (..., inputs) to (..., outputs)."""

    def __init__(self, kind: Kind, size: torch.Size, dtype: torch.dtype, packed: Tensor, scales: Tensor) -> None:
        """`size`: (outputs, inputs). `packed` and `scales`: as torchao has them; `dtype`: of what goes in."""
        super().__init__()
        self.kind, self.dtype = kind, dtype
        self.outputs, self.inputs = size
        self.packed = nn.Parameter(packed, requires_grad=False)
        self.scales = nn.Parameter(scales, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Give x W^T."""
        rows = x.reshape(-1, self.inputs)
        return self._product(rows).reshape(*x.shape[:-1], self.outputs)

    def _product(self, rows: Tensor) -> Tensor:
        on_cpu = rows.device.type == "cpu"
        product: Tensor
        if self.kind == "int4" and on_cpu:
            group = self.inputs // self.scales.shape[0]
            product = torch.ops.aten._weight_int4pack_mm_for_cpu(rows, self.packed, group, self.scales)
        elif self.kind == "int4":  # torchao has filled the inputs up to what the kernel takes at a time
            width = self.packed.shape[1] * 128
            filled = F.pad(rows, (0, width - self.inputs)) if width > self.inputs else rows
            group = width // self.scales.shape[0]
            product = torch.ops.aten._weight_int4pack_mm(filled, self.packed, group, self.scales)[:, : self.outputs]
        elif self.kind == "int8" and on_cpu and rows.dtype != torch.float32 and rows.shape[0] <= FEW:
            product = torch.ops.aten._weight_int8pack_mm(rows, self.packed, self.scales)
        else:
            product = F.linear(rows, self.packed.to(rows.dtype)) * self.scales
        return product


def quantized(
    weight: Tensor, kind: Kind, *, device: torch.device | None = None, dtype: torch.dtype | None = None
) -> QuantizedLinear | None:
    """Quantize a layer's weight (outputs, inputs), for `device` and inputs of `dtype` (None: those of the weight).

    Gives None where int4 can't divide it into groups: then the layer stays as it is. On the meta device only the sizes
    are right, without what CUDA's kernel for int4 fills up.
    """
    outputs, inputs = weight.shape
    device, dtype = device or weight.device, dtype or weight.dtype
    group = next((group for group in GROUPS if inputs % group == 0), 0)
    if kind == "int4" and (not group or outputs % ROW_MULTIPLE):
        return None
    if device.type == "meta":
        packed, scales = _sizes(weight.to(device=device, dtype=dtype), kind, group)
    else:
        parts = [_parts(rows.to(device=device, dtype=dtype), kind, group) for rows in torch.split(weight, AT_ONCE)]
        packed = torch.cat([part for part, _ in parts])
        scales = torch.cat([part for _, part in parts], 1 if kind == "int4" else 0)
    return QuantizedLinear(kind, weight.shape, dtype, packed, scales)


def quantizable(network: nn.Module) -> Iterator[str]:
    """Name a Janus network's linear layers that may be held in fewer bits: what a step reads, and the text head.

    The rest stays: what pictures come in and go out by, and embeddings, of which a step reads few rows.
    """
    for name, module in network.named_modules():
        in_layers = name.startswith("model.language_model.layers.") or name == "lm_head"
        if in_layers and isinstance(module, nn.Linear) and module.bias is None:
            yield name


def require(kind: Kind, device: torch.device, dtype: torch.dtype) -> None:
    """Find out whether a kind can be had on a device, by trying. Raises CheckpointError, which says what to choose."""
    if device.type == "meta":
        return
    other = "Choose int8, or leave quantize at none." if kind != "int8" else "Leave quantize at none."
    about = f"{kind} can't be had on {device.type} in {str(dtype).removeprefix('torch.')}"
    if kind == "float8" and not (device.type == "cuda" and torch.cuda.get_device_capability(device) >= FLOAT8_SINCE):
        raise CheckpointError(f"{about}: that takes an NVIDIA card of the RTX 40 or later. {other}")
    if kind == "int4" and device.type == "cuda" and dtype != torch.bfloat16:
        raise CheckpointError(f"{about}: its kernel takes bfloat16, on an NVIDIA card of the RTX 30 or later. {other}")
    weight = torch.eye(64, dtype=dtype, device=device)
    try:
        layer = quantized(weight, kind)
        close = layer is not None and torch.allclose(layer(weight), weight, atol=0.1)
    except CheckpointError:
        raise
    except Exception as error:  # torchao and torch say so by exceptions of all kinds
        raise CheckpointError(f"{about} ({' '.join(str(error).split())[:200]}). {other}") from error
    if not close:
        raise CheckpointError(f"{about}: its kernel computes something else here. {other}")


def _parts(weight: Tensor, kind: Kind, group: int) -> tuple[Tensor, Tensor]:
    """Give rows packed, and what they are multiplied with: (rows,), or (groups, rows, 2) with what is added in int4."""
    torchao = _torchao()
    if kind == "int4":
        of = torchao.Int4OpaqueTensor if weight.device.type == "cpu" else torchao.Int4TilePackedTo4dTensor
        groups = of.from_hp(weight, [1, group])
        return groups.qdata, groups.scale_and_zero
    if kind == "int8":
        rows = torchao.Int8Tensor.from_hp(weight, torchao.PerRow())
    else:
        rows = torchao.Float8Tensor.from_hp(weight, granularity=torchao.PerRow())
    return rows.qdata, rows.scale.flatten().to(weight.dtype)


def _sizes(weight: Tensor, kind: Kind, group: int) -> tuple[Tensor, Tensor]:
    """Give what `_parts` would, without the numbers."""
    outputs, inputs = weight.shape
    if kind == "int4":
        packed = weight.new_empty(outputs, inputs // 2, dtype=torch.uint8)
        return packed, weight.new_empty(inputs // group, outputs, 2)
    return weight.new_empty(outputs, inputs, dtype=torch.int8), weight.new_empty(outputs)


@cache
def _torchao() -> SimpleNamespace:
    """Import what there is to use of torchao. Raises CheckpointError."""
    try:
        from torchao.prototype.quantization.int4 import Int4OpaqueTensor
        from torchao.quantization import Float8Tensor, Int4TilePackedTo4dTensor, Int8Tensor, PerRow
    except Exception as error:  # one that is for another torch fails in ways of its own
        raise CheckpointError(
            f"To hold weights in fewer bits takes torchao, which can't be imported ({error}): start this with "
            "uv run --extra quantize janus-bot, or leave quantize at none."
        ) from error
    return SimpleNamespace(
        Float8Tensor=Float8Tensor,
        Int4OpaqueTensor=Int4OpaqueTensor,
        Int4TilePackedTo4dTensor=Int4TilePackedTo4dTensor,
        Int8Tensor=Int8Tensor,
        PerRow=PerRow,
    )
