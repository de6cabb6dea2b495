"""The whole training: every stage in order, from nothing to a checkpoint."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import nn
from transformers import JanusForConditionalGeneration, PreTrainedTokenizerFast

from model.demo.codes import POSITIONS
from model.demo.export import UPSCALER, export
from model.demo.network import PATCHES, build, configure, unfolded
from model.demo.tokenizer import CONTEXT, build_tokenizer, phrase_book, wrap
from model.demo.train_language import DRAWINGS, TOGETHER, LanguageStage
from model.demo.train_pixels import SIDES, PixelStage
from model.demo.train_upscaler import UpscalerStage
from model.demo.train_vision import VisionStage
from model.demo.training import Stage, train
from model.prompts import Prompts


@dataclass
class Recipe:
    """A tokenizer, the network in training form, and the upscaler, all from one seed."""

    tokenizer: PreTrainedTokenizerFast
    prompts: Prompts
    model: JanusForConditionalGeneration
    upscaler: nn.Module | None

    @staticmethod
    def start(folder: Path, seed: int = 0) -> "Recipe":
        """Begin in a folder, or go on there."""
        file = folder / "tokenizer.json"
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            build_tokenizer(phrase_book()).backend_tokenizer.save(str(file))
        tokenizer = wrap(Tokenizer.from_file(str(file)))
        prompts = Prompts.from_folder(folder, image_tokens=POSITIONS, context=CONTEXT, seen_tokens=PATCHES**2)
        torch.manual_seed(seed)
        model = build(configure(tokenizer))
        return Recipe(tokenizer, prompts, model, None)

    @staticmethod
    def resume(checkpoint: Path) -> "Recipe":
        """Begin with the weights of a checkpoint that is whole."""
        tokenizer = wrap(Tokenizer.from_file(str(checkpoint / "tokenizer.json")))
        prompts = Prompts.from_folder(checkpoint, image_tokens=POSITIONS, context=CONTEXT, seen_tokens=PATCHES**2)
        plain = JanusForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32)
        return Recipe(tokenizer, prompts, unfolded(plain), None)

    def stages(self) -> Iterator[tuple[Stage, int]]:
        """Each stage with its steps. They share one network, so each begins with what the ones before it learned."""
        yield VisionStage(self.model), 2800
        for side, steps in zip(SIDES, (800, 240, 3000), strict=True):
            yield PixelStage(self.model, side), steps
        upscaler = UpscalerStage()
        self.upscaler = upscaler.network
        yield upscaler, 1300
        yield LanguageStage(self.model, self.prompts, self.tokenizer, DRAWINGS), 6000
        yield self.last_stage()

    def last_stage(self) -> tuple[Stage, int]:
        """Drawings and conversations together, with its steps."""
        return LanguageStage(self.model, self.prompts, self.tokenizer, TOGETHER), 7000


def run(
    folder: Path,
    out: Path,
    *,
    begin: Path | None = None,
    seed: int = 0,
    share: float = 1.0,
    report: Callable[[str], None] = print,
) -> None:
    """Train everything and write the checkpoint to `out`. `share` scales all numbers of steps, for a quick look.

    `begin`: a checkpoint to begin with: then only the last stage is trained.
    """
    recipe = Recipe.resume(begin) if begin else Recipe.start(folder, seed)
    for stage, steps in [recipe.last_stage()] if begin else recipe.stages():
        train(stage, folder, max(1, round(steps * share)), seed, report=report)
    export(recipe.model, recipe.tokenizer, out, recipe.upscaler)
    if begin and begin != out:
        shutil.copy(begin / UPSCALER, out)
