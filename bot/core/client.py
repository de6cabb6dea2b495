"""The client: what every feature shares, how it starts, and how it ends in order.

It stands at the ground and knows no feature: `bot.app` hands them to it, and each adds its commands, the handlers of
its buttons and its listeners.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import discord
from discord import app_commands
from discord.ext import commands, tasks

from bot.config import Settings
from bot.core.cdn import Cdn, Read
from bot.core.command_sync import CommandSync
from bot.core.errors import log_bug
from bot.core.explain import OUTDATED, explain, explained
from bot.core.metrics import Metrics, Reading
from bot.core.open_jobs import OpenJobs
from bot.core.permissions import check_welcome
from bot.core.presses import Presses
from bot.core.queue import JobQueue, Wait, plainly
from bot.core.receipts import Receipts
from bot.core.rest import DiscordTime, listen
from bot.core.unanswered import Unanswered
from bot.store.database import StoreError, outwait
from bot.store.records import JobRecord
from bot.store.store import Store
from bot.texts import Texts
from model.requests import Executor, Kind

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
ENCODERS: Final = max(2, (os.cpu_count() or 1) // 2)  # pictures that are encoded at once, beside all that goes on
CLOSING_SECONDS: Final = 10.0  # how long deliveries have to tell their members that the bot goes

Feature = Callable[["JanusBot"], Awaitable[None]]
"""What a feature's `setup` is: it adds what members can do."""

Action = Callable[[discord.Interaction["JanusBot"], Any], Awaitable[None]]
"""What a button does: it gets the press and the button (`bot.ui.buttons`). May raise Refusal."""

Revival = Callable[["JanusBot", JobRecord, Texts], Awaitable[Any]]
"""Makes what it takes to go on with a job (`bot.jobs.presenter.Revived`) of its record. May raise Refusal."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A form that was refused, to be opened again with all that its member wrote."""

    id: str  # of the interaction that it was refused to
    form: Callable[[], discord.ui.Modal]


class CommandTree(app_commands.CommandTree["JanusBot"]):
    """The slash commands; whatever goes wrong in one is reported to the member."""

    async def on_error(
        self, interaction: discord.Interaction["JanusBot"], error: app_commands.AppCommandError, /
    ) -> None:
        if isinstance(error, OUTDATED):
            interaction.client.command_sync.again()
        await explain(interaction, error)

    async def interaction_check(self, interaction: discord.Interaction["JanusBot"], /) -> bool:
        interaction.client.unanswered.serve(interaction)
        name = interaction.command.name if interaction.command else ""
        return await explained(interaction, check_welcome(interaction, name))


