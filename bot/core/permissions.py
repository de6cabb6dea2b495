"""Permissions: who may do what, and which of the bot's own are missing, in the words of Discord's own settings."""

from collections.abc import Iterable, Sequence
from typing import Any

import discord

from bot.core.errors import Refusal
from bot.store.records import JobRecord
from bot.texts import Texts, texts_for


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


def may_write(interaction: discord.Interaction[Any]) -> bool:
    """Tell whether the bot may send messages of its own, with files, to the channel of an interaction."""
    if interaction.channel is None:
        return False
    if interaction.guild_id is None:
        return interaction.context.dm_channel  # not among people who only share a group chat
    is_member = interaction.client.get_guild(interaction.guild_id) is not None  # and not only a member's own app
    may = interaction.app_permissions
    in_thread = isinstance(interaction.channel, discord.Thread)
    return is_member and (may.send_messages_in_threads if in_thread else may.send_messages) and may.attach_files


def manages(interaction: discord.Interaction[Any]) -> bool:
    """Tell whether a member may manage the server in which they pressed or typed."""
    return interaction.guild_id is not None and interaction.permissions.manage_guild


def check_manages(interaction: discord.Interaction[Any]) -> int:
    """Refuse everybody but those who may manage the server, and return its id. Raises Refusal."""
    if not manages(interaction):
        raise Refusal(texts_for(interaction).only_managers)
    assert interaction.guild_id
    return interaction.guild_id


def owns(interaction: discord.Interaction[Any]) -> bool:
    """Tell whether somebody owns the bot: alone, or with a team in which they do more than read."""
    application = interaction.client.application
    assert application  # known since the login
    if application.team is None:
        return bool(interaction.user.id == application.owner.id)
    working = (discord.TeamMemberRole.admin, discord.TeamMemberRole.developer)
    owners = {member.id for member in application.team.members if member.role in working}
    return interaction.user.id in {*owners, application.team.owner_id}


def check_owns(interaction: discord.Interaction[Any]) -> None:
    """Refuse everybody but who owns the bot. Raises Refusal."""
    if not owns(interaction):
        raise Refusal(texts_for(interaction).only_the_owner)


def check_may_act(interaction: discord.Interaction[Any], job: JobRecord) -> None:
    """Let who asked act on a job from anywhere, and others where it stands, if they see it there. Raises Refusal.

    Discord shows its buttons to nobody else, and this does not rest on that.
    """
    stands_here = (job.address.guild, job.address.channel) == (interaction.guild_id, interaction.channel_id)
    if interaction.user.id != job.owner and (job.address.private or not stands_here):
        raise Refusal(texts_for(interaction).forgotten)


def check_may_end(interaction: discord.Interaction[Any], owner: int) -> None:
    """Refuse everybody but who asked and those who may manage messages. Raises Refusal."""
    if interaction.user.id != owner and not interaction.permissions.manage_messages:
        raise Refusal(texts_for(interaction).not_yours)


def check_owner(interaction: discord.Interaction[Any], owner: int) -> None:
    """Refuse everybody but who asked. Raises Refusal."""
    if interaction.user.id != owner:
        raise Refusal(texts_for(interaction).only_the_asker)
