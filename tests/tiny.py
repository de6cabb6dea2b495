"""A Janus-Pro so small that it is made in a moment: random weights, real architecture, real file layouts.

Its weights are spread out (no layer is near zero), so greedy decoding gives varied tokens, and a wrong weight, mask or
position shows.
"""

import json
import math
import re
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from torch import Tensor
from transformers import (
    JanusConfig,
    JanusForConditionalGeneration,
    JanusVisionConfig,
    JanusVQVAEConfig,
    LlamaConfig,
)

from model.weights.checkpoint import Janus
from model.weights.prompts import BOS, CONTROL, EOS, PAD, PLACEHOLDER

WIDTH = 64
CONTEXT = 512


def tokenizer() -> Tokenizer:
    """Bytes, a few merges (so that tokens can cross word borders), and Janus-Pro's control tokens at ids 0 to 7."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("r", "e"), ("re", "d"), ("Ġ", "red"), (":", "Ġ"), ("Ċ", "Ċ"), ("Ġ", "a")]
    words = [*CONTROL, *letters, *("".join(pair) for pair in merges)]
    made = Tokenizer(models.BPE(vocab={word: i for i, word in enumerate(words)}, merges=merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in CONTROL])
    made.post_processor = processors.TemplateProcessing(single=f"{BOS} $A", special_tokens=[(BOS, 0)])
    return made


def config() -> JanusConfig:
    """16 image tokens of 64 codes; pictures of 32 pixels; 2 language layers of 64; a text head of its own."""
    text = LlamaConfig(
        vocab_size=272,
        hidden_size=WIDTH,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        bos_token_id=CONTROL.index(BOS),
        eos_token_id=CONTROL.index(EOS),
        pad_token_id=CONTROL.index(PAD),
    )
    vision = JanusVisionConfig(
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=16,  # as many as every tower in DeepSeek's layout has
        image_size=32,
        patch_size=8,
        mlp_ratio=2.0,
        projection_dim=WIDTH,
        num_image_tokens=16,
    )
    vq = JanusVQVAEConfig(
        embed_dim=8,
        num_embeddings=64,
        latent_channels=32,
        base_channels=32,
        channel_multiplier=[1, 1, 1, 2],
        num_res_blocks=1,
        projection_dim=WIDTH,
        image_token_embed_dim=WIDTH,
    )
    control = CONTROL.index(PLACEHOLDER)
    return JanusConfig(
        text_config=text, vision_config=vision, vq_config=vq, image_token_id=control, tie_word_embeddings=False
    )


def network(made: JanusConfig | None = None, *, seed: int = 0) -> JanusForConditionalGeneration:
    """Make a network whose weights are drawn from a seed, in float32 on the CPU."""
    built = JanusForConditionalGeneration(made or config()).eval().requires_grad_(False)
    stream = torch.Generator().manual_seed(seed)
    for name, weight in built.named_parameters():
        noise = torch.randn(weight.shape, generator=stream)
        if weight.dim() == 1:
            weight.copy_(0.02 * noise if name.endswith("bias") else 1 + 0.1 * noise)
        else:
            embedding = "embed" in name and "patch" not in name
            weight.copy_(noise / (1 if embedding else math.sqrt(weight[0].numel())))
        if re.search(r"language_model.*\.[qk]_proj", name):
            weight.mul_(3)  # sharp attention: what stands where decides every next token
    built.lm_head.weight[CONTROL.index(EOS)] -= 0.05  # random answers should not end at once
    return built


def write(folder: Path, made: JanusForConditionalGeneration | None = None, **save: object) -> Path:
    """Write a checkpoint in transformers' layout; `save` goes to `save_pretrained`."""
    (made or network()).save_pretrained(folder, **save)
    tokenizer().save(str(folder / "tokenizer.json"))
    return folder


def write_deepseek(folder: Path, made: JanusForConditionalGeneration | None = None) -> Path:
    """Write a checkpoint in DeepSeek's layout (`pytorch_model.bin`), its names written out here on their own."""
    built = made or network()
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(to_deepseek(built.state_dict()), folder / "pytorch_model.bin")
    text = built.config.text_config
    language = {
        "model_type": "llama",
        "max_position_embeddings": text.max_position_embeddings,
        "num_attention_heads": text.num_attention_heads,
        "num_hidden_layers": text.num_hidden_layers,
        "torch_dtype": "float32",
        "vocab_size": text.vocab_size,
    }
    told = {"model_type": "multi_modality", "language_config": language, "vision_config": {"cls": "CLIPVisionTower"}}
    (folder / "config.json").write_text(json.dumps(told))
    tokenizer().save(str(folder / "tokenizer.json"))
    return folder


