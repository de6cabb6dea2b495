"""DeepSeek's layout: its files give the network that the same weights give in transformers' layout."""

from pathlib import Path

import torch

from model.weights import deepseek
from model.weights.checkpoint import Janus, load
from tests import tiny as maker


def test_both_layouts_give_the_same_network(tiny: Janus, tmp_path: Path) -> None:
    loaded = load(maker.write_deepseek(tmp_path), device="cpu").network
    ours = tiny.network
    assert type(loaded) is type(ours)
    state, expected = loaded.state_dict(), ours.state_dict()
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], expected[name]) for name in expected)
    for part, keys in {
        "text_config": ["hidden_size", "num_attention_heads", "num_key_value_heads", "head_dim", "rope_parameters"],
        "vision_config": ["image_size", "patch_size", "num_attention_heads", "mlp_ratio", "num_image_tokens", "depth"],
        "vq_config": ["num_patches", "channel_multiplier", "num_res_blocks", "latent_channels", "num_hidden_layers"],
    }.items():
        for key in keys:
            assert getattr(getattr(loaded.config, part), key) == getattr(getattr(ours.config, part), key), key
    assert loaded.config.image_token_id == ours.config.image_token_id


def test_a_sharded_bin_with_an_index_loads(tiny: Janus, tmp_path: Path) -> None:
    maker.write_deepseek(tmp_path)
    maker.shard_bin(tmp_path)
    assert not (tmp_path / "pytorch_model.bin").exists()
    state = load(tmp_path, device="cpu").network.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in tiny.network.state_dict().items())


def test_the_released_7b_file_tells_its_sizes_by_shapes_alone() -> None:
    """Its config.json holds nothing of the language model but layers, context and vocabulary; Llama's 32 heads hold."""

    def shapes(**sizes: tuple[int, ...]) -> dict[str, torch.Tensor]:
        return {name.replace("__", "."): torch.empty(size, device="meta") for name, size in sizes.items()}

    tensors = shapes(
        language_model__model__embed_tokens__weight=(102400, 4096),
        aligner__layers__0__weight=(4096, 1024),
        aligner__layers__2__weight=(4096, 4096),
        gen_aligner__layers__0__weight=(4096, 8),
        gen_aligner__layers__2__weight=(4096, 4096),
        gen_head__output_mlp_projector__weight=(4096, 4096),
        gen_vision_model__quantize__embedding__weight=(16384, 8),
        gen_vision_model__encoder__conv_in__weight=(128, 3, 3, 3),
        gen_vision_model__encoder__conv_out__weight=(256, 512, 3, 3),
        vision_model__vision_tower__pos_embed=(1, 576, 1024),
        vision_model__vision_tower__patch_embed__proj__weight=(1024, 3, 16, 16),
        vision_model__vision_tower__blocks__0__mlp__fc1__weight=(4096, 1024),
    )
    for i in range(30):
        tensors[f"language_model.model.layers.{i}.mlp.gate_proj.weight"] = torch.empty(11008, 4096, device="meta")
    for i in range(1, 24):
        tensors[f"vision_model.vision_tower.blocks.{i}.norm1.weight"] = torch.empty(1024, device="meta")
    for i, channels in enumerate((128, 128, 256, 256, 512)):
        for block in range(2):
            name = f"gen_vision_model.encoder.conv_blocks.{i}.res.{block}.conv1.weight"
            tensors[name] = torch.empty(channels, channels, 3, 3, device="meta")
    told = {"language_config": {"model_type": "llama", "max_position_embeddings": 16384, "torch_dtype": "bfloat16"}}

    config = deepseek.config(told, tensors)

    text, vision, vq = config.text_config, config.vision_config, config.vq_config
    assert (text.hidden_size, text.num_hidden_layers, text.intermediate_size) == (4096, 30, 11008)
    assert (text.num_attention_heads, text.num_key_value_heads, text.head_dim) == (32, 32, 128)
    assert (text.vocab_size, text.max_position_embeddings, config.tie_word_embeddings) == (102400, 16384, False)
    assert (vision.image_size, vision.patch_size, vision.num_hidden_layers) == (384, 16, 24)
    assert (vq.num_patches, vq.base_channels, list(vq.channel_multiplier)) == (24, 128, [1, 1, 2, 2, 4])
    assert (vq.num_res_blocks, vq.image_token_embed_dim, vq.projection_dim) == (2, 4096, 4096)
