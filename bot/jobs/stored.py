"""The message of a job that an earlier process took: the way to it is what the store knows."""

import logging
import math
from collections.abc import Callable, Sequence, Set
from datetime import datetime, timedelta
from typing import Any, Final

import discord
from discord import ui

from bot.core.client import JanusBot
from bot.core.rest import CALL_SECONDS, UPLOAD_SECONDS, DiscordError, Fault, calling, in_short, insist
from bot.core.text import CONTENT, cut
from bot.jobs.reply import reply_nonce
from bot.jobs.target import Parcel, Target, clock, fresh
from bot.media.shown import files_of
from bot.media.uploads import Upload
from bot.store.records import JobRecord
from bot.texts import texts_in
from bot.ui.layout import remark

log = logging.getLogger(__name__)

LOOKED_AT: Final = 100  # messages of a channel, for one that may have been sent before the process died
RESULT: Final = {"info", "ask_more"}  # buttons that only a result has
MARGIN: Final = timedelta(seconds=2)  # between this clock and that of Discord's messages


class Original:
    """Stands for the number of an interaction's message in an address. (discord.py would quote a string's sign.)"""

    def __str__(self) -> str:
        return "@original"


ORIGINAL: Final[Any] = Original()


class StoredTarget(Target):
    """It is edited by the interaction's token while that lives, else as any message of the bot's in its channel."""

    def __init__(self, bot: JanusBot, record: JobRecord) -> None:
        address = record.address
        self.bot = bot
        self.job_id = record.id
        self.asker = discord.Object(record.owner)
        self.asked = record.asked
        self.private = address.private
        self.guild_id, self.channel_id, self.message_id = address.guild, address.channel, address.message
        self.token, self.token_ends = address.token, address.token_ends
        self.reply_to = address.reply_to
        self.texts = texts_in(discord.Locale(address.language))
        self.filesize_limit = address.file_bytes
        self._open = address.channel_open
        self._came = clock() - (bot.time.now() - record.asked).total_seconds()
        self._panel: int | None = None  # the message that showed the job on its way, once its result has another
        self._beside = False  # the message is out of reach, and what comes out goes to the channel
        self._made = record.ended if record.state == "made" else None  # what was sent since then may be there already

    @property
    def channel(self) -> discord.PartialMessageable:
        assert self.channel_id
        return self.bot.get_partial_messageable(self.channel_id, guild_id=self.guild_id)

    @property
    def seconds_left(self) -> float:
        if self.reply_to:
            return math.inf
        if self.token is None or self.token_ends is None:
            return 0.0
        return (self.token_ends - self.bot.time.now()).total_seconds()

    @property
    def shares(self) -> int | None:
        return self.channel_id if self.reply_to else None

    @property
    def channel_is_open(self) -> bool:
        return self._open and not self.private

    @property
    def missing(self) -> Sequence[str]:
        return ()  # it was let in

    @property
    def editable(self) -> bool:
        return self.seconds_left > 0 or (self.message_id is not None and self.channel_is_open)

    async def show(self, view: ui.LayoutView, files: Sequence[Upload] | None = None) -> None:
        """Edit the message where it can still be reached. Where it can't, it stays as it is."""
        if self.message_id is None and self.seconds_left <= 0 and self.channel_is_open:
            found = await self._find_panel()
            self.message_id = found.id if found else None
        if not self.editable:
            return
        try:
            await insist(lambda: self._edit(view, files), UPLOAD_SECONDS if files else CALL_SECONDS, patient=False)
        except DiscordError as error:
            lost = error.fault is Fault.EXPIRED or (error.fault is Fault.GONE and self.message_id is None)
            if not lost or self.reply_to:
                raise
            self.token = None  # it holds no longer, or the process died before it had answered

    async def refuse(self, sentence: str) -> bool:
        try:
            await self.close(remark(sentence), f"{self.job_id}-end")
            return True
        except DiscordError as error:
            log.info("A message could not be ended where it is: %s", in_short(error))
            return await self.whisper(sentence)

    async def whisper(self, sentence: str) -> bool:
        try:
            async with calling():
                if self.reply_to:
                    await (await self.bot.create_dm(self.asker)).send(view=remark(sentence))
                elif self.seconds_left > 0:
                    await self._webhook.send(cut(sentence, CONTENT), ephemeral=True, wait=True)
                else:
                    return False
            return True
        except DiscordError as error:
            log.info("Nor could it be said to a member alone: %s", in_short(error))
            return False

    def step_aside(self, fault: Fault) -> bool:
        if self._beside or not (self.reply_to or self.channel_is_open):
            return False
        self._beside = True
        return True

    async def _say(self, words: str, mentions: discord.AllowedMentions) -> None:
        if self.reply_to or self.channel_is_open:
            await self.channel.send(words, allowed_mentions=mentions)

    async def _send(self, parcel: Parcel, more: bool, nonce: str) -> None:
        if self.seconds_left <= 0 or self._beside or (more and self.reply_to):
            sent = await self._send_once(parcel, nonce)
            if not more:
                self._panel = self._panel or self.message_id
                self.message_id = sent
        elif more:
            files = fresh(parcel.files)
            await self._webhook.send(view=parcel.view, files=files, ephemeral=self.private, wait=True)
        else:
            await self._edit(parcel.view, parcel.files)

    # -- the ways -----------------------------------------------------------------------------------------------------

    @property
    def _webhook(self) -> discord.Webhook:
        assert self.token
        assert self.bot.application_id
        data: Any = {"id": self.bot.application_id, "type": discord.WebhookType.application.value, "token": self.token}
        return discord.Webhook.from_state(data, self.bot._connection)  # as an interaction makes its own

    async def _edit(self, view: ui.LayoutView, files: Sequence[Upload] | None) -> None:
        if self.reply_to and self.message_id is None:
            await self._reply(view, files)
        elif self.seconds_left > 0 and not self.reply_to and self._panel is None:
            sent = await self._webhook.edit_message(ORIGINAL, view=view, attachments=self._listed(files))
            self.message_id = sent.id
            self._note(sent)
        else:
            shown_on = self._panel or self.message_id
            assert shown_on
            message = self.channel.get_partial_message(shown_on)
            nobody = discord.AllowedMentions.none()  # an edit without them may call whom its words name
            self._note(await message.edit(view=view, attachments=self._listed(files), allowed_mentions=nobody))

    async def _reply(self, view: ui.LayoutView, files: Sequence[Upload] | None) -> None:
        """Send the reply, or find the one that the process before sent: that is to be edited."""
        assert self.reply_to
        assert self.channel_id
        found = await self._find_panel()
        if found:
            self.message_id = found.id
            await self._edit(view, files)
            return
        to = discord.MessageReference(
            message_id=self.reply_to, channel_id=self.channel_id, guild_id=self.guild_id, fail_if_not_exists=False
        )
        nonce = reply_nonce(self.reply_to)
        sent = await self.channel.send(view=view, files=fresh(files), reference=to, mention_author=False, nonce=nonce)
        self.message_id = sent.id
        self._note(sent)

    async def _send_once(self, parcel: Parcel, nonce: str) -> int:
        """Send a message of its own, unless the process before had done so; return its id.

        Discord knows a nonce for some minutes only.
        """
        wanted = {item.custom_id for item in parcel.view.walk_children() if isinstance(item, ui.Button)}
        if self._made and (found := await self._find(self._made, lambda message: wanted <= _custom_ids(message))):
            return found.id
        files = [upload.file() for upload in parcel.files]
        sent = await self.channel.send(view=parcel.view, files=files, allowed_mentions=self.only_the_asker, nonce=nonce)
        return sent.id

    async def _find_panel(self) -> discord.Message | None:
        """Look for the message that shows the job: it has been sent, and nobody noted its number.

        A reply is the only one; beside an interaction's message, which can still be cancelled, there may be the result.
        """
        return await self._find(self.asked, lambda message: bool(self._actions_on(message) & self._panel_has))

    async def find_result(self, pictures: int) -> int | None:
        """Return the message that shows the whole result already, of so many pictures: nobody had noted that.

        An edit that would be the same once more need not be looked for. Where nobody can look, there is none.
        """
        if self._made is None or self.seconds_left > 0 or not self.channel_is_open:
            return None

        def shows_it(message: discord.Message) -> bool:
            return bool(self._actions_on(message) & RESULT) and len(files_of(message)) >= pictures

        try:
            id = self.message_id
            panel = await insist(lambda: self.channel.fetch_message(id)) if id else None
        except DiscordError as error:
            log.info("Could not look at the message of job %s: %s", self.job_id, in_short(error))
            panel = None
        if panel and shows_it(panel):
            return panel.id
        found = await self._find(self._made, shows_it)
        return found.id if found else None

    @property
    def _panel_has(self) -> Set[str]:
        return {"cancel", *RESULT} if self.reply_to else {"cancel"}

    def _actions_on(self, message: discord.Message) -> Set[str]:
        """Name what the buttons of a message do with the job."""
        named = (custom_id.split(":") for custom_id in _custom_ids(message))
        return {action for action, *rest in named if rest[:1] == [self.job_id]}

    async def _find(self, since: datetime, wanted: Callable[[discord.Message], bool]) -> discord.Message | None:
        """Look for a message that the process before may have sent. Where it can't look, it finds none."""
        try:
            return await insist(lambda: self._first(since, wanted))
        except DiscordError as error:
            log.info("Could not look for what job %s had sent: %s", self.job_id, in_short(error))
            return None

    async def _first(self, since: datetime, wanted: Callable[[discord.Message], bool]) -> discord.Message | None:
        async for message in self.channel.history(after=since - MARGIN, limit=LOOKED_AT):
            if message.author == self.bot.user and message.id != self.message_id and wanted(message):
                return message
        return None


def _custom_ids(message: discord.Message) -> set[str]:
    """Return the custom_ids of all buttons of a message."""

    def found(part: Any) -> set[str]:
        if isinstance(part, list):
            return set().union(*map(found, part))
        if isinstance(part, dict):
            own = {part["custom_id"]} if "custom_id" in part else set()
            return own | found(list(part.values()))
        return set()

    return found([part.to_dict() for part in message.components])
