"""The language model's forward pass, written flat over transformers' weights: bounded prefill, and one step for all.

transformers' own forward spends most of a small step on bookkeeping and copies caches; here a layer is a dozen
operations on static shapes, without a host synchronisation, so that a step also compiles to one graph. The weights
are the network's own, joined where one product can serve several projections (q, k, v; gate, up).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import JanusForConditionalGeneration

from model.network import attention, sampling
from model.network.cache import CacheShape, KVCache, Lane
from model.network.layer import Layer, scaled
from model.network.linear import FusedLinear, joined


class Batch(NamedTuple):
    """How much of the lanes a step covers: so many seats of each, attending to so many positions.

    `window`: positions of every picture that one step evaluates; of an answer it is always one. `narrow`: some
    pictures are drawn from some of the codes only.
    """

    pictures: int
    picture_length: int
    answers: int
    answer_length: int
    window: int = 1
    narrow: bool = False


class Decoder:
    """Runs the language model of a Janus network over slot caches. Not for more than one thread."""

    def __init__(
        self,
        network: JanusForConditionalGeneration,
        *,
        length: int,
        grid: int,
        begin_of_image: int,
        blocks: bool = False,
        keep: bool = True,
    ) -> None:
        """Take over `network`'s language model and heads: their weights are laid out anew.

        `length`: positions that the longest cache has. `grid`: codes in a row of a picture.
        `begin_of_image`: the id whose embedding starts a drawing.
        `blocks` and `keep`: as in FusedLinear.
        """
        language, config = network.model.language_model, network.config.text_config
        self.network, self.grid, self.blocks = network, grid, blocks
        self.shape = CacheShape.of(network)
        self.heads, self.kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.head_size = self.shape.head_size
        self.layers = [Layer.of(layer, blocks=blocks, keep=keep) for layer in language.layers]
        head = network.model.generation_head
        self.head_in = FusedLinear(head.proj_out, blocks=blocks, keep=keep)
        self.head_out = FusedLinear(head.vision_head, blocks=blocks, keep=keep)
        text_head = network.lm_head
        tied = (
            isinstance(text_head, nn.Linear) and text_head.weight.data_ptr() == language.embed_tokens.weight.data_ptr()
        )
        self.text_head = text_head if tied else joined(text_head, blocks=blocks, keep=keep)
        self.norm = scaled(language.norm)
        self.device, self.dtype = self.shape.device, self.shape.dtype
        self.fused_attention = self.device.type != "cpu"  # may be changed before any step
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
        self.columns = torch.arange(codes, dtype=torch.int32, device=self.device)

    def fuse(self) -> None:
        """Compile what stands between attentions and behind the last one; once for all layers and numbers of rows.

        Raises errors of all kinds at the first step, where there is no compiler.
        """
        self._between = torch.compile(self._between, dynamic=True, fullgraph=True)  # type: ignore[method-assign]
        self._choose_codes = torch.compile(self._choose_codes, dynamic=True, fullgraph=True)  # type: ignore[method-assign]

    def unfuse(self) -> None:
        """Take `fuse` back."""
        for name in ("_between", "_choose_codes"):
            self.__dict__.pop(name, None)

    def tensors(self) -> list[Tensor]:
        """Everything that a step reads, apart from the lanes and the modules' own parameters."""
        return [
            self.norm,
            self.floor,
            self.cos,
            self.sin,
            self.codes,
            self.columns,
            *(tensor for layer in self.layers for tensor in layer.tensors()),
            *self.head_in.tensors(),
            *self.head_out.tensors(),
        ]

    def embed(self, ids: Tensor) -> Tensor:
        """Embed text tokens (n,) as (n, hidden)."""
        embedded: Tensor = self.network.model.language_model.embed_tokens(ids)
        return embedded

    def prefill(self, inputs: Tensor, cache: KVCache, row: int, start: int) -> Tensor:
        """Write keys and values of `inputs` (n, hidden) to one row, at positions from `start` on.

        The rows' first `start` positions must be written already. Gives the last states, (n, hidden), which few need:
        the last token of a prompt is left to the first step.
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
        return x

    def text_logits(self, states: Tensor) -> Tensor:
        """Give the logits of all text tokens, (n, vocabulary), float32, of the last states (n, hidden)."""
        logits: Tensor = self.text_head(self._normalise(states, self.norm))
        return logits.float()

    def step(self, pictures: Lane, answers: Lane, batch: Batch) -> tuple[Tensor, Tensor]:
        """Advance the first seats of both lanes: one forward pass for all their rows.

        Gives how many tokens every picture got, (seats of pictures,), and which one every answer, (seats of answers,),
        int64, BROKEN where the model computed no numbers; the tokens are in the lanes. The lanes' positions must be
        less than the batch's lengths for every seat that moves.
        """
        spans = [
            _Span.of(lane, seats, length, window, self.grid)
            for lane, seats, length, window in ((pictures, batch.pictures, batch.picture_length, batch.window),
                                                (answers, batch.answers, batch.answer_length, 1))
            if seats
        ]  # fmt: skip
        x = _joined(
            [span.rows(self.codes[span.read] if span.lane is pictures else self.embed(span.read)) for span in spans]
        )
        everywhere = _joined([span.positions.flatten() for span in spans])
        ways = {"group": self.heads // self.kv_heads, "fused": self.fused_attention}
        views = [attention.view(span.lane.cache.layers[0], span.positions, span.length, **ways) for span in spans]
        cos, sin = self.cos[everywhere], self.sin[everywhere]
        q, key_value = self._project(self.layers[0], x, cos, sin)
        sizes = [span.total for span in spans]
        for i, layer in enumerate(self.layers):
            heads = [
                attention.attend(span.windows(its), span.windows(new), span.lane.cache.layers[i], view).flatten(0, 1)
                for span, view, its, new in zip(
                    spans, views, torch.split(q, sizes), torch.split(key_value, sizes), strict=True
                )
            ]
            if i + 1 < len(self.layers):
                x, q, key_value = self._between(layer, self.layers[i + 1], x, _joined(heads), cos, sin)
            else:
                x = self._finish(layer, x, _joined(heads))
        x = self._normalise(x, self.norm)
        # both are chosen before either moves on, so that a step that runs out of memory can be taken again
        chosen = [
            self._draw(span, states, narrow=batch.narrow) if span.lane is pictures else self._say(span, states)
            for span, states in zip(spans, torch.split(x, sizes), strict=True)
        ]
        counts, said = pictures.positions[:0], answers.positions[:0]
        for span, choice in zip(spans, chosen, strict=True):
            count = span.lane.choose(span.at, span.read, choice)
            if span.lane is pictures:
                counts = count
            else:
                said = choice.squeeze(1)
        return counts, said

    def _draw(self, span: "_Span", x: Tensor, *, narrow: bool) -> Tensor:
        """Choose the code that follows every position of every picture, from the last hidden states of its two rows."""
        lane, (seats, window) = span.lane, span.at.shape
        states = x.view(seats, lane.width, window, -1).transpose(1, 2).flatten(0, 1)
        strength, temperature = (of[:seats].repeat_interleave(window) for of in (lane.strength, lane.temperature))
        if narrow:  # which few want, and which is no part of what is compiled for all
            logits = sampling.narrow(self._logits(states, strength), lane.top_k[:seats].repeat_interleave(window))
            return sampling.sample(logits, temperature, span.keys(), self.columns).view(seats, window)
        return self._choose_codes(states, strength, temperature, span.keys()).view(seats, window)

    def _choose_codes(self, states: Tensor, strength: Tensor, temperature: Tensor, keys: Tensor) -> Tensor:
        """Choose codes (n,) from states (n, 2, hidden)."""
        return sampling.sample(self._logits(states, strength), temperature, keys, self.columns)

    def _logits(self, states: Tensor, strength: Tensor) -> Tensor:
        """Give the logits of all codes, (n, codes), float32, of states (n, 2, hidden)."""
        features = self.network.model.generation_head.activation_fn(self.head_in(states))
        # guidance is linear, and so is the head's last layer: guided features give guided logits, at half the rows
        logits: Tensor = self.head_out(sampling.guide(features, strength))
        return logits.float()

    def _say(self, span: "_Span", x: Tensor) -> Tensor:
        """Choose the next token of every answer from the last hidden state of its row."""
        lane, seats = span.lane, len(span.at)
        chosen = sampling.sample_nucleus(
            self.text_head(x), lane.temperature[:seats], lane.strength[:seats], span.keys()
        )
        return chosen.unsqueeze(1)

    def _between(
        self, layer: Layer, after: Layer, x: Tensor, heads: Tensor, cos: Tensor, sin: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Do all that stands between the attention of two layers."""
        x = self._finish(layer, x, heads)
        return x, *self._project(after, x, cos, sin)

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


