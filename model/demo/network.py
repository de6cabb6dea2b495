"""The demo's network: transformers' Janus in small, and two tables that are trained in parts.

While training, the table of code embeddings and the last layer of the image head are sums of a part for the colour
and a part for the cell (a few hundred rows in place of thousands), so what is learned about a red circle helps with
every red shape and every circle. A sum of embeddings is an embedding and a sum of logits is a logit: `fold` writes both
out in full, and what is saved is a plain JanusForConditionalGeneration.

A plan's word for what a shape is has parts of its own, a kind and a colour. With a row for each pair of them, a network
learns that on blue there never was a green square, and will not plan one when it is asked to: from a sum it can't.
"""

import copy
import math

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear
from transformers import (
    JanusConfig,
    JanusForConditionalGeneration,
    JanusVisionConfig,
    JanusVQVAEConfig,
    LlamaConfig,
    PreTrainedTokenizerFast,
)

from model.demo.codes import AT, BACKGROUND, CELLS, CODES, GRID, POSITIONS
from model.demo.tokenizer import CONTEXT
from model.demo.world import COLOURS, KINDS

SIDE = 192  # pixels, drawn or seen
PATCHES = GRID  # on a side, of a picture that is seen: transformers has one number for that and for a drawing's
COLOUR_PARTS = 2 * len(COLOURS)  # the background's colours, then the shapes'


def configure(tokenizer: PreTrainedTokenizerFast, *, width: int = 192, layers: int = 5, heads: int = 3) -> JanusConfig:
    """The network's sizes: about 4 million parameters by default."""
    text = LlamaConfig(
        hidden_size=width,
        intermediate_size=width * 8 // 3,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        vocab_size=len(tokenizer),
        max_position_embeddings=CONTEXT,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=False,
    )
    vision = JanusVisionConfig(
        hidden_size=192,
        num_hidden_layers=5,
        num_attention_heads=3,
        image_size=SIDE,
        patch_size=SIDE // PATCHES,
        projection_dim=width,
        num_image_tokens=POSITIONS,  # how many `generate` draws
    )
    vq = JanusVQVAEConfig(
        embed_dim=64,
        num_embeddings=CODES,
        latent_channels=64,
        base_channels=64,  # 32 would make GroupNorm(32) an instance norm, which forgets absolute colour
        channel_multiplier=[1, 1, 1, 1, 1],
        num_res_blocks=0,  # the decoder has one block more than this at each resolution
        projection_dim=width,
        image_token_embed_dim=width,
    )
    return JanusConfig(
        text_config=text,
        vision_config=vision,
        vq_config=vq,
        image_token_id=tokenizer.convert_tokens_to_ids(tokenizer.image_token),
        tie_word_embeddings=False,
    )


def code_parts() -> tuple[Tensor, Tensor]:
    """For each code, the row of its colour part and of its cell part: two int64 (CODES,)."""
    colour, cell = torch.arange(CODES) // CELLS, torch.arange(CODES) % CELLS
    return colour + len(COLOURS) * (cell >= BACKGROUND), cell


def composed(parts: Tensor) -> Tensor:
    """The rows of all cells, (CELLS, ...), from the rows of their parts, (CELLS, ...).

    A cell is its own part, but for the plan's "what": in its list's place there are the colours, then the kinds.
    """
    rows, done = [], 0
    for what in ("what 0", "what 1"):
        at = AT[what]
        colours, kinds = parts[at : at + len(COLOURS)], parts[at + len(COLOURS) : at + len(COLOURS) + len(KINDS)]
        rows += [parts[done:at], (kinds[:, None] + colours).flatten(0, 1)]
        done = at + len(KINDS) * len(COLOURS)
    return torch.cat([*rows, parts[done:]])


