"""Questions: the one way to ask one, for commands, buttons and forms."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import discord
from discord import ui
from PIL import Image

from bot import intake
from bot.delivery import Delivery
from bot.errors import Refusal, log_bug
from bot.post import Parcel, Post
from bot.texts import Texts
from bot.uploads import Upload, thumbnail
from bot.views.answer import answered, answering
from bot.views.layout import notice
from bot.views.lines import alt_text
from bot.views.panel import Standing
from model.requests import Answer, Pictures, Question, Refused, new_id

if TYPE_CHECKING:
    from bot.client import JanusBot


@dataclass(frozen=True, slots=True)
class AnswerPresenter:
    """A question and its answer, as their message shows them."""

    prompt: str  # the question
    job_id: str
    picture: Upload  # a small copy, so that everybody sees what was asked about
    texts: Texts
    model: str
    notes: Sequence[str] = ()
    pace: float = 1.0
    repeatable: bool = False

    def progress(self, standing: Standing) -> ui.LayoutView:
        """Show what has been said so far."""
        return answering(self.texts, self.prompt, standing, self.job_id, self.picture.name)

    async def preview(self, pictures: Sequence[Image.Image]) -> Sequence[Upload]:
        """An answer has none."""
        return ()

    async def result(self, ending: Answer | Pictures, limit: int, mention: str) -> Parcel:
        """Show the whole answer."""
        assert isinstance(ending, Answer)
        return answered(self.texts, self.prompt, ending, self.model, self.picture, self.notes, mention)


class Questions:
    """Asks the model about pictures."""

    def __init__(self, bot: "JanusBot") -> None:
        self.bot = bot

    async def ask(
        self,
        interaction: discord.Interaction["JanusBot"],
        image: discord.Attachment,
        wish: Question,
        *,
        private: bool = False,
    ) -> None:
        """Ask `wish` about an image for whoever typed or pressed, and stay until the answer is delivered.

        Its pictures, owner and id are set here. Raises Refusal, before anything is shown.
        """
        bot, limits = self.bot, self.bot.settings.limits
        post = Post(interaction, private=private)
        texts, asked = post.texts, wish.question.strip()
        await bot.admission.check(post, wish.question, texts.question_empty)
        intake.check(image, limits, texts)
        await post.show(notice(asked, texts.reading_picture))
        try:
            taken = await intake.fetch(image, limits, texts, bot.decoding)
            small = await asyncio.to_thread(thumbnail, taken.picture, "picture", alt_text(asked))
            question = replace(wish, question=asked, pictures=(taken.picture,), id=new_id(), owner=str(post.asker.id))
            job = await bot.admission.accept(post, question)
        except (Refusal, Refused) as refusal:
            await post.refuse(str(refusal))
            return
        except Exception as error:  # the message is there already, and must not stay as it is
            await post.show(notice(asked, texts.failed.format(id=log_bug(error))))
            return
        notes = [texts.first_frame] if taken.animated else []
        presenter = AnswerPresenter(asked, job.id, small, texts, bot.executor.status().model, notes)
        del taken, question  # the model has the picture now, and lets it go before the answer is over
        await Delivery(bot, post, job, presenter).run([small])
