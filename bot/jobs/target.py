"""Where an answer goes: one message, which is kept true to its job."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import discord
from discord import ui

from bot.core.errors import NETWORK, in_short
from bot.media.shown import KeptFile, files_of
from bot.media.uploads import TooLargeError, Upload
from bot.texts import Texts

log = logging.getLogger(__name__)

RETRY_SECONDS: Final = (1.0, 3.0, 9.0)
ADULTS: Final = (discord.TextChannel, discord.VoiceChannel, discord.StageChannel, discord.Thread)  # may be for them
TOO_LARGE_CODE: Final = 40005  # "Request entity too large"


@dataclass(frozen=True, slots=True)
class Parcel:
    """What a message shall show, with the files that go along."""

    view: ui.LayoutView
    files: Sequence[Upload] = ()


class Target(ABC):
    """One message for one job: it answers an interaction (`InteractionTarget`) or a message (`ReplyTarget`)."""

    private: bool = False  # only the asker sees it
    message_id: int | None = None  # of the message, once there is one
    asker: discord.User | discord.Member
    asked: datetime
    guild_id: int | None
    channel_id: int | None
    texts: Texts
    filesize_limit: int  # bytes
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
        """Make the message, or edit it. `files` replace its files, None keeps them. Raises one of NETWORK."""

    @abstractmethod
    async def refuse(self, sentence: str) -> None:
        """Say why nothing comes of it: to the asker alone where that can be."""

    @abstractmethod
    async def _send(self, parcel: Parcel, more: bool) -> None:
        """Show a result, in a message beside the first if it is `more` of it. Raises one of NETWORK."""

    @abstractmethod
    async def _say(self, words: str, mentions: discord.AllowedMentions) -> None:
        """Send a message of its own. Raises one of NETWORK."""

    @property
    def reachable(self) -> bool:
        """Whether a result can be put anywhere without its owner's doing."""
        return self.seconds_left > 0 or self.channel_is_open

    @property
    def age_restricted(self) -> bool:
        """Whether the channel is for adults only. Of one that the bot does not know, nobody can tell."""
        channel = self.channel
        return isinstance(channel, ADULTS) and channel.is_nsfw()

    async def finish(self, parcel: Parcel, *, more: bool = False) -> None:
        """Show the result, in a message beside the first if it is `more` of it.

        Raises TooLargeError, or one of NETWORK when further attempts have failed, too.
        """
        await insist(lambda: self._send(parcel, more))

    async def call(self, line: str) -> None:
        """Call the asker to a message that changed, since an edit calls nobody. Not where only they see it."""
        if self.private:
            return
        try:
            await self._say(f"{self.asker.mention} {line}", self.only_the_asker)
        except NETWORK as error:
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


async def insist(send: Callable[[], Awaitable[None]]) -> None:
    """Send a result, and try again where that fails on the way.

    The pictures are the expensive part, and discord.py itself gives up when the connection breaks in the middle.
    Raises TooLargeError if Discord finds the files too large, and otherwise what the last attempt raised.
    """
    for delay in (*RETRY_SECONDS, None):
        try:
            return await send()
        except NETWORK as error:
            if isinstance(error, discord.HTTPException):
                if error.status == 413 or error.code == TOO_LARGE_CODE:
                    raise TooLargeError(str(error)) from error
                if error.status < 500 and error.status != 429:
                    raise
            if delay is None:
                raise
            log.warning("An upload failed and is tried again in %g s: %s", delay, in_short(error))
            await asyncio.sleep(delay)
    raise AssertionError


def fresh(files: Sequence[Upload] | None) -> Any:
    """Make files to send, or what stands for none given."""
    return discord.utils.MISSING if files is None else [upload.file() for upload in files]
