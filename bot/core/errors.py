"""The one way errors reach people: a refusal in a plain sentence, a bug as a short apology with an id."""

import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import wraps
from typing import Any, Final, TypeVar, cast

import aiohttp
import discord
from discord import app_commands, ui

from bot.core.text import CONTENT, cut
from bot.texts import Texts, texts_for
from model.errors import PlainError
from model.requests import Cause, Failed, Refused, new_id

log = logging.getLogger(__name__)

NETWORK: Final = (discord.HTTPException, aiohttp.ClientError, OSError)  # what a call to Discord may raise


Command = TypeVar("Command", bound=Callable[..., Coroutine[Any, Any, None]])


class Refusal(PlainError):  # noqa: N818 (no fault of the program's)
    """What was asked for can't be done. The message is one sentence, in the language of who asked."""


def reason_in(texts: Texts, refused: Refused | Failed) -> str:
    """Say in a member's language why the model can't take a request; in the model's own words where there are none."""
    sentences: dict[Cause, str] = {
        "prompt": texts.refused_prompt,
        "question": texts.refused_question,
        "conversation": texts.refused_conversation,
        "pictures": texts.refused_pictures,
    }
    return sentences.get(refused.cause, "{reason}").format(limit=refused.limit, reason=refused.reason)


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


async def explain(interaction: discord.Interaction, error: BaseException, *buttons: ui.Item[Any]) -> None:
    """Tell who pressed or typed that it did not work, so that only they see it, and log what is a bug.

    `buttons` stand below a refusal.
    """
    while isinstance(error, app_commands.CommandInvokeError):
        error = error.original
    if isinstance(error, Refusal | Refused):
        sentence = str(error)
    else:
        sentence, buttons = texts_for(interaction).failed.format(id=log_bug(error)), ()
    try:
        await tell_privately(interaction, sentence, *buttons)
    except NETWORK as failure:
        log.warning("Could not tell a member what went wrong: %s", in_short(failure))


def in_short(error: BaseException) -> str:
    """Name an error for the log without its words, which may hold the address of a message and so its token."""
    status, code = getattr(error, "status", None), getattr(error, "code", None)
    numbers = [str(status)] if status is not None else []
    numbers += [f"code {code}"] if code else []
    return " ".join([type(error).__name__, *numbers])


def log_bug(error: BaseException, id: str = "") -> str:
    """Log an error with its traceback under an id, by default a new one, and return that to find it by."""
    bug = id or new_id()
    log.error("Bug %s", bug, exc_info=error)
    return bug


async def tell_privately(interaction: discord.Interaction, sentence: str, *buttons: ui.Item[Any]) -> None:
    """Send a sentence that only the asker sees; after a deferred answer, which is private here, as that answer.

    Raises one of NETWORK.
    """
    sentence = cut(sentence, CONTENT)
    view = ui.View(timeout=None)  # with one, a view that ends would take its buttons' classes out of service
    for button in buttons:
        view.add_item(button)
    below: dict[str, Any] = {"view": view} if buttons else {}
    if not interaction.response.is_done():
        await interaction.response.send_message(sentence, ephemeral=True, **below)
        return
    if interaction.response.type is discord.InteractionResponseType.deferred_channel_message:
        with suppress(discord.HTTPException):  # something else may stand there already
            await interaction.edit_original_response(content=sentence, **below)
            return
    await interaction.followup.send(sentence, ephemeral=True, **below)
