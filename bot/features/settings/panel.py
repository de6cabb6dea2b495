"""The settings of a server: pages that show what holds, with a button or a select beside everything."""

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import discord
from discord import ui

from bot.config import Section
from bot.core.client import JanusBot
from bot.core.errors import Refusal
from bot.core.permissions import check_manages, manages, owns
from bot.core.text import QUOTED, decimal, one_line
from bot.features.settings.forms import GROUPS, Group, labels, titles
from bot.store.servers import ServerSettings
from bot.texts import Texts, texts_for
from bot.ui.buttons import Choice, Control, Select
from bot.ui.layout import BUSY, layout

Press = discord.Interaction[JanusBot]
Style = discord.ButtonStyle

SHOWN_BLOCKED: Final = 20  # of the 25 that a select holds, so that there is room to block more
MOST: Final = 25  # that are chosen in one select
FIRST: Final = "work"  # the page that the panel opens on
WRITABLE: Final = [discord.ChannelType.text]  # channels that get pictures from the bot
DRAWABLE: Final = [
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.voice,
    discord.ChannelType.stage_voice,
    discord.ChannelType.forum,
    discord.ChannelType.category,
]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page is made of."""

    bot: JanusBot
    guild: discord.Guild | None
    own: ServerSettings
    blocked: Sequence[int]
    texts: Texts


async def panel(interaction: Press, page: str = FIRST) -> ui.LayoutView:
    """Show who asks what they may change: their server, and the bot itself if it is theirs."""
    bot, texts, guild = interaction.client, texts_for(interaction), interaction.guild_id
    children: list[ui.Item[Any]] = []
    if guild is not None and manages(interaction):
        servers = bot.store.servers
        shown = Shown(bot, interaction.guild, await servers.get(guild), await servers.blocked(guild), texts)
        name = one_line(interaction.guild.name if interaction.guild else "", 100)
        children = [
            ui.TextDisplay(f"### {texts.settings_title.format(server=name)}"),
            ui.ActionRow(*(_leads_to(other, page, texts) for other in PAGES)),
            *PAGES.get(page, _work)(shown),
        ]
    if owns(interaction) and page == FIRST:
        children += [ui.Separator()] if children else []
        children.append(_bot_itself(bot, texts))
    if not children:
        raise Refusal(texts.only_managers if guild is not None else texts.settings_in_servers)
    return layout(*children, colour=BUSY)


async def show_again(interaction: Press, page: str = FIRST) -> None:
    """Put the panel with what holds now in the place of the old one."""
    await interaction.response.edit_message(view=await panel(interaction, page))


async def change(interaction: Press, page: str = FIRST, **changes: object) -> None:
    """Keep what a server chose, and show it. Raises Refusal."""
    await interaction.client.store.servers.change(check_manages(interaction), changes)
    await show_again(interaction, page)


# -- the pages --------------------------------------------------------------------------------------------------------


def _work(shown: Shown) -> Sequence[ui.Item[Any]]:
    """Show how the bot draws and answers, and how much of it."""
    own, texts = shown.own, shown.texts
    careful = own.over(shown.bot.settings).imagine.careful
    return [
        ui.TextDisplay(f"-# {texts.settings_hint}"),
        *(_numbers(shown, group) for group in GROUPS),
        switch(texts.set_careful, texts.set_careful_hint, careful, texts, "settings", "careful"),
        *_words(own, texts),
        switch(texts.set_spoilers, texts.set_spoilers_hint, own.spoilers, texts, "settings", "spoilers"),
    ]


def _people(shown: Shown) -> Sequence[ui.Item[Any]]:
    """Show who may do what."""
    own, texts = shown.own, shown.texts
    usual = own.over(shown.bot.settings).imagine.candidates
    kinds = {
        "draw": (texts.set_roles_draw, "", texts.set_roles_everyone),
        "ask": (texts.set_roles_ask, "", texts.set_roles_everyone),
        "costly": (texts.set_roles_costly, texts.set_roles_costly_hint.format(n=usual), texts.set_roles_everyone),
        "moderate": (texts.set_roles_moderate, texts.set_roles_moderate_hint, texts.set_roles_choose),
    }
    hourly = " · ".join(f"<@&{role}> {most}" for role, most in own.role_hourly.items())
    return [
        *(part for use, words in kinds.items() for part in _roles(shown, use, *words)),
        _line(texts.set_role_hourly, texts.set_role_hourly_hint, hourly),
        _select(ui.RoleSelect(custom_id="settings:pick:role_hourly", placeholder=texts.set_role_hourly_choose)),
        *_blocked(shown.blocked, texts),
    ]


def _places(shown: Shown) -> Sequence[ui.Item[Any]]:
    """Show what goes where."""
    own, texts = shown.own, shown.texts
    return [
        switch(texts.set_adults, texts.set_adults_hint, own.age_restricted, texts, "settings", "age_restricted"),
        _allowed(shown),
        _channels(shown, "settings:pick:channels", texts.set_channels_choose, own.channels, DRAWABLE, MOST),
        _line(texts.set_hidden, texts.set_hidden_hint, _gone(shown, [own.hidden] if own.hidden else [])),
        _channel(shown, "settings:pick:hidden", own.hidden, texts.set_channel_choose),
        _line(texts.set_kept, texts.set_kept_hint),
        _channel(shown, "settings:pick:kept", own.kept, texts.set_channel_choose),
        _line(texts.set_reports, texts.set_reports_hint),
        _channel(shown, "settings:reports", own.reports, texts.set_reports_choose),
    ]


PAGES: Final[Mapping[str, Callable[[Shown], Sequence[ui.Item[Any]]]]] = {
    FIRST: _work,
    "people": _people,
    "places": _places,
}


def _leads_to(page: str, now: str, texts: Texts) -> Control:
    label = {FIRST: texts.set_page_work, "people": texts.set_page_people, "places": texts.set_page_places}[page]
    return Control("settings", "page", page, label=label, style=Style.primary if page == now else Style.secondary)


# -- what is on them --------------------------------------------------------------------------------------------------


def _line(title: str, *lines: str) -> ui.TextDisplay[Any]:
    return ui.TextDisplay("\n".join([f"**{title}**", *filter(None, lines)]))


def _numbers(shown: Shown, name: str) -> ui.Item[Any]:
    group, own, texts = GROUPS[name], shown.own, shown.texts
    chosen, holds = getattr(own, group.section), getattr(own.over(shown.bot.settings), group.section)
    line = numbers_shown(titles(texts)[name], group, chosen, holds, texts)
    return ui.Section(line, accessory=_change(name, texts))


def numbers_shown(title: str, group: Group, chosen: Container[str], holds: Section, texts: Texts) -> str:
    """Write the numbers of a group that hold; those that were chosen are bold."""
    written = {key: decimal(getattr(holds, key), texts) for key in group.keys}
    numbers = [f"{labels(texts)[key]} {f'**{value}**' if key in chosen else value}" for key, value in written.items()]
    return f"**{title}**\n{' · '.join(numbers)}"


def _words(own: ServerSettings, texts: Texts) -> Sequence[ui.Item[Any]]:
    count = texts.set_words_count.format(n=len(own.refused)) if own.refused else texts.set_none
    avoided = one_line(own.avoid, QUOTED) if own.avoid else texts.set_none
    lists = " · ".join(f"{one_line(name)} ({len(words)})" for name, words in own.lists.items()) or texts.set_none
    return [
        ui.Section(_line(texts.set_words, count), accessory=_change("words", texts)),
        ui.Section(_line(texts.set_avoid, avoided), accessory=_change("avoid", texts)),
        ui.Section(_line(texts.set_lists, lists), accessory=_change("lists", texts)),
    ]


def switch(title: str, hint: str, on: bool, texts: Texts, *name: str) -> ui.Item[Any]:
    """Show something that is on or off, with the button called `name` that turns it."""
    label = texts.set_turn_off if on else texts.set_turn_on
    state = texts.set_on if on else texts.set_off
    return ui.Section(_line(f"{title}: {state}", hint), accessory=_turn(*name, to=not on, label=label))


def _turn(*name: str, to: bool, label: str) -> Control:
    return Control(*name, "on" if to else "off", label=label, style=Style.secondary if to else Style.success)


def _roles(shown: Shown, use: str, title: str, hint: str, empty: str) -> Sequence[ui.Item[Any]]:
    """Show the roles that were chosen for a use. Those that are gone can't be shown, and are told."""
    guild, chosen = shown.guild, shown.own.roles.get(use, ())
    there = [role for role in chosen if guild and guild.get_role(role)]
    gone = len(chosen) - len(there)
    told = shown.texts.set_roles_gone.format(n=gone) if gone else ""
    select: ui.RoleSelect[Any] = ui.RoleSelect(
        custom_id=f"settings:pick:roles:{use}",
        placeholder=empty,
        min_values=0,
        max_values=MOST,
        default_values=[discord.Object(role) for role in there],
    )
    return [_line(title, hint, told), _select(select)]


