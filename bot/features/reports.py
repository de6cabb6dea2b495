"""Reports of pictures: the form, the card in the channel that a server chose, and what moderators do from there."""

import re
from typing import TYPE_CHECKING, Any, Final, Self

import discord
from discord import ui

from bot.core.errors import NETWORK, Refusal
from bot.core.permissions import check_manages
from bot.store.jobs import JobRecord
from bot.texts import Texts, texts_for
from bot.ui.buttons import JOB, JobButton
from bot.ui.forms import Form
from bot.ui.layout import ENDED, layout
from bot.ui.pressable import Pressable
from bot.ui.text import PROMPT_TEXT, one_line, plain

if TYPE_CHECKING:
    from bot.core.client import JanusBot

REASON: Final = 500  # characters


class Report(JobButton, template=f"report:{JOB}"):
    """Opens the form that tells the moderators about a picture."""

    action = "report"

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Open the form."""
        assert interaction.message
        await open_form(interaction, interaction.message)


async def open_form(interaction: discord.Interaction["JanusBot"], message: discord.Message) -> None:
    """Ask what is wrong with a message's pictures. Raises Refusal if there is nothing to report, or nobody to hear."""
    await interaction.client.reporting.check(interaction, message)
    await interaction.response.send_modal(ReportForm(texts_for(interaction), message))


class ReportForm(Form):
    """What is wrong with a picture."""

    def __init__(self, texts: Texts, message: discord.Message) -> None:
        super().__init__(texts.report_title)
        self.message = message
        self.reason = self.ask(
            texts.report_reason, hint=texts.report_reason_hint, most=REASON, long=True, required=False
        )

    async def on_submit(self, interaction: discord.Interaction[Any], /) -> None:
        """Pass it on."""
        await interaction.client.reporting.report(interaction, self.message, self.reason.value)


def card(
    texts: Texts, message: discord.Message, record: JobRecord | None, reporter: int, reason: str, files: list[str]
) -> ui.LayoutView:
    """Show moderators what was reported. `files`: the names of the pictures that go along, which stay hidden."""
    owner = record.owner if record else None
    lines = [
        f"### {texts.report_card}",
        texts.report_by.format(reporter=f"<@{reporter}>", link=message.jump_url),
        *([texts.report_of.format(owner=f"<@{owner}>")] if owner else []),
        *([f"**{one_line(record.words, PROMPT_TEXT)}**"] if record else []),
        *([f">>> {plain(reason, REASON)}"] if reason.strip() else []),
    ]
    children: list[ui.Item[Any]] = [ui.TextDisplay("\n".join(lines))]
    if files:
        children.append(
            ui.MediaGallery(*(discord.MediaGalleryItem(f"attachment://{name}", spoiler=True) for name in files))
        )
    buttons: list[ui.Item[Any]] = [Remove(texts, message.channel.id, message.id)]
    if owner:
        buttons.append(Block(texts, owner))
    return layout(*children, ui.ActionRow(*buttons), colour=ENDED)


class CardButton(Pressable, template="card"):
    """A button of a card. Once it is done, it stays there and says so."""

    async def done(self, interaction: discord.Interaction["JanusBot"], label: str) -> None:
        """Say on the card that it is done."""
        assert interaction.message
        button = self.item
        button.label, button.disabled = label, True
        view = self.view
        assert isinstance(view, ui.LayoutView)
        names = iter(interaction.message.attachments)
        for gallery in (child for child in view.walk_children() if isinstance(child, ui.MediaGallery)):
            gallery.items = [
                discord.MediaGalleryItem(f"attachment://{next(names).filename}", spoiler=True) for _ in gallery.items
            ]
        await interaction.response.edit_message(view=view)


class Remove(CardButton, template=r"remove:(?P<channel>\d+):(?P<message>\d+)"):
    """Deletes what was reported, for those who may manage messages."""

    def __init__(self, texts: Texts, channel: int, message: int) -> None:
        self.channel, self.message = channel, message
        custom_id = f"remove:{channel}:{message}"
        super().__init__(ui.Button(label=texts.remove, style=discord.ButtonStyle.danger, custom_id=custom_id))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the button again."""
        return cls(texts_for(interaction), int(match["channel"]), int(match["message"]))

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Delete it, and forget its job. Raises Refusal."""
        bot, texts = interaction.client, texts_for(interaction)
        if not interaction.permissions.manage_messages:
            raise Refusal(texts.only_moderators)
        try:
            await bot.get_partial_messageable(self.channel).get_partial_message(self.message).delete()
        except discord.NotFound:
            pass  # somebody was quicker
        except NETWORK as error:
            raise Refusal(texts.not_removed) from error
        if record := await bot.jobs.shown_on(self.message):
            await bot.jobs.remove(record.id)
        await self.done(interaction, texts.removed)


class Block(CardButton, template=r"block:(?P<member>\d+)"):
    """Blocks who asked for what was reported, for those who may manage the server."""

    def __init__(self, texts: Texts, member: int) -> None:
        self.member = member
        super().__init__(ui.Button(label=texts.block, custom_id=f"block:{member}"))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the button again."""
        return cls(texts_for(interaction), int(match["member"]))

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Block them. Raises Refusal."""
        guild = check_manages(interaction)
        await interaction.client.servers.block(guild, self.member, interaction.created_at)
        await self.done(interaction, texts_for(interaction).block_done)
