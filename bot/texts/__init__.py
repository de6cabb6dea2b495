"""Everything the bot says: one catalogue a language."""

import discord
from discord import app_commands

from bot.texts.catalogue import Texts
from bot.texts.english import ENGLISH

CATALOGUES: dict[discord.Locale, Texts] = {discord.Locale.american_english: ENGLISH}

__all__ = ["CATALOGUES", "ENGLISH", "Texts", "described", "texts_for"]


def texts_for(interaction: discord.Interaction) -> Texts:
    """Return the catalogue of the member's Discord language; English where there is none."""
    return CATALOGUES.get(interaction.locale, ENGLISH)


def described(key: str) -> app_commands.locale_str:
    """Return a command's text for the command tree: in English, and under the key by which it is translated.

    Raises AttributeError if there is no such text.
    """
    return app_commands.locale_str(getattr(ENGLISH, key), key=key)