def _allowed(shown: Shown) -> ui.Item[Any]:
    """Say whether the channels that were chosen are those where drawing is allowed, or those where it is not."""
    own, texts = shown.own, shown.texts
    if not own.channels:
        return _line(texts.set_channels)
    modes = {False: texts.set_channels_only, True: texts.set_channels_but}
    turn = _turn("settings", "channels_denied", to=not own.channels_denied, label=modes[not own.channels_denied])
    line = _line(texts.set_channels, modes[own.channels_denied], _gone(shown, own.channels))
    return ui.Section(line, accessory=turn)


def _channel(shown: Shown, custom_id: str, channel: int | None, empty: str) -> ui.ActionRow[Any]:
    return _channels(shown, custom_id, empty, [channel] if channel else [], WRITABLE, 1)


def _channels(
    shown: Shown,
    custom_id: str,
    empty: str,
    channels: Sequence[int],
    kinds: Sequence[discord.ChannelType],
    most: int,
) -> ui.ActionRow[Any]:
    select: ui.ChannelSelect[Any] = ui.ChannelSelect(
        custom_id=custom_id,
        channel_types=list(kinds),
        placeholder=empty,
        min_values=0,
        max_values=most,
        default_values=[discord.Object(channel) for channel in channels if _is_there(shown, channel)],
    )
    return _select(select)


