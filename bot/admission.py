"""How a request gets in, whichever way it was asked for: may it, then written down, then handed to the model."""

from dataclasses import replace
from typing import TYPE_CHECKING

from bot import intake
from bot.errors import Refusal
from bot.post import Post
from bot.store.jobs import Enlargement, JobRecord
from model.requests import Drawing, Enlarge, Job, Question

if TYPE_CHECKING:
    from bot.client import JanusBot


class Admission:
    """Lets requests in. Every reason to turn one away has its place in `check`."""

    def __init__(self, bot: "JanusBot") -> None:
        self.bot = bot

    async def check(self, post: Post, words: str | None, empty: str = "") -> None:
        """Refuse what can't be taken now, before anything is shown, so that the refusal is private.

        `words` are the member's prompt or question, if there is one; `empty` is what to say to one of no words. From
        here on the current task counts as an open request. Raises Refusal.
        """
        if self.bot.closing:
            raise Refusal(post.texts.stopping)
        self.bot.deliveries.admit(post.texts)
        if words is not None:
            intake.check_words(words, empty, self.bot.settings.limits, post.texts)

    async def accept(
        self,
        post: Post,
        request: Drawing | Question | Enlarge,
        *,
        source: Enlargement | None = None,
        spoiler: bool = False,
    ) -> Job:
        """Write a request down, then hand it to the model. Raises Refused if the model can't take it.

        `source` says which picture an `Enlarge` is about. Only what this returned may be told to be accepted.
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
        )
        await self.bot.jobs.add(record)
        try:
            return await self.bot.wait(self.bot.executor.submit(replace(request, owner=str(post.asker.id))))
        except BaseException:
            await self.bot.jobs.remove(request.id)
            raise
