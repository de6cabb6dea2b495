"""Questions: the one way to ask one, for commands, menus, buttons, forms and messages."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import discord
from discord import ui
from PIL import Image

from bot.core.errors import Refusal, log_bug
from bot.features.ask.answer import Asked, answered, answering
from bot.jobs.delivery import Delivery
from bot.jobs.interaction import Address, Parcel, Post
from bot.media import inputs as intake
from bot.media.inputs import MOST_PICTURES, HandedIn, Intake
from bot.media.uploads import Upload, thumbnail
from bot.store.conversations import KeptPicture
from bot.store.jobs import JobRecord
from bot.texts import Texts
from bot.ui.layout import notice
from bot.ui.panel import Standing
from bot.ui.text import alt_text
from model.requests import Answer, Job, Pictures, Question, new_id

if TYPE_CHECKING:
    from bot.core.client import JanusBot


@dataclass(frozen=True, slots=True)
class AnswerPresenter:
    """A question and its answer, as their message shows them."""

    asked: Asked
    job_id: str
    texts: Texts
    model: str
    notes: Sequence[str] = ()
    pace: float = 1.0
    repeatable: bool = True

    @property
    def prompt(self) -> str:
        """The question."""
        return self.asked.question

    def progress(self, standing: Standing) -> ui.LayoutView:
        """Show what has been said so far."""
        return answering(self.texts, self.asked, standing, self.job_id)

    async def preview(self, pictures: Sequence[Image.Image]) -> Sequence[Upload]:
        """An answer has none."""
        return ()

    @property
    def ready(self) -> str:
        """What to call the asker with."""
        return self.texts.answer_ready

    async def result(self, ending: Answer | Pictures, limit: int, mention: str, done: int) -> Sequence[Parcel]:
        """Show the whole answer."""
        assert isinstance(ending, Answer)
        return [answered(self.texts, self.asked, ending, self.job_id, self.model, self.notes, mention)]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where in a conversation a question stands: after `parent`, or at its beginning."""

    conversation: str
    parent: str | None = None
    begins: bool = False  # its pictures are new, and to be kept
    spoiler: bool = False  # they were hidden where they come from


