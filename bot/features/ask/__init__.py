"""/ask: questions about pictures; the menus of a message that has some; and going on from an answer."""

from collections.abc import Sequence
from functools import partial

import discord
from discord import app_commands
from discord.app_commands import Range

from bot.core.client import JanusBot
from bot.core.errors import Refusal
from bot.core.explain import refusable
from bot.core.permissions import check_owner
from bot.features.ask import messages, questions
from bot.features.ask.form import AskForm
from bot.jobs import admission
from bot.jobs.interaction import InteractionTarget
from bot.jobs.rights import Wanted
from bot.media import inputs
from bot.media.inputs import InputFile, pictures_on
from bot.store.records import Origin
from bot.texts import described, texts_for
from bot.ui.buttons import JobButton
from bot.ui.forms import MOST_CHARACTERS, open_form
from model.requests import SEEDS


async def setup(bot: JanusBot) -> None:
    """Add the command, the menus and the button, and listen to messages."""
    bot.tree.add_command(ask)
    bot.tree.add_command(ask_about)
    bot.tree.add_command(describe)
    bot.actions["ask_more"] = ask_more
    bot.revivals["question"] = questions.revive
    bot.add_listener(partial(messages.hear, bot), "on_message")


@app_commands.command(name="ask", description=described("ask"))
@app_commands.describe(
    image=described("ask_image"),
    question=described("ask_question"),
    private=described("ask_private"),
    image_2=described("ask_image_2"),
    image_3=described("ask_image_3"),
    image_4=described("ask_image_4"),
    temperature=described("ask_temperature"),
    word_choice=described("ask_word_choice"),
    seed=described("ask_seed"),
)
@refusable
async def ask(
    interaction: discord.Interaction[JanusBot],
    image: discord.Attachment,
    question: Range[str, 1, MOST_CHARACTERS],
    private: bool | None = None,
    image_2: discord.Attachment | None = None,
    image_3: discord.Attachment | None = None,
    image_4: discord.Attachment | None = None,
    temperature: Range[float, 0, 2] | None = None,
    word_choice: Range[float, 0, 1] | None = None,
    seed: Range[int, 0, SEEDS - 1] | None = None,
) -> None:
    """Answer a question about up to four pictures, in one message that grows with the answer."""
    own = await interaction.client.store.members.get(interaction.user.id)
    target = InteractionTarget(interaction, private=own.private if private is None else private)
    images = [given for given in (image, image_2, image_3, image_4) if given]
    await questions.ask(
        interaction.client, target, images, question, seed=seed, temperature=temperature, top_p=word_choice
    )


@app_commands.context_menu(name=described("menu_ask"))
@refusable
async def ask_about(interaction: discord.Interaction[JanusBot], message: discord.Message) -> None:
    """Ask about the pictures of a message, in a form."""
    texts, pictures = texts_for(interaction), _pictures_on(interaction, message)
    own = await interaction.client.store.members.get(interaction.user.id)
    await admission.foresee(
        interaction.client, InteractionTarget(interaction, private=False), Wanted.answer(len(pictures))
    )

    async def put(interaction: discord.Interaction[JanusBot], form: AskForm) -> None:
        target = InteractionTarget(interaction, private=form.private.value)
        origin = _origin(interaction, message)
        await questions.ask(interaction.client, target, pictures, form.question.value, origin=origin)

    await open_form(interaction, partial(AskForm, texts, put, private=own.private))


@app_commands.context_menu(name=described("menu_describe"))
@refusable
async def describe(interaction: discord.Interaction[JanusBot], message: discord.Message) -> None:
    """Describe the pictures of a message."""
    pictures = _pictures_on(interaction, message)
    own = await interaction.client.store.members.get(interaction.user.id)
    target, origin = InteractionTarget(interaction, private=own.private), _origin(interaction, message)
    await questions.describe(interaction.client, target, pictures, origin)


def _origin(interaction: discord.Interaction[JanusBot], message: discord.Message) -> Origin:
    """Tell who used a menu, and on what: of menus, Discord itself says their name alone."""
    return Origin(interaction.user.id, "menu", link=None if message.flags.ephemeral else message.jump_url)


def _pictures_on(interaction: discord.Interaction[JanusBot], message: discord.Message) -> Sequence[InputFile]:
    """Find what a menu was opened on. Raises Refusal if there is no picture, or none that can be taken."""
    bot, texts = interaction.client, texts_for(interaction)
    pictures = pictures_on(message)
    if not pictures:
        raise Refusal(texts.no_picture_there)
    for picture in pictures[: inputs.MOST_PICTURES]:
        inputs.check(picture, bot.settings.limits, texts)
    return pictures


async def ask_more(interaction: discord.Interaction[JanusBot], button: JobButton) -> None:
    """Go on with a conversation: whoever sees the answer may. What was private stays so."""
    record = await button.record(interaction)
    alone = record.address.private or (interaction.message is not None and interaction.message.flags.ephemeral)
    if record.address.private:
        check_owner(interaction, record.owner)
    await admission.foresee(interaction.client, InteractionTarget(interaction, private=alone), Wanted.answer())
    origin = Origin(interaction.user.id, button.action, link=record.link)

    async def put(interaction: discord.Interaction[JanusBot], form: AskForm) -> None:
        target = InteractionTarget(interaction, private=alone)
        await questions.follow_up(interaction.client, target, record, form.question.value, origin)

    texts = texts_for(interaction)
    await open_form(interaction, partial(AskForm, texts, put, title=texts.ask_more))
