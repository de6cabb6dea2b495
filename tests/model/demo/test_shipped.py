"""The checkpoint in the repository, as other programs see it."""

from pathlib import Path

from transformers import JanusForConditionalGeneration, JanusProcessor

from model.catalogue import locate


def test_transformers_draws_with_the_shipped_checkpoint() -> None:
    folder = locate("demo")
    network, processor = JanusForConditionalGeneration.from_pretrained(folder), JanusProcessor.from_pretrained(folder)
    told = [{"role": "user", "content": [{"type": "text", "text": "a red circle"}]}]
    prompt = processor.apply_chat_template(told, add_generation_prompt=True)
    asked = processor(text=prompt, generation_mode="image", return_tensors="pt")
    tokens = network.generate(**asked, generation_mode="image", do_sample=True, guidance_scale=5.0)
    assert tokens.shape == (1, network.config.vq_config.num_patches**2)
    assert sum(file.stat().st_size for file in Path(folder).iterdir()) <= 25_000_000
