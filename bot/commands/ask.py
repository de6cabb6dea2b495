"""/ask: questions about a picture."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import discord
from discord import app_commands, ui
from discord.app_commands import Range

from bot import intake
from bot.delivery import Delivery
from bot.errors import Refusal, log_bug
from bot.post import Parcel, Post
from bot.texts import Texts, described, texts_for
from bot.uploads import Upload, thumbnail
from bot.views.answer import answered, answering
from bot.views.lines import alt_text
from bot.views.panel import Standing, notice
from model.requests import SEEDS, Answer, Pictures, Question, Refused

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

    def progress(self, standing: Standing) -> ui.LayoutView:
        """Show what has been said so far."""
        return answering(self.texts, self.prompt, standing, self.job_id, self.picture.name)

    async def result(self, ending: Answer | Pictures, limit: int, mention: str) -> Parcel:
        """Show the whole answer."""
        assert isinstance(ending, Answer)
        return answered(self.texts, self.prompt, ending, self.model, self.picture, self.notes, mention)


@app_commands.command(name="ask", description=described("ask"))
@app_commands.describe(
    image=described("ask_image"),
    question=described("ask_question"),
    seed=described("ask_seed"),
    temperature=described("ask_temperature"),
    top_p=described("ask_top_p"),
    private=described("ask_private"),
)
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
async def ask(
    interaction: discord.Interaction["JanusBot"],
    image: discord.Attachment,
    question: Range[str, 1, intake.MOST_CHARACTERS],
    seed: Range[int, 0, SEEDS - 1] | None = None,
    temperature: Range[float, 0, 2] | None = None,
    top_p: Range[float, 0, 1] | None = None,
    private: bool = False,
) -> None:
    """Answer a question about a picture, in one message that grows with the answer."""
    bot, texts = interaction.client, texts_for(interaction)
    defaults, limits = bot.settings.ask, bot.settings.limits
    bot.deliveries.admit(texts)
    intake.check_words(question, texts.question_empty, limits, texts)
    intake.check(image, limits, texts)
    post = Post(interaction, private=private)
    await post.show(notice(question, texts.reading_picture))
    try:
        taken = await intake.fetch(image, limits, texts, bot.decoding)
        small = await asyncio.to_thread(thumbnail, taken.picture, "picture", alt_text(question))
        request = Question(
            pictures=(taken.picture,),
            question=question.strip(),
            seed=defaults.seed if seed is None else seed,
            temperature=defaults.temperature if temperature is None else temperature,
            top_p=defaults.top_p if top_p is None else top_p,
            max_new_tokens=defaults.max_new_tokens,
            owner=str(interaction.user.id),
        )
        job = await bot.wait(bot.executor.submit(request))
    except (Refusal, Refused) as refusal:
        await post.refuse(str(refusal))
        return
    except Exception as error:  # the message is there already, and must not stay as it is
        await post.show(notice(question, texts.failed.format(id=log_bug(error))))
        return
    notes = [texts.first_frame] if taken.animated else []
    presenter = AnswerPresenter(question.strip(), job.id, small, texts, bot.executor.status().model, notes)
    del taken, request  # the model has the picture now, and lets it go before the answer is over
    await Delivery(bot, post, job, presenter, texts).run([small])
