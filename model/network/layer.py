"""The weights of one layer of the language model, joined where one product can serve several projections."""

from dataclasses import dataclass

from torch import Tensor
from transformers.models.llama.modeling_llama import LlamaDecoderLayer, LlamaRMSNorm

from model.network.linear import Product, joined


@dataclass(frozen=True)
class Layer:
    """The weights of one layer."""

    attention_norm: Tensor  # (hidden,), float32, times the root of hidden
    qkv: Product  # hidden to (heads + 2 kv heads) x head size
    out: Product
    mlp_norm: Tensor  # (hidden,), likewise
    gate_up: Product  # hidden to 2 x intermediate
    down: Product

    @classmethod
    def of(cls, layer: LlamaDecoderLayer, *, blocks: bool, keep: bool) -> "Layer":
        """Lay a layer's weights out."""
        attention, mlp = layer.self_attn, layer.mlp
        return cls(
            attention_norm=scaled(layer.input_layernorm),
            qkv=joined(attention.q_proj, attention.k_proj, attention.v_proj, blocks=blocks, keep=keep),
            out=joined(attention.o_proj, blocks=blocks, keep=keep),
            mlp_norm=scaled(layer.post_attention_layernorm),
            gate_up=joined(mlp.gate_proj, mlp.up_proj, blocks=blocks, keep=keep),
            down=joined(mlp.down_proj, blocks=blocks, keep=keep),
        )

    def tensors(self) -> list[Tensor]:
        """What the layer reads."""
        products = (self.qkv, self.out, self.gate_up, self.down)
        return [self.attention_norm, self.mlp_norm, *(tensor for product in products for tensor in product.tensors())]


def scaled(norm: LlamaRMSNorm) -> Tensor:
    """The weight of an RMSNorm as the decoder wants it: float32, times the root of its size."""
    weight: Tensor = norm.weight.detach().float()
    return weight.mul(weight.numel() ** 0.5)