class _Span(NamedTuple):
    """What one lane gives to a step: `seats` of it, a window of each. Its rows are (seats, width, window), flat."""

    lane: Lane
    at: Tensor  # (seats, window): positions
    read: Tensor  # (seats, window): the tokens there
    positions: Tensor  # (rows, window): where the rows' windows are
    length: int  # positions that are looked at

    @classmethod
    def of(cls, lane: Lane, seats: int, length: int, window: int, grid: int) -> "_Span":
        at, read = lane.window(seats, window, grid)
        return cls(lane, at, read, lane.positions_of_rows(at), length)

    @property
    def total(self) -> int:
        return self.at.numel() * self.lane.width

    def rows(self, each: Tensor) -> Tensor:
        """Repeat what every seat has, (seats, window, size), for all of its rows: (rows x window, size)."""
        return each.repeat_interleave(self.lane.width, 0).flatten(0, 1)

    def windows(self, each: Tensor) -> Tensor:
        """Take what there is of every row and position, (rows x window, ...), as (rows, window, ...)."""
        return each.view(-1, self.at.shape[1], *each.shape[1:])

    def keys(self) -> Tensor:
        """The keys of the streams at every position of every seat: (seats x window, 2)."""
        seats = len(self.at)
        return self.lane.keys[:seats].gather(1, self.at.unsqueeze(-1).expand(-1, -1, 2)).flatten(0, 1)


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))
