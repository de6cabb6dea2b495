"""DeepSeek's own checkpoint layout, told in transformers' names.

DeepSeek's `config.json` (`model_type: multi_modality`) leaves most sizes to its code's defaults, so they are read from
the tensors' shapes. Only numbers of heads can't be: the language model's stand in the configuration (32 where it is
silent, as in Llama), and every SigLIP tower that DeepSeek's code knows has 16.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor
from transformers import JanusConfig, JanusVisionConfig, JanusVQVAEConfig, LlamaConfig

from model.weights.names import CheckpointError

VISION_HEADS = 16

# In the file, of no use: the tower's pooling head (Janus takes all patches), the count of codes used in training, and
# rotary frequencies, which older Llama code saved.
_UNUSED = re.compile(r"vision_tower\.attn_pool\.|\.codebook_used$|\.rotary_emb\.inv_freq$")

_RENAMES: list[
    tuple[str, str | Callable[[re.Match[str]], str]]
] = [  # applied one after the other, each to the outcome of those before
    (r"^language_model\.lm_head\.", "lm_head."),
    (r"^language_model\.model\.", "model.language_model."),
    # The vision tower is timm's VisionTransformer.
    (r"^vision_model\.vision_tower\.patch_embed\.proj\.", "model.vision_model.embeddings.patch_embedding."),
    (r"^vision_model\.vision_tower\.pos_embed$", "model.vision_model.embeddings.position_embedding.weight"),
    (r"^vision_model\.vision_tower\.norm\.", "model.vision_model.post_layernorm."),
    (r"^vision_model\.vision_tower\.blocks\.(\d+)\.norm(\d)\.", r"model.vision_model.encoder.layers.\1.layer_norm\2."),
    (r"^vision_model\.vision_tower\.blocks\.(\d+)\.attn\.", r"model.vision_model.encoder.layers.\1.self_attn."),
    (r"^vision_model\.vision_tower\.blocks\.(\d+)\.", r"model.vision_model.encoder.layers.\1."),
    (r"\.self_attn\.proj\.", ".self_attn.projection_layer."),
    # Two aligners (linear, GELU, linear, ...), which differ in what they read.
    (r"^aligner\.", "model.aligner."),
    (r"^gen_aligner\.", "model.generation_aligner."),
    (r"aligner\.layers\.0\.", "aligner.fc1."),
    (r"aligner\.layers\.(\d+)\.", lambda match: f"aligner.hidden_layers.{int(match[1]) // 2 - 1}."),
    # The image head and the VQ network.
    (r"^gen_embed\.", "model.generation_embeddings."),
    (r"^gen_head\.output_mlp_projector\.", "model.generation_head.proj_out."),
    (r"^gen_head\.", "model.generation_head."),
    (r"^gen_vision_model\.", "model.vqmodel."),
    (r"\.encoder\.conv_blocks\.", ".encoder.down."),
    (r"\.decoder\.conv_blocks\.", ".decoder.up."),
    (r"\.(down|up)\.(\d+)\.res\.", r".\1.\2.block."),
    (r"\.mid\.0\.", ".mid.block_1."),
    (r"\.mid\.1\.", ".mid.attn_1."),
    (r"\.mid\.2\.", ".mid.block_2."),
]


def rename(name: str, tensor: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Give what transformers calls a tensor of DeepSeek's: one pair, three for a fused qkv, none if it is not used."""
    if _UNUSED.search(name):
        return
    if name.endswith(".pos_embed"):
        tensor = tensor.squeeze(0)  # timm keeps a batch of one
    for pattern, replacement in _RENAMES:
        name = re.sub(pattern, replacement, name)
    if ".self_attn.qkv." in name:
        for part, rows in zip("qkv", tensor.chunk(3), strict=True):
            yield name.replace(".qkv.", f".{part}_proj."), rows
    else:
        yield name, tensor


def config(told: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> JanusConfig:
    """Work out transformers' configuration from DeepSeek's `config.json` and the tensors by DeepSeek's names.

    Raises CheckpointError if a tensor that it reads a size from is not there.
    """
    shape = _Shapes((name, tuple(tensor.shape)) for name, tensor in tensors.items())
    return JanusConfig(
        text_config=_language(told.get("language_config") or {}, shape),
        vision_config=_vision(shape),
        vq_config=_vq(shape),
        tie_word_embeddings=False,
    )


class _Shapes(dict[str, tuple[int, ...]]):
    """The shapes of all tensors by name."""

    def __missing__(self, name: str) -> tuple[int, ...]:
        raise CheckpointError(f"the weights lack {name}.")


def _language(told: Mapping[str, Any], shape: Mapping[str, tuple[int, ...]]) -> LlamaConfig:
    vocabulary, width = shape["language_model.model.embed_tokens.weight"]
    heads = told.get("num_attention_heads", LlamaConfig().num_attention_heads)
    sizes = {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "intermediate_size": shape["language_model.model.layers.0.mlp.gate_proj.weight"][0],
        "num_hidden_layers": _count(shape, r"language_model\.model\.layers\.(\d+)\."),
        "num_attention_heads": heads,
        "num_key_value_heads": told.get("num_key_value_heads", heads),
        "head_dim": width // heads,
    }
    return LlamaConfig(**{key: value for key, value in told.items() if key != "torch_dtype"} | sizes)


def _vision(shape: Mapping[str, tuple[int, ...]]) -> JanusVisionConfig:
    tower = "vision_model.vision_tower."
    _, positions, width = shape[f"{tower}pos_embed"]
    patch = shape[f"{tower}patch_embed.proj.weight"][-1]
    return JanusVisionConfig(
        hidden_size=width,
        num_hidden_layers=_count(shape, r"vision_model\.vision_tower\.blocks\.(\d+)\."),
        num_attention_heads=VISION_HEADS,
        image_size=round(positions**0.5) * patch,
        patch_size=patch,
        mlp_ratio=shape[f"{tower}blocks.0.mlp.fc1.weight"][0] / width,
        projection_dim=shape["aligner.layers.0.weight"][0],
        depth=len([name for name in shape if re.fullmatch(r"aligner\.layers\.\d+\.weight", name)]),
        num_image_tokens=positions,
    )


def _vq(shape: Mapping[str, tuple[int, ...]]) -> JanusVQVAEConfig:
    codes, width = shape["gen_vision_model.quantize.embedding.weight"]
    encoder = "gen_vision_model.encoder."
    channels = shape[f"{encoder}conv_in.weight"][0]
    levels = range(_count(shape, r"gen_vision_model\.encoder\.conv_blocks\.(\d+)\."))
    return JanusVQVAEConfig(
        num_embeddings=codes,
        embed_dim=width,
        latent_channels=shape[f"{encoder}conv_out.weight"][0],
        base_channels=channels,
        channel_multiplier=[shape[f"{encoder}conv_blocks.{i}.res.0.conv1.weight"][0] // channels for i in levels],
        num_res_blocks=_count(shape, r"gen_vision_model\.encoder\.conv_blocks\.0\.res\.(\d+)\."),
        projection_dim=shape["gen_aligner.layers.0.weight"][0],
        num_hidden_layers=len([name for name in shape if re.fullmatch(r"gen_aligner\.layers\.\d+\.weight", name)]),
        image_token_embed_dim=shape["gen_head.output_mlp_projector.weight"][1],
    )


def _count(names: Mapping[str, Any], pattern: str) -> int:
    """Tell how many different numbers stand at the group of `pattern` in names that begin with it."""
    return len({match[1] for name in names if (match := re.match(pattern, name))})
