"""The engine over weights in fewer bits: what the plain loop makes of the same weights."""

from pathlib import Path

import pytest

from model.bench import plain
from model.engine.engine import Engine
from model.network.linear import SideBySide
from model.network.upscaler import Lanczos
from model.requests import Pictures
from model.settings import EngineSettings, Quantize
from model.weights.checkpoint import load
from tests.model.driving import PHOTO, ask, draw, run, text, tokens

PROMPT = "a red circle on a blue background, and more words than fit in a chunk"


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_greedy_tokens_and_words_equal_the_plain_loop(tiny_folder: Path, kind: Quantize, keep: bool) -> None:
    small = load(tiny_folder, device="cpu", quantize=kind)
    drawn = plain.draw(small, PROMPT, count=1, guidance=3.0, temperature=0).tolist()
    said = plain.answer(small, (PHOTO,), "what is red?", max_new_tokens=24, temperature=0)
    engine = Engine(small, Lanczos(), EngineSettings(prefill_tokens=8), keep=keep)
    assert isinstance(engine.decoder.layers[0].qkv, SideBySide)
    found = run(engine, draw(prompt=PROMPT, temperature=0), ask(temperature=0), draw(count=2, careful=True))
    judged = found[2][-1]
    assert isinstance(judged, Pictures)
    assert 1 > judged.judged[0] >= judged.judged[1] > 0
    assert tokens(found[0]) == [tuple(row) for row in drawn]
    assert text(found[1]) == small.prompts.text(said)


def test_a_step_whose_parts_are_compiled_draws_the_same(tiny_folder: Path) -> None:
    small = load(tiny_folder, device="cpu", quantize="int4")
    engine = Engine(small, Lanczos(), EngineSettings(rows=4, answers=1, window=1))
    request = draw(prompt=PROMPT, count=2, temperature=1.0)
    plainly = tokens(run(engine, request)[0])
    engine.decoder.fuse()  # as on CUDA: one compiled piece for all layers and numbers of rows
    assert tokens(run(engine, request)[0]) == plainly
