"""The examination: a checkpoint draws and answers, and the judge marks it.

Everything is asked of held-out combinations. Drawings come from transformers' own `generate`, at temperature 1, and
are judged by their pixels; answers are greedy and must be word for word right (a description may name its shapes in
any order).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import torch
from PIL import Image

from model.demo.claims import claim
from model.demo.conversations import Exchange, ask, compare
from model.demo.judge import read
from model.demo.photos import photograph
from model.demo.questions import FORMS, draw_scene
from model.demo.wishes import Wish, draw_example, is_item, shows
from model.demo.wording import told, word
from model.demo.world import Scene
from model.network.pixels import decode, preprocess
from model.weights.checkpoint import Janus

ROWS = 60  # pictures drawn at once


@dataclass(frozen=True)
class Drawn:
    """A picture, what it was asked for with, and what the judge sees in it."""

    wish: Wish
    prompt: str
    picture: Image.Image
    scene: Scene | None

    @property
    def right(self) -> bool:
        """Background, kinds, colours and relation are as asked; sizes and places are counted apart."""
        return shows(
            replace(self.wish, items=tuple(replace(i, size=None, place=None) for i in self.wish.items)), self.scene
        )

    @property
    def obeyed(self) -> list[bool]:
        """For every size and place word: whether the shape that it was said of is there and has it."""
        shapes = self.scene.shapes if self.scene else ()
        said = [replace(item, place=None) for item in self.wish.items if item.size]
        said += [replace(item, size=None) for item in self.wish.items if item.place]
        return [any(is_item(item, shape) for shape in shapes) for item in said]


@dataclass(frozen=True)
class Answered:
    """A question about a picture, and the model's answer."""

    picture: Image.Image
    exchange: Exchange
    answer: str

    @property
    def right(self) -> bool:
        """Whether the answer says what the right one says."""
        return _parts(self.answer) == _parts(self.exchange.answer)


def _parts(answer: str) -> list[str]:
    """An answer's clauses in a fixed order, without case, articles and punctuation."""
    text = re.sub(r"[^\w\s]", "", answer.lower())
    words = re.sub(r"\b(a|an|the)\b ", "", text).replace(" on a ", " and on a ")
    return sorted(part.strip() for part in words.split(" and "))


