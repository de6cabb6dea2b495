"""One member's open requests: where each of them stands, with a button to cancel it."""

import re
from typing import TYPE_CHECKING, Any, Final, Self

import discord
from discord import ui

from bot.core.errors import Refusal
from bot.texts import Texts, texts_for
from bot.ui.buttons import JOB, JobButton, Show, check_owner
from bot.ui.layout import BUSY, ENDED, layout
from bot.ui.pressable import Pressable
from bot.ui.text import one_line

if TYPE_CHECKING:
    from bot.core.client import JanusBot
    from bot.jobs.delivery import Delivery

MOST_SHOWN: Final = 10  # three components each, of the 40 that a message holds
WORDS: Final = 150  # characters of a prompt or question


def queue(bot: "JanusBot", member: int, texts: Texts, cancelled: str = "") -> ui.LayoutView:
    """Show what a member has open. `cancelled`: the job that ends just now."""
    open_ones = bot.deliveries.of(member)
    title: ui.Item[Any] = ui.TextDisplay(f"### {texts.queue_title}")
    if not open_ones:
        return layout(title, ui.TextDisplay(texts.queue_empty), colour=ENDED)
    children = [title]
    children += [_entry(delivery, texts, cancelled) for delivery in open_ones[:MOST_SHOWN]]
    if len(open_ones) > MOST_SHOWN:
        children.append(ui.TextDisplay(texts.queue_more.format(n=len(open_ones) - MOST_SHOWN)))
    return layout(*children, ui.ActionRow(Refresh(texts)), colour=BUSY)


def _entry(delivery: "Delivery", texts: Texts, cancelled: str) -> ui.Item[Any]:
    words = f"**{one_line(delivery.presenter.prompt, WORDS)}**"
    if delivery.job.id == cancelled:
        return ui.TextDisplay(f"{words}\n{texts.cancelled}")
    if delivery.over:
        return ui.Section(
            f"{words}\n{texts.queue_ready.format(show=texts.show)}", accessory=Show(delivery.job.id, texts)
        )
    where = f" · [{texts.queue_look}]({delivery.link})" if delivery.link else ""
    return ui.Section(
        f"{words}\n{delivery.standing_now.line(texts)}{where}", accessory=Withdraw(delivery.job.id, texts)
    )


class Withdraw(JobButton, template=f"withdraw:{JOB}"):
    """Cancels one of the requests that `/queue` shows."""

    action = "withdraw"

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Cancel it, and show the rest."""
        delivery, texts = self.delivery(interaction), texts_for(interaction)
        if delivery is None or delivery.over:
            raise Refusal(texts.already_over)
        check_owner(interaction, delivery.owner.id)
        delivery.cancel()
        view = queue(interaction.client, interaction.user.id, texts, cancelled=self.job_id)
        await interaction.response.edit_message(view=view)


class Refresh(Pressable, template="refresh"):
    """Shows where one's requests stand now."""

    def __init__(self, texts: Texts) -> None:
        super().__init__(ui.Button(label=texts.refresh, custom_id="refresh"))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the button again."""
        return cls(texts_for(interaction))

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Show them."""
        view = queue(interaction.client, interaction.user.id, texts_for(interaction))
        await interaction.response.edit_message(view=view)
