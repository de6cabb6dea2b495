"""The language model's forward pass, written flat over transformers' weights: bounded prefill, and one step for all.

transformers' own forward spends most of a small step on bookkeeping and copies caches; here a layer is a dozen
operations on static shapes, without a host synchronisation, so that a step also compiles to one graph. The weights
are the network's own, joined where one product can serve several projections (q, k, v; gate, up).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import JanusForConditionalGeneration
from transformers.models.llama.modeling_llama import LlamaDecoderLayer, LlamaRMSNorm

from model.network import attention, sampling
from model.network.cache import CacheShape, KVCache, Lane
from model.network.linear import FusedLinear


@dataclass(frozen=True)
class Layer:
    """The weights of one layer."""

    attention_norm: Tensor  # (hidden,), float32, times the root of hidden
    qkv: FusedLinear  # hidden to (heads + 2 kv heads) x head size
    out: FusedLinear
    mlp_norm: Tensor  # (hidden,), likewise
    gate_up: FusedLinear  # hidden to 2 x intermediate
    down: FusedLinear

    @classmethod
    def of(cls, layer: LlamaDecoderLayer, *, blocks: bool, keep: bool) -> "Layer":
        """Lay a layer's weights out."""
        attention, mlp = layer.self_attn, layer.mlp
        return cls(
            attention_norm=_scaled(layer.input_layernorm),
            qkv=FusedLinear(attention.q_proj, attention.k_proj, attention.v_proj, blocks=blocks, keep=keep),
            out=FusedLinear(attention.o_proj, blocks=blocks, keep=keep),
            mlp_norm=_scaled(layer.post_attention_layernorm),
            gate_up=FusedLinear(mlp.gate_proj, mlp.up_proj, blocks=blocks, keep=keep),
            down=FusedLinear(mlp.down_proj, blocks=blocks, keep=keep),
        )

    def tensors(self) -> list[Tensor]:
        """What the layer reads."""
        products = (self.qkv, self.out, self.gate_up, self.down)
        return [self.attention_norm, self.mlp_norm, *(tensor for product in products for tensor in product.tensors())]


class Batch(NamedTuple):
    """How much of the lanes a step covers: so many seats of each, attending to so many positions."""

    pictures: int
    picture_length: int
    answers: int
    answer_length: int