class JanusBot(commands.AutoShardedBot):
    """Takes requests from Discord to an executor, and brings back what comes out.

    It owns the executor from the start on: `close` ends both.
    """

    def __init__(
        self,
        settings: Settings,
        executor: Executor,
        features: Sequence[Feature],
        *,
        wait: Wait = plainly,
        read: Read | None = None,
        shard_count: int | None = None,
    ) -> None:
        self.metrics = Metrics(lambda: Reading(self.connected, self.queue.waiting, self.executor.status()))
        self.time = DiscordTime()
        self.receipts = Receipts(lambda: self.application_id)
        self.unanswered = Unanswered(self.receipts)
        super().__init__(
            command_prefix=commands.when_mentioned,  # there are no such commands: see `on_message`
            help_command=None,
            tree_cls=CommandTree,
            allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
            allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True),
            intents=INTENTS,
            shard_count=shard_count,
            allowed_mentions=discord.AllowedMentions.none(),  # nothing that people or the model write calls anybody
            max_messages=None,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            http_trace=listen(self.metrics.trace(), self.time),
        )
        self.settings = settings
        self.executor = executor
        self.store = Store(settings.store)
        self.queue = JobQueue(executor, settings.limits.queue, self._begin, wait)
        self.open_jobs = OpenJobs()
        self.presses = Presses(settings.limits.member_presses)
        self._cdn = Cdn(self.metrics.trace())
        self.read: Read = read or self._cdn.read
        # Pictures have threads of their own, so that nobody's first answer waits behind them for the event loop's.
        self.decoders = ThreadPoolExecutor(DECODERS, "decoding")
        self.encoders = ThreadPoolExecutor(ENCODERS, "encoding")
        self.actions: dict[str, Action] = {}  # what buttons do, by the name that their custom_id begins with
        self.command_sync = CommandSync(self.tree, settings, lambda: self.invite_link)
        self.only_english_names = False  # of commands: a simulated Discord shows no others
        self.drafts: dict[int, Draft] = {}  # the newest of each member
        self.revivals: dict[Kind, Revival] = {}  # how to go on with a job that an earlier process left
        self.since = discord.utils.utcnow()
        self.closing = False
        self.paused = False  # by its owner: what is open goes on, and nothing new is let in
        self._features = features

    async def setup_hook(self) -> None:
        """Get everything ready between the login and the first event."""
        await self.store.open()
        for setup in self._features:
            await setup(self)
        self._sweep.start()
        await self.command_sync.begin()

    async def connect(self, *, reconnect: bool = True) -> None:
        """Listen to Discord until it is closed: its answers may be lost, and it waits for ours only so long."""
        self.receipts.use()
        self.add_listener(self.unanswered.watch, "on_interaction")
        await super().connect(reconnect=reconnect)

    async def launch_shards(self) -> None:
        """Connect to Discord's gateway. Who wants an end at the moment of the connection is heard all the same.

        `asyncio.wait_for`, of which discord.py makes use, loses a cancellation at that moment (Python 3.11).
        """
        await super().launch_shards()
        task = asyncio.current_task()
        if task and task.cancelling():
            raise asyncio.CancelledError

    async def settings_in(self, guild: int | None, member: int | None = None) -> Settings:
        """Return the settings that hold in a server, or outside of servers, with what a member chose above them."""
        settings = (await self.store.servers.get(guild)).over(self.settings)
        return (await self.store.members.get(member)).over(settings) if member else settings

    def mention(self, command: str, texts: Texts) -> str:
        """Name a command as its readers know it, to be pressed where Discord has told its id."""
        name: str = command if self.only_english_names else getattr(texts, f"name_{command}")
        id = self.command_sync.ids.get(command)
        return f"</{name}:{id}>" if id else f"`/{name}`"

    async def on_ready(self) -> None:
        """Say that the bot is there. Discord repeats this event."""
        log.info("Logged in as %s, in %d servers. Invite it with %s", self.user, len(self.guilds), self.invite_link)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Tell a server its own commands, if it is the one that they are developed on."""
        if guild.id == self.settings.discord.development_guild:
            self.command_sync.again()

    async def on_message(self, message: discord.Message, /) -> None:
        """Look for no commands in messages: what is written to the bot is heard by a feature."""

    @property
    def connected(self) -> bool:
        """Whether Discord's events reach the bot just now, through every shard."""
        return self.is_ready() and not any(shard.is_closed() for shard in self.shards.values())

    @property
    def invite_link(self) -> str:
        """The address that brings the bot to a server, with the permissions it needs. Raises before the login."""
        assert self.application_id is not None
        return discord.utils.oauth_url(self.application_id, permissions=PERMISSIONS)

    async def close(self) -> None:
        """Let nothing new begin, wait a while for what runs, tell the others that it goes on, and leave.

        The next process takes up what is left. Safe to repeat.
        """
        if not self.closing:
            self.closing = True
            self._sweep.cancel()
            self.command_sync.stop()
            try:
                await self._hand_back()
                self.queue.close()
                await self.queue.finish(self.settings.discord.drain_seconds)
                await self.executor.close()
                await self.queue.finish(CLOSING_SECONDS)
                await self._hand_back()
            finally:
                for threads in (self.decoders, self.encoders):
                    threads.shutdown(wait=False, cancel_futures=True)
                await self._cdn.close()
                await self.store.close()
        await super().close()

    async def _hand_back(self) -> None:
        """Leave what runs to the next process, as accepted: whatever happens now is no fault of its own."""
        try:
            await self.store.jobs.hand_back()
        except Exception as error:  # a full disk, or a database that was never opened
            log_bug(error)

    async def _begin(self, job_id: str) -> None:
        """Note that the executor gets a job. A disk that is full stops nobody's drawing."""
        try:
            await self.store.jobs.begin(job_id)
        except StoreError as trouble:
            log.info("That job %s begins could not be noted: %s", job_id, trouble)

    @tasks.loop(hours=24)
    async def _sweep(self) -> None:
        """Delete what is older than it shall be kept."""
        try:
            expired = await outwait(lambda: self.store.expire(self.time.now()))
            if expired:
                log.info("Old jobs deleted: %d", expired)
        except Exception as error:  # a loop of discord.py ends with what it does not know
            log_bug(error)
