"""Janus-Pro's architectures with random weights: for measuring what a real model costs where none is at hand."""

from pathlib import Path

import torch
from spandrel import ModelLoader
from spandrel.architectures.ESRGAN import ESRGAN
from transformers import JanusConfig, JanusForConditionalGeneration, JanusVisionConfig, JanusVQVAEConfig, LlamaConfig

from model.network.upscaler import RealESRGAN, arrange
from model.settings import Quantize
from model.weights.checkpoint import PRECISE, Janus, choose_device, choose_dtype
from model.weights.prompts import Prompts
from model.weights.quantized import quantizable, quantized, require

LANGUAGE = {  # all that the two sizes differ in
    "random-1b": {"hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 24, "num_attention_heads": 16},
    "random-7b": {"hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 30, "num_attention_heads": 32},
}


def upscaler(device: torch.device) -> RealESRGAN:
    """Build the network of `RealESRGAN_x2.pth` with random weights: 23 blocks, four pixels taken together."""
    network = ESRGAN(in_nc=12, out_nc=3, num_filters=64, num_blocks=23, scale=4, shuffle_factor=2)
    return arrange(ModelLoader().load_from_state_dict(network.state_dict()), device)


def build(
    name: str,
    tokenizer: Path,
    *,
    device: str = "auto",
    dtype: str = "auto",
    quantize: Quantize = "none",
    seed: int = 0,
) -> Janus:
    """Build the whole network, on the device itself: language model, vision tower, image heads and VQ decoder.

    `name`: a key of LANGUAGE. `tokenizer`: the folder of any Janus-Pro tokenizer; speed does not depend on the words.
    """
    language = LANGUAGE[name]
    target = choose_device(device)
    precision = choose_dtype(dtype, target)
    config = JanusConfig(
        text_config=LlamaConfig(
            vocab_size=102400,
            num_key_value_heads=language["num_attention_heads"],
            max_position_embeddings=16384,
            **language,
        ),
        vision_config=JanusVisionConfig(projection_dim=language["hidden_size"]),  # the other defaults are Janus-Pro's
        vq_config=JanusVQVAEConfig(
            projection_dim=language["hidden_size"], image_token_embed_dim=language["hidden_size"]
        ),
        tie_word_embeddings=False,
    )
    with torch.device("meta"):
        network = JanusForConditionalGeneration(config)
    network = network.to_empty(device=target).to(precision)
    for part in PRECISE:
        network.get_submodule(part).float()
    numbers = torch.Generator(target).manual_seed(seed)
    for module in network.modules():
        for kind, parameter in module.named_parameters(recurse=False):
            if parameter.ndim > 1:
                parameter.detach().normal_(0, parameter[0].numel() ** -0.5, generator=numbers)
            else:  # a bias, or what a norm multiplies with
                parameter.detach().fill_(float(kind == "weight"))
    vision, model = network.model.vision_model.embeddings, network.model.language_model
    vision.position_ids = torch.arange(vision.num_positions, device=target).expand(1, -1)
    model.rotary_emb = type(model.rotary_emb)(config=model.config).to(target)
    tokens, context = config.vq_config.num_patches**2, config.text_config.max_position_embeddings
    prompts = Prompts.from_folder(tokenizer, image_tokens=tokens, context=context)
    network = network.eval().requires_grad_(False)
    if quantize != "none":
        require(quantize, target, precision)
        for place in list(quantizable(network)):
            if layer := quantized(network.get_submodule(place).weight, quantize):
                network.set_submodule(place, layer)
    return Janus(name=name, network=network, prompts=prompts, device=target, dtype=precision, quantize=quantize)