class CodeEmbedding(nn.Module):
    """Embeddings of codes as a sum of a colour part and a cell part.

    With `plain_background` all background cells share one part: their position does not show in the pixels.
    """

    def __init__(self, width: int, *, plain_background: bool = False) -> None:
        super().__init__()
        self.colour = nn.Embedding(COLOUR_PARTS, width)
        self.cell = nn.Embedding(CELLS, width)
        self.plain_background = plain_background

    def forward(self, codes: Tensor) -> Tensor:
        """Codes, int64 of any shape, to embeddings with one more dimension."""
        cell = codes % CELLS
        colour = self.colour(codes // CELLS + len(COLOURS) * (cell >= BACKGROUND))
        shown = cell * (cell >= BACKGROUND) if self.plain_background else cell
        embedded: Tensor = colour + embedding(shown, composed(self.cell.weight))
        return embedded

    def fold(self) -> nn.Embedding:
        """The whole table."""
        with torch.no_grad():
            return nn.Embedding(CODES, self.cell.embedding_dim, _weight=self(torch.arange(CODES)))


class CodeHead(nn.Module):
    """Logits of codes as a sum of colour logits (..., 20) and cell logits (..., CELLS), returned side by side."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.parts = nn.Linear(width, COLOUR_PARTS + CELLS)

    def forward(self, hidden: Tensor) -> Tensor:
        """Hidden states (..., width) to parts of logits (..., 20 + CELLS)."""
        weight, bias = (self._whole(parts) for parts in (self.parts.weight, self.parts.bias))
        return linear(hidden, weight, bias)

    @staticmethod
    def _whole(parts: Tensor) -> Tensor:
        return torch.cat((parts[:COLOUR_PARTS], composed(parts[COLOUR_PARTS:])))

    def fold(self) -> nn.Linear:
        """The whole layer: (..., width) to (..., CODES)."""
        colour, cell = code_parts()
        whole = nn.Linear(self.parts.in_features, CODES)
        with torch.no_grad():
            for to, parts in ((whole.weight, self.parts.weight), (whole.bias, self.parts.bias)):
                rows = self._whole(parts)
                to.copy_(rows[colour] + rows[COLOUR_PARTS + cell])
        return whole


def build(config: JanusConfig, seed: int = 0) -> JanusForConditionalGeneration:
    """A fresh network in training form: tables in parts, fan-in initialisation, fixed sine positions to start from.

    What pictures are made with and seen by depends on the seed alone, not on how many words there are.
    """
    model = JanusForConditionalGeneration(config)
    model.set_attn_implementation("eager")  # in bfloat16 a CPU's fused attention takes five times as long
    model.model.generation_embeddings = CodeEmbedding(config.vq_config.embed_dim)
    model.model.generation_head.vision_head = CodeHead(config.vq_config.projection_dim)
    model.model.vqmodel.quantize.embedding = CodeEmbedding(config.vq_config.embed_dim, plain_background=True)
    torch.manual_seed(seed)
    for table in (model.model.generation_embeddings, model.model.vqmodel.quantize.embedding):
        for part in (table.colour, table.cell):
            nn.init.normal_(part.weight, std=0.5)
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.normal_(module.weight, std=module.weight[0].numel() ** -0.5)
            if name.endswith(("o_proj", "down_proj", "projection_layer", "mlp.fc2", "conv2", "proj_out")) and (
                "generation_head" not in name
            ):
                nn.init.zeros_(module.weight)  # every block begins as the identity
            if name.endswith("upsample.conv"):
                nn.init.dirac_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    nn.init.normal_(model.model.language_model.embed_tokens.weight, std=0.5)
    positions = model.model.vision_model.embeddings.position_embedding
    with torch.no_grad():
        positions.weight.copy_(sine_positions(PATCHES, positions.embedding_dim))
    return model


def sine_positions(grid: int, width: int) -> Tensor:
    """Sines and cosines of row and column, as vision transformers start from: (grid * grid, width)."""
    frequencies = torch.exp(-math.log(100.0) * torch.arange(width // 4) / (width // 4))
    angles = torch.arange(grid)[:, None] * frequencies
    axis = torch.cat((angles.sin(), angles.cos()), dim=1)
    rows, columns = axis[:, None].expand(-1, grid, -1), axis[None].expand(grid, -1, -1)
    return torch.cat((rows, columns), dim=2).reshape(grid * grid, width)


def unfolded(plain: JanusForConditionalGeneration) -> JanusForConditionalGeneration:
    """A network in training form that computes what a saved one does, to go on from there.

    A table is the product of a matrix that says which parts a code has and of its parts, so least squares finds parts
    that give the table again. Exactly, if `folded` wrote it; to the nearest, once it was rounded.
    """
    model = build(plain.config)
    tables = ("generation_embeddings.", "vqmodel.quantize.embedding.", "generation_head.vision_head.")
    state = plain.state_dict()
    whole = {name for name in state if name.startswith(tuple(f"model.{table}" for table in tables))}
    model.load_state_dict({name: value for name, value in state.items() if name not in whole}, strict=False)
    colour, cell = code_parts()
    ours, theirs = model.model, plain.model
    with torch.no_grad():
        head = theirs.generation_head.vision_head
        for parts, full in (
            (ours.generation_head.vision_head.parts.weight, head.weight),
            (ours.generation_head.vision_head.parts.bias[:, None], head.bias[:, None]),
        ):
            parts.copy_(torch.cat(split_table(full, colour, cell)))
        for table, full in (
            (ours.generation_embeddings, theirs.generation_embeddings.weight),
            (ours.vqmodel.quantize.embedding, theirs.vqmodel.quantize.embedding.weight),
        ):
            shown = cell * (cell >= BACKGROUND) if table.plain_background else cell
            colours, cells = split_table(full, colour, shown)
            table.colour.weight.copy_(colours)
            table.cell.weight.copy_(cells)
    return model


def split_table(table: Tensor, colour: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """The colour parts (20, n) and cell parts (CELLS, n) of least norm whose sums are nearest to a table (CODES, n)."""
    which = torch.cat((torch.eye(COLOUR_PARTS)[colour], composed(torch.eye(CELLS))[cell]), dim=1)
    parts = torch.linalg.lstsq(which.double(), table.double(), driver="gelsd").solution.float()
    return parts[:COLOUR_PARTS], parts[COLOUR_PARTS:]


def folded(model: JanusForConditionalGeneration) -> JanusForConditionalGeneration:
    """A plain copy of a network in training form, as it is saved and run."""
    plain = JanusForConditionalGeneration(model.config)
    whole = copy.deepcopy(model)
    whole.model.generation_embeddings = model.model.generation_embeddings.fold()
    whole.model.vqmodel.quantize.embedding = model.model.vqmodel.quantize.embedding.fold()
    whole.model.generation_head.vision_head = model.model.generation_head.vision_head.fold()
    plain.load_state_dict(whole.state_dict())
    return plain.eval()
