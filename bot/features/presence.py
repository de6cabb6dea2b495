"""The line under the bot's name: which model it draws with, and how busy it is."""

import logging
from typing import Final

import discord
from discord.ext import tasks

from bot.core.client import JanusBot
from bot.core.errors import log_bug
from bot.core.rest import NETWORK, in_short
from bot.core.text import cut, model_name
from bot.texts import ENGLISH, Texts, texts_in

log = logging.getLogger(__name__)

SECONDS: Final = 60.0  # between two changes: Discord takes five in twenty seconds, of all that a shard sends
ROOM: Final = 128  # characters of the line

Shown = tuple[str, discord.Status]


async def setup(bot: JanusBot) -> None:
    """Keep the line up to date, where that is wished."""
    if not bot.settings.discord.presence:
        return
    presence = Presence(bot)
    bot.add_listener(presence.begin, "on_ready")
    bot.add_listener(presence.begin_anew, "on_shard_ready")


class Presence:
    """What Discord was told last."""

    def __init__(self, bot: JanusBot) -> None:
        self.bot = bot
        self._shown: Shown | None = None
        self._loop = tasks.loop(seconds=SECONDS)(self.look)

    async def begin(self) -> None:
        """Look now, and then again and again. Discord repeats the event."""
        if not self._loop.is_running():
            self._loop.start()

    async def begin_anew(self, shard: int) -> None:
        """Know that a shard that has logged in again shows nothing."""
        self._shown = None

    async def look(self) -> None:
        """Tell Discord what has changed, if anything has."""
        bot = self.bot
        if bot.closing:
            self._loop.stop()
            return
        now = standing(bot, language_of(bot))
        if now == self._shown or not bot.connected:
            return
        line, status = now
        try:
            await bot.change_presence(activity=discord.CustomActivity(name=line), status=status)
            self._shown = now
        except (*NETWORK, discord.ConnectionClosed) as error:
            log.info("The line under the bot's name could not be changed: %s", in_short(error))
        except Exception as error:  # a loop of discord.py ends with what it does not know
            log_bug(error)


def standing(bot: JanusBot, texts: Texts) -> Shown:
    """Say in one line which model draws, and how busy it is."""
    now, waiting = bot.executor.status(), bot.queue.waiting
    model = model_name(now.model).replace("\\", "")  # there is no markdown there
    if bot.paused:
        return texts.presence_paused, discord.Status.do_not_disturb
    if now.state == "loading":
        return _line(texts.presence_loading.format(model=model)), discord.Status.idle
    if now.state != "ready":
        return texts.presence_failed, discord.Status.do_not_disturb
    if not now.running and not waiting:
        return _line(texts.presence_free.format(model=model)), discord.Status.online
    return _line(texts.presence_busy.format(model=model, running=now.running, queued=waiting)), discord.Status.online


def language_of(bot: JanusBot) -> Texts:
    """Return the language of all the bot's servers, since everybody sees the same line; English if they differ."""
    spoken = [texts_in(guild.preferred_locale) for guild in bot.guilds]
    return spoken[0] if spoken and all(texts is spoken[0] for texts in spoken) else ENGLISH


def _line(words: str) -> str:
    return cut(words, ROOM)