def draw(
    janus: Janus, prompts: Sequence[str], *, guidance: float, count: int = 5, seed: int = 0
) -> list[list[Image.Image]]:
    """Draw `count` pictures of each prompt; prompts of equal length share their steps."""
    ids = [janus.prompts.drawing(prompt) for prompt in prompts]
    pictures: list[list[Image.Image]] = [[] for _ in prompts]
    torch.manual_seed(seed)
    for _, group in groupby(sorted(range(len(ids)), key=lambda i: len(ids[i])), key=lambda i: len(ids[i])):
        members = list(group)
        for start in range(0, len(members), max(1, ROWS // count)):
            batch = members[start : start + max(1, ROWS // count)]
            rows = torch.tensor([ids[i] for i in batch])
            tokens = janus.network.generate(
                rows,
                attention_mask=torch.ones_like(rows),
                generation_mode="image",
                guidance_scale=max(guidance, 1.0001),  # at 1 and below `generate` forgets that it doubled the rows
                num_return_sequences=count,
                do_sample=True,
                temperature=1.0,
                top_k=0,
            )
            for i, own in zip(batch, tokens.split(count), strict=True):
                pictures[i] = [picture for row in own for picture in decode(janus.network, row[None])]
    return pictures


def examine_drawing(
    janus: Janus,
    *,
    prompts: int,
    pairs: float,
    guidance: float,
    count: int = 5,
    seed: int = 1,
    held_out: bool = True,
    wide: float = 0.0,
    slips: float = 0.0,
    bare: float = 0.0,
) -> list[Drawn]:
    """Have prompts of held-out combinations drawn and read; `wide`, `slips` and `bare` as in `draw_wish` and `word`."""
    rng = np.random.default_rng(seed)
    wishes = [draw_example(rng, pairs=pairs, held_out=held_out, open_colours=0.0, wide=wide)[0] for _ in range(prompts)]
    worded = [word(rng, wish, slips=slips, bare=bare) for wish in wishes]
    drawn = draw(janus, worded, guidance=guidance, count=count, seed=seed)
    return [
        Drawn(wish, prompt, picture, read(picture))
        for wish, prompt, pictures in zip(wishes, worded, drawn, strict=True)
        for picture in pictures
    ]


@torch.inference_mode()
def answer(janus: Janus, pictures: Sequence[Image.Image], question: str, longest: int = 64) -> str:
    """The greedy answer to a question about a picture, or about several."""
    ids = torch.tensor([janus.prompts.question(question, pictures=len(pictures))])
    pixels = torch.stack([preprocess(picture, janus.image_size) for picture in pictures])
    told = janus.network.generate(
        ids, attention_mask=torch.ones_like(ids), pixel_values=pixels, do_sample=False, max_new_tokens=longest
    )
    return janus.prompts.text(told[0, ids.shape[1] :].tolist()).strip()


@torch.inference_mode()
def belief(janus: Janus, picture: Image.Image, question: str) -> float:
    """How likely the model finds "yes", against "no", as the answer to a question about a picture."""
    verdicts = janus.prompts.verdicts
    rows = torch.tensor([[*janus.prompts.question(question)[:-1], *verdicts.begin]])
    pixels = preprocess(picture, janus.image_size)[None]
    logits = janus.network(rows, attention_mask=torch.ones_like(rows), pixel_values=pixels).logits[0, -1]
    odds = logits.softmax(0)
    yes, no = (odds[list(ids)].sum() for ids in (verdicts.yes, verdicts.no))
    return float(yes / (yes + no))


def examine_answers(janus: Janus, form: str, *, questions: int, seed: int = 2) -> list[Answered]:
    """Ask questions of one form about held-out scenes, photographed as people would."""
    rng = np.random.default_rng([seed, list(FORMS).index(form)])
    found: list[Answered] = []
    while len(found) < questions:
        scene = draw_scene(rng, held_out=True)
        exchange = ask(rng, scene, form)
        if exchange is not None:
            picture = photograph(rng, scene)
            found.append(Answered(picture, exchange, answer(janus, [picture], exchange.question)))
    return found


def examine_pairs(janus: Janus, *, questions: int, seed: int = 6) -> list[Answered]:
    """Ask about two pictures of held-out scenes at once: half of it about one of them, half which of them shows ..."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(questions):
        scenes = draw_scene(rng, held_out=True), draw_scene(rng, held_out=True)
        (exchange,) = compare(rng, scenes, turns=1, one_of_two=0.5, glimpses=0.4)
        pictures = [photograph(rng, scene) for scene in scenes]
        found.append(Answered(pictures[0], exchange, answer(janus, pictures, exchange.question)))
    return found


def examine_claims(janus: Janus, drawn: Sequence[Drawn], *, seed: int = 4) -> list[Answered]:
    """Ask of drawn pictures whether they show something; half of what is claimed is wrong in one thing."""
    rng = np.random.default_rng(seed)
    found = []
    for i, one in enumerate(drawn):
        if one.scene is not None and 0 < len(one.scene.shapes) < 3:
            wish, true = claim(rng, one.scene, true=i % 2 == 0)
            exchange = Exchange("shows", f"Does this picture show {told(rng, wish)}?", "yes" if true else "no")
            found.append(Answered(one.picture, exchange, answer(janus, [one.picture], exchange.question)))
    return found


def chosen(janus: Janus, drawn: Sequence[Drawn]) -> list[Drawn]:
    """Of the pictures of each prompt, the half in which the model believes: that they show what it was asked for."""
    best = []
    for _, group in groupby(drawn, key=lambda one: one.prompt):
        own = list(group)
        shown = own[0].prompt.rstrip(".?! ")
        beliefs = [belief(janus, one.picture, f"Does this picture show {shown}?") for one in own]
        best += [own[i] for i in sorted(range(len(own)), key=lambda i: -beliefs[i])[: len(own) // 2]]
    return best
