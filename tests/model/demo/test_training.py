import copy
import os
import signal
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.multiprocessing.spawn import spawn
from transformers import JanusForConditionalGeneration, JanusProcessor

from model.demo import recipe, table, training
from model.demo.codes import AT, CODES, POSITIONS, encode
from model.demo.network import configure, folded, unfolded
from model.demo.optimiser import orthogonalise
from model.demo.photos import to_array
from model.demo.recipe import Recipe, Training
from model.demo.sheet import sheet
from model.demo.tokenizer import build_tokenizer, phrase_book
from model.demo.train_eyes import EyesStage
from model.demo.train_language import Batch, LanguageStage, code_losses
from model.demo.train_named import WAY, NamedStage
from model.demo.train_pairs import PairsStage
from model.demo.train_pixels import PixelStage
from model.demo.train_upscaler import UpscalerStage
from model.demo.train_vision import VisionStage
from model.demo.training import Stage, train
from model.demo.wishes import draw_example
from model.demo.world import COLOURS, KINDS
from model.weights import checkpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small tokenizer, as a training begins with."""
    place = tmp_path_factory.mktemp("training")
    build_tokenizer(phrase_book(300)).backend_tokenizer.save(str(place / "tokenizer.json"))
    return place


@pytest.fixture
def small(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """The recipe with a network of 64 x 4."""
    monkeypatch.setattr(recipe, "configure", lambda tokenizer: configure(tokenizer, width=64, layers=4, heads=1))
    return Recipe.start(folder)


class Interrupted(VisionStage):
    """Is interrupted at its third batch."""

    def losses(self, rng: np.random.Generator, done: float) -> dict[str, torch.Tensor]:
        if done == 0.5:
            raise KeyboardInterrupt
        return super().losses(rng, done)


def language(small: Recipe) -> LanguageStage:
    batch = Batch(prompts=8, sketches=8, drawings=2, talks=2, pairs=1)
    return LanguageStage(small.model, small.prompts, small.tokenizer, (batch, batch))


def loss(stage: Stage) -> float:
    """A stage's loss on a batch that is always the same."""
    with torch.no_grad():
        return sum(value.item() for value in stage.losses(np.random.default_rng(123), 0.0).values())


def test_the_tables_in_parts_are_the_tables_in_full(small: Recipe) -> None:
    plain = folded(small.model)
    codes = torch.from_numpy(encode(draw_example(np.random.default_rng(0), pairs=1.0)[1]))[None]
    hidden = torch.randn(1, POSITIONS, 64)
    with torch.no_grad():
        parts = small.model.model.generation_head(hidden)
        logits = plain.model.generation_head(hidden)
        assert logits.shape == (1, POSITIONS, CODES)
        told = logits.log_softmax(2).gather(2, codes[..., None]).squeeze(2)
        torch.testing.assert_close(code_losses(parts, codes), -told)
        embed = small.model.prepare_embeddings_for_image_generation
        torch.testing.assert_close(plain.prepare_embeddings_for_image_generation(codes), embed(codes))
        torch.testing.assert_close(plain.model.vqmodel.decode(codes), PixelStage(small.model, 192).decode(codes))


def test_what_a_plan_says_is_the_sum_of_a_kind_and_a_colour(small: Recipe) -> None:
    table = folded(small.model).model.generation_embeddings.weight
    for what in ("what 0", "what 1"):
        words = table[AT[what] : AT[what] + len(KINDS) * len(COLOURS)].unflatten(0, (len(KINDS), len(COLOURS)))
        torch.testing.assert_close(words - words[:1], (words - words[:1])[:, :1].expand_as(words), atol=1e-5, rtol=1e-5)
        assert len(words.flatten(0, 1).unique(dim=0)) == len(KINDS) * len(COLOURS)


def test_a_saved_network_can_be_trained_on(small: Recipe) -> None:
    plain = folded(small.model)
    again = folded(unfolded(plain)).state_dict()
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(again[name], tensor, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["vision", "language", "eyes", "pairs", "named", "pixels"])
def test_a_few_steps_teach_something(name: str, small: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "WARMUP", 1)
    few = Batch(prompts=2, sketches=2, drawings=1, talks=2, pairs=1)
    stages: dict[str, Stage] = {
        "vision": VisionStage(small.model, batch=4),
        "language": language(small),
        "eyes": EyesStage(language(small), few),
        "pairs": PairsStage(EyesStage(language(small)), few),
        "named": NamedStage(PairsStage(EyesStage(language(small))), few),
        "pixels": PixelStage(small.model, 48),
    }
    stage = stages[name]
    assert stage.name.startswith(name)  # what is kept on disk must not mix the stages up
    before = loss(stage)
    train(stage, tmp_path, 20, quiet=True, report=lambda line: None)
    assert loss(stage) < 0.95 * before


def test_the_last_stage_keeps_weights_between_its_first_and_its_last(small: Recipe) -> None:
    stage = NamedStage(PairsStage(EyesStage(language(small))))
    head = small.model.lm_head.weight
    first = head.detach().clone()
    with torch.no_grad():
        head += 1.0
    stage.go_back()
    torch.testing.assert_close(head, first + WAY)


def test_the_upscaler_begins_as_bilinear_interpolation_and_gets_better(small: Recipe, tmp_path: Path) -> None:
    torch.manual_seed(0)
    stage = UpscalerStage(PixelStage(small.model, 192), pictures=2)
    picture = Image.effect_noise((32, 32), 60).convert("RGB")
    with torch.no_grad():
        enlarged = stage.network((to_array(picture) / 2 + 0.5)[None])[0]
    expected = to_array(picture.resize((64, 64), Image.Resampling.BILINEAR)) / 2 + 0.5
    torch.testing.assert_close(enlarged[:, 4:-4, 4:-4], expected[:, 4:-4, 4:-4], atol=1.5 / 255, rtol=0)
    before = loss(stage)
    train(stage, tmp_path, 16, quiet=True, report=lambda line: None)
    assert loss(stage) < before


