"""The checkpoint in the repository, as other programs see it."""

from pathlib import Path

import numpy as np
import torch
from transformers import JanusForConditionalGeneration, JanusProcessor

from model.demo import avoidance
from model.demo.codes import POSITIONS, encode
from model.demo.crispness import crispness
from model.demo.exam import draw, examine_answers, examine_pairs
from model.demo.judge import read
from model.demo.wishes import draw_example
from model.demo.world import KINDS
from model.network.pixels import decode, to_pictures
from model.weights import checkpoint
from model.weights.names import locate


def test_transformers_draws_with_the_shipped_checkpoint() -> None:
    folder = locate("demo")
    network = JanusForConditionalGeneration.from_pretrained(folder)
    processor = JanusProcessor.from_pretrained(folder)
    told = [{"role": "user", "content": [{"type": "text", "text": "a red circle on a blue background"}]}]
    prompt = processor.apply_chat_template(told, add_generation_prompt=True)
    asked = processor(text=prompt, generation_mode="image", return_tensors="pt")
    tokens = network.generate(**asked, generation_mode="image", do_sample=False, guidance_scale=5.0)
    assert tokens.shape == (1, POSITIONS)
    (picture,) = to_pictures(network.model.vqmodel.decode(tokens).detach())
    seen = read(picture)
    assert seen is not None
    assert seen.background == "blue"
    assert [(shape.colour, shape.kind) for shape in seen.shapes] == [("red", "circle")]
    assert sum(file.stat().st_size for file in Path(folder).iterdir()) <= 25_000_000


def test_a_colour_that_is_avoided_is_drawn_less_often() -> None:
    demo = checkpoint.load("demo", device="cpu", dtype="float32")
    without, avoiding = (avoidance.examine(demo, words, guidance=5.0, pictures=40) for words in ("", avoidance.AVOID))
    assert without.red >= 0.1
    assert avoiding.red <= 0.03
    assert avoiding.circle >= 0.8  # and circles they are still


def test_the_shortest_prompts_are_drawn_right() -> None:
    demo = checkpoint.load("demo", device="cpu", dtype="float32")
    names = {"a green triangle": "triangle", "a red circle": "circle", "star": "star"}
    asked = {f"a {kind}": kind for kind in KINDS} | names
    drawn = [
        (kind, read(picture))
        for kind, pictures in zip(asked.values(), draw(demo, list(asked), guidance=5.0, count=4), strict=True)
        for picture in pictures
    ]
    right = [scene is not None and [shape.kind for shape in scene.shapes] == [kind] for kind, scene in drawn]
    assert sum(right) >= 0.9 * len(right)


def test_pictures_are_flat_inside_and_true_to_their_outlines() -> None:
    demo, rng = checkpoint.load("demo", device="cpu", dtype="float32"), np.random.default_rng(0)
    scenes = [draw_example(rng, pairs=0.6, held_out=True)[1] for _ in range(12)]
    pictures = [decode(demo.network, torch.from_numpy(encode(scene))[None])[0] for scene in scenes]
    crisp = crispness(zip(pictures, scenes, strict=True))
    assert crisp.off <= 1.0  # of 255
    assert crisp.spread <= 1.2
    assert crisp.outline <= 0.5  # pixels


def test_it_says_whether_a_picture_shows_what_is_claimed() -> None:
    demo = checkpoint.load("demo", device="cpu", dtype="float32")
    answered = examine_answers(demo, "shows", questions=20)
    assert {one.exchange.answer for one in answered} == {"yes", "no"}
    assert sum(one.right for one in answered) >= 19


def test_it_says_which_of_two_pictures_shows_something() -> None:
    demo = checkpoint.load("demo", device="cpu", dtype="float32")
    answered = [one for one in examine_pairs(demo, questions=60) if one.exchange.form == "which of two"]
    assert {one.exchange.answer for one in answered} >= {"the first", "the second"}
    assert sum(one.right for one in answered) >= 0.8 * len(answered)  # by chance it would be half
