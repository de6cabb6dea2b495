"""Prompts that leave something open: what each picture is of then."""

import contextlib
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import choices
from bot.core.choices import as_written, wildcards, written_out
from bot.core.errors import Refusal
from bot.texts import ENGLISH
from model.requests import SEEDS, Drawing

LISTS = {"animal": ["cat", "dog", "fox"], "big-colour": ["red", "{a, b}"]}


def words(prompt: str, *, seed: int = 7, count: int = 2, lists: choices.Lists = LISTS) -> list[str]:
    """What the pictures of a drawing are of."""
    drawing = written_out(Drawing(prompt=prompt, seed=seed, count=count), lists, ENGLISH)
    assert drawing.prompt == prompt
    return [drawing.words((seed + number) % SEEDS) for number in range(drawing.count)]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("{red, green,blue} circle", ["red circle", "green circle", "blue circle"]),
        (
            "a {small, big} {red, blue} star",
            ["a small red star", "a small blue star", "a big red star", "a big blue star"],
        ),
        ("a {, big} star", ["a star", "a big star"]),
        ("{x\\,y, z}", ["x,y", "z"]),
        ("\\{red, green\\} circle", ["{red, green} circle"] * 2),
        ("{red, \\{green\\}} circle", ["red circle", "{green} circle"]),
        ("a sign {hello}", ["a sign {hello}"] * 2),  # nothing to choose from
        ("{", ["{"] * 2),
        ("}{red, blue", ["}{red, blue"] * 2),
        ("{a, {b, c}}", ["{a, b}", "{a, c}"]),  # they don't nest
        ("{red, red}", ["red", "red"]),
        ("50\\% of \\alpha", ["50\\% of \\alpha"] * 2),
        ("two\n\nlines  here", ["two\n\nlines  here"] * 2),
    ],
)
def test_a_picture_for_each_choice(prompt: str, expected: list[str]) -> None:
    assert words(prompt) == expected


def test_a_drawing_that_leaves_nothing_open_is_as_it_was() -> None:
    drawing = Drawing(prompt="a red circle", count=4)
    assert written_out(drawing, LISTS, ENGLISH) == drawing


@pytest.mark.parametrize(("prompt", "says"), [("{a,b,c}{d,e}", "6 pictures"), ("{a,b}" * 400, "1000000 pictures")])
def test_more_combinations_than_pictures_are_refused_with_their_number(prompt: str, says: str) -> None:
    with pytest.raises(Refusal, match=f"That would be {says}. I draw at most 5"):
        words(prompt)


@pytest.mark.parametrize("prompt", ["{,}", "{, red}"])
def test_a_choice_that_leaves_no_words_is_refused(prompt: str) -> None:
    with pytest.raises(Refusal, match="The prompt is empty"):
        words(prompt)


def test_a_word_of_a_list_belongs_to_the_seed_of_its_picture() -> None:
    drawn = words("a __animal__", seed=100, count=5)
    assert {word.removeprefix("a ") for word in drawn} <= set(LISTS["animal"])
    assert [words("a __animal__", seed=100 + i, count=1)[0] for i in range(5)] == drawn
    # written down: what a seed chooses must never change
    chosen = [words("__animal__", seed=seed, count=1)[0] for seed in range(8)]
    assert chosen == ["fox", "dog", "fox", "fox", "cat", "dog", "cat", "cat"]
    counted = Counter(words("__animal__", seed=seed, count=1)[0] for seed in range(3000))
    assert all(900 < counted[animal] < 1100 for animal in LISTS["animal"])


def test_two_words_of_a_list_are_chosen_apart() -> None:
    pairs = {words("__animal__ __animal__", seed=seed, count=1)[0] for seed in range(100)}
    assert len(pairs) == 9


def test_words_of_lists_stand_in_choices_and_are_plain_themselves() -> None:
    red, animal = words("{red, __Animal__} star")
    assert red == "red star"
    assert animal.removesuffix(" star") in LISTS["animal"]
    assert {words("__big-colour__", seed=seed, count=1)[0] for seed in range(20)} == {"red", "{a, b}"}


@pytest.mark.parametrize("prompt", ["\\__animal__", "\\_\\_animal\\_\\_", "x__animal__", "__animal__s", "__ animal __"])
def test_what_is_no_name_of_a_list_stays(prompt: str) -> None:
    assert words(prompt)[0] == prompt.replace("\\", "")


def test_an_unknown_list_is_told_with_those_there_are_and_plain_words_where_there_are_none() -> None:
    with pytest.raises(Refusal, match=r"no list of words called aminal. It has: `__animal__` · `__big-colour__`"):
        words("an __aminal__")
    assert words("an __aminal__", lists={}) == ["an __aminal__"] * 2


def test_the_names_of_lists_in_a_prompt() -> None:
    assert wildcards("__a__ {__b_2__, x} \\__c__ __D__") == ["a", "b_2", "d"]


@given(st.text(alphabet="{},_\\ab ", max_size=30))
def test_what_is_written_for_words_is_of_these_words(text: str) -> None:
    try:
        made = words(text.strip(), lists={})
    except Refusal:
        return
    for each in made:
        assert words(as_written(each), lists={"a": ["x"], "b": ["y"], "ab": ["z"]}, count=1) == [each]


@given(st.text(alphabet="{},_\\ab ", max_size=2000))
def test_whatever_is_written_is_taken_or_refused(text: str) -> None:
    with contextlib.suppress(Refusal):
        assert all(words(text.strip()))
