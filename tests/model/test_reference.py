"""What DeepSeek's own code computes from a large random checkpoint: the same here, figure by figure.

The checkpoint (1.6 GB) is not in the repository. JANUS_REFERENCE names a folder with its files and `expected.json`.
"""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from model.bench import plain
from model.engine.engine import Engine
from model.network.pixels import decode, preprocess, to_uint8
from model.network.upscaler import Lanczos
from model.requests import Answer, Drawing, Event, Pictures, Question
from model.weights.checkpoint import Janus, load
from model.weights.quantized import Kind
from tests.tiny import logits

FOLDER = os.environ.get("JANUS_REFERENCE")
pytestmark = [
    pytest.mark.skipif(FOLDER is None, reason="JANUS_REFERENCE does not name the reference checkpoint's folder"),
    pytest.mark.xdist_group("reference"),
]
QUESTION = "What is drawn here?"
PROMPT = "a red circle on a blue field"
TOLERANCE = 1e-5  # of values around 1; DeepSeek's code and transformers' modules differ by about 2e-6


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((Path(str(FOLDER)) / "expected.json").read_text())
    return content


@pytest.fixture(scope="module")
def janus() -> Janus:
    return load(str(FOLDER), device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def pixels(janus: Janus) -> torch.Tensor:
    return preprocess(picture(), janus.image_size)


def picture() -> Image.Image:
    """Waves in red, a ramp in green, a chequerboard in blue: 500 x 333."""
    x, y = np.arange(500.0)[None, :], np.arange(333.0)[:, None]
    red = 127 + 120 * np.sin(x / 17) * np.cos(y / 29)
    green = np.broadcast_to(255 * x / 500, red.shape)
    blue = 255.0 * ((x // 40 + y // 25) % 2)
    return Image.fromarray(np.dstack([red, green, blue]).clip(0, 255).astype(np.uint8))


def close(found: torch.Tensor, expected: list[float]) -> None:
    torch.testing.assert_close(found, torch.tensor(expected), atol=TOLERANCE, rtol=0)


def test_preprocessing(pixels: torch.Tensor, expected: dict[str, Any]) -> None:
    assert pixels.flatten()[::20011].tolist() == expected["pixel_sample"]
    assert pixels.sum().item() == pytest.approx(expected["pixel_sum"], abs=0.01)


def test_prompts(janus: Janus, expected: dict[str, Any]) -> None:
    assert janus.prompts.question(QUESTION) == expected["ask_ids"]
    assert janus.prompts.drawing(PROMPT) == expected["imagine_ids"]


@pytest.mark.parametrize(
    "text", ["Führer, Tür, süß", "où, à côté, À l'œuvre", "görd\u00fcm, ağaç", "þú, góður, ýmsir, ø, õ, ÿ, ÷"]
)
def test_letters_come_back_whole(janus: Janus, text: str) -> None:
    ids = janus.prompts._encode(text)
    stream = janus.prompts.stream()
    assert janus.prompts.text(ids) == text
    assert "".join([*map(stream.push, ids), stream.finish()]) == text


@torch.inference_mode()
def test_understanding(janus: Janus, pixels: torch.Tensor, expected: dict[str, Any]) -> None:
    features = janus.network.model.get_image_features(pixels[None]).pooler_output
    close(features.flatten()[::997], expected["feat_sample"])
    ids = torch.tensor([expected["ask_ids"]])
    logits = janus.network(input_ids=ids, attention_mask=torch.ones_like(ids), pixel_values=pixels[None]).logits
    close(logits[0, -1], expected["ask_logits"])
    answer = plain.answer(janus, [picture()], QUESTION, temperature=0, max_new_tokens=32)
    assert answer == expected["ask_greedy"]
    assert janus.prompts.text(answer) == expected["ask_text"]


@torch.inference_mode()
def test_logits_of_the_first_image_token(janus: Janus, expected: dict[str, Any]) -> None:
    conditional = janus.prompts.drawing(PROMPT)
    ids = torch.tensor([conditional, janus.prompts.unconditional(len(conditional))])
    state = janus.network.model.language_model(input_ids=ids).last_hidden_state[:, -1]
    with_prompt, without = janus.network.model.generation_head(state)
    close(with_prompt[::16], expected["cond_logits_step0"])
    close(without[::16], expected["uncond_logits_step0"])
    torch.testing.assert_close(
        (without + 5 * (with_prompt - without))[::16], torch.tensor(expected["cfg_logits_step0"]), atol=5e-5, rtol=0
    )


def test_drawing(janus: Janus, expected: dict[str, Any]) -> None:
    tokens = plain.draw(janus, PROMPT, count=1, guidance=5, temperature=0)
    assert tokens[0].tolist() == expected["imagine_greedy_cfg5"]
    drawn = np.asarray(decode(janus.network, tokens)[0])
    assert drawn.flatten()[::997].tolist() == expected["imagine_uint8_sample"]


@torch.inference_mode()
def test_decoding(janus: Janus, expected: dict[str, Any]) -> None:
    place = torch.arange(576)
    pixels = janus.network.model.vqmodel.decode(((7919 * place + 13 * (place // 24)) % 16384)[None])
    close(pixels.flatten()[::4001], expected["decode_sample"])
    assert to_uint8(pixels).flatten()[::4001].tolist() == expected["decode_uint8_sample"]


def test_the_engine_gives_the_same(janus: Janus, expected: dict[str, Any]) -> None:
    tokens = torch.tensor([expected["imagine_greedy_cfg5"]])
    plainly = np.asarray(decode(janus.network, tokens)[0], np.int16)
    engine = Engine(janus, Lanczos())
    drawing = Drawing(prompt=PROMPT, guidance=5, temperature=0, upscale=False)
    question = Question(pictures=(picture(),), question=QUESTION, temperature=0, max_new_tokens=32)
    engine.add(engine.prepare(drawing))
    engine.add(engine.prepare(question))
    ended: dict[str, Event] = {}
    while not engine.idle:
        ended |= dict(engine.step())  # the last event of each request stays
    drawn, answer = ended[drawing.id], ended[question.id]
    assert isinstance(drawn, Pictures)
    assert isinstance(answer, Answer)
    assert list(drawn.tokens[0]) == expected["imagine_greedy_cfg5"]
    found = np.abs(np.asarray(drawn.pictures[0], np.int16) - plainly)
    assert found.max() <= 1  # the engine's kernels are merged, and round otherwise
    assert (found > 0).mean() < 1e-3
    assert (answer.text, answer.tokens) == (expected["ask_text"], 32)


@pytest.mark.parametrize(("kind", "most"), [("int8", 0.04), ("int4", 0.35), ("float8", 0.15)])
def test_logits_of_weights_in_fewer_bits(
    janus: Janus, kind: Kind, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random weights forgive less than trained ones: the demo's are four times as close."""
    monkeypatch.setattr("model.weights.checkpoint.require", lambda *asked: None)  # float8, which a CPU is refused
    small = load(str(FOLDER), device="cpu", dtype="float32", quantize=kind)
    for right, found in zip(logits(janus, PROMPT), logits(small, PROMPT), strict=True):
        assert 0 < (found - right).norm() / right.norm() < most
