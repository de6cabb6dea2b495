"""The catalogues: nothing missing, nothing left over, nothing that Discord refuses."""

import dataclasses
import re
import string
from pathlib import Path

import pytest

import bot
from bot.texts import CATALOGUES, ENGLISH, Texts

FIELDS = [field.name for field in dataclasses.fields(Texts)]
SOURCE = "\n".join(file.read_text() for file in Path(bot.__file__).parent.rglob("*.py") if file.parent.name != "texts")
catalogues = pytest.mark.parametrize("texts", CATALOGUES.values(), ids=[str(locale) for locale in CATALOGUES])


def braces(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", FIELDS)
def test_every_text_is_used(key: str) -> None:
    by_name = re.search(rf'texts\.{key}\b|texts_for\([a-z]+\)\.{key}\b|described\("{key}"\)|action = "{key}"', SOURCE)
    assert by_name, f"nothing in bot/ says {key}"


@catalogues
def test_every_text_has_words_and_the_same_braces_as_the_english_one(texts: Texts) -> None:
    for key in FIELDS:
        text = getattr(texts, key)
        assert text.strip(), key
        assert braces(text) == braces(getattr(ENGLISH, key)), key


@catalogues
def test_descriptions_fit_into_discord_s_limit(texts: Texts) -> None:
    for key in FIELDS:
        if key.startswith(("imagine", "ask")):
            assert 1 <= len(getattr(texts, key)) <= 100, key


@catalogues
def test_button_labels_fit_into_discord_s_limit(texts: Texts) -> None:
    for key in re.findall(r'action = "(\w+)"', SOURCE):
        assert 1 <= len(getattr(texts, key)) <= 80, key