class Questions:
    """Asks the model about pictures."""

    def __init__(self, bot: "JanusBot") -> None:
        self.bot = bot

    async def wish(
        self,
        guild: int | None,
        words: str,
        *,
        seed: int | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
    ) -> Question:
        """Make a question of words, by the settings of a server where nothing else is said."""
        defaults = (await self.bot.settings_in(guild)).ask
        return Question(
            pictures=(),
            question=words,
            seed=defaults.seed if seed is None else seed,
            temperature=defaults.temperature if temperature is None else temperature,
            top_p=defaults.top_p if top_p is None else top_p,
            max_new_tokens=defaults.max_new_tokens,
        )

    async def ask(self, post: Address, images: Sequence[HandedIn], wish: Question) -> None:
        """Ask `wish` about one image or more, and stay until the answer is delivered.

        Its pictures, owner and id are set here. Of more than MOST_PICTURES images the first ones are taken. Raises
        Refusal, before anything is shown.
        """
        limits, texts = self.bot.settings.limits, post.texts
        await self.bot.admission.check(post, wish.question, texts.question_empty)
        taken = images[:MOST_PICTURES]
        for image in taken:
            intake.check(image, limits, texts)
        question = replace(wish, turns=(), id=new_id())
        notes = [texts.first_pictures.format(n=MOST_PICTURES)] if len(images) > MOST_PICTURES else []
        hidden = (await self.bot.servers.get(post.guild_id)).spoilers or any(image.is_spoiler() for image in taken)
        spot = Spot(question.id, begins=True, spoiler=hidden)
        await self._answer(post, question, partial(self._fetch, taken, texts), spot, notes)

    async def describe(self, post: Address, images: Sequence[HandedIn]) -> None:
        """Have images described, in the same way."""
        words = post.texts.describe_one if len(images) == 1 else post.texts.describe_several
        await self.ask(post, images, await self.wish(post.guild_id, words))

    async def follow_up(self, post: Address, record: JobRecord, words: str) -> None:
        """Go on from an answer: with its pictures, and all that was said before. Raises Refusal as `ask` does."""
        texts = post.texts
        if not isinstance(record.request, Question) or (record.private and not post.private):
            raise Refusal(texts.forgotten)
        if record.state == "accepted":
            raise Refusal(texts.not_answered)
        await self._go_on(post, record, replace(record.request, question=words), record.id)

    async def again(self, interaction: discord.Interaction["JanusBot"], record: JobRecord) -> None:
        """Ask once more what was not answered, on the same message. Raises Refusal as `ask` does."""
        assert isinstance(record.request, Question)
        post = Post(interaction, private=record.private, in_place=True)
        await self._go_on(post, record, record.request, record.parent)

    async def _go_on(self, post: Address, record: JobRecord, wish: Question, parent: str | None) -> None:
        texts, conversations = post.texts, self.bot.conversations
        await self.bot.admission.check(post, wish.question, texts.question_empty)
        kept = await conversations.pictures(record.conversation or "")
        if not kept:
            raise Refusal(texts.picture_gone)
        turns = await conversations.turns(parent)
        spot = Spot(record.conversation or "", parent, spoiler=record.spoiler)
        await self._answer(post, replace(wish, turns=turns, id=new_id()), partial(self._decode, kept, texts), spot)

    # -- what all ways have in common ---------------------------------------------------------------------------------

    async def _answer(
        self,
        post: Address,
        wish: Question,
        take: Callable[[], Awaitable[Sequence[Intake]]],
        spot: Spot,
        notes: Sequence[str] = (),
    ) -> None:
        bot, texts = self.bot, post.texts
        question = replace(wish, question=wish.question.strip(), owner=str(post.asker.id))
        await post.show(notice(question.question, texts.reading_picture))
        try:
            taken = await take()
            asked = await self._shown(question.question, taken, spot)
            job = await self._accept(post, question, taken, spot)
        except Refusal as refusal:
            await post.refuse(str(refusal))
            return
        except Exception as error:  # the message is there already, and must not stay as it is
            await post.show(notice(question.question, texts.failed.format(id=log_bug(error))))
            return
        notes = [*notes, *([texts.first_frame] if spot.begins and any(one.animated for one in taken) else [])]
        presenter = AnswerPresenter(asked, job.id, texts, bot.executor.status().model, notes)
        del taken  # the model has the pictures now, and lets them go before the answer is over
        await Delivery(bot, post, job, presenter).run(asked.pictures)

    async def _accept(self, post: Address, question: Question, taken: Sequence[Intake], spot: Spot) -> Job:
        return await self.bot.admission.accept(
            post,
            replace(question, pictures=tuple(one.picture for one in taken)),
            spoiler=spot.spoiler,
            conversation=spot.conversation,
            parent=spot.parent,
            pictures=[KeptPicture(one.name, one.data) for one in taken] if spot.begins else (),
        )

    async def _shown(self, question: str, taken: Sequence[Intake], spot: Spot) -> Asked:
        names = ["picture"] if len(taken) == 1 else [f"picture-{number}" for number in range(1, len(taken) + 1)]
        small = [
            await asyncio.to_thread(thumbnail, one.picture, name, alt_text(question))
            for one, name in zip(taken, names, strict=True)
        ]
        return Asked(question, small, spot.spoiler)

    async def _fetch(self, images: Sequence[HandedIn], texts: Texts) -> Sequence[Intake]:
        limits = self.bot.settings.limits
        return [await intake.fetch(image, limits, texts, self.bot.decoding) for image in images]

    async def _decode(self, kept: Sequence[KeptPicture], texts: Texts) -> Sequence[Intake]:
        limits = self.bot.settings.limits
        async with self.bot.decoding:
            return [await asyncio.to_thread(intake.decode, one.data, one.name, limits, texts) for one in kept]