def to_deepseek(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename transformers' tensors to DeepSeek's, and add those of DeepSeek's that transformers has no use for."""
    found: dict[str, Tensor] = {}
    for name, tensor in state.items():
        part, _, rest = name.removeprefix("model.").partition(".")
        if part == "vision_model":
            if re.search(r"\.[kv]_proj\.", rest):
                continue
            for ours, theirs in {
                "embeddings.patch_embedding": "patch_embed.proj",
                "embeddings.position_embedding.weight": "pos_embed",
                "post_layernorm": "norm",
                "encoder.layers": "blocks",
                "layer_norm": "norm",
                "self_attn.q_proj": "attn.qkv",
                "self_attn.projection_layer": "attn.proj",
            }.items():
                rest = rest.replace(ours, theirs)
            fused = [state[name.replace(".q_proj.", f".{letter}_proj.")] for letter in "qkv"]
            whole = torch.cat(fused) if ".qkv." in rest else tensor
            found[f"vision_model.vision_tower.{rest}"] = whole[None] if rest == "pos_embed" else whole
        elif part in ("aligner", "generation_aligner"):
            rest = rest.replace("fc1", "layers.0").replace("hidden_layers.0", "layers.2")
            found[f"{part.replace('generation', 'gen')}.{rest}"] = tensor
        elif part == "vqmodel":
            for i, module in enumerate(("block_1", "attn_1", "block_2")):
                rest = rest.replace(f"mid.{module}", f"mid.{i}")
            rest = re.sub(r"^(encoder\.down|decoder\.up)", lambda match: f"{match[0][:7]}.conv_blocks", rest)
            found[f"gen_vision_model.{rest.replace('.block.', '.res.')}"] = tensor
        elif part == "generation_head":
            found[f"gen_head.{rest.replace('proj_out', 'output_mlp_projector')}"] = tensor
        elif part == "generation_embeddings":
            found[f"gen_embed.{rest}"] = tensor
        elif part == "lm_head":
            found[f"language_model.lm_head.{rest}"] = tensor
        else:
            found[f"language_model.model.{rest}"] = tensor
    found["gen_vision_model.quantize.codebook_used"] = torch.zeros(100)
    found["vision_model.vision_tower.attn_pool.latent"] = torch.zeros(1, 1, WIDTH)
    return found


def write_upscaler(file: Path, *, features: int = 16, blocks: int = 1, contrast: float = 1.0, seed: int = 0) -> Path:
    """Write a Real-ESRGAN for x2 (RRDBNet, growth 32) with random weights, as a released .pth holds it.

    The released one has 64 features and 23 blocks. The more there are, the less `contrast` keeps pixels from clipping.
    """
    stream = torch.Generator().manual_seed(seed)
    state: dict[str, Tensor] = {}

    def conv(name: str, wide: int, out: int) -> None:
        state[f"{name}.weight"] = torch.randn(out, wide, 3, 3, generator=stream) / math.sqrt(9 * wide)
        state[f"{name}.bias"] = 0.1 * torch.randn(out, generator=stream)

    conv("conv_first", 12, features)  # four pixels of three channels
    for block in range(blocks):
        for dense in (1, 2, 3):
            for i in range(5):
                conv(f"body.{block}.rdb{dense}.conv{i + 1}", features + 32 * i, 32 if i < 4 else features)
    for name in ("conv_body", "conv_up1", "conv_up2", "conv_hr"):
        conv(name, features, features)
    conv("conv_last", features, 3)
    state["conv_last.weight"] *= contrast
    state["conv_last.bias"] += 0.5  # a mid grey, so that few pixels clip
    torch.save({"params_ema": state}, file)
    return file


def shard_bin(folder: Path, parts: int = 2) -> list[Path]:
    """Split `pytorch_model.bin` into shards with an index, as large checkpoints come."""
    whole = folder / "pytorch_model.bin"
    state = torch.load(whole, weights_only=True)
    files = [folder / f"pytorch_model-{i + 1:05}-of-{parts:05}.bin" for i in range(parts)]
    for i, file in enumerate(files):
        torch.save({name: state[name].clone() for name in list(state)[i::parts]}, file)
    places = {name: files[i % parts].name for i, name in enumerate(state)}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": places}))
    whole.unlink()
    return files


@torch.inference_mode()
def logits(janus: Janus, prompt: str = "a red circle on a blue background") -> tuple[Tensor, Tensor]:
    """What a loaded checkpoint thinks comes after a prompt: codes of a picture, and words; by transformers' modules."""
    ids = torch.tensor([janus.prompts.drawing(prompt)])
    states = janus.network.model.language_model(input_ids=ids).last_hidden_state[:, -1]
    return janus.network.model.generation_head(states), janus.network.lm_head(states)
