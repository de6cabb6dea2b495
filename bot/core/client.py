"""The bot itself: what it listens to, how it starts, and how it ends."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import discord
from discord import app_commands
from discord.ext import tasks

from bot.app import COMMANDS, ITEMS
from bot.config import Settings, SettingsError, read_token
from bot.core.command_sync import sync
from bot.core.errors import log_bug, report
from bot.core.health import serving_health
from bot.core.metrics import CountedExecutor, Metrics
from bot.core.open_jobs import Deliveries
from bot.core.queue import Turns
from bot.features.ask.messages import Listener
from bot.features.ask.questions import Questions
from bot.features.imagine.drawing import Drawings
from bot.features.reporting import Reporting
from bot.jobs import recovery as interrupted
from bot.jobs.admission import Admission
from bot.jobs.delivery import Wait, plainly
from bot.store.conversations import Conversations
from bot.store.database import Database
from bot.store.jobs import JobRecord, Jobs
from bot.store.reports import Reports
from bot.store.servers import Servers
from bot.store.usage import HOUR, Uses
from model.requests import Executor

log = logging.getLogger(__name__)

# Slash commands and buttons come without any intent. Of messages, Discord shows only those that are meant for the bot.
INTENTS: Final = discord.Intents(guilds=True, guild_messages=True, dm_messages=True)
PERMISSIONS: Final = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    attach_files=True,
    read_message_history=True,  # without it a message can't be answered
)
DECODERS: Final = 2  # handed-in pictures that are decoded at once: each may take hundreds of megabytes
CLOSING_SECONDS: Final = 10.0  # how long deliveries have to tell their members that the bot goes


class Commands(app_commands.CommandTree["JanusBot"]):
    """The slash commands; whatever goes wrong in one is reported to the member."""

    async def on_error(
        self, interaction: discord.Interaction["JanusBot"], error: app_commands.AppCommandError, /
    ) -> None:
        """Report an error."""
        await report(interaction, error)


class JanusBot(discord.AutoShardedClient):
    """Takes requests from Discord to an executor, and brings back what comes out.

    It owns the executor from the start on: `close` ends both.
    """

    def __init__(
        self, settings: Settings, executor: Executor, *, wait: Wait = plainly, shard_count: int | None = None
    ) -> None:
        self.metrics = Metrics(self)
        super().__init__(
            intents=INTENTS,
            shard_count=shard_count,
            allowed_mentions=discord.AllowedMentions.none(),  # nothing that people or the model write calls anybody
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            http_trace=self.metrics.trace(),
        )
        self.settings = settings
        self.executor: Executor = CountedExecutor(executor, self.metrics)
        self.wait = wait
        self.deliveries = Deliveries()
        self.turns = Turns(self, settings.limits.queue)
        self.database = Database(settings.store.folder)
        self.jobs = Jobs(self.database)
        self.conversations = Conversations(self.database)
        self.servers = Servers(self.database)
        self.uses = Uses(self.database)
        self.reports = Reports(self.database)
        self.admission = Admission(self)
        self.drawings = Drawings(self)
        self.questions = Questions(self)
        self.reporting = Reporting(self)
        self.listener = Listener(self)
        self.decoding = asyncio.Semaphore(DECODERS)
        self.since = discord.utils.utcnow()
        self.left_behind: Sequence[JobRecord] = ()  # jobs of an earlier run, whose members are to be told
        self.closing = False
        self.paused = False  # by its owner: what is open goes on, and nothing new is let in
        self.tree = Commands(self)

    async def setup_hook(self) -> None:
        """Get everything ready between the login and the first event."""
        await self.database.open()
        self.left_behind = await self.jobs.interrupt(discord.utils.utcnow())
        for record in self.left_behind:
            await self.uses.take_back(record.id)
        if self.left_behind:
            log.warning("Jobs that an earlier run did not finish: %d", len(self.left_behind))
        self.sweep.start()
        self.add_dynamic_items(*ITEMS)
        for command in COMMANDS:
            self.tree.add_command(command)
        await sync(self)

    async def settings_in(self, guild: int | None) -> Settings:
        """Return the settings that hold in a server, or outside of servers."""
        return (await self.servers.get(guild)).over(self.settings)

    async def on_ready(self) -> None:
        """Say that the bot is there, and tell whom an earlier run left waiting. Discord repeats this event."""
        log.info("Logged in as %s, in %d servers. Invite it with %s", self.user, len(self.guilds), self.invite_link)
        left, self.left_behind = self.left_behind, ()
        await interrupted.tell(self, left)

    async def on_message(self, message: discord.Message) -> None:
        """Answer what is meant for the bot."""
        await self.listener.hear(message)

    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        """Forget what a message showed that is gone."""
        await self.jobs.forget_messages({event.message_id})

    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        """Forget what messages showed that are gone."""
        await self.jobs.forget_messages(event.message_ids)

    @property
    def connected(self) -> bool:
        """Whether Discord's events reach the bot just now, through every shard."""
        return self.is_ready() and not any(shard.is_closed() for shard in self.shards.values())

    @property
    def waiting(self) -> int:
        """How many accepted requests wait for their turn, here or at the model."""
        return self.turns.held + self.executor.status().queued

    @property
    def invite_link(self) -> str:
        """The address that brings the bot to a server, with the permissions it needs. Raises before the login."""
        assert self.application_id is not None
        return discord.utils.oauth_url(self.application_id, permissions=PERMISSIONS)

    async def close(self) -> None:
        """End every job, tell its member, and leave. Safe to repeat."""
        if not self.closing:
            self.closing = True
            self.sweep.cancel()
            try:
                self.turns.close()
                await self.executor.close()
                await self.turns.finish(CLOSING_SECONDS)
            finally:
                await self.database.close()
        await super().close()

    @tasks.loop(hours=24)
    async def sweep(self) -> None:
        """Delete what is older than it shall be kept."""
        try:
            oldest = discord.utils.utcnow() - timedelta(days=self.settings.store.keep_days)
            expired = await self.jobs.expire(oldest)
            await self.reports.expire(oldest)
            await self.uses.expire(discord.utils.utcnow() - HOUR)
            if expired:
                log.info("Old jobs deleted: %d", expired)
        except Exception as error:  # a loop of discord.py ends with what it does not know
            log_bug(error)


async def run_bot(settings: Settings, executor: Executor) -> None:
    """Run the bot until it is cancelled, then close it and the executor.

    Raises SettingsError if there is no token, if Discord does not know it, if the development server does not know the
    bot, or if the port of [health] is taken.
    """
    bot = JanusBot(settings, executor)
    async with bot, serving_health(bot):
        try:
            await bot.start(read_token(settings).get_secret_value())
        except asyncio.CancelledError:
            log.info("Closing")
            raise
        except discord.LoginFailure:
            raise SettingsError(
                "Discord does not know this token. Copy it again from the application's Bot page, or reset it there"
            ) from None


__all__ = ["JanusBot", "run_bot"]
