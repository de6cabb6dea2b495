"""The settings of a server: one panel that shows what holds, with a button or a select beside everything."""

import re
from collections.abc import Sequence
from typing import Any, Final, Self

import discord
from discord import ui

from bot.core.client import JanusBot
from bot.core.errors import Refusal
from bot.core.permissions import check_manages, manages, missing, missing_permissions, owns
from bot.core.text import decimal, one_line
from bot.features.settings.forms import GROUPS, labels, titles
from bot.store.servers import ServerSettings
from bot.texts import Texts, texts_for
from bot.ui.buttons import Control, Pressable
from bot.ui.layout import BUSY, layout

Press = discord.Interaction[JanusBot]
Style = discord.ButtonStyle

SHOWN_BLOCKED: Final = 20  # of the 25 that a select holds, so that there is room to block more
NEEDED_FOR_REPORTS: Final = ("view_channel", "send_messages", "attach_files")


async def panel(interaction: Press) -> ui.LayoutView:
    """Show who asks what they may change: their server, and the bot itself if it is theirs."""
    bot, texts, guild = interaction.client, texts_for(interaction), interaction.guild_id
    children: list[ui.Item[Any]] = []
    if guild is not None and manages(interaction):
        name = interaction.guild.name if interaction.guild else ""
        own = await bot.store.servers.get(guild)
        children = [
            ui.TextDisplay(f"### {texts.settings_title.format(server=one_line(name, 100))}\n-# {texts.settings_hint}"),
            *(_numbers(bot, own, group, texts) for group in GROUPS),
            _words(own, texts),
            _switch(texts.set_spoilers, texts.set_spoilers_hint, "spoilers", own.spoilers, texts),
            _switch(texts.set_adults, texts.set_adults_hint, "age_restricted", own.age_restricted, texts),
            ui.TextDisplay(f"**{texts.set_reports}**\n{texts.set_reports_hint}"),
            ui.ActionRow(ReportsSelect(texts, own.reports)),
            *_blocked(await bot.store.servers.blocked(guild), texts),
        ]
    if owns(interaction):
        children += [ui.Separator()] if children else []
        children.append(_bot_itself(bot, texts))
    if not children:
        raise Refusal(texts.only_managers if guild is not None else texts.settings_in_servers)
    return layout(*children, colour=BUSY)


async def show_again(interaction: Press) -> None:
    """Put the panel with what holds now in the place of the old one."""
    await interaction.response.edit_message(view=await panel(interaction))


def _numbers(bot: JanusBot, own: ServerSettings, name: str, texts: Texts) -> ui.Item[Any]:
    """Show numbers that hold here; those that the server chose are bold."""
    group = GROUPS[name]
    chosen, holds = getattr(own, group.section), getattr(own.over(bot.settings), group.section)
    written = {key: decimal(getattr(holds, key), texts) for key in group.keys}
    shown = [f"{labels(texts)[key]} {f'**{value}**' if key in chosen else value}" for key, value in written.items()]
    return ui.Section(f"**{titles(texts)[name]}**\n{' · '.join(shown)}", accessory=_change(name, texts))


def _words(own: ServerSettings, texts: Texts) -> ui.Item[Any]:
    count = texts.set_words_count.format(n=len(own.refused)) if own.refused else texts.set_none
    return ui.Section(f"**{texts.set_words}**\n{count}", accessory=_change("words", texts))


def _switch(title: str, hint: str, name: str, on: bool, texts: Texts) -> ui.Item[Any]:
    state = texts.set_on if on else texts.set_off
    return ui.Section(f"**{title}: {state}**\n{hint}", accessory=_switch_button(name, not on, texts))


def _blocked(members: Sequence[int], texts: Texts) -> Sequence[ui.Item[Any]]:
    more = len(members) - SHOWN_BLOCKED
    line = texts.set_blocked_more.format(n=more) if more > 0 else texts.set_blocked_hint
    return [
        ui.TextDisplay(f"**{texts.set_blocked}**\n{line}"),
        ui.ActionRow(BlockedSelect(texts, members[:SHOWN_BLOCKED])),
    ]


def _bot_itself(bot: JanusBot, texts: Texts) -> ui.Item[Any]:
    """Show its owner whether the bot takes requests, and how many are open."""
    line = (texts.bot_paused if bot.paused else texts.bot_serves).format(n=bot.queue.open)
    return ui.Section(f"**{texts.bot_itself}**\n{line}", accessory=_pause_button(not bot.paused, texts))


def _change(name: str, texts: Texts) -> Control:
    return Control("settings", "change", name, label=texts.set_change)


def _switch_button(name: str, to: bool, texts: Texts) -> Control:
    label, style = (texts.set_turn_on, Style.secondary) if to else (texts.set_turn_off, Style.success)
    return Control("settings", name, "on" if to else "off", label=label, style=style)


def _pause_button(to: bool, texts: Texts) -> Control:
    label, style = (texts.bot_pause, Style.danger) if to else (texts.bot_resume, Style.success)
    return Control("settings", "pause", "on" if to else "off", label=label, style=style)


async def change(interaction: Press, **changes: object) -> None:
    """Keep what a server chose, and show it. Raises Refusal."""
    await interaction.client.store.servers.change(check_manages(interaction), changes)
    await show_again(interaction)


class ReportsSelect(Pressable, template="settings:reports"):
    """Chooses the channel that hears of reported pictures."""

    def __init__(self, texts: Texts, channel: int | None) -> None:
        select: ui.ChannelSelect[Any] = ui.ChannelSelect(
            custom_id="settings:reports",
            channel_types=[discord.ChannelType.text],
            placeholder=texts.set_reports_choose,
            min_values=0,
            default_values=[discord.Object(channel)] if channel else [],
        )
        super().__init__(select)

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(texts_for(interaction), None)

    async def press(self, interaction: Press) -> None:
        """Take the channel, if the bot can write there. Raises Refusal."""
        chosen = next(iter(self.item.values), None)
        channel = interaction.guild.get_channel(chosen.id) if chosen and interaction.guild else None
        if channel is None:
            await change(interaction, reports=None)
            return
        lacking = missing(channel.permissions_for(channel.guild.me), NEEDED_FOR_REPORTS)
        if lacking:
            await show_again(interaction)
            raise Refusal(f"{channel.mention}: {missing_permissions(lacking, texts_for(interaction))}")
        await change(interaction, reports=channel.id)


class BlockedSelect(Pressable, template="settings:blocked"):
    """Blocks who is chosen, and unblocks who no longer is."""

    def __init__(self, texts: Texts, blocked: Sequence[int]) -> None:
        select: ui.UserSelect[Any] = ui.UserSelect(
            custom_id="settings:blocked",
            placeholder=texts.set_blocked_choose,
            min_values=0,
            max_values=25,
            default_values=[discord.Object(member) for member in blocked],
        )
        self.before = set(blocked)
        super().__init__(select)

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the select again, with those that were chosen in it when it was shown."""
        assert isinstance(item, ui.UserSelect)
        return cls(texts_for(interaction), [member.id for member in item.default_values])

    async def press(self, interaction: Press) -> None:
        """Block and unblock."""
        guild, servers = check_manages(interaction), interaction.client.store.servers
        chosen = {member.id for member in self.item.values}
        for member in chosen - self.before:
            await servers.block(guild, member, interaction.created_at)
        for member in self.before - chosen:
            await servers.unblock(guild, member)
        await show_again(interaction)
