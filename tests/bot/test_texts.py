"""The catalogues: nothing missing, nothing left over, nothing that Discord refuses."""

import ast
import dataclasses
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

import discord
import pytest

import bot
from bot.config import Settings
from bot.core.command_sync import CommandTranslator
from bot.core.text import decimal, many
from bot.features.ask.form import AskForm
from bot.features.imagine.forms import DrawingForm, RemixForm
from bot.features.reports import ReportForm
from bot.features.settings.forms import GROUPS, AvoidForm, ListsForm, NumbersForm, RoleForm, WordsForm
from bot.store.servers import ServerSettings
from bot.texts import CATALOGUES, ENGLISH, Texts, texts_for
from bot.ui.forms import Form
from model.requests import Drawing
from tests.bot.conftest import World

NO_WORDS = ("locales", "many")
FIELDS = [field.name for field in dataclasses.fields(Texts) if field.name not in NO_WORDS]
FILES = [file for file in Path(bot.__file__).parent.rglob("*.py") if file.parent.name != "texts"]
LANGUAGES = {texts.locales[0]: texts for texts in CATALOGUES.values()}
catalogues = pytest.mark.parametrize("texts", LANGUAGES.values(), ids=[str(locale) for locale in LANGUAGES])


def braces(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.fixture
async def commands(world: World) -> list[dict[str, Any]]:
    """All that Discord is told of the commands."""
    return [
        await command.get_translated_payload(world.bot.tree, CommandTranslator())
        for command in world.bot.tree.get_commands()
    ]


@pytest.fixture
def actions(world: World) -> set[str]:
    """All that buttons do."""
    return set(world.bot.actions)


def walk(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, list):
        for child in part:
            yield from walk(child)
    elif isinstance(part, dict):
        yield part
        for child in part.values():
            yield from walk(child)


def called(part: dict[str, Any], locale: discord.Locale, what: str = "name") -> str:
    return str((part.get(f"{what}_localizations") or {}).get(str(locale), ""))


def test_every_text_is_read(actions: set[str]) -> None:
    """By its name on a catalogue, as the description of a command, or as the label of what a button does."""
    read = actions.copy()
    for node in (node for file in FILES for node in ast.walk(ast.parse(file.read_text()))):
        if isinstance(node, ast.Attribute) and "texts" in ast.unparse(node.value):
            read.add(node.attr)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "described":
            read |= {ast.literal_eval(name) for name in node.args}
    assert {key for key in FIELDS if not key.startswith(("name_", "option_"))} <= read


@pytest.mark.parametrize("kind", ["name", "option"])
async def test_every_name_is_that_of_a_command_or_an_option(commands: list[dict[str, Any]], kind: str) -> None:
    there = {part["name"] for part in walk(commands) if "name" in part}
    assert {key.removeprefix(f"{kind}_") for key in FIELDS if key.startswith(f"{kind}_")} <= there


@catalogues
def test_every_text_has_words_and_the_same_braces_as_the_english_one(texts: Texts) -> None:
    for key in FIELDS:
        text = getattr(texts, key)
        assert text == text.strip() != "", key
        assert braces(text) == braces(getattr(ENGLISH, key)), key


@pytest.mark.parametrize("locale", CATALOGUES, ids=str)
async def test_discord_is_told_every_command_in_every_language(
    commands: list[dict[str, Any]], locale: discord.Locale
) -> None:
    for part in walk(commands):
        for what in ("name", "description"):
            if part.get(what):
                assert called(part, locale, what), f"{what} {part[what]!r} is in no catalogue"
                if CATALOGUES[locale] is ENGLISH:
                    assert called(part, locale, what) == part[what]


@pytest.mark.parametrize("locale", CATALOGUES, ids=str)
async def test_what_discord_is_told_stays_inside_its_limits(
    commands: list[dict[str, Any]], locale: discord.Locale
) -> None:
    for command in commands:
        is_menu = command["type"] != discord.AppCommandType.chat_input.value
        parts = [part for part in walk(command) if "name" in part]
        for part in parts:
            name, description = called(part, locale), called(part, locale, "description")
            is_choice = "value" in part
            assert 1 <= len(name) <= (100 if is_choice else 32), name
            assert len(description) <= 100, description
            if not (is_menu or is_choice):
                assert re.fullmatch(r"[-_'\w]+", name), name
                assert name == name.lower(), name
        assert sum(len(called(part, locale)) + len(called(part, locale, "description")) for part in parts) <= 8000


@pytest.mark.parametrize("locale", CATALOGUES, ids=str)
async def test_no_two_things_have_one_name(commands: list[dict[str, Any]], locale: discord.Locale) -> None:
    for siblings in [commands, *(part["options"] for part in walk(commands) if part.get("options"))]:
        names = [called(part, locale) for part in siblings]
        assert len(set(names)) == len(names), names


@catalogues
def test_no_text_names_a_command_by_itself(texts: Texts) -> None:
    """Only Discord knows the id by which one can be pressed."""
    for key in FIELDS:
        assert not re.search(r"(?<![\w<])/\w", getattr(texts, key)), key


@pytest.mark.parametrize("texts", LANGUAGES.values(), ids=[str(locale) for locale in LANGUAGES])
def test_numbers_are_written_as_the_language_does(texts: Texts) -> None:
    comma = texts.locales[0] in (discord.Locale.german, discord.Locale.french)
    assert decimal(2.5, texts) == decimal(2.5001, texts, 1) == ("2,5" if comma else "2.5")
    words = {
        discord.Locale.german: "40 Millionen",
        discord.Locale.french: "40 millions",
        discord.Locale.japanese: "4000万",
    }
    assert many(40_000_000, texts) == words.get(texts.locales[0], "40 million")


@catalogues
async def test_forms_fit_into_discord_s_limit(texts: Texts) -> None:
    put, own = AsyncMock(), ServerSettings()
    forms: list[Form] = [
        AskForm(texts, put, hand_in=True, private=False),
        AskForm(texts, put, title=texts.ask_more),
        DrawingForm(texts, Drawing(prompt="x"), put),
        RemixForm(texts, Drawing(prompt="x"), {"a": "A", "b": "B"}, "a", put),
        ReportForm(texts, Mock()),
        WordsForm(texts, own, put),
        RoleForm(texts, 1, "a role with quite a long name indeed, as some servers have", own, Settings().limits, put),
        ListsForm(texts, own, put),
        AvoidForm(texts.set_avoid, texts.set_avoid_label, texts.set_avoid_hint, "", 1, put),
        AvoidForm(texts.edit_avoid, texts.edit_avoid, texts.defaults_avoid_hint, "", 1, put),
        *(NumbersForm(texts, group, {}, getattr(Settings(), group.section), put) for group in GROUPS.values()),
    ]
    assert {type(form) for form in forms} == set(Form.__subclasses__())
    for form in forms:
        labels = [item for item in form.children if isinstance(item, discord.ui.Label)]
        assert len(labels) == len(form.children) <= 5
        assert all(len(words) <= 45 for words in (form.title, *(label.text for label in labels)))
        assert all(len(label.description or "") <= 100 for label in labels)


@catalogues
def test_button_labels_fit_into_discord_s_limit(texts: Texts, actions: set[str]) -> None:
    labels = [getattr(texts, action) for action in actions if action in FIELDS]
    assert len(labels) > 15
    assert all(1 <= len(label) <= 80 for label in labels)


def test_the_member_s_language_decides_and_english_is_what_is_left() -> None:
    class Interaction:
        def __init__(self, locale: discord.Locale) -> None:
            self.locale = locale

    for locale in discord.Locale:
        assert texts_for(Interaction(locale)) is CATALOGUES.get(locale, ENGLISH)  # type: ignore[arg-type]
