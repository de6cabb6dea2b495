"""Buttons that outlive the process. A button is a name: what it does, and to what, stands in its custom_id.

There are two: a `JobButton` belongs to a job, a `Control` to none. What a name does is a feature's, which puts it into
the client's `actions`; a select is a name as well, a `Choice`. Names that were once sent stay in people's channels for
good.
"""

import re
from collections.abc import Sequence
from typing import Any, Final, Self

import discord
from discord import ui

from bot.core.client import JanusBot
from bot.core.errors import Refusal
from bot.core.explain import explain
from bot.core.permissions import check_may_act, check_welcome
from bot.store.records import JobRecord
from bot.texts import Texts, texts_for

Style = discord.ButtonStyle
JOB: Final = r"[0-9a-f]{12}"
ID: Final = re.compile(r"[0-9]{1,19}")  # of a channel, a message or a member
PRIMARY: Final = frozenset({"ask_more", "show", "try_again"})  # what its reader most likely wants to press


class Pressable(ui.DynamicItem[Any], template="janus"):
    """Something to press. A subclass names its template and says what `press` does.

    discord.py only logs what a dynamic item's callback raises, and the member sees a dead button; this one reports it.
    """

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Do what it is for, and report what goes wrong."""
        interaction.client.unanswered.serve(interaction)
        try:
            await check_welcome(interaction, self.custom_id.partition(":")[0])
            await self.press(interaction)
        except Exception as error:
            await explain(interaction, error)

    async def press(self, interaction: discord.Interaction[JanusBot]) -> None:
        """Answer the press. May raise Refusal."""
        raise NotImplementedError


class Named(Pressable, template="janus"):
    """A button that is a name. Whatever its custom_id claims to be, nothing but a refusal comes of what it is not."""

    action: str
    job: str = ""  # the id of the job that it belongs to
    picture: int | None = None  # the number of one of the job's pictures, from 0
    arguments: Sequence[str] = ()

    async def press(self, interaction: discord.Interaction[JanusBot]) -> None:
        handler = interaction.client.actions.get(self.action)
        if handler is None:
            raise Refusal(texts_for(interaction).forgotten)
        await handler(interaction, self)

    async def record(self, interaction: discord.Interaction[JanusBot]) -> JobRecord:
        """Look its job up, for those who may act on it here. Raises Refusal, also if it is no longer there."""
        record = await interaction.client.store.jobs.get(self.job)
        if record is None:
            texts, unkept = texts_for(interaction), self.job in interaction.client.store.unkept
            raise Refusal(texts.not_kept if unkept else texts.forgotten)
        check_may_act(interaction, record)
        return record

    def numbers(self, interaction: discord.Interaction[JanusBot], count: int) -> Sequence[int]:
        """Return the arguments, which are so many ids. Raises Refusal if they are not."""
        found = [int(argument) for argument in self.arguments if ID.fullmatch(argument)]
        if len(found) != count or len(self.arguments) != count or max(found) >= 2**63:
            raise Refusal(texts_for(interaction).forgotten)
        return found


class JobButton(Named, template=rf"(?P<action>[a-z_]+):(?P<job>{JOB})(?::(?P<picture>[0-4]))?"):
    """A button that belongs to a job, or to one of its pictures, which count from 0.

    Its label is the text of its action's name, or else `label`. Without either it is only there to be pressed.
    """

    def __init__(
        self,
        action: str,
        job: str,
        picture: int | None = None,
        *,
        texts: Texts | None = None,
        label: str | None = None,
    ) -> None:
        self.action, self.job, self.picture = action, job, picture
        custom_id = f"{action}:{job}" if picture is None else f"{action}:{job}:{picture}"
        if texts:
            label = getattr(texts, action).format(number=1 + (picture or 0))
        style = Style.primary if action in PRIMARY else Style.secondary
        super().__init__(ui.Button(label=label, style=style, custom_id=custom_id))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        picture = match["picture"]
        return cls(match["action"], match["job"], None if picture is None else int(picture))


CHOICE: Final = r"(?P<action>[a-z_]+):(?P<arguments>(?<=settings:)(?:reports|blocked)|pick(?::\w+)+)"
# Whatever is no job's button and no select.
CONTROL: Final = (
    rf"(?!settings:(?:reports|blocked)$)(?P<action>[a-z_]+)(?!:pick:)(?!:{JOB}(?:$|:))(?P<arguments>(?::\w+)*)"
)


class Control(Named, template=CONTROL):
    """A button that belongs to no job. Its arguments are words or numbers."""

    def __init__(
        self, action: str, *arguments: str | int, label: str | None = None, style: Style = Style.secondary
    ) -> None:
        self.action = action
        self.arguments = tuple(map(str, arguments))
        custom_id = ":".join((action, *self.arguments))
        super().__init__(ui.Button(label=label, style=style, custom_id=custom_id))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        assert isinstance(item, ui.Button)
        return cls(match["action"], *match["arguments"].split(":")[1:], label=item.label, style=item.style)


Select = ui.RoleSelect[Any] | ui.ChannelSelect[Any] | ui.UserSelect[Any]


class Choice(Named, template=CHOICE):
    """A select of roles, channels or members. It is a name like a button's; its arguments say what is chosen."""

    item: Select

    def __init__(self, select: Select) -> None:
        self.action, *self.arguments = select.custom_id.split(":")
        super().__init__(select)

    @property
    def chosen(self) -> Sequence[int]:
        """The ids of what is chosen now."""
        return [one.id for one in self.item.values]

    @property
    def shown(self) -> Sequence[int]:
        """The ids of what was chosen when the select was shown."""
        return [one.id for one in self.item.default_values]

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        assert isinstance(item, ui.RoleSelect | ui.ChannelSelect | ui.UserSelect)
        return cls(item)


async def setup(bot: JanusBot) -> None:
    """Let discord.py make buttons and selects again from their custom_ids."""
    bot.add_dynamic_items(JobButton, Control, Choice)