def _is_there(shown: Shown, channel: int) -> bool:
    return shown.guild is not None and shown.guild.get_channel(channel) is not None


def _gone(shown: Shown, channels: Sequence[int]) -> str:
    """Say how many of the channels that were chosen are gone: they hold for nobody, and the select can't show them."""
    gone = sum(not _is_there(shown, channel) for channel in channels)
    return shown.texts.set_channels_gone.format(n=gone) if gone else ""


def _blocked(members: Sequence[int], texts: Texts) -> Sequence[ui.Item[Any]]:
    more = len(members) - SHOWN_BLOCKED
    line = texts.set_blocked_more.format(n=more) if more > 0 else texts.set_blocked_hint
    select: ui.UserSelect[Any] = ui.UserSelect(
        custom_id="settings:blocked",
        placeholder=texts.set_blocked_choose,
        min_values=0,
        max_values=MOST,
        default_values=[discord.Object(member) for member in members[:SHOWN_BLOCKED]],
    )
    return [_line(texts.set_blocked, line), _select(select)]


def _select(select: Select) -> ui.ActionRow[Any]:
    return ui.ActionRow(Choice(select))


def _bot_itself(bot: JanusBot, texts: Texts) -> ui.Item[Any]:
    """Show its owner whether the bot takes requests, and how many are open."""
    line = (texts.bot_paused if bot.paused else texts.bot_serves).format(n=bot.queue.open)
    return ui.Section(_line(texts.bot_itself, line), accessory=_pause_button(not bot.paused, texts))


def _change(name: str, texts: Texts) -> Control:
    return Control("settings", "change", name, label=texts.set_change)


def _pause_button(to: bool, texts: Texts) -> Control:
    label, style = (texts.bot_pause, Style.danger) if to else (texts.bot_resume, Style.success)
    return Control("settings", "pause", "on" if to else "off", label=label, style=style)
