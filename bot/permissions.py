"""Permissions: which of them are missing, in the words of Discord's own settings, and who may do what."""

from collections.abc import Iterable, Sequence

import discord

from bot.texts import Texts


def missing(given: discord.Permissions, needed: Iterable[str]) -> Sequence[str]:
    """Return those that are not given, by their names in discord.py."""
    return [name for name in needed if not getattr(given, name)]


def missing_permissions(names: Iterable[str], texts: Texts) -> str:
    """Say which permissions the bot lacks. `names` are discord.py's, of those that the catalogues know."""
    return texts.lacking.format(names=", ".join(f"**{getattr(texts, name)}**" for name in names))
