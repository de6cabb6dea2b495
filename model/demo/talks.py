"""Conversations about pictures as the language model is trained on them: ids, and what each place should know."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from model.demo.conversations import Exchange
from model.demo.wishes import Wish
from model.demo.world import Scene, Shape
from model.requests import Turn
from model.weights.prompts import Prompts

NO_LOSS = -100


@dataclass(frozen=True)
class Talk:
    """A conversation about pictures. Places are those of the tokens before an answer, where it is about to begin."""

    scenes: tuple[Scene, ...]
    ids: list[int]
    labels: list[int]  # each answer's ids and its end, NO_LOSS elsewhere
    about: list[tuple[int, Shape]]  # places, and the shape that the answer is about
    claims: list[tuple[int, Wish]]  # places, and what the only picture is claimed to show, or one of two is asked for


def written(
    scenes: tuple[Scene, ...], exchanges: Sequence[Exchange], prompts: Prompts, tokenizer: PreTrainedTokenizerFast
) -> Talk:
    """Write a conversation about pictures out."""
    ids: list[int] = []
    labels: list[int] = []
    about: list[tuple[int, Shape]] = []
    claims: list[tuple[int, Wish]] = []
    turns: list[Turn] = []
    for exchange in exchanges:
        asked = prompts.question(exchange.question, turns, len(scenes))
        answer = [*tokenizer(f" {exchange.answer}", add_special_tokens=False).input_ids, prompts.eos]
        if isinstance(exchange.about, Shape):
            about.append((len(asked) - 1, exchange.about))
        elif exchange.about and (len(scenes) == 1 or exchange.form == "which of two"):
            claims.append((len(asked) - 1, exchange.about))
        ids, labels = asked + answer, labels + [NO_LOSS] * (len(asked) - len(labels)) + answer
        turns.append(Turn(question=exchange.question, answer=exchange.answer))
    return Talk(scenes, ids, labels, about, claims)


def known(ids: Tensor, talks: Sequence[Talk], prompts: Prompts) -> tuple[Tensor, Tensor]:
    """Which tokens, (rows, length), know which scene: a mask, and for each of its tokens the scene's number."""
    begun = (ids == prompts.begin_of_image).cumsum(1)  # a picture's number in its row, from 1
    several = torch.tensor([len(talk.scenes) for talk in talks])[:, None] > 1
    mask = (begun > 0) & (ids != prompts.pad) & (~several | (ids == prompts.placeholder))
    before = torch.tensor([0, *[len(talk.scenes) for talk in talks[:-1]]]).cumsum(0)[:, None]
    return mask, (begun - 1 + before)[mask]


def padded(rows: list[list[int]], fill: int) -> Tensor:
    """Rows of different lengths as one int64 tensor. Padding at the end needs no mask: attention is causal."""
    width = max(map(len, rows))
    return torch.tensor([row + [fill] * (width - len(row)) for row in rows])
