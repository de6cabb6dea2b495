"""Permissions: which of them are missing, in the words of Discord's own settings."""

from collections.abc import Iterable, Sequence

import discord

from bot.texts import Texts


def missing(given: discord.Permissions, needed: Iterable[str]) -> Sequence[str]:
    """Return those that are not given, by their names in discord.py."""
    return [name for name in needed if not getattr(given, name)]


def missing_permissions(names: Iterable[str], texts: Texts) -> str:
    """Say which permissions the bot lacks. `names` are discord.py's; of those below, the sentence has Discord's."""
    known = {
        "view_channel": texts.view_channel,
        "send_messages": texts.send_messages,
        "send_messages_in_threads": texts.send_messages_in_threads,
        "attach_files": texts.attach_files,
        "read_message_history": texts.read_message_history,
    }
    return texts.lacking.format(names=", ".join(f"**{known[name]}**" for name in names))
