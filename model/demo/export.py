"""Writes the checkpoint: transformers' layout, as Janus-Pro is published, and the upscaler beside it."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from transformers import GenerationConfig, JanusForConditionalGeneration, JanusProcessor, PreTrainedTokenizerFast
from transformers.models.janus.image_processing_pil_janus import JanusImageProcessorPil

from model.demo.network import PATCHES, SIDE, folded
from model.weights.prompts import ASSISTANT, BEGIN_OF_IMAGE, EOS, PLACEHOLDER, USER

UPSCALER = "upscaler.safetensors"
# Newlines stand in expressions: the template language swallows one that follows a tag.
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}{{ '" + USER + ": ' }}"
    "{% for part in message['content'] %}"
    "{{ '" + PLACEHOLDER + "\\n' if part['type'] == 'image' else part['text'] }}"
    "{% endfor %}{{ '\\n\\n' }}"
    "{% else %}{{ '" + ASSISTANT + ": ' }}"
    "{% for part in message['content'] %}{{ part['text'] }}{% endfor %}{{ '" + EOS + "' }}"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '" + ASSISTANT + ":' }}{% endif %}"
)


def export(
    model: JanusForConditionalGeneration, tokenizer: PreTrainedTokenizerFast, folder: Path, upscaler: nn.Module | None
) -> None:
    """Write a network in training form, folded, in bfloat16, with all that goes with it."""
    plain = folded(model).to(torch.bfloat16)
    plain.generation_config = generation_config(tokenizer)
    plain.save_pretrained(folder)
    JanusProcessor(
        image_processor=JanusImageProcessorPil(
            size={"height": SIDE, "width": SIDE}, image_mean=[0.5] * 3, image_std=[0.5] * 3
        ),
        tokenizer=tokenizer,
        chat_template=CHAT_TEMPLATE,
        use_default_system_prompt=True,
        num_image_tokens=PATCHES**2,
    ).save_pretrained(folder)
    if upscaler is not None:
        halves = {name: tensor.half().contiguous() for name, tensor in upscaler.state_dict().items()}
        save_file(halves, folder / UPSCALER)


def generation_config(tokenizer: PreTrainedTokenizerFast) -> GenerationConfig:
    """What transformers' `generate` has to know; drawing needs begin-of-image, and keeps it over a reload."""
    config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        generation_kwargs={"boi_token_id": tokenizer.convert_tokens_to_ids(BEGIN_OF_IMAGE)},
    )
    config._from_model_config = False
    return config