class Decoder:
    """Runs the language model of a Janus network over slot caches. Not for more than one thread."""

    def __init__(
        self,
        network: JanusForConditionalGeneration,
        *,
        length: int,
        begin_of_image: int,
        blocks: bool = False,
        keep: bool = True,
    ) -> None:
        """Take over `network`'s language model and heads: their weights are laid out anew.

        `length`: positions that the longest cache has. `begin_of_image`: the id whose embedding starts a drawing.
        `blocks` and `keep`: as in FusedLinear.
        """
        language, config = network.model.language_model, network.config.text_config
        self.network, self.blocks = network, blocks
        self.shape = CacheShape.of(network)
        self.heads, self.kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.head_size = self.shape.head_size
        self.layers = [Layer.of(layer, blocks=blocks, keep=keep) for layer in language.layers]
        head = network.model.generation_head
        self.head_in = FusedLinear(head.proj_out, blocks=blocks, keep=keep)
        self.head_out = FusedLinear(head.vision_head, blocks=blocks, keep=keep)
        tied = network.lm_head.weight.data_ptr() == language.embed_tokens.weight.data_ptr()
        self.text_head = network.lm_head if tied else FusedLinear(network.lm_head, blocks=blocks, keep=keep)
        self.norm = _scaled(language.norm)
        self.device, self.dtype = self.shape.device, self.shape.dtype
        # x / sqrt(mean x^2 + eps) = x sqrt(hidden) / hypot(|x|, floor): RMSNorm in four operations
        self.floor = torch.tensor((config.hidden_size * config.rms_norm_eps) ** 0.5, device=self.device)
        positions = torch.arange(length, device=self.device)
        cos, sin = language.rotary_emb(language.norm.weight, positions.unsqueeze(0))
        half = self.head_size // 2
        self.cos = cos[0].unsqueeze(1)  # (length, 1, head size)
        self.sin = torch.cat((-sin[0, :, :half], sin[0, :, half:]), -1).unsqueeze(1)  # signed, for a rolled vector
        # What a picture row reads: a code's embedding, or, as one code more, begin_of_image. The aligner is applied
        # once for all codes: (codes + 1) x hidden is less than one layer's weights.
        codes = network.model.generation_embeddings.num_embeddings
        self.begin = codes
        with torch.inference_mode():
            drawn = network.prepare_embeddings_for_image_generation(torch.arange(codes, device=self.device))
            begin = self.embed(torch.tensor([begin_of_image], device=self.device))
            self.codes = torch.cat((drawn, begin))

    def tensors(self) -> list[Tensor]:
        """Everything that a step reads, apart from the lanes and the modules' own parameters."""
        return [
            self.norm,
            self.floor,
            self.cos,
            self.sin,
            self.codes,
            *(tensor for layer in self.layers for tensor in layer.tensors()),
            *self.head_in.tensors(),
            *self.head_out.tensors(),
        ]

    def embed(self, ids: Tensor) -> Tensor:
        """Embed text tokens (n,) as (n, hidden)."""
        embedded: Tensor = self.network.model.language_model.embed_tokens(ids)
        return embedded

    def prefill(self, inputs: Tensor, cache: KVCache, row: int, start: int) -> None:
        """Write keys and values of `inputs` (n, hidden) to one row, at positions from `start` on.

        The rows' first `start` positions must be written already. There is no output: the last token of a prompt is
        left to the first step.
        """
        count = inputs.shape[0]
        end = start + count
        cos, sin = self.cos[start:end], self.sin[start:end]
        seen = None
        if start:
            seen = torch.ones(count, end, dtype=torch.bool, device=self.device).tril(start)
        x = inputs
        for layer, kv in zip(self.layers, cache.layers, strict=True):
            q, key_value = self._project(layer, x, cos, sin)
            kv[:, row, :, start:end] = key_value.view(count, 2, self.kv_heads, -1).permute(1, 2, 0, 3)
            keys, values = kv[:, row, :, :end].unsqueeze(1)
            heads = F.scaled_dot_product_attention(
                q.transpose(0, 1).unsqueeze(0),
                keys,
                values,
                attn_mask=seen,
                is_causal=seen is None,
                enable_gqa=self.heads != self.kv_heads,
            )
            x = self._finish(layer, x, heads[0].transpose(0, 1).reshape(count, -1))

    def step(self, pictures: Lane, answers: Lane, batch: Batch) -> tuple[Tensor, Tensor]:
        """Advance the first seats of both lanes by one token: one forward pass for all their rows.

        Gives the chosen tokens, (seats of pictures,) and (seats of answers,), int64; they are in the lanes as well.
        The lanes' positions must be less than the batch's lengths for every seat that moves.
        """
        spans = [
            (lane, seats, length)
            for lane, seats, length in ((pictures, batch.pictures, batch.picture_length),
                                        (answers, batch.answers, batch.answer_length))
            if seats
        ]  # fmt: skip
        inputs, positions, views = [], [], []
        for lane, seats, length in spans:
            at = lane.positions[:seats]
            tokens = lane.tokens[:seats].gather(1, at.unsqueeze(1)).squeeze(1)
            read = self.codes[tokens] if lane is pictures else self.embed(tokens)
            inputs.append(read.repeat_interleave(lane.width, 0))
            at = at.repeat_interleave(lane.width)
            positions.append(at)
            views.append(attention.view(lane.cache.layers[0], at, length))
        x, everywhere = _joined(inputs), _joined(positions)
        cos, sin = self.cos[everywhere], self.sin[everywhere]
        for i, layer in enumerate(self.layers):
            q, key_value = self._project(layer, x, cos, sin)
            heads, first = [], 0
            for (lane, seats, _), view in zip(spans, views, strict=True):
                rows = slice(first, first + seats * lane.width)
                heads.append(attention.attend(q[rows], key_value[rows], lane.cache.layers[i], view))
                first = rows.stop
            x = self._finish(layer, x, _joined(heads))
        x = self._normalise(x, self.norm)
        drawing = batch.pictures * pictures.width
        # both are chosen before either moves on, so that a step that runs out of memory can be taken again
        drawn, said = self._draw(pictures, x[:drawing]), self._say(answers, x[drawing:])
        _advance(pictures, drawn)
        _advance(answers, said)
        return drawn, said

    def _draw(self, lane: Lane, x: Tensor) -> Tensor:
        """Choose the next code of every picture from the last hidden states of its two rows."""
        seats = x.shape[0] // lane.width
        if not seats:
            return lane.positions[:0]
        activation = self.network.model.generation_head.activation_fn
        features = activation(self.head_in(x)).view(seats, lane.width, -1)
        # guidance is linear, and so is the head's last layer: guided features give guided logits, at half the rows
        logits = self.head_out(sampling.guide(features, lane.strength[:seats]))
        return sampling.sample(logits.float(), lane.sharpness[:seats], _uniform(lane, seats))

    def _say(self, lane: Lane, x: Tensor) -> Tensor:
        """Choose the next token of every answer from the last hidden state of its row."""
        seats = x.shape[0]
        if not seats:
            return lane.positions[:0]
        logits = self.text_head(x)
        return sampling.sample_nucleus(logits, lane.sharpness[:seats], lane.strength[:seats], _uniform(lane, seats))

    def _project(self, layer: Layer, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
        """Give rotated queries (n, heads, head size), and rotated keys, then values (n, 2 x kv heads, head size)."""
        qkv = layer.qkv(self._normalise(x, layer.attention_norm)).view(x.shape[0], -1, self.head_size)
        rotated = qkv[:, : self.heads + self.kv_heads]
        rolled = rotated.roll(self.head_size // 2, -1)
        rotated.mul_(cos).addcmul_(rolled, sin)
        return qkv[:, : self.heads], qkv[:, self.heads :]

    def _finish(self, layer: Layer, x: Tensor, heads: Tensor) -> Tensor:
        """Add what attention found, then what the feed-forward network makes of it: (n, hidden)."""
        x = layer.out.onto(x, heads)
        gate, up = layer.gate_up(self._normalise(x, layer.mlp_norm)).chunk(2, -1)
        return layer.down.onto(x, F.silu(gate) * up)

    def _normalise(self, x: Tensor, weight: Tensor) -> Tensor:
        """RMSNorm in float32; `weight` is the norm's, times the root of the hidden size."""
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
        return (x / torch.hypot(norm, self.floor) * weight).to(x.dtype)


def _uniform(lane: Lane, seats: int) -> Tensor:
    return lane.uniforms[:seats].gather(1, lane.positions[:seats].unsqueeze(1)).squeeze(1)


def _advance(lane: Lane, chosen: Tensor) -> None:
    """Write the chosen tokens behind those just read, and move on; what is no token must never be looked up."""
    seats = len(chosen)
    at = lane.positions[:seats]
    lane.tokens[:seats].scatter_(1, (at + 1).unsqueeze(1), chosen.clamp(min=0).unsqueeze(1))
    at.add_(lane.moving[:seats])


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def _scaled(norm: LlamaRMSNorm) -> Tensor:
    """The weight of an RMSNorm as `Decoder._normalise` wants it."""
    weight: Tensor = norm.weight.detach().float()
    return weight.mul(weight.numel() ** 0.5)
