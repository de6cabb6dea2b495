"""The forms behind the buttons of `/settings`: numbers inside the bounds that config.toml has, and refused words."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import discord
from discord import ui

from bot.config import Limits, Section
from bot.core.choices import NAME
from bot.core.client import JanusBot
from bot.core.errors import Refusal
from bot.core.permissions import check_manages
from bot.core.text import cut, decimal, one_line, well_formed
from bot.jobs.refused_words import can_match
from bot.store.servers import ServerSettings
from bot.texts import Texts, texts_for
from bot.ui.forms import Entry, Form, numbers

Done = Callable[[discord.Interaction[JanusBot]], Awaitable[None]]
Put = Callable[[discord.Interaction[JanusBot], dict[str, float | None]], Awaitable[None]]
"""What is done with numbers by their key; None is for what was left empty. May raise Refusal."""
PutWords = Callable[[discord.Interaction[JanusBot], str], Awaitable[None]]
"""What is done with words, which may be none. May raise Refusal."""

MOST_WORDS_CHARACTERS: Final = 4000  # what one field of a form holds
LABEL: Final = 45  # characters of a field's name
MOST_AVOIDED: Final = 200  # characters: members' own words share the model's room with them


@dataclass(frozen=True, slots=True)
class Group:
    """Numbers of one section of config.toml that are changed together."""

    name: str
    section: str
    keys: Sequence[str]


GROUPS: Final[Mapping[str, Group]] = {
    group.name: group
    for group in (
        Group("drawings", "imagine", ("guidance", "temperature", "count")),
        Group("answers", "ask", ("temperature", "top_p", "max_new_tokens")),
        Group("member", "limits", ("member_running", "member_queued", "member_hourly")),
        Group("server", "limits", ("server_running", "server_queued", "server_hourly")),
    )
}


def labels(texts: Texts) -> Mapping[str, str]:
    """Name every number."""
    return {
        "guidance": texts.set_guidance,
        "temperature": texts.set_temperature,
        "count": texts.set_count,
        "top_p": texts.set_top_p,
        "max_new_tokens": texts.set_tokens,
        "member_running": texts.set_running,
        "member_queued": texts.set_queued,
        "member_hourly": texts.set_hourly,
        "server_running": texts.set_running,
        "server_queued": texts.set_queued,
        "server_hourly": texts.set_hourly,
    }


def titles(texts: Texts) -> Mapping[str, str]:
    """Name every group."""
    return {
        "drawings": texts.set_drawings,
        "answers": texts.set_answers,
        "member": texts.set_member,
        "server": texts.set_server,
    }


class NumbersForm(Form):
    """The numbers of one group. A field that is left empty is as where nobody chose anything."""

    def __init__(self, texts: Texts, group: Group, chosen: Mapping[str, Any], section: Section, put: Put) -> None:
        """`chosen`: what was filled in before; `section` has what holds without; `put` keeps what is filled in now."""
        super().__init__(titles(texts)[group.name])
        self.section, self.put = section, put
        self.fields: dict[str, ui.TextInput[Any]] = {}
        for key in group.keys:
            low, high = bounds(section, key)
            hint = texts.set_hint.format(
                low=decimal(low, texts), high=decimal(high, texts), usual=decimal(getattr(section, key), texts)
            )
            value = decimal(chosen[key], texts) if key in chosen else ""
            self.fields[key] = self.ask(labels(texts)[key], value, hint=hint)

    async def submit(self, interaction: discord.Interaction[JanusBot]) -> None:
        """Have kept what was filled in. Raises Refusal."""
        texts = texts_for(interaction)
        written = {
            key: Entry(labels(texts)[key], field.value, *bounds(self.section, key))
            for key, field in self.fields.items()
            if field.value.strip()
        }
        await self.put(interaction, {**dict.fromkeys(self.fields), **numbers(texts, written)})


def bounds(section: Section, key: str) -> tuple[float, float]:
    """Return a setting's smallest and largest value: whole numbers where only those are allowed."""
    field = type(section).model_fields[key]
    low = next(item.ge for item in field.metadata if hasattr(item, "ge"))
    high = next(item.le for item in field.metadata if hasattr(item, "le"))
    kind = int if field.annotation is int else float
    return kind(low), kind(high)


