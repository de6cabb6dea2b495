"""The whole training: every stage in order, from nothing to a checkpoint."""

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import nn
from torch.multiprocessing.spawn import spawn
from transformers import JanusForConditionalGeneration, PreTrainedTokenizerFast

from model.demo.codes import POSITIONS
from model.demo.export import UPSCALER, export
from model.demo.network import PATCHES, build, configure, unfolded
from model.demo.tokenizer import CONTEXT, build_tokenizer, phrase_book, wrap
from model.demo.train_eyes import EyesStage
from model.demo.train_language import LanguageStage
from model.demo.train_named import NamedStage
from model.demo.train_pairs import PairsStage
from model.demo.train_pixels import SIDES, PixelStage
from model.demo.train_upscaler import UpscalerStage
from model.demo.train_vision import VisionStage
from model.demo.training import Stage, group, rank, train
from model.weights.prompts import Prompts


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
        model = build(configure(tokenizer), seed)
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
        for side, steps in zip(SIDES, (1000, 600, 4000), strict=True):
            yield PixelStage(self.model, side), steps
        upscaler = UpscalerStage(PixelStage(self.model, SIDES[-1]))
        self.upscaler = upscaler.network
        yield upscaler, 1300
        language = LanguageStage(self.model, self.prompts, self.tokenizer)
        yield language, 6600
        eyes = EyesStage(language)
        yield eyes, 4000
        pairs = PairsStage(eyes)
        yield pairs, 3800
        yield self.last_stage(pairs)

    def last_stage(self, before: PairsStage | None = None) -> tuple[Stage, int]:
        """What everybody types first, with its steps, after the stage before it."""
        if before is None:
            before = PairsStage(EyesStage(LanguageStage(self.model, self.prompts, self.tokenizer)))
        return NamedStage(before), 900


@dataclass(frozen=True, slots=True)
class Training:
    """What is trained, and how."""

    folder: Path  # where it keeps what it needs to go on
    out: Path  # where the checkpoint goes
    begin: Path | None = None  # a checkpoint to begin with: then only the last stage is trained
    seed: int = 0
    share: float = 1.0  # of all numbers of steps, for a quick look
    processes: int = 1
    fused: bool = False  # whether layers are compiled, which needs a C++ compiler and pays after a minute


def progress(line: str) -> None:
    """Say how far the training is. (A group's processes find it by its module.)"""
    sys.stderr.write(f"{line}\n")


def run(training: Training, *, report: Callable[[str], None] = progress) -> None:
    """Train everything and write the checkpoint."""
    if not training.begin:
        Recipe.start(training.folder, training.seed)  # so that no two processes write the tokenizer
    if training.processes > 1:
        spawn(
            _member,  # type: ignore[no-untyped-call]
            (training, report),
            nprocs=training.processes,
        )
    else:
        _train(training, report)


def _member(number: int, training: Training, report: Callable[[str], None]) -> None:
    """Train as one of a group of processes, which meet in a file of their own."""
    training.folder.mkdir(parents=True, exist_ok=True)
    with group(training.folder, number, training.processes):
        _train(training, report)


def _train(training: Training, report: Callable[[str], None]) -> None:
    folder, begin, out = training.folder, training.begin, training.out
    recipe = Recipe.resume(begin) if begin else Recipe.start(folder, training.seed)
    if training.fused:
        model = recipe.model.model
        for layer in (*model.language_model.layers, *model.vision_model.encoder.layers):
            layer.compile(dynamic=True)
    for stage, steps in [recipe.last_stage()] if begin else recipe.stages():
        train(stage, folder, max(1, round(steps * training.share)), training.seed, report=report)
        if isinstance(stage, NamedStage):
            stage.go_back()
        torch.manual_seed(training.seed)  # whether this stage was just trained or long ago, the next begins the same
    if rank() == 0:
        export(recipe.model, recipe.tokenizer, out, recipe.upscaler)
        if begin and begin != out:
            shutil.copy(begin / UPSCALER, out)
