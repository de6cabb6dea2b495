"""What not everybody may do everywhere on a server: what its managers chose by role and by channel."""

from collections.abc import Set
from dataclasses import dataclass
from typing import Final, Literal, Self

import discord

from bot.config import Imagine, Settings
from bot.core.errors import Refusal
from bot.core.permissions import roles_named
from bot.jobs.target import Target
from bot.store.servers import ServerSettings
from bot.texts import Texts
from model.requests import Drawing

USES: Final = ("draw", "ask", "costly")  # what roles may be chosen for


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request is for, as far as rights go. What is costly is said here, and nowhere else."""

    use: Literal["draw", "ask"]
    costly: bool = False
    hidden: bool = False  # its member wants the pictures hidden

    @classmethod
    def drawing(cls, drawing: Drawing, usual: Imagine, *, hidden: bool) -> Self:
        """Want pictures. To draw more of them than `usual` is costly, whether they are shown or not."""
        return cls("draw", costly=drawing.candidates > usual.candidates, hidden=hidden)

    @classmethod
    def answer(cls, pictures: int = 1) -> Self:
        """Want an answer about so many pictures. Several are costly."""
        return cls("ask", costly=pictures > 1)

    @classmethod
    def enlargement(cls, *, hidden: bool) -> Self:
        """Want a larger picture, which is costly."""
        return cls("draw", costly=True, hidden=hidden)


def check_rights(wanted: Wanted, target: Target, server: ServerSettings, settings: Settings) -> None:
    """Refuse what the server's managers have given to other roles, or to other channels. Raises Refusal."""
    texts = target.texts
    _check_roles(server, target.roles, wanted.use, {"draw": texts.roles_draw, "ask": texts.roles_ask}[wanted.use])
    if wanted.costly:
        usual = server.over(settings).imagine.candidates
        _check_roles(server, target.roles, "costly", texts.roles_costly, usual)
    if wanted.use == "draw":
        _check_channel(wanted, target, server, texts)


def may(server: ServerSettings, roles: Set[int], use: str) -> bool:
    """Tell whether a member with these roles may draw, ask, or use what is costly."""
    allowed = server.roles.get(use)
    return not allowed or not roles.isdisjoint(allowed)


def _check_roles(server: ServerSettings, roles: Set[int], use: str, sentence: str, n: int = 0) -> None:
    if not may(server, roles, use):
        raise Refusal(sentence.format(roles=roles_named(server.roles[use]), n=n))


def _check_channel(wanted: Wanted, target: Target, server: ServerSettings, texts: Texts) -> None:
    here = _places(target)
    if server.channels_denied and not here.isdisjoint(server.channels):
        raise Refusal(texts.not_drawn_here)
    if server.channels and not server.channels_denied and here.isdisjoint(server.channels):
        raise Refusal(texts.drawn_elsewhere.format(channels=", ".join(f"<#{id}>" for id in server.channels)))
    secluded = target.private or server.spoilers  # where all are hidden, that says nothing of one
    if wanted.hidden and server.hidden and server.hidden not in here and not secluded:
        raise Refusal(texts.hidden_elsewhere.format(channel=f"<#{server.hidden}>"))


def _places(target: Target) -> Set[int | None]:
    """Return the ids of the channel, of the one that a thread belongs to, and of their category."""
    channel = target.channel
    if isinstance(channel, discord.Thread):
        category = channel.parent.category_id if channel.parent else None
        return {target.channel_id, channel.parent_id, category}
    return {target.channel_id, getattr(channel, "category_id", None)}
