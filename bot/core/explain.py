"""The one way errors reach members: a refusal in a plain sentence, a bug as a short apology with an id.

What is said here repeats nothing of what was asked for: Discord may have refused these very words.
"""

import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, Final, TypeVar, cast

import discord
from discord import app_commands, ui

from bot.core.errors import Refusal, log_bug
from bot.core.permissions import may_write
from bot.core.rest import NETWORK, DiscordError, Fault, calling, in_short
from bot.core.text import CONTENT, cut
from bot.store.database import BusyError, StoreError
from bot.texts import texts_for
from model.requests import Refused

log = logging.getLogger(__name__)

OUTDATED: Final = (
    app_commands.CommandNotFound,
    app_commands.CommandSignatureMismatch,
)  # commands as another version told them


Command = TypeVar("Command", bound=Callable[..., Coroutine[Any, Any, None]])


def refusable(command: Command) -> Command:
    """Let a command tell its refusals itself: what gets as far as discord.py is a bug to it, and to who counts those.

    It stands next to the function, below discord.py's own decorators.
    """

    @wraps(command)
    async def telling(interaction: discord.Interaction, *given: Any, **options: Any) -> None:
        try:
            await command(interaction, *given, **options)
        except (Refusal, Refused) as refusal:
            await explain(interaction, refusal)

    return cast("Command", telling)


async def explained(interaction: discord.Interaction, check: Awaitable[None]) -> bool:
    """Tell whether a check refuses nothing; what it refuses is told to who pressed or typed."""
    try:
        await check
        return True
    except Refusal as refusal:
        await explain(interaction, refusal)
        return False


async def explain(interaction: discord.Interaction, error: BaseException, *buttons: ui.Item[Any]) -> None:
    """Tell who pressed or typed that it did not work, so that only they see it, and log what is a bug.

    `buttons` stand below a refusal. Where Discord did not take the answer, and will take no private word either, it is
    one plain word in the channel.
    """
    while isinstance(error, app_commands.CommandInvokeError):
        error = error.original
    texts = texts_for(interaction)
    failed = DiscordError(error) if isinstance(error, NETWORK) else error
    if isinstance(failed, Refusal | Refused):
        sentence = str(failed)
    elif isinstance(failed, OUTDATED):
        sentence = texts.outdated
    elif isinstance(failed, StoreError):
        log.warning("The store could not be asked: %s", failed)
        sentence = texts.store_busy if isinstance(failed, BusyError) else texts.store_full
    elif isinstance(failed, DiscordError):
        log.warning("Discord did not take an answer: %s", in_short(failed))
        sentence = texts.filtered if failed.fault is Fault.FILTERED else texts.not_taken
    else:
        sentence = texts.failed.format(id=log_bug(failed))
    try:
        await tell_privately(interaction, sentence, *(buttons if isinstance(failed, Refusal | Refused) else ()))
    except DiscordError as failure:
        log.warning("Could not tell a member what went wrong: %s", in_short(failure))
        if isinstance(failed, DiscordError):
            await _tell_in_channel(interaction, sentence)


async def tell_privately(interaction: discord.Interaction, sentence: str, *buttons: ui.Item[Any]) -> None:
    """Send a sentence that only the asker sees; after a deferred answer, which is private here, as that answer.

    Raises DiscordError.
    """
    sentence = cut(sentence, CONTENT)
    view = ui.View(timeout=None)  # with one, a view that ends would take its buttons' classes out of service
    for button in buttons:
        view.add_item(button)
    below: dict[str, Any] = {"view": view} if buttons else {}
    if not interaction.response.is_done():
        async with calling():
            await interaction.response.send_message(sentence, ephemeral=True, **below)
        return
    if interaction.response.type is discord.InteractionResponseType.deferred_channel_message:
        try:
            async with calling():
                await interaction.edit_original_response(content=sentence, **below)
            return
        except DiscordError as error:  # something else may stand there already
            log.info("A deferred answer could not be given: %s", in_short(error))
    async with calling():
        await interaction.followup.send(sentence, ephemeral=True, **below)


async def _tell_in_channel(interaction: discord.Interaction, sentence: str) -> None:
    """Say it where the member asked, if that was before everybody's eyes and the bot may write there."""
    hidden = interaction.message is not None and interaction.message.flags.ephemeral
    if hidden or getattr(interaction.namespace, "private", False) or not may_write(interaction):
        return
    channel = cast("discord.abc.Messageable", interaction.channel)
    try:
        async with calling():
            await channel.send(
                f"{interaction.user.mention} {sentence}",
                allowed_mentions=discord.AllowedMentions(users=[interaction.user], everyone=False, roles=False),
            )
    except DiscordError as error:
        log.info("Nor could it be said in the channel: %s", in_short(error))
