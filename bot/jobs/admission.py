"""How a request gets in, whichever way it was asked for: may it, then written down, then handed to the model."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import discord

from bot.config import Limits
from bot.core.errors import Refusal, reason_in
from bot.core.permissions import missing_permissions
from bot.core.queue import Place
from bot.jobs.interaction import Address
from bot.jobs.words import refused_word
from bot.media import inputs as intake
from bot.store.conversations import KeptPicture
from bot.store.jobs import Enlargement, JobRecord
from bot.store.servers import ServerSettings
from bot.ui.text import plain
from model.requests import Drawing, Enlarge, Job, Question, Refused

if TYPE_CHECKING:
    from bot.core.client import JanusBot


class Admission:
    """Lets requests in. Every reason to turn one away has its place in `check`."""

    def __init__(self, bot: "JanusBot") -> None:
        self.bot = bot

    async def check(self, post: Address, words: str | None, empty: str = "") -> None:
        """Refuse what can't be taken now, before anything is shown, so that the refusal is private.

        `words` are the member's prompt or question, if there is one; `empty` is what to say to one of no words. From
        here on the current task counts as an open request. Raises Refusal.
        """
        bot, texts = self.bot, post.texts
        if bot.closing:
            raise Refusal(texts.stopping)
        if bot.paused:
            raise Refusal(texts.paused)
        server = await bot.servers.get(post.guild_id)
        await self._check_whereabouts(post, server)
        limits = server.over(bot.settings).limits
        if words is not None:
            intake.check_words(words, empty, limits, texts)
            if word := refused_word(words, server.refused):
                raise Refusal(texts.refused_word.format(word=plain(word)))
        await self._check_hour(post, limits)
        bot.turns.enter(Place(post.asker.id, post.guild_id, limits), texts)

    async def accept(
        self,
        post: Address,
        request: Drawing | Question | Enlarge,
        *,
        source: Enlargement | None = None,
        spoiler: bool = False,
        conversation: str | None = None,
        parent: str | None = None,
        pictures: Sequence[KeptPicture] = (),
    ) -> Job:
        """Write a request down, then hand it to the model. Raises Refusal if the model can't take it.

        `source` says which picture an `Enlarge` is about. A question belongs to a `conversation`, goes on from the
        question `parent`, and brings `pictures` to be kept where it is the first. Only what this returned may be told
        to be accepted.
        """
        kept = source if isinstance(request, Enlarge) else request
        assert kept
        record = JobRecord(
            id=request.id,
            request=kept,
            owner=post.asker.id,
            guild=post.guild_id,
            channel=post.channel_id,
            private=post.private,
            spoiler=spoiler,
            model=self.bot.executor.status().model,
            asked=post.asked,
            conversation=conversation,
            parent=parent,
        )
        await self.bot.jobs.add(record)
        await self.bot.uses.add(record.id, record.owner, record.guild, post.asked)
        try:
            if conversation and pictures:
                await self.bot.conversations.keep(conversation, post.asker.id, pictures)
            return await self.bot.turns.submit(replace(request, owner=str(post.asker.id)))
        except BaseException as error:
            await self.bot.jobs.remove(record.id)
            await self.bot.uses.take_back(record.id)
            if isinstance(error, Refused):
                raise Refusal(reason_in(post.texts, error)) from None
            raise

    async def _check_whereabouts(self, post: Address, server: ServerSettings) -> None:
        """Refuse blocked members, and channels in which the bot can't or shall not answer. Raises Refusal."""
        texts = post.texts
        if await self.bot.servers.is_blocked(post.guild_id, post.asker.id):
            raise Refusal(texts.blocked)
        if server.age_restricted and not post.age_restricted:
            raise Refusal(texts.age_restricted_only)
        if post.missing:
            raise Refusal(missing_permissions(post.missing, texts))

    async def _check_hour(self, post: Address, limits: Limits) -> None:
        """Refuse members and servers that have had what there is for an hour. Raises Refusal."""
        uses, texts, now = self.bot.uses, post.texts, discord.utils.utcnow()
        until = await uses.used_up_until("member", post.asker.id, limits.member_hourly, now)
        if until:
            raise Refusal(texts.member_hour.format(n=limits.member_hourly, when=discord.utils.format_dt(until, "R")))
        if post.guild_id is None:
            return
        until = await uses.used_up_until("guild", post.guild_id, limits.server_hourly, now)
        if until:
            raise Refusal(texts.server_hour.format(n=limits.server_hourly, when=discord.utils.format_dt(until, "R")))
