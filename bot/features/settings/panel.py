"""The settings of a server: one panel that shows what holds, with a button or a select beside everything."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Self

import discord
from discord import ui

from bot.core.errors import Refusal
from bot.core.permissions import check_manages, check_owns, manages, missing, missing_permissions, owns
from bot.features.settings.forms import GROUPS, NumbersForm, WordsForm, labels, titles
from bot.store.servers import ServerSettings
from bot.texts import Texts, texts_for
from bot.ui.layout import BUSY, layout
from bot.ui.pressable import Pressable
from bot.ui.text import one_line

if TYPE_CHECKING:
    from bot.core.client import JanusBot

SHOWN_BLOCKED: Final = 20  # of the 25 that a select holds, so that there is room to block more
NEEDED_FOR_REPORTS: Final = ("view_channel", "send_messages", "attach_files")


async def settings_panel(interaction: discord.Interaction["JanusBot"]) -> ui.LayoutView:
    """Show who asks what they may change: their server, and the bot itself if it is theirs."""
    bot, texts, guild = interaction.client, texts_for(interaction), interaction.guild_id
    children: list[ui.Item[Any]] = []
    if guild is not None and manages(interaction):
        name = interaction.guild.name if interaction.guild else ""
        own = await bot.servers.get(guild)
        children = [
            ui.TextDisplay(f"### {texts.settings_title.format(server=one_line(name, 100))}\n-# {texts.settings_hint}"),
            *(_numbers(bot, own, group, texts) for group in GROUPS),
            _words(own, texts),
            _switch(texts.set_spoilers, texts.set_spoilers_hint, "spoilers", own.spoilers, texts),
            _switch(texts.set_adults, texts.set_adults_hint, "age_restricted", own.age_restricted, texts),
            ui.TextDisplay(f"**{texts.set_reports}**\n{texts.set_reports_hint}"),
            ui.ActionRow(ReportsSelect(texts, own.reports)),
            *_blocked(await bot.servers.blocked(guild), texts),
        ]
    if owns(interaction):
        children += [ui.Separator()] if children else []
        children.append(_bot_itself(bot, texts))
    if not children:
        raise Refusal(texts.only_managers if guild is not None else texts.settings_in_servers)
    return layout(*children, colour=BUSY)


async def show_again(interaction: discord.Interaction["JanusBot"]) -> None:
    """Put the panel with what holds now in the place of the old one."""
    await interaction.response.edit_message(view=await settings_panel(interaction))


def _numbers(bot: "JanusBot", own: ServerSettings, name: str, texts: Texts) -> ui.Item[Any]:
    """Show numbers that hold here; those that the server chose are bold."""
    group = GROUPS[name]
    chosen, holds = getattr(own, group.section), getattr(own.over(bot.settings), group.section)
    shown = [
        f"{labels(texts)[key]} {f'**{getattr(holds, key):g}**' if key in chosen else f'{getattr(holds, key):g}'}"
        for key in group.keys
    ]
    return ui.Section(f"**{titles(texts)[name]}**\n{' · '.join(shown)}", accessory=Change(texts, name))


def _words(own: ServerSettings, texts: Texts) -> ui.Item[Any]:
    count = texts.set_words_count.format(n=len(own.refused)) if own.refused else texts.set_none
    return ui.Section(f"**{texts.set_words}**\n{count}", accessory=Change(texts, "words"))


def _switch(title: str, hint: str, name: str, on: bool, texts: Texts) -> ui.Item[Any]:
    state = texts.set_on if on else texts.set_off
    return ui.Section(f"**{title}: {state}**\n{hint}", accessory=Switch(texts, name, not on))


def _blocked(members: Sequence[int], texts: Texts) -> Sequence[ui.Item[Any]]:
    more = len(members) - SHOWN_BLOCKED
    line = texts.set_blocked_more.format(n=more) if more > 0 else texts.set_blocked_hint
    return [
        ui.TextDisplay(f"**{texts.set_blocked}**\n{line}"),
        ui.ActionRow(BlockedSelect(texts, members[:SHOWN_BLOCKED])),
    ]


def _bot_itself(bot: "JanusBot", texts: Texts) -> ui.Item[Any]:
    """Show its owner whether the bot takes requests, and how many are open."""
    line = (texts.bot_paused if bot.paused else texts.bot_serves).format(n=bot.turns.open)
    return ui.Section(f"**{texts.bot_itself}**\n{line}", accessory=Pause(texts, not bot.paused))


class Control(Pressable, template="settings"):
    """Something on the panel."""

    async def change(self, interaction: discord.Interaction["JanusBot"], **changes: object) -> None:
        """Keep what a server chose, and show it. Raises Refusal."""
        await interaction.client.servers.change(check_manages(interaction), changes)
        await show_again(interaction)


class Change(Control, template=r"settings:change:(?P<name>[a-z]+)"):
    """Opens a form."""

    def __init__(self, texts: Texts, name: str) -> None:
        self.name = name
        super().__init__(ui.Button(label=texts.set_change, custom_id=f"settings:change:{name}"))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the button again."""
        return cls(texts_for(interaction), match["name"])

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Open it."""
        bot, texts = interaction.client, texts_for(interaction)
        own = await bot.servers.get(check_manages(interaction))
        if self.name in GROUPS:
            await interaction.response.send_modal(NumbersForm(texts, self.name, own, bot.settings, show_again))
        else:
            await interaction.response.send_modal(WordsForm(texts, own, show_again))


class Switch(Control, template=r"settings:(?P<name>spoilers|age_restricted):(?P<to>on|off)"):
    """Turns something on or off."""

    def __init__(self, texts: Texts, name: str, to: bool) -> None:
        self.name, self.to = name, to
        style = discord.ButtonStyle.secondary if to else discord.ButtonStyle.success
        label = texts.set_turn_on if to else texts.set_turn_off
        super().__init__(ui.Button(label=label, style=style, custom_id=f"settings:{name}:{'on' if to else 'off'}"))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the button again."""
        return cls(texts_for(interaction), match["name"], match["to"] == "on")

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Turn it."""
        await self.change(interaction, **{self.name: self.to})


class ReportsSelect(Control, template="settings:reports"):
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
        """Make the select again."""
        return cls(texts_for(interaction), None)

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Take the channel, if the bot can write there. Raises Refusal."""
        chosen = next(iter(self.item.values), None)
        channel = interaction.guild.get_channel(chosen.id) if chosen and interaction.guild else None
        if channel is None:
            await self.change(interaction, reports=None)
            return
        lacking = missing(channel.permissions_for(channel.guild.me), NEEDED_FOR_REPORTS)
        if lacking:
            await show_again(interaction)
            raise Refusal(f"{channel.mention}: {missing_permissions(lacking, texts_for(interaction))}")
        await self.change(interaction, reports=channel.id)


class BlockedSelect(Control, template="settings:blocked"):
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

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Block and unblock."""
        guild, servers = check_manages(interaction), interaction.client.servers
        chosen = {member.id for member in self.item.values}
        for member in chosen - self.before:
            await servers.block(guild, member, interaction.created_at)
        for member in self.before - chosen:
            await servers.unblock(guild, member)
        await show_again(interaction)


class Pause(Control, template=r"settings:pause:(?P<to>on|off)"):
    """Lets the bot finish what is open and take nothing new, or take requests again: for its owner."""

    def __init__(self, texts: Texts, to: bool) -> None:
        self.to = to
        style = discord.ButtonStyle.danger if to else discord.ButtonStyle.success
        label = texts.bot_pause if to else texts.bot_resume
        super().__init__(ui.Button(label=label, style=style, custom_id=f"settings:pause:{'on' if to else 'off'}"))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Make the button again."""
        return cls(texts_for(interaction), match["to"] == "on")

    async def press(self, interaction: discord.Interaction["JanusBot"]) -> None:
        """Do so. Raises Refusal."""
        check_owns(interaction)
        interaction.client.paused = self.to
        await show_again(interaction)


CONTROLS: Final = (Change, Switch, ReportsSelect, BlockedSelect, Pause)
