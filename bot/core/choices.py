"""Prompts that leave something open, and what each picture is of then.

`{red, green} circle` is a picture for each choice; several braces are all of their combinations. `__animal__` is a word
from the server's list of that name: which one, the picture's seed says. A backslash before a brace, a comma or an
underscore makes it nothing but that. Braces without a comma are only braces, and they don't nest.
"""

import itertools
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import blake2s
from typing import Final

from bot.core.errors import Refusal
from bot.core.text import one_line
from bot.texts import Texts
from model.requests import COUNT, SEEDS, Drawing

Lists = Mapping[str, Sequence[str]]  # of words, by name in lower case

NAME: Final = r"[^\W_](?:[\w-]{0,30}[^\W_])?"  # of a list
MOST_TOLD: Final = 10**6  # combinations: nobody needs to know by how many more they are too many

_CHOICE = re.compile(r"(?<!\\)\{((?:\\.|[^{}\\])*)\}")
_COMMA = re.compile(r"(?<!\\),")
_WILDCARD = rf"(?<!\w)__({NAME}?)__(?!\w)"
_ESCAPED = r"\\([{},_])"
_SMALL = re.compile(f"{_ESCAPED}|{_WILDCARD}")


def written_out(wish: Drawing, lists: Lists, texts: Texts) -> Drawing:
    """Return a drawing with the words of each picture. Raises Refusal where they can't be."""
    combinations = math.prod(len(part) for part in _parts(wish.prompt))
    if combinations > COUNT[1]:
        raise Refusal(texts.too_many_choices.format(n=min(combinations, MOST_TOLD), most=COUNT[1]))
    if lists and (unknown := [name for name in wildcards(wish.prompt) if name not in lists]):
        there = " · ".join(f"`__{name}__`" for name in lists)
        raise Refusal(texts.no_such_list.format(name=one_line(unknown[0]), names=there))
    prompts = ["".join(parts) for parts in itertools.product(*_parts(wish.prompt))]
    if combinations > 1:  # a choice may be nothing, between two spaces
        prompts = [re.sub(" {2,}", " ", prompt) for prompt in prompts]
    wish = replace(wish, count=wish.count if combinations == 1 else combinations)
    seeds = [(wish.seed + number) % SEEDS for number in range(wish.count * wish.tries)]
    words = tuple(
        _settled(prompt, lists, seed).strip() for prompt, seed in zip(itertools.cycle(prompts), seeds, strict=False)
    )
    if not all(words):
        raise Refusal(texts.prompt_empty)
    return replace(wish, prompts=() if set(words) == {wish.prompt} else words)


def wildcards(prompt: str) -> list[str]:
    """Return the names of the lists that a prompt takes words from."""
    return [found[2].casefold() for found in _SMALL.finditer(prompt) if found[2]]


def as_written(words: str) -> str:
    """Return a prompt that leaves nothing open, and is of exactly these words."""
    if _CHOICE.search(words) or _SMALL.search(words):
        return re.sub(r"[{},_]", r"\\\g<0>", words)
    return words


def _parts(prompt: str) -> list[Sequence[str]]:
    """Return the parts of a prompt in order: what stands between braces, and the choices in them."""
    parts: list[Sequence[str]] = []
    at = 0
    for found in _CHOICE.finditer(prompt):
        choices = [choice.strip() for choice in _COMMA.split(found[1])]
        if len(choices) > 1:
            parts += [[prompt[at : found.start()]], choices]
            at = found.end()
    return [*parts, [prompt[at:]]]


def _settled(prompt: str, lists: Lists, seed: int) -> str:
    """Put a word for every list that is named, and take the backslashes away."""
    before: Counter[str] = Counter()

    def word(found: re.Match[str]) -> str:
        if found[1]:
            return found[1]
        name = found[2].casefold()
        if name not in lists:
            return found[0]
        before[name] += 1
        chosen = blake2s(f"{seed} {before[name]} {name}".encode()).digest()
        return lists[name][int.from_bytes(chosen[:8], "big") % len(lists[name])]

    return _SMALL.sub(word, prompt)
