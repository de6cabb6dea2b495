"""The plain loops against transformers' own generation: they are what everything else is measured by."""

import numpy as np
import torch
from PIL import Image

from model.bench import plain
from model.network.pixels import preprocess
from model.weights.checkpoint import Janus

PROMPT = "a red circle"


def picture(seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (30, 44, 3), dtype=np.uint8))


def test_greedy_drawing_is_that_of_transformers(tiny: Janus) -> None:
    ids = torch.tensor([tiny.prompts.drawing(PROMPT)])
    theirs = tiny.network.generate(
        ids, attention_mask=torch.ones_like(ids), generation_mode="image", do_sample=False, guidance_scale=5.0
    )
    ours = plain.draw(tiny, PROMPT, count=2, temperature=0)
    assert ours.shape == (2, 16)
    assert ours[0].tolist() == ours[1].tolist() == theirs[0].tolist()
    assert len(set(ours[0].tolist())) > 4  # nothing degenerate: guidance, position and cache all matter
    assert plain.draw(tiny, PROMPT, count=1, temperature=0, guidance=1)[0].tolist() != ours[0].tolist()


def test_greedy_answer_is_that_of_transformers(tiny: Janus) -> None:
    ids = torch.tensor([tiny.prompts.question("What is red?")])
    pixels = preprocess(picture(), tiny.image_size)[None]
    theirs = tiny.network.generate(
        ids, attention_mask=torch.ones_like(ids), pixel_values=pixels, do_sample=False, max_new_tokens=12
    )
    ours = plain.answer(tiny, [picture()], "What is red?", temperature=0, max_new_tokens=12)
    assert ours == theirs[0, ids.shape[1] :].tolist()[: len(ours)]
    assert len(ours) > 4
    assert ours != plain.answer(tiny, [picture(1)], "What is red?", temperature=0, max_new_tokens=12)


def test_an_answer_ends_at_end_of_sentence(tiny: Janus) -> None:
    said = plain.answer(tiny, [], "Hi", temperature=2, top_p=1, generator=torch.Generator().manual_seed(3))
    assert tiny.prompts.eos not in said
    assert len(said) < 512


def test_the_same_generator_draws_the_same_and_pictures_differ(tiny: Janus) -> None:
    def drawn(seed: int) -> list[list[int]]:
        generator = torch.Generator().manual_seed(seed)
        return plain.draw(tiny, PROMPT, count=2, generator=generator).tolist()

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert drawn(1)[0] != drawn(1)[1]


def test_the_nucleus_keeps_the_fewest_that_reach_top_p() -> None:
    probabilities = torch.tensor([[0.1, 0.6, 0.3], [0.34, 0.33, 0.33]])
    assert plain._nucleus(probabilities, 0.6).count_nonzero(dim=-1).tolist() == [1, 2]
    assert plain._nucleus(probabilities, 0.61).tolist()[0] == [0, *probabilities[0, 1:].tolist()]
    assert plain._nucleus(probabilities, 0.0).argmax(dim=-1).tolist() == [1, 0]


def test_the_networks_attention_is_left_as_it_was(tiny: Janus) -> None:
    language = tiny.network.model.language_model
    before = language.config._attn_implementation
    plain.draw(tiny, PROMPT, count=1, temperature=0)
    assert language.config._attn_implementation == before == "sdpa"
