"""Where an answer goes: one message, which is kept true to its job."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import discord
from discord import ui

from bot.core.rest import UPLOAD_SECONDS, DiscordError, Fault, calling, in_short, insist
from bot.media.shown import KeptFile, files_of
from bot.media.uploads import Upload
from bot.store.records import Address
from bot.texts import Texts
from model.requests import new_id

log = logging.getLogger(__name__)

ADULTS: Final = (discord.TextChannel, discord.VoiceChannel, discord.StageChannel, discord.Thread)  # may be for them
HOPELESS: Final = (Fault.TOO_LARGE, Fault.FILTERED)  # another way would change nothing


@dataclass(frozen=True, slots=True)
class Parcel:
    """What a message shall show, with the files that go along."""

    view: ui.LayoutView
    files: Sequence[Upload] = ()


class Target(ABC):
    """One message for one job: it answers an interaction (`InteractionTarget`) or a message (`ReplyTarget`)."""

    private: bool = False  # only the asker sees it
    message_id: int | None = None  # of the message, once there is one
    asker: discord.abc.Snowflake
    asked: datetime
    guild_id: int | None
    channel_id: int | None
    roles: Set[int] = frozenset()  # the asker's, by id
    texts: Texts
    filesize_limit: int  # bytes
    token: str | None = None  # of the interaction that asked
    token_ends: datetime | None = None
    reply_to: int | None = None  # the message that asked
    _came: float  # when the request did, by the loop's clock: the host's may be wrong, and jump
    _kept: Sequence[KeptFile] = ()  # the files of the message, as Discord last told them

    @property
    @abstractmethod
    def channel(self) -> object:
        """The channel, as far as the bot knows it."""

    @property
    @abstractmethod
    def seconds_left(self) -> float:
        """How long the message can still be edited, in seconds; negative when it is over, and it may be infinite."""

    @property
    @abstractmethod
    def shares(self) -> int | None:
        """The channel with whose other messages its edits share a limit; None if it has one of its own."""

    @property
    @abstractmethod
    def channel_is_open(self) -> bool:
        """Whether the result may go to the channel as a message of its own."""

    @property
    @abstractmethod
    def missing(self) -> Sequence[str]:
        """The permissions that the bot lacks to answer with pictures, by their names in discord.py."""

    @abstractmethod
    async def show(self, view: ui.LayoutView, files: Sequence[Upload] | None = None) -> None:
        """Make the message, or edit it. `files` replace its files, None keeps them. Raises DiscordError."""

    @abstractmethod
    async def refuse(self, sentence: str) -> bool:
        """Say why nothing comes of it, to the asker alone where that can be, and tell whether it could be said."""

    @abstractmethod
    async def whisper(self, sentence: str) -> bool:
        """Say something to the asker alone, since nothing can be said where they asked; tells whether that worked."""

    @abstractmethod
    def step_aside(self, fault: Fault) -> bool:
        """Leave a message that is out of reach: results go beside it from now on. False if there is no other way."""

    @abstractmethod
    async def _edit(self, view: ui.LayoutView, files: Sequence[Upload] | None) -> None:
        """Edit the message, which is there. Raises what discord.py does."""

    @abstractmethod
    async def _send(self, parcel: Parcel, more: bool, nonce: str) -> None:
        """Show a result, in a message beside the first if it is `more` of it.

        A message that is sent carries the `nonce`, so that a second attempt makes no second message. Raises what
        discord.py does.
        """

    @abstractmethod
    async def _say(self, words: str, mentions: discord.AllowedMentions) -> None:
        """Send a message of its own. Raises what discord.py does."""

    @property
    def link(self) -> str | None:
        """The address of the message, where others can see it, too."""
        if self.private or self.message_id is None:
            return None
        return f"https://discord.com/channels/{self.guild_id or '@me'}/{self.channel_id}/{self.message_id}"

    @property
    def age(self) -> float:
        """How long ago the request came in, in seconds."""
        return clock() - self._came

    @property
    def address(self) -> Address:
        """What of this has to be written down, so that a later process finds the way, too."""
        return Address(
            guild=self.guild_id,
            channel=self.channel_id,
            message=self.message_id,
            reply_to=self.reply_to,
            private=self.private,
            token=self.token,
            token_ends=self.token_ends,
            channel_open=self.channel_is_open,
            language=str(self.texts.locales[0]),
            file_bytes=self.filesize_limit,
        )

    @property
    def mention(self) -> str:
        """What calls the asker."""
        return f"<@{self.asker.id}>"

    @property
    def editable(self) -> bool:
        """Whether the message can still be changed, as far as it is known."""
        return self.seconds_left > 0

    @property
    def reachable(self) -> bool:
        """Whether a result can be put anywhere without its owner's doing."""
        return self.seconds_left > 0 or self.channel_is_open

    @property
    def age_restricted(self) -> bool:
        """Whether the channel is for adults only. Of one that the bot does not know, nobody can tell."""
        channel = self.channel
        return isinstance(channel, ADULTS) and channel.is_nsfw()

    async def finish(self, parcel: Parcel, nonce: str = "", *, more: bool = False) -> None:
        """Show a result, in a message beside the first if it is `more` of it: on the message, or else beside it.

        Raises DiscordError when further attempts have failed, too, and no way is left. `nonce`: 25 characters at most,
        of this parcel alone, where a message of its own may be sent.
        """
        nonce = nonce or new_id()
        while True:
            try:
                return await insist(lambda: self._send(parcel, more, nonce), UPLOAD_SECONDS)
            except DiscordError as error:
                if error.fault in HOPELESS or not self.step_aside(error.fault):
                    raise
                log.info("A message is out of reach, and its result goes to the channel: %s", in_short(error))

    async def close(self, view: ui.LayoutView, nonce: str) -> None:
        """Leave the message with a last view, or send that beside it. Raises DiscordError, as `finish` does."""
        try:
            if self.editable:
                await insist(lambda: self._edit(view, ()))
                return
        except DiscordError as error:
            if error.fault in HOPELESS:
                raise
        await self.finish(Parcel(view), nonce)

    async def call(self, line: str) -> None:
        """Call the asker to a message that changed, since an edit calls nobody. Not where only they see it."""
        if self.private:
            return
        try:
            async with calling():
                await self._say(f"{self.mention} {line}", self.only_the_asker)
        except DiscordError as error:
            log.info("Could not call a member: %s", in_short(error))

    def _note(self, message: discord.Message) -> None:
        """Take note of what the message is now."""
        self._kept = files_of(message)

    def _listed(self, files: Sequence[Upload] | None) -> Any:
        """List the files of an edit: `files`, or those that are kept, which a view can only show if they are listed."""
        return fresh(files) if files is not None else list(self._kept)

    @property
    def only_the_asker(self) -> discord.AllowedMentions:
        """Whom a message of its own may call."""
        return discord.AllowedMentions(users=[self.asker], everyone=False, roles=False)


def fresh(files: Sequence[Upload] | None) -> Any:
    """Make files to send, or what stands for none given."""
    return discord.utils.MISSING if files is None else [upload.file() for upload in files]


def clock() -> float:
    """Return the seconds of a clock that nobody can set."""
    return asyncio.get_running_loop().time()