class RoleForm(Form):
    """How many requests an hour the members with one role have; without one, the role changes nothing."""

    def __init__(self, texts: Texts, role: int, name: str, own: ServerSettings, limits: Limits, done: Done) -> None:
        super().__init__(texts.set_role_hourly)
        self.role, self.limits, self.done = role, limits, done
        low, high = bounds(limits, "member_hourly")
        hint = texts.set_role_hourly_empty.format(low=low, high=high)
        chosen = own.role_hourly.get(str(role), "")
        self.most = self.ask(cut(f"{texts.set_hourly}: {name}", LABEL), str(chosen), hint=hint)

    async def submit(self, interaction: discord.Interaction[JanusBot]) -> None:
        """Keep what was filled in. Raises Refusal."""
        texts, guild = texts_for(interaction), check_manages(interaction)
        entry = Entry(texts.set_hourly, self.most.value, *bounds(self.limits, "member_hourly"))
        most = int(numbers(texts, {"most": entry})["most"]) if self.most.value.strip() else None
        await interaction.client.store.servers.change(guild, {"role_hourly": {str(self.role): most}})
        await self.done(interaction)


class WordsForm(Form):
    """The words and phrases that a server refuses, one a line."""

    def __init__(self, texts: Texts, own: ServerSettings, done: Done) -> None:
        super().__init__(texts.set_words)
        self.done = done
        self.words = self.ask(
            texts.set_words_label,
            "\n".join(own.refused),
            hint=texts.set_words_hint,
            most=MOST_WORDS_CHARACTERS,
            long=True,
            required=False,
        )

    async def submit(self, interaction: discord.Interaction[JanusBot]) -> None:
        """Keep what was filled in, but for what could never be found, and say so. Raises Refusal."""
        guild = check_manages(interaction)
        lines = [" ".join(line.split()) for line in well_formed(self.words.value).splitlines()]
        words = list(dict.fromkeys(filter(None, lines)))
        found = [word for word in words if can_match(word)]
        await interaction.client.store.servers.change(guild, {"refused": found or None})
        await self.done(interaction)
        if never := [one_line(word) for word in words if word not in found]:
            raise Refusal(texts_for(interaction).words_never.format(words=" · ".join(never)))


class AvoidForm(Form):
    """What no picture shall show: of a server, or of one member."""

    def __init__(self, title: str, label: str, hint: str, avoid: str, most: int, put: PutWords) -> None:
        """`most`: how many characters it may have; `put` keeps what is filled in."""
        super().__init__(title)
        self.put = put
        self.avoid = self.ask(label, avoid, hint=hint, most=most, long=True, required=False)

    async def submit(self, interaction: discord.Interaction[JanusBot]) -> None:
        """Have kept what was filled in. Raises Refusal."""
        await self.put(interaction, " ".join(well_formed(self.avoid.value).split()))


class ListsForm(Form):
    """Lists of words that prompts take one from, a list a line."""

    def __init__(self, texts: Texts, own: ServerSettings, done: Done) -> None:
        super().__init__(texts.set_lists)
        self.done = done
        self.lists = self.ask(
            texts.set_lists_label,
            "\n".join(f"{name}: {', '.join(words)}" for name, words in own.lists.items()),
            hint=texts.set_lists_hint,
            most=MOST_WORDS_CHARACTERS,
            long=True,
            required=False,
        )

    async def submit(self, interaction: discord.Interaction[JanusBot]) -> None:
        """Keep what was filled in. Raises Refusal."""
        guild, texts = check_manages(interaction), texts_for(interaction)
        lines = [" ".join(line.split()) for line in well_formed(self.lists.value).splitlines() if line.strip()]
        lists = dict(map(_list, lines))
        if wrong := [one_line(line) for line in lines if not all(_list(line))]:
            raise Refusal(texts.lists_wrong.format(lines=" · ".join(wrong)))
        servers = interaction.client.store.servers
        gone = dict.fromkeys((await servers.get(guild)).lists)
        await servers.change(guild, {"lists": {**gone, **lists}})
        await self.done(interaction)


def _list(line: str) -> tuple[str, Sequence[str]]:
    """Read the name of a list and its words; the name is empty where it is none, and so are words."""
    name, _, words = line.replace("：", ":").partition(":")
    name = name.strip().strip("_").casefold()
    known = name if re.fullmatch(NAME, name) else ""
    return known, list(filter(None, (word.strip() for word in re.split("[,、，]", words))))
