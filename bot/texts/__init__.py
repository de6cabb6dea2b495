"""Everything the bot says: one catalogue a language, each in a file of its own, which is all it takes to add one."""

from importlib import import_module
from pkgutil import iter_modules

import discord
from discord import app_commands

from bot.texts.catalogue import Texts
from bot.texts.english import ENGLISH

CATALOGUES: dict[discord.Locale, Texts] = {
    locale: texts
    for module in iter_modules(__path__)
    for texts in vars(import_module(f"{__name__}.{module.name}")).values()
    if isinstance(texts, Texts)
    for locale in texts.locales
}

__all__ = ["CATALOGUES", "ENGLISH", "Texts", "described", "texts_for", "texts_in", "texts_of_server"]


def texts_for(interaction: discord.Interaction) -> Texts:
    """Return the catalogue of the member's Discord language; English where there is none."""
    return texts_in(interaction.locale)


def texts_in(locale: discord.Locale | None) -> Texts:
    """Return a language's catalogue; English where there is none."""
    return CATALOGUES.get(locale, ENGLISH) if locale else ENGLISH


def texts_of_server(interaction: discord.Interaction) -> Texts:
    """Return the catalogue of the server's language, for what several of its people read."""
    return CATALOGUES.get(interaction.guild_locale or interaction.locale, ENGLISH)


def described(key: str) -> app_commands.locale_str:
    """Return a command's text for the command tree: in English, and under the key by which it is translated.

    Names of commands and of their options need none: see `CommandTranslator`. Raises AttributeError if there is no
    such text.
    """
    return app_commands.locale_str(getattr(ENGLISH, key), key=key)