def test_an_interrupted_training_ends_where_an_uninterrupted_one_does(
    small: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "SAVE_EVERY", 0.0)
    kinds = (VisionStage, Interrupted, VisionStage)
    whole, first, second = (kind(copy.deepcopy(small.model), batch=2) for kind in kinds)
    for other in (first, second):
        other.network.load_state_dict(whole.network.state_dict())
    train(whole, tmp_path / "whole", 4, quiet=True, report=lambda line: None)
    with pytest.raises(KeyboardInterrupt):
        train(first, tmp_path / "parts", 4, quiet=True, report=lambda line: None)
    train(second, tmp_path / "parts", 4, quiet=True, report=lambda line: None)
    for expected, reached in zip(whole.network.parameters(), second.network.parameters(), strict=True):
        torch.testing.assert_close(reached, expected)


class Regression:
    """A line through points."""

    name = "regression"

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.network: torch.nn.Module = torch.nn.Linear(4, 1)
        self.optimisers: list[torch.optim.Optimizer] = [torch.optim.SGD(self.network.parameters(), lr=0.1)]

    def losses(self, rng: np.random.Generator, done: float) -> dict[str, torch.Tensor]:
        points = torch.from_numpy(rng.normal(size=(8, 4)).astype(np.float32))
        return {"error": (self.network(points).squeeze(1) - points.sum(1)).square().mean()}


def one_of_two(number: int, folder: Path) -> None:
    with training.group(folder, number, 2):
        train(Regression(), folder, 20, quiet=True, report=lambda line: None)


def test_two_processes_come_to_the_same_as_one(tmp_path: Path) -> None:
    alone = Regression()
    train(alone, tmp_path / "alone", 20, quiet=True, report=lambda line: None)
    (tmp_path / "two").mkdir()
    spawn(one_of_two, (tmp_path / "two",), nprocs=2)  # type: ignore[no-untyped-call]
    together = Regression()
    assert training.resume(together, tmp_path / "two" / "regression.pt")[0] == 20
    for expected, reached in zip(alone.network.parameters(), together.network.parameters(), strict=True):
        torch.testing.assert_close(reached, expected)


def endless(folder: Path) -> None:
    (folder / "pid").write_text(str(os.getpid()))
    with pytest.raises(SystemExit, match="gone"):
        train(Regression(), folder, 10**9, quiet=True, report=lambda line: None)
    (folder / "ended").touch()


def beginner(folder: Path) -> None:
    member = get_context("spawn").Process(target=endless, args=(folder,))
    member.start()
    member.join()


def test_a_training_ends_with_the_process_that_began_it(tmp_path: Path) -> None:
    killed = get_context("spawn").Process(target=beginner, args=(tmp_path,))
    killed.start()
    wait_for(tmp_path / "pid")
    killed.kill()
    killed.join()
    try:
        wait_for(tmp_path / "ended")
    except TimeoutError:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
        raise


def wait_for(file: Path, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not file.exists() or (file.name == "pid" and not file.read_text()):
        if time.monotonic() > until:
            raise TimeoutError(f"no {file.name}")
        time.sleep(0.05)


def test_muon_makes_matrices_orthogonal() -> None:
    for shape in ((16, 48), (48, 16)):
        values = torch.linalg.svdvals(orthogonalise(torch.randn(shape)).float())
        assert values.min() > 0.5
        assert values.max() < 1.5


def test_the_recipe_writes_a_checkpoint_that_everybody_can_load(
    small: Recipe, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upscaler = UpscalerStage(PixelStage(small.model, 192), pictures=1)
    stages: list[tuple[Stage, int]] = [(PixelStage(small.model, 48), 1), (upscaler, 1), (language(small), 1)]
    monkeypatch.setattr(Recipe, "stages", lambda self: iter(stages))
    monkeypatch.setattr(Recipe, "start", lambda *_: small)
    small.upscaler = upscaler.network
    out = tmp_path / "checkpoint"
    recipe.run(Training(tmp_path / "work", out), report=lambda line: None)

    network = JanusForConditionalGeneration.from_pretrained(out)
    network.save_pretrained(tmp_path / "again")
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == (out / "model.safetensors").read_bytes()

    processor = JanusProcessor.from_pretrained(out)
    told = [{"role": "user", "content": [{"type": "text", "text": "a red circle"}]}]
    prompt = processor.apply_chat_template(told, add_generation_prompt=True)
    asked = processor(text=prompt, generation_mode="image", return_tensors="pt")
    janus = checkpoint.load(out, device="cpu", dtype="float32")
    assert asked.input_ids[0].tolist() == janus.prompts.drawing("a red circle")

    on = tmp_path / "on"
    monkeypatch.setattr(Recipe, "last_stage", lambda one: (language(one), 1))
    recipe.run(Training(tmp_path / "more", on, begin=out), report=lambda line: None)
    assert {file.name for file in on.iterdir()} == {file.name for file in out.iterdir()}
    trained = checkpoint.load(on, device="cpu", dtype="float32").network
    assert not torch.equal(trained.lm_head.weight, janus.network.lm_head.weight)
    assert torch.equal(
        trained.model.vision_model.post_layernorm.weight, janus.network.model.vision_model.post_layernorm.weight
    )

    judged = table.judge(janus, out, effort=0.001)
    words = table.markdown(judged)
    assert all(what in words for what in ("one shape", "two shapes", "Lanczos", "describe"))
    assert sheet(judged.drawn).width > 0
    assert sheet(judged.answered).height > 0
