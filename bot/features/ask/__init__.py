"""Asking: the command, the menus, messages and conversations."""

from functools import partial

import discord

from bot.core.client import JanusBot
from bot.core.permissions import check_owner
from bot.features.ask import messages, questions
from bot.features.ask.command import ask, ask_about, describe
from bot.features.ask.form import AskForm
from bot.jobs.interaction import InteractionTarget
from bot.texts import texts_for
from bot.ui.buttons import JobButton


async def setup(bot: JanusBot) -> None:
    """Add the command, the menus and the button, and listen to messages."""
    bot.tree.add_command(ask)
    bot.tree.add_command(ask_about)
    bot.tree.add_command(describe)
    bot.actions["ask_more"] = ask_more
    bot.add_listener(partial(messages.hear, bot), "on_message")


async def ask_more(interaction: discord.Interaction[JanusBot], button: JobButton) -> None:
    """Go on with a conversation: whoever sees the answer may. What was private stays so."""
    record = await button.record(interaction)
    alone = record.private or (interaction.message is not None and interaction.message.flags.ephemeral)
    if record.private:
        check_owner(interaction, record.owner)

    async def put(interaction: discord.Interaction[JanusBot], form: AskForm) -> None:
        target = InteractionTarget(interaction, private=alone)
        await questions.follow_up(interaction.client, target, record, form.question.value)

    texts = texts_for(interaction)
    await interaction.response.send_modal(AskForm(texts, put, title=texts.ask_more))
