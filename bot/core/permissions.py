"""Permissions: who may do what, and which of the bot's own are missing, in the words of Discord's own settings."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import discord

from bot.core.errors import Refusal
from bot.store.records import JobRecord
from bot.store.servers import ServerSettings
from bot.texts import Texts, texts_for

OWED: Final = ("privacy", "forget", "settings")  # commands and buttons that ask for nothing of whom they serve

# What it takes to keep pictures in a channel: to say how many kept one, the bot looks at its message again.
TO_KEEP: Final = ("view_channel", "read_message_history", "send_messages", "attach_files")


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


def roles_of(user: object) -> frozenset[int]:
    """Return the ids of somebody's roles in a server, with that of everyone's, which is the server's own.

    Where the bot is no member itself, it knows the roles of nobody else, and of these the ids alone.
    """
    return frozenset(user._roles) | {user.guild.id} if isinstance(user, discord.Member) else frozenset()


def roles_named(ids: Iterable[int]) -> str:
    """Name roles as Discord shows them, also those that are gone."""
    return ", ".join(f"<@&{id}>" for id in ids)


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


async def check_may_end(interaction: discord.Interaction[Any], owner: int) -> None:
    """Refuse everybody but who asked and those who moderate. Raises Refusal."""
    if interaction.user.id != owner and not await _moderates(interaction):
        raise Refusal(texts_for(interaction).not_yours)


async def check_moderates(interaction: discord.Interaction[Any]) -> None:
    """Refuse everybody but those who may manage messages, and members with a role that moderates. Raises Refusal."""
    if not await _moderates(interaction):
        texts, roles = texts_for(interaction), await _moderators(interaction)
        named = texts.only_moderators_or.format(roles=roles_named(roles))
        raise Refusal(named if roles else texts.only_moderators)


async def _moderates(interaction: discord.Interaction[Any]) -> bool:
    return interaction.permissions.manage_messages or await moderates_by_role(interaction)


async def moderates_by_role(interaction: discord.Interaction[Any]) -> bool:
    """Tell whether a member has a role that the server made its moderators'."""
    return not roles_of(interaction.user).isdisjoint(await _moderators(interaction))


async def _moderators(interaction: discord.Interaction[Any]) -> Sequence[int]:
    server: ServerSettings = await interaction.client.store.servers.get(interaction.guild_id)
    return server.roles.get("moderate", ())


async def check_welcome(interaction: discord.Interaction[Any], name: str = "") -> None:
    """Refuse whom the server has blocked, whatever they pressed or typed. Raises Refusal.

    `name` is of the command, or what a custom_id begins with. What a member is owed stays open, and what lets managers
    who blocked themselves undo that.
    """
    servers = interaction.client.store.servers
    if name not in OWED and await servers.is_blocked(interaction.guild_id, interaction.user.id):
        raise Refusal(texts_for(interaction).blocked)


def check_owner(interaction: discord.Interaction[Any], owner: int) -> None:
    """Refuse everybody but who asked. Raises Refusal."""
    if interaction.user.id != owner:
        raise Refusal(texts_for(interaction).only_the_asker)
