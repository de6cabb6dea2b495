"""The checkpoint in the repository, as other programs see it."""

from pathlib import Path

from transformers import JanusForConditionalGeneration, JanusProcessor

from model.demo import avoidance
from model.demo.codes import POSITIONS
from model.demo.judge import read
from model.network.pixels import to_pictures
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
