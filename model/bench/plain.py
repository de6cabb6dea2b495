"""The seed program's loops, as DeepSeek's demo (`app_januspro.py`) has them, on transformers' modules.

One request at a time, eager attention, a cache that grows by concatenation, 2n rows of which every second is without
the prompt. Slow and plainly right: tests compare the engine with these, and the benchmark measures against them. Two
things differ from the demo: the picture is decoded once, after the loop (as published online, an indentation slip
decodes it at every step), and random numbers come from a generator that is passed in.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import DynamicCache

from model.network.pixels import preprocess
from model.network.sampling import TOP_K
from model.network.upscaler import RealESRGAN
from model.weights.checkpoint import Janus


@torch.inference_mode()
def draw(
    janus: Janus,
    prompt: str,
    *,
    count: int = 5,
    guidance: float = 5.0,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw `count` pictures' image tokens: (count, image tokens), int64. Temperature 0 is greedy.

    `generator` lives on the model's device; without one, torch's own is used.
    """
    network = janus.network
    conditional = janus.prompts.drawing(prompt)
    unconditional = janus.prompts.unconditional(len(conditional))
    ids = torch.tensor([conditional, unconditional] * count, device=janus.device)
    embeddings = network.get_input_embeddings()(ids)
    cache = DynamicCache()
    drawn = []
    with _eager(janus):
        for _ in range(janus.image_tokens):
            state = network.model.language_model(inputs_embeds=embeddings, use_cache=True, past_key_values=cache)
            logits = network.model.generation_head(state.last_hidden_state[:, -1])
            with_prompt, without = logits[0::2], logits[1::2]
            logits = without + guidance * (with_prompt - without)
            token = _sample(logits, temperature, generator)
            drawn.append(token)
            embeddings = network.prepare_embeddings_for_image_generation(token.repeat_interleave(2))[:, None]
    return torch.stack(drawn, dim=1)


@torch.inference_mode()
def answer(
    janus: Janus,
    pictures: Sequence[Image.Image],
    question: str,
    *,
    max_new_tokens: int = 512,
    temperature: float = 0.1,
    top_p: float = 0.95,
    generator: torch.Generator | None = None,
) -> list[int]:
    """Answer a question about RGB pictures: the answer's ids, without the end of sentence. Temperature 0 is greedy."""
    network = janus.network
    ids = torch.tensor(janus.prompts.question(question, (), len(pictures)), device=janus.device)
    embeddings = network.get_input_embeddings()(ids)[None]
    if pictures:
        pixels = torch.stack([preprocess(picture, janus.image_size) for picture in pictures])
        features = network.model.get_image_features(pixels.to(janus.device, janus.dtype)).pooler_output
        embeddings[0, ids == janus.prompts.placeholder] = features.flatten(0, 1)
    cache = DynamicCache()
    said: list[int] = []
    with _eager(janus):
        while len(said) < max_new_tokens:
            state = network.model.language_model(inputs_embeds=embeddings, use_cache=True, past_key_values=cache)
            token = _sample(network.lm_head(state.last_hidden_state[:, -1]), temperature, generator, top_p, TOP_K)
            if token.item() == janus.prompts.eos:
                break
            said.append(int(token.item()))
            embeddings = network.get_input_embeddings()(token)[:, None]
    return said


def tiled(upscaler: RealESRGAN, picture: Image.Image) -> Image.Image:
    """Enlarge an RGB picture as the original upscaler's `predict` does: mirrored border, tiles of 192, batches of 4.

    Source: github.com/ai-forever/Real-ESRGAN, with its defaults (padding 24 around a tile, border 15).
    """
    tile, padding, border, batch, scale = 192, 24, 15, 4, upscaler.scale
    whole = np.pad(np.asarray(picture), ((border, border), (border, border), (0, 0)), "symmetric")
    height, width = whole.shape[:2]
    room = [(padding, padding + -side % tile) for side in (height, width)]
    padded = np.pad(whole, (*room, (0, 0)), "edge")
    corners = [(y, x) for y in range(0, height, tile) for x in range(0, width, tile)]
    size = tile + 2 * padding
    tiles = torch.from_numpy(np.stack([padded[y : y + size, x : x + size] for y, x in corners]) / 255).float()
    pixels = tiles.permute(0, 3, 1, 2).to(device=upscaler.network.device, dtype=upscaler.network.dtype)
    with torch.inference_mode():
        # The loaded network itself: spandrel's own call takes one picture, and clips as we do below.
        large = torch.cat([upscaler.network.model(pixels[i : i + batch]) for i in range(0, len(pixels), batch)])
    cut = large.clamp(0, 1).permute(0, 2, 3, 1).cpu().numpy()[:, padding * scale :, padding * scale :]
    found = np.zeros((height * scale, width * scale, 3))
    for (y, x), part in zip(corners, cut, strict=True):
        spot = found[y * scale : (y + tile) * scale, x * scale : (x + tile) * scale]
        spot[:] = part[: spot.shape[0], : spot.shape[1]]
    inner = slice(border * scale, -border * scale)
    return Image.fromarray((found * 255).astype(np.uint8)[inner, inner])


def _sample(
    logits: Tensor, temperature: float, generator: torch.Generator | None, top_p: float = 1.0, top_k: int = 0
) -> Tensor:
    """Choose a token a row: logits (n, vocabulary) to (n,), int64."""
    if temperature == 0:
        return logits.argmax(dim=-1)
    if top_k:
        worst = logits.topk(min(top_k, logits.shape[-1]), dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < worst, float("-inf"))
    probabilities = torch.softmax(logits / temperature, dim=-1)
    if top_p < 1:
        probabilities = _nucleus(probabilities, top_p)
    return torch.multinomial(probabilities, 1, generator=generator)[:, 0]


def _nucleus(probabilities: Tensor, top_p: float) -> Tensor:
    """Keep the fewest tokens of each row that reach `top_p` together, the best one always; the rest becomes 0."""
    ranked, order = probabilities.sort(dim=-1, descending=True)
    beyond = ranked.cumsum(dim=-1) - ranked >= top_p
    beyond[:, 0] = False
    return probabilities.masked_fill(beyond.scatter(-1, order, beyond), 0)


@contextmanager
def _eager(janus: Janus) -> Iterator[None]:
    """Have the language model attend by plain matrix products, as DeepSeek's demo has it; then as it was before."""
    language = janus.network.model.language_model
    before = language.config._attn_implementation
    language.set_attn_implementation("eager")
    try:
        yield
    finally:
        language.set_attn_implementation(before)
